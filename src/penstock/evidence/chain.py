"""Verification of a change's evidence from story to observation, with public keys alone.

Invariants: nothing that is wrong with evidence raises; every rule is judged and reported under its own name; what could
not be verified counts for nothing. Reading subjects is left to the caller.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from penstock.evidence import links, revisions, terms
from penstock.evidence.canonical import digest
from penstock.evidence.envelope import read_envelope, read_statement, verified_signer
from penstock.evidence.links import Chain, ChainRules, Signed
from penstock.evidence.statements import Link
from penstock.model.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from penstock.evidence.git_objects import History
    from penstock.evidence.keys import PublicKey
    from penstock.model.findings import Finding

__all__ = ["ChainReport", "ChainRules", "LinkReport", "verify_chain"]

RULES: dict[str, Callable[[Chain], Iterator[Finding]]] = {
    "complete": links.complete,
    "change": links.same_change,
    "previous": links.unbroken,
    "order": links.in_order,
    "role": links.right_role,
    "four_eyes": links.four_eyes,
    "approval": links.approval_of_review,
    "approvers": links.enough_approvers,
    "terms": terms.keys_in_force,
    "waivers": terms.waivers_in_force,
    "commit": links.same_commit,
    "subjects": links.subjects_intact,
    "base": revisions.one_base,
    "tree": revisions.reviewed_tree,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkReport:
    """What one rule found."""

    name: str
    findings: tuple[Finding, ...]

    @property
    def ok(self) -> bool:
        """Whether the rule holds."""
        return not self.findings


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainReport:
    """What verification found, rule by rule.

    `furthest` is the stage the change stands in and `approvers` are those whose approval of the last review counts, as
    far as statements could be verified; `head` is the SHA-256 of the last envelope.
    """

    change: str
    links: tuple[LinkReport, ...]
    furthest: Link | None
    approvers: tuple[str, ...]
    head: str | None

    @property
    def ok(self) -> bool:
        """Whether every rule holds."""
        return all(link.ok for link in self.links)

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What all rules found."""
        return tuple(finding for link in self.links for finding in link.findings)

    def link(self, name: str) -> LinkReport:
        """The report of the rule of that name; KeyError if there is none."""
        return {link.name: link for link in self.links}[name]

    def to_json(self) -> dict[str, Any]:
        """The report as plain JSON values."""
        return {
            "change": self.change,
            "ok": self.ok,
            "furthest": None if self.furthest is None else str(self.furthest),
            "approvers": list(self.approvers),
            "head": self.head,
            "links": [
                {"name": link.name, "ok": link.ok, "findings": [finding.to_json() for finding in link.findings]}
                for link in self.links
            ],
        }


def verify_chain(
    envelopes: Sequence[tuple[str, bytes]],
    keys: Mapping[str, PublicKey],
    read_subject: Callable[[str], bytes | None],
    rules: ChainRules,
    history: History | None = None,
) -> ChainReport:
    """Judge a change's envelopes, given in order as file name and bytes.

    `keys` maps key ids to the keys trusted at the base revision (see `key_ring`). `read_subject` returns the bytes of a
    file that a statement names, or None if it is not there. Without `history` commits are compared by their ids alone.
    """
    opened: dict[str, list[Finding]] = {"canonical": [], "signature": [], "statement": []}
    signed = tuple(_open_all(envelopes, keys, opened))
    files = tuple((file, digest(data)) for file, data in envelopes)
    chain = Chain(files=files, signed=signed, rules=rules, read_subject=read_subject, history=history)
    found = {name: tuple(findings) for name, findings in opened.items()}
    found |= {name: tuple(rule(chain)) for name, rule in RULES.items()}
    return ChainReport(
        change=rules.change,
        links=tuple(LinkReport(name=name, findings=findings) for name, findings in found.items()),
        furthest=next((each.stage for each in reversed(signed) if each.stage is not Link.WAIVER), None),
        approvers=links.standing_approvers(chain),
        head=files[-1][1] if files else None,
    )


def _open_all(
    envelopes: Sequence[tuple[str, bytes]], keys: Mapping[str, PublicKey], findings: dict[str, list[Finding]]
) -> Iterator[Signed]:
    """Each envelope that can be trusted; why the others cannot goes to `findings` under the step that failed."""
    for position, (file, data) in enumerate(envelopes):
        step = "canonical"
        try:
            envelope = read_envelope(data, file)
            step = "signature"
            key = verified_signer(envelope, keys, file)
            step = "statement"
            statement = read_statement(envelope, file)
        except InputError as error:
            findings[step].extend(error.findings)
        else:
            yield Signed(position=position, file=file, sha256=digest(data), statement=statement, key=key)
