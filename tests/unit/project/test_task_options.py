"""Keys that all kinds of dataset files share mean the same in each, and belong together in the same ways."""

from __future__ import annotations

from datetime import timedelta

import pytest
from reading_cases import PYTHON, SOURCE, SQL, dataset, edited, errors, project

from penstock.model.intervals import Grain
from penstock.model.pipelines import CommandTask, Limits, Materialization, PythonTask
from penstock.project.sizes import parse_size

COMMAND = "pipelines/shop/rates.command.yaml"
SETTINGS = {"penstock.yaml": "name: shop\npools: {heavy: 2, light: 8}\n"}
QUERY = "SELECT day, total FROM shop.daily"


def sql(header: str, query: str = QUERY) -> str:
    return f"/* penstock\n{header}\n*/\n{query}\n"


def python(arguments: str) -> str:
    return (
        f'from penstock import task\n\n\n@task(reads={{"daily": "shop.daily"}}, {arguments})\ndef f(daily):\n    pass\n'
    )


def command(keys: str) -> str:
    return f"run: [rates]\n{keys}\n"


def found(path: str, text: str) -> list[tuple[str, int | None]]:
    """Codes and lines of what is wrong with one more file."""
    return [(finding.code, finding.place.line) for finding in errors({**SETTINGS, path: text})]


# -- how rows are kept ------------------------------------------------------------------------------------------------


def test_a_merge_has_a_key_and_may_have_an_interval() -> None:
    merge = dataset("pipelines/shop/x.sql", sql("materialize: merge\nkey: [day, Shop]"))
    assert (merge.materialization, merge.key, merge.interval) == (Materialization.MERGE, ("day", "Shop"), None)
    sliced = dataset("pipelines/shop/x.sql", sql("materialize: merge\nkey: day\ninterval: day(day)\nbatch: 7"))
    assert sliced.key == ("day",)
    assert sliced.interval is not None
    assert (sliced.interval.grain, sliced.interval.column, sliced.interval.batch) == (Grain.DAY, "day", 7)


def test_an_append_goes_on_from_its_offset() -> None:
    text = sql("materialize: append\noffset: day", f"{QUERY} WHERE $offset IS NULL OR day > $offset")
    assert dataset("pipelines/shop/x.sql", text).offset == "day"


@pytest.mark.parametrize(
    ("header", "query", "code", "line"),
    [
        ("materialize: merge", QUERY, "project.key", 2),
        ("materialize: table\nkey: [day]", QUERY, "project.key", 2),
        ("materialize: incremental\ninterval: day(day)\nkey: [day]", QUERY, "project.key", 2),
        ("materialize: merge\nkey: []", QUERY, "project.no_columns", 3),
        ("materialize: merge\nkey: [day, Day]", QUERY, "project.repeated_column", 3),
        ("materialize: merge\nkey: [day, 'a b']", QUERY, "project.bad_column", 3),
        ("materialize: append\noffset: 'a;b'", f"{QUERY} WHERE day > $offset", "project.bad_column", 3),
        ("materialize: append", f"{QUERY} WHERE day > $offset", "project.offset", 2),
        ("materialize: append\noffset: day", QUERY, "project.offset", 2),
        ("materialize: table\noffset: day", QUERY, "project.offset", 2),
        ("materialize: table", f"{QUERY} WHERE day > $offset", "project.unbound_parameter", 2),
        ("materialize: merge\nkey: day", f"{QUERY} WHERE day > $interval_start", "project.unbound_parameter", 2),
        ("materialize: append\noffset: day\ninterval: day(day)", f"{QUERY} WHERE day > $offset", "project.interval", 2),
        ("materialize: table\ninterval: day(day)", QUERY, "project.interval", 2),
        ("materialize: view\ninterval: day(day)", QUERY, "project.interval", 2),
        ("materialize: incremental", QUERY, "project.interval", 2),
        ("materialize: incremental\ninterval: week(day)", QUERY, "project.interval", 3),
    ],
)
def test_keys_that_do_not_go_together_are_named(header: str, query: str, code: str, line: int) -> None:
    assert found("pipelines/shop/x.sql", sql(header, query)) == [(code, line)]


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("pipelines/shop/x.py", python('materialize="merge", key=["day"], interval="day(day)", batch=7')),
        (COMMAND, command("materialize: merge\nkey: [day]\ninterval: day(day)\nbatch: 7")),
    ],
)
def test_python_and_commands_are_kept_in_the_same_ways(path: str, text: str) -> None:
    read = dataset(path, text)
    assert (read.materialization, read.key) == (Materialization.MERGE, ("day",))
    assert read.interval is not None
    assert (str(read.interval), read.interval.batch) == ("day(day)", 7)


@pytest.mark.parametrize(
    ("path", "text"),
    [("pipelines/shop/x.py", python('materialize="append"')), (COMMAND, command("materialize: append"))],
)
def test_only_a_query_can_append(path: str, text: str) -> None:
    """Nothing else is told how far the rows reach: it would add all of them again with every run."""
    assert [code for code, _ in found(path, text)] == ["document.choice"]


# -- what bounds the work ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("pipelines/shop/x.sql", sql("materialize: table\npool: heavy\nconcurrency: 2\npriority: -5")),
        ("pipelines/shop/x.py", python('pool="heavy", concurrency=2, priority=-5')),
        (COMMAND, command("pool: heavy\nconcurrency: 2\npriority: -5")),
        (
            "pipelines/shop/x.source.yaml",
            "format: csv\npath: x.csv\ncolumns: [a]\npool: heavy\nconcurrency: 2\npriority: -5\n",
        ),
    ],
)
def test_every_kind_of_dataset_has_limits(path: str, text: str) -> None:
    read = project({**SETTINGS, path: text})
    name = f"shop.{path.rpartition('/')[2].partition('.')[0]}"
    assert read.datasets[name].limits == Limits(pool="heavy", concurrency=2, priority=-5)


@pytest.mark.parametrize(
    ("keys", "code"),
    [
        ("pool: Heavy", "project.bad_name"),
        ("pool: heavier", "project.unknown_pool"),
        ("concurrency: 0", "document.range"),
        ("priority: 1001", "document.range"),
        ("priority: high", "document.kind"),
    ],
)
def test_wrong_limits_are_named(keys: str, code: str) -> None:
    assert [each for each, _ in found(COMMAND, command(keys))] == [code]


def test_an_unknown_pool_is_compared_with_those_there_are() -> None:
    (finding,) = errors({**SETTINGS, COMMAND: command("pool: haevy")})
    assert finding.expected == "perhaps heavy"
    (finding,) = errors({COMMAND: command("pool: heavy")})
    assert finding.expected == "pools: {heavy: 2}"


def test_a_view_does_no_work_that_could_be_bounded() -> None:
    assert found("pipelines/shop/x.sql", sql("materialize: view\npool: heavy\npriority: 1")) == [
        ("project.limits", 3),
        ("project.limits", 4),
    ]


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("pipelines/shop/x.py", python('memory="512MB", timeout="10m", secrets=["SHOP_TOKEN", "SHOP_USER"]')),
        (COMMAND, command("memory: 512MB\ntimeout: 10m\nsecrets: [SHOP_TOKEN, SHOP_USER]")),
    ],
)
def test_processes_have_memory_time_and_secrets(path: str, text: str) -> None:
    read = dataset(path, text)
    assert isinstance(read.task, PythonTask | CommandTask)
    assert (read.task.memory, read.timeout) == (512_000_000, timedelta(minutes=10))
    assert read.task.secrets == ("SHOP_TOKEN", "SHOP_USER")


@pytest.mark.parametrize(
    ("keys", "code"),
    [
        ("memory: lots", "project.bad_size"),
        ("memory: 1KB", "project.bad_size"),
        ("memory: 512", "project.bad_size"),
        ("timeout: never", "project.bad_duration"),
        ("secrets: [PENSTOCK_PASSPHRASE]", "project.bad_secret"),
        ("secrets: [PATH]", "project.bad_secret"),
        ("secrets: {SHOP_TOKEN: abc}", "document.kind"),
    ],
)
def test_wrong_memory_time_and_secrets_are_named(keys: str, code: str) -> None:
    assert [each for each, _ in found(COMMAND, command(keys))] == [code]


def test_a_secrets_value_in_place_of_its_name_is_not_repeated() -> None:
    (finding,) = errors({COMMAND: command("secrets: ['hunter2!']")})
    assert finding.code == "project.bad_secret"
    assert "hunter2" not in f"{finding.message}{finding.found}{finding.expected}{finding.remedy}"


def test_all_mistakes_of_a_file_are_named_at_once() -> None:
    codes = [
        code for code, _ in found(COMMAND, "run: []\nmaterialize: merge\nmemory: x\npool: X\nformat: xml\nspeed: 1\n")
    ]
    expected = ["project.bad_command", "document.choice", "project.key", "project.bad_name", "project.bad_size"]
    assert sorted(codes) == sorted([*expected, "document.unknown_key"])


@pytest.mark.parametrize(
    ("text", "size"), [("1KB", 1000), ("1KiB", 1024), ("512 MB", 512_000_000), ("1.5GiB", 3 << 29), ("2TB", 2 * 10**12)]
)
def test_sizes_are_decimal_or_binary_as_written(text: str, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "MB", "-1MB", "0MB", "1", "1B", "1 gb", "1e3MB", "٣MB", "1MBx"])
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a size"):
        parse_size(text)


def test_files_without_these_keys_are_read_as_before() -> None:
    for path in (SQL, PYTHON, SOURCE):
        name = f"shop.{path.rpartition('/')[2].partition('.')[0]}"
        read = project().datasets[name]
        assert (read.key, read.offset, read.limits, read.timeout) == ((), None, Limits(), None)
    assert edited(SQL, "penstock", "penstock") != ""
