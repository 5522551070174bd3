"""Every gate of every stage, by the name of the fault it catches.

A gate is one pure function in one module, `judge(facts) -> Verdict`; a stage ends when its gates let it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeVar

from penstock.model.environments import PRODUCTION
from penstock.model.findings import Outcome
from penstock.policy.gates import (
    broken_project,
    broken_source,
    copied_person,
    costlier_run,
    destructive_operation,
    diverging_rollout,
    expired_waiver,
    exposed_personal_data,
    failed_observation,
    failed_run,
    failing_tests,
    hand_edited_files,
    impact_mismatch,
    low_quality,
    missed_sla,
    missing_approval,
    missing_contract,
    missing_retention,
    missing_retries,
    moved_base,
    multiplying_join,
    open_questions,
    personal_data_in_sample,
    protected_file,
    removed_dataset,
    schedule_changed,
    secret_in_diff,
    secret_in_output,
    slices_differ,
    stale_approval,
    thin_documentation,
    undeclared_impact,
    unmasked_export,
    unmeasurable_criterion,
    unmet_criterion,
    unpinned_dependency,
    unplanned_file,
    unproved_criterion,
    unrehearsed_rollback,
    unrepeatable_build,
    vacuous_diff,
    weak_tests,
    weakened_contract,
    weakened_source,
    weakened_test,
)
from penstock.policy.ruling import asked, ruled, unasked

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from penstock.model.findings import Verdict
    from penstock.policy.facts import (
        DeploymentFacts,
        DesignFacts,
        DiscoveryFacts,
        ImplementationFacts,
        ObservationFacts,
        ReviewFacts,
        RolloutFacts,
        WaiverFacts,
    )
    from penstock.policy.rules import Policy


class Judged(Protocol):
    """Facts of a stage: they hold the policy by which they are judged."""

    @property
    def policy(self) -> Policy:
        """The policy of the base revision."""


Facts = TypeVar("Facts", bound=Judged)

DISCOVERY: Mapping[str, Callable[[DiscoveryFacts], Verdict]] = {
    "open_questions": open_questions.judge,
    "unmeasurable_criterion": unmeasurable_criterion.judge,
    "broken_source": broken_source.judge,
}
DESIGN: Mapping[str, Callable[[DesignFacts], Verdict]] = {
    "undeclared_impact": undeclared_impact.judge,
    "unproved_criterion": unproved_criterion.judge,
    "hand_edited_files": hand_edited_files.judge,
}
IMPLEMENTATION: Mapping[str, Callable[[ImplementationFacts], Verdict]] = {
    "broken_project": broken_project.judge,
    "failing_tests": failing_tests.judge,
    "unplanned_file": unplanned_file.judge,
    "protected_file": protected_file.judge,
    "secret_in_diff": secret_in_diff.judge,
    "secret_in_output": secret_in_output.judge,
    "unpinned_dependency": unpinned_dependency.judge,
    "missing_contract": missing_contract.judge,
    "missing_retries": missing_retries.judge,
    "missing_retention": missing_retention.judge,
    "weakened_contract": weakened_contract.judge,
    "weakened_source": weakened_source.judge,
    "weakened_test": weakened_test.judge,
    "exposed_personal_data": exposed_personal_data.judge,
    "unmasked_export": unmasked_export.judge,
    "personal_data_in_sample": personal_data_in_sample.judge,
    "schedule_changed": schedule_changed.judge,
    "removed_dataset": removed_dataset.judge,
    "destructive_operation": destructive_operation.judge,
    "thin_documentation": thin_documentation.judge,
}
REVIEW: Mapping[str, Callable[[ReviewFacts], Verdict]] = {
    "failed_run": failed_run.judge,
    "low_quality": low_quality.judge,
    "copied_person": copied_person.judge,
    "unmet_criterion": unmet_criterion.judge,
    "impact_mismatch": impact_mismatch.judge,
    "vacuous_diff": vacuous_diff.judge,
    "slices_differ": slices_differ.judge,
    "unrepeatable_build": unrepeatable_build.judge,
    "costlier_run": costlier_run.judge,
    "missed_sla": missed_sla.judge,
    "weak_tests": weak_tests.judge,
    "multiplying_join": multiplying_join.judge,
    "unrehearsed_rollback": unrehearsed_rollback.judge,
}
DEPLOYMENT: Mapping[str, Callable[[DeploymentFacts], Verdict]] = {
    "missing_approval": missing_approval.judge,
    "stale_approval": stale_approval.judge,
    "moved_base": moved_base.judge,
    "expired_waiver": expired_waiver.judge,
}
ROLLOUT: Mapping[str, Callable[[RolloutFacts], Verdict]] = {
    "diverging_rollout": diverging_rollout.judge,
}
OBSERVATION: Mapping[str, Callable[[ObservationFacts], Verdict]] = {
    "failed_observation": failed_observation.judge,
}


def judge_all(
    gates: Mapping[str, Callable[[Facts], Verdict]],
    facts: Facts,
    *,
    waivers: Iterable[WaiverFacts] = (),
    environment: str = PRODUCTION,
) -> tuple[Verdict, ...]:
    """The verdict of each gate, in their order; none is left out because another failed.

    What a gate says is kept; the facts' policy and `waivers` rule what it counts for in an environment.
    """
    given = tuple(waivers)
    return tuple(_judged(name, judge, facts, given, environment) for name, judge in gates.items())


def _judged(
    name: str, judge: Callable[[Facts], Verdict], facts: Facts, waivers: tuple[WaiverFacts, ...], environment: str
) -> Verdict:
    rule = facts.policy.rule_of(name)
    why = asked(rule, environment)
    return unasked(name, why) if why is not None else ruled(judge(facts), rule, waivers)


def combined(verdicts: Iterable[Verdict]) -> Outcome:
    """What the verdicts count for together: one failure fails, else one person is waited for, else one pass passes.

    Where no gate passed because none applied, nothing was shown, and so it is `not_applicable`.
    """
    outcomes = {verdict.counts for verdict in verdicts}
    order = (Outcome.FAIL, Outcome.NEEDS_PERSON, Outcome.PASS)
    return next((outcome for outcome in order if outcome in outcomes), Outcome.NOT_APPLICABLE)
