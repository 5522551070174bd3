"""Bundles of true statements that do not make a chain, or a chain about other files: each breaks one rule."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from bundle_cases import (
    AFTER,
    BEFORE,
    OWN,
    QUERY,
    REVIEWED,
    Told,
)
from bundle_verdicts import Anchors, Attacks
from evidence_cases import APPROVER, AUTHOR, RUNNER, SECOND, STRANGER, TO_APPROVAL, WHOLE, SeedSigner

from penstock.evidence import Link, Role, Subject, digest
from penstock.evidence.bundle import bundle_bytes
from penstock.evidence.keys import to_text

attack = Attacks()


@attack
def last_statements_left_out() -> dict[str, Any]:
    data = Told().through(*TO_APPROVAL, Link.DEPLOYMENT).data()
    return {"rule": "complete", "data": data, "anchors": Anchors(reach=Link.OBSERVATION)}


@attack
def no_statement_at_all() -> dict[str, Any]:
    return {"rule": "complete", "data": Told().data()}


@attack
def an_approval_of_another_change() -> dict[str, Any]:
    return {"rule": "change", "data": Told().through(*REVIEWED).add(Link.APPROVAL, change="RETAIL-2").data()}


@attack
def an_approval_of_another_project() -> dict[str, Any]:
    return {"rule": "change", "data": Told().through(*REVIEWED).add(Link.APPROVAL, project="wholesale").data()}


@attack
def an_earlier_statement_written_anew() -> dict[str, Any]:
    told = Told().through(*REVIEWED)
    told.envelopes[1] = Told().through(Link.DISCOVERY).add(Link.DESIGN, facts={"rows": 1}).envelopes[1]
    return {"rule": "previous", "data": told.data()}


@attack
def a_beginning_that_follows_something() -> dict[str, Any]:
    return {"rule": "previous", "data": Told().add(Link.DISCOVERY, previous="0" * 64).data()}


@attack
def an_envelope_twice() -> dict[str, Any]:
    told = Told().through(*REVIEWED)
    told.envelopes.insert(1, told.envelopes[0])
    return {"rule": "previous", "data": told.data()}


@attack
def work_after_the_deployment() -> dict[str, Any]:
    return {"rule": "order", "data": Told().through(*WHOLE, Link.DESIGN).data()}


@attack
def a_deployment_without_a_review() -> dict[str, Any]:
    settings = {"penstock.yaml": b"name: retail\npolicy: {approvals: 0}\n"}
    told = Told(BEFORE | settings, AFTER | settings)
    return {"rule": "order", "data": told.through(*TO_APPROVAL[:3], Link.DEPLOYMENT).data()}


@attack
def a_stage_signed_by_an_approver() -> dict[str, Any]:
    return {"rule": "role", "data": Told().through(Link.DISCOVERY).add(Link.DESIGN, SECOND).data()}


@attack
def an_approval_with_an_author_s_key() -> dict[str, Any]:
    dan = SeedSigner("dan", Role.AUTHOR, 21)
    key = {"keys/dan.yaml": to_text(dan.public).encode()}
    return {"rule": "role", "data": Told(BEFORE | key, AFTER | key).through(*REVIEWED).add(Link.APPROVAL, dan).data()}


@attack
def an_author_approves_their_own_change() -> dict[str, Any]:
    told = Told()
    for stage in TO_APPROVAL:
        told.add(stage, author="Bo")
    return {"rule": "four_eyes", "data": told.data()}


@attack
def an_approval_of_more_than_the_review() -> dict[str, Any]:
    told = Told().through(*REVIEWED)
    more = (*told.subjects(Link.APPROVAL), Subject(name="plan:next", sha256="7" * 64))
    return {"rule": "approval", "data": told.add(Link.APPROVAL, subjects=more).data()}


@attack
def an_approval_of_an_older_review() -> dict[str, Any]:
    told = Told().through(*REVIEWED)
    old = told.subjects(Link.APPROVAL)
    told.through(Link.IMPLEMENTATION, Link.REVIEW)
    return {"rule": "approval", "data": told.add(Link.APPROVAL, subjects=old).data()}


@attack
def fewer_approvals_than_policy_asks() -> dict[str, Any]:
    settings = {"penstock.yaml": b"name: retail\npolicy:\n  approvals: 2\n"}
    told = Told(BEFORE | settings, AFTER | settings)
    return {"rule": "approvers", "data": told.through(*TO_APPROVAL).add(Link.APPROVAL).add(Link.DEPLOYMENT).data()}


@attack
def another_commit_deployed() -> dict[str, Any]:
    told = Told().through(*TO_APPROVAL).add(Link.DEPLOYMENT, commit="d" * 40).add(Link.OBSERVATION)
    return {"rule": "commit", "data": told.data()}


@attack
def a_page_that_was_edited() -> dict[str, Any]:
    told = Told().through(*WHOLE)
    told.pages[f"{OWN}/dossier.md"] += b"Nothing moves.\n"
    return {"rule": "subjects", "data": told.data()}


@attack
def a_page_that_was_taken_out() -> dict[str, Any]:
    told = Told().through(*WHOLE)
    del told.pages[f"{OWN}/plan.md"]
    return {"rule": "subjects", "data": told.data()}


@attack
def another_policy_than_the_base_s() -> dict[str, Any]:
    told = Told().through(*TO_APPROVAL[:3])
    named = [each for each in told.subjects(Link.REVIEW) if each.name != "policy:base"]
    lax = Subject(name="policy:base", sha256=digest(b"name: retail\n"))
    return {"rule": "base", "data": told.add(Link.REVIEW, subjects=(*named, lax)).data()}


@attack
def a_review_on_another_base() -> dict[str, Any]:
    told = Told()
    other = told.repo.commit({**BEFORE, "README.md": b"# Something else\n"})
    told.add(Link.DISCOVERY).add(Link.DESIGN, base_commit=other).through(Link.IMPLEMENTATION, Link.REVIEW)
    return {"rule": "base", "data": told.data()}


@attack
def a_commit_that_holds_other_bytes() -> dict[str, Any]:
    told = Told().through(*TO_APPROVAL[:3])
    named = [each for each in told.subjects(Link.REVIEW) if each.name != QUERY]
    told.after[QUERY] = b"SELECT 0 AS revenue\n"  # the bytes the bundle brings; the commit was made before
    told.add(Link.REVIEW, subjects=(*named, *told.named(QUERY, told.after[QUERY])))
    return {"rule": "tree", "data": told.data()}


@attack
def a_file_in_the_commit_that_the_review_does_not_name() -> dict[str, Any]:
    told = Told().through(*TO_APPROVAL[:3])
    named = tuple(each for each in told.subjects(Link.REVIEW) if each.name != QUERY)
    return {"rule": "tree", "data": told.add(Link.REVIEW, subjects=named).data()}


@attack
def a_file_said_to_be_gone_that_is_there() -> dict[str, Any]:
    told = Told().through(*TO_APPROVAL[:3])
    named = [each for each in told.subjects(Link.REVIEW) if each.name != QUERY]
    gone = Subject(name=f"git:removed/{QUERY}", sha256=digest(b""))
    return {"rule": "tree", "data": told.add(Link.REVIEW, subjects=(*named, gone)).data()}


@attack
def a_file_outside_the_project() -> dict[str, Any]:
    told = Told(prefix="shops/retail")
    inside = {f"shops/retail/{path}": data for path, data in AFTER.items()}
    told.commit = told.repo.commit({**inside, "shops/other/penstock.yaml": b"name: other\n"})
    return {"rule": "tree", "data": told.through(*REVIEWED).data()}


@attack
def a_file_that_nothing_speaks_of() -> dict[str, Any]:
    bundle = Told().through(*WHOLE).bundle()
    return {"rule": "content", "data": bundle_bytes(replace(bundle, files={**bundle.files, "note.md": b"trust me"}))}


@attack
def an_object_that_nothing_leads_to() -> dict[str, Any]:
    told = Told().through(*WHOLE)
    bundle, name = told.bundle(), told.repo.put("blob", b"SELECT 2\n")
    objects = {**bundle.objects, name: told.repo.objects[name]}
    return {"rule": "content", "data": bundle_bytes(replace(bundle, objects=objects))}


@attack
def a_project_of_strangers() -> dict[str, Any]:
    keys = {f"keys/{STRANGER.name}.yaml": to_text(STRANGER.public).encode()}
    told = Told(BEFORE | keys, AFTER | keys).through(*REVIEWED).add(Link.APPROVAL, STRANGER)
    return {"rule": "anchor", "data": told.data(), "anchors": Anchors(keys=(AUTHOR, RUNNER, APPROVER))}


@attack
def a_trusted_key_in_another_role() -> dict[str, Any]:
    widened = SeedSigner("ana", Role.RUNNER, AUTHOR.seed)
    told = Told(after={**AFTER, "keys/ana.yaml": to_text(widened.public).encode()}).through(*WHOLE)
    return {"rule": "anchor", "data": told.data(), "anchors": Anchors(keys=(AUTHOR, RUNNER, APPROVER))}


@attack
def another_base_than_the_verifier_knows() -> dict[str, Any]:
    return {"rule": "anchor", "data": Told().through(*WHOLE).data(), "anchors": Anchors(base="e" * 40)}
