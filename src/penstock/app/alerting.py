"""Failures and rollbacks, told where a pipeline asks for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from penstock.adapters.alerts import append_alert

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from penstock.app.wiring import Workplace
    from penstock.engine.run import Failure
    from penstock.model.pipelines import Project


def tell_of_failures(place: Workplace, project: Project, purpose: str, failures: Sequence[Failure]) -> None:
    """One alert for each failure of a pipeline that asks for them."""
    for failure in failures:
        pipeline = project.pipeline_of(failure.dataset)
        if any(alert["on"] == "failure" for alert in pipeline.alerts):
            alert = {
                "at": place.clock.now().isoformat(),
                "on": "failure",
                "pipeline": pipeline.name,
                "owner": pipeline.owner,
                "slice": failure.slice,
                "purpose": purpose,
                "findings": [finding.to_json() for finding in failure.findings],
            }
            append_alert(place.state / "alerts.ndjson", alert)


def tell_of_incident(place: Workplace, project: Project, incident: Mapping[str, object]) -> None:
    """One alert of a change that went back, if any pipeline of its project asks for failures; at least once.

    Whoever reads it twice tells by its `key` that it is the same.
    """
    if any(alert["on"] == "failure" for pipeline in project.pipelines.values() for alert in pipeline.alerts):
        append_alert(place.state / "alerts.ndjson", incident)
