"""Ends a stage: artefacts and one signed statement in one commit, then the fact in the ledger.

Invariants: the ledger learns of a passed stage only after its envelope is committed; a stage that is done again
starts from the commit at which it was entered, so nothing is ever there twice.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from penstock.delivery.stages import Stage
from penstock.evidence.canonical import digest
from penstock.evidence.envelope import seal
from penstock.evidence.statements import REMOVED, Link, Statement, Subject
from penstock.ledger.facts import GatesJudged, StageEntered, StagePassed, StageStopped
from penstock.model.errors import InputError
from penstock.model.findings import Finding, Outcome
from penstock.policy.gates import combined
from penstock.policy.ruling import open_findings

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from penstock.delivery.changes import Change
    from penstock.delivery.tools import Tools
    from penstock.evidence.statements import CommandRecord
    from penstock.model.findings import Verdict

ENVELOPE_SUFFIX = ".dsse.json"
STOPPED = "evidence/stopped.json"
"""What the gates of the stage that stopped said, beneath a change's folder, until the stage is done again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StageReport:
    """How a stage ended: its gates' verdicts, what it did in one line, the message for people, and its artefacts."""

    change: str
    stage: Stage
    verdicts: tuple[Verdict, ...]
    headline: str
    message: str
    artefacts: tuple[str, ...]

    @property
    def outcome(self) -> Outcome:
        """The verdict of all gates together."""
        return combined(self.verdicts)

    @property
    def findings(self) -> tuple[Finding, ...]:
        """The findings of every gate that does not hold, without those that are waived."""
        return tuple(finding for verdict in self.verdicts for finding in open_findings(verdict))


@dataclass(frozen=True, slots=True, kw_only=True)
class Sealing:
    """What a stage's statement is about: `files` are subjects by path, `things` others by name and digest."""

    files: tuple[str, ...]
    verdicts: tuple[Verdict, ...] = ()
    commands: tuple[CommandRecord, ...] = ()
    things: tuple[Subject, ...] = ()
    facts: Mapping[str, Any] | None = None


def enter(change: Change, stage: Stage, tools: Tools) -> Path:
    """The worktree as it was when the stage was first entered.

    Raises:
        InputError: somebody committed to the change's branch since the last stage passed; no gate has seen that.
    """
    root = tools.worktree(change)
    commit = change.entered.get(stage)
    if commit is None:
        commit = tools.repository.head(root)
        if stage is not Stage.DEPLOYMENT:  # approvals are commits after the review, and deployment looks at the bytes
            before = list(Stage)[: stage.number - 1]
            expected = change.commits[before[-1]] if before else change.base_commit
            if commit != expected:
                raise InputError(_foreign_commits(change, commit, expected))
        tools.journal.append(StageEntered(change=change.id, stage=stage, commit=commit))
    tools.repository.reset(root, commit)
    return root


def envelopes(change: Change, root: Path, tools: Tools) -> tuple[tuple[str, bytes], ...]:
    """The change's envelopes in order: path and bytes."""
    names = [name for name in tools.folder.list(root, f"{change.folder}/evidence") if name.endswith(ENVELOPE_SUFFIX)]
    return tuple((name, tools.folder.read(root, name) or b"") for name in sorted(names))


def find_statement(change: Change, link: Link, root: Path, tools: Tools) -> str | None:
    """The path of the last statement of that kind, if there is one; it is whole, for files come at once.

    A change that began again has several of a kind: those before the last are void.
    """
    found = [name for name, _ in envelopes(change, root, tools) if is_kind(name, link)]
    return found[-1] if found else None


def last_round(statements: Iterable[Statement]) -> tuple[Statement, ...]:
    """The statements of stages that no later one of the same stage, or of an earlier one, makes void."""
    held: list[Statement] = []
    for each in statements:
        held = [*(other for other in held if other.stage.rank < each.stage.rank), each]
    return tuple(held)


def is_kind(path: str, link: Link) -> bool:
    """Whether an envelope's path says that it is a statement of that kind: `NN-KIND`, or `NN-KIND-SIGNER`.

    >>> is_kind("changes/A-1/evidence/05-approval-review.dsse.json", Link.REVIEW)
    False
    """
    word = path.rpartition("/")[2].partition("-")[2].removesuffix(ENVELOPE_SUFFIX)
    return word == link or word.startswith(f"{link}-")


def write_statement(
    change: Change, link: Link, sealing: Sealing, root: Path, tools: Tools, *, signer: str
) -> tuple[str, str]:
    """Seal one statement into the change's evidence; returns its path and SHA-256. The caller commits it."""
    before = envelopes(change, root, tools)
    subjects = [_subject(path, tools.folder.read(root, path)) for path in sorted(set(sealing.files))]
    statement = Statement(
        change=change.id,
        stage=link,
        at=tools.now(),
        author=change.author,
        project=tools.root.name,
        subjects=(*subjects, *sealing.things),
        base_commit=change.base_commit,
        commit=reviewed_commit(change) or tools.repository.head(tools.worktree(change)),
        commands=sealing.commands,
        verdicts=tuple(verdict.to_json() for verdict in sealing.verdicts),
        facts=sealing.facts or {},
        previous=digest(before[-1][1]) if before else None,
    )
    data = seal(statement, tools.keys.signer(signer))
    word = f"{link}-{signer}" if link in {Link.APPROVAL, Link.WAIVER} else str(link)
    path = f"{change.folder}/evidence/{len(before) + 1:02d}-{word}{ENVELOPE_SUFFIX}"
    tools.folder.write(root, path, data)
    return path, digest(data)


def _subject(path: str, data: bytes | None) -> Subject:
    """A file as a statement names it; one that the change removed, by a name that no file has."""
    return Subject(name=path if data is not None else f"{REMOVED}{path}", sha256=digest(data or b""))


def reviewed_commit(change: Change) -> str | None:
    """The head of the branch that the review looked at: what approvals and the promotion are about."""
    return change.entered.get(Stage.REVIEW) if Stage.REVIEW in change.passed else None


def pass_stage(
    change: Change, stage: Stage, link: Link, sealing: Sealing, root: Path, tools: Tools, *, message: str
) -> None:
    """Seal, commit everything of the change, record."""
    _, sha256 = write_statement(change, link, sealing, root, tools, signer=change.author)
    commit = tools.repository.commit(root, message, [change.folder], change.author, at=tools.now())
    passed = StagePassed(change=change.id, stage=stage, commit=commit, envelope_sha256=sha256)
    tools.journal.append(_judged(change, stage, sealing.verdicts), passed)


def stop_stage(
    change: Change, stage: Stage, verdicts: Sequence[Verdict], root: Path, tools: Tools, *, message: str
) -> None:
    """Record that a gate said no, or that a person has to act; the artefacts are committed for them to read."""
    outcome = combined(verdicts)
    state = "waiting" if outcome is Outcome.NEEDS_PERSON else "refused"
    reasons = [verdict.summary for verdict in verdicts if verdict.counts is outcome]
    said = {"stage": str(stage), "verdicts": [verdict.to_json() for verdict in verdicts]}
    data = json.dumps(said, indent=2, ensure_ascii=False).encode() + b"\n"
    tools.folder.write(root, f"{change.folder}/{STOPPED}", data)
    tools.repository.commit(root, message, [change.folder], change.author, at=tools.now())
    stopped = StageStopped(
        change=change.id, stage=stage, state=state, reason="; ".join(reason.rstrip(".") for reason in reasons)
    )
    tools.journal.append(_judged(change, stage, verdicts), stopped)


def _foreign_commits(change: Change, found: str, expected: str) -> Finding:
    return Finding(
        code="change.foreign_commits",
        message=f"somebody committed to {change.branch} beside Penstock",
        found=f"the branch is at {found[:12]}",
        expected=f"{expected[:12]}, where the last stage left it",
        remedy=f"git -C .penstock/worktrees/{change.id} reset --hard {expected[:12]}; "
        "hand-written files come in by a story with `author: {kind: files, …}`",
    )


def _judged(change: Change, stage: Stage, verdicts: Sequence[Verdict]) -> GatesJudged:
    return GatesJudged(
        change=change.id, stage=stage, outcomes={verdict.gate: str(verdict.counts) for verdict in verdicts}
    )
