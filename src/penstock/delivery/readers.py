"""For whom the breaking changes of contracts are breaking: the project's readers by column, and whom contracts name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from penstock.contract.compatibility import Effect, compare
from penstock.contract.consumers import named_consumers
from penstock.plan.contract_impact import impacts

if TYPE_CHECKING:
    from pathlib import Path

    from penstock.delivery.tools import Tools
    from penstock.model.pipelines import Project


def broken_for(
    base: Project, project: Project, root: Path, tools: Tools
) -> dict[tuple[str, str, str], tuple[str, ...]]:
    """Consumers by dataset, kind of change and column (empty for what is about no single column)."""
    found: dict[tuple[str, str, str], tuple[str, ...]] = {}
    for name, before in sorted(base.datasets.items()):
        after = project.datasets.get(name)
        old, new = before.contract, after.contract if after else None
        changes = [one for one in compare(old, new) if one.effect is Effect.BREAKING] if after and old else []
        if not changes:
            continue
        written = new or old
        text = tools.folder.read(root, written.file) if written else None
        named = named_consumers(text.decode(), written.file) if text and written else ()
        each = impacts(changes, old=old, new=new, project=project, named=named)
        for change in changes:
            concerned = tuple(one.consumer for one in each if change in one.changes)
            found[name, change.kind, change.column or ""] = concerned
    return found
