"""What a change may destroy, gathered: programs as they were and are, rows that would expire, branches rewritten."""

from __future__ import annotations

from typing import TYPE_CHECKING

from penstock.model.intervals import Interval, stamp
from penstock.plan.expiry import row_retentions
from penstock.policy.facts import ExpiringRows, FileEdit, LostCommit
from penstock.project.layout import COMMAND_FOLDER

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime
    from pathlib import Path

    from penstock.delivery.changes import Change
    from penstock.delivery.tools import Tools
    from penstock.model.pipelines import Project

DETACHED = "HEAD"


def program_edits(change: Change, changed: Sequence[str], root: Path, tools: Tools) -> tuple[FileEdit, ...]:
    """The programs that a branch touches: everything under `commands/`, and what is no query under `pipelines/`."""
    paths = [
        path
        for path in changed
        if path.startswith(f"{COMMAND_FOLDER}/") or (path.startswith("pipelines/") and path.endswith(".py"))
    ]
    before = tools.repository.contents(change.base_commit, paths)
    return tuple(
        FileEdit(path=path, before=_text(before.get(path)), after=_text(tools.folder.read(root, path)))
        for path in paths
    )


def _text(data: bytes | None) -> str | None:
    return None if data is None else data.decode(errors="replace")


def expiring_rows(base: Project, project: Project, now: datetime) -> tuple[ExpiringRows, ...]:
    """The rows that are kept at `now` and that a shorter retention would let expire."""
    return tuple(_expiring(base, project, now))


def _expiring(base: Project, project: Project, now: datetime) -> Iterator[ExpiringRows]:
    was, becomes = row_retentions(base), row_retentions(project)
    for name in sorted(set(becomes) & set(base.datasets)):
        old, new = was.get(name), becomes[name]
        pipeline = base.pipeline_of(name)
        first = max(pipeline.start, old.horizon(now)) if old else pipeline.start
        last = min(new.horizon(now), pipeline.end) if pipeline.end else new.horizon(now)
        if first < last:
            count = sum(1 for _ in Interval(new.grain.floor(first), last).split(new.grain))
            yield ExpiringRows(
                dataset=name,
                file=new.file,
                before=f"for {old.period}" if old else "for ever",
                now=str(new.period),
                intervals=f"{count:,} {new.grain}s from {stamp(first)} up to {stamp(last)}",
            )


def lost_commits(change: Change, tools: Tools) -> tuple[LostCommit, ...]:
    """Recorded commits that their branch does not hold any more. Asked before a stage brings the branch back."""
    found = []
    if change.base_branch != DETACHED and not tools.repository.holds(change.base_branch, change.base_commit):
        found.append(
            LostCommit(branch=change.base_branch, commit=change.base_commit, what="what the change began from")
        )
    for stage, commit in change.commits.items():
        if not tools.repository.holds(change.branch, commit):
            found.append(LostCommit(branch=change.branch, commit=commit, what=f"what stage {stage} recorded"))
    return tuple(found)
