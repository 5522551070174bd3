"""What only shows across files: unknown datasets, cycles, missing settings, tests of nothing."""

from __future__ import annotations

import difflib
from dataclasses import replace
from graphlib import CycleError, TopologicalSorter
from typing import TYPE_CHECKING

from penstock.model.connectors import ConnectorSource
from penstock.model.databases import DatabaseSource
from penstock.model.errors import InputError
from penstock.model.findings import Finding, Place, Severity
from penstock.model.masking import HASH
from penstock.model.pipelines import CommandTask, Materialization, PythonTask, SqlTask
from penstock.model.sources import FileSource
from penstock.project.layout import SETTINGS_FILE
from penstock.project.row_policies import policy_findings
from penstock.sql.identifiers import quote
from penstock.sql.query import parse_query

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from penstock.model.datatests import DataTest
    from penstock.model.pipelines import Dataset, Pipeline, Slo


def cross_findings(
    pipelines: Mapping[str, Pipeline],
    datasets: Mapping[str, Dataset],
    tests: Sequence[DataTest],
    slos: Sequence[Slo],
    unreadable: set[str],
    broken_contracts: set[str],
) -> Iterator[Finding]:
    """Every mistake between files, each said once.

    Pipelines and datasets in `unreadable`, and the contracts of `broken_contracts`, are there but could not be read:
    no second finding for them.
    """
    known = set(datasets) | unreadable
    for pipeline in sorted({dataset.pipeline for dataset in datasets.values()} - set(pipelines) - unreadable):
        yield _no_pipeline(pipeline)
    for name, dataset in sorted(datasets.items()):
        for upstream in dataset.reads:
            if upstream not in known:
                yield _unknown(dataset, upstream, known)
        if dataset.contract is None and name not in broken_contracts:
            yield _no_contract(name, dataset)
        yield from policy_findings(dataset)
        yield from _relation_findings(dataset, datasets, known)
        yield from _query_findings(dataset)
    cycle = _cycle({name: tuple(up for up in dataset.needs if up in datasets) for name, dataset in datasets.items()})
    if cycle:
        yield _cyclic(cycle, datasets[cycle[0]])
    for file, name in dict.fromkeys((test.file, test.dataset) for test in tests if test.dataset not in known):
        yield _stranger("project.test_without_dataset", name, file, 1, known)
    for test in tests:
        yield from _test_findings(test, datasets)
    for slo in slos:
        if slo.dataset not in known:
            yield _stranger("project.slo_without_dataset", slo.dataset, slo.file, 1, known)


def keyless_findings(datasets: Mapping[str, Dataset]) -> Iterator[Finding]:
    """Queries that hash under a key which the settings do not name."""
    for name, dataset in sorted(datasets.items()):
        if isinstance(dataset.task, SqlTask) and HASH in dataset.task.masks:
            yield Finding(
                code="project.masking_key",
                message=f"{name} calls {HASH}, and {SETTINGS_FILE} names no key",
                place=Place(file=dataset.file, line=1, dataset=name),
                expected="masking: with key: VARIABLE, or key_file: PATH",
                remedy=f"name the key in {SETTINGS_FILE}; `openssl rand -hex 32` makes one",
            )


def handed_key_findings(datasets: Mapping[str, Dataset], variable: str) -> Iterator[Finding]:
    """Sources and tasks that would be handed the masking key: with it, whoever has their pseudonyms has the values."""
    for name, dataset in sorted(datasets.items()):
        if variable in _handed(dataset):
            yield Finding(
                code="project.masking_key_handed_on",
                message=f"{name} is given {variable}, which holds the masking key",
                place=Place(file=dataset.file, line=1, dataset=name),
                found=variable,
                expected="a variable of its own",
                remedy="name another variable; queries hash by mask_hash, and nothing else needs the key",
            )


def _handed(dataset: Dataset) -> set[str]:
    """The environment variables whose values a dataset's task is given."""
    match dataset.task:
        case FileSource(storage=storage) if storage is not None:
            return {named for _, named in storage.variables} | {storage.endpoint_variable}
        case DatabaseSource(connection=connection):
            return {connection}
        case ConnectorSource(secrets=by_place):
            return set(by_place.values())
        case PythonTask(secrets=names) | CommandTask(secrets=names):
            return set(names)
    return set()


def pool_findings(datasets: Mapping[str, Dataset], pools: Mapping[str, int]) -> Iterator[Finding]:
    """Datasets whose pool the settings do not have: nothing would bound them."""
    for name, dataset in sorted(datasets.items()):
        pool = dataset.limits.pool
        if pool and pool not in pools:
            close = difflib.get_close_matches(pool, sorted(pools), n=1)
            yield Finding(
                code="project.unknown_pool",
                message=f"{name} belongs to the pool {pool}, which penstock.yaml does not have",
                place=Place(file=dataset.file, line=1, dataset=name),
                found=pool,
                expected=f"perhaps {close[0]}" if close else " | ".join(sorted(pools)) or f"pools: {{{pool}: 2}}",
                remedy="correct the name, or add the pool and its size to penstock.yaml",
            )


def _query_findings(dataset: Dataset) -> Iterator[Finding]:
    """SQL checks that are no queries over the dataset alone: they run where queries do, and may reach for no more."""
    contract = dataset.contract
    rows = ".".join(quote(part) for part in dataset.name.split("."))
    for rule in contract.rules if contract is not None else ():
        if contract is None or rule.sql is None:
            continue
        try:
            parse_query(rule.sql.replace("{table}", rows), contract.file, known={dataset.name})
        except InputError as error:
            place = Place(file=contract.file, line=rule.line, dataset=dataset.name)
            yield from (replace(finding, place=place) for finding in error.findings)


def _relation_findings(dataset: Dataset, datasets: Mapping[str, Dataset], known: set[str]) -> Iterator[Finding]:
    """Datasets and columns that a contract refers to and that are not there."""
    contract = dataset.contract
    for rule in contract.rules if contract is not None else ():
        if contract is None or rule.dataset is None:
            continue
        place = Place(file=contract.file, line=rule.line, dataset=dataset.name)
        if rule.dataset == dataset.name and dataset.materialization is not Materialization.TABLE:
            yield Finding(
                code="project.relation_to_itself",
                message=f"the contract of {dataset.name} relates it to itself, and it is not made whole",
                place=place,
                found=f"materialize: {dataset.materialization}",
                expected="materialize: table, where all rows that may be referred to are there at once",
                remedy="take the relation back, or check it by a query in a dataset that reads this one whole",
            )
        if rule.dataset not in known:
            close = difflib.get_close_matches(rule.dataset, sorted(known), n=1)
            yield Finding(
                code="project.unknown_dataset",
                message=f"the contract of {dataset.name} refers to {rule.dataset}, which no file makes",
                place=place,
                found=rule.dataset,
                expected=f"perhaps {close[0]}" if close else "a dataset of this project",
                remedy="correct the name, or add the source or query that makes it",
            )
            continue
        other = datasets[rule.dataset].contract if rule.dataset in datasets else None
        for column in rule.others if other is not None else ():
            if other is not None and other.column(column) is None:
                yield Finding(
                    code="project.unknown_column",
                    message=f"the contract of {dataset.name} refers to {rule.dataset}.{column}, which is not there",
                    place=place,
                    found=column,
                    expected=" | ".join(one.name for one in other.columns),
                    remedy="correct the name",
                )


def _cycle(reads: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    """One dependency cycle in reading order, its first dataset repeated at the end; nothing if there is none."""
    try:
        TopologicalSorter({name: sorted(others) for name, others in sorted(reads.items())}).prepare()
    except CycleError as error:
        return tuple(reversed(error.args[1]))
    return ()


def _test_findings(test: DataTest, datasets: Mapping[str, Dataset]) -> Iterator[Finding]:
    dataset = datasets.get(test.dataset)
    if dataset is None:
        return
    for upstream in test.given:
        if upstream not in dataset.reads:
            yield Finding(
                code="project.test_given",
                message=f"the case {test.name!r} gives rows of {upstream}, which {test.dataset} does not read",
                place=Place(file=test.file, line=test.line, dataset=test.dataset),
                expected=" | ".join(dataset.reads) or "nothing: it reads no dataset",
                remedy="correct the name",
            )
    if dataset.interval is not None and test.interval is None:
        yield Finding(
            code="project.test_interval",
            message=f"the case {test.name!r} has no interval, but {test.dataset} is incremental",
            place=Place(file=test.file, line=test.line, dataset=test.dataset),
            expected="interval: 2011-01-04/2011-01-05",
            remedy="add the interval that the given rows belong to",
        )


def _unknown(dataset: Dataset, upstream: str, known: set[str]) -> Finding:
    line, column, excerpt = None, None, None
    if isinstance(dataset.task, SqlTask):
        use = next((use for use in parse_query(dataset.task.text, dataset.file).reads if use.name == upstream), None)
        if use is not None:
            line, column = use.line, use.column
            excerpt = dataset.task.text.splitlines()[use.line - 1].strip()[:160]
    close = difflib.get_close_matches(upstream, sorted(known), n=1)
    return Finding(
        code="project.unknown_dataset",
        message=f"{dataset.name} reads {upstream}, which no file makes",
        place=Place(file=dataset.file, line=line, column=column, excerpt=excerpt, dataset=dataset.name),
        found=upstream,
        expected=f"perhaps {close[0]}" if close else "a dataset of this project",
        remedy="correct the name, or add the source or query that makes it",
    )


def _no_pipeline(pipeline: str) -> Finding:
    return Finding(
        code="project.no_pipeline",
        message=f"the pipeline {pipeline} has datasets and no settings",
        place=Place(file=f"pipelines/{pipeline}/pipeline.yaml"),
        expected=f"pipelines/{pipeline}/pipeline.yaml with owner, schedule and start",
        remedy="add that file",
    )


def _no_contract(name: str, dataset: Dataset) -> Finding:
    return Finding(
        code="project.no_contract",
        message=f"{name} has no contract",
        severity=Severity.WARNING,
        place=Place(file=dataset.file, line=1, dataset=name),
        expected=f"contracts/{name}.odcs.yaml",
        remedy="write down its columns, keys and rules, so that its rows are checked before anyone sees them",
    )


def _cyclic(cycle: tuple[str, ...], dataset: Dataset) -> Finding:
    return Finding(
        code="project.cycle",
        message=f"datasets read each other in a circle: {' reads '.join(cycle)}",
        place=Place(file=dataset.file, line=1, dataset=dataset.name),
        expected="no dataset that needs itself; one whose contract refers to another waits for that as if it read it",
        remedy="take one of these reads, or of the relationships of their contracts, out",
    )


def _stranger(code: str, name: str, file: str, line: int, known: set[str]) -> Finding:
    close = difflib.get_close_matches(name, sorted(known), n=1)
    return Finding(
        code=code,
        message=f"{file} speaks of {name}, which no file makes",
        place=Place(file=file, line=line, dataset=name),
        found=name,
        expected=f"perhaps {close[0]}" if close else "a dataset of this project",
        remedy="correct the name",
    )
