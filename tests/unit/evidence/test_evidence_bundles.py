"""A change's evidence in one file: what both verifiers accept, and what neither does."""

from __future__ import annotations

import ast
import io
import sys
import tokenize
from dataclasses import replace

import pytest
from bundle_attacks import attacks
from bundle_cases import BEFORE, LATER, OWN, ROOT, Repo, Told, under
from bundle_verdicts import (
    ALONE,
    Anchors,
    Attack,
    broken_for_penstock,
    broken_for_standalone,
    by_penstock,
    standalone,
)
from evidence_cases import APPROVER, AUTHOR, RUNNER, SECOND, STRANGER, TO_APPROVAL, WHOLE, SeedSigner
from hypothesis import given, settings
from hypothesis import strategies as st

from penstock.evidence import Link, Role, digest
from penstock.evidence.bundle import bundle_bytes, parse_bundle
from penstock.evidence.envelope import read_envelope, read_statement, seal
from penstock.evidence.keys import Revocation, to_text

STANDALONE = ROOT / "verify" / "penstock_verify.py"
MOST_LINES = 300
FLIPS = 80
WAYS = {
    "the whole way": WHOLE,
    "rolled back": (*WHOLE, Link.ROLLBACK),
    "reviewed twice": (*TO_APPROVAL, Link.IMPLEMENTATION, Link.REVIEW, Link.APPROVAL, Link.DEPLOYMENT),
    "worked on after a review": (*TO_APPROVAL[:4], Link.IMPLEMENTATION),
    "given up after the approval": (*TO_APPROVAL, Link.ROLLBACK),
}


def neither_accepts(data: bytes, anchors: Anchors = ALONE) -> bool:
    return bool(broken_for_penstock(data, anchors)) and bool(broken_for_standalone(data, anchors))


# --- honest bundles


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(("prefix", "digits"), [("", 40), ("shops/retail", 40), ("", 64)])
def test_both_accept_an_honest_bundle(way: str, prefix: str, digits: int) -> None:
    data = Told(prefix=prefix, digits=digits).through(*WAYS[way]).data()

    assert broken_for_penstock(data) == broken_for_standalone(data) == set()


@pytest.mark.parametrize("length", range(1, len(WHOLE)))
def test_a_change_under_way_can_be_exported(length: int) -> None:
    data = Told().through(*WHOLE[:length]).data()

    assert broken_for_penstock(data) == broken_for_standalone(data) == set()
    assert by_penstock(data).chain.furthest is WHOLE[length - 1]


@pytest.mark.parametrize(
    ("policy", "enough"),
    [
        (b"", 1),
        (b"policy:\n  approvals: 2\n", 2),
        (b"policy: {quality_score: 90, approvals: 2}\n", 2),
        (b"policy:\n  # two of us\n  approvals: 2   # always\nparallel: 2\n", 2),
        (b"policy:\n  approvals: 0\n", 0),
        (b"policy:\n  approvals: {count: 2, irreversible: 3}\n  gates: {weak_tests: warn}\n", 2),
        (b"policy:\n  approvals:\n    count: 2\n    from:\n    - bo\n    - 'cy'  # both\n", 2),
        (b'policy:\n  approvals:\n    personal_data:\n      count: 2\n      from: ["data"]\n', 1),
    ],
)
def test_both_read_the_same_number_of_approvals_from_the_base(policy: bytes, enough: int) -> None:
    settings = {"penstock.yaml": b"name: retail\n" + policy}
    told = Told(Told().before | settings, Told().after | settings)
    for count, signers in enumerate(((), (APPROVER,), (APPROVER, SECOND))):
        told.envelopes = []
        told.through(*TO_APPROVAL[:4])
        for signer in signers:
            told.add(Link.APPROVAL, signer)
        data = told.add(Link.DEPLOYMENT).data()
        expected = set() if count >= enough else {"approvers"} if count else {"order", "approvers"}
        assert broken_for_penstock(data) == broken_for_standalone(data) == expected


@pytest.mark.parametrize(
    "policy",
    [
        b"{name: retail, policy: {approvals: 2}}\n",
        b"name: retail\n'policy': {approvals: 2}\n",
        b"name: retail\npolicy: {approvals: &two 2}\n",
        b"name: retail\npolicy: {approvals: 2, approvals: 0}\n",
        b"name: retail\npolicy:\n  approvals: 010\n",
        b"name: retail\npolicy: {approvals: {count: 1, of: [bo]}}\n",
        b"name: retail\npolicy: {approvals: {from: [[bo]]}}\n",
    ],
)
def test_policy_that_the_standalone_verifier_cannot_read_is_refused_there(policy: bytes) -> None:
    settings = {"penstock.yaml": policy}
    told = Told(Told().before | settings, Told().after | settings).through(*TO_APPROVAL[:4])

    assert broken_for_standalone(told.data()) == {"keys"}


def test_people_of_a_group_and_for_a_label_are_counted_alike() -> None:
    fay, policy = SeedSigner("fay", Role.APPROVER, 8), b"policy: {approvals: {from: [finance], irreversible: 2}}\n"
    key = replace(fay.public, groups=("finance", "board"), expires="2027-01-01")
    for labels, signers, expected in (
        ((), (fay,), set()),
        ((), (APPROVER, SECOND), {"approvers"}),
        (("irreversible",), (fay,), {"approvers"}),
        (("irreversible",), (APPROVER, fay), set()),
    ):
        told = under(policy, fay=key).through(*TO_APPROVAL[:3]).add(Link.REVIEW, facts={"labels": list(labels)})
        for signer in signers:
            told.add(Link.APPROVAL, signer)
        data = told.add(Link.DEPLOYMENT).data()
        assert broken_for_penstock(data) == broken_for_standalone(data) == expected


def test_a_change_that_leans_on_a_waiver_is_accepted_by_both_and_so_is_one_that_only_has_one() -> None:
    told = Told().through(*TO_APPROVAL[:3]).waive().leaning(Link.REVIEW).through(Link.APPROVAL, Link.DEPLOYMENT)
    for data in (told.data(), Told().through(*TO_APPROVAL[:3]).waive().data(), Told().waive().data()):
        assert broken_for_penstock(data) == broken_for_standalone(data) == set()


def test_a_waiver_counts_on_its_own_base_and_for_the_round_that_stands_for_both() -> None:
    told = Told()
    other = told.repo.commit({**BEFORE, "notes.md": b"later\n"})
    told.through(*TO_APPROVAL[:3]).waive()
    given = read_statement(read_envelope(told.envelopes[-1], "waiver"), "waiver")
    told.envelopes[-1] = seal(replace(given, base_commit=other), SECOND)
    data = told.leaning(Link.REVIEW).data()
    assert broken_for_penstock(data) == broken_for_standalone(data) == {"waivers"}

    again = Told().through(Link.DISCOVERY).waive().leaning(Link.DESIGN)
    data = again.through(*TO_APPROVAL[1:]).add(Link.DEPLOYMENT, at=LATER).data()
    assert broken_for_penstock(data) == broken_for_standalone(data) == set()


def test_a_waiver_chooses_neither_keys_nor_policy() -> None:
    told = Told()
    lax = told.repo.commit({**BEFORE, "keys/eve.yaml": to_text(STRANGER.public).encode()})
    told.through(*TO_APPROVAL[:3]).add(Link.WAIVER, STRANGER, base_commit=lax, subjects=told.subjects(Link.DISCOVERY))

    assert broken_for_penstock(told.data()) == broken_for_standalone(told.data()) == {"signature"}


def test_what_was_done_before_a_key_was_revoked_stands() -> None:
    data = Told().through(*WHOLE).data()
    left = replace(APPROVER.public, revoked=Revocation(at="2026-12-01", reason="left"), groups=("board",))
    anchors = Anchors(keys=(AUTHOR, RUNNER), ended=(left,))

    assert broken_for_penstock(data, anchors) == broken_for_standalone(data, anchors) == set()


def test_what_was_revoked_since_is_judged_by_at_the_export_and_changes_no_byte_of_the_bundle() -> None:
    told = Told().through(*WHOLE)
    lost = replace(APPROVER.public, revoked=Revocation(at="2026-11-01", reason="lost"))
    left = replace(APPROVER.public, revoked=Revocation(at="2026-12-01", reason="left"))

    assert not told.gathered(ends=(lost,))[0].link("terms").ok
    report, bundle = told.gathered(ends=(left,))
    assert report.ok
    assert bundle_bytes(bundle) == told.data()


@pytest.mark.parametrize("odd", [{"findings": 5}, {"waived": 5}, {"waived": [5]}, {"waived": [{"finding": []}]}])
def test_verdicts_of_no_known_form_never_raise(odd: dict[str, object]) -> None:
    data = Told().add(Link.DISCOVERY, verdicts=({"gate": "impact", **odd}, 7)).data()

    assert broken_for_penstock(data) == broken_for_standalone(data)


def test_a_bundle_says_whose_keys_it_rests_on_and_that_nothing_else_vouches_for_them() -> None:
    told = Told().through(*WHOLE)
    report = by_penstock(told.data())

    assert {key.name for key in report.signers} == {"ana", "bo", "ci"}
    assert report.base == told.base
    assert not report.anchored
    assert by_penstock(told.data(), Anchors(base=told.base)).anchored


@pytest.mark.parametrize("known", ["keys", "ids", "both"])
def test_keys_that_the_verifier_trusts_anchor_a_bundle(known: str) -> None:
    signers = (AUTHOR, RUNNER, APPROVER)
    ids = tuple(each.key_id for each in signers)
    anchors = {
        "keys": Anchors(keys=signers),
        "ids": Anchors(trust=ids),
        "both": Anchors(keys=signers[:1], trust=ids[1:]),
    }[known]
    data = Told().through(*WHOLE).data()

    assert broken_for_penstock(data, anchors) == broken_for_standalone(data, anchors) == set()
    assert by_penstock(data, anchors).anchored
    without = replace(anchors, keys=anchors.keys[1:], trust=anchors.trust[:-1])
    assert broken_for_penstock(data, without) == broken_for_standalone(data, without) == {"anchor"}


def test_a_bundle_is_its_own_canonical_form() -> None:
    data = Told().through(*WHOLE).data()

    assert bundle_bytes(parse_bundle(data, "bundle")) == data


def test_a_bundle_holds_all_that_an_honest_verifier_reads() -> None:
    for prefix in ("", "shops/retail"):
        told = Told(prefix=prefix).through(*WHOLE)
        assert told.bundle() == told.everything()


def test_both_read_a_folder_of_keys_in_which_other_files_lie() -> None:
    notes = {"keys/README.md": b"Ask Bo before you add one.\n", "keys/old/gone.txt": b"none\n"}
    data = Told(BEFORE | notes, Told().after | notes).through(*WHOLE).data()

    assert broken_for_penstock(data) == broken_for_standalone(data) == set()


def test_a_bundle_holds_nothing_that_verification_does_not_read() -> None:
    bundle = Told(prefix="shops/retail").through(*WHOLE).bundle()

    assert set(bundle.files) == {
        *(f"{OWN}/{name}.md" for name in ("story", "plan", "dossier", "rollout")),
        "keys/ana.yaml",
        "pipelines/sales/__init__.py",
        "pipelines/sales/revenue.sql",
    }
    assert b"# Everything" not in b"".join(each.data for each in bundle.objects.values())


# --- dishonest bundles


@pytest.mark.parametrize("made", attacks(), ids=lambda made: made.name)
def test_neither_accepts_an_attack_and_both_name_the_rule(made: Attack) -> None:
    found = broken_for_penstock(made.data, made.anchors)

    assert found == broken_for_standalone(made.data, made.anchors)
    also = {"signature", "content"} if made.rule == "keys" else set()  # nobody's signature can be verified then
    assert made.rule in found <= {made.rule, *also}


@pytest.mark.parametrize("prefix", ["", "shops/retail"])
def test_no_flipped_byte_is_accepted(prefix: str) -> None:
    data = Told(prefix=prefix).through(*WHOLE).data()
    for spot in range(0, len(data), len(data) // FLIPS):
        flipped = data[:spot] + bytes([data[spot] ^ 1 << spot % 8]) + data[spot + 1 :]
        assert neither_accepts(flipped), spot


def test_no_bundle_cut_off_anywhere_is_accepted() -> None:
    data = Told().through(*WHOLE).data()
    lines = [spot for spot, byte in enumerate(data, 1) if byte == ord("\n")][:-1]
    for spot in (0, 1, *lines[:: len(lines) // 20], len(data) - 1):
        assert neither_accepts(data[:spot]), spot


def test_no_line_can_be_left_out_doubled_or_swapped() -> None:
    lines = Told().through(*WHOLE).data().splitlines(keepends=True)
    for spot in range(len(lines)):
        assert neither_accepts(b"".join([*lines[:spot], *lines[spot + 1 :]])) or spot == 7, spot
        assert neither_accepts(b"".join([*lines[: spot + 1], *lines[spot:]])), spot
        if spot:
            assert neither_accepts(b"".join([*lines[: spot - 1], lines[spot], lines[spot - 1], *lines[spot + 1 :]]))


def test_a_whole_bundle_of_another_change_is_not_this_change_s() -> None:
    report = by_penstock(Told().through(*WHOLE).data().replace(b'"change":"RETAIL-1"', b'"change":"RETAIL-2"', 1))

    assert not report.chain.link("change").ok


@settings(max_examples=40, deadline=None)
@given(st.binary(max_size=60), st.lists(st.sampled_from(Told().through(*WHOLE).data().splitlines()), max_size=3))
def test_rubbish_never_raises_and_is_never_accepted(rubbish: bytes, lines: list[bytes]) -> None:
    assert neither_accepts(rubbish)
    assert neither_accepts(b"\n".join([*lines, rubbish]))


@pytest.mark.parametrize(
    "hostile",
    [
        b"[" * 100_000 + b"\n",
        b'{"a":' * 100_000 + b"\n",
        b'{"change":1e999}\n',
        b'{"change":"\\ud800"}\n',
        b'{"change":' + b"9" * 5_000 + b"}\n",
        b"\xff\n",
        b"null\n",
        b"[]\n" * 3,
    ],
    ids=lambda hostile: repr(hostile[:12]),
)
def test_hostile_lines_are_refused_in_words(hostile: bytes) -> None:
    assert broken_for_penstock(hostile) == broken_for_standalone(hostile) == {"form"}


def test_trees_that_name_one_another_a_million_times_end_in_a_refusal() -> None:
    told = Told()
    told.base, told.commit = (with_bomb(told.repo, commit) for commit in (told.base, told.commit))
    data = told.through(*TO_APPROVAL[:4]).data()

    assert "tree" in broken_for_penstock(data) & broken_for_standalone(data)


def with_bomb(repo: Repo, commit: str) -> str:
    """The commit with a folder beside its files that has 2**40 paths."""
    tree = repo.put("tree", b"100644 f\0" + bytes.fromhex(repo.put("blob", commit.encode())))
    for _ in range(40):
        tree = repo.put("tree", b"".join(b"40000 %s\0" % way + bytes.fromhex(tree) for way in (b"a", b"b")))
    top = repo.objects[commit].data.partition(b"\n")[0].removeprefix(b"tree ").decode()
    bomb = repo.put("tree", repo.objects[top].data + b"40000 zz\0" + bytes.fromhex(tree))
    return repo.put("commit", f"tree {bomb}\n\n".encode())


# --- the standalone verifier


def test_the_standalone_verifier_needs_the_standard_library_and_cryptography_alone() -> None:
    names = set()
    for node in ast.walk(ast.parse(STANDALONE.read_text())):
        if isinstance(node, ast.Import):
            names |= {each.name.partition(".")[0] for each in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add((node.module or "").partition(".")[0])

    assert names - sys.stdlib_module_names == {"cryptography"}


def test_the_standalone_verifier_is_short_enough_to_be_read() -> None:
    text = STANDALONE.read_text()
    apart = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER}
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    lines = {line for each in tokens if each.type not in apart for line in range(each.start[0], each.end[0] + 1)}

    assert 200 < len(lines - _docstrings(text)) < MOST_LINES


def test_the_standalone_verifier_knows_every_rule_of_ours() -> None:
    report = by_penstock(Told().through(*WHOLE).data())
    ours = [link.name for link in report.chain.links]
    found, _ = standalone.verify(b"", None)

    assert list(found) == ours


def test_the_digest_that_a_ledger_keeps_is_the_last_envelope_s() -> None:
    told = Told().through(*WHOLE)

    assert by_penstock(told.data()).chain.head == digest(told.envelopes[-1])


def _docstrings(text: str) -> set[int]:
    lines: set[int] = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node):
            lines |= set(range(node.body[0].lineno, (node.body[0].end_lineno or 0) + 1))
    return lines
