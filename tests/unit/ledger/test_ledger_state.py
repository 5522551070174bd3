"""The tables are what the journal says: whatever happened, folding again gives the same rows."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ledger_cases import AT, facts, with_leases_in_turn

from penstock.adapters.ledger.sqlite import SqliteLedger
from penstock.ledger.facts import AttemptStarted, ChangeOpened, Fact, Promoted, QuestionsAsked, RunFinished, RunStarted
from penstock.ledger.journal import GENESIS, Entry, link
from penstock.ledger.state import TABLES, refold
from penstock.sim.journal import MemoryJournal


def _entries(*given_facts: Fact) -> list[Entry]:
    entries: list[Entry] = []
    for fact in given_facts:
        entries.append(link(len(entries) + 1, AT, fact, entries[-1].hash if entries else GENESIS))
    return entries


@given(st.lists(facts(), max_size=25))
def test_memory_tables_are_the_folded_journal(history: list[Fact]) -> None:
    journal = MemoryJournal(lambda: AT)
    for fact in with_leases_in_turn(history):
        journal.append(fact)
    assert refold(journal.entries()) == journal.tables


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(facts(), min_size=1, max_size=25))
def test_sqlite_tables_are_the_folded_journal(history: list[Fact]) -> None:
    with TemporaryDirectory() as folder:
        ledger = SqliteLedger(Path(folder) / "ledger.db", lambda: AT)
        try:
            ledger.append(*with_leases_in_turn(history))
            assert ledger.check() == ()
            folded = refold(ledger.entries())
            for table, (keys, _) in TABLES.items():
                assert {tuple(row[key] for key in keys): row for row in ledger.rows(table)} == folded[table]
        finally:
            ledger.close()


def test_a_run_taken_up_again_is_running_again() -> None:
    started = RunStarted(run="r1", purpose="test", plan="p", tasks=2)
    tables = refold(_entries(started, RunFinished(run="r1", state="interrupted", reason="killed"), started))
    row = tables["runs"][("r1",)]
    assert (row["state"], row["reason"], row["finished_at"]) == ("running", "", None)


def test_attempts_of_one_publish_id_stand_beside_each_other() -> None:
    attempts = [
        AttemptStarted(publish_id="p", attempt=number, run="r", dataset="d", version="v", interval="")
        for number in (1, 2)
    ]
    assert list(refold(_entries(*attempts))["attempts"]) == [("p", 1), ("p", 2)]


def test_a_promotion_leaves_exactly_its_mapping_and_no_other_environment_is_touched() -> None:
    shown = [
        Promoted(promotion=name, environment=environment, mapping=mapping, reason="test")
        for name, environment, mapping in (
            ("p1", "prod", {"a": "1", "b": "1"}),
            ("p2", "dev", {"a": "9"}),
            ("p3", "prod", {"b": "2"}),
        )
    ]
    rows = refold(_entries(*shown))["environments"]
    assert {key: row["version"] for key, row in rows.items()} == {("dev", "a"): "9", ("prod", "b"): "2"}


def test_a_change_opened_again_begins_with_nothing_of_before() -> None:
    opened = ChangeOpened(
        change="C", title="t", story="s", story_sha256="", author="a", base_commit="", base_branch="", branch="",
        until="",
    )  # fmt: skip
    asked = QuestionsAsked(change="C", questions={"q1": "who?"}, paths={"q1": "owner"})
    other = QuestionsAsked(change="D", questions={"q1": "who?"}, paths={"q1": "owner"})
    tables = refold(_entries(opened, asked, other, opened))
    assert list(tables["questions"]) == [("D", "q1")]
    assert tables["changes"][("C",)]["stage"] == "discovery"
