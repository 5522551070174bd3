"""SARIF and JUnit XML: what other tools read of what we found."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from typing import Any

import junitparser
import pytest
from pydantic import BaseModel
from sarif_pydantic import Sarif

from penstock.cli.junit import junit_text
from penstock.cli.reports import Case, Report, _masked_case, findings_report
from penstock.cli.sarif import sarif_text
from penstock.cli.verdicts import stages_report
from penstock.delivery.judged import JudgedStage
from penstock.model.findings import Finding, Outcome, Place, Severity, Verdict
from penstock.policy.gate_names import GATES

TOKEN = "ghp_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"
WRONG = Finding(
    code="gate.low_quality.check",
    message="the check `net` fails",
    place=Place(file="pipelines/día 1.sql", line=7, column=3, excerpt="SELECT 1", dataset="sales.daily", field="net"),
    found="3 rows",
    expected="none",
    remedy="mend it",
)


def verdict(gate: str, outcome: Outcome, **changes: Any) -> Verdict:
    findings = (WRONG,) if outcome is not Outcome.NOT_APPLICABLE else ()
    return Verdict(**{"gate": gate, "outcome": outcome, "summary": "Said.", "findings": findings, **changes})


def report() -> Report:
    waived = {"counts_as": Outcome.PASS, "ruling": "1 finding waived by bo until 2027-01-01: later"}
    off = {"counts_as": Outcome.NOT_APPLICABLE, "ruling": "policy switches it off"}
    stage = JudgedStage(
        stage="review",
        verdicts=(
            verdict("low_quality", Outcome.FAIL),
            verdict("weak_tests", Outcome.FAIL, **waived),
            verdict("vacuous_diff", Outcome.NOT_APPLICABLE, **off),
            verdict("failed_run", Outcome.PASS, findings=()),
        ),
    )
    return stages_report("RETAIL-1", [stage])


def results(text: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(text)["runs"][0]["results"]
    return found


OF_THE_STANDARD = {"columnKind", "suppressions"}
"""What the standard has (3.14.17, 3.27.23) and the model has not."""


def extras(value: object, path: str = "$") -> list[str]:
    """Keys that SARIF does not know."""
    if isinstance(value, BaseModel):
        known = [f"{path}.{name}" for name in value.model_extra or {} if name not in OF_THE_STANDARD]
        return known + [each for name, item in value for each in extras(item, f"{path}.{name}")]
    if isinstance(value, list):
        return [each for index, item in enumerate(value) for each in extras(item, f"{path}[{index}]")]
    return []


@pytest.mark.parametrize("made", [report(), findings_report("penstock check", ()), findings_report("x", (WRONG,))])
def test_a_sarif_log_is_one_and_says_nothing_that_the_standard_does_not_know(made: Report) -> None:
    assert extras(Sarif.model_validate_json(sarif_text(made))) == []


def test_the_models_of_the_standard_would_notice_what_is_wrong() -> None:
    log = json.loads(sarif_text(report()))
    log["runs"][0]["results"][0]["level"] = "fatal"
    with pytest.raises(ValueError, match="level"):
        Sarif.model_validate(log)
    log["runs"][0]["results"][0] |= {"level": "error", "lvl": 1}
    assert extras(Sarif.model_validate(log)) == ["$.runs[0].results[0].lvl"]


def test_a_place_becomes_a_region_in_a_file_with_an_escaped_name() -> None:
    location = results(sarif_text(report()))[0]["locations"][0]
    assert location["physicalLocation"] == {
        "artifactLocation": {"uri": "pipelines/d%C3%ADa%201.sql"},
        "region": {"startLine": 7, "startColumn": 3, "snippet": {"text": "SELECT 1"}},
    }
    assert location["logicalLocations"] == [{"fullyQualifiedName": "sales.daily.net"}]


def test_a_recorded_output_is_no_file() -> None:
    output = Finding(code="command.test", message="it failed", place=Place(file="chunk 0123456789ab"))
    assert "locations" not in results(sarif_text(findings_report("x", (output,))))[0]


def test_what_is_waived_is_suppressed_and_warns() -> None:
    refused, waived = results(sarif_text(report()))
    assert (refused["level"], "suppressions" in refused) == ("error", False)
    assert waived["level"] == "warning"
    assert waived["suppressions"] == [
        {
            "kind": "external",
            "status": "accepted",
            "justification": "1 finding waived by bo until 2027-01-01: later",
        }
    ]


@pytest.mark.parametrize("gate", GATES)
def test_every_gate_is_a_rule_with_words_of_its_own(gate: str) -> None:
    made = Report(name="x", cases=(Case(rule=gate, suite="x", name=gate, findings=(WRONG,)),))
    rule = json.loads(sarif_text(made))["runs"][0]["tool"]["driver"]["rules"][0]
    assert rule["id"] == gate
    assert len(rule["shortDescription"]["text"]) > 15
    assert rule["fullDescription"]["text"] in rule["help"]["text"]
    assert f"docs/gates/{gate}.md" in rule["help"]["text"]


def test_junit_is_read_as_it_was_meant() -> None:
    suites = list(junitparser.JUnitXml.fromstring(junit_text(report()).encode()))
    assert [(suite.name, suite.tests, suite.failures, suite.skipped) for suite in suites] == [
        ("RETAIL-1.review", 4, 1, 1)
    ]
    refused, waived, off, held = suites[0]
    assert isinstance(refused.result[0], junitparser.Failure)
    assert "found: 3 rows" in refused.result[0].text
    assert waived.is_passed
    assert "waived by bo" in waived.system_out
    assert off.is_skipped
    assert off.result[0].message == "Said. policy switches it off"
    assert held.is_passed


def test_what_xml_cannot_hold_is_replaced() -> None:
    odd = Finding(
        code="a.b", message="bell \x07 & <tag> ]]> \ud800 \uffff", place=Place(file="a\x00b"), found="\x1b[31m"
    )
    text = junit_text(findings_report('say "hi"\n', (odd,)))
    case = ET.fromstring(text.encode())[0][0]  # noqa: S314 - our own text
    assert case[0].attrib["message"] == "bell \ufffd & <tag> ]]> \ufffd \ufffd"
    assert "\ufffd[31m" in (case[0].text or "")


def test_nothing_found_is_one_case_that_passed() -> None:
    suite = next(iter(junitparser.JUnitXml.fromstring(junit_text(findings_report("penstock check", ())).encode())))
    assert (suite.tests, suite.failures) == (1, 0)


def test_a_warning_fails_nothing() -> None:
    warning = Finding(code="a.b", message="hm", severity=Severity.WARNING)
    suite = next(iter(junitparser.JUnitXml.fromstring(junit_text(findings_report("x", (warning,))).encode())))
    assert suite.failures == 0


def test_secrets_reach_no_report() -> None:
    leaking = Finding(
        code="a.b",
        message=f"token {TOKEN}",
        place=Place(file="a.sql", line=1, excerpt=f"-- {TOKEN}"),
        found=TOKEN,
        expected=TOKEN,
        remedy=f"first\n{TOKEN}",
    )
    case = Case(rule="a.b", suite="s", name=f"n {TOKEN}", text=TOKEN, accepted=TOKEN, findings=(leaking,), failed=True)
    clean = Report(name="x", cases=(_masked_case(case),))
    assert TOKEN in sarif_text(Report(name="x", cases=(case,)))  # it would be seen
    assert TOKEN not in sarif_text(clean)
    assert TOKEN not in junit_text(clean)
