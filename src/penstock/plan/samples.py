"""Values of persons in what is kept beside the code as examples: data tests, documents, example files, dossiers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from penstock.model.findings import Finding, Place, Severity
from penstock.quality.personal.samples import sample_of, samples_in

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from penstock.model.datatests import DataTest
    from penstock.model.pipelines import Project
    from penstock.plan.personal import PersonalData
    from penstock.quality.personal.samples import Sample

FOLDERS = ("tests", "docs", "examples", "changes")
"""Where examples are kept."""
WAIVED = "penstock: made-up"
"""What a line says that holds a value which only looks real."""
_WRITTEN_BY_PEOPLE = {"story.md", "alignment.md"}
"""Of a change: they name whom to ask."""
_SUFFIXES = (".md", ".yaml", ".yml", ".json", ".csv", ".tsv", ".txt", ".sql", ".html", ".ndjson", ".jsonl")


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line of a file; numbers count from 1."""

    file: str
    number: int
    text: str


def is_example_file(path: str) -> bool:
    """Whether a file of a project (by its path) is one that shows examples."""
    folder, _, rest = path.partition("/")
    return folder in FOLDERS and rest.endswith(_SUFFIXES) and rest.rpartition("/")[2] not in _WRITTEN_BY_PEOPLE


def lines_of(files: Mapping[str, bytes]) -> Iterator[Line]:
    """The lines of those files that show examples."""
    for path in sorted(files):
        if is_example_file(path):
            for number, text in enumerate(files[path].decode("utf-8", "replace").splitlines(), start=1):
                yield Line(file=path, number=number, text=text)


def sample_findings(
    project: Project, data: PersonalData, lines: Iterable[Line], tests: Iterable[DataTest]
) -> tuple[Finding, ...]:
    """A warning for each file and kind of value that looks like a person's own; no finding repeats the value."""
    owners = _owners(project)
    found: dict[tuple[str, str], list[tuple[int, Sample, str]]] = {}
    for line in lines:
        if WAIVED not in line.text:
            for sample in samples_in(_without(owners, line.text)):
                found.setdefault((line.file, sample.kind), []).append((line.number, sample, ""))
    kinds = {column.node: column.flows[0].kind if column.flows else column.tag or "" for column in data.columns}
    for test in tests:
        for column, sample in _in_rows(test, kinds):
            where = found.setdefault((test.file, sample.kind), [])
            if all(sample.masked != known.masked or at for _, known, at in where if not at):
                where.append((test.line, sample, column))
    return tuple(_finding(file, kind, samples) for (file, kind), samples in sorted(found.items()))


def _owners(project: Project) -> frozenset[str]:
    """Who answers for data is named in many documents."""
    owners = [pipeline.owner for pipeline in project.pipelines.values()]
    owners += [each.contract.owner or "" for each in project.datasets.values() if each.contract]
    return frozenset(owner for owner in owners if "@" in owner)


def _without(owners: frozenset[str], text: str) -> str:
    for owner in owners:
        text = text.replace(owner, "")
    return text


def _in_rows(test: DataTest, kinds: Mapping[tuple[str, str], str]) -> Iterator[tuple[str, Sample]]:
    """The values of a case that stand in personal columns and look real."""
    for dataset, rows in (*test.given.items(), (test.dataset, test.expect)):
        for row in rows:
            for column, value in row.items():
                kind = kinds.get((dataset, column))
                sample = sample_of(kind, str(value)) if kind and value is not None else None
                if sample is not None:
                    yield f"{dataset}.{column}", sample


def _finding(file: str, kind: str, samples: list[tuple[int, Sample, str]]) -> Finding:
    line, first, column = samples[0]
    count = "a value" if len(samples) == 1 else f"{len(samples)} values"
    return Finding(
        code="personal.sample",
        message=f"{file}:{line} holds what looks like {count} of persons ({kind})"
        + (f" in {column}, which is personal" if column else ""),
        severity=Severity.WARNING,
        place=Place(file=file, line=line, field=column or None),
        found=f"{first.masked}, {kind}",
        expected="values that are made up and can be known to be: addresses at example.com, numbers kept for fiction",
        remedy="write such values instead (docs/personal-data.md lists them); if they are made up already, say"
        f" `{WAIVED}` in the line; if they were somebody's, take them out of the history too",
    )
