"""One case, tried: a copy of its base, the story delivered, a reviewer who says yes to everything, and what came of it.

What is measured are the gates. So the reviewer approves whatever waits for an approval, except after an attack that
comes behind an approval: there the question is whether the approval that was given still counts.

A story that forgot to name a dataset downstream is refused before anything is built, whatever is wrong with its change.
So the author does once what the remedy says: names what is missing as it is believed to be, new or unmoved, and
delivers again. A trial says how many datasets that were.
"""

from __future__ import annotations

import json
import resource
import shutil
import tempfile
import time
import zlib
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb

from gatebench.bases import APPROVER, AUTHOR, BASES, BaseError, penstock, run
from gatebench.cases import Deed, Label, Moment
from penstock.documents.reading import split_front_matter
from penstock.documents.writing import to_yaml
from penstock.quality.exercise import Comparison

if TYPE_CHECKING:
    from gatebench.bases import Base
    from gatebench.cases import Case, Step

ROUNDS = 3
ROLLED_BACK_ONE_IN = 4
ENDS = (0, 1, 2, 3, 4)
UNNAMED = "gate.undeclared_impact"


class Verdict(StrEnum):
    """What became of a change."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    ROLLED_BACK = "rolled back"
    WAITING = "waiting"
    BROKEN = "broken"
    NOT_APPLICABLE = "not applicable"
    """Of a peer alone: the case says nothing of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """What became of a case; `seconds` are of the wall and `work` of processors, both of the verdict alone."""

    case: str
    base: str
    label: Label
    kind: str
    held_out: bool
    verdict: Verdict
    stage: str = ""
    gates: tuple[str, ...] = ()
    findings: tuple[str, ...] = ()
    reason: str = ""
    named: int = 0
    exercised: bool | None = None
    rollback_equal: bool | None = None
    seconds: float = 0.0
    work: float = 0.0

    @property
    def right(self) -> bool:
        """A good change is in production, or a bad one was never shown there."""
        if self.label is Label.GOOD:
            return self.verdict is Verdict.ACCEPTED
        return self.verdict in {Verdict.REFUSED, Verdict.WAITING}


def attempt(case: Case, built: Path) -> Trial:
    """Carry a case as far as Penstock lets it, in a copy of the built base that is removed afterwards."""
    with tempfile.TemporaryDirectory(prefix="gatebench-") as folder:
        target = Path(folder) / "base"
        shutil.copytree(built, target, symlinks=True)
        walk = _Walk(case=case, base=BASES[case.base], target=target)
        began, used = time.monotonic(), work_of_children()
        try:
            trial = walk.trial()
        except BaseError as error:
            trial = blank(case, Verdict.BROKEN, reason=str(error)[-1500:])
        trial = replace(trial, seconds=round(time.monotonic() - began, 2), work=round(work_of_children() - used, 2))
        if trial.verdict is Verdict.ACCEPTED and zlib.crc32(case.name.encode()) % ROLLED_BACK_ONE_IN == 0:
            trial = replace(trial, rollback_equal=walk.rolls_back())
        return trial


def blank(case: Case, verdict: Verdict, *, reason: str = "") -> Trial:
    """A trial that says what a case is and what became of it, and nothing else."""
    return Trial(
        case=case.name,
        base=case.base,
        label=case.label,
        kind=case.kind,
        held_out=case.held_out,
        verdict=verdict,
        reason=reason,
    )


@dataclass(slots=True, kw_only=True)
class _Walk:
    """A case on its way through one copy of its base."""

    case: Case
    base: Base
    target: Path
    shown: dict[str, str] | None = None
    named: int = 0
    attacked: bool = False

    @property
    def project(self) -> Path:
        return self.target / "project"

    def trial(self) -> Trial:
        self.shown = self._production()
        story = self._bring_story()
        said = self._delivered(story)
        unnamed = _unnamed(said)
        if unnamed:
            self.named = len(unnamed)
            _name_datasets(self.project / story, unnamed)
            said = self._delivered(story)
        if _waits_for_approval(said):
            self._attack(Moment.REVIEWED)
            said = self._approved(said)
        return self._told(said)

    def rolls_back(self) -> bool:
        """Whether production shows afterwards exactly the versions that it showed before the change."""
        said = self._ask("change", "rollback", self.case.change, "--as", APPROVER)
        return "error" not in said and self._production() == self.shown

    def _bring_story(self) -> str:
        stories = self.project / "stories"
        for path in self.case.folder.iterdir():
            if path.name not in {"case.yaml", "answers.yaml", "story.md"}:
                shutil.copy(path, stories / path.name)
        name = f"{self.case.change}.md"
        shutil.copy(self.case.folder / "story.md", stories / name)
        return f"stories/{name}"

    def _delivered(self, story: str) -> dict[str, Any]:
        return self._answered(self._ask("deliver", story, "--as", AUTHOR, "--until", self.base.until))

    def _answered(self, said: dict[str, Any]) -> dict[str, Any]:
        open_ = [question["id"] for question in said.get("questions", ()) if question["answer"] is None]
        answers = [(question, answer) for question, answer in self.case.answers if question in open_]
        for question, answer in answers:
            penstock(self.target, "change", "answer", self.case.change, question, answer, "--as", AUTHOR, ends=ENDS)
        return self._resumed(self.base.until) if answers else said

    def _approved(self, said: dict[str, Any]) -> dict[str, Any]:
        by_author = any(step.deed in {Deed.APPROVE_AS_AUTHOR, Deed.ADD_APPROVER} for step in self.case.steps)
        for _ in range(1 if by_author else ROUNDS):
            if not by_author:
                penstock(self.target, "change", "approve", self.case.change, "--as", APPROVER, ends=ENDS)
            self._attack(Moment.APPROVED)
            said = self._resumed(self.base.watched)
            if self.attacked or not _waits_for_approval(said):
                break
        return said

    def _resumed(self, until: str) -> dict[str, Any]:
        return self._ask("change", "resume", self.case.change, "--until", until)

    def _attack(self, moment: Moment) -> None:
        for step in self.case.steps:
            if step.after is moment and not (self.attacked and moment is Moment.APPROVED):
                _DEEDS[step.deed](self, step)
        self.attacked = self.attacked or any(step.after is moment is Moment.APPROVED for step in self.case.steps)

    def _worktree(self) -> Path:
        tree = self.project / ".penstock" / "worktrees" / self.case.change
        if not tree.exists():
            run(self.target, "git", "worktree", "add", "--quiet", str(tree), f"change/{self.case.change}")
        return tree

    def commit(self, step: Step) -> None:
        tree = self._worktree()
        run(self.target, "git", "-C", str(tree), "apply", str(self.case.folder / str(step.patch)))
        self._commit_all(tree)

    def edit(self, step: Step) -> None:
        tree = self._worktree()
        path = tree / str(step.file).replace("{id}", self.case.change)
        path.write_text(path.read_text(encoding="utf-8") + str(step.append), encoding="utf-8")
        self._commit_all(tree)

    def approve_as_author(self, _step: Step) -> None:
        penstock(self.target, "change", "approve", self.case.change, "--as", AUTHOR, ends=ENDS)

    def add_approver(self, _step: Step) -> None:
        tree = self._worktree()
        key = tree / "keys" / f"{AUTHOR}.yaml"
        key.write_text(key.read_text(encoding="utf-8").replace("role: author", "role: approver"), encoding="utf-8")
        self._commit_all(tree)
        penstock(self.target, "change", "approve", self.case.change, "--as", AUTHOR, ends=ENDS)

    def _commit_all(self, tree: Path) -> None:
        run(self.target, "git", "-C", str(tree), "add", "--all")
        run(self.target, "git", "-C", str(tree), "commit", "--quiet", "--message", "A small mend")

    def _ask(self, *arguments: str) -> dict[str, Any]:
        """What a command answers: its result, with its findings and its error beside it."""
        text = penstock(self.target, *arguments, "--json", ends=ENDS)
        envelope = json.loads(text)
        said: dict[str, Any] = {**(envelope["result"] or {}), "findings": envelope["findings"]}
        return {**said, "error": envelope["error"]} if envelope["error"] else said

    def _told(self, said: dict[str, Any]) -> Trial:
        if "error" in said:
            reason = json.dumps([said["error"], said["findings"]])[:1500]
            return replace(blank(self.case, Verdict.REFUSED, reason=reason), stage=said.get("stage") or "entry")
        verdict = _VERDICTS.get(said["state"], Verdict.WAITING)
        failed = [one for stage in said["stages"] for one in stage["verdicts"] if one["outcome"] not in _HOLDS]
        return replace(
            blank(self.case, verdict, reason=said["reason"] or said["next"] or ""),
            stage=said["stage"],
            named=self.named,
            gates=tuple(one["gate"] for one in failed),
            findings=tuple(dict.fromkeys(found["code"] for found in said["findings"])),
            exercised=self._exercised(),
        )

    def _exercised(self) -> bool | None:
        """Whether something went through every changed query; None if no query changed but for what is proved equal."""
        for tree in (self.project, self.project / ".penstock" / "worktrees" / self.case.change):
            path = tree / "changes" / self.case.change / "review.json"
            if path.exists():
                exercises = json.loads(path.read_text(encoding="utf-8"))["exercise"].values()
                found = {one["verdict"] for one in exercises} - {Comparison.PROVED_EQUAL}
                return Comparison.NOT_EXERCISED not in found if found else None
        return None

    def _production(self) -> dict[str, str]:
        """Which version of each dataset production's readers see."""
        with duckdb.connect(self.project / ".penstock" / "warehouse.duckdb", read_only=True) as connection:
            rows = connection.execute(
                "SELECT schema_name || '.' || view_name, sql FROM duckdb_views() "
                "WHERE NOT internal AND NOT starts_with(schema_name, '_') AND NOT contains(schema_name, '__')"
            ).fetchall()
        return dict(rows)


_VERDICTS = {
    "done": Verdict.ACCEPTED,
    "refused": Verdict.REFUSED,
    "rejected": Verdict.REFUSED,
    "rolled_back": Verdict.ROLLED_BACK,
}
_HOLDS = {"pass", "not_applicable"}
_DEEDS = {
    Deed.COMMIT: _Walk.commit,
    Deed.EDIT: _Walk.edit,
    Deed.APPROVE_AS_AUTHOR: _Walk.approve_as_author,
    Deed.ADD_APPROVER: _Walk.add_approver,
}


def _unnamed(said: dict[str, Any]) -> dict[str, str]:
    """Datasets that the story was refused for not naming, and the word that the author believes of each."""
    found = [one for one in said["findings"] if one["code"] == UNNAMED and "dataset" in one.get("place", {})]
    return {one["place"]["dataset"]: "new" if one["expected"].endswith("new") else "none" for one in found}


def _name_datasets(story: Path, datasets: dict[str, str]) -> None:
    """Write more lines under `impact` of a story; a dataset that it names already is named anew."""
    document, prose = split_front_matter(story.read_text(encoding="utf-8"), story.name)
    document.data["impact"] = {**(document.data.get("impact") or {}), **datasets}
    story.write_text(f"---\n{to_yaml(document.data)}---\n{prose}", encoding="utf-8")


def _waits_for_approval(said: dict[str, Any]) -> bool:
    return said.get("state") == "waiting" and "approv" in (said.get("next") or "")


def work_of_children() -> float:
    """Seconds of processors that the ended processes of this one have used."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
