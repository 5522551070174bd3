"""Built again from the same inputs, a dataset is another one: a retry, or a rebuild, would change what readers see."""

from __future__ import annotations

from typing import TYPE_CHECKING

from penstock.model.findings import Finding, Place, Severity, blocking
from penstock.policy.verdicts import carried, counted, failed, listed, not_applicable, passed
from penstock.quality.rerunning import NoRepeat, Repeat

if TYPE_CHECKING:
    from penstock.model.findings import Verdict
    from penstock.policy.facts import ReviewFacts
    from penstock.quality.rerunning import Rerun

GATE = "unrepeatable_build"


def judge(facts: ReviewFacts) -> Verdict:
    """Refuse a dataset whose rows depend on when, or in which order, they are made, or that cannot be made again."""
    if blocking(facts.run_findings):
        return not_applicable(GATE, "The shadow run failed, so nothing could be built a second time.")
    if not facts.reruns:
        return not_applicable(GATE, "The change makes or alters nothing that stores rows.")
    different = [one for one in facts.reruns if one.repeat is Repeat.DIFFERENT or one.unstable]
    broken = [one for one in facts.reruns if one.why is NoRepeat.FAILS]
    tried = [one for one in facts.reruns if one.repeat is not Repeat.NOT_TRIED]
    notes = [_untried(one) for one in facts.reruns if one.repeat is Repeat.NOT_TRIED and one not in broken]
    if broken:
        findings = [*map(_broken, broken), *(finding for one in different for finding in _findings(one))]
        return failed(GATE, f"{listed(one.dataset for one in broken)} cannot be built again.", [*findings, *notes])
    if different:
        names = listed(one.dataset for one in different)
        findings = [finding for one in different for finding in _findings(one)]
        return failed(GATE, f"Built again from the same inputs, {names} would be otherwise.", [*findings, *notes])
    rest = f"; {counted(len(notes), 'dataset')} not tried" if notes else ""
    return passed(
        GATE, f"{counted(len(tried), 'dataset')} built again from the same inputs: the same rows{rest}.", notes
    )


def _findings(one: Rerun) -> list[Finding]:
    found = list(carried(GATE, _as_errors(one)))
    if one.repeat is Repeat.DIFFERENT:
        found.append(
            Finding(
                code=f"gate.{GATE}",
                message=f"two builds of {one.dataset} over {one.span} from the same inputs differ",
                place=Place(file=one.file, dataset=one.dataset),
                found=f"{one.differing:,} of {one.rows:,} rows otherwise",
                expected="the same rows each time",
                remedy="give every choice among rows a full order (ORDER BY … with a unique last column, also in"
                " windows, first(), any_value(), LIMIT, string_agg), and take no clock or chance into the query",
            )
        )
    return found


def _as_errors(one: Rerun) -> list[Finding]:
    return [
        Finding(
            code=warning.code,
            message=f"{one.dataset}: {warning.message}",
            place=warning.place,
            found=warning.found,
            expected=warning.expected,
            remedy=warning.remedy,
        )
        for warning in one.unstable
    ]


def _broken(one: Rerun) -> Finding:
    return Finding(
        code=f"gate.{GATE}.fails",
        message=f"{one.dataset} was built once, and its query fails when it is run again over {one.span}",
        place=Place(file=one.file, dataset=one.dataset),
        found=one.cause.message if one.cause else None,
        expected="a query that can be run as often as a retry needs",
        remedy="mend what the message names; a retry or a backfill in production would fail in the same way",
    )


def _untried(one: Rerun) -> Finding:
    return Finding(
        code=f"gate.{GATE}.not_tried",
        message=f"{one.dataset} was not built a second time: {one.why}",
        severity=Severity.NOTE,
        place=Place(file=one.file, dataset=one.dataset),
        found=one.cause.message if one.cause else None,
    )
