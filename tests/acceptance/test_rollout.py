"""Changes go live in steps, beside each other, or not at all; production shows a promoted state throughout."""

from __future__ import annotations

import gzip
import json
from typing import TYPE_CHECKING

import pytest
from orders_shop import NEW_DAY, orders_file, shop, write_day
from penstock_places import AUTHOR, REVIEWER, Place

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

pytest_plugins = ("acceptance_fixtures",)
pytestmark = pytest.mark.slow

LATER = ("2024-03-10", "2024-03-11", "2024-03-12", "2024-03-13")
STORY = """\
---
id: {id}
title: The work of {id}
kind: change
pipeline: shop
author: {{kind: files, directory: {id}}}
impact: {{{impact}}}
{more}---

Written by hand.
"""
STEPS = "rollout: {shadow: 1, canary: {intervals: 1, consumers: [finance]}, observe: 1}\n"
BUDGET = "monitoring: {max_runtime: 10m, budget: {errors: 0.5, runtime: 0.5}}\n"
ORDERS_SQL = "pipelines/shop/daily_orders.sql"


@pytest.fixture
def place(once: Callable[[str, Callable[[Path], object]], Path], tmp_path: Path) -> Place:
    """A copy of the small shop with SHOP-1 in production, and with files of four more days."""
    folder = once("trusted_shop", shop)
    copy = Place(folder / "project", folder / "keys").copied(tmp_path)
    for day in LATER:
        write_day(copy, day)
    return copy


@pytest.fixture
def stepping(once: Callable[[str, Callable[[Path], object]], Path], tmp_path: Path) -> Place:
    """A copy in which SHOP-3 counts paid orders alone, is approved, and waits for its first shadow interval."""
    running = once("trusted_shop", shop)
    folder = once(
        "stepping_shop", lambda made: _step_by_step(Place(running / "project", running / "keys").copied(made))
    )
    return Place(folder / "project", folder / "keys").copied(tmp_path)


def _step_by_step(place: Place) -> None:
    for day in LATER:
        write_day(place, day)
    paid = paid_orders(place)
    story = written(
        place,
        "SHOP-3",
        {ORDERS_SQL: paid},
        impact='shop.daily_orders: {columns: {orders: "-30%..0%"}}',
        more=STEPS + BUDGET,
    )
    deliver(place, story)
    place.penstock("change", "approve", "SHOP-3", "--as", REVIEWER)
    assert "shadow: 0 of 2" in resume(place, "SHOP-3", NEW_DAY, exits=4)


def paid_orders(place: Place) -> str:
    """The query of daily orders, counting paid ones alone."""
    return (place.root / ORDERS_SQL).read_text().replace("count(*)", "count(*) FILTER (WHERE amount > 0)", 1)


def written(
    place: Place, change: str, files: Mapping[str, str], *, impact: str, more: str = "observe_intervals: 0\n"
) -> str:
    """A story whose files somebody wrote; its path."""
    (place.root / "stories" / f"{change}.md").write_text(STORY.format(id=change, impact=impact, more=more))
    for path, content in files.items():
        target = place.root / "stories" / change / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(content)
    return f"stories/{change}.md"


def best(of: str, column: str) -> dict[str, str]:
    """The files of a small table that reads a dataset of the shop, with a contract inferred by hand."""
    kind = ("number", "DECIMAL(18,2)") if column == "revenue" else ("integer", "BIGINT")
    sql = f"SELECT day, {column} FROM shop.{of} ORDER BY {column} DESC, day LIMIT 1\n"
    text = (
        f"apiVersion: v3.1.0\nkind: DataContract\nid: shop.best_{column}\nname: shop.best_{column}\nversion: 1.0.0\n"
        f"status: active\ndescription:\n  purpose: The best day.\nteam:\n  name: shop-team\n"
        f"schema:\n  - name: best_{column}\n"
        f"    physicalName: shop.best_{column}\n    logicalType: object\n    properties:\n"
        "      - {name: day, description: The day., logicalType: date, physicalType: DATE, required: true}\n"
        f"      - {{name: {column}, description: How much., logicalType: {kind[0]}, "
        f'physicalType: "{kind[1]}", required: true}}\n'
    )
    header = "/* penstock\ndescription: The best day.\nmaterialize: table\n*/\n"
    return {f"pipelines/shop/best_{column}.sql": header + sql, f"contracts/shop.best_{column}.odcs.yaml": text}


def deliver(place: Place, story: str) -> str:
    return place.penstock("deliver", story, "--as", AUTHOR, "--until", NEW_DAY, exits=4).out


def resume(place: Place, change: str, until: str, *, exits: int = 0) -> str:
    said = place.penstock("change", "resume", change, "--until", until, exits=exits)
    return said.out + said.err


def orders(place: Place, env: str = "prod") -> dict[str, int]:
    rows = place.rows("SELECT day, orders FROM shop.daily_orders ORDER BY day", env=env)
    return {row["day"]: int(row["orders"]) for row in rows}


def artefact(place: Place, change: str, name: str) -> str:
    return (place.root / "changes" / change / name).read_text()


# -- steps before the promotion ---------------------------------------------------------------------------------------


def test_a_change_goes_live_step_by_step(stepping: Place) -> None:
    assert "canary: 1 of 2" in resume(stepping, "SHOP-3", LATER[0], exits=4)
    assert set(orders(stepping).values()) == {5}
    assert set(orders(stepping, "canary_finance").values()) == {4}
    assert len(orders(stepping, "canary_finance")) == 6, "the canary's readers see the interval of the shadow as well"

    assert "in production; 0 of 1" in resume(stepping, "SHOP-3", LATER[1], exits=4)
    assert set(orders(stepping).values()) == {4}
    resume(stepping, "SHOP-3", LATER[2])
    assert orders(stepping) == orders(stepping, "canary_finance")
    page = artefact(stepping, "SHOP-3", "rollout.md")
    for part in (
        "## Shadow: beside production\n\n| interval",
        f"| {NEW_DAY}/{LATER[0]} | held",
        "## Canary",
        "| errors | 50.0% | 0 of",
    ):
        assert part in page
    stepping.penstock("change", "verify", "SHOP-3")
    stepping.penstock("change", "rollback", "SHOP-3", "--reason", "finance objects", "--as", "maria")
    assert set(orders(stepping).values()) == {5}
    assert orders(stepping) == orders(stepping, "canary_finance")
    assert "| decided by | maria |" in artefact(stepping, "SHOP-3", "incident.md")
    stepping.penstock("change", "verify", "SHOP-3")


def test_a_change_that_diverges_before_its_readers_goes_back_by_itself(stepping: Place) -> None:
    resume(stepping, "SHOP-3", LATER[0], exits=4)
    lines = "".join(f"9{n},{LATER[0]} 10:00:00,{'0.00' if n > 15 else '5.00'}\n" for n in range(10, 60))
    orders_file(stepping, LATER[0]).write_bytes(gzip.compress(f"OrderId,OrderedAt,Amount\n{lines}".encode()))
    head = stepping.git("rev-parse", "HEAD")

    said = resume(stepping, "SHOP-3", LATER[1], exits=1)

    assert "gate.diverging_rollout.out_of_bounds" in said
    assert orders(stepping)[LATER[0]] == 50
    assert orders(stepping) == orders(stepping, "canary_finance")
    assert stepping.git("rev-parse", "HEAD") == head, "nothing was merged"
    shown = stepping.penstock("change", "show", "SHOP-3", "--json").result
    assert shown["state"] == "rolled_back"
    stepping.penstock("change", "verify", "SHOP-3")
    folder = stepping.root / ".penstock" / "worktrees" / "SHOP-3" / "changes" / "SHOP-3"
    note = (folder / "incident.md").read_text()
    for part in ("| where | canary |", f"| interval | {LATER[0]}/{LATER[1]} |", "readers of canary_finance, for "):
        assert part in note
    alert = json.loads((stepping.root / ".penstock" / "alerts.ndjson").read_text().splitlines()[-1])
    assert (alert["key"], alert["on"], alert["step"]) == ("incident/SHOP-3", "rollback", "canary")


def test_a_canary_of_an_abandoned_change_follows_production_again(stepping: Place) -> None:
    resume(stepping, "SHOP-3", LATER[0], exits=4)
    before = stepping.warehouse()
    assert (
        "may not abandon"
        in stepping.penstock("change", "abandon", "SHOP-3", "--as", "mallory", "--reason", "x", exits=1).err
    )

    said = stepping.penstock("change", "abandon", "SHOP-3", "--as", REVIEWER, "--reason", "not now", "--json").result

    assert said["state"] == "abandoned"
    assert orders(stepping) == orders(stepping, "canary_finance")
    gone = {name for name in before if name not in stepping.warehouse()}
    assert [name.partition("__")[2].rpartition("__")[0] for name in gone] == ["daily_orders"]
    assert not (stepping.root / ".penstock" / "worktrees" / "SHOP-3").exists()
    assert "retired/change/SHOP-3-1" in stepping.git("branch", "--list", "--format=%(refname:short)").split()
    assert stepping.penstock("doctor").code == 0


def edit_policy(place: Place) -> None:
    settings = place.root / "penstock.yaml"
    settings.write_text(settings.read_text() + "  approval_days: 9\n")
    place.commit("Approvals end sooner")


def revoke(place: Place) -> None:
    place.penstock("key", "revoke", REVIEWER, "--reason", "laptop lost")
    place.commit("That key has ended")


@pytest.mark.parametrize(("happens", "exits"), [(revoke, 4), (edit_policy, 1)])
def test_a_canary_that_may_not_go_on_shows_production(
    stepping: Place, happens: Callable[[Place], None], exits: int
) -> None:
    resume(stepping, "SHOP-3", LATER[0], exits=4)
    assert orders(stepping) != orders(stepping, "canary_finance")
    happens(stepping)
    resume(stepping, "SHOP-3", LATER[0], exits=exits)
    assert orders(stepping) == orders(stepping, "canary_finance")


def test_a_canary_of_a_change_that_begins_again_follows_production_until_it_is_there_again(stepping: Place) -> None:
    resume(stepping, "SHOP-3", LATER[0], exits=4)
    edit_policy(stepping)
    stepping.penstock("change", "rebase", "SHOP-3", "--until", LATER[0], exits=4)
    assert orders(stepping) == orders(stepping, "canary_finance")
    deliver(stepping, written(stepping, "SHOP-7", best("daily_visits", "visits"), impact="shop.best_visits: new"))
    stepping.penstock("change", "approve", "SHOP-7", "--as", REVIEWER)
    resume(stepping, "SHOP-7", NEW_DAY)
    assert stepping.rows("SELECT visits FROM shop.best_visits", env="canary_finance")

    stepping.penstock("change", "approve", "SHOP-3", "--as", REVIEWER)
    resume(stepping, "SHOP-3", LATER[1], exits=4)
    assert orders(stepping) != orders(stepping, "canary_finance")


# -- several at once --------------------------------------------------------------------------------------------------


def test_unrelated_changes_go_live_beside_each_other_and_related_ones_one_after_the_other(place: Place) -> None:
    deliver(place, written(place, "SHOP-7", best("daily_orders", "revenue"), impact="shop.best_revenue: new"))
    deliver(place, written(place, "SHOP-8", best("daily_visits", "visits"), impact="shop.best_visits: new"))
    paid = paid_orders(place)
    said = deliver(
        place, written(place, "SHOP-9", {ORDERS_SQL: paid}, impact='shop.daily_orders: {columns: {orders: "-30%..0%"}}')
    )
    assert "SHOP-7, under way, is about the same (dataset shop.daily_orders)" in said
    assert "SHOP-8" not in said
    for change in ("SHOP-7", "SHOP-8", "SHOP-9"):
        place.penstock("change", "approve", change, "--as", REVIEWER)

    assert "in its way: penstock change rebase SHOP-7" in resume(place, "SHOP-9", NEW_DAY)
    resume(place, "SHOP-8", NEW_DAY)
    for change in ("SHOP-9", "SHOP-8"):
        place.penstock("change", "verify", change)
    assert "best_visits" in (place.root / "architecture.md").read_text()
    listed = place.penstock("change", "list").out
    assert "SHOP-7: SHOP-9 went live meanwhile (dataset shop.daily_orders): penstock change rebase SHOP-7" in listed
    assert "penstock change rebase SHOP-7" in resume(place, "SHOP-7", NEW_DAY, exits=1)

    place.penstock("change", "rebase", "SHOP-7", "--until", NEW_DAY, exits=4)
    assert "1 approval" in resume(place, "SHOP-7", NEW_DAY, exits=4), "the approval of the first round is void"
    place.penstock("change", "approve", "SHOP-7", "--as", REVIEWER)
    resume(place, "SHOP-7", NEW_DAY)
    assert place.rows("SELECT revenue FROM shop.best_revenue") == place.rows(
        "SELECT max(revenue) AS revenue FROM shop.daily_orders"
    )
    assert "best_revenue" in (place.root / "architecture.md").read_text()
    place.penstock("change", "verify", "SHOP-7")
    kinds = sorted(path.name for path in (place.root / "changes/SHOP-7/evidence").glob("*.dsse.json"))
    assert [kind[3:].partition(".")[0].partition("-")[0] for kind in kinds] == [
        "discovery", "design", "implementation", "review", "approval",
        "design", "implementation", "review", "approval", "deployment", "observation",
    ]  # fmt: skip


def test_a_rebase_that_would_undo_the_base_s_edits_names_their_lines(stepping: Place) -> None:
    query = (stepping.root / ORDERS_SQL).read_text()
    (stepping.root / ORDERS_SQL).write_text(query.replace("sum(amount)", "sum(amount) + 0", 1))
    stepping.commit("An edit of the base")
    before, branches = stepping.state(), stepping.git("branch", "--all")

    said = stepping.penstock("change", "rebase", "SHOP-3", "--json", exits=2)

    assert (stepping.state(), stepping.git("branch", "--all")) == (before, branches)
    (found,) = said.findings
    line = 1 + next(number for number, text in enumerate(query.splitlines()) if "sum(amount)" in text)
    assert (found["code"], found["place"]["file"], found["place"]["line"]) == (
        "change.rebase_conflict",
        ORDERS_SQL,
        line,
    )
