"""Until when what was signed counts: keys that ended, approvals that ended, waivers, and who has to approve."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from evidence_cases import APPROVER, AUTHOR, KEYS, SECOND, SeedSigner, Story, broken, codes

from penstock.evidence import Link, PublicKey, Role, Subject, digest, key_ring
from penstock.evidence.keys import Revocation, from_text, to_text, with_revocations
from penstock.evidence.quorum import Quorum
from penstock.evidence.statements import finding_digest
from penstock.model.errors import InputError

BEFORE, SIGNED, AFTER = "2026-11-01T00:00:00Z", "2026-11-22T10:00:00Z", "2026-12-01T00:00:00Z"
FINDING = {"code": "gate.weak_tests", "severity": "error", "message": "one fault is left", "place": {"file": "a.sql"}}
OTHER = {**FINDING, "message": "another fault is left"}
GATE = "weak_tests"


def keys(**changes: Any) -> Any:
    """The usual keys, with the approver's changed."""
    return key_ring(replace(key, **changes) if key.name == APPROVER.name else key for key in KEYS.values())


def to_review() -> Story:
    return Story().through(Link.DISCOVERY, Link.DESIGN, Link.IMPLEMENTATION, Link.REVIEW)


def approved(**facts: Any) -> Story:
    return to_review().add(Link.APPROVAL, facts=facts).through(Link.DEPLOYMENT, Link.OBSERVATION)


# --- keys


def test_a_public_key_with_terms_survives_being_written() -> None:
    key = replace(
        APPROVER.public, groups=("data", "privacy"), expires=AFTER, revoked=Revocation(at=AFTER, reason="lost: it")
    )
    assert from_text(to_text(key), "keys/bo.yaml") == replace(
        key, expires="2026-12-01", revoked=Revocation(at="2026-12-01", reason="lost: it")
    )
    assert from_text(to_text(APPROVER.public), "keys/bo.yaml") == APPROVER.public


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ("expires: soon", "evidence.moment"),
        ("revoked: {at: 2026-12-01}", "document.missing_key"),
        ("revoked: {at: x, reason: y}", "evidence.moment"),
        ("revoked: {at: 2026-12-01, reason: y, by: z}", "document.unknown_key"),
        ("revoked: 2026-12-01", "document.kind"),
    ],
)
def test_terms_that_cannot_be_read_refuse_the_key(more: str, code: str) -> None:
    with pytest.raises(InputError) as caught:
        from_text(f"{to_text(APPROVER.public)}{more}\n", "keys/bo.yaml")
    assert code in {finding.code for finding in caught.value.findings}


def test_newer_files_only_take_away() -> None:
    early, late = Revocation(at=BEFORE, reason="lost"), Revocation(at=AFTER, reason="left")
    key = replace(APPROVER.public, expires=SIGNED, revoked=early)
    (kept,) = with_revocations([key], [replace(APPROVER.public, groups=("data",))])
    assert kept == key
    (kept,) = with_revocations([key], [replace(key, expires=AFTER, revoked=late)])
    assert kept == key
    (narrowed,) = with_revocations([APPROVER.public], [replace(APPROVER.public, expires=BEFORE, revoked=late)])
    assert (narrowed.expires, narrowed.revoked) == (BEFORE, late)


def test_a_key_counts_up_to_its_end_and_not_from_it_on() -> None:
    key = replace(APPROVER.public, expires=AFTER)
    assert key.fault_at(SIGNED) is None
    assert key.fault_at(AFTER) == f"its key expired on {AFTER}"


@pytest.mark.parametrize("change", [{"revoked": Revocation(at=BEFORE, reason="lost")}, {"expires": BEFORE}])
def test_what_a_key_signs_after_its_end_does_not_verify(change: dict[str, Any]) -> None:
    report = approved().verify(keys(**change))
    assert broken(report) == {"terms", "approvers"}
    assert codes(report, "terms") == {"evidence.key_not_in_force"}


@pytest.mark.parametrize("change", [{"revoked": Revocation(at=AFTER, reason="lost")}, {"expires": AFTER}])
def test_what_was_finished_before_a_key_ended_stays_verifiable(change: dict[str, Any]) -> None:
    assert approved().verify(keys(**change)).ok


def test_an_author_s_revoked_key_seals_no_stage() -> None:
    ring = key_ring(
        replace(key, revoked=Revocation(at=BEFORE, reason="lost")) if key.name == AUTHOR.name else key
        for key in KEYS.values()
    )
    assert "terms" in broken(approved().verify(ring))


def test_an_agent_signs_stages_and_no_approval() -> None:
    robot = SeedSigner("robot", Role.AGENT, 7)
    ring = key_ring([*KEYS.values(), robot.public])
    stages = Story().add(Link.DISCOVERY, robot, author="robot").add(Link.DESIGN, robot, author="robot")
    assert stages.verify(ring).ok
    report = to_review().add(Link.APPROVAL, robot).verify(ring)
    assert codes(report, "role") == {"evidence.wrong_role"}
    assert report.approvers == ()


# --- approvals


def test_an_approval_that_had_ended_when_the_change_went_live_does_not_count() -> None:
    assert approved(until=AFTER).verify().ok
    late = to_review().add(Link.APPROVAL, facts={"until": AFTER})
    late.add(Link.DEPLOYMENT, at=AFTER)
    assert codes(late.verify(), "approvers") == {"evidence.too_few_approvers"}


@pytest.mark.parametrize("until", ["soon", 7, ""])
def test_an_end_that_is_no_moment_is_over(until: Any) -> None:
    assert broken(approved(until=until).verify()) == {"approvers"}


def test_people_of_a_group_are_asked_for_by_name_or_group() -> None:
    wanted = (Quorum(count=1, among=("finance",)),)
    assert broken(approved().verify(quorums=wanted)) == {"approvers"}
    assert approved().verify(keys(groups=("finance",)), quorums=wanted).ok
    assert approved().verify(quorums=(Quorum(count=1, among=("bo",)),)).ok


def test_a_label_of_the_review_asks_for_more_people() -> None:
    wanted = (Quorum(count=2, label="irreversible"),)
    plain = approved()
    assert plain.verify(quorums=wanted).ok
    story = Story().through(Link.DISCOVERY, Link.DESIGN, Link.IMPLEMENTATION)
    story.add(Link.REVIEW, facts={"labels": ["irreversible"]}).add(Link.APPROVAL)
    once = Story(files=story.files, envelopes=list(story.envelopes)).add(Link.DEPLOYMENT)
    assert broken(once.verify(quorums=wanted)) == {"approvers"}
    assert story.add(Link.APPROVAL, SECOND).add(Link.DEPLOYMENT).verify(quorums=wanted).ok


# --- waivers


def waiver(story: Story, signer: SeedSigner = APPROVER, *, of: dict[str, Any] = FINDING, **facts: Any) -> str:
    """A waiver of one finding; its envelope's digest."""
    sha = finding_digest(of)
    subjects = (Subject(name=f"finding:{GATE}/{sha[:12]}", sha256=sha),)
    story.add(Link.WAIVER, signer, subjects=subjects, facts={"gate": GATE, "until": AFTER, "reason": "later", **facts})
    return digest(story.envelopes[-1][1])


def verdict(waived_by: str, **changes: Any) -> tuple[dict[str, Any], ...]:
    waived = [{"finding": finding_digest(FINDING), "waiver": waived_by}]
    row = {"gate": GATE, "outcome": "fail", "counts": "pass", "summary": "x.", "ruling": "y", "findings": [FINDING]}
    return ({**row, "waived": waived, **changes},)


def waived(signer: SeedSigner = APPROVER, *, of: dict[str, Any] = FINDING, **facts: Any) -> Story:
    """A change whose review passed on a waiver."""
    story = Story().through(Link.DISCOVERY, Link.DESIGN, Link.IMPLEMENTATION)
    sha = waiver(story, signer, of=of, **facts)
    return story.add(Link.REVIEW, verdicts=verdict(sha)).through(Link.APPROVAL, Link.DEPLOYMENT, Link.OBSERVATION)


def test_a_change_that_leans_on_a_waiver_verifies() -> None:
    report = waived().verify()
    assert report.ok, report.findings
    assert report.furthest is Link.OBSERVATION
    assert report.approvers == ("bo",)


@pytest.mark.parametrize(
    ("story", "rule"),
    [
        (waived(AUTHOR), "role"),
        (waived(of=OTHER), "waivers"),
        (waived(gate="low_quality"), "waivers"),
        (waived(until=BEFORE), "waivers"),
        (waived(until="soon"), "waivers"),
    ],
)
def test_a_waiver_by_the_wrong_person_for_another_finding_or_past_its_end_is_found(story: Story, rule: str) -> None:
    assert rule in broken(story.verify())


def test_a_waiver_that_ended_before_the_change_went_live_is_found() -> None:
    story = Story().through(Link.DISCOVERY, Link.DESIGN, Link.IMPLEMENTATION)
    story.add(Link.REVIEW, verdicts=verdict(waiver(story))).add(Link.APPROVAL).add(Link.DEPLOYMENT, at=AFTER)
    assert broken(story.verify()) == {"waivers"}


def test_a_waiver_that_is_not_there_or_came_later_is_found() -> None:
    missing = Story().add(Link.DISCOVERY, verdicts=verdict("0" * 64))
    assert codes(missing.verify(), "waivers") == {"evidence.waiver"}


def test_a_waiver_of_a_round_that_no_longer_stands_may_end() -> None:
    story = Story().through(Link.DISCOVERY)
    story.add(Link.DESIGN, verdicts=verdict(waiver(story))).through(Link.DESIGN, Link.IMPLEMENTATION, Link.REVIEW)
    assert story.add(Link.APPROVAL).add(Link.DEPLOYMENT, at=AFTER).verify().ok


def test_a_waiver_counts_on_the_base_alone_on_which_it_was_given() -> None:
    story = Story().through(Link.DISCOVERY)
    story.add(Link.DESIGN, base_commit="d" * 40, verdicts=verdict(waiver(story)))
    assert broken(story.verify()) == {"waivers"}


def test_a_finding_that_the_gate_never_made_cannot_be_waived() -> None:
    story = Story().through(Link.DISCOVERY)
    story.add(Link.DESIGN, verdicts=verdict(waiver(story), findings=[OTHER]))
    assert broken(story.verify()) == {"waivers"}


def test_nobody_waives_findings_of_their_own_change() -> None:
    own = SeedSigner("ana", Role.APPROVER, 5)
    ring = key_ring([*(key for key in KEYS.values() if key.name != "ana"), own.public])
    story = Story().add(Link.DISCOVERY)
    waiver(story, own)
    assert codes(story.verify(ring), "four_eyes") == {"evidence.own_waiver"}


def test_nothing_is_waived_once_the_review_has_passed() -> None:
    story = to_review()
    waiver(story)
    assert codes(story.verify(), "order") == {"evidence.stage_order"}


def test_a_key_is_told_by_what_it_is_not_by_its_terms() -> None:
    assert replace(APPROVER.public, expires=AFTER).key_id == APPROVER.key_id
    assert isinstance(APPROVER.public, PublicKey)
