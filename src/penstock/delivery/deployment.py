"""Stage 5: merge, promote in one swap, watch the next intervals, keep the way back warm, and go back if it fails."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from penstock.author.documentation import ARCHITECTURE_FILE, architecture_page
from penstock.delivery import rollback, rollout, withdrawal
from penstock.delivery.changes import find_change
from penstock.delivery.design import branch_design
from penstock.delivery.measuring import SLOW, measure, measured_before
from penstock.delivery.pages.rollout import rollout_page
from penstock.delivery.review import target_mapping
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
from penstock.delivery.standing import review_statement, standing_of
from penstock.delivery.tools import base_tree, close_trees, on_base_branch, policy_at, project_at, project_in
from penstock.delivery.waiving import waivers_used
from penstock.delivery.windows import intervals_from
from penstock.evidence.canonical import digest
from penstock.evidence.statements import REMOVED, RESTORED, Link, Subject
from penstock.ledger.facts import (
    ChangeMerged,
    ChangePromoted,
    IntervalObserved,
    RollbackBegun,
    StagePassed,
    StageStopped,
)
from penstock.model.findings import Outcome
from penstock.model.intervals import parse_moment, stamp
from penstock.plan.changes import compare_projects
from penstock.policy import gates
from penstock.policy.budgets import burns
from penstock.policy.facts import DeploymentFacts, ObservationFacts
from penstock.project.layout import SETTINGS_FILE

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from penstock.delivery.changes import Change
    from penstock.delivery.design import Design
    from penstock.delivery.tools import Tools
    from penstock.model.findings import Verdict
    from penstock.model.intervals import Interval

ROLLOUT = "rollout.md"


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
    stopped = _before_promotion(change, planned, arrived, root, verdicts, tools)
    return stopped or _go_live(find_change(tools.journal, change.id), planned, arrived, root, verdicts, tools)


def _before_promotion(
    change: Change, planned: Design, arrived: datetime, root: Path, verdicts: tuple[Verdict, ...], tools: Tools
) -> StageReport | None:
    """Do the steps that come before the promotion; how it ended if one of them waits or failed."""
    if change.merge_commit is not None:
        return None
    reached = rollout.carry_out(change, planned, arrived, root, tools)
    if reached.failed is not None:
        return _withdraw(change, planned, reached.failed, root, tools)
    return _stay(change, reached.waiting, verdicts, tools) if reached.waiting else None


def _go_live(
    change: Change, planned: Design, arrived: datetime, root: Path, verdicts: tuple[Verdict, ...], tools: Tools
) -> StageReport:
    """Merge, promote, and watch the window as far as the data that arrived allows."""
    change = _merge(change, planned, tools)
    change = _promote(change, planned, root, tools)
    window = window_of(change, planned)
    for interval in window:
        if str(interval) in change.observations:
            continue
        if interval.end > arrived:
            return _wait(change, window, interval, verdicts, tools)
        verdict = _observe(change, planned, interval, len(window), root, tools)
        change = find_change(tools.journal, change.id)
        if verdict.counts is Outcome.FAIL:
            return _go_back(change, (*verdicts, verdict), tools)
    return _finish(change, planned, window, verdicts, tools)


def _facts(change: Change, planned: Design, root: Path, tools: Tools) -> DeploymentFacts:
    standing = standing_of(change, root, tools)
    by_hand = change.merge_commit is None and tools.repository.is_merged(change.branch)
    return DeploymentFacts(
        story=planned.story,
        policy=standing.policy,
        author=standing.author,
        author_key_id=standing.author_key_id,
        review_envelope_sha256=standing.review_envelope_sha256,
        approvals=standing.approvals,
        labels=standing.labels,
        irreversible=standing.irreversible,
        waivers=waivers_used(change, root, tools),
        changed_since_review=_changed_since_review(change, root, tools),
        changed_versions=_changed_versions(change, planned, root, tools),
        base_conflicts=()
        if change.merge_commit is not None
        else _base_conflicts(change, planned, tools, by_hand=by_hand),
        merged_by_hand=by_hand,
    )


def _changed_since_review(change: Change, root: Path, tools: Tools) -> tuple[str, ...]:
    """Files whose bytes are not those of the review's subjects, and files of the branch it never saw."""
    subjects = review_statement(change, root, tools).subjects
    seen: dict[str, str | None] = {subject.file: subject.sha256 for subject in subjects if subject.file}
    seen |= {each.name.removeprefix(REMOVED): None for each in subjects if each.name.startswith(REMOVED)}
    edited = [path for path, expected in seen.items() if _digest_of(path, root, tools) != expected]
    branch = tools.repository.changed(change.base_commit, root)
    unseen = [path for path in branch if path not in seen and not path.startswith(f"{change.folder}/evidence/")]
    return tuple(sorted({*edited, *unseen}))


def _digest_of(path: str, root: Path, tools: Tools) -> str | None:
    data = tools.folder.read(root, path)
    return None if data is None else digest(data)


def _changed_versions(change: Change, planned: Design, root: Path, tools: Tools) -> tuple[str, ...]:
    """Datasets whose version does not hold the rows reviewed; from its first step on it takes in new intervals."""
    if change.promotion is not None or tools.journal.rows("rollout", change=change.id):
        return ()
    subjects = review_statement(change, root, tools).subjects
    seen = {subject.name: subject.sha256 for subject in subjects if subject.name.startswith("version:")}
    versions = {f"version:{name}@{planned.difference.versions[name]}": name for name in planned.difference.touched}
    content = tools.runtime.content(planned.project, [name for subject, name in versions.items() if subject in seen])
    return tuple(name for subject, name in versions.items() if subject in seen and content[name][1] != seen[subject])


def _base_conflicts(change: Change, planned: Design, tools: Tools, *, by_hand: bool) -> tuple[str, ...]:
    """What moved on the base since the change began, and stands in its way.

    Files that it writes, but for the page that is drawn anew at the merge; policy; and every dataset upstream or
    downstream of what it touches, however far: their versions would not be those that were reviewed. A base that
    holds the branch already is held against that, and no longer against what it was before.
    """
    head = tools.repository.head()
    moved = set(tools.repository.changed_between(change.branch if by_hand else change.base_commit, head))
    if not moved:
        return ()
    conflicts = moved & {*planned.paths, SETTINGS_FILE} - {ARCHITECTURE_FILE}
    now = project_at(tools, head)
    since = compare_projects(planned.project if by_hand else planned.base, now)
    near = set(planned.difference.touched)
    for project in (planned.project, now):
        near |= {*project.upstream(*near), *project.downstream(*near)}
    for name in near & {*since.touched, *since.removed}:
        dataset = now.datasets.get(name) or planned.base.datasets.get(name) or planned.project.datasets[name]
        conflicts.add(dataset.file)
    return tuple(sorted(conflicts))


def _merge(change: Change, planned: Design, tools: Tools) -> Change:
    if change.merge_commit is not None:
        return change
    if tools.repository.is_merged(change.branch):
        commit = tools.repository.arrival(change.branch)
    else:
        message = f"{change.id}: {planned.story.title}\n\nPenstock-Change: {change.id}"
        commit = tools.repository.merge(change.branch, message, change.author, drawn=(ARCHITECTURE_FILE,))
    tools.journal.append(ChangeMerged(change=change.id, commit=commit))
    return find_change(tools.journal, change.id)


def _promote(change: Change, planned: Design, root: Path, tools: Tools) -> Change:
    if change.promotion is None:
        production = tools.runtime.production()
        reason = f"deploy {change.id}"
        promotion = tools.runtime.promote(target_mapping(production, planned), reason)
        row = tools.journal.rows("promotions", promotion=promotion)[0]
        legs = rollout.legs_of(change, planned, root, tools)
        reached = legs[-1].interval.end if legs else rollout.reviewed_until(change, root, tools)
        promoted = ChangePromoted(
            change=change.id,
            promotion=promotion,
            previous=json.loads(str(row["previous"])),
            observe_from=stamp(reached),
        )
        tools.journal.append(promoted)
        change = find_change(tools.journal, change.id)
    rollout.follow_production(tools)
    drawn = _draw(planned, tools)
    path = find_statement(change, Link.DEPLOYMENT, tools.root, tools)
    if path is None:
        facts: dict[str, Any] = {
            "promotion": change.promotion,
            "merge": change.merge_commit,
            "environment": "prod",
        }
        steps = rollout.steps_json(change, tools)
        facts |= {"rollout": steps} if steps else {}
        mapping = tools.runtime.production()
        things = tuple(
            Subject(name=f"environment:prod/{name}", sha256=digest(mapping[name].encode()))
            for name in planned.difference.touched
        )
        pages = (
            Subject(name=f"{RESTORED}{page}", sha256=digest(tools.folder.read(tools.root, page) or b""))
            for page in drawn
        )
        sealing = Sealing(files=(), things=(*things, *pages), facts=facts)
        path, _ = write_statement(change, Link.DEPLOYMENT, sealing, tools.root, tools, signer=change.author)
    message = f"{change.id}: record the promotion"
    tools.repository.commit(tools.root, message, [path, *drawn], change.author, at=tools.now())
    return change


def _draw(planned: Design, tools: Tools) -> tuple[str, ...]:
    """Draw the page of the project's structure anew if the change brings one: others were merged since it did."""
    if all(file.path != ARCHITECTURE_FILE for file in planned.files):
        return ()
    page = architecture_page(project_in(tools, tools.root)).encode()
    if tools.folder.read(tools.root, ARCHITECTURE_FILE) != page:
        tools.folder.write(tools.root, ARCHITECTURE_FILE, page)
    return (ARCHITECTURE_FILE,)


def window_of(change: Change, planned: Design) -> tuple[Interval, ...]:
    """The intervals to watch: the next ones, or, where none will ever come, the last ones again."""
    start = parse_moment(change.observe_from or change.until)
    return intervals_from(planned, start, planned.story.observe_intervals)


def _observe(change: Change, planned: Design, interval: Interval, window: int, root: Path, tools: Tools) -> Verdict:
    """Judge one interval in production and record it; one that failed is where going back begins."""
    verdict, measured = _judge(change, planned, interval, window, root, tools)
    held = verdict.counts is not Outcome.FAIL
    observed = IntervalObserved(
        change=change.id,
        interval=str(interval),
        state="held" if held else "failed",
        detail=verdict.summary,
        measured=measured,
    )
    reason = f"the observation window failed at {interval}: {verdict.summary}"
    begun = () if held else (RollbackBegun(change=change.id, reason=reason, by=rollout.ITSELF),)
    tools.journal.append(observed, *begun)
    return verdict


def _judge(
    change: Change, planned: Design, interval: Interval, window: int, root: Path, tools: Tools
) -> tuple[Verdict, dict[str, int]]:
    """One interval in production, and beside it the version before, so that going back loses no day."""
    runtime = tools.runtime
    outcome = runtime.build(planned.project, interval.end, f"observation of {change.id}", root=root)
    if change.previous:
        tree = base_tree(change, planned.base, tools)
        standby = runtime.build(planned.base, interval.end, f"standby for {change.id}", root=tree)
        outcome = replace(outcome, findings=(*outcome.findings, *standby.findings))
    judged = runtime.judge(planned.project, interval)
    checks = tuple(result for name in planned.difference.touched for result in judged.get(name, ()))
    objectives = runtime.objectives(planned.project, interval, outcome.seconds)
    measured = measure(change, planned, interval, checks, objectives, tools)
    budget = planned.story.monitoring.budget
    seen = {**measured_before(change, tools), str(interval): measured}
    facts = ObservationFacts(
        story=planned.story,
        policy=policy_at(tools, change.base_commit),
        interval=str(interval),
        run_findings=outcome.findings,
        checks=checks,
        objectives=tuple(one for one in objectives if one.code != SLOW or "runtime" not in budget),
        burns=burns(budget, tuple(seen.values()), window),
    )
    return gates.judge_all(gates.OBSERVATION, facts)[0], measured


def _wait(
    change: Change, window: tuple[Interval, ...], missing: Interval, verdicts: tuple[Verdict, ...], tools: Tools
) -> StageReport:
    done = len(change.observations)
    reason = (
        f"in production; {done} of {len(window)} intervals of the observation window are through, "
        f"the next ends at {stamp(missing.end)}"
    )
    return _stay(change, reason, verdicts, tools)


def _stay(change: Change, reason: str, verdicts: tuple[Verdict, ...], tools: Tools) -> StageReport:
    """Wait for what `reason` says."""
    stopped = StageStopped(change=change.id, stage=Stage.DEPLOYMENT, state="waiting", reason=reason)
    tools.journal.append(stopped)
    return _report(change, verdicts, reason.capitalize() + ".\n")


def _withdraw(
    change: Change, planned: Design, stopped: tuple[rollout.Leg, Verdict], root: Path, tools: Tools
) -> StageReport:
    """Take back what a step before the promotion stopped."""
    begun = rollback.decision(change, tools)
    withdrawal.withdraw(change, planned, begun, stopped, root, tools)
    incident = f"{change.folder}/{rollback.INCIDENT}"
    report = _report(change, (stopped[1],), f"Gone back before the promotion: {begun.reason}\n")
    return replace(report, artefacts=(incident,))


def _go_back(change: Change, verdicts: tuple[Verdict, ...], tools: Tools) -> StageReport:
    begun = rollback.decision(change, tools)
    rollback.roll_back(change, by=begun.by, reason=begun.reason, tools=tools, verdicts=verdicts)
    return _report(change, verdicts, f"Rolled back: {begun.reason}\n")


def _finish_going_back(change: Change, tools: Tools) -> StageReport:
    """Finish a rollback that a crash broke off; where a failed interval began it, its findings are looked up again."""
    failed = [interval for interval, state in change.observations.items() if state == "failed"]
    if not failed and change.promotion is not None:
        return _go_back(change, (), tools)
    root = enter(change, Stage.DEPLOYMENT, tools)
    planned = branch_design(change, root, tools)
    if change.promotion is None:
        return _withdraw(change, planned, rollout.failed_leg(change, planned, root, tools), root, tools)
    window = window_of(change, planned)
    interval = next(interval for interval in window if str(interval) == failed[0])
    verdict, _ = _judge(change, planned, interval, len(window), root, tools)
    return _go_back(change, (verdict,), tools)


def _finish(
    change: Change, planned: Design, window: tuple[Interval, ...], verdicts: tuple[Verdict, ...], tools: Tools
) -> StageReport:
    rows = {str(row["interval"]): str(row["detail"]) for row in tools.journal.rows("observations", change=change.id)}
    observed = [(str(interval), rows.get(str(interval), "")) for interval in window]
    spent = burns(planned.story.monitoring.budget, tuple(measured_before(change, tools).values()), len(window))
    page = rollout_page(change, planned, observed, rollout.steps_json(change, tools), spent)
    path = f"{change.folder}/{ROLLOUT}"
    if find_statement(change, Link.OBSERVATION, tools.root, tools) is None:
        tools.folder.write(tools.root, path, page.encode())
        facts: dict[str, Any] = {"intervals": {str(interval): "held" for interval in window}}
        facts |= {"budgets": {burn.objective: burn.words for burn in spent}} if spent else {}
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
