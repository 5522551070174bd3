"""`monitoring/*.slo.yaml` to `Slo` values."""

from __future__ import annotations

from typing import TYPE_CHECKING

from penstock.documents import Fields, read_yaml
from penstock.model.pipelines import Slo
from penstock.project.durations import parse_duration

if TYPE_CHECKING:
    from datetime import timedelta

    from penstock.model.findings import Finding


def read_slos(text: str, file: str, findings: list[Finding]) -> tuple[Slo, ...]:
    """The objectives of one file; what is wrong is added to `findings`."""
    fields = Fields(read_yaml(text, file), findings=findings)
    fields.text("pipeline")
    fields.text("description")
    slos = [_slo(name, child, file) for name, child in fields.children("datasets", required=True)]
    fields.unknown()
    return tuple(slos)


def _slo(dataset: str, fields: Fields, file: str) -> Slo:
    rate = fields.number("min_success_rate", low=0)
    runtime = _runtime(fields)
    volume = fields.child("volume")
    tolerance, history = None, 8
    if volume is not None:
        tolerance = volume.number("tolerance", low=0, required=True)
        history = volume.integer("history", low=3) or 8
        volume.unknown()
    fields.text("description")
    fields.unknown()
    return Slo(
        dataset=dataset,
        file=file,
        min_success_rate=1.0 if rate is None else rate,
        max_runtime=runtime,
        volume_tolerance=tolerance,
        volume_history=history,
    )


def _runtime(fields: Fields) -> timedelta | None:
    text = fields.text("max_runtime")
    if text is None:
        return None
    try:
        return parse_duration(text)
    except ValueError as error:
        fields.note("project.bad_duration", str(error), at="max_runtime", expected="90s, 10m or 2h")
    return None
