"""Recorded outputs: text kept beside the evidence and cited by the first digits of its digest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from penstock.delivery.leaks import without_secrets
from penstock.evidence.canonical import digest
from penstock.evidence.statements import CHUNK_LENGTH, CommandRecord

if TYPE_CHECKING:
    from pathlib import Path

    from penstock.delivery.changes import Change
    from penstock.delivery.ports import CommandRun
    from penstock.delivery.tools import Tools


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """A recorded output: what it is, its text's chunk id, and the file that holds it."""

    name: str
    chunk: str
    path: str


def keep(name: str, text: str, change: Change, root: Path, tools: Tools) -> Output:
    """Write an output beside the change's evidence, with every secret in it masked."""
    data = without_secrets(text).encode()
    chunk = digest(data)[:CHUNK_LENGTH]
    path = f"{change.folder}/evidence/outputs/{chunk}.txt"
    tools.folder.write(root, path, data)
    return Output(name=name, chunk=chunk, path=path)


def command_record(run: CommandRun, environment: str) -> CommandRecord:
    """A command as evidence states it; `environment` is the text that says what it ran in."""
    sha256 = digest(run.output.encode())
    return CommandRecord(
        argv=run.argv,
        exit_code=run.exit_code,
        duration_ms=run.duration_ms,
        chunk=sha256[:CHUNK_LENGTH],
        output_sha256=sha256,
        environment=digest(environment.encode()),
    )


def find_output(chunk: str, change: Change, root: Path, tools: Tools) -> str | None:
    """The text of a recorded output, by chunk id."""
    data = tools.folder.read(root, f"{change.folder}/evidence/outputs/{chunk}.txt")
    return None if data is None else data.decode()
