"""`storage:` of a source whose `path` is the address of objects: where their store is, and who may read it.

Invariant: a secret that somebody wrote into the project is refused and never repeated.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from penstock.model.findings import Finding
from penstock.model.storage import STORES, Identity, Scheme, Storage, scheme_of, split_address

if TYPE_CHECKING:
    from collections.abc import Mapping

    from penstock.documents import Fields

_VARIABLE = re.compile(r"(?!A[KS]IA[A-Z0-9]{16}$)[A-Z_][A-Z0-9_]{0,254}")  # an access key looks like a name
_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,62}")
_ACCOUNT = re.compile(r"[a-z0-9]{3,24}")
_REGION = re.compile(r"[A-Za-z0-9-]{1,63}")
_NEEDED: Mapping[Scheme, tuple[str, ...]] = {Scheme.S3: ("key", "secret"), Scheme.GCS: ("token",), Scheme.AZURE: ()}
"""What named credentials hold at least; of Azure's either one."""
_ALLOWED: Mapping[Scheme, tuple[str, ...]] = {
    Scheme.S3: ("key", "secret", "token"),
    Scheme.GCS: ("token",),
    Scheme.AZURE: ("key", "token"),
}


def read_storage(fields: Fields, path: str | None) -> Storage | None:
    """The store of a source's objects; None for files, and for what is wrong, which is noted."""
    child = fields.child("storage")
    scheme = scheme_of(path) if path is not None else None
    if scheme is None or path is None:
        if child is not None and path is not None:
            message = "`storage` is about objects, and `path` is a path beneath the project"
            expected = "a path that begins with " + ", ".join(f"{known}://" for known in Scheme)
            fields.note("project.bad_store", message, at="storage", expected=expected, remedy="remove `storage`")
        return None
    before = len(fields.findings)
    _check_address(fields, path, scheme)
    if len(fields.findings) > before:
        return None
    storage = Storage(scheme=Scheme(scheme))
    return storage if child is None else _reached(child, storage)


def _check_address(fields: Fields, path: str, scheme: str) -> None:
    """Note what is wrong with the address of objects, apart from its braces."""
    bucket, key = split_address(path)
    if scheme not in tuple(Scheme) or not path.startswith(f"{scheme}://"):
        known = "; ".join(f"{each}:// ({words})" for each, words in STORES.items())
        remedy = "let a command fetch them (NAME.command.yaml), or copy them into a store or the project"
        fields.note("project.bad_store", f"{scheme}:// is not read", at="path", expected=known, remedy=remedy)
    elif "@" in bucket or ":" in bucket:
        _note_secret(fields, "path", f"{scheme}://BUCKET/KEY; who may read it says `storage: credentials`")
    elif not _BUCKET.fullmatch(bucket):
        fields.note(
            "project.bad_store", f"{bucket!r} is no name of a bucket", at="path", expected=f"{scheme}://BUCKET/…"
        )
    elif "?" in key or any(part in {"", ".", ".."} for part in key.split("/")) or not key.isprintable():
        expected = "a key, or a pattern with *, without ? and without empty parts, `.` or `..` between /"
        fields.note("project.bad_store", f"{key!r} is no key of objects", at="path", expected=expected)


def _reached(fields: Fields, storage: Storage) -> Storage:
    """Where the store is and as whom it is asked."""
    scheme = storage.scheme
    if scheme is Scheme.S3:
        storage = _with_endpoint(fields, replace(storage, region=_region(fields)))
    elif scheme is Scheme.AZURE:
        account = fields.text("account") or ""
        if account and not _ACCOUNT.fullmatch(account):
            expected = "3 to 24 lower-case letters and digits"
            _note(fields, f"{account!r} is no storage account", at="account", expected=expected)
        storage = replace(storage, account=account)
    storage = _with_credentials(fields, storage)
    _note_unknown(fields)
    return storage


def _region(fields: Fields) -> str:
    region = fields.text("region") or ""
    if region and not _REGION.fullmatch(region):
        _note(fields, f"{region!r} is no region", at="region", expected="such as eu-central-1")
    return region


def _with_endpoint(fields: Fields, storage: Storage) -> Storage:
    text = fields.text("endpoint") or ""
    if not text:
        return storage
    if _VARIABLE.fullmatch(text):
        return replace(storage, endpoint_variable=text)
    if endpoint_problem(text):
        expected = "https://host:port without more, or the NAME of an environment variable that holds it"
        _note_secret(fields, "endpoint", expected)
    return replace(storage, endpoint=text)


def endpoint_problem(text: str) -> bool:
    """Whether a text is no address of a store: more or less than http(s), a host and a port.

    >>> [endpoint_problem(text) for text in ("https://minio:9000", "http://a:b@host", "minio:9000", "https://host/x?y=z")]
    [False, True, True, True]
    """
    try:
        parts = urlsplit(text)
        plain = bool(parts.hostname) and "@" not in parts.netloc and (parts.port is None or parts.port > 0)
    except ValueError:
        return True
    return not (plain and parts.scheme in {"http", "https"} and parts.path in {"", "/"} and not parts[3] + parts[4])


def _with_credentials(fields: Fields, storage: Storage) -> Storage:
    word = fields.raw("credentials")
    if word is None or word in (Identity.CHAIN, Identity.NONE):
        return replace(storage, identity=Identity(word or Identity.CHAIN))
    child = fields.child("credentials") if isinstance(word, dict) else None
    if child is None:
        _note_secret(fields, "credentials", "chain, none, or a mapping to NAMES of environment variables")
        return storage
    named: list[tuple[str, str]] = []
    for name in _ALLOWED[storage.scheme]:
        variable = child.raw(name)
        if variable is None:
            continue
        if not isinstance(variable, str) or not _VARIABLE.fullmatch(variable):
            _note_secret(child, name, "the NAME of an environment variable, such as ORDERS_SECRET")
        else:
            named.append((name, variable))
    _note_unknown(child)
    missing = [name for name in _NEEDED[storage.scheme] if name not in child] or ([] if child.values else ["key"])
    if missing:
        message, expected = f"`credentials` lacks {' and '.join(missing)}", "NAMES of environment variables"
        _note(fields, message, at="credentials", expected=expected)
    if storage.endpoint:  # or whoever edits this file chooses which secrets are sent where
        message = "an address of a store stands beside credentials by name"
        _note(fields, message, at="endpoint", expected="the NAME of an environment variable that holds the address")
    return replace(storage, identity=Identity.NAMED, variables=tuple(named))


def _note_unknown(fields: Fields) -> None:
    """As `Fields.unknown`, without what stands there."""
    for key in fields.values:
        if key not in fields.asked:
            _note_secret(fields, key, " | ".join(sorted(fields.asked)))


def _note(fields: Fields, message: str, *, at: str, expected: str) -> None:
    """Say what is wrong without the line: what else stands there may be a secret."""
    place = replace(fields.document.place(*fields.path, at), excerpt=None)
    fields.findings.append(
        Finding(code="project.bad_store", message=message, place=place, expected=expected, remedy=f"correct `{at}`")
    )


def _note_secret(fields: Fields, at: str, expected: str) -> None:
    """Say that something is none of what was expected there, without its value and its line: it may be a secret."""
    label = ".".join(str(step) for step in (*fields.path, at))
    fields.findings.append(
        Finding(
            code="source.secret_in_project",
            message=f"`{label}` is not what is expected there (it may be secret: not shown)",
            place=replace(fields.document.place(*fields.path, at), excerpt=None),
            expected=expected,
            remedy="put secrets into environment variables and name these; if it was committed, have it replaced",
        )
    )
