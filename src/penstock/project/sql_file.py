"""`NAME.sql`: a YAML header in the first block comment, then one query."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from penstock.documents import Fields, read_yaml
from penstock.model.findings import Finding, Place, blocking
from penstock.model.masking import HASH
from penstock.model.pipelines import Dataset, Materialization, SqlTask
from penstock.project.task_options import read_keeping, read_limits, read_timeout
from penstock.sql.fingerprint import digest
from penstock.sql.masking import masking_findings, masks_in
from penstock.sql.query import parse_query
from penstock.sql.rewriting import edits_of
from penstock.sql.syntax import within

if TYPE_CHECKING:
    from penstock.project.task_options import Keeping

HEADER = re.compile(r"\A\s*/\*\s*penstock\b[ \t]*\r?\n(?P<yaml>.*?)\*/", re.DOTALL)
OFFSET = "offset"


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
    keeping = read_keeping(fields, tuple(Materialization))
    limits = read_limits(fields, keeping.materialization if keeping else None)
    description = fields.text("description") or ""
    timeout = read_timeout(fields)
    fields.unknown()
    query = parse_query(text, file, dataset=name)
    findings.extend(query.warnings)
    findings.extend(within(masking_findings(text), file, name))
    masks = masks_in(text)
    if keeping is not None:
        _refuse_view(name, fields, keeping, masks)
    if keeping is not None:
        _check_parameters(name, fields, keeping, query.params)
    if blocking(tuple(findings[before:])) or keeping is None:
        return None
    reads = tuple(sorted({use.name for use in query.reads}))
    return Dataset(
        name=name,
        file=file,
        task=SqlTask(
            text=text,
            reads=reads,
            query_digest=digest(text),
            edits=edits_of(text),
            params=query.params,
            masks=masks,
        ),
        materialization=keeping.materialization,
        interval=keeping.interval,
        description=description,
        timeout=timeout,
        key=keeping.key,
        offset=keeping.offset,
        limits=limits,
    )


def _refuse_view(name: str, fields: Fields, keeping: Keeping, masks: tuple[str, ...]) -> None:
    """A view is computed by whoever reads it, and readers have no key."""
    if HASH in masks and keeping.materialization is Materialization.VIEW:
        fields.note(
            "project.masking_view",
            f"{name} is a view and calls {HASH}: whoever reads it would need the masking key",
            at="materialize",
            found="materialize: view",
            expected="rows that are kept, such as materialize: table",
        )


def _check_parameters(name: str, fields: Fields, keeping: Keeping, params: frozenset[str]) -> None:
    """Each parameter of a query has a value, and an append uses the one that keeps it from adding rows twice."""
    bounds = sorted(params - {OFFSET})
    if bounds and "interval" not in fields:
        fields.note(
            "project.unbound_parameter",
            f"{name} uses ${bounds[0]} but has no interval",
            at="materialize",
            expected="materialize: incremental, with interval: day(column)",
        )
    appends = keeping.materialization is Materialization.APPEND
    if OFFSET in params and not appends:
        fields.note(
            "project.unbound_parameter",
            f"{name} uses ${OFFSET} but does not append",
            at="materialize",
            expected="materialize: append, with offset: column",
        )
    if appends and OFFSET not in params:
        fields.note(
            "project.offset",
            f"{name} appends and does not use ${OFFSET}: every run would add all rows again",
            at="materialize",
            expected=f"WHERE ${OFFSET} IS NULL OR {keeping.offset or 'column'} > ${OFFSET}",
            remedy="let the query return new rows alone",
        )


def _no_header(name: str, file: str, text: str) -> Finding:
    lines = text.splitlines()
    return Finding(
        code="project.no_header",
        message=f"{file} does not begin with a penstock header",
        place=Place(file=file, line=1, excerpt=lines[0][:160] if lines else "", dataset=name),
        expected="/* penstock, then `materialize: table` (or view, incremental, merge, append), then */",
        remedy="put the header comment at the top of the file",
    )
