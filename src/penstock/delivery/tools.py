"""What every stage works with: the ports, where the project stands, and who acts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from penstock.model.errors import InputError
from penstock.model.findings import Finding
from penstock.model.intervals import parse_moment, stamp
from penstock.model.pipelines import CommandTask, PythonTask, Settings
from penstock.policy.rules import Policy
from penstock.project.layout import SETTINGS_FILE, is_project_file
from penstock.project.reading import read_project
from penstock.project.settings import read_settings

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime
    from pathlib import Path

    from penstock.delivery.changes import Change
    from penstock.delivery.ports import Clock, Commands, Desk, Folder, Keys, Repository, Runtime, SecretScanner
    from penstock.ledger.journal import Journal
    from penstock.model.pipelines import Project


@dataclass(frozen=True, slots=True, kw_only=True)
class Tools:
    """The ports. `root` is the project as its user has it; `author` names the key that signs stages.

    `with_key` tells a project which masking key is at hand, `scanner` knows more secrets than we do; `tell` tells
    whoever a project names of an incident, at least once.
    """

    journal: Journal
    repository: Repository
    folder: Folder
    commands: Commands
    desk: Desk
    keys: Keys
    runtime: Runtime
    clock: Clock
    root: Path
    author: str
    with_key: Callable[[Project], Project] = lambda project: project
    scanner: SecretScanner | None = None
    tell: Callable[[Project, Mapping[str, object]], None] = lambda _project, _incident: None

    def now(self) -> str:
        """The moment, as evidence and commits carry it."""
        return self.clock.now().replace(microsecond=0).isoformat().replace("+00:00", "Z")

    def worktree(self, change: Change) -> Path:
        """The change's own checkout of the project."""
        return self.repository.open_worktree(
            self.root / ".penstock" / "worktrees" / change.id, change.branch, change.base_commit
        )

    def until(self, change: Change) -> datetime:
        """Up to when data counts as arrived for this change."""
        return parse_moment(change.until)


def project_at(tools: Tools, commit: str) -> Project:
    """The project's model at a commit."""
    return tools.with_key(read_project(model_files_at(tools, commit)))


def model_files_at(tools: Tools, commit: str) -> dict[str, bytes]:
    """The model's files at a commit: path to bytes."""
    return tools.repository.contents(commit, [n for n in tools.repository.files(commit) if is_project_file(n)])


def project_in(tools: Tools, root: Path) -> Project:
    """The project's model as it stands in a folder."""
    return tools.with_key(read_project(project_files(tools, root)))


def project_files(tools: Tools, root: Path) -> dict[str, bytes]:
    """The model's files in a folder: path to bytes."""
    names = [name for name in tools.folder.list(root, "") if is_project_file(name)]
    return {name: tools.folder.read(root, name) or b"" for name in names}


def on_base_branch(change: Change, tools: Tools) -> None:
    """Refuse to merge into, or to commit on, another branch than the change began from.

    Raises:
        InputError: another branch is checked out.
    """
    branch = tools.repository.branch()
    if branch != change.base_branch:
        raise InputError(
            Finding(
                code="change.other_branch",
                message=f"{branch} is checked out; {change.id} began from {change.base_branch} and goes back there",
                found=branch,
                expected=change.base_branch,
                remedy=f"git switch {change.base_branch}, then run this again",
            )
        )


def base_tree(change: Change, base: Project, tools: Tools) -> Path:
    """Where the Python code and the programs of the base revision stand: a checkout of its own if it has any."""
    if not any(isinstance(dataset.task, PythonTask | CommandTask) for dataset in base.datasets.values()):
        return tools.root
    return tools.repository.open_detached(_base_folder(change, tools), change.base_commit)


def close_trees(change: Change, tools: Tools) -> None:
    """Remove the checkouts that a change has worked in; its branch stays."""
    tools.repository.close_worktree(tools.root / ".penstock" / "worktrees" / change.id)
    tools.repository.close_worktree(_base_folder(change, tools))


def _base_folder(change: Change, tools: Tools) -> Path:
    return tools.root / ".penstock" / "worktrees" / f"{change.id}.base"


def policy_at(tools: Tools, commit: str) -> Policy:
    """The policy of the base revision: what a branch says about it does not count."""
    return Policy.of(settings_at(tools, commit))


def settings_at(tools: Tools, commit: str) -> Settings:
    """The settings of a revision; those of a project without any where they cannot be read."""
    return settings_in(tools.repository, commit)


def settings_in(repository: Repository, commit: str) -> Settings:
    """The same, of a repository alone."""
    findings: list[Finding] = []
    text = repository.show(commit, SETTINGS_FILE) or b"name: project\n"
    return read_settings(text.decode(), findings) or Settings(name="project")


def settings_policy(repository: Repository, commit: str) -> Policy:
    """The policy that a commit's settings hold.

    Raises:
        InputError: they cannot be read; what they ask for is then not known, and it may be more than the default.
    """
    findings: list[Finding] = []
    text = repository.show(commit, SETTINGS_FILE)
    settings = read_settings(text.decode(errors="replace"), findings) if text is not None else None
    if findings:
        raise InputError(tuple(findings))
    return Policy.of(settings) if settings is not None else Policy()


def day(moment: datetime) -> str:
    """A moment as messages write it."""
    return stamp(moment)
