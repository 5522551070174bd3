"""Which versions readers of an environment see."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True, kw_only=True)
class PromotionIntended:
    """A swap of an environment is about to be tried under `promotion`; `mapping` is the whole environment after it."""

    promotion: str
    environment: str
    mapping: Mapping[str, str]
    previous: Mapping[str, str]
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Promoted:
    """The environment's views show `mapping`."""

    promotion: str
    environment: str
    mapping: Mapping[str, str]
    reason: str
