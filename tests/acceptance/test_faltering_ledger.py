"""A ledger that cannot be written for a while, and runs that stop in the wrong moment: seen from inside one process."""

from __future__ import annotations

import signal
import threading
from contextlib import closing
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import apsw
import pytest
from runs_shop import background, make_shop, state, write

from penstock.adapters.clock import SystemClock
from penstock.app import runs
from penstock.app.runs import cancel
from penstock.app.serving import Server
from penstock.app.supervising import StopRequest
from penstock.app.wiring import Workplace
from penstock.engine.states import RunState
from penstock.ledger.facts import RunFinished, RunStarted

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from penstock_places import Place

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("serve")]

HOURLY = 'owner: shop-team\nschedule: "@hourly"\nstart: 2024-03-01\n'


@pytest.fixture
def shop(tmp_path: Path) -> Place:
    """A project of which nothing was ever built."""
    return make_shop(tmp_path)


class Later(SystemClock):
    """An hour later than it is."""

    def now(self) -> datetime:
        return super().now() + timedelta(hours=1)


def test_serve_outlives_a_ledger_that_cannot_be_written_and_loses_no_fire(shop: Place) -> None:
    """The first look at what is due finds a fire, and the file in somebody else's hands."""
    write(shop, "pipelines/stock/pipeline.yaml", HOURLY)
    with background(shop, "serve", "--env", "dev") as before:
        before.says("serving dev")
        before.ask(signal.SIGTERM)
        before.ends(0)
    place = Workplace(shop.root)
    place.clock = Later()
    writer: Any = place.ledger._committer._writer
    writer.connection.set_busy_timeout(1)
    other = apsw.Connection(str(place.state / "ledger.db"))
    stop, said = StopRequest(), list[str]()

    def say(line: str) -> None:
        said.append(line)
        if line.startswith("serving"):
            other.execute("BEGIN IMMEDIATE")
        elif line.startswith("held up"):
            other.execute("COMMIT")
        elif "published" in line:
            stop.set()

    guard = threading.Timer(20, stop.set)
    guard.start()
    with closing(place):
        Server(place, "dev", say).serve(stop, grace=5)
    guard.cancel()
    assert [line.partition(" ")[0] for line in said[:2]] == ["serving", "held"]
    assert len([line for line in said if line.startswith("held up")]) == 1
    assert "published" in said[-1]


class Left(Workplace):
    """A workplace whose run was under way elsewhere, and is interrupted there before the lock comes free here."""

    run = ""
    looks = 0

    def may_hold(self) -> bool:
        self.looks += 1
        if self.looks == 1:
            self.ledger.append(RunFinished(run=self.run, state=str(RunState.INTERRUPTED), reason="stopped"))
        return super().may_hold()


def test_cancel_ends_a_run_that_was_interrupted_before_its_executor_saw_the_request(
    shop: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runs, "PATIENCE", 2.0)
    with closing(Left(shop.root)) as place:
        place.run = "r1"
        place.ledger.append(RunStarted(run="r1", purpose="test", plan="p", tasks=1))
        assert cancel(place, "r1") == {}
        assert place.looks == 1
    assert state(shop, "r1") == "cancelled"
