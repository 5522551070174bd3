"""`NAME.command.yaml`: a program, its arguments, and what decides its rows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from reading_cases import errors, project

from penstock.model.pipelines import CommandTask, Dataset, Materialization
from penstock.plan.versions import versions_of

COMMAND = "pipelines/shop/rates.command.yaml"
SCRIPT = "commands/rates.py"
TEXT = f"""\
description: Rates of the day.
run: [python, {SCRIPT}, --from, "{{interval_start}}", '{{"limit": 3}}']
reads: {{orders: shop.orders}}
format: csv
materialize: incremental
interval: day(day)
"""


def command(text: str = TEXT, **files: Any) -> Dataset:
    return project({COMMAND: text, SCRIPT: "print(1)\n", **files}).datasets["shop.rates"]


def digest(text: str = TEXT, changed: dict[str, Any] | None = None) -> str:
    task = project({COMMAND: text, SCRIPT: "print(1)\n", **(changed or {})}).datasets["shop.rates"].task
    assert isinstance(task, CommandTask)
    return task.code_digest


def test_a_command_is_read() -> None:
    read = command()
    assert isinstance(read.task, CommandTask)
    assert read.task.argv == ("python", SCRIPT, "--from", "{interval_start}", '{"limit": 3}')
    assert (dict(read.task.reads_by_parameter), read.reads) == ({"orders": "shop.orders"}, ("shop.orders",))
    assert (read.task.format, read.materialization) == ("csv", Materialization.INCREMENTAL)
    assert (str(read.interval), read.description) == ("day(day)", "Rates of the day.")


def test_only_run_is_needed() -> None:
    read = command("run: [rates]\n")
    assert isinstance(read.task, CommandTask)
    assert (read.task.argv, read.task.format, read.reads) == (("rates",), "parquet", ())
    assert (read.materialization, read.interval) == (Materialization.TABLE, None)


@pytest.mark.parametrize(
    ("text", "code", "line"),
    [
        ("format: csv\n", "document.missing_key", 1),
        ("run: python commands/rates.py\n", "project.bad_command", 1),
        ("run: []\n", "project.bad_command", 1),
        ("run: ['']\n", "project.bad_command", 1),
        ("run: [a, [b]]\n", "document.kind", 1),
        ('run: [a, "b\\0c"]\n', "project.bad_command", 1),
        ("run: [/bin/sh]\n", "project.outside", 1),
        ("run: [../rates]\n", "project.outside", 1),
        ("run: [scripts/rates]\n", "project.unknown_program", 1),
        ("run: [rates, '{interval_stop}']\n", "project.unknown_placeholder", 1),
        ("run: [rates, '{interval_start}']\n", "project.unknown_placeholder", 1),
        ("run: [rates]\nreads: {Orders: shop.orders}\n", "project.bad_name", 2),
        ("run: [rates]\nreads: {orders: shop.order}\n", "project.unknown_dataset", None),
        ("run: [rates]\nformat: json\n", "document.choice", 2),
        ("run: [rates]\nmaterialize: view\n", "document.choice", 2),
        ("run: [rates]\nshell: true\n", "document.unknown_key", 2),
    ],
)
def test_a_wrong_command_is_named_with_its_line(text: str, code: str, line: int | None) -> None:
    (finding,) = errors({COMMAND: text})
    assert (finding.code, finding.place.file, finding.place.line) == (code, COMMAND, line)


def test_a_program_may_be_any_file_beneath_commands() -> None:
    read = project({COMMAND: "run: [commands/rates]\n", "commands/rates": b"\x7fELF\xff\xfe\x00"})
    assert "shop.rates" in read.datasets
    assert "commands/rates" in read.files


def test_a_folder_of_commands_makes_no_dataset() -> None:
    assert errors({"commands/README.md": "x", "commands/deep/er.yaml": "a: ["}) == []


def test_the_digest_covers_the_files_that_are_named() -> None:
    other = TEXT.replace(SCRIPT, "commands/other.py")
    assert digest() != digest(changed={SCRIPT: "print(2)\n"})
    assert digest() == digest(changed={SCRIPT: "print(1)  # the same\n"})
    assert digest() == digest(changed={"commands/unnamed.py": "print(2)\n"})
    assert digest(other, {"commands/other.py": "print(1)\n"}) != digest()


def test_the_digest_covers_what_a_script_imports_from_beside_itself() -> None:
    script = {SCRIPT: "import maths\n"}
    assert digest(changed={**script, "commands/maths.py": "X = 1\n"}) != digest(
        changed={**script, "commands/maths.py": "X = 2\n"}
    )


def fingerprint(text: str, script: str = "print(1)\n") -> str:
    return versions_of(project({COMMAND: text, SCRIPT: script}))["shop.rates"].fingerprint


@pytest.mark.parametrize(
    ("old", "new"), [("--from", "--since"), ("csv", "parquet"), ("orders:", "lines:"), ("day(day)", "month(day)")]
)
def test_what_decides_the_rows_makes_another_version(old: str, new: str) -> None:
    assert fingerprint(TEXT.replace(old, new)) != fingerprint(TEXT)


def test_another_script_makes_another_version() -> None:
    assert fingerprint(TEXT, "print(2)\n") != fingerprint(TEXT)


@pytest.mark.parametrize(
    "more", ["secrets: [SHOP_TOKEN]", "memory: 1GB", "timeout: 5m", "priority: 3", "concurrency: 2", "batch: 3"]
)
def test_what_does_not_decide_the_rows_makes_no_other_version(more: str) -> None:
    assert fingerprint(f"{TEXT}{more}\n") == fingerprint(TEXT)


def test_the_example_of_the_reference_can_be_read() -> None:
    page = (Path(__file__).parents[3] / "docs" / "reference" / "project-files.md").read_text(encoding="utf-8")
    example = (
        page.partition("## `pipelines/<pipeline>/NAME.command.yaml`")[2].partition("```yaml\n")[2].partition("```")[0]
    )
    example = example.replace("sales.stg_invoices", "shop.orders")
    files: dict[str, str | bytes | None] = {
        "penstock.yaml": "name: shop\npools: {bank_api: 1}\n",
        COMMAND: example,
        "commands/fetch_rates.sh": "#!/bin/sh\n",
    }
    read = project(files).datasets["shop.rates"]
    assert isinstance(read.task, CommandTask)
    assert (read.task.memory, read.task.secrets, read.limits.pool) == (512_000_000, ("BANK_TOKEN",), "bank_api")
