"""Statements: in-toto v1 JSON and values, one to one."""

from __future__ import annotations

import copy
import re
from typing import Any

import pytest
from evidence_cases import COMMIT, OUTPUT, statement
from hypothesis import given
from hypothesis import strategies as st

from penstock.evidence.canonical import canonical_bytes, parse_canonical
from penstock.evidence.statements import Link, Subject, from_json, review_seen, to_json
from penstock.model.errors import InputError

FULL = statement(Link.REVIEW, subjects=(Subject(name="a/dossier.md", sha256="0" * 64),), previous="1" * 64)


def edited(path: str, value: object) -> dict[str, Any]:
    """The JSON of FULL with another value at a dotted path; `...` removes the key."""
    top = copy.deepcopy(to_json(FULL))
    *steps, last = [int(step) if step.isdigit() else step for step in path.split(".")]
    at: Any = top
    for step in steps:
        at = at[step]
    if value is ...:
        del at[last]
    else:
        at[last] = value
    return top


def test_a_statement_is_in_toto_v1() -> None:
    value = to_json(FULL)

    assert value["_type"] == "https://in-toto.io/Statement/v1"
    assert value["predicateType"] == "urn:penstock:evidence:v1"
    assert value["subject"] == [
        {"name": "git:commit", "digest": {"gitCommit": COMMIT}},
        {"name": "a/dossier.md", "digest": {"sha256": "0" * 64}},
    ]


@given(
    st.sampled_from(Link),
    st.booleans(),
    st.lists(st.text("abc.", min_size=1).filter(lambda name: name not in {".", ".."}), unique=True, max_size=4),
    st.dictionaries(st.text("xyz"), st.integers(0, 9) | st.text("é\n")),
)
def test_a_statement_comes_back_from_its_json(
    stage: Link, has_commit: bool, names: list[str], facts: dict[str, object]
) -> None:
    subjects = tuple(Subject(name=name, sha256="5" * 64) for name in ["story.md", *names])
    given_statement = statement(stage, subjects=subjects, commit=COMMIT if has_commit else None, facts=facts)
    data = canonical_bytes(to_json(given_statement))

    assert from_json(parse_canonical(data, "f"), "f") == given_statement


def test_review_seen_is_the_digest_of_the_envelope_and_no_file() -> None:
    assert review_seen(b"abc").sha256.startswith("ba7816bf")
    assert review_seen(b"abc").file is None


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("_type", "https://in-toto.io/Statement/v0.1"),
        ("predicateType", "urn:penstock:evidence:v2"),
        ("extra", 1),
        ("subject", []),
        ("subject", {}),
        ("subject.0.digest.gitCommit", "HEAD"),
        ("subject.0.digest.sha256", "0" * 64),
        ("subject.1.name", "git:commit"),
        ("subject.1.name", "/etc/passwd"),
        ("subject.1.name", "../key"),
        ("subject.1.name", "a/../../key"),
        ("subject.1.name", "a/.."),
        ("subject.1.name", "./a"),
        ("subject.1.name", "a//b"),
        ("subject.1.name", "a\\b"),
        ("subject.1.name", "a\n"),
        ("subject.1.name", ""),
        ("subject.1.name", "C:secret"),
        ("subject.1.name", "unknown:scheme"),
        ("subject.1.digest", {}),
        ("subject.1.digest", {"md5": "0"}),
        ("subject.1.digest.sha256", "A" * 64),
        ("subject.1.digest.sha256", "0" * 63),
        ("subject.1.extra", 1),
        ("predicate", ...),
        ("predicate", []),
        ("predicate.extra", None),
        ("predicate.change", ""),
        ("predicate.change", 7),
        ("predicate.stage", "merge"),
        ("predicate.at", "yesterday"),
        ("predicate.at", "0001-01-01T00:00:00+23:00"),
        ("predicate.author", " "),
        ("predicate.project", None),
        ("predicate.base_commit", "main"),
        ("predicate.previous", "x"),
        ("predicate.previous", ...),
        ("predicate.facts", []),
        ("predicate.verdicts", {}),
        ("predicate.commands.0.argv", "pytest"),
        ("predicate.commands.0.argv.1", 1),
        ("predicate.commands.0.exit_code", False),
        ("predicate.commands.0.duration_ms", -1),
        ("predicate.commands.0.chunk", "0" * 12),
        ("predicate.commands.0.chunk", OUTPUT),
        ("predicate.commands.0.output_sha256", "0"),
        ("predicate.commands.0.shell", True),
    ],
)
def test_what_to_json_would_not_have_written_is_refused(path: str, value: object) -> None:
    with pytest.raises(InputError) as caught:
        from_json(edited(path, value), "evidence/04.json")

    where = re.sub(r"\.(\d+)", r"[\1]", f"$.{path}")
    assert {finding.code for finding in caught.value.findings} == {"evidence.shape"}
    assert all(finding.expected for finding in caught.value.findings)
    assert any(str(finding.place.field).startswith(where) for finding in caught.value.findings)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("subject.0", ...),
        ("subject.0.digest.gitCommit", "d" * 40),
        ("subject.0.name", "git:tree"),
        ("predicate.commit", None),
        ("predicate.commit", "d" * 40),
    ],
)
def test_the_subjects_and_the_predicate_name_one_commit(path: str, value: object) -> None:
    with pytest.raises(InputError) as caught:
        from_json(edited(path, value), "f")

    assert [finding.place.field for finding in caught.value.findings] == ["$.subject"]


def test_the_unedited_statement_is_read() -> None:
    assert from_json(to_json(FULL), "f") == FULL


def test_all_mistakes_are_named_at_once() -> None:
    value = edited("predicate.change", 7)
    value["predicate"]["stage"] = "merge"
    value["subject"][1]["digest"] = {}

    with pytest.raises(InputError) as caught:
        from_json(value, "f")

    assert {finding.place.field for finding in caught.value.findings} == {
        "$.predicate.change",
        "$.predicate.stage",
        "$.subject[1].digest.sha256",
    }


@pytest.mark.parametrize("value", [None, [], "x", 1])
def test_a_payload_that_is_no_object_is_refused(value: object) -> None:
    with pytest.raises(InputError, match=r"\$ of f is (NoneType|list|str|int)"):
        from_json(value, "f")
