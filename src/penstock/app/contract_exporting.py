"""`contract export`: a dataset's contract in the words of another tool."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from penstock.adapters.folder import ProjectFolder
from penstock.app.built import known_dataset
from penstock.app.contract_checking import no_contract
from penstock.model.errors import InputError
from penstock.model.findings import Finding, Place
from penstock.quality.check_names import names_of
from penstock.quality.expectations.suite import META, suite_of

if TYPE_CHECKING:
    from penstock.app.wiring import Workplace

GREAT_EXPECTATIONS = "great-expectations"
TARGETS = (GREAT_EXPECTATIONS,)
FOLDER = "gx/expectations"


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportedContract:
    """What was written where: how many of the contract's checks are in it, of how many, and what is not."""

    dataset: str
    file: str
    suite: dict[str, Any]
    carried: int
    checks: int
    findings: tuple[Finding, ...]


def export(place: Workplace, name: str, out: str | None) -> ExportedContract:
    """Write the suite of a dataset's contract: to `out`, else beneath the project where Great Expectations keeps them.

    Raises:
        InputError: there is no such dataset or no contract, or a suite that we did not write stands there.
    """
    known_dataset(place, name)
    contract = place.project.datasets[name].contract
    if contract is None:
        raise InputError(no_contract(name))
    suite = suite_of(contract)
    path = Path(out) if out else place.root / FOLDER / f"{name}.json"
    file = out or f"{FOLDER}/{name}.json"
    _refuse_foreign(path, file)
    if out:
        _written(path, suite.text)
    else:
        ProjectFolder().write(place.root, file, suite.text.encode())
    return ExportedContract(
        dataset=name,
        file=file,
        suite=json.loads(suite.text),
        carried=suite.checks,
        checks=len(names_of(contract)),
        findings=suite.findings,
    )


def _written(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise InputError(_unwritable(str(path), error.strerror or str(error))) from error


def _refuse_foreign(path: Path, file: str) -> None:
    """What somebody else wrote is not written over."""
    try:
        known = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(_foreign(file)) from error
    if not isinstance(known, dict) or not isinstance(known.get("meta"), dict) or META not in known["meta"]:
        raise InputError(_foreign(file))


def _foreign(file: str) -> Finding:
    return Finding(
        code="expectations.foreign_file",
        message=f"{file} is there, and `penstock contract export` did not write it",
        place=Place(file=file),
        expected="no file, or a suite that was exported before",
        remedy="choose another file: --out FILE",
    )


def _unwritable(file: str, why: str) -> Finding:
    return Finding(
        code="expectations.unwritable",
        message=f"{file} cannot be written: {why}",
        place=Place(file=file),
        expected="a file in a folder that is there",
        remedy="correct the path",
    )
