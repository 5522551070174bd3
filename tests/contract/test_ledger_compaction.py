"""Old entries move to an archive: nothing is lost, the chain goes on, and whoever touches any of it is found out."""

from __future__ import annotations

import gzip
import hashlib
import json
import subprocess
import sys
import zlib
from dataclasses import replace
from itertools import count
from typing import TYPE_CHECKING, Any

import apsw
import psycopg
import pytest

from penstock.adapters.ledger.archive import read_archive, write_archive
from penstock.adapters.ledger.compaction import carry_through, prepare
from penstock.adapters.ledger.opening import open_postgres
from penstock.adapters.ledger.postgres_schema import schema_of
from penstock.adapters.ledger.sqlite import SqliteLedger
from penstock.ledger.facts import (
    AttemptPublished,
    AttemptStarted,
    Fact,
    LeaseTaken,
    Promoted,
    RunFinished,
    RunQueued,
    RunStarted,
)
from penstock.ledger.journal import GENESIS, LeaseLostError, LedgerDamagedError, chain_hash, verify
from penstock.ledger.snapshot import digest_of, lines_of, state_of
from penstock.ledger.state import TABLES, refold
from penstock.model.errors import WaitingError

pytest_plugins = ["postgres_server"]

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from penstock.adapters.ledger.stored import StoredLedger
    from penstock.ledger.journal import Entry

RUNS = 12


class Place:
    """A ledger, its archives, and somebody else's hand at its tables."""

    def __init__(self, kind: str, folder: Path, address: str) -> None:
        self._kind, self._folder, self._address = kind, folder, address
        self._moments = count(1)
        self.archives = folder / "archive"
        self.ledger = self.opened()

    def opened(self) -> StoredLedger:
        if self._kind == "sqlite":
            return SqliteLedger(self._folder / "ledger.db", self.now)
        return open_postgres(self._address, str(self._folder), self.now)

    def now(self) -> str:
        """A second later at each look."""
        seconds = next(self._moments)
        return f"2011-01-01T{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}+00:00"

    def tamper(self, *statements: str, values: tuple[object, ...] = ()) -> None:
        """Write past the ledger, whatever its triggers say."""
        if self._kind == "sqlite":
            connection: Any = apsw.Connection(str(self._folder / "ledger.db"))
            for name in ("journal_keeps_its_rows", "journal_keeps_its_facts"):
                connection.execute(f"DROP TRIGGER IF EXISTS {name}")
        else:
            connection = psycopg.connect(self._address, autocommit=True)
            connection.execute(f'SET search_path = "{schema_of(str(self._folder))}"'.encode())
            for name in ("journal_keeps_its_rows", "journal_is_not_emptied"):
                connection.execute(f"DROP TRIGGER IF EXISTS {name} ON journal".encode())
        for statement in statements:
            sql = statement if self._kind == "sqlite" else statement.replace("?", "%s")
            connection.execute(sql if self._kind == "sqlite" else sql.encode(), values)
        connection.close()

    def close(self) -> None:
        self.ledger.close()


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.xdist_group("postgres"))])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    address = request.getfixturevalue("postgres") if request.param == "postgres" else ""
    place = Place(request.param, tmp_path, address)
    yield place
    place.close()


def _history(start: int = 0) -> Iterator[Fact]:
    for number in range(start, start + RUNS):
        run, publish_id = f"r{number:03}", f"r{number:03}/v/shop.größe"
        yield RunQueued(
            run=run, trigger="schedule", key=str(number), pipeline="shop", datasets="", environment="prod", until="",
            priority=0, by="me",
        )  # fmt: skip
        yield RunStarted(run=run, purpose="test", plan="p", tasks=1)
        yield AttemptStarted(publish_id=publish_id, attempt=1, run=run, dataset="d", version="v", interval="")
        yield AttemptPublished(
            publish_id=publish_id, attempt=1, dataset="d", version="v", start=str(number), end=str(number + 1), rows=3
        )
        yield RunFinished(run=run, state="published")
        yield Promoted(promotion=f"p{number}", environment="prod", mapping={"d": str(number)}, reason="test")


def _filled(place: Place) -> list[Entry]:
    place.ledger.append(LeaseTaken(name="executor", holder="one", token=1))
    for fact in _history():
        place.ledger.submit(fact)
    place.ledger.flush()
    return list(place.ledger.entries())


def _state(ledger: StoredLedger) -> dict[str, Any]:
    return {table: ledger.rows(table) for table in TABLES if table != "compactions"}


def _codes(place: Place, *, archives: bool = True) -> list[str]:
    return [finding.code for finding in place.ledger.check(place.archives if archives else None)]


def _everything(place: Place) -> list[Entry]:
    """All entries, from the archives and the journal."""
    entries: list[Entry] = []
    for row in place.ledger.rows("compactions"):
        entries += read_archive(place.archives / str(row["archive"]), str(row["archive_sha256"]))
    return entries + list(place.ledger.entries())


def test_old_entries_move_and_the_state_stays(place: Place) -> None:
    before = _filled(place)
    state = _state(place.ledger)
    done = place.ledger.compact(before[40].at, place.archives)
    assert done is not None
    assert (done.entries, done.upto) == (40, 40)
    assert _state(place.ledger) == state
    after = list(place.ledger.entries())
    assert after[:-1] == before[40:]
    assert (after[-1].kind, after[-1].previous) == ("JournalCompacted", before[-1].hash)
    assert [path.name for path in place.archives.iterdir()] == [done.archive]
    assert _everything(place)[:-1] == before
    assert verify(_everything(place)) == ()
    assert (_codes(place), _codes(place, archives=False)) == ([], [])


def test_the_chain_goes_on_and_may_be_compacted_again_and_again(place: Place) -> None:
    before = _filled(place)
    moments = [before[10].at, before[30].at, "2012"]
    moved = []
    for number, moment in enumerate(moments, start=1):
        done = place.ledger.compact(moment, place.archives)
        assert done is not None
        moved.append(done.entries)
        place.ledger.append(*_history(number * 100))
        assert _codes(place) == []
    assert moved[:2] == [10, 20]
    assert next(place.ledger.entries()).kind == "JournalCompacted"
    everything = _everything(place)
    assert everything[: len(before)] == before
    assert verify(everything) == ()
    assert len(place.ledger.rows("compactions")) == len(list(place.archives.iterdir())) == 3


def test_with_nothing_old_enough_nothing_happens(place: Place) -> None:
    before = _filled(place)
    assert place.ledger.compact(before[0].at, place.archives) is None
    assert place.ledger.compact(before[40].at, place.archives) is not None
    again = list(place.ledger.entries())
    assert place.ledger.compact(before[40].at, place.archives) is None
    assert list(place.ledger.entries()) == again
    assert len(list(place.archives.iterdir())) == 1


def test_a_clock_that_was_set_back_does_not_tear_a_hole(place: Place) -> None:
    """Only what stands before everything that is younger is moved, whatever its own moment says."""
    _filled(place)
    entries = list(place.ledger.entries())
    assert place.ledger.compact(entries[20].at, place.archives) is not None
    place.now = lambda: "2010-01-01T00:00:00+00:00"  # type: ignore[method-assign]
    other = SqliteLedger(place._folder / "ledger.db", place.now) if place._kind == "sqlite" else place.opened()
    other.append(*_history(500))
    other.close()
    done = place.ledger.compact(entries[30].at, place.archives)
    assert done is not None
    assert (done.entries, done.upto) == (10, 30)
    assert _codes(place) == []


def test_what_was_known_before_is_known_afterwards(place: Place) -> None:
    """Runs that may be asked once, and tokens that have passed."""
    _filled(place)
    place.ledger.compact("2012", place.archives)
    known = next(_history())
    assert place.ledger.append(known) == ()
    with pytest.raises(LeaseLostError):
        place.ledger.append(LeaseTaken(name="executor", holder="two", token=1))
    place.ledger.append(RunStarted(run="r000", purpose="again", plan="p", tasks=1), token=1)
    assert place.ledger.rows("runs", run="r000")[0]["pipeline"] == "shop"
    assert _codes(place) == []


def test_another_opening_goes_on_where_the_journal_stands(place: Place) -> None:
    _filled(place)
    other = place.opened()
    other.append(RunStarted(run="x", purpose="", plan="", tasks=1))
    place.ledger.compact("2012", place.archives)
    other.append(RunStarted(run="y", purpose="", plan="", tasks=1))
    other.close()
    assert [entry.seq for entry in place.ledger.entries()] == [75, 76]
    assert _codes(place) == []


def test_an_archive_is_never_written_again_and_repeats_byte_for_byte(place: Place, tmp_path: Path) -> None:
    before = _filled(place)
    with place.ledger._snapshot() as database:
        first = prepare(database, before[40].at, tmp_path / "one")
        second = prepare(database, before[40].at, tmp_path / "two")
    assert first is not None
    assert first == second
    (one,), (two,) = (list((tmp_path / name).iterdir()) for name in ("one", "two"))
    assert (one.name, one.read_bytes()) == (two.name, two.read_bytes())
    assert one.stat().st_mode & 0o222 == 0
    assert one.name.startswith(f"journal-000000000001-000000000040-{first.fact.archive_sha256[:16]}")


def test_two_who_compact_at_once_do_it_once(place: Place) -> None:
    before = _filled(place)
    with place.ledger._snapshot() as database:
        first, second = (prepare(database, before[n].at, place.archives) for n in (20, 40))
    assert first is not None
    assert second is not None
    with place.ledger._writing() as writer:
        carry_through(first, writer, place.now)
        with pytest.raises(WaitingError) as caught:
            carry_through(second, writer, place.now)
    assert caught.value.findings[0].code == "ledger.overtaken"
    assert len(place.ledger.rows("compactions")) == 1
    assert _codes(place) == []


def test_a_folder_that_cannot_be_written_leaves_the_journal_as_it_is(place: Place) -> None:
    before = _filled(place)
    place.archives.write_text("a file", encoding="utf-8")
    with pytest.raises(LedgerDamagedError) as caught:
        place.ledger.compact("2012", place.archives)
    assert caught.value.findings[0].code == "ledger.archive_not_written"
    assert list(place.ledger.entries()) == before


def test_a_broken_chain_is_not_compacted(place: Place) -> None:
    _filled(place)
    place.tamper("UPDATE journal SET body = replace(body, 'test', 'TEST') WHERE seq = 7")
    with pytest.raises(LedgerDamagedError) as caught:
        place.ledger.compact("2012", place.archives)
    assert caught.value.findings[0].code == "ledger.chain_broken"
    assert place.ledger.newest() == 73


@pytest.mark.fault
def test_a_flipped_byte_of_an_archive_is_found(place: Place) -> None:
    before = _filled(place)
    done = place.ledger.compact(before[40].at, place.archives)
    assert done is not None
    path = place.archives / done.archive
    path.chmod(0o644)
    whole = path.read_bytes()
    found = []
    for spot in range(0, len(whole), len(whole) // 25):
        path.write_bytes(whole[:spot] + bytes([whole[spot] ^ 0x01]) + whole[spot + 1 :])
        found += _codes(place)
    assert found == ["ledger.archive_altered"] * 26
    assert _codes(place, archives=False) == []
    path.write_bytes(whole)
    assert _codes(place) == []


def test_an_archive_that_is_missing_is_found(place: Place) -> None:
    before = _filled(place)
    for number in (20, 40):
        assert place.ledger.compact(before[number].at, place.archives)
    sorted(place.archives.iterdir())[0].unlink()
    assert _codes(place) == ["ledger.archive_missing"]
    assert _codes(place, archives=False) == []


def test_an_archive_rewritten_with_its_digest_breaks_the_chain(place: Place) -> None:
    """Whoever forges an archive and the row that names it: the row is not what the journal folds to."""
    before = _filled(place)
    done = place.ledger.compact(before[40].at, place.archives)
    assert done is not None
    path = place.archives / done.archive
    path.chmod(0o644)
    path.write_bytes(gzip.compress(gzip.decompress(path.read_bytes()).replace(b"test", b"TEST")))
    forged = hashlib.sha256(path.read_bytes()).hexdigest()
    place.tamper("UPDATE compactions SET archive_sha256 = ?", values=(forged,))
    assert _codes(place) == ["ledger.state_differs"]


@pytest.mark.parametrize("altered", [8, 14])
def test_another_history_in_the_archive_does_not_fit_the_journal_that_names_it(place: Place, altered: int) -> None:
    """A forger writes an archive whose chain is whole, and lets the journal, chained anew, name its digest."""
    before = _filled(place)
    place.ledger.compact(before[20].at, place.archives)
    forged = _chained_anew(before[:20], altered, '"me"', '"ME"', 0, GENESIS)
    archived = write_archive(place.archives, forged)
    kept = list(place.ledger.entries())
    digest = json.loads(kept[-1].body)["archive_sha256"]
    told = [(json.loads(kept[-1].body)["archive"], archived.name), (digest, archived.sha256)]
    new = kept
    for old, other in told:
        new = _chained_anew(new, kept[-1].seq, old, other, before[19].seq, before[19].hash)
        place.tamper("UPDATE compactions SET archive = replace(archive, ?, ?)", values=(old, other))
    place.tamper("UPDATE compactions SET archive_sha256 = ?", values=(archived.sha256,))
    for entry in new:
        values = (entry.body, entry.previous, entry.hash, entry.seq)
        place.tamper("UPDATE journal SET body = ?, previous = ?, hash = ? WHERE seq = ?", values=values)
    assert _codes(place, archives=False) == []
    assert _codes(place) == ["ledger.chain_broken"]


def test_another_state_in_the_snapshot_is_not_what_the_archives_fold_to(place: Place) -> None:
    """A forger writes a snapshot, lets the journal, chained anew, name its digest, and the tables agree with it."""
    before = _filled(place)
    place.ledger.compact(before[20].at, place.archives)
    with place.ledger._snapshot() as database:
        text = b"".join(zlib.decompress(bytes(data)) for (data,) in database.fetch("SELECT data FROM snapshot"))
    forged = text.replace(b'"published"', b'"failed"')
    digests = [hashlib.sha256(each).hexdigest() for each in (text, forged)]
    kept = list(place.ledger.entries())
    new = _chained_anew(kept, kept[-1].seq, digests[0], digests[1], before[19].seq, before[19].hash)
    place.tamper("UPDATE snapshot SET data = ?", values=(zlib.compress(forged),))
    for entry in new:
        values = (entry.body, entry.previous, entry.hash, entry.seq)
        place.tamper("UPDATE journal SET body = ?, previous = ?, hash = ? WHERE seq = ?", values=values)
    place.ledger.repair_state()
    assert len(place.ledger.rows("runs", state="failed")) == 3
    assert _codes(place, archives=False) == []
    assert _codes(place) == ["ledger.snapshot_altered"]


def _chained_anew(entries: list[Entry], at: int, old: str, new: str, seq: int, previous: str) -> list[Entry]:
    """The same entries with one body altered, and every hash from there on made to fit."""
    made: list[Entry] = []
    for entry in entries:
        body = entry.body.replace(old, new) if entry.seq == at else entry.body
        digest = chain_hash(entry.seq, entry.at, entry.kind, body, previous)
        made.append(replace(entry, body=body, previous=previous, hash=digest))
        previous = digest
    assert made[0].seq == seq + 1
    assert [entry.body for entry in made] != [entry.body for entry in entries]
    return made


@pytest.mark.fault
def test_a_flipped_byte_of_the_snapshot_is_found(place: Place) -> None:
    before = _filled(place)
    place.ledger.compact(before[40].at, place.archives)
    with place.ledger._snapshot() as database:
        ((data,),) = database.fetch("SELECT data FROM snapshot")
    whole = bytes(data)
    found = []
    for spot in range(0, len(whole), len(whole) // 25):
        altered = whole[:spot] + bytes([whole[spot] ^ 0x10]) + whole[spot + 1 :]
        place.tamper("UPDATE snapshot SET data = ?", values=(altered,))
        found.append(_found(place))
    assert found == ["ledger.snapshot_altered"] * len(found)
    assert len(found) >= 25


def _found(place: Place) -> str:
    try:
        (code,) = _codes(place, archives=False)
    except LedgerDamagedError as error:
        return error.findings[0].code
    return code


@pytest.mark.parametrize(
    ("statements", "code"),
    [
        (["UPDATE journal SET body = replace(body, 'test', 'TEST') WHERE seq = 45"], "ledger.chain_broken"),
        (["DELETE FROM journal WHERE seq = 41"], "ledger.chain_broken"),
        (["UPDATE anchor SET hash = 'x'"], "ledger.chain_broken"),
        (["DELETE FROM anchor"], "ledger.chain_broken"),
        (
            [
                "DELETE FROM journal WHERE seq <= 50",
                "DELETE FROM anchor",
                "INSERT INTO anchor SELECT seq - 1, previous FROM journal WHERE seq = 51",
            ],
            "ledger.anchor_unknown",
        ),
        (["DELETE FROM snapshot"], "ledger.snapshot_altered"),
        (["UPDATE runs SET plan = 'x' WHERE run = 'r003'"], "ledger.state_differs"),
    ],
)
def test_whatever_is_altered_is_found(place: Place, statements: list[str], code: str) -> None:
    before = _filled(place)
    place.ledger.compact(before[40].at, place.archives)
    assert _codes(place) == []
    place.tamper(*statements)
    assert _codes(place) == [code]


def test_a_state_table_that_somebody_wrote_to_is_made_anew(place: Place) -> None:
    """Whether its rows come from entries that are still there or from the snapshot."""
    before = _filled(place)
    state = _state(place.ledger)
    for compacted in (False, True):
        if compacted:
            place.ledger.compact(before[40].at, place.archives)
        place.tamper("UPDATE runs SET plan = 'x' WHERE run IN ('r001', 'r011')", "DELETE FROM coverage WHERE seq < 60")
        assert _codes(place) == ["ledger.state_differs"] * 2
        place.ledger.repair_state()
        assert _codes(place) == []
        assert _state(place.ledger) == state


def test_nothing_is_made_anew_from_a_broken_journal(place: Place) -> None:
    _filled(place)
    place.tamper("UPDATE journal SET body = replace(body, 'test', 'TEST') WHERE seq = 7", "DELETE FROM coverage")
    with pytest.raises(LedgerDamagedError) as caught:
        place.ledger.repair_state()
    assert caught.value.findings[0].code == "ledger.chain_broken"
    assert place.ledger.rows("coverage") == ()
    assert len(place.ledger.rows("runs")) == RUNS


def test_the_file_gives_back_the_room(tmp_path: Path) -> None:
    place = Place("sqlite", tmp_path, "")
    history = [fact for start in range(0, 1200, RUNS) for fact in _history(start)]
    place.ledger.append(*history)
    assert place.ledger.compact("2012", place.archives)
    place.close()
    alone = SqliteLedger(tmp_path / "alone.db", lambda: "2011")
    alone.append(*history)
    alone.close()
    assert (tmp_path / "ledger.db").stat().st_size < 0.6 * (tmp_path / "alone.db").stat().st_size


@pytest.mark.slow
@pytest.mark.fault
def test_killed_at_any_step_the_journal_is_the_old_one_or_the_new_one(tmp_path: Path) -> None:
    """Kills at every durable call of the archive, and at moments spread over the transaction."""
    program = (
        "import os, signal, sys\n"
        "from pathlib import Path\n"
        "import apsw\n"
        "from penstock.adapters.ledger.sqlite import SqliteLedger\n"
        "path, kind, at = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])\n"
        "seen = {'file': 0, 'database': 0}\n"
        "def step(what):\n"
        "    seen[what] += 1\n"
        "    if (what, seen[what]) == (kind, at):\n"
        "        os.kill(os.getpid(), signal.SIGKILL)\n"
        "    return False\n"
        "def around(owner, name):\n"
        "    original = getattr(owner, name)\n"
        "    def watched(*args, **options):\n"
        "        step('file')\n"
        "        result = original(*args, **options)\n"
        "        step('file')\n"
        "        return result\n"
        "    setattr(owner, name, watched)\n"
        "ledger = SqliteLedger(path / 'ledger.db', lambda: '2011-01-02')\n"
        "for owner, name in ((os, 'fsync'), (Path, 'rename'), (Path, 'mkdir'), (Path, 'chmod')):\n"
        "    around(owner, name)\n"
        "apsw.connection_hooks.append(lambda each: each.set_progress_handler(lambda: step('database'), 100))\n"
        "ledger.compact('2011-01-01T00:00:41+00:00', path / 'archive')\n"
        "ledger.close()\n"
        "print(seen['file'], seen['database'])\n"
    )

    def run(folder: Path, kind: str, at: int) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", program, str(folder), kind, str(at)]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    def fresh(name: str) -> tuple[Place, list[Entry]]:
        folder = tmp_path / name
        folder.mkdir()
        place = Place("sqlite", folder, "")
        entries = _filled(place)
        place.close()
        return place, entries

    whole, _ = fresh("whole")
    files, steps = (int(number) for number in run(whole._folder, "none", 0).stdout.split())
    kills = [("file", number) for number in range(1, files + 1)]
    kills += [("database", 1 + (steps - 1) * number // 15) for number in range(16)]
    fired = old = new = 0
    for kind, at in kills:
        place, before = fresh(f"{kind}-{at}")
        fired += run(place._folder, kind, at).returncode == -9
        place.ledger = place.opened()
        assert _codes(place) == [], (kind, at)
        kept = len(place.ledger.rows("compactions"))
        old, new = old + (not kept), new + kept
        place.ledger.compact("2011-01-01T00:00:41+00:00", place.archives)
        assert _codes(place) == []
        assert _everything(place)[: len(before)] == before
        assert len(place.ledger.rows("compactions")) == 1
        place.close()
    print(f"kills: asked {len(kills)}, fired {fired}, found old {old}, found new {new}")  # noqa: T201 - rule one
    assert fired == len(kills)
    assert old
    assert new


def test_snapshots_have_a_form_that_does_not_depend_on_the_order_of_what_happened(tmp_path: Path) -> None:
    """Equal states are equal bytes, and read back as they were."""
    place = Place("sqlite", tmp_path, "")
    entries = _filled(place)
    place.close()
    state = refold(entries)
    backwards = {table: dict(reversed(rows.items())) for table, rows in reversed(state.items())}
    lines = list(lines_of(state))
    assert list(lines_of(backwards)) == lines
    assert state_of(lines) == state
    assert digest_of(lines) == digest_of(["".join(lines)])


@pytest.mark.parametrize("line", ["", "x", "[]", '["runs"]', '["nothing", {}]', '["runs", []]', "1"])
def test_a_line_that_is_no_row_is_refused(line: str) -> None:
    with pytest.raises(LedgerDamagedError) as caught:
        state_of([line])
    assert caught.value.findings[0].code == "ledger.snapshot_unreadable"
