"""What a change destroys that no rollback brings back, and whether its story names it.

A story names it under `destructive`, by dataset, pipeline or file, each with a reason; a dataset that goes is named by
its impact, a shorter retention also by the story's own `retention`. Nothing can name a branch that was rewritten.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from penstock.model.findings import Place
from penstock.model.periods import parse_period
from penstock.model.pipelines import CommandTask, Materialization
from penstock.policy.destructive_text import FULL_REFRESH, destructive_command, destructive_places
from penstock.policy.removals import is_declared_gone

if TYPE_CHECKING:
    from collections.abc import Iterator

    from penstock.model.pipelines import Dataset, Project
    from penstock.policy.destructive_text import Destructive
    from penstock.policy.facts import ImplementationFacts

_KEPT = frozenset({Materialization.MERGE, Materialization.APPEND})


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One thing that is destroyed. `subject` is what a story would name; `declared` whether it does."""

    detail: str
    subject: str
    message: str
    place: Place
    found: str
    expected: str
    declared: bool = False


def operations(facts: ImplementationFacts) -> tuple[Operation, ...]:
    """Everything that a change destroys. Datasets that go undeclared are another gate's."""
    found = [*_programs(facts), *_expiring(facts), *_rewritten(facts)]
    if facts.base is not None and facts.project is not None:
        found += [*_removed(facts.base, facts.project, facts), *_history(facts.base, facts.project, facts)]
    return tuple(found)


def irreversible(facts: ImplementationFacts) -> tuple[str, ...]:
    """What a change destroys as its story says: in words, for those who have to approve it twice."""
    return tuple(sorted({one.message for one in operations(facts) if one.declared}))


def _is_named(subject: str, facts: ImplementationFacts) -> bool:
    return subject in facts.story.destructive


def _programs(facts: ImplementationFacts) -> Iterator[Operation]:
    for edit in facts.edits:
        known = {one.identity for one in destructive_places(edit.path, edit.before or "")}
        for one in destructive_places(edit.path, edit.after or ""):
            if one.identity not in known:
                yield _program(one, edit.path, one.line, facts)
    for name, dataset in facts.project.datasets.items() if facts.project else ():
        if isinstance(dataset.task, CommandTask):
            before = facts.base.datasets.get(name) if facts.base else None
            argv = before.task.argv if before and isinstance(before.task, CommandTask) else ()
            known = {one.identity for one in destructive_command(argv)}
            for one in destructive_command(dataset.task.argv):
                if one.identity not in known:
                    yield _program(one, dataset.file, None, facts)


def _program(one: Destructive, path: str, line: int | None, facts: ImplementationFacts) -> Operation:
    said = f"{one.what} {one.subject}".strip()
    return Operation(
        detail="full_refresh" if one.what == FULL_REFRESH else "program",
        subject=path,
        message=f"{path} does {said}",
        place=Place(file=path, line=line),
        found=said,
        expected="a program that leaves what it did not make itself",
        declared=_is_named(path, facts),
    )


def _expiring(facts: ImplementationFacts) -> Iterator[Operation]:
    for one in facts.expiring:
        own = facts.story.pipeline == one.dataset.partition(".")[0] and "retention" in facts.story.own
        yield Operation(
            detail="retention",
            subject=one.dataset,
            message=f"{one.dataset} keeps rows for {one.now}, and did {one.before}: {one.intervals} go",
            place=Place(file=one.file, dataset=one.dataset),
            found=f"{one.intervals} of {one.dataset}, kept today, are past it",
            expected=f"rows kept {one.before}, as at the base revision",
            declared=own or _is_named(one.dataset, facts),
        )


def _rewritten(facts: ImplementationFacts) -> Iterator[Operation]:
    for one in facts.lost_commits:
        yield Operation(
            detail="rewritten_branch",
            subject=one.branch,
            message=f"{one.branch} was rewritten: {one.what} is not in it any more",
            place=Place(),
            found=f"a branch without {one.commit[:12]}",
            expected="a branch that holds every commit that was recorded of it",
        )


def _removed(base: Project, project: Project, facts: ImplementationFacts) -> Iterator[Operation]:
    for name in sorted(set(base.datasets) - set(project.datasets)):
        if is_declared_gone(name, facts.story):
            yield Operation(
                detail="dataset",
                subject=name,
                message=f"{name} is removed",
                place=Place(file=base.datasets[name].file, dataset=name),
                found="gone",
                expected="every dataset of the base revision",
                declared=True,
            )
    for name in sorted(set(base.pipelines) - set(project.pipelines)):
        datasets = [each for each in base.datasets if each.startswith(f"{name}.")]
        all_gone = bool(datasets) and all(is_declared_gone(each, facts.story) for each in datasets)
        yield Operation(
            detail="pipeline",
            subject=name,
            message=f"pipeline {name} is removed with its schedule",
            place=Place(file=base.pipelines[name].file),
            found="gone",
            expected="every pipeline of the base revision",
            declared=all_gone or _is_named(name, facts),
        )


def _history(base: Project, project: Project, facts: ImplementationFacts) -> Iterator[Operation]:
    for name, after in sorted(project.datasets.items()):
        before = base.datasets.get(name)
        if before is None or before.materialization is after.materialization:
            continue
        if before.materialization in _KEPT or _outlives_its_inputs(before, after, base):
            yield Operation(
                detail="history",
                subject=name,
                message=f"{name} turns from {before.materialization} into {after.materialization}: what it holds goes",
                place=Place(file=after.file, dataset=name),
                found=str(after.materialization),
                expected=str(before.materialization),
                declared=_is_named(name, facts),
            )


def _outlives_its_inputs(before: Dataset, after: Dataset, base: Project) -> bool:
    """Whether slices that stay today could not be made again, since something upstream keeps rows for less long."""
    if before.materialization is not Materialization.INCREMENTAL or after.materialization in _KEPT:
        return False
    own = _hours(before)
    upstream = [_hours(base.datasets[name]) for name in base.upstream(before.name)]
    return any(hours is not None and (own is None or hours < own) for hours in upstream)


def _hours(dataset: Dataset) -> int | None:
    retention = dataset.contract.retention if dataset.contract else None
    period = parse_period(retention) if retention else None
    return period.hours if period else None
