"""Who writes: the deterministic author from the story, or somebody else by a folder of files, a patch or a branch.

What a patch or a branch says is kept when the plan is made, by its digest: later stages write those very bytes.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from penstock.author.authored import CONTRACTS_AND_SOURCES, MONITORING_AND_DOCS, PIPELINES, TESTS, AuthoredFile
from penstock.author.change import hand_edited, write_change
from penstock.author.documentation import ARCHITECTURE_FILE, architecture_page
from penstock.delivery.storybook import earlier_stories
from penstock.delivery.tools import model_files_at
from penstock.evidence.canonical import digest
from penstock.model.authors import AuthorKind
from penstock.model.errors import InputError
from penstock.model.findings import Finding, Place
from penstock.project.reading import read_project

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from penstock.delivery.changes import Change
    from penstock.delivery.tools import Tools
    from penstock.model.stories import Story
    from penstock.project.story_facts import SourceFacts

PLAN_JSON = "plan.json"

_GROUP_OF = {
    "contracts": CONTRACTS_AND_SOURCES,
    "pipelines": PIPELINES,
    "tests": TESTS,
    "monitoring": MONITORING_AND_DOCS,
    "docs": MONITORING_AND_DOCS,
    "architecture.md": MONITORING_AND_DOCS,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Authored:
    """What an author wrote: files as they will stand, and those taken away.

    `patch` is the SHA-256 of the patch they come from, if they come from one.
    """

    files: tuple[AuthoredFile, ...]
    removed: tuple[str, ...] = ()
    patch: str | None = None


def authored(story: Story, change: Change, root: Path, tools: Tools) -> Authored:
    """What the change writes. `root` is its worktree, where the plan stands once there is one.

    Raises:
        InputError: there is nothing, what there is cannot be applied to the base, or it is no text.
    """
    base = model_files_at(tools, change.base_commit)
    match story.author.kind:
        case AuthorKind.DETERMINISTIC:
            facts, _, _ = tools.runtime.source_facts(story)
            return Authored(files=write_change(story, facts, tools.runtime.evaluate, base=base))
        case AuthorKind.FILES:
            return _with_architecture(Authored(files=_files_of(story, change, tools)), base)
        case _:
            return _with_architecture(_patched(story, change, root, tools), base)


def _patched(story: Story, change: Change, root: Path, tools: Tools) -> Authored:
    """The files that a patch makes of the base revision's."""
    name = story.author.place
    sha256 = _planned_patch(change, root, tools)
    data = tools.folder.read(tools.root, _kept(sha256)) if sha256 else None
    if data is None:
        data = _patch_of(story, change, tools)
        sha256 = digest(data)
        tools.folder.write(tools.root, _kept(sha256), data)
    made = tools.repository.applied(change.base_commit, data, name)
    files = {path: content for path, content in made.items() if content is not None}
    return Authored(
        files=tuple(_authored_file(path, content, path) for path, content in sorted(files.items())),
        removed=tuple(sorted(set(made) - set(files))),
        patch=sha256,
    )


def _planned_patch(change: Change, root: Path, tools: Tools) -> str | None:
    """The digest of the patch that the change's plan was made of."""
    plan = json.loads(tools.folder.read(root, f"{change.folder}/{PLAN_JSON}") or b"{}")
    digest_of = plan.get("patch")
    return digest_of if isinstance(digest_of, str) else None


def _kept(sha256: str) -> str:
    return f".penstock/authored/{sha256}.patch"


def _patch_of(story: Story, change: Change, tools: Tools) -> bytes:
    if story.author.kind is AuthorKind.BRANCH:
        data = tools.repository.difference(change.base_commit, story.author.place)
    else:
        data = tools.folder.read(tools.root, f"{_folder(change.story)}{story.author.place}") or b""
    if not data.strip():
        raise InputError(_nothing_written(story, change))
    return data


def _nothing_written(story: Story, change: Change) -> Finding:
    branch = story.author.kind is AuthorKind.BRANCH
    where = f"branch {story.author.place}" if branch else f"{_folder(change.story)}{story.author.place}"
    return Finding(
        code="change.no_files",
        message=f"{where} changes nothing" if branch else f"the story's patch is empty or not there: {where}",
        place=Place(file=change.story),
        expected="a branch with commits of its own" if branch else "a patch beside the story, as `git diff` writes it",
        remedy=f"correct `author.{'branch' if branch else 'file'}` in the story",
    )


def edited_by_hand(story: Story, change: Change, tools: Tools) -> tuple[str, ...]:
    """Files that the deterministic author would overwrite though a person changed them since."""
    if not story.author.deterministic:
        return ()
    base = tools.repository.contents(change.base_commit, tools.repository.files(change.base_commit))
    earlier = [other for other in earlier_stories(change.base_commit, tools) if other.pipeline == story.pipeline]
    facts: dict[str, SourceFacts] = {}
    for other in earlier:
        facts.update(tools.runtime.source_facts(other)[0])
    return hand_edited(base, earlier, facts, tools.runtime.evaluate)


def _files_of(story: Story, change: Change, tools: Tools) -> tuple[AuthoredFile, ...]:
    folder = f"{_folder(change.story)}{story.author.place}"
    names = tools.folder.list(tools.root, folder)
    if not names:
        raise InputError(
            Finding(
                code="change.no_files",
                message=f"the story's folder of files is empty or not there: {folder}",
                place=Place(file=change.story),
                expected="the files of the change, with the paths they have in the project",
                remedy="correct `author.directory` in the story",
            )
        )
    read = ((name, tools.folder.read(tools.root, name) or b"") for name in names)
    return tuple(_authored_file(name.removeprefix(f"{folder}/"), data, name) for name, data in read)


def _authored_file(path: str, data: bytes, name: str) -> AuthoredFile:
    try:
        return AuthoredFile(path=path, text=data.decode(), group=group_of(path))
    except UnicodeDecodeError as error:
        raise InputError(_not_text(name)) from error


def group_of(path: str) -> str:
    """The commit that a project file belongs to, by the folder it lies in."""
    return _GROUP_OF.get(path.split("/", 1)[0], PIPELINES)


def _not_text(name: str) -> Finding:
    return Finding(
        code="change.not_text",
        message=f"{name} is not UTF-8 text",
        place=Place(file=name),
        expected="text files: a change is read by people",
        remedy="take the file out of what the story brings, or save it as UTF-8",
    )


def _folder(story: str) -> str:
    return story.rpartition("/")[0] + "/" if "/" in story else ""


def _with_architecture(written: Authored, base: Mapping[str, bytes]) -> Authored:
    """The files and the project's page of its own structure, drawn from the project as it will be."""
    page = architecture_page(read_project(overlaid(written, base)))
    drawn = AuthoredFile(path=ARCHITECTURE_FILE, text=page, group=MONITORING_AND_DOCS)
    files = (*(file for file in written.files if file.path != ARCHITECTURE_FILE), drawn)
    removed = tuple(path for path in written.removed if path != ARCHITECTURE_FILE)
    return replace(written, files=files, removed=removed)


def overlaid(written: Authored, base: Mapping[str, bytes]) -> dict[str, bytes]:
    """The base revision's files with the authored ones on top, less those taken away."""
    kept = {path: data for path, data in base.items() if path not in written.removed}
    return {**kept, **{file.path: file.text.encode() for file in written.files}}
