"""Contract files written anew without losing what people put there that we do not read.

Ours is what `write_contract` can write. Everything else of the standard or its users (servers, support, tags of a
column, custom properties, checks of type text or custom, …) stays where it was. Comments and layout do not survive:
YAML's values do.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from penstock.documents import read_yaml, to_yaml

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_OURS: Mapping[str, frozenset[str]] = {
    "": frozenset(
        {"apiVersion", "kind", "id", "name", "version", "status", "domain", "description", "tags", "team", "schema",
         "slaProperties"}
    ),
    "description": frozenset({"purpose"}),
    "team": frozenset({"name"}),
    "object": frozenset({"name", "physicalName", "logicalType", "properties", "quality"}),
    "property": frozenset(
        {"name", "description", "logicalType", "physicalType", "required", "primaryKey", "primaryKeyPosition",
         "classification", "customProperties", "logicalTypeOptions", "quality", "enum", "unique"}
    ),
    "logicalTypeOptions": frozenset(
        {"pattern", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "minLength", "maxLength",
         "multipleOf"}
    ),
    "rule": frozenset(
        {"name", "description", "type", "metric", "rule", "query", "arguments", "mustBe", "mustNotBe",
         "mustBeGreaterThan", "mustBeGreaterOrEqualTo", "mustBeLessThan", "mustBeLessOrEqualTo", "mustBeBetween",
         "mustNotBeBetween", "unit", "severity"}
    ),
    "named": frozenset({"property", "value", "unit"}),
}  # fmt: skip
_OUR_CUSTOM = frozenset({"personalData"})
_OUR_PROMISES = frozenset({"timeOfAvailability", "retention"})


def keep_unknown(old: str, new: str, file: str) -> str:
    """The text of the contract `new` with what `old` holds beyond what we write; `new` itself if that is nothing.

    Raises:
        InputError: one of the two is not YAML.
    """
    before, after = read_yaml(old, file).data, read_yaml(new, file).data
    if not isinstance(before, dict) or not isinstance(after, dict):
        return new
    merged = _contract(before, after)
    return new if merged == after else to_yaml(merged)


def _contract(old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    merged = _over(old, new, "")
    for key in ("description", "team"):
        if isinstance(old.get(key), dict):
            kept = _over(old[key], new.get(key) or {}, key)
            if kept:
                merged[key] = kept
        elif key == "team" and isinstance(old.get(key), list) and key not in new:
            merged[key] = old[key]
    for key in ("domain", "tags"):
        if key in old and key not in new:
            merged[key] = old[key]
    merged["schema"] = _listed(old, new, "schema", _physical_name, _object)
    promises = _listed(old, new, "slaProperties", _property_name, _promise, ours=_OUR_PROMISES)
    return merged | ({"slaProperties": promises} if promises else {})


def _object(old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    merged = _over(old, new, "object")
    merged["properties"] = [_with(one, old.get("properties"), _name, _property) for one in new.get("properties", [])]
    return _with_rules(old, new, merged)


def _property(old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    merged = _over(old, new, "property")
    options = _over(old.get("logicalTypeOptions") or {}, new.get("logicalTypeOptions") or {}, "logicalTypeOptions")
    custom = _listed(old, new, "customProperties", _property_name, _named, ours=_OUR_CUSTOM)
    if "classification" in old and "classification" not in new and not _is_personal(old):
        merged["classification"] = old["classification"]
    merged |= {key: value for key, value in (("logicalTypeOptions", options), ("customProperties", custom)) if value}
    return _with_rules(old, new, merged)


def _is_personal(entry: dict[str, Any]) -> bool:
    return str(entry.get("classification", "")).lower() in {"personal", "pii", "personal data"}


def _with_rules(old: dict[str, Any], new: dict[str, Any], merged: dict[str, Any]) -> dict[str, Any]:
    """The new rules, each with what else the old one of its name or wording said; then checks for people and tools."""
    theirs = [one for one in _mappings(old.get("quality")) if one.get("type") in {"text", "custom"}]
    ours = [_with(one, old.get("quality"), _rule_name, _rule) for one in new.get("quality", [])]
    return merged | ({"quality": [*ours, *theirs]} if ours or theirs else {})


def _rule(old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    return _over(old, new, "rule")


def _named(old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    return _over(old, new, "named")


def _promise(old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    """The new promise; the column that it is about stays written as it was."""
    before, after = str(old.get("element") or ""), str(new.get("element") or "")
    if after and before.rpartition(".")[2] == after.rpartition(".")[2]:
        return _named(old, {**new, "element": before})
    return _named(old, new)


def _over(old: Mapping[str, Any], new: Mapping[str, Any], kind: str) -> dict[str, Any]:
    """The new mapping and, after it, the keys of the old one that are not ours."""
    return {**new, **{key: value for key, value in old.items() if key not in _OURS[kind] and key not in new}}


def _listed(
    old: dict[str, Any],
    new: dict[str, Any],
    key: str,
    identity: Callable[[dict[str, Any]], object],
    merge: Callable[[dict[str, Any], dict[str, Any]], dict[str, Any]],
    *,
    ours: frozenset[str] | None = None,
) -> list[dict[str, Any]]:
    """The new list's mappings over those of the old one with the same identity; then the old ones that are not ours."""
    fresh = _mappings(new.get(key))
    known = {identity(one) for one in fresh} | set(ours or ())
    rest = [one for one in _mappings(old.get(key)) if ours is not None and identity(one) not in known]
    return [*(_with(one, old.get(key), identity, merge) for one in fresh), *rest]


def _with(
    new: dict[str, Any],
    old: object,
    identity: Callable[[dict[str, Any]], object],
    merge: Callable[[dict[str, Any], dict[str, Any]], dict[str, Any]],
) -> dict[str, Any]:
    match = next((one for one in _mappings(old) if identity(one) == identity(new)), None)
    return new if match is None else merge(match, new)


def _mappings(value: object) -> list[dict[str, Any]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _name(entry: dict[str, Any]) -> object:
    return str(entry.get("name", "")).casefold()


def _physical_name(entry: dict[str, Any]) -> object:
    return entry.get("physicalName")


def _property_name(entry: dict[str, Any]) -> object:
    return entry.get("property")


def _rule_name(entry: dict[str, Any]) -> object:
    return entry.get("name") or repr([entry.get(key) for key in ("metric", "arguments", "query")])
