"""`NAME.source.yaml` with `format: dlt`, `airbyte` or `python` to a source dataset."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from penstock.contract.column_types import normal_type
from penstock.model.connectors import Connector, ConnectorSource
from penstock.model.databases import MOMENTS
from penstock.model.intervals import Grain
from penstock.model.pipelines import Materialization
from penstock.model.sources import EXTRA, Drift
from penstock.project.asked_source import asked_dataset, read_asking
from penstock.project.connector_settings import read_secrets, refuse_values
from penstock.project.database_file import CARRIED
from penstock.project.python_code import code_digest
from penstock.project.task_options import Keeping, read_keeping, read_key, read_memory

if TYPE_CHECKING:
    from collections.abc import Mapping

    from penstock.documents import Fields
    from penstock.model.pipelines import Dataset

LANDED_AS = CARRIED - {"BLOB"}
"""Heads of the DuckDB types that values of a connector may land as."""
KEPT_BY_STATE = (Materialization.APPEND, Materialization.MERGE)
_FUNCTION = re.compile(r"(?P<file>[^:\0]+\.py):(?P<name>[A-Za-z_][A-Za-z0-9_]*)")
_PLACEHOLDER = re.compile(r"\{interval_(?:start|end)")
_WORDS = {Connector.DLT: "`function` or `rest_api`", Connector.PYTHON: "`function`", Connector.AIRBYTE: "`command`"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What is run, and which of what it gives is read; see `ConnectorSource`."""

    function: str = ""
    code_digest: str = ""
    rest_api: str = ""
    command: tuple[str, ...] = ()
    resource: str = ""
    config: str = "{}"
    secrets: Mapping[str, str] = field(default_factory=dict)
    secret_files: Mapping[str, str] = field(default_factory=dict)

    def parts(self) -> dict[str, Any]:
        """The same as arguments of a `ConnectorSource`."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__}


def read_connector(name: str, fields: Fields, file: str, texts: Mapping[str, str]) -> Dataset | None:
    """One source that a connector brings; what is wrong is noted. `texts` are the project's files."""
    findings = fields.findings
    before = len(findings)
    connector = Connector(fields.text("format") or "")
    description = fields.text("description") or ""
    run = read_run(fields, connector, texts)
    types = _types(fields)
    drift = Drift(fields.choice("drift", tuple(Drift)) or Drift.FREEZE)
    ignored = fields.texts("ignore")
    keeping = _keeping(fields, types)
    cursor = _cursor(fields, connector, keeping)
    reload = fields.integer("reload", low=1)
    asking = read_asking(fields, "what is read whole or by state")
    memory = read_memory(fields)
    fields.unknown()
    _check_placeholders(fields, run)
    if len(findings) > before or keeping is None:
        return None
    task = ConnectorSource(
        connector=connector,
        types=types,
        **run.parts(),
        ignored=ignored,
        drift=drift,
        cursor=cursor,
        keeps_state=keeping.materialization in KEPT_BY_STATE,
        reload=reload,
        refresh=asking.refresh,
        memory=memory,
    )
    return asked_dataset(name, file, task, keeping, asking, description)


def read_run(fields: Fields, connector: Connector, texts: Mapping[str, str], *, whole: bool = True) -> Run:
    """What is run. Without `whole` it need not be said which resource or stream is read: they are to be found out."""
    said = [word for word in ("function", "rest_api", "command") if word in fields]
    expected = _WORDS[connector]
    if len(said) != 1 or f"`{said[0]}`" not in expected:
        at = said[-1] if said else None
        message = f"`format: {connector}` says what is run by {expected}"
        fields.note("source.what_is_run", message, at=at, expected=f"exactly one: {expected}")
    function, digest = _function(fields, texts)
    command = _command(fields)
    config = _mapping(fields, "config") or {}
    rest_api = _mapping(fields, "rest_api")
    if rest_api is not None and "config" in fields:
        message, hint = "`rest_api` holds all settings itself", "either of the two"
        fields.note("source.what_is_run", message, at="config", expected=hint, remedy="remove `config`")
    secrets, secret_files = read_secrets(fields)
    refuse_values(fields, "config", config)
    refuse_values(fields, "rest_api", rest_api or {})
    return Run(
        function=function,
        code_digest=digest,
        rest_api=_canonical(rest_api) if rest_api is not None else "",
        command=command,
        resource=_resource(fields, connector, whole=whole),
        config=_canonical(config),
        secrets=secrets,
        secret_files=secret_files,
    )


def _resource(fields: Fields, connector: Connector, *, whole: bool) -> str:
    """`stream` of Airbyte, `resource` of dlt; a function of Python gives nothing that could be chosen from."""
    if connector is Connector.AIRBYTE:
        return fields.text("stream", required=whole) or ""
    if connector is Connector.DLT:
        return fields.text("resource", required=whole and "rest_api" in fields) or ""
    return ""


def _check_placeholders(fields: Fields, run: Run) -> None:
    used = _PLACEHOLDER.search(run.config) or _PLACEHOLDER.search(run.rest_api)
    if used and "interval" not in fields:
        message, expected = f"the settings use {used[0]}}} but there is no interval", "interval: day(column)"
        at = "config" if "config" in fields else "rest_api"
        fields.note("project.unknown_placeholder", message, at=at, found=f"{used[0]}}}", expected=expected)


def _mapping(fields: Fields, key: str) -> dict[str, Any] | None:
    child = fields.child(key)
    return None if child is None else dict(child.values)


def _canonical(value: Mapping[str, Any]) -> str:
    """Settings as JSON; what YAML made a date of, as it was written."""
    return json.dumps(value, sort_keys=True, default=str)


def _function(fields: Fields, texts: Mapping[str, str]) -> tuple[str, str]:
    text = fields.text("function")
    if text is None:
        return "", ""
    match = _FUNCTION.fullmatch(text)
    if match is None or match["file"] not in texts:
        message = f"function {text!r} names no function of a Python file of the project"
        expected = "FILE.py:NAME, the file beneath pipelines/ or commands/, such as pipelines/shop/api.py:orders"
        fields.note("source.unknown_function", message, at="function", found=text, expected=expected)
        return "", ""
    return text, code_digest(match["file"], texts)


def _command(fields: Fields) -> tuple[str, ...]:
    words = fields.texts("command")
    if "command" not in fields:
        return ()
    path = PurePosixPath(words[0]) if words else PurePosixPath()
    if not words or not words[0].strip() or any("\0" in word for word in words):
        expected = "[program, argument, …]: no shell reads it"
        fields.note("project.bad_command", "command names no program", at="command", expected=expected)
    elif path.is_absolute() or ".." in path.parts:
        expected = "a program on PATH, or a path beneath the project's folder"
        fields.note("project.outside", f"command begins with {words[0]}", at="command", expected=expected)
    return words


def _types(fields: Fields) -> dict[str, str]:
    """`columns`: each with its DuckDB type, in the normal spelling."""
    child = fields.child("columns", required=True)
    if child is None:
        return {}
    types: dict[str, str] = {}
    for name in child.values:
        text = child.text(name, required=True)
        normal = normal_type(text) if text is not None else None
        if not name or "\0" in name or name == EXTRA:
            fields.note("project.bad_column", f"{name!r} cannot be a column", at="columns", expected="a name")
        elif text is not None and (normal is None or normal.partition("(")[0] not in LANDED_AS or "[" in normal):
            message = f"{name} is {text!r}, as which no value of a connector lands"
            expected, remedy = f"one of {', '.join(sorted(LANDED_AS))}", "declare JSON for what is nested"
            child.note("source.bad_type", message, at=name, found=text, expected=expected, remedy=remedy)
        elif normal is not None:
            types[name] = normal
    if not child.values:
        expected = "name: type, such as id: BIGINT"
        fields.note("project.no_columns", "columns is empty", at="columns", expected=expected)
    if len({name.casefold() for name in types}) < len(types):
        expected = "each column once, whatever its case"
        fields.note("project.repeated_column", "columns lists a column twice", at="columns", expected=expected)
    return types


def _keeping(fields: Fields, types: Mapping[str, str]) -> Keeping | None:
    """How rows are kept follows from what is read: all, those of an interval, or what is new since the last time."""
    if "offset" in fields:
        message, expected = "a connector's source has no use for `offset`", "materialize: append, which keeps its state"
        fields.note("source.mode", message, at="offset", expected=expected, remedy="remove `offset`")
        fields.raw("offset")
        return None
    if "interval" in fields:
        mode = Materialization.INCREMENTAL
        keeping = read_keeping(fields, (mode,), default=mode)
        return _checked_interval(fields, types, keeping)
    mode = Materialization(fields.choice("materialize", (Materialization.TABLE, *KEPT_BY_STATE)) or "table")
    key = read_key(fields)
    if (mode is Materialization.MERGE) != ("key" in fields):
        message = "materialize: merge needs `key`" if mode is Materialization.MERGE else "`key` is without a merge"
        expected = "materialize: merge, with key: [id] by which newer rows take the place of older ones"
        fields.note("source.mode", message, at="key" if "key" in fields else "materialize", expected=expected)
    unknown = [name for name in key if types and name not in types]
    if unknown:
        fields.note("source.bad_key", f"{unknown[0]} is not listed", at="key", expected="columns of `columns`")
    return Keeping(materialization=mode, key=key)


def _checked_interval(fields: Fields, types: Mapping[str, str], keeping: Keeping | None) -> Keeping | None:
    by = keeping.interval if keeping else None
    if by is not None and types and types.get(by.column) not in MOMENTS:
        expected = f"one of `columns`, of type {', '.join(MOMENTS)}"
        fields.note("source.bad_interval", f"interval goes by {by.column}", at="interval", expected=expected)
    if by is not None and by.grain is Grain.HOUR and types.get(by.column) == "DATE":
        message, expected = f"{by.column} has no hours", "day(column) or month(column) for a DATE"
        fields.note("source.bad_interval", message, at="interval", expected=expected)
    return keeping


def _cursor(fields: Fields, connector: Connector, keeping: Keeping | None) -> str:
    text = fields.text("cursor") or ""
    kept = keeping is not None and keeping.materialization in KEPT_BY_STATE
    if text and (connector is Connector.PYTHON or not kept):
        message = "`cursor` is for dlt and Airbyte, and for what is kept by append or merge"
        expected = "materialize: append or merge; a function of Python keeps its own `state`"
        fields.note("source.bad_cursor", message, at="cursor", expected=expected, remedy="remove `cursor`")
    return text
