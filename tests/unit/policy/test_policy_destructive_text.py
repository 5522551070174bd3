"""Which texts of programs destroy something, and which only speak of it."""

from __future__ import annotations

import pytest

from penstock.policy.destructive_text import FULL_REFRESH, destructive_command, destructive_places


def found(text: str, path: str = "commands/load.py") -> list[tuple[str, str]]:
    return [(one.what, one.subject) for one in destructive_places(path, text)]


@pytest.mark.parametrize(
    ("statement", "what", "subject"),
    [
        ("DROP TABLE till.lines", "DROP", "till.lines"),
        ("drop  schema if exists till cascade", "DROP", "till"),
        ('DROP VIEW "till"."lines"', "DROP", '"till"."lines"'),
        ("BEGIN; DROP DATABASE till", "DROP", "till"),
        ("ALTER TABLE till.lines DROP COLUMN net", "DROP", "till.lines"),
        ("TRUNCATE TABLE till.lines", "TRUNCATE", "till.lines"),
        ("TRUNCATE till.lines CASCADE", "TRUNCATE", "till.lines"),
        ("DELETE FROM till.lines", "DELETE without WHERE", "till.lines"),
        ("DELETE FROM till.lines WHERE true", "DELETE without WHERE", "till.lines"),
        ("DELETE FROM till.lines WHERE 1=1;", "DELETE without WHERE", "till.lines"),
        ("DELETE FROM till.lines; SELECT 1 WHERE x", "DELETE without WHERE", "till.lines"),
    ],
)
def test_sql_that_destroys_is_found_in_any_program(statement: str, what: str, subject: str) -> None:
    assert found(f"con.execute({statement!r})\n") == [(what, subject)]
    assert found(f"{statement}\n", "commands/clean.sql") == [(what, subject)]


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM till.lines WHERE day = ?",
        "delete from till.lines using days where days.day = lines.day",
        "ALTER TABLE till.lines DROP CONSTRAINT unique_day",
        "ALTER TABLE till.lines ADD COLUMN net INT",
        "Do not drop table salt on it",
        "truncate the text after 80 characters",
        "INSERT INTO dropped SELECT * FROM lines",
        "CREATE TEMP TABLE scratch AS SELECT 1; DROP TABLE scratch",
    ],
)
def test_sql_that_destroys_nothing_is_not(statement: str) -> None:
    assert found(f"con.execute({statement!r})\n") == []


@pytest.mark.parametrize(
    "line",
    ["rm -rf data", "rm -r -f data/*", "sudo rm -fR $FOLDER", "rm --recursive --force data"],
)
def test_a_forced_removal_is_found(line: str) -> None:
    assert [what for what, _ in found(f"set -e\n{line}\n", "commands/load.sh")] == ["rm -rf"]
    assert [one.line for one in destructive_places("commands/load.sh", f"set -e\n{line}\n")] == [2]


@pytest.mark.parametrize(
    "line",
    [
        "rm data/one.csv",
        "rm -r data/old",
        "rm -f data/one.csv",
        'rm -rf "$TMPDIR/work"',
        "rm -rf /tmp/work",
        "# rm -rf data",
        "farm -rf x",
    ],
)
def test_a_smaller_removal_is_not(line: str) -> None:
    assert found(f"{line}\n", "commands/load.sh") == []


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ("dropdb shop", "dropdb"),
        ("find data -name '*.csv' -delete", "find -delete"),
        ("git push --force origin main", "a forced push"),
        ("git push origin +main", "a forced push"),
        ("aws s3 rm s3://shop/data --recursive", "a recursive removal of objects"),
        ("dbt run --full-refresh", FULL_REFRESH),
        ('psql -c "DROP TABLE till.lines"', "DROP"),
    ],
)
def test_other_commands_that_destroy_are_found(line: str, what: str) -> None:
    assert [one for one, _ in found(f"{line}\n", "commands/load.sh")] == [what]


def test_a_program_s_own_arguments_count() -> None:
    assert [one.what for one in destructive_command(("rm", "-rf", "data"))] == ["rm -rf"]
    assert destructive_command(("Rscript", "fit.R")) == ()


@pytest.mark.parametrize(
    ("code", "what"),
    [
        ("import subprocess\nsubprocess.run(['rm', '-rf', folder])\n", "rm -rf"),
        ("import shutil\nshutil.rmtree(folder)\n", "rmtree"),
        ("load(full_refresh=True)\n", FULL_REFRESH),
        ("con.execute(f'DROP TABLE {schema}.lines')\n", "DROP"),
        ("con.execute('DELETE ' + 'FROM lines')\n", "DELETE without WHERE"),
    ],
)
def test_python_that_destroys_is_found(code: str, what: str) -> None:
    assert [one for one, _ in found(code)] == [what]


@pytest.mark.parametrize(
    "code",
    [
        '"""DROP TABLE lines"""\n',
        "def f():\n    'DELETE FROM lines'\n",
        "# con.execute('DROP TABLE lines')\n",
        "import shutil, tempfile\nfolder = tempfile.mkdtemp()\nshutil.rmtree(folder)\n",
        "load(full_refresh=False)\n",
        "con.execute('DELETE FROM lines ' + 'WHERE day = ?', [day])\n",
        "con.execute(f'DELETE FROM lines WHERE day = {day!r}')\n",
        "con.execute('CREATE TABLE scratch AS SELECT 1')\ncon.execute('DROP TABLE scratch')\n",
    ],
)
def test_python_that_destroys_nothing_is_not(code: str) -> None:
    assert found(code) == []


def test_python_that_cannot_be_parsed_is_read_as_text() -> None:
    assert found("def (\n  DROP TABLE lines\n") == [("DROP", "lines")]
