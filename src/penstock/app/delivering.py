"""`deliver`, and everything that is done to a change."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from penstock.adapters.author_desk import AuthorDesk
from penstock.adapters.commands import OwnCommands
from penstock.adapters.folder import ProjectFolder
from penstock.adapters.git import GitRepository
from penstock.adapters.secret_scanner import open_scanner
from penstock.app.alerting import tell_of_incident
from penstock.app.runtime import EngineRuntime
from penstock.app.signing import OwnKeys, author_name
from penstock.app.warehouses import refuse_delivery
from penstock.delivery import approval, discovery, rebasing, records, rollback, storybook, waiving
from penstock.delivery.abandoning import clear_away
from penstock.delivery.changes import Change, find_change, list_changes
from penstock.delivery.conflicts import conflicts_of, waiting_behind
from penstock.delivery.deployment import deploy
from penstock.delivery.design import design
from penstock.delivery.implementation import implement
from penstock.delivery.judged import judged_stages
from penstock.delivery.opening import Opening, open_change
from penstock.delivery.review import DOSSIER_HTML, review
from penstock.delivery.rollout import follow_production
from penstock.delivery.stages import ABANDONED, REBASING, End, Stage, Wait, Work, next_step
from penstock.delivery.standing import progress_of
from penstock.delivery.tools import Tools, close_trees
from penstock.ledger.facts import QuestionAnswered, StageStopped
from penstock.model.errors import InputError
from penstock.model.findings import Finding, Outcome, Place
from penstock.model.intervals import parse_moment
from penstock.project.answers import parse_answer

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from pathlib import Path

    from penstock.app.wiring import Workplace
    from penstock.delivery.approval import ApprovalWish
    from penstock.delivery.conflicts import Conflict
    from penstock.delivery.judged import JudgedStage
    from penstock.delivery.sealing import StageReport
    from penstock.delivery.stages import Step
    from penstock.delivery.waiving import Wish
    from penstock.plan.build import Work as BuildWork

ACTIONS: dict[Stage, Callable[[Change, Tools], StageReport]] = {
    Stage.DISCOVERY: discovery.discover,
    Stage.DESIGN: design,
    Stage.IMPLEMENTATION: implement,
    Stage.REVIEW: review,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Watcher:
    """What a door wants to hear while a change moves: a stage beginning, a stage's report, a slice of a build."""

    stage: Callable[[Change, Stage], None] = lambda _change, _stage: None
    report: Callable[[StageReport], None] = lambda _report: None
    build: Callable[[BuildWork, str], None] = lambda _work, _state: None


@dataclass(frozen=True, slots=True, kw_only=True)
class Advanced:
    """How far a change came: the stages done now, what comes next, and where its artefacts are to be read.

    `conflicts` are changes in its way, `waiting_behind` those that have to be rebased because it went live.
    """

    change: Change
    reports: tuple[StageReport, ...]
    step: Step
    folder: str
    conflicts: tuple[Conflict, ...] = ()
    waiting_behind: tuple[str, ...] = ()

    @property
    def outcome(self) -> Outcome:
        """Pass, or what stopped it."""
        if self.reports and self.reports[-1].outcome is not Outcome.PASS:
            return self.reports[-1].outcome
        if self.change.state == "rolled_back":
            return Outcome.FAIL
        return Outcome.PASS if isinstance(self.step, End) else Outcome.NEEDS_PERSON


def make_tools(place: Workplace, author: str | None, watcher: Watcher, arrived: datetime | None = None) -> Tools:
    """The ports of delivery over a workplace; files of sources count as there up to `arrived` (None: now)."""
    repository = GitRepository(place.root)
    keys = OwnKeys(place)
    return Tools(
        journal=place.ledger,
        repository=repository,
        folder=ProjectFolder(),
        commands=OwnCommands(),
        desk=AuthorDesk(place.state),
        keys=keys,
        runtime=EngineRuntime(place, watcher.build, arrived),
        clock=place.clock,
        root=place.root,
        author=author or author_name(repository, keys),
        with_key=place.with_key,
        scanner=open_scanner(),
        tell=lambda project, incident: tell_of_incident(place, project, incident),
    )


def deliver(place: Workplace, story: Path, *, author: str | None, until: datetime | None, watcher: Watcher) -> Advanced:
    """Take up a story and carry it as far as it goes without a person.

    Raises:
        InputError: the story, the project, a source file or the repository is broken; nothing was recorded.
    """
    refuse_delivery(place.settings)
    text, path = _story_file(place, story)
    place.hold()
    tools = make_tools(place, author, watcher, until)
    change = open_change(Opening(path=path, text=text, until=until), tools)
    if until is None:
        tools = make_tools(place, author, watcher, parse_moment(change.until))
    return advance(place, change.id, tools, until, watcher)


def resume(place: Workplace, change_id: str, *, until: datetime | None, watcher: Watcher) -> Advanced:
    """Carry a change on from wherever it stands, also after a crash."""
    refuse_delivery(place.settings)
    place.hold()
    change = find_change(place.ledger, change_id)
    tools = make_tools(place, change.author, watcher, parse_moment(change.until))
    return advance(place, change_id, tools, until, watcher)


def rebase(place: Workplace, change_id: str, by: str | None, *, until: datetime | None, watcher: Watcher) -> Advanced:
    """Begin a change again from the base as it is, and carry it on from its design."""
    refuse_delivery(place.settings)
    place.hold()
    change = find_change(place.ledger, change_id)
    tools = make_tools(place, change.author, watcher, parse_moment(change.until))
    rebasing.rebase(change, by or tools.repository.author() or "someone", tools)
    return advance(place, change_id, tools, until, watcher)


def advance(place: Workplace, change_id: str, tools: Tools, until: datetime | None, watcher: Watcher) -> Advanced:
    """Do stage after stage until a person has to act, a gate says no, or the change has ended."""
    reports: list[StageReport] = []
    arrived = until or place.clock.now()
    follow_production(tools)
    while True:
        change = find_change(place.ledger, change_id)
        if change.state == REBASING:
            change = rebasing.finish(change, tools)
        step = _step(change, tools)
        if isinstance(step, Wait) and change.state == "working":
            stopped = StageStopped(change=change.id, stage=step.stage, state="waiting", reason=step.what)
            place.ledger.append(stopped)
            change = find_change(place.ledger, change_id)
        if isinstance(step, End):
            _tidy(change, tools)
        if not isinstance(step, Work):
            break
        watcher.stage(change, step.stage)
        report = (
            deploy(change, arrived, tools) if step.stage is Stage.DEPLOYMENT else ACTIONS[step.stage](change, tools)
        )
        reports.append(report)
        watcher.report(report)
        change = find_change(place.ledger, change_id)
        if report.outcome is not Outcome.PASS or change.state in {"waiting", "refused"}:
            step = _step(change, tools)
            break
    if change.promotion is None and (isinstance(step, Wait) or change.state == "refused"):
        follow_production(tools, ending=change.id)  # what is not approved, or no longer, no canary shows
    return Advanced(
        change=change,
        reports=tuple(reports),
        step=step,
        folder=str(artefacts(change, place)),
        conflicts=conflicts_of(change, place.ledger, tools.repository),
        waiting_behind=waiting_behind(change, place.ledger, tools.repository) if reports else (),
    )


def _tidy(change: Change, tools: Tools) -> None:
    """What a crash may have left to do of a change that has ended."""
    if change.state == ABANDONED:
        clear_away(change, tools)
    elif change.merge_commit is not None:
        close_trees(change, tools)
    follow_production(tools)


def _step(change: Change, tools: Tools) -> Step:
    return next_step(change.id, progress_of(change, tools))


def artefacts(change: Change, place: Workplace) -> Path:
    """Where a change's artefacts are to be read: its worktree until it is merged, the project afterwards."""
    worktree = place.root / ".penstock" / "worktrees" / change.id
    if change.merge_commit is None and worktree.exists():
        repository = GitRepository(place.root)
        return worktree / repository.prefix / change.folder
    return place.root / change.folder


def project_of(change: Change, place: Workplace) -> Path:
    """The checkout in which a change's artefacts stand."""
    return artefacts(change, place).parent.parent


def show(place: Workplace, change_id: str) -> tuple[Change, Step, Path]:
    """A change, what comes next, and where to read about it."""
    change = find_change(place.ledger, change_id)
    tools = make_tools(place, change.author, Watcher())
    return change, _step(change, tools), artefacts(change, place)


def judged(place: Workplace, change_id: str) -> tuple[JudgedStage, ...]:
    """What the gates of a change's stages said."""
    change = find_change(place.ledger, change_id)
    return judged_stages(change, project_of(change, place), make_tools(place, change.author, Watcher()))


def page_to_read(folder: Path) -> Path | None:
    """The page of a change's folder on which a person decides, once there is one."""
    page = folder / DOSSIER_HTML
    return page if page.is_file() else None


def show_output(place: Workplace, change_id: str, chunk: str) -> str:
    """A recorded output by its chunk id.

    Raises:
        InputError: there is none.
    """
    change = find_change(place.ledger, change_id)
    tools = make_tools(place, change.author, Watcher())
    text = records.find_output(chunk, change, project_of(change, place), tools)
    if text is None:
        raise InputError(
            Finding(
                code="change.no_output",
                message=f"{change_id} recorded no output {chunk}",
                found=chunk,
                expected="a chunk id as the dossier cites it, twelve hex digits",
                remedy=f"look into {change.folder}/evidence/outputs",
            )
        )
    return text


def changes(place: Workplace) -> tuple[Change, ...]:
    """Every change of the project."""
    return list_changes(place.ledger)


def answer(place: Workplace, change_id: str, question_id: str, text: str, by: str | None) -> Change:
    """Answer one question of a change, or answer it anew as long as its discovery has not passed.

    Raises:
        InputError: there is no such question, it is too late to answer it, or the text is no answer to it.
    """
    place.hold()
    change = find_change(place.ledger, change_id)
    tools = make_tools(place, change.author, Watcher(), parse_moment(change.until))
    path, value = _answered(change, question_id, text, tools, place)
    who = by or tools.repository.author() or "someone"
    answered = QuestionAnswered(
        change=change_id,
        question=question_id,
        path=path,
        answer=json.dumps(value, default=str, ensure_ascii=False),
        by=who,
    )
    place.ledger.append(answered)
    return find_change(place.ledger, change_id)


def _answered(change: Change, question_id: str, text: str, tools: Tools, place: Workplace) -> tuple[str, object]:
    """The path of a question, and the value that a text is for it."""
    by_author = {q.id: q for q in change.questions if q.by_author}
    if question_id in by_author and Stage.DESIGN not in change.passed and text.strip():
        return by_author[question_id].path, text.strip()
    if Stage.DISCOVERY not in change.passed:
        change = change.asking_again(question_id)
    root = project_of(change, place)
    story = storybook.story_of(change, root, tools)
    facts, _, _ = tools.runtime.source_facts(story)
    questions = {question.id: question for question in discovery.unanswered(change, story, facts)}
    if question_id not in questions:
        raise InputError(_no_question(change, question_id, sorted(questions)))
    question = questions[question_id]
    return question.path, parse_answer(question, text)


def approve(place: Workplace, change_id: str, wish: ApprovalWish) -> Change:
    """Approve a change's newest review."""
    place.hold()
    change = find_change(place.ledger, change_id)
    approval.approve(change, wish, make_tools(place, change.author, Watcher()))
    return find_change(place.ledger, change_id)


def waive(place: Workplace, change_id: str, wish: Wish) -> tuple[Finding, ...]:
    """Let findings that stopped a change stand; returns them."""
    place.hold()
    change = find_change(place.ledger, change_id)
    return waiving.waive(change, wish, make_tools(place, change.author, Watcher()))


def reject(place: Workplace, change_id: str, name: str, reason: str) -> Change:
    """End a change."""
    place.hold()
    change = find_change(place.ledger, change_id)
    tools = make_tools(place, change.author, Watcher())
    approval.reject(change, name, reason, tools)
    follow_production(tools)
    return find_change(place.ledger, change_id)


def roll_back(place: Workplace, change_id: str, reason: str, by: str | None) -> tuple[Change, dict[str, str]]:
    """Undo a change's promotion."""
    place.hold()
    change = find_change(place.ledger, change_id)
    tools = make_tools(place, change.author, Watcher())
    mapping = rollback.roll_back(change, by=by or tools.repository.author() or "someone", reason=reason, tools=tools)
    return find_change(place.ledger, change_id), mapping


def _story_file(place: Workplace, story: Path) -> tuple[str, str]:
    """A story's text and its path in the project."""
    full = story.resolve()
    if not full.is_file():
        raise InputError(
            Finding(
                code="story.missing",
                message=f"there is no file {story}",
                place=Place(file=str(story)),
                expected="a story: Markdown with front matter",
                remedy="correct the path",
            )
        )
    if not full.is_relative_to(place.root):
        raise InputError(
            Finding(
                code="story.outside",
                message=f"{story} lies outside the project {place.root}",
                place=Place(file=str(story)),
                expected="a story beneath the project's folder",
                remedy="copy it into the project, for example to stories/",
            )
        )
    try:
        return full.read_text(encoding="utf-8"), full.relative_to(place.root).as_posix()
    except UnicodeDecodeError as error:
        finding = Finding(
            code="story.not_text",
            message=f"{story} is not UTF-8 text",
            place=Place(file=str(story)),
            expected="UTF-8",
            remedy="save it as UTF-8",
        )
        raise InputError(finding) from error


def _no_question(change: Change, question: str, open_ids: list[str]) -> Finding:
    return Finding(
        code="change.no_question",
        message=f"{change.id} has no open question {question}",
        found=question,
        expected=", ".join(open_ids) or "none is open",
        remedy=f"penstock change questions {change.id}",
    )


def change_json(change: Change, step: Step | None = None, folder: str | None = None) -> dict[str, Any]:
    """A change as plain values."""
    return {
        "id": change.id,
        "title": change.title,
        "stage": change.stage,
        "state": change.state,
        "reason": change.reason or None,
        "author": change.author,
        "branch": change.branch,
        "base_commit": change.base_commit,
        "until": change.until,
        "passed": [str(stage) for stage in Stage if stage in change.passed],
        "gates": {stage: dict(outcomes) for stage, outcomes in change.outcomes.items()},
        "questions": [
            {"id": q.id, "text": q.text, "answer": json.loads(q.answer) if q.answer is not None else None, "by": q.by}
            for q in change.questions
        ],
        "observations": dict(change.observations),
        "promotion": change.promotion,
        "next": step_text(change, step) if step else None,
        "folder": folder,
    }


def step_text(change: Change, step: Step) -> str:
    """What comes next, in words, with the command for it."""
    if isinstance(step, Wait):
        return f"{step.what}: {step.how}"
    if isinstance(step, Work) and change.state == "refused" and _base_moved(change):
        return f"begin again from the base as it is: penstock change rebase {change.id}"
    if isinstance(step, Work) and change.state == "refused":
        anew = f"correct what the gates found and deliver {change.story} again; it starts anew, questions included"
        return f"{anew}; what may stand for a while can be waived: penstock change waive {change.id} GATE"
    if isinstance(step, Work):
        return f"go on with {step.stage}: penstock change resume {change.id}"
    return "nothing, it has ended"


def _base_moved(change: Change) -> bool:
    return change.outcomes.get(str(Stage.DEPLOYMENT), {}).get("moved_base") == str(Outcome.FAIL)
