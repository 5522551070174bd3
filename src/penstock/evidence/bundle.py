"""One change's evidence as one file: JSON lines, with everything that verification reads and nothing else.

Invariants: the first line names the change and the project's folder in its repository; then come the envelopes in
their order, the files that statements name by path, and git's commits, trees and blobs by id. Every line is canonical
JSON, its base64 too, and ends in a line feed; what `parse_bundle` returns, `bundle_bytes` writes back byte for byte.
"""

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from penstock.evidence.canonical import canonical_bytes, parse_canonical
from penstock.evidence.git_objects import KINDS, GitObject
from penstock.evidence.shapes import ANY_TEXT, COMMIT, Form, Shape
from penstock.evidence.statements import FILE_NAME
from penstock.model.errors import InputError
from penstock.model.findings import Finding, Place

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

FORM = "penstock-evidence/1"
MAX_BYTES, MAX_LINE = 64_000_000, 16_000_000
_KIND = Form(re.compile("|".join(KINDS)), " | ".join(KINDS))


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundle:
    """A bundle's parts: `files` by path in the project, `objects` by git id; `prefix` is the project's path in its
    repository, empty at the top.
    """

    change: str
    prefix: str
    envelopes: tuple[bytes, ...]
    files: Mapping[str, bytes]
    objects: Mapping[str, GitObject]


def bundle_bytes(bundle: Bundle) -> bytes:
    """The one form of a bundle.

    Raises:
        InputError: it holds something that has no canonical form.
    """
    return b"".join(canonical_bytes(line) + b"\n" for line in _lines(bundle))


def parse_bundle(data: bytes, name: str) -> Bundle:
    """The bundle whose one form `data` is; nothing in it is verified yet. `name` says in findings which file is meant.

    Raises:
        InputError: too long, cut off, or not byte for byte its own form.
    """
    if len(data) > MAX_BYTES:
        raise InputError(_no_bundle(name, f"{len(data):,} bytes", f"at most {MAX_BYTES:,} bytes"))
    *lines, rest = data.split(b"\n")
    if rest or not lines:
        raise InputError(_no_bundle(name, "no line feed at its end", "whole lines"))
    findings: list[Finding] = []
    values = [parse_canonical(line, f"{name}:{number}", MAX_LINE) for number, line in enumerate(lines, 1)]
    shapes = [Shape(value, f"{name}:{number}", findings) for number, value in enumerate(values, 1)]
    bundle = _read(shapes)
    if findings:
        raise InputError(tuple(findings))
    if not _is_own_form(bundle, data):
        expected = "the envelopes, then files by path, then objects by id, each once"
        raise InputError(_no_bundle(name, "lines in another order, or one twice", expected))
    return bundle


def _is_own_form(bundle: Bundle, data: bytes) -> bool:
    return bundle_bytes(bundle) == data


def _lines(bundle: Bundle) -> Iterator[dict[str, Any]]:
    yield {"form": FORM, "change": bundle.change, "prefix": bundle.prefix}
    for envelope in bundle.envelopes:
        yield {"envelope": b64encode(envelope).decode()}
    for path, data in sorted(bundle.files.items()):
        yield {"file": path, "data": b64encode(data).decode()}
    for name, each in sorted(bundle.objects.items()):
        yield {"object": name, "type": each.kind, "data": b64encode(each.data).decode()}


def _read(shapes: list[Shape]) -> Bundle:
    head, *rest = shapes
    head.constant("form", FORM)
    change, prefix = head.text("change"), head.text("prefix", ANY_TEXT)
    if prefix and not FILE_NAME.pattern.fullmatch(prefix):
        head.note(head.at("prefix"), repr(prefix[:80]), FILE_NAME.words)
    head.close()
    envelopes: list[bytes] = []
    files: dict[str, bytes] = {}
    objects: dict[str, GitObject] = {}
    for shape in rest:
        if "envelope" in shape.keys():  # noqa: SIM118 - a Shape is no mapping
            envelopes.append(_bytes(shape, "envelope"))
        elif "file" in shape.keys():  # noqa: SIM118 - as above
            files[shape.text("file", FILE_NAME)] = _bytes(shape, "data")
        else:
            name, kind = shape.text("object", COMMIT), shape.text("type", _KIND)
            objects[name] = GitObject(kind=kind, data=_bytes(shape, "data"))
        shape.close()
    return Bundle(change=change, prefix=prefix, envelopes=tuple(envelopes), files=files, objects=objects)


def _bytes(shape: Shape, key: str) -> bytes:
    """The bytes of a base64 text; that only the one text that encodes them counts, the whole bundle's form sees to."""
    text = shape.text(key, ANY_TEXT)
    try:
        return b64decode(text, validate=True)
    except ValueError:
        shape.note(shape.at(key), repr(text[:80]), "base64")
        return b""


def _no_bundle(name: str, found: str, expected: str) -> Finding:
    return Finding(
        code="evidence.no_bundle",
        message=f"{name} is no bundle as penstock writes it: {found}",
        place=Place(file=name),
        found=found,
        expected=expected,
        remedy="take the file again from whoever exported it: penstock change export ID --to FILE",
    )
