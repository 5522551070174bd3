"""Lineage as OpenLineage events: one job event for each dataset, with its schema and where its columns come from.

Source: the OpenLineage specification 2-0-2 (JobEvent) and its facets SchemaDatasetFacet 1-2-0 and
ColumnLineageDatasetFacet 1-2-0. Values are DIRECT; what decides which rows there are is INDIRECT, and belongs to the
dataset.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from penstock.plan.lineage import WHOLE, Bond

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from penstock.model.pipelines import Project
    from penstock.plan.lineage import Edge, Node, ProjectLineage

PRODUCER = "urn:penstock"
_SPEC = "https://openlineage.io/spec"
_EVENT = f"{_SPEC}/2-0-2/OpenLineage.json#/$defs/JobEvent"
_SCHEMA = f"{_SPEC}/facets/1-2-0/SchemaDatasetFacet.json#/$defs/SchemaDatasetFacet"
_COLUMNS = f"{_SPEC}/facets/1-2-0/ColumnLineageDatasetFacet.json#/$defs/ColumnLineageDatasetFacet"


def job_events(project: Project, lineage: ProjectLineage, names: Iterable[str], at: str) -> list[dict[str, Any]]:
    """An event for each of these datasets; `at` is the moment of all of them, in ISO 8601."""
    return [_event(project, lineage, name, at) for name in names]


def _event(project: Project, lineage: ProjectLineage, name: str, at: str) -> dict[str, Any]:
    namespace = project.settings.name
    dataset = project.datasets[name]
    output = {"namespace": namespace, "name": name, "facets": _facets(project, lineage, name)}
    return {
        "eventTime": at,
        "producer": PRODUCER,
        "schemaURL": _EVENT,
        "job": {"namespace": namespace, "name": name, "facets": {}},
        "inputs": [{"namespace": namespace, "name": read, "facets": {}} for read in sorted(set(dataset.reads))],
        "outputs": [output],
    }


def _facets(project: Project, lineage: ProjectLineage, name: str) -> dict[str, Any]:
    facets: dict[str, Any] = {}
    columns = lineage.columns.get(name, ())
    contract = project.datasets[name].contract
    types = {column.name: column.type for column in contract.columns} if contract is not None else {}
    if columns:
        fields = [{"name": column, **({"type": types[column]} if column in types else {})} for column in columns]
        facets["schema"] = {"_producer": PRODUCER, "_schemaURL": _SCHEMA, "fields": fields}
    near = lineage.into(name)
    made = {column: _inputs(near, (name, column), project.settings.name) for column in columns}
    rows = _inputs(near, (name, WHOLE), project.settings.name)
    if rows or any(made.values()):
        facets["columnLineage"] = {
            "_producer": PRODUCER,
            "_schemaURL": _COLUMNS,
            "fields": {column: {"inputFields": inputs} for column, inputs in made.items() if inputs},
            "dataset": rows,
        }
    return facets


def _inputs(near: Mapping[Node, tuple[Edge, ...]], target: Node, namespace: str) -> list[dict[str, Any]]:
    """Where one column, or the rows, come from; a dataset that is not known by column has no field to name."""
    return [
        {
            "namespace": namespace,
            "name": edge.source[0],
            "field": edge.source[1],
            "transformations": [{"type": "INDIRECT" if edge.bond is Bond.ROWS else "DIRECT"}],
        }
        for edge in sorted(near.get(target, ()))
        if edge.source[1] != WHOLE
    ]
