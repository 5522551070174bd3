"""A Python task runs in a process of its own: rows in, rows out, its mistakes with their line, and a clean start."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from process_bench import Bench, bench_in

from penstock.model.errors import TaskError

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """One executor's worth of processes for all tests of this file."""
    made = bench_in(tmp_path_factory.mktemp("tasks"))
    with made.processes:
        yield made


def test_a_relation_goes_in_and_a_relation_comes_out(bench: Bench) -> None:
    assert bench.run("def make(rows):\n    return rows.filter('n > 1')\n").rows == [(2,), (3,)]


def test_sql_over_a_parameter_finds_it(bench: Bench) -> None:
    code = "import duckdb\ndef make(rows):\n    return duckdb.sql('SELECT n * 2 AS m FROM rows')\n"
    assert bench.run(code).rows == [(2,), (4,), (6,)]


def test_sums_of_whole_numbers_stay_exact(bench: Bench) -> None:
    """DuckDB adds up into 128 bits, which Parquet does not know and DuckDB would write as floats."""
    left = bench.run(
        'def make(rows):\n    return rows.aggregate(\'sum(n) AS "the ""sum""", 1 AS one\')\n',
        given="SELECT 9007199254740993 AS n",
    )
    assert left.columns == {'the "sum"': "DECIMAL(38,0)", "one": "INTEGER"}
    assert left.rows == [(Decimal(9007199254740993), 1)]


def test_an_empty_result_keeps_its_columns(bench: Bench) -> None:
    left = bench.run("def make(rows):\n    return rows.filter('n > 9')\n")
    assert (left.columns, left.rows) == ({"n": "INTEGER"}, [])


def test_it_may_import_code_of_its_project_and_leaves_no_trace_there(bench: Bench) -> None:
    rates = bench.write("rates.py", "FACTOR = 2\n")
    left = bench.run("from rates import FACTOR\ndef make(rows):\n    return rows.project(f'n * {FACTOR} AS n')\n")
    assert left.rows == [(2,), (4,), (6,)]
    assert not rates.with_name("__pycache__").exists()


def test_what_it_used_is_measured(bench: Bench) -> None:
    bench.run(
        "def make(rows):\n    block = bytearray(300 << 20)\n    block[::4096] = b'x' * (300 << 8)\n    return rows\n"
    )
    assert bench.measured is not None
    assert set(bench.measured) == {"cpu", "memory"}
    assert 0 < bench.measured["cpu"] < 600_000_000
    assert 300 << 20 < bench.measured["memory"] < 2 << 30


# -- mistakes ---------------------------------------------------------------------------------------------------------


def test_a_mistake_is_reported_with_the_line_of_the_task(bench: Bench) -> None:
    finding = bench.refused(
        bench.run,
        """
        def make(rows):
            return divide(rows)

        def divide(rows):
            raise ValueError("no such country: Atlantis")
        """,
    )
    assert finding.code == "task.failed"
    assert finding.message == "shop.made: ValueError: no such country: Atlantis"
    assert (finding.place.line, finding.place.dataset) == (6, "shop.made")
    assert str(finding.place.file).startswith("pipelines/shop/made")


def test_a_mistake_in_code_that_it_calls_is_reported_where_it_calls_it(bench: Bench) -> None:
    bench.write("broken.py", "def convert(rows):\n    raise LookupError('no rate')\n")
    code = "from broken import convert\ndef make(rows):\n    return convert(rows)\n"
    finding = bench.refused(bench.run, code)
    assert (finding.message, finding.place.line) == ("shop.made: LookupError: no rate", 3)
    assert "broken.py" in bench.printed()


def test_what_it_prints_does_not_hide_its_mistake(bench: Bench) -> None:
    code = "import sys\ndef make(rows):\n    sys.stderr.write('half a line')\n    raise KeyError('day')\n"
    finding = bench.refused(bench.run, code)
    assert (finding.message, finding.place.line) == ("shop.made: KeyError: 'day'", 4)


def test_a_message_of_several_lines_has_its_first_line_in_the_finding(bench: Bench) -> None:
    finding = bench.refused(bench.run, "def make(rows):\n    raise ValueError('one\\n\\n two\\nthree')\n")
    assert (finding.message, finding.found) == ("shop.made: ValueError: one", " two\nthree")


@pytest.mark.parametrize(
    "words", ["{", "[]", '{"outcome": 1}', '{"outcome": "program_ended", "code": "x"}', "9" * 300_000]
)
def test_what_a_task_says_in_its_workers_place_is_no_harm(bench: Bench, words: str) -> None:
    code = f"""
        import os
        def make(rows):
            for number in range(3, 20):
                try:
                    os.write(number, {words!r}.encode())
                except OSError:
                    pass
            os._exit(3)
        """
    assert bench.refused(bench.run, code).code == "task.exited"


def test_an_error_without_a_text_is_reported_all_the_same(bench: Bench) -> None:
    code = """
        class Odd(Exception):
            def __str__(self):
                raise RuntimeError

        def make(rows):
            raise Odd
        """
    finding = bench.refused(bench.run, code)
    assert (finding.code, finding.place.line) == ("task.failed", 7)
    assert "Odd" in finding.message


def test_a_file_that_is_no_python_is_reported_with_its_line(bench: Bench) -> None:
    finding = bench.refused(bench.run, "x = 1\ndef make(rows:\n")
    assert ("SyntaxError" in finding.message, finding.place.line) == (True, 2)


@pytest.mark.parametrize("returned", ["None", "[1, 2]", "'rows'", "rows.fetchall()"])
def test_anything_but_rows_is_refused(bench: Bench, returned: str) -> None:
    finding = bench.refused(bench.run, f"def make(rows):\n    return {returned}\n")
    assert finding.code == "task.wrong_result"
    assert "expected a DuckDB relation, an Arrow table or reader, a Polars or a pandas frame" in finding.message


def test_a_query_that_fails_only_when_it_is_written_is_a_failure_of_the_task(bench: Bench) -> None:
    finding = bench.refused(bench.run, "def make(rows):\n    return rows.project(\"CAST('x' || n AS INTEGER) AS n\")\n")
    assert (finding.code, "Could not convert" in finding.message) == ("task.failed", True)


@pytest.mark.parametrize(
    ("way", "code"), [("sys.exit(0)", 0), ("sys.exit(7)", 7), ("os._exit(0)", 0), ("os._exit(7)", 7)]
)
def test_leaving_early_is_a_failure_and_not_an_empty_result(bench: Bench, way: str, code: int) -> None:
    finding = bench.refused(bench.run, f"import os, sys\ndef make(rows):\n    {way}\n")
    assert (finding.code, f"code {code}" in finding.message) == ("task.exited", True)


@pytest.mark.parametrize(("number", "name"), [(9, "SIGKILL"), (11, "SIGSEGV"), (6, "SIGABRT")])
def test_a_killed_worker_is_a_failure(bench: Bench, number: int, name: str) -> None:
    finding = bench.refused(
        bench.run, f"import os\ndef make(rows):\n    print('the last words')\n    os.kill(os.getpid(), {number})\n"
    )
    assert (finding.code, f"killed by {name}" in finding.message) == ("task.killed", True)
    assert finding.found == "the last words"
    assert finding.place.line == (None if name == "SIGKILL" else 4)


def test_too_much_memory_is_a_failure_of_the_task_alone(bench: Bench) -> None:
    finding = bench.refused(bench.run, "def make(rows):\n    return bytearray(300 << 20)\n", memory=200 << 20)
    assert (finding.code, finding.expected, finding.place.line) == ("task.out_of_memory", "at most 200 MiB", 2)
    assert "MemoryError" in finding.message


def test_a_query_spills_rather_than_break_the_limit(bench: Bench) -> None:
    code = """
        import duckdb
        def make(rows):
            table = duckdb.sql("SELECT i, hash(i) AS h FROM range(3000000) AS t(i) ORDER BY h LIMIT 2999999")
            return table.aggregate("count(*) AS n")
        """
    assert bench.run(code, memory=600 << 20).rows == [(2999999,)]


def test_a_module_that_is_not_installed_is_named(bench: Bench) -> None:
    finding = bench.refused(bench.run, "import nowhere.to_be_found\ndef make(rows):\n    return rows\n")
    assert (finding.code, finding.place.line) == ("task.missing_library", 1)
    assert (finding.expected, finding.remedy) == (
        "the module nowhere, installed where Penstock runs",
        "pip install nowhere",
    )


# -- a clean start ----------------------------------------------------------------------------------------------------


def test_nothing_of_one_attempt_is_left_for_the_next(bench: Bench) -> None:
    first = """
        import builtins, os, duckdb, sys
        def make(rows):
            builtins.left_behind = True
            os.environ["LEFT_BEHIND"] = "yes"
            duckdb.execute("CREATE TABLE left_behind AS SELECT 1")
            sys.path.insert(0, "/left/behind")
            os.chdir("/")
            return rows
        """
    second = """
        import builtins, os, duckdb, sys
        def make(rows):
            assert not hasattr(builtins, "left_behind")
            assert "LEFT_BEHIND" not in os.environ
            assert duckdb.sql("SHOW TABLES").fetchall() == []
            assert "/left/behind" not in sys.path
            assert os.getcwd() != "/"
            return rows
        """
    bench.run(first)
    assert len(bench.run(second).rows) == 3


def test_two_attempts_draw_different_numbers(bench: Bench) -> None:
    code = """
        import random, uuid, duckdb
        def make(rows):
            drawn = f"{random.random()} {uuid.uuid4()}"
            return duckdb.sql(f"SELECT '{drawn}' AS drawn, random() AS number, uuid() AS id")
        """
    first, second = (bench.run(code).rows[0] for _ in range(2))
    assert all(one != other for one, other in zip(first, second, strict=True))


def test_two_attempts_draw_different_numbers_of_numpy_too(bench: Bench) -> None:
    """Its global generator is seeded on import, which happens once, in the process that both are forked from."""
    pytest.importorskip("pandas")
    code = """
        import numpy as np, duckdb
        def make(rows):
            return duckdb.sql(f"SELECT {np.random.random()} AS number")
        """
    first, second = (bench.run(code, modules=("pandas",)).rows[0] for _ in range(2))
    assert first != second


def test_it_sees_nothing_of_the_executors_environment(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PENSTOCK_PASSPHRASE", "open sesame")
    monkeypatch.setenv("PENSTOCK_KEYS", "/keys")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "xyz")
    code = """
        import os, duckdb
        def make(rows):
            names = ",".join(sorted(os.environ))
            return duckdb.sql(f"SELECT '{names}' AS names, '{os.environ['HOME']}' AS home, '{os.getcwd()}' AS here")
        """
    ((names, home, here),) = bench.run(code).rows
    assert set(str(names).split(",")) <= {"PATH", "LANG", "LC_ALL", "TZ", "HOME", "TMPDIR"}
    assert home == here
    assert Path(str(home)).is_relative_to(bench.folder / "spool")


def test_a_declared_secret_is_there_and_no_other(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOP_TOKEN", "abc123def")
    monkeypatch.setenv("OTHER_TOKEN", "zyx987wvu")
    code = """
        import os, duckdb
        def make(rows):
            assert "OTHER_TOKEN" not in os.environ
            return duckdb.sql(f"SELECT '{os.environ['SHOP_TOKEN'][::-1]}' AS token")
        """
    assert bench.run(code, secrets=("SHOP_TOKEN",)).rows == [("fed321cba",)]


def test_every_secret_that_is_not_set_is_named_before_anything_runs(bench: Bench) -> None:
    with pytest.raises(TaskError) as caught:
        bench.run("def make(rows):\n    return rows\n", secrets=("NOT_SET_A", "NOT_SET_B"))
    assert [finding.code for finding in caught.value.findings] == ["task.missing_secret"] * 2
    assert ["NOT_SET_A" in caught.value.findings[0].message, "NOT_SET_B" in caught.value.findings[1].message] == [
        True
    ] * 2


def test_its_standard_input_is_empty_and_its_output_is_not_ours(
    bench: Bench, capfd: pytest.CaptureFixture[str]
) -> None:
    bench.run("import sys\nprint('loud')\ndef make(rows):\n    assert sys.stdin.read() == ''\n    return rows\n")
    assert capfd.readouterr() == ("", "")
    assert bench.printed() == "loud\n"


def test_it_holds_no_descriptor_but_its_own(bench: Bench) -> None:
    """Neither the executor's socket nor another attempt's: through those it could take orders that are not its own."""
    code = """
        import os, duckdb
        def make(rows):
            links = [f"/proc/self/fd/{n}" for n in os.listdir("/proc/self/fd")]
            held = [os.readlink(link) for link in links if os.path.islink(link)]
            sockets = sum(name.startswith("socket:") for name in held)
            pipes = sum(name.startswith("pipe:") for name in held)
            return duckdb.sql(f"SELECT {sockets} AS sockets, {pipes} AS pipes")
        """
    assert bench.run(code).rows == [(0, 3)]  # its output twice, and what it says of itself


def test_the_scratch_folder_is_gone_afterwards(bench: Bench) -> None:
    with bench.processes.scratch() as folder:
        (folder / "rows.parquet").write_bytes(b"x")
    assert not folder.exists()
