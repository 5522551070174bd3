"""The dossier's answer to: what can go wrong? What nothing went through, what tests miss, and what was not tried."""

from __future__ import annotations

from typing import TYPE_CHECKING

from penstock.delivery.pages.dossier_room import counted
from penstock.delivery.pages.exercise import edit_text
from penstock.delivery.pages.faults import share_text
from penstock.delivery.pages.tables import duration, shortened
from penstock.quality.mutation import score_of
from penstock.quality.rerunning import Repeat
from penstock.quality.slicing import SliceOutcome

if TYPE_CHECKING:
    from collections.abc import Iterator

    from penstock.delivery.pages.dossier_room import Room
    from penstock.delivery.review import Review
    from penstock.policy.facts import Readiness
    from penstock.quality.exercise import Exercise, PlaceSeen


def risks(seen: Review, room: Room) -> Iterator[str]:
    """What a reader has to live with, the weightiest first."""
    if seen.facts.run_findings:
        yield "The change failed in its own run: nothing of it was tried."
        for finding in seen.facts.run_findings[: room.findings]:
            yield f"- {room.text(finding.message)}"
        return
    yield from _unexercised(seen, room)
    yield from _joins(seen, room)
    yield from _faults(seen)
    yield from _repeats(seen, room)
    yield from _slices(seen, room)
    yield from _lateness(seen, room)
    yield "- No other machine, and no load beside this one, was tried."


def _unexercised(seen: Review, room: Room) -> Iterator[str]:
    """The changed places that no row and no test went through."""
    chunk = seen.outputs["exercise"].chunk
    exercises = seen.facts.exercises
    places = [(one, place) for one in exercises for place in one.unseen]
    total = sum(len(one.places) for one in exercises)
    if not exercises:
        yield f"- No query of production is edited, so there was no changed place to go through (output {chunk})."
        return
    yield (
        f"- **{'Not exercised' if places else 'Exercised'}:** of {counted(total, 'changed place')} in "
        f"{counted(len(exercises), 'query')}, rows or data tests went through {total - len(places):,} (output {chunk})."
        f"{' What the others do, no number above shows:' if places else ''}"
    )
    yield from (line for one, place in places[: room.places] for line in _place(one, place, room))
    if len(places) > room.places:
        yield f"  - and {len(places) - room.places:,} more"


def _place(one: Exercise, place: PlaceSeen, room: Room) -> Iterator[str]:
    edit = shortened(edit_text(place), min(110, room.characters))
    yield f"  - F:{one.file}:{place.place.line} `{edit}`: {place.grounds}"
    if place.witness is not None:
        yield f"  - rows that would show it: {shortened(place.witness.given, min(120, room.characters))}"


def _joins(seen: Review, room: Room) -> Iterator[str]:
    for join in seen.facts.multiplying[: room.places]:
        yield (
            f"- **A join can repeat rows:** F:{join.file}:{join.line} `{room.text(join.excerpt)}` meets up to "
            f"{join.copies:,} rows of `{join.joined}` for one key."
        )
    if len(seen.facts.multiplying) > room.places:
        yield f"- And {counted(len(seen.facts.multiplying) - room.places, 'more join')} can."


def _faults(seen: Review) -> Iterator[str]:
    score = score_of(seen.facts.mutations)
    if score is None:
        return
    left = sum(len(one.survivors) for one in seen.facts.mutations)
    would = f"{left:,} would go through unnoticed" if left else "none would go through"
    yield (
        f"- **Tests:** of the faults put into edited lines on purpose, data tests noticed {share_text(score)}; {would} "
        f"(output {seen.outputs['faults'].chunk})."
    )


def _repeats(seen: Review, room: Room) -> Iterator[str]:
    """What two builds made of the same inputs."""
    reruns = seen.facts.reruns
    differing = [one for one in reruns if one.repeat is Repeat.DIFFERENT]
    same = sum(1 for one in reruns if one.repeat is Repeat.SAME)
    if differing:
        rows = sum(one.differing for one in differing)
        yield (
            f"- **Not repeatable:** {room.named(one.dataset for one in differing)} came out otherwise when built again "
            f"from the same inputs ({counted(rows, 'row')})."
        )
    if same:
        yield f"- Built a second time from the same inputs, {counted(same, 'dataset')} came out the same."
    untried = [one for one in reruns if one.repeat is Repeat.NOT_TRIED and one.why]
    for why in sorted({str(one.why) for one in untried}):
        yield f"- Not built a second time: {room.named(one.dataset for one in untried if one.why == why)} ({why})."


def _slices(seen: Review, room: Room) -> Iterator[str]:
    """What was built slice by slice, and what of it was not tried."""
    chunk = seen.outputs["slices"].chunk
    tried = [each for each in seen.facts.slices if each.outcome is not SliceOutcome.NOT_TRIED]
    differing = [each.dataset for each in tried if each.outcome is SliceOutcome.DIFFERENT]
    if differing:
        yield f"- **Late or reordered data makes other rows** in {room.named(differing)} (output {chunk})."
    elif tried:
        yield (
            f"- Late, missing and reordered days make no difference: {counted(len(tried), 'dataset')} built day by day "
            f"in several orders came out as built at once (output {chunk})."
        )
    left = [each for each in seen.facts.slices if each.outcome is SliceOutcome.NOT_TRIED]
    for each in left[: room.places]:
        yield f"- Late data was not tried on `{each.dataset}`: {each.why}."
    if len(left) > room.places:
        yield f"- Nor on {counted(len(left) - room.places, 'more dataset')}."


def _lateness(seen: Review, room: Room) -> Iterator[str]:
    for each in seen.facts.readiness[: room.places]:
        yield _ready(each, seen.facts.readiness_before.get(each.pipeline))
    if not seen.facts.readiness:
        yield "- No pipeline that it touches promises a time to be ready by, so lateness was not played through."


def _ready(now: Readiness, before: Readiness | None) -> str:
    was = f"; without the change {before.late:,}" if before and before.late != now.late else ""
    where = f"`{now.pipeline}` (ready by {now.ready_by}), played through {counted(now.intervals, 'interval')} ahead"
    if not now.late:
        return f"- **On time:** {where}: none late{was}."
    worst = "would never come" if now.worst is None else f"comes {duration(now.worst.total_seconds())} late"
    return f"- **Late:** {where}: {now.late:,} late{was}, the first on {now.first_late}; the worst {worst}."
