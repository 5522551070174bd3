"""`NAME.sql`: a YAML header in the first block comment, then one query."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from penstock.documents import Fields, read_yaml
from penstock.model.findings import Finding, Place
from penstock.model.intervals import Grain
from penstock.model.pipelines import Dataset, IntervalBy, Materialization, SqlTask
from penstock.project.durations import parse_duration
from penstock.sql.query import parse_query

if TYPE_CHECKING:
    from datetime import timedelta

HEADER = re.compile(r"\A\s*/\*\s*penstock\b[ \t]*\r?\n(?P<yaml>.*?)\*/", re.DOTALL)
INTERVAL = re.compile(r"(?P<grain>[a-z]+)\((?P<column>[A-Za-z_][A-Za-z0-9_]*)\)")


def read_sql(name: str, text: str, file: str, findings: list[Finding]) -> Dataset | None:
    """One SQL dataset; what is wrong is added to `findings`.

    Raises:
        InputError: the query cannot be parsed or is not one query.
    """
    match = HEADER.match(text)
    if match is None:
        findings.append(_no_header(name, file, text))
        return None
    before = len(findings)
    first_line = text[: match.start("yaml")].count("\n") + 1
    fields = Fields(read_yaml(match["yaml"], file, first_line=first_line), findings=findings)
    kept = fields.choice("materialize", tuple(Materialization), required=True)
    interval = read_interval(fields, Materialization(kept) if kept else None)
    description = fields.text("description") or ""
    timeout = read_timeout(fields)
    fields.unknown()
    query = parse_query(text, file, dataset=name)
    findings.extend(query.warnings)
    if kept != Materialization.INCREMENTAL and query.params:
        fields.note(
            "project.unbound_parameter",
            f"{name} uses ${sorted(query.params)[0]} but has no interval",
            at="materialize",
            expected="materialize: incremental, with interval: day(column)",
        )
    if [finding for finding in findings[before:] if finding.severity == "error"] or kept is None:
        return None
    reads = tuple(sorted({use.name for use in query.reads}))
    return Dataset(
        name=name,
        file=file,
        task=SqlTask(text=text, reads=reads, params=query.params),
        materialization=Materialization(kept),
        interval=interval,
        description=description,
        timeout=timeout,
    )


def read_interval(fields: Fields, kept: Materialization | None) -> IntervalBy | None:
    """`interval: day(column)` and `batch`, which belong to incremental datasets and to no others."""
    text, batch = fields.text("interval"), fields.integer("batch", low=1) or 31
    if kept is None:
        return None
    if (text is None) == (kept is Materialization.INCREMENTAL):
        word = "needs" if text is None else "has no use for"
        fields.note(
            "project.interval",
            f"materialize: {kept} {word} `interval`",
            at="materialize",
            expected="incremental with interval: day(column); table or view without",
        )
        return None
    if text is None:
        return None
    match = INTERVAL.fullmatch(text.strip())
    if match is None or match["grain"] not in tuple(Grain):
        fields.note(
            "project.interval",
            f"interval is {text!r}",
            at="interval",
            expected="hour(column) | day(column) | month(column)",
        )
        return None
    return IntervalBy(grain=Grain(match["grain"]), column=match["column"], batch=batch)


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


def _no_header(name: str, file: str, text: str) -> Finding:
    lines = text.splitlines()
    return Finding(
        code="project.no_header",
        message=f"{file} does not begin with a penstock header",
        place=Place(file=file, line=1, excerpt=lines[0][:160] if lines else "", dataset=name),
        expected="/* penstock, then `materialize: table` (or view, incremental), then */",
        remedy="put the header comment at the top of the file",
    )
