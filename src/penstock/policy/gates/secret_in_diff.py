"""A line that the branch adds holds a secret. No finding repeats it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from penstock.model.findings import Finding, Place, blocking
from penstock.policy.added_lines import added_lines, stretches
from penstock.policy.secret_forms import all_secrets_in
from penstock.policy.secret_patterns import masked
from penstock.policy.verdicts import as_note, counted, judged

if TYPE_CHECKING:
    from collections.abc import Iterator

    from penstock.model.findings import Verdict
    from penstock.policy.added_lines import AddedLine
    from penstock.policy.facts import ImplementationFacts
    from penstock.policy.secret_patterns import Secret

GATE = "secret_in_diff"
WAIVED = re.compile(r"(?:#|--|//|/\*|<!--)\s*penstock: not-a-secret\b")
LONGEST_EXCERPT = 160


def judge(facts: ImplementationFacts) -> Verdict:
    """Refuse a branch with a secret in a line that any of its commits adds, unless the line says that it is none."""
    lines = tuple(added_lines(facts.added_text))
    findings = tuple(_once(lines, facts))
    blocked = len(blocking(findings))
    commits = len({line.commit for line in lines if line.commit})
    searched = counted(len(lines), "added line") + (f" of {counted(commits, 'commit')}" if commits else "")
    waived = counted(len(findings) - blocked, "match", "matches")
    by = f", with {facts.scanner}" if facts.scanner else ""
    return judged(
        GATE,
        findings,
        good=f"No secret in {searched}{by}; {waived} marked as none.",
        bad=f"{counted(blocked, 'secret')} in {searched}{by}; {waived} marked as none.",
    )


def _once(lines: tuple[AddedLine, ...], facts: ImplementationFacts) -> Iterator[Finding]:
    """Line by line, then stretches of lines for what is put together of several; a merge shows lines once more."""
    seen: dict[tuple[str, str], str] = {}
    for stretch in stretches(lines):
        alone: list[Secret] = []
        for line in stretch:
            secrets = (*(known := all_secrets_in(line.text)), *_more(facts.scanned.get(line.text, ()), known))
            alone += secrets
            if secrets and seen.setdefault((line.file, line.text), line.commit) == line.commit:
                yield from _findings(line, secrets)
        text = "\n".join(line.text for line in stretch)
        pieces = _more(all_secrets_in(text), tuple(alone)) if len(stretch) > 1 else ()
        if pieces and seen.setdefault((stretch[0].file, text), stretch[0].commit) == stretch[0].commit:
            yield from _findings(stretch[0], pieces)


def _more(secrets: tuple[Secret, ...], known: tuple[Secret, ...]) -> tuple[Secret, ...]:
    return tuple(one for one in secrets if not any(one.text in each.text or each.text in one.text for each in known))


def _findings(line: AddedLine, secrets: tuple[Secret, ...]) -> Iterator[Finding]:
    excerpt = masked(line.text, secrets).strip()[:LONGEST_EXCERPT]
    pieces = any(secret.text not in line.text for secret in secrets)
    for secret in secrets:
        finding = Finding(
            code=f"gate.{GATE}",
            message=f"{line.file}:{line.number} holds what looks like {secret.kind}",
            place=Place(file=line.file, line=line.number, excerpt=None if pieces else excerpt),
            found=f"{secret.kind} of {len(secret.text)} characters"
            + (f", added by commit {line.commit[:12]}" if line.commit else ""),
            expected="no secret in the repository: the environment, or a reference to a secret store",
            remedy="revoke it, for the branch has seen it, and take it out of every commit; if it is none,"
            " end the line with the comment `# penstock: not-a-secret`",
        )
        yield as_note(finding) if WAIVED.search(line.text) else finding
