"""What the schemas and views are called in which environments show their datasets."""

from __future__ import annotations

from penstock.model.environments import PRODUCTION
from penstock.sql.identifiers import table


def schema_of(dataset: str, environment: str) -> str:
    """The schema that shows a pipeline's datasets: its own name in production, else with the environment's."""
    pipeline = dataset.split(".", 1)[0]
    return pipeline if environment == PRODUCTION else f"{pipeline}__{environment}"


def view_of(dataset: str, environment: str) -> str:
    """The quoted view that shows a dataset in an environment."""
    return table(schema_of(dataset, environment), dataset.split(".", 1)[1])
