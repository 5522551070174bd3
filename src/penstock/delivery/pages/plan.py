"""The plan as a page: numbered steps, the DAG, what moves, what proves it, the way back, what to watch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from penstock.author.documentation import flowchart

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from penstock.delivery.changes import Change
    from penstock.delivery.design import Design


def plan_page(change: Change, planned: Design, plan: Mapping[str, Any]) -> str:
    """The page as Markdown."""
    over = f"over commit `{change.base_commit[:12]}`; for programs: `{change.folder}/plan.json`"
    parts = [
        f"# Plan of {change.id}: {planned.story.title}",
        f"Drawn from `{change.folder}/story.md` {over}.",
        "## Steps\n\n" + "\n".join(_steps(plan)),
        "## The DAG afterwards\n\n" + flowchart(planned.project),
        "## What moves\n\n" + "\n".join(_impact(planned)),
        "## Dependencies\n\n" + "\n".join(_dependencies(plan)),
        "## What proves each criterion\n\n" + "\n".join(_criteria(plan)),
        "## Rollback\n\n" + "\n".join(_rollback(planned)),
        "## Metrics to watch\n\n" + "\n".join(_metrics(planned)),
        "## Cost\n\n" + "\n".join(_cost(planned)),
    ]
    return "\n\n".join(parts) + "\n"


def _steps(plan: Mapping[str, Any]) -> Iterator[str]:
    for step in plan["steps"]:
        verb = step["action"].capitalize()
        yield f"{step['number']}. {verb} `{step['file']}` (commit: {step['commit']})"
    if not plan["steps"]:
        yield "No file changes."


def _impact(planned: Design) -> Iterator[str]:
    difference = planned.difference
    rows = [(name, "new") for name in difference.new]
    rows += [(name, "altered: its own definition") for name in difference.altered]
    rows += [(name, "moved: by what it reads") for name in difference.moved]
    rows += [(name, "removed") for name in difference.removed]
    if not rows:
        yield "No dataset gets a new version."
        return
    yield "| dataset | what happens | declared | columns |"
    yield "| --- | --- | --- | --- |"
    for name, what in sorted(rows):
        columns = ", ".join(f"`{column}`" for column in difference.columns.get(name, ()))
        yield f"| `{name}` | {what} | {_declared(planned, name)} | {columns} |"
    for name in difference.unchanged:
        yield f"| `{name}` | reused as it is | nothing may move | |"


def _declared(planned: Design, name: str) -> str:
    impact = planned.story.impact.get(name)
    if impact is None:
        return "made by the story" if planned.story.kind == "new" else "not declared"
    if impact.new:
        return "new"
    moves = [f"rows {impact.rows}"] if impact.rows else []
    moves += [f"`{column}` {bound}" for column, bound in impact.columns.items()]
    moves += [f"every column {impact.every_column}"] if impact.every_column else []
    return "; ".join(moves) or "nothing may move"


def _dependencies(plan: Mapping[str, Any]) -> Iterator[str]:
    for source, target in plan["dependencies"]["added"]:
        yield f"- `{target}` now reads `{source}`"
    for source, target in plan["dependencies"]["removed"]:
        yield f"- `{target}` no longer reads `{source}`"
    if not plan["dependencies"]["added"] and not plan["dependencies"]["removed"]:
        yield "- Between datasets: no dependency appears or goes."
    yield "- Packages: none added; the datasets need DuckDB alone."


def _criteria(plan: Mapping[str, Any]) -> Iterator[str]:
    for row in plan["criteria"]:
        datasets = ", ".join(f"`{name}`" for name in row["datasets"]) or "the story's datasets"
        yield f"- **{row['id']}** {row['text']} Looked for in {datasets}; proof: {row['evidence']}."
    if not plan["criteria"]:
        yield "- The story names none; contracts, tests and declared impact are the proof."


def _rollback(planned: Design) -> Iterator[str]:
    kept = planned.difference.altered or planned.difference.moved
    yield "- Promotion is one swap of views; rolling back is the same swap backwards and copies no data."
    if kept:
        yield "- The versions in production now stay, and are kept up to date until the observation window closes."
    else:
        yield "- Nothing is replaced: rolling back takes the new datasets out of readers' sight."
    yield "- The way back is rehearsed in a sandbox during the review, with its time."


def _metrics(planned: Design) -> Iterator[str]:
    for slo in planned.project.slos:
        if slo.dataset in planned.difference.touched:
            watch = ["checks pass", f"runtime below {slo.max_runtime.total_seconds():g} s" if slo.max_runtime else ""]
            watch.append(f"rows within ±{slo.volume_tolerance:.0%} of the usual" if slo.volume_tolerance else "")
            yield f"- `{slo.dataset}`: {', '.join(word for word in watch if word)} (F:{slo.file}:1)"
    yield f"- For {planned.story.observe_intervals} intervals after the promotion; a failure rolls back by itself."


def _cost(planned: Design) -> Iterator[str]:
    built = ", ".join(f"`{name}`" for name in planned.difference.touched) or "nothing"
    yield f"- Built anew, over all intervals: {built}. Everything else is reused."
