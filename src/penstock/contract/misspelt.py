"""Words in a contract that are almost one we rely on: a typo would silently switch a promise off."""

from __future__ import annotations

from difflib import SequenceMatcher
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from penstock.documents import Fields

_NEAR = 0.84
_STANDARD = frozenset(
    {
        "authoritativeDefinitions", "businessImpact", "businessName", "context", "contractCreatedTs",
        "criticalDataElement", "dataGranularityDescription", "dataProduct", "defaultTimezone", "deprecated",
        "dimension", "domain", "driver", "element", "encryptedName", "engine", "examples", "format", "id",
        "implementation", "items", "map", "maxItems", "maxProperties", "members", "method", "minItems",
        "minProperties", "partitionKeyPosition", "partitioned", "price", "properties", "relationships", "required",
        "roles", "schedule", "scheduler", "semanticType", "servers", "slaDefaultElement", "support", "synonyms", "tags",
        "tenant", "timezone", "transformDescription", "transformLogic", "transformSourceObjects", "uniqueItems",
        "valueExt", "vendor",
    }
)  # fmt: skip


def almost(word: str, known: Iterable[str]) -> str | None:
    """The known word that `word` was probably meant to be, if it is none itself and near enough to one."""
    names = sorted(known)
    if word in names or word in _STANDARD:
        return None
    ratio, name = max(((_likeness(word, name), name) for name in names), default=(0.0, ""))
    return name if ratio >= _NEAR else None


def report_misspelt(fields: Fields) -> None:
    """Note each key of a mapping that is almost one asked for; call it last, as `Fields.unknown`."""
    for key in fields.values:
        if meant := almost(key, fields.asked):
            fields.note(
                "contract.misspelt_key",
                f"{key!r} is no word of the standard and is ignored by every tool",
                at=key,
                found=key,
                expected=meant,
                remedy=f"write `{meant}`, or put a field of your own under customProperties",
            )


def _likeness(word: str, name: str) -> float:
    left, right = (text.lower().replace("_", "").replace("-", "") for text in (word, name))
    return SequenceMatcher(None, left, right, autojunk=False).ratio()
