"""The ledger in Postgres: a schema of its own, one writer at a time, and a password that is never repeated."""

from __future__ import annotations

import json
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields
from typing import TYPE_CHECKING, Any, get_args
from urllib.parse import quote, unquote, urlsplit

import psycopg
import pytest

from penstock.adapters.ledger.opening import open_postgres
from penstock.adapters.ledger.postgres_schema import Address, PostgresDatabase, schema_of
from penstock.adapters.ledger.schema import SCHEMA_VERSION
from penstock.adapters.ledger.statements import POSTGRES, columns_of, select
from penstock.ledger.facts import (
    BackfillRequested,
    ExpiryIntended,
    Fact,
    FilesRestated,
    LeaseTaken,
    QuestionsAsked,
    RemovalIntended,
    RunQueued,
    RunStarted,
    VersionDefined,
    VersionsRemoved,
)
from penstock.ledger.journal import LeaseLostError, LedgerDamagedError
from penstock.ledger.landed import write_landed
from penstock.ledger.state import TABLES
from penstock.model.errors import InputError, PenstockError, RunError, WaitingError
from penstock.model.sources import LandedFile

pytest_plugins = ["postgres_server"]

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from penstock.adapters.ledger.postgres import PostgresLedger

pytestmark = pytest.mark.xdist_group("postgres")
AT = "2011-01-04T06:30:00+00:00"


def _run(name: str) -> RunStarted:
    return RunStarted(run=name, purpose="test", plan="p", tasks=1)


@pytest.fixture
def project(tmp_path: Path) -> str:
    return str(tmp_path)


@pytest.fixture
def ledger(postgres: str, project: str) -> Iterator[PostgresLedger]:
    ledger = open_postgres(postgres, project, lambda: AT)
    yield ledger
    ledger.close()


@pytest.fixture
def admin(postgres: str, project: str) -> Iterator[psycopg.Connection[Any]]:
    """Somebody else's connection, who looks into the project's schema."""
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute("SELECT set_config('search_path', %s, false)", (f'"{schema_of(project)}"',))
        yield connection


def _writers_process(ledger: PostgresLedger) -> int:
    writer: Any = ledger._committer._writer
    return int(writer.connection.info.backend_pid)


def test_two_openings_write_one_chain_in_turns(ledger: PostgresLedger, postgres: str, project: str) -> None:
    other = open_postgres(postgres, project, lambda: AT)
    with ThreadPoolExecutor(4) as pool:
        stores = [ledger, other] * 20
        made = list(pool.map(lambda pair: pair[1].append(_run(str(pair[0]))), enumerate(stores)))
    other.close()
    assert sorted(entries[0].seq for entries in made) == list(range(1, 41))
    assert ledger.check() == ()


def test_a_lease_that_another_process_took_is_known_at_once(
    ledger: PostgresLedger, postgres: str, project: str
) -> None:
    ledger.append(LeaseTaken(name="executor", holder="one", token=1))
    other = open_postgres(postgres, project, lambda: AT)
    other.append(LeaseTaken(name="executor", holder="two", token=2))
    other.close()
    with pytest.raises(LeaseLostError):
        ledger.append(_run("a"), token=1)
    assert not ledger.beat(1)


def test_many_may_open_a_ledger_that_is_not_there_yet(postgres: str, project: str) -> None:
    started = threading.Barrier(6)

    def opened(number: int) -> int:
        started.wait()
        ledger = open_postgres(postgres, project, lambda: AT)
        (entry,) = ledger.append(_run(str(number)))
        ledger.close()
        return entry.seq

    with ThreadPoolExecutor(6) as pool:
        assert sorted(pool.map(opened, range(6))) == [1, 2, 3, 4, 5, 6]


def test_projects_in_one_database_do_not_see_each_other(ledger: PostgresLedger, postgres: str, project: str) -> None:
    ledger.append(_run("mine"))
    other = open_postgres(postgres, f"{project} other", lambda: AT)
    other.append(_run("theirs"))
    assert [row["run"] for row in ledger.rows("runs")] == ["mine"]
    assert [row["run"] for row in other.rows("runs")] == ["theirs"]
    other.close()


@pytest.mark.parametrize("name", ['a"b', "x'; DROP TABLE canary; --", "größer", "%s %(a)s", "a.b", "P" * 200])
def test_a_project_may_have_any_name(postgres: str, name: str) -> None:
    with psycopg.connect(postgres, autocommit=True) as admin:
        admin.execute("CREATE TABLE IF NOT EXISTS public.canary (alive int)")
        ledger = open_postgres(postgres, name, lambda: AT)
        ledger.append(_run(name))
        assert [row["run"] for row in ledger.rows("runs", run=name)] == [name]
        ledger.close()
        found = admin.execute("SELECT 1 FROM pg_namespace WHERE nspname = %s", (schema_of(name),)).fetchall()
        assert found == [(1,)]
        assert admin.execute("SELECT count(*) FROM public.canary").fetchone() == (0,)


def test_long_names_that_begin_alike_have_schemas_of_their_own() -> None:
    names = {schema_of("x" * length) for length in range(40, 120)}
    assert len(names) == 80
    assert all(len(name.encode()) <= 63 for name in [*names, schema_of("ä" * 90)])


def test_every_kind_of_fact_with_any_text_is_kept_and_its_state_is_the_fold(ledger: PostgresLedger) -> None:
    """Also with characters that Postgres text cannot hold, and those that stand for them."""
    odd = "größer 'x' \0 \x1a \x1a0 \x1a1 \\ %s \U0001f600"
    plain: dict[str, Any] = {"str": odd, "int": 2**53, "bool": True}
    maps: dict[str, Any] = {"Mapping[str, str]": {odd: odd}, "Mapping[str, int]": {odd: 1}}
    history: list[Fact] = []
    for kind in get_args(Fact):
        values = {field.name: {**plain, **maps}[str(field.type)] for field in fields(kind)}
        if kind is LeaseTaken:
            values["token"] = 1
        if "files" in values and isinstance(values["files"], str):
            landed = LandedFile(name=odd, start="s", size=1, modified=2**62, digest=odd, rows=1)
            values["files"] = write_landed(["s"], [landed])
        if kind in {BackfillRequested, FilesRestated}:
            values["stale"] = json.dumps([["d", "v", odd, odd, odd]])
        if kind is RemovalIntended:
            values["versions"] = json.dumps([["d", "v", odd]])
        if kind is VersionsRemoved:
            values |= {"versions": json.dumps([["d", "v"]]), "left": json.dumps([["d", odd]])}
        if kind is ExpiryIntended:
            values |= {"versions": json.dumps([["v", odd, odd]]), "profiles": json.dumps([["v", odd]])}
        if kind is QuestionsAsked:
            values["paths"] = values["questions"]
        history.append(kind(**values))
    ledger.append(*history)
    assert [entry.fact for entry in ledger.entries()] == history
    assert ledger.rows("runs", run=odd)[0]["plan"] == odd
    assert ledger.check() == ()


def test_a_state_table_that_somebody_edited_is_found(ledger: PostgresLedger, admin: psycopg.Connection[Any]) -> None:
    ledger.append(_run("a"), _run("b"))
    admin.execute("UPDATE runs SET state = 'published' WHERE run = 'a'")
    (finding,) = ledger.check()
    assert (finding.code, finding.message.split()[0]) == ("ledger.state_differs", "1")


@pytest.mark.parametrize("statement", ["DELETE FROM journal", "UPDATE journal SET body = '{}'", "TRUNCATE journal"])
def test_the_journal_can_only_grow(ledger: PostgresLedger, admin: psycopg.Connection[Any], statement: str) -> None:
    ledger.append(_run("a"))
    with pytest.raises(psycopg.errors.RaiseException, match="append only"):
        admin.execute(statement.encode())


def test_connections_that_the_server_closed_in_between_are_opened_again(
    ledger: PostgresLedger, admin: psycopg.Connection[Any]
) -> None:
    ledger.append(_run("a"))
    ledger.append(LeaseTaken(name="executor", holder="one", token=1))
    assert ledger.beat(1)
    ended = admin.execute(
        "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE pid <> pg_backend_pid() "
        "AND backend_type = 'client backend'"
    ).fetchall()
    assert len(ended) == 3
    ledger.append(_run("b"))
    assert [row["run"] for row in ledger.rows("runs")] == ["a", "b"]
    assert ledger.beat(1)
    assert ledger.pulse() == (1, 2)


@pytest.mark.fault
def test_after_a_lost_transaction_nothing_is_written_until_it_is_opened_anew(
    postgres: str, project: str, admin: psycopg.Connection[Any]
) -> None:
    """The connection is cut between the beginning of a transaction and its commit."""
    cut: list[object] = []

    def now() -> str:
        if doomed:
            cut.extend(admin.execute("SELECT pg_terminate_backend(%s, 5000)", (doomed.pop(),)))
        return AT

    doomed: list[int] = []
    ledger = open_postgres(postgres, project, now)
    ledger.append(_run("a"))
    doomed.append(_writers_process(ledger))
    with pytest.raises(LedgerDamagedError, match="could not be written") as caught:
        ledger.append(_run("b"))
    assert cut == [(True,)]
    assert caught.value.findings[0].code == "ledger.write_failed"
    with pytest.raises(LedgerDamagedError, match="could not be written"):
        ledger.append(_run("c"))
    ledger.close()
    opened = open_postgres(postgres, project, now)
    opened.append(_run("d"))
    assert [row["run"] for row in opened.rows("runs")] == ["a", "d"]
    assert opened.check() == ()
    opened.close()


def test_a_ledger_that_another_process_keeps_busy_is_waited_for_and_then_said_so(
    ledger: PostgresLedger, postgres: str, project: str
) -> None:
    writer: Any = ledger._committer._writer
    writer.connection.execute("SET lock_timeout = '20ms'")
    with psycopg.connect(postgres) as other:
        other.execute("SELECT pg_advisory_xact_lock(%s)", (Address(postgres, project).lock,))
        with pytest.raises(WaitingError) as caught:
            ledger.append(_run("a"))
        assert caught.value.findings[0].code == "ledger.busy"
    ledger.append(_run("b"))
    assert [row["run"] for row in ledger.rows("runs")] == ["b"]


def test_commits_are_durable_whatever_the_role_is_set_to(
    postgres: str, project: str, admin: psycopg.Connection[Any]
) -> None:
    admin.execute("ALTER ROLE postgres SET synchronous_commit = off")
    try:
        ledger = open_postgres(postgres, project, lambda: AT)
        writer: Any = ledger._committer._writer
        assert writer.fetch("SHOW synchronous_commit") == [("on",)]
        ledger.close()
    finally:
        admin.execute("ALTER ROLE postgres RESET synchronous_commit")


def test_a_ledger_of_a_newer_penstock_is_refused(
    ledger: PostgresLedger, admin: psycopg.Connection[Any], postgres: str, project: str
) -> None:
    ledger.append(_run("a"))
    admin.execute("UPDATE penstock_schema SET version = version + 1")
    with pytest.raises(LedgerDamagedError, match=f"newer Penstock \\(schema {SCHEMA_VERSION + 1}\\)") as caught:
        open_postgres(postgres, project, lambda: AT)
    assert caught.value.findings[0].remedy == "use that version of Penstock"


def test_a_ledger_of_schema_2_is_brought_up_and_folded_again(
    ledger: PostgresLedger, admin: psycopg.Connection[Any], postgres: str, project: str
) -> None:
    defined = VersionDefined(dataset="s.one", version="v", relation="r", materialization="table", meanings={"": "m"})
    ledger.append(_run("a"), defined)
    ledger.close()
    for column in ("meanings", "own", "query", "described"):
        admin.execute(f"ALTER TABLE versions DROP COLUMN {column}")
    admin.execute("DROP TABLE removals, arrivals, profiles, horizons, expiries, exports, rollout")
    admin.execute("UPDATE penstock_schema SET version = 2")
    again = open_postgres(postgres, project, lambda: AT)
    assert [row["meanings"] for row in again.rows("versions")] == ['{"":"m"}']
    assert again.check() == ()
    again.close()


def test_another_programs_schema_is_refused_and_left_alone(
    admin: psycopg.Connection[Any], postgres: str, project: str
) -> None:
    admin.execute(f'CREATE SCHEMA "{schema_of(project)}"'.encode())
    admin.execute("CREATE TABLE bookmarks (url text)")
    with pytest.raises(LedgerDamagedError) as caught:
        open_postgres(postgres, project, lambda: AT)
    assert caught.value.findings[0].code == "ledger.foreign"
    tables = admin.execute("SELECT tablename FROM pg_tables WHERE schemaname = %s", (schema_of(project),)).fetchall()
    assert tables == [("bookmarks",)]


def test_a_schema_that_lacks_a_table_is_said_to_be_unreadable(
    ledger: PostgresLedger, admin: psycopg.Connection[Any]
) -> None:
    admin.execute("DROP TABLE triggers")
    with pytest.raises(LedgerDamagedError) as caught:
        ledger.rows("triggers")
    assert caught.value.findings[0].code == "ledger.unreadable"


def _wrong_password(address: str) -> str:
    head, _, tail = address.partition("@")
    return f"{head}WRONG@{tail}"


def _wrong_port(address: str) -> str:
    return address.rpartition(":")[0] + ":1/postgres"


def _no_database(address: str) -> str:
    return address + "_that_is_not_there"


def _no_address(address: str) -> str:
    return address.replace("%20", " ").replace("%2F", "/").replace("%3A", ":").replace("postgresql://", "postgre://")


@pytest.mark.parametrize(
    ("spoil", "error", "code"),
    [
        (_wrong_password, RunError, "ledger.unreachable"),
        (_wrong_port, RunError, "ledger.unreachable"),
        (_no_database, RunError, "ledger.unreachable"),
        (_no_address, InputError, "ledger.bad_address"),
    ],
)
def test_an_address_that_does_not_work_is_refused_without_repeating_its_password(
    postgres: str, project: str, spoil: Callable[[str], str], error: type[PenstockError], code: str
) -> None:
    with pytest.raises(error) as caught:
        open_postgres(spoil(postgres), project, lambda: AT)
    (finding,) = caught.value.findings
    assert finding.code == code
    _says_nothing(caught.value, postgres)


def test_what_the_server_says_is_told_without_the_password(postgres: str) -> None:
    password = unquote(str(urlsplit(postgres).password))
    said = RuntimeError(f"cannot use\n {password} nor {quote(password, safe='')}")
    assert Address(postgres, "shop").told(said) == "cannot use *** nor ***"


def test_no_message_of_a_working_ledger_holds_the_password(
    ledger: PostgresLedger, admin: psycopg.Connection[Any], postgres: str
) -> None:
    assert "postgresql://postgres@127.0.0.1:" in ledger.place
    admin.execute("DROP TABLE coverage")
    admin.execute("DROP TABLE runs")
    with pytest.raises(LedgerDamagedError) as caught:
        ledger.append(_run("a"))
    _says_nothing(caught.value, postgres)
    with pytest.raises(LedgerDamagedError) as caught:
        ledger.rows("runs")
    _says_nothing(caught.value, postgres)


def _says_nothing(error: BaseException | None, address: str) -> None:
    """No password in an error, its findings or its causes."""
    password = unquote(str(urlsplit(address).password))
    assert len(password.split()[0]) > 5
    while error is not None:
        told = [str(error), repr(error), *(json.dumps(each.to_json()) for each in getattr(error, "findings", ()))]
        for form in (password, password.split()[0], quote(password, safe="")):
            assert not any(form in text for text in told)
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)


def test_without_the_driver_it_says_which_extra_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    monkeypatch.delitem(sys.modules, "penstock.adapters.ledger.postgres", raising=False)
    monkeypatch.delitem(sys.modules, "penstock.adapters.ledger.postgres_schema", raising=False)
    with pytest.raises(InputError) as caught:
        open_postgres("postgresql:///x", "shop", lambda: AT)
    (finding,) = caught.value.findings
    assert (finding.code, finding.remedy) == ("ledger.no_driver", "in Penstock's folder: pip install '.[postgres]'")


def test_every_state_table_has_the_columns_that_the_fold_sets(
    ledger: PostgresLedger, admin: psycopg.Connection[Any], project: str
) -> None:
    del ledger
    for table in TABLES:
        rows = admin.execute(
            "SELECT column_name FROM information_schema.columns WHERE table_schema = %s AND table_name = %s "
            "ORDER BY ordinal_position",
            (schema_of(project), table),
        ).fetchall()
        assert [name for (name,) in rows] == list(columns_of(table)), table


def test_the_head_of_the_queue_is_found_without_sorting_it(
    ledger: PostgresLedger, admin: psycopg.Connection[Any]
) -> None:
    queued = [
        RunQueued(
            run=f"r{number}", trigger="manual", key="", pipeline="shop", datasets="", environment="prod", until="",
            priority=number % 5, by="me",
        )
        for number in range(3000)
    ]  # fmt: skip
    ledger.append(*queued)
    assert ledger.append(*queued) == ()
    admin.execute("ANALYZE runs")
    text, values = select(POSTGRES, "runs", "queue", 10, {"state": "queued"})
    plan = "\n".join(row[0] for row in PostgresDatabase(admin).fetch(f"EXPLAIN {text}", values))
    assert "Index Scan using runs_in_the_queue" in plan
    assert "Sort" not in plan
