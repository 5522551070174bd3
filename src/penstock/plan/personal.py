"""Where personal data goes: from the columns that contracts tag, along everything that shows their values, to the end.

Invariants: a column that shows a personal value needs a tag in its own contract, whatever is in between; a tag that
says less than the values show (`pseudonym` over a plain copy) is none; nothing here looks at rows.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING

from penstock.model.errors import InputError
from penstock.model.findings import Place
from penstock.model.masking import GENERALISED, PSEUDONYM, Degree
from penstock.model.pipelines import PythonTask, Source, SqlTask
from penstock.plan.lineage import ProjectLineage
from penstock.plan.order import topological
from penstock.sql.disclosure import shown_values

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from penstock.model.contracts import ColumnSpec
    from penstock.model.pipelines import Dataset, Project
    from penstock.plan.lineage import Node

_NO_NUMBERS = frozenset({"name", "email", "birth_date"})
"""Kinds of which no number is left that says as much; any other kind may be one of digits."""
_TAGS = {PSEUDONYM: Degree.PSEUDONYM, GENERALISED: Degree.GENERALISED}


class Standing(StrEnum):
    """How a column that shows personal values is spoken of in its contract."""

    ORIGIN = "origin"
    """It is tagged, and nothing that is known above it holds personal data."""
    TAGGED = "tagged"
    MISTAGGED = "mistagged"
    """Its tag says that the values are masked further than they are."""
    UNTAGGED = "untagged"
    NO_CONTRACT = "no contract"

    @property
    def is_open(self) -> bool:
        """Whether somebody has to do something about it."""
        return self in {Standing.MISTAGGED, Standing.UNTAGGED, Standing.NO_CONTRACT}


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow:
    """Values of one kind, from the column they began in, by way of the last tagged column on their way.

    `is_copy` says that since then they were handed on as they are, masked or not.
    """

    kind: str
    origin: Node
    last: Node
    degree: Degree
    is_copy: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonalColumn:
    """A column that shows personal values: what its contract says, where they come from, and where it is written.

    `is_denied`: its contract says `personalData: none`.
    """

    dataset: str
    column: str
    standing: Standing
    tag: str | None
    flows: tuple[Flow, ...]
    place: Place
    is_denied: bool = False

    @property
    def node(self) -> Node:
        """Its dataset and name."""
        return self.dataset, self.column

    @property
    def degree(self) -> Degree:
        """How far the least masked of its values is masked."""
        return min((flow.degree for flow in self.flows), key=lambda degree: degree.rank, default=Degree.CLEAR)


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonalData:
    """What a project's files say of personal data.

    `unfollowed` maps datasets whose task cannot be followed to the personal columns of what they read.
    """

    columns: tuple[PersonalColumn, ...]
    unfollowed: Mapping[str, tuple[str, ...]]

    @property
    def open(self) -> tuple[PersonalColumn, ...]:
        """The columns about which something is to be done."""
        return tuple(column for column in self.columns if column.standing.is_open)


def personal_data(project: Project, lineage: ProjectLineage | None = None) -> PersonalData:
    """Follow every personal value through a project; `lineage` is the project's, if it was made before."""
    walk = _Walk(project, lineage or ProjectLineage(project))
    for name in topological(project):
        walk.visit(project.datasets[name])
    return PersonalData(columns=tuple(walk.found), unfollowed=walk.unfollowed)


class _Walk:
    """One pass over the datasets, those first that others read."""

    def __init__(self, project: Project, lineage: ProjectLineage) -> None:
        self.project, self.lineage = project, lineage
        self.found: list[PersonalColumn] = []
        self.unfollowed: dict[str, tuple[str, ...]] = {}
        self._shown: dict[Node, tuple[Flow, ...]] = {}
        """What those see that read a column; names in lower case."""
        self._personal: dict[str, list[str]] = {}

    def visit(self, dataset: Dataset) -> None:
        """Find the dataset's personal columns."""
        reached, places = self._reached(dataset)
        specs = {spec.name.lower(): spec for spec in dataset.contract.columns} if dataset.contract else {}
        names = dict.fromkeys((*(name.lower() for name in self._names(dataset)), *specs, *reached))
        spelt = {name.lower(): name for name in (*self._names(dataset), *(spec.name for spec in specs.values()))}
        for name in names:
            spec = specs.get(name)
            flows = tuple(flow for flow in reached.get(name, ()) if not self._is_number_of_it(flow, spec))
            if flows or (spec is not None and spec.personal):
                written = spelt.get(name, name)
                place = replace(places.get(name, Place()), file=dataset.file, dataset=dataset.name, field=written)
                self._note(dataset, written, spec, flows, place)

    def _names(self, dataset: Dataset) -> tuple[str, ...]:
        return self.lineage.columns.get(dataset.name, ())

    def _note(
        self, dataset: Dataset, name: str, spec: ColumnSpec | None, flows: tuple[Flow, ...], place: Place
    ) -> None:
        column = PersonalColumn(
            dataset=dataset.name,
            column=name,
            standing=_standing(dataset, spec, flows),
            tag=spec.personal if spec else None,
            flows=flows,
            place=place,
            is_denied=spec is not None and spec.not_personal,
        )
        self.found.append(column)
        self._personal.setdefault(dataset.name, []).append(name)
        self._shown[dataset.name, name.lower()] = _handed_on(column)

    def _reached(self, dataset: Dataset) -> tuple[dict[str, tuple[Flow, ...]], Mapping[str, Place]]:
        """The flows into each column (lower case), and where the columns are written."""
        task = dataset.task
        above = [f"{read}.{column}" for read in dataset.reads for column in self._personal.get(read, ())]
        if not above or isinstance(task, Source):
            return {}, {}
        if isinstance(task, PythonTask) and task.columns:
            return {
                column.lower(): self._of((source, Degree.CLEAR, True) for source in made_of)
                for column, made_of in task.columns.items()
            }, {}
        try:
            if isinstance(task, SqlTask):
                known = {read: names for read in task.reads if (names := self.lineage.columns.get(read)) is not None}
                return self._shown_by(task.text, known)
        except InputError:  # `check` says why its columns cannot be told
            pass
        self.unfollowed[dataset.name] = tuple(above)
        return {}, {}

    def _shown_by(
        self, text: str, known: Mapping[str, tuple[str, ...]]
    ) -> tuple[dict[str, tuple[Flow, ...]], Mapping[str, Place]]:
        shown = shown_values(text, known)
        flows = {
            name: self._of(((ref.dataset, ref.column), degree, ref in one.copies) for ref, degree in one.values)
            for name, one in shown.items()
        }
        return flows, {name: one.place for name, one in shown.items()}

    def _of(self, values: Iterable[tuple[Node, Degree, bool]]) -> tuple[Flow, ...]:
        """The flows in some columns, masked further and perhaps copied; of one origin by one way the least masked."""
        found: dict[tuple[Node, Node], Flow] = {}
        for (dataset, column), degree, is_copy in values:
            for flow in self._shown.get((dataset, column.lower()), ()):
                further = max(flow.degree, degree, key=lambda each: each.rank)
                masked = replace(flow, degree=further, is_copy=flow.is_copy and is_copy)
                way = masked.origin, masked.last
                known = found.get(way, masked)
                least = min(known, masked, key=lambda each: each.degree.rank)
                found[way] = replace(least, is_copy=known.is_copy or masked.is_copy)
        return tuple(found.values())

    def _is_number_of_it(self, flow: Flow, spec: ColumnSpec | None) -> bool:
        """Whether a column is a number that says less than what it is made of (an age in days): it shows nobody's data.

        One of the same type may be a copy, and digits are what there is of a phone number, an account or a card.
        """
        if spec is None or spec.personal or flow.is_copy or not _is_number(spec.type):
            return False
        contract = self.project.datasets[flow.last[0]].contract
        source = next((each for each in contract.columns if each.name == flow.last[1]), None) if contract else None
        if source is None or source.type == spec.type:
            return False
        return flow.kind in _NO_NUMBERS or source.type.upper().startswith(("DATE", "TIMESTAMP"))


def _standing(dataset: Dataset, spec: ColumnSpec | None, flows: tuple[Flow, ...]) -> Standing:
    if spec is not None and spec.personal:
        if not flows:
            return Standing.ORIGIN
        said = _TAGS.get(spec.personal, Degree.CLEAR)
        return Standing.MISTAGGED if any(flow.degree.rank < said.rank for flow in flows) else Standing.TAGGED
    return Standing.UNTAGGED if dataset.contract is not None else Standing.NO_CONTRACT


def _handed_on(column: PersonalColumn) -> tuple[Flow, ...]:
    """What readers of a column see: a tagged column answers for what it holds, another hands on what reaches it."""
    if column.tag is None:
        return column.flows
    if column.flows:
        return tuple(replace(flow, last=column.node, is_copy=True) for flow in column.flows)
    degree = _TAGS.get(column.tag, Degree.CLEAR)
    return (Flow(kind=column.tag, origin=column.node, last=column.node, degree=degree),)


def _is_number(type_: str) -> bool:
    word = type_.upper().split("(")[0].strip()
    return word in {"TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "DECIMAL", "DOUBLE", "FLOAT", "BOOLEAN"} or (
        word.startswith("U") and word.endswith("INT")
    )
