"""Contracts are read from ODCS files, with every mistake at once."""

from __future__ import annotations

import pytest

from penstock.contract import read_contract
from penstock.contract.predicates import is_number_text
from penstock.model.contracts import Contract, Rule, RuleKind
from penstock.model.errors import InputError
from penstock.model.findings import Severity

FILE = "contracts/sales.daily_revenue.odcs.yaml"
HEAD = """\
apiVersion: v3.1.0
kind: DataContract
id: sales.daily_revenue
version: 1.2.0
"""
BODY = """\
schema:
  - name: daily_revenue
    physicalName: sales.daily_revenue
    properties:
      - {name: day, logicalType: date, physicalType: date, primaryKey: true, primaryKeyPosition: 2}
      - name: country
        physicalType: text
        primaryKey: true
        primaryKeyPosition: 1
      - name: gross
        physicalType: numeric(18, 2)
        required: true
        logicalType: number
"""


def read(text: str, file: str = FILE) -> Contract:
    return read_contract(text, file)


def mistakes(text: str, file: str = FILE) -> list[tuple[str, int | None]]:
    with pytest.raises(InputError) as caught:
        read(text, file)
    assert all(finding.place.excerpt and finding.place.file == file for finding in caught.value.findings)
    return [(finding.code, finding.place.line) for finding in caught.value.findings]


def with_quality(checks: str, column: str = "") -> str:
    """The contract with checks of the dataset, or of its last column."""
    indent = "        " if column else "    "
    lines = "".join(f"{indent}  {line}\n" for line in checks.strip().splitlines())
    return f"{HEAD}{BODY}{indent}quality:\n{lines}"


def rules(checks: str, column: str = "") -> tuple[Rule, ...]:
    return read(with_quality(checks, column)).rules


def test_column_types_are_spelled_as_duckdb_reports_them() -> None:
    assert [column.type for column in read(HEAD + BODY).columns] == ["DATE", "VARCHAR", "DECIMAL(18,2)"]


def test_key_columns_stand_in_the_order_of_their_positions() -> None:
    contract = read(HEAD + BODY)
    assert contract.key == ("country", "day")
    assert [column.key for column in contract.columns] == [True, True, False]


def test_a_logical_type_that_leaves_no_choice_needs_no_physical_one() -> None:
    text = HEAD + BODY.replace("physicalType: text", "logicalType: timestamp")
    assert read(text).columns[1].type == "TIMESTAMP"


def test_a_number_without_a_physical_type_is_a_mistake() -> None:
    text = HEAD + BODY.replace("physicalType: numeric(18, 2)", "description: money")
    assert mistakes(text) == [("contract.no_type", 14)]


@pytest.mark.parametrize("version", ["v3.0.0", "v3.0.1", "v3.0.2", "v3.1.0", "v3.2.0"])
def test_every_version_3_is_read(version: str) -> None:
    assert read(HEAD.replace("v3.1.0", version) + BODY).version == "1.2.0"


def test_version_2_is_refused() -> None:
    assert mistakes(HEAD.replace("v3.1.0", "v2.2.2") + BODY) == [("document.choice", 1)]


def test_the_file_must_be_named_as_the_dataset() -> None:
    assert mistakes(HEAD + BODY, "contracts/sales.revenue.odcs.yaml") == [("contract.file_name", 7)]


def test_a_name_without_a_pipeline_is_no_dataset() -> None:
    text = HEAD + BODY.replace("physicalName: sales.daily_revenue", "physicalName: Revenue")
    assert mistakes(text, "contracts/Revenue.odcs.yaml") == [("contract.dataset_name", 7)]


def test_two_schema_objects_are_not_one_dataset() -> None:
    assert mistakes(HEAD + BODY + BODY.removeprefix("schema:\n")) == [("contract.one_dataset", 5)]


def test_a_file_without_a_schema_names_all_it_lacks() -> None:
    codes = [code for code, _ in mistakes("kind: DataContract\n")]
    assert codes == ["document.missing_key"] * 4


def test_all_mistakes_are_reported_at_once_in_the_order_of_lines() -> None:
    text = HEAD + BODY.replace("physicalType: text", "physicalType: txt").replace("required: true", "requird: true")
    text = text.replace("kind: DataContract", "kind: Contract")
    assert mistakes(text) == [("document.choice", 2), ("contract.unknown_type", 11), ("contract.misspelt_key", 16)]


def test_fields_of_ones_own_are_left_alone() -> None:
    extra = "servers: []\nx-team-colour: blue\ntags: [finance]\nprice: {priceAmount: 3}\n"
    assert read(HEAD + extra + BODY) == read(HEAD + BODY)


def test_a_column_twice_is_a_mistake_whatever_its_case() -> None:
    text = HEAD + BODY + "      - {name: Gross, physicalType: INTEGER}\n"
    assert mistakes(text) == [("contract.column_twice", 18)]


def test_two_columns_in_one_key_position_are_a_mistake() -> None:
    assert mistakes(HEAD + BODY.replace("primaryKeyPosition: 1", "primaryKeyPosition: 2"))[0][0] == "contract.key"


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        ("customProperties: [{property: personalData, value: email}]", "email"),
        ("classification: personal", "personal"),
        ("classification: PII", "personal"),
        ("classification: public", None),
        ("customProperties: [{property: personalData, value: none}]", None),
        ("customProperties: [{property: costCentre, value: 7}]", None),
    ],
)
def test_personal_data_is_a_custom_property_or_a_classification(words: str, kind: str | None) -> None:
    assert read(f"{HEAD}{BODY}        {words}\n").columns[2].personal == kind


def test_a_misspelt_personal_data_property_is_reported() -> None:
    text = f"{HEAD}{BODY}        customProperties: [{{property: personal_data, value: email}}]\n"
    assert mistakes(text) == [("contract.misspelt_key", 18)]


def test_owner_is_the_team_or_else_its_owning_member() -> None:
    named = read(HEAD + BODY + "team: {name: sales-analytics}\n")
    members = "[{username: ann, role: Steward}, {username: bob, role: Owner}]"
    as_list, in_team = read(f"{HEAD}{BODY}team: {members}\n"), read(f"{HEAD}{BODY}team: {{members: {members}}}\n")
    assert (named.owner, as_list.owner, in_team.owner) == ("sales-analytics", "bob", "bob")


def test_retention_and_availability_are_sla_properties() -> None:
    sla = """\
slaProperties:
  - {property: retention, value: 3, unit: years}
  - {property: timeOfAvailability, value: 06:30}
  - {property: frequency, value: 1, unit: d}
"""
    contract = read(HEAD + BODY + sla)
    assert (contract.retention, contract.ready_by) == ("3 years", "06:30")


@pytest.mark.parametrize(
    ("element", "column"),
    [("daily_revenue.day", "day"), ("day", "day"), ("daily_revenue", None), ("sales.daily_revenue", None)],
)
def test_retention_counts_from_the_column_that_its_element_names(element: str, column: str | None) -> None:
    promise = f"{{property: retention, value: 90, unit: d, element: {element}}}"
    contract = read(f"{HEAD}{BODY}slaProperties: [{promise}]\n")
    assert (contract.retention, contract.retention_column) == ("90 d", column)


@pytest.mark.parametrize(
    ("element", "code"), [("daily_revenue.month", "contract.unknown_column"), ("country", "contract.no_time")]
)
def test_retention_cannot_count_from_what_is_no_column_of_time(element: str, code: str) -> None:
    promise = f"{{property: retention, value: 90, unit: d, element: {element}}}"
    assert code in [found for found, _ in mistakes(f"{HEAD}{BODY}slaProperties: [{promise}]\n")]


def test_an_availability_of_so_much_percent_is_no_time_of_day() -> None:
    assert read(HEAD + BODY + "slaProperties: [{property: availability, value: 99.9}]\n").ready_by is None


def test_misspelt_and_senseless_sla_properties_are_reported() -> None:
    sla = """\
slaProperties:
  - {property: retension, value: 3 years}
  - {property: timeOfAvailability, value: early}
"""
    assert mistakes(HEAD + BODY + sla) == [("contract.misspelt_key", 19), ("contract.time", 20)]


def test_checks_that_allow_no_offender_become_rules_of_their_kind() -> None:
    found = rules(
        """
- {metric: nullValues, mustBe: 0}
- {metric: duplicateValues, mustBeLessThan: 1}
- {type: library, metric: invalidValues, arguments: {validValues: [1.5, '2'], pattern: '^[12]'}, mustBeLessOrEqualTo: 0}
""",
        "gross",
    )
    assert found == (
        Rule(kind=RuleKind.NOT_NULL, columns=("gross",)),
        Rule(kind=RuleKind.UNIQUE, columns=("gross",)),
        Rule(kind=RuleKind.ACCEPTED_VALUES, columns=("gross",), values=("1.5", "2")),
        Rule(kind=RuleKind.PATTERN, columns=("gross",), pattern="^[12]"),
    )
    assert [rule.line for rule in found] == [19, 20, 21, 21]


def test_the_words_of_version_3_0_are_understood() -> None:
    (found,) = rules("- {rule: duplicateCount, mustBe: 0, arguments: {properties: [day, gross]}}")
    assert found == Rule(kind=RuleKind.UNIQUE, columns=("day", "gross"))


def test_name_description_and_severity_go_with_the_rule() -> None:
    (found,) = rules("- {metric: nullValues, mustBe: 0, name: n, description: d, severity: warning}", "gross")
    assert (found.name, found.description, found.severity) == ("n", "d", Severity.WARNING)


def test_checks_for_people_and_other_tools_make_no_rule() -> None:
    assert rules("- {type: text, description: nice}\n- {type: custom, engine: soda, implementation: x}") == ()


def test_a_counting_query_becomes_a_query_for_the_rows_counted() -> None:
    (found,) = rules("- {type: sql, query: 'SELECT COUNT(*) FROM {object} WHERE gross < 0;', mustBe: 0}")
    assert found.sql == "SELECT * FROM {table} WHERE gross < 0"


def test_a_property_in_a_query_is_the_column_it_stands_at() -> None:
    (found,) = rules("- {type: sql, query: 'SELECT count(*) FROM ${table} WHERE ${column} < 0', mustBe: 0}", "gross")
    assert found.sql == 'SELECT * FROM {table} WHERE "gross" < 0'
    assert found.columns == ("gross",)


@pytest.mark.parametrize(
    ("checks", "column", "code"),
    [
        ("- {type: sql, query: SELECT count(*) FROM sales.x, mustBe: 0}", "", "contract.sql_without_object"),
        ("- {type: sql, query: 'SELECT sum({column}) FROM {object}', mustBe: 0}", "", "contract.sql_without_property"),
        ("- {type: sql, query: 'SELECT 1 FROM {object}'}", "", "contract.operator"),
        ("- {metric: nullValues}", "gross", "contract.operator"),
        ("- {metric: nullValues, mustBe: 0, mustBeLessThan: 3}", "gross", "contract.operator"),
        ("- {metric: nullValues, mustBe: 0}", "", "contract.columns"),
        ("- {metric: duplicateValues, mustBe: 0, arguments: {properties: [town]}}", "", "contract.unknown_column"),
        ("- {metric: nullValue, mustBe: 0}", "gross", "document.choice"),
        ("- {metrics: nullValues, mustBe: 0}", "gross", "document.missing_key"),
        ("- {metric: rowCount, mustBeBetween: [3]}", "", "document.kind"),
        ("- {metric: rowCount, mustBeGreaterThan: many}", "", "document.kind"),
        ("- {metric: invalidValues, mustBe: 0}", "gross", "contract.validity"),
        ("- {metric: invalidValues, mustBe: 0, arguments: {validvalues: [1]}}", "gross", "contract.misspelt_key"),
        ("- {metric: invalidValues, mustBe: 0, arguments: {pattern: '('}}", "gross", "contract.pattern"),
        ("- {metric: invalidValues, mustBe: 0, arguments: {pattern: '(?=a)'}}", "gross", "contract.pattern"),
        ("- {metric: invalidValues, mustBe: 0, arguments: {minimum: low}}", "gross", "contract.bound"),
        (
            "- {metric: invalidValues, mustBe: 0, arguments: {minimum: 1, maximum: 2011-01-04}}",
            "gross",
            "contract.bound",
        ),
        ("- {metric: invalidValues, mustBe: 0, arguments: {validValues: [no]}}", "gross", "contract.value"),
        ("- {metric: nullValues, mustBe: 0, severity: dire}", "gross", "contract.severity"),
        ("- {metric: nullValues, mustBe: 0, unit: dozen}", "gross", "document.choice"),
    ],
)
def test_a_check_that_could_not_be_made_is_a_mistake(checks: str, column: str, code: str) -> None:
    found = mistakes(with_quality(checks, column))
    assert code in [one for one, _ in found]
    assert all(line is not None and line >= 17 for _, line in found)


def test_options_of_a_type_are_rules() -> None:
    options = (
        "        logicalTypeOptions: {minimum: 0, maximum: 9.5}\n        unique: true\n        enum: [{value: 1}]\n"
    )
    assert read(HEAD + BODY + options).rules == (
        Rule(kind=RuleKind.UNIQUE, columns=("gross",)),
        Rule(kind=RuleKind.ACCEPTED_VALUES, columns=("gross",), values=("1",)),
        Rule(kind=RuleKind.RANGE, columns=("gross",), low="0", high="9.5"),
    )


def test_a_misspelt_option_is_reported() -> None:
    assert mistakes(f"{HEAD}{BODY}        logicalTypeOptions: {{minimun: 0}}\n") == [("contract.misspelt_key", 18)]


@pytest.mark.parametrize(
    ("text", "number"), [("3", True), ("-0.5e2", True), ("٣", False), ("3; --", False), ("", False)]
)
def test_a_bound_stands_without_quotes_only_if_sql_reads_it_as_a_number(text: str, *, number: bool) -> None:
    assert is_number_text(text) == number


def test_foreign_keys_are_read_in_the_standards_short_and_full_words() -> None:
    short = "        relationships: [{to: sales.x.id}]\n"
    full = "        relationships: [{type: foreignKey, to: 'sales.x.odcs.yaml#/schema/x/properties/id'}]\n"
    expected = Rule(kind=RuleKind.RELATION, columns=("gross",), dataset="sales.x", others=("id",))
    assert read(HEAD + BODY + short).rules == read(HEAD + BODY + full).rules == (expected,)


@pytest.mark.parametrize(
    ("written", "code"),
    [
        ("relationships: [{to: id}]", "contract.reference"),
        ("relationships: [{to: [sales.x.a, sales.x.b]}]", "contract.relation"),
        ("relationships: [{to: sales.x.a, customProperties: [{property: severity, value: dire}]}]", "document.choice"),
        ("logicalTypeOptions: {minLength: 5, maxLength: 2}", "contract.bound"),
        ("quality: [{type: custom, engine: penstock, implementation: {check: magic}}]", "document.choice"),
        ("quality: [{type: custom, engine: penstock, implementation: {check: freshness, value: 1, unit: d}}]",
         "contract.freshness"),
        ("quality: [{type: custom, engine: penstock, implementation: {check: relation, dataset: a.b, columns: [c,d]}}]",
         "contract.relation"),
        ("quality: [{type: custom, engine: penstock, implementation: {check: drift, atLeast: 9}}]", "contract.history"),
        ("quality: [{type: custom, engine: penstock, implementation: {check: drift, limits: 9}}]",
         "contract.misspelt_key"),
        ("classification: pii\n        quality: [{type: custom, engine: penstock, implementation: {check: drift}}]",
         "contract.drift"),
        ("quality: [{metric: nullValues, mustBe: none}]", "document.kind"),
    ],
)  # fmt: skip
def test_a_check_of_the_newer_kinds_that_could_not_be_made_is_a_mistake(written: str, code: str) -> None:
    assert code in [found for found, _ in mistakes(f"{HEAD}{BODY}        {written}\n")]


@pytest.mark.parametrize(
    ("promise", "code"),
    [
        ("{property: freshness, value: 1, unit: d}", "document.missing_key"),
        ("{property: freshness, value: 1, unit: d, element: town}", "contract.unknown_column"),
        ("{property: freshness, value: 1, element: day}", "contract.unit"),
        ("{property: freshness, value: 1, unit: moons, element: day}", "contract.unit"),
        ("{property: freshnes, value: 1, unit: d, element: day}", "contract.misspelt_key"),
    ],
)
def test_a_promise_of_freshness_that_could_not_be_kept_is_a_mistake(promise: str, code: str) -> None:
    assert code in [found for found, _ in mistakes(f"{HEAD}{BODY}slaProperties: [{promise}]\n")]
