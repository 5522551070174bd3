"""What the files of several kinds of dataset say alike: how rows are kept, in which slices, and what bounds the work.

Which keys go together is decided here alone: `interval` slices an incremental dataset and may slice a merge; `key` is
what a merge replaces rows by; `offset` is the growing column that an append goes on from; a view does no work of its
own, so that nothing bounds it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from penstock.model.intervals import Grain
from penstock.model.pipelines import NAME_PATTERN, IntervalBy, Limits, Materialization
from penstock.project.durations import parse_duration
from penstock.project.pipeline_file import MOST_PRIORITY
from penstock.project.sizes import parse_size

if TYPE_CHECKING:
    from datetime import timedelta

    from penstock.documents import Fields

SMALLEST_MEMORY = 16_000_000
_INTERVAL = re.compile(r"(?P<grain>[a-z]+)\((?P<column>[A-Za-z_][A-Za-z0-9_]*)\)")
_COLUMN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,254}")
_OWN_VARIABLES = frozenset({"PATH", "HOME", "TMPDIR", "LANG", "LC_ALL", "TZ"})
_OWN_PREFIX = "PENSTOCK_"
_SLICED = "incremental with interval: day(column); merge with or without; no other"


@dataclass(frozen=True, slots=True, kw_only=True)
class Keeping:
    """How a dataset's rows are kept."""

    materialization: Materialization
    interval: IntervalBy | None = None
    key: tuple[str, ...] = ()
    offset: str | None = None


def read_keeping(
    fields: Fields, modes: tuple[Materialization, ...], *, default: Materialization | None = None
) -> Keeping | None:
    """`materialize`, `interval`, `batch`, `key`, `offset`; None if it cannot be said how the rows are kept."""
    kept = fields.choice("materialize", modes, required=default is None) or ("" if "materialize" in fields else default)
    interval, key, offset = _interval(fields), read_key(fields), _offset(fields)
    if not kept:
        return None
    mode = Materialization(kept)
    needed = mode is Materialization.INCREMENTAL
    if needed and "interval" not in fields:
        fields.note("project.interval", f"materialize: {mode} needs `interval`", at="materialize", expected=_SLICED)
    if "interval" in fields and not (needed or mode is Materialization.MERGE):
        message = f"materialize: {mode} has no use for `interval`"
        fields.note("project.interval", message, at="materialize", expected=_SLICED)
    _go_together(fields, mode, "key", Materialization.MERGE, "the columns that tell rows apart")
    _go_together(fields, mode, "offset", Materialization.APPEND, "the column that grows with every new row")
    return Keeping(materialization=mode, interval=interval, key=key, offset=offset)


def read_limits(fields: Fields, mode: Materialization | None) -> Limits:
    """`pool`, `concurrency` and `priority`."""
    pool = fields.text("pool") or ""
    if pool and not NAME_PATTERN.fullmatch(pool):
        expected = "a pool of penstock.yaml: lower-case letters, digits and _, beginning with a letter"
        fields.note("project.bad_name", f"{pool!r} cannot name a pool", at="pool", found=pool, expected=expected)
    concurrency = fields.integer("concurrency", low=1)
    priority = fields.integer("priority") or 0
    if abs(priority) > MOST_PRIORITY:
        expected = f"a whole number from -{MOST_PRIORITY} to {MOST_PRIORITY}"
        fields.note("document.range", f"priority is {priority}", at="priority", expected=expected)
    if mode is Materialization.VIEW:
        for name in ("pool", "concurrency", "priority"):
            if name in fields:
                message = f"materialize: view has no use for `{name}`"
                fields.note(
                    "project.limits", message, at=name, expected="a dataset that stores rows", remedy="remove it"
                )
    return Limits(pool=pool, concurrency=concurrency, priority=priority)


def read_timeout(fields: Fields) -> timedelta | None:
    """`timeout: 10m`."""
    text = fields.text("timeout")
    if text is None:
        return None
    try:
        return parse_duration(text)
    except ValueError as error:
        fields.note("project.bad_duration", str(error), at="timeout", expected="90s, 10m or 2h")
    return None


def read_memory(fields: Fields) -> int | None:
    """`memory: 512MB`, in bytes."""
    text = fields.text("memory")
    if text is None:
        return None
    try:
        size = parse_size(text)
    except ValueError as error:
        fields.note("project.bad_size", str(error), at="memory", expected="512MB or 4GiB")
        return None
    if size < SMALLEST_MEMORY:
        fields.note("project.bad_size", f"memory is {text}", at="memory", expected="at least 16MB")
    return size


def read_secrets(fields: Fields) -> tuple[str, ...]:
    """`secrets: [SHOP_TOKEN]`: names of environment variables, never values; what is no name is not repeated."""
    names = fields.texts("secrets")
    if any(not _VARIABLE.fullmatch(name) for name in names):
        fields.note(
            "project.bad_secret",
            "`secrets` holds something that is no variable's name",
            at="secrets",
            expected="names of environment variables, such as SHOP_TOKEN; never a value",
            remedy="write the name; if a value stood here, it is known to everybody who can read this file: change it",
        )
    taken = [name for name in names if name in _OWN_VARIABLES or name.startswith(_OWN_PREFIX)]
    if taken:
        fields.note(
            "project.bad_secret",
            f"{taken[0]} cannot be handed to a task",
            at="secrets",
            found=taken[0],
            expected="a variable that is neither Penstock's own nor set for every task",
        )
    return tuple(dict.fromkeys(names))


def _interval(fields: Fields) -> IntervalBy | None:
    text, batch = fields.text("interval"), fields.integer("batch", low=1) or 31
    if text is None:
        return None
    match = _INTERVAL.fullmatch(text.strip())
    if match is None or match["grain"] not in tuple(Grain):
        expected = "hour(column) | day(column) | month(column)"
        fields.note("project.interval", f"interval is {text!r}", at="interval", found=text, expected=expected)
        return None
    return IntervalBy(grain=Grain(match["grain"]), column=match["column"], batch=batch)


def read_key(fields: Fields) -> tuple[str, ...]:
    """The columns of `key`, each once, whatever its case."""
    names = fields.texts("key")
    wrong = next((name for name in names if not _COLUMN.fullmatch(name)), None)
    if wrong is not None:
        fields.note("project.bad_column", f"{wrong!r} is no column's name", at="key", found=wrong, expected=_PLAIN)
    if "key" in fields and not names:
        fields.note("project.no_columns", "key is empty", at="key", expected="the columns that tell rows apart")
    if len({name.casefold() for name in names}) < len(names):
        expected = "each column once, whatever its case"
        fields.note("project.repeated_column", "key lists a column twice", at="key", expected=expected)
    return names


def _offset(fields: Fields) -> str | None:
    name = fields.text("offset")
    if name is not None and not _COLUMN.fullmatch(name):
        fields.note("project.bad_column", f"{name!r} is no column's name", at="offset", found=name, expected=_PLAIN)
    return name


_PLAIN = "letters, digits and _, not beginning with a digit"


def _go_together(fields: Fields, mode: Materialization, name: str, owner: Materialization, meaning: str) -> None:
    """Note a key that its materialization lacks, or another one has."""
    if (name in fields) == (mode is owner):
        return
    word = "needs" if mode is owner else "has no use for"
    fields.note(
        f"project.{name}",
        f"materialize: {mode} {word} `{name}`",
        at="materialize" if "materialize" in fields else name,
        expected=f"`{name}`, {meaning}, with materialize: {owner} and with no other",
    )
