from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from penstock.documents import Fields, read_yaml

if TYPE_CHECKING:
    from collections.abc import Callable


def fields(text: str) -> Fields:
    return Fields(read_yaml(text, "a.yaml"))


def noted(of: Fields) -> list[tuple[str, int | None]]:
    return [(finding.code, finding.place.line) for finding in of.findings]


def test_values_come_out_as_what_was_asked_for() -> None:
    of = fields("word: tea\nday: 2024-03-01\ncount: 3\nshare: 0.5\non: true\nkind: b\nmany: [x, 2]\none: x\nm: {a: b}")
    assert of.text("word") == "tea"
    assert of.text("day") == "2024-03-01"
    assert of.text("count") == "3"
    assert of.integer("count", low=1) == 3
    assert of.number("share") == 0.5
    assert of.flag("on") is True
    assert of.choice("kind", ("a", "b")) == "b"
    assert of.texts("many") == ("x", "2")
    assert of.texts("one") == ("x",)
    assert of.word_map("m") == {"a": "b"}
    assert of.findings == []


@pytest.mark.parametrize(
    ("text", "ask", "code"),
    [
        ("a: [x]", lambda of: of.text("a"), "document.kind"),
        ("a: true", lambda of: of.text("a"), "document.kind"),
        ("a: 1.5", lambda of: of.integer("a"), "document.kind"),
        ("a: true", lambda of: of.integer("a"), "document.kind"),
        ("a: 0", lambda of: of.integer("a", low=1), "document.range"),
        ("a: x", lambda of: of.number("a"), "document.kind"),
        ("a: -1", lambda of: of.number("a", low=0), "document.range"),
        ("a: .nan", lambda of: of.number("a", low=0), "document.range"),
        ("a: -.inf", lambda of: of.number("a"), "document.range"),
        ("a: 'true'", lambda of: of.flag("a"), "document.kind"),
        ("a: c", lambda of: of.choice("a", ("a", "b")), "document.choice"),
        ("a: {b: c}", lambda of: of.texts("a"), "document.kind"),
        ("a: [[x]]", lambda of: of.texts("a"), "document.kind"),
        ("a: x", lambda of: of.child("a"), "document.kind"),
        ("a: {b: x}", lambda of: list(of.children("a")), "document.kind"),
        ("a: {b: c}", lambda of: list(of.items("a")), "document.kind"),
        ("a: [x]", lambda of: list(of.items("a")), "document.kind"),
        ("b: 1", lambda of: of.text("a", required=True), "document.missing_key"),
        ("a: ~", lambda of: of.text("a", required=True), "document.missing_key"),
        ("a: ' '", lambda of: of.text("a", required=True), "document.empty"),
        ("a: 1", lambda of: of.unknown(), "document.unknown_key"),
    ],
)
def test_another_kind_of_value_is_a_finding_and_no_value(text: str, ask: Callable[[Fields], Any], code: str) -> None:
    of = fields(text)
    assert ask(of) in (None, (), [])
    assert noted(of) == [(code, 1)]
    assert of.findings[0].expected
    assert of.findings[0].remedy


def test_every_mistake_of_a_document_is_gathered() -> None:
    of = fields("a: x\nb: {c: [1]}\nd: 1\n")
    of.integer("a")
    child = of.child("b")
    assert child is not None
    child.text("c")
    child.text("missing", required=True)
    of.unknown()
    assert noted(of) == [
        ("document.kind", 1),
        ("document.kind", 2),
        ("document.missing_key", 2),
        ("document.unknown_key", 3),
    ]
    assert "b.c is a list" in of.findings[1].message


@pytest.mark.parametrize("text", ["- a", "word"])
def test_a_document_that_is_no_mapping_is_one_mistake(text: str) -> None:
    of = fields(text)
    of.text("a", required=True)
    of.child("b", required=True)
    of.unknown()
    assert noted(of) == [("document.kind", 1)]


def test_an_empty_document_misses_what_is_required() -> None:
    of = fields("")
    of.text("a", required=True)
    assert noted(of) == [("document.missing_key", 1)]


def test_a_misspelt_key_is_shown_the_keys_that_were_asked_for() -> None:
    of = fields("onwer: x")
    of.text("owner")
    of.unknown()
    assert of.findings[0].expected == "owner"
    assert of.findings[0].found == "onwer"
