"""The epidemic example: five headers, days that come late, days that are sent again, and in the end the same tables."""

from __future__ import annotations

import csv
import gzip
import io
import shutil
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from dossier_claims import assert_is_one_page
from penstock_places import AUTHOR, REVIEWER, Place

from object_bench import KEY, SECRET

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from object_bench import Bucket, Proxy

pytest_plugins = ("acceptance_fixtures", "object_server")
pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("epidemic")]

EPIDEMIC = Path(__file__).parents[2] / "examples" / "epidemic"
REPORTS, FIRST = EPIDEMIC / "data" / "reports", EPIDEMIC / "data" / "first_published"
Counts = tuple[int, int, int]
Table = dict[tuple[str, str], Counts]
WORDS = (("Country/Region", "Country_Region"), ("Confirmed",), ("Deaths",), ("Recovered",))


def _day(path: Path) -> str:
    month, day, year = path.name.split(".")[0].split("-")
    return f"{year}-{month}-{day}"


def counted(files: Iterable[Path]) -> Table:
    """What the files say by day and country, by nothing but Python's own CSV reader."""
    with (EPIDEMIC / "data" / "country_names.csv").open(encoding="utf-8", newline="") as stream:
        names = {row["spelling"]: row["country"] for row in csv.DictReader(stream)}
    found: dict[tuple[str, str], list[int]] = {}
    for path in files:
        text = gzip.decompress(path.read_bytes()).decode("utf-8-sig")
        for row in csv.DictReader(io.StringIO(text, newline="")):
            country, *numbers = (next(row[word] for word in words if word in row) for words in WORDS)
            country = names.get(country.strip(), country.strip())
            held = found.setdefault((_day(path), country), [0, 0, 0])
            for place, number in enumerate(numbers):
                held[place] += int(number or 0)
    return {key: (counts[0], counts[1], counts[2]) for key, counts in found.items()}


def shown(place: Place, env: str = "dev") -> Table:
    """What the project's table says."""
    rows = place.rows("SELECT day, country, confirmed, deaths, recovered FROM cases.by_country_day", env)
    table = {
        (str(row["day"]), str(row["country"])): (int(row["confirmed"]), int(row["deaths"]), int(row["recovered"]))
        for row in rows
    }
    assert len(table) == len(rows), "one row for each day and country"
    return table


@pytest.fixture(scope="module")
def finals() -> tuple[Path, ...]:
    """The final files, by day."""
    return tuple(sorted(REPORTS.glob("*.csv.gz"), key=_day))


@pytest.fixture(scope="module")
def truth(finals: tuple[Path, ...]) -> Table:
    return counted(finals)


@pytest.fixture(scope="module")
def delivered(once: Callable[[str, Callable[[Path], object]], Path]) -> Place:
    """Both stories delivered, up to the last day. Do not change it."""
    folder = once("epidemic", _deliver)
    return Place(folder / "project", folder / "keys")


def _deliver(folder: Path) -> None:
    shutil.copytree(EPIDEMIC, folder / "project", ignore=shutil.ignore_patterns(".penstock"))
    place = Place(folder / "project", folder / "keys").repository()
    for story in ("EPIDEMIC-1", "EPIDEMIC-2"):
        place.spawn("deliver", f"stories/{story}.md", "--as", AUTHOR, "--until", "2020-11-10", exits=4)
        place.spawn("change", "approve", story, "--as", REVIEWER)
        place.spawn("change", "resume", story)


@pytest.fixture
def empty(delivered: Place, tmp_path: Path) -> Place:
    """The pipeline that was delivered, with no day's file and nothing built."""
    place = Place(tmp_path / "project", tmp_path / "keys")
    ignored = shutil.ignore_patterns(".penstock", ".git", "reports", "first_published")
    shutil.copytree(delivered.root, place.root, ignore=ignored)
    (place.root / "data" / "reports").mkdir()
    place.keys.mkdir()
    return place


def _send(place: Place, *files: Path) -> None:
    for path in files:
        shutil.copy(path, place.root / "data" / "reports")


def test_production_shows_what_the_files_say(delivered: Place, truth: Table) -> None:
    assert shown(delivered, "prod") == truth
    assert sum(counts[0] for counts in truth.values()) == 871_831_262
    assert delivered.penstock("change", "verify", "EPIDEMIC-2").code == 0


@pytest.mark.parametrize("change", ["EPIDEMIC-1", "EPIDEMIC-2"])
def test_each_dossier_is_one_page(delivered: Place, change: str) -> None:
    assert_is_one_page(delivered.root, change)


def test_no_line_was_put_aside_and_none_is_missing(delivered: Place, finals: tuple[Path, ...]) -> None:
    (row,) = delivered.rows("SELECT count(*) AS lines, count(DISTINCT _file) AS files FROM cases.reports")
    assert row == {"lines": 376_710, "files": len(finals)}
    (counts,) = delivered.rows(
        "SELECT sum(lines) AS a, sum(staged) AS b, sum(rejected) AS c FROM cases.stg_reports_counts"
    )
    assert [int(value) for value in counts.values()] == [376_710, 376_710, 0]


def test_each_change_of_the_header_is_told_with_its_day(delivered: Place) -> None:
    drifted = delivered.penstock("drift", "cases.reports", "--json").result["sources"]["cases.reports"]
    columns = {"new column", "column gone", "column renamed"}
    assert {one["interval_start"] for one in drifted if one["kind"] in columns} == {
        "2020-03-01", "2020-03-22", "2020-05-29", "2020-11-09",
    }  # fmt: skip
    times = [(one["interval_start"], one["after"]) for one in drifted if one["kind"] == "values look otherwise"]
    assert ("2020-02-02", "time 2020-01-31T23:59:59") in times
    forms = {form for _, form in times if form.startswith("time")}
    assert len(forms | {"time 1/31/2020 23:59"}) == 4, "four ways to write a moment"
    marks = {one["what"] for one in drifted if one["kind"] == "written otherwise"}
    assert "start of the file: byte order mark before, none now" in marks
    assert "line ends: CRLF before, LF now" in marks


def test_files_as_first_published_give_way_to_the_corrected_ones(
    empty: Place, finals: tuple[Path, ...], truth: Table
) -> None:
    early = [path for path in finals if _day(path) <= "2020-04-10"]
    first = [FIRST / path.name if (FIRST / path.name).exists() else path for path in early]
    corrected = [path for path, one in zip(early, first, strict=True) if path != one]
    _send(empty, *first)
    empty.penstock("run", "--until", "2020-04-11")
    before = shown(empty)
    assert before == counted(first)
    assert before != {key: counts for key, counts in truth.items() if key[0] <= "2020-04-10"}
    told = empty.penstock("drift", "--json").result["sources"]["cases.reports"]
    assert "2020-03-24" in {one["interval_start"] for one in told if one["kind"] == "column renamed"}, (
        "not yet the 22nd"
    )

    _send(empty, *corrected)
    planned = empty.penstock("plan", "--until", "2020-04-11", "--json").result["steps"]
    assert {step["dataset"] for step in planned if "files" in " ".join(step["reasons"])} >= {
        "cases.reports", "cases.stg_reports", "cases.by_country_day",
    }  # fmt: skip
    empty.penstock("run", "--until", "2020-04-11")
    assert shown(empty) == {key: counts for key, counts in truth.items() if key[0] <= "2020-04-10"}
    assert "nothing to build" in empty.penstock("run", "--until", "2020-04-11").out


def test_days_that_come_late_and_in_another_order_end_in_the_same_tables(
    empty: Place, finals: tuple[Path, ...], truth: Table
) -> None:
    late = [path for path in finals if _day(path) in {"2020-03-01", "2020-03-22", "2020-11-09"}]
    _send(empty, *(path for path in finals if path not in late))
    empty.penstock("run")
    lacking = {_day(path) for path in late}
    assert shown(empty) == {key: counts for key, counts in truth.items() if key[0] not in lacking}
    for path in reversed(late):
        _send(empty, path)
        empty.penstock("run")
    assert shown(empty) == truth


def test_days_in_a_bucket_end_in_the_same_tables_as_files(
    empty: Place, finals: tuple[Path, ...], truth: Table, bucket: Bucket, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The days around each change of the header; the oldest of them comes last."""
    around = {"2020-03-01", "2020-03-22", "2020-05-29", "2020-11-09"}
    days = {str(date.fromisoformat(day) - timedelta(days=before)) for day in around for before in (0, 1)}
    some = [path for path in finals if _day(path) in days]
    monkeypatch.setenv("REPORTS_KEY", KEY)
    monkeypatch.setenv("REPORTS_SECRET", SECRET)
    file = empty.root / "pipelines" / "cases" / "reports.source.yaml"
    credentials = "{key: REPORTS_KEY, secret: REPORTS_SECRET}"
    text = file.read_text().replace("path: data/", f"path: s3://{bucket.name}/")
    monkeypatch.setenv("REPORTS_STORE", proxy.address)
    file.write_text(f"{text}storage: {{endpoint: REPORTS_STORE, credentials: {credentials}}}\n")
    (empty.root / "data" / "reports").rmdir()
    for path in some[1:]:
        bucket.put(f"reports/{path.name}", path.read_bytes())

    empty.penstock("run")
    assert shown(empty) == {key: counts for key, counts in truth.items() if key[0] in {_day(path) for path in some[1:]}}
    proxy.mend()
    bucket.put(f"reports/{some[0].name}", some[0].read_bytes())
    empty.penstock("run")
    assert shown(empty) == {key: counts for key, counts in truth.items() if key[0] in days}
    assert len(some) == 8
    told = empty.penstock("drift", "--json").result["sources"]["cases.reports"]
    assert {one["interval_start"] for one in told if one["kind"] in {"new column", "column renamed"}} == around
    assert proxy.count(r"GET /[^/?]+/reports/") == 1


def test_every_day_in_turn_through_all_headers(empty: Place, finals: tuple[Path, ...], truth: Table) -> None:
    """As it would have been: each morning one file more; around each change of the header all is looked at."""
    changes = {"2020-03-01", "2020-03-22", "2020-05-29", "2020-11-09"}
    told: dict[str, list[str]] = {}
    for path in finals:
        _send(empty, path)
        day = date.fromisoformat(_day(path))
        ran = empty.penstock("run", "--until", str(day + timedelta(days=1)), "--json").result
        assert ran["rows"]["cases.by_country_day"], day
        told[str(day)] = [one["kind"] for one in ran["drift"].get("cases.reports", ())]
        if str(day) in changes:
            expected = {key: counts for key, counts in truth.items() if key[0] <= str(day)}
            assert shown(empty) == expected, day
    assert shown(empty) == truth
    assert {day for day, kinds in told.items() if {"new column", "column renamed"} & set(kinds)} == changes
