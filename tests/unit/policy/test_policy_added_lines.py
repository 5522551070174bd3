"""The lines a diff adds are found by the hunks' counts, whatever they look like."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.policy.added_lines import AddedLine, added_lines

if TYPE_CHECKING:
    from pathlib import Path

DIFF = """\
diff --git a/pipelines/a.sql b/pipelines/a.sql
index 1..2 100644
--- a/pipelines/a.sql
+++ b/pipelines/a.sql
@@ -3,2 +3,3 @@ SELECT
-old one
-old two
+new one
+new two
+new three
@@ -9 +10 @@ FROM x
-++ b/fooled.sql
+++ b/fooling.sql
\\ No newline at end of file
"""


def line(file: str, number: int, text: str) -> AddedLine:
    return AddedLine(file=file, number=number, text=text)


def test_added_lines_have_their_file_and_number() -> None:
    assert list(added_lines(DIFF)) == [
        line("pipelines/a.sql", 3, "new one"),
        line("pipelines/a.sql", 4, "new two"),
        line("pipelines/a.sql", 5, "new three"),
        line("pipelines/a.sql", 10, "++ b/fooling.sql"),
    ]


def test_lines_of_context_are_counted_and_not_added() -> None:
    diff = "+++ b/a\n@@ -1,3 +1,3 @@\n same\n-gone\n+came\n same\n@@ -9,0 +9 @@\n+later"
    assert list(added_lines(diff)) == [line("a", 2, "came"), line("a", 9, "later")]


def test_the_remark_about_a_missing_line_end_is_no_line() -> None:
    diff = "+++ b/a\n@@ -1,2 +1,2 @@\n-x\n-old\n\\ No newline at end of file\n+x\n+new\n\\ No newline at end of file\n"
    assert list(added_lines(diff)) == [line("a", 1, "x"), line("a", 2, "new")]


def test_a_deleted_file_adds_nothing() -> None:
    assert list(added_lines("--- a/x\n+++ /dev/null\n@@ -1,2 +0,0 @@\n-a\n-b")) == []


@pytest.mark.parametrize(
    ("header", "path"),
    [
        ("b/a b.sql\t", "a b.sql"),
        ("w/x.sql", "x.sql"),
        ("x.sql", "x.sql"),
        ('"b/caf\\303\\251 \\"1\\"\\t.sql"', 'café "1"\t.sql'),
    ],
)
def test_git_s_prefix_and_quoting_are_taken_off(header: str, path: str) -> None:
    assert list(added_lines(f"+++ {header}\n@@ -0,0 +1 @@\n+x\r")) == [line(path, 1, "x")]


@given(st.text())
def test_no_text_breaks_it(text: str) -> None:
    assert all(each.number >= 0 for each in added_lines(text))


def test_what_git_writes_is_read(tmp_path: Path) -> None:
    def git(*arguments: str) -> str:
        identity = ("-c", "user.name=ana", "-c", "user.email=ana@example.org", "-c", "core.autocrlf=false")
        done = subprocess.run(["git", "-C", str(tmp_path), *identity, *arguments], capture_output=True, check=True)
        return done.stdout.decode()

    tricky = {
        "café \t.sql": ["one", "++ b/fooling.sql", "@@ -1 +1 @@", "a\x0cb\u2028c", "-- last"],
        "b.txt": ["-", "+"],
    }
    git("init", "--quiet")
    git("commit", "--quiet", "--allow-empty", "--message=base")
    for name, lines in tricky.items():
        (tmp_path / name).write_bytes("\n".join(lines).encode())
    git("add", ".")
    git("commit", "--quiet", "--message=branch")
    found = list(added_lines(git("diff", "--unified=0", "HEAD~1", "HEAD")))
    expected = {
        line(name, number, text) for name, lines in tricky.items() for number, text in enumerate(lines, start=1)
    }
    assert set(found) == expected
    assert len(found) == 7
