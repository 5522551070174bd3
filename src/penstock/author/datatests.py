"""The unit tests of a story's datasets: made-up rows, and what the story says should become of them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from penstock.author import boundaries, expectations, staging
from penstock.author.contracts import story_contracts
from penstock.author.mart import interval_column, moment_of_rows
from penstock.author.yaml_rows import flow_rows
from penstock.model.intervals import Grain, stamp
from penstock.sql.query import expression_columns

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from penstock.author.boundaries import Line
    from penstock.author.ports import RowEvaluator
    from penstock.model.intervals import Interval
    from penstock.model.stories import Story, StoryDataset, StorySource

Rows = "Sequence[Mapping[str, str | None]]"


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One case before it is written down; values are text, typed by the datasets' contracts."""

    name: str
    given: Mapping[str, Sequence[Mapping[str, str | None]]]
    expect: Sequence[Mapping[str, str | None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Bench:
    """What the cases of one source share."""

    story: Story
    source: StorySource
    evaluate: RowEvaluator
    interval: Interval
    typical: Line

    def landed(self, line: Line, *, start: datetime | None = None) -> dict[str, str | None]:
        """The line as it lands."""
        moment = stamp(start or self.interval.start).removesuffix("Z").replace("T", " ")
        return ({"_interval_start": moment} if self.source.interval else {}) | dict(line.raw)

    def moment(self) -> dict[str, str | None]:
        """The staged column that says which file a row is from."""
        column = self.source.file_moment
        if column is None:
            return {}
        text = self.interval.start.strftime("%Y-%m-%d %H:%M:%S")
        return {column[0]: text if column[1] == "TIMESTAMP" else text[:10]}

    def staged(self, lines: Sequence[Line]) -> list[dict[str, str | None]]:
        """The rows that staging should make of lines that can be read."""
        rows = self.typed(lines)
        passed = expectations.kept(self.source, rows, self.evaluate)
        return [row for row, keep in zip(rows, passed, strict=True) if keep]

    def typed(self, lines: Sequence[Line]) -> list[dict[str, str | None]]:
        """Lines that can be read, as typed rows of the file of the tests' interval."""
        rows = expectations.typed_rows(self.source, lines, self.evaluate)
        return [self.moment() | row for row in rows]


def datatest_path(dataset: str) -> str:
    """Where a dataset's tests lie."""
    return f"tests/{dataset}.test.yaml"


def story_tests(story: Story, evaluate: RowEvaluator) -> dict[str, str]:
    """The text of every test file of the story, by dataset."""
    texts: dict[str, str] = {}
    types = {
        dataset: {column.name: column.type for column in contract.columns}
        for dataset, contract in story_contracts(story).items()
    }
    for source in story.sources.values():
        bench = _bench(story, source, evaluate)
        window = bench.interval if source.interval else None
        staged = f"{story.pipeline}.stg_{source.name}"
        texts[staged] = _file(staged, _staging_cases(bench), window, types)
        if source.bad_rows == "quarantine":
            texts[f"{staged}_rejected"] = _file(f"{staged}_rejected", _rejected_cases(bench), window, types)
            texts[f"{staged}_counts"] = _file(f"{staged}_counts", _counts_cases(bench), window, types)
    for dataset in story.datasets.values():
        bench = _bench(story, story.sources[dataset.source], evaluate)
        name = f"{story.pipeline}.{dataset.name}"
        window = bench.interval if interval_column(dataset, bench.source) else None
        if window and bench.source.interval is Grain.HOUR:
            window = next(iter(type(window)(Grain.DAY.floor(window.start), window.end).split(Grain.DAY)))
        texts[name] = _file(name, _mart_cases(bench, dataset, window), window, types)
    return texts


def _bench(story: Story, source: StorySource, evaluate: RowEvaluator) -> _Bench:
    return _Bench(
        story=story,
        source=source,
        evaluate=evaluate,
        interval=boundaries.interval_of_tests(story, source),
        typical=boundaries.typical_line(story, source),
    )


def _file(dataset: str, cases: Sequence[Case], window: Interval | None, types: Mapping[str, Mapping[str, str]]) -> str:
    lines = [f"dataset: {dataset}", "cases:"]
    for case in cases:
        lines.append(f"  - name: {json.dumps(case.name, ensure_ascii=False)}")
        if window:
            lines.append(f"    interval: {window}")
        lines.append("    given:")
        for upstream, rows in case.given.items():
            written = flow_rows([_filled(row) for row in rows], types[upstream], " " * 8)
            lines += [f"      {upstream}:", *written] if rows else [f"      {upstream}: []"]
        written = flow_rows(case.expect, types[dataset], " " * 6)
        lines += ["    expect:", *written] if case.expect else ["    expect: []"]
    return "\n".join(lines) + "\n"


def _filled(row: Mapping[str, str | None]) -> dict[str, str | None]:
    """A given row without its NULLs: columns left out are NULL. One is kept where nothing else would be."""
    return {word: value for word, value in row.items() if value is not None} or dict(row)


def _staging_cases(bench: _Bench) -> list[Case]:
    source, typical = bench.source, bench.typical
    landed = f"{bench.story.pipeline}.{source.name}"
    other = boundaries.other_line(source, typical, frozenset(), "another line")

    def case(name: str, given: list[dict[str, str | None]], lines: Sequence[Line]) -> Case:
        return Case(name=name, given={landed: given}, expect=bench.staged(lines))

    cases = [case("lines are typed and renamed", [bench.landed(typical), bench.landed(other)], [typical, other])]
    if source.deduplicate:
        given = [bench.landed(line) for line in (typical, typical, other)]
        cases.append(case("a line that repeats another in every column counts once", given, [typical, other]))
    texts = boundaries.source_texts(source)
    for column, lines in _by_column(boundaries.boundary_lines(source, texts, typical)).items():
        around = ", ".join(line.label.removeprefix(f"{column} ") for line in lines)
        both = lines if bench.staged(lines) else [*lines, typical]
        cases.append(case(f"{column} around its boundaries: {around}", [bench.landed(line) for line in both], both))
    empty = [line for line in _optional_empty(source, typical) if line.column not in texts]
    if empty:
        cases.append(case("what may be empty may be empty", [bench.landed(line) for line in empty], empty))
    bad = [line for line, _, _ in boundaries.unreadable_lines(source, typical)]
    if bad and source.bad_rows == "quarantine":
        given = [bench.landed(line) for line in (*bad, typical)]
        cases.append(case("lines that cannot be read are left out", given, [typical]))
    if source.interval:
        after = bench.landed(typical, start=bench.interval.end)
        cases.append(case("files of other intervals are left out", [after, bench.landed(typical)], [typical]))
    return cases


def _by_column(lines: Sequence[Line]) -> dict[str, list[Line]]:
    grouped: dict[str, list[Line]] = {}
    for line in lines:
        grouped.setdefault(line.column, []).append(line)
    return grouped


def _optional_empty(source: StorySource, typical: Line) -> list[Line]:
    return [typical.with_value(column, None, f"no {column.name}") for column in source.staged if not column.required]


def _rejected_cases(bench: _Bench) -> list[Case]:
    source, typical = bench.source, bench.typical
    landed = f"{bench.story.pipeline}.{source.name}"
    cases = [Case(name="a line that can be read is not here", given={landed: [bench.landed(typical)]}, expect=[])]
    unreadable = boundaries.unreadable_lines(source, typical)
    for line, column, missing in unreadable:
        reason = staging.reason_missing(column) if missing else staging.reason_unreadable(column)
        expected = bench.moment() | dict(line.raw) | {"reason": reason}
        cases.append(Case(name=f"{line.label}: set aside", given={landed: [bench.landed(line)]}, expect=[expected]))
    required = [column for column in source.staged if column.required]
    if len(required) > 1:
        line = typical.with_value(required[0], None, "").with_value(required[1], None, "")
        reason = "; ".join(staging.reason_missing(column) for column in required[:2])
        expected = bench.moment() | dict(line.raw) | {"reason": reason}
        cases.append(Case(name="two faults make two reasons", given={landed: [bench.landed(line)]}, expect=[expected]))
    return cases


def _counts_cases(bench: _Bench) -> list[Case]:
    source, typical = bench.source, bench.typical
    staged = f"{bench.story.pipeline}.stg_{source.name}"
    other = boundaries.other_line(source, typical, frozenset(), "another line")
    lines = [typical, typical, typical, other]
    different = [typical, other] if source.deduplicate else lines
    bad = [line for line, _, _ in boundaries.unreadable_lines(source, typical)[:1]]
    row = bench.moment() or {source.staged[0].name: None}
    aside = bench.moment() or {"reason": "some reason"}
    counted: dict[str, str | None] = {
        "lines": str(len(lines) + len(bad)),
        "repeats": str(len(lines) - len(different)),
        "readable": str(len(different)),
        "kept": str(len(bench.staged(different))),
    }

    def case(name: str, rows: int, rejected: int) -> Case:
        given = {
            f"{bench.story.pipeline}.{source.name}": [bench.landed(line) for line in (*lines, *bad)],
            staged: [row] * rows,
            f"{staged}_rejected": [aside] * rejected,
        }
        made = {"staged": str(rows), "rejected": str(rejected)}
        return Case(name=name, given=given, expect=[bench.moment() | counted | made])

    return [
        case("what the file holds is counted beside what was made of it", len(bench.staged(different)), len(bad)),
        case("what was made of the file is counted as it is, lost or multiplied", 5, 0),
        case("a file of which nothing was made still counts", 0, 0),
    ]


def _mart_cases(bench: _Bench, dataset: StoryDataset, window: Interval | None) -> list[Case]:
    source, typical = bench.source, bench.typical
    upstream = f"{bench.story.pipeline}.stg_{source.name}"
    known = frozenset(word for word, _ in expectations.staged_types(source))
    texts = boundaries.dataset_texts(dataset, known)
    event = source.event_time
    moment = moment_of_rows(dataset, source)
    used = {word for text in [*texts.values(), moment or ""] if text for word in expression_columns(text)}

    def case(name: str, lines: Sequence[Line], left_out: Sequence[Line] = ()) -> Case:
        rows = bench.typed([*lines, *left_out])
        given = [{word: value for word, value in row.items() if word in used} for row in rows]
        expected = expectations.measured_rows(dataset, source, rows[: len(lines)], bench.evaluate)
        return Case(name=name, given={upstream: given}, expect=expected)

    flags = {flag: text for flag, text in source.flags.items() if flag in used}
    around = boundaries.boundary_lines(source, {**flags, **texts}, typical)
    grain = frozenset(word for text in dataset.grain.values() for word in expression_columns(text))
    same_group = boundaries.other_line(source, typical, grain, "another row of the group")
    apart = boundaries.other_line(source, typical, known - grain, "another group")
    cases = [case("one row", [typical]), *(case(line.label, [line]) for line in around)]
    cases.append(case("rows of one group are put together", [typical, typical, same_group, *around]))
    if apart.raw != typical.raw:
        cases.append(case("groups stay apart", [typical, apart]))
    if window and event and moment:
        after = typical.with_value(event, window.end.strftime("%Y-%m-%d %H:%M:%S"), "at the interval's end")
        cases.append(case("rows of other intervals are left out", [typical], [after]))
    cases.append(Case(name="no rows make no rows", given={upstream: []}, expect=[]))
    return cases
