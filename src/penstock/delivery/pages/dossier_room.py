"""How much detail a dossier has room for, and the ways in which its sentences name and count things."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from penstock.delivery.pages.tables import number, shortened

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """The most of each kind that is shown, and how many characters of a text that others wrote."""

    datasets: int
    columns: int
    examples: int
    findings: int
    places: int
    names: int
    criteria: int
    gates: int
    characters: int

    def text(self, words: str) -> str:
        """Somebody's words on one line, cut where they are too long."""
        return shortened(" ".join(words.split()), self.characters)

    def named(self, names: Iterable[str]) -> str:
        """Datasets and the like, the first of them by name, the rest by number."""
        every = [f"`{name}`" for name in names]
        if len(every) <= self.names:
            return listed(every)
        return f"{', '.join(every[: self.names])} and {len(every) - self.names:,} more"


ROOMS = (
    Room(datasets=4, columns=8, examples=2, findings=6, places=3, names=8, criteria=10, gates=30, characters=300),
    Room(datasets=4, columns=8, examples=1, findings=5, places=3, names=6, criteria=8, gates=20, characters=240),
    Room(datasets=3, columns=6, examples=1, findings=4, places=3, names=5, criteria=6, gates=12, characters=200),
    Room(datasets=3, columns=6, examples=1, findings=3, places=2, names=5, criteria=4, gates=10, characters=170),
    Room(datasets=2, columns=5, examples=1, findings=2, places=2, names=4, criteria=3, gates=8, characters=120),
    Room(datasets=1, columns=4, examples=0, findings=1, places=1, names=3, criteria=2, gates=6, characters=100),
    Room(datasets=1, columns=2, examples=0, findings=1, places=1, names=2, criteria=1, gates=3, characters=60),
)
"""From the most detailed to the barest; the first that fits on the page is taken."""


def listed(words: Iterable[str]) -> str:
    """Words in a row, as people write them.

    >>> listed(["a", "b", "c"])
    'a, b and c'
    """
    every = list(words)
    return " and ".join([", ".join(every[:-1]), every[-1]]) if len(every) > 1 else "".join(every)


def counted(count: int, noun: str) -> str:
    """A number and its noun.

    >>> counted(1, "row"), counted(2_000, "row"), counted(2, "query")
    ('1 row', '2,000 rows', '2 queries')
    """
    plural = f"{noun[:-1]}ies" if noun.endswith("y") and noun[-2:-1] not in "aeiou" else f"{noun}s"
    return f"{count:,} {noun if count == 1 else plural}"


def figure(value: Decimal | None) -> str:
    """A total for a sentence: to the second place where it has more.

    >>> figure(Decimal("1685989.600")), figure(Decimal(12)), figure(Decimal("0.00012"))
    ('1,685,989.60', '12', '0.00012')
    """
    if value is None or value == value.to_integral_value():
        return number(None if value is None else int(value))
    rounded = value.quantize(Decimal("0.01"))
    return number(rounded if abs(value) >= 1 else value)
