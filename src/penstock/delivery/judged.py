"""What the gates of a change's stages said, as its evidence has it. Whether that is true, verification says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from penstock.delivery.sealing import envelopes, is_kind, last_round
from penstock.delivery.waiving import stopped_verdicts
from penstock.evidence.envelope import read_envelope, read_statement
from penstock.evidence.statements import Link
from penstock.model.errors import InputError
from penstock.model.findings import Verdict

if TYPE_CHECKING:
    from pathlib import Path

    from penstock.delivery.changes import Change
    from penstock.delivery.tools import Tools


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgedStage:
    """A stage and what its gates said; `stopped` if that is why the change does not go on."""

    stage: str
    verdicts: tuple[Verdict, ...]
    stopped: bool = False


def judged_stages(change: Change, root: Path, tools: Tools) -> tuple[JudgedStage, ...]:
    """Every stage that was judged and sealed and still stands, in order, and the one that a gate stopped."""
    said = last_round(
        read_statement(read_envelope(data, name), name)
        for name, data in envelopes(change, root, tools)
        if not is_kind(name, Link.WAIVER) and not is_kind(name, Link.APPROVAL)
    )
    judged = ((str(each.stage), tuple(map(Verdict.from_json, each.verdicts))) for each in said)
    sealed = tuple(JudgedStage(stage=stage, verdicts=verdicts) for stage, verdicts in judged if verdicts)
    return (*sealed, *_stopped(change, root, tools))


def _stopped(change: Change, root: Path, tools: Tools) -> tuple[JudgedStage, ...]:
    try:
        stage, verdicts = stopped_verdicts(change, root, tools)
    except InputError:
        return ()
    return (JudgedStage(stage=str(stage), verdicts=verdicts, stopped=True),)
