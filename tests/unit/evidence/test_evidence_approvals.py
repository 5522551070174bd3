"""Attacks on approvals: who may give one, for what, and how often it counts."""

from __future__ import annotations

from dataclasses import replace

from evidence_cases import (
    AUTHOR,
    KEYS,
    SECOND,
    STRANGER,
    TO_APPROVAL,
    WHOLE,
    SeedSigner,
    Story,
    broken,
    codes,
)

from penstock.evidence import (
    Link,
    Role,
    Subject,
    key_ring,
)


def test_an_approval_signed_with_an_authors_or_runners_key_breaks_role() -> None:
    for signer in (SeedSigner("dan", Role.AUTHOR, 21), SeedSigner("bot", Role.RUNNER, 22)):
        story = Story().through(*TO_APPROVAL[:4]).add(Link.APPROVAL, signer).add(Link.DEPLOYMENT)
        keys = key_ring([*KEYS.values(), signer.public])
        assert broken(story.verify(keys)) == {"role", "approvers"}


def test_a_stage_signed_with_an_approvers_key_breaks_role() -> None:
    story = Story().through(Link.DISCOVERY).add(Link.DESIGN, SECOND)

    assert broken(story.verify()) == {"role"}


def test_an_author_with_an_approvers_key_cannot_approve_their_own_change() -> None:
    story = Story()
    for stage in TO_APPROVAL:
        story.add(stage, author="Bo")
    story.add(Link.DEPLOYMENT, author="Bo")

    assert broken(story.verify()) == {"four_eyes", "approvers"}
    assert story.verify().approvers == ()


def test_an_author_cannot_hide_behind_another_name_in_the_approval_alone() -> None:
    story = Story()
    for stage in TO_APPROVAL[:4]:
        story.add(stage, author="bo")
    story.add(Link.APPROVAL, author="ana")

    assert broken(story.verify()) == {"four_eyes"}


def test_who_signed_a_stage_cannot_approve_with_a_second_key() -> None:
    second_key = SeedSigner("ana", Role.APPROVER, 31)
    keys = {**KEYS, second_key.key_id: second_key.public}
    story = Story()
    for stage in TO_APPROVAL[:4]:
        story.add(stage, author="somebody")
    story.add(Link.APPROVAL, second_key, author="somebody")

    assert broken(story.verify(keys)) == {"four_eyes"}


def test_a_key_whose_role_was_widened_cannot_approve_what_it_signed() -> None:
    widened = SeedSigner("anna", Role.APPROVER, AUTHOR.seed)
    keys = {**KEYS, AUTHOR.key_id: widened.public}
    story = Story().through(*TO_APPROVAL[:4]).add(Link.APPROVAL, widened).add(Link.DEPLOYMENT)

    assert broken(story.verify(keys)) == {"role", "four_eyes", "approvers"}


def test_one_key_under_two_ids_cannot_be_two_signers() -> None:
    keys = {**KEYS, STRANGER.key_id: replace(AUTHOR.public, name="eve", role=Role.APPROVER)}
    story = Story().through(*TO_APPROVAL[:4]).add(Link.APPROVAL, STRANGER)

    assert broken(story.verify(keys)) == {"signature"}


def test_an_approval_of_an_older_review_breaks_approval() -> None:
    story = Story().through(*TO_APPROVAL[:4])
    old = story.approving()
    story.through(Link.IMPLEMENTATION, Link.REVIEW).add(Link.APPROVAL, subjects=old).add(Link.DEPLOYMENT)

    assert broken(story.verify()) == {"approval", "approvers"}
    assert codes(story.verify(), "approval") == {"evidence.stale_approval"}


def test_an_approval_given_before_rework_does_not_count_after_it() -> None:
    story = Story().through(*TO_APPROVAL, Link.REVIEW).add(Link.APPROVAL, SECOND).add(Link.DEPLOYMENT)

    assert broken(story.verify(approvals=2)) == {"approvers"}
    assert story.verify().approvers == ("cy",)


def test_an_approval_after_rework_needs_a_new_review() -> None:
    story = Story().through(*TO_APPROVAL[:4], Link.IMPLEMENTATION, Link.APPROVAL)

    assert broken(story.verify()) == {"order", "approval"}


def test_an_approval_of_more_or_less_than_the_review_breaks_approval() -> None:
    story = Story().through(*TO_APPROVAL[:4])
    more = (*story.approving(), Subject(name="plan:next", sha256="7" * 64))
    assert broken(story.add(Link.APPROVAL, subjects=more).verify()) == {"approval"}

    story = Story().through(*TO_APPROVAL[:4])
    assert broken(story.add(Link.APPROVAL, subjects=()).verify()) == {"approval"}


def test_an_approval_of_a_review_that_could_not_be_verified_does_not_count() -> None:
    story = Story().through(*TO_APPROVAL[:3]).add(Link.REVIEW, STRANGER).through(Link.APPROVAL, Link.DEPLOYMENT)

    assert {"signature", "approval", "approvers"} <= broken(story.verify())
    assert story.verify().approvers == ()


def test_one_person_approving_twice_counts_once() -> None:
    again = SeedSigner("bo", Role.APPROVER, 41)
    keys = {**KEYS, again.key_id: again.public}
    story = Story().through(*TO_APPROVAL).add(Link.APPROVAL).add(Link.APPROVAL, again).add(Link.DEPLOYMENT)

    assert broken(story.verify(keys, approvals=2)) == {"approvers"}
    assert broken(story.verify(keys, approvals=1)) == set()


def test_an_approval_after_the_deployment_comes_too_late() -> None:
    story = Story().through(*TO_APPROVAL[:4], Link.DEPLOYMENT, Link.APPROVAL)

    assert {"order", "approvers"} == broken(story.verify())


def test_another_commit_approved_or_deployed_than_reviewed_breaks_commit() -> None:
    for index in (4, 5):
        story = Story()
        for position, stage in enumerate(WHOLE[:6]):
            story.add(stage, commit=("d" if position == index else "c") * 40)
        assert broken(story.verify()) == {"commit"}


def test_a_review_of_no_commit_cannot_be_approved() -> None:
    story = Story().through(*TO_APPROVAL[:3]).add(Link.REVIEW, commit=None).add(Link.APPROVAL, commit=None)

    assert broken(story.verify()) == {"commit"}
