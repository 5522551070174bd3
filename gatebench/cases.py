"""A case: a folder with `case.yaml`, `story.md` and `change.patch`, and whatever its steps need.

Invariant: a case that is read names a known base, a label and a kind, and every file that it refers to is there.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gatebench.bases import BASES
from penstock.documents.reading import read_yaml, split_front_matter
from penstock.model.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

OWN_CASES = Path(__file__).resolve().parent / "cases"
KEYS = frozenset({"base", "label", "kind", "why", "held_out", "steps"})


class Label(StrEnum):
    """What should become of a change."""

    GOOD = "good"
    BAD = "bad"


class Moment(StrEnum):
    """When a step is done: once the review waits for a person, or once the person has approved."""

    REVIEWED = "review"
    APPROVED = "approval"


class Deed(StrEnum):
    """What a step does to the change behind the reviewer's back."""

    COMMIT = "commit"
    EDIT = "edit"
    APPROVE_AS_AUTHOR = "approve_as_author"
    ADD_APPROVER = "add_approver_on_branch"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """Something that happens to a change on its way: `patch` is committed, or `append` added to `file`."""

    after: Moment
    deed: Deed
    patch: str | None = None
    file: str | None = None
    append: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A labelled change: what would become of it in production (`why`), and whether it is held out."""

    name: str
    folder: Path
    base: str
    label: Label
    kind: str
    why: str
    held_out: bool
    change: str
    steps: tuple[Step, ...] = ()
    answers: tuple[tuple[str, str], ...] = ()


class CaseError(Exception):
    """Cases that are not written as docs/gatebench.md says; one line for each mistake."""


def read_cases(folder: Path) -> tuple[Case, ...]:
    """Every case beneath a folder, by name.

    Raises:
        CaseError: a case is not as it has to be; all mistakes of all cases at once.
    """
    cases, mistakes = [], []
    for file in sorted(folder.rglob("case.yaml")):
        try:
            cases.append(read_case(file.parent, str(file.parent.relative_to(folder))))
        except CaseError as error:
            mistakes.append(str(error))
    if not cases and not mistakes:
        mistakes.append(f"{folder}: no case.yaml is beneath it")
    if mistakes:
        raise CaseError("\n".join(mistakes))
    return tuple(cases)


def read_case(folder: Path, name: str) -> Case:
    """One case.

    Raises:
        CaseError: it is not as it has to be.
    """
    try:
        data = read_yaml((folder / "case.yaml").read_text(encoding="utf-8"), f"{name}/case.yaml").data
        story = split_front_matter((folder / "story.md").read_text(encoding="utf-8"), f"{name}/story.md")[0].data
        answers = _answers(folder, name)
    except (OSError, InputError) as error:
        raise CaseError(f"{name}: {error}") from error
    mistakes = list(_mistakes(data, story, folder))
    if mistakes:
        raise CaseError("\n".join(f"{name}: {mistake}" for mistake in mistakes))
    return Case(
        name=name,
        folder=folder,
        base=data["base"],
        label=Label(data["label"]),
        kind=data["kind"],
        why=data["why"],
        held_out=data.get("held_out", False),
        change=story["id"],
        steps=tuple(_step(step) for step in data.get("steps", ())),
        answers=answers,
    )


def _answers(folder: Path, name: str) -> tuple[tuple[str, str], ...]:
    path = folder / "answers.yaml"
    if not path.exists():
        return ()
    data = read_yaml(path.read_text(encoding="utf-8"), f"{name}/answers.yaml").data
    return tuple((str(question), str(answer)) for question, answer in data.items())


def _mistakes(data: Any, story: Any, folder: Path) -> Iterator[str]:
    if not isinstance(data, dict) or not isinstance(story, dict):
        yield "case.yaml and the story's front matter are mappings"
        return
    yield from (f"{key} is no key of case.yaml" for key in sorted(data.keys() - KEYS))
    yield from (
        f"{key} is not a text" for key in ("base", "label", "kind", "why") if not isinstance(data.get(key), str)
    )
    if data.get("base") not in BASES:
        yield f"base is {data.get('base')}, expected one of {', '.join(BASES)}"
    if data.get("label") not in set(Label):
        yield f"label is {data.get('label')}, expected good or bad"
    if not isinstance(data.get("held_out", False), bool):
        yield "held_out is true or false"
    if not isinstance(story.get("id"), str):
        yield "the story has no id"
    yield from (f"{file} is not there" for file in _files(data, story) if not (folder / file).exists())
    for step in data.get("steps", ()):
        if step.get("after") not in set(Moment) or step.get("do") not in set(Deed):
            yield f"a step is done after {' or '.join(Moment)} and does one of {', '.join(Deed)}"


def _files(data: dict[str, Any], story: dict[str, Any]) -> Iterable[str]:
    author = story.get("author")
    if isinstance(author, dict) and "file" in author:
        yield str(author["file"])
    yield from (step["patch"] for step in data.get("steps", ()) if "patch" in step)


def _step(data: dict[str, Any]) -> Step:
    return Step(
        after=Moment(data["after"]),
        deed=Deed(data["do"]),
        patch=data.get("patch"),
        file=data.get("file"),
        append=data.get("append"),
    )
