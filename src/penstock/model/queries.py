"""What a query's columns and rows rest on, one by one: digests that are equal only where the meaning is."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

Source = tuple[str, str]
"""A dataset and one of its columns (lower case)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """One thing that a query makes: the digest of how, and the columns of other datasets that it is made of."""

    digest: str
    reads: tuple[Source, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryForms:
    """How a query decides which rows there are, and how each of its columns (lower case) comes by its values."""

    rows: Form
    columns: Mapping[str, Form] = field(default_factory=dict)
