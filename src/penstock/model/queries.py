"""What a query's columns and rows rest on, one by one: digests that are equal only where the meaning is."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

Source = tuple[str, str]
"""A dataset and one of its columns (lower case)."""

Edit = tuple[int, int, str | None, str]
"""Start and end offset in a query's text, the dataset whose relation stands there (or none), and what follows it."""


def over(text: str, edits: Iterable[Edit], tables: Mapping[str, str]) -> str:
    """A query over the relations `tables` gives (dataset to quoted SQL): its text with the edits made, in their order.

    Raises:
        KeyError: a dataset is not in `tables`.
    """
    pieces, done = [], 0
    for start, end, dataset, words in edits:
        pieces += [text[done:start], "" if dataset is None else tables[dataset], words]
        done = end
    return "".join([*pieces, text[done:]])


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """One thing that a query makes: the digest of how, and the columns of other datasets that it is made of.

    `masks` are the masking functions that take part in it.
    """

    digest: str
    reads: tuple[Source, ...] = ()
    masks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryForms:
    """How a query decides which rows there are, and how each of its columns (lower case) comes by its values."""

    rows: Form
    columns: Mapping[str, Form] = field(default_factory=dict)
