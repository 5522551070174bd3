"""A contract's next version: what stays the same keeps its number, what breaks a reader gets a new major one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from penstock.contract.compatibility import Effect, compare

if TYPE_CHECKING:
    from penstock.model.contracts import Contract


def next_version(standing: Contract | None, new: Contract) -> str:
    """The version that `new` gets where `standing` is in force: major.minor.patch."""
    if standing is None:
        return new.version
    effects = {change.effect for change in compare(standing, new)}
    major, minor, patch = (*map(_number, standing.version.split(".")), 0, 0, 0)[:3]
    if Effect.BREAKING in effects:
        return f"{major + 1}.0.0"
    if Effect.ADDITIVE in effects:
        return f"{major}.{minor + 1}.0"
    return f"{major}.{minor}.{patch + 1}" if effects else standing.version


def _number(text: str) -> int:
    return int(text) if text.isdigit() else 0
