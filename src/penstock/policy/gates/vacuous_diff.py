"""A changed query gives the same rows as before, and no row showed what changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from penstock.model.findings import Finding, Place, Severity, blocking
from penstock.policy.verdicts import counted, judged, listed, not_applicable
from penstock.quality.exercise import Comparison

if TYPE_CHECKING:
    from penstock.model.findings import Verdict
    from penstock.policy.facts import ReviewFacts
    from penstock.quality.exercise import Exercise, PlaceSeen

GATE = "vacuous_diff"


def judge(facts: ReviewFacts) -> Verdict:
    """Refuse an empty difference that shows nothing; mention every other changed place that nothing went through.

    It blocks where rows are known that would differ and nobody has tried such rows, also where rows went through and
    others hid it, and where made-up rows did not get through the query at all, so that nothing is known of it.
    """
    if blocking(facts.run_findings):
        return not_applicable(GATE, "The shadow run failed, so no query was tried on data.")
    if not facts.exercises:
        return not_applicable(GATE, "No query that was in production before is another one now.")
    findings = tuple(_finding(one, seen) for one in facts.exercises for seen in one.unseen)
    hidden = tuple(_hidden(one, seen) for one in facts.exercises for seen in one.outweighed)
    places = sum(len(one.places) for one in facts.exercises)
    vacuous = sorted({str(finding.place.dataset) for finding in (*blocking(findings), *hidden)})
    said = f"; {len(findings):,} not, which the dossier lists" if findings else ""
    return judged(
        GATE,
        (*findings, *hidden),
        good=f"{counted(places, 'changed place')} in {_queries(facts)}: {places - len(findings):,} gone through{said}.",
        bad=f"Nothing moved in {listed(vacuous)}, and no row showed what changed there.",
    )


def _queries(facts: ReviewFacts) -> str:
    return counted(len(facts.exercises), "query", "queries")


def _finding(one: Exercise, seen: PlaceSeen) -> Finding:
    blocks = one.comparison is Comparison.NOT_EXERCISED and (seen.witness is not None or not seen.tried)
    return Finding(
        code=f"gate.{GATE}",
        message=f"neither rows nor a data test went through what changed in {one.dataset}: {_edit(seen)}",
        severity=Severity.ERROR if blocks else Severity.WARNING,
        place=Place(file=one.file, line=seen.place.line, excerpt=seen.place.excerpt, dataset=one.dataset),
        found=_figures(seen),
        expected="rows that old and new treat differently, in the data or in a data test",
        remedy=_remedy(one, seen),
    )


def _hidden(one: Exercise, seen: PlaceSeen) -> Finding:
    return Finding(
        code=f"gate.{GATE}.outweighed",
        message=f"rows took another way in {one.dataset}, and others hid what became of them: {_edit(seen)}",
        place=Place(file=one.file, line=seen.place.line, excerpt=seen.place.excerpt, dataset=one.dataset),
        found=f"{_figures(seen)}; the answer is the same as before",
        expected="rows that old and new answer differently, in the data or in a data test",
        remedy=_remedy(one, seen),
    )


def _edit(seen: PlaceSeen) -> str:
    place = seen.place
    if place.old is None or place.new is None:
        return f"{place.kind} {'removed' if place.new is None else 'added'}: {place.new or place.old or place.excerpt}"
    return f"{place.old} → {place.new}"


def _figures(seen: PlaceSeen) -> str:
    if seen.tally is None:
        return str(seen.grounds)
    tally = seen.tally
    figures = f"{tally.rows:,} rows seen, old takes {tally.old:,}, new takes {tally.new:,}, {tally.crossing:,} cross"
    sides = "".join(f"; {text}: {count:,}" for text, count in (seen.sides.met if seen.sides else ()))
    return f"{seen.grounds}: {figures}{sides}"


def _remedy(one: Exercise, seen: PlaceSeen) -> str:
    if seen.witness is None and not seen.tried:
        return f"no made-up row gets through {one.dataset}: write a data test whose rows old and new treat differently"
    if seen.witness is None:
        return f"look at it by hand: no made-up row told the old query of {one.dataset} from the new one"
    said = f"add a data test for {one.dataset}, for instance {seen.witness.given}: {seen.witness.apart}"
    return (
        f"{said}\nsuch a case, under `cases:` of its test file, once you have read what it expects:\n{seen.case}"
        if seen.case
        else said
    )
