"""Until when what was signed counts: keys that expired or were revoked, and waivers past their date.

A moment in a statement is its signer's word. Whoever holds a revoked key can date a statement back; what stops them is
that it must stand in the chain before a deployment that others signed and dated.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from penstock.evidence.links import in_force
from penstock.evidence.statements import Link, finding_digest
from penstock.model.findings import Finding, Place

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from penstock.evidence.links import Chain, Signed


def keys_in_force(chain: Chain) -> Iterator[Finding]:
    """Nothing is signed with a key that had expired or was revoked by then."""
    for each in chain.signed:
        fault = each.key.fault_at(each.statement.at)
        if fault is not None:
            yield Finding(
                code="evidence.key_not_in_force",
                message=f"{each.file} was signed by {each.key.name} on {each.statement.at}, and {fault}",
                place=Place(file=each.file),
                found=each.statement.at,
                expected="a key in force at that moment",
                remedy="have it signed with another key",
            )


def waivers_in_force(chain: Chain) -> Iterator[Finding]:
    """What a verdict leaves out of account was waived before, for that finding, until after stage and deployment.

    A stage that is done again is judged by its own waivers: those of the round before it are no longer used.
    """
    used: list[tuple[Signed, Mapping[str, Any], Link]] = []
    for each in chain.signed:
        used = [one for one in used if one[2].rank < each.stage.rank]
        for verdict in _with_waivers(each):
            for waived in verdict["waived"]:
                waiver = _waiver(chain, each, str(waived.get("waiver")))
                fault = _fault(waiver, each, verdict, str(waived.get("finding")))
                if fault is not None:
                    yield _finding(each, verdict, fault)
                elif waiver is not None:
                    used.append((waiver, verdict, each.stage))
        if each.stage is Link.DEPLOYMENT:
            for waiver, verdict, _ in used:
                if not in_force(waiver, each.statement.at):
                    yield _finding(each, verdict, f"{waiver.file} no longer counted on {each.statement.at}")


def _with_waivers(each: Signed) -> Iterator[Mapping[str, Any]]:
    for verdict in each.statement.verdicts:
        if isinstance(verdict, dict):
            yield {**verdict, **{word: _mappings(verdict.get(word)) for word in ("waived", "findings")}}


def _mappings(values: object) -> list[Any]:
    """The mappings of a list; none of what is no list."""
    return [one for one in values if isinstance(one, dict)] if isinstance(values, list) else []


def _waiver(chain: Chain, user: Signed, sha256: str) -> Signed | None:
    earlier = (each for each in chain.signed if each.position < user.position and each.stage is Link.WAIVER)
    return next((each for each in earlier if each.sha256 == sha256), None)


def _fault(waiver: Signed | None, user: Signed, verdict: Mapping[str, Any], finding: str) -> str | None:
    if waiver is None:
        return "no such waiver stands before it"
    if finding not in {finding_digest(one) for one in verdict["findings"]}:
        return f"{finding[:12]} is none of the gate's findings"
    if waiver.statement.facts.get("gate") != verdict.get("gate"):
        return f"{waiver.file} is about another gate"
    if finding not in {subject.sha256 for subject in waiver.statement.subjects}:
        return f"{waiver.file} does not cover finding {finding[:12]}"
    if waiver.statement.base_commit != user.statement.base_commit:
        return f"{waiver.file} was given on another base revision"
    moment = user.statement.at
    return None if in_force(waiver, moment) else f"{waiver.file} no longer counted on {moment}"


def _finding(each: Signed, verdict: Mapping[str, Any], fault: str) -> Finding:
    return Finding(
        code="evidence.waiver",
        message=f"{each.file} lets {verdict.get('gate')} pass as waived, but {fault}",
        place=Place(file=each.file),
        found=fault,
        expected="a waiver by an approver for exactly that finding, in force then",
        remedy="clear the finding or have it waived, and go through the stage again",
    )
