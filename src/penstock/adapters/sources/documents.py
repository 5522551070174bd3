"""Reads JSON files before anything is built from them: whole, which values their records hold, how many there are.

Lines of JSON are read one by one; a document is held in memory, so its size is bounded.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any, NoReturn

from penstock.adapters.sources.opening import opened
from penstock.adapters.sources.scanning import Fault, Scan
from penstock.quality.matching import path_key, path_keys

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

MOST_BYTES = 256 << 20
"""Of a document, unpacked."""
MOST_PATHS = 500
"""How many different values records may hold before their first keys alone are told apart."""
DEEPEST = 6
"""How many keys a path has at most; what lies beneath counts as one value."""


def scan_lines(path: Path) -> Scan:
    """Read a file of one JSON record a line; raises as `scanning.scan`."""
    digest, rows, names = hashlib.sha256(), 0, dict[str, None]()
    fault: Fault | None = None
    with opened(path) as stream:
        for number, line in enumerate(stream, 1):
            digest.update(line)
            if fault is not None or not line.strip():
                continue
            record = _parsed(line.rstrip(b"\r\n"), number)
            if isinstance(record, Fault):
                fault = record
            elif not isinstance(record, dict):
                what = f"holds {_kind(record)} in place of a record"
                fault = Fault(line=number, what=what, expected="one object a line")
            else:
                names.update(dict.fromkeys(_paths(record)))
                rows += 1
    return Scan(header=_bounded(names), rows=rows, sha256=digest.hexdigest(), fault=fault)


def scan_document(path: Path, records: str) -> Scan:
    """Read a JSON document whose records are a list at its root, or at `records`; raises as `scanning.scan`."""
    with opened(path) as stream:
        content = stream.read(MOST_BYTES + 1)
    sha256 = hashlib.sha256(content).hexdigest()

    def failed(what: str, expected: str, line: int = 1) -> Scan:
        return Scan(header=(), rows=0, sha256=sha256, fault=Fault(line=line, what=what, expected=expected))

    if len(content) > MOST_BYTES:
        return failed(f"holds more than {MOST_BYTES >> 20} MB in one document", "format: ndjson, one record a line")
    document = _parsed(content, 1)
    if isinstance(document, Fault):
        return Scan(header=(), rows=0, sha256=sha256, fault=document)
    listed = document
    for key in records.split(".") if records else ():
        listed = listed.get(key) if isinstance(listed, dict) else None
    if not isinstance(listed, list):
        where = f"at {records}" if records else "at its root"
        return failed(f"holds {_kind(listed)} {where}", "a list of records; `records` says where it is")
    wrong = next((number for number, item in enumerate(listed, 1) if not isinstance(item, dict)), None)
    if wrong is not None:
        return failed(f"holds {_kind(listed[wrong - 1])} as its record {wrong}", "objects alone")
    names = dict.fromkeys(name for item in listed for name in _paths(item))
    return Scan(header=_bounded(names), rows=len(listed), sha256=sha256)


def _bounded(names: Iterable[str]) -> tuple[str, ...]:
    """The paths; of objects whose keys are data, and so without end, their first keys alone."""
    paths = tuple(names)
    return paths if len(paths) <= MOST_PATHS else tuple(dict.fromkeys(path_keys(path)[0] for path in paths))


def _parsed(content: bytes, line: int) -> Any:
    """What a text says, or the fault in it."""
    try:
        return json.loads(content.decode("utf-8-sig"), parse_constant=_no_number)
    except json.JSONDecodeError as error:
        what = f"is no JSON: {error.msg} at sign {error.colno}"
        return Fault(line=line + error.lineno - 1, what=what, expected="JSON")
    except UnicodeDecodeError:
        return Fault(line=line, what="is not UTF-8 text", expected="UTF-8")
    except (ValueError, RecursionError) as error:
        return Fault(line=line, what=f"is no JSON: {error}"[:200], expected="JSON")


def _no_number(word: str) -> NoReturn:
    message = f"{word} is no JSON number"
    raise ValueError(message)


def _paths(record: dict[str, Any], before: str = "", depth: int = 1) -> Iterator[str]:
    """The path of each value; what lies too deep, or beneath a key that cannot be written, counts as one value."""
    for key, value in record.items():
        path = f"{before}{path_key(key)}"
        nested = isinstance(value, dict) and value and depth < DEEPEST
        if nested and not any(_is_odd(inner) for inner in value):
            yield from _paths(value, f"{path}.", depth + 1)
        elif not _is_odd(key):
            yield path


def _is_odd(key: str) -> bool:
    """Whether no path can name a key: what it holds counts as part of what is around it."""
    return key in {"", "*"} or '"' in key or "\\" in key


def _kind(value: object) -> str:
    kinds: Iterable[tuple[type, str]] = ((dict, "an object"), (list, "a list"), (str, "text"), (bool, "true or false"))
    return next((word for kind, word in kinds if isinstance(value, kind)), "nothing" if value is None else "a number")
