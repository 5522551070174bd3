"""What the checks of a contract are called."""

from __future__ import annotations

from typing import TYPE_CHECKING

from penstock.quality.checks import compile_checks

if TYPE_CHECKING:
    from penstock.model.contracts import Contract


def names_of(contract: Contract) -> dict[str, str]:
    """Each check's id with its name, in the contract's order."""
    return {check.id: check.name for check in compile_checks(contract, "").checks}
