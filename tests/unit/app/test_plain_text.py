"""What others wrote reaches a terminal as text, never as orders."""

from __future__ import annotations

from penstock.cli.answers import finding_text
from penstock.cli.plain_text import shown
from penstock.model.findings import Finding, Place


def test_what_a_terminal_would_obey_is_replaced() -> None:
    odd = "\N{REPLACEMENT CHARACTER}"
    assert shown("a\x1b[2Jb\u202ec\r\n\tdé") == f"a{odd}[2Jb{odd}c{odd}\n\tdé"


def test_a_finding_shows_what_was_found_and_obeys_nothing() -> None:
    finding = Finding(
        code="a.b",
        message="it said \x1b[8m",
        place=Place(file="a\x9b.sql"),
        found="x\x07\ny",
        remedy="look \u2066 here",
    )
    text = finding_text(finding).partition(": ")[2]
    assert all(sign.isprintable() or sign == "\n" for sign in text)
    assert "it said" in text
    assert "look" in text
