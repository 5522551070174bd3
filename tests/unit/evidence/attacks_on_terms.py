"""Bundles in which a key, an approval or a waiver counts for nothing by then, or for less: each breaks one rule."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from bundle_cases import (
    DEPLOYED,
    EARLIER,
    FINDING,
    LATER,
    REVIEWED,
    Told,
    under,
)
from bundle_verdicts import Anchors, Attacks
from evidence_cases import APPROVER, AUTHOR, RUNNER, SECOND, TO_APPROVAL, SeedSigner

from penstock.evidence import Link, Role
from penstock.evidence.keys import Revocation

attack = Attacks()


@attack
def a_key_that_had_expired() -> dict[str, Any]:
    ended = replace(RUNNER.public, expires=EARLIER)
    return {"rule": "terms", "data": under(ci=ended).through(*REVIEWED).data()}


@attack
def a_key_that_was_revoked_in_the_base() -> dict[str, Any]:
    ended = replace(RUNNER.public, revoked=Revocation(at=EARLIER, reason="lost, with the laptop # it's gone"))
    return {"rule": "terms", "data": under(ci=ended).through(*REVIEWED).data()}


@attack
def a_key_that_the_verifier_knows_to_be_revoked() -> dict[str, Any]:
    ended = replace(RUNNER.public, revoked=Revocation(at=EARLIER, reason="lost"))
    anchors = Anchors(keys=(AUTHOR, APPROVER), ended=(ended,))
    return {"rule": "terms", "data": Told().through(*REVIEWED).data(), "anchors": anchors}


@attack
def an_author_s_new_key_that_the_verifier_knows_to_be_revoked() -> dict[str, Any]:
    ended = replace(AUTHOR.public, revoked=Revocation(at=EARLIER, reason="lost"))
    anchors = Anchors(keys=(RUNNER, APPROVER), ended=(ended,))
    return {"rule": "terms", "data": Told().through(*REVIEWED).data(), "anchors": anchors}


@attack
def an_approval_that_had_ended_before_the_deployment() -> dict[str, Any]:
    told = Told().through(*REVIEWED).add(Link.APPROVAL, facts={"until": LATER})
    return {"rule": "approvers", "data": told.add(Link.DEPLOYMENT, at=LATER).data()}


@attack
def an_approver_s_key_that_had_ended_before_the_deployment() -> dict[str, Any]:
    told = under(bo=replace(APPROVER.public, expires=LATER)).through(*TO_APPROVAL)
    return {"rule": "approvers", "data": told.add(Link.DEPLOYMENT, at=LATER).data()}


@attack
def an_approver_whom_policy_does_not_ask() -> dict[str, Any]:
    told = under(b"policy:\n  approvals:\n    count: 1\n    from: [finance, cy]\n")
    return {"rule": "approvers", "data": told.through(*DEPLOYED).data()}


@attack
def two_approvals_and_none_of_the_group_that_a_label_asks_for() -> dict[str, Any]:
    told = under(b"policy:\n  approvals: {personal_data: {from: [privacy]}}\n")
    told.through(*REVIEWED[:3]).add(Link.REVIEW, facts={"labels": ["personal_data"]})
    data = told.through(Link.APPROVAL).add(Link.APPROVAL, SECOND).add(Link.DEPLOYMENT).data()
    return {"rule": "approvers", "data": data}


@attack
def one_approval_of_what_cannot_be_undone() -> dict[str, Any]:
    told = Told().through(*REVIEWED[:3]).add(Link.REVIEW, facts={"labels": ["irreversible"]})
    return {"rule": "approvers", "data": told.through(Link.APPROVAL, Link.DEPLOYMENT).data()}


@attack
def a_waiver_that_had_ended() -> dict[str, Any]:
    told = Told().through(*REVIEWED[:3]).waive(until=EARLIER)
    return {"rule": "waivers", "data": told.leaning(Link.REVIEW).data()}


@attack
def a_waiver_that_had_ended_before_the_deployment() -> dict[str, Any]:
    told = Told().through(*REVIEWED[:3]).waive(until=LATER).leaning(Link.REVIEW).through(Link.APPROVAL)
    return {"rule": "waivers", "data": told.add(Link.DEPLOYMENT, at=LATER).data()}


@attack
def a_waiver_of_another_finding() -> dict[str, Any]:
    told = Told().through(*REVIEWED[:3]).waive(of={**FINDING, "message": "another fault is left"})
    return {"rule": "waivers", "data": told.leaning(Link.REVIEW).data()}


@attack
def a_waiver_of_another_gate() -> dict[str, Any]:
    return {"rule": "waivers", "data": Told().through(*REVIEWED[:3]).waive(gate="impact").leaning(Link.REVIEW).data()}


@attack
def a_waiver_that_nobody_signed() -> dict[str, Any]:
    return {"rule": "waivers", "data": Told().through(*REVIEWED[:3]).leaning(Link.REVIEW, "0" * 64).data()}


@attack
def a_waiver_by_the_author() -> dict[str, Any]:
    told = Told()
    for stage in REVIEWED[:3]:
        told.add(stage, author="Cy")
    return {"rule": "four_eyes", "data": told.waive(SECOND).leaning(Link.REVIEW, author="Cy").data()}


@attack
def a_waiver_with_an_author_s_key() -> dict[str, Any]:
    dan = SeedSigner("dan", Role.AUTHOR, 21)
    told = under(dan=dan.public).through(*REVIEWED[:3]).waive(dan)
    return {"rule": "role", "data": told.leaning(Link.REVIEW).data()}


@attack
def a_waiver_once_the_review_has_passed() -> dict[str, Any]:
    return {"rule": "order", "data": Told().through(*REVIEWED).waive().data()}


@attack
def an_agent_s_approval() -> dict[str, Any]:
    robot = SeedSigner("robot", Role.AGENT, 7)
    return {"rule": "role", "data": under(robot=robot.public).through(*REVIEWED).add(Link.APPROVAL, robot).data()}
