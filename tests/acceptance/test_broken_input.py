"""Broken projects, files and stories: one clear error each, with the place and the remedy, and nothing is touched.

Each case is tried through the doors a user would hit it at. Before and after, the warehouse's tables and the ledger's
journal are compared.
"""

from __future__ import annotations

import gzip
import os
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from orders_shop import DAYS, NEW_DAY, orders_file, unbuilt_shop, visits_file
from penstock_places import AUTHOR, Place

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytest_plugins = ("acceptance_fixtures",)
pytestmark = pytest.mark.slow

PIPELINE = "pipelines/shop/pipeline.yaml"
SOURCE = "pipelines/shop/orders.source.yaml"
EXTRA = "pipelines/shop/extra.sql"
CONTRACT = "contracts/shop.daily_orders.odcs.yaml"
HEADER = "/* penstock\nmaterialize: table\n*/\n"
ARRIVED = "2024-03-10"
CHECK, RUN = ("check",), ("run", "--env", "dev", "--until", ARRIVED)
DELIVER = ("deliver", "stories/SHOP-2.md", "--as", AUTHOR, "--until", ARRIVED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One way to break things: what is done, and the error that has to come of it.

    `file` is the place named; `line` is its line there, where there is one; `says` are words the message holds.
    """

    name: str
    breaks: Callable[[Place], object]
    code: str
    file: str
    line: int | None = None
    says: str = ""

    def __str__(self) -> str:
        return self.name.replace(" ", "-")


# -- ways to break things ------------------------------------------------------------------------------------------


def write(path: str, text: str | bytes) -> Callable[[Place], object]:
    def broken(place: Place) -> None:
        target = place.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(text.encode() if isinstance(text, str) else text)

    return broken


def replace(path: str, old: str, new: str) -> Callable[[Place], object]:
    def broken(place: Place) -> None:
        target = place.root / path
        text = target.read_text()
        assert text.count(old) == 1, f"{path} holds {old!r} {text.count(old)} times"
        target.write_text(text.replace(old, new))

    return broken


def also(*steps: Callable[[Place], object]) -> Callable[[Place], object]:
    def broken(place: Place) -> None:
        for step in steps:
            step(place)

    return broken


def link_out(path: str) -> Callable[[Place], object]:
    """Put a link to a file (or folder) outside the project in place of a path."""

    def broken(place: Place) -> None:
        target, outside = place.root / path, place.keys / "outside"
        if target.exists():
            target.rename(outside)
        else:
            outside.mkdir()
        target.symlink_to(outside)

    return broken


def fifo(path: str) -> Callable[[Place], object]:
    def broken(place: Place) -> None:
        target = place.root / path
        target.unlink(missing_ok=True)
        os.mkfifo(target)

    return broken


def remove(path: str) -> Callable[[Place], object]:
    return lambda place: (place.root / path).unlink()


def extra(query: str) -> Callable[[Place], object]:
    """A query of the user's own beside what the story brought."""
    return write(EXTRA, HEADER + query)


def circle(place: Place) -> None:
    write("pipelines/shop/hen.sql", f"{HEADER}SELECT day FROM shop.egg")(place)
    write("pipelines/shop/egg.sql", f"{HEADER}SELECT day FROM shop.hen")(place)


BOMB = 'a: &a ["lol"]\n' + "".join(
    f"{new}: &{new} [{', '.join([f'*{old}'] * 9)}]\n" for old, new in zip("abcdefgh", "bcdefghi", strict=True)
)

PROJECT = (
    Case(
        name="bad YAML",
        breaks=replace(PIPELINE, "owner: shop-team", "owner: [shop-team"),
        code="document.not_yaml",
        file=PIPELINE,
        line=3,
    ),
    Case(name="YAML bomb", breaks=write(PIPELINE, BOMB), code="document.refused", file=PIPELINE, line=6),
    Case(
        name="deep nesting",
        breaks=write(PIPELINE, "owner: " + "[" * 200_000),
        code="document.refused",
        file=PIPELINE,
        line=1,
    ),
    Case(
        name="hundred levels",
        breaks=write(PIPELINE, "owner:\n" + "".join(f"{' ' * n}a:\n" for n in range(1, 100))),
        code="document.refused",
        file=PIPELINE,
        line=42,
    ),
    Case(
        name="duplicate key",
        breaks=replace(PIPELINE, "owner: shop-team\n", "owner: shop-team\nowner: nobody\n"),
        code="document.refused",
        file=PIPELINE,
        line=3,
        says="owner",
    ),
    Case(
        name="unknown key",
        breaks=replace(PIPELINE, "timezone:", "timezome:"),
        code="document.unknown_key",
        file=PIPELINE,
        line=4,
        says="timezome",
    ),
    Case(
        name="bad cron",
        breaks=replace(PIPELINE, "0 6 * * *", "0 25 * * *"),
        code="project.bad_schedule",
        file=PIPELINE,
        line=3,
        says="25",
    ),
    Case(
        name="bad zone",
        breaks=replace(PIPELINE, "Europe/London", "Europe/Londom"),
        code="project.bad_schedule",
        file=PIPELINE,
        line=4,
        says="Europe/Londom",
    ),
    Case(
        name="unknown dataset in SQL",
        breaks=extra("SELECT day\nFROM shop.dayly_orders"),
        code="project.unknown_dataset",
        file=EXTRA,
        line=5,
        says="shop.dayly_orders",
    ),
    Case(name="cycle", breaks=circle, code="project.cycle", file="pipelines/shop/egg.sql", says="shop.hen"),
    Case(
        name="path climbs out",
        breaks=replace(SOURCE, "data/orders/", "../orders/"),
        code="project.outside",
        file=SOURCE,
        says="../orders",
    ),
    Case(
        name="absolute path",
        breaks=replace(SOURCE, "data/orders/", "/srv/orders/"),
        code="project.outside",
        file=SOURCE,
        says="/srv/orders",
    ),
    Case(
        name="link as project file",
        breaks=link_out("pipelines/shop/daily_orders.sql"),
        code="project.refused_file",
        file="pipelines/shop/daily_orders.sql",
        says="link",
    ),
    Case(
        name="link as project folder",
        breaks=link_out("pipelines/elsewhere"),
        code="project.refused_file",
        file="pipelines/elsewhere",
        says="link",
    ),
    Case(name="FIFO as project file", breaks=fifo(EXTRA), code="project.refused_file", file=EXTRA),
    Case(
        name="not UTF-8",
        breaks=write(EXTRA, b"/* penstock\nmaterialize: table */ SELECT '\xff'"),
        code="project.not_text",
        file=EXTRA,
    ),
    Case(
        name="dataset made twice",
        breaks=write(
            "pipelines/shop/daily_orders.py",
            'from penstock import task\n\n\n@task(reads={"a": "shop.stg_orders"})\ndef f(a):\n    return a\n',
        ),
        code="project.duplicate_dataset",
        file="pipelines/shop/daily_orders.sql",
        says="daily_orders.py",
    ),
    Case(name="SQL syntax error", breaks=extra("SELECT day,\nFROM WHERE"), code="sql.syntax", file=EXTRA, line=5),
    Case(
        name="two statements",
        breaks=extra("SELECT 1 AS one;\nSELECT 2 AS two"),
        code="sql.several_statements",
        file=EXTRA,
        line=5,
    ),
    Case(name="DROP", breaks=extra("DROP TABLE shop.daily_orders"), code="sql.not_a_query", file=EXTRA, line=4),
    Case(
        name="read_csv",
        breaks=extra("SELECT *\nFROM read_csv('/etc/passwd')"),
        code="sql.file_read",
        file=EXTRA,
        line=5,
        says="read_csv",
    ),
    Case(
        name="file in FROM",
        breaks=extra("SELECT *\nFROM '/etc/passwd'"),
        code="sql.file_read",
        file=EXTRA,
        line=5,
        says="/etc/passwd",
    ),
    Case(
        name="unknown parameter",
        breaks=extra("SELECT $today AS day FROM shop.daily_orders"),
        code="sql.unknown_parameter",
        file=EXTRA,
        line=4,
        says="$today",
    ),
    Case(name="no header", breaks=write(EXTRA, "SELECT 1 AS one"), code="project.no_header", file=EXTRA, line=1),
    Case(
        name="10 MB of SQL", breaks=extra("SELECT 1 " + "/* x */" * 1_500_000), code="project.refused_file", file=EXTRA
    ),
    Case(
        name="too many terms", breaks=extra("SELECT " + "1 + " * 200_000 + "1 AS n"), code="sql.too_large", file=EXTRA
    ),
    Case(
        name="odd file name",
        breaks=write("pipelines/shop/Daily Orders!.sql", f"{HEADER}SELECT 1 AS one"),
        code="project.bad_name",
        file="pipelines/shop/Daily Orders!.sql",
    ),
    Case(
        name="line break in a file name",
        breaks=write("pipelines/shop/a\nb.sql", f"{HEADER}SELECT 1 AS one"),
        code="project.refused_file",
        file="pipelines/shop/a\\nb.sql",
    ),
    Case(
        name="file name that is no text",
        breaks=lambda place: (place.root / os.fsdecode(b"pipelines/shop/\xff.sql")).write_text(HEADER),
        code="project.refused_file",
        file="pipelines/shop/\\udcff.sql",
    ),
    Case(
        name="contract of another dataset",
        breaks=replace(CONTRACT, "physicalName: shop.daily_orders", "physicalName: shop.daily_visits"),
        code="contract.file_name",
        file=CONTRACT,
        says="shop.daily_visits",
    ),
    Case(
        name="contract without dataset",
        breaks=lambda place: shutil.copy(place.root / CONTRACT, place.root / "contracts/shop.nothing.odcs.yaml"),
        code="contract.file_name",
        file="contracts/shop.nothing.odcs.yaml",
    ),
    Case(
        name="bad contract",
        breaks=replace(CONTRACT, "kind: DataContract", "kind: Promise"),
        code="document.choice",
        file=CONTRACT,
        says="Promise",
    ),
    Case(
        name="test of an unknown dataset",
        breaks=replace("tests/shop.daily_visits.test.yaml", "dataset: shop.daily_visits", "dataset: shop.dayly_visits"),
        code="project.test_without_dataset",
        file="tests/shop.daily_visits.test.yaml",
        line=1,
    ),
    Case(
        name="Python syntax error",
        breaks=write("pipelines/shop/extra.py", "def extra(:\n"),
        code="project.python_syntax",
        file="pipelines/shop/extra.py",
        line=1,
    ),
    Case(name="pipeline without settings", breaks=remove(PIPELINE), code="project.no_pipeline", file=PIPELINE),
    Case(
        name="bad settings",
        breaks=write("penstock.yaml", "name: shop\nparallel: many\n"),
        code="document.kind",
        file="penstock.yaml",
        line=2,
    ),
    Case(
        name="warehouse outside",
        breaks=write("penstock.yaml", "name: shop\nwarehouse: ../elsewhere.duckdb\n"),
        code="project.outside",
        file="penstock.yaml",
        line=2,
    ),
)

ORDERS, VISITS = f"data/orders/{NEW_DAY}.csv.gz", f"data/visits/{NEW_DAY}.csv"


def cut(path: str, keep: float) -> Callable[[Place], object]:
    def broken(place: Place) -> None:
        whole = (place.root / path).read_bytes()
        (place.root / path).write_bytes(whole[: int(len(whole) * keep)])

    return broken


def replace_bytes(path: str, old: bytes, new: bytes) -> Callable[[Place], object]:
    def broken(place: Place) -> None:
        whole = (place.root / path).read_bytes()
        assert old in whole
        (place.root / path).write_bytes(whole.replace(old, new, 1))

    return broken


DATA = (
    Case(name="missing file", breaks=remove(ORDERS), code="source.missing_file", file=ORDERS, says=NEW_DAY),
    Case(name="truncated gzip", breaks=cut(ORDERS, 0.6), code="source.broken_file", file=ORDERS, says="unpacked"),
    Case(name="gzip garbage", breaks=write(ORDERS, b"PK\x03\x04 no gzip"), code="source.broken_file", file=ORDERS),
    Case(
        name="gzip checksum",
        breaks=lambda place: orders_file(place).write_bytes(orders_file(place).read_bytes()[:-8] + b"\0" * 8),
        code="source.broken_file",
        file=ORDERS,
    ),
    Case(
        name="row cut short",
        breaks=lambda place: visits_file(place).write_bytes(visits_file(place).read_bytes()[:-15]),
        code="source.broken_file",
        file=VISITS,
        line=6,
    ),
    Case(
        name="row too long",
        breaks=replace_bytes(VISITS, b"02:00:00,home", b"02:00:00,home,away"),
        code="source.broken_file",
        file=VISITS,
        line=4,
    ),
    Case(
        name="header changed",
        breaks=replace_bytes(VISITS, b"VisitId", b"VisitNo"),
        code="source.other_header",
        file=VISITS,
        line=1,
        says="VisitNo",
    ),
    Case(
        name="columns swapped",
        breaks=replace_bytes(VISITS, b"VisitId,VisitedAt", b"VisitedAt,VisitId"),
        code="source.other_header",
        file=VISITS,
        line=1,
        says="order",
    ),
    Case(
        name="empty day",
        breaks=write(VISITS, "VisitId,VisitedAt,Page\n"),
        code="source.broken_file",
        file=VISITS,
        says="header",
    ),
    Case(name="zero bytes", breaks=write(VISITS, b""), code="source.broken_file", file=VISITS, says="empty"),
    Case(
        name="zero bytes packed",
        breaks=write(ORDERS, gzip.compress(b"")),
        code="source.broken_file",
        file=ORDERS,
        says="empty",
    ),
    Case(
        name="data not UTF-8",
        breaks=replace_bytes(VISITS, b"home", b"h\xf6me"),
        code="source.broken_file",
        file=VISITS,
        line=2,
        says="UTF-8",
    ),
    Case(
        name="header not UTF-8",
        breaks=replace_bytes(VISITS, b"Page", b"P\xe4ge"),
        code="source.broken_file",
        file=VISITS,
        says="UTF-8",
    ),
    Case(
        name="zero byte in data",
        breaks=replace_bytes(VISITS, b"home", b"ho\0me"),
        code="source.broken_file",
        file=VISITS,
    ),
    Case(name="open quote", breaks=replace_bytes(VISITS, b"home", b'"home'), code="source.broken_file", file=VISITS),
    Case(name="link as data", breaks=link_out(VISITS), code="source.outside_project", file=VISITS),
    Case(name="FIFO as data", breaks=fifo(VISITS), code="source.broken_file", file=VISITS),
    Case(
        name="folder as data",
        breaks=also(remove(VISITS), lambda place: visits_file(place).mkdir()),
        code="source.broken_file",
        file=VISITS,
    ),
)

STORY = "stories/SHOP-2.md"
STORIES = (
    Case(
        name="no front matter",
        breaks=write(STORY, "# Only paid orders\n"),
        code="document.no_front_matter",
        file=STORY,
        line=1,
    ),
    Case(name="empty story", breaks=write(STORY, ""), code="document.no_front_matter", file=STORY, line=1),
    Case(name="story is missing", breaks=remove(STORY), code="story.missing", file=STORY),
    Case(name="story not UTF-8", breaks=write(STORY, b"---\nid: \xff\n---\n"), code="story.not_text", file=STORY),
    Case(
        name="story is a folder",
        breaks=also(remove(STORY), lambda place: (place.root / STORY).mkdir()),
        code="story.missing",
        file=STORY,
    ),
    Case(name="story is a FIFO", breaks=fifo(STORY), code="story.missing", file=STORY),
    Case(name="story is a link", breaks=link_out(STORY), code="story.outside", file=STORY),
    Case(
        name="10 MB of story",
        breaks=write(STORY, "---\n" + "a: b\n" * 2_000_000 + "---\n"),
        code="document.refused",
        file=STORY,
    ),
    Case(
        name="bad YAML in a story",
        breaks=replace(STORY, "kind: change", "kind: [change"),
        code="document.not_yaml",
        file=STORY,
        line=5,
    ),
    Case(name="bomb in a story", breaks=write(STORY, f"---\n{BOMB}---\n"), code="document.refused", file=STORY, line=7),
    Case(
        name="tag in a story",
        breaks=replace(STORY, "title: Only", "title: !!python/object:os.system Only"),
        code="document.refused",
        file=STORY,
        line=3,
    ),
    Case(
        name="bad bound",
        breaks=replace(STORY, '"-90%..0%"}}', '"-90..many%"}}'),
        code="story.bad_bound",
        file=STORY,
        line=12,
    ),
    Case(name="bad id", breaks=replace(STORY, "id: SHOP-2", "id: ../../SHOP"), code="story.bad_id", file=STORY, line=2),
    Case(name="id taken", breaks=replace(STORY, "id: SHOP-2", "id: SHOP-1"), code="change.ended", file=STORY),
    Case(
        name="unknown kind",
        breaks=replace(STORY, "kind: change", "kind: chance"),
        code="document.choice",
        file=STORY,
        line=4,
    ),
    Case(
        name="kind that is a list",
        breaks=replace(STORY, "kind: change", "kind: [[change]]"),
        code="document.kind",
        file=STORY,
        line=4,
    ),
    Case(
        name="unknown key in a story",
        breaks=replace(STORY, "impact:", "impakt:"),
        code="document.unknown_key",
        file=STORY,
        line=9,
    ),
    Case(
        name="story path climbs out",
        breaks=replace(STORY, "  orders:\n", "  orders:\n    path: ../../{interval_start:%Y-%m-%d}.csv\n"),
        code="story.path_outside",
        file=STORY,
        line=8,
    ),
    Case(
        name="DROP in a filter",
        breaks=replace(
            STORY,
            "orders that were paid: amount > 0",
            "orders that were paid: amount > 0; DROP TABLE shop.daily_orders",
        ),
        code="story.bad_expression",
        file=STORY,
        line=8,
    ),
    Case(
        name="file in a criterion",
        breaks=replace(
            STORY, "SELECT order_id FROM shop.stg_orders WHERE amount <= 0", "SELECT * FROM read_csv('/etc/passwd')"
        ),
        code="story.bad_query",
        file=STORY,
        line=14,
    ),
    Case(
        name="no git repository",
        breaks=lambda place: shutil.rmtree(place.root / ".git"),
        code="git.no_repository",
        file=".",
    ),
    Case(
        name="no commit",
        breaks=also(lambda place: shutil.rmtree(place.root / ".git"), lambda place: place.git("init", "--quiet")),
        code="git.no_commit",
        file=".",
    ),
    Case(
        name="broken project in the base",
        breaks=also(replace(PIPELINE, "0 6 * * *", "0 25 * * *"), lambda place: place.commit("Broken")),
        code="project.bad_schedule",
        file=PIPELINE,
        line=3,
    ),
)


# -- what has to come of it ----------------------------------------------------------------------------------------


@pytest.fixture
def place(running_shop: Place, tmp_path: Path) -> Place:
    """A copy of the shop that a test may break."""
    return running_shop.copied(tmp_path)


def one_clear_error(place: Place, case: Case, door: tuple[str, ...]) -> None:
    case.breaks(place)
    before = place.state()
    assert len(before[1]) >= 12, "the shop's tables and views are there to be lost"
    said = place.penstock(*door, "--json", exits=2)
    errors = [finding for finding in said.findings if finding["severity"] == "error"]
    assert [finding["code"] for finding in errors] == [case.code]
    (error,) = errors
    assert error["place"]["file"] == (str(place.root) if case.file == "." else case.file)
    if case.line is not None:
        assert error["place"]["line"] == case.line
    assert case.says in error["message"]
    assert error.get("found") or error.get("expected")
    assert error["remedy"]
    assert place.state() == before


@pytest.mark.parametrize("door", [CHECK, RUN], ids=lambda door: door[0])
@pytest.mark.parametrize("case", PROJECT, ids=str)
def test_a_broken_project_gives_one_clear_error(place: Place, case: Case, door: tuple[str, ...]) -> None:
    one_clear_error(place, case, door)


@pytest.mark.parametrize("door", [RUN, DELIVER], ids=lambda door: door[0])
@pytest.mark.parametrize("case", DATA, ids=str)
def test_a_broken_data_file_gives_one_clear_error(place: Place, case: Case, door: tuple[str, ...]) -> None:
    one_clear_error(place, case, door)


@pytest.mark.parametrize("case", STORIES, ids=str)
def test_a_broken_story_gives_one_clear_error(place: Place, case: Case) -> None:
    one_clear_error(place, case, DELIVER)


@pytest.mark.parametrize("door", [RUN, DELIVER], ids=lambda door: door[0])
def test_what_is_not_broken_goes_through_the_same_doors(place: Place, door: tuple[str, ...]) -> None:
    """The counterpart of every case above: without the damage the same commands work, and do change something."""
    before = place.state()
    place.penstock(*door, "--json", exits=4 if door is DELIVER else 0)
    assert place.journal() != before[0]


def test_many_missing_files_are_one_error_that_counts_them(place: Place) -> None:
    before = place.state()
    said = place.penstock("run", "--until", "2024-04-01", "--json", exits=2)
    assert [finding["place"]["dataset"] for finding in said.findings] == ["shop.orders", "shop.visits"]
    for finding in said.findings:
        assert "22 files are not there, the first for 2024-03-10" in finding["message"]
        assert "2024-03-11" in finding["found"]
        assert "16 more" in finding["found"]
    assert place.state() == before


def test_the_same_bytes_under_two_days_are_refused_before_anything_is_built(place: Place) -> None:
    shutil.copy(visits_file(place, DAYS[-1]), visits_file(place))
    before = place.state()
    said = place.penstock(*DELIVER, "--json", exits=2)
    assert [finding["code"] for finding in said.findings] == ["source.repeated_file"]
    assert f"{DAYS[-1]}.csv" in said.findings[0]["message"]
    assert place.state() == before


def test_a_day_delivered_again_as_another_is_stopped_by_the_checks_of_a_run(place: Place) -> None:
    shutil.copy(visits_file(place, DAYS[-1]), visits_file(place))
    said = place.penstock(*RUN, "--json", exits=3)
    failed = [finding for finding in said.findings if finding["code"] == "check.failed"]
    assert [finding["place"]["dataset"] for finding in failed] == ["shop.stg_visits"]
    assert place.rows("SELECT sum(visits) AS visits FROM shop.daily_visits") == [{"visits": 25}]


def test_an_unknown_column_in_a_story_becomes_a_question(tmp_path: Path) -> None:
    place = unbuilt_shop(tmp_path)
    replace("stories/SHOP-1.md", "      Amount: {name: amount", "      Amuont: {name: amount")(place)
    said = place.penstock("deliver", "stories/SHOP-1.md", "--as", AUTHOR, "--until", DAYS[-1], "--json", exits=4)
    (question,) = said.result["questions"]
    assert "Amuont" in question["text"]
    assert "Is Amount meant?" in question["text"]
    finding = next(finding for finding in said.findings if finding["code"] == "gate.open_questions")
    line = (place.root / "stories/SHOP-1.md").read_text().splitlines()[finding["place"]["line"] - 1]
    assert "Amuont" in line
    place.penstock("change", "answer", "SHOP-1", question["id"], "Amount")
    place.penstock("change", "resume", "SHOP-1", exits=4)
    assert place.penstock("change", "show", "SHOP-1", "--json").result["passed"][-1] == "review"


def test_every_mistake_of_a_project_is_said_in_one_go(place: Place) -> None:
    breaks = (
        replace(PIPELINE, "0 6 * * *", "0 25 * * *"),
        extra("SELECT day FROM shop.dayly_orders"),
        write("pipelines/shop/other.sql", "SELECT 1"),
        replace(CONTRACT, "kind: DataContract", "kind: Promise"),
    )
    for step in breaks:
        step(place)
    said = place.penstock("check", "--json", exits=2)
    errors = {finding["code"] for finding in said.findings if finding["severity"] == "error"}
    assert errors == {"project.bad_schedule", "project.unknown_dataset", "project.no_header", "document.choice"}


def test_people_read_where_and_what_to_do(place: Place) -> None:
    extra("SELECT day\nFROM shop.dayly_orders")(place)
    said = place.spawn("check", exits=2)
    shown = said.out + said.err
    assert f"where: {EXTRA}:5:6 (shop.extra)" in shown
    assert "| FROM shop.dayly_orders" in shown
    assert "perhaps shop.daily_orders" in shown
    assert "to do: correct the name" in shown
    assert "Traceback" not in shown
