"""The values of a connector's secrets: from the environment, or from files that git ignores; never kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

from penstock.adapters.ignored import is_ignored
from penstock.model.errors import TaskError
from penstock.model.findings import Finding, Place

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from penstock.model.connectors import ConnectorSource


def secrets_of(source: ConnectorSource, root: Path, environment: Mapping[str, str], dataset: str) -> dict[str, str]:
    """Each secret's value by its place in the settings.

    Raises:
        TaskError: some are not set, or lie where they must not; all of them at once.
    """
    found, wrong = look_up(source, root, environment, dataset)
    if wrong:
        raise TaskError(wrong)
    return found


def look_up(
    source: ConnectorSource, root: Path, environment: Mapping[str, str], dataset: str
) -> tuple[dict[str, str], tuple[Finding, ...]]:
    """The values that there are, and what is wrong with the others."""
    found = {place: environment[name] for place, name in source.secrets.items() if environment.get(name)}
    wrong = [_unset(dataset, name) for place, name in source.secrets.items() if place not in found]
    for place, name in source.secret_files.items():
        path = (root / name).resolve()
        if not path.is_relative_to(root.resolve()) or not path.is_file():
            wrong.append(_fault(dataset, name, "source.missing_secret", "is not there", "a file beneath the project"))
        elif not is_ignored(path, root):
            expected = "a file that git ignores, such as one in .penstock/"
            wrong.append(_fault(dataset, name, "source.secret_tracked", "is not ignored by git", expected))
        else:
            found[place] = path.read_text(encoding="utf-8", errors="replace").strip()
    return found, tuple(wrong)


def _unset(dataset: str, name: str) -> Finding:
    return Finding(
        code="source.missing_secret",
        message=f"{dataset} names the secret {name}, which is not set",
        place=Place(dataset=dataset, field="secrets"),
        expected=f"the environment variable {name}",
        remedy="set it where Penstock runs, or take it out of `secrets`",
    )


def _fault(dataset: str, file: str, code: str, found: str, expected: str) -> Finding:
    return Finding(
        code=code,
        message=f"{file}, which holds a secret of {dataset}, {found}",
        place=Place(file=file, dataset=dataset),
        expected=expected,
        remedy="write it there, or add it to .gitignore; if it was committed, change the secret",
    )
