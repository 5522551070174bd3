"""The dossier's answer to: what will my numbers do tomorrow?"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from penstock.author.documentation import is_delivered
from penstock.delivery.pages.dossier_room import counted, figure, listed
from penstock.delivery.pages.tables import number, percent, shortened

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from penstock.delivery.changes import Change
    from penstock.delivery.pages.dossier_room import Room
    from penstock.delivery.review import Review
    from penstock.model.stories import Impact
    from penstock.quality.comparison import ColumnMovement, DatasetDiff, RowExample

MOST_TOLD, MOST_FIGURES = 2, 5
"""How many datasets, and figures of each, the first paragraph tells of."""


def headline(seen: Review, room: Room) -> Iterator[str]:
    """What readers will see that they do not see today, in sentences."""
    chunk = seen.outputs["difference"].chunk
    if seen.facts.run_findings:
        yield "**What your numbers will do** is not known: the change failed in its own run, and nothing was measured."
        return
    moved = _by_weight(seen)
    if moved:
        delivered = [diff for diff in moved if not _rank(seen, diff.dataset)[0]]
        told = (delivered or moved[:1])[: min(MOST_TOLD, room.datasets)]
        yield f"**What your numbers will do.** {' '.join(_sentence(seen, diff, room) for diff in told)}"
        yield from _others(seen, moved[len(told) :], room)
        yield (
            "It shows from the moment of promotion, in past days as well: old and new were compared row by row "
            f"on the same data, up to {seen.until} (output {chunk})."
        )
    else:
        yield f"**What your numbers will do.** {_stillness(seen)} (output {chunk})."
    if seen.facts.new_datasets:
        news = [_sized(seen, name) for name in sorted(seen.facts.new_datasets, key=lambda name: _rank(seen, name))]
        more = len(news) - room.names
        rest = [f"{more:,} more"] if more > 0 else []
        yield f"New, with no earlier version to compare with: {listed((*news[: room.names], *rest))}."
    if seen.facts.removed:
        yield f"**Readers find these gone:** {room.named(seen.facts.removed)}."


def _rank(seen: Review, name: str) -> tuple[bool, str]:
    """What is delivered to readers before what is on the way there."""
    dataset = seen.planned.project.datasets.get(name)
    return dataset is None or not is_delivered(dataset), name


def _by_weight(seen: Review) -> list[DatasetDiff]:
    return sorted((diff for diff in seen.facts.diffs if not diff.empty), key=lambda diff: _rank(seen, diff.dataset))


def _stillness(seen: Review) -> str:
    count = len(seen.facts.diffs)
    if count:
        return f"Nothing: every row is the same in {counted(count, 'dataset')} that the change builds anew"
    return "Nothing that readers use today moves"


def _sized(seen: Review, name: str) -> str:
    return f"`{name}` ({counted(seen.content[name][0], 'row')})" if name in seen.content else f"`{name}`"


def _sentence(seen: Review, diff: DatasetDiff, room: Room) -> str:
    impact = seen.planned.story.impact.get(diff.dataset)
    figures = _ordered(diff, impact)
    most = min(MOST_FIGURES, room.columns)
    told = [_figure_moves(column) for column in figures[:most]]
    more = len(figures) - most
    told += [f"{counted(more, 'more column')} {'moves' if more == 1 else 'move'}"] if more > 0 else []
    told += _columns(diff)
    parts = f"{listed(told)}; {_rows(diff)}" if told else _rows(diff)
    return f"In `{diff.dataset}` {parts}{_when(seen, diff)}{_where(impact)}."


def _ordered(diff: DatasetDiff, impact: Impact | None) -> list[ColumnMovement]:
    """Figures by how far their totals move, those that the story names first; then whatever else is another one."""
    named = frozenset(impact.columns) if impact else frozenset[str]()
    moved = [column for column in diff.columns if column.moved]
    return sorted(
        moved,
        key=lambda one: (
            one.old_total == one.new_total,
            one.name not in named,
            -abs(one.percent or Decimal(0)),
            one.name,
        ),
    )


def _figure_moves(column: ColumnMovement) -> str:
    old, new = column.old_total, column.new_total
    if old is None or new is None or old == new:
        same = " while its total stays" if column.numeric else ""
        return f"`{column.name}` differs in {counted(column.changed_rows, 'row')}{same}"
    verb = "rises" if new > old else "falls"
    share = f" ({percent(column.percent)})" if column.percent is not None else ""
    return f"`{column.name}` {verb} from {figure(old)} to {figure(new)}{share}"


def _columns(diff: DatasetDiff) -> list[str]:
    words = (("appears", diff.schema_added), ("**disappears**", diff.schema_removed))
    said = [f"column {listed(f'`{name}`' for name in names[:3])} {word}" for word, names in words if names]
    return said + [f"`{name}` becomes {new} (was {old})" for name, old, new in diff.schema_retyped[:2]]


def _rows(diff: DatasetDiff) -> str:
    counts = ((diff.changed, "change"), (diff.added, "come"), (diff.removed, "go"))
    told = [f"{count:,} {word}" for count, word in counts if count]
    return f"of {counted(diff.old_rows, 'row')} {listed(told)}" if told else "no row is another one"


def _when(seen: Review, diff: DatasetDiff) -> str:
    picture = seen.pictures.get(diff.dataset)
    if picture is None or not picture.first:
        return ""
    if picture.first == picture.last:
        return f", all on {picture.first} (`{picture.day}`)"
    return f", from {picture.first} to {picture.last} (`{picture.day}`)"


def _where(impact: Impact | None) -> str:
    return f", and only where `{shortened(impact.where, 80)}`" if impact and impact.where else ""


def _others(seen: Review, rest: Sequence[DatasetDiff], room: Room) -> Iterator[str]:
    still = [diff.dataset for diff in seen.facts.diffs if diff.empty]
    if rest:
        yield f"What moves with it, or on the way there: {room.named(diff.dataset for diff in rest)}."
    if still:
        yield f"Built anew and the same, row by row: {room.named(still)}."


def movement(change: Change, seen: Review, room: Room) -> Iterator[str]:
    """Every dataset that moves, with its columns before and now and what was declared."""
    moved = _by_weight(seen)
    if not moved:
        yield f"Nothing to show: see above (output {seen.outputs['difference'].chunk})."
        return
    yield (
        f"Totals are of whole columns. A movement outside of what was declared (F:{change.folder}/plan.json:1) stops "
        "the change."
    )
    for diff in moved[: room.datasets]:
        yield ""
        yield from _one_diff(seen, diff, room)
    left = [diff.dataset for diff in moved[room.datasets :]]
    if left:
        yield ""
        yield f"Not shown here: {room.named(left)} (F:{change.folder}/review.json:1)."


def _one_diff(seen: Review, diff: DatasetDiff, room: Room) -> Iterator[str]:
    impact = seen.planned.story.impact.get(diff.dataset)
    declared = f"rows {impact.rows}" if impact and impact.rows else "no movement of rows"
    yield (
        f"**`{diff.dataset}`**: {number(diff.old_rows)} rows before, {number(diff.new_rows)} now; {number(diff.added)} "
        f"added, {number(diff.removed)} removed, {number(diff.changed)} changed (declared: {declared})."
    )
    moved = _ordered(diff, impact)
    if moved and _rank(seen, diff.dataset)[0]:
        yield f"On the way to readers: {listed(map(_short, moved[: room.columns]))}."
        return
    if moved:
        yield ""
        yield "| column | total before | total now | movement | declared |"
        yield "|---|---|---|---|---|"
    for column in moved[: room.columns]:
        bound = impact.bound_of(column.name) if impact else None
        said = str(bound) if bound else "must not move"
        values = f"{number(column.old_total)} | {number(column.new_total)} | {percent(column.percent)}"
        yield f"| `{_cell(column.name)}` | {values} | {said} |"
    if len(moved) > room.columns:
        yield f"| and {len(moved) - room.columns} more | | | | |"
    examples = [
        _example(one, room) for one in diff.examples[: room.examples if diff.changed else min(1, room.examples)]
    ]
    if examples:
        yield ""
        yield "For example: " + "; ".join(examples) + "."


def _short(column: ColumnMovement) -> str:
    """A column's movement in a word or two."""
    if column.percent is None or column.old_total == column.new_total:
        return f"`{column.name}` in {counted(column.changed_rows, 'row')}"
    return f"`{column.name}` {percent(column.percent)}"


def _cell(text: str) -> str:
    return text.replace("|", r"\|")


def _example(example: RowExample, room: Room) -> str:
    """One differing row as people say it."""
    key = ", ".join(f"{name} {value}" for name, value in example.key)
    if example.column is not None:
        values = f"`{example.column}` was {room.text(str(example.old))}, is {room.text(str(example.new))}"
        return f"where {room.text(key)}, {values}" if key else values
    kind = "added" if example.old is None else "removed"
    row = (example.new or example.old or "").strip("{}").replace("'", "")
    return f"a row {kind}: {room.text(key or row)}"
