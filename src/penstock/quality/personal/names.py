"""The kind of personal data that a column's name speaks of."""

from __future__ import annotations

import re

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
_PERSON = (
    "customer|client|user|person|patient|member|employee|contact|guest|passenger|subscriber|cardholder|buyer|reviewer"
)
_NUMBER = "number|no|nr|num|nbr"
_NAMES: tuple[tuple[str, str], ...] = (
    ("email", r"(e mail|email|emailaddress|mail address)( address(es)?)?( \d+)?"),
    ("ip_address", r"ip( address)?|ipv\d|ipaddress|(remote|client) addr"),
    ("phone", rf"(tele)?phone( ({_NUMBER}))?( \d+)?|mobile( ({_NUMBER}|phone))*|phonenumber|msisdn|fax( ({_NUMBER}))?"),
    ("phone", rf"cell( ?phone)?( ({_NUMBER}))?|telefon|handy"),
    (
        "address",
        r"address( line)?( \d+)?|addressline( \d+)?|street( (name|address|line))?( \d+)?|post ?code|postal code",
    ),
    ("address", r"zip( code)?|zipcode|postalcode|strasse|adresse|plz"),
    ("birth_date", r"birth ?(date|day)|date of birth|dob|birth (year|month|dt)|born( on)?|geburtsdatum"),
    ("payment_card", rf"(credit |debit |payment )?card ({_NUMBER}|pan)|(credit|debit)card({_NUMBER})?|cc ({_NUMBER})"),
    ("payment_card", r"cvv|cvc|cardnumber|credit card|debit card|pan"),
    ("bank_account", rf"iban|bank account( ({_NUMBER}|id))?"),
    ("national_id", rf"national (id|identity|identification|insurance)( ({_NUMBER}|card))*( {_NUMBER})?|ssn|nin|nino"),
    ("national_id", rf"nationalid({_NUMBER})?|social security( ({_NUMBER}))?|passport( ({_NUMBER}|id))?"),
    ("national_id", rf"(tax|taxpayer) (id|{_NUMBER})|(driving|driver s?|drivers) licen[cs]e( ({_NUMBER}|id))?"),
    ("name", rf"({_PERSON}|first|last|middle|given|family|full|maiden|sur) name|(first|last|full|sur|middle)name"),
    ("name", rf"({_PERSON})name|[fl]name|vorname|nachname|forename"),
    ("login", r"login( (id|name))?|username"),
    ("customer_id", rf"({_PERSON}) ?(id|key|code|uuid|guid|{_NUMBER})"),
    ("gender", r"gender|sex"),
    ("marital_status", r"marital status"),
)
_PATTERNS = tuple((kind, re.compile(rf"(.* )?({pattern})")) for kind, pattern in _NAMES)


def kind_of_name(name: str) -> str | None:
    """The kind a name speaks of by its last words: `customer_email` does, `email_sent_at` does not.

    >>> kind_of_name("customer_email"), kind_of_name("PhoneNumberTypeID")
    ('email', None)
    """
    words = " ".join(word.lower() for word in _WORD.findall(name))
    return next((kind for kind, pattern in _PATTERNS if pattern.fullmatch(words)), None)
