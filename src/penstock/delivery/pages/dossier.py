"""The dossier: one page on which someone who does not read SQL can say yes or no; every claim cites its source.

Invariants: it holds 500 to 1,000 words, whatever the size of the change; what does not fit is counted and is in the
recorded outputs that are cited. `dossier.md` and `dossier.html` are made of the same lines.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from penstock.delivery.pages.deployment import irreversible_text
from penstock.delivery.pages.dossier_numbers import headline, movement
from penstock.delivery.pages.dossier_risks import risks
from penstock.delivery.pages.dossier_room import ROOMS, counted, listed
from penstock.delivery.pages.dossier_rulings import apart_from, rulings
from penstock.delivery.pages.dossier_work import asked, cost, criteria, downstream, edited_lines, quality
from penstock.model.findings import Outcome

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from penstock.delivery.changes import Change
    from penstock.delivery.judged import JudgedStage
    from penstock.delivery.pages.dossier_room import Room
    from penstock.delivery.pages.dossier_rulings import Ruled
    from penstock.delivery.review import Review
    from penstock.model.findings import Verdict

MOST_WORDS = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """One heading and what stands under it, as lines of Markdown. `id` names it for links; the first has none."""

    id: str
    heading: str
    lines: tuple[str, ...]

    def __str__(self) -> str:
        text = "\n".join(self.lines)
        return f"## {self.heading}\n\n{text}" if self.id else f"# {self.heading}\n\n{text}"


def dossier_page(change: Change, seen: Review, verdicts: Sequence[Verdict], earlier: Sequence[JudgedStage] = ()) -> str:
    """The page as Markdown."""
    return page_of(dossier_sections(change, seen, verdicts, earlier))


def page_of(sections: Iterable[Section]) -> str:
    """Sections as one page of Markdown."""
    return "\n\n".join(map(str, sections)) + "\n"


def dossier_sections(
    change: Change, seen: Review, verdicts: Sequence[Verdict], earlier: Sequence[JudgedStage] = ()
) -> tuple[Section, ...]:
    """The page by section, with as much detail as there is room for."""
    made: tuple[Section, ...] = ()
    judged = _Judged(verdicts=tuple(verdicts), ruled=tuple(rulings(seen, verdicts, earlier)))
    edited = tuple(edited_lines(seen))
    for room in ROOMS:
        made = tuple(_sections(change, seen, judged, room, edited))
        if len(page_of(made).split()) <= MOST_WORDS:
            break
    return made


@dataclass(frozen=True, slots=True, kw_only=True)
class _Judged:
    """What the review's gates said, and which of any stage policy or a waiver overruled."""

    verdicts: tuple[Verdict, ...]
    ruled: tuple[Ruled, ...]


def _sections(change: Change, seen: Review, judged: _Judged, room: Room, edited: Sequence[str]) -> Iterator[Section]:
    title = f"Dossier of {change.id}: {' '.join(seen.planned.story.title.split())}"
    yield _section("", title, _first(_answer(change, judged), tuple(headline(seen, room)), judged.verdicts))
    yield _section("wrong", "What can go wrong", risks(seen, room))
    yield _section("back", "How to get back", _way_back(change, seen))
    yield _section("downstream", "Who is downstream", downstream(seen, room))
    yield _section("moves", "What moves, and by how much", movement(change, seen, room))
    yield _section("work", "What was asked for, and what was done", asked(change, seen, room, edited))
    yield _section("checked", "How it was checked", (*criteria(seen, room), *quality(seen, room)))
    yield _section("cost", "What it costs", cost(seen, room))
    overruled = (one.line for one in judged.ruled if one.line)
    yield _section("gates", "The gates", (*_gates(judged.verdicts, room), *overruled))
    yield _section("approve", "Before you approve", _checklist(change, seen))


def _first(answer: str, numbers: tuple[str, ...], verdicts: Sequence[Verdict]) -> tuple[str, ...]:
    """The numbers come first, unless the change is stopped: then that does."""
    stopped = any(verdict.counts is Outcome.FAIL for verdict in verdicts)
    return (answer, "", *numbers) if stopped else (*numbers, "", answer)


def _section(name: str, heading: str, lines: Iterable[str]) -> Section:
    return Section(id=name, heading=heading, lines=tuple(lines))


def _answer(change: Change, judged: _Judged) -> str:
    verdicts = judged.verdicts
    failed = [verdict for verdict in verdicts if verdict.counts is Outcome.FAIL]
    if failed:
        names = listed(f"`{verdict.gate}`" for verdict in failed)
        return (
            f"**Stopped.** {len(failed)} of {len(verdicts)} gates said no ({names}). Production is untouched. "
            f"The findings are under *The gates*; correct the change and deliver it again."
        )
    return (
        f"**Ready for a person's decision.** All {len(verdicts)} gates, the checks that a change must pass, "
        f"hold{apart_from(judged.ruled)}. "
        f"It ran on real data beside production, where no reader sees it. Your approval is bound to the exact bytes "
        f"described here: any later edit of {change.id} voids it."
    )


def _way_back(change: Change, seen: Review) -> Iterator[str]:
    rehearsal = seen.facts.rehearsal
    window = seen.planned.story.observe_intervals
    if rehearsal is None:
        chunk = seen.outputs["rehearsal"].chunk
        yield f"The way back was **not** rehearsed (output {chunk}). {irreversible_text(seen)}"
    else:
        same = "exactly as before" if rehearsal.before == rehearsal.after else "**different from before**"
        yield (
            f"`penstock change rollback {change.id}` puts back what readers see today, in one swap that computes "
            f"nothing. It was rehearsed: promoted in {rehearsal.promote_ms} ms, rolled back in "
            f"{rehearsal.rollback_ms} ms; what readers see was then {same} (output {seen.outputs['rehearsal'].chunk}; "
            f"F:{change.folder}/rollback.md:1). {irreversible_text(seen)}"
        )
    if window:
        yield (
            f"After the promotion up to {counted(window, 'interval')} are watched; a failing check, a late or a slow "
            f"run there rolls it back without being asked (F:{change.folder}/deployment.md:1)."
        )
    sent = [name for name, one in sorted(seen.planned.project.exports.items()) if one.dataset in _touched(seen)]
    if sent:
        yield f"What leaves by export ({listed(f'`{name}`' for name in sent)}) in the meantime is not called back."


def _touched(seen: Review) -> frozenset[str]:
    return frozenset(seen.planned.difference.touched)


def _gates(verdicts: Sequence[Verdict], room: Room) -> Iterator[str]:
    quiet = [one for one in verdicts if one.holds and not one.findings and not one.ruling]
    if quiet:
        yield f"- These hold, or had nothing to judge: {', '.join(f'`{one.gate}`' for one in quiet)}."
    told = sorted((one for one in verdicts if one not in quiet), key=lambda one: one.outcome is not Outcome.FAIL)
    for verdict in told[: room.gates]:
        yield from _gate(verdict, room)
    if len(told) > room.gates:
        yield f"- And {len(told) - room.gates:,} more: {', '.join(f'`{one.gate}`' for one in told[room.gates :])}."


def _gate(verdict: Verdict, room: Room) -> Iterator[str]:
    word = {Outcome.PASS: "pass", Outcome.FAIL: "**FAIL**", Outcome.NEEDS_PERSON: "**needs a person**"}
    ruling = f" **It counts for {verdict.counts}:** {verdict.ruling}." if verdict.ruling else ""
    yield f"- `{verdict.gate}`: {word.get(verdict.outcome, 'not applicable')}. {room.text(verdict.summary)}{ruling}"
    if verdict.outcome is not Outcome.FAIL:
        return
    for finding in verdict.findings[: room.findings]:
        place = finding.place
        where = f" (F:{place.file}:{place.line or 1})" if place.file else ""
        yield f"  - {room.text(finding.message)}{where}"
        if room.findings > 1:
            yield from (f"  - {name}: {text}" for name, text in _details(place.excerpt, finding.found, room))
    if len(verdict.findings) > room.findings:
        yield f"  - and {len(verdict.findings) - room.findings:,} more"


def _details(excerpt: str | None, found: str | None, room: Room) -> Iterator[tuple[str, str]]:
    if excerpt:
        yield "line", f"`{room.text(excerpt)}`"
    if found:
        yield "found", room.text(found.replace("\n", "; "))


def _checklist(change: Change, seen: Review) -> Iterator[str]:
    yield "- [ ] What moves is what the story's author wanted, in size and in direction."
    yield "- [ ] You can live with what can go wrong, and with what nothing went through."
    yield "- [ ] Everyone named under *Who is downstream* knows of it."
    yield f"- [ ] You looked at an output: `penstock change show {change.id} --chunk CHUNK`."
    yield f"- [ ] The evidence verifies: `penstock change verify {change.id}`."
    for step in seen.facts.irreversible:
        yield f"- [ ] This cannot be undone, and you accept it: {step}."
    yield f"- [ ] You accept that up to {counted(seen.planned.story.observe_intervals, 'interval')} are watched."
    yield (
        f"- Yes: `penstock change approve {change.id} --as NAME`. "
        f"No: `penstock change reject {change.id} --as NAME --reason …`."
    )
