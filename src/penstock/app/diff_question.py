"""What `diff` is asked: what is to be compared, as it was written, which rows of it, and every way to ask wrongly."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from penstock.model.findings import Finding
from penstock.model.intervals import Grain, Interval, parse_moment, stamp

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

_PERIOD = re.compile(r"(\d{4})(?:-(\d\d)(?:-(\d\d)(?:T(\d\d))?)?)?")


class Described(StrEnum):
    """Of which columns the distributions are looked at."""

    MOVED = "moved"
    ALL = "all"
    NONE = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What is to be compared, as it was written: `old` and `new` name environments, or versions as `DATASET@VERSION`.

    `interval` is looked at, `against` is what it is held against; without `against`, and by `since` and `until`, both
    sides are narrowed. `examples` is how many are shown of each kind; `exercise` says whether to look what went through
    the places in which queries differ.
    """

    old: str | None = None
    new: str | None = None
    datasets: tuple[str, ...] = ()
    since: str | None = None
    until: str | None = None
    interval: str | None = None
    against: str | None = None
    key: tuple[str, ...] = ()
    described: Described = Described.MOVED
    examples: int = 3
    exercise: bool = True


@dataclass(frozen=True, slots=True)
class Windows:
    """The intervals that the old and the new side are narrowed to, if any."""

    old: Interval | None = None
    new: Interval | None = None

    @property
    def differ(self) -> bool:
        """Whether two intervals are held against each other."""
        return self.old != self.new


def windows(wanted: Wanted, mistakes: list[Finding]) -> Windows:
    """Which rows of each side are looked at; what cannot be read is added to `mistakes`."""
    if wanted.interval is None:
        if wanted.against is not None:
            mistakes.append(_against_alone(wanted.against))
        return _between(wanted, mistakes)
    for name, text in (("--since", wanted.since), ("--until", wanted.until)):
        if text is not None:
            mistakes.append(_both_ways(name))
    new = _period(wanted.interval, "--interval", mistakes)
    old = new if wanted.against is None else _period(wanted.against, "--against", mistakes)
    return Windows(old=old, new=new)


def _between(wanted: Wanted, mistakes: list[Finding]) -> Windows:
    if wanted.since is None and wanted.until is None:
        return Windows()
    start = _moment(wanted.since or "0001-01-01", "--since", mistakes)
    end = _moment(wanted.until or "9999-12-31", "--until", mistakes)
    if start is None or end is None:
        return Windows()
    if end <= start:
        mistakes.append(_unusable("--until", stamp(end), f"a moment after --since {stamp(start)}"))
        return Windows()
    window = Interval(start, end)
    return Windows(old=window, new=window)


def _moment(text: str, option: str, mistakes: list[Finding]) -> datetime | None:
    try:
        return parse_moment(text)
    except ValueError:
        mistakes.append(_unusable(option, text, "a date or timestamp such as 2011-12-01 or 2011-12-01T06:00Z"))
        return None


def _period(text: str, option: str, mistakes: list[Finding]) -> Interval | None:
    """An interval written as `START/END`, or as the year, month, day or hour that it is."""
    try:
        return Interval.parse(text) if "/" in text else _calendar(text)
    except ValueError:
        expected = "a year, month, day or hour such as 2010, 2010-12, 2010-12-01 or 2010-12-01T06, or START/END"
        mistakes.append(_unusable(option, text, expected))
        return None


def _calendar(text: str) -> Interval:
    match = _PERIOD.fullmatch(text)
    if match is None:
        raise ValueError(text)
    year, month, day, hour = match.groups()
    start = parse_moment(f"{year}-{month or '01'}-{day or '01'}T{hour or '00'}:00")
    if month is None:
        return Interval(start, start.replace(year=start.year + 1))
    grain = Grain.HOUR if hour else Grain.DAY if day else Grain.MONTH
    return Interval(start, grain.step(start))


def version_not_found(text: str, fitting: Sequence[str], known: Mapping[str, str]) -> Finding:
    """That not exactly one version begins as written; `known` says when each was made."""
    dataset, _, prefix = text.partition("@")
    several = f"{len(fitting)} versions of {dataset} begin with {prefix!r}"
    none = f"{dataset} has no built version that begins with {prefix!r}"
    choice = [f"{dataset}@{version} of {known[version]}" for version in fitting or known]
    return Finding(
        code="diff.version_ambiguous" if fitting else "diff.version_unknown",
        message=several if fitting else none,
        found=text,
        expected="; ".join(choice) or "a dataset that something was built of",
        remedy="write one of them, or as much of it as tells it from the others",
    )


def not_there(name: str, environment: str, mapping: Mapping[str, str]) -> Finding:
    """That a side does not show a dataset."""
    return Finding(
        code="diff.dataset_unknown",
        message=f"{environment} shows no dataset {name}",
        found=name,
        expected=", ".join(sorted(mapping)),
        remedy="name one that both sides have, or leave --dataset out",
    )


def two_datasets(old: str, new: str) -> Finding:
    """That versions of two datasets were named."""
    return Finding(
        code="diff.two_datasets",
        message="versions of two datasets cannot be compared",
        found=f"{old} and {new}",
        expected="two versions of one dataset",
        remedy="write the same dataset before both @",
    )


def _against_alone(against: str) -> Finding:
    return Finding(
        code="diff.against_alone",
        message="--against says what an interval is held against, and there is no --interval",
        found=f"--against {against}",
        expected="both, such as --interval 2010-12 --against 2010-11",
        remedy="add --interval",
    )


def _both_ways(option: str) -> Finding:
    return Finding(
        code="diff.window_twice",
        message=f"--interval and {option} both say which rows are looked at",
        found=option,
        expected="either --interval, or --since and --until",
        remedy=f"leave {option} out",
    )


def _unusable(option: str, text: str, expected: str) -> Finding:
    return Finding(
        code="diff.moment", message=f"{option} cannot be read", found=text, expected=expected, remedy="correct it"
    )


def one_dataset(names: Sequence[str]) -> Finding:
    """That not exactly one dataset was named where two intervals are compared."""
    return Finding(
        code="diff.one_dataset",
        message="two intervals are compared of one dataset at a time",
        found=", ".join(names) or "no --dataset",
        expected="one --dataset",
        remedy="name the dataset: --dataset PIPELINE.DATASET",
    )


def no_interval(name: str) -> Finding:
    """That nothing says which rows of a dataset belong to an interval."""
    return Finding(
        code="diff.no_interval",
        message=f"{name} is not built by intervals: nothing says which of its rows belong to one",
        found=name,
        expected="a dataset with an interval column",
        remedy="leave the interval out, or name another dataset",
    )


def no_column(name: str, unknown: Sequence[str], columns: set[str]) -> Finding:
    """That a key was given of columns that a dataset lacks."""
    return Finding(
        code="diff.key_unknown",
        message=f"{name} has no column {', '.join(unknown)}",
        found=f"--key {','.join(unknown)}",
        expected=", ".join(sorted(columns)),
        remedy="name columns that both sides have",
    )


def key_of_what(key: Sequence[str]) -> Finding:
    """That a key was given and no dataset."""
    return Finding(
        code="diff.key_of_what",
        message="--key is of one dataset, and none is named",
        found=f"--key {','.join(key)}",
        expected="--dataset PIPELINE.DATASET beside it",
        remedy="name the dataset; without --key, each dataset's contract says its key",
    )
