"""`kill -9` in the steps before a promotion, in a rebase, while a change is given up: carried on, it ends the same."""

from __future__ import annotations

import csv
import gzip
import io
import re
from typing import TYPE_CHECKING

import pytest
from drill import SIGKILL, Plan, Rehearsed, Step, attempt_all
from picture import complaints, picture_of
from small_shop import APPROVER, AUTHOR, copy_shop, git

if TYPE_CHECKING:
    from pathlib import Path

    from drill import Driver
    from small_shop import Shop

pytestmark = [pytest.mark.fault, pytest.mark.slow, pytest.mark.xdist_group("shop")]

CHANGE = "RETAIL-2"
REVIEWED, CANARY, LAST = "2010-12-07", "2010-12-08", "2010-12-09"
STEPS = "rollout: {shadow: 1, canary: {intervals: 1, consumers: [finance]}, observe: 1}\nimpact:"
DELICATE = (
    ("canary goes through", "after swap canary_finance"),
    ("canary goes back", "after ledger RolloutCompared(failed)+RollbackBegun"),
    ("abandon", "after ledger ChangeAbandoned"),
)
"""Between an effect and its record, or where only the record says what is left to do."""
SET_ASIDE = (6, "after git branch in the project")
"""In a rebase: the old branch is set aside, the new one is not there yet."""


def _in_steps(shop: Shop) -> None:
    """RETAIL-2 with steps before its promotion, and with a bound that a day of nothing but postage breaks."""
    story = shop.root / "stories" / f"{CHANGE}.md"
    text = story.read_text(encoding="utf-8")
    text = re.sub(r"observe_intervals: \d+\n", "", text).replace("\nimpact:", f"\n{STEPS}", 1)
    text = text.replace("gross: any", 'gross: "-70%..0%"', 1)
    story.write_text(text, encoding="utf-8")


def _edit_base(shop: Shop) -> None:
    """A person edits what the author wrote: the design of whatever is begun again from there says no, and soon."""
    query = shop.root / "pipelines" / "sales" / "daily_revenue.sql"
    query.write_text(query.read_text(encoding="utf-8") + "-- by hand\n", encoding="utf-8")
    git(shop.root, "commit", "--quiet", "--all", "--message", "An edit by hand")


def _resume(until: str) -> tuple[str, ...]:
    return ("change", "resume", CHANGE, "--until", until)


def _rehearsed(name: str, shop: Shop, step: Step, runner: Driver, folder: Path) -> Rehearsed:
    """The step, run once without a fault."""
    before = copy_shop(shop, folder / name.replace(" ", "-") / "before")
    step.prepare(before)
    after = copy_shop(before, folder / name.replace(" ", "-") / "after")
    ending = runner.run(after, step.arguments)
    assert ending.exit == step.exit, ending.output
    assert complaints(after) == []
    return Rehearsed(step, before, picture_of(after), ending.names)


@pytest.fixture(scope="module")
def steps(
    rehearsed: dict[str, Rehearsed], drivers: tuple[Driver, Driver], tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Rehearsed]:
    """Each step of a change that goes live step by step, without a fault."""
    folder, runner = tmp_path_factory.mktemp("rollout"), drivers[0]
    shop = copy_shop(rehearsed[f"deliver {CHANGE}"].before, folder / "delivered")
    _in_steps(shop)
    deliver = ("deliver", f"stories/{CHANGE}.md", "--as", AUTHOR, "--until", REVIEWED)
    approve = ("change", "approve", CHANGE, "--as", APPROVER)
    for arguments, exits in ((deliver, 4), (approve, 0)):
        ending = runner.run(shop, arguments)
        assert ending.exit == exits, ending.output
    shown = copy_shop(shop, folder / "shown")
    assert runner.run(shown, _resume(CANARY)).exit == 4
    abandon = ("change", "abandon", CHANGE, "--as", AUTHOR, "--reason", "not now")
    carry_on = (_resume(LAST),)
    through = Step(name="", begins="", arguments=_resume(LAST), exit=0, carry_on=carry_on)
    back = Step(name="", begins="", arguments=_resume(LAST), exit=1, carry_on=carry_on, prepare=_only_postage)
    given_up = Step(name="", begins="", arguments=abandon, exit=0, carry_on=(abandon,))
    wanted = {"canary goes through": (shop, through), "canary goes back": (shown, back), "abandon": (shown, given_up)}
    return {name: _rehearsed(name, begun, step, runner, folder) for name, (begun, step) in wanted.items()}


def _only_postage(shop: Shop) -> None:
    """Make of the canary's day one on which all but a line is no product."""
    path = shop.root / "data" / "by_day" / f"{CANARY}.csv.gz"
    with gzip.open(path, "rt", encoding="utf-8", newline="") as stream:
        header, *rows = csv.reader(stream)
    code, quantity = header.index("StockCode"), header.index("Quantity")
    sold = [row for row in rows if row[code][:5].isdigit()]
    for row in sold[1:]:
        row[code], row[quantity] = "POST", "1000"
    text = io.StringIO(newline="")
    csv.writer(text).writerows([header, *sold])
    path.write_bytes(gzip.compress(text.getvalue().encode(), mtime=0))


def test_a_rollout_that_was_killed_and_carried_on_ends_as_if_nothing_had_happened(
    steps: dict[str, Rehearsed], drivers: tuple[Driver, Driver], tmp_path: Path
) -> None:
    plans = [Plan(step, (steps[step].names.index(name) + 1,)) for step, name in DELICATE]

    tally = attempt_all(plans, steps, drivers, tmp_path)

    print(f"kills of a rollout: {tally}")
    assert [(trial.step, trial.at, trial.fired, trial.wrong) for trial in tally.failed] == []
    assert tally.fired == len(plans) == len(DELICATE)


def test_a_rebase_that_was_killed_between_two_branches_is_finished_by_the_next_command(
    steps: dict[str, Rehearsed], drivers: tuple[Driver, Driver], tmp_path: Path
) -> None:
    shop = copy_shop(steps["canary goes through"].before, tmp_path)
    _edit_base(shop)
    at, name = SET_ASIDE
    rebase = ("change", "rebase", CHANGE, "--as", AUTHOR, "--until", REVIEWED)

    killed = drivers[0].run(shop, rebase, at=at)
    assert (killed.fired, killed.signal) == (name, SIGKILL)
    finished = drivers[0].run(shop, _resume(REVIEWED))

    assert finished.exit == 1, finished.output
    assert "hand_edited_files" in finished.output
    # verification names the edit by hand, and the round that no longer stands; the ledger and the warehouse are whole
    assert [said for said in complaints(shop) if not said.startswith("RETAIL-")] == []
    assert git(shop.root, "branch", "--list", "*RETAIL-2*", "--format=%(refname:short)").split() == [
        "change/RETAIL-2",
        "retired/change/RETAIL-2-1",
    ]
    git(shop.root, "merge-base", "--is-ancestor", "main", "change/RETAIL-2")
    evidence = sorted((shop.worktree(CHANGE) / "changes" / CHANGE / "evidence").glob("*.dsse.json"))
    kinds = [path.name.partition("-")[2].partition(".")[0] for path in evidence]
    assert kinds == ["discovery", "design", "implementation", "review", f"approval-{APPROVER}"]
