"""Four eyes: as many people as policy asks for, none of them the author, approved exactly what was reviewed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from policy_cases import OLDER_REVIEW, approval, deployment

from penstock.evidence.quorum import Quorum
from penstock.model.findings import Outcome, Severity
from penstock.policy.approvals import approvers
from penstock.policy.gates.missing_approval import judge
from penstock.policy.rules import Policy


def test_one_good_approval_is_enough_by_default() -> None:
    verdict = judge(deployment(approval()))
    assert verdict.outcome is Outcome.PASS
    assert verdict.summary == "Approved by bo: 1 of 1."


def test_without_an_approval_the_change_waits_and_says_how_it_is_given() -> None:
    verdict = judge(deployment())
    assert verdict.outcome is Outcome.NEEDS_PERSON
    assert verdict.summary == "0 of 1 approval by someone other than ana."
    assert verdict.findings[0].found == "no approval that counts"
    assert verdict.findings[0].remedy == (
        "read changes/RETAIL-2/dossier.md, then penstock change approve RETAIL-2 --as NAME"
    )


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"valid_signature": False}, "its signature does not verify"),
        ({"role": "author"}, "its key has the role author, not approver"),
        ({"role": ""}, "its key has the role nobody, not approver"),
        ({"name": "ana"}, "it is the author's own"),
        ({"name": " Ana "}, "it is the author's own"),
        ({"key_id": "k-ana"}, "it is the author's own"),
        ({"envelope_sha256": OLDER_REVIEW}, "it was given for another review"),
    ],
)
def test_an_approval_that_does_not_count_leaves_the_change_waiting_and_says_why(
    changes: dict[str, Any], why: str
) -> None:
    verdict = judge(deployment(approval(**changes)))
    assert verdict.outcome is Outcome.NEEDS_PERSON
    void = verdict.findings[1]
    assert void.message.endswith(f"does not count: {why}")
    assert void.severity is Severity.NOTE


def test_a_void_approval_shows_what_is_known_of_its_key() -> None:
    known = judge(deployment(approval(role="author"))).findings[1]
    assert (known.message.split(":")[0], known.found) == ("the approval by bo does not count", "key k-bo, role author")
    nobody = judge(deployment(approval("", "", role="", valid_signature=False))).findings[1]
    assert nobody.message.startswith("the approval by nobody known does not count")
    assert nobody.found == "key unknown, role unknown"


def test_a_void_approval_beside_a_good_one_is_only_noted() -> None:
    verdict = judge(deployment(approval("eve", "k-eve", valid_signature=False), approval()))
    assert verdict.outcome is Outcome.PASS
    assert [one.severity for one in verdict.findings] == [Severity.NOTE]


def test_two_people_are_two_approvals() -> None:
    assert judge(deployment(approval(), approval("cy", "k-cy"), needed=2)).outcome is Outcome.PASS


@pytest.mark.parametrize("twice", [("bo", "k-other"), ("Bo", "k-other"), ("bob", "k-bo"), ("bo", "k-bo")])
def test_one_person_cannot_approve_twice_by_another_key_or_name(twice: tuple[str, str]) -> None:
    verdict = judge(deployment(approval(), approval(*twice), needed=2))
    assert verdict.outcome is Outcome.NEEDS_PERSON
    assert verdict.findings[0].message == "1 approval of the review aaaaaaaaaaaa missing"
    assert str(verdict.findings[0].found).startswith("approved by ")


def test_names_and_keys_that_hang_together_are_one_person() -> None:
    chained = (approval("bo", "k1"), approval("cy", "k2"), approval("bo", "k2"))
    assert judge(deployment(*chained, needed=2)).outcome is Outcome.NEEDS_PERSON


def test_policy_may_ask_for_no_approval() -> None:
    assert judge(deployment(needed=0)).outcome is Outcome.NOT_APPLICABLE


@given(st.lists(st.tuples(st.sampled_from("bcdef"), st.sampled_from("12345")), max_size=8), st.randoms())
def test_people_are_the_groups_that_share_names_or_keys_in_any_order(pairs: list[tuple[str, str]], random: Any) -> None:
    shuffled = list(pairs)
    random.shuffle(shuffled)
    groups = [approvers(deployment(*(approval(*pair) for pair in order))) for order in (pairs, shuffled)]
    assert groups[0] == groups[1]
    assert len(groups[0]) <= min(len({name for name, _ in pairs}), len({key for _, key in pairs}))


# --- who has to approve


def test_approvals_of_people_outside_the_group_do_not_fill_it() -> None:
    policy = Policy(approvals=1, approvals_from=("privacy", "cy"))
    verdict = judge(replace(deployment(approval()), policy=policy))
    assert verdict.outcome is Outcome.NEEDS_PERSON
    assert verdict.findings[0].message.startswith("1 approval from privacy or cy of the review")
    assert judge(replace(deployment(approval(groups=("privacy",))), policy=policy)).outcome is Outcome.PASS
    assert judge(replace(deployment(approval("cy", "k-cy")), policy=policy)).outcome is Outcome.PASS


def test_what_is_irreversible_needs_a_second_approver_and_is_named() -> None:
    facts = deployment(approval(), labels=("irreversible",), irreversible=("mails are sent",))
    verdict = judge(facts)
    assert verdict.outcome is Outcome.NEEDS_PERSON
    assert [finding.code for finding in verdict.findings] == ["gate.missing_approval.irreversible"]
    assert "mails are sent" in verdict.findings[0].message
    assert judge(replace(facts, approvals=(approval(), approval("cy", "k-cy")))).outcome is Outcome.PASS


def test_a_label_asks_people_of_its_own_besides() -> None:
    extra = (Quorum(count=1, among=("privacy",), label="personal_data"),)
    policy = Policy(extra=extra)
    plain = replace(deployment(approval()), policy=policy)
    assert judge(plain).outcome is Outcome.PASS
    assert judge(replace(plain, labels=("personal_data",))).outcome is Outcome.NEEDS_PERSON
    privacy = replace(plain, labels=("personal_data",), approvals=(approval(groups=("privacy",)),))
    assert judge(privacy).outcome is Outcome.PASS


def test_an_approval_that_ended_does_not_count() -> None:
    verdict = judge(deployment(approval(fault="its key was revoked on 2026-01-01: lost")))
    assert verdict.outcome is Outcome.NEEDS_PERSON
    assert verdict.findings[1].message.endswith("does not count: its key was revoked on 2026-01-01: lost")
