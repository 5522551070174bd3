"""A change of a contract is judged for each who reads the dataset, by what it reads."""

from __future__ import annotations

import pytest

from penstock.contract import Effect, compare
from penstock.contract.consumers import NamedConsumer
from penstock.model.contracts import ColumnSpec, Contract, Rule, RuleKind
from penstock.plan.contract_impact import Impact, impacts
from penstock.project.reading import read_project

TABLE = "/* penstock\nmaterialize: table\n*/\n"
FILES = {
    "penstock.yaml": "name: shop\n",
    "pipelines/s/pipeline.yaml": "owner: me\nschedule: manual\nstart: 2024-03-01\n",
    "pipelines/s/raw.source.yaml": "format: csv\npath: d.csv\ncolumns: [id, amount, country]\n",
    "pipelines/s/stg.sql": TABLE + "SELECT id, amount, country FROM s.raw\n",
    "pipelines/s/total.sql": TABLE + "SELECT sum(Amount) AS total FROM s.stg WHERE id <> '0'\n",
    "pipelines/s/star.sql": TABLE + "SELECT * FROM s.stg\n",
    "pipelines/s/joined.sql": TABLE + "SELECT a.country FROM s.stg a JOIN s.raw r ON a.country = r.country\n",
    "pipelines/s/code.py": (
        'from penstock import task\n\n\n@task(reads={"stg": "s.stg"}, materialize="table")\n'
        "def code(stg):\n    return stg\n"
    ),
}
OLD = Contract(
    dataset="s.stg",
    file="contracts/s.stg.odcs.yaml",
    version="1.0.0",
    columns=tuple(ColumnSpec(name=name, type="VARCHAR") for name in ("id", "amount", "country")),
    key=("id",),
    rules=(Rule(kind=RuleKind.RANGE, columns=("amount",), low="0"),),
)


def judged(new: Contract | None, named: tuple[NamedConsumer, ...] = ()) -> dict[str, Impact]:
    project = read_project({path: text.encode() for path, text in FILES.items()})
    found = impacts(compare(OLD, new), old=OLD, new=new, project=project, named=named)
    return {one.consumer: one for one in found}


def changed(**changes: object) -> Contract:
    from dataclasses import replace

    return replace(OLD, **changes)  # type: ignore[arg-type]


def test_a_column_that_goes_breaks_those_who_read_it() -> None:
    found = judged(changed(columns=tuple(one for one in OLD.columns if one.name != "amount"), rules=()))
    effects = {name: one.effect for name, one in found.items()}
    assert effects == {
        "s.total": Effect.BREAKING,
        "s.star": Effect.BREAKING,
        "s.code": Effect.BREAKING,
        "s.joined": Effect.NONE,
    }
    assert (found["s.total"].reads, found["s.joined"].reads, found["s.code"].reads) == (
        ("amount", "id"),
        ("country",),
        None,
    )


def test_a_column_that_comes_concerns_those_who_take_all() -> None:
    found = judged(changed(columns=(*OLD.columns, ColumnSpec(name="new", type="DATE"))))
    assert {name for name, one in found.items() if one.effect is Effect.ADDITIVE} == {"s.star", "s.code"}


@pytest.mark.parametrize(
    "new",
    [changed(key=("id", "country")), changed(key=()), changed(retention=None, ready_by=None, status="retired"), None],
)
def test_what_is_about_no_single_column_concerns_everybody(new: Contract | None) -> None:
    assert {one.effect for one in judged(new).values()} == {Effect.BREAKING}


def test_a_check_that_goes_breaks_those_who_read_its_column() -> None:
    found = judged(changed(rules=()))
    assert (found["s.total"].effect, found["s.joined"].effect) == (Effect.BREAKING, Effect.NONE)


def test_those_whom_a_contract_names_are_judged_by_the_columns_it_lists() -> None:
    named = (NamedConsumer(name="all"), NamedConsumer(name="map", columns=("Country",)))
    found = judged(changed(columns=OLD.columns[1:], key=OLD.key), named)
    assert (found["all"].effect, found["map"].effect) == (Effect.BREAKING, Effect.NONE)


def test_words_are_nothing_to_anybody() -> None:
    assert {one.effect for one in judged(changed(description="other words")).values()} == {Effect.NONE}
