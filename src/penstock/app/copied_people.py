"""Whether a row of a data test is a person's of the real data: told by equal values, none of which is shown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from penstock.model.findings import Finding, Place
from penstock.plan.personal import personal_data
from penstock.plan.versions import versions_of
from penstock.sql.identifiers import quote

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping

    from penstock.model.datatests import DataTest
    from penstock.model.pipelines import Project

    Ask = Callable[[str, Mapping[str, object]], list[tuple[Any, ...]]]

TELLING = frozenset({"email", "phone", "national_id", "payment_card", "bank_account"})
"""Kinds of which one value alone is one person's; of the others two have to meet in one real row."""
ENOUGH = 2
"""How many values of other kinds."""


def copied_people(project: Project, files: Collection[str], ask: Ask) -> tuple[Finding, ...]:
    """A finding for each case of the data tests in `files` with rows of persons that the real data has.

    `ask` answers a query over built versions with its parameters. Only columns that hold personal data are looked at.
    """
    kinds = {each.node: each.flows[0].kind if each.flows else each.tag or "" for each in personal_data(project).columns}
    relations = {name: version.relation for name, version in versions_of(project).items()}
    found = []
    for test in (test for test in project.tests if test.file in files):
        columns: dict[str, None] = {}
        copied = 0
        for dataset, row in _rows(test):
            values = {name: str(value) for name, value in row.items() if value is not None and (dataset, name) in kinds}
            if values and _is_there(dataset, values, kinds, relations[dataset], ask):
                copied += 1
                columns.update(dict.fromkeys(f"{dataset}.{name}" for name in values))
        if copied:
            found.append(_finding(test, copied, tuple(columns)))
    return tuple(found)


def _rows(test: DataTest) -> Iterator[tuple[str, Mapping[str, object]]]:
    for dataset, rows in (*test.given.items(), (test.dataset, test.expect)):
        yield from ((dataset, row) for row in rows)


def _is_there(
    dataset: str, values: Mapping[str, str], kinds: Mapping[tuple[str, str], str], relation: str, ask: Ask
) -> bool:
    """Whether a real row has one telling value of these, or two of any kind."""
    equal = {name: f"(CAST({quote(name)} AS VARCHAR) IS NOT DISTINCT FROM $p{at})" for at, name in enumerate(values)}
    telling = [equal[name] for name in values if kinds[dataset, name] in TELLING]
    together = " + ".join(f"CAST({one} AS INTEGER)" for one in equal.values())
    where = " OR ".join([*telling, f"{together} >= {ENOUGH}"])
    bound = {f"p{at}": value for at, value in enumerate(values.values())}
    return bool(ask(f"SELECT count(*) FROM {relation} WHERE {where}", bound)[0][0])


def _finding(test: DataTest, copied: int, columns: tuple[str, ...]) -> Finding:
    count = "a row" if copied == 1 else f"{copied} rows"
    return Finding(
        code="personal.copied_row",
        message=f"the case {test.name!r} of {test.dataset} holds {count} of a person whom the real data has",
        place=Place(file=test.file, line=test.line, dataset=test.dataset),
        found=f"equal values in {', '.join(columns)}",
        expected="persons that are made up",
        remedy="make the values up (docs/personal-data.md lists some that everybody knows to be), and take the copied"
        " ones out of every commit of the branch",
    )
