"""How rows came to be, from the intent to what the target holds."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptStarted:
    """Intent: this attempt may publish under `publish_id`; `interval` is empty for a whole table or view.

    `since` is the entry before which everything counts as known to it: what was restated later, it may have missed.
    """

    publish_id: str
    attempt: int
    run: str
    dataset: str
    version: str
    interval: str
    inputs: str = ""
    since: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptAudited:
    """The staged rows were judged. `failed_checks` maps the id of each check that failed to how many rows offend.

    `files` are those that the rows came from, as `ledger/landed.py` writes them; empty where they came from none.
    Before that, `quarantined` rows were put aside, for the checks in `caught` (a row may offend several), and values
    were made NULL, for those in `nulled`.
    `results` holds a row of each check as JSON: [id, severity, outcome, offending rows, what was found]; the outcome is
    `passed`, `failed` or `unjudged`. `profile` is what later intervals are held against (`quality/setting.py`).
    """

    publish_id: str
    attempt: int
    rows: int
    checks: int
    failed_checks: Mapping[str, int]
    files: str = ""
    quarantined: int = 0
    caught: Mapping[str, int] = field(default_factory=dict)
    nulled: Mapping[str, int] = field(default_factory=dict)
    results: str = ""
    profile: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptPublished:
    """The target holds the rows: `start` and `end` (empty without intervals) are covered from now on.

    `since` as in its intent, `files` and `profile` as in its audit.
    `measured`: `queued`, `ran` and `cpu` in microseconds, `bytes` read from or written to files, `memory` at its peak
    in bytes; what was not measured is left out.
    """

    publish_id: str
    attempt: int
    dataset: str
    version: str
    start: str
    end: str
    rows: int
    inputs: str = ""
    since: int = 0
    measured: Mapping[str, int] = field(default_factory=dict)
    files: str = ""
    profile: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptFailed:
    """An attempt published nothing, and why; `transient` ones are tried again. `measured` as when it is published."""

    publish_id: str
    attempt: int
    code: str
    message: str
    transient: bool
    measured: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultsImported:
    """Another tool judged rows of a dataset elsewhere, at a moment that it says itself.

    `source` is the file it was read from, `digest` tells it from others; `rows` and `results` as in `AttemptAudited`.
    """

    dataset: str
    tool: str
    source: str
    digest: str
    judged_at: str
    rows: int
    results: str
