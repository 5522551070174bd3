"""Deployment notes say what comes before the merge, and every column that comes, goes or becomes another type."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from penstock.delivery.pages.deployment import _schema, _steps
from penstock.model.stories import Rollout
from penstock.quality.comparison import DatasetDiff


def _seen(**schema: Any) -> Any:
    values = {"dataset": "shop.daily", "old_rows": 1, "new_rows": 1, "added": 0, "removed": 0, "changed": 0}
    diff = DatasetDiff(**{**values, "columns": (), "examples": (), **schema})
    return SimpleNamespace(facts=SimpleNamespace(diffs=(diff,)))


def _story(rollout: Rollout) -> Any:
    return SimpleNamespace(rollout=rollout)


def test_each_column_that_comes_goes_or_becomes_another_type_has_a_line() -> None:
    page = _schema(
        _seen(schema_added=("tax",), schema_removed=("vat",), schema_retyped=(("net", "DOUBLE", "DECIMAL(18,2)"),))
    )
    assert [line for line in page.splitlines() if line.startswith("-")] == [
        "- `shop.daily`: `tax` is added",
        "- `shop.daily`: `vat` is removed",
        "- `shop.daily`: `net` was DOUBLE and becomes DECIMAL(18,2)",
    ]


def test_where_no_column_moves_nothing_is_said() -> None:
    assert _schema(_seen()) == ""


def test_the_steps_before_the_merge_are_told_in_order() -> None:
    told = _steps(_story(Rollout(shadow=3, canary=2, consumers=("finance",))))
    assert "3 interval(s) built beside production, then 2 interval(s) shown to readers of canary_finance" in told
    assert _steps(_story(Rollout())) == ""
