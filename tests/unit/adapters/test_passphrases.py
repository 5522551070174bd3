"""Where a passphrase comes from, and that keys are kept under it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from penstock.adapters import passphrases
from penstock.adapters.keystore import KeyStore
from penstock.adapters.passphrases import known_passphrase, new_passphrase, passphrase_of
from penstock.evidence.keys import Role
from penstock.model.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path

WORDS = "correct horse battery"


@pytest.fixture(autouse=True)
def _nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PENSTOCK_PASSPHRASE", raising=False)
    monkeypatch.delenv("PENSTOCK_PASSPHRASE_FILE", raising=False)
    monkeypatch.setattr(passphrases, "can_ask", lambda: False)


def at_a_terminal(monkeypatch: pytest.MonkeyPatch, *typed: str) -> None:
    """A person who types these lines, one for each question."""
    answers = iter(typed)
    monkeypatch.setattr(passphrases, "can_ask", lambda: True)
    monkeypatch.setattr("getpass.getpass", lambda _prompt: next(answers))


def passphrase_file(tmp_path: Path, text: str = f"{WORDS}\nnot this\n", mode: int = 0o600) -> str:
    path = tmp_path / "passphrase"
    path.write_text(text)
    path.chmod(mode)
    return str(path)


def test_without_a_word_from_anywhere_there_is_none() -> None:
    assert known_passphrase() is None
    assert passphrase_of("maria") is None
    assert new_passphrase("maria") is None


def test_the_environment_comes_before_the_file_and_the_file_before_the_person(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    at_a_terminal(monkeypatch, "typed")
    assert passphrase_of("maria") == b"typed"
    monkeypatch.setenv("PENSTOCK_PASSPHRASE_FILE", passphrase_file(tmp_path))
    assert passphrase_of("maria") == WORDS.encode()
    monkeypatch.setenv("PENSTOCK_PASSPHRASE", "said")
    assert passphrase_of("maria") == b"said"


@pytest.mark.parametrize(("text", "mode"), [(WORDS, 0o644), (WORDS, 0o640), ("\n", 0o600), ("", 0o600)])
def test_a_file_that_is_open_to_others_or_empty_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, mode: int
) -> None:
    monkeypatch.setenv("PENSTOCK_PASSPHRASE_FILE", passphrase_file(tmp_path, text, mode))
    with pytest.raises(InputError) as caught:
        known_passphrase()
    assert caught.value.findings[0].code == "keystore.passphrase_file"
    assert WORDS not in str(caught.value.findings)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PENSTOCK_PASSPHRASE_FILE", str(tmp_path / "nowhere"))
    with pytest.raises(InputError):
        known_passphrase()


def test_a_new_passphrase_is_typed_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    at_a_terminal(monkeypatch, WORDS, WORDS)
    assert new_passphrase("maria") == WORDS.encode()
    at_a_terminal(monkeypatch, WORDS, "another")
    with pytest.raises(InputError) as caught:
        new_passphrase("maria")
    assert caught.value.findings[0].code == "keystore.passphrases_differ"
    at_a_terminal(monkeypatch, "")
    assert new_passphrase("maria") is None


def test_a_store_knows_which_keys_a_passphrase_keeps(tmp_path: Path) -> None:
    store = KeyStore(tmp_path / "keys")
    store.create("maria", Role.APPROVER, WORDS.encode(), groups=("privacy",), expires="2027-01-01")
    store.create("robot", Role.AGENT)
    assert (store.encrypted("maria"), store.encrypted("robot")) == (True, False)
    assert (store.public("maria").groups, store.public("maria").expires) == (("privacy",), "2027-01-01")
    assert WORDS not in (tmp_path / "keys" / "maria.pem").read_text()
    assert store.signer("maria", WORDS.encode()).sign(b"x")
