"""No secret gets into the repository, and no finding repeats one."""

from __future__ import annotations

from policy_cases import assert_fails, assert_passes, implementation

from penstock.model.findings import Severity
from penstock.policy.gates.secret_in_diff import judge
from penstock.policy.secret_patterns import Secret

SECRET = "x7Qp2Lm9" + "Vt4Rk8Zs1Wd6Yb3N"


def added(*lines: str, file: str = "pipelines/sales/load.py", removed: tuple[str, ...] = ()) -> str:
    """A diff that adds these lines from line 5 on."""
    head = f"diff --git a/{file} b/{file}\n--- a/{file}\n+++ b/{file}\n"
    hunk = f"@@ -5,{len(removed)} +5,{len(lines)} @@\n"
    return head + hunk + "".join(f"-{line}\n" for line in removed) + "".join(f"+{line}\n" for line in lines)


def test_a_diff_without_secrets_passes() -> None:
    verdict = judge(implementation(added_text=added("SELECT 1", "FROM x")))
    assert_passes(verdict)
    assert verdict.summary == "No secret in 2 added lines; 0 matches marked as none."


def test_a_secret_fails_at_its_line_and_is_not_repeated() -> None:
    verdict = judge(implementation(added_text=added("x = 1", f"  password = '{SECRET}'  # prod")))
    assert_fails(verdict, "")
    found = verdict.findings[0]
    assert (found.place.file, found.place.line) == ("pipelines/sales/load.py", 6)
    assert found.place.excerpt == "password = '•••'  # prod"
    assert found.found == "a password or secret of 24 characters"
    assert SECRET not in repr(verdict)


def test_two_secrets_of_a_line_are_both_masked_in_both_findings() -> None:
    verdict = judge(implementation(added_text=added(f"password = '{SECRET}', token = '{SECRET[::-1]}'")))
    assert_fails(verdict, "", "")
    assert SECRET not in repr(verdict)
    assert SECRET[::-1] not in repr(verdict)


def test_a_secret_that_is_taken_away_is_not_found() -> None:
    assert_passes(judge(implementation(added_text=added("x = 1", removed=(f"password = '{SECRET}'",)))))


def test_a_line_marked_as_no_secret_is_noted_and_passes() -> None:
    marks = ("# penstock: not-a-secret", "-- penstock: not-a-secret", "// penstock: not-a-secret")
    lines = [f"password = '{SECRET}' {mark}" for mark in marks]
    verdict = judge(implementation(added_text=added(*lines)))
    assert_passes(verdict)
    assert [one.severity for one in verdict.findings] == [Severity.NOTE] * 3
    assert verdict.summary == "No secret in 3 added lines; 3 matches marked as none."
    assert SECRET not in repr(verdict)


def test_the_mark_must_be_a_comment_of_the_line_itself() -> None:
    lines = ("# penstock: not-a-secret", f"password = '{SECRET}'", f"penstock: not-a-secret password = '{SECRET}'")
    assert_fails(judge(implementation(added_text=added(*lines))), "", "")


def test_a_line_that_looks_like_a_file_header_hides_nothing() -> None:
    verdict = judge(implementation(added_text=added("++ b/innocent.md", f"password = '{SECRET}'")))
    assert_fails(verdict, "")
    assert verdict.findings[0].place.file == "pipelines/sales/load.py"


def test_a_long_excerpt_is_cut_after_it_is_masked() -> None:
    verdict = judge(implementation(added_text=added(f"{'x' * 150} password = '{SECRET}'")))
    excerpt = verdict.findings[0].place.excerpt
    assert excerpt is not None
    assert len(excerpt) == 160
    assert SECRET[:4] not in excerpt


FIRST, SECOND = "a" * 40, "b" * 40


def log(commit: str, diff: str, message: str = "Work") -> str:
    """One commit of a log of diffs."""
    indented = "".join(f"    {line}\n" for line in message.split("\n"))
    return f"commit {commit}\n{indented}\n{diff}"


def test_a_secret_that_a_later_commit_takes_out_again_fails_by_the_one_that_added_it() -> None:
    gone = log(FIRST, added(f"password = '{SECRET}'")) + log(SECOND, added(removed=(f"password = '{SECRET}'",)))
    verdict = judge(implementation(added_text=gone))
    assert_fails(verdict, "")
    assert verdict.findings[0].found == "a password or secret of 24 characters, added by commit aaaaaaaaaaaa"


def test_a_secret_in_a_commit_s_message_fails() -> None:
    verdict = judge(implementation(added_text=log(FIRST, added("x"), f"Log in\n\npassword = '{SECRET}'")))
    assert_fails(verdict, "")
    assert str(verdict.findings[0].place) == "commit aaaaaaaaaaaa:3"
    assert SECRET not in repr(verdict)


def test_a_message_that_looks_like_a_diff_hides_nothing() -> None:
    message = "@@ -0,0 +1,9 @@\n+++ b/innocent.md\ncommit " + SECOND
    verdict = judge(implementation(added_text=log(FIRST, added(f"password = '{SECRET}'"), message)))
    assert_fails(verdict, "")
    assert verdict.findings[0].place.file == "pipelines/sales/load.py"
    assert "added by commit aaaaaaaaaaaa" in str(verdict.findings[0].found)


def test_what_a_merge_shows_again_is_said_once() -> None:
    line = added(f"password = '{SECRET}'")
    assert_fails(judge(implementation(added_text=log(FIRST, line) + log(SECOND, line))), "")


def test_pieces_on_several_lines_are_read_together() -> None:
    verdict = judge(implementation(added_text=added(f"password = '{SECRET[:6]}' \\", f"    '{SECRET[6:]}'")))
    assert_fails(verdict, "")
    assert (verdict.findings[0].place.line, verdict.findings[0].place.excerpt) == (5, None)
    assert SECRET[:6] not in repr(verdict)


def test_what_only_a_scanner_knows_fails_too() -> None:
    line = "value: tok-123456789"
    seen = {line: (Secret(kind="a secret (Tok)", text="tok-123456789"),)}
    verdict = judge(implementation(added_text=added(line), scanned=seen, scanner="detect-secrets"))
    assert_fails(verdict, "")
    assert verdict.findings[0].place.excerpt == "value: •••"
    assert "with detect-secrets" in verdict.summary
