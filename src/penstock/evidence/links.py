"""What must hold between the statements of one change: one function per rule, each yielding what breaks it.

Rules see only statements whose signature was verified; an envelope that could not be opened keeps its place and digest,
so that a gap stays a gap. A change may go back to an earlier stage; what it had reached beyond that no longer stands.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from penstock.evidence.canonical import digest
from penstock.evidence.keys import Role
from penstock.evidence.quorum import Quorum
from penstock.evidence.statements import Link
from penstock.model.findings import Finding, Place
from penstock.model.intervals import parse_moment

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from penstock.evidence.git_objects import History
    from penstock.evidence.keys import PublicKey
    from penstock.evidence.statements import Statement

REWORK = frozenset({Link.DISCOVERY, Link.DESIGN, Link.IMPLEMENTATION})
STAGE_ROLES = frozenset({Role.AUTHOR, Role.RUNNER, Role.AGENT})
DECISIONS = frozenset({Link.APPROVAL, Link.WAIVER})
"""What a person signs, and nobody for themselves."""
FOLLOWERS: dict[Link | None, frozenset[Link]] = {
    None: frozenset({Link.DISCOVERY}),
    Link.DISCOVERY: frozenset({Link.DISCOVERY, Link.DESIGN}),
    Link.DESIGN: REWORK,
    Link.IMPLEMENTATION: REWORK | {Link.REVIEW},
    Link.REVIEW: REWORK | {Link.REVIEW, Link.APPROVAL},
    Link.APPROVAL: REWORK | {Link.REVIEW, Link.APPROVAL, Link.DEPLOYMENT, Link.ROLLBACK},
    Link.DEPLOYMENT: frozenset({Link.DEPLOYMENT, Link.OBSERVATION, Link.ROLLBACK}),
    Link.OBSERVATION: frozenset({Link.OBSERVATION, Link.ROLLBACK}),
    Link.ROLLBACK: REWORK,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainRules:
    """What a chain is held to.

    `change` is the id asked about; `approvals` is how many people must have approved before a deployment, `quorums`
    what is asked beyond that. Without its last envelopes a chain is shorter but whole: `reach` (a stage that must
    stand) and `head` (the SHA-256 of the last envelope, from a ledger) show that they were removed.
    """

    change: str
    approvals: int = 1
    quorums: tuple[Quorum, ...] = ()
    reach: Link | None = None
    head: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Signed:
    """A verified statement, the key that signed it, and its envelope's file, digest and place in the chain from 0."""

    position: int
    file: str
    sha256: str
    statement: Statement
    key: PublicKey

    @property
    def stage(self) -> Link:
        """What the statement is about."""
        return self.statement.stage


@dataclass(frozen=True, slots=True, kw_only=True)
class Chain:
    """A change's envelopes in order: the file and digest of each, and the verified statement of those that have one.

    `history` holds the commits that statements name, where they are at hand.
    """

    files: tuple[tuple[str, str], ...]
    signed: tuple[Signed, ...]
    rules: ChainRules
    read_subject: Callable[[str], bytes | None]
    history: History | None = None


def same_change(chain: Chain) -> Iterator[Finding]:
    """Every statement is about the change asked for, in one project."""
    for each in chain.signed:
        pairs = (
            ("change", each.statement.change, chain.rules.change),
            ("project", each.statement.project, chain.signed[0].statement.project),
        )
        for word, found, expected in pairs:
            if found != expected:
                yield _finding(
                    f"other_{word}",
                    f"{each.file} belongs to {word} {found}",
                    each.file,
                    (found, expected),
                    f"remove it: evidence of another {word} proves nothing here",
                )


def unbroken(chain: Chain) -> Iterator[Finding]:
    """Every statement names the digest of the envelope before it; the first names none."""
    for each in chain.signed:
        file, expected = chain.files[each.position - 1] if each.position else ("nothing", None)
        if each.statement.previous != expected:
            yield _finding(
                "broken_chain",
                f"{each.file} was not written after {file}, which stands before it",
                each.file,
                (each.statement.previous or "no previous envelope", expected or "no previous envelope"),
                "put the envelope files back as they were written, all of them, in their order",
            )


def in_order(chain: Chain) -> Iterator[Finding]:
    """No stage is entered before the one that leads to it."""
    before: Link | None = None
    for each in chain.signed:
        if each.stage is Link.WAIVER and (before is None or before in REWORK):
            continue
        allowed = FOLLOWERS.get(before, frozenset())
        if before is Link.REVIEW and chain.rules.approvals == 0:
            allowed |= {Link.DEPLOYMENT, Link.ROLLBACK}
        if each.stage not in allowed:
            yield _finding(
                "stage_order",
                f"{each.file} is about {each.stage} and follows {before or 'nothing'}",
                each.file,
                (each.stage, " | ".join(link for link in Link if link in allowed)),
                "put back the statement that is missing between the two, or go through the stage",
            )
        before = each.stage


def right_role(chain: Chain) -> Iterator[Finding]:
    """Approvals and waivers are signed by approvers, stages by authors, agents and runners."""
    for each in chain.signed:
        allowed = frozenset({Role.APPROVER}) if each.stage in DECISIONS else STAGE_ROLES
        if each.key.role not in allowed:
            yield _finding(
                "wrong_role",
                f"{each.file} ({each.stage}) is signed by {each.key.name}, whose key is for the role {each.key.role}",
                each.file,
                (each.key.role, " | ".join(sorted(allowed))),
                "have it signed with a key of the right role",
            )


def four_eyes(chain: Chain) -> Iterator[Finding]:
    """Nobody approves or waives what they wrote or ran, with whatever key; a key has one name: names tell keys too."""
    for each in chain.signed:
        if each.stage in DECISIONS and (reason := _own_change(each, chain)):
            verb = "approves" if each.stage is Link.APPROVAL else "waives findings of"
            yield _finding(
                "own_approval" if each.stage is Link.APPROVAL else "own_waiver",
                f"{each.file}: {each.key.name} {verb} a change although {reason}",
                each.file,
                (each.key.name, "an approver who neither wrote nor ran the change"),
                "ask another approver",
            )


def approval_of_review(chain: Chain) -> Iterator[Finding]:
    """The one subject of an approval is the last review envelope before it."""
    for each, review, _ in _decisions(chain):
        if each.stage is Link.APPROVAL and not _sees(each, review):
            yield _finding(
                "stale_approval",
                f"{each.file} does not approve {review.file if review else 'a review: none precedes it'}",
                each.file,
                (
                    ", ".join(subject.sha256 for subject in each.statement.subjects) or "no subject",
                    review.sha256 if review else "a review statement before the approval",
                ),
                "have the last review approved again",
            )


def enough_approvers(chain: Chain) -> Iterator[Finding]:
    """A deployment follows as many sound approvals of the last review, by different people, as policy asks."""
    for each, review, approvers in _decisions(chain):
        if each.stage is not Link.DEPLOYMENT:
            continue
        names = {key.name: key for key in approvers}
        for quorum in (Quorum(count=chain.rules.approvals), *chain.rules.quorums):
            people = sorted(name for name, key in names.items() if quorum.admits(name, key.groups))
            if quorum.asked_of(_labels(review)) and len(people) < quorum.count:
                yield _finding(
                    "too_few_approvers",
                    f"{each.file}: deployed with {len(people)} of {quorum.count} approvals{quorum.words}",
                    each.file,
                    (", ".join(people) or "nobody", f"{quorum.count} different approvers{quorum.words}"),
                    "roll back, or have the review approved and deploy again",
                )


def _labels(review: Signed | None) -> tuple[str, ...]:
    labels = review.statement.facts.get("labels", ()) if review else ()
    return tuple(str(label) for label in labels) if isinstance(labels, list | tuple) else ()


def same_commit(chain: Chain) -> Iterator[Finding]:
    """What is approved and deployed is the commit that was reviewed."""
    for each, review, _ in _decisions(chain):
        reviewed = review.statement.commit if review else None
        if review and (reviewed is None or each.statement.commit != reviewed):
            yield _finding(
                "other_commit",
                f"{each.file} is about another commit than {review.file}, or about none",
                each.file,
                (each.statement.commit or "no commit", reviewed or "a commit in the review"),
                "review the commit that is to be deployed",
            )


def subjects_intact(chain: Chain) -> Iterator[Finding]:
    """Every file that a standing statement names is there, with the bytes it had."""
    expected = {
        (each.stage, subject.file): (each.file, subject.sha256)
        for each in standing(chain)
        for subject in each.statement.subjects
        if subject.file is not None
    }
    contents = {file: chain.read_subject(file) for file in sorted({file for _, file in expected})}
    for (_, file), (envelope, sha256) in expected.items():
        data = contents[file]
        found = "no such file" if data is None else digest(data)
        if found != sha256:
            yield _finding(
                "subject_missing" if data is None else "subject_changed",
                f"{file}, which {envelope} vouches for, {'is missing' if data is None else 'was changed'}",
                file,
                (found, sha256),
                "restore the file, or go through the stage again",
            )


def complete(chain: Chain) -> Iterator[Finding]:
    """There is evidence, as far as was asked for, and nothing is cut off its end."""
    rules = chain.rules
    if not chain.files:
        yield _finding("none", f"{rules.change} has no evidence", None, ("no envelopes", "at least one"), "run a stage")
        return
    file, head = chain.files[-1]
    if rules.head not in {None, head}:
        found = (head, str(rules.head))
        yield _finding(
            "cut_off", f"{file} is not the last envelope on record", file, found, "put back what was removed"
        )
    if rules.reach is not None and rules.reach not in {each.stage for each in standing(chain)}:
        found = (chain.signed[-1].stage if chain.signed else "no statement", rules.reach)
        yield _finding(
            "not_reached", f"{rules.change} has not reached {rules.reach}", file, found, "go on with the change"
        )


def in_force(decision: Signed, moment: str) -> bool:
    """Whether an approval or waiver still counts at an ISO 8601 moment: its key, and its own `until`, say so."""
    return decision.key.fault_at(moment) is None and not _ended(decision.statement.facts.get("until"), moment)


def _ended(until: object, moment: str) -> bool:
    """Whether a moment is past `until`; what is no moment has ended, and None never does."""
    if until is None:
        return False
    try:
        return parse_moment(moment) >= parse_moment(str(until))
    except (ValueError, OverflowError):
        return True


def standing_approvers(chain: Chain) -> tuple[str, ...]:
    """Who soundly approved the last review, sorted."""
    approvers: frozenset[PublicKey] = frozenset()
    held = {each.position for each in standing(chain)}
    for each, review, before in _decisions(chain):
        if each.position in held:
            approvers = before | {each.key} if _sound(each, review, chain) else before
    return tuple(sorted({key.name for key in approvers}))


def standing(chain: Chain) -> tuple[Signed, ...]:
    """The statements of steps that no return to their stage, or to an earlier one, has made void."""
    held: list[Signed] = []
    for each in chain.signed:
        if each.stage is Link.WAIVER:
            continue
        if held and each.stage.rank < held[-1].stage.rank:
            held = [other for other in held if other.stage.rank < each.stage.rank]
        held.append(each)
    return tuple(held)


def _decisions(chain: Chain) -> Iterator[tuple[Signed, Signed | None, frozenset[PublicKey]]]:
    """Each approval and deployment, the review it rests on, and whose sound approvals of that review stood then."""
    review: Signed | None = None
    approvals: list[Signed] = []
    for each in chain.signed:
        if each.stage is Link.REVIEW or each.stage in REWORK:
            review = each if each.stage is Link.REVIEW else None
            approvals = []
        elif each.stage in {Link.APPROVAL, Link.DEPLOYMENT}:
            yield each, review, frozenset(one.key for one in approvals if in_force(one, each.statement.at))
            if _sound(each, review, chain):
                approvals.append(each)


def _sound(each: Signed, review: Signed | None, chain: Chain) -> bool:
    """Whether it is an approval that counts."""
    return (
        each.stage is Link.APPROVAL
        and each.key.role is Role.APPROVER
        and each.key.fault_at(each.statement.at) is None
        and _sees(each, review)
        and _own_change(each, chain) is None
    )


def _sees(approval: Signed, review: Signed | None) -> bool:
    digests = [subject.sha256 for subject in approval.statement.subjects]
    return review is not None and digests == [review.sha256]


def _own_change(approval: Signed, chain: Chain) -> str | None:
    """Why the approver is too close to the change, or None."""
    name = approval.key.name.casefold()
    if name in {each.statement.author.casefold() for each in chain.signed}:
        return "they wrote it"
    if name in {each.key.name.casefold() for each in chain.signed if each.stage not in DECISIONS}:
        return "they signed its stages"
    return None


def _finding(code: str, message: str, file: str | None, values: tuple[str, str], remedy: str) -> Finding:
    """A finding of this floor; `values` are what was found and what was expected."""
    found, expected = values
    return Finding(
        code=f"evidence.{code}",
        message=message,
        place=Place(file=file),
        found=str(found),
        expected=str(expected),
        remedy=remedy,
    )
