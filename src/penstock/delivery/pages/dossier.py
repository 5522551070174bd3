"""The dossier: one page on which someone who does not read SQL can say yes or no; every claim cites its source."""

from __future__ import annotations

from typing import TYPE_CHECKING

from penstock.delivery.pages.exercise import edit_text
from penstock.delivery.pages.faults import share_text
from penstock.delivery.pages.tables import example_text, number, percent, shortened
from penstock.model.findings import Outcome
from penstock.model.pipelines import SqlTask
from penstock.quality.mutation import score_of
from penstock.quality.slicing import SliceOutcome
from penstock.sql.block_pairs import changed_places

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from penstock.delivery.changes import Change
    from penstock.delivery.review import Review
    from penstock.model.findings import Verdict
    from penstock.model.stories import Criterion
    from penstock.quality.comparison import DatasetDiff

MOST_FILES, MOST_COLUMNS, MOST_EXAMPLES, MOST_FINDINGS, MOST_PLACES = 3, 8, 2, 6, 3


def dossier_page(change: Change, seen: Review, verdicts: Sequence[Verdict]) -> str:
    """The page as Markdown, 500 to 1,000 words."""
    parts = [
        f"# Dossier of {change.id}: {seen.planned.story.title}",
        _answer(change, verdicts),
        "## What was asked for\n\n" + "\n".join(_asked(change, seen)),
        "## What changes in the project\n\n" + "\n".join(_files(seen)),
        "## What moves, and by how much\n\n" + "\n".join(_movement(change, seen)),
        "## Who is downstream\n\n" + "\n".join(_downstream(seen)),
        "## Quality of the new data\n\n" + "\n".join((*_quality(seen), *_faults(seen))),
        "## Acceptance criteria\n\n" + "\n".join(_criteria(seen)),
        "## What this review did not look at\n\n" + "\n".join(_blind_spots(seen)),
        "## Cost and the way back\n\n" + "\n".join(_cost(change, seen)),
        "## The gates\n\n" + "\n".join(_gates(verdicts)),
        "## Before you approve\n\n" + "\n".join(_checklist(change, seen)),
    ]
    return "\n\n".join(parts) + "\n"


def _answer(change: Change, verdicts: Sequence[Verdict]) -> str:
    failed = [verdict for verdict in verdicts if verdict.outcome is Outcome.FAIL]
    if failed:
        names = ", ".join(f"`{verdict.gate}`" for verdict in failed)
        return (
            f"**Stopped.** {len(failed)} of {len(verdicts)} gates said no ({names}). Production is untouched. "
            f"The findings are under *The gates*; correct the change and deliver it again."
        )
    return (
        f"**Ready for a person's decision.** All {len(verdicts)} gates of the review hold. The change ran on real data "
        f"beside production, unseen by readers. Your approval is bound to the exact bytes described "
        f"here: any later edit of {change.id} voids it."
    )


def _asked(change: Change, seen: Review) -> Iterator[str]:
    story = seen.planned.story
    paragraphs = [part.strip() for part in story.text.split("\n\n") if part.strip() and not part.startswith("#")]
    first = " ".join(paragraphs[0].split()) if paragraphs else story.title
    kind = "a new pipeline" if story.kind == "new" else "a change of a pipeline that is in production"
    yield f"{first} (F:{change.folder}/story.md:1)"
    yield ""
    yield (
        f"It is {kind}, `{story.pipeline}`, owned by {story.owner or 'nobody yet'} and written by {change.author}. "
        f"The plan that was followed is F:{change.folder}/plan.md:1."
    )


def _files(seen: Review) -> Iterator[str]:
    replaced = set(seen.planned.replaced)
    kept = set(seen.planned.kept)
    new = [file for file in seen.planned.files if file.path not in replaced | kept]
    listed = [*(file for file in seen.planned.files if file.path in replaced), *new]
    gone = seen.planned.removed
    taken = f"; taken away: {len(gone)} ({shortened(', '.join(gone))})" if gone else ""
    yield f"Files replaced: {len(replaced)}; new: {len(new)}{taken}. These matter most:"
    yield ""
    queries = [file for file in listed if file.path.endswith((".sql", ".py"))]
    rest = [file for file in listed if file not in queries]
    for file in (*queries, *rest)[:MOST_FILES]:
        yield f"- F:{file.path}:1 ({file.group})"
    places = list(_places(seen))
    if places:
        yield ""
        yield "In queries that are in production today, these lines are other ones:"
        yield ""
        yield from places[:MOST_EXAMPLES]


def _places(seen: Review) -> Iterator[str]:
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


def _movement(change: Change, seen: Review) -> Iterator[str]:
    facts = seen.facts
    chunk = seen.outputs["difference"].chunk
    if not facts.diffs:
        yield (
            f"Nothing that readers use today moves: {len(facts.new_datasets)} dataset(s) are new, and there is no "
            f"earlier version to compare them with (output {chunk})."
        )
        for name in facts.new_datasets[:MOST_COLUMNS]:
            yield f"- `{name}`: {seen.content[name][0]:,} rows" if name in seen.content else f"- `{name}`"
        return
    yield f"Old and new versions were compared row by row on the same data, up to {seen.until} (output {chunk})."
    for diff in facts.diffs:
        yield ""
        yield from _one_diff(change, seen, diff)


def _one_diff(change: Change, seen: Review, diff: DatasetDiff) -> Iterator[str]:
    impact = seen.planned.story.impact.get(diff.dataset)
    declared = f"rows {impact.rows}" if impact and impact.rows else "no movement of rows"
    yield (
        f"**`{diff.dataset}`**: {number(diff.old_rows)} rows before, {number(diff.new_rows)} now; {number(diff.added)} "
        f"added, {number(diff.removed)} removed, {number(diff.changed)} changed (declared: {declared}, "
        f"F:{change.folder}/plan.json:1)."
    )
    moved = [column for column in diff.columns if column.moved][:MOST_COLUMNS]
    if moved:
        yield ""
        yield "| column | before | now | movement | declared |"
        yield "| --- | --- | --- | --- | --- |"
    for column in moved:
        bound = impact.bound_of(column.name) if impact else None
        said = str(bound) if bound else "must not move"
        values = f"{number(column.old_total)} | {number(column.new_total)} | {percent(column.percent)}"
        yield f"| `{column.name}` | {values} | {said} |"
    examples = diff.examples[: MOST_EXAMPLES if diff.changed else 1]
    if examples:
        yield ""
        yield "For example: " + "; ".join(example_text(example) for example in examples) + "."


def _downstream(seen: Review) -> Iterator[str]:
    project = seen.planned.project
    touched = seen.planned.difference.touched
    readers = project.downstream(*touched)
    outside = [name for name in readers if name not in touched]
    if outside:
        yield f"These read what moves and keep their own definition: {', '.join(f'`{name}`' for name in outside)}."
    else:
        yield "No dataset of this project reads what moves, apart from those listed above."
    owners = sorted({project.pipeline_of(name).owner for name in (*touched, *readers)})
    yield f"Owners to tell: {', '.join(owners) or 'none'}. Readers outside this project are not known to Penstock."


def _quality(seen: Review) -> Iterator[str]:
    results = [result for rows in seen.facts.checks.values() for result in rows]
    failed = [result for result in results if not result.passed]
    yield (
        f"{len(results)} checks of the contracts ran over all rows of the new versions; "
        f"{len(results) - len(failed)} hold. The quality score is {seen.facts.score} of 100 "
        f"(goal: {seen.facts.policy.quality_score}; output {seen.outputs['checks'].chunk})."
    )
    for result in failed[:MOST_FINDINGS]:
        yield f"- does not hold: {result.message}"
    aside = list(seen.facts.quarantined.items())
    for name, (before, now) in aside[:MOST_FINDINGS]:
        yield f"- `{name}`: {number(now)} row(s) are put aside and missing from it; in production {number(before)}."
    if len(aside) > MOST_FINDINGS:
        yield f"- and {len(aside) - MOST_FINDINGS} more dataset(s) with rows put aside."


def _faults(seen: Review) -> Iterator[str]:
    score = score_of(seen.facts.mutations)
    if score is not None:
        left = sum(len(one.survivors) for one in seen.facts.mutations)
        yield (
            f"Of the faults put into edited lines, data tests noticed {share_text(score)}; {left} would go through "
            f"(output {seen.outputs['faults'].chunk})."
        )


def _criteria(seen: Review) -> Iterator[str]:
    chunk = seen.outputs["criteria"].chunk
    for row in seen.facts.criteria:
        met = "met" if row.offending == 0 else f"**not met: {row.offending:,} row(s) contradict it**"
        yield f"- {_named(row.criterion, seen)}: {row.criterion.text} {met[:1].upper()}{met[1:]} (output {chunk})."
    if not seen.facts.criteria:
        yield f"The story names none (output {chunk})."


def _named(criterion: Criterion, seen: Review) -> str:
    """A criterion by its id, with its story's where that is another one."""
    other = criterion.story not in {"", seen.planned.story.id}
    return f"{criterion.story}.{criterion.id}" if other else criterion.id


def _blind_spots(seen: Review) -> Iterator[str]:
    yield from _unexercised(seen)
    yield ""
    yield from _slices(seen)
    yield "No load other than this machine's was tried."
    if seen.facts.multiplying:
        yield ""
        for join in seen.facts.multiplying[:MOST_EXAMPLES]:
            yield (
                f"One join can repeat rows: F:{join.file}:{join.line} `{join.excerpt}` meets up to {join.copies} rows "
                f"of `{join.joined}` for one key."
            )


def _slices(seen: Review) -> Iterator[str]:
    """What was built slice by slice, and what of it was not tried."""
    chunk = seen.outputs["slices"].chunk
    tried = [each for each in seen.facts.slices if each.outcome is not SliceOutcome.NOT_TRIED]
    if tried:
        yield (
            f"{len(tried)} dataset(s) were built in slices too, in several orders, and compared with one build "
            f"(output {chunk})."
        )
    for each in seen.facts.slices:
        if each.outcome is SliceOutcome.NOT_TRIED:
            yield f"`{each.dataset}` was not tried in slices: {each.why}."


def _unexercised(seen: Review) -> Iterator[str]:
    """The changed places that no row and no test went through."""
    chunk = seen.outputs["exercise"].chunk
    exercises = seen.facts.exercises
    places = [(one, place) for one in exercises for place in one.unseen]
    total = sum(len(one.places) for one in exercises)
    if not exercises:
        yield f"No query that is in production today is another one, so none had to be gone through (output {chunk})."
        return
    yield (
        f"An empty difference is not proof of safety. Of {total} changed place(s) in {len(exercises)} query(s), "
        f"rows of the shadow run or data tests went through {total - len(places)} (output {chunk})."
    )
    for one, place in places[:MOST_PLACES]:
        edit = shortened(edit_text(place), 110)
        yield f"- **Not exercised**: F:{one.file}:{place.place.line} `{edit}`: {place.grounds}."
        if place.witness is not None:
            yield f"  - Rows that would show it: {shortened(place.witness.given, 160)}."
    if len(places) > MOST_PLACES:
        yield f"- and {len(places) - MOST_PLACES} more."


def _cost(change: Change, seen: Review) -> Iterator[str]:
    rehearsal = seen.facts.rehearsal
    built = sum(seen.shadow.built.values())
    yield (
        f"The shadow run built {built} slice(s) in {seen.shadow.seconds:.1f} s (output "
        f"{seen.outputs['shadow run'].chunk}); unchanged datasets were reused."
    )
    if rehearsal:
        same = "exactly as before" if rehearsal.before == rehearsal.after else "**different from before**"
        yield (
            f"The way back was rehearsed: promoted in {rehearsal.promote_ms} ms, rolled back in "
            f"{rehearsal.rollback_ms} ms, and what readers see was then {same} "
            f"(output {seen.outputs['rehearsal'].chunk}; F:{change.folder}/rollback.md:1). "
            "Nothing in this change is irreversible."
        )
    else:
        yield "The way back was **not** rehearsed."


def _gates(verdicts: Sequence[Verdict]) -> Iterator[str]:
    quiet = [one for one in verdicts if one.outcome in {Outcome.PASS, Outcome.NOT_APPLICABLE} and not one.findings]
    if quiet:
        yield f"- These hold, or had nothing to judge: {', '.join(f'`{one.gate}`' for one in quiet)}."
    for verdict in (one for one in verdicts if one not in quiet):
        word = {Outcome.PASS: "pass", Outcome.FAIL: "**FAIL**", Outcome.NEEDS_PERSON: "**needs a person**"}
        yield f"- `{verdict.gate}`: {word.get(verdict.outcome, 'not applicable')}. {verdict.summary}"
        if verdict.outcome is Outcome.FAIL:
            for finding in verdict.findings[:MOST_FINDINGS]:
                place = finding.place
                where = f" (F:{place.file}:{place.line or 1})" if place.file else ""
                yield f"  - {finding.message}{where}"
                yield from (f"  - {word}: {text}" for word, text in _details(finding.place.excerpt, finding.found))


def _details(excerpt: str | None, found: str | None) -> Iterator[tuple[str, str]]:
    if excerpt:
        yield "line", f"`{excerpt}`"
    if found:
        yield "found", found.replace("\n", "; ")[:300]


def _checklist(change: Change, seen: Review) -> Iterator[str]:
    yield "- [ ] The movement above is what the story's author wanted, in size and in direction."
    yield f"- [ ] You looked at an output: `penstock change show {change.id} --chunk CHUNK`."
    yield "- [ ] Everyone named under *Who is downstream* knows of it."
    yield f"- [ ] You read the queries that change; the evidence verifies: `penstock change verify {change.id}`."
    yield f"- [ ] You accept an observation window of up to {seen.planned.story.observe_intervals} interval(s)."
    yield (
        f"- Yes: `penstock change approve {change.id} --as NAME`. "
        f"No: `penstock change reject {change.id} --as NAME --reason …`."
    )
