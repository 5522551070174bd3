"""`init`: a small project that checks, tests and runs as it is."""

from __future__ import annotations

from importlib import resources
from typing import TYPE_CHECKING

from penstock.adapters.folder import ProjectFolder
from penstock.author.documentation import pages_of
from penstock.model.errors import InputError
from penstock.model.findings import Finding, Place
from penstock.project.reading import read_project

if TYPE_CHECKING:
    from collections.abc import Iterator
    from importlib.resources.abc import Traversable
    from pathlib import Path


def start(target: Path) -> tuple[str, ...]:
    """Write the starter project into a folder that is empty or not there yet; returns its files.

    Raises:
        InputError: the folder holds something.
    """
    if target.exists() and (not target.is_dir() or any(path.name != ".git" for path in target.iterdir())):
        raise InputError(
            Finding(
                code="init.not_empty",
                message=f"{target} is not an empty folder",
                place=Place(file=str(target)),
                expected="a new or empty folder",
                remedy="choose another name",
            )
        )
    target.mkdir(parents=True, exist_ok=True)
    name = "".join(letter if letter.isalnum() else "_" for letter in target.resolve().name.lower()) or "project"
    files = dict(_files(resources.files("penstock.app").joinpath("starter"), ""))
    files["penstock.yaml"] = files["penstock.yaml"].replace(b"name: starter", f"name: {name}".encode())
    files[".gitignore"] = b".penstock/\n__pycache__/\nout/\n"
    files |= {path: text.encode() for path, text in pages_of(read_project(files)).items()}
    folder = ProjectFolder()
    for path, data in sorted(files.items()):
        folder.write(target, path, data)
    return tuple(sorted(files))


def _files(folder: Traversable, prefix: str) -> Iterator[tuple[str, bytes]]:
    for entry in sorted(folder.iterdir(), key=lambda item: item.name):
        if entry.is_dir():
            if entry.name != "__pycache__":
                yield from _files(entry, f"{prefix}{entry.name}/")
        else:
            yield f"{prefix}{entry.name}", entry.read_bytes()
