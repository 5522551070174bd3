"""A whole chain of evidence to attack: keys from fixed seeds, files in a dict, and one envelope per stage."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from penstock.evidence import (
    ChainReport,
    ChainRules,
    CommandRecord,
    Link,
    PublicKey,
    Role,
    Statement,
    Subject,
    digest,
    key_ring,
    review_seen,
    seal,
    verify_chain,
)

OUTPUT = digest(b"9 passed")
COMMIT = "c" * 40


@dataclass(frozen=True, slots=True)
class SeedSigner:
    """A signer whose private key is its seed."""

    name: str
    role: Role
    seed: int

    @property
    def private(self) -> Ed25519PrivateKey:
        return Ed25519PrivateKey.from_private_bytes(bytes([self.seed]) * 32)

    @property
    def public(self) -> PublicKey:
        return PublicKey(name=self.name, role=self.role, public=self.private.public_key().public_bytes_raw())

    @property
    def key_id(self) -> str:
        return self.public.key_id

    def sign(self, data: bytes) -> bytes:
        return self.private.sign(data)


AUTHOR = SeedSigner("ana", Role.AUTHOR, 1)
RUNNER = SeedSigner("ci", Role.RUNNER, 2)
APPROVER = SeedSigner("bo", Role.APPROVER, 3)
SECOND = SeedSigner("cy", Role.APPROVER, 4)
STRANGER = SeedSigner("eve", Role.APPROVER, 9)
KEYS = key_ring(signer.public for signer in (AUTHOR, RUNNER, APPROVER, SECOND))
FILES = {"story.md": b"# RETAIL-1\n", "plan.md": b"1. build\n", "dossier.md": b"It is fine.\n", "rollout.md": b"done\n"}
NAMED = {
    Link.DISCOVERY: "story.md",
    Link.DESIGN: "plan.md",
    Link.REVIEW: "dossier.md",
    Link.DEPLOYMENT: "rollout.md",
}


def statement(stage: Link = Link.DISCOVERY, **changes: Any) -> Statement:
    """A plain statement of a stage, with some fields set otherwise."""
    fields: dict[str, Any] = {
        "change": "RETAIL-1",
        "stage": stage,
        "at": "2026-11-22T10:00:00Z",
        "author": "ana",
        "project": "retail",
        "base_commit": "b" * 40,
        "commit": COMMIT,
        "subjects": (),
        "commands": (
            CommandRecord(argv=("pytest", "-q"), exit_code=0, duration_ms=12, chunk=OUTPUT[:12], output_sha256=OUTPUT),
        ),
        "verdicts": ({"gate": "impact", "outcome": "pass"},),
        "facts": {"rows": 541909, "note": "déjà vu"},
    }
    return Statement(**(fields | changes))


@dataclass(slots=True)
class Story:
    """Builds a chain, envelope by envelope; each one follows the last unless told otherwise."""

    files: dict[str, bytes] = field(default_factory=lambda: dict(FILES))
    envelopes: list[tuple[str, bytes]] = field(default_factory=list)

    def add(self, stage: Link, signer: SeedSigner | None = None, **changes: Any) -> Story:
        """One more envelope: an approval sees the last review, a stage names its file as it is now."""
        if "subjects" not in changes:
            changes["subjects"] = self.approving() if stage is Link.APPROVAL else self.named(stage)
        changes.setdefault("previous", digest(self.envelopes[-1][1]) if self.envelopes else None)
        default = {Link.APPROVAL: APPROVER, Link.IMPLEMENTATION: AUTHOR}.get(stage, RUNNER)
        data = seal(statement(stage, **changes), signer or default)
        self.envelopes.append((f"evidence/{len(self.envelopes):02}-{stage}.json", data))
        return self

    def through(self, *stages: Link) -> Story:
        """One plain envelope of each stage."""
        for stage in stages:
            self.add(stage)
        return self

    def named(self, stage: Link) -> tuple[Subject, ...]:
        name = NAMED.get(stage)
        return (Subject(name=name, sha256=digest(self.files[name])),) if name else ()

    def approving(self) -> tuple[Subject, ...]:
        reviews = [data for name, data in self.envelopes if "review" in name]
        return (review_seen(reviews[-1]),)

    def verify(self, keys: Any = KEYS, **rules: Any) -> ChainReport:
        return verify_chain(self.envelopes, keys, self.files.get, ChainRules(**({"change": "RETAIL-1"} | rules)))

    def swap(self, one: int, other: int) -> Story:
        """Exchange what two files hold; their names stay."""
        (name, data), (other_name, other_data) = self.envelopes[one], self.envelopes[other]
        self.envelopes[one], self.envelopes[other] = (name, other_data), (other_name, data)
        return self


TO_APPROVAL = (Link.DISCOVERY, Link.DESIGN, Link.IMPLEMENTATION, Link.REVIEW, Link.APPROVAL)
WHOLE = (*TO_APPROVAL, Link.DEPLOYMENT, Link.OBSERVATION)


def whole() -> Story:
    """A change that went through every stage and holds in observation."""
    return Story().through(*WHOLE)


def broken(report: ChainReport) -> set[str]:
    """The rules that do not hold."""
    return {link.name for link in report.links if not link.ok}


def codes(report: ChainReport, link: str) -> set[str]:
    """The codes of a rule's findings."""
    return {finding.code for finding in report.link(link).findings}
