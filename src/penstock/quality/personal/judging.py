"""Weighs what a column's name says against what its values look like, and says how sure that makes it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from penstock.quality.personal.names import kind_of_name

if TYPE_CHECKING:
    from penstock.quality.profiling import ColumnProfile

_BY_NAME, _AGREED = 0.85, 0.97
_MANY = 20
"""From so many values on, values that do not look like what the name says speak against the name."""
_RARE = 0.05
_NAMED = 0.85
"""From this share of values written as names on, a few given names that are frequent tell what the others are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonalGuess:
    """What kind of personal data a column seems to hold, why, and how sure that is (0 to 1); a person decides."""

    kind: str
    reason: str
    confidence: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Look:
    """Values that look like a kind: which count says so, from which share on, and how far looks can be trusted.

    What has a check digit, or a shape that nothing else has, is trusted; dates and names are also other things.
    """

    kind: str
    count: str
    least: float
    trust: float
    what: str


_LOOKS = (
    _Look(kind="email", count="emails", least=0.5, trust=0.99, what="e-mail addresses"),
    _Look(kind="bank_account", count="ibans", least=0.5, trust=0.99, what="valid IBANs"),
    _Look(
        kind="payment_card",
        count="cards",
        least=0.5,
        trust=0.95,
        what="card numbers (13 to 19 digits with a right check digit)",
    ),
    _Look(kind="national_id", count="national_ids", least=0.8, trust=0.95, what="national numbers of persons"),
    _Look(kind="ip_address", count="ip_addresses", least=0.8, trust=0.9, what="IP addresses"),
    _Look(kind="phone", count="phones", least=0.6, trust=0.9, what="phone numbers"),
    _Look(kind="address", count="addresses", least=0.4, trust=0.9, what="postal addresses"),
    _Look(kind="name", count="full_names", least=0.2, trust=0.9, what="full names of persons"),
    _Look(kind="name", count="given_names", least=0.3, trust=0.85, what="given names"),
    _Look(kind="birth_date", count="birth_dates", least=0.8, trust=0.7, what="dates as of births"),
)
_SAYS_SO = {look.count: look.kind for look in _LOOKS} | {"card_shapes": "payment_card"}


def guess_personal(name: str, column: ColumnProfile | None = None) -> PersonalGuess | None:
    """The kind of personal data a column seems to hold, or None. Without a profile only the name speaks."""
    kind = kind_of_name(name)
    seen = _by_content(column) if column is not None and column.filled else None
    if kind is None:
        return seen
    why = f"the name {name!r} says so"
    if column is None or not column.filled:
        return PersonalGuess(kind=kind, reason=why, confidence=_BY_NAME)
    if _contradicted(kind, column):
        return seen
    agreeing = max((getattr(column, count) for count, says in _SAYS_SO.items() if says == kind), default=0)
    if column.share(agreeing) >= _RARE:
        reason = f"{why}, and {agreeing:,} of {column.filled:,} values look like it"
        return PersonalGuess(kind=kind, reason=reason, confidence=_AGREED)
    if seen is not None and seen.confidence > _BY_NAME:
        return seen
    return PersonalGuess(kind=kind, reason=why, confidence=_BY_NAME)


def _contradicted(kind: str, column: ColumnProfile) -> bool:
    """Whether many values speak against a name: a flag, or a count, is often named like what it is about."""
    if column.filled < _MANY:
        return False
    if kind in {"email", "ip_address"}:
        return column.share(column.emails + column.ip_addresses) < _RARE
    if kind in {"gender", "marital_status"}:
        return column.distinct > _MANY
    if (column.longest or 0) <= 1 or (column.distinct <= 2 and column.share(column.booleans) > 1 - _RARE):
        return True
    if kind == "name":
        return column.share(column.decimals) > 1 - _RARE
    return kind == "phone" and (column.longest or 0) < 6


def _by_content(column: ColumnProfile) -> PersonalGuess | None:
    for look in _LOOKS:
        count = getattr(column, look.count)
        if look.kind == "birth_date" and not _spans_lives(column):
            continue
        if look.kind == "name" and column.share(column.name_shapes) < _NAMED:
            continue
        share = column.share(count)
        if share >= look.least:
            confidence = look.trust * _steady(column.distinct)
            reason = f"{count:,} of {column.filled:,} values look like {look.what}"
            return PersonalGuess(kind=look.kind, reason=reason, confidence=round(confidence, 3))
    return None


def _steady(distinct: int) -> float:
    """How far so few different values can be trusted: one or two may look like anything."""
    return min(1.0, 0.9 + 0.01 * distinct)


def _spans_lives(column: ColumnProfile) -> bool:
    """Whether dates reach from before 1970 over more than thirty years, as births do and business days do not."""
    first, last = (column.minimum or "")[:4], (column.maximum or "")[:4]
    return first.isdigit() and last.isdigit() and int(first) < 1970 and int(last) - int(first) > 30
