"""Where a key's passphrase comes from: the environment, a file that it names, or a person at a terminal."""

from __future__ import annotations

import getpass
import os
import stat
import sys
from pathlib import Path

from penstock.model.errors import InputError
from penstock.model.findings import Finding, Place

PASSPHRASE_VARIABLE = "PENSTOCK_PASSPHRASE"  # noqa: S105 - a name, not a secret
PASSPHRASE_FILE_VARIABLE = "PENSTOCK_PASSPHRASE_FILE"  # noqa: S105 - as above
_LONGEST = 4096


def known_passphrase() -> bytes | None:
    """The passphrase that the environment, or the file that it names, holds; without asking anybody.

    Raises:
        InputError: the file cannot be read, is empty, or is open to others.
    """
    text = os.environ.get(PASSPHRASE_VARIABLE)
    if text:
        return text.encode()
    path = os.environ.get(PASSPHRASE_FILE_VARIABLE)
    return _from_file(Path(path)) if path else None


def passphrase_of(name: str) -> bytes | None:
    """The passphrase of the key `name`; at a terminal its owner is asked if nothing else has it."""
    known = known_passphrase()
    if known is None and can_ask():
        return getpass.getpass(f"Passphrase of the key {name}: ").encode() or None
    return known


def new_passphrase(name: str) -> bytes | None:
    """A passphrase for a new key, typed twice at a terminal; None for a key without one.

    Raises:
        InputError: the two differ.
    """
    known = known_passphrase()
    if known is not None or not can_ask():
        return known
    first = getpass.getpass(f"Passphrase for the new key {name} (empty: none): ")
    if first and getpass.getpass("Once more: ") != first:
        raise InputError(
            Finding(
                code="keystore.passphrases_differ",
                message="the two passphrases differ",
                expected="the same one twice",
                remedy="run the command again; no key was made",
            )
        )
    return first.encode() or None


def can_ask() -> bool:
    """Whether a person sits at a terminal."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def _from_file(path: Path) -> bytes:
    """The first line of a file that only its owner can read."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            mode = os.fstat(handle).st_mode
            data = os.read(handle, _LONGEST)
        finally:
            os.close(handle)
    except OSError as error:
        raise _unusable(path, f"it cannot be read: {error.strerror}") from error
    if stat.S_IMODE(mode) & (stat.S_IRWXG | stat.S_IRWXO):
        raise _unusable(path, f"it is open to others (mode {stat.S_IMODE(mode):o})")
    line = data.partition(b"\n")[0].removesuffix(b"\r")
    if not line:
        raise _unusable(path, "its first line is empty")
    return line


def _unusable(path: Path, why: str) -> InputError:
    return InputError(
        Finding(
            code="keystore.passphrase_file",
            message=f"the passphrase's file cannot be used: {why}",
            place=Place(file=str(path)),
            expected=f"a file of mode 600 with the passphrase in its first line ({PASSPHRASE_FILE_VARIABLE})",
            remedy=f"chmod 600 {path}, or unset {PASSPHRASE_FILE_VARIABLE}",
        )
    )
