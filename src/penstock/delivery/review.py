"""Stage 4: run the change beside production on real data, measure what moves, rehearse the way back, and say so."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from penstock.contract.consumers import named_consumers
from penstock.delivery import records
from penstock.delivery.design import branch_design
from penstock.delivery.irreversible import irreversible_steps, labels_of
from penstock.delivery.judged import judged_stages
from penstock.delivery.pages import tables
from penstock.delivery.pages.deployment import deployment_notes, rollback_notes
from penstock.delivery.pages.dossier import dossier_sections, page_of
from penstock.delivery.pages.dossier_html import dossier_html
from penstock.delivery.pages.exercise import exercise_json, exercises_text
from penstock.delivery.pages.faults import mutations_text
from penstock.delivery.pages.slices import slices_text
from penstock.delivery.sealing import Sealing, StageReport, enter, pass_stage, stop_stage
from penstock.delivery.stages import Stage
from penstock.delivery.tools import base_tree, policy_at
from penstock.delivery.waiving import waivers_of
from penstock.evidence.canonical import digest
from penstock.evidence.statements import Link, Subject
from penstock.model.findings import Outcome
from penstock.model.intervals import stamp
from penstock.policy import gates
from penstock.policy.facts import ReviewFacts
from penstock.project.layout import SETTINGS_FILE
from penstock.quality.checks import quality_score

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from pathlib import Path

    from penstock.contract.consumers import NamedConsumer
    from penstock.delivery.changes import Change
    from penstock.delivery.design import Design
    from penstock.delivery.ports import BuildOutcome, Runtime
    from penstock.delivery.records import Output
    from penstock.delivery.tools import Tools
    from penstock.policy.rules import Policy
    from penstock.quality.pictures import Picture

REVIEW_JSON, DOSSIER, DOSSIER_HTML = "review.json", "dossier.md", "dossier.html"
DEPLOYMENT_NOTES, ROLLBACK_NOTES = "deployment.md", "rollback.md"


@dataclass(frozen=True, slots=True, kw_only=True)
class Review:
    """Everything the review saw: the design it is of, both builds, the gates' facts, and the recorded outputs.

    `pictures` are what to draw of datasets that differ, `consumers` those whom the contracts of datasets name.
    """

    planned: Design
    shadow: BuildOutcome
    production: Mapping[str, str]
    facts: ReviewFacts
    content: Mapping[str, tuple[int, str]]
    outputs: Mapping[str, Output]
    until: str
    pictures: Mapping[str, Picture] = field(default_factory=dict)
    consumers: Mapping[str, tuple[NamedConsumer, ...]] = field(default_factory=dict)

    @property
    def labels(self) -> tuple[str, ...]:
        """What the change is besides, for which particular people may have to approve."""
        return labels_of(self.facts.irreversible, self.planned.project, self.planned.difference.touched)


def review(change: Change, tools: Tools) -> StageReport:
    """Do the stage."""
    root = enter(change, Stage.REVIEW, tools)
    policy = policy_at(tools, change.base_commit)
    seen = _look(change, branch_design(change, root, tools), root, policy, tools)
    verdicts = gates.judge_all(gates.REVIEW, seen.facts, waivers=waivers_of(change, root, tools))
    sections = dossier_sections(change, seen, verdicts, judged_stages(change, root, tools))
    page = page_of(sections)
    contents = {
        REVIEW_JSON: json.dumps(review_json(seen), indent=2, ensure_ascii=False) + "\n",
        DOSSIER: page,
        DOSSIER_HTML: dossier_html(seen, sections),
        DEPLOYMENT_NOTES: deployment_notes(change, seen),
        ROLLBACK_NOTES: rollback_notes(change, seen),
    }
    for name, text in contents.items():
        tools.folder.write(root, f"{change.folder}/{name}", text.encode())
    own = tuple(f"{change.folder}/{name}" for name in contents)
    report = StageReport(
        change=change.id,
        stage=Stage.REVIEW,
        verdicts=verdicts,
        headline=_headline(seen),
        message=page,
        artefacts=own,
    )
    message = f"{change.id}: review on real data"
    if report.outcome is not Outcome.PASS:
        stop_stage(change, Stage.REVIEW, verdicts, root, tools, message=message)
        return report
    written = (path for path in tools.repository.changed(change.base_commit, root) if "/evidence/" not in path)
    sealing = Sealing(
        files=(*own, *written, *(output.path for output in seen.outputs.values())),
        verdicts=verdicts,
        things=_things(change, seen, tools),
        facts=_facts(seen),
    )
    pass_stage(change, Stage.REVIEW, Link.REVIEW, sealing, root, tools, message=message)
    return report


def _headline(seen: Review) -> str:
    checks = sum(len(results) for results in seen.facts.checks.values())
    rehearsal = seen.facts.rehearsal
    way_back = f"; rolled back in {rehearsal.rollback_ms} ms when rehearsed" if rehearsal else ""
    moved = sum(1 for diff in seen.facts.diffs if not diff.empty)
    count = len(seen.facts.diffs)
    compared = f"{moved} of {count} compared datasets moved" if count else "nothing to compare"
    return f"{sum(seen.shadow.built.values())} slices built, {checks} checks, {compared}{way_back}"


def _look(change: Change, planned: Design, root: Path, policy: Policy, tools: Tools) -> Review:
    """Build both sides up to the same moment and measure."""
    runtime = tools.runtime
    production = runtime.production()
    until = tools.until(change)
    reached = runtime.covered_until(planned.base, planned.story.pipeline) if production else None
    until = max(until, reached) if reached else until
    standing = None
    if production:
        standing = runtime.build(planned.base, until, "production", root=base_tree(change, planned.base, tools))
    shadow = runtime.build(planned.project, until, f"shadow of {change.id}", root=root)
    if shadow.findings or (standing and standing.findings):
        findings = (*(standing.findings if standing else ()), *shadow.findings)
        facts = _unmeasured(planned, policy, findings)
        content: Mapping[str, tuple[int, str]] = {}
    else:
        facts = _measure(change, planned, policy, production, until, tools)
        content = runtime.content(planned.project)
    facts = replace(facts, irreversible=irreversible_steps(change, planned, root, tools))
    texts = {
        "shadow run": tables.build_text(shadow),
        "checks": tables.checks_text(facts.checks) + tables.quarantined_text(facts.quarantined),
        "difference": tables.diffs_text(facts.diffs, facts.new_datasets),
        "exercise": exercises_text(facts.exercises),
        "slices": slices_text(facts.slices),
        "faults": mutations_text(facts.mutations),
        "criteria": tables.criteria_text(facts.criteria),
        "rehearsal": tables.rehearsal_text(facts.rehearsal),
    }
    outputs = {name: records.keep(name, text, change, root, tools) for name, text in texts.items()}
    return Review(
        planned=planned,
        shadow=shadow,
        production=production,
        facts=facts,
        content=content,
        outputs=outputs,
        until=stamp(until),
        pictures={one.dataset: one for one in runtime.pictures(production, planned.project, facts.diffs)},
        consumers=_consumers(planned, root, tools),
    )


def _consumers(planned: Design, root: Path, tools: Tools) -> dict[str, tuple[NamedConsumer, ...]]:
    """Whom the contracts of everything that moves name as readers."""
    touched = planned.difference.touched
    contracts = [planned.project.datasets[name].contract for name in (*touched, *planned.project.downstream(*touched))]
    texts = {each.dataset: (each.file, tools.folder.read(root, each.file)) for each in contracts if each}
    return {name: named_consumers(data.decode(), file) for name, (file, data) in texts.items() if data}


def _unmeasured(planned: Design, policy: Policy, findings: tuple[Any, ...]) -> ReviewFacts:
    """A shadow run that failed leaves nothing to compare."""
    return ReviewFacts(
        story=planned.story,
        policy=policy,
        run_findings=findings,
        checks={},
        score=quality_score(()),
        diffs=(),
        new_datasets=planned.difference.new,
        criteria=(),
        rehearsal=None,
    )


def _measure(
    change: Change, planned: Design, policy: Policy, production: Mapping[str, str], until: datetime, tools: Tools
) -> ReviewFacts:
    runtime, difference = tools.runtime, planned.difference
    checks = runtime.judge(planned.project)
    compared = tuple(name for name in difference.touched if name in production)
    diffs = runtime.compare(production, planned.project, compared)
    seed = int(digest(change.id.encode())[:8], 16)
    moved = {diff.dataset: not diff.empty for diff in diffs if diff.dataset in difference.altered}
    return ReviewFacts(
        story=planned.story,
        policy=policy,
        run_findings=(),
        checks=checks,
        score=quality_score([result for results in checks.values() for result in results]),
        diffs=diffs,
        outside=runtime.compare_outside(production, planned.project, row_filters(planned, compared)),
        exercises=runtime.exercise(planned.base, planned.project, moved, until),
        new_datasets=tuple(name for name in difference.touched if name not in production),
        mutations=runtime.mutations(planned.base, planned.project, difference.altered),
        slices=runtime.slices(planned.project, (*difference.new, *difference.altered)),
        reruns=runtime.reruns(planned.base, planned.project, (*difference.new, *difference.altered)),
        copied=runtime.copied(planned.project, planned.paths),
        readiness=runtime.readiness(planned.project, _pipelines(planned), seed=seed),
        readiness_before={
            each.pipeline: each for each in runtime.readiness(planned.base, _pipelines(planned), seed=seed)
        },
        criteria=runtime.criteria(planned.story, planned.project),
        rehearsal=runtime.rehearse(change.id, production, target_mapping(production, planned)),
        multiplying=runtime.multiplying(planned.base, planned.project),
        files={name: planned.project.datasets[name].file for name in difference.touched},
        reads={name: dataset.reads for name, dataset in planned.project.datasets.items()},
        removed=difference.removed,
        quarantined=_quarantined(production, planned, runtime),
    )


def _quarantined(production: Mapping[str, str], planned: Design, runtime: Runtime) -> dict[str, tuple[int, int]]:
    """Rows put aside before and by the change: what is missing from a difference without a trace otherwise."""
    before = runtime.quarantined(production)
    now = runtime.quarantined(runtime.versions(planned.project))
    return {name: (before.get(name, 0), now.get(name, 0)) for name in sorted({*before, *now})}


def _pipelines(planned: Design) -> tuple[str, ...]:
    """The pipelines that the change touches, or whose own file it edits."""
    touched = {name.partition(".")[0] for name in planned.difference.touched}
    edited = {pipeline.name for pipeline in planned.project.pipelines.values() if pipeline.file in planned.paths}
    return tuple(sorted(touched | edited))


def row_filters(planned: Design, compared: tuple[str, ...]) -> dict[str, str]:
    """The rows in which alone a compared dataset may move, where the story names them."""
    impact = planned.story.impact
    return {name: where for name in compared if name in impact and (where := impact[name].where) is not None}


def target_mapping(production: Mapping[str, str], planned: Design) -> dict[str, str]:
    """What production shows once the change is promoted: its datasets' versions, everything else as it was.

    What they read, and production does not show yet, goes with them: production must be able to build what it shows.
    """
    difference = planned.difference
    kept = {name: version for name, version in production.items() if name not in difference.removed}
    inputs = {name for name in planned.project.upstream(*difference.touched) if name not in production}
    return {**kept, **{name: difference.versions[name] for name in {*difference.touched, *inputs}}}


def _things(change: Change, seen: Review, tools: Tools) -> tuple[Subject, ...]:
    """Subjects that are no files: the policy judged by, and the rows of every version that was built."""
    policy = tools.repository.show(change.base_commit, SETTINGS_FILE) or b""
    touched = seen.planned.difference.touched
    return (
        Subject(name="policy:base", sha256=digest(policy)),
        *(
            Subject(name=f"version:{name}@{seen.planned.difference.versions[name]}", sha256=seen.content[name][1])
            for name in touched
            if name in seen.content
        ),
    )


def _facts(seen: Review) -> dict[str, Any]:
    rehearsal = seen.facts.rehearsal
    return {
        "until": seen.until,
        "quality_score": str(seen.facts.score),
        "rows": {name: rows for name, (rows, _) in sorted(seen.content.items())},
        "rollback_ms": rehearsal.rollback_ms if rehearsal else None,
        "outputs": {name: output.chunk for name, output in sorted(seen.outputs.items())},
        "irreversible": list(seen.facts.irreversible),
        "labels": list(seen.labels),
    }


def review_json(seen: Review) -> dict[str, Any]:
    """What was measured, as plain values: what `review.json` holds."""
    facts = seen.facts
    return {
        "until": seen.until,
        "built": dict(sorted(seen.shadow.built.items())),
        "rows": {name: rows for name, (rows, _) in sorted(seen.content.items())},
        "quality_score": str(facts.score),
        "checks": {
            name: [
                {"id": result.id, "passed": result.passed, "failed_rows": result.failed_rows, "rows": result.total_rows}
                for result in results
            ]
            for name, results in sorted(facts.checks.items())
        },
        "quarantined": {name: {"before": old, "now": new} for name, (old, new) in facts.quarantined.items()},
        "differences": {diff.dataset: tables.diff_json(diff) for diff in facts.diffs},
        "new": list(facts.new_datasets),
        "faults": {score.dataset: score.to_json() for score in facts.mutations},
        "slices": {verdict.dataset: verdict.to_json() for verdict in facts.slices},
        "reruns": {one.dataset: one.to_json() for one in facts.reruns},
        "readiness": {one.pipeline: one.to_json() for one in facts.readiness},
        "exercise": {one.dataset: exercise_json(one) for one in facts.exercises},
        "criteria": [
            {"id": row.criterion.id, "offending": row.offending, "examples": list(row.examples)}
            for row in facts.criteria
        ],
        "rehearsal": tables.rehearsal_json(facts.rehearsal),
    }
