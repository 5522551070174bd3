"""What a file written on an older base would undo of the base's own edits."""

from __future__ import annotations

import pytest

from penstock.delivery.lost_edits import LostEdit, lost_edits

OLD = "one\ntwo\nthree\nfour\nfive\n"


def test_a_file_that_nobody_else_edited_loses_nothing() -> None:
    assert lost_edits(OLD, OLD, "one\n2\nthree\nfour\nfive\nsix\n") == ()


def test_a_file_that_has_the_base_s_edit_loses_nothing() -> None:
    assert lost_edits(OLD, "one\n2\nthree\nfour\nfive\n", "one\n2\nthree\nfour\n5\n") == ()


def test_an_edit_that_the_file_lacks_is_named_by_its_line_on_both_sides() -> None:
    base = "zero\n" + OLD.replace("four", "4")
    own = OLD.replace("one", "one\none and a half")
    lost = lost_edits(OLD, base, own)
    assert lost[-1] == LostEdit(line=5, base_line=5, text="4", conflict=False)


def test_lines_that_both_edited_differently_are_a_conflict() -> None:
    lost = lost_edits(OLD, OLD.replace("two", "2"), OLD.replace("two", "deux"))
    assert lost == (LostEdit(line=2, base_line=2, text="2", conflict=True),)


@pytest.mark.parametrize(("own", "lines"), [(OLD, [2]), (OLD.replace("two\n", ""), [])])
def test_lines_that_the_base_removed_must_be_gone(own: str, lines: list[int]) -> None:
    assert [one.line for one in lost_edits(OLD, OLD.replace("two\n", ""), own)] == lines


def test_lines_that_the_base_added_must_be_there() -> None:
    base = OLD + "six\n"
    assert [(one.line, one.text) for one in lost_edits(OLD, base, OLD)] == [(6, "six")]
    assert lost_edits(OLD, base, base + "seven\n") == ()
