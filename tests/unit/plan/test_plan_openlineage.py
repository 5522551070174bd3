"""Lineage as OpenLineage events: built again by the client of the specification, they are the same."""

from __future__ import annotations

from typing import Any

from openlineage.client.generated import base, column_lineage_dataset, schema_dataset
from openlineage.client.serde import Serde

from penstock.model.pipelines import Materialization, Project, PythonTask
from penstock.plan.lineage import Bond, ProjectLineage
from penstock.plan.openlineage import job_events
from penstock.project.reading import read_project

FILES = {
    "penstock.yaml": "name: shop\n",
    "pipelines/s/pipeline.yaml": 'owner: us\nschedule: "@daily"\nstart: 2024-01-01\n',
    "pipelines/s/orders.source.yaml": "format: csv\npath: data/orders.csv\ncolumns: [id, amount, state]\n",
    "pipelines/s/paid.sql": (
        "/* penstock\nmaterialize: table\n*/\n"
        "SELECT id, CAST(amount AS DOUBLE) AS amount FROM s.orders WHERE state = 'paid'\n"
    ),
    "pipelines/s/scored.py": (
        "from penstock.tasks import task\n\n\n"
        '@task(reads={"paid": "s.paid"}, columns={"id": ["paid.id"], "score": ["paid.amount"]})\n'
        "def scored(paid):\n    return paid\n"
    ),
}


def project() -> Project:
    return read_project({path: text.encode() for path, text in FILES.items()})


def events() -> dict[str, dict[str, Any]]:
    found = job_events(project(), ProjectLineage(project()), ("s.orders", "s.paid", "s.scored"), "2024-01-10T00:00:00Z")
    return {event["job"]["name"]: event for event in found}


def bare(value: Any) -> Any:
    """Without what names the producer and the schema, and without what is empty."""
    if isinstance(value, dict):
        return {
            key: bare(item) for key, item in value.items() if not key.startswith("_") and item not in (None, [], {})
        }
    return [bare(item) for item in value] if isinstance(value, list) else value


def test_values_are_direct_and_what_decides_rows_belongs_to_the_dataset() -> None:
    facet = events()["s.paid"]["outputs"][0]["facets"]["columnLineage"]
    (amount,) = facet["fields"]["amount"]["inputFields"]
    assert (amount["name"], amount["field"]) == ("s.orders", "amount")
    assert amount["transformations"] == [{"type": "DIRECT"}]
    assert [(one["field"], one["transformations"]) for one in facet["dataset"]] == [("state", [{"type": "INDIRECT"}])]


def test_the_client_of_the_specification_makes_the_same_of_it() -> None:
    for event in events().values():
        facets = event["outputs"][0]["facets"]
        if "columnLineage" not in facets:
            continue
        made = column_lineage_dataset.ColumnLineageDatasetFacet(
            fields={
                column: column_lineage_dataset.Fields(inputFields=[_field(one) for one in entry["inputFields"]])
                for column, entry in facets["columnLineage"]["fields"].items()
            },
            dataset=[_field(one) for one in facets["columnLineage"]["dataset"]],
        )
        assert bare(Serde.to_dict(made)) == bare(facets["columnLineage"])
        assert facets["columnLineage"]["_schemaURL"] == made._get_schema()
        assert facets["schema"]["_schemaURL"] == schema_dataset.SchemaDatasetFacet._get_schema()
        assert event["schemaURL"] == base.JobEvent._get_schema()


def _field(one: dict[str, Any]) -> column_lineage_dataset.InputField:
    transformations = [column_lineage_dataset.Transformation(**item) for item in one["transformations"]]
    return column_lineage_dataset.InputField(**{**one, "transformations": transformations})


def test_columns_that_code_declares_are_followed_and_the_rest_is_rows() -> None:
    task = project().datasets["s.scored"].task
    assert isinstance(task, PythonTask)
    assert task.columns == {"id": (("s.paid", "id"),), "score": (("s.paid", "amount"),)}
    assert project().datasets["s.scored"].materialization is Materialization.TABLE
    edges = list(ProjectLineage(project()).column("s.scored", "score", down=False))
    assert (edges[0].source, edges[0].bond) == (("s.paid", "amount"), Bond.VALUE)
    assert ("s.orders", "amount") in {edge.source for edge in edges}
    assert ("s.orders", "id") not in {edge.source for edge in edges}
