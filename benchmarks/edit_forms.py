"""A project of `edit_project` as the files of each tool: the texts are the same, what stands around them is not."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from edit_project import END, FIRST_DAY, LAST_DAY, Dataset, Kind, Project

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

Files = dict[str, str]
_BRACES = re.compile(r"\{(\w+)\}")


def filled(dataset: Dataset, relation: Callable[[str], str], start: str, end: str) -> str:
    """A query with what it reads, and its bounds, named in a tool's way."""
    bounds = {"start": start, "end": end}
    return _BRACES.sub(lambda found: bounds.get(found[1]) or relation(found[1]), dataset.text)


def columns_of(dataset: Dataset) -> list[str]:
    """The columns of a CSV file."""
    return dataset.text.partition("\n")[0].split(",")


# -- Penstock ---------------------------------------------------------------------------------------------------------


def penstock(project: Project) -> Files:
    """A Penstock project."""
    pipeline = f"owner: {project.owner}\nschedule: '{project.schedule}'\nstart: {FIRST_DAY}\nend: {END}\n"
    files = {"penstock.yaml": "name: edits\n", "pipelines/shop/pipeline.yaml": pipeline}
    for name, dataset in project.datasets.items():
        stem = f"pipelines/shop/{name}"
        if dataset.kind is Kind.CSV:
            source = {"description": dataset.description, "format": "csv", "path": f"data/{name}.csv"}
            files[f"{stem}.source.yaml"] = json.dumps({**source, "columns": columns_of(dataset)})
            files[f"data/{name}.csv"] = dataset.text
        elif dataset.kind is Kind.SQL:
            query = filled(dataset, lambda read: f"shop.{read}", "$interval_start", "$interval_end")
            files[f"{stem}.sql"] = f"/* penstock\n{_header(dataset)}*/\n{query}"
        else:
            files[f"{stem}.py"] = _PENSTOCK_TASK.format(name=name, about=dataset.description, body=dataset.text)
        if dataset.columns:
            files[f"contracts/shop.{name}.odcs.yaml"] = _contract(name, dataset)
    return {**files, "pipelines/shop/grades.py": project.module}


def _header(dataset: Dataset) -> str:
    interval = f"interval: day({dataset.day})\n" if dataset.day else ""
    return f"description: {dataset.description}\nmaterialize: {dataset.materialize}\n{interval}"


def _contract(name: str, dataset: Dataset) -> str:
    properties = [
        {"name": column, "description": about, "physicalType": kind, "required": column in dataset.required}
        for column, (kind, about) in dataset.columns.items()
    ]
    schema = [{"name": name, "physicalName": f"shop.{name}", "properties": properties}]
    head = {"apiVersion": "v3.1.0", "kind": "DataContract", "id": f"shop.{name}", "version": "1.0.0"}
    return json.dumps({**head, "status": "active", "schema": schema})


_PENSTOCK_TASK = '''\
import duckdb

from penstock import task
from pipelines.shop.grades import grade

{body}

@task(reads={{"customers": "shop.by_customer"}})
def {name}(customers):
    """{about}"""
    rows = graded(customers.project("customer_id, total").fetchall())
    return duckdb.sql("SELECT unnest(?) AS customer_id, unnest(?) AS grade", params=[list(each) for each in zip(*rows)])
'''

# -- SQLMesh ----------------------------------------------------------------------------------------------------------


def sqlmesh(project: Project) -> Files:
    """A SQLMesh project; the CSV files are seeds."""
    files = {"config.yaml": _SQLMESH_CONFIG, "grades.py": project.module}
    for name, dataset in project.datasets.items():
        if dataset.kind is Kind.PYTHON:
            task = _SQLMESH_TASK.format(
                name=name, body=dataset.text, owner=project.owner, cron=project.schedule, end=LAST_DAY
            )
            files[f"models/{name}.py"] = task.replace("ABOUT", dataset.description)
            continue
        if dataset.kind is Kind.CSV:
            files[f"seeds/{name}.csv"] = dataset.text
        query = filled(dataset, lambda read: f"shop.{read}", "@start_ts", "@end_ts") if dataset.kind is Kind.SQL else ""
        parts = _model_parts(project, name, dataset)
        files[f"models/{name}.sql"] = "MODEL (\n  " + ",\n  ".join(parts) + "\n);\n\n" + query
    return files


def _model_parts(project: Project, name: str, dataset: Dataset) -> list[str]:
    kinds = {"table": "FULL", "view": "VIEW", "incremental": f"INCREMENTAL_BY_TIME_RANGE (time_column {dataset.day})"}
    seed = f"SEED (path '../seeds/{name}.csv')"
    kind = seed if dataset.kind is Kind.CSV else kinds[dataset.materialize]
    parts = [f"name shop.{name}", f"kind {kind}", f"description '{dataset.description}'", f"owner {project.owner}"]
    if dataset.kind is Kind.CSV:
        parts.append("columns (" + ", ".join(f"{column} TEXT" for column in columns_of(dataset)) + ")")
    else:
        parts += [f"cron '{project.schedule}'", f"end '{LAST_DAY}'"]
    if dataset.columns:
        said = ", ".join(f"{column} = '{about}'" for column, (_, about) in dataset.columns.items())
        parts.append(f"column_descriptions ({said})")
    if dataset.required:
        parts.append(f"audits (not_null(columns := ({', '.join(dataset.required)})))")
    return parts


_SQLMESH_CONFIG = f"""\
gateways:
  local:
    connection: {{type: duckdb, database: warehouse.duckdb}}
default_gateway: local
disable_anonymized_analytics: true
model_defaults: {{dialect: duckdb, start: {FIRST_DAY}}}
"""
_SQLMESH_TASK = """\
import pandas as pd
from grades import grade
from sqlmesh import model

{body}

@model(
    "shop.{name}",
    kind="FULL",
    columns={{"customer_id": "INTEGER", "grade": "VARCHAR"}},
    description="ABOUT",
    owner="{owner}",
    cron="{cron}",
    end="{end}",
)
def execute(context, start, end, execution_time, **kwargs):
    rows = context.fetchdf("SELECT customer_id, total FROM " + context.resolve_table("shop.by_customer"))
    return pd.DataFrame(graded(rows.itertuples(index=False)), columns=["customer_id", "grade"])
"""

# -- dbt --------------------------------------------------------------------------------------------------------------


def dbt(project: Project) -> Files:
    """A dbt project; the CSV files are seeds. dbt knows no schedules."""
    files = {"dbt_project.yml": _DBT_PROJECT, "profiles.yml": _DBT_PROFILE, "grades.py": project.module}
    models, seeds = [], []
    for name, dataset in project.datasets.items():
        about = {"name": name, "description": dataset.description, "config": {"meta": {"owner": project.owner}}}
        if dataset.kind is Kind.CSV:
            files[f"seeds/{name}.csv"] = dataset.text
            kinds = dict.fromkeys(columns_of(dataset), "varchar")
            seeds.append({**about, "config": {"meta": {"owner": project.owner}, "column_types": kinds}})
            continue
        models.append({**about, "columns": _dbt_columns(dataset)})
        if dataset.kind is Kind.SQL:
            query = filled(dataset, lambda read: f"{{{{ ref('{read}') }}}}", _DBT_START, _DBT_END)
            files[f"models/{name}.sql"] = _dbt_config(dataset) + query
        else:
            files[f"models/{name}.py"] = _DBT_TASK.format(body=dataset.text)
    return {
        **files,
        "models/models.yml": json.dumps({"models": models}),
        "seeds/seeds.yml": json.dumps({"seeds": seeds}),
    }


def _dbt_columns(dataset: Dataset) -> list[Mapping[str, object]]:
    return [
        {
            "name": column,
            "description": about,
            "data_type": kind,
            **({"data_tests": ["not_null"]} if column in dataset.required else {}),
        }
        for column, (kind, about) in dataset.columns.items()
    ]


def _dbt_config(dataset: Dataset) -> str:
    kept = f"materialized='{dataset.materialize}'"
    if dataset.materialize == "incremental":
        kept += f", incremental_strategy='delete+insert', unique_key='{dataset.day}'"
    return f"{{{{ config({kept}) }}}}\n"


_DBT_START = f'CAST(\'{{{{ var("start", "{FIRST_DAY}") }}}}\' AS TIMESTAMP)'
_DBT_END = f'CAST(\'{{{{ var("end", "{END}") }}}}\' AS TIMESTAMP)'
_DBT_PROJECT = """\
name: edits
version: "1.0.0"
profile: edits
flags: {send_anonymous_usage_stats: false}
"""
_DBT_PROFILE = """\
edits:
  target: dev
  outputs:
    dev: {type: duckdb, path: warehouse.duckdb, module_paths: ["."]}
"""
_DBT_TASK = """\
import pandas as pd
from grades import grade

{body}

def model(dbt, session):
    dbt.config(materialized="table")
    rows = dbt.ref("by_customer").project("customer_id, total").fetchall()
    return pd.DataFrame(graded(rows), columns=["customer_id", "grade"])
"""
