"""From which columns of a query a row's interval follows: those bounded, those named, and what is made of them.

Columns are followed by name, through aliases, wherever in the query these stand.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlglot import exp

from penstock.model.intervals import Grain
from penstock.sql.bounds import MOMENTS, unwrapped

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from sqlglot.expressions import Expr

    from penstock.sql.bounds import Bound

_UNITS = {"second": 0, "minute": 0, "hour": 0, "day": 1, "month": 2}
_LENGTH = {Grain.HOUR: 0, Grain.DAY: 1, Grain.MONTH: 2}


@dataclass(frozen=True, slots=True, kw_only=True)
class SlicedInput:
    """How a dataset that is read is cut into intervals, if it is; without a column it is cut, nobody knows by which."""

    sliced: bool
    column: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Slicing:
    """How the dataset itself is cut: its interval's column and grain, and the key by which its rows are merged."""

    column: str
    grain: Grain
    key: tuple[str, ...] = ()


class Moments:
    """The columns of one query that tell the interval; `names` in lower case."""

    def __init__(
        self, tree: Expr, slicing: Slicing, inputs: Mapping[str, SlicedInput], bounded: Iterable[Bound]
    ) -> None:
        self._grain = slicing.grain
        named = {slicing.column.lower()}
        named |= {item.column.lower() for item in inputs.values() if item.column}
        named |= {name for bound in bounded for name in plain(bound)}
        aliases = list(tree.find_all(exp.Alias))
        while True:
            more = {item.alias.lower() for item in aliases if self.tell(item.this, frozenset(named))} - named
            if not more:
                break
            named |= more
        self.names = frozenset(named)

    def tell(self, node: Expr, names: frozenset[str] | None = None) -> bool:
        """Whether rows with the same value of an expression lie in the same interval; `names` instead of its own."""
        node = node.unalias().unnest()
        if isinstance(node, exp.Column):
            return node.name.lower() in (self.names if names is None else names)
        if isinstance(node, exp.TimestampTrunc | exp.DateTrunc):
            return self._fits(node.text("unit")) and self.tell(node.this, names)
        if isinstance(node, exp.Cast) and node.to.is_type(exp.DType.DATE):
            return self._fits("day") and self.tell(node.this, names)
        return isinstance(node, exp.Cast) and node.to.is_type(*MOMENTS) and self.tell(node.this, names)

    def _fits(self, unit: str) -> bool:
        return _UNITS.get(unit.lower(), 3) <= _LENGTH[self._grain]


def plain(bound: Bound) -> frozenset[str]:
    """The column that is bounded as it is, or as its date; nothing if it is moved first."""
    subject = unwrapped(bound.subject)
    if isinstance(subject, exp.TimestampTrunc | exp.DateTrunc):
        subject = unwrapped(subject.this)
    return frozenset({subject.name.lower()}) if isinstance(subject, exp.Column) else frozenset()
