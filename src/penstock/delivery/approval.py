"""A person's yes or no: signed with their own key, bound to the bytes they saw."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from penstock.delivery.sealing import Sealing, envelopes, is_kind, write_statement
from penstock.delivery.stages import ENDED, Stage
from penstock.delivery.tools import policy_at
from penstock.evidence.canonical import digest
from penstock.evidence.envelope import open_envelope
from penstock.evidence.keys import KEYS, Role, from_text, key_ring, with_revocations
from penstock.evidence.statements import Link, review_seen
from penstock.ledger.facts import ChangeApproved, ChangeRejected, StageEntered
from penstock.model.errors import InputError, RefusedError
from penstock.model.findings import Finding, Place
from penstock.model.intervals import parse_moment, stamp
from penstock.policy.facts import ApprovalFacts

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from pathlib import Path

    from penstock.delivery.changes import Change
    from penstock.delivery.tools import Tools
    from penstock.evidence.envelope import Signer
    from penstock.evidence.keys import PublicKey


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalWish:
    """Who approves, why, and until when it counts (None: as long as policy lets it)."""

    name: str
    reason: str = ""
    until: datetime | None = None


def keys_at(commit: str, tools: Tools) -> dict[str, PublicKey]:
    """The public keys of the project at a commit, by key id."""
    names = [name for name in tools.repository.files(commit) if name.startswith(f"{KEYS}/") and name.endswith(".yaml")]
    texts = tools.repository.contents(commit, names)
    return dict(key_ring(from_text(texts[name].decode(), name) for name in names))


def trusted_keys(change: Change, root: Path, tools: Tools) -> dict[str, PublicKey]:
    """Keys for a change: approvers only from the base revision, authors also from the change itself.

    What was revoked since the change began is revoked for it too.
    """
    base = with_revocations(
        keys_at(change.base_commit, tools).values(), keys_at(tools.repository.head(), tools).values()
    )
    names = [name for name in tools.folder.list(root, KEYS) if name.endswith(".yaml")]
    here = [from_text((tools.folder.read(root, name) or b"").decode(), name) for name in names]
    own = {key.key_id: key for key in here if key.role is not Role.APPROVER}
    return {**own, **{key.key_id: key for key in base}}


def approve(change: Change, wish: ApprovalWish, tools: Tools) -> str:
    """Sign the newest review; returns the approval's digest. Once is enough: while one counts, a second time finds it.

    Raises:
        InputError: nothing was reviewed yet, or the key is not an approver's of the base revision.
        RefusedError: the author cannot approve their own change.
    """
    envelope_sha256 = change.passed.get(Stage.REVIEW)
    if envelope_sha256 is None or change.state in ENDED:
        raise InputError(_nothing_to_approve(change))
    root = tools.worktree(change)
    _drop_stop(change, root, tools)
    review = next(data for _, data in envelopes(change, root, tools) if digest(data) == envelope_sha256)
    name, signer = wish.name, approver_signer(change, wish.name, root, tools)
    facts = {"until": stamp(_until(change, wish, tools)), "reason": wish.reason.strip()}
    sealing = Sealing(files=(), things=(review_seen(review),), facts=facts)
    path, sha256 = _given(signer.key_id, envelope_sha256, change, root, tools) or write_statement(
        change, Link.APPROVAL, sealing, root, tools, signer=name
    )
    commit = tools.repository.commit(root, f"{change.id}: approved by {name}", [path], name, at=tools.now())
    if Stage.DEPLOYMENT in change.entered and commit != change.entered[Stage.DEPLOYMENT]:
        tools.journal.append(StageEntered(change=change.id, stage=Stage.DEPLOYMENT, commit=commit))
    if tools.journal.rows("approvals", change=change.id, approval_sha256=sha256):
        return sha256
    approved = ChangeApproved(
        change=change.id,
        by=name,
        key_id=signer.key_id,
        envelope_sha256=envelope_sha256,
        approval_sha256=sha256,
    )
    tools.journal.append(approved)
    return sha256


def approver_signer(change: Change, name: str, root: Path, tools: Tools) -> Signer:
    """The signer of an approver who may decide about a change.

    Raises:
        InputError: the key is not an approver's of the base revision, or has ended.
        RefusedError: it is the author's own change.
    """
    public = tools.keys.public(name)
    known = trusted_keys(change, root, tools).get(public.key_id)
    if known is None or known.role is not Role.APPROVER:
        raise InputError(_no_approver(name, known))
    if (fault := key_fault(known, tools)) is not None:
        raise InputError(_no_approver(name, known, fault))
    if name == change.author or public.key_id == author_key(change, root, tools):
        raise RefusedError(_own_change(change, name))
    return tools.keys.signer(name)


def author_key(change: Change, root: Path, tools: Tools) -> str:
    """The id of the author's key, or an empty text."""
    keys = trusted_keys(change, root, tools).values()
    return next((key.key_id for key in keys if key.name == change.author), "")


def key_fault(key: PublicKey, tools: Tools) -> str | None:
    """Why an approver's key counts for nothing now: expired, revoked, or no longer in the project's keys."""
    now = keys_at(tools.repository.head(), tools).get(key.key_id)
    if now is None:
        return f"its key is no longer in {KEYS}/"
    if now.revoked is not None:  # from now on, whatever its date says
        return now.fault_at(now.revoked.at)
    return key.fault_at(tools.now())


def _until(change: Change, wish: ApprovalWish, tools: Tools) -> datetime:
    """Until when an approval counts: as long as policy lets it, or less."""
    now = tools.clock.now().replace(microsecond=0)
    longest = now + timedelta(days=policy_at(tools, change.base_commit).approval_days)
    if wish.until is not None and not now < wish.until <= longest:
        raise InputError(_no_term(wish.until, longest))
    return wish.until or longest


def _drop_stop(change: Change, root: Path, tools: Tools) -> None:
    """Go back to where deployment was entered, if a gate stopped it there: the approval stands on that."""
    if Stage.DEPLOYMENT in change.entered and change.merge_commit is None:
        tools.repository.reset(root, change.entered[Stage.DEPLOYMENT])


def _given(key_id: str, envelope_sha256: str, change: Change, root: Path, tools: Tools) -> tuple[str, str] | None:
    """Path and digest of the approval of that review that the key has signed already, if it has."""
    keys = trusted_keys(change, root, tools)
    for name, data in envelopes(change, root, tools):
        if is_kind(name, Link.APPROVAL):
            facts = _approval(name, data, change, keys, tools)
            if (
                facts.valid_signature
                and not facts.fault
                and (facts.key_id, facts.envelope_sha256) == (key_id, envelope_sha256)
            ):
                return name, digest(data)
    return None


def reject(change: Change, name: str, reason: str, tools: Tools) -> None:
    """End a change with a reason; its branch stays, production was never touched.

    Raises:
        InputError: the change has ended or is already in production.
    """
    if change.state in ENDED or change.promotion is not None:
        raise InputError(_nothing_to_reject(change))
    tools.journal.append(ChangeRejected(change=change.id, by=name, reason=reason))


def approvals_of(change: Change, root: Path, tools: Tools) -> tuple[ApprovalFacts, ...]:
    """Every approval among the change's evidence, with what its signature is worth."""
    keys = trusted_keys(change, root, tools)
    return tuple(
        _approval(name, data, change, keys, tools)
        for name, data in envelopes(change, root, tools)
        if is_kind(name, Link.APPROVAL)
    )


def _approval(name: str, data: bytes, change: Change, keys: Mapping[str, PublicKey], tools: Tools) -> ApprovalFacts:
    try:
        opened = open_envelope(data, keys, name)
    except InputError:
        return ApprovalFacts(name=name, key_id="", role="", envelope_sha256="", valid_signature=False)
    key = keys[opened.key_id]
    seen = [subject.sha256 for subject in opened.statement.subjects if subject.name == "envelope:review"]
    return ApprovalFacts(
        name=key.name,
        key_id=key.key_id,
        role=str(key.role),
        envelope_sha256=seen[0] if seen else "",
        valid_signature=True,
        groups=key.groups,
        fault=_ended(key, opened.statement.facts.get("until"), tools) if change.promotion is None else "",
    )


def _ended(key: PublicKey, until: object, tools: Tools) -> str:
    """Why an approval no longer counts, or an empty text."""
    try:
        over = until is not None and parse_moment(str(until)) <= tools.clock.now()
    except (ValueError, OverflowError):
        over = True
    return key_fault(key, tools) or (f"it ended on {until}" if over else "")


def _nothing_to_approve(change: Change) -> Finding:
    return Finding(
        code="change.not_reviewed",
        message=f"{change.id} cannot be approved: it is {change.state} in {change.stage}",
        expected="a change whose review has passed",
        remedy=f"`penstock change show {change.id}` says what comes next",
    )


def _no_term(until: datetime, longest: datetime) -> Finding:
    return Finding(
        code="change.approval_term",
        message=f"an approval cannot count until {stamp(until)}",
        found=stamp(until),
        expected=f"a moment to come, {stamp(longest)} at the latest (`policy.approval_days`)",
        remedy="give another --until, or none",
    )


def _no_approver(name: str, known: PublicKey | None, fault: str | None = None) -> Finding:
    role = f"{name} has the role {known.role}" if known else f"keys/ of the base revision does not hold {name}'s key"
    found = fault or role
    return Finding(
        code="change.no_approver",
        message=f"{name} may not approve: {found}",
        place=Place(file=f"{KEYS}/{name}.yaml"),
        expected="a key in force with role approver, committed before the change began",
        remedy="another person: `penstock key new NAME --role approver`, commit keys/NAME.yaml, and deliver again",
    )


def _own_change(change: Change, name: str) -> Finding:
    return Finding(
        code="change.own_approval",
        message=f"{name} wrote {change.id} and cannot approve it",
        expected="a second person",
        remedy=f"ask someone else: penstock change approve {change.id} --as NAME",
    )


def _nothing_to_reject(change: Change) -> Finding:
    return Finding(
        code="change.not_open",
        message=f"{change.id} cannot be rejected: it is {change.state.replace('_', ' ')}",
        expected="a change that is not in production yet",
        remedy=f"`penstock change rollback {change.id}` takes a change out of production",
    )
