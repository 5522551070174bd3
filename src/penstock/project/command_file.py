"""`NAME.command.yaml`: a program and its arguments, what it reads, and how it leaves its rows."""

from __future__ import annotations

import hashlib
import re
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from penstock.documents import Fields, read_yaml
from penstock.model.findings import blocking
from penstock.model.pipelines import NAME_PATTERN, CommandTask, Dataset, Materialization
from penstock.project.layout import COMMAND_FOLDER
from penstock.project.python_code import code_digest
from penstock.project.task_options import read_keeping, read_limits, read_memory, read_secrets, read_timeout

if TYPE_CHECKING:
    from collections.abc import Mapping

    from penstock.model.findings import Finding

MODES = (Materialization.TABLE, Materialization.INCREMENTAL, Materialization.MERGE)
FORMATS = ("parquet", "csv")
PLACEHOLDERS = ("interval_start", "interval_end")
MOST_WORDS, MOST_CHARACTERS = 1000, 100_000
_PLACEHOLDER = re.compile(r"\{(\w+)\}")


def read_command(
    name: str, file: str, texts: Mapping[str, str], files: Mapping[str, bytes], findings: list[Finding]
) -> Dataset | None:
    """One command dataset; what is wrong is added to `findings`.

    `files` are the project's, those of `commands/` included; `texts` the same as text, where they are text.
    """
    fields = Fields(read_yaml(texts[file], file), findings=findings)
    before = len(findings)
    argv = _words(fields)
    reads = fields.word_map("reads")
    _check_parameters(fields, reads)
    format_ = fields.choice("format", FORMATS) or "parquet"
    keeping = read_keeping(fields, MODES, default=Materialization.TABLE)
    limits = read_limits(fields, keeping.materialization if keeping else None)
    timeout, memory, secrets = read_timeout(fields), read_memory(fields), read_secrets(fields)
    description = fields.text("description") or ""
    fields.unknown()
    _check_program(fields, argv, files)
    _check_placeholders(fields, argv)
    if blocking(tuple(findings[before:])) or keeping is None:
        return None
    task = CommandTask(
        argv=argv,
        reads_by_parameter=dict(sorted(reads.items())),
        code_digest=program_digest(argv, texts, files),
        format=format_,
        secrets=secrets,
        memory=memory,
    )
    return Dataset(
        name=name,
        file=file,
        task=task,
        materialization=keeping.materialization,
        interval=keeping.interval,
        description=description,
        timeout=timeout,
        key=keeping.key,
        limits=limits,
    )


def _words(fields: Fields) -> tuple[str, ...]:
    """`run: [program, argument, …]`; a command line in one text would need a shell to take it apart."""
    words = fields.texts("run", required=True)
    if isinstance(fields.raw("run"), str) or fields.raw("run") == []:
        expected = "[program, argument, …]: no shell reads it"
        fields.note("project.bad_command", "run is no list of words", at="run", expected=expected)
        return ()
    if words and not words[0].strip():
        fields.note("project.bad_command", "run names no program", at="run", expected="[program, argument, …]")
    elif any("\0" in word for word in words) or len(words) > MOST_WORDS or sum(map(len, words)) > MOST_CHARACTERS:
        expected = f"at most {MOST_WORDS:,} words and {MOST_CHARACTERS:,} characters, none of them NUL"
        fields.note("project.bad_command", "run is more than a system can start", at="run", expected=expected)
    return words


def _check_parameters(fields: Fields, reads: Mapping[str, str]) -> None:
    for parameter in reads:
        if not NAME_PATTERN.fullmatch(str(parameter)):
            fields.note(
                "project.bad_name",
                f"{parameter!r} cannot name an input",
                at="reads",
                found=str(parameter),
                expected="lower-case letters, digits and _: `orders` is found in PENSTOCK_INPUT_ORDERS",
            )


def _check_program(fields: Fields, argv: tuple[str, ...], files: Mapping[str, bytes]) -> None:
    """A program is one of the project's own, and then among the files that are delivered, or is found on PATH."""
    if not argv or "/" not in argv[0]:
        return
    path = PurePosixPath(argv[0])
    if path.is_absolute() or ".." in path.parts:
        expected = "a program on PATH, or a path beneath the project's folder"
        fields.note("project.outside", f"run begins with {argv[0]}", at="run", found=argv[0], expected=expected)
    elif str(path) not in files:
        fields.note(
            "project.unknown_program",
            f"run begins with {argv[0]}, which is no file of the project",
            at="run",
            found=argv[0],
            expected=f"a file beneath {COMMAND_FOLDER}/, where the programs of a project lie",
        )


def _check_placeholders(fields: Fields, argv: tuple[str, ...]) -> None:
    used = [found for word in argv for found in _PLACEHOLDER.findall(word)]
    strange = next((found for found in used if found not in PLACEHOLDERS), None)
    known = " | ".join(f"{{{word}}}" for word in PLACEHOLDERS)
    if strange is not None:
        message = f"run has a placeholder {{{strange}}}"
        fields.note("project.unknown_placeholder", message, at="run", found=f"{{{strange}}}", expected=known)
    elif used and "interval" not in fields:
        fields.note(
            "project.unknown_placeholder",
            f"run uses {{{used[0]}}} but there is no interval",
            at="run",
            found=f"{{{used[0]}}}",
            expected="materialize: incremental, with interval: day(column)",
        )


def program_digest(argv: tuple[str, ...], texts: Mapping[str, str], files: Mapping[str, bytes]) -> str:
    """SHA-256 over the project files that are named; of a Python file, over its code and what it imports."""
    parts = []
    for word in argv:
        path = str(PurePosixPath(word))
        if path in files:
            is_python = path.endswith(".py") and path in texts
            code = code_digest(path, texts, as_script=True) if is_python else hashlib.sha256(files[path]).hexdigest()
            parts.append(f"{path} {code}")
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()
