"""Guesses which columns hold personal data, by the words of their names and by what their values look like."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from penstock.quality.profiling import ColumnProfile

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
_PERSON = (
    "customer|client|user|person|patient|member|employee|contact|guest|passenger|subscriber|cardholder|buyer|reviewer"
)
_NUMBER = "number|no|nr|num|nbr"
_NAMES: tuple[tuple[str, str], ...] = (
    ("email", r"(e mail|email|emailaddress|mail address)( address(es)?)?( \d+)?"),
    ("ip_address", r"ip( address)?|ipv\d"),
    ("phone", rf"(tele)?phone( ({_NUMBER}))?( \d+)?|mobile( ({_NUMBER}|phone))*|phonenumber|msisdn|fax( ({_NUMBER}))?"),
    (
        "address",
        r"address( line)?( \d+)?|addressline( \d+)?|street( (name|address|line))?( \d+)?|post ?code|postal code",
    ),
    ("address", r"zip( code)?|zipcode"),
    ("birth_date", r"birth ?(date|day)|date of birth|dob|birth (year|month|dt)|born( on)?"),
    ("card", rf"(credit |debit |payment )?card ({_NUMBER}|pan)|(credit|debit)card({_NUMBER})?|cc ({_NUMBER})|cvv|cvc"),
    ("card", r"cardnumber|credit card|debit card|pan"),
    ("iban", rf"iban|bank account( ({_NUMBER}|id))?"),
    ("national_id", rf"national (id|identity|identification|insurance)( ({_NUMBER}|card))*( {_NUMBER})?|ssn|nin|nino"),
    ("national_id", rf"nationalid({_NUMBER})?|social security( ({_NUMBER}))?|passport( ({_NUMBER}|id))?"),
    ("national_id", rf"(tax|taxpayer) (id|{_NUMBER})|(driving|driver s?|drivers) licen[cs]e( ({_NUMBER}|id))?"),
    ("name", rf"({_PERSON}|first|last|middle|given|family|full|maiden|sur) name|(first|last|full|sur|middle)name"),
    ("name", rf"({_PERSON})name"),
    ("customer_id", rf"({_PERSON}) ?(id|key|code|uuid|guid|{_NUMBER})"),
    ("gender", r"gender|sex"),
    ("marital_status", r"marital status"),
)
_PATTERNS = tuple((kind, re.compile(rf"(.* )?({pattern})")) for kind, pattern in _NAMES)
_ENOUGH, _MOST = 0.5, 0.8


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonalGuess:
    """What kind of personal data a column seems to hold, and why; a person decides."""

    kind: str
    reason: str


def guess_personal(name: str, column: ColumnProfile | None = None) -> PersonalGuess | None:
    """The kind of personal data a column seems to hold, or None. Without a profile only the name speaks.

    A name speaks by its last words (`customer_email` does, `email_sent_at` and `PhoneNumberTypeID` do not).
    """
    words = " ".join(word.lower() for word in _WORD.findall(name))
    for kind, pattern in _PATTERNS:
        if pattern.fullmatch(words):
            return PersonalGuess(kind=kind, reason=f"the name {name!r} says so")
    return _by_content(column) if column is not None and column.filled else None


def _by_content(column: ColumnProfile) -> PersonalGuess | None:
    seen = (
        ("email", column.emails, _ENOUGH, "e-mail addresses"),
        ("iban", column.ibans, _ENOUGH, "valid IBANs"),
        ("card", column.cards, _ENOUGH, "card numbers (13 to 19 digits with a right check digit)"),
        ("phone", column.phones, _MOST, "phone numbers"),
        ("birth_date", column.birth_dates if _spans_lives(column) else 0, _MOST, "dates as of births"),
    )
    for kind, count, least, what in seen:
        if column.share(count) >= least:
            share = f"{count:,} of {column.filled:,} values"
            return PersonalGuess(kind=kind, reason=f"{share} look like {what}")
    return None


def _spans_lives(column: ColumnProfile) -> bool:
    """Whether dates reach from before 1970 over more than thirty years, as births do and business days do not."""
    first, last = (column.minimum or "")[:4], (column.maximum or "")[:4]
    return first.isdigit() and last.isdigit() and int(first) < 1970 and int(last) - int(first) > 30
