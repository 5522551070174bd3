"""Holds a contract's document against the official JSON schema; the validator is an extra."""

from __future__ import annotations

import datetime as dt
import json
from functools import lru_cache, reduce
from importlib import resources
from itertools import islice
from typing import TYPE_CHECKING, Any

from penstock.adapters.odcs.alternatives import expected_by, likely_cause, said_by
from penstock.documents import read_yaml
from penstock.model.errors import InputError
from penstock.model.extras import how_to_install
from penstock.model.findings import Finding, Place

if TYPE_CHECKING:
    from collections.abc import Iterable

SCHEMA_FILE = "odcs-3.2.0.schema.json"
EXTRA = "contracts"
MOST_FINDINGS = 20
UNEVALUATED = "unevaluatedProperties"
"""Where a part of the schema does not hold, every key that it speaks of counts as unknown, too."""
_TYPE = "logicalType"
_BY_TYPE = ("logicalTypeOptions", "map")
"""What the schema asks of a property by its type. Its conditions hold where there is no type at all, every one."""


def schema_findings(text: str, file: str) -> tuple[Finding, ...]:
    """What the schema has against a contract, at most `MOST_FINDINGS`, in the order of the file.

    Raises:
        InputError: the text is not YAML, or the validator is not installed.
    """
    document = read_yaml(text, file)
    data = as_json(document.data)
    errors = sorted(_validator().iter_errors(data), key=lambda error: list(map(str, error.path)))
    others = [tuple(error.path) for error in errors if error.validator != UNEVALUATED]
    errors = [one for one in errors if one.validator != UNEVALUATED or not _any_beneath(tuple(one.path), others)]
    said: dict[tuple[tuple[str | int, ...], str], str | None] = {}
    for error in errors:
        untyped = _untyped(error, data)
        if untyped is not None:
            said[untyped, f"{_TYPE} is missing"] = " | ".join(_logical_types())
        else:
            cause = likely_cause(error)
            said[tuple(cause.absolute_path), said_by(cause)[:200]] = expected_by(cause)
    return tuple(
        Finding(
            code="contract.schema",
            message=f"the ODCS schema refuses {_at(steps)}: {message}",
            place=document.place(*steps),
            expected=expected,
            remedy="see https://bitol-io.github.io/open-data-contract-standard; fields of your own go under "
            "customProperties",
        )
        for (steps, message), expected in islice(said.items(), MOST_FINDINGS)
    )


def is_installed() -> bool:
    """Whether contracts can be held against the schema here."""
    try:
        import jsonschema  # noqa: F401, PLC0415 - an extra
    except ImportError:
        return False
    return True


def not_installed() -> Finding:
    """That the validator is missing, and how to get it."""
    return Finding(
        code="contract.no_schema_validator",
        message=f"contracts cannot be held against the ODCS JSON schema: the extra {EXTRA} is not installed",
        place=Place(),
        expected="the package jsonschema",
        remedy=f"{how_to_install(EXTRA)}; or leave that part out: --no-schema",
    )


def as_json(value: Any) -> Any:
    """YAML's values as JSON has them: dates and times are text."""
    if isinstance(value, dict):
        return {str(key): as_json(item) for key, item in value.items()}
    if isinstance(value, list):
        return [as_json(item) for item in value]
    return value.isoformat() if isinstance(value, dt.date | dt.time) else value


@lru_cache(maxsize=1)
def _validator() -> Any:
    try:
        import jsonschema  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise InputError(not_installed()) from error
    schema = json.loads(resources.files(__package__ or "").joinpath(SCHEMA_FILE).read_text(encoding="utf-8"))
    return jsonschema.validators.validator_for(schema)(schema)


def _untyped(error: Any, data: Any) -> tuple[str | int, ...] | None:
    """The property without `logicalType` that a complaint is about: the schema then wants of it what any type asks."""
    path = tuple(error.absolute_path)
    own = path[:-1] if path and path[-1] in _BY_TYPE else path
    is_property = own[-1:] == ("items",) or own[-2:-1] == ("properties",)
    if "then" not in error.absolute_schema_path or not is_property:
        return None
    found = reduce(lambda value, step: value[step], own, data)
    return own if isinstance(found, dict) and _TYPE not in found else None


def _logical_types() -> list[str]:
    named: list[str] = _validator().schema["$defs"]["SchemaBaseProperty"]["properties"][_TYPE]["enum"]
    return named


def _any_beneath(path: tuple[str | int, ...], others: Iterable[tuple[str | int, ...]]) -> bool:
    """Whether one of the others is at this place, or within it."""
    return any(other[: len(path)] == path for other in others)


def _at(steps: Iterable[str | int]) -> str:
    return ".".join(map(str, steps)) or "the document"
