"""`penstock.yaml` to `Settings`."""

from __future__ import annotations

from pathlib import PurePosixPath
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from penstock.documents import Fields, read_yaml
from penstock.model.pipelines import Settings

if TYPE_CHECKING:
    from penstock.model.findings import Finding

SETTINGS_FILE = "penstock.yaml"


def read_settings(text: str, findings: list[Finding]) -> Settings | None:
    """The project's settings; what is wrong is added to `findings`."""
    fields = Fields(read_yaml(text, SETTINGS_FILE), findings=findings)
    before = len(findings)
    name = fields.text("name", required=True)
    warehouse = fields.text("warehouse") or ".penstock/warehouse.duckdb"
    parallel = fields.integer("parallel", low=1) or 4
    policy = _policy(fields)
    fields.unknown()
    path = PurePosixPath(warehouse)
    if path.is_absolute() or ".." in path.parts:
        fields.note(
            "project.outside",
            f"the warehouse {warehouse} lies outside the project",
            at="warehouse",
            expected="a path beneath the project's folder",
        )
    if len(findings) > before or name is None:
        return None
    return Settings(name=name, warehouse=warehouse, parallel=parallel, policy=policy)


def _policy(fields: Fields) -> MappingProxyType[str, object]:
    policy = fields.child("policy")
    if policy is None:
        return MappingProxyType({})
    values: dict[str, Any] = {
        "approvals": policy.integer("approvals", low=0),
        "quality_score": policy.number("quality_score", low=0),
        "observe_intervals": policy.integer("observe_intervals", low=0),
        "documentation": policy.number("documentation", low=0),
    }
    policy.unknown()
    return MappingProxyType({name: value for name, value in values.items() if value is not None})
