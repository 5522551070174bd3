"""A run after an edit builds what reads what was edited, and what everybody sees is what a project built anew shows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from runs_shop import DAYS, STAGED, built, make_shop, table, write, write_orders

if TYPE_CHECKING:
    from pathlib import Path

    from penstock_places import Place

pytestmark = pytest.mark.slow

STG, FEW, ALL, SEEN, OVER = "staged.sql", "few.sql", "all.sql", "seen.sql", "over.sql"
DATASETS = {
    FEW: table("SELECT day, sum(amount) AS total FROM sales.staged GROUP BY day"),
    ALL: table("SELECT * FROM sales.staged"),
    SEEN: "/* penstock\nmaterialize: view\n*/\nSELECT day, amount FROM sales.staged\n",
    OVER: table("SELECT count(*) AS orders FROM sales.seen"),
}
WIDER = STAGED.replace("AS amount\n", "AS amount, CAST(amount AS BIGINT) * 2 AS twice\n")
LAST_DAY = ("--until", DAYS[3])


@pytest.fixture
def shop(tmp_path: Path) -> Place:
    """A staging table, four datasets over it, and three of four days built."""
    place = make_shop(tmp_path)
    for name, text in DATASETS.items():
        write(place, f"pipelines/sales/{name}", text)
    place.penstock("run", "sales", *LAST_DAY)
    return place


def _edit(shop: Place, text: str) -> None:
    write(shop, f"pipelines/sales/{STG}", text)


def _built_by(shop: Place, *command: str) -> set[str]:
    """The datasets of which a command publishes something."""
    before = built(shop)
    shop.penstock(*command)
    return {name.removeprefix("sales.") for name, count in built(shop).items() if count != before.get(name)}


def _shown(shop: Place) -> dict[str, object]:
    """Every dataset's rows, sorted, as readers see them."""
    found: dict[str, object] = {}
    for name in ("staged", "few", "all", "seen", "over", "total"):
        answer = shop.penstock("query", f"SELECT * FROM sales.{name} ORDER BY ALL", "--env", "dev", "--json").result
        found[name] = (answer["columns"], answer["rows"])
    return found


def _anew(shop: Place, folder: Path) -> dict[str, object]:
    """What a project of the same files shows that has never built anything before."""
    other = make_shop(folder)
    for path in sorted((shop.root / "pipelines").rglob("*.*")) + sorted((shop.root / "data").rglob("*.csv")):
        write(other, str(path.relative_to(shop.root)), path.read_text(encoding="utf-8"))
    other.penstock("run", "sales")
    return _shown(other)


def test_a_column_that_few_read_builds_few(shop: Place, tmp_path: Path) -> None:
    _edit(shop, WIDER)
    steps = {step["dataset"]: step for step in shop.penstock("plan", "sales", *LAST_DAY, "--json").result["steps"]}
    assert steps["sales.staged"]["columns"]["twice"]["movement"] == "added"
    assert steps["sales.staged"]["columns"]["twice"]["consumers"]["sales.all"] == "additive"
    assert steps["sales.few"]["action"] == "reuse"

    assert _built_by(shop, "run", "sales", *LAST_DAY) == {"staged", "all", "seen"}
    # the next day reads the new staging table, and is added to what the old one made
    assert _built_by(shop, "run", "sales") == {"orders", "staged", "all", "few", "over", "total"}
    assert _shown(shop) == _anew(shop, tmp_path / "anew")


def test_other_rows_build_everything(shop: Place, tmp_path: Path) -> None:
    _edit(shop, STAGED.rstrip() + " AND CAST(amount AS BIGINT) > 3\n")
    assert _built_by(shop, "run", "sales", *LAST_DAY) == {"staged", "all", "seen", "few", "over", "total"}
    shop.penstock("run", "sales")
    assert _shown(shop) == _anew(shop, tmp_path / "anew")


def test_going_back_builds_nothing(shop: Place) -> None:
    before = _shown(shop)
    _edit(shop, WIDER)
    shop.penstock("run", "sales", *LAST_DAY)
    _edit(shop, STAGED)
    assert _built_by(shop, "run", "sales", *LAST_DAY) == set()
    assert _shown(shop) == before


def test_a_restatement_reaches_what_was_not_built_anew(shop: Place, tmp_path: Path) -> None:
    """Tables that the edit left alone were made of the version before; a day that is read again reaches them too."""
    _edit(shop, WIDER)
    shop.penstock("run", "sales")
    write_orders(shop, DAYS[1], 1000, 2000)
    asked = ("backfill", "sales.orders", "--start", DAYS[1], "--end", DAYS[2])
    digest = shop.penstock(*asked, "--json").result["digest"]
    shop.penstock(*asked, "--digest", digest)
    shop.penstock("run", "sales")
    assert _shown(shop) == _anew(shop, tmp_path / "anew")


def test_a_plan_that_was_looked_at_is_done_or_refused(shop: Place) -> None:
    _edit(shop, WIDER)
    looked_at = shop.penstock("plan", "sales", *LAST_DAY, "--json").result["digest"]
    write(shop, f"pipelines/sales/{FEW}", table("SELECT day, max(amount) AS total FROM sales.staged GROUP BY day"))
    refused = shop.penstock("run", "sales", *LAST_DAY, "--digest", looked_at[:12], exits=1)
    assert "plan.stale" in refused.err
    assert "plan.bad_digest" in shop.penstock("run", "--digest", "zzz", exits=2).err
    write(shop, f"pipelines/sales/{FEW}", DATASETS[FEW])
    assert "staged" in _built_by(shop, "run", "sales", *LAST_DAY, "--digest", looked_at[:12])


def test_what_is_built_already_is_only_shown(shop: Place) -> None:
    steps = shop.penstock("plan", "sales", *LAST_DAY, "--env", "test", "--json").result["steps"]
    assert {step["action"] for step in steps} == {"metadata"}
    assert steps[0]["reasons"] == ["built already; the environment only has to show it"]
    assert _built_by(shop, "run", "sales", *LAST_DAY, "--env", "test") == set()
    after = shop.penstock("plan", "sales", *LAST_DAY, "--env", "test", "--json").result["steps"]
    assert {step["action"] for step in after} == {"reuse"}


def test_a_plan_says_how_long_it_takes_by_what_was_measured(shop: Place) -> None:
    _edit(shop, WIDER)
    plan = shop.penstock("plan", "sales", *LAST_DAY, "--json").result
    staged = next(step for step in plan["steps"] if step["dataset"] == "sales.staged")
    assert staged["estimate"]["slices_seen"] > 0
    assert staged["estimate"]["rows"] > 0
    assert plan["seconds"] > 0


def test_a_step_says_what_is_different_from_what_is_shown(shop: Place) -> None:
    _edit(shop, STAGED.replace("AS amount\n", "AS amount, 1 AS one\n"))
    write(shop, "pipelines/sales/more.sql", table("SELECT day FROM sales.staged"))
    steps = {step["dataset"]: step for step in shop.penstock("plan", "sales", *LAST_DAY, "--json").result["steps"]}
    reasons = {name.removeprefix("sales."): step["reasons"][0] for name, step in steps.items()}
    assert reasons["staged"].startswith("its query, code or settings changed")
    assert reasons["all"].startswith("an input changed")
    assert reasons["more"].startswith("the environment does not show it yet")
    assert reasons["few"] == "every interval is there"


def test_only_a_description_is_metadata_and_once_recorded_nothing(shop: Place) -> None:
    text = (shop.root / "pipelines/sales" / FEW).read_text()
    write(shop, f"pipelines/sales/{FEW}", text.replace("/* penstock\n", "/* penstock\ndescription: A few days.\n"))
    few = [
        step
        for step in shop.penstock("plan", "sales", *LAST_DAY, "--json").result["steps"]
        if step["dataset"] == "sales.few"
    ]
    assert (few[0]["action"], few[0]["reasons"]) == (
        "metadata",
        ["only what is said of it changed: its contract or description"],
    )
    assert _built_by(shop, "run", "sales", *LAST_DAY) == set()
    after = shop.penstock("plan", "sales", *LAST_DAY, "--json").result["steps"]
    assert {step["action"] for step in after} == {"reuse"}
    shop.penstock("doctor")


def test_what_many_slices_fail_of_alike_is_said_once(shop: Place) -> None:
    write(
        shop,
        "pipelines/sales/broken.sql",
        "/* penstock\nmaterialize: incremental\ninterval: day(day)\nbatch: 1\n*/\n"
        "SELECT day, no_such_function(amount) AS x FROM sales.staged "
        "WHERE day >= $interval_start AND day < $interval_end\n",
    )
    failed = shop.penstock("run", "sales", *LAST_DAY, "--json", exits=3)
    found = [one for one in failed.findings if one["place"].get("dataset") == "sales.broken"]
    assert len({one["message"] for one in found}) == len(found)
    assert any("(in 3 slices)" in one["message"] for one in found)
