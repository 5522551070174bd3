"""The rest of the dossier: what was asked for and done, who reads it, how it was checked, what it costs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from penstock.delivery.pages.dossier_room import counted, listed
from penstock.delivery.pages.tables import number, shortened
from penstock.model.pipelines import SqlTask
from penstock.sql.block_pairs import changed_places

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from penstock.delivery.changes import Change
    from penstock.delivery.pages.dossier_room import Room
    from penstock.delivery.review import Review
    from penstock.model.stories import Criterion
    from penstock.policy.facts import CriterionResult
    from penstock.quality.rerunning import Rerun

MOST_FILES = 3


def asked(change: Change, seen: Review, room: Room, edited: Sequence[str]) -> Iterator[str]:
    """The story in its own words, who wrote the change, and the files and lines (`edited`) that matter most."""
    story = seen.planned.story
    paragraphs = [part.strip() for part in story.text.split("\n\n") if part.strip() and not part.startswith("#")]
    first = shortened(" ".join((paragraphs[0] if paragraphs else story.title).split()), 2 * room.characters)
    kind = "a new pipeline" if story.kind == "new" else "a change of a pipeline that is in production"
    yield f"{first} (F:{change.folder}/story.md:1)"
    yield ""
    yield (
        f"It is {kind}, `{story.pipeline}`, owned by {story.owner or 'nobody yet'}. {story.author.words()}; "
        f"{change.author} answers for it. The plan that was followed is F:{change.folder}/plan.md:1."
    )
    yield from _files(seen, room)
    yield from _lines(room, edited)


def _files(seen: Review, room: Room) -> Iterator[str]:
    replaced = set(seen.planned.replaced)
    kept = set(seen.planned.kept)
    new = [file for file in seen.planned.files if file.path not in replaced | kept]
    every = [*(file for file in seen.planned.files if file.path in replaced), *new]
    gone = seen.planned.removed
    taken = f"; taken away: {len(gone)} ({room.named(gone)})" if gone else ""
    first = sorted(every, key=lambda file: not file.path.endswith((".sql", ".py")))[:MOST_FILES]
    matter = f" First of them: {listed(f'F:{file.path}:1' for file in first)}." if first else ""
    yield f"Files replaced: {len(replaced)}; new: {len(new)}{taken}.{matter}"


def _lines(room: Room, edited: Sequence[str]) -> Iterator[str]:
    if edited:
        yield ""
        yield "In queries of production these lines are other ones:"
        yield ""
        yield from edited[: room.places]
    if len(edited) > room.places:
        yield f"- and {len(edited) - room.places:,} more"


def edited_lines(seen: Review) -> Iterator[str]:
    """Where the queries of altered datasets changed, by clause."""
    base, project = seen.planned.base, seen.planned.project
    for name in seen.planned.difference.altered:
        old, new = base.datasets[name].task, project.datasets[name].task
        if not isinstance(old, SqlTask) or not isinstance(new, SqlTask):
            continue
        for place in changed_places(old.text, new.text):
            if not place.removed:
                excerpt = shortened(place.excerpt, 90)
                yield f"- F:{project.datasets[name].file}:{place.line} {place.kind}: `{excerpt}`"


def downstream(seen: Review, room: Room) -> Iterator[str]:
    """Everybody who reads what moves: datasets, those whom contracts name, exports, owners."""
    project = seen.planned.project
    touched = seen.planned.difference.touched
    readers = project.downstream(*touched)
    outside = [name for name in readers if name not in touched]
    named = [(name, seen.consumers[name]) for name in sorted({*touched, *readers}) if seen.consumers.get(name)]
    for name, consumers in named[: room.names]:
        contract = project.datasets[name].contract
        cited = f" (F:{contract.file}:1)" if contract else ""
        told = [f"{one.name}{_columns(one.columns)}" for one in consumers[: room.names]]
        told += [f"{len(consumers) - room.names} more"] if len(consumers) > room.names else []
        yield f"- `{name}` is read by {listed(told)}{cited}."
    if len(named) > room.names:
        yield f"- Consumers are named for {counted(len(named) - room.names, 'more dataset')}."
    exports = [name for name, one in sorted(project.exports.items()) if one.dataset in {*touched, *readers}]
    if exports:
        yield f"- It leaves by export: {room.named(exports)}."
    if outside:
        yield f"- These read what moves and keep their own definition: {room.named(outside)}."
    else:
        yield "- Nothing else in this project reads what moves."
    owners = sorted({project.pipeline_of(name).owner for name in (*touched, *readers)})
    told = owners[: room.names]
    rest = [f"{len(owners) - len(told)} more"] if len(owners) > len(told) else []
    yield f"- Owners to tell: {listed((*told, *rest)) or 'none'}."
    if not named:
        yield "- No contract names a consumer; readers outside this project are not known to Penstock."


def _columns(columns: tuple[str, ...] | None) -> str:
    return f" ({', '.join(f'`{name}`' for name in columns[:4])}{', …' if len(columns) > 4 else ''})" if columns else ""


def criteria(seen: Review, room: Room) -> Iterator[str]:
    """What the story asks to be true, by criterion; those of earlier stories that hold, by number."""
    chunk = seen.outputs["criteria"].chunk
    rows = seen.facts.criteria
    own = [row for row in rows if row.offending or not _is_other(row.criterion, seen)]
    own.sort(key=lambda row: row.offending == 0)
    for row in own[: room.criteria]:
        yield f"- {_criterion(row, seen, room)}"
    rest = len(own) - room.criteria
    if rest > 0:
        broken = sum(1 for row in own[room.criteria :] if row.offending)
        yield f"- And {rest:,} more, {broken:,} of them not met."
    kept = len(rows) - len(own)
    if kept:
        stories = listed(sorted({row.criterion.story for row in rows if _is_other(row.criterion, seen)})[: room.names])
        yield f"- What earlier stories asked for ({stories}) holds as before: {kept} of {kept}."
    where = "Each criterion was tried on every row of the new versions" if rows else "The story names no criterion"
    yield f"- {where} (output {chunk})."


def _criterion(row: CriterionResult, seen: Review, room: Room) -> str:
    met = "Met." if row.offending == 0 else f"**Not met: {counted(row.offending, 'row')} contradict it.**"
    return f"{_named(row.criterion, seen)}: {room.text(row.criterion.text)} {met}"


def _is_other(criterion: Criterion, seen: Review) -> bool:
    return criterion.story not in {"", seen.planned.story.id}


def _named(criterion: Criterion, seen: Review) -> str:
    """A criterion by its id, with its story's where that is another one."""
    return f"{criterion.story}.{criterion.id}" if _is_other(criterion, seen) else criterion.id


def quality(seen: Review, room: Room) -> Iterator[str]:
    """The checks of the contracts, and rows that are missing because they were put aside."""
    results = [result for rows in seen.facts.checks.values() for result in rows]
    failed = [result for result in results if not result.passed]
    yield (
        f"- {counted(len(results), 'check')} of the contracts ran over all rows of the new versions; "
        f"{len(results) - len(failed)} hold. The quality score is {seen.facts.score} of 100 "
        f"(goal: {seen.facts.policy.quality_score}; output {seen.outputs['checks'].chunk})."
    )
    for result in failed[: room.findings]:
        yield f"- does not hold: {room.text(result.message)}"
    if len(failed) > room.findings:
        yield f"- and {len(failed) - room.findings} more do not hold."
    aside = list(seen.facts.quarantined.items())
    for name, (before, now) in aside[: room.findings]:
        yield f"- `{name}`: {number(now)} row(s) are put aside and missing from it; in production {number(before)}."
    if len(aside) > room.findings:
        yield f"- and {len(aside) - room.findings} more dataset(s) with rows put aside."


def cost(seen: Review, room: Room) -> Iterator[str]:
    """What the shadow run took, and what a run will take from now on."""
    built = sum(seen.shadow.built.values())
    yield (
        f"- Once: {counted(built, 'slice')} of history built in {seen.shadow.seconds:.1f} s (output "
        f"{seen.outputs['shadow run'].chunk}). That work is done; promoting copies no data."
    )
    measured = [one for one in seen.facts.reruns if one.effort is not None]
    for one in measured[: room.places]:
        yield f"- Each run: {_effort(one)}"
    if len(measured) > room.places:
        yield f"- Measured as well: {room.named(one.dataset for one in measured[room.places :])}."
    if not measured:
        yield "- Each run from now on: not measured."


def _effort(one: Rerun) -> str:
    assert one.effort is not None  # noqa: S101 - only measured ones come here
    now = f"`{one.dataset}` handles {counted(one.effort.rows, 'row')} in {_milliseconds(one.effort.seconds)}"
    if one.before is None:
        return f"{now}; production has no such run."
    return f"{now}; production {counted(one.before.rows, 'row')} in {_milliseconds(one.before.seconds)}."


def _milliseconds(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds >= 1 else f"{seconds * 1000:.0f} ms"
