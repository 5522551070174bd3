"""An acceptance criterion does not hold on the shadow data, or was not measured there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from penstock.model.findings import Finding, Place
from penstock.policy.verdicts import counted, failed, listed, not_applicable, passed

if TYPE_CHECKING:
    from penstock.model.findings import Verdict
    from penstock.model.stories import Criterion, Story
    from penstock.policy.facts import CriterionResult, ReviewFacts

GATE = "unmet_criterion"
_EXAMPLES = 3


def judge(facts: ReviewFacts) -> Verdict:
    """Refuse until every criterion of this story, and of those before it that stand, returns no row."""
    story = facts.story
    wanted = (*story.criteria, *story.standing)
    measured = {_name(result.criterion, story) for result in facts.criteria}
    unmeasured = [criterion for criterion in wanted if _name(criterion, story) not in measured]
    unmet = [result for result in facts.criteria if result.offending > 0]
    total = len(facts.criteria) + len(unmeasured)
    if total == 0:
        return not_applicable(GATE, "There is no acceptance criterion.")
    counts = counted(total, "criterion", "criteria")
    if not unmet and not unmeasured:
        return passed(GATE, f"{counts} measured on the shadow data, all met.")
    named = listed([_name(one.criterion, story) for one in unmet] + [_name(one, story) for one in unmeasured])
    findings = [*(_unmet(one, story) for one in unmet), *(_unmeasured(one, story) for one in unmeasured)]
    return failed(GATE, f"{len(unmet):,} unmet and {len(unmeasured):,} unmeasured of {counts}: {named}.", findings)


def _name(criterion: Criterion, story: Story) -> str:
    return f"{criterion.story or story.id}.{criterion.id}"


def _place(criterion: Criterion, story: Story) -> Place:
    if criterion.story not in {"", story.id}:
        return Place()
    return Place(file=story.file, line=story.lines.get(f"acceptance.{criterion.id}"))


def _unmet(result: CriterionResult, story: Story) -> Finding:
    rows = counted(result.offending, "row")
    examples = "; ".join(result.examples[:_EXAMPLES])
    return Finding(
        code=f"gate.{GATE}",
        message=f"{_name(result.criterion, story)} is not met: {result.criterion.text}",
        place=_place(result.criterion, story),
        found=f"{rows} contradicting it" + (f", for instance {examples}" if examples else ""),
        expected="no row",
        remedy="mend the change; a criterion of an earlier story that no longer holds is named under `retire`",
    )


def _unmeasured(criterion: Criterion, story: Story) -> Finding:
    return Finding(
        code=f"gate.{GATE}.unmeasured",
        message=f"{_name(criterion, story)} was not measured: {criterion.text}",
        place=_place(criterion, story),
        found="no result",
        expected="its query run on the shadow data",
        remedy="clear what kept the shadow run from it, and resume the change",
    )
