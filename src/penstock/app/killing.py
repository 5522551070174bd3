"""The test that would kill a mutant: rows that tell it from the original, and what the original makes of them, as YAML.

Invariants: a test is offered only if, read back from its text, it passes with the original and fails with the mutant;
a column that may be empty and does not matter is left out.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

from penstock.adapters.duckdb.mutant_bench import MutantBench
from penstock.author.yaml_rows import flow_rows
from penstock.model.datatests import DataTest
from penstock.model.errors import PenstockError
from penstock.model.pipelines import Source
from penstock.project.datatest_file import read_datatests
from penstock.quality.mutation import KillingTest
from penstock.quality.screening import differs
from penstock.quality.witness import smallest

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from penstock.adapters.duckdb.mutant_bench import Result, TestsLaboratory
    from penstock.model.findings import Finding
    from penstock.model.pipelines import Dataset, Project
    from penstock.quality.synthesis import MadeUp, World
    from penstock.quality.witness import Question
    from penstock.sql.mutants import Mutant

_LONGEST_NAME = 100
_MADE_UP = "Made-up rows; what is expected is what the query gave when the case was added."
_LAST_CASE = re.compile(r"^(?P<indent> *)- +name:", re.MULTILINE)


def killing_test(
    mutant: Mutant, dataset: Dataset, question: Question, world: World, project: Project, laboratory: TestsLaboratory
) -> tuple[KillingTest, DataTest] | None:
    """The test that rows which tell a mutant from its original make; None if no test that can be written does."""
    return telling_test(name_of(mutant.old, mutant.new), dataset, question, world, project, laboratory)


def telling_test(
    name: str, dataset: Dataset, question: Question, world: World, project: Project, laboratory: TestsLaboratory
) -> tuple[KillingTest, DataTest] | None:
    """A test of rows that tell a question's two queries apart: it passes with the first, and fails with the second."""
    fewest = smallest(world, lambda fewer: _differs(fewer, question, laboratory))
    rows = laboratory.held(_without_idle_columns(fewest, question, laboratory))
    given = {made.dataset: _given(made, project.datasets[made.dataset]) for made in rows}
    case = DataTest(
        dataset=dataset.name,
        name=name,
        file="",
        line=1,
        given=given,
        expect=(),
        interval=question.interval,
        description=_MADE_UP,
    )
    answers = _answers(case, project, question)
    if answers is None:
        return None
    columns = _telling_columns(answers[0], answers[1], dataset)
    kept = [answers[0].columns.index(column) for column in columns]
    expect = [{columns[at]: row[place] for at, place in enumerate(kept)} for row in answers[0].rows]
    text = case_text(case, expect, answers[0].types, project)
    written = _read_back(f"dataset: {dataset.name}\ncases:\n{text}")
    if len(written) != 1 or not _tells_apart(written[0], project, question):
        return None
    return KillingTest(name=case.name, text=text), written[0]


def name_of(right: str, wrong: str | None) -> str:
    """What the test holds the query to, as the name of a case."""
    text = f"{right}, not {wrong}" if wrong is not None else f"needs {right}"
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST_NAME else f"{line[: _LONGEST_NAME - 1]}…"


def case_text(
    case: DataTest, expect: Sequence[Mapping[str, str | None]], types: Mapping[str, str], project: Project
) -> str:
    """One case as it stands in the list of a test file; values are text, typed by the datasets' contracts."""
    lines = [f"  - name: {json.dumps(case.name, ensure_ascii=False)}"]
    lines.append(f"    description: {case.description}")
    if case.interval is not None:
        lines.append(f"    interval: {case.interval}")
    lines.append("    given:")
    for upstream, rows in case.given.items():
        contract = project.datasets[upstream].contract
        kinds = {column.name: column.type for column in contract.columns} if contract is not None else {}
        texts = [{name: None if value is None else str(value) for name, value in row.items()} for row in rows]
        lines += [f"      {upstream}:", *flow_rows(texts, kinds, " " * 8)] if rows else [f"      {upstream}: []"]
    lines += ["    expect:", *flow_rows(expect, types, " " * 6)] if expect else ["    expect: []"]
    return "\n".join(lines) + "\n"


def added(text: str | None, dataset: str, tests: Iterable[KillingTest]) -> str | None:
    """A test file with these cases at its end, a new one if there was none; None where its list does not end it.

    Names that the file has already get a number.
    """
    whole = text if text is not None else f"dataset: {dataset}\ncases:\n"
    if not whole.endswith("\n"):
        whole += "\n"
    before = _read_back(whole) if text is not None else ()
    found = list(_LAST_CASE.finditer(whole))
    shift = len(found[-1]["indent"]) - 2 if found else 0
    names = {case.name for case in before}
    count = 0
    for test in tests:
        name = _free(test.name, names)
        names.add(name)
        case = test.text.replace(json.dumps(test.name, ensure_ascii=False), json.dumps(name, ensure_ascii=False), 1)
        whole += "".join(_shifted(line, shift) for line in case.splitlines(keepends=True))
        count += 1
    after = _read_back(whole)
    whole_again = len(after) == len(before) + count and after[: len(before)] == before
    return whole if whole_again and all(case.dataset == dataset for case in after) else None


def _shifted(line: str, by: int) -> str:
    return " " * by + line if by >= 0 else line[-by:]


def _free(name: str, taken: set[str]) -> str:
    number, free = 1, name
    while free in taken:
        number += 1
        free = f"{name} ({number})"
    return free


def _read_back(text: str) -> tuple[DataTest, ...]:
    findings: list[Finding] = []
    try:
        cases = read_datatests(text, "", findings)
    except PenstockError:
        return ()
    return () if findings else cases


def _without_idle_columns(world: World, question: Question, laboratory: TestsLaboratory) -> World:
    """The same rows, empty in every column that may be and whose values do not matter."""
    for number, made in enumerate(world):
        shape = question.inputs[made.dataset]
        for at, (column, _) in enumerate(made.columns):
            if column in shape.required or column in shape.key or all(row[at] is None for row in made.rows):
                continue
            emptier = tuple((*row[:at], None, *row[at + 1 :]) for row in world[number].rows)
            smaller = (*world[:number], replace(world[number], rows=emptier), *world[number + 1 :])
            if _differs(smaller, question, laboratory):
                world = smaller
    return world


def _differs(world: World, question: Question, laboratory: TestsLaboratory) -> bool:
    laboratory.fill(world)
    old, new = (laboratory.answer(text, question.interval) for text in (question.old, question.new))
    return old is not None and differs(old, new)


def _given(made: MadeUp, upstream: Dataset) -> tuple[dict[str, str | None], ...]:
    """Rows without what is empty; where nothing else says which columns there are, each row names them all."""
    names = [name for name, _ in made.columns]
    rows: list[dict[str, str | None]] = [dict(zip(names, row, strict=True)) for row in made.rows]
    if upstream.contract is None and not isinstance(upstream.task, Source):
        return tuple(rows)
    bare: dict[str, str | None] = {names[0]: None}
    return tuple({name: value for name, value in row.items() if value is not None} or bare for row in rows)


def _answers(case: DataTest, project: Project, question: Question) -> tuple[Result, Result | None] | None:
    """What both queries make of the given rows, the second nothing if it fails; None if the first does."""
    try:
        bench = MutantBench(case, project)
    except PenstockError:
        return None
    try:
        old, new = bench.result(question.old), bench.result(question.new)
    finally:
        bench.close()
    return (old, new) if old is not None else None


def _telling_columns(old: Result, new: Result | None, dataset: Dataset) -> list[str]:
    """The dataset's key, and as few other columns as still show the difference."""
    key = dataset.contract.key if dataset.contract is not None else ()
    kept = [column for column in old.columns if new is None or column in new.types]
    for column in reversed(list(kept)):
        fewer = [name for name in kept if name != column]
        if column not in key and fewer and (new is None or _picked(old, fewer) != _picked(new, fewer)):
            kept = fewer
    return kept


def _picked(result: Result, names: Sequence[str]) -> Counter[tuple[str | None, ...]]:
    places = [result.columns.index(name) for name in names]
    return Counter(tuple(row[place] for place in places) for row in result.rows)


def _tells_apart(case: DataTest, project: Project, question: Question) -> bool:
    try:
        bench = MutantBench(case, project)
    except PenstockError:
        return False
    try:
        return bench.passes(question.old) and not bench.passes(question.new)
    finally:
        bench.close()
