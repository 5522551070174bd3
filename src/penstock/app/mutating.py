"""`test --mutate`: would the tests on data notice if a query were wrong?

Each mutant is tried on the given rows of every test until one fails; what none of them notices is tried on made-up
rows, and those that tell it apart become the test that would have.
"""

from __future__ import annotations

from contextlib import ExitStack, closing
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from penstock.adapters.duckdb.mutant_bench import MutantBench, TestsLaboratory
from penstock.adapters.duckdb.scratch import column_types
from penstock.adapters.folder import ProjectFolder
from penstock.app.killing import added, killing_test
from penstock.author.datatests import datatest_path
from penstock.model.datatests import DataTest
from penstock.model.errors import InputError, PenstockError
from penstock.model.findings import Finding, Place, Severity
from penstock.model.intervals import Interval
from penstock.model.pipelines import SqlTask
from penstock.model.sources import FileSource
from penstock.model.tasks import TaskKind
from penstock.quality.mutation import Fate, KillingTest, MutationScore, Verdict
from penstock.quality.screening import Screen, told_apart
from penstock.quality.synthesis import Shape, model_of
from penstock.quality.witness import Question
from penstock.sql.block_pairs import changed_places
from penstock.sql.fingerprint import canonical
from penstock.sql.mutants import MOST, mutants_of, plain_text

__all__ = ["MOST", "add_tests", "mutable_datasets", "mutation_of"]

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from penstock.model.pipelines import Dataset, Project
    from penstock.quality.synthesis import World
    from penstock.sql.mutants import Mutant

_A_DAY = datetime(2024, 1, 10, tzinfo=UTC)
_TRIES_AS_WRITTEN = 20
_LANDED = frozenset({"_file", "_interval_start"})


def mutation_of(
    project: Project,
    datasets: Iterable[str],
    *,
    lines: Mapping[str, frozenset[int]] | None = None,
    most: int = MOST,
) -> tuple[MutationScore, ...]:
    """What the tests of these datasets notice of at most `most` faults in each query, in the order given.

    `lines` (dataset to lines of its file) narrows it to faults on those; a dataset that is not in it counts whole.

    Raises:
        InputError: the project has no dataset of that name.
    """
    scores = []
    for name in datasets:
        if name not in project.datasets:
            raise InputError(_unknown(name, project))
        only = lines.get(name) if lines is not None else None
        scores.append(_score(project.datasets[name], project, only, most))
    return tuple(scores)


def edited_lines(old: Dataset, new: Dataset) -> frozenset[int]:
    """The lines of a query that mean something else than before; none of what is no query."""
    if not isinstance(old.task, SqlTask) or not isinstance(new.task, SqlTask):
        return frozenset()
    return frozenset(place.line for place in changed_places(old.task.text, new.task.text) if not place.removed)


def mutable_datasets(project: Project) -> tuple[str, ...]:
    """The datasets that have a task of their own, in the project's order."""
    return tuple(name for name, dataset in project.datasets.items() if dataset.task.kind is not TaskKind.SOURCE)


def add_tests(
    root: Path, project: Project, scores: Iterable[MutationScore]
) -> tuple[tuple[str, ...], tuple[Finding, ...]]:
    """Append the tests that would kill the survivors to the datasets' test files.

    Returns the files that were written, and a finding for each that could not be added to.
    """
    folder, written, findings = ProjectFolder(), [], []
    for score in scores:
        if not score.killing_tests:
            continue
        path = next((case.file for case in project.tests if case.dataset == score.dataset), None)
        path = path or datatest_path(score.dataset)
        data = folder.read(root, path)
        text = added(data.decode() if data is not None else None, score.dataset, score.killing_tests)
        if text is None:
            findings.append(_not_added(path, score.dataset))
            continue
        folder.write(root, path, text.encode())
        written.append(path)
    return tuple(written), tuple(findings)


def _score(dataset: Dataset, project: Project, lines: frozenset[int] | None, most: int) -> MutationScore:
    cases = tuple(case for case in project.tests if case.dataset == dataset.name)
    score = MutationScore(dataset=dataset.name, file=dataset.file, tests=len(cases))
    task = dataset.task
    if not isinstance(task, SqlTask):
        return replace(score, skipped=f"not mutated: it is a {task.kind} task, and only SQL is")
    with ExitStack() as opened:
        try:
            trial = _Trial(dataset, task.text, project, cases, opened)
        except PenstockError as error:
            return replace(score, skipped=f"not mutated: {error.findings[0].message}")
        failing = trial.failing()
        if failing is not None:
            return replace(score, failing=failing, skipped=f"not mutated: its test fails as it is: {failing}")
        problem = trial.problem()
        if problem is not None:
            return replace(score, skipped=f"not mutated: {problem}")
        mutants = mutants_of(task.text, most=most, lines=lines)
        return replace(score, verdicts=trial.verdicts(mutants.items), left_out=mutants.left_out)


class _Trial:
    """One dataset's query and tests, with the given rows of every test at hand."""

    def __init__(
        self, dataset: Dataset, text: str, project: Project, cases: Sequence[DataTest], opened: ExitStack
    ) -> None:
        self._dataset, self._text, self._project, self._opened = dataset, text, project, opened
        self._plain = plain_text(text)
        self._interval = _interval(dataset, cases)
        self._inputs = {name: _shape(project.datasets[name], cases) for name in dataset.reads}
        self._benches = [self._bench(case) for case in cases]
        self._empty = self._benches[0] if cases else self._bench(self._no_rows())
        self._offered: list[tuple[KillingTest, MutantBench]] = []
        self._laboratory = opened.enter_context(closing(TestsLaboratory()))

    def failing(self) -> str | None:
        """The first test that fails without any fault."""
        return next((bench.test.name for bench in self._benches if not bench.passes(self._text)), None)

    def problem(self) -> str | None:
        """Why mutants of this query would say nothing."""
        unknown = next((name for name, shape in self._inputs.items() if not shape.columns), None)
        if unknown is not None:
            return f"the columns of {unknown} are not known: it has no contract"
        if self._empty.refuses(self._text):
            return "the database refuses its query"
        if canonical(self._plain) != canonical(self._text) and self._changed_by_writing():
            return "its query gives other rows when it is asked again"
        return None

    def verdicts(self, mutants: Sequence[Mutant]) -> tuple[Verdict, ...]:
        """The fate of each mutant, in their order."""
        found = {mutant.id: self._judged(mutant) for mutant in mutants}
        unnoticed = tuple(mutant.text for mutant in mutants if found[mutant.id] is None)
        told = told_apart(self._screen(unnoticed), self._laboratory)
        return tuple(found[mutant.id] or self._sought(mutant, told.get(mutant.text)) for mutant in mutants)

    def _judged(self, mutant: Mutant) -> Verdict | None:
        """What the tests say; None if they notice nothing."""
        if self._empty.refuses(mutant.text):
            return Verdict(mutant=mutant, fate=Fate.REFUSED)
        for at, bench in enumerate(self._benches):
            if not bench.passes(mutant.text):
                # what killed one will often kill the next
                self._benches.insert(0, self._benches.pop(at))
                return Verdict(mutant=mutant, fate=Fate.KILLED, killed_by=bench.test.name)
        return None

    def _sought(self, mutant: Mutant, world: World | None) -> Verdict:
        """The test that would kill a mutant that rows tell apart: one offered before, or one made of those rows."""
        if world is None:
            return Verdict(mutant=mutant, fate=Fate.SAME)
        for test, bench in self._offered:
            if not bench.passes(mutant.text):
                return Verdict(mutant=mutant, fate=Fate.SURVIVED, test=test)
        question = Question(old=self._text, new=mutant.text, inputs=self._inputs, interval=self._interval)
        made = killing_test(mutant, self._dataset, question, world, self._project, self._laboratory)
        if made is None:
            return Verdict(mutant=mutant, fate=Fate.SURVIVED)
        self._offered.append((made[0], self._bench(made[1])))
        return Verdict(mutant=mutant, fate=Fate.SURVIVED, test=made[0])

    def _changed_by_writing(self) -> bool:
        if any(not bench.passes(self._plain) for bench in self._benches):
            return True
        return bool(told_apart(self._screen((self._plain,)), self._laboratory, tries=_TRIES_AS_WRITTEN))

    def _screen(self, others: tuple[str, ...]) -> Screen:
        return Screen(
            original=self._text,
            others=others,
            inputs=self._inputs,
            interval=self._interval,
            models=tuple(model_of(bench.test.given, self._inputs) for bench in self._benches),
        )

    def _bench(self, case: DataTest) -> MutantBench:
        return self._opened.enter_context(closing(MutantBench(case, self._project)))

    def _no_rows(self) -> DataTest:
        name = self._dataset.name
        return DataTest(dataset=name, name="", file="", line=1, given={}, expect=(), interval=self._interval)


def _interval(dataset: Dataset, cases: Sequence[DataTest]) -> Interval | None:
    """The first that a test has, or any of the dataset's own grain; two of them where a run may take two at once."""
    if dataset.interval is None:
        return None
    given = next((case.interval for case in cases if case.interval is not None), None)
    grain = dataset.interval.grain
    start = given.start if given is not None else grain.floor(_A_DAY)
    end = given.end if given is not None else grain.step(start)
    return Interval(start, max(end, grain.step(start, 2)) if dataset.interval.batch > 1 else end)


def _shape(upstream: Dataset, cases: Sequence[DataTest]) -> Shape:
    rows = [row for case in cases for row in case.given.get(upstream.name, ())]
    shape = Shape(columns=tuple(column_types(upstream, rows).items())).promised(upstream.contract)
    if not isinstance(upstream.task, FileSource):
        return shape
    landed = _LANDED & {name for name, _ in shape.columns}
    return replace(shape, required=shape.required | landed)


def _unknown(name: str, project: Project) -> Finding:
    return Finding(
        code="project.unknown_dataset",
        message=f"there is no dataset {name}",
        found=name,
        expected=", ".join(project.datasets) or "a dataset of this project",
        remedy="correct the name",
    )


def _not_added(path: str, dataset: str) -> Finding:
    return Finding(
        code="test.not_added",
        message=f"cases cannot be added at the end of {path}",
        severity=Severity.WARNING,
        place=Place(file=path, dataset=dataset),
        expected=f"a file of {dataset} that ends with its list of cases, one item under the other",
        remedy="copy the cases from the output of this command",
    )
