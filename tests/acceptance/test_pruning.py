"""`prune` takes away what nothing needs and nothing else; `rollback` puts an environment back, copying nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from orders_shop import NEW_DAY
from penstock_places import AUTHOR, REVIEWER
from runs_shop import ledger, make_shop, table, write

from penstock.app.wiring import workplace
from penstock.engine.removal import remove
from penstock.plan.versions import Version

if TYPE_CHECKING:
    from pathlib import Path

    from penstock_places import Place

pytest_plugins = ("acceptance_fixtures",)
pytestmark = pytest.mark.slow

AT_ONCE = ("--older-than", "0.000001s")
ITEMS, VIEW = "pipelines/stock/items.sql", "pipelines/stock/seen.sql"


def _items(place: Place, number: int) -> None:
    write(place, ITEMS, table(f"SELECT {number} AS items, i FROM range(10000) AS numbers(i)"))


def _shown(place: Place, env: str = "dev") -> list[dict[str, Any]]:
    return place.rows("SELECT DISTINCT items FROM stock.items", env=env)


def _relations(place: Place) -> set[str]:
    """The relations of versions that the warehouse holds."""
    return {name.removeprefix("_versions.") for name in place.warehouse() if name.startswith("_versions.")}


@pytest.fixture
def shop(tmp_path: Path) -> Place:
    """Four versions of one table, with a view over each, all once shown in dev."""
    place = make_shop(tmp_path)
    write(place, VIEW, "/* penstock\nmaterialize: view\n*/\nSELECT items FROM stock.items\n")
    for number in (1, 2, 3, 4):
        _items(place, number)
        place.penstock("run", "stock")
    return place


def test_what_nothing_needs_is_shown_first_and_then_removed(shop: Place) -> None:
    held = _relations(shop)
    assert len(held) == 8
    seen = shop.penstock("prune", *AT_ONCE, "--json").result
    # the fourth is shown, the third is where a rollback goes
    assert [version["dataset"] for version in seen["versions"]] == ["stock.items"] * 2 + ["stock.seen"] * 2
    assert (seen["rows"], seen["removed"]) == (20000, 0)
    assert _relations(shop) == held

    done = shop.penstock("prune", *AT_ONCE, "--yes", "--json").result
    assert (done["removed"], done["left"], done["unknown"]) == (4, [], [])
    assert done["bytes"] > 0
    gone = {f"{version['dataset'].replace('.', '__')}__{version['version']}" for version in done["versions"]}
    assert _relations(shop) == held - gone
    assert _shown(shop) == [{"items": 4}]
    assert shop.penstock("doctor", "--json").findings == []
    assert shop.penstock("prune", *AT_ONCE, "--yes", "--json").result["versions"] == []


def test_what_was_used_within_the_retention_stays(shop: Place) -> None:
    assert shop.penstock("prune", "--json").result["versions"] == []
    settings = (shop.root / "penstock.yaml").read_text(encoding="utf-8")
    write(shop, "penstock.yaml", settings + "retention:\n  versions: 0.000001s\n")
    assert len(shop.penstock("prune", "--json").result["versions"]) == 4


def test_a_version_that_was_removed_is_built_again_when_it_is_wanted(shop: Place) -> None:
    shop.penstock("prune", *AT_ONCE, "--yes")
    _items(shop, 1)
    steps = {step["dataset"]: step["action"] for step in shop.penstock("plan", "stock", "--json").result["steps"]}
    assert steps == {"stock.items": "build", "stock.seen": "build"}
    shop.penstock("run", "stock")
    assert _shown(shop) == [{"items": 1}]
    assert shop.penstock("doctor", "--json").findings == []


def test_another_environment_keeps_what_it_shows(shop: Place) -> None:
    _items(shop, 1)
    shop.penstock("run", "stock", "--env", "trial")
    _items(shop, 4)
    done = shop.penstock("prune", *AT_ONCE, "--yes", "--json").result
    assert done["removed"] == 2
    assert _shown(shop, "trial") == [{"items": 1}]


def test_what_the_files_make_stays_although_nothing_shows_it(shop: Place) -> None:
    _items(shop, 1)
    kept = shop.penstock("prune", *AT_ONCE, "--yes", "--json").result["kept"]
    assert {version["dataset"] for version in kept if "the project's files make it" in version["needs"]} == {
        "stock.items", "stock.seen",
    }  # fmt: skip
    steps = shop.penstock("plan", "stock", "--json").result["steps"]
    assert {step["action"] for step in steps} == {"metadata"}


def test_a_relation_that_the_ledger_does_not_know_is_named_and_left_alone(shop: Place) -> None:
    import duckdb

    with duckdb.connect(str(shop.root / ".penstock" / "warehouse.duckdb")) as connection:
        connection.execute("CREATE TABLE _versions.mine AS SELECT 1 AS one")
    done = shop.penstock("prune", *AT_ONCE, "--yes", "--json").result
    assert done["unknown"] == ['"_versions"."mine"']
    assert "mine" in _relations(shop)


def test_a_version_that_somebodys_own_view_reads_stays(shop: Place) -> None:
    import duckdb

    version = shop.penstock("prune", *AT_ONCE, "--json").result["versions"][0]
    relation = f"{version['dataset'].replace('.', '__')}__{version['version']}"
    with duckdb.connect(str(shop.root / ".penstock" / "warehouse.duckdb")) as connection:
        connection.execute("CREATE SCHEMA own")
        connection.execute(f'CREATE VIEW own.mine AS SELECT * FROM _versions."{relation}"')
    done = shop.penstock("prune", *AT_ONCE, "--yes", "--json").result
    assert (done["removed"], done["left"]) == (3, [])
    needs = {each["version"]: each["needs"] for each in done["kept"]}
    assert needs[version["version"]] == ["a view that stays reads it"]
    assert relation in _relations(shop)
    assert shop.penstock("doctor", "--json").findings == []


def test_nothing_is_removed_from_a_project_that_never_built_anything(tmp_path: Path) -> None:
    place = make_shop(tmp_path)
    assert place.penstock("prune", "--json").result["versions"] == []
    assert place.penstock("prune", "--yes", "--json").result["versions"] == []
    assert not (place.root / ".penstock" / "warehouse.duckdb").exists()


def test_an_environment_goes_back_and_forth_in_one_swap_that_builds_nothing(shop: Place) -> None:
    attempts = ledger(shop, "SELECT count(*) FROM attempts")
    back = shop.penstock("rollback", "--env", "dev", "--json").result
    assert _shown(shop) == [{"items": 3}]
    assert {name for name in back["before"] if back["before"][name] != back["after"][name]} == {
        "stock.items", "stock.seen",
    }  # fmt: skip
    forth = shop.penstock("rollback", "--env", "dev", "--json").result
    assert (forth["before"], forth["after"]) == (back["after"], back["before"])
    assert _shown(shop) == [{"items": 4}]
    assert ledger(shop, "SELECT count(*) FROM attempts") == attempts
    assert shop.penstock("doctor", "--json").findings == []


def test_a_rollback_after_a_prune_finds_its_versions(shop: Place) -> None:
    shop.penstock("prune", *AT_ONCE, "--yes")
    shop.penstock("rollback")
    assert _shown(shop) == [{"items": 3}]
    assert shop.penstock("prune", *AT_ONCE, "--json").result["versions"] == []


def test_an_environment_with_nothing_before_it_does_not_go_back(tmp_path: Path) -> None:
    place = make_shop(tmp_path)
    assert "rollback.nothing_shown" in place.penstock("rollback", exits=2).err
    place.penstock("run", "stock")
    assert "rollback.first_promotion" in place.penstock("rollback", exits=2).err


def test_production_goes_back_by_its_changes_alone(shop: Place) -> None:
    said = shop.penstock("rollback", "--env", "prod", exits=1)
    assert "rollback.delivered" in said.err
    assert "penstock change rollback" in said.err


# -- changes ----------------------------------------------------------------------------------------------------------

PRUNE = ("prune", "--yes", *AT_ONCE, "--json")


def _try_things_out(place: Place) -> None:
    """Three editions of a dataset that is then given up."""
    path = place.root / "pipelines" / "shop" / "tried.sql"
    for number in (1, 2, 3):
        path.write_text(table(f"SELECT {number} AS tried"), encoding="utf-8")
        place.penstock("run", "--until", NEW_DAY)
    path.unlink()
    place.penstock("run", "--until", NEW_DAY)


def test_a_change_loses_nothing_to_prunes_at_every_stage_and_can_be_rolled_back(
    running_shop: Place, tmp_path: Path
) -> None:
    place = running_shop.copied(tmp_path)
    _try_things_out(place)
    before = place.rows("SELECT * FROM shop.daily_orders ORDER BY day")
    # the first two; what was shown before the file went is where a rollback of dev goes
    assert [each["dataset"] for each in place.penstock(*PRUNE).result["versions"]] == ["shop.tried"] * 2

    place.penstock("deliver", "stories/SHOP-2.md", "--as", AUTHOR, "--until", NEW_DAY, exits=4)
    assert place.penstock(*PRUNE).result["removed"] == 0
    place.penstock("change", "approve", "SHOP-2", "--as", REVIEWER)
    assert place.penstock(*PRUNE).result["removed"] == 0
    place.penstock("change", "resume", "SHOP-2", "--until", NEW_DAY, exits=4)
    assert place.rows("SELECT * FROM shop.daily_orders ORDER BY day") != before
    assert place.penstock(*PRUNE).result["removed"] == 0
    place.penstock("change", "resume", "SHOP-2", "--until", "2024-03-10")

    place.penstock(*PRUNE)
    assert place.penstock("doctor", "--json").findings == []
    place.penstock("change", "rollback", "SHOP-2", "--reason", "finance objects")
    shown = place.rows("SELECT * FROM shop.daily_orders ORDER BY day")
    assert [row for row in shown if row in before] == before
    assert place.penstock("doctor", "--json").findings == []
    assert place.penstock("change", "verify", "SHOP-2").code == 0


def test_what_a_change_under_way_needs_is_named_by_its_own_files(running_shop: Place, tmp_path: Path) -> None:
    place = running_shop.copied(tmp_path)
    place.penstock("deliver", "stories/SHOP-2.md", "--as", AUTHOR, "--until", NEW_DAY, exits=4)
    kept = place.penstock("prune", *AT_ONCE, "--json").result["kept"]
    needed = {each["dataset"] for each in kept if "a change under way needs it" in each["needs"]}
    assert {"shop.stg_orders", "shop.daily_orders"} <= needed
    (place.root / ".penstock" / "worktrees" / "SHOP-2" / "penstock.yaml").write_text("name: [")
    assert "prune.unreadable_change" in place.penstock("prune", *AT_ONCE, exits=2).err


def test_a_change_whose_way_back_was_removed_says_so_and_stays_as_it_was(running_shop: Place, tmp_path: Path) -> None:
    place = running_shop.copied(tmp_path)
    place.penstock("deliver", "stories/SHOP-2.md", "--as", AUTHOR, "--until", NEW_DAY, exits=4)
    place.penstock("change", "approve", "SHOP-2", "--as", REVIEWER)
    place.penstock("change", "resume", "SHOP-2", "--until", "2024-03-10")
    shown = {str(row["dataset"]): str(row["version"]) for row in _ledger_rows(place, "environments")}
    old = [
        Version(dataset=row["dataset"], fingerprint=row["version"], relation=row["relation"])
        for row in _ledger_rows(place, "versions")
        if row["dataset"] == "shop.stg_orders" and row["version"] != shown["shop.stg_orders"]
    ]
    with workplace(place.root) as at_work:  # as if its retention had run out
        at_work.hold()
        remove(at_work.ledger, at_work.warehouse, old, by="ana", token=at_work.token())
    state = place.state()
    said = place.penstock("change", "rollback", "SHOP-2", "--reason", "finance objects", exits=2)
    assert "version.removed" in said.err
    assert place.state() == state
    assert place.penstock("change", "show", "SHOP-2", "--json").result["state"] == "done"


def _ledger_rows(place: Place, table: str) -> list[dict[str, Any]]:
    with workplace(place.root) as at_work:
        return [dict(row) for row in at_work.ledger.rows(table) if row.get("environment", "prod") == "prod"]
