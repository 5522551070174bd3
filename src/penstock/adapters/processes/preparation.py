"""An order as a worker understands it: what to run, on what, with which environment, and within which limits."""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
from dataclasses import dataclass
from datetime import UTC
from pathlib import Path
from typing import TYPE_CHECKING, Any

from penstock.adapters.connectors import private_folder
from penstock.adapters.connectors.functions import TELEMETRY_OFF
from penstock.adapters.connectors.looking import Look
from penstock.adapters.connectors.secrets import secrets_of
from penstock.adapters.connectors.settings import filled_in, with_secrets
from penstock.adapters.processes.forkserver import KEPT
from penstock.adapters.processes.function import DEFAULT_MEMORY
from penstock.adapters.processes.identity import refuse_changed_code
from penstock.adapters.processes.zygote import LIBRARIES
from penstock.model.connectors import Connector, ConnectorSource
from penstock.model.errors import TaskError
from penstock.model.findings import Finding, Place
from penstock.model.pipelines import CommandTask, PythonTask
from penstock.model.sources import Drift

if TYPE_CHECKING:
    from collections.abc import Mapping

    from penstock.engine.ports.processes import Order
    from penstock.model.intervals import Interval

_PLACEHOLDER = re.compile(r"\{(interval_start|interval_end)\}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """A request to a worker, the libraries that are to be warm for it, and whether it begins with an open database."""

    request: dict[str, Any]
    libraries: tuple[str, ...] = ()
    database: bool = True


def prepare(order: Order, root: Path, environment: Mapping[str, str]) -> Prepared:
    """What the worker is told. `environment` is the executor's own: of it, only what is declared goes along.

    Secrets of tasks stand in the worker's environment, those of connectors in their settings alone.

    Raises:
        TaskError: secrets that are not set, all of them at once; a program that is not there; code that was edited.
    """
    task = order.dataset.task
    assert isinstance(task, PythonTask | CommandTask | ConnectorSource)  # noqa: S101 - the engine sends nothing else
    secrets = () if isinstance(task, ConnectorSource) else task.secrets
    unset = [name for name in secrets if name not in environment]
    if unset:
        raise TaskError(tuple(_unset(order, name) for name in unset))
    refuse_changed_code(order, task, root)
    scratch = order.output.parent
    request = {
        "root": str(root),
        "scratch": str(scratch),
        "output": str(order.output),
        "environment": {
            **{name: environment[name] for name in KEPT if name in environment},
            **{name: environment[name] for name in secrets},
            "HOME": str(scratch),
            "TMPDIR": str(scratch),
        },
    }
    if isinstance(task, ConnectorSource):
        return _connector(order, task, root, request, secrets_of(task, root, environment, order.dataset.name))
    if isinstance(task, PythonTask):
        return _function(order, task, root, request)
    return _program(order, task, root, request)


def _function(order: Order, task: PythonTask, root: Path, request: dict[str, Any]) -> Prepared:
    request |= {
        "kind": "python",
        "file": str(root / order.dataset.file),
        "function": task.function,
        "forms": dict(task.forms),
        "inputs": {name: str(path) for name, path in order.inputs.items()},
        "memory": task.memory or DEFAULT_MEMORY,
    }
    wanted = {*task.modules, *(form.partition(".")[0] for form in task.forms.values())}
    return Prepared(request=request, libraries=tuple(name for name in LIBRARIES if name in wanted))


def _connector(
    order: Order, task: ConnectorSource, root: Path, request: dict[str, Any], secrets: Mapping[str, str]
) -> Prepared:
    settings = filled_in(json.loads(task.rest_api or task.config), order.interval)
    file, _, function = task.function.rpartition(":")
    look = order if isinstance(order, Look) else None
    request |= {
        "kind": "connector",
        "connector": str(task.connector),
        "file": str(root / file) if file else "",
        "function": function,
        "rest_api": bool(task.rest_api),
        "argv": _connector_words(order, task, root, request["environment"]),
        "settings": _placed(order, settings, secrets),
        "private": str(private_folder.path_for(order.output.parent)),
        "resource": task.resource,
        "cursor": task.cursor,
        "types": dict(task.types),
        "key": list(order.dataset.key),
        "ignored": list(task.ignored),
        "evolves": task.drift is Drift.EVOLVE,
        "keeps_state": task.keeps_state,
        "state": order.state,
        "looks": look is not None and look.names_resources,
        "most": look.at_most if look else None,
        "memory": (task.memory or DEFAULT_MEMORY) if task.connector is not Connector.AIRBYTE else DEFAULT_MEMORY,
        "program_memory": task.memory or DEFAULT_MEMORY,
    }
    if task.connector is Connector.DLT:
        request["environment"] |= {**TELEMETRY_OFF, "DLT_DATA_DIR": request["scratch"]}
    return Prepared(request=request)


def _connector_words(order: Order, task: ConnectorSource, root: Path, environment: dict[str, str]) -> list[str]:
    if not task.command:
        return []
    environment["PATH"] = _path(environment)
    return [_found(order, task.command[0], root, environment["PATH"]), *task.command[1:]]


def _placed(order: Order, settings: dict[str, Any], secrets: Mapping[str, str]) -> dict[str, Any]:
    try:
        return with_secrets(settings, secrets)
    except ValueError as error:
        place = Place(file=order.dataset.file, dataset=order.dataset.name, field="secrets")
        finding = Finding(
            code="source.secret_place",
            message=str(error),
            place=place,
            expected="a place in the settings that they lead to",
            remedy="correct the place under `secrets`",
        )
        raise TaskError(finding) from None


def _path(environment: Mapping[str, str]) -> str:
    """Where programs are looked for; first beside `python`, so that it is the one whose libraries Penstock sees."""
    own = str(Path(sys.executable).parent)
    return os.pathsep.join((own, environment.get("PATH", os.defpath)))


def _program(order: Order, task: CommandTask, root: Path, request: dict[str, Any]) -> Prepared:
    left = order.output.with_suffix(f".{task.format}")
    path = _path(request["environment"])
    request["environment"] |= {f"PENSTOCK_INPUT_{name.upper()}": str(file) for name, file in order.inputs.items()}
    request["environment"] |= {"PENSTOCK_OUTPUT": str(left), "PATH": path}
    words = tuple(_filled_in(word, order.interval) for word in task.argv)
    request |= {
        "kind": "command",
        "argv": [_found(order, words[0], root, path), *words[1:]],
        "format": task.format,
        "left": str(left),
        "memory": DEFAULT_MEMORY,
        "program_memory": task.memory or DEFAULT_MEMORY,
    }
    return Prepared(request=request, database=False)


def _filled_in(word: str, interval: Interval | None) -> str:
    if interval is None:
        return word
    moments = {"interval_start": interval.start, "interval_end": interval.end}
    return _PLACEHOLDER.sub(lambda match: f"{moments[match[1]].astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}", word)


def _found(order: Order, word: str, root: Path, path: str) -> str:
    """The program: a file beneath the project, or on PATH."""
    own = root / word
    if own.is_file() and own.resolve().is_relative_to(root.resolve()):
        if os.access(own, os.X_OK):
            return str(own)
        raise TaskError(_not_found(order, f"{word} may not be executed", f"a file with leave: chmod +x {word}"))
    elsewhere = None if "/" in word else shutil.which(word, path=path)
    if elsewhere is None:
        raise TaskError(_not_found(order, f"there is no program {word}", "a file beneath the project, or one on PATH"))
    return elsewhere


def _not_found(order: Order, message: str, expected: str) -> Finding:
    return Finding(
        code="task.missing_program",
        message=f"{order.dataset.name}: {message}",
        place=Place(file=order.dataset.file, dataset=order.dataset.name),
        expected=expected,
        remedy="correct `run`, or install the program where Penstock runs",
    )


def _unset(order: Order, name: str) -> Finding:
    return Finding(
        code="task.missing_secret",
        message=f"{order.dataset.name} declares the secret {name}, which is not set",
        place=Place(file=order.dataset.file, dataset=order.dataset.name),
        found=f"no {name} in the environment of Penstock",
        expected=f"the variable {name}",
        remedy="set it where Penstock runs, or take it out of `secrets`",
    )
