"""Stage 2: a plan that names files and datasets, what will move, what proves each criterion, and the way back."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from penstock.author.authored import AuthoredFile
from penstock.author.change import overwritten
from penstock.delivery import records
from penstock.delivery.authoring import PLAN_JSON, TAKEN, authored, edited_by_hand, group_of, overlaid
from penstock.delivery.commissioning import AuthorAsksError
from penstock.delivery.pages.plan import plan_page
from penstock.delivery.sealing import Sealing, StageReport, enter, pass_stage, stop_stage
from penstock.delivery.stages import Stage
from penstock.delivery.storybook import story_of
from penstock.delivery.tools import model_files_at, policy_at, project_at, project_in
from penstock.evidence.canonical import digest
from penstock.evidence.statements import Link, Subject
from penstock.ledger.facts import QuestionsAsked
from penstock.model.findings import Outcome
from penstock.model.stories import Question
from penstock.plan.changes import ProjectChange, compare_projects
from penstock.policy import gates
from penstock.policy.facts import DesignFacts, DiscoveryFacts
from penstock.project.reading import read_project

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from penstock.delivery.changes import Change
    from penstock.delivery.ports import CommandRun
    from penstock.delivery.tools import Tools
    from penstock.model.pipelines import Project
    from penstock.model.stories import Story

PLAN_PAGE = "plan.md"


@dataclass(frozen=True, slots=True, kw_only=True)
class Design:
    """What is planned: the files, the project before and after, and what differs between the two.

    `replaced` files were there with another text, `kept` ones with the same; all others are new. `removed` ones will be
    there no more. `taken` is the SHA-256 of what was handed in, `run` the program's run if one wrote it just now.
    """

    story: Story
    files: tuple[AuthoredFile, ...]
    replaced: tuple[str, ...]
    kept: tuple[str, ...]
    base: Project
    project: Project
    difference: ProjectChange
    removed: tuple[str, ...] = ()
    taken: str | None = None
    run: CommandRun | None = None

    @property
    def paths(self) -> tuple[str, ...]:
        """Every file that the change touches."""
        return (*(file.path for file in self.files), *self.removed)


def design(change: Change, tools: Tools) -> StageReport:
    """Do the stage."""
    root = enter(change, Stage.DESIGN, tools)
    try:
        planned = plan_change(change, root, tools)
    except AuthorAsksError as asking:
        return _ask(change, asking, root, tools)
    story = planned.story
    plan = plan_json(change, planned)
    tools.folder.write(root, f"{change.folder}/{PLAN_JSON}", _bytes(plan))
    page = plan_page(change, planned, plan)
    tools.folder.write(root, f"{change.folder}/{PLAN_PAGE}", page.encode())
    verdicts = gates.judge_all(
        gates.DESIGN,
        DesignFacts(
            story=story,
            policy=policy_at(tools, change.base_commit),
            touched=(*planned.difference.new, *planned.difference.altered),
            new=planned.difference.new,
            downstream=planned.difference.moved,
            planned_files=planned.paths,
            evidence_of={row["id"]: row["evidence"] for row in plan["criteria"]},
            base_files_edited_by_hand=edited_by_hand(story, change, tools),
            columns=planned.difference.columns,
        ),
    )
    outputs = [records.keep("author", planned.run.output, change, root, tools)] if planned.run else []
    files = (f"{change.folder}/{PLAN_JSON}", f"{change.folder}/{PLAN_PAGE}", *(output.path for output in outputs))
    report = StageReport(
        change=change.id,
        stage=Stage.DESIGN,
        verdicts=verdicts,
        headline=_headline(planned, plan),
        message=page,
        artefacts=files,
    )
    message = f"{change.id}: plan the change"
    if report.outcome is not Outcome.PASS:
        stop_stage(change, Stage.DESIGN, verdicts, root, tools, message=message)
        return report
    commands = (records.command_record(planned.run),) if planned.run else ()
    things = (Subject(name="plan:steps", sha256=digest(_bytes(plan))),)
    sealing = Sealing(files=files, verdicts=verdicts, commands=commands, things=things)
    pass_stage(change, Stage.DESIGN, Link.DESIGN, sealing, root, tools, message=message)
    return report


def _ask(change: Change, asking: AuthorAsksError, root: Path, tools: Tools) -> StageReport:
    """Put the author's questions to a person, and wait."""
    highest = max((int(question.id.removeprefix("Q")) for question in change.questions), default=0)
    asked = {f"Q{highest + n}": pair for n, pair in enumerate(asking.questions.items(), start=1)}
    paths, texts = ({i: pair[n] for i, pair in asked.items()} for n in (0, 1))
    tools.journal.append(QuestionsAsked(change=change.id, questions=texts, paths=paths))
    output = records.keep("author", asking.run.output, change, root, tools)
    facts = DiscoveryFacts(
        story=story_of(change, root, tools),
        policy=policy_at(tools, change.base_commit),
        open_questions=tuple(
            Question(id=i, code="author.asked", text=text, path=path, expects="a sentence")
            for i, (path, text) in asked.items()
        ),
    )
    verdict = gates.DISCOVERY["open_questions"](facts)
    stop_stage(change, Stage.DESIGN, (verdict,), root, tools, message=f"{change.id}: the author asks")
    return StageReport(
        change=change.id,
        stage=Stage.DESIGN,
        verdicts=(verdict,),
        headline=verdict.summary,
        message="\n".join(f"- {i}: {text}" for i, text in texts.items()) + "\n",
        artefacts=(output.path,),
    )


def _headline(planned: Design, plan: Mapping[str, Any]) -> str:
    difference = planned.difference
    parts = (
        ("new", difference.new),
        ("altered", difference.altered),
        ("moved", difference.moved),
        ("removed", difference.removed),
    )
    counted = ", ".join(f"{len(names)} {word}" for word, names in parts if names) or "none moves"
    return f"{len(plan['steps'])} files to write; datasets: {counted}, {len(difference.unchanged)} reused"


def plan_change(change: Change, root: Path, tools: Tools) -> Design:
    """What the change will write and what that does to the project."""
    story = story_of(change, root, tools)
    written = authored(story, change, root, tools)
    files = written.files
    base = model_files_at(tools, change.base_commit)
    before, project = (tools.with_key(read_project(each)) for each in (base, overlaid(written, base)))
    standing = tools.repository.contents(change.base_commit, [*(file.path for file in files), *written.removed])
    return Design(
        story=story,
        files=files,
        replaced=overwritten(files, standing),
        kept=tuple(file.path for file in files if standing.get(file.path) == file.text.encode()),
        base=before,
        project=project,
        difference=compare_projects(before, project),
        removed=tuple(path for path in written.removed if path in standing),
        taken=written.taken,
        run=written.run,
    )


def branch_design(change: Change, root: Path, tools: Tools) -> Design:
    """What the branch itself holds: from implementation on, nothing else is built, compared or promoted."""
    paths = [p for p in tools.repository.changed(change.base_commit, root) if not p.startswith(f"{change.folder}/")]
    standing = tools.repository.contents(change.base_commit, paths)
    written = {path: data for path in paths if (data := tools.folder.read(root, path)) is not None}
    before, project = project_at(tools, change.base_commit), project_in(tools, root)
    return Design(
        story=story_of(change, root, tools),
        files=tuple(
            AuthoredFile(path=path, text=data.decode(errors="replace"), group=group_of(path))
            for path, data in written.items()
        ),
        replaced=tuple(path for path in written if path in standing),
        kept=(),
        base=before,
        project=project,
        difference=compare_projects(before, project),
        removed=tuple(path for path in paths if path not in written),
    )


def plan_json(change: Change, planned: Design) -> dict[str, Any]:
    """The plan as plain values: what `plan.json` holds."""
    difference = planned.difference
    replaced = set(planned.replaced)
    steps = [
        {"file": file.path, "action": "replace" if file.path in replaced else "add", "commit": file.group}
        for file in planned.files
        if file.path not in planned.kept
    ]
    steps += [{"file": path, "action": "remove", "commit": group_of(path)} for path in planned.removed]
    return {
        "change": change.id,
        "title": planned.story.title,
        "base_commit": change.base_commit,
        "steps": [{"number": number, **step} for number, step in enumerate(steps, start=1)],
        "datasets": {
            "new": list(difference.new),
            "altered": list(difference.altered),
            "moved": list(difference.moved),
            "removed": list(difference.removed),
            "unchanged": list(difference.unchanged),
        },
        "columns": {name: list(columns) for name, columns in sorted(difference.columns.items())},
        "dependencies": {
            "added": [list(edge) for edge in difference.edges_added],
            "removed": [list(edge) for edge in difference.edges_removed],
        },
        "impact": {
            name: {
                "new": impact.new,
                "rows": str(impact.rows) if impact.rows else "none",
                "columns": {column: str(bound) for column, bound in sorted(impact.columns.items())},
                "every_column": str(impact.every_column) if impact.every_column else "none",
                **({"where": impact.where} if impact.where else {}),
            }
            for name, impact in sorted(planned.story.impact.items())
        },
        "criteria": [
            {
                "id": criterion.id,
                "text": criterion.text,
                "datasets": sorted(
                    name for name in planned.project.datasets if criterion.sql and name in criterion.sql
                ),
                "evidence": f"its SQL returns no row on the shadow data ({change.folder}/review.json)"
                if criterion.sql
                else "",
            }
            for criterion in planned.story.criteria
        ],
        "versions": dict(sorted(difference.versions.items())),
        "observe_intervals": planned.story.observe_intervals,
        **({TAKEN: planned.taken} if planned.taken else {}),
        **({"asked": asked} if (asked := _asked(change)) else {}),
    }


def _asked(change: Change) -> list[dict[str, Any]]:
    """What the author asked, and who answered what."""
    return [
        {"id": question.id, "text": question.text, "answer": json.loads(question.answer or "null"), "by": question.by}
        for question in change.questions
        if question.by_author
    ]


def _bytes(plan: dict[str, Any]) -> bytes:
    return (json.dumps(plan, indent=2, ensure_ascii=False) + "\n").encode()
