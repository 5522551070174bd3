"""Where an author may write: under names that are the same everywhere, and never among the records of its change."""

from __future__ import annotations

import pytest

from penstock.delivery.handed_paths import odd_paths

STANDING = ("penstock.yaml", "keys/maria.yaml", "pipelines/shop/orders.sql")
OWN = "changes/SHOP-9"


def refused(*paths: str) -> list[str]:
    found = odd_paths(paths, STANDING, OWN)
    assert all(finding.code == "change.odd_path" and finding.remedy for finding in found)
    return [str(finding.place.file) for finding in found]


@pytest.mark.parametrize(
    "path",
    [
        f"{OWN}/story.md", f"{OWN}/evidence/09-approval-x.dsse.json", "CHANGES/shop-9/plan.json", OWN,
        ".penstock/ledger.db", ".git/hooks/pre-commit", ".Git/config",
        "docs/-rf.md", "docs/ a.md", "docs/a.", "docs/a ", "docs/nul", "docs/Com1.txt", "docs/a:b", "docs\\a",
        "docs/../a", "docs//a", "docs/" + "a" * 201, "docs/" + "ü" * 101,
        "Penstock.yaml", "KEYS/other.yaml", "pipelines/Shop/new.sql",
    ],
)  # fmt: skip
def test_a_path_that_is_not_what_it_seems_is_refused(path: str) -> None:
    assert refused(path) == [path]


@pytest.mark.parametrize(
    "path",
    [
        "penstock.yaml", "pipelines/shop/orders.sql", "pipelines/shop/new.sql", "docs/Übersicht für alle.md",
        "docs/日本.md", "keys/other.yaml", "changes/SHOP-8/story.md", "changes/SHOP-90/story.md", ".github/a.yml",
        "README", "docs/console.md", "docs/a-b_c.d.md",
    ],
)  # fmt: skip
def test_an_ordinary_path_is_left_to_the_gates(path: str) -> None:
    assert refused(path) == []


def test_what_cannot_be_printed_is_shown_as_escapes() -> None:
    assert refused("docs/a\nb\x1b\u202e.md") == ["docs/a\\nb\\x1b\\u202e.md"]


def test_two_new_files_that_differ_by_case_alone_are_one_too_many() -> None:
    assert refused("docs/New.md", "docs/new.md") == ["docs/new.md"]
