"""The command line itself: help, the JSON envelope, exit codes, what it imports, and the project that `init` makes."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from typing import TYPE_CHECKING

import click
import pytest
from orders_shop import NEW_DAY
from penstock_places import AUTHOR, REVIEWER, Place

from penstock import __version__
from penstock.cli.main import COMMANDS, penstock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

pytest_plugins = ("acceptance_fixtures",)
pytestmark = pytest.mark.slow

NOT_FOR_HELP = {"duckdb", "sqlglot", "yaml", "apsw", "cryptography", "rich"}
UNTIL = "2024-03-04"


def commands(group: click.Group, *path: str) -> Iterator[tuple[str, ...]]:
    """Every command that can be typed, as its words."""
    with click.Context(group) as context:
        for name in group.list_commands(context):
            command = group.get_command(context, name)
            if isinstance(command, click.Group):
                yield from commands(command, *path, name)
            else:
                yield (*path, name)


EVERY_COMMAND = tuple(commands(penstock))


@pytest.fixture(scope="session")
def started(once: Callable[[str, Callable[[Path], object]], Path]) -> Place:
    """What `penstock init` makes. Do not change it."""

    def start(folder: Path) -> None:
        Place(folder, folder / "keys").spawn("init", "project")

    folder = once("started", start)
    return Place(folder / "project", folder / "keys")


@pytest.fixture
def place(started: Place, tmp_path: Path) -> Place:
    """A copy of the starter project."""
    started.keys.mkdir(mode=0o700, exist_ok=True)
    return started.copied(tmp_path)


# -- help ------------------------------------------------------------------------------------------------------------


def test_help_lists_every_command_with_a_line(place: Place) -> None:
    said = place.spawn("--help").out
    for name, (_, line) in COMMANDS.items():
        assert re.search(rf"^  {name} +{re.escape(line[:30])}", said, re.MULTILINE), name


def test_the_commands_of_the_product_are_there() -> None:
    assert {words[0] for words in EVERY_COMMAND} >= {
        *("init", "check", "test", "plan", "run", "query", "diff", "lineage", "docs", "emit", "deliver", "doctor"),
    }
    assert {words[1] for words in EVERY_COMMAND if words[0] == "change"} == {
        *(
            "list",
            "show",
            "questions",
            "answer",
            "approve",
            "reject",
            "waive",
            "resume",
            "rebase",
            "abandon",
            "rollback",
        ),
        *("abandon", "rollback", "export", "verify"),
    }


@pytest.mark.parametrize("words", EVERY_COMMAND, ids=" ".join)
def test_every_command_has_help_with_an_example_and_a_json_form(place: Place, words: tuple[str, ...]) -> None:
    said = place.penstock(*words, "--help").out
    assert f"Example: penstock {' '.join(words)}" in said
    assert "--json" in said
    body = said.split("\n\n", 1)[1].strip()
    assert len(body.splitlines()[0]) > 15, "help begins with a sentence"


@pytest.mark.parametrize("words", [(), ("change",), ("key",), ("check",), ("change", "show")], ids=" ".join)
def test_short_help_is_help(place: Place, words: tuple[str, ...]) -> None:
    assert place.penstock(*words, "-h").out == place.penstock(*words, "--help").out


def test_the_version_is_the_packages(place: Place) -> None:
    assert place.penstock("--version").out == f"penstock, version {__version__}\n"


def test_a_mistyped_command_is_wrong_input_and_offers_the_nearest(place: Place) -> None:
    said = place.spawn("delivr", exits=2)
    assert "perhaps deliver" in said.err


# -- what is imported ------------------------------------------------------------------------------------------------


def imported(place: Place, *arguments: str) -> set[str]:
    """The top-level modules that a command has imported when it ends."""
    program = (
        "import atexit, json, sys\n"
        "atexit.register(lambda: print(json.dumps(sorted({name.partition('.')[0] for name in sys.modules})),"
        " file=sys.stderr))\n"
        f"sys.argv = ['penstock', *{list(arguments)!r}]\n"
        "from penstock.cli.main import main\n"
        "main()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=place.root,
        env={**os.environ, **place.environment()},
        capture_output=True,
        text=True,
        check=True,
    )
    return set(json.loads(done.stderr.splitlines()[-1]))


@pytest.mark.parametrize("arguments", [("--help",), ("--version",)], ids=" ".join)
def test_help_imports_nothing_heavy(place: Place, arguments: tuple[str, ...]) -> None:
    found = imported(place, *arguments)
    assert "click" in found
    assert found & NOT_FOR_HELP == set()


def test_check_imports_neither_ledger_nor_cryptography_nor_any_extra(place: Place) -> None:
    found = imported(place, "check")
    assert {"sqlglot", "yaml", "duckdb"} <= found
    assert found & {"apsw", "cryptography", "psycopg", "polars", "pyarrow", "pandas", "dlt"} == set()


def test_a_query_does_import_the_database(place: Place) -> None:
    """The counterpart of the two tests above: what they look for would be seen."""
    place.penstock("run", "--until", UNTIL)
    assert {"duckdb", "apsw"} <= imported(place, "query", "SELECT 1 AS one", "--env", "dev")


# -- the envelope and the exit codes ---------------------------------------------------------------------------------


JSON_FORMS = (
    (("init", "another"), 0),
    (("init", "."), 2),
    (("check",), 0),
    (("test",), 0),
    (("plan",), 0),
    (("run", "--until", UNTIL), 0),
    (("run", "--env", "prod"), 1),
    (("backfill", "shop.nothing", "--start", "2024-03-01", "--end", "2024-03-02"), 2),
    (("drift",), 0),
    (("quarantine", "list"), 0),
    (("quarantine", "show", "shop.daily_revenue"), 2),
    (("quarantine", "retry", "shop.daily_revenue"), 2),
    (("explain", "shop.daily_revenue"), 0),
    (("quality",), 0),
    (("export",), 0),
    (("runs",), 0),
    (("cancel", "r0"), 2),
    (("retry", "r0"), 2),
    (("resume",), 0),
    (("logs", "r0"), 2),
    (("serve", "--project", "/nowhere"), 2),
    (("schedule", "show"), 0),
    (("schedule", "pause", "nothing"), 2),
    (("schedule", "resume", "nothing"), 2),
    (("query", "SELECT * FROM shop.daily_revenue"), 2),
    (("diff",), 2),
    (("contract", "infer", "shop.daily_revenue"), 2),
    (("contract", "infer", "shop.orders"), 0),
    (("contract", "check"), 0),
    (("contract", "export", "shop.best_day", "--to", "great-expectations"), 0),
    (("contract", "diff", "shop.orders"), 2),
    (("lineage", "shop.daily_revenue.revenue"), 0),
    (("lineage", "shop.nothing"), 2),
    (("personal",), 0),
    (("source", "discover", "--engine", "sqlite", "--connection", "NO_SUCH_VARIABLE"), 2),
    (("source", "profile", "shop.orders"), 2),
    (("source", "slots", "--connection", "NO_SUCH_VARIABLE"), 2),
    (("docs",), 0),
    (("emit", "crontab"), 0),
    (("admit", "--base", "main"), 2),
    (("key", "new", "maria", "--role", "author"), 0),
    (("key", "list"), 0),
    (("key", "revoke", "nobody", "--reason", "lost"), 2),
    (("change", "list"), 0),
    (("change", "show", "NONE-1"), 2),
    (("change", "questions", "NONE-1"), 2),
    (("change", "answer", "NONE-1", "Q1", "yes"), 2),
    (("change", "approve", "NONE-1", "--as", "maria"), 2),
    (("change", "waive", "NONE-1", "weak_tests", "--as", "maria", "--reason", "x", "--until", "2030-01-01"), 2),
    (("change", "reject", "NONE-1", "--as", "maria", "--reason", "no"), 2),
    (("change", "resume", "NONE-1"), 2),
    (("change", "rebase", "NONE-1"), 2),
    (("change", "abandon", "NONE-1", "--reason", "no"), 2),
    (("change", "rollback", "NONE-1"), 2),
    (("change", "export", "NONE-1", "--to", "none.jsonl"), 2),
    (("change", "verify", "NONE-1"), 2),
    (("deliver", "stories/none.md"), 2),
    (("rollback",), 2),
    (("prune",), 0),
    (("expire",), 0),
    (("doctor",), 0),
)


GROUPS = {"change", "contract", "key", "quarantine", "schedule", "source"}


def test_every_command_is_among_the_json_forms_below() -> None:
    tried = {words[:2] if words[0] in GROUPS else words[:1] for words, _ in JSON_FORMS}
    assert tried == {words if words[0] in GROUPS else words[:1] for words in EVERY_COMMAND}


@pytest.mark.parametrize(
    ("words", "code"), JSON_FORMS, ids=lambda value: " ".join(value) if isinstance(value, tuple) else ""
)
def test_json_is_one_envelope_with_five_keys_and_the_exit_code_by_kind(
    place: Place, words: tuple[str, ...], code: int
) -> None:
    said = place.penstock(*words, "--json", exits=code)
    envelope = said.envelope
    assert said.err == ""
    assert envelope["ok"] is (code == 0)
    assert words[: len(envelope["command"].split())] == tuple(envelope["command"].split())
    assert (envelope["error"] is None) == (envelope["result"] is not None)
    if envelope["error"] is not None:
        assert envelope["error"]["exit_code"] == code
        assert envelope["findings"]


def test_a_verdict_of_no_exits_1(place: Place) -> None:
    path = place.root / "tests" / "shop.daily_revenue.test.yaml"
    path.write_text(path.read_text().replace("9.20", "9.21"))
    said = place.penstock("test", "--json", exits=1)
    assert said.envelope["ok"] is False
    assert said.result["failed"] == 1
    assert said.findings


def test_a_failed_run_exits_3_and_shows_nothing_of_it(place: Place) -> None:
    path = place.root / "data" / "orders" / "2024-03-02.csv"
    path.write_text(path.read_text().replace("4.80", "-4.80"))
    said = place.penstock("run", "--until", UNTIL, "--json", exits=3)
    assert "check.failed" in {finding["code"] for finding in said.findings}
    place.penstock("query", "SELECT * FROM shop.daily_revenue", "--env", "dev", exits=2)


def test_outside_of_a_project_the_way_to_one_is_said(tmp_path: Path) -> None:
    said = Place(tmp_path, tmp_path).spawn("check", exits=2)
    assert "penstock init" in said.err


def test_a_project_is_found_upwards_and_by_option(place: Place, tmp_path: Path) -> None:
    inside = place.spawn("check", "--json", cwd=place.root / "pipelines" / "shop")
    outside = place.spawn("check", "--json", "--project", str(place.root), cwd=tmp_path)
    assert inside.result == outside.result == {"pipelines": 1, "datasets": 4, "contracts": 4, "tests": 2}


# -- the project that init makes -------------------------------------------------------------------------------------


def test_the_starter_checks_and_tests(place: Place) -> None:
    assert place.spawn("check", "--json").findings == []
    assert place.spawn("test", "--json").result["failed"] == 0


def test_the_starter_runs_and_is_then_up_to_date(place: Place) -> None:
    ran = place.spawn("run", "--until", UNTIL, "--json").result
    assert ran["environment"] == "dev"
    assert set(ran["built"]) == {"shop.orders", "shop.stg_orders", "shop.daily_revenue", "shop.best_day"}
    assert place.rows("SELECT * FROM shop.daily_revenue ORDER BY day", env="dev") == [
        {"day": "2024-03-01", "revenue": "12.70", "orders": 2},
        {"day": "2024-03-02", "revenue": "18.80", "orders": 2},
        {"day": "2024-03-03", "revenue": "6.60", "orders": 1},
    ]
    assert place.penstock("plan", "--until", UNTIL, "--json").result["tasks"] == 0
    again = place.penstock("run", "--until", UNTIL, "--json").result
    assert not any(again["built"].values())


def test_the_starters_python_task_works(place: Place) -> None:
    place.penstock("run", "--until", UNTIL)
    assert place.rows("SELECT day, revenue FROM shop.best_day", env="dev") == [
        {"day": "2024-03-02", "revenue": "18.80"}
    ]


def test_the_starter_is_documented_drawn_scheduled_and_healthy(place: Place) -> None:
    place.penstock("run", "--until", UNTIL)
    place.penstock("docs")
    assert place.penstock("docs", "--json").result["written"] == []
    edges = place.penstock("lineage", "shop.daily_revenue.revenue", "--json").result["edges"]
    assert {f"{edge['source']}.{edge['source_column']}" for edge in edges} >= {
        "shop.stg_orders.quantity",
        "shop.stg_orders.price",
    }
    down = place.penstock("lineage", "shop.stg_orders", "--down", "--json").result["edges"]
    assert "shop.best_day" in {edge["target"] for edge in down}
    cron = place.penstock("emit", "crontab", "--json").result["text"]
    assert "0 0 * * *" in cron
    assert "penstock" in cron
    assert place.penstock("doctor", "--json").findings == []


def test_diff_shows_what_a_change_of_the_working_tree_moves(place: Place) -> None:
    place.penstock("run", "--until", UNTIL)
    path = place.root / "pipelines" / "shop" / "daily_revenue.sql"
    path.write_text(path.read_text().replace("sum(quantity * price)", "sum(2 * quantity * price)"))
    place.penstock("run", "--until", UNTIL, "--env", "trial")
    moved = place.penstock("diff", "dev", "trial", "--json").result["datasets"]
    assert set(moved) == {"shop.daily_revenue", "shop.best_day"}
    assert place.rows("SELECT revenue FROM shop.best_day", env="trial") == [{"revenue": "37.60"}]
    assert place.rows("SELECT revenue FROM shop.best_day", env="dev") == [{"revenue": "18.80"}]


def test_init_does_not_write_into_a_folder_that_holds_something(place: Place) -> None:
    before = {path: path.read_bytes() for path in place.root.rglob("*") if path.is_file()}
    said = place.penstock("init", ".", "--json", exits=2)
    assert [finding["code"] for finding in said.findings] == ["init.not_empty"]
    assert {path: path.read_bytes() for path in place.root.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize(
    "sql",
    [
        "DROP VIEW shop.best_day",
        "SELECT 1; SELECT 2",
        "SELECT * FROM read_csv('/etc/passwd')",
        "COPY shop.best_day TO 'x'",
    ],
)
def test_a_query_only_reads_datasets(place: Place, sql: str) -> None:
    place.penstock("run", "--until", UNTIL)
    before = place.state()
    said = place.penstock("query", sql, "--env", "dev", "--json", exits=2)
    assert said.findings[0]["remedy"]
    assert place.state() == before


# -- production and the lock -----------------------------------------------------------------------------------------


def test_run_does_not_touch_production_when_versions_differ(running_shop: Place, tmp_path: Path) -> None:
    place = running_shop.copied(tmp_path)
    path = place.root / "pipelines" / "shop" / "daily_orders.sql"
    path.write_text(path.read_text().replace("sum(", "2 * sum(", 1))
    before = place.state()
    said = place.penstock("run", "--env", "prod", "--until", "2024-03-10", "--json", exits=1)
    assert [finding["code"] for finding in said.findings] == ["run.not_delivered"]
    assert "shop.daily_orders" in said.findings[0]["message"]
    assert place.state() == before


def test_run_fills_production_when_versions_are_the_delivered_ones(running_shop: Place, tmp_path: Path) -> None:
    place = running_shop.copied(tmp_path)
    place.penstock("run", "--env", "prod", "--until", "2024-03-10")
    assert place.rows("SELECT max(day) AS day FROM shop.daily_orders") == [{"day": NEW_DAY}]


@pytest.fixture
def holder(place: Place) -> Iterator[int]:
    """The pid of another process that holds the project's lock."""
    (place.root / ".penstock").mkdir(exist_ok=True)
    program = (
        "import sys\n"
        "from pathlib import Path\n"
        "from penstock.adapters.lock import exclusive\n"
        "with exclusive(Path('.penstock/executor.lock')):\n"
        "    print('held', flush=True)\n"
        "    sys.stdin.read()\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", program], cwd=place.root, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield process.pid
        process.communicate("")


@pytest.mark.parametrize(
    "words",
    [("resume",), ("change", "resume", "NONE-1"), ("change", "approve", "NONE-1", "--as", "maria")],
    ids=" ".join,
)
def test_a_second_command_exits_4_and_names_the_process_that_works(
    place: Place, holder: int, words: tuple[str, ...]
) -> None:
    before = place.state()
    said = place.spawn(*words, "--json", exits=4)
    assert [finding["code"] for finding in said.findings] == ["executor.busy"]
    assert f"process {holder}" in said.findings[0]["message"]
    assert place.state() == before


def test_a_run_that_is_not_to_wait_stays_queued_and_is_done_by_resume(place: Place, holder: int) -> None:
    said = place.spawn("run", "--until", UNTIL, "--no-wait", "--json", exits=4)
    assert [finding["code"] for finding in said.findings] == ["run.left_queued"]
    (run,) = place.penstock("runs", "--json").result["runs"]
    assert run["state"] == "queued"


def test_reading_commands_do_not_wait_for_the_lock(place: Place, holder: int) -> None:
    for words in (("check",), ("plan",), ("change", "list"), ("lineage", "shop.best_day")):
        place.penstock(*words)


def test_names_of_people_come_out_of_the_key_list(place: Place) -> None:
    place.penstock("key", "new", AUTHOR, "--role", "author")
    place.penstock("key", "new", REVIEWER, "--role", "approver")
    listed = place.penstock("key", "list", "--json").result["keys"]
    assert [(row["name"], row["role"], row["private"]) for row in listed] == [
        (AUTHOR, "author", True),
        (REVIEWER, "approver", True),
    ]


NOTHING_TO_DO = """
import sys
from penstock.cli.main import penstock
code = penstock(["run"], standalone_mode=False)
heavy = {"sqlglot", "duckdb", "yaml", "rich", "psycopg"} & set(sys.modules)
sys.exit(f"{sorted(heavy)} imported" if heavy else 0)
"""


def test_a_run_with_nothing_to_do_starts_neither_the_parser_nor_the_warehouse(tmp_path: Path) -> None:
    Place(tmp_path, tmp_path / "keys").penstock("init", "shop")
    shop = Place(tmp_path / "shop", tmp_path / "keys")
    shop.penstock("run")
    command = [sys.executable, "-c", NOTHING_TO_DO]
    done = subprocess.run(command, cwd=shop.root, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert "nothing to build" in done.stdout
