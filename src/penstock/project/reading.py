"""A project's files to its model, or to every mistake in them at once. Text in, values out."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from functools import partial
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, TypeVar

from penstock.contract.reading import read_contract
from penstock.model.errors import InputError
from penstock.model.findings import Finding, Place, blocking
from penstock.model.pipelines import NAME_PATTERN, Project
from penstock.project.command_file import read_command
from penstock.project.consistency import cross_findings, handed_key_findings, keyless_findings, pool_findings
from penstock.project.datatest_file import read_datatests
from penstock.project.export_file import export_findings, read_export
from penstock.project.forms import with_forms
from penstock.project.layout import (
    COMMAND_FOLDER,
    COMMAND_SUFFIX,
    CONTRACT_SUFFIX,
    EXPORT_SUFFIX,
    SETTINGS_FILE,
    SOURCE_SUFFIX,
    is_project_file,
)
from penstock.project.pipeline_file import read_pipeline
from penstock.project.python_file import read_python
from penstock.project.settings import read_settings
from penstock.project.slo_file import read_slos
from penstock.project.source_file import read_source
from penstock.project.sql_file import read_sql
from penstock.project.triggers import trigger_findings

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from penstock.model.contracts import Contract
    from penstock.model.datatests import DataTest
    from penstock.model.exports import Export
    from penstock.model.pipelines import Dataset, Pipeline, Settings, Slo
    from penstock.model.suites import Expectations

Read = TypeVar("Read")


def read_project(files: Mapping[str, bytes], known: Project | None = None) -> Project:
    """The model of a project's files (relative path to bytes).

    `known` is the model of other files, made by the same code: a query whose file did not change is not read again.

    Raises:
        InputError: with every mistake found, in the order of files and lines.
    """
    project, findings = examine(files, known)
    if project is None or blocking(findings):
        raise InputError(findings)
    return project


def examine(files: Mapping[str, bytes], known: Project | None = None) -> tuple[Project | None, tuple[Finding, ...]]:
    """The model, if the files allow one, and everything there is to say about them; warnings only of what is read."""
    reader = _Reader(files, known)
    project = reader.read()
    order = sorted(reader.findings, key=lambda finding: (finding.place.file or "", finding.place.line or 0))
    return project, tuple(order)


class _Reader:
    """Reads file by file, gathering findings."""

    def __init__(self, files: Mapping[str, bytes], known: Project | None) -> None:
        self.known = known
        self.files = {path: files[path] for path in sorted(files) if is_project_file(path)}
        self.texts: dict[str, str] = {}
        self.findings: list[Finding] = []
        self.pipelines: dict[str, Pipeline] = {}
        self.datasets: dict[str, Dataset] = {}
        self.contracts: dict[str, Contract] = {}
        self.tests: list[DataTest] = []
        self.slos: list[Slo] = []
        self.exports: dict[str, Export] = {}
        self.unreadable: set[str] = set()
        self.broken_contracts: set[str] = set()

    def read(self) -> Project | None:
        for path, data in self.files.items():
            try:
                self.texts[path] = data.decode("utf-8-sig")
            except UnicodeDecodeError:
                if path.startswith(f"{COMMAND_FOLDER}/"):  # a program may be anything
                    continue
                self.findings.append(_not_text(path))
                self._note_unreadable(path)
        if SETTINGS_FILE not in self.files:
            self.findings.append(_no_settings())
        settings: Settings | None = None
        for path in self.texts:
            if path == SETTINGS_FILE:
                settings = self._guarded(lambda: read_settings(self.texts[SETTINGS_FILE], self.findings))
            else:
                self._guarded(partial(self._read_file, path))
        self._attach_contracts()
        self.findings.extend(
            cross_findings(self.pipelines, self.datasets, self.tests, self.slos, self.unreadable, self.broken_contracts)
        )
        self.findings.extend(trigger_findings(self.pipelines, {*self.datasets, *self.unreadable}, self.texts))
        self.findings.extend(export_findings(self.exports, self.datasets, self.unreadable))
        if settings is None:
            return None
        self._attach_suites(settings)
        self.findings.extend(pool_findings(self.datasets, settings.pools))
        if settings.masking is None:
            self.findings.extend(keyless_findings(self.datasets))
        elif settings.masking.variable:
            self.findings.extend(handed_key_findings(self.datasets, settings.masking.variable))
        return Project(
            settings=settings,
            pipelines=self.pipelines,
            datasets=with_forms(dict(sorted(self.datasets.items())), self.known.datasets if self.known else None),
            tests=tuple(self.tests),
            slos=tuple(self.slos),
            exports=self.exports,
            files={path: hashlib.sha256(data).hexdigest() for path, data in self.files.items()},
        )

    def _guarded(self, read: Callable[[], Read]) -> Read | None:
        try:
            return read()
        except InputError as error:
            self.findings.extend(error.findings)
            return None

    def _note_unreadable(self, path: str) -> None:
        """What a file speaks of exists, even if the file cannot be read: that is said once, where it is wrong."""
        parts = PurePosixPath(path).parts
        if path.endswith(CONTRACT_SUFFIX):
            self.broken_contracts.add(parts[-1].removesuffix(CONTRACT_SUFFIX))
        elif parts[0] == "pipelines" and len(parts) == 3 and not path.endswith(EXPORT_SUFFIX):
            named = parts[2].partition(".")[0]
            self.unreadable.add(parts[1] if parts[2] == "pipeline.yaml" else f"{parts[1]}.{named}")

    def _read_file(self, path: str) -> None:
        parts = PurePosixPath(path).parts
        if parts[0] == "pipelines":
            self._read_pipeline_file(path, parts)
        elif parts[0] == "contracts":
            self._note_unreadable(path)
            contract = read_contract(self.texts[path], path)
            self.contracts[contract.dataset] = contract
        elif parts[0] == "tests":
            self.tests.extend(read_datatests(self.texts[path], path, self.findings))
        elif parts[0] == "monitoring":
            self.slos.extend(read_slos(self.texts[path], path, self.findings))

    def _read_pipeline_file(self, path: str, parts: tuple[str, ...]) -> None:
        if len(parts) != 3:
            if not path.endswith(".py"):  # a folder below may hold Python that tasks import
                self.findings.append(_misplaced(path))
            return
        _, pipeline, file = parts
        if file == "pipeline.yaml":
            self.unreadable.add(pipeline)
            if self._well_named(pipeline, path):
                found = read_pipeline(pipeline, self.texts[path], path, self.findings)
                if found:
                    self.pipelines[pipeline] = found
                    self.unreadable.discard(pipeline)
            return
        if file.endswith(EXPORT_SUFFIX):
            self._read_export(pipeline, file.removesuffix(EXPORT_SUFFIX), path)
            return
        suffix = next((end for end in (SOURCE_SUFFIX, COMMAND_SUFFIX) if file.endswith(end)), "")
        short = file.removesuffix(suffix) if suffix else file.rpartition(".")[0]
        if file.endswith(".yaml") and not suffix:
            self.findings.append(_stray(path))
            return
        if short == "__init__" or not (self._well_named(pipeline, path) and self._well_named(short, path)):
            return
        name = f"{pipeline}.{short}"
        self.unreadable.add(name)
        dataset = self._read_dataset(name, path)
        if dataset is None:
            return
        self.unreadable.discard(name)
        if name in self.datasets:
            self.findings.append(_twice(name, path, self.datasets[name].file))
        else:
            self.datasets[name] = dataset

    def _read_export(self, pipeline: str, short: str, path: str) -> None:
        if self._well_named(pipeline, path) and self._well_named(short, path):
            export = read_export(f"{pipeline}.{short}", self.texts[path], path, self.findings)
            if export is not None:
                self.exports[export.name] = export

    def _read_dataset(self, name: str, path: str) -> Dataset | None:
        if path.endswith(SOURCE_SUFFIX):
            return read_source(name, self.texts[path], path, self.findings, self.texts)
        if path.endswith(COMMAND_SUFFIX):
            return read_command(name, path, self.texts, self.files, self.findings)
        if path.endswith(".sql"):
            if (same := self._known_query(name, path)) is not None:
                return same
            return read_sql(name, self.texts[path], path, self.findings)
        before = len(self.findings)
        dataset = read_python(name, path, self.texts, self.findings)
        if dataset is None and len(self.findings) == before:
            self.unreadable.discard(name)
        return dataset

    def _known_query(self, name: str, path: str) -> Dataset | None:
        """The dataset of a file that is as it was; its contract, and the columns of what it reads, may be others."""
        if self.known is None or name not in self.known.datasets:
            return None
        was = self.known.datasets[name]
        if was.file != path or self.known.files.get(path) != hashlib.sha256(self.files[path]).hexdigest():
            return None
        return replace(was, contract=None, suites=())

    def _well_named(self, word: str, path: str) -> bool:
        if NAME_PATTERN.fullmatch(word):
            return True
        self.findings.append(
            Finding(
                code="project.bad_name",
                message=f"{word!r} cannot name a pipeline or dataset",
                place=Place(file=path),
                found=word,
                expected="lower-case letters, digits and _, beginning with a letter, at most 63",
                remedy="rename the file or folder",
            )
        )
        return False

    def _attach_contracts(self) -> None:
        for name, contract in sorted(self.contracts.items()):
            if name in self.datasets:
                self.datasets[name] = replace(self.datasets[name], contract=contract)
            elif name not in self.unreadable:
                self.findings.append(
                    Finding(
                        code="project.contract_without_dataset",
                        message=f"{contract.file} is a contract for {name}, which no file makes",
                        place=Place(file=contract.file, line=1, dataset=name),
                        expected="a dataset of that name under pipelines/",
                        remedy="correct the name or remove the contract",
                    )
                )

    def _attach_suites(self, settings: Settings) -> None:
        for one in settings.great_expectations:
            if (dataset := self.datasets.get(one.dataset)) is not None:
                self.datasets[one.dataset] = replace(dataset, suites=(*dataset.suites, one))
            elif one.dataset not in self.unreadable:
                self.findings.append(_suite_without_dataset(one))


def _suite_without_dataset(one: Expectations) -> Finding:
    return Finding(
        code="project.suite_without_dataset",
        message=f"{one.file} is a suite for {one.dataset}, which no file makes",
        place=Place(file=SETTINGS_FILE, dataset=one.dataset, field="great_expectations"),
        found=one.dataset,
        expected="a dataset of this project",
        remedy="correct the name or take the entry out",
    )


def _not_text(path: str) -> Finding:
    return Finding(
        code="project.not_text",
        message=f"{path} is not UTF-8 text",
        place=Place(file=path),
        expected="UTF-8",
        remedy="save the file as UTF-8",
    )


def _no_settings() -> Finding:
    return Finding(
        code="project.no_settings",
        message="there is no penstock.yaml",
        place=Place(file=SETTINGS_FILE),
        expected="a penstock.yaml at the top of the project",
        remedy="`penstock init` makes a project that works",
    )


def _stray(path: str) -> Finding:
    return Finding(
        code="project.stray_file",
        message=f"{path} is neither pipeline.yaml nor NAME.source.yaml, NAME.command.yaml or NAME.export.yaml",
        place=Place(file=path, line=1),
        expected="pipeline.yaml, NAME.sql, NAME.py, NAME.source.yaml, NAME.command.yaml or NAME.export.yaml",
        remedy="rename or move the file",
    )


def _misplaced(path: str) -> Finding:
    return Finding(
        code="project.stray_file",
        message=f"{path} is in no pipeline's folder",
        place=Place(file=path),
        expected="pipelines/PIPELINE/NAME.sql, .py, .source.yaml, .command.yaml or .export.yaml",
        remedy="move the file into its pipeline's folder",
    )


def _twice(name: str, path: str, other: str) -> Finding:
    return Finding(
        code="project.duplicate_dataset",
        message=f"{name} is made by two files: {other} and {path}",
        place=Place(file=path, line=1, dataset=name),
        expected="one file for each dataset",
        remedy="remove or rename one of them",
    )
