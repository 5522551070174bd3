"""The project as it was last read saves time and decides nothing: anything that changed is read again."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

import pytest

from penstock.adapters import remembered
from penstock.adapters.remembered import RememberedProject
from penstock.project.reading import read_project

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

FILES: Mapping[str, bytes] = {
    "penstock.yaml": b"name: shop\n",
    "pipelines/shop/pipeline.yaml": b"owner: me\nschedule: manual\nstart: 2024-03-01\n",
    "pipelines/shop/one.sql": b"/* penstock\nmaterialize: table\n*/\nSELECT 1 AS one\n",
}
QUERY = "pipelines/shop/one.sql"


@pytest.fixture
def place(tmp_path: Path) -> RememberedProject:
    return RememberedProject(tmp_path / "state" / "project.json")


def test_the_same_files_are_recalled(place: RememberedProject) -> None:
    assert place.recall(FILES) is None
    place.remember(FILES, read_project(FILES))
    assert place.recall(dict(reversed(list(FILES.items())))) == read_project(FILES)


@pytest.mark.parametrize(
    "changed",
    [
        {QUERY: FILES[QUERY].replace(b"1 AS", b"2 AS")},
        {QUERY: FILES[QUERY] + b"\n"},
        {"pipelines/shop/two.sql": FILES[QUERY]},
        {"commands/x": b""},
    ],
)
def test_other_files_are_not(place: RememberedProject, changed: Mapping[str, bytes]) -> None:
    place.remember(FILES, read_project(FILES))
    assert place.recall({**FILES, **changed}) is None
    assert place.recall({path: data for path, data in FILES.items() if path != QUERY}) is None


def test_a_model_that_other_code_made_is_not_used(
    place: RememberedProject, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A reader that was mended must not be answered for by the one before it."""
    own = tmp_path / "penstock"
    shutil.copytree(remembered._PACKAGE, own)
    monkeypatch.setattr(remembered, "_PACKAGE", own)
    place.remember(FILES, read_project(FILES))
    assert place.recall(FILES) is not None
    edited = own / "sql" / "query.py"
    times = edited.stat()
    edited.write_text(edited.read_text().replace("a", "b", 1))
    os.utime(edited, ns=(times.st_atime_ns, times.st_mtime_ns))  # as reproducible builds set them
    assert place.recall(FILES) is None


def test_a_damaged_text_is_not_used(place: RememberedProject) -> None:
    place.remember(FILES, read_project(FILES))
    whole = place._path.read_bytes()
    for at in range(0, len(whole), 11):
        place._path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        assert place.recall(FILES) is None
        place._path.write_bytes(whole[:at])
        assert place.recall(FILES) is None


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_cannot_be_written_is_no_matter(place: RememberedProject, tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    place.remember(FILES, read_project(FILES))
    tmp_path.chmod(0o700)
    assert place.recall(FILES) is None


def test_a_file_in_the_way_is_no_matter(place: RememberedProject, tmp_path: Path) -> None:
    (tmp_path / "state").write_text("in the way")
    place.remember(FILES, read_project(FILES))
    assert place.recall(FILES) is None
