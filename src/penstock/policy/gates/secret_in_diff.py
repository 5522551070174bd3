"""A line that the branch adds holds a secret. No finding repeats it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from penstock.model.findings import Finding, Place, blocking
from penstock.policy.added_lines import added_lines
from penstock.policy.secret_patterns import masked, secrets_in
from penstock.policy.verdicts import as_note, counted, judged

if TYPE_CHECKING:
    from collections.abc import Iterator

    from penstock.model.findings import Verdict
    from penstock.policy.added_lines import AddedLine
    from penstock.policy.facts import ImplementationFacts

GATE = "secret_in_diff"
_WAIVED = re.compile(r"(?:#|--|//|/\*|<!--)\s*penstock: not-a-secret\b")
_LONGEST_EXCERPT = 160


def judge(facts: ImplementationFacts) -> Verdict:
    """Refuse a branch with a secret in an added line, unless the line says that it is none."""
    lines = tuple(added_lines(facts.added_text))
    findings = tuple(finding for line in lines for finding in _findings(line))
    blocked = len(blocking(findings))
    searched = counted(len(lines), "added line")
    waived = counted(len(findings) - blocked, "match", "matches")
    return judged(
        GATE,
        findings,
        good=f"No secret in {searched}; {waived} marked as none.",
        bad=f"{counted(blocked, 'secret')} in {searched}; {waived} marked as none.",
    )


def _findings(line: AddedLine) -> Iterator[Finding]:
    secrets = secrets_in(line.text)
    excerpt = masked(line.text, secrets).strip()[:_LONGEST_EXCERPT]
    for secret in secrets:
        finding = Finding(
            code=f"gate.{GATE}",
            message=f"{line.file}:{line.number} holds what looks like {secret.kind}",
            place=Place(file=line.file, line=line.number, excerpt=excerpt),
            found=f"{secret.kind} of {len(secret.text)} characters",
            expected="no secret in the repository: the environment, or a reference to a secret store",
            remedy="revoke it, for the branch has seen it, and take it out of every commit; if it is none,"
            " end the line with the comment `# penstock: not-a-secret`",
        )
        yield as_note(finding) if _WAIVED.search(line.text) else finding
