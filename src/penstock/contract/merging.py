"""Contract files written anew without losing what people put there that we do not read.

Ours is what `write_contract` can write. Everything else of the standard or its users (servers, support, tags of a
column, custom properties, checks of type text or of other engines, …) stays where it was. Comments and layout do not
survive: YAML's values do.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from penstock.contract.custom import ENGINE
from penstock.contract.policies import FORMATS, MAX_QUARANTINED, ON_FAILURE
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
    "object": frozenset(
        {"name", "physicalName", "logicalType", "properties", "quality", "customProperties", "relationships"}
    ),
    "property": frozenset(
        {"name", "description", "logicalType", "physicalType", "required", "primaryKey", "primaryKeyPosition",
         "classification", "customProperties", "logicalTypeOptions", "quality", "enum", "unique", "relationships"}
    ),
    "logicalTypeOptions": frozenset(
        {"pattern", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "minLength", "maxLength",
         "multipleOf"}
    ),
    "rule": frozenset(
        {"name", "description", "type", "metric", "rule", "query", "arguments", "mustBe", "mustNotBe",
         "mustBeGreaterThan", "mustBeGreaterOrEqualTo", "mustBeLessThan", "mustBeLessOrEqualTo", "mustBeBetween",
         "mustNotBeBetween", "unit", "severity", "engine", "implementation", "customProperties"}
    ),
    "relationship": frozenset({"type", "from", "to", "customProperties"}),
    "named": frozenset({"property", "value", "unit"}),
}  # fmt: skip
_OUR_CUSTOM = {
    "object": frozenset({ON_FAILURE, MAX_QUARANTINED}),
    "property": frozenset({"personalData", ON_FAILURE, FORMATS}),
    "rule": frozenset({ON_FAILURE, "columns"}),
    "relationship": frozenset({"severity"}),
}
_OUR_PROMISES = frozenset({"timeOfAvailability", "retention", "freshness"})


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
    promises = _listed(old, new, "slaProperties", _promised, _promise, keeps=_is_no_promise_of_ours)
    return merged | ({"slaProperties": promises} if promises else {})


def _object(old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    merged = _over(old, new, "object") | _custom(old, new, "object") | _relationships(old, new)
    merged["properties"] = [_with(one, old.get("properties"), _name, _property) for one in new.get("properties", [])]
    return _with_rules(old, new, merged)


def _property(old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    merged = _over(old, new, "property") | _custom(old, new, "property") | _relationships(old, new)
    options = _over(old.get("logicalTypeOptions") or {}, new.get("logicalTypeOptions") or {}, "logicalTypeOptions")
    if "classification" in old and "classification" not in new and not _is_personal(old):
        merged["classification"] = old["classification"]
    merged |= {"logicalTypeOptions": options} if options else {}
    return _with_rules(old, new, merged)


def _custom(old: dict[str, Any], new: dict[str, Any], kind: str) -> dict[str, Any]:
    """The custom properties: ours as they are now, and everybody else's."""
    ours = _OUR_CUSTOM[kind]
    found = _listed(
        old, new, "customProperties", _property_name, _named, keeps=lambda entry: entry.get("property") not in ours
    )
    return {"customProperties": found} if found else {}


def _relationships(old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    """Foreign keys are ours, relationships of another type are not."""
    found = _listed(old, new, "relationships", _ends, _relationship, keeps=_is_no_foreign_key)
    return {"relationships": found} if found else {}


def _relationship(old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    return _over(old, new, "relationship") | _custom(old, new, "relationship")


def _is_no_foreign_key(entry: dict[str, Any]) -> bool:
    return entry.get("type") not in {None, "foreignKey"}


def _is_no_promise_of_ours(entry: dict[str, Any]) -> bool:
    return entry.get("property") not in _OUR_PROMISES


def _is_personal(entry: dict[str, Any]) -> bool:
    return str(entry.get("classification", "")).lower() in {"personal", "pii", "personal data"}


def _with_rules(old: dict[str, Any], new: dict[str, Any], merged: dict[str, Any]) -> dict[str, Any]:
    """The new rules, each with what else the old one of its name or wording said; then checks for people and tools."""
    known = _mappings(old.get("quality"))
    theirs = [one for one in known if not _is_ours(one)]
    before = [one for one in known if _is_ours(one)]
    ours = [_merged_rule(one, before) for one in new.get("quality", [])]
    return merged | ({"quality": [*ours, *theirs]} if ours or theirs else {})


def _is_ours(entry: dict[str, Any]) -> bool:
    """Whether a check makes a rule: those for people and for other engines do not."""
    kind = entry.get("type")
    return str(entry.get("engine", "")).lower() == ENGINE if kind == "custom" else kind != "text"


def _merged_rule(new: dict[str, Any], before: list[dict[str, Any]]) -> dict[str, Any]:
    """Over the rule of its name, else over the one of its wording, else over the only nameless one of its sort."""
    for identity in (_rule_name, _wording, _sort):
        match = [one for one in before if identity(one) is not None and identity(one) == identity(new)]
        if len(match) == 1 or (match and identity is not _sort):
            return _rule(match[0], new)
        if identity is _rule_name and new.get("name"):
            break
    return new


def _rule(old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    return _over(old, new, "rule") | _custom(old, new, "rule")


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
    keeps: Callable[[dict[str, Any]], bool] = lambda _entry: False,
) -> list[dict[str, Any]]:
    """The new list's mappings over those of the old one with the same identity; then the old ones that are kept."""
    fresh = _mappings(new.get(key))
    known = {identity(one) for one in fresh}
    rest = [one for one in _mappings(old.get(key)) if keeps(one) and identity(one) not in known]
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


def _promised(entry: dict[str, Any]) -> object:
    """What a promise is about: freshness is of a column, with or without its table."""
    return entry.get("property"), str(entry.get("element", "")).rpartition(".")[2] if _is_freshness(entry) else ""


def _is_freshness(entry: dict[str, Any]) -> bool:
    return entry.get("property") == "freshness"


def _ends(entry: dict[str, Any]) -> object:
    return repr([entry.get("from"), entry.get("to")])


def _rule_name(entry: dict[str, Any]) -> object:
    return entry.get("name") or None


def _wording(entry: dict[str, Any]) -> object:
    """What a check without a name says."""
    return (
        None
        if entry.get("name")
        else repr([entry.get(key) for key in ("metric", "arguments", "query", "implementation")])
    )


def _sort(entry: dict[str, Any]) -> object:
    """What a check without a name is about, whatever it allows."""
    if entry.get("name"):
        return None
    body, arguments = entry.get("implementation"), entry.get("arguments")
    parts = [part if isinstance(part, dict) else {} for part in (body, arguments)]
    words = sorted(parts[1].keys() - {"properties"})
    return repr(
        [entry.get("metric"), "query" in entry, parts[0].get("check"), words, *(p.get("properties") for p in parts)]
    )
