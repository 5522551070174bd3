"""Too few datasets and columns have a description."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from penstock.model.findings import Finding
from penstock.policy.verdicts import failed, not_applicable, passed

if TYPE_CHECKING:
    from penstock.model.findings import Verdict
    from penstock.policy.facts import ImplementationFacts

GATE = "thin_documentation"


def judge(facts: ImplementationFacts) -> Verdict:
    """Refuse a project that describes less than policy asks."""
    documented, total, wanted = facts.documented, facts.documentable, facts.policy.documentation
    if total == 0:
        return not_applicable(GATE, "There is nothing to describe.")
    share = Decimal(100 * documented) / total
    figures = f"{documented:,} of {total:,} datasets and columns have a description ({share:.1f}%)"
    if share >= wanted:
        return passed(GATE, f"{figures}; policy asks for {wanted}%.")
    finding = Finding(
        code=f"gate.{GATE}",
        message=f"{total - documented:,} datasets and columns have no description",
        found=f"{share:.1f}%",
        expected=f"{wanted}% or more (`policy.documentation`)",
        remedy="write `description` in the SQL headers and contracts that lack one",
    )
    return failed(GATE, f"{figures}, less than the {wanted}% of policy.", [finding])
