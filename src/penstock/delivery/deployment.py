"""Stage 5: merge, promote in one swap, watch the next intervals, keep the way back warm, and go back if it fails."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

from penstock.delivery import rollback
from penstock.delivery.approval import approvals_of, trusted_keys
from penstock.delivery.changes import find_change
from penstock.delivery.design import branch_design
from penstock.delivery.pages.rollout import rollout_page
from penstock.delivery.review import REMOVED, REVIEW_JSON, target_mapping
from penstock.delivery.sealing import (
    Sealing,
    StageReport,
    enter,
    envelopes,
    find_statement,
    stop_stage,
    write_statement,
)
from penstock.delivery.stages import ROLLING_BACK, Stage
from penstock.delivery.tools import base_tree, close_trees, on_base_branch, policy_at, project_at
from penstock.evidence.canonical import digest
from penstock.evidence.envelope import open_envelope
from penstock.evidence.statements import Link, Subject
from penstock.ledger.facts import (
    ChangeMerged,
    ChangePromoted,
    IntervalObserved,
    RollbackBegun,
    StagePassed,
    StageStopped,
)
from penstock.model.findings import Outcome
from penstock.model.intervals import Grain, Interval, parse_moment, stamp
from penstock.plan.changes import compare_projects
from penstock.policy import gates
from penstock.policy.facts import DeploymentFacts, ObservationFacts
from penstock.project.layout import SETTINGS_FILE

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from penstock.delivery.changes import Change
    from penstock.delivery.design import Design
    from penstock.delivery.tools import Tools
    from penstock.model.findings import Verdict

ROLLOUT = "rollout.md"
ITSELF = "penstock"
"""Who rolls back when nobody was asked."""


def deploy(change: Change, arrived: datetime, tools: Tools) -> StageReport:
    """Do the stage, or as much of it as the data that arrived allows."""
    if change.state == ROLLING_BACK:
        return _finish_going_back(change, tools)
    on_base_branch(change, tools)
    root = enter(change, Stage.DEPLOYMENT, tools)
    planned = branch_design(change, root, tools)
    verdicts = gates.judge_all(gates.DEPLOYMENT, _facts(change, planned, root, tools))
    if gates.combined(verdicts) is not Outcome.PASS:
        stop_stage(change, Stage.DEPLOYMENT, verdicts, root, tools, message=f"{change.id}: not deployed")
        return _report(change, verdicts, "Not deployed.\n")
    change = _merge(change, planned, tools)
    change = _promote(change, planned, root, tools)
    window = window_of(change, planned)
    for interval in window:
        if str(interval) in change.observations:
            continue
        if interval.end > arrived:
            return _wait(change, window, interval, verdicts, tools)
        verdict = _observe(change, planned, interval, root, tools)
        change = find_change(tools.journal, change.id)
        if verdict.outcome is Outcome.FAIL:
            return _go_back(change, (*verdicts, verdict), tools)
    return _finish(change, planned, window, verdicts, tools)


def _facts(change: Change, planned: Design, root: Path, tools: Tools) -> DeploymentFacts:
    keys = trusted_keys(change, root, tools)
    author_ids = [key.key_id for key in keys.values() if key.name == change.author]
    merged = change.merge_commit is not None or tools.repository.is_merged(change.branch)
    return DeploymentFacts(
        story=planned.story,
        policy=policy_at(tools, change.base_commit),
        author=change.author,
        author_key_id=author_ids[0] if author_ids else "",
        review_envelope_sha256=change.passed[Stage.REVIEW],
        approvals=approvals_of(change, root, tools),
        changed_since_review=_changed_since_review(change, root, tools),
        base_conflicts=() if merged else _base_conflicts(change, planned, tools),
    )


def _changed_since_review(change: Change, root: Path, tools: Tools) -> tuple[str, ...]:
    """Files whose bytes are not those of the review's subjects, and files of the branch it never saw."""
    sha256 = change.passed[Stage.REVIEW]
    data = next(data for _, data in envelopes(change, root, tools) if digest(data) == sha256)
    statement = open_envelope(data, trusted_keys(change, root, tools)).statement
    seen = {subject.file: subject.sha256 for subject in statement.subjects if subject.file}
    edited = [path for path, expected in seen.items() if digest(tools.folder.read(root, path) or b"") != expected]
    branch = tools.repository.changed(change.base_commit, root)
    gone = {path for path in statement.facts.get(REMOVED, ()) if tools.folder.read(root, path) is None}
    unseen = [
        path for path in branch if path not in {*seen, *gone} and not path.startswith(f"{change.folder}/evidence/")
    ]
    return tuple(sorted({*edited, *unseen}))


def _base_conflicts(change: Change, planned: Design, tools: Tools) -> tuple[str, ...]:
    """What moved on the base since the change began, and stands in its way.

    Files that it writes; policy; and every dataset upstream or downstream of what it touches, however far: their
    versions would not be those that were reviewed.
    """
    head = tools.repository.head()
    moved = set(tools.repository.changed_between(change.base_commit, head))
    if not moved:
        return ()
    conflicts = moved & {*planned.paths, SETTINGS_FILE}
    now = project_at(tools, head)
    since = compare_projects(planned.base, now)
    near = set(planned.difference.touched)
    for project in (planned.project, now):
        near |= {*project.upstream(*near), *project.downstream(*near)}
    for name in near & {*since.touched, *since.removed}:
        dataset = now.datasets.get(name) or planned.base.datasets[name]
        conflicts.add(dataset.file)
    return tuple(sorted(conflicts))


def _merge(change: Change, planned: Design, tools: Tools) -> Change:
    if change.merge_commit is not None:
        return change
    if tools.repository.is_merged(change.branch):
        commit = tools.repository.head()
    else:
        message = f"{change.id}: {planned.story.title}\n\nPenstock-Change: {change.id}"
        commit = tools.repository.merge(change.branch, message, change.author)
    tools.journal.append(ChangeMerged(change=change.id, commit=commit))
    return find_change(tools.journal, change.id)


def _promote(change: Change, planned: Design, root: Path, tools: Tools) -> Change:
    if change.promotion is None:
        production = tools.runtime.production()
        reason = f"deploy {change.id}"
        promotion = tools.runtime.promote(target_mapping(production, planned), reason)
        row = tools.journal.rows("promotions", promotion=promotion)[0]
        review = json.loads(tools.folder.read(root, f"{change.folder}/{REVIEW_JSON}") or b"{}")
        promoted = ChangePromoted(
            change=change.id,
            promotion=promotion,
            previous=json.loads(str(row["previous"])),
            observe_from=str(review["until"]),
        )
        tools.journal.append(promoted)
        change = find_change(tools.journal, change.id)
    path = find_statement(change, Link.DEPLOYMENT, tools.root, tools)
    if path is None:
        facts = {"promotion": change.promotion, "merge": change.merge_commit, "environment": "prod"}
        mapping = tools.runtime.production()
        things = tuple(
            Subject(name=f"environment:prod/{name}", sha256=digest(mapping[name].encode()))
            for name in planned.difference.touched
        )
        sealing = Sealing(files=(), things=things, facts=facts)
        path, _ = write_statement(change, Link.DEPLOYMENT, sealing, tools.root, tools, signer=change.author)
    _commit(change, f"{change.id}: record the promotion", path, tools)
    return change


def window_of(change: Change, planned: Design) -> tuple[Interval, ...]:
    """The intervals to watch: the next ones, or, where none will ever come, the last ones again."""
    project = planned.project
    touched = [project.datasets[name] for name in planned.difference.touched]
    grains = [dataset.interval.grain for dataset in touched if dataset.interval is not None]
    start = parse_moment(change.observe_from or change.until)
    if not grains:
        return ()
    grain = min(grains, key=list(Grain).index)
    ends = [project.pipeline_of(dataset.name).end for dataset in touched]
    end = max((moment for moment in ends if moment is not None), default=None) if None not in ends else None
    count = planned.story.observe_intervals
    start = grain.floor(start)
    if end is not None and start >= end:
        start = grain.step(start, -count)
    first = min(project.pipeline_of(dataset.name).start for dataset in touched)
    intervals = [Interval(grain.step(start, n), grain.step(start, n + 1)) for n in range(count)]
    return tuple(i for i in intervals if i.start >= first and (end is None or i.end <= end))


def _observe(change: Change, planned: Design, interval: Interval, root: Path, tools: Tools) -> Verdict:
    """Judge one interval in production and record it; one that failed is where going back begins."""
    verdict = _judge(change, planned, interval, root, tools)
    held = verdict.outcome is not Outcome.FAIL
    observed = IntervalObserved(
        change=change.id, interval=str(interval), state="held" if held else "failed", detail=verdict.summary
    )
    reason = f"the observation window failed at {interval}: {verdict.summary}"
    begun = () if held else (RollbackBegun(change=change.id, reason=reason, by=ITSELF),)
    tools.journal.append(observed, *begun)
    return verdict


def _judge(change: Change, planned: Design, interval: Interval, root: Path, tools: Tools) -> Verdict:
    """One interval in production, and beside it the version before, so that going back loses no day."""
    runtime = tools.runtime
    outcome = runtime.build(planned.project, interval.end, f"observation of {change.id}", root=root)
    if change.previous:
        tree = base_tree(change, planned.base, tools)
        standby = runtime.build(planned.base, interval.end, f"standby for {change.id}", root=tree)
        outcome = replace(outcome, findings=(*outcome.findings, *standby.findings))
    touched = set(planned.difference.touched)
    checks = runtime.judge(planned.project, interval)
    objectives = runtime.objectives(planned.project, interval, outcome.seconds)
    return gates.judge_all(
        gates.OBSERVATION,
        ObservationFacts(
            story=planned.story,
            policy=policy_at(tools, change.base_commit),
            interval=str(interval),
            run_findings=outcome.findings,
            checks=tuple(result for name in sorted(touched) for result in checks.get(name, ())),
            objectives=objectives,
        ),
    )[0]


def _wait(
    change: Change, window: tuple[Interval, ...], missing: Interval, verdicts: tuple[Verdict, ...], tools: Tools
) -> StageReport:
    done = len(change.observations)
    reason = (
        f"in production; {done} of {len(window)} intervals of the observation window are through, "
        f"the next ends at {stamp(missing.end)}"
    )
    stopped = StageStopped(change=change.id, stage=Stage.DEPLOYMENT, state="waiting", reason=reason)
    tools.journal.append(stopped)
    return _report(change, verdicts, reason.capitalize() + ".\n")


def _go_back(change: Change, verdicts: tuple[Verdict, ...], tools: Tools) -> StageReport:
    begun = rollback.decision(change, tools)
    rollback.roll_back(change, by=begun.by, reason=begun.reason, tools=tools, verdicts=verdicts)
    return _report(change, verdicts, f"Rolled back: {begun.reason}\n")


def _finish_going_back(change: Change, tools: Tools) -> StageReport:
    """Finish a rollback that a crash broke off; where a failed interval began it, its findings are looked up again."""
    failed = [interval for interval, state in change.observations.items() if state == "failed"]
    if not failed:
        return _go_back(change, (), tools)
    root = enter(change, Stage.DEPLOYMENT, tools)
    planned = branch_design(change, root, tools)
    interval = next(interval for interval in window_of(change, planned) if str(interval) == failed[0])
    return _go_back(change, (_judge(change, planned, interval, root, tools),), tools)


def _finish(
    change: Change, planned: Design, window: tuple[Interval, ...], verdicts: tuple[Verdict, ...], tools: Tools
) -> StageReport:
    rows = {str(row["interval"]): str(row["detail"]) for row in tools.journal.rows("observations", change=change.id)}
    page = rollout_page(change, planned, [(str(interval), rows.get(str(interval), "")) for interval in window])
    path = f"{change.folder}/{ROLLOUT}"
    if find_statement(change, Link.OBSERVATION, tools.root, tools) is None:
        tools.folder.write(tools.root, path, page.encode())
        facts = {"intervals": {str(interval): "held" for interval in window}}
        sealing = Sealing(files=(path,), verdicts=verdicts, facts=facts)
        write_statement(change, Link.OBSERVATION, sealing, tools.root, tools, signer=change.author)
    commit = _commit(change, f"{change.id}: close the observation window", change.folder, tools)
    sha256 = digest(envelopes(change, tools.root, tools)[-1][1])
    passed = StagePassed(change=change.id, stage=Stage.DEPLOYMENT, commit=commit, envelope_sha256=sha256)
    tools.journal.append(passed)
    close_trees(change, tools)
    return _report(change, verdicts, page)


def _commit(change: Change, message: str, path: str, tools: Tools) -> str:
    return tools.repository.commit(tools.root, message, [path], change.author, at=tools.now())


def _report(change: Change, verdicts: tuple[Verdict, ...], message: str) -> StageReport:
    artefacts = (f"{change.folder}/{ROLLOUT}",)
    seen = len(change.observations)
    headline = f"promoted as {change.promotion}; {seen} interval(s) observed" if change.promotion else "not promoted"
    return StageReport(
        change=change.id,
        stage=Stage.DEPLOYMENT,
        verdicts=verdicts,
        headline=headline,
        message=message,
        artefacts=artefacts,
    )
