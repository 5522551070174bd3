"""The masking key, from the environment or a file that git ignores. Nothing raised here holds any of it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from penstock.adapters.ignored import is_ignored
from penstock.model.errors import InputError
from penstock.model.findings import Finding, Place
from penstock.model.masking import SHORTEST_KEY, MaskingSecret

if TYPE_CHECKING:
    from pathlib import Path

    from penstock.model.masking import MaskingKey


def masking_secret(key: MaskingKey, root: Path) -> MaskingSecret | None:
    """What hashing needs of the key that is named; None if it is not there.

    Raises:
        InputError: it is too short, or lies in a file that git does not ignore.
    """
    text = (os.environ.get(key.variable, "") if key.variable else _in_file(key.file, root)).strip()
    if not text:
        return None
    if len(text) < SHORTEST_KEY:
        raise InputError(_too_short(key, len(text)))
    return MaskingSecret.of(text)


def _in_file(file: str, root: Path) -> str:
    path = (root / file).resolve()
    if not path.is_relative_to(root.resolve()):
        raise InputError(_outside(file))
    if not path.is_file():
        return ""
    if not is_ignored(path, root):
        raise InputError(_in_git(file))
    return path.read_text(encoding="utf-8")


def _too_short(key: MaskingKey, length: int) -> Finding:
    return Finding(
        code="masking.short_key",
        message="the masking key is too short: with it, whoever sees pseudonyms can try every key there is",
        place=Place(file="penstock.yaml", field="masking"),
        found=f"{length} characters in {key.where}",
        expected=f"at least {SHORTEST_KEY} characters that nobody can guess",
        remedy="`openssl rand -hex 32` makes one",
    )


def _outside(file: str) -> Finding:
    return Finding(
        code="masking.key_outside",
        message=f"{file}, which is to hold the masking key, leads out of the project",
        place=Place(file=file),
        expected="a file beneath the project that git ignores, or an environment variable",
        remedy="put the file there, or name a variable: masking: {key: PENSTOCK_MASKING_KEY}",
    )


def _in_git(file: str) -> Finding:
    return Finding(
        code="masking.key_in_git",
        message=f"{file} holds the masking key, and git does not ignore it",
        place=Place(file=file),
        expected="a file that .gitignore names",
        remedy=f"add {file} to .gitignore; if it was committed before, make another key",
    )
