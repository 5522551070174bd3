"""What cannot be undone is what the last implementation destroys, also of a change that began again."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from penstock.delivery.changes import find_change
from penstock.delivery.irreversible import IRREVERSIBLE, irreversible_steps, labels_of
from penstock.evidence.envelope import seal
from penstock.evidence.statements import Link, Statement, Subject
from penstock.ledger.facts import ChangeOpened
from penstock.model.pipelines import Project, Settings
from penstock.sim.journal import MemoryJournal

if TYPE_CHECKING:
    from penstock.delivery.design import Design
    from penstock.delivery.tools import Tools

ID, ROOT = "SHOP-1", Path("worktree")
OPENED = ChangeOpened(
    change=ID, title="Sales", story="stories/SHOP-1.md", story_sha256="0" * 64, author="ana", base_commit="c0",
    base_branch="main", branch="change/SHOP-1", until="2024-01-04",
)  # fmt: skip


class Signer:
    name, key_id = "ana", "0" * 64

    def sign(self, data: bytes) -> bytes:
        return data[:64].ljust(64)


@dataclass(frozen=True)
class Shelf:
    """A folder of files in memory, and what else is asked of the tools here."""

    files: dict[str, bytes] = field(default_factory=dict)

    @property
    def folder(self) -> Shelf:
        return self

    def list(self, _root: Path, under: str) -> tuple[str, ...]:
        return tuple(sorted(name for name in self.files if name.startswith(f"{under}/")))

    def read(self, _root: Path, path: str) -> bytes | None:
        return self.files.get(path)


@dataclass(frozen=True)
class Planned:
    """A plan whose story names no step."""

    irreversible: tuple[str, ...] = ()

    @property
    def story(self) -> Planned:
        return self


def implemented(number: int, *steps: str) -> tuple[str, bytes]:
    facts: dict[str, Any] = {IRREVERSIBLE: list(steps)} if steps else {}
    statement = Statement(
        change=ID,
        stage=Link.IMPLEMENTATION,
        at="2024-01-04T00:00:00Z",
        author="ana",
        project="shop",
        subjects=(Subject(name="a.sql", sha256="0" * 64),),
        facts=facts,
    )
    return f"changes/{ID}/evidence/{number:02d}-implementation.dsse.json", seal(statement, Signer())


def steps_of(*statements: tuple[str, bytes]) -> tuple[str, ...]:
    journal = MemoryJournal(lambda: "2024-01-05T00:00:00+00:00")
    journal.append(OPENED)
    shelf = cast("Tools", Shelf(dict(statements)))
    return irreversible_steps(find_change(journal, ID), cast("Design", Planned()), ROOT, shelf)


def test_a_round_that_destroys_more_than_the_one_before_it_is_irreversible() -> None:
    steps = steps_of(implemented(3), implemented(7, "shop.visits is removed"))

    assert steps == ("shop.visits is removed",)
    assert labels_of(steps, Project(settings=Settings(name="shop"), pipelines={}, datasets={}), ()) == ("irreversible",)


def test_what_an_earlier_round_would_have_destroyed_is_not_asked_about() -> None:
    assert steps_of(implemented(3, "shop.visits is removed"), implemented(7)) == ()
