"""What moved on real data is not what the story says would move."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from penstock.model.findings import Finding, Place, blocking
from penstock.policy.joins import joins_behind
from penstock.policy.movements import Fault, contradictions, expects_movement, outside, unbounded
from penstock.policy.verdicts import counted, failed, not_applicable, passed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from penstock.model.findings import Verdict
    from penstock.model.stories import Impact
    from penstock.policy.facts import Multiplying, ReviewFacts
    from penstock.policy.movements import Contradiction
    from penstock.quality.comparison import DatasetDiff, RowExample

GATE = "impact_mismatch"
_EXAMPLES = 3
_WORDS = {
    Fault.UNDECLARED: "moved undeclared",
    Fault.OUT_OF_BOUNDS: "moved out of bounds",
    Fault.NEVER_CAME: "never came",
    Fault.SCHEMA: "changed the schema undeclared",
    Fault.OUTSIDE: "moved outside of the declared rows",
    Fault.COARSER: "lost its fractions",
    Fault.UNBOUNDED: "moved too far for `any`",
}


def judge(facts: ReviewFacts) -> Verdict:
    """Refuse movement that nobody declared or that goes too far, and declared movement that never came."""
    if blocking(facts.run_findings):
        return not_applicable(GATE, "The shadow run failed, so nothing could be compared.")
    diffs, impact = facts.diffs, facts.story.impact
    findings = [_finding(one, diff, facts) for diff in diffs for one in contradictions(diff, impact.get(diff.dataset))]
    findings += [_finding(one, diff, facts) for diff in facts.outside for one in outside(diff, impact[diff.dataset])]
    most = facts.policy.unbounded
    findings += [
        _finding(one, diff, facts) for diff in diffs for one in unbounded(diff, impact.get(diff.dataset), most)
    ]
    findings += _uncompared(facts)
    if findings:
        return failed(GATE, _summary(findings, facts), findings)
    if not diffs:
        return not_applicable(GATE, "Nothing that the change makes was in production before, so nothing could move.")
    moved = sum(1 for diff in diffs if not diff.empty)
    columns = sum(1 for diff in diffs for column in diff.columns if column.moved)
    summary = f"{counted(len(diffs), 'dataset')} compared with production: {moved:,} moved"
    return passed(GATE, f"{summary}, in {counted(columns, 'column')}, all as declared.")


def _summary(findings: list[Finding], facts: ReviewFacts) -> str:
    tally = Counter(finding.code.rpartition(".")[2] for finding in findings)
    parts = [f"{tally[fault]:,} {words}" for fault, words in _WORDS.items() if tally[fault]]
    datasets = counted(len({finding.place.dataset for finding in findings}), "dataset")
    compared = f"{len(facts.diffs):,} compared"
    return f"The declared impact is contradicted in {datasets} ({compared}): {', '.join(parts)}."


def _finding(one: Contradiction, diff: DatasetDiff, facts: ReviewFacts) -> Finding:
    join = next(iter(joins_behind(one, diff, facts)), None)
    examples = "; ".join(map(_example, _examples(one, diff)))
    return Finding(
        code=f"gate.{GATE}.{one.fault}",
        message=f"{_thing(one)} {_MESSAGES[one.fault]}",
        place=_place(one, join, facts),
        found=one.figures + (f"; for instance {examples}" if examples else ""),
        expected=f"{one.declared}, as the story's impact has it",
        remedy=_remedy(one, join, facts),
    )


_MESSAGES = {
    Fault.UNDECLARED: "moved and the story does not say so",
    Fault.OUT_OF_BOUNDS: "moved further than the story says",
    Fault.NEVER_CAME: "did not move as the story says",
    Fault.SCHEMA: "is another column than before and the story does not say so",
    Fault.OUTSIDE: "moved in rows that the story says stay as they are",
    Fault.COARSER: "holds whole numbers now, which its total does not show",
    Fault.UNBOUNDED: "moved so far that the story has to say how far",
}


def _thing(one: Contradiction) -> str:
    if one.column == "*":
        return f"every other column of {one.dataset}"
    return f"{one.column} of {one.dataset}" if one.column else f"the row count of {one.dataset}"


def _place(one: Contradiction, join: Multiplying | None, facts: ReviewFacts) -> Place:
    field = None if one.column == "*" else one.column
    if join is not None:
        return Place(file=join.file, line=join.line, excerpt=join.excerpt, dataset=one.dataset, field=field)
    return Place(file=facts.files.get(one.dataset), dataset=one.dataset, field=field)


def _remedy(one: Contradiction, join: Multiplying | None, facts: ReviewFacts) -> str:
    declare = f"declare it under `impact` in {facts.story.file}"
    if join is not None:
        keys = f" ({', '.join(join.examples[:_EXAMPLES])})" if join.examples else ""
        return (
            f"the join with {join.joined} finds up to {join.copies:,} rows for one key{keys}: join one row per key;"
            f" if the movement is wanted, {declare}"
        )
    if one.fault is Fault.UNBOUNDED:
        return (
            f"if it is wanted, say by how much under `impact` in {facts.story.file};"
            " what means something else now, or is in another unit, wants another name"
        )
    if one.fault is Fault.COARSER:
        return f"cast or round later, or say `any` of it under `impact` in {facts.story.file} and tell its readers"
    if one.fault is Fault.NEVER_CAME:
        return f"look whether the change does what it should; if it does, correct `impact` in {facts.story.file}"
    return f"mend the query; if the movement is wanted, {declare}"


def _examples(one: Contradiction, diff: DatasetDiff) -> tuple[RowExample, ...]:
    """The first rows that show it: those whose value changed, else rows that came or went."""
    if not one.is_movement:
        return ()
    changed = [example for example in diff.examples if example.column == one.column]
    return tuple(changed or [example for example in diff.examples if example.column is None])[:_EXAMPLES]


def _example(example: RowExample) -> str:
    key = ", ".join(f"{name}={value}" for name, value in example.key)
    old, new = (value if value is not None else "NULL" for value in (example.old, example.new))
    if example.column is not None:
        return f"{key}: {old} → {new}"
    return f"added {new}" if example.old is None else f"removed {old}"


def _uncompared(facts: ReviewFacts) -> Iterator[Finding]:
    """Declarations about datasets that the change did not touch, or that are new where movement was declared."""
    compared = {diff.dataset for diff in facts.diffs}
    for name, declared in sorted(facts.story.impact.items()):
        if name in compared or name in facts.removed or _kept(declared, is_new=name in facts.new_datasets):
            continue
        found = "it is not in production" if name in facts.new_datasets else "the change does not touch it"
        yield Finding(
            code=f"gate.{GATE}.{Fault.NEVER_CAME}",
            message=f"{name} was declared {'new' if declared.new else 'to move'}, and {found}",
            place=Place(file=facts.files.get(name), dataset=name),
            found=found,
            expected="a new dataset" if declared.new else "the declared movement",
            remedy=f"look whether the change does what it should; if it does, correct `impact` in {facts.story.file}",
        )


def _kept(declared: Impact, *, is_new: bool) -> bool:
    return is_new if declared.new else not expects_movement(declared)
