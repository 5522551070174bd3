"""A dataset version is named by its fingerprint: everything that decides its rows, and nothing that does not.

The fingerprint covers the digest of the canonical query (or code, or source description), how the rows are kept, and of
each dataset read what decides its rows and the columns that are read: another column of it leaves the reader alone. A
view shows another dataset's rows as they are stored, so that it is another whenever what it reads is. Descriptions,
owners, schedules, checks that only judge, retries, secrets and limits change no version.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from penstock.model.connectors import ConnectorSource
from penstock.model.contracts import MOST_QUARANTINED
from penstock.model.databases import DatabaseSource
from penstock.model.errors import InputError
from penstock.model.findings import Finding, Place
from penstock.model.masking import EDITION, HASH
from penstock.model.pipelines import CommandTask, Materialization, PythonTask, Source, SqlTask
from penstock.model.sources import LANDED, FileSource
from penstock.plan.order import topological
from penstock.sql import identifiers

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from penstock.model.pipelines import Dataset, Project
    from penstock.model.queries import Form, QueryForms

VERSIONS_SCHEMA = "_versions"


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """One dataset version. `relation` is the quoted physical name of its rows.

    `meanings` maps its columns (lower case), and "" for which rows it has, to digests, where they are known one by one.
    """

    dataset: str
    fingerprint: str
    relation: str
    meanings: Mapping[str, str] = field(default_factory=dict)


def versions_of(project: Project) -> Mapping[str, Version]:
    """The version of every dataset of a project, in dependency order.

    Raises:
        InputError: a query hashes, and no masking key is at hand: nobody could say what its rows are.
    """
    _refuse_keyless(project)
    meanings = Meanings(project)
    versions: dict[str, Version] = {}
    for name in topological(project):
        dataset = project.datasets[name]
        fingerprint = meanings.of(name)
        if dataset.materialization is Materialization.VIEW:
            stored = {read: versions[read].fingerprint for read in sorted(set(dataset.reads))}
            fingerprint = _digest([fingerprint, stored])
        relation = relation_of(name, fingerprint)
        versions[name] = Version(
            dataset=name, fingerprint=fingerprint, relation=relation, meanings=meanings.by_column(name)
        )
    return versions


class Meanings:
    """What datasets, their rows and their columns mean: equal digests, equal contents from equal sources.

    Invariant: whatever is not known by column stands for the whole dataset.
    """

    def __init__(self, project: Project) -> None:
        self._datasets = project.datasets
        self._mask_digest = project.mask_digest
        self._known: dict[tuple[str, ...], str] = {}
        self._formed: dict[str, QueryForms | None] = {}
        for name in topological(project):  # from the sources on, so that nothing recurses
            self.of(name)

    def of(self, name: str) -> str:
        """A whole dataset."""
        return self._once((name,), lambda: self._whole(self._datasets[name]))

    def rows(self, name: str) -> str:
        """Which rows a dataset has; those of one that is replaced piece by piece rest on what names the pieces too."""
        return self._once((name, "", "rows"), lambda: self._rows(self._datasets[name]))

    def column(self, name: str, column: str) -> str:
        """The values of one of its columns."""
        return self._once((name, column), lambda: self._column(self._datasets[name], column))

    def by_column(self, name: str) -> dict[str, str]:
        """Each column of a dataset whose columns are known, in order, and "" for its rows."""
        dataset = self._datasets[name]
        forms = self._forms(dataset.name)
        if isinstance(dataset.task, Source):
            columns = [column.lower() for column in dataset.task.row if column not in LANDED]
        else:
            columns = list(forms.columns) if forms is not None else []
        return {"": self.rows(name), **{column: self.column(name, column) for column in columns}} if columns else {}

    def read_by(self, reader: str, name: str) -> str:
        """As much of a dataset as a reader uses."""
        forms = self._forms(reader)
        if forms is None:
            return self.of(name)
        columns = {
            column for form in (forms.rows, *forms.columns.values()) for read, column in form.reads if read == name
        }
        return _digest([self.rows(name), {column: self.column(name, column) for column in sorted(columns)}])

    def _whole(self, dataset: Dataset) -> str:
        reads = {name: self.read_by(dataset.name, name) for name in sorted(set(dataset.reads))}
        forms = self._forms(dataset.name)
        parts = [[name, self._form(dataset, form)] for name, form in forms.columns.items()] if forms else []
        rows = self._form(dataset, forms.rows) if forms else []
        masks = dataset.task.masks if isinstance(dataset.task, SqlTask) else ()
        own = {**own_definition(dataset), **self._masked(masks)}
        return _digest({**own, "reads": reads, "rows": rows, "columns": parts})

    def _rows(self, dataset: Dataset) -> str:
        if isinstance(dataset.task, Source):
            return _digest([_shape(dataset), {**_task_parts(dataset), "columns": []}])
        forms = self._forms(dataset.name)
        if forms is None:
            return self.of(dataset.name)
        pieces = [*dataset.key, *([dataset.interval.column] if dataset.interval else ())]
        if any(piece.lower() not in forms.columns for piece in pieces):
            return self.of(dataset.name)
        parts = [forms.rows, *(forms.columns[piece.lower()] for piece in pieces)]
        return _digest([_shape(dataset), *(self._form(dataset, form) for form in parts)])

    def _column(self, dataset: Dataset, column: str) -> str:
        if isinstance(dataset.task, DatabaseSource | ConnectorSource):
            types = [type_ for name, type_ in dataset.task.row_types.items() if name.lower() == column]
            return _digest([self.rows(dataset.name), column, *types]) if types else self.of(dataset.name)
        if isinstance(dataset.task, FileSource) and column in {*map(str.lower, dataset.task.row)}:
            return _digest([self.rows(dataset.name), column])
        forms = self._forms(dataset.name)
        if forms is None or column not in forms.columns:
            return self.of(dataset.name)
        return _digest([self.rows(dataset.name), self._form(dataset, forms.columns[column])])

    def _form(self, dataset: Dataset, form: Form) -> list[object]:
        rows = {name: self.rows(name) for name in sorted(set(dataset.reads))}
        masked = self._masked(form.masks)
        reads = [[*source, self.column(*source)] for source in form.reads]
        return [form.digest, rows, reads, *([masked] if masked else [])]

    def _masked(self, masks: tuple[str, ...]) -> dict[str, object]:
        """Of what masks: which edition of the functions, and under which key."""
        return {"masking": [EDITION, self._mask_digest if HASH in masks else ""]} if masks else {}

    def _once(self, key: tuple[str, ...], make: Callable[[], str]) -> str:
        if key not in self._known:
            self._known[key] = make()
        return self._known[key]

    def _forms(self, name: str) -> QueryForms | None:
        if name not in self._formed:
            self._formed[name] = forms_of(self._datasets[name])
        return self._formed[name]


def _refuse_keyless(project: Project) -> None:
    hashing = project.hashing
    if hashing and not project.mask_digest:
        key = project.settings.masking
        raise InputError(
            Finding(
                code="masking.no_key",
                message=f"{hashing[0]} calls {HASH}, and the masking key is not there",
                place=Place(file=project.datasets[hashing[0]].file, dataset=hashing[0]),
                expected=f"the key in {key.where}" if key else "a key, named under `masking` in penstock.yaml",
                remedy="give this process the key that the rows before were hashed with; another one makes them anew",
            )
        )


def forms_of(dataset: Dataset) -> QueryForms | None:
    """What is known of a dataset's query by column; of one that goes on from its own rows, nothing.

    Nor of one whose rows are put aside by what other columns hold.
    """
    if not isinstance(dataset.task, SqlTask) or dataset.materialization is Materialization.APPEND:
        return None
    return None if _sifted(dataset) else dataset.task.forms


def own_definition(dataset: Dataset) -> dict[str, object]:
    """What decides a dataset's rows, apart from the versions it reads, as plain values."""
    return {
        "task": _task_parts(dataset),
        **_kept(dataset),
    }


def own_digest(dataset: Dataset) -> str:
    """A digest of what decides a dataset's rows, apart from the versions it reads."""
    return _digest(own_definition(dataset))


def described(dataset: Dataset) -> str:
    """A digest of what is said of a dataset and decides none of its rows: its contract and description."""
    contract = dataset.contract
    if contract is None:
        return _digest([dataset.description])
    said = [contract.version, contract.owner, contract.description, contract.retention, contract.ready_by]
    rules = [str(replace(rule, line=None)) for rule in contract.rules]
    columns = [str(column) for column in contract.columns]
    share = [] if contract.max_quarantined == MOST_QUARANTINED else [str(contract.max_quarantined)]
    counted = [f"from {contract.retention_column}"] if contract.retention_column else []
    return _digest([dataset.description, said, contract.status, list(contract.key), columns, rules, *share, *counted])


def _shape(dataset: Dataset) -> dict[str, object]:
    """What of keeping rows decides which there are: a view has those of a table of the same query."""
    whole = dataset.materialization in {Materialization.VIEW, Materialization.TABLE}
    return {**_kept(dataset), **({"materialization": "whole"} if whole else {})}


def _kept(dataset: Dataset) -> dict[str, object]:
    """How the rows are kept."""
    return {
        "materialization": str(dataset.materialization),
        "interval": str(dataset.interval) if dataset.interval else "",
        **({"key": sorted(dataset.key)} if dataset.key else {}),
        **({"offset": dataset.offset} if dataset.offset else {}),
        **({"sifted": sifted} if (sifted := _sifted(dataset)) else {}),
    }


def _sifted(dataset: Dataset) -> list[object]:
    """What of its contract decides a dataset's rows; a view stores none."""
    contract = dataset.contract
    if contract is None or dataset.materialization is Materialization.VIEW:
        return []
    files = dataset.task.texts if isinstance(dataset.task, FileSource) else ()
    read = {name.casefold() for name in files}
    is_cast = any(spec.type != "VARCHAR" and spec.name.casefold() in read for spec in contract.columns)
    if not contract.names_policies and not is_cast:
        return []
    from penstock.quality.sifting import decided_by  # noqa: PLC0415 - most contracts decide no rows; it needs readers

    return decided_by(contract, files)


def _digest(parts: object) -> str:
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]


def relation_of(dataset: str, version: str) -> str:
    """The quoted physical name of a dataset version."""
    return identifiers.table(VERSIONS_SCHEMA, f"{dataset.replace('.', '__')}__{version}")


def _options(task: FileSource) -> dict[str, object]:
    """What a source says beyond where its files are and what they hold; nothing of what it leaves as it is."""
    plain = FileSource(path="", columns=())
    said = {name: getattr(task, name) for name in ("format", "encoding", "drift", "records", "no_records", "sheet")}
    options: dict[str, object] = {name: str(value) for name, value in said.items() if value != getattr(plain, name)}
    store = task.storage.parts if task.storage else {}
    mappings = {"also": task.also, "paths": task.paths, "types": task.types, "storage": store}
    return options | {name: dict(value) for name, value in mappings.items() if value}


def _task_parts(dataset: Dataset) -> dict[str, object]:
    task = dataset.task
    if isinstance(task, DatabaseSource | ConnectorSource):
        return task.parts
    if isinstance(task, FileSource):
        return {"path": task.path, "columns": list(task.columns), "delimiter": task.delimiter, **_options(task)}
    if isinstance(task, PythonTask):
        return {"code": task.code_digest, "function": task.function, "reads": dict(task.reads_by_parameter)}
    if isinstance(task, CommandTask):
        parts = {"argv": list(task.argv), "code": task.code_digest, "format": task.format}
        return {**parts, "reads": dict(task.reads_by_parameter)}
    return {"query": task.query_digest}
