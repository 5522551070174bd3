"""Connectors as sources: which function, HTTP API or program gives rows, with what settings, and as what they land."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from penstock.model.databases import Refresh
from penstock.model.sources import EXTRA, Drift
from penstock.model.tasks import TaskKind

if TYPE_CHECKING:
    from collections.abc import Mapping

PLACEHOLDERS = ("interval_start", "interval_end")
"""What stands in braces in the texts of a configuration, and is filled in with the bounds of what is read."""


class Connector(StrEnum):
    """Who brings the rows; also the `format` of a source file that describes a `ConnectorSource`."""

    DLT = "dlt"
    AIRBYTE = "airbyte"
    PYTHON = "python"


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectorSource:
    """Rows that a connector brings, read in a process of its own, landed typed.

    One of `function` (`pipelines/shop/api.py:orders`, with the digest of the code it reaches), `rest_api` (what dlt's
    source of that name takes, as JSON) and `command` (an Airbyte connector) says what is run. `resource` is which of
    its resources or streams is read, `config` its settings as a JSON object. `secrets` and `secret_files` map places
    in the settings (`client.auth.token`) to the environment variable, or the file of the project, that holds what
    belongs there. `types` are DuckDB's by column, in order; `ignored` are fields that are known and not wanted.
    `cursor` is the field by which the connector is to tell what is new, where it does not know by itself.
    `keeps_state` says whether a read goes on from where the last one ended; another `reload` is another version, which
    begins anew.
    """

    connector: Connector
    types: Mapping[str, str]
    function: str = ""
    code_digest: str = ""
    rest_api: str = ""
    command: tuple[str, ...] = ()
    resource: str = ""
    config: str = "{}"
    secrets: Mapping[str, str] = field(default_factory=dict)
    secret_files: Mapping[str, str] = field(default_factory=dict)
    ignored: tuple[str, ...] = ()
    drift: Drift = Drift.FREEZE
    cursor: str = ""
    keeps_state: bool = False
    reload: int | None = None
    refresh: Refresh = Refresh.ALWAYS
    memory: int | None = None
    reads: tuple[str, ...] = ()
    kind: TaskKind = field(default=TaskKind.SOURCE, init=False)

    @property
    def row(self) -> tuple[str, ...]:
        """Every column of its rows."""
        return tuple(self.row_types)

    @property
    def row_types(self) -> dict[str, str]:
        """The same with their types."""
        return {**self.types, **({EXTRA: "VARCHAR"} if self.drift is Drift.EVOLVE else {})}

    @property
    def parts(self) -> dict[str, object]:
        """What decides its rows. Secrets, `refresh`, `ignored` and limits say nothing of them."""
        said: dict[str, object] = {
            "function": self.function,
            "code": self.code_digest,
            "rest_api": json.loads(self.rest_api) if self.rest_api else None,
            "command": list(self.command),
            "resource": self.resource,
            "config": json.loads(self.config),
            "drift": str(self.drift),
            "cursor": self.cursor,
        }
        if self.reload is not None:
            said["reload"] = self.reload
        columns = [[name, type_] for name, type_ in self.types.items()]
        return {"connector": str(self.connector), **said, "columns": columns}

    @property
    def place(self) -> str:
        """What people call it."""
        return " ".join(filter(None, (str(self.connector), self.resource or self.function.rpartition(":")[2])))
