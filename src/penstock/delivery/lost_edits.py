"""What a change's file, written on an older base, would undo of what the base has got since. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

Edit = tuple[int, int, int, int]
"""Lines `[0]:[1]` of the older text are lines `[2]:[3]` of the newer one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LostEdit:
    """An edit of the base that a file lacks.

    `line` is where it belongs in the file, `base_line` where it stands on the base (both from 1), `text` what stands
    there (empty where lines went). With `conflict` both sides edited the same lines, else only the base did.
    """

    line: int
    base_line: int
    text: str
    conflict: bool


def lost_edits(older: str, newer: str, written: str) -> tuple[LostEdit, ...]:
    """The edits that lead from `older` to `newer` and that `written`, which also comes from `older`, does not have.

    >>> [(one.line, one.text, one.conflict) for one in lost_edits("a\\nb\\n", "a\\nB\\n", "a\\nb\\nc\\n")]
    [(2, 'B', False)]
    """
    old, new, own = older.splitlines(), newer.splitlines(), written.splitlines()
    ours = tuple(_edits(old, own))
    return tuple(
        lost for edit in _edits(old, new) if (lost := _lost(edit, ours, old, new, own)) is not None
    )  # fmt: skip


def _edits(old: Sequence[str], new: Sequence[str]) -> Iterator[Edit]:
    for tag, *lines in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if tag != "equal":
            yield lines[0], lines[1], lines[2], lines[3]


def _lost(
    edit: Edit, ours: Sequence[Edit], old: Sequence[str], new: Sequence[str], own: Sequence[str]
) -> LostEdit | None:
    start, end, new_start, new_end = edit
    near = [one for one in ours if one[0] <= end and start <= one[1]]
    wanted = list(new[new_start:new_end])
    here = [line for one in near for line in own[one[2] : one[3]]]
    gone = not wanted and any(one[0] <= start and end <= one[1] for one in near)
    if (wanted and _holds(here, wanted)) or (gone and not _holds(here, list(old[start:end]))):
        return None
    shift = sum((one[3] - one[2]) - (one[1] - one[0]) for one in ours if one[1] <= start and one not in near)
    text = "\n".join(wanted)
    return LostEdit(line=start + shift + 1, base_line=new_start + 1, text=text, conflict=bool(near))


def _holds(lines: Sequence[str], wanted: Sequence[str]) -> bool:
    count = len(wanted)
    return any(list(lines[at : at + count]) == list(wanted) for at in range(len(lines) - count + 1))
