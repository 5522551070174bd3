"""The key store: whole keys, for their owner's eyes, never overwritten."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from penstock.adapters.keystore import KeyStore
from penstock.evidence.keys import Role, to_text
from penstock.model.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "private" / "keys"


@pytest.fixture
def store(folder: Path) -> KeyStore:
    return KeyStore(folder)


def code(act: Callable[[], object]) -> str:
    with pytest.raises(InputError) as caught:
        act()
    (finding,) = caught.value.findings
    assert finding.expected
    return finding.code


@pytest.mark.parametrize("passphrase", [None, b"open sesame"])
def test_a_created_key_signs_for_its_public_half(store: KeyStore, passphrase: bytes | None) -> None:
    public = store.create("ana", Role.AUTHOR, passphrase)
    signer = store.signer("ana", passphrase)

    assert public.verifies(b"message", signer.sign(b"message"))
    assert (signer.name, signer.key_id, signer.public) == ("ana", public.key_id, public)
    assert store.public("ana") == public


def test_names_are_those_of_the_keys(store: KeyStore, folder: Path) -> None:
    assert store.names() == ()
    store.create("bo", Role.APPROVER)
    store.create("ana.lopez", Role.AUTHOR)
    (folder / "notes.txt").write_text("none")
    (folder / "Not A Key.pem").write_text("none")

    assert store.names() == ("ana.lopez", "bo")


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
def test_folder_and_keys_are_closed_to_others_whatever_the_umask(store: KeyStore, folder: Path, umask: int) -> None:
    before = os.umask(umask)
    try:
        store.create("ana", Role.AUTHOR)
    finally:
        os.umask(before)

    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE((folder / "ana.pem").stat().st_mode) == 0o600
    assert [path.name for path in folder.iterdir()] == ["ana.pem"]


@pytest.mark.parametrize("passphrase", [None, b"open sesame"])
def test_a_key_file_is_pem_that_other_tools_read(store: KeyStore, folder: Path, passphrase: bytes | None) -> None:
    public = store.create("ana", Role.AUTHOR, passphrase)
    data = (folder / "ana.pem").read_bytes()

    private = load_pem_private_key(data, passphrase)
    assert private.public_key().public_bytes_raw() == public.public  # type: ignore[union-attr]
    assert (b"BEGIN ENCRYPTED PRIVATE KEY" in data) == (passphrase is not None)
    assert data.decode().startswith(to_text(public))


def test_a_signer_does_not_show_its_private_half(store: KeyStore) -> None:
    store.create("ana", Role.AUTHOR)

    assert "private" not in repr(store.signer("ana")).lower()


def test_a_key_is_never_overwritten(store: KeyStore, folder: Path) -> None:
    public = store.create("ana", Role.AUTHOR)

    assert code(lambda: store.create("ana", Role.APPROVER)) == "keystore.name_taken"
    assert store.public("ana") == public
    assert [path.name for path in folder.iterdir()] == ["ana.pem"]


def test_a_key_that_cannot_be_written_whole_is_not_there(
    store: KeyStore, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fired: list[int] = []

    def full(descriptor: int) -> None:
        fired.append(descriptor)
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)

    assert code(lambda: store.create("ana", Role.AUTHOR)) == "keystore.unwritable"
    assert fired
    assert list(folder.iterdir()) == []


def test_an_empty_passphrase_is_not_taken_for_none(store: KeyStore) -> None:
    assert code(lambda: store.create("ana", Role.AUTHOR, b"")) == "keystore.empty_passphrase"


@pytest.mark.parametrize("name", ["", "../ana", "a/b", "Ana", ".ana", "a" * 64, "ana\n"])
def test_a_name_cannot_lead_out_of_the_folder(store: KeyStore, name: str) -> None:
    assert code(lambda: store.create(name, Role.AUTHOR)) == "keystore.name"
    assert code(lambda: store.signer(name)) == "keystore.name"


def test_an_unknown_name_is_answered_with_the_known_ones(store: KeyStore) -> None:
    assert code(lambda: store.signer("bo")) == "keystore.no_such_key"
    store.create("ana", Role.AUTHOR)

    with pytest.raises(InputError) as caught:
        store.signer("bo")
    assert caught.value.findings[0].expected == "ana"


def test_each_trouble_with_a_passphrase_has_its_own_words(store: KeyStore) -> None:
    store.create("locked", Role.APPROVER, b"open sesame")
    store.create("plain", Role.APPROVER)

    assert code(lambda: store.signer("locked")) == "keystore.passphrase_missing"
    assert code(lambda: store.signer("locked", b"")) == "keystore.passphrase_missing"
    assert code(lambda: store.signer("locked", b"wrong")) == "keystore.passphrase_wrong"
    assert code(lambda: store.signer("plain", b"any")) == "keystore.passphrase_unused"


def test_a_key_of_another_role_is_refused_where_a_role_is_asked(store: KeyStore) -> None:
    store.create("ana", Role.AUTHOR)

    assert code(lambda: store.signer("ana", role=Role.APPROVER)) == "keystore.wrong_role"
    assert store.signer("ana", role=Role.AUTHOR).name == "ana"


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o610, 0o602])
def test_a_key_open_to_others_is_not_used(store: KeyStore, folder: Path, mode: int) -> None:
    store.create("ana", Role.AUTHOR)
    (folder / "ana.pem").chmod(mode)

    assert code(lambda: store.signer("ana")) == "keystore.too_open"


@pytest.mark.parametrize("mode", [0o750, 0o705])
def test_a_folder_open_to_others_is_not_used(store: KeyStore, folder: Path, mode: int) -> None:
    store.create("ana", Role.AUTHOR)
    folder.chmod(mode)

    assert code(lambda: store.signer("ana")) == "keystore.too_open"
    assert code(lambda: store.create("bo", Role.AUTHOR)) == "keystore.too_open"
    assert store.names() == ("ana",)


def test_a_link_to_a_key_is_not_followed(store: KeyStore, folder: Path) -> None:
    store.create("ana", Role.AUTHOR)
    (folder / "bo.pem").symlink_to(folder / "ana.pem")

    assert code(lambda: store.signer("bo")) == "keystore.unreadable"


def test_what_is_no_plain_file_is_not_waited_for(store: KeyStore, folder: Path) -> None:
    folder.mkdir(mode=0o700, parents=True)
    os.mkfifo(folder / "pipe.pem", 0o600)
    (folder / "folder.pem").mkdir()

    for name in ("pipe", "folder"):
        with pytest.raises(InputError, match="no plain file"):
            store.signer(name)


def test_a_folder_that_is_a_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "keys").write_text("no folder")
    (tmp_path / "keys").chmod(0o600)
    store = KeyStore(tmp_path / "keys")

    assert store.names() == ()
    assert code(lambda: store.signer("ana")) == "keystore.unreadable"
    assert code(lambda: store.create("ana", Role.AUTHOR)) in {"keystore.unwritable", "keystore.name_taken"}


def test_a_damaged_key_is_refused(store: KeyStore, folder: Path) -> None:
    store.create("ana", Role.AUTHOR)
    store.create("bo", Role.AUTHOR)
    path = folder / "ana.pem"
    whole, other = path.read_bytes(), (folder / "bo.pem").read_bytes()
    at, other_at = whole.index(b"-----BEGIN"), other.index(b"-----BEGIN")
    elliptic = generate_private_key(SECP256R1()).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())

    for data in (
        b"",
        whole[:at],
        whole[at:],
        whole[: at + 60],
        b"\xff" + whole,
        whole.replace(b"role: author", b"role: admin"),
        whole[:at] + other[other_at:],
        whole[:at] + elliptic,
        other,
    ):
        path.write_bytes(data)
        assert code(lambda: store.signer("ana")) == "keystore.damaged", data
    path.write_bytes(whole)
    assert store.signer("ana").name == "ana"
