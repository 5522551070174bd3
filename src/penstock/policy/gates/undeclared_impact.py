"""The change touches or moves a dataset that the story's impact does not mention, or rows that it cannot name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from penstock.model.findings import Finding, Place
from penstock.policy.verdicts import counted, failed, listed, not_applicable, passed
from penstock.sql.query import expression_columns

if TYPE_CHECKING:
    from collections.abc import Iterator

    from penstock.model.findings import Verdict
    from penstock.model.stories import Story
    from penstock.policy.facts import DesignFacts

GATE = "undeclared_impact"


def judge(facts: DesignFacts) -> Verdict:
    """Refuse until the impact names every dataset that is touched or downstream, and says which are new."""
    affected = sorted({*facts.touched, *facts.new, *facts.downstream})
    if not affected:
        return not_applicable(GATE, "The change touches no dataset.")
    findings = tuple(finding for name in affected for finding in _faults(name, facts))
    if not findings:
        return passed(GATE, f"{counted(len(affected), 'dataset')} made, altered or moved, all of them declared.")
    unnamed = [finding for finding in findings if finding.code == f"gate.{GATE}"]
    if not unnamed:
        return failed(GATE, "The declared impact names rows by columns that are not there.", findings)
    named = listed(str(finding.place.dataset) for finding in unnamed)
    return failed(GATE, f"{len(unnamed):,} of {counted(len(affected), 'dataset')} not declared: {named}.", findings)


def _faults(name: str, facts: DesignFacts) -> Iterator[Finding]:
    declared, story = facts.story.impact.get(name), facts.story
    if name in facts.new:
        if not (declared and declared.new) and not _makes(story, name):
            found = "declared as there already" if declared else "not in the impact"
            yield _finding(name, story, f"{name} is made by the change", found, "new")
    elif declared is None:
        how = "reads what the change moves" if name in facts.downstream else "is altered by the change"
        yield _finding(name, story, f"{name} {how}", "not in the impact", "bounds for its rows and columns, or `none`")
    elif declared.new:
        yield _finding(name, story, f"{name} is declared new", "it is there already", "bounds, or `none`")
    elif declared.where is not None and name in facts.columns:
        yield from _unknown_columns(name, declared.where, facts)


def _unknown_columns(name: str, where: str, facts: DesignFacts) -> Iterator[Finding]:
    """Columns in the declared rows' predicate that the dataset's contract does not list."""
    unknown = [column for column in expression_columns(where) if column not in facts.columns[name]]
    if not unknown:
        return
    story = facts.story
    paths = (f'impact."{name}".where', f"impact.{name.partition('.')[2]}.where", "impact")
    yield Finding(
        code=f"gate.{GATE}.where",
        message=f"`where` uses {listed(unknown)}, and {name} has no such column by its contract",
        place=Place(
            file=story.file, line=next((story.lines[p] for p in paths if p in story.lines), None), dataset=name
        ),
        found=where,
        expected=", ".join(facts.columns[name]),
        remedy=f"write `where` over these columns in {story.file}, and deliver again",
    )


def _makes(story: Story, name: str) -> bool:
    """Whether a new dataset is one that the story's sources and datasets are made of, or any of a new pipeline's."""
    pipeline, _, local = name.partition(".")
    if pipeline != story.pipeline:
        return False
    staged = {f"{prefix}{source}{suffix}" for source in story.sources for prefix, suffix in _STAGES}
    return story.kind == "new" or local in story.datasets or local in staged


_STAGES = (("", ""), ("stg_", ""), ("stg_", "_rejected"), ("stg_", "_counts"))


def _finding(name: str, story: Story, message: str, found: str, expected: str) -> Finding:
    paths = (f'impact."{name}"', f"impact.{name.partition('.')[2]}", "impact")
    line = next((story.lines[path] for path in paths if path in story.lines), None)
    word = "new" if expected == "new" else "none"
    return Finding(
        code=f"gate.{GATE}",
        message=message,
        place=Place(file=story.file, line=line, dataset=name),
        found=found,
        expected=f"`impact` to say of it: {expected}",
        remedy=f"add `{name}: {word}` or what else is true under `impact` in {story.file}, and deliver again",
    )
