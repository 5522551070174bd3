"""A program writes a change: confined, bounded, recorded; it may ask, and it may fail."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import pytest
from orders_shop import NEW_DAY
from penstock_places import AUTHOR, REVIEWER, Place

from penstock.adapters.processes import sandbox

if TYPE_CHECKING:
    from pathlib import Path

pytest_plugins = ("acceptance_fixtures",)
pytestmark = pytest.mark.skipif(not sandbox.works(), reason="bubblewrap is not installed, or may not be used, here")

UNTIL = ("--until", NEW_DAY)
QUERY = "pipelines/shop/daily_orders.sql"
STORY = """\
---
id: SHOP-9
title: A fee on small orders
kind: change
pipeline: shop
author: {kind: command, name: writer, writes: [pipelines/shop/]}
impact:
  shop.daily_orders: {columns: {revenue: "0%..5%"}}
acceptance:
  A1: {text: Every day has revenue., sql: SELECT day FROM shop.daily_orders WHERE revenue IS NULL}
observe_intervals: 0
---

# A fee on small orders

Whoever pays one pound fifty pays ten pence more.
"""
EDIT = f"""
from pathlib import Path
path = Path({QUERY!r})
path.write_text(path.read_text().replace("sum(amount)", "sum(amount + if(amount = 1.50, 0.10, 0))"))
"""


@pytest.fixture
def place(running_shop: Place, tmp_path: Path) -> Place:
    return running_shop.copied(tmp_path)


def writes(place: Place, program: str, **options: object) -> None:
    """Have the base revision name a program as its author `writer`."""
    (place.root / "commands").mkdir(exist_ok=True)
    (place.root / "commands" / "write.py").write_text(program)
    settings = place.root / "penstock.yaml"
    author = {"run": [sys.executable, "commands/write.py"], **options}
    settings.write_text(settings.read_text().split("authors:")[0] + f"authors: {json.dumps({'writer': author})}\n")
    (place.root / "stories" / "SHOP-9.md").write_text(STORY)
    place.commit("A program may write changes")


def deliver(place: Place, exits: int) -> list[dict[str, Any]]:
    said = place.penstock("deliver", "stories/SHOP-9.md", "--as", AUTHOR, *UNTIL, "--json", exits=exits)
    return said.findings


def test_what_a_program_writes_is_planned_recorded_reviewed_and_promoted(place: Place) -> None:
    writes(place, EDIT + "print('one line replaced')")
    deliver(place, 4)
    folder = place.root / ".penstock" / "worktrees" / "SHOP-9" / "changes" / "SHOP-9"
    plan = json.loads((folder / "plan.json").read_text())
    assert [step["file"] for step in plan["steps"] if step["file"] != "architecture.md"] == [QUERY]
    outputs = [path.read_text() for path in (folder / "evidence" / "outputs").glob("*.txt")]
    assert "one line replaced\n" in outputs
    place.penstock("change", "approve", "SHOP-9", "--as", REVIEWER)
    place.penstock("change", "resume", "SHOP-9", *UNTIL)
    assert "if(amount = 1.50" in (place.root / QUERY).read_text()
    place.penstock("change", "verify", "SHOP-9")


def test_a_program_asks_and_writes_once_it_is_answered(place: Place) -> None:
    program = f"""
import json, sys
from pathlib import Path
answers = json.loads(Path("brief/answers.json").read_text())
if not answers:
    Path("brief/questions.txt").write_text("How many pence?\\n")
    sys.exit(4)
assert answers == [{{"question": "How many pence?", "answer": "10"}}], answers
{EDIT}
"""
    writes(place, program)
    found = deliver(place, 4)
    assert [(one["code"], str(one["message"])) for one in found] == [("gate.open_questions", "Q1: How many pence?")]
    assert "How many pence?" in place.penstock("change", "questions", "SHOP-9").out
    place.penstock("change", "resume", "SHOP-9", *UNTIL, exits=4)
    place.penstock("change", "answer", "SHOP-9", "Q1", "10", "--as", "maria")
    place.penstock("change", "resume", "SHOP-9", *UNTIL, exits=4)
    folder = place.root / ".penstock" / "worktrees" / "SHOP-9" / "changes" / "SHOP-9"
    asked = json.loads((folder / "plan.json").read_text())["asked"]
    assert asked == [{"id": "Q1", "text": "How many pence?", "answer": "10", "by": "maria"}]


@pytest.mark.parametrize(
    ("program", "code", "exits"),
    [
        ("raise SystemExit(3)", "author.failed", 3),
        ("open('pipelines/shop/a.sql', 'wb').write(b'\\xff')", "change.not_text", 2),
    ],
)
def test_what_cannot_be_taken_is_told_and_production_stays(place: Place, program: str, code: str, exits: int) -> None:
    writes(place, program)
    before = place.production()
    assert [finding["code"] for finding in deliver(place, exits)] == [code]
    assert place.production() == before


def test_a_story_cannot_name_a_program_that_the_base_does_not(place: Place) -> None:
    writes(place, EDIT)
    (place.root / "stories" / "SHOP-9.md").write_text(STORY.replace("name: writer", "name: other"))
    assert [finding["code"] for finding in deliver(place, 2)] == ["author.unknown"]


def test_it_writes_only_what_the_story_lets_it_and_never_what_decides_about_it(place: Place) -> None:
    further = """
Path("docs/notes.md").write_text("# Notes\\n")
with Path("penstock.yaml").open("a") as settings:
    settings.write("# approvals: 0\\n")
"""
    writes(place, EDIT + further)
    before = place.production()
    found = {(finding["code"], finding["place"]["file"]) for finding in deliver(place, 1)}
    assert found == {
        ("gate.unplanned_file", "docs/notes.md"),
        ("gate.unplanned_file", "penstock.yaml"),
        ("gate.protected_file", "penstock.yaml"),
    }
    assert place.production() == before
