"""What SQLMesh would do after each edit: `BASE CASES` in, for each folder beneath CASES an answer out.

The base is planned and applied to `prod` once; each case is planned against a copy of that, as `sqlmesh plan` does.
"""

from __future__ import annotations

import json
import logging
import os
import shutil
import sys
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

from sqlmesh import Context
from sqlmesh.core.console import NoopConsole, set_console
from sqlmesh.utils.errors import SQLMeshError

if TYPE_CHECKING:
    from sqlmesh.core.plan import Plan

STATE = "warehouse.duckdb"


def opened(folder: Path) -> Context:
    """A project, from within its folder: the path of its database is relative."""
    os.chdir(folder)
    return Context(paths=str(folder))


def planned(folder: Path) -> Plan:
    """The plan of a project against `prod`, with categories chosen as SQLMesh does by itself."""
    context = opened(folder)
    try:
        return context.plan_builder("prod", skip_tests=True).build()
    finally:
        context.close()


def answer(plan: Plan) -> dict[str, object]:
    """Which models it would backfill, and what it calls the change of those that were edited."""
    diff = plan.context_diff
    edited = [new for new, _ in diff.modified_snapshots.values() if new.snapshot_id in plan.directly_modified]
    metadata = any(diff.metadata_updated(new.name) for new, _ in diff.modified_snapshots.values())
    said = [_category(each) for each in edited] or ["metadata"] * metadata
    said += ["added"] * len(diff.added) + ["removed"] * len(diff.removed_snapshots)
    return {
        "built": sorted({_short(each.snapshot_id.name) for each in plan.missing_intervals}),
        "says": sorted({*said}),
    }


def _category(snapshot: object) -> str:
    category = getattr(snapshot, "change_category", None)
    return category.name.lower().replace("_", "-") if category is not None else "undecided"


def _short(name: str) -> str:
    return name.replace('"', "").rpartition(".")[2]


def main() -> None:
    """Print the answers as one JSON object."""
    base, cases = (Path(each).resolve() for each in sys.argv[1:])
    warnings.simplefilter("ignore")
    logging.disable(logging.CRITICAL)
    set_console(NoopConsole())
    context = opened(base)
    context.plan("prod", auto_apply=True, no_prompts=True, skip_tests=True)
    context.close()
    answers: dict[str, object] = {}
    for folder in sorted(cases.iterdir()):
        shutil.copy(base / STATE, folder / STATE)
        sys.modules.pop("grades", None)
        try:
            answers[folder.name] = answer(planned(folder))
        except SQLMeshError as error:
            answers[folder.name] = {"refused": str(error).strip().partition("\n")[0]}
    print(json.dumps(answers))


if __name__ == "__main__":
    main()
