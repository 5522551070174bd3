"""What delivery needs from the outside: a repository, folders, commands, keys, and the running of pipelines."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from penstock.model.environments import PRODUCTION

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from contextlib import AbstractContextManager
    from datetime import datetime
    from pathlib import Path

    from penstock.author.ports import RowEvaluator
    from penstock.evidence.envelope import Signer
    from penstock.evidence.git_objects import History
    from penstock.evidence.keys import PublicKey
    from penstock.model.authors import AuthorCommand
    from penstock.model.findings import Finding
    from penstock.model.intervals import Interval
    from penstock.model.pipelines import Project
    from penstock.model.stories import Story
    from penstock.policy.facts import CriterionResult, Multiplying, Readiness, Rehearsal
    from penstock.policy.secret_patterns import Secret
    from penstock.project.story_facts import SourceFacts
    from penstock.quality.checks import CheckResult
    from penstock.quality.comparison import DatasetDiff
    from penstock.quality.exercise import Exercise
    from penstock.quality.mutation import MutationScore
    from penstock.quality.pictures import Picture
    from penstock.quality.rerunning import Rerun
    from penstock.quality.slicing import SliceVerdict


class Repository(Protocol):
    """The project's git repository. Paths are relative to the project; `folder` is a project checked out somewhere."""

    def head(self, folder: Path | None = None) -> str:
        """The commit that is checked out."""
        ...

    def branch(self) -> str:
        """The branch that is checked out."""
        ...

    def author(self) -> str:
        """The configured user's name, or an empty text."""
        ...

    def open_worktree(self, folder: Path, branch: str, base: str) -> Path:
        """Check a branch out in a folder, made from `base` if it is new; the project within it."""
        ...

    def open_detached(self, folder: Path, commit: str) -> Path:
        """Check a commit out in a folder without a branch; the project within it."""
        ...

    def close_worktree(self, folder: Path) -> None:
        """Remove a worktree; its branch stays."""
        ...

    def reset(self, folder: Path, commit: str) -> None:
        """Bring a worktree back to a commit, dropping everything after it."""
        ...

    def commit(self, folder: Path, message: str, paths: Sequence[str], author: str, *, at: str) -> str:
        """Commit these paths if they differ; the commit checked out afterwards."""
        ...

    def branch_head(self, branch: str) -> str | None:
        """The commit at which a branch stands, or None if there is no such branch."""
        ...

    def is_ancestor(self, older: str, newer: str) -> bool:
        """Whether a commit is, or lies before, another one."""
        ...

    def dirty(self) -> tuple[str, ...]:
        """Tracked project files with changes that are not committed."""
        ...

    def holds(self, branch: str, commit: str) -> bool:
        """Whether a branch holds a commit; one that is gone holds nothing."""
        ...

    def is_merged(self, branch: str) -> bool:
        """Whether the checked-out branch holds another one."""
        ...

    def arrival(self, branch: str) -> str:
        """The commit by which the checked-out branch came to hold another one: a merge, or that one's own head."""
        ...

    def is_merge(self, commit: str) -> bool:
        """Whether a commit has several parents."""
        ...

    def merge(self, branch: str, message: str, author: str, drawn: Sequence[str] = ()) -> str:
        """Merge a branch, visible as a merge; the merge commit. Of `drawn` files the base's side stays.

        Raises:
            InputError: it conflicts; the findings name files and lines, and nothing was changed.
        """
        ...

    def show(self, commit: str, path: str) -> bytes | None:
        """A file's bytes at a commit, or None."""
        ...

    def contents(self, commit: str, paths: Sequence[str]) -> dict[str, bytes]:
        """Several files at a commit; those that were not there are left out."""
        ...

    def files(self, commit: str) -> tuple[str, ...]:
        """The project's files at a commit."""
        ...

    def files_above(self, commit: str) -> tuple[str, ...]:
        """The files of a commit in the folders above the project, by the way there: `../requirements.txt`."""
        ...

    def changed(self, base: str, folder: Path) -> tuple[str, ...]:
        """Files that differ between `base` and a worktree's commit."""
        ...

    def added_text(self, base: str, folder: Path) -> str:
        """The diffs of a worktree's commits since `base`, each after its id and message, without context."""
        ...

    def story_order(self, commit: str) -> tuple[str, ...]:
        """The stories of a commit in the order in which they came."""
        ...

    def changed_between(self, older: str, newer: str) -> tuple[str, ...]:
        """Files that differ between two commits."""
        ...

    def applied(self, commit: str, patch: bytes, name: str) -> Mapping[str, bytes | None]:
        """The files that a patch makes of a commit's, None for those it takes away."""
        ...

    def difference(self, base: str, branch: str) -> bytes:
        """What a branch changed since it left `base`, as a patch."""
        ...

    def retire(self, branch: str, folder: Path) -> None:
        """Set a branch aside under another name, so that its name is free again."""
        ...

    def history(self) -> AbstractContextManager[History]:
        """Commits and their files as raw objects, for as long as it is open."""
        ...


class Folder(Protocol):
    """Files of a checked-out project, written so that a crash leaves the old bytes or the new."""

    def read(self, root: Path, path: str) -> bytes | None:
        """A file's bytes, or None if it is not there."""
        ...

    def write(self, root: Path, path: str, data: bytes) -> None:
        """Write a file whole; it is on disk on return."""
        ...

    def remove(self, root: Path, path: str) -> None:
        """Remove a file and the folders that this empties."""
        ...

    def list(self, root: Path, under: str) -> tuple[str, ...]:
        """Every file under a folder, sorted, relative to the root."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandRun:
    """A command that ended: its arguments as a person would type them, exit code, output, duration."""

    argv: tuple[str, ...]
    exit_code: int
    output: str
    duration_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Handed:
    """What a program left: files that stand otherwise than before (None: gone), or questions in place of them."""

    files: Mapping[str, bytes | None]
    run: CommandRun
    questions: tuple[str, ...] = ()


class Desk(Protocol):
    """Has a program write a change, confined."""

    def write(self, author: AuthorCommand, files: Mapping[str, bytes], brief: Mapping[str, bytes]) -> Handed:
        """Run it over a copy of the files; `brief` are the texts that tell it what is wanted."""
        ...


class Commands(Protocol):
    """Runs our own commands on a checked-out project, as a person would, and keeps what they print."""

    def penstock(self, arguments: Sequence[str], root: Path) -> CommandRun:
        """Run `penstock ARGUMENTS` on the project in `root`."""
        ...

    def environment(self) -> str:
        """What they run in, a line each: the system, Python, and every installed package with its version."""
        ...


class SecretScanner(Protocol):
    """Finds secrets that our own patterns do not know."""

    name: str

    def secrets(self, line: str) -> tuple[Secret, ...]:
        """Every secret that it sees in one line."""
        ...


class Keys(Protocol):
    """The operator's private keys, by name."""

    def signer(self, name: str) -> Signer:
        """A name's signer."""
        ...

    def public(self, name: str) -> PublicKey:
        """A name's public key."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildOutcome:
    """What building a project's versions up to a moment did. `built` maps each dataset to slices built (0: reused).

    `quarantined` counts the rows that were put aside, `nulled` the values made NULL, of datasets that had any.
    """

    run: str
    built: Mapping[str, int]
    rows: Mapping[str, int]
    checks: Mapping[str, tuple[CheckResult, ...]]
    findings: tuple[Finding, ...]
    seconds: float
    quarantined: Mapping[str, int] = field(default_factory=dict)
    nulled: Mapping[str, int] = field(default_factory=dict)


class Runtime(Protocol):
    """Pipelines at work: built, judged, compared, shown. One process holds it at a time."""

    evaluate: RowEvaluator

    def source_facts(self, story: Story) -> tuple[Mapping[str, SourceFacts], tuple[Finding, ...], Mapping[str, object]]:
        """What is known of a story's source files: facts by source, what is wrong, and the profile as JSON values."""
        ...

    def build(self, project: Project, until: datetime, purpose: str, *, root: Path) -> BuildOutcome:
        """Bring every version of a project up to `until`; `root` is where its Python code stands."""
        ...

    def versions(self, project: Project) -> Mapping[str, str]:
        """Each dataset's version."""
        ...

    def covered_until(self, project: Project, pipeline: str) -> datetime | None:
        """How far a pipeline's built versions reach; None if nothing is built."""
        ...

    def judge(self, project: Project, interval: Interval | None = None) -> Mapping[str, tuple[CheckResult, ...]]:
        """Every contract check on the built versions, on all rows or on an interval's."""
        ...

    def quarantined(self, versions: Mapping[str, str]) -> Mapping[str, int]:
        """How many rows are put aside of each dataset's version, of those that have any."""
        ...

    def compare(
        self, production: Mapping[str, str], project: Project, datasets: Sequence[str]
    ) -> tuple[DatasetDiff, ...]:
        """Row by row, production's version of each dataset against the project's."""
        ...

    def compare_outside(
        self, production: Mapping[str, str], project: Project, filters: Mapping[str, str]
    ) -> tuple[DatasetDiff, ...]:
        """The same for the rows alone that do not meet a dataset's predicate."""
        ...

    def pictures(
        self, production: Mapping[str, str], project: Project, diffs: Sequence[DatasetDiff]
    ) -> tuple[Picture, ...]:
        """What to draw of each dataset that differs: totals over time and distributions, both sides."""
        ...

    def exercise(self, old: Project, new: Project, moved: Mapping[str, bool], until: datetime) -> tuple[Exercise, ...]:
        """Whether the data went through what changed in the queries of `moved` (dataset to whether its rows differ)."""
        ...

    def slices(self, project: Project, datasets: Sequence[str]) -> tuple[SliceVerdict, ...]:
        """Whether those of the datasets that are built slice by slice come out as one build makes them."""
        ...

    def reruns(self, old: Project, new: Project, datasets: Sequence[str]) -> tuple[Rerun, ...]:
        """One scheduled run of each dataset's query done again: whether it makes the same rows, and what it takes."""
        ...

    def copied(self, project: Project, files: Collection[str]) -> tuple[Finding, ...]:
        """Where data tests in these files hold rows of persons whom the built data has."""
        ...

    def readiness(self, project: Project, pipelines: Sequence[str], *, seed: int) -> tuple[Readiness, ...]:
        """Whether the pipelines that promise a time to be ready by would keep it in the months to come."""
        ...

    def mutations(self, old: Project, new: Project, datasets: Sequence[str]) -> tuple[MutationScore, ...]:
        """What data tests notice of faults put into the lines that are edited in these datasets' queries."""
        ...

    def criteria(self, story: Story, project: Project) -> tuple[CriterionResult, ...]:
        """Each acceptance criterion on the built versions."""
        ...

    def multiplying(self, old: Project, new: Project) -> tuple[Multiplying, ...]:
        """Joins that the new queries add and whose right side repeats keys."""
        ...

    def rehearse(self, change: str, old: Mapping[str, str], new: Mapping[str, str]) -> Rehearsal:
        """Promote and roll back in a sandbox environment and say what readers would have seen."""
        ...

    def production(self) -> Mapping[str, str]:
        """What production shows: dataset to version."""
        ...

    def shown(self, environment: str) -> Mapping[str, str]:
        """What an environment shows: dataset to version; nothing if there is no such environment."""
        ...

    def promote(self, mapping: Mapping[str, str], reason: str, environment: str = PRODUCTION) -> str:
        """Make an environment show exactly this; returns the promotion's id."""
        ...

    def content(self, project: Project, datasets: Sequence[str] | None = None) -> Mapping[str, tuple[int, str]]:
        """Rows and content digest of each built version, or of those of some datasets."""
        ...

    def tried(self, purpose: str) -> tuple[int, int]:
        """How many attempts of all runs of that purpose ended, and how many of them failed by a fault of their own."""
        ...

    def objectives(self, project: Project, interval: Interval, seconds: float) -> tuple[Finding, ...]:
        """Service level objectives that production does not hold for an interval."""
        ...


class Clock(Protocol):
    """The wall clock."""

    def now(self) -> datetime:
        """The moment, aware, in UTC."""
        ...
