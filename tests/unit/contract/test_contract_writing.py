"""Written contracts are valid ODCS, read back equal, and are the same text every time."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import jsonschema
import open_data_contract_standard
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from penstock.contract import read_contract, write_contract
from penstock.contract.misspelt import almost
from penstock.documents import read_yaml
from penstock.model.contracts import ColumnSpec, Contract, Past, Rule, RuleKind, Threshold
from penstock.model.findings import Severity

SCHEMA = json.loads(Path(open_data_contract_standard.__file__).with_name("schema.json").read_text())
VALIDATOR = jsonschema.validators.validator_for(SCHEMA)(SCHEMA)
TYPES = ("VARCHAR", "BIGINT", "DECIMAL(18,2)", "DATE", "TIMESTAMP WITH TIME ZONE", "TIME", "BOOLEAN", "DOUBLE", "UUID",
         "INTEGER[]", "STRUCT(a INTEGER)", "MAP(VARCHAR, DATE)", "ENUM('a', 'b')")  # fmt: skip

CONTRACT = Contract(
    dataset="sales.daily_revenue",
    file="contracts/sales.daily_revenue.odcs.yaml",
    version="1.0.0",
    owner="sales-analytics",
    description="Revenue per day and country.",
    retention="3 years",
    ready_by="06:30",
    key=("country", "day"),
    columns=(
        ColumnSpec(name="day", type="DATE", description="trading day", required=True, key=True),
        ColumnSpec(name="country", type="VARCHAR", key=True),
        ColumnSpec(name="gross", type="DECIMAL(18,2)", required=True),
        ColumnSpec(name="contact", type="VARCHAR", personal="email"),
    ),
    rules=(
        Rule(kind=RuleKind.RANGE, columns=("day",), low="2010-12-01"),
        Rule(kind=RuleKind.ACCEPTED_VALUES, columns=("country",), values=("EIRE", "no", "1")),
        Rule(kind=RuleKind.RANGE, columns=("gross",), low="0", high="0.10"),
        Rule(kind=RuleKind.UNIQUE, columns=("day", "gross"), name="one sum a day", severity=Severity.WARNING),
        Rule(kind=RuleKind.SQL, sql="SELECT *\nFROM {table} -- all of it\nWHERE country = ')'", name="brackets"),
    ),
)


def data(text: str) -> Any:
    return read_yaml(text, "x").data


def test_the_document_reads_in_the_order_people_ask() -> None:
    assert list(data(write_contract(CONTRACT, title="Daily revenue", domain="sales", tags=("finance",)))) == [
        "apiVersion", "kind", "id", "name", "version", "status", "domain", "description", "tags", "team", "schema",
        "slaProperties",
    ]  # fmt: skip


def test_a_written_contract_is_valid_odcs_and_reads_back_equal() -> None:
    text = write_contract(CONTRACT)
    VALIDATOR.validate(data(text))
    assert read_contract(text, CONTRACT.file) == CONTRACT
    assert write_contract(read_contract(text, CONTRACT.file)) == text


def test_the_official_schema_would_have_refused_a_wrong_document() -> None:
    broken = data(write_contract(CONTRACT)) | {"colour": "blue"}
    with pytest.raises(jsonschema.ValidationError):
        VALIDATOR.validate(broken)


def test_a_bound_that_yaml_would_reword_is_written_as_text() -> None:
    (entry,) = data(write_contract(CONTRACT))["schema"][0]["properties"][2]["quality"]
    assert entry["arguments"] == {"minimum": "0", "maximum": "0.10"}


def test_a_plain_range_stands_where_the_standard_has_it() -> None:
    plain = replace(CONTRACT, rules=(Rule(kind=RuleKind.RANGE, columns=("gross",), low="0", high="9.5"),))
    gross = data(write_contract(plain))["schema"][0]["properties"][2]
    assert gross["logicalTypeOptions"] == {"minimum": 0, "maximum": 9.5}
    assert "quality" not in gross


def test_a_second_range_on_a_column_does_not_replace_the_first() -> None:
    ranges = tuple(Rule(kind=RuleKind.RANGE, columns=("gross",), low=low) for low in ("0", "5"))
    twice = replace(CONTRACT, rules=ranges)
    assert read_contract(write_contract(twice), CONTRACT.file).rules == ranges


def test_no_word_of_the_standard_is_taken_for_a_typo() -> None:
    definitions = SCHEMA["$defs"]
    words = set(SCHEMA["properties"])
    for name in ("SchemaElement", "SchemaObject", "SchemaBaseProperty", "DataQuality", "DataQualityLibrary", "Team",
                 "DataQualityCustom", "ServiceLevelAgreementProperty", "CustomProperty", "TeamMember"):  # fmt: skip
        words |= set(definitions[name]["properties"])
    relied = {"name", "description", "logicalType", "logicalTypeOptions", "physicalType", "physicalName", "required",
              "primaryKey", "primaryKeyPosition", "classification", "customProperties", "quality", "unique", "enum",
              "type", "metric", "rule", "arguments", "query", "severity", "unit", "property", "value", "version",
              "kind", "apiVersion", "id", "status", "schema", "team", "slaProperties", "members", "role", "engine",
              "implementation", "relationships", "from", "to", "element"}  # fmt: skip
    assert {word: almost(word, relied) for word in words if almost(word, relied)} == {}


words = st.text(st.characters(codec="utf-8", exclude_categories=("C", "Z")), min_size=1, max_size=12)
names = st.from_regex(r"[A-Za-z][A-Za-z0-9_ ]{0,10}[a-z]", fullmatch=True)
numbers = st.decimals(-1000, 1000, places=2).map(str) | st.integers(-(10**20), 10**20).map(str)
parts = ["'('", "')'", '"("', "(1)", "-- )\n", "/* ) */", "'--'", "\n", "{table}", "GROUP BY", "gross", "$1", "  "]
queries = st.lists(st.sampled_from(parts), max_size=8).map(
    lambda found: " ".join(["SELECT * FROM {table} WHERE", *found])
)


thresholds = st.builds(
    Threshold,
    operator=st.sampled_from(["mustBeLessThan", "mustBeLessOrEqualTo", "mustBeGreaterThan", "mustBe"]),
    operands=st.tuples(st.integers(2, 50) | st.sampled_from([0.5, 2.25])),
    percent=st.booleans(),
)
pasts = st.builds(Past, most=st.integers(4, 20), fewest=st.integers(1, 4), weekday=st.booleans())
ages = st.builds(timedelta, seconds=st.sampled_from([30, 90, 3600, 7200, 86_400, 172_800]))
COUNTED = {RuleKind.NOT_NULL, RuleKind.UNIQUE, RuleKind.ACCEPTED_VALUES, RuleKind.PATTERN, RuleKind.RANGE,
           RuleKind.LENGTH, RuleKind.MISSING, RuleKind.RELATION}  # fmt: skip


def kinds_for(types: tuple[str, ...]) -> list[RuleKind]:
    """Kinds that these columns may have: an age wants a moment, a distribution one column of numbers or text."""
    moments = all(type_ == "DATE" or type_.startswith("TIMESTAMP") for type_ in types) and len(types) == 1
    followed = types in {("VARCHAR",), ("BIGINT",), ("DOUBLE",), ("DECIMAL(18,2)",)}
    unfit = set() if moments else {RuleKind.FRESHNESS}
    return [kind for kind in RuleKind if kind not in unfit | (set() if followed else {RuleKind.DRIFT})]


@st.composite
def validity(draw: st.DrawFn, kind: RuleKind) -> dict[str, Any]:
    known: dict[str, Any] = {}
    every = kind is RuleKind.INVALID
    if every or kind in {RuleKind.ACCEPTED_VALUES, RuleKind.MISSING}:
        known["values"] = tuple(draw(st.lists(words, min_size=1, max_size=3)))
    if every or kind is RuleKind.PATTERN:
        known["pattern"] = draw(st.sampled_from(["^a+$", "[0-9]{2}", "x|y", r"\d\."]))
    if kind is RuleKind.RANGE:
        known["low"] = draw(numbers)
        known["high"] = draw(st.none() | numbers)
    if every or kind is RuleKind.LENGTH:
        known["shortest"] = draw(st.integers(0, 5))
        known["longest"] = draw(st.none() | st.integers(5, 50))
    return known


@st.composite
def rules_of(draw: st.DrawFn, columns: tuple[ColumnSpec, ...]) -> Rule:
    types = tuple(column.type for column in columns)
    telling = {RuleKind.DRIFT, RuleKind.FRESHNESS} if columns[0].personal else set()
    allowed = [kind for kind in kinds_for(types) if kind not in telling]
    kind = draw(st.sampled_from(allowed))
    known = draw(validity(kind))
    if kind is RuleKind.SQL:
        known["sql"] = draw(queries)
    elif kind is RuleKind.RELATION:
        known["dataset"] = "c.d"
        known["others"] = tuple(draw(st.lists(names, min_size=len(columns), max_size=len(columns))))
    elif kind is RuleKind.FRESHNESS:
        known["age"] = draw(ages)
    elif kind is RuleKind.VOLUME:
        known |= {"past": draw(pasts), "limit": draw(st.sampled_from([0.1, 0.5, 2.0]))}
    elif kind is RuleKind.DRIFT:
        method = draw(st.sampled_from(["psi", "ks"] if types[0] != "VARCHAR" else ["psi"]))
        known |= {"past": draw(pasts), "limit": draw(st.sampled_from([0.1, 0.25])), "method": method}
    if kind in {RuleKind.ROW_COUNT, RuleKind.INVALID}:
        known["threshold"] = draw(thresholds)
    elif kind in COUNTED:
        known["threshold"] = draw(st.none() | thresholds)
    return Rule(
        kind=kind,
        columns=tuple(column.name for column in columns),
        name=draw(st.just("") | words),
        description=draw(st.just("") | words),
        severity=draw(st.sampled_from([Severity.ERROR, Severity.WARNING, Severity.NOTE])),
        **known,
    )


@st.composite
def contracts(draw: st.DrawFn) -> Contract:
    labels = draw(st.lists(names, min_size=1, max_size=4, unique_by=str.casefold))
    key = tuple(draw(st.permutations(labels))[: draw(st.integers(0, len(labels)))])
    columns = tuple(
        ColumnSpec(
            name=label,
            type=draw(st.sampled_from(TYPES)),
            description=draw(st.just("") | words),
            required=draw(st.booleans()),
            key=label in key,
            personal=draw(st.sampled_from([None, "personal", "email"])),
        )
        for label in labels
    )
    rules = [rule for column in columns for rule in draw(st.lists(rules_of((column,)), max_size=2))]
    rules += draw(st.lists(rules_of(columns), max_size=2)) if len(labels) > 1 else []
    timed = [column.name for column in columns if column.type.startswith(("DATE", "TIMESTAMP"))]
    retention = draw(st.sampled_from([None, "3 years", "P3Y", "90d", "forever"]))
    return Contract(
        dataset="a.b",
        file="a.b.odcs.yaml",
        version="1",
        columns=columns,
        key=key,
        rules=tuple(rules),
        owner=draw(st.none() | words),
        description=draw(st.just("") | words),
        retention=retention,
        retention_column=draw(st.sampled_from([None, *timed])) if retention else None,
        ready_by=draw(st.sampled_from([None, "06:30", "9:00", "06:30 Europe/London"])),
    )


@settings(max_examples=60, deadline=None)
@given(contracts())
def test_any_contract_survives_the_round_trip(contract: Contract) -> None:
    text = write_contract(contract)
    VALIDATOR.validate(data(text))
    back = read_contract(text, contract.file)
    assert replace(back, rules=()) == replace(contract, rules=())

    def by_words(rule: Rule) -> str:
        return repr(replace(rule, line=None))

    assert sorted(map(by_words, back.rules)) == sorted(map(by_words, contract.rules))
