"""An edit makes new versions of what it changes and of what reads that: column by column, rows apart from values."""

from __future__ import annotations

import pytest

from penstock.plan.versions import Meanings, versions_of
from penstock.project.reading import read_project

HEAD = "/* penstock\nmaterialize: {}\n*/\n"
TABLE, VIEW = HEAD.format("table"), HEAD.format("view")
BY_DAY = HEAD.format("incremental\ninterval: day(day)")
BETWEEN = "WHERE _interval_start >= $interval_start AND _interval_start < $interval_end"
FILES = {
    "penstock.yaml": "name: shop\n",
    "pipelines/s/pipeline.yaml": "owner: me\nschedule: manual\nstart: 2024-03-01\n",
    "pipelines/s/raw.source.yaml": (
        "format: csv\npath: d/{interval_start:%Y-%m-%d}.csv\ninterval: day\ncolumns: [id, a, b, c]\n"
    ),
    "pipelines/s/stg.sql": (
        BY_DAY + "SELECT CAST(_interval_start AS DATE) AS day, CAST(id AS INTEGER) AS id, trim(a) AS a, b "
        f"FROM s.raw {BETWEEN}\n"
    ),
    "pipelines/s/mart.sql": TABLE + "SELECT day, count(a) AS n FROM s.stg GROUP BY day\n",
    "pipelines/s/counted.sql": TABLE + "SELECT count(*) AS n FROM s.stg\n",
    "pipelines/s/star.sql": TABLE + "SELECT * FROM s.stg\n",
    "pipelines/s/seen.sql": VIEW + "SELECT id, a FROM s.stg\n",
    "pipelines/s/over.sql": TABLE + "SELECT id FROM s.seen\n",
    "pipelines/s/last.sql": TABLE + "SELECT n FROM s.mart\n",
    "pipelines/s/code.py": (
        'from penstock import task\n\n\n@task(reads={"stg": "s.stg"}, materialize="table")\n'
        "def code(stg):\n    return stg\n"
    ),
}
STG, MART, RAW = "pipelines/s/stg.sql", "pipelines/s/mart.sql", "pipelines/s/raw.source.yaml"
EVERYTHING = {"raw", "stg", "mart", "counted", "star", "seen", "over", "last", "code"}


def fingerprints(*edits: tuple[str, str, str]) -> dict[str, str]:
    files = dict(FILES)
    for path, old, new in edits:
        assert old in files[path]
        files[path] = files[path].replace(old, new)
    project = read_project({path: text.encode() for path, text in files.items()})
    return {name.removeprefix("s."): version.fingerprint for name, version in versions_of(project).items()}


def moved(*edits: tuple[str, str, str]) -> set[str]:
    before, after = fingerprints(), fingerprints(*edits)
    return {name for name in before if before[name] != after[name]}


@pytest.mark.parametrize(
    ("edits", "others"),
    [
        pytest.param([(STG, ", b FROM", ", b, c FROM")], {"stg", "star", "code", "seen"}, id="a column is added"),
        pytest.param([(STG, ", b FROM", " FROM")], {"stg", "star", "code", "seen"}, id="a column nobody reads goes"),
        pytest.param([(STG, ", b FROM", ", upper(b) AS b FROM")], {"stg", "star", "code", "seen"}, id="a value"),
        pytest.param(
            [(STG, "trim(a)", "upper(a)")], {"stg", "star", "code", "seen", "mart", "last"}, id="a counted value"
        ),
        pytest.param([(STG, "$interval_end\n", "$interval_end AND b > ''\n")], EVERYTHING - {"raw"}, id="the rows"),
        pytest.param([(STG, "CAST(id AS INTEGER)", "CAST(id AS BIGINT)")],
                     {"stg", "star", "code", "seen", "over"}, id="through a view"),
        pytest.param([(STG, ", trim(a) AS a, b FROM", ", b, trim(a) AS a FROM")], {"stg", "star", "code", "seen"},
                     id="the order of columns"),
        pytest.param([(MART, "count(a) AS n", "count(a) AS n, max(a) AS top")], {"mart"}, id="a measure is added"),
        pytest.param([(MART, "count(a) AS n", "count(id) AS n")], {"mart", "last"}, id="a measure is another"),
        pytest.param([(MART, "GROUP BY day", "GROUP BY day HAVING count(a) > 0")], {"mart", "last"}, id="groups"),
        pytest.param([(RAW, "[id, a, b, c]", "[id, a, b, c, d]")], {"raw"}, id="a column more in the files"),
        pytest.param([(RAW, "path: d/", "path: e/")], EVERYTHING, id="other files"),
        pytest.param([(STG, "trim(a) AS a", "trim( a )  AS a /* trimmed */")], set(), id="layout"),
    ],
)  # fmt: skip
def test_an_edit_moves_what_reads_it(edits: list[tuple[str, str, str]], others: set[str]) -> None:
    assert moved(*edits) == others


def test_a_query_that_gives_something_else_each_time_is_taken_as_a_whole() -> None:
    random = (STG, ", b FROM", ", random() AS b FROM")
    before, after = fingerprints(random), fingerprints(random, (STG, "random() AS b", "random() AS b, c"))
    assert {name for name in before if before[name] == after[name]} == {"raw"}


def test_a_table_that_becomes_a_view_means_the_same() -> None:
    assert moved((MART, "materialize: table", "materialize: view")) == {"mart"}


def test_an_append_is_taken_as_a_whole() -> None:
    """What it holds rests on what it held: nobody can say which of it an edit would have changed."""
    files = {
        **FILES,
        "pipelines/s/log.sql": HEAD.format("append\noffset: id")
        + "SELECT id, a, b FROM s.stg WHERE $offset IS NULL OR id > $offset\n",
        "pipelines/s/after.sql": TABLE + "SELECT id FROM s.log\n",
    }
    project = read_project({path: text.encode() for path, text in files.items()})
    edited = {**files, "pipelines/s/log.sql": files["pipelines/s/log.sql"].replace(", b FROM", " FROM")}
    other = read_project({path: text.encode() for path, text in edited.items()})
    assert versions_of(project)["s.after"] != versions_of(other)["s.after"]


def test_a_long_chain_is_no_matter() -> None:
    files = {path: text for path, text in FILES.items() if path in {"penstock.yaml", "pipelines/s/pipeline.yaml"}}
    files["pipelines/s/d0.sql"] = TABLE + "SELECT 1 AS x, 2 AS y\n"
    for number in range(1, 600):
        files[f"pipelines/s/d{number}.sql"] = TABLE + f"SELECT x, y FROM s.d{number - 1}\n"
    project = read_project({path: text.encode() for path, text in files.items()})
    meanings = Meanings(project)
    assert len({meanings.column(f"s.d{number}", "x") for number in range(600)}) == 600
