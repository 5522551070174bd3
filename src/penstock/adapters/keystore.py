"""Private keys of one person or runner: a folder of PKCS8 PEM files, each below the public key it belongs to.

Invariants: the folder is 0700 and every key 0600, checked again at each use; a key appears whole or not at all and is
never overwritten; the public half at the top of a file must be that of the private half below.
"""

from __future__ import annotations

import os
import re
import secrets
import stat
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from penstock.evidence.keys import KEY_NAME, KEY_NAME_WORDS, PublicKey, Role, from_text, to_text
from penstock.model.errors import InputError
from penstock.model.findings import Finding, Place

if TYPE_CHECKING:
    from pathlib import Path

    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

SUFFIX = ".pem"
MAX_BYTES = 16_384
OTHERS = stat.S_IRWXG | stat.S_IRWXO
_PEM_BEGIN = re.compile(rb"^-----BEGIN (ENCRYPTED )?PRIVATE KEY-----$", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class KeySigner:
    """A private key in memory, with its public half. Its text never shows the private half."""

    public: PublicKey
    private: Ed25519PrivateKey = field(repr=False)

    @property
    def name(self) -> str:
        """Whose key it is."""
        return self.public.name

    @property
    def key_id(self) -> str:
        """The SHA-256 of the raw public bytes, in hex."""
        return self.public.key_id

    def sign(self, data: bytes) -> bytes:
        """The Ed25519 signature over `data`."""
        return self.private.sign(data)


class KeyStore:
    """The private keys in `folder`, which is made when the first key is."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def names(self) -> tuple[str, ...]:
        """The names of the keys there are, sorted."""
        found = self.folder.glob(f"*{SUFFIX}") if self.folder.is_dir() else ()
        return tuple(sorted(path.stem for path in found if KEY_NAME.fullmatch(path.stem)))

    def create(
        self,
        name: str,
        role: Role,
        passphrase: bytes | None = None,
        *,
        groups: tuple[str, ...] = (),
        expires: str | None = None,
    ) -> PublicKey:
        """Make a new key pair and keep its private half, under `passphrase` if there is one.

        Raises:
            InputError: the name is taken or cannot be one, the passphrase is empty, or the folder is open to others or
                cannot be written.
        """
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey  # noqa: PLC0415 - heavy

        path = self._path(name)
        if passphrase == b"":
            raise _refused("empty_passphrase", "the passphrase is empty", path, "at least one byte, or no passphrase")
        private = Ed25519PrivateKey.generate()
        raw = private.public_key().public_bytes_raw()
        public = PublicKey(name=name, role=role, public=raw, groups=groups, expires=expires)
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._check_folder()
            _write_new(path, to_text(public).encode() + _pem(private, passphrase))
        except FileExistsError as error:
            raise _refused(
                "name_taken", f"there is a key named {name} already", path, "a new name", "choose another name"
            ) from error
        except OSError as error:
            raise _refused(
                "unwritable", f"the key cannot be kept: {error.strerror}", path, "a folder that can be written"
            ) from error
        return public

    def public(self, name: str) -> PublicKey:
        """The public half of the key `name`; needs no passphrase.

        Raises:
            InputError: there is no such key, or its file is open to others or damaged.
        """
        return self._read(name)[0]

    def encrypted(self, name: str) -> bool:
        """Whether the private half of the key `name` is kept under a passphrase.

        Raises:
            InputError: there is no such key, or its file is open to others or damaged.
        """
        return self._read(name)[1].startswith(b"-----BEGIN ENCRYPTED")

    def signer(self, name: str, passphrase: bytes | None = None, *, role: Role | None = None) -> KeySigner:
        """The key `name`, ready to sign. With `role`, only a key made for that role will do.

        Raises:
            InputError: there is no such key, it has another role, its file is open to others or damaged, or the
                passphrase is missing, wrong or not asked for.
        """
        public, pem = self._read(name)
        path = self._path(name)
        if role not in {None, public.role}:
            raise _refused(
                "wrong_role",
                f"{name} is a key for the role {public.role}",
                path,
                f"a key for the role {role}",
                "name a key of that role",
            )
        private = _load(pem, passphrase, path)
        if private.public_key().public_bytes_raw() != public.public:
            raise _damaged(path, "a private key that does not belong to the public key above it")
        return KeySigner(public=public, private=private)

    def _path(self, name: str) -> Path:
        if not KEY_NAME.fullmatch(name):
            raise _refused("name", f"{name!r} cannot name a key", self.folder, KEY_NAME_WORDS, "choose another name")
        return self.folder / f"{name}{SUFFIX}"

    def _check_folder(self) -> None:
        if stat.S_IMODE(self.folder.stat().st_mode) & OTHERS:
            raise _too_open(self.folder, self.folder.stat().st_mode, "700")

    def _read(self, name: str) -> tuple[PublicKey, bytes]:
        """The public key at the top of a key's file, and the PEM text below it."""
        path = self._path(name)
        try:
            self._check_folder()
            data = _read_private(path)
        except FileNotFoundError as error:
            known = ", ".join(self.names()) or "no keys yet"
            raise _refused(
                "no_such_key", f"there is no key named {name}", path, known, "create it, or name one of these"
            ) from error
        except OSError as error:
            raise _refused(
                "unreadable", f"the key cannot be read: {error.strerror}", path, "a plain file of yours"
            ) from error
        begin = _PEM_BEGIN.search(data)
        if begin is None:
            raise _damaged(path, "no private key")
        try:
            return from_text(data[: begin.start()].decode(), f"{name}.yaml"), data[begin.start() :]
        except (InputError, UnicodeDecodeError) as error:
            raise _damaged(path, "no public key above the private one, or another's") from error


def _pem(private: Ed25519PrivateKey, passphrase: bytes | None) -> bytes:
    from cryptography.hazmat.primitives import serialization as form  # noqa: PLC0415 - heavy

    encryption = form.BestAvailableEncryption(passphrase) if passphrase else form.NoEncryption()
    return private.private_bytes(form.Encoding.PEM, form.PrivateFormat.PKCS8, encryption)


def _load(pem: bytes, passphrase: bytes | None, path: Path) -> Ed25519PrivateKey:
    from cryptography.exceptions import UnsupportedAlgorithm  # noqa: PLC0415 - heavy
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey  # noqa: PLC0415 - heavy
    from cryptography.hazmat.primitives.serialization import load_pem_private_key  # noqa: PLC0415 - heavy

    encrypted = pem.startswith(b"-----BEGIN ENCRYPTED")
    if encrypted and not passphrase:
        raise _refused(
            "passphrase_missing", f"{path.stem} is kept under a passphrase", path, "its passphrase", "give it"
        )
    if passphrase and not encrypted:
        raise _refused(
            "passphrase_unused", f"{path.stem} is kept without a passphrase", path, "no passphrase", "give none"
        )
    try:
        private = load_pem_private_key(pem, passphrase)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        if encrypted:
            raise _refused(
                "passphrase_wrong", f"the passphrase does not open {path.stem}", path, "its passphrase", "try again"
            ) from error
        raise _damaged(path, "a private key that cannot be read") from error
    if not isinstance(private, Ed25519PrivateKey):
        raise _damaged(path, "a key of another kind than Ed25519")
    return private


def _read_private(path: Path) -> bytes:
    """The bytes of a key file; the file that is checked is the one that is read."""
    handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        mode = os.fstat(handle).st_mode
        if not stat.S_ISREG(mode):
            raise _damaged(path, "no plain file")
        if stat.S_IMODE(mode) & OTHERS:
            raise _too_open(path, mode, "600")
        return os.read(handle, MAX_BYTES)
    finally:
        os.close(handle)


def _write_new(path: Path, data: bytes) -> None:
    """Write all of a new file or nothing; FileExistsError if there is one. A link, as a rename would overwrite."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.link(draft, path)
    finally:
        with suppress(FileNotFoundError):
            draft.unlink()
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _too_open(path: Path, mode: int, wanted: str) -> InputError:
    found = f"{stat.S_IMODE(mode):o}"
    return _refused(
        "too_open", f"{path.name} is open to others (mode {found})", path, f"mode {wanted}", f"chmod {wanted} {path}"
    )


def _damaged(path: Path, found: str) -> InputError:
    return _refused(
        "damaged",
        f"{path.name} holds {found}",
        path,
        "a key made by this store",
        "restore it from a copy, or make a new key",
    )


def _refused(code: str, message: str, path: Path, expected: str, remedy: str | None = None) -> InputError:
    return InputError(
        Finding(code=f"keystore.{code}", message=message, place=Place(file=str(path)), expected=expected, remedy=remedy)
    )
