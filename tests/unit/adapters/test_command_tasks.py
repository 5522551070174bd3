"""A command is a task: it finds its inputs and leaves its rows through its environment, within the same bounds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from process_bench import Bench, alive, bench_in, pids_in

from penstock.model.intervals import Interval, parse_moment

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PYTHON = "python"
COPY = 'cp "$PENSTOCK_INPUT_ROWS" "$PENSTOCK_OUTPUT"'


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    made = bench_in(tmp_path_factory.mktemp("commands"))
    with made.processes:
        yield made


def test_rows_go_in_and_come_out_as_parquet(bench: Bench) -> None:
    left = bench.command("sh", "-c", COPY, given="SELECT 1.50 AS price, NULL::DATE AS day")
    assert left.columns == {"price": "DECIMAL(3,2)", "day": "DATE"}
    assert left.texts == [("1.50", None)]


def test_a_csv_file_becomes_rows_of_text(bench: Bench) -> None:
    text = r'printf "code,name,price\n007,\"Ø, \"\"x\"\"\",1.50\n008,,\n" > "$PENSTOCK_OUTPUT"'
    left = bench.command("sh", "-c", text, format="csv")
    assert left.columns == dict.fromkeys(("code", "name", "price"), "VARCHAR")
    assert left.rows == [("007", 'Ø, "x"', "1.50"), ("008", None, None)]


def test_a_csv_file_with_a_header_alone_is_an_empty_result(bench: Bench) -> None:
    left = bench.command("sh", "-c", 'echo "code,name" > "$PENSTOCK_OUTPUT"', format="csv")
    assert (left.columns, left.rows) == ({"code": "VARCHAR", "name": "VARCHAR"}, [])


def test_a_program_of_the_project_is_run_where_the_project_is(bench: Bench) -> None:
    bench.write("commands/rates.txt", "2\n")
    program = bench.write("commands/copy.sh", f"#!/bin/sh\ntest -f commands/rates.txt && {COPY}\n")
    program.chmod(0o755)
    assert len(bench.command("commands/copy.sh").rows) == 3
    assert len(bench.command("sh", "commands/copy.sh").rows) == 3


def test_no_word_is_read_by_a_shell(bench: Bench) -> None:
    code = (
        "import os, sys; print(sys.argv[1:]); os.link(os.environ['PENSTOCK_INPUT_ROWS'], os.environ['PENSTOCK_OUTPUT'])"
    )
    words = ["$HOME", "; touch /tmp/oops", "*", "a b", '{"json": 1}']
    bench.refused(bench.command, PYTHON, "-c", code, *words)  # a second name of the input is no output
    assert bench.printed() == f"{words}\n"


def test_the_interval_is_filled_in(bench: Bench) -> None:
    interval = Interval(parse_moment("2024-01-01"), parse_moment("2024-01-02T06:00+02:00"))
    words = ("--from", "{interval_start}", "--to={interval_end}")
    bench.command("sh", "-c", f'echo "$@"; {COPY}', "sh", *words, interval=interval)
    assert bench.printed() == "--from 2024-01-01T00:00:00Z --to=2024-01-02T04:00:00Z\n"


def test_it_gets_its_declared_secrets_and_nothing_else(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOP_TOKEN", "abc123def")
    monkeypatch.setenv("OTHER_TOKEN", "zyx987wvu")
    bench.command("sh", "-c", f"env | sort; {COPY}", secrets=("SHOP_TOKEN",))
    names = {line.partition("=")[0] for line in bench.printed().splitlines()}
    ours = {"HOME", "TMPDIR", "SHOP_TOKEN", "PENSTOCK_INPUT_ROWS", "PENSTOCK_OUTPUT"}
    assert ours <= names <= ours | {"PATH", "LANG", "LC_ALL", "TZ", "PWD", "OLDPWD", "SHLVL", "_"}
    assert "SHOP_TOKEN=***" in bench.printed()


@pytest.mark.parametrize(
    ("text", "code", "message"),
    [
        ("echo no such table >&2; exit 3", "task.exited", "its program ended with code 3"),
        ("kill -9 $$", "task.killed", "killed by SIGKILL"),
        ("true", "task.no_rows", "the program left no file at PENSTOCK_OUTPUT"),
        ('ln -s /etc/passwd "$PENSTOCK_OUTPUT"', "task.no_rows", "the program left no file at PENSTOCK_OUTPUT"),
        ('echo hello > "$PENSTOCK_OUTPUT"', "task.wrong_result", "no parquet file"),
    ],
)
def test_whatever_goes_wrong_is_said(bench: Bench, text: str, code: str, message: str) -> None:
    finding = bench.refused(bench.command, "sh", "-c", text)
    assert (finding.code, message in finding.message) == (code, True)
    assert finding.place.file == "pipelines/shop/made.command.yaml"
    assert finding.found == ("no such table" if code == "task.exited" else None)


@pytest.mark.parametrize(
    "text", [": >", r'printf "a,b\n1,2,3\n" >', r'printf "a,b\n1\n" >', "head -c 99999 /dev/urandom >"]
)
def test_what_is_no_csv_is_refused(bench: Bench, text: str) -> None:
    finding = bench.refused(bench.command, "sh", "-c", f'{text} "$PENSTOCK_OUTPUT"', format="csv")
    assert (finding.code, "no csv file" in finding.message) == ("task.wrong_result", True)


@pytest.mark.parametrize("word", ["no-such-program", "commands/none.sh", "../outside.sh", "/bin/sh-not-here"])
def test_a_program_that_is_not_there_is_named(bench: Bench, word: str) -> None:
    (bench.folder / "outside.sh").write_text("#!/bin/sh\n", encoding="utf-8")
    finding = bench.refused(bench.command, word)
    assert (finding.code, word in finding.message) == ("task.missing_program", True)


def test_a_program_without_leave_to_run_is_named(bench: Bench) -> None:
    bench.write("commands/plain.sh", "#!/bin/sh\n")
    finding = bench.refused(bench.command, "commands/plain.sh")
    assert finding.expected == "a file with leave: chmod +x commands/plain.sh"


def test_a_program_that_the_system_cannot_run_is_named(bench: Bench) -> None:
    bench.write("commands/odd", "#!/no/such/interpreter\n").chmod(0o755)
    assert bench.refused(bench.command, "commands/odd").code == "task.missing_program"


def test_its_memory_is_bounded(bench: Bench) -> None:
    words = (PYTHON, "-c", "block = bytearray(300 << 20)")
    finding = bench.refused(bench.command, *words, memory=100 << 20)
    assert finding.code == "task.exited"
    assert "MemoryError" in bench.printed()


def test_past_its_timeout_it_is_killed_with_what_it_started(bench: Bench, tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    text = f'setsid sh -c "echo \\$\\$ >> {pids}; exec sleep 600" & echo $$ >> {pids}; wait'
    assert bench.refused(bench.command, "sh", "-c", text, timeout=2).code == "task.timeout"
    assert [pid for pid in pids_in(pids, 2) if alive(pid)] == []


def test_what_it_used_is_measured(bench: Bench) -> None:
    code = f"block = bytearray(b'x') * (200 << 20); import os; os.system({COPY!r})"
    bench.command(PYTHON, "-c", code)
    assert bench.measured is not None
    assert bench.measured["memory"] > 200 << 20
    assert bench.measured["cpu"] > 0
