"""How many people have to approve, and which of them count."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection


@dataclass(frozen=True, slots=True, kw_only=True)
class Quorum:
    """`count` different people, of those in `among` (names or groups; any approver if empty).

    With a `label` it is asked of changes that carry that label alone.
    """

    count: int
    among: tuple[str, ...] = ()
    label: str = ""

    @property
    def words(self) -> str:
        """What is special about it, to stand after a number of approvals."""
        among = f" from {' or '.join(self.among)}" if self.among else ""
        return f"{among} for what is {self.label.replace('_', ' ')}" if self.label else among

    def admits(self, name: str, groups: Collection[str]) -> bool:
        """Whether an approver of that name and those groups counts."""
        return not self.among or name in self.among or any(group in self.among for group in groups)

    def asked_of(self, labels: Collection[str]) -> bool:
        """Whether it is asked of a change with these labels."""
        return not self.label or self.label in labels
