"""Suites as a project of Great Expectations keeps them: JSON files, those of a checkpoint found by their names.

Its configuration is not read: it may name databases, passwords and plugins, none of which a suite needs here.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from penstock.model.errors import InputError
from penstock.model.findings import Finding, Place

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from penstock.model.suites import Expectations

MOST_BYTES = 16_000_000
SEVERITIES = ("critical", "warning", "info")
"""As Great Expectations calls them; of any other it leaves the expectation out."""


def load_suites(root: Path, uses: Sequence[Expectations]) -> tuple[dict[str, Any], ...]:
    """The suites that entries name, in their order.

    Raises:
        InputError: a file is not there, too large, or holds something else; all of them at once.
    """
    found: list[dict[str, Any]] = []
    findings: list[Finding] = []
    for use in uses:
        try:
            files = _of_checkpoint(root, use.file) if use.is_checkpoint else (use.file,)
            found += [_suite(root, file) for file in files]
        except InputError as error:
            findings += error.findings
    if findings:
        raise InputError(tuple(findings))
    return tuple(found)


def _of_checkpoint(root: Path, file: str) -> Iterator[str]:
    """The files of a checkpoint's suites: it names validations, and each of them a suite."""
    folder = file.rpartition("/")[0].rpartition("/")[0]
    named = _names(_read(root, file), "validation_definitions")
    if not named:
        raise InputError(_wrong(file, "it names no validation definition", "a checkpoint of Great Expectations 1.x"))
    for name in named:
        path = "/".join(part for part in (folder, "validation_definitions", f"{name}.json") if part)
        suite = _read(root, path).get("suite")
        if not isinstance(suite, dict) or not isinstance(suite.get("name"), str):
            raise InputError(_wrong(path, "it names no suite", "a validation definition of Great Expectations 1.x"))
        yield "/".join(part for part in (folder, "expectations", f"{suite['name']}.json") if part)


def _names(document: dict[str, Any], key: str) -> list[str]:
    listed = document.get(key)
    each = listed if isinstance(listed, list) else []
    return [one["name"] for one in each if isinstance(one, dict) and isinstance(one.get("name"), str)]


def _suite(root: Path, file: str) -> dict[str, Any]:
    document = _read(root, file)
    listed = document.get("expectations")
    if not isinstance(document.get("name"), str) or not isinstance(listed, list) or not listed:
        raise InputError(_wrong(file, "it is no suite with expectations", "`name` and `expectations`, as GX 1.x has"))
    for number, one in enumerate(listed, start=1):
        if not isinstance(one, dict) or one.get("severity", SEVERITIES[0]) not in SEVERITIES:
            why = f"its expectation {number} is none, or of a severity that there is not"
            raise InputError(_wrong(file, why, f"objects with a `type`; severity {' | '.join(SEVERITIES)}"))
    return document


def _read(root: Path, file: str) -> dict[str, Any]:
    path = (root / file).resolve()
    if not path.is_relative_to(root.resolve()):
        raise InputError(_wrong(file, "it leads out of the project", "a file beneath the project's folder"))
    try:
        if path.stat().st_size > MOST_BYTES:
            raise InputError(_wrong(file, f"it is larger than {MOST_BYTES:,} bytes", "a suite that a person can read"))
        document = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        reason = error.strerror or "it cannot be read"
        raise InputError(_wrong(file, reason, "a file that is there")) from error
    except (ValueError, RecursionError) as error:
        raise InputError(_wrong(file, f"it is no JSON: {error}", "JSON")) from error
    if not isinstance(document, dict):
        raise InputError(_wrong(file, "it is no JSON object", "a JSON object"))
    return document


def _wrong(file: str, why: str, expected: str) -> Finding:
    return Finding(
        code="expectations.no_suite",
        message=f"{file} cannot be used as a suite: {why}",
        place=Place(file=file),
        expected=expected,
        remedy="correct the file, or its path under `great_expectations` in penstock.yaml",
    )
