"""A version's name changes with everything that decides its rows, and with nothing else."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from penstock.model.contracts import ColumnSpec, Contract, OnFailure, Rule, RuleKind
from penstock.model.pipelines import CommandTask, Dataset, Limits, Materialization, Project, PythonTask, Retry, SqlTask
from penstock.model.sources import Closed, FileSource
from penstock.plan.order import topological
from penstock.plan.versions import relation_of, versions_of
from penstock.sim.projects import appended, by_day, coded, landed, merged, project_of, sliced, whole
from penstock.sql.fingerprint import digest

RAW, DAILY, BEST = landed("sim.raw"), sliced("sim.daily", "sim.raw"), whole("sim.best", "sim.daily")
SCORED = coded("sim.scored", "sim.daily", batch=1)


def _fingerprints(*datasets: Dataset) -> dict[str, str]:
    return {name: version.fingerprint for name, version in versions_of(_project(*datasets)).items()}


def _project(*datasets: Dataset) -> Project:
    return project_of(datasets or (RAW, DAILY, BEST, SCORED))


def _changed(new: Dataset) -> set[str]:
    """The datasets whose version moves when one of them is replaced."""
    before = _fingerprints()
    after = _fingerprints(*(new if new.name == old.name else old for old in (RAW, DAILY, BEST, SCORED)))
    return {name for name in before if before[name] != after[name]}


def _query(dataset: Dataset, text: str) -> Dataset:
    assert isinstance(dataset.task, SqlTask)
    return replace(dataset, task=replace(dataset.task, text=text, query_digest=digest(text)))


def _text(dataset: Dataset) -> str:
    assert isinstance(dataset.task, SqlTask)
    return dataset.task.text


def _source(**changes: Any) -> Dataset:
    assert isinstance(RAW.task, FileSource)
    return replace(RAW, task=replace(RAW.task, **changes))


CONTRACT = Contract(dataset="sim.daily", file="c.yaml", version="1", columns=(ColumnSpec(name="moment", type="DATE"),))


@pytest.mark.parametrize(
    "same",
    [
        pytest.param(replace(DAILY, description="Rows by day."), id="description"),
        pytest.param(replace(DAILY, file="pipelines/sim/moved.sql"), id="file"),
        pytest.param(replace(DAILY, contract=CONTRACT), id="contract"),
        pytest.param(replace(DAILY, retry=Retry(attempts=9)), id="retry"),
        pytest.param(replace(DAILY, timeout=timedelta(seconds=5)), id="timeout"),
        pytest.param(replace(DAILY, interval=by_day(batch=7)), id="batch"),
        pytest.param(_query(DAILY, "/* why */\n" + _text(DAILY).replace(" FROM", "\n  from")), id="layout"),
        pytest.param(
            _query(DAILY, _text(DAILY).replace("sim.raw.", "r.").replace("FROM sim.raw", "FROM sim.raw AS r")),
            id="alias",
        ),
        pytest.param(_source(missing="empty"), id="missing files"),
        pytest.param(_source(closed=Closed(weekdays=frozenset({5}))), id="closed days"),
    ],
)
def test_what_does_not_decide_the_rows_leaves_the_version_alone(same: Dataset) -> None:
    assert _changed(same) == set()


@pytest.mark.parametrize(
    ("other", "moves"),
    [
        pytest.param(_query(BEST, f"{_text(BEST)} WHERE true"), {"sim.best"}, id="a last query"),
        pytest.param(
            _query(DAILY, f"{_text(DAILY)} AND 1 = 1"), {"sim.daily", "sim.best", "sim.scored"}, id="a query in between"
        ),
        pytest.param(
            replace(DAILY, interval=replace(by_day(1), column="value")), {"sim.daily", "sim.best", "sim.scored"},
            id="interval column",
        ),
        pytest.param(replace(BEST, materialization=Materialization.VIEW), {"sim.best"}, id="materialization"),
        pytest.param(
            _source(path="other/{interval_start:%Y-%m-%d}.csv"), {"sim.raw", "sim.daily", "sim.best", "sim.scored"},
            id="path",
        ),
        pytest.param(_source(delimiter=";"), {"sim.raw", "sim.daily", "sim.best", "sim.scored"}, id="delimiter"),
        pytest.param(_source(columns=("moment",)), {"sim.raw", "sim.daily", "sim.best", "sim.scored"}, id="columns"),
        pytest.param(
            replace(SCORED, task=PythonTask(function="make", reads_by_parameter={"p0": "sim.daily"}, code_digest="x")),
            {"sim.scored"}, id="code",
        ),
    ],
)  # fmt: skip
def test_what_decides_the_rows_moves_the_version_and_all_that_read_it(other: Dataset, moves: set[str]) -> None:
    assert _changed(other) == moves


NEWEST, ALL = merged("sim.newest", "sim.raw"), appended("sim.all", "sim.raw")
COMMAND = replace(
    SCORED,
    name="sim.told",
    task=CommandTask(argv=("python", "tell.py"), reads_by_parameter={"days": "sim.daily"}, code_digest="x"),
)


def _command(**changes: Any) -> Dataset:
    assert isinstance(COMMAND.task, CommandTask)
    return replace(COMMAND, task=replace(COMMAND.task, **changes))


@pytest.mark.parametrize(
    ("dataset", "other"),
    [
        pytest.param(NEWEST, replace(NEWEST, key=("moment", "value")), id="key of a merge"),
        pytest.param(ALL, replace(ALL, offset="value"), id="offset of an append"),
        pytest.param(COMMAND, _command(argv=("python", "tell.py", "--all")), id="arguments of a command"),
        pytest.param(COMMAND, _command(code_digest="y"), id="code of a command"),
        pytest.param(COMMAND, _command(format="csv"), id="format of a command"),
        pytest.param(COMMAND, _command(reads_by_parameter={"rows": "sim.daily"}), id="parameter of a command"),
    ],
)
def test_what_decides_the_rows_of_other_kinds_moves_their_version_too(dataset: Dataset, other: Dataset) -> None:
    assert _fingerprints(RAW, DAILY, dataset)[dataset.name] != _fingerprints(RAW, DAILY, other)[dataset.name]


@pytest.mark.parametrize(
    ("dataset", "same"),
    [
        pytest.param(replace(NEWEST, key=("a", "b")), replace(NEWEST, key=("b", "a")), id="order of a key"),
        pytest.param(COMMAND, _command(secrets=("TOKEN",), memory=1 << 30), id="secrets and memory of a command"),
        pytest.param(BEST, replace(BEST, limits=Limits(pool="db", priority=3)), id="limits"),
    ],
)
def test_what_does_not_decide_the_rows_of_other_kinds_leaves_their_version_alone(
    dataset: Dataset, same: Dataset
) -> None:
    assert _fingerprints(RAW, DAILY, dataset)[dataset.name] == _fingerprints(RAW, DAILY, same)[dataset.name]


def test_a_parameter_that_reads_another_dataset_is_another_version() -> None:
    one, other = (
        replace(SCORED, task=PythonTask(function="make", reads_by_parameter=reads, code_digest="x"))
        for reads in ({"a": "sim.raw", "b": "sim.daily"}, {"b": "sim.raw", "a": "sim.daily"})
    )
    assert _fingerprints(RAW, DAILY, one)["sim.scored"] != _fingerprints(RAW, DAILY, other)["sim.scored"]


def test_versions_do_not_depend_on_the_order_of_the_files() -> None:
    assert _fingerprints(BEST, DAILY, RAW) == _fingerprints(RAW, DAILY, BEST)


def test_two_datasets_alike_in_all_but_name_share_a_fingerprint_and_no_relation() -> None:
    a, b = (versions_of(_project(RAW, sliced(name, "sim.raw")))[name] for name in ("sim.a", "sim.b"))
    assert a.fingerprint == b.fingerprint
    assert a.relation != b.relation


def test_a_relation_is_named_by_dataset_and_version() -> None:
    assert relation_of("sim.daily", "0f") == '"_versions"."sim__daily__0f"'


def test_datasets_come_after_what_they_read_and_ties_by_name() -> None:
    datasets = [whole("sim.z", "sim.raw"), whole("sim.a", "sim.z"), whole("sim.b", "sim.raw"), RAW]
    assert topological(_project(*datasets)) == ("sim.raw", "sim.b", "sim.z", "sim.a")


# -- rows that are put aside ----------------------------------------------------------------------------------------


def _ruled(dataset: Dataset, policy: OnFailure | None, type_: str = "VARCHAR", **changes: Any) -> Dataset:
    columns = (ColumnSpec(name="moment", type="TIMESTAMP"), ColumnSpec(name="value", type=type_, **changes))
    rule = Rule(kind=RuleKind.NOT_NULL, columns=("moment",), on_failure=policy)
    return replace(
        dataset, contract=Contract(dataset=dataset.name, file="c", version="1", columns=columns, rules=(rule,))
    )


def _version(dataset: Dataset) -> str:
    return _fingerprints(*(dataset if dataset.name == old.name else old for old in (RAW, DAILY, BEST, SCORED)))[
        dataset.name
    ]


@pytest.mark.parametrize("dataset", [DAILY, BEST, SCORED], ids=lambda dataset: dataset.name)
def test_what_is_put_aside_makes_another_version_and_what_is_only_judged_does_not(dataset: Dataset) -> None:
    judged = _ruled(dataset, None)
    assert _version(judged) == _version(_ruled(dataset, OnFailure.FAIL)) == _version(dataset)
    assert _version(_ruled(dataset, OnFailure.QUARANTINE)) != _version(dataset)


def test_who_reads_a_dataset_whose_rows_are_put_aside_is_another_version_too() -> None:
    assert _changed(_ruled(DAILY, OnFailure.QUARANTINE)) == {"sim.daily", "sim.best", "sim.scored"}


def test_the_type_and_the_forms_of_a_sources_column_make_its_version() -> None:
    plain = landed("sim.raw")
    found = [
        _version(_ruled(plain, None)),
        _version(_ruled(plain, None, "DATE")),
        _version(_ruled(plain, None, "DATE", formats=("%d/%m/%Y",))),
        _version(_ruled(plain, None, "DATE", on_failure=OnFailure.NULL)),
    ]
    assert len(set(found)) == 4


def test_how_many_rows_may_be_put_aside_makes_no_version() -> None:
    ruled = _ruled(BEST, OnFailure.QUARANTINE)
    assert ruled.contract is not None
    other = replace(ruled, contract=replace(ruled.contract, max_quarantined=Decimal(1)))
    assert _version(ruled) == _version(other)
