"""Holds staged rows against suites of Great Expectations, in a process that is given rows and suites alone."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from penstock.adapters.great_expectations.suites import load_suites
from penstock.model.errors import InputError, TaskError
from penstock.model.extras import how_to_install
from penstock.model.findings import Finding, Place
from penstock.plan.observed import kept_of
from penstock.quality.expectations.outcomes import read_suite_results

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from penstock.model.pipelines import Dataset, Project
    from penstock.quality.check_values import CheckResult

EXTRA = "great-expectations"
DEFAULT_SECONDS, POLL_SECONDS = 600.0, 0.05
_PROGRAM = "penstock.adapters.great_expectations.program"
_KEPT = ("PATH", "LANG", "LC_ALL", "TZ", "PYTHONPATH")
_TAIL = 500


class SuiteAuditor:
    """An `Auditor`. `root` is the project (or worktree) whose suites are asked, `project` its model."""

    def __init__(self, root: Path, project: Project) -> None:
        self._root, self._project = root, project

    def audit(self, dataset: Dataset, rows: Path, is_unwanted: Callable[[], bool]) -> tuple[CheckResult, ...]:
        """See `Auditor.audit`.

        Raises:
            TaskError: as there.
        """
        try:
            suites = load_suites(self._root, dataset.suites)
            answer = _asked(dataset, {"rows": str(rows), "suites": suites}, rows.parent, is_unwanted)
            kept = kept_of(self._project, dataset.name)
            found = [read_suite_results(one, dataset.name, kept) for one in answer["results"]]
        except InputError as error:
            raise TaskError(error.findings) from error
        return tuple(result for results in found for one in results for result in one.results)


def _asked(dataset: Dataset, request: dict[str, Any], folder: Path, is_unwanted: Callable[[], bool]) -> dict[str, Any]:
    """The answer of the process.

    Raises:
        TaskError: there is none, or it is that the suites cannot be run.
    """
    asked, answer, log = (folder / f"_suites.{end}" for end in ("request.json", "answer.json", "log"))
    asked.write_text(json.dumps({**request, "answer": str(answer)}), encoding="utf-8")
    environment = {name: os.environ[name] for name in _KEPT if name in os.environ}
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", _PROGRAM, str(asked)],
            cwd=folder,
            env={**environment, "HOME": str(folder)},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
        try:
            _wait(process, dataset, is_unwanted)
        finally:
            _end(process)
    if process.returncode or not answer.is_file():
        said = log.read_bytes()[-_TAIL:].decode(errors="replace").strip()
        raise TaskError(_broken(dataset, f"ended with {process.returncode}", said))
    found: dict[str, Any] = json.loads(answer.read_text(encoding="utf-8"))
    if "missing" in found:
        raise TaskError(_not_installed(dataset, str(found["missing"])))
    if "refused" in found:
        raise TaskError(_broken(dataset, f"could not run the suite {found['refused']}", str(found["reason"])[:_TAIL]))
    return found


def _wait(process: subprocess.Popen[bytes], dataset: Dataset, is_unwanted: Callable[[], bool]) -> None:
    seconds = dataset.timeout.total_seconds() if dataset.timeout else DEFAULT_SECONDS
    until = time.monotonic() + seconds
    while process.poll() is None:
        if is_unwanted():
            raise TaskError(_broken(dataset, "was stopped", ""))
        if time.monotonic() > until:
            raise TaskError(_broken(dataset, f"took longer than {seconds:g} s", ""))
        with suppress(subprocess.TimeoutExpired):
            process.wait(POLL_SECONDS)


def _end(process: subprocess.Popen[bytes]) -> None:
    """Nothing of it is left, however this ends."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _broken(dataset: Dataset, what: str, said: str) -> Finding:
    return Finding(
        code="expectations.broken",
        message=f"{dataset.name}: the process that runs Great Expectations {what}",
        place=Place(dataset=dataset.name, file=", ".join(one.file for one in dataset.suites)),
        found=said or None,
        expected="an answer for every suite",
        remedy="correct the suite, or take it out of `great_expectations` in penstock.yaml",
    )


def _not_installed(dataset: Dataset, module: str) -> Finding:
    return Finding(
        code="expectations.not_installed",
        message=f"{dataset.name} is held to suites of Great Expectations, and the extra {EXTRA} is not installed",
        place=Place(dataset=dataset.name, file=", ".join(one.file for one in dataset.suites)),
        found=f"no module {module}",
        expected="great-expectations 1.x beside Penstock",
        remedy=how_to_install(EXTRA),
    )
