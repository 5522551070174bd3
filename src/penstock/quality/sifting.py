"""What a contract's policies do to staged rows: which are put aside, which values are made NULL, in which order.

- First values are made NULL; then rules about single rows look at what is left of a row; then repeated keys are looked
  for among the rows that stay. So a value that was made NULL offends nothing but a rule against NULL.
- Of rows that share a key the first stays: by the column that cuts into intervals, then by all columns in order, NULL
  last. Rows that are equal in all of them are the same row.
- A row that is put aside is kept as it was staged, with every reason.

The SQL is DuckDB's, and plain enough to be carried to other warehouses. `row` is the name by which a warehouse tells
staged rows apart.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from penstock.contract.policies import policy_of, single_row_predicate
from penstock.model.contracts import OnFailure, RuleKind
from penstock.quality.casting import casts_of
from penstock.quality.checks import compile_checks
from penstock.quality.masking import MASK
from penstock.sql.identifiers import literal, quote

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from decimal import Decimal

    from penstock.model.contracts import ColumnSpec, Contract
    from penstock.quality.casting import Cast
    from penstock.quality.checks import Check

ROW = "_penstock_row"
REASONS = "_penstock_reasons"
TYPE = "type"
"""The kind of the implied check that a file's text is a value of its column's type."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Screen:
    """One check whose offenders are sifted out. `predicate` is true for them; a repeated key has none.

    `casts` says that the value is NULL already: it is no value of its type.
    """

    id: str
    name: str
    columns: tuple[str, ...]
    predicate: str = ""
    casts: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Sieve:
    """Everything that is done to a dataset's staged rows before their audit.

    `fails` are types whose offenders fail the attempt. `most` is the share of rows that may be put aside.
    """

    dataset: str
    casts: tuple[Cast, ...]
    fails: tuple[Screen, ...]
    nulls: tuple[Screen, ...]
    catches: tuple[Screen, ...]
    repeats: tuple[Screen, ...]
    most: Decimal
    first_by: str | None = None
    masked: frozenset[str] = frozenset()

    @property
    def raw(self) -> tuple[str, ...]:
        """Staged columns that are no columns of the dataset."""
        return tuple(cast.raw for cast in self.casts)

    @property
    def screens(self) -> tuple[Screen, ...]:
        """Every check whose offenders do not fail the attempt."""
        return (*self.nulls, *self.catches, *self.repeats)


def sieve_of(contract: Contract | None, files: Sequence[str] = (), first_by: str | None = None) -> Sieve | None:
    """What a contract does to staged rows; None if nothing. `files` are the columns of a source's files."""
    if contract is None:
        return None
    casts = casts_of(contract, files)
    if not casts and not contract.names_policies:
        return None
    checks = compile_checks(contract, "").checks
    policies = {check.id: policy_of(contract, check.rule) for check in checks}
    caught = [check for check in checks if policies[check.id] is OnFailure.QUARANTINE]
    nulled = [check for check in checks if policies[check.id] is OnFailure.NULL]
    if not casts and not caught and not nulled:
        return None
    types = {spec.name: spec.type for spec in contract.columns}
    by_type = {policy: tuple(_type_screens(contract, casts, policy)) for policy in OnFailure}
    rows = tuple(_screen(check, types) for check in caught if check.rule.kind is not RuleKind.UNIQUE)
    uncast = {one.columns[0].casefold(): one.predicate for one in by_type[OnFailure.QUARANTINE]}
    return Sieve(
        dataset=contract.dataset,
        casts=casts,
        fails=by_type[OnFailure.FAIL],
        nulls=(*by_type[OnFailure.NULL], *(one for check in nulled for one in _by_column(check, types))),
        catches=(*by_type[OnFailure.QUARANTINE], *(_but(screen, uncast) for screen in rows)),
        repeats=tuple(_screen(check, types) for check in caught if check.rule.kind is RuleKind.UNIQUE),
        most=contract.max_quarantined,
        first_by=first_by,
        masked=frozenset(spec.name.casefold() for spec in contract.columns if spec.personal),
    )


def decided_by(contract: Contract | None, files: Sequence[str] = ()) -> list[object]:
    """What of a contract decides a dataset's rows, as plain values; nothing where no row is touched."""
    if contract is None:
        return []
    found: list[object] = [[TYPE, cast.column, cast.type, list(cast.formats)] for cast in casts_of(contract, files)]
    found += [
        [TYPE, spec.name, str(policy)]
        for spec in contract.columns
        if files and (policy := _type_policy(contract, spec)) is not OnFailure.FAIL
    ]
    if not contract.names_policies:
        return found
    for check in compile_checks(contract, "").checks:
        rule, policy = check.rule, policy_of(contract, check.rule)
        if policy is not OnFailure.FAIL:
            said = [rule.low, rule.high, rule.pattern, rule.sql]
            if rule.shortest is not None or rule.longest is not None:
                said.append(f"{rule.shortest} to {rule.longest}")
            found.append([str(policy), str(rule.kind), list(rule.columns), list(rule.values), said])
    return sorted(found, key=json.dumps)


def nulled_columns(contract: Contract, files: Sequence[str] = ()) -> frozenset[str]:
    """Columns whose values a policy may make NULL."""
    if not contract.names_policies:
        return frozenset()
    sieve = sieve_of(contract, files)
    return frozenset(screen.columns[0] for screen in sieve.nulls) if sieve else frozenset()


def puts_aside(contract: Contract) -> bool:
    """Whether a policy other than failing is meant by anything in a contract."""
    return contract.names_policies and sieve_of(contract) is not None


# -- SQL ------------------------------------------------------------------------------------------------------------


def judged(sieve: Sieve, relation: str, columns: Sequence[str], row: str) -> str:
    """The rows as they are after values were made NULL, each with its number and what was nulled of it."""
    items = [f"{row} AS {quote(ROW)}"]
    for column in (*columns, *sieve.raw):
        offends = [one.predicate for one in sieve.nulls if not one.casts and column.casefold() == _folded(one)]
        name = quote(column)
        items.append(f"CASE WHEN {_any(offends)} THEN NULL ELSE {name} END AS {name}" if offends else name)
    items += [f"CASE WHEN {one.predicate} THEN 1 END AS {_mark(index)}" for index, one in enumerate(sieve.nulls)]
    return f"SELECT {', '.join(items)} FROM {relation}"


def counts_query(sieve: Sieve, relation: str, columns: Sequence[str], row: str) -> str:
    """One row: how many rows, values of each null, and rows of each catch in their order."""
    marks = [f"count({_mark(index)})" for index, _ in enumerate(sieve.nulls)]
    caught = [f"count(CASE WHEN {one.predicate} THEN 1 END)" for one in sieve.catches]
    return f"SELECT {', '.join(['count(*)', *marks, *caught])} FROM ({judged(sieve, relation, columns, row)}) AS judged"


def catch_query(sieve: Sieve, relation: str, columns: Sequence[str], row: str) -> str:
    """The numbers of the rows to put aside for themselves, with their reasons."""
    said = " || ".join(f"CASE WHEN {one.predicate} THEN {_reason(one)} ELSE '' END" for one in sieve.catches)
    where = _any([one.predicate for one in sieve.catches])
    inner = judged(sieve, relation, columns, row)
    return f"SELECT {quote(ROW)}, {said} AS {quote(REASONS)} FROM ({inner}) AS judged WHERE {where}"


def repeat_query(
    sieve: Sieve, screen: Screen, relation: str, columns: Sequence[str], row: str, caught: str | None
) -> str:
    """The numbers of the rows that repeat a key, but for the first; those of `caught` are gone already."""
    keys = [quote(name) for name in screen.columns]
    by = [name for name in columns if sieve.first_by is not None and name.casefold() == sieve.first_by.casefold()]
    order = ", ".join(f"{quote(name)} ASC NULLS LAST" for name in dict.fromkeys((*by, *columns, *sieve.raw)))
    present = " AND ".join(f"{key} IS NOT NULL" for key in keys)
    left = f" AND {quote(ROW)} NOT IN (SELECT {quote(ROW)} FROM {caught})" if caught else ""
    numbered = (
        f"SELECT {quote(ROW)}, row_number() OVER (PARTITION BY {', '.join(keys)} ORDER BY {order}) AS place "
        f"FROM ({judged(sieve, relation, columns, row)}) AS judged WHERE {present}{left}"
    )
    return (
        f"SELECT {quote(ROW)}, {_reason(screen)} AS {quote(REASONS)} FROM ({numbered}) AS numbered "
        f"WHERE numbered.place > 1"
    )


def updates(sieve: Sieve) -> Mapping[str, str]:
    """Each column that a rule makes NULL, with the condition under which it does."""
    found: dict[str, list[str]] = {}
    for one in sieve.nulls:
        if not one.casts:
            found.setdefault(one.columns[0], []).append(one.predicate)
    return {column: _any(predicates) for column, predicates in found.items()}


def type_counts_query(sieve: Sieve, relation: str) -> str:
    """One row: how many values of each failing type do not cast."""
    raw = {cast.column: cast.raw for cast in sieve.casts}
    counts = ", ".join(f"count({quote(raw[one.columns[0]])})" for one in sieve.fails)
    return f"SELECT {counts} FROM {relation}"


def type_examples_query(sieve: Sieve, screen: Screen, relation: str, limit: int = 3) -> str:
    """A few texts that do not cast, always the same ones, masked where they are personal data."""
    raw = quote(next(cast.raw for cast in sieve.casts if cast.column == screen.columns[0]))
    hidden = screen.columns[0].casefold() in sieve.masked
    shown = f"CASE WHEN {raw} IS NOT NULL THEN '{MASK}' END" if hidden else raw
    few = f"SELECT {raw} FROM {relation} WHERE {raw} IS NOT NULL GROUP BY {raw} ORDER BY {raw} LIMIT {limit}"
    return f"SELECT {shown} FROM ({few}) AS few"


def _any(predicates: Sequence[str]) -> str:
    return " OR ".join(f"({predicate})" for predicate in predicates)


def _mark(index: int) -> str:
    return quote(f"_penstock_null_{index}")


def _folded(screen: Screen) -> str:
    return screen.columns[0].casefold()


def _reason(screen: Screen) -> str:
    """A reason as a literal of JSON with what parts it from the one before."""
    return literal(", " + json.dumps({"check": screen.id, "name": screen.name}, ensure_ascii=False))


# -- which checks ---------------------------------------------------------------------------------------------------


def _type_policy(contract: Contract, spec: ColumnSpec) -> OnFailure:
    policy = spec.on_failure or contract.on_failure
    firm = spec.required or spec.key
    return OnFailure.FAIL if policy is OnFailure.NULL and firm else policy


def _type_screens(contract: Contract, casts: Sequence[Cast], policy: OnFailure) -> Iterator[Screen]:
    specs = {spec.name.casefold(): spec for spec in contract.columns}
    for cast in casts:
        if _type_policy(contract, specs[cast.column.casefold()]) is policy:
            yield Screen(
                id=f"{TYPE}:{cast.column}",
                name=f"{cast.column} is a value of the type {cast.type}",
                columns=(cast.column,),
                predicate=f"{quote(cast.raw)} IS NOT NULL",
                casts=True,
            )


def _screen(check: Check, types: Mapping[str, str]) -> Screen:
    kinds = [types.get(name, "VARCHAR") for name in check.rule.columns]
    predicate = "" if check.rule.kind is RuleKind.UNIQUE else single_row_predicate(check.rule, kinds) or ""
    return Screen(id=check.id, name=check.name, columns=check.rule.columns, predicate=predicate)


def _but(screen: Screen, uncast: Mapping[str, str]) -> Screen:
    """A rule about one column, blind to text that is there and no value of its type: it is not missing."""
    wrong = uncast.get(screen.columns[0].casefold()) if len(screen.columns) == 1 else None
    return replace(screen, predicate=f"({screen.predicate}) AND NOT ({wrong})") if wrong else screen


def _by_column(check: Check, types: Mapping[str, str]) -> Iterator[Screen]:
    """A rule's offending values, column by column."""
    for name in check.rule.columns:
        alone = replace(check, rule=replace(check.rule, columns=(name,)))
        yield _screen(alone, types)
