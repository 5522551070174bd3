"""Does a dataset that is built slice by slice come out as if it were built at once? Tried on what is built."""

from __future__ import annotations

from typing import TYPE_CHECKING

from penstock.app import planning
from penstock.app.slices_bench import Bench, beneath, is_view
from penstock.app.warehouses import with_rehearsals
from penstock.model.errors import InputError, PenstockError
from penstock.model.findings import Finding
from penstock.model.intervals import Interval, merge
from penstock.model.pipelines import Materialization, Source, SqlTask
from penstock.plan.versions import versions_of
from penstock.quality.slicing import (
    Order,
    Scenario,
    SliceOutcome,
    SliceVerdict,
    Step,
    Trial,
    WhyNot,
    outcome_of,
    scenarios,
    windows,
)
from penstock.sql.slices import SlicedInput, Slicing, slice_doubts

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    from penstock.adapters.duckdb.session import DuckdbSession
    from penstock.app.warehouses import ProjectWarehouse
    from penstock.app.wiring import Workplace
    from penstock.ledger.journal import Journal
    from penstock.model.pipelines import Dataset, Project
    from penstock.plan.build import Coverage
    from penstock.plan.versions import Version

SLICED = frozenset({Materialization.INCREMENTAL, Materialization.MERGE})


def sliced_datasets(project: Project) -> tuple[str, ...]:
    """The datasets that are built slice by slice, sorted: without sources, whose slices are files."""
    found = (
        name
        for name, dataset in project.datasets.items()
        if dataset.materialization in SLICED and not isinstance(dataset.task, Source)
    )
    return tuple(sorted(found))


def prove_slices(
    warehouse: ProjectWarehouse, journal: Journal, project: Project, names: Sequence[str], *, seed: int = 0
) -> tuple[SliceVerdict, ...]:
    """What is known of these datasets' slices, each tried in several orders on the versions that are built.

    `seed` picks the mixed order and the slice that is late, empty or built again; the same seed picks the same.

    Raises:
        InputError: the warehouse is in Postgres.
        KeyError: the project has no dataset of a name.
    """
    rehearsing = with_rehearsals(warehouse)
    versions, coverage = versions_of(project), planning.coverage(journal)
    found = []
    for name in names:
        with rehearsing.session() as session:
            found.append(_Proof(session, project, versions, coverage, project.datasets[name]).verdict(seed))
    return tuple(found)


def try_slices(place: Workplace, names: Sequence[str], say: Callable[[str], None]) -> tuple[SliceVerdict, ...]:
    """The verdicts on the datasets that names of pipelines and datasets stand for, or on all that are sliced.

    Raises:
        InputError: a name is neither, or nothing at all is built yet, or the warehouse is in Postgres.
    """
    project = place.project
    chosen = planning.chosen(project, names) if names else sliced_datasets(project)
    if not chosen:
        return ()
    verdicts = prove_slices(place.reading(say), place.ledger, project, chosen)
    if all(verdict.why is WhyNot.NOT_BUILT for verdict in verdicts):
        raise InputError(_nothing_built(chosen))
    return verdicts


class _Proof:
    """One dataset over one connection."""

    def __init__(
        self,
        session: DuckdbSession,
        project: Project,
        versions: Mapping[str, Version],
        coverage: Coverage,
        dataset: Dataset,
    ) -> None:
        self._session, self._project, self._versions = session, project, versions
        self._coverage, self._dataset = coverage, dataset
        self._stored = beneath(project, dataset).stored

    def verdict(self, seed: int) -> SliceVerdict:
        """Try everything that can be tried."""
        why = self._why_not()
        if why is not None:
            return self._not_tried(why)
        bench = Bench(self._session, self._project, self._versions, self._dataset)
        runs = windows(_with_rows(self._slices(), bench.held()))
        if not runs:
            return self._not_tried(WhyNot.ONE_SLICE)
        tries = [_Window(bench, run, merged=self._is_merged, seed=seed) for run in runs]
        for each in tries:
            each.go()
        failed = next((each.failure for each in tries if each.failure is not None), None)
        if failed is not None:
            return self._not_tried(WhyNot.FAILS, failed)
        told = [each for each in tries if each.rows or any(not trial.equal for trial in each.trials)]
        if not told:
            return self._not_tried(WhyNot.NO_ROWS)
        trials = tuple(trial for each in told for trial in each.trials)
        outcome = outcome_of(trials)
        return SliceVerdict(
            dataset=self._dataset.name,
            file=self._dataset.file,
            outcome=outcome,
            slices=tuple(piece for each in told for piece in each.slices),
            trials=trials,
            rows=sum(each.rows for each in told),
            in_turn=outcome is SliceOutcome.EQUAL and any(each.in_turn for each in told),
            doubts=self._doubts(),
            as_it_is=tuple(name for name in self._stored if self._project.datasets[name].interval is None),
        )

    @property
    def _is_merged(self) -> bool:
        return self._dataset.materialization is Materialization.MERGE

    def _not_tried(self, why: WhyNot, cause: Finding | None = None) -> SliceVerdict:
        return SliceVerdict(
            dataset=self._dataset.name,
            file=self._dataset.file,
            outcome=SliceOutcome.NOT_TRIED,
            why=why,
            cause=cause,
            doubts=self._doubts(),
        )

    def _doubts(self) -> tuple[Finding, ...]:
        return doubts_of(self._project, self._dataset)

    def _why_not(self) -> WhyNot | None:
        dataset = self._dataset
        if dataset.interval is None or dataset.materialization not in SLICED:
            return WhyNot.NOT_SLICED
        if not isinstance(dataset.task, SqlTask):
            return WhyNot.NOT_SQL
        known = {*self._coverage.intervals, *self._coverage.inputs}
        built = all((name, self._versions[name].fingerprint) in known for name in self._stored)
        return None if built else WhyNot.NOT_BUILT

    def _slices(self) -> tuple[Interval, ...]:
        """The intervals that are built; of a dataset that is not, those for which everything that it reads is there."""
        by = self._dataset.interval
        assert by is not None  # noqa: S101 - asked before
        spans = self._coverage.covered(self._versions[self._dataset.name]) or self._covered_below()
        whole = [span.narrowed(by.grain) for span in spans]
        return tuple(piece for span in whole if span is not None for piece in span.split(by.grain))

    def _covered_below(self) -> tuple[Interval, ...]:
        common: tuple[Interval, ...] | None = None
        for name in self._stored:
            if self._project.datasets[name].interval is None:
                continue
            spans = self._coverage.covered(self._versions[name])
            both = [part for one in common or () for span in spans if (part := one.within(span)) is not None]
            common = spans if common is None else merge(both)
        return common or ()


def _with_rows(slices: Sequence[Interval], held: tuple[datetime, datetime] | None) -> Sequence[Interval]:
    """The slices from the first to the last whose input has rows: on others there is nothing to see."""
    if held is None:
        return slices
    first, last = held
    return [piece for piece in slices if piece.end > first and piece.start <= last]


class _Window:
    """Neighbouring slices of one dataset, built in every order and compared with one build over all of them."""

    def __init__(self, bench: Bench, slices: tuple[Interval, ...], *, merged: bool, seed: int) -> None:
        self._bench, self.slices = bench, slices
        self._merged, self._seed = merged, seed
        self._span = Interval(slices[0].start, slices[-1].end)
        self._whole: tuple[Interval | None, Finding | None] | None = None
        self.trials: list[Trial] = []
        self.rows = 0
        self.in_turn = False
        self.failure: Finding | None = None

    def go(self) -> None:
        """Try every order; `failure` is why none could be: one build fails, and slices fail as well."""
        refused = self._build_whole(None)
        tries = scenarios(self.slices, merged=self._merged, seed=self._seed, occupied=self._bench.occupied(self.slices))
        if refused is None:
            trials = [self._try(scenario) for scenario in tries]
            self.trials = [trial for trial in trials if trial.hidden_rows or not trial.scenario.hides]
            return
        natural = next(scenario for scenario in tries if scenario.order is Order.NATURAL)
        if self._build(natural) is None:
            self.trials = [Trial(scenario=natural, window=self._span, failure=refused, at_once=True)]
        else:
            self.failure = refused

    def _try(self, scenario: Scenario) -> Trial:
        refused = self._build_whole(scenario.hidden)
        rows = self._missed(scenario)
        failed = self._build(scenario)
        failure, at_once = failed or refused, failed is None and refused is not None
        same = failure is not None or self._bench.is_whole()
        diff = None if same else self._bench.difference()
        return Trial(
            scenario=scenario, window=self._span, hidden_rows=rows, diff=diff, failure=failure, at_once=at_once
        )

    def _missed(self, scenario: Scenario) -> int:
        """How many input rows are hidden from some build of a scenario, where most are."""
        hidden = [step.hidden for step in scenario.steps if step.hidden is not None]
        if not hidden:
            return 0
        self._bench.hide(max(hidden, key=lambda each: each.end - each.start))
        return self._bench.missed()

    def _build(self, scenario: Scenario) -> Finding | None:
        """Build a scenario's steps; why one of them failed."""
        self._bench.clear()
        try:
            for number, step in enumerate(scenario.steps, 1):
                self._bench.build(step)
                if number == scenario.out_of_turn and not self._bench.is_whole():
                    self.in_turn = True
        except PenstockError as error:
            return error.findings[0]
        return None

    def _build_whole(self, hidden: Interval | None) -> Finding | None:
        """Build everything at once, once for what is hidden; why that failed."""
        if self._whole is not None and self._whole[0] == hidden:
            return self._whole[1]
        step = Step(interval=self._span, hidden=hidden)
        failure = self._build(Scenario(order=Order.AGAIN, steps=(step,)))
        if failure is None:
            rows = self._bench.keep_as_whole()
            self.rows = rows if hidden is None else self.rows
        self._whole = (hidden, failure)
        return failure


def doubts_of(project: Project, dataset: Dataset) -> tuple[Finding, ...]:
    """What the text of a sliced dataset's query shows; nothing for what is no query or not sliced."""
    by = dataset.interval
    if by is None or not isinstance(dataset.task, SqlTask):
        return ()
    return slice_doubts(
        dataset.task.text,
        dataset.file,
        dataset=dataset.name,
        slicing=Slicing(column=by.column, grain=by.grain, key=dataset.key),
        inputs={name: _sliced_input(project, name) for name in dataset.reads},
    )


def _sliced_input(project: Project, name: str) -> SlicedInput:
    """How an input is cut; of a view over something cut, no one column is known."""
    upstream = project.datasets[name]
    by = upstream.interval
    if not is_view(upstream):
        return SlicedInput(sliced=by is not None, column=by.column if by else None)
    below = beneath(project, upstream).stored
    return SlicedInput(sliced=any(project.datasets[other].interval is not None for other in below))


def _nothing_built(names: Sequence[str]) -> Finding:
    return Finding(
        code="slices.not_built",
        message=f"nothing of what {', '.join(names[:3])}{' …' if len(names) > 3 else ''} reads is built",
        expected="the working tree's versions, built by a run or a delivery",
        remedy="penstock run, then this again",
    )
