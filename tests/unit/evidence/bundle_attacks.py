"""Every attack on a bundle that exactly one rule stops."""

from __future__ import annotations

import attacks_on_bytes
import attacks_on_chains
import attacks_on_terms
from bundle_verdicts import Attack


def attacks() -> list[Attack]:
    """All of them, each made anew."""
    registers = (attacks_on_bytes.attack, attacks_on_chains.attack, attacks_on_terms.attack)
    return [Attack(name=make.__name__, **make()) for each in registers for make in each.makers]
