"""The parts in which two queries differ, SELECT by SELECT, each with the new SELECT as it would be with the old part.

SELECTs are paired by the CTE, subquery or branch they are; old parts are written in the new one's aliases. Where a part
cannot be put back, the difference says so by having no `before`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot import exp

from penstock.model.errors import InputError
from penstock.sql.block_differences import Difference, Part, Sides, unplaced
from penstock.sql.block_edits import put_back
from penstock.sql.blocks import blocks_of
from penstock.sql.fingerprint import canonical
from penstock.sql.select_differences import select_differences
from penstock.sql.syntax import sql_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sqlglot.expressions import Expr

    from penstock.sql.blocks import Path
    from penstock.sql.changes import ChangedPlace


def differences(old: str, new: str) -> tuple[Difference, ...]:
    """Every part in which the new query differs from the old one; none if they mean the same.

    Raises:
        InputError: one of the texts is not one query.
    """
    if canonical(old) == canonical(new):
        return ()
    pairing = _Pairing(old, new)
    found = tuple(pairing.differences())
    return found if found and pairing.is_old_with(found) else (*found, unplaced(old, new))


def changed_places(old: str, new: str) -> tuple[ChangedPlace, ...]:
    """The places of all differences, in the order of lines, removed ones last.

    Raises:
        InputError: one of the texts is not one query.
    """
    places = [difference.place for difference in differences(old, new)]
    return tuple(sorted(places, key=lambda place: (place.removed, place.line, place.kind, place.name)))


class _Pairing:
    """Which SELECT of the new query is which of the old one."""

    def __init__(self, old: str, new: str) -> None:
        self._sides = Sides(old, new)
        self._paired: list[tuple[Path, Expr]] = []

    def is_old_with(self, found: Sequence[Difference]) -> bool:
        """Whether the new query is the old one once every part that was found is put back: else one was missed."""
        if any(one.part is Part.STRUCTURE for one in found):
            return True  # something is known not to be known
        copy = self._sides.trees[1].copy()
        standing, after = blocks_of(copy), blocks_of(self._sides.trees[1])
        parts: dict[Path, set[Part]] = {}
        for one in found:
            parts.setdefault(one.path, set()).add(one.part)
        for path, old in self._paired:
            if path in parts and not put_back(standing[path], old, parts[path], self._sides.moving(old, after[path])):
                return False
        try:
            return canonical(sql_of(copy)) == canonical(sql_of(self._sides.trees[0]))
        except InputError:
            return False

    def differences(self) -> Iterator[Difference]:
        before, after = (blocks_of(tree) for tree in self._sides.trees)
        gone, come = [path for path in before if path not in after], [path for path in after if path not in before]
        if len(gone) == len(come):  # renamed: what is left on both sides, in the order in which it stands
            pairs = [*((path, path) for path in after if path in before), *zip(gone, come, strict=True)]
        else:
            pairs = [(path, path) for path in after if path in before]
            yield from (self._structure(before[path], gone=True, path=path) for path in gone)
            yield from (self._structure(after[path], gone=False, path=path) for path in come)
        self._paired = [(ours, before[theirs]) for theirs, ours in pairs]
        for theirs, ours in pairs:
            yield from self._pair(ours, before[theirs], after[ours])

    def _pair(self, path: Path, old: Expr, new: Expr) -> Iterator[Difference]:
        if isinstance(old, exp.Select) and isinstance(new, exp.Select):
            yield from select_differences(self._sides, path, old, new)
        elif isinstance(old, exp.SetOperation) and isinstance(new, exp.SetOperation):
            yield from self._set_operations(path, old, new)
        else:
            yield self._structure(new, gone=False, path=path)

    def _structure(self, node: Expr, *, gone: bool, path: Path) -> Difference:
        return Difference(
            path=path,
            part=Part.STRUCTURE,
            place=self._sides.place(Part.STRUCTURE, node if gone else None, None if gone else node, ".".join(path)),
        )

    def _set_operations(self, path: Path, old: exp.SetOperation, new: exp.SetOperation) -> Iterator[Difference]:
        words = [_operations(side) for side in (old, new)]
        if words[0] == words[1]:
            return
        before: Expr | None = None
        if len(words[0]) == len(words[1]):
            before = new.copy()
            ours: Expr = before
            theirs: Expr = old
            chain = []
            while isinstance(ours, exp.SetOperation) and isinstance(theirs, exp.SetOperation):
                chain.append((ours, theirs))
                ours, theirs = ours.this, theirs.this
            if all(type(mine) is type(other) for mine, other in chain):
                for mine, other in chain:
                    mine.set("distinct", other.args.get("distinct"))
                    mine.set("by_name", other.args.get("by_name"))
            else:
                before = None
        yield Difference(
            path=path,
            part=Part.SET,
            place=self._sides.place(Part.SET, old, new, ", ".join(words[1])),
            before=before,
            old=old,
            new=new,
        )


def _operations(node: exp.SetOperation) -> list[str]:
    words: list[str] = []
    current: Expr = node
    while isinstance(current, exp.SetOperation):
        parts = [
            current.key.upper(),
            "" if current.args.get("distinct") else "ALL",
            "BY NAME" if current.args.get("by_name") else "",
        ]
        words.insert(0, " ".join(part for part in parts if part))
        current = current.this
    return words
