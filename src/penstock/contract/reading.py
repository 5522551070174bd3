"""ODCS v3 documents to contracts: one file, one schema object, one dataset; all mistakes of a file at once.

What we rely on, and where the standard keeps it:
- the dataset: `schema[0].physicalName`, which the file's name repeats as `<pipeline>.<dataset>.odcs.yaml`;
- a column's type: `physicalType`, a DuckDB type (a plain `logicalType` will do where it leaves no choice);
- personal data: the custom property `personalData: KIND` (`none` says it was looked at and is not);
  `classification: personal` or `pii` alone means personal data of no kind in particular;
- what becomes of offending rows: the custom properties `onFailure`, `maxQuarantined` and `formats`;
- the owner: `team.name`, else the team's member in the role of owner;
- retention, the time of availability and freshness: `slaProperties`; the purpose: `description.purpose`; retention
  counts from the column that its `element` names, if it names one.
Whatever else the standard or its users put there is left alone.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from penstock.contract.column_types import normal_type, physical_type
from penstock.contract.custom import freshness_rule
from penstock.contract.misspelt import almost, report_misspelt
from penstock.contract.options import option_rules
from penstock.contract.policies import (
    FORMATS,
    MAX_QUARANTINED,
    ON_FAILURE,
    column_contradictions,
    read_formats,
    read_policy,
    read_share,
)
from penstock.contract.relationships import relationship_rules
from penstock.contract.rules import read_rules
from penstock.documents import Fields, read_yaml
from penstock.model.contracts import MOST_QUARANTINED, ColumnSpec, Contract, OnFailure, Rule
from penstock.model.errors import InputError
from penstock.model.pipelines import NAME_PATTERN

if TYPE_CHECKING:
    from penstock.model.findings import Finding

API_VERSIONS = ("v3.0.0", "v3.0.1", "v3.0.2", "v3.1.0", "v3.2.0")
SUFFIX = ".odcs.yaml"
_NONE = "none"
_PERSONAL = {"personal", "pii", "personal data"}
_TIME = re.compile(r"\d{1,2}:\d\d(:\d\d)?\s?([A-Za-z]+(/\w+)?|[+-]\d\d:\d\d)?")
_LOGICAL = ("string", "date", "timestamp", "time", "number", "integer", "object", "array", "boolean", "map", "vector")
_AVAILABILITY = {"timeofavailability", "availability", "av"}


def read_contract(text: str, file: str) -> Contract:
    """The contract that an ODCS file holds; column types in the spelling DuckDB reports.

    Raises:
        InputError: not YAML, not ODCS v3, or something we rely on is missing, misspelt or contradictory.
    """
    fields = Fields(read_yaml(text, file))
    contract = _contract(fields, file)
    if fields.findings:
        raise InputError(_in_order(fields.findings))
    return contract


def _in_order(findings: list[Finding]) -> tuple[Finding, ...]:
    """By line, each once."""
    once = {(finding.code, finding.message, finding.place.line): finding for finding in findings}
    return tuple(sorted(once.values(), key=lambda finding: finding.place.line or 0))


def _contract(fields: Fields, file: str) -> Contract:
    fields.choice("kind", ("DataContract",), required=True)
    fields.choice("apiVersion", API_VERSIONS, required=True)
    fields.text("id", required=True)
    objects = list(fields.items("schema", required=True))
    if "schema" in fields and len(objects) != 1:
        fields.note(
            "contract.one_dataset",
            f"the contract describes {len(objects)} schema objects",
            at="schema",
            expected="exactly one: a file is the contract of one dataset",
        )
    dataset, columns, rules = _object(objects[0], file) if objects else ("", (), ())
    kept, ready_by, fresh = _sla(fields, dataset, {spec.name: spec for spec, _ in columns})
    policy = read_policy(objects[0], MAX_QUARANTINED) if objects else None
    contract = Contract(
        dataset=dataset,
        file=file,
        version=fields.text("version", required=True) or "",
        status=fields.text("status") or "active",
        description=_purpose(fields, objects),
        owner=_owner(fields),
        columns=tuple(spec for spec, _ in columns),
        key=_key(objects[0], columns) if objects else (),
        rules=(*rules, *fresh),
        retention=kept[0],
        retention_column=kept[1],
        ready_by=ready_by,
        on_failure=policy or OnFailure.FAIL,
        max_quarantined=read_share(objects[0]) if objects else MOST_QUARANTINED,
    )
    report_misspelt(fields)
    return contract


def _object(fields: Fields, file: str) -> tuple[str, tuple[tuple[ColumnSpec, int | None], ...], tuple[Rule, ...]]:
    dataset = fields.text("physicalName", required=True) or ""
    fields.text("name", required=True)
    if dataset:
        _check_name(fields, dataset, file)
    properties = list(fields.items("properties", required=True))
    columns = tuple(_column(entry) for entry in properties)
    if "properties" in fields and not columns:
        fields.note("contract.no_columns", "the contract has no columns", at="properties", expected="one or more")
    _each_once(properties, columns)
    known = {spec.name: spec for spec, _ in columns}
    rules: list[Rule] = []
    for entry, (spec, _) in zip(properties, columns, strict=True):
        rules += option_rules(entry, spec)
        rules += relationship_rules(entry, spec, known)
        rules += read_rules(entry, spec, known)
        report_misspelt(entry)
    rules += relationship_rules(fields, None, known)
    rules += read_rules(fields, None, known)
    fields.text("description")
    report_misspelt(fields)
    return dataset, columns, tuple(rules)


def _check_name(fields: Fields, dataset: str, file: str) -> None:
    parts = dataset.split(".")
    if len(parts) != 2 or not all(NAME_PATTERN.fullmatch(part) for part in parts):
        fields.note(
            "contract.dataset_name",
            f"physicalName {dataset!r} is not a dataset's name",
            at="physicalName",
            found=dataset,
            expected="pipeline.dataset, in lower-case words",
        )
    base = file.replace("\\", "/").rpartition("/")[2]
    if base != dataset + SUFFIX:
        fields.note(
            "contract.file_name",
            f"the file is named {base} and describes {dataset}",
            at="physicalName",
            found=dataset,
            expected=base.removesuffix(SUFFIX) if base.endswith(SUFFIX) else f"a file named {dataset}{SUFFIX}",
            remedy="rename the file or correct physicalName: the two must agree",
        )


def _column(fields: Fields) -> tuple[ColumnSpec, int | None]:
    """One property and the position it claims in the key (None: it is not in the key)."""
    name = fields.text("name", required=True) or ""
    position = fields.integer("primaryKeyPosition")
    key = bool(fields.flag("primaryKey"))
    type_ = _type(fields)
    spec = ColumnSpec(
        name=name,
        type=type_,
        description=fields.text("description") or "",
        required=bool(fields.flag("required")),
        key=key,
        personal=None if (personal := _personal(fields)) == _NONE else personal,
        not_personal=personal == _NONE,
        formats=read_formats(fields, type_),
        on_failure=read_policy(fields, "personalData", FORMATS),
    )
    column_contradictions(fields, spec)
    if position is not None and position > 0 and not key:
        fields.note(
            "contract.key",
            f"{name} has a position in the key and is not in it",
            at="primaryKeyPosition",
            expected="primaryKey: true",
        )
    return spec, (position if position is not None and position > 0 else 0) if key else None


def _type(fields: Fields) -> str:
    logical = fields.choice("logicalType", _LOGICAL)
    physical = fields.text("physicalType")
    normal = normal_type(physical) if physical is not None else physical_type(logical or "")
    if physical is not None and normal is None:
        fields.note(
            "contract.unknown_type",
            f"{physical!r} is not a type of DuckDB",
            at="physicalType",
            found=physical,
            expected="a DuckDB type, such as VARCHAR, BIGINT, DECIMAL(18,2), DATE or TIMESTAMP",
        )
    elif normal is None:
        fields.note(
            "contract.no_type",
            f"{fields.values.get('name')} has no physicalType",
            found=f"logicalType: {logical}" if logical else None,
            expected="physicalType: a DuckDB type",
        )
    return normal or "VARCHAR"


def _personal(fields: Fields) -> str | None:
    classification = (fields.text("classification") or "").lower()
    kind: str | None = None
    for custom in fields.items("customProperties"):
        word = custom.text("property") or ""
        if word == "personalData":
            kind = custom.text("value", required=True)
        elif (meant := almost(word, ("personalData", ON_FAILURE, FORMATS))) == "personalData":
            custom.note("contract.misspelt_key", f"{word!r} is ignored", at="property", found=word, expected=meant)
    if kind is not None:
        return kind
    return "personal" if classification in _PERSONAL else None


def _each_once(properties: list[Fields], columns: tuple[tuple[ColumnSpec, int | None], ...]) -> None:
    seen: dict[str, str] = {}
    for entry, (spec, _) in zip(properties, columns, strict=True):
        first = seen.setdefault(spec.name.casefold(), spec.name)
        if spec.name and (first != spec.name or [one.name for one, _ in columns].count(spec.name) > 1):
            entry.note("contract.column_twice", f"the column {spec.name} stands there twice", at="name")


def _key(fields: Fields, columns: tuple[tuple[ColumnSpec, int | None], ...]) -> tuple[str, ...]:
    """Key columns by position; those without one keep the order they stand in, after the others."""
    placed = [(position or len(columns) + 1, spec.name) for spec, position in columns if position is not None]
    positions = [position for _, position in columns if position]
    if len(set(positions)) != len(positions):
        fields.note(
            "contract.key",
            "two columns claim one position in the key",
            at="properties",
            found=", ".join(str(position) for position in positions),
            expected="primaryKeyPosition 1, 2, 3, … each once",
        )
    return tuple(name for _, name in sorted(placed, key=lambda pair: pair[0]))


def _purpose(fields: Fields, objects: list[Fields]) -> str:
    about = fields.child("description")
    purpose = about.text("purpose") if about else None
    if about:
        about.asked |= {"usage", "limitations"}
        report_misspelt(about)
    return purpose or (objects[0].text("description") if objects else None) or ""


def _owner(fields: Fields) -> str | None:
    team: Any = fields.raw("team")
    named = fields.child("team") if isinstance(team, dict) else None
    if named and (name := named.text("name")):
        return name
    members = named.items("members") if named else fields.items("team")
    for member in members:
        if (member.text("role") or "").lower() == "owner":
            return member.text("name") or member.text("username")
    return None


def _sla(
    fields: Fields, dataset: str, columns: dict[str, ColumnSpec]
) -> tuple[tuple[str | None, str | None], str | None, list[Rule]]:
    """Retention and its column, the local time by which data is there, and how old the newest of it may be."""
    retention = counted_from = ready_by = None
    fresh: list[Rule] = []
    for promise in fields.items("slaProperties"):
        word = promise.text("property", required=True) or ""
        value, unit = promise.text("value", required=True), promise.text("unit")
        if word.lower() in {"retention", "re"}:
            retention = f"{value} {unit}" if unit else value
            counted_from = _counted_from(promise, dataset, columns)
        elif word.lower() in _AVAILABILITY:
            ready_by = _ready_by(promise, word, value)
        elif word.lower() == "freshness":
            fresh += _freshness(promise, unit, columns)
        elif meant := almost(word, ("retention", "timeOfAvailability", "freshness")):
            promise.note("contract.misspelt_key", f"{word!r} is ignored", at="property", found=word, expected=meant)
        report_misspelt(promise)
    return (retention, counted_from), ready_by, fresh


def _counted_from(promise: Fields, dataset: str, columns: dict[str, ColumnSpec]) -> str | None:
    """The column of time from which retention counts, if the promise names one; the dataset's own name says none."""
    element = promise.text("element") or ""
    name = element.rpartition(".")[2]
    if not element or (name not in columns and dataset in {element, f"{dataset.partition('.')[0]}.{element}"}):
        return None
    if name not in columns:
        promise.note("contract.unknown_column", f"retention counts from {name!r}, which the contract does not have",
                     at="element", found=name, expected=" | ".join(columns))  # fmt: skip
        return None
    if not columns[name].type.startswith(("DATE", "TIMESTAMP")):
        promise.note("contract.no_time", f"retention counts from {name}, which is a {columns[name].type}",
                     at="element", found=columns[name].type, expected="a column of DATE or TIMESTAMP")  # fmt: skip
        return None
    return name


def _freshness(promise: Fields, unit: str | None, columns: dict[str, ColumnSpec]) -> list[Rule]:
    """A promise of freshness names the column that tells how old a row is, by its table or without it."""
    element = (promise.text("element", required=True) or "").rpartition(".")[2]
    if element not in columns:
        if element:
            promise.note("contract.unknown_column", f"freshness is of {element!r}, which the contract does not have",
                         at="element", found=element, expected=" | ".join(columns))  # fmt: skip
        return []
    if unit is None:
        promise.note("contract.unit", "freshness has no unit", expected="unit: d, h, min or s")
    rule = freshness_rule(promise, columns[element], promise.number("value", low=0), unit)
    return [replace(rule, line=promise.document.place(*promise.path).line)] if rule else []


def _ready_by(promise: Fields, word: str, value: str | None) -> str | None:
    """The time of an availability promise; `availability` may also be a share of time, which is not for us."""
    if value is None or _TIME.fullmatch(value):
        return value
    if word.lower() == "timeofavailability":
        promise.note("contract.time", f"{word} is {value!r}", at="value", found=value, expected='a time, as "06:30"')
    return None
