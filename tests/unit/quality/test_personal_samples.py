"""Values that look like somebody's are told from those that everybody can know to be made up."""

from __future__ import annotations

import pytest

from penstock.quality.personal.samples import sample_of, samples_in

REAL = {
    "email": ("jane.doe@gmail.com", "j+tag@mail.company.co.uk", "x@example.de", "x@notexample.com", "x@test.de"),
    "phone": ("+1 415 863 9000", "(212) 664-7665", "+44 20 7219 3000", "030 18 272 0", "+33 1 42 92 81 00"),
    "payment_card": ("4539 5787 6362 1486", "4539578763621486", "5425-2334-3010-9903"),
    "bank_account": ("DE44500105175407324931", "DE44 5001 0517 5407 3249 31", "FR7612345987650123456789014"),
    "ip_address": ("8.8.8.8", "2a00:1450:4001:81b::200e"),
    "national_id": ("521-44-9182",),
}
MADE_UP = {
    "email": ("ann@example.com", "a.b@mail.example.org", "x@shop.test", "x@example", "me@localhost", "no address"),
    "phone": ("+1 212 555 0123", "(212) 555-0199", "555-0100", "07700 900123", "+44 (0)20 7946 0958", "01632 960001",
              "+49 30 23125 001", "+33 1 99 00 12 34", "0491 570 156", "1111111", "12345678", "12", "none"),
    "payment_card": ("4111 1111 1111 1111", "4242424242424242", "378282246310005", "4539578763621487", "1234"),
    "bank_account": ("DE89 3704 0044 0532 0130 00", "GB82WEST12345698765432", "DE44500105175407324930", "IBAN"),
    "ip_address": ("192.0.2.7", "198.51.100.1", "203.0.113.9", "10.0.0.1", "127.0.0.1", "2001:db8::1", "1.2.3"),
    "national_id": ("000-12-3456", "900-12-3456", "666-12-3456", "078-05-1120", "12345"),
    "name": ("Ann Example", "Angela Merkel"),
    "birth_date": ("1980-02-03",),
    "personal": ("anything",),
}  # fmt: skip


@pytest.mark.parametrize(("kind", "value"), [(kind, value) for kind, values in REAL.items() for value in values])
def test_what_looks_like_somebodys_is_found_and_not_repeated(kind: str, value: str) -> None:
    sample = sample_of(kind, value)
    assert sample is not None
    assert sample.kind == kind
    assert value not in sample.masked
    assert sum(letter.isalnum() and letter in value for letter in sample.masked.partition(" (")[0]) <= 2


@pytest.mark.parametrize(("kind", "value"), [(kind, value) for kind, values in MADE_UP.items() for value in values])
def test_what_is_known_to_be_made_up_or_cannot_be_told_passes(kind: str, value: str) -> None:
    assert sample_of(kind, value) is None


def test_a_text_is_searched_for_addresses_accounts_and_cards() -> None:
    text = "Ann <ann@gmail.com> paid with 4539 5787 6362 1486 from DE44500105175407324931, not from x@example.com"
    assert [sample.kind for sample in samples_in(text)] == ["email", "bank_account", "payment_card"]


@pytest.mark.parametrize(
    "text",
    [
        "1700000000000000000",
        "0.4539578763621486",
        "4539578763621486.5",
        "a4539578763621486f",
        "sha256:4539578763621486deadbeef",
        "git@github.com-",
        "2024-03-01 12:00:00",
        "user@",
        "4444 4444 4444 4444",
    ],
)
def test_numbers_and_words_that_only_resemble_them_pass(text: str) -> None:
    assert list(samples_in(text)) == []
