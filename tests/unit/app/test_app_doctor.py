"""`doctor` finds what does not agree, and mends only what it can mend without losing anything that was acknowledged."""

from __future__ import annotations

import json
import random
import shutil
import subprocess
import sys
from collections import Counter
from datetime import timedelta
from typing import TYPE_CHECKING

import apsw
import duckdb
import pytest
from click.testing import CliRunner

from penstock.adapters.lock import exclusive
from penstock.app.doctor import compact, examine, mend
from penstock.app.wiring import workplace
from penstock.cli.commands.doctor import doctor
from penstock.ledger.facts import ChangeOpened, RunStarted
from penstock.model.errors import RunError, WaitingError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from penstock.app.wiring import Workplace

SLICES = 12
PUBLISH = """
import os, signal, sys
from pathlib import Path
import duckdb
from penstock.adapters.duckdb.warehouse import DuckdbWarehouse
from penstock.adapters.ledger.sqlite import SqliteLedger
from penstock.ledger.facts import AttemptPublished, Promoted

state = Path(sys.argv[1]) / ".penstock"
DuckdbWarehouse(state / "warehouse.duckdb", state / "spool").close()
ledger = SqliteLedger(state / "ledger.db", lambda: "2011-01-04T06:30:00+00:00")
connection = duckdb.connect(str(state / "warehouse.duckdb"))
log = state / "warehouse.duckdb.wal"
for number in range(int(sys.argv[2])):
    name, rows = f"p{number}", 10 + number
    connection.execute("BEGIN")
    connection.execute(f"CREATE TABLE t{number} AS SELECT i, 'row ' || i AS text FROM range({rows}) AS r(i)")
    connection.execute("INSERT INTO _penstock.ledger VALUES (?, 'r', 'd', 'v', ?, 1)", [name, rows])
    if number == 5:
        connection.execute("INSERT INTO _penstock.swaps VALUES ('swap', 'prod')")
        connection.execute("INSERT INTO _penstock.environments VALUES ('prod', 'd', 'v')")
    connection.execute("COMMIT")
    print(log.stat().st_size, flush=True)
    if number < int(sys.argv[2]) - 1:
        ledger.append(
            AttemptPublished(
                publish_id=name, attempt=1, dataset="d", version="v", start=f"{number:03}", end="", rows=rows
            )
        )
    if number == 5:
        ledger.append(Promoted(promotion="swap", environment="prod", mapping={"d": "v"}, reason="test"))
ledger.close()
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture(scope="session")
def killed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[int]]:
    """A project whose executor was killed after its last publish and before that was recorded; where each log ended."""
    root = tmp_path_factory.mktemp("killed")
    (root / "penstock.yaml").write_text("name: shop\n", encoding="utf-8")
    command = [sys.executable, "-c", PUBLISH, str(root), str(SLICES)]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == -9, ended.stderr
    ends = [int(line) for line in ended.stdout.split()]
    assert len(ends) == SLICES
    return root, ends


@pytest.fixture
def place(killed: tuple[Path, list[int]], tmp_path: Path) -> Iterator[Workplace]:
    shutil.copytree(killed[0], tmp_path / "shop")
    with workplace(tmp_path / "shop") as place:
        yield place


def _files(root: Path) -> dict[str, bytes]:
    """What the warehouse consists of, and what lies beside it."""
    return {path.name: path.read_bytes() for path in (root / ".penstock").glob("*warehouse*")}


def _codes(place: Workplace) -> list[str]:
    return [finding.code for finding in examine(place)[1]]


def _refuses(path: Path) -> bool:
    try:
        duckdb.connect(str(path), read_only=True).close()
    except duckdb.Error:
        return True
    return False


ZEROS = "zeros instead of the rest"


def _tear(path: Path, at: int, kind: str = ZEROS, bit: int = 0) -> None:
    whole = path.read_bytes()
    match kind:
        case "zeros instead of the rest":
            path.write_bytes(whole[:at] + bytes(len(whole) - at))
        case "zeros to the page's end":
            path.write_bytes(whole[:at] + bytes(-at % 4096))
        case _:
            path.write_bytes(whole[:at] + bytes([whole[at] ^ 1 << bit]) + whole[at + 1 :])


@pytest.mark.fault
def test_a_torn_log_is_cut_where_it_breaks_if_nothing_acknowledged_is_lost_by_it(
    killed: tuple[Path, list[int]], tmp_path: Path
) -> None:
    """Tears in the last transaction, which nobody was told of, are mended; earlier ones are refused and left alone."""
    source, ends = killed
    asked = 0
    fired: Counter[str] = Counter()
    outcomes: Counter[str] = Counter()
    for seed in range(60):
        chance = random.Random(seed)  # noqa: S311 - repeatable chance, not secrecy
        root = tmp_path / str(seed)
        shutil.copytree(source, root)
        last = seed % 2 == 0
        at = chance.randrange(ends[-2] + 1, ends[-1]) if last else chance.randrange(ends[0], ends[-2])
        kind = (ZEROS, "zeros to the page's end", "a flipped bit")[seed % 3]
        path = root / ".penstock" / "warehouse.duckdb"
        _tear(path.with_name("warehouse.duckdb.wal"), at, kind, chance.randrange(8))
        asked += 1
        if not _refuses(path):
            continue  # DuckDB took it for the end of the log: what is missing then, `examine` finds
        fired[kind] += 1
        before = _files(root)
        with workplace(root) as place:
            assert _codes(place) == ["warehouse.torn"]
        assert _files(root) == before
        with workplace(root) as place:
            mended, stuck = mend(place)
            codes = _codes(place)
        if last:
            assert (stuck, codes) == ((), [])
            assert len(mended) == 1
            aside = [name for name in _files(root) if ".damaged-" in name]
            assert sorted(_files(root)[name] for name in aside) == sorted(before.values())
            outcomes["mended"] += 1
        else:
            assert (mended, codes) == ((), ["warehouse.torn"])
            assert stuck[0].code == "warehouse.not_repairable"
            assert {finding.code for finding in stuck[1:]} <= {"doctor.slice_differs", "doctor.promotion_missing"}
            assert f"lack {sum(end > at for end in ends[:-1]) + (at < ends[5])} thing(s)" in stuck[0].message
            assert _files(root) == before
            outcomes["refused"] += 1
    print(f"torn: asked {asked}, fired {fired.total()} {dict(fired)}, {dict(outcomes)}")  # noqa: T201 - rule one
    assert fired.total() >= 45
    assert len(fired) == 3
    assert min(outcomes.values()) >= 15


def test_what_duckdb_silently_drops_from_a_cut_log_is_found(place: Workplace, killed: tuple[Path, list[int]]) -> None:
    log = place.state / "warehouse.duckdb.wal"
    log.write_bytes(log.read_bytes()[: killed[1][3] + 20])
    assert not _refuses(place.state / "warehouse.duckdb")
    codes = Counter(_codes(place))
    assert codes == {"doctor.slice_differs": 7, "doctor.promotion_missing": 1, "doctor.environment_differs": 1}
    assert mend(place) == ((), ())


def test_a_mended_warehouse_can_be_worked_with(place: Workplace, killed: tuple[Path, list[int]]) -> None:
    log = place.state / "warehouse.duckdb.wal"
    _tear(log, killed[1][-2] + 60)
    (sentence,), stuck = mend(place)
    broke = f"broke at byte {log.stat().st_size} of {killed[1][-1]}"
    assert sentence == f"the warehouse's log {broke} and now ends there; nothing is lost"
    assert stuck == ()
    assert place.warehouse.published("p10") == 20
    assert place.warehouse.published("p11") is None
    place.warehouse.fence(7)
    place.rest()
    assert _codes(place) == []


def test_a_repair_killed_before_its_end_leaves_the_old_log_and_can_be_repeated(
    place: Workplace, killed: tuple[Path, list[int]]
) -> None:
    """As a disk that fills up, or a kill, would leave it: half of a copy beside the file."""
    log = place.state / "warehouse.duckdb.wal"
    _tear(log, killed[1][-2] + 60)
    for name in (".warehouse.duckdb.repair", ".warehouse.duckdb.repair.wal"):
        (place.state / name).write_bytes(b"half")
    mended, stuck = mend(place)
    assert (len(mended), stuck) == (1, ())
    assert not list(place.state.glob(".warehouse*"))
    assert _codes(place) == []


def test_without_room_for_the_copies_nothing_is_changed(place: Workplace, killed: tuple[Path, list[int]]) -> None:
    log = place.state / "warehouse.duckdb.wal"
    _tear(log, killed[1][-2] + 60)
    (place.state / ".warehouse.duckdb.repair.wal").mkdir()  # nothing can be written there
    before = log.read_bytes()
    with pytest.raises(RunError) as caught:
        mend(place)
    assert caught.value.findings[0].code == "warehouse.not_copied"
    assert log.read_bytes() == before
    assert not list(place.state.glob("*.damaged-*"))


def test_a_file_that_is_damaged_itself_is_not_for_mending(place: Workplace) -> None:
    path = place.state / "warehouse.duckdb"
    path.write_bytes(bytes(4096) + path.read_bytes()[4096:])
    before = _files(place.root)
    assert _codes(place) == ["warehouse.unreadable"]
    assert mend(place) == ((), ())
    assert _files(place.root) == before


def test_a_warehouse_that_is_gone_is_a_finding(place: Workplace) -> None:
    (place.state / "warehouse.duckdb").unlink()
    assert _codes(place) == ["warehouse.lost"]


def test_nothing_is_mended_while_another_command_works(place: Workplace) -> None:
    with exclusive(place.state / "executor.lock"), pytest.raises(WaitingError):
        mend(place)


def test_state_tables_that_somebody_wrote_to_are_made_anew(place: Workplace) -> None:
    apsw.Connection(str(place.state / "ledger.db")).execute("DELETE FROM coverage; UPDATE promotions SET reason = 'x'")
    assert _codes(place) == ["ledger.state_differs"] * 2
    mended, stuck = mend(place)
    assert stuck == ()
    assert [sentence.split(":")[0] for sentence in mended] == ["made anew from the journal"] * 2
    assert _codes(place) == []
    assert len(place.ledger.rows("coverage")) == SLICES - 1


def test_a_damaged_journal_is_not_mended_and_neither_is_what_depends_on_it(
    place: Workplace, killed: tuple[Path, list[int]]
) -> None:
    apsw.Connection(str(place.state / "ledger.db")).execute(
        "DROP TRIGGER journal_keeps_its_facts; UPDATE journal SET body = replace(body, '\"v\"', '\"w\"') WHERE seq = 3"
    )
    _tear(place.state / "warehouse.duckdb.wal", killed[1][-2] + 60)
    before = _files(place.root)
    mended, (finding,) = mend(place)
    assert (mended, finding.code) == ((), "ledger.not_repairable")
    assert "entry 3" in finding.message
    assert _files(place.root) == before


def test_a_compacted_journal_is_examined_from_its_first_entry_while_its_archives_are_there(place: Workplace) -> None:
    done = compact(place, timedelta(days=90))
    assert done is not None
    assert done.entries == SLICES
    counts, findings = examine(place)
    assert (counts["entries"], counts["archived"], findings) == (SLICES + 1, SLICES, ())
    (archive,) = (place.state / "archive").iterdir()
    archive.rename(place.root / archive.name)
    assert _codes(place) == ["ledger.archive_missing"]
    assert examine(place, place.root)[1] == ()
    (place.state / "archive").rmdir()
    assert _codes(place) == []


def test_entries_since_an_open_change_was_opened_are_kept(place: Workplace) -> None:
    place.ledger.append(
        ChangeOpened(
            change="C", title="t", story="s", story_sha256="", author="a", base_commit="", base_branch="", branch="",
            until="",
        )
    )  # fmt: skip
    apsw.Connection(str(place.state / "ledger.db")).execute(
        "UPDATE changes SET opened_at = '2011-01-04T06:30:00+00:00'"
    )
    assert compact(place, timedelta(seconds=1)) is None


@pytest.fixture
def runner(place: Workplace) -> _Runner:
    return _Runner(place)


class _Runner:
    def __init__(self, place: Workplace) -> None:
        self._root = place.root
        place.close()

    def __call__(self, *arguments: str) -> tuple[int, str]:
        result = CliRunner().invoke(doctor, ["--project", str(self._root), *arguments])
        return result.exit_code, result.output


def test_the_command_says_what_it_looked_at(runner: _Runner) -> None:
    assert runner() == (0, "12 journal entries, 1 environment(s), 11 slice(s): everything agrees\n")


def test_the_command_repairs_and_says_so(runner: _Runner, killed: tuple[Path, list[int]]) -> None:
    log = runner._root / ".penstock" / "warehouse.duckdb.wal"
    _tear(log, killed[1][-2] + 60)
    code, said = runner()
    assert code == 1
    assert "`penstock doctor --repair`" in said
    code, said = runner("--repair")
    assert code == 0
    assert "now ends there; nothing is lost" in said
    assert "everything agrees" in said
    assert runner("--repair")[1].splitlines()[0] == "nothing was mended"


def test_the_command_compacts_and_says_so(runner: _Runner) -> None:
    code, said = runner("--compact", "--keep", "90d", "--json")
    result = json.loads(said)["result"]
    assert (code, result["entries"], result["archived"]) == (0, 13, 12)
    assert result["done"][0].startswith("12 entries moved to journal-000000000001-000000000012-")
    code, said = runner("--compact", "--keep", "90d")
    assert (code, said.splitlines()) == (
        0,
        [
            "no entry is old enough to move",
            "13 journal entries (12 of them archived), 1 environment(s), 11 slice(s): everything agrees",
        ],
    )


@pytest.mark.parametrize("arguments", [("--compact",), ("--keep", "90d"), ("--compact", "--keep", "soon")])
def test_options_that_do_not_fit_are_refused(runner: _Runner, arguments: tuple[str, ...]) -> None:
    assert runner(*arguments)[0] == 2


def test_a_run_that_nobody_settled_is_no_fault_of_the_ledger(place: Workplace) -> None:
    place.ledger.append(RunStarted(run="r", purpose="", plan="", tasks=1))
    assert _codes(place) == []
