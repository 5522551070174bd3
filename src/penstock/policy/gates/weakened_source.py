"""A source forgives more than before: what stopped a run goes through unsaid, and the story does not say so."""

from __future__ import annotations

import calendar
from typing import TYPE_CHECKING

from penstock.model.databases import DatabaseSource
from penstock.model.findings import Finding, Place
from penstock.model.sources import Corrections, Drift, FileSource
from penstock.policy.verdicts import counted, failed, listed, not_applicable, passed

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from penstock.model.findings import Verdict
    from penstock.model.pipelines import Dataset
    from penstock.policy.facts import ImplementationFacts

GATE = "weakened_source"


def judge(facts: ImplementationFacts) -> Verdict:
    """Refuse a looser setting of a standing source that neither the story's `sources` nor its `loosened` has."""
    if facts.base is None or facts.project is None:
        return not_applicable(GATE, "There is no project before or after to compare sources with.")
    after = facts.project.datasets
    standing = [
        (dataset, after[name])
        for name, dataset in sorted(facts.base.datasets.items())
        if name in after and isinstance(dataset.task, FileSource | DatabaseSource)
    ]
    if not standing:
        return not_applicable(GATE, "No source was there before.")
    findings = [finding for old, new in standing for finding in _findings(old, new, facts)]
    if not findings:
        return passed(GATE, f"{counted(len(standing), 'standing source')} forgives no more than declared.")
    named = listed(dict.fromkeys(str(finding.place.dataset) for finding in findings))
    return failed(GATE, f"{counted(len(findings), 'setting')} of sources loosened undeclared: {named}.", findings)


def _findings(old: Dataset, new: Dataset, facts: ImplementationFacts) -> Iterator[Finding]:
    if new.name in facts.story.loosened:
        return
    for setting, (was, now, harm) in _loosened(old, new).items():
        if setting in _own_settings(new.name, facts):
            continue
        yield Finding(
            code=f"gate.{GATE}.{setting}",
            message=f"{new.name} forgives more than before: {harm}",
            place=Place(file=new.file, dataset=new.name),
            found=f"{setting}: {now}",
            expected=f"{setting}: {was}",
            remedy=f"put it back in {new.file}, or say why under `loosened` in {facts.story.file}: `{new.name}: …`",
        )


def _loosened(old: Dataset, new: Dataset) -> Mapping[str, tuple[str, str, str]]:
    """Each setting that forgives more: what it was and is, and what goes through unsaid."""
    before, after = old.task, new.task
    if isinstance(before, FileSource) and isinstance(after, FileSource):
        return dict(_of_files(before, after))
    if isinstance(before, DatabaseSource) and isinstance(after, DatabaseSource):
        return dict(_of_databases(before, after))
    return {}


def _of_files(old: FileSource, new: FileSource) -> Iterator[tuple[str, tuple[str, str, str]]]:
    if (old.missing, new.missing) == ("fail", "empty"):
        yield "missing", (old.missing, new.missing, "a file that is late counts as one without rows")
    if (old.drift, new.drift) == (Drift.FREEZE, Drift.EVOLVE):
        yield "drift", (old.drift, new.drift, "a file that is not as declared lands as far as it can")
    if (old.corrections, new.corrections) == (Corrections.TAKE, Corrections.TELL):
        yield "corrections", (old.corrections, new.corrections, "files that are corrected later are not read again")
    days = [calendar.day_name[day] for day in sorted(new.closed.weekdays - old.closed.weekdays)]
    days += [str(day) for day in sorted(new.closed.dates - old.closed.dates)]
    if days:
        yield "closed", ("not on these", listed(days), "on more days a missing file is no fault")


def _of_databases(old: DatabaseSource, new: DatabaseSource) -> Iterator[tuple[str, tuple[str, str, str]]]:
    before, after = (each.cursor.overlap if each.cursor else None for each in (old, new))
    if before and (not after or _shorter(after, before)):
        yield "overlap", (str(before), str(after or "none"), "rows that come late, or are late to be seen, are missed")


def _shorter(one: object, other: object) -> bool:
    return type(one) is type(other) and one < other  # type: ignore[operator]


def _own_settings(name: str, facts: ImplementationFacts) -> set[str]:
    """The settings of a source that the story itself, not one before it, gives."""
    pipeline, _, local = name.partition(".")
    sources = facts.story.own.get("sources")
    said = sources.get(local) if isinstance(sources, dict) and facts.story.pipeline == pipeline else None
    return set(said) if isinstance(said, dict) else set()
