"""A recorded output or a query as it runs shows a secret. No finding repeats it, and no output is kept with it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from penstock.model.findings import Finding
from penstock.policy.verdicts import as_note, counted, judged, listed

if TYPE_CHECKING:
    from penstock.model.findings import Verdict
    from penstock.policy.facts import ImplementationFacts, Leak

GATE = "secret_in_output"


def judge(facts: ImplementationFacts) -> Verdict:
    """Refuse a change of whose checks, tests or queries one shows a secret."""
    findings = tuple(_finding(leak) for leak in facts.leaks)
    shown = [leak for leak in facts.leaks if not leak.noted]
    return judged(
        GATE,
        findings,
        good="No secret in what was recorded and in the queries as they run.",
        bad=f"{counted(len(shown), 'secret')} shown by {listed(dict.fromkeys(leak.where for leak in shown))}.",
    )


def _finding(leak: Leak) -> Finding:
    finding = Finding(
        code=f"gate.{GATE}",
        message=f"{leak.where} shows what looks like {leak.kind}",
        place=leak.place,
        found=f"{leak.kind} of {leak.length} characters",
        expected="no secret where people and logs can read it: the environment, named by `secrets`",
        remedy="revoke it, and have the query or the program take it from the environment; if it is none, end the line"
        " that holds it with the comment `# penstock: not-a-secret`",
    )
    return as_note(finding) if leak.noted else finding
