"""`penstock logs`: what a run's tasks printed, by the work they belong to, while it runs and afterwards."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

import pytest
from click.testing import CliRunner

from penstock.adapters.processes.logs import LogWriter, log_file
from penstock.adapters.processes.masking import Mask
from penstock.app import logs
from penstock.cli.commands import logs as door
from penstock.model.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(slots=True)
class Shelf:
    """A workplace of one run, whose states are given one after the other, the last one for ever."""

    state: Path
    states: list[str] = field(default_factory=lambda: ["published"])
    held: bool = False

    @property
    def ledger(self) -> Shelf:
        return self

    def is_held(self) -> bool:
        return self.held

    def rows(self, _table: str, *, run: str) -> list[dict[str, str]]:
        if run != "r1":
            return []
        return [{"state": self.states.pop(0) if len(self.states) > 1 else self.states[0]}]

    def print(self, name: str, text: str) -> None:
        log = LogWriter(log_file(self.state / "logs", "r1", name), Mask(()))
        log.write(text.encode())
        log.close()

    def __enter__(self) -> Shelf:
        return self

    def __exit__(self, *_: object) -> None:
        return None


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    return Shelf(tmp_path)


def test_each_log_has_the_name_of_its_work(shelf: Shelf) -> None:
    shelf.print("shop.best[2024-01-01/2024-01-02]", "one\n")
    shelf.print("shop.daily", "two\n")
    found = logs.printed(cast(Any, shelf), "r1")
    assert sorted(found) == [("shop.best[2024-01-01/2024-01-02]", "one\n"), ("shop.daily", "two\n")]


def test_a_run_is_followed_until_it_is_over(shelf: Shelf) -> None:
    shelf.states = ["queued", "running", "running", "failed"]
    shelf.print("shop.daily", "one\n")
    lines = logs.lines(cast(Any, shelf), "r1")
    assert next(lines) == ("shop.daily", "one")
    shelf.print("shop.daily", "two\n")
    assert list(lines) == [("shop.daily", "--- a further attempt ---"), ("shop.daily", "two")]


def test_a_run_is_followed_into_the_hands_of_who_took_over(shelf: Shelf) -> None:
    shelf.states, shelf.held = ["running", "running", "interrupted", "running", "published"], True
    shelf.print("shop.daily", "one\n")
    lines = logs.lines(cast(Any, shelf), "r1")
    assert next(lines) == ("shop.daily", "one")
    assert list(lines) == []
    assert shelf.states == ["published"]


def test_a_run_that_nobody_goes_on_with_is_not_waited_for(shelf: Shelf) -> None:
    shelf.states = ["running", "interrupted"]
    assert list(logs.lines(cast(Any, shelf), "r1")) == []


def test_a_run_that_never_was_is_named(shelf: Shelf) -> None:
    for ask in (logs.printed, logs.lines):
        with pytest.raises(InputError) as caught:
            ask(cast(Any, shelf), "r2")
        assert caught.value.findings[0].code == "run.unknown"


@pytest.mark.parametrize("options", [[], ["--follow"]])
def test_nothing_printed_can_command_the_terminal(
    shelf: Shelf, options: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    shelf.print("shop.daily", "safe\tÆ \x1b]0;title\x07\x1b[2J\n")
    monkeypatch.setattr(door, "opened", lambda _project: shelf)
    result = CliRunner().invoke(door.logs, ["r1", *options])
    assert (result.exit_code, result.output) == (0, "shop.daily | safe\tÆ �]0;title��[2J\n")


def test_a_run_that_printed_nothing_says_so(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(door, "opened", lambda _project: shelf)
    assert CliRunner().invoke(door.logs, ["r1"]).output == "no task of r1 printed anything\n"
