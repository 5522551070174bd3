"""A portable project as a dbt project on DuckDB: models over `ref` and `source`, data tests, unit tests.

Each check is a generic test where dbt has a word for it, else a singular one. The columns and types that a contract
declares are a singular test, not dbt's own enforced contract: that one tells `Country` from `country`, which for DuckDB
are one. Bounds are `var`, so that a unit test can bring its own.
"""

from __future__ import annotations

import json
from collections import defaultdict
from typing import TYPE_CHECKING, Any

from gatebench.peers.portable import TABLE, CheckKind, Part, value_text
from gatebench.peers.rows_sql import rows_query
from penstock.documents.writing import to_yaml
from penstock.sql.identifiers import literal

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from gatebench.peers.portable import Bounds, Check, Model, Portable, UnitTest

COMMAND = ("dbt", "--no-use-colors", "build", "--full-refresh", "--project-dir", ".", "--profiles-dir", ".")
RESULTS = "target/run_results.json"
_SCHEMAS = """{% macro generate_schema_name(custom_schema_name, node) -%}
{{ custom_schema_name or target.schema }}
{%- endmacro %}
"""
_HOLDS = {"success", "pass", "warn", "skipped", "no-op"}


def dbt_files(project: Portable) -> dict[str, str]:
    """The files of a dbt project, by path."""
    files = {
        "dbt_project.yml": to_yaml(_SETTINGS),
        "profiles.yml": to_yaml(_PROFILE),
        "macros/schemas.sql": _SCHEMAS,
        "models/sources.yml": to_yaml({"version": 2, "sources": _sources(project)}),
        "models/models.yml": to_yaml({"version": 2, "models": _models(project)}),
        "models/unit_tests.yml": to_yaml({"version": 2, "unit_tests": _unit_tests(project)}),
    }
    files |= {f"models/{_word(model.name)}.sql": _model(model, project) for model in project.models.values()}
    singular = [check for check in project.checks if check.kind is CheckKind.QUERY]
    files |= {f"tests/{check.name}.sql": _singular(check, project) for check in singular}
    declared = [model for model in project.models.values() if model.columns]
    return files | {f"tests/{_word(model.name)}__columns.sql": _columns_test(model) for model in declared}


def dbt_failures(folder: Path) -> tuple[str, ...]:
    """The models and tests that a build ended badly for, each with the first line of why."""
    path = folder / RESULTS
    if not path.exists():
        return ()
    results = json.loads(path.read_text(encoding="utf-8"))["results"]
    bad = [result for result in results if result["status"] not in _HOLDS]
    return tuple(f"{one['unique_id']}: {' '.join((one['message'] or '').split())[:200]}" for one in bad)


_SETTINGS: dict[str, Any] = {
    "name": "gatebench",
    "profile": "gatebench",
    "model-paths": ["models"],
    "test-paths": ["tests"],
    "macro-paths": ["macros"],
    "flags": {"send_anonymous_usage_stats": False, "use_colors": False},
}
_PROFILE: dict[str, Any] = {
    "gatebench": {
        "target": "bench",
        "outputs": {
            "bench": {
                "type": "duckdb",
                "path": "warehouse.duckdb",
                "schema": "main",
                "threads": 1,
                "settings": {"TimeZone": "UTC"},
            }
        },
    }
}


def _model(model: Model, project: Portable) -> str:
    schema, _, alias = model.name.partition(".")
    kind = "view" if model.is_view else "table"
    config = f"{{{{ config(materialized='{kind}', schema='{schema}', alias='{alias}') }}}}"
    return f"{config}\n{model.sql(lambda part, text: _piece(part, text, model.bounds, project))}\n"


def _piece(part: Part, text: str, bounds: Bounds, project: Portable) -> str:
    if part is Part.TEXT:
        return _plain(text)
    if part is Part.DATASET:
        return _relation(text, project)
    value = bounds.values().get(text)
    return f"CAST('{{{{ var('{text}', '{value}') }}}}' AS TIMESTAMP)" if value else "NULL"


def _plain(text: str) -> str:
    """Text in which Jinja finds nothing of its own."""
    return "".join(f"{{{{ '{one}' }}}}" if one in "{}" else one for one in text) if _has_jinja(text) else text


def _has_jinja(text: str) -> bool:
    return any(mark in text for mark in ("{{", "{%", "{#", "}}", "%}", "#}"))


def _relation(dataset: str, project: Portable) -> str:
    return f"{{{{ {_call(dataset, project)} }}}}"


def _call(dataset: str, project: Portable) -> str:
    """What dbt calls a dataset, whether or not a model of that name is there."""
    if dataset in project.sources:
        schema, _, name = dataset.partition(".")
        return f"source('{schema}', '{name}')"
    return f"ref('{_word(dataset)}')"


def _word(dataset: str) -> str:
    return dataset.replace(".", "__")


def _sources(project: Portable) -> list[dict[str, Any]]:
    tables: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for name in project.sources:
        schema, _, short = name.partition(".")
        tables[schema].append({"name": short, "columns": _columns(name, project)})
    return [{"name": schema, "schema": schema, "tables": some} for schema, some in tables.items()]


def _models(project: Portable) -> list[dict[str, Any]]:
    return [
        {
            "name": _word(model.name),
            "columns": _columns(model.name, project),
        }
        for model in project.models.values()
    ]


def _columns(dataset: str, project: Portable) -> list[dict[str, Any]]:
    """The columns of a dataset that have generic tests."""
    tests: dict[str, list[Any]] = {}
    for check in project.checks:
        if check.dataset == dataset and check.kind is not CheckKind.QUERY:
            tests.setdefault(check.columns[0], []).append(_generic(check))
    return [{"name": column, "quote": True, "data_tests": some} for column, some in tests.items()]


def _generic(check: Check) -> dict[str, Any]:
    arguments = {"arguments": {"values": list(check.values)}} if check.kind is CheckKind.ACCEPTED_VALUES else {}
    return {str(check.kind): {"name": check.name, "config": _config(check), **arguments}}


def _config(check: Check) -> dict[str, str]:
    return {"severity": "warn" if check.warns else "error"}


def _singular(check: Check, project: Portable) -> str:
    marks = {TABLE: _relation(check.dataset, project)}
    if check.other:
        marks["{other}"] = _relation(check.other, project)
    pieces = [check.sql]
    for mark in marks:
        pieces = [piece for text in pieces for piece in _split(text, mark, marks)]
    body = "".join(marks.get(piece) or _plain(piece) for piece in pieces)
    return f"{{{{ config(severity='{_config(check)['severity']}') }}}}\n{body}\n"


def _columns_test(model: Model) -> str:
    """Each column that is not as declared: missing, of another type, or not declared at all."""
    schema, _, name = model.name.partition(".")
    declared = ", ".join(f"({literal(column.lower())}, {literal(type_)})" for column, type_ in model.columns.items())
    return f"""-- depends_on: {{{{ ref('{_word(model.name)}') }}}}
SELECT *
FROM (VALUES {_plain(declared)}) AS declared (name, type)
FULL JOIN (
  SELECT lower(column_name) AS name, data_type AS type
  FROM information_schema.columns
  WHERE table_schema = '{schema}' AND table_name = '{name}'
) AS found ON found.name = declared.name AND found.type = declared.type
WHERE found.name IS NULL OR declared.name IS NULL
"""


def _split(text: str, mark: str, marks: Mapping[str, str]) -> list[str]:
    if text in marks:
        return [text]
    first, *rest = text.split(mark)
    return [first, *(piece for part in rest for piece in (mark, part))]


def _unit_tests(project: Portable) -> list[dict[str, Any]]:
    return [_unit_test(number, test, project) for number, test in enumerate(project.tests, start=1)]


def _unit_test(number: int, test: UnitTest, project: Portable) -> dict[str, Any]:
    given = [
        {
            "input": _call(name, project),
            "format": "sql",
            "rows": _plain(rows_query(rows, test.types[name])),
        }
        for name, rows in test.given.items()
    ]
    expect = [{column: value_text(row.get(column)) for column in test.named} for row in test.expect]
    bounds = {"overrides": {"vars": test.bounds.values()}} if test.bounds else {}
    return {
        "name": f"{test.name[:150]}__{number}",
        "model": _word(test.dataset),
        "given": given,
        "expect": {"rows": expect},
        **bounds,
    }
