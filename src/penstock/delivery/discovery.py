"""Stage 1: read the story against the real sources, ask what it leaves open, and agree on what is wanted."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

from penstock.delivery import storybook
from penstock.delivery.pages.alignment import alignment_page
from penstock.delivery.sealing import Sealing, StageReport, enter, pass_stage, stop_stage
from penstock.delivery.stages import Stage
from penstock.delivery.tools import policy_at
from penstock.delivery.waiving import waivers_of
from penstock.documents import to_yaml
from penstock.evidence.keys import KEYS, Role, to_text
from penstock.evidence.statements import Link
from penstock.ledger.facts import QuestionsAsked
from penstock.model.errors import InputError
from penstock.model.findings import Finding, Outcome, Place
from penstock.policy import gates
from penstock.policy.facts import DiscoveryFacts
from penstock.project.questions import open_questions

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from penstock.delivery.changes import Change
    from penstock.delivery.tools import Tools
    from penstock.model.stories import Question, Story
    from penstock.project.story_facts import SourceFacts

PROFILE = "profile.json"
ALIGNMENT = "alignment.md"


def discover(change: Change, tools: Tools) -> StageReport:
    """Do the stage; it waits while a question has no answer."""
    root = enter(change, Stage.DISCOVERY, tools)
    _introduce_author(change, root, tools)
    text = _story_text(change, root, tools)
    story = storybook.story_from(text, change.story, change, tools)
    facts, findings, profile = tools.runtime.source_facts(story)
    asked = unanswered(change, story, facts)
    new = {q.id: q.text for q in asked if q.id not in {known.id for known in change.questions}}
    if new:
        paths = {q.id: q.path for q in asked}
        tools.journal.append(QuestionsAsked(change=change.id, questions=new, paths={i: paths[i] for i in new}))
    files = _write(change, story, asked, profile, text, root, tools)
    verdicts = gates.judge_all(
        gates.DISCOVERY,
        DiscoveryFacts(
            story=story,
            policy=policy_at(tools, change.base_commit),
            open_questions=asked,
            source_findings=findings,
        ),
        waivers=waivers_of(change, root, tools),
    )
    message = (tools.folder.read(root, f"{change.folder}/{ALIGNMENT}") or b"").decode()
    report = StageReport(
        change=change.id,
        stage=Stage.DISCOVERY,
        verdicts=verdicts,
        headline=_headline(facts, asked),
        message=message,
        artefacts=files,
    )
    commit = f"{change.id}: agree on what is wanted"
    if report.outcome is not Outcome.PASS:
        stop_stage(change, Stage.DISCOVERY, verdicts, root, tools, message=f"{change.id}: ask what is open")
        return report
    pass_stage(
        change,
        Stage.DISCOVERY,
        Link.DISCOVERY,
        Sealing(files=files, verdicts=verdicts, facts={"questions": len(change.questions), "answered": True}),
        root,
        tools,
        message=commit,
    )
    return report


def _introduce_author(change: Change, root: Path, tools: Tools) -> None:
    """Put the author's public key into the project if it is not there yet: it may sign authorship, never approval."""
    path = f"{KEYS}/{change.author}.yaml"
    key = tools.keys.public(change.author)
    if key.role is Role.APPROVER:
        raise InputError(_approver_as_author(change, path))
    if tools.folder.read(root, path) is None:
        tools.folder.write(root, path, to_text(key).encode())
        tools.repository.commit(root, f"{change.id}: introduce {change.author}", [path], change.author, at=tools.now())


def _approver_as_author(change: Change, path: str) -> Finding:
    return Finding(
        code="change.approver_as_author",
        message=f"{change.author} signs with an approver's key and cannot write {change.id} with it",
        place=Place(file=path),
        expected="a key with the role author, agent or runner: a change must not bring an approver along",
        remedy=f"penstock key new {change.author}-author --role author, and deliver with --as {change.author}-author",
    )


def unanswered(change: Change, story: Story, facts: Mapping[str, SourceFacts]) -> tuple[Question, ...]:
    """The story's open questions. One that was asked before keeps its number, new ones follow."""
    numbers = {question.path: question.id for question in change.questions}
    highest = max((int(question.id.removeprefix("Q")) for question in change.questions), default=0)
    found = []
    for question in open_questions(story, facts):
        if question.path not in numbers:
            highest += 1
            numbers[question.path] = f"Q{highest}"
        found.append(replace(question, id=numbers[question.path]))
    return tuple(found)


def _story_text(change: Change, root: Path, tools: Tools) -> str:
    """The story as it was when the change was opened: the copy in the worktree, or the file it was opened with."""
    kept = tools.folder.read(root, f"{change.folder}/{storybook.STORY}")
    return (kept or tools.folder.read(tools.root, f".penstock/stories/{change.story_sha256}.md") or b"").decode()


def _headline(facts: Mapping[str, SourceFacts], asked: tuple[Question, ...]) -> str:
    seen = [f"{name}: {fact.files:,} files, {fact.rows or 0:,} lines" for name, fact in sorted(facts.items())]
    open_ones = f"{len(asked)} open question{'s' if len(asked) != 1 else ''}" if asked else "no open question"
    return f"{'; '.join(seen) or 'no source of its own'}; {open_ones}"


def _write(
    change: Change,
    story: Story,
    asked: tuple[Question, ...],
    profile: Mapping[str, object],
    text: str,
    root: Path,
    tools: Tools,
) -> tuple[str, ...]:
    answered = {
        question.id: {"path": question.path, "answer": json.loads(question.answer), "by": question.by}
        for question in change.questions
        if question.answer is not None
    }
    known = {question.id: (question.text, question.path) for question in change.questions}
    known |= {question.id: (question.text, question.path) for question in asked}
    rows = [
        {"id": number, "text": known[number][0], "path": known[number][1], **answered.get(number, {})}
        for number in sorted(known, key=lambda number: int(number.removeprefix("Q")))
    ]
    page = alignment_page(change, story, asked, profile)
    contents = {
        storybook.STORY: text,
        PROFILE: json.dumps(profile, indent=2, sort_keys=True, ensure_ascii=False) + "\n",
        storybook.QUESTIONS: to_yaml({"questions": rows}),
        ALIGNMENT: page,
    }
    for name, content in contents.items():
        tools.folder.write(root, f"{change.folder}/{name}", content.encode())
    return tuple(f"{change.folder}/{name}" for name in contents)
