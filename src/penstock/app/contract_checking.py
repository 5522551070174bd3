"""`contract check`: contracts against the standard's schema, against our reading, and against the data built now."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from penstock.adapters.folder import load_project
from penstock.adapters.odcs import validation
from penstock.app.built import built_rows, known_dataset
from penstock.contract import read_contract
from penstock.contract.reading import SUFFIX
from penstock.model.errors import InputError
from penstock.model.findings import Finding, Place, Severity, blocking
from penstock.model.intervals import Interval, merge, parse_moment, subtract
from penstock.model.pipelines import Materialization
from penstock.plan.horizons import horizons_of
from penstock.quality import checks as quality
from penstock.quality.columns import compare_columns
from penstock.quality.setting import Setting

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from penstock.app.built import Built
    from penstock.app.warehouses import ProjectWarehouse
    from penstock.app.wiring import Workplace
    from penstock.model.contracts import Contract
    from penstock.quality.checks import CheckResult

EXAMPLES = 3


class Outcome(StrEnum):
    """How a contract came out."""

    HOLDS = "holds"
    FAILS = "fails"
    NOT_BUILT = "not_built"
    """The document is right; there are no rows to hold it against."""
    NOT_JUDGED = "not_judged"
    """The document is right; others are so wrong that no data was looked at."""
    BROKEN = "broken"
    """The document itself is wrong."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedContract:
    """One contract. `examples` are a few offending rows of each failed check, personal data masked, by its id;
    `unjudged` says of checks why they could not be judged; `rows` is None where nothing is built."""

    dataset: str
    file: str
    outcome: Outcome
    said: str = ""
    rows: int | None = None
    results: tuple[CheckResult, ...] = ()
    examples: Mapping[str, tuple[tuple[str, ...], tuple[tuple[Any, ...], ...]]] = field(default_factory=dict)
    unjudged: Mapping[str, str] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedContracts:
    """All of them; `notes` are about none in particular. `by_schema` says whether the schema was asked."""

    contracts: tuple[CheckedContract, ...]
    by_schema: bool
    notes: tuple[Finding, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether no document is broken and nothing of severity error fails."""
        return not any(one.outcome in {Outcome.FAILS, Outcome.BROKEN} for one in self.contracts)


def check(
    place: Workplace,
    names: Sequence[str],
    *,
    schema: bool | None,
    environment: str | None,
    say: Callable[[str], None],
) -> CheckedContracts:
    """Check the contracts of some datasets, or all. `schema` None asks the schema where its validator is installed.

    Raises:
        InputError: an unknown name, a dataset without a contract, the project is broken elsewhere, or the schema is
            asked for and its validator is not installed.
    """
    if schema and not validation.is_installed():
        raise InputError(validation.not_installed())
    by_schema = schema is not False and validation.is_installed()
    texts = _texts(place, names)
    broken = {name: found for name, (file, text) in texts.items() if (found := _wrong(file, text, by_schema=by_schema))}
    notes = [] if by_schema or schema is False else [_as_warning(validation.not_installed())]
    judged: dict[str, CheckedContract] = {}
    others = [name for name in texts if name not in broken]
    if others or not broken:
        try:
            judged = _judged(place, names, others, environment, say)
        except InputError:
            if not any(found.code != "contract.schema" for each in broken.values() for found in each):
                raise
            notes.append(_not_judged())
            judged = {
                name: CheckedContract(dataset=name, file=texts[name][0], outcome=Outcome.NOT_JUDGED) for name in others
            }
    checked = []
    for name, (file, _) in sorted(texts.items()):
        if name in broken:
            checked.append(CheckedContract(dataset=name, file=file, outcome=Outcome.BROKEN, findings=broken[name]))
        else:
            checked.append(judged.get(name) or CheckedContract(dataset=name, file=file, outcome=Outcome.NOT_BUILT))
    return CheckedContracts(contracts=tuple(checked), by_schema=by_schema, notes=tuple(notes))


def _texts(place: Workplace, names: Sequence[str]) -> dict[str, tuple[str, str]]:
    """The contract files of the datasets asked for, or all: file and text, by the dataset that the file's name says."""
    found: dict[str, tuple[str, str]] = {}
    for file, data in load_project(place.root).items():
        if file.startswith("contracts/") and file.endswith(SUFFIX):
            found[file.rpartition("/")[2].removesuffix(SUFFIX)] = (file, data.decode(errors="replace"))
    for name in names:
        if name not in found:
            known_dataset(place, name)
            raise InputError(no_contract(name))
    return {name: found[name] for name in (names or found)}


def _wrong(file: str, text: str, *, by_schema: bool) -> tuple[Finding, ...]:
    """What is wrong with a document: what our reading and the schema have against it, errors alone."""
    try:
        read_contract(text, file)
    except InputError as error:
        found = list(error.findings)
        if any(finding.code.startswith("document.") for finding in found) and _is_no_yaml(text, file):
            return tuple(found)
    else:
        found = []
    if by_schema:
        found += validation.schema_findings(text, file)
    return tuple(found)


def _is_no_yaml(text: str, file: str) -> bool:
    from penstock.documents import read_yaml  # noqa: PLC0415 - only for a broken file

    try:
        read_yaml(text, file)
    except InputError:
        return True
    return False


def _judged(
    place: Workplace, asked: Sequence[str], names: Sequence[str], environment: str | None, say: Callable[[str], None]
) -> dict[str, CheckedContract]:
    for name in asked:
        known_dataset(place, name)
    built = built_rows(place, environment)
    contracts = {name: place.project.datasets[name].contract for name in names if name in place.project.datasets}
    there = {name: contract for name, contract in contracts.items() if contract is not None and name in built}
    if not there:
        return {}
    warehouse = place.reading(say)
    relations = {name: one.relation for name, one in built.items()}
    settings = {name: _setting(place, name, built[name], relations) for name in there}
    return {
        name: _held(warehouse, contract, built[name], setting)
        for name, contract in there.items()
        if (setting := settings[name]) is not None
    }


def _setting(place: Workplace, name: str, built: Built, relations: Mapping[str, str]) -> Setting | None:
    """What is built is judged as a whole, but for what is promised of each interval; a merge's rows are of none.

    None if all of it has expired: then there are no rows to judge.
    """
    dataset = place.project.datasets[name]
    by = dataset.interval if dataset.materialization is Materialization.INCREMENTAL else None
    rows = place.ledger.rows("coverage", dataset=name, version=built.version) if by else ()
    if by is None or not rows:
        return Setting(relations=relations)
    spans = _there_still(place, name, rows)
    if not spans:
        return None
    pieces = tuple(piece for span in spans for piece in span.split(by.grain))
    return Setting(relations=relations, grain=by.grain, column=by.column, pieces=pieces)


def _there_still(place: Workplace, name: str, rows: Iterable[Mapping[str, object]]) -> tuple[Interval, ...]:
    """What is built of a dataset, less what expired: of rows that were deleted, nothing can be asked."""
    spans = merge(Interval(parse_moment(str(row["start"])), parse_moment(str(row["end"]))) for row in rows)
    horizon = horizons_of(place.ledger.rows("horizons", dataset=name)).get(name)
    if horizon is None:
        return spans
    gone = [Interval(span.start, horizon) for span in spans if span.start < horizon]
    return tuple(left for span in spans for left in subtract(span, gone))


def _held(warehouse: ProjectWarehouse, contract: Contract, built: Built, setting: Setting) -> CheckedContract:
    """A contract held against rows: columns and types first, then every check that can be asked of what is there."""
    actual = warehouse.columns(built.relation)
    differing = compare_columns(contract, actual)
    there = {name.casefold() for name, _ in actual}
    plan = quality.compile_checks(contract, built.relation, setting)
    unjudged = {
        check.id: f"there is no column {', '.join(gone)}"
        for check in plan.checks
        if (gone := [name for name in check.rule.columns if name.casefold() not in there])
    }
    waiting: dict[str, str] = {}
    results, failed = _results(warehouse, plan, unjudged, waiting)
    examples = {
        check.id: _examples(warehouse, sql)
        for check in plan.checks
        if check.id in failed and {name.casefold() for name in check.shown} <= there
        if (sql := quality.examples_query(check, built.relation, EXAMPLES, plan.setting))
    }
    bad = any(not one.passed and one.severity is Severity.ERROR for one in results)
    unasked = any(check.rule.severity is Severity.ERROR for check in plan.checks if check.id in unjudged)
    rows = results[0].total_rows if results else int(warehouse.query(f"SELECT count(*) FROM {built.relation}")[1][0][0])
    return CheckedContract(
        dataset=contract.dataset,
        file=contract.file,
        outcome=Outcome.FAILS if bad or unasked or blocking(differing) else Outcome.HOLDS,
        said=built.said,
        rows=rows,
        results=results,
        examples=examples,
        unjudged={**unjudged, **waiting},
        findings=differing,
    )


def _results(
    warehouse: ProjectWarehouse, plan: quality.CheckPlan, unjudged: dict[str, str], waiting: dict[str, str]
) -> tuple[tuple[CheckResult, ...], frozenset[str]]:
    """The results of the checks that can be asked; what the database refuses goes to `unjudged`, what nobody can judge
    of rows that are there already (freshness, volume, drift) to `waiting`."""

    def ask(sql: str) -> list[tuple[Any, ...]]:
        return list(warehouse.query(sql)[1])

    ids = [check.id for check in plan.checks if check.id not in unjudged]
    try:
        results = quality.run_checks(quality.among(plan, ids), ask).results
    except InputError:
        found: list[CheckResult] = []
        for each in ids:
            try:
                found += quality.run_checks(quality.among(plan, [each]), ask).results
            except InputError as error:
                unjudged[each] = error.findings[0].message
        results = tuple(found)
    waiting |= {result.id: result.message for result in results if not result.judged}
    results = tuple(result for result in results if result.judged)
    return results, frozenset(result.id for result in results if not result.passed)


def _examples(warehouse: ProjectWarehouse, sql: str) -> tuple[tuple[str, ...], tuple[tuple[Any, ...], ...]]:
    names, rows = warehouse.query(sql)
    return names, tuple(rows)


def _as_warning(finding: Finding) -> Finding:
    return Finding(
        code=finding.code,
        message=finding.message,
        severity=Severity.WARNING,
        place=finding.place,
        expected=finding.expected,
        remedy=finding.remedy,
    )


def no_contract(name: str) -> Finding:
    """That a dataset has no contract, and how to get one."""
    return Finding(
        code="contract.none",
        message=f"{name} has no contract",
        place=Place(dataset=name),
        expected=f"contracts/{name}{SUFFIX}",
        remedy=f"write one, or have one proposed: penstock contract infer {name}",
    )


def _not_judged() -> Finding:
    return Finding(
        code="contract.not_judged",
        message="no contract was held against data: the project cannot be read until the broken ones are mended",
        severity=Severity.WARNING,
        place=Place(),
        expected="contracts that can be read",
        remedy="correct what is said above, then check again",
    )
