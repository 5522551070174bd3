"""The alignment message: what was understood, what was found in the sources, what is assumed, what is still open."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from penstock.delivery.changes import Change
    from penstock.model.stories import Question, Story


def alignment_page(change: Change, story: Story, asked: tuple[Question, ...], profile: Mapping[str, Any]) -> str:
    """The page as Markdown."""
    parts = [
        f"# {change.id}: {story.title}",
        f"What we understood from `{change.folder}/story.md`, and what the real files say.",
        "## What is wanted\n\n" + "\n".join(_wanted(story)),
        "## What was found in the sources\n\n" + "\n".join(_sources(change, profile)),
        "## What may move\n\n" + "\n".join(_impact(story)),
        "## How it will be judged\n\n" + "\n".join(_criteria(story)),
        "## Assumptions and risks\n\n" + "\n".join(_assumptions(story, profile)),
        "## Open questions\n\n" + "\n".join(_questions(change, asked)),
    ]
    return "\n\n".join(parts) + "\n"


def _wanted(story: Story) -> Iterator[str]:
    yield f"- Kind: {story.kind}, pipeline `{story.pipeline}`, owner {story.owner or 'not named'}."
    yield f"- Schedule: `{story.cron or 'none'}` in {story.timezone or 'UTC'}; ready by {story.ready_by or 'not said'}."
    yield f"- Kept for: {story.retention or 'not said'}."
    for dataset in story.datasets.values():
        grain = ", ".join(f"`{name}`" for name in dataset.grain)
        measures = ", ".join(f"`{measure.name}`" for measure in dataset.measures)
        yield f"- `{story.pipeline}.{dataset.name}`: one row per {grain}, with {measures}."
    if not story.author.deterministic:
        yield f"- {story.author.words()}."


def _sources(change: Change, profile: Mapping[str, Any]) -> Iterator[str]:
    sources = profile.get("sources") or {}
    if not sources:
        yield "The story brings in no source of its own."
        return
    for name, source in sources.items():
        span = f", {source['first']} to {source['last']}" if source.get("first") else ""
        yield (
            f"- `{name}`: {source['files']:,} files{span}, {source.get('rows') or 0:,} rows "
            f"(F:{change.folder}/profile.json:1)."
        )
        for column, facts in (source.get("columns") or {}).items():
            sampled = f"{facts['nulls']:,} of {source['profiled_rows']:,} lines looked at are empty"
            notes = [sampled if facts.get("nulls") else "", facts.get("personal") or ""]
            notes = [note for note in notes if note]
            if notes:
                yield f"  - `{column}`: {'; '.join(notes)}"


def _impact(story: Story) -> Iterator[str]:
    for name, impact in sorted(story.impact.items()):
        if impact.new:
            yield f"- `{name}` is new."
            continue
        moves = [f"rows {impact.rows}"] if impact.rows else []
        moves += [f"`{column}` {bound}" for column, bound in impact.columns.items()]
        moves += [f"every column {impact.every_column}"] if impact.every_column else []
        yield f"- `{name}`: {', '.join(moves) or 'nothing may move'}."
    if story.kind == "new":
        yield f"- Every dataset that this story makes in `{story.pipeline}` is new."
    yield "- Nothing else may move."


def _criteria(story: Story) -> Iterator[str]:
    if not story.criteria:
        yield "The story names no acceptance criterion; contracts and declared impact still apply."
    for criterion in story.criteria:
        measured = "a query that must return no row" if criterion.sql else "**cannot be measured yet**"
        yield f"- **{criterion.id}** {criterion.text} ({measured})"


def _assumptions(story: Story, profile: Mapping[str, Any]) -> Iterator[str]:
    for assumption in story.assumptions:
        yield f"- {assumption}"
    for name, source in (profile.get("sources") or {}).items():
        if source.get("gaps"):
            yield f"- `{name}`: {source['gaps']} interval(s) have no file; the story declares them closed."
    yield "- Rows are taken as the files give them; what the story does not exclude counts."


def _questions(change: Change, asked: tuple[Question, ...]) -> Iterator[str]:
    for known in change.questions:
        if known.answer is not None:
            yield f"- {known.id}: {known.text} **Answered by {known.by}:** `{known.answer}`"
    for question in asked:
        line = f" (F:{change.folder}/story.md:{question.line})" if question.line else ""
        yield f"- **{question.id}** {question.text}{line} Expected: {question.expects}."
        yield f'  Answer with `penstock change answer {change.id} {question.id} "…"`'
    if not asked:
        yield "- No question is open."
