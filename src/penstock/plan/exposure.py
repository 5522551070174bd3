"""Where personal data goes: tags followed along column lineage to columns that do not carry one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from penstock.model.errors import InputError
from penstock.model.pipelines import SqlTask
from penstock.plan.order import topological
from penstock.policy.facts import ExposedColumn
from penstock.sql.lineage import column_lineage

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from penstock.model.contracts import ColumnSpec
    from penstock.model.pipelines import Dataset, Project
    from penstock.sql.lineage import ColumnRef


def schema_of(project: Project) -> dict[str, tuple[str, ...]]:
    """The columns of each dataset that has a contract."""
    columns: dict[str, tuple[str, ...]] = {}
    for name, dataset in project.datasets.items():
        if dataset.contract is not None:
            columns[name] = tuple(column.name for column in dataset.contract.columns)
    return columns


def exposed_columns(project: Project, datasets: Iterable[str]) -> tuple[ExposedColumn, ...]:
    """Columns of `datasets` whose values are copied from a personal column and that are not tagged themselves.

    A number made of something else (a count of people) does not carry their data on; a number made of the same type
    may be a copy, and counts as one.
    """
    schema = schema_of(project)
    wanted = set(datasets)
    found = []
    for name in topological(project):
        dataset = project.datasets[name]
        if name not in wanted or dataset.contract is None or not isinstance(dataset.task, SqlTask):
            continue
        for column, sources in _lineage(dataset, schema).items():
            spec = dataset.contract.column(column)
            if spec is None or spec.personal:
                continue
            tagged = [
                (source, tag)
                for source in sources
                if (tag := _tagged(project, source)) and not (_is_number(spec.type) and tag.type != spec.type)
            ]
            if tagged:
                source, tag = tagged[0]
                origin = f"{source.dataset}.{source.column}"
                found.append(ExposedColumn(dataset=name, column=column, kind=tag.personal or "", comes_from=origin))
    return tuple(found)


def _lineage(dataset: Dataset, schema: Mapping[str, tuple[str, ...]]) -> Mapping[str, tuple[ColumnRef, ...]]:
    assert isinstance(dataset.task, SqlTask)  # noqa: S101 - the caller looked
    try:
        return column_lineage(dataset.task.text, schema).columns
    except InputError:
        return {}


def _tagged(project: Project, source: ColumnRef) -> ColumnSpec | None:
    """The contract's column that a reference names, if it holds personal data."""
    upstream = project.datasets.get(source.dataset)
    spec = upstream.contract.column(source.column) if upstream and upstream.contract else None
    return spec if spec and spec.personal else None


def _is_number(type_: str) -> bool:
    word = type_.upper().split("(")[0].strip()
    return word in {"TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "DECIMAL", "DOUBLE", "FLOAT", "BOOLEAN"} or (
        word.startswith("U") and word.endswith("INT")
    )
