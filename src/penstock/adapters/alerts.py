"""Alerts as lines of JSON in one file, for whatever reads such files and tells people."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

from penstock.model.errors import RunError
from penstock.model.findings import Finding, Place

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


def append_alert(path: Path, alert: Mapping[str, object]) -> None:
    """Add one alert; it is on disk when this returns.

    Raises:
        RunError: the disk refuses it.
    """
    line = json.dumps(alert, ensure_ascii=False, sort_keys=True) + "\n"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a", encoding="utf-8") as stream:
            stream.write(line)
            stream.flush()
            os.fsync(stream.fileno())
    except OSError as error:
        raise RunError(_not_told(path, alert, error)) from error


def _not_told(path: Path, alert: Mapping[str, object], error: OSError) -> Finding:
    return Finding(
        code="alert.not_written",
        message=f"an alert cannot be written: {error.strerror}",
        place=Place(file=str(path)),
        found=f"{alert.get('pipeline')}: {alert.get('slice')} failed",
        expected="room on the disk and a file that can be written",
        remedy="free space or fix the disk; what the alert tells of is recorded: penstock runs",
    )
