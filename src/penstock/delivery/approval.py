"""A person's yes or no: signed with their own key, bound to the bytes they saw."""

from __future__ import annotations

from typing import TYPE_CHECKING

from penstock.delivery.sealing import Sealing, envelopes, write_statement
from penstock.delivery.stages import ENDED, Stage
from penstock.evidence.canonical import digest
from penstock.evidence.envelope import open_envelope
from penstock.evidence.keys import Role, from_text, key_ring
from penstock.evidence.statements import Link, review_seen
from penstock.ledger.facts import ChangeApproved, ChangeRejected
from penstock.model.errors import InputError, RefusedError
from penstock.model.findings import Finding, Place
from penstock.policy.facts import ApprovalFacts

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from penstock.delivery.changes import Change
    from penstock.delivery.tools import Tools
    from penstock.evidence.keys import PublicKey

KEYS = "keys"


def keys_at(commit: str, tools: Tools) -> dict[str, PublicKey]:
    """The public keys of the project at a commit, by key id."""
    names = [name for name in tools.repository.files(commit) if name.startswith(f"{KEYS}/") and name.endswith(".yaml")]
    return dict(key_ring(from_text((tools.repository.show(commit, name) or b"").decode(), name) for name in names))


def trusted_keys(change: Change, root: Path, tools: Tools) -> dict[str, PublicKey]:
    """Keys for a change: approvers only from the base revision, authors also from the change itself."""
    base = keys_at(change.base_commit, tools)
    names = [name for name in tools.folder.list(root, KEYS) if name.endswith(".yaml")]
    here = [from_text((tools.folder.read(root, name) or b"").decode(), name) for name in names]
    return {**{key.key_id: key for key in here if key.role is not Role.APPROVER}, **base}


def approve(change: Change, name: str, tools: Tools) -> str:
    """Sign the newest review as `name`; returns the approval's digest. Once is enough: a second time finds the first.

    Raises:
        InputError: nothing was reviewed yet, or the key is not an approver's of the base revision.
        RefusedError: the author cannot approve their own change.
    """
    envelope_sha256 = change.passed.get(Stage.REVIEW)
    if envelope_sha256 is None or change.state in ENDED:
        raise InputError(_nothing_to_approve(change))
    root = tools.worktree(change)
    review = next(data for _, data in envelopes(change, root, tools) if digest(data) == envelope_sha256)
    signer = tools.keys.signer(name)
    known = keys_at(change.base_commit, tools).get(signer.key_id)
    if known is None or known.role is not Role.APPROVER:
        raise InputError(_no_approver(name, known))
    author_keys = {key.key_id for key in trusted_keys(change, root, tools).values() if key.name == change.author}
    if name == change.author or signer.key_id in author_keys:
        raise RefusedError(_own_change(change, name))
    sealing = Sealing(files=(), things=(review_seen(review),))
    path, sha256 = _given(signer.key_id, envelope_sha256, change, root, tools) or write_statement(
        change, Link.APPROVAL, sealing, root, tools, signer=name
    )
    tools.repository.commit(root, f"{change.id}: approved by {name}", [path], name, at=tools.now())
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


def _given(key_id: str, envelope_sha256: str, change: Change, root: Path, tools: Tools) -> tuple[str, str] | None:
    """Path and digest of the approval of that review that the key has signed already, if it has."""
    keys = trusted_keys(change, root, tools)
    for name, data in envelopes(change, root, tools):
        if f"-{Link.APPROVAL}-" in name:
            facts = _approval(name, data, keys)
            if facts.valid_signature and (facts.key_id, facts.envelope_sha256) == (key_id, envelope_sha256):
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
        _approval(name, data, keys) for name, data in envelopes(change, root, tools) if f"-{Link.APPROVAL}-" in name
    )


def _approval(name: str, data: bytes, keys: Mapping[str, PublicKey]) -> ApprovalFacts:
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
    )


def counted_approvals(change: Change, tools: Tools) -> int:
    """How many people's approvals the ledger holds for the newest review."""
    envelope = change.passed.get(Stage.REVIEW)
    rows = tools.journal.rows("approvals", change=change.id)
    return len({str(row["key_id"]) for row in rows if row["envelope_sha256"] == envelope})


def _nothing_to_approve(change: Change) -> Finding:
    return Finding(
        code="change.not_reviewed",
        message=f"{change.id} cannot be approved: it is {change.state} in {change.stage}",
        expected="a change whose review has passed",
        remedy=f"`penstock change show {change.id}` says what comes next",
    )


def _no_approver(name: str, known: PublicKey | None) -> Finding:
    found = f"{name} has the role {known.role}" if known else f"keys/ of the base revision does not hold {name}'s key"
    return Finding(
        code="change.no_approver",
        message=f"{name} may not approve: {found}",
        place=Place(file=f"{KEYS}/{name}.yaml"),
        expected="a key with role approver, committed before the change began",
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
