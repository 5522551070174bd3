"""Datasets and what flows between them as inline SVG, in layers from left to right.

Invariants: the same graph gives the same bytes; every box says in words what its colour says; no edge crosses a box.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from html import escape
from itertools import pairwise
from typing import TYPE_CHECKING

from penstock.delivery.pages.tables import shortened

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

_TALL, _GAP, _THIN, _BETWEEN, _WIDEST, _LETTER, _MOST_LETTERS = 44, 14, 16, 48, 150, 7.3, 30
_SWEEPS = 6


class State(StrEnum):
    """What a change does to a dataset."""

    NEW = "new"
    ALTERED = "altered"
    MOVED = "moved"
    REMOVED = "removed"
    UNCHANGED = "unchanged"


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """One dataset; `note` is what its box says beneath the name."""

    name: str
    state: State
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Slot:
    """A place in a layer: a dataset's, or where the edge of `edge` passes through."""

    name: str
    edge: tuple[str, str] | None = None


STYLE = """
.dag { overflow-x: auto; } .dag text { font: 12px ui-monospace, monospace; fill: var(--ink); }
.dag .note { font: 11px system-ui, sans-serif; } .dag path { fill: none; stroke: var(--old); stroke-width: 1.2; }
.dag path.lit { stroke: var(--new); stroke-width: 2; }
.dag rect { fill: var(--soft); stroke: var(--line); stroke-width: 1; }
.dag .new-set rect { stroke: var(--good); stroke-width: 2.5; }
.dag .altered rect { stroke: var(--new); stroke-width: 3; }
.dag .moved rect { stroke: var(--new); stroke-width: 1.5; stroke-dasharray: 6 3; }
.dag .removed rect { stroke: var(--bad); stroke-width: 2; stroke-dasharray: 2 3; }
@media print { .dag svg { max-width: 100%; height: auto; } }
"""


def dag_svg(nodes: Sequence[Node], edges: Iterable[tuple[str, str]]) -> str:
    """The picture; an edge is a pair of who is read and who reads, left out where one of the two is not drawn."""
    known = {node.name: node for node in nodes}
    drawn = sorted({pair for pair in edges if set(pair) <= set(known) and pair[0] != pair[1]})
    layers = _ordered(_layers(sorted(known), drawn), drawn)
    widths = [max((_width(known[slot.name]) for slot in layer if slot.edge is None), default=20) for layer in layers]
    lefts = _lefts(layers, widths, drawn)
    heights = [sum(_height(slot) + _GAP for slot in layer) - _GAP for layer in layers]
    tall, wide = max(heights, default=0) + 4, (lefts[-1] + widths[-1] + 2) if layers else 0
    middles: dict[_Slot, int] = {}
    for layer, height in zip(layers, heights, strict=True):
        top = (tall - height) // 2
        for slot in layer:
            middles[slot] = top + _height(slot) // 2
            top += _height(slot) + _GAP
    column = {slot: at for at, layer in enumerate(layers) for slot in layer}
    lit = {name for name, node in known.items() if node.state is not State.UNCHANGED}
    paths = [
        f'<path{" class=lit" if set(pair) <= lit else ""} d="{_path(pair, column, middles, lefts, widths)}"/>'
        for pair in sorted(drawn, key=lambda pair: (set(pair) <= lit, pair))
    ]
    boxes = [
        _box(known[slot.name], lefts[at], middles[slot], widths[at])
        for at, layer in enumerate(layers)
        for slot in layer
        if slot.edge is None
    ]
    label = escape(_alternative(nodes), quote=True)
    return (
        f'<div class="dag" role="region" aria-label="Datasets" tabindex="0"><svg width="{wide}" height="{tall}" '
        f'viewBox="0 0 {wide} {tall}" role="img" aria-label="{label}">{"".join(paths)}{"".join(boxes)}</svg></div>'
    )


def _lefts(layers: Sequence[Sequence[_Slot]], widths: Sequence[int], edges: Sequence[tuple[str, str]]) -> list[int]:
    """Where each layer begins: the more edges go between two layers, the more room they have."""
    depth = {slot.name: at for at, layer in enumerate(layers) for slot in layer if slot.edge is None}
    lefts = [2]
    for at, wide in enumerate(widths[:-1]):
        crossing = sum(1 for source, target in edges if depth[source] <= at < depth[target])
        lefts.append(lefts[-1] + wide + min(_BETWEEN + 3 * crossing, _WIDEST))
    return lefts


def _alternative(nodes: Sequence[Node]) -> str:
    """The picture in words: which datasets stand in which state."""
    parts = [
        f"{state}: {', '.join(sorted(node.name for node in nodes if node.state is state))}"
        for state in State
        if any(node.state is state for node in nodes)
    ]
    return f"Data flows from left to right. {'; '.join(parts)}."


def _layers(names: Sequence[str], edges: Sequence[tuple[str, str]]) -> list[list[_Slot]]:
    """Every dataset one layer after the last of what it reads; longer edges pass through the layers between."""
    reads: dict[str, list[str]] = {name: [] for name in names}
    for source, target in edges:
        reads[target].append(source)
    depth: dict[str, int] = {}
    for _ in names:
        depth = {name: max((depth.get(each, 0) + 1 for each in reads[name]), default=0) for name in names}
    layers: list[list[_Slot]] = [[] for _ in range(max(depth.values(), default=-1) + 1)]
    for name in names:
        layers[depth[name]].append(_Slot(name=name))
    for source, target in edges:
        for at in range(depth[source] + 1, depth[target]):
            layers[at].append(_Slot(name=f"{source}/{target}/{at}", edge=(source, target)))
    return layers


def _ordered(layers: list[list[_Slot]], edges: Sequence[tuple[str, str]]) -> list[list[_Slot]]:
    """Each layer ordered by where its neighbours stand, forwards and backwards in turn, by name where that ties."""
    beside: dict[_Slot, list[_Slot]] = {slot: [] for layer in layers for slot in layer}
    for pair in edges:
        chain = _chain(pair, layers)
        for left, right in pairwise(chain):
            beside[left].append(right)
            beside[right].append(left)
    for sweep in range(_SWEEPS):
        forwards = sweep % 2 == 0
        indices = range(1, len(layers)) if forwards else range(len(layers) - 2, -1, -1)
        for at in indices:
            fixed = layers[at - 1 if forwards else at + 1]
            place = {slot: index / max(len(fixed) - 1, 1) for index, slot in enumerate(fixed)}
            layers[at] = sorted(layers[at], key=lambda slot: (_centre(beside[slot], place), slot.name))
    return layers


def _centre(neighbours: Iterable[_Slot], place: Mapping[_Slot, float]) -> float:
    found = [place[each] for each in neighbours if each in place]
    return round(sum(found) / len(found), 6) if found else 0.5


def _chain(pair: tuple[str, str], layers: Sequence[Sequence[_Slot]]) -> list[_Slot]:
    """The slots that an edge goes through, from end to end."""
    ends = {pair[0], pair[1]}
    return [
        slot for layer in layers for slot in layer if slot.edge == pair or (slot.edge is None and slot.name in ends)
    ]


def _path(
    pair: tuple[str, str],
    column: Mapping[_Slot, int],
    middles: Mapping[_Slot, int],
    lefts: Sequence[int],
    widths: Sequence[int],
) -> str:
    ends = {pair[0], pair[1]}
    through = sorted(
        (slot for slot in column if slot.edge == pair or (slot.edge is None and slot.name in ends)),
        key=lambda slot: column[slot],
    )
    start = through[0]
    x, y = lefts[column[start]] + widths[column[start]], middles[start]
    parts = [f"M{x} {y}"]
    for slot in through[1:]:
        left, middle = lefts[column[slot]], middles[slot]
        bend = (x + left) // 2
        parts.append(f"C{bend} {y} {bend} {middle} {left} {middle}")
        x, y = left, middle
        if slot.edge is not None:
            x = left + widths[column[slot]]
            parts.append(f"H{x}")
    return " ".join(parts)


def _height(slot: _Slot) -> int:
    return _TALL if slot.edge is None else _THIN


def _width(node: Node) -> int:
    return round(max(min(len(node.name), _MOST_LETTERS) * _LETTER, len(node.note) * 6.2)) + 22


def _box(node: Node, left: int, middle: int, wide: int) -> str:
    kind = "new-set" if node.state is State.NEW else str(node.state)
    top = middle - _TALL // 2
    name = escape(shortened(node.name, _MOST_LETTERS))
    return (
        f'<g class="{kind}"><title>{escape(node.name)}: {escape(node.note)}</title>'
        f'<rect x="{left}" y="{top}" width="{wide}" height="{_TALL}" rx="6"/>'
        f'<text x="{left + 11}" y="{top + 18}">{name}</text>'
        f'<text class="note" x="{left + 11}" y="{top + 34}">{escape(node.note)}</text></g>'
    )
