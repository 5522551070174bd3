"""Values of persons in examples: what looks real, told apart from what was made up and can be known to be.

Made up are: e-mail addresses and hosts at names that RFC 2606 and 6761 keep for examples; phone numbers that regulators
keep for fiction; card numbers that payment networks publish for tests; account numbers that banks publish as examples;
IP addresses for documentation (RFC 5737, 3849), private or local ones; United States numbers of persons that are not
given out. Names, streets and dates look alike whether they are somebody's or not: they are not judged.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_EMAIL = re.compile(
    r"(?<![\w.+-])[\w.+%-]{1,64}@([A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63})*\.[A-Za-z]{2,24})(?![\w@-])"
)
_EXAMPLE_HOST = re.compile(r"(.*\.)?(example(\.(com|org|net|edu))?|test|invalid|localhost|local)", re.IGNORECASE)
_IBAN = re.compile(r"(?<![\w-])[A-Z]{2}[0-9]{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?(?![\w-])")
_CARD = re.compile(r"(?<![\w.+-])[3-6][0-9]{3}(?:[ -]?[0-9]{2,6}){2,4}(?![\w-]|\.[0-9])")
_PHONE = re.compile(r"\+?[0-9(][0-9 ().\-/]{5,22}[0-9]")
_SSN = re.compile(r"([0-9]{3})-([0-9]{2})-([0-9]{4})")
_FICTION = (
    r"1?([2-9][0-9]{2})?55501[0-9]{2}",  # North America: 555-0100 to 555-0199
    # United Kingdom, Ofcom
    r"(440?|0)(1632960|7700900|2079460|8081570|3069990|(11[3-8]|1[2-6]1)4960)[0-9]{3}",
    # Germany, Bundesnetzagentur
    r"(490?|0)((3023125|6990009|4066969|2214710|8999998)[0-9]{3}|(17139200|176040690)[0-9]{2})",
    r"(330?|0)(19900|26191|35301|46571|53649|63998)[0-9]{4}",  # France, ARCEP
    r"(610?|0)(491570[0-9]{3}|[2378](5550|7010)[0-9]{4})",  # Australia, ACMA
)
_FICTIONAL = re.compile("|".join(f"(?:{pattern})" for pattern in _FICTION))
_TEST_CARDS = frozenset(
    {
        "2223003122003222", "30569309025904", "3530111333300000", "3566002020360505", "371449635398431",
        "378282246310005", "378734493671000", "38520000023237", "4000000000000002", "4000000000003220",
        "4000056655665556", "4012888888881881", "4111111111111111", "4222222222222", "4242424242424242",
        "4444333322221111", "5105105105105100", "5200828282828210", "5454545454545454", "5555555555554444",
        "6011000990139424", "6011111111111117", "6200000000000005",
    }
)  # fmt: skip
_EXAMPLE_IBANS = frozenset(
    {
        "AT611904300234573201", "BE68539007547034", "CH9300762011623852957", "DE75512108001245126199",
        "DE89370400440532013000", "DK5000400440116243", "ES9121000418450200051332", "FI2112345600000785",
        "FR1420041010050500013M02606", "FR7630006000011234567890189", "GB29NWBK60161331926819",
        "GB33BUKB20201555555555", "GB82WEST12345698765432", "IE29AIBK93115212345678", "IT60X0542811101000000123456",
        "LU280019400644750000", "NL91ABNA0417164300", "NO9386011117947", "PL61109010140000071219812874",
        "PT50000201231234567890154", "SE4550000000058398257466",
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """A value that looks like a person's own: its kind, and the value with all but its shape taken away."""

    kind: str
    masked: str


def samples_in(text: str) -> Iterator[Sample]:
    """What looks real in a text that may hold anything: e-mail addresses, account and card numbers.

    >>> [sample.masked for sample in samples_in("from ann@example.org to bob.ray@mail.co.uk")]
    ['b••@m••']
    """
    for kind in ("email", "bank_account", "payment_card"):
        pattern = {"email": _EMAIL, "bank_account": _IBAN, "payment_card": _CARD}[kind]
        for match in pattern.finditer(text):
            if _REAL[kind](match[0]):
                yield Sample(kind=kind, masked=_masked(kind, match[0]))


def sample_of(kind: str, value: str) -> Sample | None:
    """The sample that a value of a column tagged as `kind` is, or None: made up, or not to be told."""
    judge = _REAL.get(kind)
    found = value.strip()
    return Sample(kind=kind, masked=_masked(kind, found)) if judge is not None and judge(found) else None


def _is_real_email(text: str) -> bool:
    match = _EMAIL.fullmatch(text)
    return match is not None and not _EXAMPLE_HOST.fullmatch(match[1])


def _is_real_account(text: str) -> bool:
    code = text.replace(" ", "")
    if not _IBAN.fullmatch(text) or code in _EXAMPLE_IBANS:
        return False
    return int("".join(str(int(letter, 36)) for letter in code[4:] + code[:4])) % 97 == 1


def _is_real_card(text: str) -> bool:
    digits = _digits(text)
    if not _CARD.fullmatch(text) or not 13 <= len(digits) <= 19 or digits in _TEST_CARDS:
        return False
    doubled = (int(digit) * (1 + at % 2) for at, digit in enumerate(reversed(digits)))
    return len(set(digits)) > 2 and sum(number - 9 * (number > 9) for number in doubled) % 10 == 0


def _is_real_phone(text: str) -> bool:
    digits = _digits(text).removeprefix("00")
    if not _PHONE.fullmatch(text) or not 7 <= len(digits) <= 15 or len(set(digits)) <= 2:
        return False
    return digits not in "01234567890123456789" and not _FICTIONAL.fullmatch(digits)


def _is_real_ip_address(text: str) -> bool:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return False
    return address.is_global


def _is_real_national_id(text: str) -> bool:
    """A United States number that is or may be given out; others cannot be told from made-up ones."""
    match = _SSN.fullmatch(text)
    if match is None or match[1] in {"000", "666"} or match[1][0] == "9":
        return False
    return match[2] != "00" and match[3] != "0000" and text not in {"078-05-1120", "219-09-9999", "123-45-6789"}


_REAL: dict[str, Callable[[str], bool]] = {
    "email": _is_real_email,
    "bank_account": _is_real_account,
    "payment_card": _is_real_card,
    "phone": _is_real_phone,
    "ip_address": _is_real_ip_address,
    "national_id": _is_real_national_id,
}


def _digits(text: str) -> str:
    return "".join(letter for letter in text if letter.isdigit())


def _masked(kind: str, text: str) -> str:
    if kind == "email":
        name, _, host = text.partition("@")
        return f"{name[0]}••@{host[0]}••"
    return f"{text[0]}•• ({len(text)} characters)"
