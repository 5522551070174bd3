"""Commands use the project as it was last read, and read again whatever changed."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from penstock.adapters.remembered import RememberedProject
from penstock.app import reading
from penstock.app.reading import project_at
from penstock.app.wiring import Workplace
from penstock.model.errors import InputError
from penstock.model.pipelines import SqlTask
from penstock.project.reading import read_project

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

QUERY = "pipelines/shop/one.sql"
FILES: Mapping[str, bytes] = {
    "penstock.yaml": b"name: shop\n",
    "pipelines/shop/pipeline.yaml": b"owner: me\nschedule: manual\nstart: 2024-03-01\n",
    QUERY: b"/* penstock\nmaterialize: table\n*/\nSELECT 1 AS one\n",
}


def _write(root: Path, files: Mapping[str, bytes]) -> None:
    for name, data in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(data)


def test_a_command_uses_it_and_reads_again_what_changed(tmp_path: Path) -> None:
    _write(tmp_path, FILES)
    first = Workplace(tmp_path).project
    marked = replace(first, settings=replace(first.settings, name="recalled"))
    RememberedProject(tmp_path / ".penstock" / "project.json").remember(FILES, marked)
    assert Workplace(tmp_path).project.settings.name == "recalled"
    (tmp_path / QUERY).write_bytes(FILES[QUERY].replace(b"1 AS", b"2 AS"))
    task = Workplace(tmp_path).project.datasets["shop.one"].task
    assert isinstance(task, SqlTask)
    assert "2 AS one" in task.text
    (tmp_path / QUERY).write_bytes(b"SELECT")
    with pytest.raises(InputError):
        Workplace(tmp_path).project  # noqa: B018 - reading it is the point


def _refuse_to_read(_files: object, _remembered: object) -> None:
    raise AssertionError("it was read in this process")


def test_a_large_project_is_read_in_a_process_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _write(tmp_path, FILES)
    monkeypatch.setattr(reading, "LARGE", 2)
    with monkeypatch.context() as apart:
        apart.setattr(reading, "_read", _refuse_to_read)
        assert project_at(tmp_path, tmp_path / ".penstock") == read_project(FILES)
    (tmp_path / QUERY).write_bytes(b"SELECT")
    with pytest.raises(InputError) as caught:
        project_at(tmp_path, tmp_path / ".penstock")
    assert caught.value.findings[0].place.file == QUERY


def test_a_module_of_the_project_is_not_taken_for_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The other process is started where the user stands, who may have files of any name there."""
    _write(tmp_path, {**FILES, "yaml.py": b"raise SystemExit", "penstock.py": b"raise SystemExit"})
    monkeypatch.setattr(reading, "LARGE", 2)
    monkeypatch.setattr(reading, "_read", _refuse_to_read)
    monkeypatch.chdir(tmp_path)
    assert project_at(tmp_path, tmp_path / ".penstock") == read_project(FILES)
