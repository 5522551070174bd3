"""Who writes: the deterministic author from the story, or a folder of files that a person or an agent wrote."""

from __future__ import annotations

from typing import TYPE_CHECKING

from penstock.author.authored import CONTRACTS_AND_SOURCES, MONITORING_AND_DOCS, PIPELINES, TESTS, AuthoredFile
from penstock.author.change import hand_edited, write_change
from penstock.author.documentation import ARCHITECTURE_FILE, architecture_page
from penstock.delivery.storybook import earlier_stories
from penstock.delivery.tools import model_files_at
from penstock.model.errors import InputError
from penstock.model.findings import Finding, Place
from penstock.project.reading import read_project

if TYPE_CHECKING:
    from collections.abc import Mapping

    from penstock.delivery.changes import Change
    from penstock.delivery.tools import Tools
    from penstock.model.stories import Story
    from penstock.project.story_facts import SourceFacts

_GROUP_OF = {
    "contracts": CONTRACTS_AND_SOURCES,
    "pipelines": PIPELINES,
    "tests": TESTS,
    "monitoring": MONITORING_AND_DOCS,
    "docs": MONITORING_AND_DOCS,
    "architecture.md": MONITORING_AND_DOCS,
}


def authored_files(story: Story, change: Change, tools: Tools) -> tuple[AuthoredFile, ...]:
    """Every file the change writes, as it will stand."""
    base = model_files_at(tools, change.base_commit)
    if story.author == "files":
        return _with_architecture(_files_of(story, change, tools), base)
    facts, _, _ = tools.runtime.source_facts(story)
    return write_change(story, facts, tools.runtime.evaluate, base=base)


def edited_by_hand(story: Story, change: Change, tools: Tools) -> tuple[str, ...]:
    """Files that the deterministic author would overwrite though a person changed them since."""
    if story.author == "files":
        return ()
    base = tools.repository.contents(change.base_commit, tools.repository.files(change.base_commit))
    earlier = [other for other in earlier_stories(change.base_commit, tools) if other.pipeline == story.pipeline]
    facts: dict[str, SourceFacts] = {}
    for other in earlier:
        facts.update(tools.runtime.source_facts(other)[0])
    return hand_edited(base, earlier, facts, tools.runtime.evaluate)


def _files_of(story: Story, change: Change, tools: Tools) -> tuple[AuthoredFile, ...]:
    folder = f"{_folder(change.story)}{story.author_files}"
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
        try:
            text = (tools.folder.read(tools.root, name) or b"").decode()
        except UnicodeDecodeError as error:
            raise InputError(_not_text(name)) from error
        found.append(AuthoredFile(path=path, text=text, group=group_of(path)))
    return tuple(found)


def group_of(path: str) -> str:
    """The commit that a project file belongs to, by the folder it lies in."""
    return _GROUP_OF.get(path.split("/", 1)[0], PIPELINES)


def _not_text(name: str) -> Finding:
    return Finding(
        code="change.not_text",
        message=f"{name} is not UTF-8 text",
        place=Place(file=name),
        expected="text files: a change is read by people",
        remedy="take the file out of the story's folder, or save it as UTF-8",
    )


def _folder(story: str) -> str:
    return story.rpartition("/")[0] + "/" if "/" in story else ""


def _with_architecture(files: tuple[AuthoredFile, ...], base: Mapping[str, bytes]) -> tuple[AuthoredFile, ...]:
    """The files and the project's page of its own structure, drawn from the project as it will be."""
    page = architecture_page(read_project(overlaid(files, base)))
    return (*files, AuthoredFile(path=ARCHITECTURE_FILE, text=page, group=MONITORING_AND_DOCS))


def overlaid(files: tuple[AuthoredFile, ...], base: Mapping[str, bytes]) -> dict[str, bytes]:
    """The base revision's files with the authored ones on top."""
    return {**base, **{file.path: file.text.encode() for file in files}}
