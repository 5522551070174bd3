"""A person's word that findings of a gate may stand: signed, for these findings alone, until a date.

A waiver stands on the commit at which the refused stage was entered, so that the stage, done again, finds it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from penstock.delivery.approval import approver_signer, author_key, key_fault, trusted_keys
from penstock.delivery.sealing import STOPPED, Sealing, envelopes, is_kind, last_round, write_statement
from penstock.delivery.stages import Stage
from penstock.delivery.verification import peek
from penstock.evidence.canonical import digest
from penstock.evidence.envelope import open_envelope
from penstock.evidence.keys import Role
from penstock.evidence.statements import Link, Subject, finding_digest
from penstock.ledger.facts import FindingsWaived, StageEntered
from penstock.model.errors import InputError
from penstock.model.findings import Finding, Verdict
from penstock.model.intervals import parse_moment, stamp
from penstock.policy.facts import WaiverFacts
from penstock.policy.rules import FIXED
from penstock.policy.ruling import open_findings, waivable

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime
    from pathlib import Path

    from penstock.delivery.changes import Change
    from penstock.delivery.tools import Tools
    from penstock.evidence.statements import Statement

BEGAN_AGAIN = "it was given before the change began again on another base"


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Findings of a gate: all of them, those of a code, or those of a code at a place."""

    gate: str
    code: str = ""
    place: str = ""

    @classmethod
    def parse(cls, text: str) -> Selection:
        """What `GATE[:code[:place]]` names.

        >>> Selection.parse("low_quality:check:sales.daily").place
        'sales.daily'
        """
        gate, _, rest = text.partition(":")
        code, _, place = rest.partition(":")
        return cls(gate=gate, code=code, place=place)

    def takes(self, finding: Finding) -> bool:
        """Whether a finding of the gate is meant."""
        codes = {"", finding.code, finding.code.removeprefix(f"gate.{self.gate}").removeprefix(".")}
        place = finding.place
        line = f"{place.file}:{place.line}" if place.line else None
        thing = f"{place.dataset}.{place.field}" if place.field else None
        return self.code in codes and self.place in {"", str(place), place.file, line, place.dataset, thing}


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """Who waives what, why, and until when."""

    selection: Selection
    name: str
    reason: str
    until: datetime


def waive(change: Change, wish: Wish, tools: Tools) -> tuple[Finding, ...]:
    """Sign that findings of the stage that stopped may stand; returns them.

    Raises:
        InputError: nothing stopped, no such finding, a gate that cannot be waived, a date that is over, no reason, or a
            key that is no approver's of the base revision.
        RefusedError: the author cannot waive findings of their own change.
    """
    root = tools.worktree(change)
    stage, verdicts = stopped_verdicts(change, root, tools)
    findings = _selected(change, wish.selection, verdicts)
    if not wish.reason.strip() or wish.until <= tools.clock.now():
        raise InputError(_no_term(wish))
    signer = approver_signer(change, wish.name, root, tools)
    reached = change.entered[stage]
    seen = _artefacts(change, root, tools)
    tools.repository.reset(root, reached)
    path, sha256 = write_statement(change, Link.WAIVER, _sealing(wish, findings), root, tools, signer=wish.name)
    message = f"{change.id}: {wish.name} waives {wish.selection.gate}"
    commit = tools.repository.commit(root, message, [path], wish.name, at=tools.now())
    waived = FindingsWaived(
        change=change.id,
        gate=wish.selection.gate,
        by=wish.name,
        key_id=signer.key_id,
        until=stamp(wish.until),
        reason=wish.reason,
        waiver_sha256=sha256,
    )
    tools.journal.append(waived, StageEntered(change=change.id, stage=stage, commit=commit))
    for name, data in seen.items():  # to be read until the stage is done again
        if tools.folder.read(root, name) is None:
            tools.folder.write(root, name, data)
    return findings


def waivers_of(change: Change, root: Path, tools: Tools) -> tuple[WaiverFacts, ...]:
    """Every waiver among a change's evidence, with why it counts for nothing, if it does.

    What was waived on another base was waived of other bytes.
    """
    return tuple(
        waiver if base == change.base_commit or waiver.fault else replace(waiver, fault=BEGAN_AGAIN)
        for waiver, base in _waivers(change, root, tools)
    )


def waivers_used(change: Change, root: Path, tools: Tools) -> tuple[WaiverFacts, ...]:
    """The waivers on which those of the change's stages passed that still stand."""
    known = {waiver.sha256: waiver for waiver, _ in _waivers(change, root, tools)}
    used = {sha: gate for statement in _stages(change, root, tools) for sha, gate in _relied_on(statement)}
    return tuple(known.get(sha) or _lost(sha, gate) for sha, gate in used.items())


def stopped_verdicts(change: Change, root: Path, tools: Tools) -> tuple[Stage, tuple[Verdict, ...]]:
    """The stage that a gate stopped, and what its gates said.

    Raises:
        InputError: no gate stopped the change.
    """
    data = tools.folder.read(root, f"{change.folder}/{STOPPED}")
    row: dict[str, Any] = json.loads(data) if data is not None else {}
    if not row or change.stage != row["stage"] or Stage(row["stage"]) in change.passed:
        raise InputError(_nothing_stopped(change))
    return Stage(row["stage"]), tuple(Verdict.from_json(verdict) for verdict in row["verdicts"])


def _selected(change: Change, selection: Selection, verdicts: tuple[Verdict, ...]) -> tuple[Finding, ...]:
    if selection.gate in FIXED:
        raise InputError(_fixed(selection.gate))
    verdict = next((each for each in verdicts if each.gate == selection.gate and not each.holds), None)
    found = waivable(verdict) if verdict is not None else ()
    chosen = tuple(finding for finding in found if selection.takes(finding))
    if not chosen:
        raise InputError(_not_found(change, selection, verdicts))
    return chosen


def _sealing(wish: Wish, findings: tuple[Finding, ...]) -> Sealing:
    digests = {finding_digest(finding.to_json()): finding for finding in findings}
    return Sealing(
        files=(),
        things=tuple(Subject(name=f"finding:{wish.selection.gate}/{sha[:12]}", sha256=sha) for sha in digests),
        facts={
            "gate": wish.selection.gate,
            "reason": wish.reason.strip(),
            "until": stamp(wish.until),
            "findings": [finding.to_json() for finding in digests.values()],
        },
    )


def _artefacts(change: Change, root: Path, tools: Tools) -> dict[str, bytes]:
    return {name: tools.folder.read(root, name) or b"" for name in tools.folder.list(root, change.folder)}


def _waivers(change: Change, root: Path, tools: Tools) -> Iterator[tuple[WaiverFacts, str | None]]:
    """Each waiver, and the base revision on which it was given."""
    for name, data in envelopes(change, root, tools):
        if is_kind(name, Link.WAIVER):
            said = peek(name, data)
            yield _waiver(name, data, change, root, tools), said.base_commit if said else None


def _waiver(name: str, data: bytes, change: Change, root: Path, tools: Tools) -> WaiverFacts:
    keys = trusted_keys(change, root, tools)
    sha256 = digest(data)
    try:
        opened = open_envelope(data, keys, name)
    except InputError:
        return _lost(sha256, "", fault="its signature does not verify")
    facts, key = opened.statement.facts, keys[opened.key_id]
    until = str(facts.get("until", ""))
    fault = ""
    if key.role is not Role.APPROVER or key.name == change.author or key.key_id == author_key(change, root, tools):
        fault = "it is not by an approver other than the author"
    elif change.promotion is None:
        fault = key_fault(key, tools) or (f"it ended on {until}" if _is_over(until, tools) else "")
    return WaiverFacts(
        gate=str(facts.get("gate", "")),
        findings=frozenset(subject.sha256 for subject in opened.statement.subjects),
        by=key.name,
        reason=str(facts.get("reason", "")),
        until=until,
        sha256=sha256,
        fault=fault,
    )


def _is_over(until: str, tools: Tools) -> bool:
    try:
        return parse_moment(until) <= tools.clock.now()
    except (ValueError, OverflowError):
        return True


def _stages(change: Change, root: Path, tools: Tools) -> tuple[Statement, ...]:
    keys = trusted_keys(change, root, tools)
    return last_round(
        open_envelope(data, keys, name).statement
        for name, data in envelopes(change, root, tools)
        if not is_kind(name, Link.WAIVER) and not is_kind(name, Link.APPROVAL)
    )


def _relied_on(statement: Statement) -> Iterator[tuple[str, str]]:
    for verdict in statement.verdicts:
        for waived in verdict.get("waived", ()):
            yield str(waived["waiver"]), str(verdict["gate"])


def _lost(sha256: str, gate: str, fault: str = "it is not among the evidence") -> WaiverFacts:
    return WaiverFacts(gate=gate, findings=frozenset(), by="", reason="", until="unknown", sha256=sha256, fault=fault)


def _nothing_stopped(change: Change) -> Finding:
    return Finding(
        code="waiver.nothing_stopped",
        message=f"no gate has stopped {change.id}: it is {change.state.replace('_', ' ')} in {change.stage}",
        expected="a change that a gate refused",
        remedy=f"`penstock change show {change.id}` says what comes next",
    )


def _fixed(gate: str) -> Finding:
    return Finding(
        code="waiver.fixed_gate",
        message=f"{gate} cannot be waived: {FIXED[gate]}",
        found=gate,
        expected="a gate that policy may switch off",
        remedy="clear what it found, as its page says",
    )


def _not_found(change: Change, selection: Selection, verdicts: tuple[Verdict, ...]) -> Finding:
    known = sorted({f"{each.gate}:{finding.code}" for each in verdicts for finding in open_findings(each)})
    return Finding(
        code="waiver.no_such_finding",
        message=f"nothing that stopped {change.id} is a finding of {selection.gate} of that code and place",
        found=":".join(part for part in (selection.gate, selection.code, selection.place) if part),
        expected=" | ".join(known) or "a finding that is in the way",
        remedy=f"`penstock change show {change.id}` lists the findings",
    )


def _no_term(wish: Wish) -> Finding:
    return Finding(
        code="waiver.no_term",
        message="a waiver needs a reason, and an end that is still to come",
        found=f"until {stamp(wish.until)}: {wish.reason.strip() or 'no reason'}",
        expected="--reason TEXT and a later --until DATE",
        remedy="say why these findings may stand, and until when",
    )
