"""Every gate of every stage, by the name of the fault it catches.

A gate is one pure function in one module, `judge(facts) -> Verdict`; a stage ends when its gates let it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from penstock.model.findings import Outcome
from penstock.policy.gates import (
    broken_project,
    broken_source,
    diverging_rollout,
    exposed_personal_data,
    failed_observation,
    failed_run,
    failing_tests,
    hand_edited_files,
    impact_mismatch,
    low_quality,
    missing_approval,
    missing_contract,
    moved_base,
    multiplying_join,
    open_questions,
    personal_data_in_sample,
    protected_file,
    removed_dataset,
    schedule_changed,
    secret_in_diff,
    slices_differ,
    stale_approval,
    thin_documentation,
    undeclared_impact,
    unmeasurable_criterion,
    unmet_criterion,
    unplanned_file,
    unproved_criterion,
    unrehearsed_rollback,
    vacuous_diff,
    weak_tests,
    weakened_contract,
)

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
    )

Facts = TypeVar("Facts")

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
    "missing_contract": missing_contract.judge,
    "weakened_contract": weakened_contract.judge,
    "exposed_personal_data": exposed_personal_data.judge,
    "personal_data_in_sample": personal_data_in_sample.judge,
    "schedule_changed": schedule_changed.judge,
    "removed_dataset": removed_dataset.judge,
    "thin_documentation": thin_documentation.judge,
}
REVIEW: Mapping[str, Callable[[ReviewFacts], Verdict]] = {
    "failed_run": failed_run.judge,
    "low_quality": low_quality.judge,
    "unmet_criterion": unmet_criterion.judge,
    "impact_mismatch": impact_mismatch.judge,
    "vacuous_diff": vacuous_diff.judge,
    "slices_differ": slices_differ.judge,
    "weak_tests": weak_tests.judge,
    "multiplying_join": multiplying_join.judge,
    "unrehearsed_rollback": unrehearsed_rollback.judge,
}
DEPLOYMENT: Mapping[str, Callable[[DeploymentFacts], Verdict]] = {
    "missing_approval": missing_approval.judge,
    "stale_approval": stale_approval.judge,
    "moved_base": moved_base.judge,
}
ROLLOUT: Mapping[str, Callable[[RolloutFacts], Verdict]] = {
    "diverging_rollout": diverging_rollout.judge,
}
OBSERVATION: Mapping[str, Callable[[ObservationFacts], Verdict]] = {
    "failed_observation": failed_observation.judge,
}


def judge_all(gates: Mapping[str, Callable[[Facts], Verdict]], facts: Facts) -> tuple[Verdict, ...]:
    """The verdict of each gate, in their order; none is left out because another failed."""
    return tuple(judge(facts) for judge in gates.values())


def combined(verdicts: Iterable[Verdict]) -> Outcome:
    """What the verdicts say together: one failure fails, else one person is waited for, else one pass passes.

    Where no gate passed because none applied, nothing was shown, and so it is `not_applicable`.
    """
    outcomes = {verdict.outcome for verdict in verdicts}
    order = (Outcome.FAIL, Outcome.NEEDS_PERSON, Outcome.PASS)
    return next((outcome for outcome in order if outcome in outcomes), Outcome.NOT_APPLICABLE)
