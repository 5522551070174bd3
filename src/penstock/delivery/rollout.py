"""The steps between approval and promotion: the new versions beside production, then before chosen readers.

Invariants: production is not touched; an interval counts once it is built and judged on both sides and that is
recorded; environments of canaries show what production shows whenever no canary of theirs is under way, so whatever a
crash left is put right by the next command that comes here.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from penstock.delivery.changes import list_changes
from penstock.delivery.review import REVIEW_JSON, row_filters, target_mapping
from penstock.delivery.stages import ENDED
from penstock.delivery.tools import base_tree, policy_at
from penstock.delivery.windows import intervals_from
from penstock.ledger.facts import RollbackBegun, RolloutBegun, RolloutCompared
from penstock.model.findings import Outcome
from penstock.model.intervals import Interval, parse_moment, stamp
from penstock.policy import gates
from penstock.policy.facts import RolloutFacts

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from pathlib import Path

    from penstock.delivery.changes import Change
    from penstock.delivery.design import Design
    from penstock.delivery.tools import Tools
    from penstock.model.findings import Verdict

ITSELF = "penstock"
"""Who goes back when nobody was asked."""


FOLLOWING = "as production"
"""Why an environment of a canary shows what it shows when none is under way."""
CANARY_OF = "canary of "
"""Why it shows a change's versions, before the change's id."""


class RolloutStep(StrEnum):
    """A step before the promotion."""

    SHADOW = "shadow"
    CANARY = "canary"


@dataclass(frozen=True, slots=True, kw_only=True)
class Leg:
    """One interval of a step."""

    step: RolloutStep
    interval: Interval

    @property
    def key(self) -> tuple[str, str]:
        """As the ledger names it."""
        return str(self.step), str(self.interval)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reached:
    """How far the steps came: all through, or `waiting` for what is said, or stopped by a verdict at `failed`."""

    waiting: str = ""
    failed: tuple[Leg, Verdict] | None = None


def legs_of(change: Change, planned: Design, root: Path, tools: Tools) -> tuple[Leg, ...]:
    """Every interval of every step, in order: each begins where the one before it ends."""
    rollout = planned.story.rollout
    start = reviewed_until(change, root, tools)
    legs: list[Leg] = []
    for step, count in ((RolloutStep.SHADOW, rollout.shadow), (RolloutStep.CANARY, rollout.canary)):
        intervals = intervals_from(planned, start, count)
        legs += [Leg(step=step, interval=interval) for interval in intervals]
        start = max((interval.end for interval in intervals), default=start)
    return tuple(legs)


def reviewed_until(change: Change, root: Path, tools: Tools) -> datetime:
    """Up to when data was reviewed."""
    review = json.loads(tools.folder.read(root, f"{change.folder}/{REVIEW_JSON}") or b"{}")
    return parse_moment(str(review["until"]))


def carry_out(change: Change, planned: Design, arrived: datetime, root: Path, tools: Tools) -> Reached:
    """Do what is missing of the steps, as far as the data that arrived allows."""
    legs = legs_of(change, planned, root, tools)
    for number, leg in enumerate(legs):
        if leg.key in change.compared:
            continue
        _begin(change, leg.step, planned, tools)
        if leg.interval.end > arrived:
            done = f"{number} of {len(legs)} intervals before the promotion are through"
            return Reached(waiting=f"{leg.step}: {done}, the next ends at {stamp(leg.interval.end)}")
        verdict = judge(change, planned, leg, root, tools)
        if verdict.counts is Outcome.NEEDS_PERSON:
            return Reached(waiting=f"{leg.step}: {verdict.summary.rstrip('.')}")
        _record(change, leg, verdict, tools)
        if verdict.counts is Outcome.FAIL:
            return Reached(failed=(leg, verdict))
    return Reached()


def _begin(change: Change, step: RolloutStep, planned: Design, tools: Tools) -> None:
    """Record that a step begins; during a canary its environments show the change, over production as it is now."""
    environments = planned.story.rollout.environments if step is RolloutStep.CANARY else ()
    if not tools.journal.rows("rollout", change=change.id, step=str(step), interval=""):
        tools.journal.append(RolloutBegun(change=change.id, step=step, environments=json.dumps(environments)))
    mapping = target_mapping(tools.runtime.production(), planned)
    for environment in environments:
        if tools.runtime.shown(environment) != mapping:
            tools.runtime.promote(mapping, f"{CANARY_OF}{change.id}", environment)


def judge(change: Change, planned: Design, leg: Leg, root: Path, tools: Tools) -> Verdict:
    """Build one interval for production's versions and for the change's, and judge and compare the two."""
    runtime, interval = tools.runtime, leg.interval
    production = runtime.production()
    standing = None
    if production:
        tree = base_tree(change, planned.base, tools)
        standing = runtime.build(planned.base, interval.end, f"production beside {change.id}", root=tree)
    shadow = runtime.build(planned.project, interval.end, f"shadow of {change.id}", root=root)
    failed = bool(shadow.findings) or bool(standing and standing.findings)
    compared = () if failed else tuple(name for name in planned.difference.touched if name in production)
    filters = row_filters(planned, compared)
    checks = {} if failed else runtime.judge(planned.project, interval)
    facts = RolloutFacts(
        story=planned.story,
        policy=policy_at(tools, change.base_commit),
        step=leg.step,
        interval=str(interval),
        production_findings=standing.findings if standing else (),
        run_findings=shadow.findings,
        checks=tuple(result for name in planned.difference.touched for result in checks.get(name, ())),
        objectives=() if failed else runtime.objectives(planned.project, interval, shadow.seconds),
        diffs=runtime.compare(production, planned.project, compared),
        outside=runtime.compare_outside(production, planned.project, filters),
    )
    return gates.judge_all(gates.ROLLOUT, facts)[0]


def _record(change: Change, leg: Leg, verdict: Verdict, tools: Tools) -> None:
    """Record an interval; one that failed is where going back begins."""
    held = verdict.counts is not Outcome.FAIL
    step, interval = leg.key
    compared = RolloutCompared(
        change=change.id, step=step, interval=interval, state="held" if held else "failed", detail=verdict.summary
    )
    begun = () if held else (RollbackBegun(change=change.id, reason=f"{step}: {verdict.summary}", by=ITSELF),)
    tools.journal.append(compared, *begun)


def follow_production(tools: Tools, *, ending: str = "") -> None:
    """Let every environment that a canary had show what production shows, but for canaries under way.

    `ending` is a change whose canary is over, or may not be shown, though the ledger does not say so. One that began
    again has none under way, and what it had is found among the promotions.
    """
    shown = (row for row in tools.journal.rows("promotions") if str(row["reason"]).startswith(CANARY_OF))
    free = {str(row["environment"]) for row in shown}
    if not free:
        return
    begun = tools.journal.rows("rollout", step=str(RolloutStep.CANARY), interval="")
    busy = {each.id for each in list_changes(tools.journal) if each.state not in ENDED and not each.promotion}
    wanted = {str(row["change"]): set(json.loads(str(row["detail"]))) for row in begun}
    for change, environments in wanted.items():
        if change in busy and change != ending:
            free -= environments
    production = tools.runtime.production()
    for environment in sorted(free):
        if tools.runtime.shown(environment) != production:
            tools.runtime.promote(production, FOLLOWING, environment)


def steps_json(change: Change, tools: Tools) -> dict[str, Mapping[str, str]]:
    """What was recorded of the steps, as the statement of the promotion holds it."""
    found: dict[str, dict[str, str]] = {}
    for row in tools.journal.rows("rollout", change=change.id):
        if row["interval"]:
            found.setdefault(str(row["step"]), {})[str(row["interval"])] = str(row["detail"])
    return {step: dict(sorted(intervals.items())) for step, intervals in sorted(found.items())}


def failed_leg(change: Change, planned: Design, root: Path, tools: Tools) -> tuple[Leg, Verdict]:
    """The interval that stopped a change, judged again."""
    legs = legs_of(change, planned, root, tools)
    leg = next(leg for leg in legs if change.compared.get(leg.key) == "failed")
    return leg, judge(change, planned, leg, root, tools)
