"""The peers with their environments: made once, in the way and with the versions of benchmarks/peers."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gatebench.bases import BaseError
from gatebench.peers.judge import Peer, Tool

if TYPE_CHECKING:
    from types import ModuleType

ENVIRONMENTS = Path(__file__).resolve().parents[2] / "benchmarks" / "peers" / "environments.py"


def housed(folder: Path) -> tuple[Peer, ...]:
    """Every peer, with an environment beneath a folder; a new one is installed from the package index.

    Raises:
        BaseError: one cannot be installed here.
    """
    environments = _environments()
    found = []
    for tool in Tool:
        try:
            python: Path = environments.python_of(str(tool), folder)
        except environments.NotInstalledError as error:
            raise BaseError(f"{tool} cannot be installed: {error}") from error
        found.append(Peer(tool=tool, python=python.absolute(), silence=environments.SILENT))
    return tuple(found)


def standing(folder: Path) -> tuple[Peer, ...]:
    """The peers whose environments are there already, with the pinned versions."""
    environments = _environments()
    pins: dict[str, Any] = environments.PINS
    marks = {tool: folder / tool / environments.MARK for tool in Tool}
    return tuple(
        Peer(tool=tool, python=(folder / tool / "bin" / "python").absolute(), silence=environments.SILENT)
        for tool, mark in marks.items()
        if mark.is_file() and mark.read_text(encoding="utf-8") == "\n".join(pins[tool])
    )


def _environments() -> ModuleType:
    """The module by its file: the benchmarks are scripts beside each other, no package that could be imported."""
    spec = importlib.util.spec_from_file_location("gatebench_environments", ENVIRONMENTS)
    if spec is None or spec.loader is None:
        raise BaseError(f"{ENVIRONMENTS} is not there")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
