"""The gates as a whole: each stands in one stage, has a page and a test file, and all of them are always asked."""

from __future__ import annotations

import ast
from itertools import product
from pathlib import Path

import pytest
from policy_cases import approval, deployment, design, discovery, implementation, observation, review, rollout

from penstock.model.findings import Outcome, Verdict
from penstock.policy import gates

ROOT = Path(__file__).parents[3]
PAGES, MODULES = ROOT / "docs" / "gates", ROOT / "src" / "penstock" / "policy" / "gates"
STAGES = {
    "Discovery": gates.DISCOVERY,
    "Design": gates.DESIGN,
    "Implementation": gates.IMPLEMENTATION,
    "Review": gates.REVIEW,
    "Deployment": gates.DEPLOYMENT,
    "Rollout": gates.ROLLOUT,
    "Observation": gates.OBSERVATION,
}
NAMES = [name for stage in STAGES.values() for name in stage]


def test_a_gate_stands_in_one_stage_only() -> None:
    assert len(NAMES) == len(set(NAMES))


def test_every_module_is_a_gate_and_every_gate_a_module() -> None:
    assert sorted(path.stem for path in MODULES.glob("*.py") if path.stem != "__init__") == sorted(NAMES)


def test_a_gate_is_registered_under_the_name_of_its_own_module() -> None:
    for stage in STAGES.values():
        for name, judge in stage.items():
            assert judge.__module__ == f"penstock.policy.gates.{name}"


@pytest.mark.parametrize("name", NAMES)
def test_every_gate_has_a_test_file_of_its_own(name: str) -> None:
    source = (Path(__file__).parent / f"test_gate_{name}.py").read_text()
    imported = {node.module for node in ast.walk(ast.parse(source)) if isinstance(node, ast.ImportFrom)}
    assert f"penstock.policy.gates.{name}" in imported


@pytest.mark.parametrize("name", NAMES)
def test_every_gate_has_a_page_that_names_it_and_says_how_to_clear_it(name: str) -> None:
    page = (PAGES / f"{name}.md").read_text()
    assert page.startswith(f"# `{name}`\n")
    assert f"gate.{name}" in page
    headings = [line for line in page.splitlines() if line.startswith("## ")]
    assert headings == ["## Why it matters", "## Example", "## How to clear it"]
    assert 15 <= len(page.splitlines()) <= 30


def test_the_index_lists_every_gate_under_its_stage_and_nothing_else() -> None:
    listed: dict[str, list[str]] = {}
    stage = ""
    for line in (PAGES / "index.md").read_text().splitlines():
        if line.startswith("## "):
            stage = line.removeprefix("## ")
        elif line.startswith("- [`"):
            name = line.removeprefix("- [`").partition("`")[0]
            assert f"](./{name}.md)" in line
            listed.setdefault(stage, []).append(name)
    assert listed == {stage: list(named) for stage, named in STAGES.items()}
    assert sorted(path.stem for path in PAGES.glob("*.md") if path.stem != "index") == sorted(NAMES)


def test_every_detail_of_a_code_stands_on_the_page_of_its_gate() -> None:
    pages = {name: (PAGES / f"{name}.md").read_text() for name in NAMES}
    details = {
        "missing_contract": ("contract", "columns", "owner", "sla"),
        "missing_retries": ("attempts", "backoff", "timeout", "lowered"),
        "unpinned_dependency": ("unpinned", "out_of_sync", "forbidden", "unreadable", "new"),
        "destructive_operation": ("program", "full_refresh", "pipeline", "history", "retention", "rewritten_branch"),
        "missing_retention": ("absent", "longer"),
        "schedule_changed": ("schedule", "timezone", "start", "end"),
        "low_quality": ("check", "score"),
        "unmet_criterion": ("unmeasured",),
        "impact_mismatch": ("undeclared", "out_of_bounds", "never_came", "schema"),
        "unrehearsed_rollback": ("missing", "not_restored", "no_effect"),
        "missing_approval": ("void", "irreversible", "personal_data"),
        "stale_approval": ("changed", "data"),
        "failed_observation": ("check", "budget"),
        "diverging_rollout": ("check", "undeclared", "out_of_bounds", "never_came", "schema", "outside"),
    }
    absent = [
        f"{name}.{detail}" for name, each in details.items() for detail in each if f"`{detail}`" not in pages[name]
    ]
    assert absent == []


def test_all_gates_of_a_stage_are_asked_though_one_fails() -> None:
    verdicts = gates.judge_all(gates.DEPLOYMENT, deployment(base_conflicts=("a.sql",)))
    assert [verdict.gate for verdict in verdicts] == list(gates.DEPLOYMENT)
    assert [verdict.outcome for verdict in verdicts] == [
        Outcome.NEEDS_PERSON,
        Outcome.NOT_APPLICABLE,
        Outcome.FAIL,
        Outcome.NOT_APPLICABLE,
    ]


def test_a_change_as_it_should_be_passes_every_stage() -> None:
    stages = (
        gates.judge_all(gates.DISCOVERY, discovery()),
        gates.judge_all(gates.DESIGN, design()),
        gates.judge_all(gates.IMPLEMENTATION, implementation()),
        gates.judge_all(gates.REVIEW, review()),
        gates.judge_all(gates.DEPLOYMENT, deployment(approval())),
        gates.judge_all(gates.ROLLOUT, rollout()),
        gates.judge_all(gates.OBSERVATION, observation()),
    )
    assert [gates.combined(verdicts) for verdicts in stages] == [Outcome.PASS] * 7
    assert all(verdict.summary.endswith(".") for verdicts in stages for verdict in verdicts)


def verdict(outcome: Outcome) -> Verdict:
    return Verdict(gate="x", outcome=outcome, summary="x.")


def test_failing_beats_waiting_beats_passing_beats_nothing_shown() -> None:
    rank = (Outcome.FAIL, Outcome.NEEDS_PERSON, Outcome.PASS, Outcome.NOT_APPLICABLE)
    for pair in product(rank, rank):
        assert gates.combined(map(verdict, pair)) is min(pair, key=rank.index)
    assert gates.combined(()) is Outcome.NOT_APPLICABLE
