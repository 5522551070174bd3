"""One file at a time: settings, pipelines, sources, SQL and Python tasks."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

import pytest
from reading_cases import FILES, PIPELINE, PYTHON, SOURCE, SQL, dataset, edited, error, errors, project

from penstock.model.intervals import Grain
from penstock.model.pipelines import Materialization, PythonTask, Retry, SqlTask
from penstock.model.sources import FileSource

START = "start: 2024-03-01\n"
TABLE = "/* penstock\nmaterialize: table\n*/\n"


# -- penstock.yaml ------------------------------------------------------------------------------------------------


def test_settings_have_defaults() -> None:
    settings = project().settings
    assert (settings.name, settings.warehouse, settings.parallel) == ("shop", ".penstock/warehouse.duckdb", 4)
    assert dict(settings.policy) == {}


def test_settings_are_read() -> None:
    text = (
        "name: shop\nwarehouse: db/shop.duckdb\nparallel: 2\nretention: {versions: 36h}\n"
        "policy: {approvals: 2, quality_score: 99.5}\n"
    )
    settings = project({"penstock.yaml": text}).settings
    assert (settings.warehouse, settings.parallel) == ("db/shop.duckdb", 2)
    assert dict(settings.policy) == {"approvals": 2, "quality_score": 99.5}
    assert settings.retention == timedelta(hours=36)


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("warehouse: ../shop.duckdb", "project.outside"),
        ("warehouse: /srv/shop.duckdb", "project.outside"),
        ("parallel: 0", "document.range"),
        ("parallel: many", "document.kind"),
        ("policy: [approvals]", "document.kind"),
        ("policy: {aprovals: 1}", "document.unknown_key"),
        ("retention: {versions: soon}", "project.bad_duration"),
        ("retention: {versions: 0d}", "project.bad_duration"),
        ("retention: {tables: 7d}", "document.unknown_key"),
        ("policy: {quality_score: .nan}", "document.range"),
        ("policy: {approvals: -1}", "document.range"),
        ("warehose: x", "document.unknown_key"),
    ],
)
def test_wrong_settings_are_named_with_their_line(line: str, code: str) -> None:
    assert error("penstock.yaml", f"name: shop\n{line}\n") == (code, "penstock.yaml", 2)


# -- pipeline.yaml ------------------------------------------------------------------------------------------------


def test_a_pipeline_is_read() -> None:
    more = "end: 2024-04-01\nsla: {ready_by: '06:30'}\n"
    more += "retries: {attempts: 5, delay: 0.5}\nalerts: [{on: failure, to: file}]\n"
    pipeline = project({PIPELINE: FILES[PIPELINE] + more}).pipelines["shop"]
    assert (pipeline.owner, pipeline.timezone) == ("shop-team", "Europe/London")
    assert (pipeline.start, pipeline.end) == (datetime(2024, 3, 1, tzinfo=UTC), datetime(2024, 4, 1, tzinfo=UTC))
    assert pipeline.sla is not None
    assert pipeline.sla.ready_by == time(6, 30)
    assert pipeline.retry == Retry(attempts=5, delay=0.5)
    assert pipeline.alerts == ({"on": "failure", "to": "file"},)


def test_a_delay_of_zero_is_zero_and_not_the_default() -> None:
    pipeline = project({PIPELINE: f"{FILES[PIPELINE]}retries: {{delay: 0, cap: 0}}\n"}).pipelines["shop"]
    assert (pipeline.retry.delay, pipeline.retry.cap) == (0, 0)


@pytest.mark.parametrize(
    ("old", "new", "code", "line"),
    [
        ("0 6 * * *", "0 25 * * *", "project.bad_schedule", 2),
        ("0 6 * * *", "0 6 * *", "project.bad_schedule", 2),
        ("0 6 * * *", "@fortnightly", "project.bad_schedule", 2),
        ("Europe/London", "Europe/Londom", "project.bad_schedule", 3),
        ("Europe/London", "../../etc/passwd", "project.bad_schedule", 3),
        (START, "start: soon\n", "project.bad_date", 4),
        (START, "start: 2024-02-30\n", "document.refused", 4),
        (START, "start: 9999-12-31 23:59:59-12:00\n", "project.bad_date", 4),
        (START, f"{START}end: 2024-03-01\n", "project.bad_end", 5),
        (START, f"{START}sla: {{ready_by: '26:30'}}\n", "project.bad_time", 5),
        (START, f"{START}sla: {{ready_by: '06:30+02:00'}}\n", "project.bad_time", 5),
        (START, f"{START}sla: {{}}\n", "document.missing_key", 5),
        (START, f"{START}retries: {{attempts: 0}}\n", "document.range", 5),
        (START, f"{START}alerts: [{{on: sunrise, to: file}}]\n", "document.choice", 5),
        ("owner: shop-team\n", "", "document.missing_key", 1),
        ("owner:", "onwer: x\nowner:", "document.unknown_key", 1),
    ],
)
def test_a_wrong_pipeline_is_named_with_its_line(old: str, new: str, code: str, line: int) -> None:
    assert error(PIPELINE, edited(PIPELINE, old, new)) == (code, PIPELINE, line)


# -- NAME.source.yaml -----------------------------------------------------------------------------------------------


def test_a_source_is_read() -> None:
    text = (
        FILES[SOURCE]
        + "delimiter: ';'\nmissing: empty\nclosed:\n  weekdays: [saturday]\n  dates: [2024-12-24/2024-12-26]\n"
    )
    read = dataset(SOURCE, text)
    assert read.materialization is Materialization.INCREMENTAL
    assert read.interval is not None
    assert (read.interval.grain, read.interval.column) == (Grain.DAY, "_interval_start")
    assert isinstance(read.task, FileSource)
    assert (read.task.columns, read.task.delimiter, read.task.missing) == (("id", "at", "amount"), ";", "empty")
    assert read.task.closed.weekdays == {5}
    assert read.task.closed.dates == {date(2024, 12, day) for day in (24, 25, 26)}


def test_a_source_without_interval_is_a_table() -> None:
    read = dataset("pipelines/shop/rates.source.yaml", "format: csv\npath: data/rates.csv\ncolumns: [day, rate]\n")
    assert (read.materialization, read.interval) == (Materialization.TABLE, None)


@pytest.mark.parametrize(
    "path",
    [
        "data/{interval_start:%Y/%m/%d}.csv",
        "data/{interval_start:%Y-%m-%dT%H}.csv.gz",
        "data/{interval_start:%Y%m%d}-{interval_end:%Y%m%d}.csv",
        "data/{interval_start:%Y}/{interval_start:%j}.csv",
    ],
)
def test_paths_are_made_of_the_interval(path: str) -> None:
    task = dataset(SOURCE, edited(SOURCE, "data/{interval_start:%Y-%m-%d}.csv", path)).task
    assert isinstance(task, FileSource)
    assert task.path == path


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("../data/{interval_start:%Y}.csv", "project.outside"),
        ("/data/{interval_start:%Y}.csv", "project.outside"),
        ("data/../../{interval_start:%Y}.csv", "project.outside"),
        ("data/{interval_start:../../%Y}.csv", "project.outside"),
        ("data/{interval_start:../%Y}.csv", "project.bad_template"),
        ("data/{interval_start.__class__}.csv", "project.bad_template"),
        ("data/{interval_start!r}.csv", "project.bad_template"),
        ("data/{interval_start:%999999999d}.csv", "project.bad_template"),
        ("data/{interval_start:{interval_end}}.csv", "project.bad_template"),
        ("data/{interval_start:%Y.csv", "project.bad_template"),
        ("data/{day}.csv", "project.bad_template"),
        ("data/{}.csv", "project.bad_template"),
        ("data/all.csv", "project.bad_template"),
        ("data/{interval_start:%Y}.parquet", "project.bad_suffix"),
    ],
)
def test_a_path_that_leads_out_or_cannot_be_filled_in_is_refused(path: str, code: str) -> None:
    assert error(SOURCE, edited(SOURCE, "data/{interval_start:%Y-%m-%d}.csv", f'"{path}"')) == (code, SOURCE, 2)


@pytest.mark.parametrize(
    ("old", "new", "code", "line"),
    [
        ("format: csv", "format: cobol", "document.choice", 1),
        ("interval: day", "interval: fortnight", "document.choice", 3),
        ("[id, at, amount]", "[]", "project.no_columns", 4),
        ("[id, at, amount]", "[id, at, id]", "project.repeated_column", 4),
        ("[id, at, amount]", "[id, at, ID]", "project.repeated_column", 4),
        ("[id, at, amount]", "[id, at, _file]", "project.bad_column", 4),
        ("[id, at, amount]", "[id, at, '']", "project.bad_column", 4),
        ("columns:", "delimiter: '\"'\ncolumns:", "project.bad_delimiter", 4),
        ("columns:", 'delimiter: "\\n"\ncolumns:', "project.bad_delimiter", 4),
        ("columns:", "delimiter: ;;\ncolumns:", "project.bad_delimiter", 4),
        ("columns:", "closed: {weekdays: [caturday]}\ncolumns:", "project.bad_weekday", 4),
        ("columns:", "closed: {dates: [someday]}\ncolumns:", "project.bad_date", 4),
        ("columns:", "closed: {dates: [2024-03-02/2024-03-01]}\ncolumns:", "project.bad_date", 4),
        ("columns:", "closed: {dates: [0001-01-01/9999-12-31]}\ncolumns:", "project.bad_date", 4),
    ],
)
def test_a_wrong_source_is_named_with_its_line(old: str, new: str, code: str, line: int) -> None:
    found = error(SOURCE, edited(SOURCE, old, new))
    assert found == (code, SOURCE, line)


# -- NAME.sql -------------------------------------------------------------------------------------------------------


def test_a_query_is_read_with_its_header() -> None:
    text = "/* penstock\ndescription: Totals.\nmaterialize: view\ntimeout: 90s\n*/\nSELECT total FROM shop.daily\n"
    read = dataset("pipelines/shop/totals.sql", text)
    assert (read.name, read.description, read.timeout) == ("shop.totals", "Totals.", timedelta(seconds=90))
    assert read.materialization is Materialization.VIEW
    assert isinstance(read.task, SqlTask)
    assert (read.task.text, read.task.reads, read.task.params) == (text, ("shop.daily",), frozenset())


@pytest.mark.parametrize(
    "text",
    [
        "/* penstock\r\nmaterialize: table\r\n*/\r\nSELECT 1 AS one\r\n",
        "\ufeff/* penstock\nmaterialize: table\n*/\nSELECT 1 AS one",
        "\n  /*penstock  \nmaterialize: table */ SELECT 1 AS one",
        "/* penstock\n# why\nmaterialize: table # here\n*/\n-- and so on\nSELECT 1 AS one",
    ],
)
def test_a_header_is_read_however_an_editor_saved_it(text: str) -> None:
    assert dataset("pipelines/shop/one.sql", text).materialization is Materialization.TABLE


@pytest.mark.parametrize(
    ("text", "code", "line"),
    [
        ("", "project.no_header", 1),
        ("SELECT 1 AS one", "project.no_header", 1),
        ("SELECT 1 AS one /* penstock\nmaterialize: table\n*/", "project.no_header", 1),
        ("/* penstock\n*/\nSELECT 1 AS one", "document.missing_key", 2),
        ("/* penstock\nmaterialize: incremental\n*/\nSELECT 1 AS one", "project.interval", 2),
        ("/* penstock\nmaterialize: table\ninterval: day(day)\n*/\nSELECT 1 AS one", "project.interval", 2),
        ("/* penstock\nmaterialize: incremental\ninterval: week(d)\n*/\nSELECT 1 AS d", "project.interval", 3),
        ("/* penstock\nmaterialize: incremental\ninterval: day(a;b)\n*/\nSELECT 1 AS d", "project.interval", 3),
        ("/* penstock\nmaterialize: table\ntimeout: soon\n*/\nSELECT 1 AS one", "project.bad_duration", 3),
        ("/* penstock\nmaterialize: table\nbatch: 0\n*/\nSELECT 1 AS one", "document.range", 3),
        (f"{TABLE}SELECT day FROM shop.daily WHERE day < $interval_end", "project.unbound_parameter", 2),
        (f"{TABLE}\nSELECT day FORM shop.daily x y", "sql.syntax", 5),
        (f"{TABLE}", "sql.syntax", 1),
        (f"{TABLE}SELECT 1 AS a;\n\nSELECT 2 AS b", "sql.several_statements", 6),
        (f"{TABLE}DELETE FROM shop.daily", "sql.not_a_query", 4),
        (f"{TABLE}SELECT *\nFROM glob('/*')", "sql.file_read", 5),
    ],
)
def test_a_wrong_query_is_named_with_its_line(text: str, code: str, line: int) -> None:
    assert error("pipelines/shop/extra.sql", text) == (code, "pipelines/shop/extra.sql", line)


def test_a_query_that_nobody_can_read_hides_no_reader_of_it() -> None:
    assert error(SQL, "SELECT day FROM shop.orders") == ("project.no_header", SQL, 1)


# -- NAME.py --------------------------------------------------------------------------------------------------------


def test_a_python_task_is_read_without_being_run() -> None:
    read = dataset(PYTHON, FILES[PYTHON] + "\nraise SystemExit('this would end the reader')\n")
    assert isinstance(read.task, PythonTask)
    assert (read.task.function, dict(read.task.reads_by_parameter)) == ("best", {"daily": "shop.daily"})
    assert (read.materialization, read.description) == (Materialization.TABLE, "The best day.")


def test_a_python_file_without_a_task_makes_no_dataset_and_no_mistake() -> None:
    assert "shop.maths" not in project({"pipelines/shop/maths.py": "def double(x):\n    return 2 * x\n"}).datasets


def digest(changed: dict[str, str | bytes | None]) -> str:
    task = project(changed).datasets["shop.best"].task
    assert isinstance(task, PythonTask)
    return task.code_digest


def test_comments_layout_and_docstrings_leave_the_code_as_it_is() -> None:
    other = edited(PYTHON, '    """The best day."""\n', '    """Another text."""  # and a note\n\n')
    assert digest({PYTHON: other}) == digest({})
    assert digest({PYTHON: edited(PYTHON, "limit(1)", "limit(2)")}) != digest({})


def test_project_code_that_a_task_imports_is_part_of_its_code() -> None:
    importing = "from pipelines.shop import maths\n" + FILES[PYTHON]
    one: dict[str, str | bytes | None] = {PYTHON: importing, "pipelines/shop/maths.py": "ONE = 1\n"}
    assert digest({**one, "pipelines/shop/maths.py": "ONE = 2\n"}) != digest(one)
    assert digest({**one, "pipelines/shop/others.py": "TWO = 2\n"}) == digest(one)


@pytest.mark.parametrize(
    ("text", "code", "line"),
    [
        ("def f(:\n", "project.python_syntax", 1),
        ("x = 1\0", "project.python_syntax", None),
        ("x = " + "-" * 100_000 + "1", "project.python_syntax", None),
        ("x = " + "(" * 5_000, "project.python_syntax", 1),
        ("x = " + "a." * 100_000 + "b", "project.python_syntax", None),
        ('@task\ndef f():\n    """Nothing."""\n', "project.bad_task", 2),
        ("@task(reads={})\nasync def f():\n    pass\n", "project.bad_task", 2),
        ("@task(reads={})\nclass F:\n    pass\n", "project.bad_task", 2),
        ("@task()\ndef f():\n    pass\n", "document.missing_key", 1),
        ("@task({}, reads={})\ndef f():\n    pass\n", "project.bad_task", 1),
        ("@task(reads={}, **MORE)\ndef f():\n    pass\n", "project.bad_task", 1),
        ('@task(\n    reads={"a": "shop.daily"},\n)\ndef f(b):\n    pass\n', "project.bad_task", 2),
        ('@task(reads={"a": "shop.daily"})\ndef f(a, *rest):\n    pass\n', "project.bad_task", 1),
        ("@task(reads={1: 2})\ndef f():\n    pass\n", "project.bad_task", 1),
        ("@task(reads=[1])\ndef f():\n    pass\n", "document.kind", 1),
        ('@task(\n    reads={},\n    materialise="table",\n)\ndef f():\n    pass\n', "document.unknown_key", 3),
        ('@task(reads={}, materialize="view")\ndef f():\n    pass\n', "document.choice", 1),
        ('@task(reads={}, materialize="append")\ndef f():\n    pass\n', "document.choice", 1),
        ('@task(reads={}, materialize="incremental")\ndef f():\n    pass\n', "project.interval", 1),
        ('@task(reads={},\n    interval="day(day)")\ndef f():\n    pass\n', "project.interval", 1),
        ("@task(reads={})\ndef f():\n    pass\n\n\n@task(reads={})\ndef g():\n    pass\n", "project.many_tasks", 7),
    ],
)
def test_wrong_python_is_named_with_its_line(text: str, code: str, line: int | None) -> None:
    assert error("pipelines/shop/extra.py", text) == (code, "pipelines/shop/extra.py", line)


def test_an_argument_that_is_computed_is_refused() -> None:
    text = "READS = {}\n\n\n@task(reads=READS)\ndef f():\n    pass\n"
    finding = errors({"pipelines/shop/extra.py": text})[0]
    assert (finding.code, finding.place.line) == ("project.bad_task", 4)
    assert "reads is computed" in finding.message
