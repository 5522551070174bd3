"""Policies that a dataset cannot carry out are findings of `penstock check`."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from penstock.model.contracts import ColumnSpec, Contract, OnFailure, Rule, RuleKind
from penstock.project.row_policies import policy_findings
from penstock.sim.projects import appended, landed, merged, sliced, view, whole

if TYPE_CHECKING:
    from penstock.model.pipelines import Dataset

ASIDE, NULL = OnFailure.QUARANTINE, OnFailure.NULL
KNOWN = Rule(kind=RuleKind.ACCEPTED_VALUES, columns=("moment",), values=("a",))


def _promised(dataset: Dataset, policy: OnFailure | None = None, **changes: Any) -> Dataset:
    columns = (ColumnSpec(name="Moment", type="TIMESTAMP"), ColumnSpec(name="value", type="VARCHAR"))
    values = {"columns": columns, "rules": (replace(KNOWN, on_failure=policy),), **changes}
    return replace(dataset, contract=Contract(dataset=dataset.name, file="c.yaml", version="1", **values))


@pytest.mark.parametrize("policy", [ASIDE, NULL])
def test_a_view_stores_no_rows_that_could_be_put_aside(policy: OnFailure) -> None:
    (finding,) = policy_findings(_promised(view("sim.seen", "sim.raw"), policy))
    assert (finding.code, finding.place.file) == ("contract.policy_of_view", "c.yaml")


@pytest.mark.parametrize(
    "dataset", [sliced("sim.a", "sim.raw"), merged("sim.a", "sim.raw"), appended("sim.a", "sim.raw")]
)
def test_what_rows_are_told_apart_by_is_never_made_null(dataset: Dataset) -> None:
    found = {finding.code for finding in policy_findings(_promised(dataset, NULL))}
    assert found == {"contract.policy_of_key"}
    assert list(policy_findings(_promised(dataset, ASIDE))) == []


def test_dates_have_forms_in_files_alone() -> None:
    columns = (ColumnSpec(name="moment", type="TIMESTAMP", formats=("%d/%m/%Y",)),)
    assert list(policy_findings(_promised(landed("sim.raw"), columns=columns))) == []
    (finding,) = policy_findings(_promised(whole("sim.a", "sim.raw"), columns=columns))
    assert finding.code == "contract.formats"


@pytest.mark.parametrize(
    "dataset", [view("sim.seen", "sim.raw"), whole("sim.a", "sim.raw"), sliced("sim.a", "sim.raw")]
)
def test_without_a_policy_nothing_is_found(dataset: Dataset) -> None:
    assert list(policy_findings(_promised(dataset))) == []
    assert list(policy_findings(dataset)) == []


def test_a_column_of_a_source_that_does_not_cast_is_not_made_null_where_it_cuts() -> None:
    """The day that a file stands for is no text of the file, and is always there."""
    source = landed("sim.raw")
    names = {"moment": "TIMESTAMP", "value": "VARCHAR", "_interval_start": "TIMESTAMP"}
    named = tuple(ColumnSpec(name=name, type=type_) for name, type_ in names.items())
    assert source.interval is not None
    by_file = replace(source, interval=replace(source.interval, column="_interval_start"))
    assert list(policy_findings(_promised(by_file, columns=named, rules=(), on_failure=NULL))) == []
