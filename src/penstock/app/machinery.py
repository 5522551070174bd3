"""What builds and shows: an executor over a workplace, and promotion. Importing it starts the warehouse's library."""

from __future__ import annotations

from typing import TYPE_CHECKING

from penstock.adapters.connectors.landing import ConnectorReader
from penstock.adapters.databases.landing import DatabaseReader
from penstock.adapters.great_expectations.auditing import SuiteAuditor
from penstock.adapters.sources.bringing import SourceFiles
from penstock.engine import promotion
from penstock.engine.attempt import Tools
from penstock.engine.executor import Executor

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from penstock.app.wiring import Workplace
    from penstock.model.pipelines import Project


def executor_of(place: Workplace, root: Path, project: Project) -> Executor:
    """An executor over the workplace, for a project whose code lies at `root`."""
    tools = Tools(
        journal=place.ledger,
        warehouse=place.warehouse,
        files=SourceFiles(place.root, place.spool),
        processes=place.processes(root),
        databases=DatabaseReader(place.root, place.spool),
        connectors=ConnectorReader(place.processes(root)),
        auditor=SuiteAuditor(root, project),
    )
    return Executor(tools, place.clock, place.token(), lanes=project.settings.parallel)


def promote(place: Workplace, mapping: Mapping[str, str], reason: str, environment: str) -> str:
    """Make an environment show exactly this."""
    return promotion.promote(
        place.ledger,
        place.warehouse,
        environment=environment,
        mapping=mapping,
        reason=reason,
        token=place.token(),
    )
