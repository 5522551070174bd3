"""What a change cannot do, whoever wrote it: promote other bytes, judge itself, take other people's work along."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from orders_shop import NEW_DAY, shop
from penstock_places import AUTHOR, REVIEWER, Place

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

pytest_plugins = ("acceptance_fixtures",)
pytestmark = pytest.mark.slow

AFTER = "2024-03-10"
"""When the files of every day have arrived; production shows all but the last."""

HAND_STORY = """\
---
id: {id}
title: {title}
kind: change
pipeline: shop
author: {{kind: files, directory: {id}}}
impact:
  {dataset}: {impact}
observe_intervals: 1
---

# {title}

Written by hand.
"""
BEST_DAY = """\
/* penstock
description: The day with the highest revenue.
materialize: table
*/
SELECT day, revenue FROM shop.daily_orders ORDER BY revenue DESC, day LIMIT 1
"""
BEST_DAY_CONTRACT = """\
apiVersion: v3.1.0
kind: DataContract
id: shop.best_day
name: shop.best_day
version: 1.0.0
status: active
description:
  purpose: The day with the highest revenue.
team:
  name: shop-team
schema:
  - name: best_day
    physicalName: shop.best_day
    logicalType: object
    properties:
      - {name: day, description: The day., logicalType: date, physicalType: DATE, required: true}
      - {name: revenue, description: What was paid., logicalType: number, physicalType: "DECIMAL(18,2)", required: true}
"""
FILES = {"pipelines/shop/best_day.sql": BEST_DAY, "contracts/shop.best_day.odcs.yaml": BEST_DAY_CONTRACT}


@pytest.fixture
def place(once: Callable[[str, Callable[[Path], object]], Path], tmp_path: Path) -> Place:
    """A copy of the small shop with SHOP-1 in production."""
    folder = once("trusted_shop", shop)
    return Place(folder / "project", folder / "keys").copied(tmp_path)


def hand_written(
    place: Place, change: str, files: Mapping[str, str], *, dataset: str = "shop.best_day", impact: str = "new"
) -> str:
    """A story whose files somebody wrote; its path."""
    text = HAND_STORY.format(id=change, title=f"The work of {change}", dataset=dataset, impact=impact)
    (place.root / "stories" / f"{change}.md").write_text(text)
    for path, content in files.items():
        target = place.root / "stories" / change / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(content)
    return f"stories/{change}.md"


def deliver(place: Place, story: str, *, exits: int = 4) -> str:
    said = place.penstock("deliver", story, "--as", AUTHOR, "--until", NEW_DAY, exits=exits)
    return said.out + said.err


def finish(place: Place, change: str) -> None:
    place.penstock("change", "approve", change, "--as", REVIEWER)
    place.penstock("change", "resume", change, "--until", AFTER)


def test_what_was_reviewed_is_promoted_though_the_author_s_folder_changed_since(place: Place) -> None:
    story = hand_written(place, "SHOP-9", FILES)
    deliver(place, story)
    best = place.rows("SELECT day FROM shop.daily_orders ORDER BY revenue DESC, day LIMIT 1")
    source = place.root / "stories" / "SHOP-9" / "pipelines" / "shop" / "best_day.sql"
    source.write_text(BEST_DAY.replace("DESC, day", "ASC, day"))
    finish(place, "SHOP-9")
    assert place.rows("SELECT day FROM shop.best_day") == best
    assert (place.root / "pipelines/shop/best_day.sql").read_text() == BEST_DAY


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("penstock.yaml", "name: shop\npolicy:\n  approvals: 0\n"),
        ("keys/mallory.yaml", "name: mallory\nrole: approver\n"),
        (".gitattributes", "*.sql binary\n"),
        ("changes/SHOP-1/dossier.md", "All is well.\n"),
    ],
)
def test_a_change_cannot_bring_what_judges_it(place: Place, path: str, text: str) -> None:
    said = deliver(place, hand_written(place, "SHOP-9", {**FILES, path: text}), exits=1)
    assert "protected_file" in said
    assert path in said


def test_commits_that_no_gate_saw_stop_the_change(place: Place) -> None:
    deliver(place, "stories/SHOP-2.md")
    worktree = place.root / ".penstock" / "worktrees" / "SHOP-2"
    settings = worktree / "penstock.yaml"
    settings.write_text(settings.read_text() + "  quality_score: 0\n")
    place.git("commit", "--quiet", "--all", "--message", "Just this once", cwd=worktree)
    place.penstock("change", "approve", "SHOP-2", "--as", REVIEWER)
    said = place.penstock("change", "resume", "SHOP-2", "--until", AFTER, exits=1)
    assert "penstock.yaml" in said.out + said.err
    assert "quality_score" not in (place.root / "penstock.yaml").read_text()


def test_a_change_goes_back_to_the_branch_it_began_from(place: Place) -> None:
    deliver(place, "stories/SHOP-2.md")
    place.penstock("change", "approve", "SHOP-2", "--as", REVIEWER)
    place.git("switch", "--quiet", "--create", "elsewhere")
    said = place.penstock("change", "resume", "SHOP-2", "--until", AFTER, exits=2)
    assert "git switch main" in said.err
    place.git("switch", "--quiet", "main")
    place.penstock("change", "resume", "SHOP-2", "--until", AFTER)


def test_a_change_upstream_that_went_live_first_stops_one_that_was_reviewed_without_it(place: Place) -> None:
    deliver(place, hand_written(place, "SHOP-9", FILES))
    place.penstock("change", "approve", "SHOP-9", "--as", REVIEWER)
    deliver(place, "stories/SHOP-2.md")
    finish(place, "SHOP-2")
    said = place.penstock("change", "resume", "SHOP-9", "--until", AFTER, exits=1)
    assert "moved_base" in said.out + said.err
    assert "shop.best_day" not in place.penstock("doctor", "--json").out
    place.penstock("deliver", "stories/SHOP-9.md", "--as", AUTHOR, "--until", AFTER, exits=4)


def test_a_rollback_is_refused_while_something_in_production_reads_the_change(place: Place) -> None:
    deliver(place, hand_written(place, "SHOP-9", FILES))
    finish(place, "SHOP-9")
    reader = BEST_DAY.replace("shop.daily_orders", "shop.best_day").replace("highest revenue", "best of the best")
    contract = BEST_DAY_CONTRACT.replace("best_day", "best_best_day")
    files = {
        "pipelines/shop/best_best_day.sql": reader,
        "contracts/shop.best_best_day.odcs.yaml": contract,
    }
    deliver(place, hand_written(place, "SHOP-10", files, dataset="shop.best_best_day"))
    finish(place, "SHOP-10")
    said = place.penstock("change", "rollback", "SHOP-9", exits=2)
    assert "shop.best_best_day" in said.err
    place.penstock("change", "rollback", "SHOP-10")
    place.penstock("change", "rollback", "SHOP-9")
    place.penstock("check")


def test_a_rollback_keeps_what_a_person_is_working_on(place: Place) -> None:
    deliver(place, "stories/SHOP-2.md")
    finish(place, "SHOP-2")
    query = place.root / "pipelines" / "shop" / "stg_orders.sql"
    query.write_text(query.read_text() + "-- a thought\n")
    said = place.penstock("change", "rollback", "SHOP-2", exits=2)
    assert "stg_orders.sql" in said.err
    assert "a thought" in query.read_text()
    place.git("checkout", "--", "pipelines/shop/stg_orders.sql")
    (place.root / "draft.txt").write_text("not yet\n")
    place.git("add", "draft.txt")
    place.penstock("change", "rollback", "SHOP-2")
    assert "draft.txt" not in place.git("show", "--name-only", "--format=", "HEAD")
    assert place.git("diff", "--cached", "--name-only").split() == ["draft.txt"]


def test_an_unapproved_statement_does_not_answer_for_an_edited_file(place: Place) -> None:
    query = place.root / "pipelines" / "shop" / "daily_orders.sql"
    query.write_text(query.read_text() + "-- edited\n")
    place.penstock("change", "verify", "SHOP-1", exits=1)
    evidence = place.root / "changes" / "SHOP-1" / "evidence"
    forged = place.root / "changes" / "SHOP-99" / "evidence"
    forged.mkdir(parents=True)
    for path in sorted(evidence.glob("*.dsse.json")):
        (forged / path.name).write_bytes(path.read_bytes())
    said = place.penstock("change", "verify", "SHOP-1", "--json", exits=1)
    assert "daily_orders.sql" in json.dumps(said.findings)


def test_a_source_without_intervals_is_read_again_when_its_file_changes(tmp_path: Path) -> None:
    files = {
        "penstock.yaml": "name: prices\n",
        "pipelines/p/pipeline.yaml": 'owner: o\nschedule: "@daily"\nstart: 2024-01-01\n',
        "pipelines/p/prices.source.yaml": "format: csv\npath: data/prices.csv\ncolumns: [item, price]\n",
        "data/prices.csv": "item,price\ntea,3.50\n",
    }
    for path, text in files.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    place = Place(tmp_path, tmp_path / "keys")
    place.penstock("run")
    (tmp_path / "data/prices.csv").write_text("item,price\ntea,3.80\n")
    place.penstock("run")
    assert place.rows("SELECT price FROM p.prices", env="dev") == [{"price": "3.80"}]
    assert "nothing to build" in place.penstock("run").out
