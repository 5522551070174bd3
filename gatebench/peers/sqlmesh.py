"""A portable project as a SQLMesh project on DuckDB: models with audits, and tests.

The columns and types that a contract declares are those of the model: SQLMesh refuses a query that lacks one, leaves
out what is not declared, and casts to the type. Bounds are variables, so that a test can bring its own; each model is
rebuilt in full.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from gatebench.peers.portable import TABLE, Part
from gatebench.peers.rows_sql import rows_query
from penstock.documents.writing import to_yaml
from penstock.sql.identifiers import quote

if TYPE_CHECKING:
    from gatebench.peers.portable import Check, Model, Portable, UnitTest

COMMAND = ("sqlmesh", "plan", "--auto-apply", "--no-prompts")
_ERROR = re.compile(r"(?m)^.*(?:[Ee]rror|[Ff]ail|[Aa]udit|test_).*$")


def sqlmesh_files(project: Portable) -> dict[str, str]:
    """The files of a SQLMesh project, by path."""
    files = {
        "config.yaml": to_yaml(_settings(project)),
        "external_models.yaml": to_yaml(
            [{"name": name, "columns": dict(types)} for name, types in project.sources.items()]
        ),
        "tests/test_all.yaml": to_yaml(
            {f"test_{number}_{test.name}": _test(test) for number, test in enumerate(project.tests, start=1)}
        ),
    }
    for model in project.models.values():
        checks = [check for check in project.checks if check.dataset == model.name]
        word = model.name.replace(".", "__")
        files[f"models/{word}.sql"] = _model(model, checks)
        audits = [_audit(check.name, _asked(check), warns=check.warns) for check in checks]
        files |= {f"audits/{word}.sql": "\n\n".join(audits) + "\n"} if audits else {}
    return files


def sqlmesh_failures(output: str) -> tuple[str, ...]:
    """The lines in which SQLMesh says what failed, the last ones."""
    lines = [" ".join(line.split()) for line in _ERROR.findall(output)]
    return tuple(dict.fromkeys(line[:200] for line in lines if line))[-6:]


def _settings(project: Portable) -> dict[str, Any]:
    starts = sorted(model.bounds.start for model in project.models.values())
    connection = {"type": "duckdb", "database": "warehouse.duckdb", "connector_config": {"TimeZone": "UTC"}}
    tests = {"type": "duckdb", "connector_config": {"TimeZone": "UTC"}}
    return {
        "gateways": {"bench": {"connection": connection, "test_connection": tests}},
        "default_gateway": "bench",
        "model_defaults": {"dialect": "duckdb", "start": starts[0].date().isoformat() if starts else "2000-01-01"},
        "disable_anonymized_analytics": True,
    }


def _model(model: Model, checks: list[Check]) -> str:
    audits = f",\n  audits ({', '.join(check.name for check in checks)})" if checks else ""
    declared = ", ".join(f"{quote(column)} {type_}" for column, type_ in model.columns.items())
    columns = f",\n  columns ({declared})" if declared else ""
    kind = "VIEW" if model.is_view else "FULL"
    query = model.sql(lambda part, text: _piece(part, text, model))
    return f"MODEL (\n  name {model.name},\n  kind {kind}{columns}{audits}\n);\n\n{query}\n"


def _piece(part: Part, text: str, model: Model) -> str:
    if part is Part.DATASET:
        return ".".join(quote(word) for word in text.split("."))
    if part is Part.TEXT:
        return text
    value = model.bounds.values().get(text)
    return f"CAST(@VAR('{text}', '{value}') AS TIMESTAMP)" if value else "NULL"


def _asked(check: Check) -> str:
    sql = check.sql.replace(TABLE, "@this_model")
    return sql.replace("{other}", ".".join(quote(word) for word in check.other.split("."))) if check.other else sql


def _audit(name: str, sql: str, *, warns: bool = False) -> str:
    blocking = ",\n  blocking false" if warns else ""
    return f"AUDIT (\n  name {name},\n  dialect duckdb{blocking}\n);\n\n{sql};"


def _test(test: UnitTest) -> dict[str, Any]:
    types = {column: test.result.get(column, "VARCHAR") for column in test.named}
    return {
        "model": test.dataset,
        "inputs": {
            name: {"columns": dict(test.types[name]), "query": rows_query(rows, test.types[name])}
            for name, rows in test.given.items()
        },
        "outputs": {"query": {"partial": True, "query": rows_query(test.expect, types)}},
        **({"vars": test.bounds.values()} if test.bounds else {}),
    }
