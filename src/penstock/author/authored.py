"""One file that the author wrote."""

from __future__ import annotations

from dataclasses import dataclass

CONTRACTS_AND_SOURCES = "contracts and sources"
PIPELINES = "pipelines"
TESTS = "tests"
MONITORING_AND_DOCS = "monitoring and docs"
GROUPS = (CONTRACTS_AND_SOURCES, PIPELINES, TESTS, MONITORING_AND_DOCS)


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthoredFile:
    """A file relative to the project; `group` names the commit that it belongs to, one of `GROUPS`."""

    path: str
    text: str
    group: str
