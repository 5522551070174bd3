"""Two changes get in each other's way by a file, or by a dataset up- or downstream, and not otherwise."""

from __future__ import annotations

from penstock.delivery.conflicts import Conflict, Reach, between


def reach(touched: str, near: str = "", files: str = "") -> Reach:
    own = frozenset(touched.split())
    return Reach(files=frozenset(files.split()), touched=own, near=own | set(near.split()))


def test_changes_of_datasets_that_nothing_joins_do_not_conflict() -> None:
    assert between(reach("s.a", "s.raw"), reach("s.b", "s.other")) == ((), ())


def test_reading_the_same_upstream_is_no_conflict() -> None:
    assert between(reach("s.a", "s.raw"), reach("s.b", "s.raw")) == ((), ())


def test_another_version_of_what_lies_upstream_is_one_from_either_side() -> None:
    below, above = reach("s.mart", "s.staged s.raw"), reach("s.staged", "s.raw s.mart")
    assert between(below, above) == (("s.mart", "s.staged"), ())
    assert between(above, below) == (("s.mart", "s.staged"), ())


def test_one_file_that_both_write_is_one() -> None:
    assert between(reach("s.a", files="docs/s.md a.sql"), reach("s.b", files="docs/s.md")) == ((), ("docs/s.md",))


def test_it_is_said_who_must_do_what() -> None:
    later = Conflict(change="S-2", promoted=False, datasets=("s.a",), files=("a.sql", "b.sql"))
    assert later.words("S-1").startswith("S-2, under way, is about the same (dataset s.a; files a.sql, b.sql)")
    live = Conflict(change="S-2", promoted=True, datasets=("s.a",), files=())
    assert live.words("S-1") == "S-2 went live meanwhile (dataset s.a): penstock change rebase S-1"
