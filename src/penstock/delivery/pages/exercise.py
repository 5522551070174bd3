"""What went through the changed places of queries, as text and as plain values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from penstock.delivery.pages.tables import number, shortened

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from penstock.quality.exercise import Exercise, PlaceSeen
    from penstock.quality.witness import Witness


def exercises_text(exercises: Sequence[Exercise]) -> str:
    """Each query that changed, place by place, for a terminal."""
    lines = [line for one in exercises for line in _one(one)]
    return "\n".join(lines or ["no query that was there before is another one now"]) + "\n"


def _one(one: Exercise) -> Iterator[str]:
    yield f"{one.dataset}: {one.comparison}"
    for seen in one.places:
        mark = "gone through" if seen.exercised else "not gone through"
        yield f"  {one.file}:{seen.place.line} {seen.place.kind} {edit_text(seen)}"
        yield f"    {mark}: {seen.grounds}"
        if seen.tally is not None:
            tally = seen.tally
            yield (
                f"    {number(tally.rows)} rows seen, old takes {number(tally.old)}, new takes {number(tally.new)}, "
                f"{number(tally.crossing)} cross"
            )
        yield from (f"    {count:,} rows meet {text}" for text, count in (seen.sides.met if seen.sides else ()))
        if seen.test is not None:
            yield f"    the data test {seen.test!r} tells old from new"
        elif seen.witness is not None:
            yield f"    rows that would show it: {seen.witness.given}"
            yield f"    {seen.witness.apart}"
        elif not seen.exercised:
            yield f"    no made-up row {'told old from new' if seen.tried else 'got through the query'}"


def edit_text(seen: PlaceSeen) -> str:
    """What was put for what, on one line."""
    old, new = (" ".join(text.split()) if text is not None else None for text in (seen.place.old, seen.place.new))
    if old is None or new is None:
        word = "removed" if new is None else "added"
        return f"{word}: {shortened(new or old or seen.place.excerpt)}"
    return f"{shortened(old, 100)} → {shortened(new, 100)}"


def exercise_json(one: Exercise) -> dict[str, Any]:
    """The same as plain values."""
    return {
        "file": one.file,
        "verdict": str(one.comparison),
        "places": [
            {
                "line": seen.place.line,
                "kind": str(seen.place.kind),
                "excerpt": seen.place.excerpt,
                "old": seen.place.old,
                "new": seen.place.new,
                "exercised": seen.exercised,
                "grounds": str(seen.grounds),
                "rows": _tally(seen),
                "sides": dict(seen.sides.met) if seen.sides else {},
                "test": seen.test,
                "tried": seen.tried,
                "case": seen.case,
                "witness": _witness(seen.witness) if seen.witness else None,
            }
            for seen in one.places
        ],
    }


def _tally(seen: PlaceSeen) -> dict[str, int] | None:
    if seen.tally is None:
        return None
    return {"seen": seen.tally.rows, "old": seen.tally.old, "new": seen.tally.new, "crossing": seen.tally.crossing}


def _witness(witness: Witness) -> dict[str, Any]:
    return {
        "given": {
            made.dataset: [dict(zip([name for name, _ in made.columns], row, strict=True)) for row in made.rows]
            for made in witness.world
        },
        "old": [dict(zip(witness.columns, row, strict=True)) for row in witness.old],
        "new": [dict(zip(witness.columns, row, strict=True)) for row in witness.new],
    }
