"""Facts to judge: each function gives facts that every gate lets pass, except for what the test says."""

from __future__ import annotations

from datetime import UTC, datetime, time
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from penstock.model.contracts import ColumnSpec, Contract
from penstock.model.findings import Finding, Outcome, Place, Severity
from penstock.model.pipelines import Dataset, Materialization, Pipeline, Project, Settings, Sla, SqlTask
from penstock.model.schedule import parse_schedule
from penstock.model.stories import Bound, Criterion, Impact, Question, Story
from penstock.policy.facts import (
    ApprovalFacts,
    CommandFacts,
    CriterionResult,
    DeploymentFacts,
    DesignFacts,
    DiscoveryFacts,
    ImplementationFacts,
    Multiplying,
    ObservationFacts,
    Rehearsal,
    ReviewFacts,
    RolloutFacts,
)
from penstock.policy.rules import Policy
from penstock.quality.checks import CheckResult
from penstock.quality.comparison import ColumnMovement, DatasetDiff, RowExample

if TYPE_CHECKING:
    from collections.abc import Mapping

    from penstock.model.findings import Verdict

REVIEW = "a" * 64
OLDER_REVIEW = "b" * 64
REVENUE = "sales.daily_revenue"
STAGED = "sales.stg_invoices"


def story(**changes: Any) -> Story:
    """RETAIL-2, a change of the sales pipeline."""
    values: dict[str, Any] = {
        "id": "RETAIL-2",
        "title": "Only products count",
        "kind": "change",
        "pipeline": "sales",
        "file": "stories/RETAIL-2.md",
        "text": "Only products count.",
        "front": {},
        "own": {},
        "lines": {"impact": 12, "acceptance.A1": 20},
    }
    return Story(**{**values, **changes})


def criterion(number: str = "A1", sql: str | None = "SELECT 1 WHERE false", **changes: Any) -> Criterion:
    return Criterion(**{"id": number, "text": f"{number} holds.", "sql": sql, "story": "RETAIL-2", **changes})


def question(number: str = "Q1", path: str = "sla.ready_by", **changes: Any) -> Question:
    values: dict[str, Any] = {
        "id": number,
        "code": "story.no_sla",
        "text": "By when must it be ready?",
        "path": path,
        "expects": "a local time",
        "line": 7,
    }
    return Question(**{**values, **changes})


def finding(code: str = "source.truncated", severity: Severity = Severity.ERROR) -> Finding:
    return Finding(code=code, message="the file ends early", severity=severity, place=Place(file="data/1.csv.gz"))


def impact(
    dataset: str = REVENUE,
    rows: str | None = None,
    columns: Mapping[str, str] | None = None,
    *,
    every: str | None = None,
    new: bool = False,
    where: str | None = None,
) -> dict[str, Impact]:
    """A declared impact of one dataset, with bounds as a story writes them."""
    return {
        dataset: Impact(
            dataset=dataset,
            new=new,
            where=where,
            rows=Bound.parse(rows) if rows else None,
            columns={name: Bound.parse(text) for name, text in (columns or {}).items()},
            every_column=Bound.parse(every) if every else None,
        )
    }


# --- projects


def contract(name: str = REVENUE, **changes: Any) -> Contract:
    values: dict[str, Any] = {
        "dataset": name,
        "file": f"contracts/{name}.odcs.yaml",
        "version": "1.0.0",
        "columns": (ColumnSpec(name="net", type="DECIMAL(18,2)"),),
        "owner": "sales-analytics",
    }
    return Contract(**{**values, **changes})


def dataset(name: str = REVENUE, **changes: Any) -> Dataset:
    pipeline, _, local = name.partition(".")
    values: dict[str, Any] = {
        "name": name,
        "file": f"pipelines/{pipeline}/{local}.sql",
        "task": SqlTask(text="SELECT 1 AS net", reads=(), query_digest="1", edits=()),
        "materialization": Materialization.TABLE,
        "contract": contract(name),
    }
    return Dataset(**{**values, **changes})


def pipeline(name: str = "sales", cron: str = "0 6 * * *", zone: str = "Europe/London", **changes: Any) -> Pipeline:
    values: dict[str, Any] = {
        "name": name,
        "file": f"pipelines/{name}/pipeline.yaml",
        "owner": "sales-analytics",
        "schedule": parse_schedule(cron, zone),
        "timezone": zone,
        "start": datetime(2010, 12, 1, tzinfo=UTC),
        "sla": Sla(ready_by=time(6, 30)),
    }
    return Pipeline(**{**values, **changes})


def project(*datasets: Dataset, pipelines: tuple[Pipeline, ...] = ()) -> Project:
    return Project(
        settings=Settings(name="retail"),
        pipelines={one.name: one for one in pipelines or (pipeline(),)},
        datasets={one.name: one for one in datasets or (dataset(),)},
    )


# --- facts of each stage


def discovery(**changes: Any) -> DiscoveryFacts:
    return DiscoveryFacts(**{"story": story(), "policy": Policy(), "open_questions": (), **changes})


def design(**changes: Any) -> DesignFacts:
    values: dict[str, Any] = {
        "story": story(impact=impact()),
        "policy": Policy(),
        "touched": (REVENUE,),
        "new": (),
        "downstream": (),
        "planned_files": ("pipelines/sales/daily_revenue.sql",),
        "evidence_of": {},
    }
    return DesignFacts(**{**values, **changes})


def command(name: str, **changes: Any) -> CommandFacts:
    values: dict[str, Any] = {
        "name": name,
        "argv": ("penstock", name),
        "exit_code": 0,
        "chunk": "0123456789ab",
    }
    return CommandFacts(**{**values, **changes})


def implementation(**changes: Any) -> ImplementationFacts:
    values: dict[str, Any] = {
        "story": story(),
        "policy": Policy(),
        "base": project(),
        "project": project(),
        "lint": command("check"),
        "tests": command("test"),
        "changed_files": ("pipelines/sales/daily_revenue.sql",),
        "planned_files": ("pipelines/sales/daily_revenue.sql",),
        "added_text": "",
        "documented": 10,
        "documentable": 10,
    }
    return ImplementationFacts(**{**values, **changes})


def column(
    name: str = "net",
    old: str | None = "1000.00",
    new: str | None = "1000.00",
    changed: int = 0,
    *,
    numeric: bool = True,
) -> ColumnMovement:
    return ColumnMovement(
        name=name,
        numeric=numeric,
        changed_rows=changed,
        old_total=Decimal(old) if numeric and old is not None else None,
        new_total=Decimal(new) if numeric and new is not None else None,
    )


def example(
    name: str | None = "net", day: str = "2011-01-04", old: str | None = "1", new: str | None = "2"
) -> RowExample:
    return RowExample(key=(("day", day),), column=name, old=old, new=new)


def diff(
    name: str = REVENUE, *columns: ColumnMovement, rows: tuple[int, int] = (100, 100), **changes: Any
) -> DatasetDiff:
    old, new = rows
    values: dict[str, Any] = {
        "dataset": name,
        "old_rows": old,
        "new_rows": new,
        "added": max(new - old, 0),
        "removed": max(old - new, 0),
        "changed": max((one.changed_rows for one in columns), default=0),
        "columns": columns,
        "examples": (),
    }
    return DatasetDiff(**{**values, **changes})


def join(name: str = REVENUE, **changes: Any) -> Multiplying:
    values: dict[str, Any] = {
        "dataset": name,
        "file": "pipelines/sales/daily_revenue.sql",
        "line": 9,
        "excerpt": "LEFT JOIN sales.products AS products USING (stock_code)",
        "joined": "sales.products",
        "copies": 4,
        "examples": ("stock_code=85123A: 4",),
    }
    return Multiplying(**{**values, **changes})


def check(*, passed: bool = True, severity: Severity = Severity.ERROR, failed_rows: int = 3) -> CheckResult:
    return CheckResult(
        id="not_null:country",
        name="country is never NULL",
        column="country",
        severity=severity,
        failed_rows=0 if passed else failed_rows,
        total_rows=1200,
        passed=passed,
        message="",
    )


def met(one: Criterion, offending: int = 0, examples: tuple[str, ...] = ()) -> CriterionResult:
    return CriterionResult(criterion=one, offending=offending, examples=examples)


def review(**changes: Any) -> ReviewFacts:
    values: dict[str, Any] = {
        "story": story(),
        "policy": Policy(),
        "run_findings": (),
        "checks": {REVENUE: (check(),)},
        "score": Decimal(100),
        "diffs": (),
        "new_datasets": (),
        "criteria": (),
        "rehearsal": Rehearsal(before="1" * 64, promoted="2" * 64, after="1" * 64, promote_ms=12, rollback_ms=9),
        "files": {REVENUE: "pipelines/sales/daily_revenue.sql", STAGED: "pipelines/sales/stg_invoices.sql"},
    }
    return ReviewFacts(**{**values, **changes})


def approval(name: str = "bo", key: str = "k-bo", **changes: Any) -> ApprovalFacts:
    values: dict[str, Any] = {
        "name": name,
        "key_id": key,
        "role": "approver",
        "envelope_sha256": REVIEW,
        "valid_signature": True,
    }
    return ApprovalFacts(**{**values, **changes})


def deployment(*approvals: ApprovalFacts, needed: int = 1, **changes: Any) -> DeploymentFacts:
    values: dict[str, Any] = {
        "story": story(),
        "policy": Policy(approvals=needed),
        "author": "ana",
        "author_key_id": "k-ana",
        "review_envelope_sha256": REVIEW,
        "approvals": approvals,
    }
    return DeploymentFacts(**{**values, **changes})


def observation(**changes: Any) -> ObservationFacts:
    values: dict[str, Any] = {
        "story": story(),
        "policy": Policy(),
        "interval": "2011-12-05/2011-12-06",
        "run_findings": (),
        "checks": (check(),),
        "objectives": (),
    }
    return ObservationFacts(**{**values, **changes})


def rollout(**changes: Any) -> RolloutFacts:
    values: dict[str, Any] = {
        "story": story(),
        "policy": Policy(),
        "step": "canary",
        "interval": "2011-12-05/2011-12-06",
        "production_findings": (),
        "run_findings": (),
        "checks": (check(),),
        "objectives": (),
        "diffs": (),
    }
    return RolloutFacts(**{**values, **changes})


# --- what a verdict must be


def codes(verdict: Verdict) -> list[str]:
    return [one.code for one in verdict.findings]


def assert_passes(verdict: Verdict) -> None:
    assert verdict.outcome is Outcome.PASS, verdict
    assert not [one for one in verdict.findings if one.severity is Severity.ERROR]


def assert_fails(verdict: Verdict, *expected: str) -> None:
    """It fails with findings of exactly these codes, each complete enough to act on."""
    assert verdict.outcome is Outcome.FAIL, verdict
    assert codes(verdict) == [f"gate.{verdict.gate}{'.' if detail else ''}{detail}" for detail in expected]
    assert verdict.summary.endswith(".")
