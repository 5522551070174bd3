"""Who writes: the deterministic author from the story, or somebody else by files, a patch, a branch or a program.

What a patch, a branch or a program hands in is kept when the plan is made, by its digest: later stages write that.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from penstock.author.authored import CONTRACTS_AND_SOURCES, MONITORING_AND_DOCS, PIPELINES, TESTS, AuthoredFile
from penstock.author.change import hand_edited, write_change
from penstock.author.documentation import ARCHITECTURE_FILE, architecture_page
from penstock.delivery.commissioning import commission
from penstock.delivery.handed_paths import odd_paths
from penstock.delivery.storybook import earlier_stories
from penstock.delivery.tools import model_files_at
from penstock.evidence.canonical import canonical_bytes, digest
from penstock.model.authors import AuthorKind
from penstock.model.errors import InputError
from penstock.model.findings import Finding, Place
from penstock.project.reading import read_project

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from penstock.delivery.changes import Change
    from penstock.delivery.ports import CommandRun
    from penstock.delivery.tools import Tools
    from penstock.model.stories import Story
    from penstock.project.story_facts import SourceFacts

PLAN_JSON = "plan.json"
TAKEN = "taken"
"""The plan's word for the digest of what was handed in."""

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

    `taken` is the SHA-256 of what was handed in, as it is kept, and `run` the program's run if one wrote it just now.
    """

    files: tuple[AuthoredFile, ...]
    removed: tuple[str, ...] = ()
    taken: str | None = None
    run: CommandRun | None = None


def authored(story: Story, change: Change, root: Path, tools: Tools) -> Authored:
    """What the change writes. `root` is its worktree, where the plan stands once there is one.

    Raises:
        InputError: there is nothing, what there is cannot be applied to the base, it is no text, or lies where no
            author writes.
    """
    base = model_files_at(tools, change.base_commit)
    match story.author.kind:
        case AuthorKind.DETERMINISTIC:
            facts, _, _ = tools.runtime.source_facts(story)
            return Authored(files=write_change(story, facts, tools.runtime.evaluate, base=base))
        case AuthorKind.FILES:
            written = Authored(files=_files_of(story, change, tools))
        case _:
            written = _handed_in(story, change, root, tools)
    paths = (*(file.path for file in written.files), *written.removed)
    if odd := odd_paths(paths, tools.repository.files(change.base_commit), change.folder):
        raise InputError(odd)
    return _with_architecture(written, base)


def _handed_in(story: Story, change: Change, root: Path, tools: Tools) -> Authored:
    """What a patch, a branch or a program makes of the base revision: taken once, when the plan is made."""
    planned = _planned(change, root, tools)
    data = tools.folder.read(tools.root, _kept(planned)) if planned else None
    run = None
    if data is None or digest(data) != planned:
        made, run = _made(story, change, root, tools)
        texts = {path: None if content is None else _text(path, content) for path, content in made.items()}
        data = canonical_bytes(texts)
        if planned is not None and digest(data) != planned:
            raise InputError(_not_as_planned(change, planned))
        tools.folder.write(tools.root, _kept(digest(data)), data)
    kept: dict[str, str | None] = json.loads(data)
    files = (
        AuthoredFile(path=path, text=text, group=group_of(path))
        for path, text in sorted(kept.items())
        if text is not None
    )
    removed = (path for path, text in sorted(kept.items()) if text is None)
    return Authored(files=tuple(files), removed=tuple(removed), taken=digest(data), run=run)


def _planned(change: Change, root: Path, tools: Tools) -> str | None:
    """The digest of what was handed in when the change's plan was made."""
    plan = json.loads(tools.folder.read(root, f"{change.folder}/{PLAN_JSON}") or b"{}")
    taken = plan.get(TAKEN) if plan.get("base_commit") == change.base_commit else None  # another base: taken anew
    return taken if isinstance(taken, str) else None


def _kept(sha256: str) -> str:
    return f".penstock/authored/{sha256}.json"


def _made(
    story: Story, change: Change, root: Path, tools: Tools
) -> tuple[Mapping[str, bytes | None], CommandRun | None]:
    """Files by path, None for those to take away, and the program's run if one wrote them."""
    if story.author.kind is AuthorKind.COMMAND:
        handed = commission(story, change, root, tools)
        if not handed.files:
            raise InputError(_nothing_written(story, change))
        return handed.files, handed.run
    if story.author.kind is AuthorKind.BRANCH:
        data = tools.repository.difference(change.base_commit, story.author.place)
    else:
        data = tools.folder.read(tools.root, f"{_folder(change.story)}{story.author.place}") or b""
    if not data.strip():
        raise InputError(_nothing_written(story, change))
    return tools.repository.applied(change.base_commit, data, story.author.place), None


def _not_as_planned(change: Change, planned: str) -> Finding:
    return Finding(
        code="change.not_as_planned",
        message=f"what was handed in for {change.id} is not what its plan was made of, and no copy of that is left",
        place=Place(file=f"{change.folder}/{PLAN_JSON}", field=TAKEN),
        found="other bytes, made anew",
        expected=f"bytes of digest {planned[:12]}, as they were kept in {_kept(planned)}",
        remedy=f"edit {change.story} (a word will do) and deliver it again; the change begins anew",
    )


def _nothing_written(story: Story, change: Change) -> Finding:
    message, expected, key = {
        AuthorKind.BRANCH: (
            f"branch {story.author.place} changes nothing",
            "a branch with commits of its own",
            "branch",
        ),
        AuthorKind.COMMAND: (
            f"author {story.author.place} wrote nothing",
            "a file that stands otherwise than before",
            "name",
        ),
    }.get(
        story.author.kind,
        (
            f"the story's patch is empty or not there: {_folder(change.story)}{story.author.place}",
            "a patch beside the story, as `git diff` writes it",
            "file",
        ),
    )
    return Finding(
        code="change.no_files",
        message=message,
        place=Place(file=change.story),
        expected=expected,
        remedy=f"correct `author.{key}` in the story, or what it names",
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
    found = []
    for name in names:
        path = name.removeprefix(f"{folder}/")
        text = _text(name, tools.folder.read(tools.root, name) or b"")
        found.append(AuthoredFile(path=path, text=text, group=group_of(path)))
    return tuple(found)


def _text(name: str, data: bytes) -> str:
    try:
        return data.decode()
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
