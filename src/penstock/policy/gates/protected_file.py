"""The branch touches what decides about it: policy, keys, other changes' records, suites in use, git's own settings."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from penstock.model.findings import Finding, Place
from penstock.policy.verdicts import counted, failed, listed, passed

if TYPE_CHECKING:
    from penstock.model.findings import Verdict
    from penstock.policy.facts import ImplementationFacts

GATE = "protected_file"
SETTINGS = "penstock.yaml"


def judge(facts: ImplementationFacts) -> Verdict:
    """Refuse a branch that writes what judges it, planned or not; the author's own new key apart, as Penstock adds it.

    Letters count as equal in either case: where the file system says so, such a file would stand in the other's place.
    """
    own = {f"keys/{facts.author}.yaml"} - set(facts.authored_files) if facts.author else set()
    suites = [place for use in facts.base.settings.great_expectations for place in use.places] if facts.base else []
    touched = sorted(
        path
        for path in facts.changed_files
        if path not in own and (_is_protected(path, facts.story.id) or _is_beneath(path, suites))
    )
    changed = counted(len(facts.changed_files), "changed file")
    if not touched:
        return passed(GATE, f"{changed}, none of them policy, keys, other changes' records, suites or git's settings.")
    findings = [_finding(path) for path in touched]
    return failed(GATE, f"{len(touched):,} of {changed} decide about changes: {listed(touched)}.", findings)


def _is_protected(path: str, change: str) -> bool:
    parts = PurePosixPath(path.casefold()).parts
    if parts[0] == "changes":
        return len(parts) < 2 or parts[1] != change.casefold()
    return parts == (SETTINGS,) or parts[0] == "keys" or any(part.startswith(".git") for part in parts)


def _is_beneath(path: str, places: list[str]) -> bool:
    return any(PurePosixPath(path).is_relative_to(place) for place in places)


def _finding(path: str) -> Finding:
    return Finding(
        code=f"gate.{GATE}",
        message=f"{path} decides about changes and cannot come in by one",
        place=Place(file=path),
        found="a change of it on the branch",
        expected="policy, keys, other changes' records, suites in use and git's settings as the base has them",
        remedy=f"take {path} out; a person changes it in a commit of their own on the base branch",
    )
