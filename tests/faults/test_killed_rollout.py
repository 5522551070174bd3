"""`kill -9` in the steps before a promotion, in a rebase, while a change is given up: carried on, it ends the same."""

from __future__ import annotations

import csv
import gzip
import io
import re
from typing import TYPE_CHECKING

import pytest
from drill import Plan, Rehearsed, Step, attempt_all, spread
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
KILLS = {"canary goes through": 1, "canary goes back": 1, "abandon": 1}
DELICATE = (
    ("canary goes through", "after swap canary_finance"),
    ("canary goes back", "after ledger RolloutCompared(failed)+RollbackBegun"),
    ("rebase", "after git branch in the project"),
    ("abandon", "after ledger ChangeAbandoned"),
)
"""Between an effect and its record, or where only the record says what is left to do."""


def _in_steps(shop: Shop) -> None:
    """RETAIL-2 with steps before its promotion, and with a bound that a day of nothing but postage breaks."""
    story = shop.root / "stories" / f"{CHANGE}.md"
    text = story.read_text(encoding="utf-8")
    text = re.sub(r"observe_intervals: \d+\n", "", text).replace("\nimpact:", f"\n{STEPS}", 1)
    text = text.replace("gross: any", 'gross: "-70%..0%"', 1)
    story.write_text(text, encoding="utf-8")


def _edit_base(shop: Shop) -> None:
    (shop.root / "notes.md").write_text("Somebody else's.\n", encoding="utf-8")
    git(shop.root, "add", "notes.md")
    git(shop.root, "commit", "--quiet", "--message", "Notes")


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
    for arguments, exits in ((deliver, 4), (approve, 0), (_resume(CANARY), 4)):
        ending = runner.run(shop, arguments)
        assert ending.exit == exits, ending.output
    rebase = ("change", "rebase", CHANGE, "--as", AUTHOR, "--until", REVIEWED)
    abandon = ("change", "abandon", CHANGE, "--as", AUTHOR, "--reason", "not now")
    through = Step(name="", begins="", arguments=_resume(LAST), exit=0, carry_on=(_resume(LAST),))
    wanted = {
        "canary goes through": through,
        "canary goes back": Step(
            name="", begins="", arguments=_resume(LAST), exit=1, carry_on=(_resume(LAST),), prepare=_only_postage
        ),
        "rebase": Step(
            name="", begins="", arguments=rebase, exit=4, carry_on=(rebase, _resume(REVIEWED)), prepare=_edit_base
        ),
        "abandon": Step(name="", begins="", arguments=abandon, exit=0, carry_on=(abandon,)),
    }
    return {name: _rehearsed(name, shop, step, runner, folder) for name, step in wanted.items()}


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
    plans = [Plan(step, (at,)) for step, count in KILLS.items() for at in spread(len(steps[step].names), count)]
    plans += [Plan(step, (steps[step].names.index(name) + 1,)) for step, name in DELICATE]

    tally = attempt_all(plans, steps, drivers, tmp_path)

    print(f"kills of a rollout: {tally}")
    assert [(trial.step, trial.at, trial.fired, trial.wrong) for trial in tally.failed] == []
    assert tally.fired == len(plans) == sum(KILLS.values()) + len(DELICATE)
