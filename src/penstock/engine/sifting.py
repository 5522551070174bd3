"""Applies a contract's policies to what is staged: before the audit, so that it judges what would be published.

Invariants: rows that are put aside come from within the interval that is built, so that they are replaced with it; what
does not cast and may not be put aside fails the attempt before anything else is asked of its rows; an attempt that
would put aside more than its contract allows publishes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from penstock.engine import audit
from penstock.engine.ports.publishing import Sifted
from penstock.model.errors import TaskError
from penstock.model.findings import Finding, Place, Severity
from penstock.model.pipelines import Materialization
from penstock.model.sources import FileSource
from penstock.quality import sifting
from penstock.quality.casting import casts_of
from penstock.quality.checks import CheckResult

if TYPE_CHECKING:
    from collections.abc import Mapping

    from penstock.engine.ports.publishing import Publication, Staged
    from penstock.engine.ports.warehouse import Session
    from penstock.model.pipelines import Dataset
    from penstock.quality.casting import Cast
    from penstock.quality.sifting import Sieve

EXAMPLES = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What sifting came to: the rows that are left, the results of the type checks, and why it must not go on."""

    sifted: Sifted
    checks: tuple[CheckResult, ...] = ()
    findings: tuple[Finding, ...] = field(default=())


def casts(dataset: Dataset) -> tuple[Cast, ...]:
    """The columns of a source that its contract makes something else than text."""
    return casts_of(dataset.contract, files_of(dataset))


def files_of(dataset: Dataset) -> tuple[str, ...]:
    """The columns that a source's files give as text; none of another dataset."""
    return dataset.task.texts if isinstance(dataset.task, FileSource) else ()


def sieve_of(dataset: Dataset) -> Sieve | None:
    """What is done to a dataset's staged rows; None if nothing. A view stores no rows that could be put aside."""
    if dataset.materialization is Materialization.VIEW:
        return None
    first_by = dataset.interval.column if dataset.interval else dataset.offset
    return sifting.sieve_of(dataset.contract, files_of(dataset), first_by)


def sift(session: Session, staged: Staged, dataset: Dataset, publication: Publication) -> Outcome:
    """Put aside and make NULL what the contract says.

    Raises:
        TaskError: the staged columns are not those of the contract.
    """
    sieve = sieve_of(dataset)
    if sieve is None:
        return Outcome(sifted=Sifted(staged=staged))
    audit.refuse_other_columns(session, staged, dataset)
    failing = _failing_types(session, staged, sieve)
    if any(failing.values()):
        return Outcome(
            sifted=Sifted(staged=staged),
            checks=_type_checks(sieve, failing, staged.rows),
            findings=tuple(_uncast(session, staged, dataset, sieve, failing)),
        )
    sifted = session.sift(sieve, publication)
    return Outcome(
        sifted=sifted,
        checks=_type_checks(sieve, {}, sifted.staged.rows),
        findings=_too_many(dataset, sieve, staged.rows, sifted),
    )


def refuse(outcome: Outcome) -> None:
    """Stop an attempt whose rows cannot be sifted.

    Raises:
        TaskError: values do not cast, or too many rows would be put aside.
    """
    if outcome.findings:
        raise TaskError(outcome.findings)


def _failing_types(session: Session, staged: Staged, sieve: Sieve) -> Mapping[str, int]:
    if not sieve.fails:
        return {}
    counts = session.fetch(sifting.type_counts_query(sieve, staged.relation))[0]
    return dict(zip((one.id for one in sieve.fails), map(int, counts), strict=True))


def _type_checks(sieve: Sieve, failing: Mapping[str, int], rows: int) -> tuple[CheckResult, ...]:
    """One result for each column that is cast; what was put aside or made NULL no longer offends."""
    results = []
    for one in (*sieve.fails, *sieve.catches, *sieve.nulls):
        if not one.casts:
            continue
        failed = failing.get(one.id, 0)
        said = f"not so in {failed:,} of {rows:,} rows" if failed else f"holds for {rows:,} rows"
        results.append(
            CheckResult(
                id=one.id,
                name=one.name,
                column=one.columns[0],
                severity=Severity.ERROR,
                failed_rows=failed,
                total_rows=rows,
                passed=not failed,
                message=f"{one.name}: {said}",
            )
        )
    return tuple(results)


def _uncast(
    session: Session, staged: Staged, dataset: Dataset, sieve: Sieve, failing: Mapping[str, int]
) -> list[Finding]:
    findings = []
    for one in sieve.fails:
        if not failing[one.id]:
            continue
        rows = session.fetch(sifting.type_examples_query(sieve, one, staged.relation, EXAMPLES))
        findings.append(
            Finding(
                code="check.failed",
                message=f"{dataset.name}: {one.name}: not so in {failing[one.id]:,} of {staged.rows:,} rows",
                place=Place(file=_contract_file(dataset), dataset=dataset.name, field=one.columns[0]),
                found="; ".join(repr(str(row[0])) for row in rows)[:500] or None,
                expected=f"text that loses nothing when it is cast ({one.name})",
                remedy="correct the files, say `formats` for dates, choose another type, or let the column's "
                "`onFailure` be quarantine or null",
            )
        )
    return findings


def _too_many(dataset: Dataset, sieve: Sieve, rows: int, sifted: Sifted) -> tuple[Finding, ...]:
    if sifted.quarantined <= sieve.most * rows:
        return ()
    names = {one.id: one.name for one in sieve.screens}
    worst = sorted(sifted.caught.items(), key=lambda pair: (-pair[1], pair[0]))
    return (
        Finding(
            code="quarantine.too_many",
            message=f"{dataset.name}: {sifted.quarantined:,} of {rows:,} rows would be put aside",
            place=Place(file=_contract_file(dataset), dataset=dataset.name),
            found="; ".join(f"{names[name]}: {count:,}" for name, count in worst)[:500],
            expected=f"at most {sieve.most * 100:f} % of an attempt's rows (maxQuarantined)",
            remedy="look at where the rows come from; if so many are to be put aside, raise `maxQuarantined`",
        ),
    )


def _contract_file(dataset: Dataset) -> str | None:
    return dataset.contract.file if dataset.contract else None
