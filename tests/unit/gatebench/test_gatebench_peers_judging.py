"""Which cases say something of a peer, what must hold before one judges, and its verdicts beside Penstock's."""

from __future__ import annotations

import sys
from dataclasses import replace
from difflib import unified_diff
from pathlib import Path

import duckdb
import pytest
from gatebench.bases import BASES, BaseError
from gatebench.cases import Case, Deed, Label, Moment, Step
from gatebench.measures import Rate, measure
from gatebench.peers.comparable import changed_files, not_comparable
from gatebench.peers.figures import peers_report, peers_table, side_by_side
from gatebench.peers.judge import Outcome, Peer, Tool, accepted_base, judged
from gatebench.trial import Trial, Verdict, blank
from peers_project import DAILY, DAILY_CONTRACT, laid_out, translated

OTHER_QUERY = {"pipelines/shop/daily.sql": DAILY.replace("count(*)", "count(order_id)")}
HEADER_ALONE = {"pipelines/shop/daily.sql": DAILY.replace("interval: day(day)", "interval: day(day)\ntimeout: 5m")}
WEAKER = {"contracts/shop.daily.odcs.yaml": DAILY_CONTRACT.replace("minimum: 1", "minimum: 0")}
MADE = "CREATE TABLE shop.daily AS SELECT DATE '2024-05-01' AS day; CREATE VIEW shop.best AS FROM shop.daily"


def a_case(folder: Path = Path("nowhere"), *, label: Label = Label.BAD, held_out: bool = False) -> Case:
    return Case(
        name=f"tiny/{label}-{held_out}",
        folder=folder,
        base="tiny",
        label=label,
        kind="fix",
        why="because",
        held_out=held_out,
        change="TINY-1",
    )


def patch_of(*files: str) -> str:
    return "".join(f"--- a/{file}\n+++ b/{file}\n@@ -1 +1 @@\n-x\n+y\n" for file in files)


# -- which cases ------------------------------------------------------------------------------------------------------


def test_the_files_of_a_patch_are_those_before_and_after() -> None:
    assert changed_files("--- /dev/null\n+++ b/new.sql\n--- a/old.sql\n+++ /dev/null\n" + patch_of("both.sql")) == (
        "new.sql",
        "old.sql",
        "both.sql",
    )


def test_a_change_of_a_query_its_contract_and_its_test_can_run(tmp_path: Path) -> None:
    before, after = translated(tmp_path / "before"), translated(tmp_path / "after", {**OTHER_QUERY, **WEAKER})
    files = ("pipelines/shop/daily.sql", "contracts/shop.daily.odcs.yaml", "tests/shop.daily.test.yaml", "docs/shop.md")
    assert not_comparable(a_case(), patch_of(*files), before, after) is None


@pytest.mark.parametrize(
    ("changed", "files", "why"),
    [
        (OTHER_QUERY, ("pipelines/shop/daily.sql", "penstock.yaml"), "changes penstock.yaml"),
        (OTHER_QUERY, ("pipelines/shop/daily.sql", "keys/me.yaml"), "changes keys/me.yaml"),
        (OTHER_QUERY, ("pipelines/shop/orders.source.yaml",), "changes pipelines/shop/orders.source.yaml"),
        (OTHER_QUERY, ("pipelines/shop/letters.py",), "changes pipelines/shop/letters.py"),
        (OTHER_QUERY, ("pipelines/shop/read_letters.sql",), "changes what cannot be made there: shop.read_letters"),
        (HEADER_ALONE, ("pipelines/shop/daily.sql",), "no query is another one"),
        (WEAKER, ("contracts/shop.daily.odcs.yaml",), "no query is another one"),
    ],
)
def test_a_change_elsewhere_or_of_no_query_cannot(
    tmp_path: Path, changed: dict[str, str], files: tuple[str, ...], why: str
) -> None:
    before, after = translated(tmp_path / "before"), translated(tmp_path / "after", changed)
    assert not_comparable(a_case(), patch_of(*files), before, after) == why


def test_an_attack_on_approvals_cannot(tmp_path: Path) -> None:
    before, after = translated(tmp_path / "before"), translated(tmp_path / "after", OTHER_QUERY)
    attack = replace(a_case(), steps=(Step(after=Moment.REVIEWED, deed=Deed.APPROVE_AS_AUTHOR),))
    said = not_comparable(attack, patch_of("pipelines/shop/daily.sql"), before, after)
    assert said == "an attack on approvals or on what was approved"


# -- judging ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "said", "verdict"),
    [
        (0, "", Verdict.ACCEPTED),
        (1, "Failure in test x", Verdict.REFUSED),
        (2, "Compilation Error", Verdict.REFUSED),
        (1, "ModuleNotFoundError: No module named 'dbt'", Verdict.BROKEN),
        (-9, "", Verdict.BROKEN),
    ],
)
def test_a_build_that_ended_badly_is_a_refusal_only_if_the_project_is_to_blame(
    code: int, said: str, verdict: Verdict
) -> None:
    assert Outcome(code=code, said=said).verdict is verdict


def test_a_peer_that_makes_the_same_rows_has_accepted_the_base_and_judges_its_change(tmp_path: Path) -> None:
    built, peer = _built(tmp_path), _peer(tmp_path, f"duckdb.connect('warehouse.duckdb').execute({MADE!r})")
    accepted = accepted_base(peer, BASES["tiny"], built)
    assert accepted == accepted_base(peer, BASES["tiny"], built)
    _program(tmp_path / "bin" / "sqlmesh", "sys.exit('Error: an audit failed' if 'order_id' in text() else 0)")
    trial = judged(a_case(_change(tmp_path, DAILY.replace("count(*)", "count(order_id)"))), peer, built, accepted)
    assert (trial.verdict, trial.gates) == (Verdict.REFUSED, ("Error: an audit failed",))
    assert (
        judged(a_case(_change(tmp_path, DAILY.replace("count(*)", "count(status)"))), peer, built, accepted).verdict
        is Verdict.ACCEPTED
    )
    assert not (accepted / "models" / "shop__letters.sql").exists()


def test_a_peer_that_refuses_the_untouched_base_judges_nothing(tmp_path: Path) -> None:
    with pytest.raises(BaseError, match="does not accept the untouched base tiny: Error: no"):
        accepted_base(_peer(tmp_path, "sys.exit('Error: no')"), BASES["tiny"], _built(tmp_path))


@pytest.mark.parametrize(
    "made", ["pass", f"duckdb.connect('warehouse.duckdb').execute({MADE.replace('-01', '-02')!r})"]
)
def test_a_peer_that_says_yes_and_makes_nothing_or_something_else_judges_nothing(tmp_path: Path, made: str) -> None:
    with pytest.raises(BaseError, match=r"other rows than Penstock of tiny: shop\.best, shop\.daily"):
        accepted_base(_peer(tmp_path, made), BASES["tiny"], _built(tmp_path))


def test_a_change_that_cannot_run_there_is_not_applicable(tmp_path: Path) -> None:
    built = _built(tmp_path)
    trial = judged(
        a_case(_change(tmp_path, DAILY.replace("Paid orders", "Orders"))),
        _peer(tmp_path, "sys.exit(1)"),
        built,
        tmp_path,
    )
    assert (trial.verdict, trial.reason) == (Verdict.NOT_APPLICABLE, "no query is another one")


# -- figures ----------------------------------------------------------------------------------------------------------


def _said(case: Case, *verdicts: Verdict) -> dict[str, Trial]:
    judges = ("penstock", "dbt", "sqlmesh")
    return {judge: blank(case, verdict) for judge, verdict in zip(judges, verdicts, strict=True)}


@pytest.fixture
def judges() -> dict[str, list[Trial]]:
    yes, no, apart = Verdict.ACCEPTED, Verdict.REFUSED, Verdict.NOT_APPLICABLE
    said = [
        _said(a_case(), no, yes, no),
        _said(a_case(held_out=True), no, yes, yes),
        _said(a_case(label=Label.GOOD), yes, no, yes),
        _said(replace(a_case(), name="tiny/policy"), yes, apart, apart),
    ]
    return {judge: [trials[judge] for trials in said] for judge in said[0]}


def test_judges_are_compared_over_the_cases_that_all_could_judge(judges: dict[str, list[Trial]]) -> None:
    found = {judge: measure(trials) for judge, trials in side_by_side(judges).items()}
    assert {judge: one.catch for judge, one in found.items()} == {
        "penstock": Rate(hits=2, of=2),
        "dbt": Rate(hits=0, of=2),
        "sqlmesh": Rate(hits=1, of=2),
    }
    assert {judge: one.false_alarms.hits for judge, one in found.items()} == {"penstock": 0, "dbt": 1, "sqlmesh": 0}


def test_what_cannot_run_there_is_counted_apart_with_its_reason(judges: dict[str, list[Trial]]) -> None:
    judges["dbt"][-1] = replace(judges["dbt"][-1], reason="changes penstock.yaml")
    judges["sqlmesh"][-1] = replace(judges["sqlmesh"][-1], reason="changes penstock.yaml")
    found = peers_report(judges)
    assert found["not_applicable"] == {"of": 4, "cases": {"tiny/policy": "changes penstock.yaml"}}
    assert found["dbt"]["held_out"]["catch"]["of"] == 1


def test_the_table_has_a_column_for_each_judge_and_names_no_case(judges: dict[str, list[Trial]]) -> None:
    lines = peers_table(judges).splitlines()
    assert lines[0] == "peers: 3 of 4 cases can run there; the other 1 are not counted"
    assert lines[1].split() == ["all", "penstock", "dbt", "sqlmesh"]
    caught = lines[2]
    assert caught.split()[:3] == ["bad", "ones", "caught"]
    assert [caught.count(share) for share in ("(2/2;", "(0/2;", "(1/2;")] == [1, 1, 1]
    assert any(line.split()[:2] == ["held", "out"] for line in lines)
    assert "tiny/" not in "\n".join(lines)


# -- a base as Penstock left it, and a peer of a few lines ------------------------------------------------------------


def _built(folder: Path) -> Path:
    project = laid_out(folder / "tiny-built" / "project")
    (project / ".penstock").mkdir()
    with duckdb.connect(project / ".penstock" / "warehouse.duckdb") as connection:
        connection.execute("CREATE SCHEMA shop; CREATE TABLE shop.orders AS SELECT 1 AS order_id")
        connection.execute(MADE)
    return project.parent


def _peer(folder: Path, does: str) -> Peer:
    _program(folder / "bin" / "sqlmesh", does)
    python = folder / "bin" / "python"
    python.write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n', encoding="utf-8")
    python.chmod(0o755)
    return Peer(tool=Tool.SQLMESH, python=python, silence={})


def _program(path: Path, does: str) -> None:
    path.parent.mkdir(exist_ok=True)
    text = "def text():\n    return open('models/shop__daily.sql').read()\n"
    path.write_text(f"#!{sys.executable}\nimport duckdb\nimport sys\n{text}{does}\n", encoding="utf-8")
    path.chmod(0o755)


def _change(folder: Path, query: str) -> Path:
    """A case that makes the query of days another one."""
    case = folder / f"case-{len(list(folder.iterdir()))}"
    case.mkdir()
    file = "pipelines/shop/daily.sql"
    lines = (DAILY.splitlines(keepends=True), query.splitlines(keepends=True))
    (case / "change.patch").write_text("".join(unified_diff(*lines, f"a/{file}", f"b/{file}")), encoding="utf-8")
    return case
