"""What the names in one SELECT can mean while its columns are traced."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from penstock.sql.relations import NONE, Refs, Relation, union

if TYPE_CHECKING:
    from sqlglot.expressions import Expr


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One source of a SELECT under the name its columns are qualified with.

    `hidden` members are not in `*` (the right side of a semi join); `folded` columns are there once, under their
    namesake on the left (USING).
    """

    name: str
    dataset: str | None
    relation: Relation
    aliased: bool
    hidden: bool = False
    folded: frozenset[str] = frozenset()


@dataclass(slots=True)
class Frame:
    """One SELECT's members, USING columns, projected names and windows, and the SELECT around it."""

    outer: Frame | None = None
    members: list[Member] = field(default_factory=list)
    merged: dict[str, Refs] = field(default_factory=dict)
    projected: dict[str, Refs] = field(default_factory=dict)
    windows: dict[str, Expr] = field(default_factory=dict)

    def find(self, words: list[str]) -> Refs | None:
        """What a column written with these words is made from, looking outward; None if it is nowhere."""
        here = self._qualified(words)
        if here is None:
            here = self._plain(words[0], whole=len(words) == 1)
        if here is None and self.outer is not None:
            return self.outer.find(words)
        return here

    def _qualified(self, words: list[str]) -> Refs | None:
        if len(words) < 2:
            return None
        full = ".".join(words[:2])
        whole = [item for item in self.members if item.dataset == full and not item.aliased]
        if len(words) >= 3 and whole:
            return whole[0].relation.find(words[2])
        named = [item.relation.find(words[1]) for item in self.members if item.name == words[0]]
        found = [refs for refs in named if refs is not None]
        if found:
            return union(found)
        return whole[0].relation.everything() if whole else None

    def _plain(self, word: str, *, whole: bool) -> Refs | None:
        listed = [
            refs for item in self.members if item.relation.certain and (refs := item.relation.find(word)) is not None
        ]
        if listed or word in self.merged:
            return union(listed) | self.merged.get(word, NONE)
        if word in self.projected:
            return self.projected[word]
        rows = [item.relation.everything() for item in self.members if whole and item.name == word]
        if rows:
            return union(rows)
        unlisted = [refs for item in self.members if (refs := item.relation.find(word)) is not None]
        return union(unlisted) if unlisted else None
