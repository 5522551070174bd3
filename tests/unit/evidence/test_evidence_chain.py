"""Attacks on a chain of evidence, each by name, and the honest ways a change may go."""

from __future__ import annotations

import json
from base64 import b64encode

import pytest
from evidence_cases import (
    APPROVER,
    AUTHOR,
    FILES,
    KEYS,
    SECOND,
    STRANGER,
    TO_APPROVAL,
    WHOLE,
    Story,
    broken,
    codes,
    whole,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from penstock.evidence import (
    ChainRules,
    Link,
    Subject,
    canonical_bytes,
    digest,
    review_seen,
    verify_chain,
)
from penstock.evidence.chain import RULES
from penstock.evidence.envelope import pae

# --- honest changes


def test_a_whole_chain_holds_in_every_rule() -> None:
    report = whole().verify(reach=Link.OBSERVATION)

    assert report.findings == ()
    assert report.ok
    assert report.furthest is Link.OBSERVATION
    assert report.approvers == ("bo",)
    assert report.head == digest(whole().envelopes[-1][1])
    assert [link.name for link in report.links] == ["canonical", "signature", "statement", *RULES]


@pytest.mark.parametrize("length", range(1, len(WHOLE) + 1))
def test_a_change_may_stand_at_any_stage(length: int) -> None:
    report = Story().through(*WHOLE[:length]).verify()

    assert broken(report) == set()
    assert report.furthest is WHOLE[length - 1]


def test_a_stage_may_have_several_statements() -> None:
    story = Story().through(*[stage for stage in WHOLE if stage is not Link.APPROVAL for _ in range(2)][:8])
    story.add(Link.APPROVAL).add(Link.APPROVAL, SECOND)
    story.through(Link.DEPLOYMENT, Link.DEPLOYMENT, Link.OBSERVATION, Link.OBSERVATION, Link.ROLLBACK)

    assert broken(story.verify(approvals=2)) == set()


def test_a_rolled_back_change_may_be_reworked_reviewed_and_deployed_again() -> None:
    story = Story().through(*TO_APPROVAL, Link.DEPLOYMENT, Link.ROLLBACK)
    story.files |= {"plan.md": b"2. build better\n", "dossier.md": b"Now it is.\n", "rollout.md": b"done again\n"}
    story.through(Link.DESIGN, Link.IMPLEMENTATION, Link.REVIEW)
    assert story.verify().approvers == ()
    story.through(Link.APPROVAL, Link.DEPLOYMENT)

    assert broken(story.verify()) == set()


def test_policy_may_ask_for_no_approval() -> None:
    story = Story().through(*TO_APPROVAL[:4], Link.DEPLOYMENT)

    assert broken(story.verify(approvals=0)) == set()
    assert broken(story.verify(approvals=1)) == {"order", "approvers"}


def test_a_report_is_plain_json() -> None:
    value = Story().verify().to_json()

    assert json.loads(json.dumps(value)) == value
    assert value["ok"] is False
    assert value["links"][3]["findings"][0]["code"] == "evidence.none"


# --- envelopes edited


def test_no_flipped_byte_in_any_envelope_is_accepted() -> None:
    story = whole()
    for index, (name, data) in enumerate(story.envelopes):
        for spot in range(index % 9, len(data), 53):
            story.envelopes[index] = (name, data[:spot] + bytes([data[spot] ^ 1]) + data[spot + 1 :])
            assert broken(story.verify()) & {"canonical", "signature"}, (name, spot)
        story.envelopes[index] = (name, data)
    assert story.verify().ok


def test_a_reformatted_envelope_breaks_canonical() -> None:
    story = whole()
    name, data = story.envelopes[-1]
    story.envelopes[-1] = (name, json.dumps(json.loads(data), indent=2).encode())

    assert broken(story.verify()) == {"canonical"}


def test_an_envelope_signed_by_an_unregistered_key_breaks_signature() -> None:
    story = Story().through(*TO_APPROVAL[:4]).add(Link.APPROVAL, STRANGER)

    assert broken(story.verify()) == {"signature"}
    assert codes(story.verify(), "signature") == {"evidence.unknown_key"}
    assert story.verify().approvers == ()


def test_a_signature_claimed_for_another_signer_breaks_signature() -> None:
    story = Story().through(*TO_APPROVAL[:4]).add(Link.APPROVAL, STRANGER)
    name, data = story.envelopes[-1]
    story.envelopes[-1] = (name, data.replace(STRANGER.key_id.encode(), APPROVER.key_id.encode()))

    assert codes(story.verify(), "signature") == {"evidence.bad_signature"}


def test_a_truly_signed_envelope_of_something_else_breaks_statement() -> None:
    story = Story().through(Link.DISCOVERY)
    value = json.loads(story.envelopes[0][1])
    payload = b'{"_type":"other"}'
    value["payload"] = b64encode(payload).decode()
    value["signatures"] = [{"keyid": AUTHOR.key_id, "sig": b64encode(AUTHOR.sign(pae(payload))).decode()}]
    story.envelopes[0] = ("evidence/00.json", canonical_bytes(value))

    assert broken(story.verify()) == {"statement"}


@settings(max_examples=50)
@given(st.lists(st.tuples(st.text(max_size=5), st.binary(max_size=40)), max_size=4))
def test_rubbish_never_raises_and_never_passes(envelopes: list[tuple[str, bytes]]) -> None:
    assert not verify_chain(envelopes, KEYS, FILES.get, ChainRules(change="RETAIL-1")).ok


# --- envelopes moved


@pytest.mark.parametrize("one", range(len(WHOLE)))
def test_two_swapped_files_break_previous(one: int) -> None:
    story = whole().swap(one, (one + 1) % len(WHOLE))

    assert "previous" in broken(story.verify())


@pytest.mark.parametrize("index", range(len(WHOLE) - 1))
def test_a_removed_file_breaks_previous(index: int) -> None:
    story = whole()
    del story.envelopes[index]

    assert "previous" in broken(story.verify())


@pytest.mark.parametrize("index", range(len(WHOLE)))
def test_a_duplicated_file_breaks_previous(index: int) -> None:
    story = whole()
    story.envelopes.insert(index, story.envelopes[index])

    assert "previous" in broken(story.verify())


def test_a_rewritten_earlier_statement_breaks_previous_after_it() -> None:
    story = whole()
    story.envelopes[1] = (
        story.envelopes[1][0],
        Story().through(Link.DISCOVERY).add(Link.DESIGN, facts={"rows": 1}).envelopes[1][1],
    )

    assert broken(story.verify()) == {"previous"}
    assert story.verify().findings[0].place.file == story.envelopes[2][0]


def test_a_first_statement_that_follows_something_breaks_previous() -> None:
    assert broken(Story().add(Link.DISCOVERY, previous="0" * 64).verify()) == {"previous"}


def test_a_cut_off_end_is_seen_when_the_head_or_the_stage_is_known() -> None:
    story = whole()
    head = digest(story.envelopes[-1][1])
    assert story.verify(head=head, reach=Link.OBSERVATION).ok
    del story.envelopes[-1]

    assert codes(story.verify(head=head), "complete") == {"evidence.cut_off"}
    assert codes(story.verify(reach=Link.OBSERVATION), "complete") == {"evidence.not_reached"}
    assert story.verify().furthest is Link.DEPLOYMENT


def test_a_stage_reached_before_rework_does_not_count_as_reached() -> None:
    story = Story().through(*TO_APPROVAL, Link.IMPLEMENTATION)

    assert broken(story.verify(reach=Link.REVIEW)) == {"complete"}


def test_no_evidence_at_all_is_not_a_pass() -> None:
    report = Story().verify()

    assert codes(report, "complete") == {"evidence.none"}
    assert (report.furthest, report.head) == (None, None)


@pytest.mark.parametrize("left_out", WHOLE[:-1])
def test_a_stage_left_out_breaks_order(left_out: Link) -> None:
    story = Story()
    for stage in WHOLE:
        if (stage, left_out) == (Link.APPROVAL, Link.REVIEW):
            story.add(stage, subjects=(review_seen(b""),))
        elif stage is not left_out:
            story.add(stage)

    assert "order" in broken(story.verify())


@pytest.mark.parametrize(
    ("stages", "wrong"),
    [
        ((*TO_APPROVAL, Link.OBSERVATION), Link.OBSERVATION),
        ((*TO_APPROVAL[:3], Link.ROLLBACK), Link.ROLLBACK),
        ((*TO_APPROVAL[:4], Link.ROLLBACK), Link.ROLLBACK),
        ((*TO_APPROVAL, Link.ROLLBACK, Link.DEPLOYMENT), Link.DEPLOYMENT),
        ((*TO_APPROVAL, Link.IMPLEMENTATION, Link.DEPLOYMENT), Link.DEPLOYMENT),
        ((*TO_APPROVAL, Link.REVIEW, Link.DEPLOYMENT), Link.DEPLOYMENT),
        ((*WHOLE, Link.DEPLOYMENT), Link.DEPLOYMENT),
        ((*WHOLE, Link.ROLLBACK, Link.DEPLOYMENT), Link.DEPLOYMENT),
        ((*WHOLE, Link.DESIGN), Link.DESIGN),
    ],
)
def test_a_forbidden_step_breaks_order(stages: tuple[Link, ...], wrong: Link) -> None:
    report = Story().through(*stages).verify()

    assert [finding.found for finding in report.link("order").findings] == [wrong]


def test_an_approved_change_may_go_back_before_it_is_deployed() -> None:
    assert Story().through(*TO_APPROVAL, Link.ROLLBACK).verify().link("order").ok


def test_evidence_replayed_from_another_change_breaks_change() -> None:
    mixed = Story().through(*TO_APPROVAL[:4])
    mixed.add(Link.APPROVAL, change="RETAIL-2")
    assert broken(mixed.verify()) == {"change"}
    assert codes(mixed.verify(), "change") == {"evidence.other_change"}


def test_a_whole_chain_of_another_change_breaks_change() -> None:
    assert broken(whole().verify(change="RETAIL-2")) == {"change"}


def test_evidence_of_another_project_breaks_change() -> None:
    story = Story().through(*TO_APPROVAL[:4]).add(Link.APPROVAL, project="wholesale")

    assert codes(story.verify(), "change") == {"evidence.other_project"}


# --- subjects


@pytest.mark.parametrize("file", FILES)
def test_an_edited_subject_file_breaks_subjects_and_is_named(file: str) -> None:
    story = whole()
    story.files[file] += b" "

    (finding,) = story.verify().findings
    assert (finding.code, finding.place.file) == ("evidence.subject_changed", file)
    assert (finding.expected, finding.found) == (digest(FILES[file]), digest(FILES[file] + b" "))


@pytest.mark.parametrize("file", FILES)
def test_a_missing_subject_file_breaks_subjects_and_is_named(file: str) -> None:
    story = whole()
    del story.files[file]

    assert broken(story.verify()) == {"subjects"}
    assert [(each.code, each.place.file) for each in story.verify().findings] == [("evidence.subject_missing", file)]


def test_a_later_stage_cannot_vouch_anew_for_what_was_reviewed() -> None:
    story = Story().through(*TO_APPROVAL)
    story.files["plan.md"] = b"1. drop everything\n"
    story.add(Link.DEPLOYMENT, subjects=(Subject(name="plan.md", sha256=digest(story.files["plan.md"])),))

    assert broken(story.verify()) == {"subjects"}


def test_a_file_that_rework_removed_is_not_missed() -> None:
    story = Story().through(*TO_APPROVAL[:2])
    gone = Subject(name="pipelines/old.sql", sha256="3" * 64)
    story.add(Link.IMPLEMENTATION, subjects=(gone,))
    assert broken(story.verify()) == {"subjects"}
    assert broken(story.through(Link.IMPLEMENTATION).verify()) == {"subjects"}

    story.through(Link.REVIEW, Link.IMPLEMENTATION)

    assert broken(story.verify()) == set()


def test_a_subject_that_is_no_file_is_not_looked_for() -> None:
    story = Story().add(Link.DISCOVERY, subjects=(Subject(name="version:sales.daily", sha256="3" * 64),))

    assert broken(story.verify()) == set()


def test_a_subject_of_an_unverified_statement_is_not_even_read() -> None:
    story = Story().add(Link.DISCOVERY, STRANGER)
    asked: list[str] = []

    def read(file: str) -> bytes:
        asked.append(file)
        return FILES[file]

    verify_chain(story.envelopes, KEYS, read, ChainRules(change="RETAIL-1"))
    assert asked == []
    verify_chain(whole().envelopes, KEYS, read, ChainRules(change="RETAIL-1"))
    assert asked == sorted(FILES)
