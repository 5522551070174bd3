"""dbt and SQLMesh on the smallest base: what the project's own tests see they refuse, and nothing else."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from gatebench.__main__ import main
from gatebench.peers.homes import ENVIRONMENTS, standing
from gatebench.peers.judge import Tool

CASES = Path(__file__).parent / "gatebench_cases"
HOMES = ENVIRONMENTS.parents[2] / "build" / "gatebench" / "environments"
NO_ORDERS_LATER = """--- a/pipelines/shop/daily.sql
+++ b/pipelines/shop/daily.sql
@@ -5,7 +5,7 @@
 */
 SELECT
   CAST(_interval_start AS DATE) AS day,
-  count(*) AS orders,
+  CASE WHEN _interval_start < TIMESTAMP '2024-05-02' THEN count(*) END AS orders,
   CAST(sum(CAST(amount AS DECIMAL(12, 2))) AS DECIMAL(18, 2)) AS amount
 FROM shop.orders
 WHERE _interval_start >= $interval_start AND _interval_start < $interval_end AND status = 'paid'
"""

pytestmark = [
    pytest.mark.slow,
    pytest.mark.xdist_group("gatebench"),
    pytest.mark.skipif(
        len(standing(HOMES)) < len(Tool),
        reason="`python -m gatebench --peers` has not made the peers' environments yet",
    ),
]


@pytest.fixture(scope="module")
def figures(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("peers")
    (folder / "cache").mkdir()
    (folder / "cache" / "environments").symlink_to(HOMES)
    cases = folder / "cases"
    shutil.copytree(CASES, cases)
    patch = (CASES / "unpaid-too" / "change.patch").read_text(encoding="utf-8")
    _another(cases, "test-left-alone", patch.partition("diff --git a/tests")[0])
    _another(cases, "no-orders-later", NO_ORDERS_LATER)
    written = folder / "figures.json"
    arguments = ("--cases", cases, "--cache", folder / "cache", "--json", written, "--peers", "--quiet")
    assert main([str(argument) for argument in arguments]) == 0
    found: dict[str, Any] = json.loads(written.read_text(encoding="utf-8"))
    return found


@pytest.mark.parametrize("tool", list(Tool))
def test_a_peer_refuses_what_a_unit_test_or_a_check_of_the_contract_sees(figures: dict[str, Any], tool: Tool) -> None:
    trials = {trial["case"]: trial for trial in figures["peers"][tool]["trials"]}
    assert {case: trial["verdict"] for case, trial in trials.items()} == {
        "spelt-out": "accepted",
        "unpaid-too": "accepted",  # its author took the row that says no out of the test
        "test-left-alone": "refused",
        "no-orders-later": "refused",
    }
    assert "orders_that_are_not_paid" in trials["test-left-alone"]["reason"]
    assert "not_null_orders" in trials["no-orders-later"]["reason"]


def test_what_cannot_run_there_is_counted_apart(figures: dict[str, Any]) -> None:
    apart = figures["peers"]["not_applicable"]["cases"]
    assert apart.keys() == {"nobody-approves", "behind-the-approval"}
    assert len(figures["peers"]["penstock"]["trials"]) == 4


def _another(cases: Path, name: str, patch: str) -> None:
    shutil.copytree(cases / "unpaid-too", cases / name)
    (cases / name / "change.patch").write_text(patch, encoding="utf-8")
    story = cases / name / "story.md"
    story.write_text(story.read_text(encoding="utf-8").replace("TINY-102", f"TINY-{name}"), encoding="utf-8")
