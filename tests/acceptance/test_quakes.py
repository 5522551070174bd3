"""The quakes example: snapshots of a feed that revises, deletes and renumbers, day by day and in any order.

What it ends in is compared with `quakes_by_hand`, a walk through the same files in plain Python.
"""

from __future__ import annotations

import gzip
import json
import random
import shutil
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import quakes_by_hand
from dossier_claims import assert_is_one_page
from penstock_places import AUTHOR, REVIEWER, Place
from quakes_by_hand import Revision, Said, Snapshot, read_snapshots

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

pytest_plugins = ("acceptance_fixtures",)
pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("quakes")]

QUAKES = Path(__file__).parents[2] / "examples" / "quakes"
END = "2025-05-25"
SAID = "epoch_ms(time) AS time, epoch_ms(updated) AS updated, magnitude, place, longitude, latitude, depth"
CURRENT = f"SELECT id, {SAID}, status FROM quakes.current"
HISTORY = (
    f"SELECT id, {SAID}, epoch_ms(first_seen) AS first, epoch_ms(last_seen) AS last, snapshots, "
    "epoch_ms(held_until) AS until, ended, epoch_ms(checked_at) AS checked FROM quakes.history"
)
DAILY = (
    "SELECT CAST(epoch(day) AS BIGINT) // 86400 AS day, region, quakes, felt_by_many, strongest, deepest "
    "FROM quakes.daily"
)
FILES = sorted(path.relative_to(QUAKES).as_posix() for path in (QUAKES / "data").glob("*/*.json.gz"))


def held(place: Place, environment: str = "dev") -> tuple[dict[str, Any], dict[Any, Any]]:
    """`current` and `history` as the warehouse shows them; a key that comes twice is a mistake."""
    now = [tuple(row.values()) for row in place.rows(CURRENT, environment)]
    then = [tuple(row.values()) for row in place.rows(HISTORY, environment)]
    current = {row[0]: (Said(*row[1:8]), row[8]) for row in now}
    history = {(row[0], Said(*row[1:8])): Revision(Said(*row[1:8]), *row[8:]) for row in then}
    assert (len(current), len(history)) == (len(now), len(then))
    return current, history


def expected(snapshots: Iterable[Snapshot]) -> tuple[dict[str, Any], dict[Any, Any]]:
    """The same by hand."""
    events = quakes_by_hand.events_of(list(snapshots))
    return quakes_by_hand.current(events), quakes_by_hand.history(events)


def differing(one: dict[Any, Any], other: dict[Any, Any]) -> list[Any]:
    """The keys under which two tables are not alike, a few of them."""
    return [(key, one.get(key), other.get(key)) for key in {**one, **other} if one.get(key) != other.get(key)][:3]


def agree(place: Place, snapshots: Iterable[Snapshot], environment: str = "dev") -> None:
    """Both tables are what the snapshots say."""
    (current, history), (of_now, of_then) = held(place, environment), expected(snapshots)
    assert differing(current, of_now) == []
    assert differing(history, of_then) == []
    assert len(of_then) > len(of_now) > 0


def example(target: Path, files: Iterable[str] = (), *, story: str | None = None) -> Place:
    """The example in a fresh folder with some of its data, and the files of a story as if it were merged."""
    place = Place(target / "project", target / "keys")
    shutil.copytree(QUAKES, place.root, ignore=shutil.ignore_patterns(".penstock", "data"))
    if story:
        shutil.copytree(QUAKES / "stories" / story, place.root, dirs_exist_ok=True)
    arrive(place, files)
    place.keys.mkdir(mode=0o700)
    return place


def half_day(name: str) -> str:
    """The date of a file, and which half of the day it is of."""
    date, _, time = name.rpartition("/")[2].partition("T")
    return f"{date} {'before' if time < '12' else 'after'} noon"


def arrive(place: Place, files: Iterable[str]) -> None:
    """Put files of the example where the project looks for them."""
    for name in files:
        (place.root / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(QUAKES / name, place.root / name)


def millis(moment: str) -> int:
    """A UTC date in milliseconds since 1970."""
    return int(datetime.fromisoformat(moment).replace(tzinfo=UTC).timestamp() * 1000)


def days(first: str, last: str) -> list[str]:
    """The dates after `first`, up to `last`."""
    start, end = (datetime.fromisoformat(text).replace(tzinfo=UTC) for text in (first, last))
    return [(start + timedelta(days=n + 1)).strftime("%Y-%m-%d") for n in range((end - start).days)]


@pytest.fixture(scope="module")
def snapshots() -> list[Snapshot]:
    return read_snapshots(QUAKES / name for name in FILES)


@pytest.fixture(scope="module")
def whole(once: Callable[[str, Callable[[Path], object]], Path]) -> Place:
    """The pipeline of QUAKES-1, built over all snapshots at once in dev. Do not change it."""
    folder = once("whole_quakes", lambda target: example(target, FILES, story="QUAKES-1").penstock("run"))
    return Place(folder / "project", folder / "keys")


@pytest.fixture(scope="module")
def delivered_quakes(once: Callable[[str, Callable[[Path], object]], Path]) -> Place:
    """QUAKES-1 and QUAKES-2 in production, up to 6 o'clock of the sixth of May. Do not change it."""
    folder = once("delivered_quakes", _deliver)
    return Place(folder / "project", folder / "keys")


def _deliver(folder: Path) -> None:
    place = example(folder, FILES).repository()
    for story, until, watched in (("QUAKES-1", "2025-05-05", "T12:00:00"), ("QUAKES-2", "2025-05-06", "T06:00:00")):
        place.penstock("deliver", f"stories/{story}.md", "--as", AUTHOR, "--until", until, exits=4)
        place.penstock("change", "approve", story, "--as", REVIEWER)
        place.penstock("change", "resume", story, "--until", f"{until}{watched}")


# -- the numbers ----------------------------------------------------------------------------------------------------


def test_both_feeds_together_know_every_event_and_what_became_of_it(whole: Place, snapshots: list[Snapshot]) -> None:
    agree(whole, snapshots)
    current, history = held(whole)
    assert Counter(status for _, status in current.values()) == {"live": 5168, "deleted": 83, "renumbered": 32}
    assert (len(current), len(history)) == (5283, 7718)
    revised = {name for name, _ in history if history[name, _].ended == "revised"}
    assert len(revised) == 1929
    sightings = whole.rows("SELECT count(*) AS rows FROM quakes.sightings", "dev")
    assert sightings == [{"rows": 33_870 + 3_388}]


@pytest.mark.parametrize(
    ("feed", "statuses", "revised"),
    [("hour", {"live": 3296}, 41), ("day", {"live": 5168, "deleted": 73, "renumbered": 20}, 1434)],
)
def test_one_feed_alone_knows_less(
    tmp_path: Path, snapshots: list[Snapshot], feed: str, statuses: dict[str, int], revised: int
) -> None:
    place = example(tmp_path, [name for name in FILES if f"all_{feed}/" in name], story="QUAKES-1")
    place.penstock("run")
    agree(place, [snapshot for snapshot in snapshots if snapshot.feed == feed])
    current, history = held(place)
    assert Counter(status for _, status in current.values()) == statuses
    assert len({name for (name, _), row in history.items() if row.ended == "revised"}) == revised


def test_a_snapshot_that_lists_nothing_is_known(whole: Place) -> None:
    rows = whole.rows(
        "SELECT feed, CAST(taken_at AS VARCHAR) AS taken_at FROM quakes.snapshots WHERE listed = 0", "dev"
    )
    assert rows == [{"feed": "hour", "taken_at": "2025-05-21 08:03:19"}]
    assert whole.rows("SELECT count(*) AS snapshots FROM quakes.snapshots", "dev") == [{"snapshots": len(FILES)}]


def test_what_the_feed_no_longer_says_is_told_with_its_day_and_kept(whole: Place) -> None:
    found = whole.penstock("drift", "--json").result["sources"]
    gone = {name: [one["interval_start"] for one in told if one["what"] == "gone: id"] for name, told in found.items()}
    assert gone == {"quakes.past_day": ["2025-05-04T17:00:00Z"], "quakes.past_hour": ["2025-05-04T14:00:00Z"]}
    assert all(len(told) == 2 for told in found.values())
    kept = 'SELECT count(*) AS kept FROM quakes.past_day WHERE _extra LIKE \'%"properties.net":"%\''
    assert whole.rows(kept, "dev") == [{"kept": 196}]


# -- any order ------------------------------------------------------------------------------------------------------


def test_snapshots_in_another_order_and_three_that_come_late_end_in_the_same_tables(
    tmp_path: Path, whole: Place
) -> None:
    """Half of all half days, drawn by lot, come first; then the others but for three snapshots; then these."""
    early, later, hour = "all_day/2025-05-0", "all_day/2025-05-1", "all_hour/2025-05-1"
    late = [next(name for name in FILES[5:] if part in name) for part in (early, later, hour)]
    halves = sorted({half_day(name) for name in FILES})
    random.Random(20250504).shuffle(halves)  # noqa: S311 - a lot, and the same one each time
    rest = sorted(set(FILES) - set(late), key=lambda name: halves.index(half_day(name)))
    place = example(tmp_path, rest[: len(rest) // 2], story="QUAKES-1")
    place.penstock("run")
    assert held(place) != held(whole)
    arrive(place, rest[len(rest) // 2 :])
    place.penstock("run")
    assert held(place) != held(whole)
    arrive(place, late)
    place.penstock("run")
    assert [differing(one, other) for one, other in zip(held(place), held(whole), strict=True)] == [[], []]
    assert "nothing to build" in place.penstock("run").out


def test_a_snapshot_that_comes_again_changes_nothing(whole: Place, tmp_path: Path) -> None:
    """Once packed anew under its own name, once written otherwise beside itself, once read again by a backfill."""
    place = whole.copied(tmp_path)
    before = held(place)
    day, hour = (
        place.root / next(name for name in FILES if part in name)
        for part in ("all_day/2025-05-20", "all_hour/2025-05-23")
    )
    day.write_bytes(gzip.compress(gzip.decompress(day.read_bytes()), compresslevel=1))
    again = hour.with_name(hour.name.replace("Z.json", "Z-again.json"))
    again.write_bytes(gzip.compress(json.dumps(json.loads(gzip.decompress(hour.read_bytes()))).encode()))

    assert "nothing to build" not in place.penstock("run").out
    landed = f"SELECT count(DISTINCT _file) AS files FROM quakes.past_hour WHERE _file LIKE '%/{hour.name[:17]}%'"
    assert place.rows(landed, "dev") == [{"files": 2}]
    assert held(place) == before

    window = ("--start", "2025-05-22T00:00:00", "--end", "2025-05-22T06:00:00")
    proposed = place.penstock("backfill", "quakes.past_day", *window, "--json").result["digest"]
    place.penstock("backfill", "quakes.past_day", *window, "--digest", proposed)
    assert held(place) == before


def test_the_same_bytes_under_another_name_are_refused_by_name_and_change_nothing(whole: Place, tmp_path: Path) -> None:
    place = whole.copied(tmp_path)
    first = place.root / FILES[-1]
    shutil.copyfile(first, first.with_name(first.name.replace("Z.json", "Z-copy.json")))
    before = place.warehouse()
    said = place.penstock("run", "--json", exits=None)
    assert said.code != 0
    assert [finding["code"] for finding in said.findings] == ["source.repeated_file"]
    assert place.warehouse() == before


def test_slices_come_out_as_one_build(whole: Place) -> None:
    said = whole.penstock("test", "--slices", "quakes.history", "quakes.current", "--json").result["datasets"]
    assert {name: one["outcome"] for name, one in said.items()} == dict.fromkeys(
        ("quakes.current", "quakes.history"), "equal"
    )
    assert all({"late", "reversed", "replayed"} <= {order["order"] for order in one["orders"]} for one in said.values())


# -- delivered ------------------------------------------------------------------------------------------------------


def test_day_by_day_production_is_what_the_snapshots_say(
    delivered_quakes: Place, snapshots: list[Snapshot], tmp_path: Path
) -> None:
    place = delivered_quakes.copied(tmp_path)
    agree(place, [one for one in snapshots if one.taken < millis("2025-05-06T06:00:00")], "prod")
    for until in days("2025-05-06", END):
        place.penstock("run", "--env", "prod", "--until", until)
        so_far = [one for one in snapshots if one.taken < millis(until)]
        agree(place, so_far, "prod")
    rows = [tuple(row.values()) for row in place.rows(DAILY)]
    by_hand = quakes_by_hand.daily(quakes_by_hand.events_of(snapshots))
    assert differing({row[:2]: row[2:] for row in rows}, by_hand) == []
    assert len(rows) == len(by_hand)


def test_both_stories_went_through_all_stages(delivered_quakes: Place, tmp_path: Path) -> None:
    place = delivered_quakes.copied(tmp_path)
    for change in ("QUAKES-1", "QUAKES-2"):
        assert place.penstock("change", "show", change, "--json").result["state"] == "done"
        assert place.penstock("change", "verify", change, "--json").result["ok"] is True
    assert place.penstock("check", "--json").findings == []
    assert place.penstock("test", "--json").result["failed"] == 0
    assert place.git("status", "--porcelain") == ""
    review = json.loads((place.root / "changes/QUAKES-2/review.json").read_text())
    moved = review["differences"]["quakes.current"]
    assert [moved[key] for key in ("added", "removed", "changed")] == [0, 0, 0]
    reviewed = json.loads((place.root / "changes/QUAKES-1/review.json").read_text())
    tried = {name.removeprefix("quakes."): one["outcome"] for name, one in reviewed["slices"].items()}
    assert tried == dict.fromkeys(("current", "history", "sightings", "snapshots"), "equal")


@pytest.mark.parametrize("change", ["QUAKES-1", "QUAKES-2"])
def test_each_dossier_is_one_page(delivered_quakes: Place, change: str) -> None:
    assert_is_one_page(delivered_quakes.root, change)


def test_a_rollback_of_the_second_story_leaves_the_first(delivered_quakes: Place, tmp_path: Path) -> None:
    place = delivered_quakes.copied(tmp_path)
    before = held(place, "prod")
    place.penstock("change", "rollback", "QUAKES-2", "--reason", "regions are not what we meant")
    assert held(place, "prod") == before
    assert "region" not in place.rows("SELECT * FROM quakes.current LIMIT 1")[0]
