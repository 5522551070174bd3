"""Which cases say something of another tool: those whose change is wholly in what the other tool holds as well.

A case cannot run there if its change is anywhere else as well (a schedule, a source, an export, policy, keys, a Python
function), for that is what it may be about, or if no query is another one, for then nothing is built. This is told by
the files of the change and the queries in them alone: neither label, kind nor verdict takes part in it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gatebench.cases import Case
    from gatebench.peers.portable import Part, Portable

_SIDE = re.compile(r"(?m)^(?:\+\+\+ b|--- a)/(\S+)$")
_HELD = re.compile(r"contracts/.+\.odcs\.yaml|tests/.+\.test\.yaml|docs/.+\.md|pipelines/[^/]+/[^/]+\.sql")


def changed_files(patch: str) -> tuple[str, ...]:
    """The files that a patch names, of before and after, each once."""
    return tuple(dict.fromkeys(_SIDE.findall(patch)))


def not_comparable(case: Case, patch: str, before: Portable, after: Portable) -> str | None:
    """Why a case cannot run on another tool; None if it can."""
    if case.steps:
        return "an attack on approvals or on what was approved"
    files = changed_files(patch)
    elsewhere = [file for file in files if not _HELD.fullmatch(file)]
    if elsewhere:
        return f"changes {', '.join(elsewhere)}"
    out = sorted({one.files[file] for file in files for one in (before, after) if one.files.get(file) in one.left_out})
    if out:
        return f"changes what cannot be made there: {', '.join(out)}"
    if _queries(before) == _queries(after):
        return "no query is another one"
    return None


def _queries(project: Portable) -> dict[str, tuple[bool, tuple[tuple[Part, str], ...]]]:
    return {name: (model.is_view, model.pieces) for name, model in project.models.items()}
