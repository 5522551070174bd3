"""What a plan moves, column by column: against what an environment shows, and for whoever reads it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING

from penstock.plan.build import Action, Reason
from penstock.plan.versions import described, forms_of, own_digest
from penstock.quality.standing import blocking_rules, held_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from penstock.model.pipelines import Dataset, Project
    from penstock.plan.build import BuildPlan, Step
    from penstock.plan.versions import Version

ROWS = ""
"""What stands among a version's meanings for which rows it has."""


class Movement(StrEnum):
    """What becomes of a column."""

    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"


class Effect(StrEnum):
    """What that is to a dataset that reads the one it belongs to."""

    BREAKING = "breaking"
    """What it reads goes, or means something else: it is built anew, or fails."""
    ADDITIVE = "additive"
    """It takes all columns, and so this one too."""
    NONE = "none"
    """It does not read it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnMovement:
    """A column that moves. `consumers` are the datasets that read its dataset."""

    movement: Movement
    consumers: Mapping[str, Effect]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A version that an environment shows, with what is known of its columns; see `Version.meanings`.

    `own` is the digest of what makes it, `described` of what is said of it, `held` which checks its rows were held to;
    empty where the ledger does not know.
    """

    version: str
    meanings: Mapping[str, str]
    own: str = ""
    described: str = ""
    held: str = ""


def as_shown(step: Step, dataset: Dataset, shown: Mapping[str, Shown], plan: BuildPlan) -> Step:
    """A step as an environment sees it: why it is built, or that it needs no rows, only to be shown or described."""
    before = shown.get(step.dataset)
    if step.action is not Action.REUSE:
        reasons = tuple(_why(reason, step, dataset, before) for reason in step.reasons)
        short = (Reason.READS_EXPIRED,) if step.dataset in plan.unbuildable else ()
        return replace(step, reasons=(*reasons, *short))
    if before is None or before.version != step.version:
        return replace(step, action=Action.METADATA, reasons=(Reason.TO_SHOW,))
    if before.described and before.described != described(dataset):
        gained = blocking_rules(dataset.contract).keys() - held_of(before.held)
        reason = Reason.GAINED_CHECKS if gained else Reason.DESCRIBED
        return replace(step, action=Action.METADATA, reasons=(reason,))
    return replace(step, reasons=(*step.reasons, Reason.OLD_INPUTS)) if step.dataset in plan.outdated else step


def _why(reason: Reason, step: Step, dataset: Dataset, before: Shown | None) -> Reason:
    """A version that was never built, by what is different from the one that is shown."""
    if reason is not Reason.NEW_VERSION:
        return reason
    if before is None:
        return Reason.NEW_DATASET
    if not before.own or before.version == step.version:
        return reason
    return Reason.READS_MOVED if before.own == own_digest(dataset) else Reason.ALTERED


def moved_columns(
    project: Project, versions: Mapping[str, Version], shown: Mapping[str, Shown]
) -> dict[str, dict[str, ColumnMovement]]:
    """For each dataset that the environment shows in another version, the columns that move.

    Where either version is not known by column, or rows come or go, that is one movement of the column "*".
    """
    found: dict[str, dict[str, ColumnMovement]] = {}
    for name, version in versions.items():
        before = shown.get(name)
        if before is None or before.version == version.fingerprint:
            continue
        moves = _moves(before.meanings, version.meanings)
        readers = project.consumers(name)
        found[name] = {
            column: ColumnMovement(
                movement=move,
                consumers={
                    reader: _lost(reader, column, versions, shown)
                    if move is Movement.REMOVED and forms_of(project.datasets[reader])
                    else _effect(project, reader, name, column, move)
                    for reader in readers
                },
            )
            for column, move in moves.items()
        }
    return found


def _moves(before: Mapping[str, str], after: Mapping[str, str]) -> dict[str, Movement]:
    if not before or not after or before[ROWS] != after[ROWS]:
        moves = {"*": Movement.CHANGED}
    else:
        moves = {name: Movement.CHANGED for name in after if name in before and before[name] != after[name]}
    if before and after:
        moves |= {name: Movement.ADDED for name in after if name not in before}
        moves |= {name: Movement.REMOVED for name in before if name not in after}
    return moves


def _lost(reader: str, column: str, versions: Mapping[str, Version], shown: Mapping[str, Shown]) -> Effect:
    """What a column that goes is to a query that does not name it: it may have taken it by `*`."""
    had = column in shown[reader].meanings if reader in shown else False
    return Effect.BREAKING if had and column not in versions[reader].meanings else Effect.NONE


def _effect(project: Project, reader: str, name: str, column: str, move: Movement) -> Effect:
    forms = forms_of(project.datasets[reader])
    if forms is None:
        return Effect.ADDITIVE if move is Movement.ADDED else Effect.BREAKING
    reads = {read for form in (forms.rows, *forms.columns.values()) for source, read in form.reads if source == name}
    if move is Movement.ADDED:
        return Effect.ADDITIVE if column in reads else Effect.NONE
    return Effect.BREAKING if column in reads or column == "*" else Effect.NONE
