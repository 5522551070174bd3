"""The note that going back leaves: what happened, when, which objective, what was done, and how long readers saw it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from penstock.model.intervals import parse_moment

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from penstock.model.findings import Finding, Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Incident:
    """What is known when a change goes back.

    `step` is where (`shadow`, `canary`, `observation`, or `asked for`), `interval` what was being judged, empty if
    nothing was. `readers` saw the change from `since` to `at` (ISO moments; `since` is empty if nobody did).
    """

    change: str
    title: str
    step: str
    by: str
    reason: str
    at: str
    interval: str = ""
    readers: str = ""
    since: str = ""
    rehearsed_ms: int | None = None
    verdicts: tuple[Verdict, ...] = ()

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What was found, of every gate."""
        return tuple(finding for verdict in self.verdicts for finding in verdict.findings)

    @property
    def seconds_seen(self) -> int:
        """For how many seconds readers saw the change."""
        return int((parse_moment(self.at) - parse_moment(self.since)).total_seconds()) if self.since else 0

    def to_json(self) -> Mapping[str, object]:
        """The incident as an alert carries it; `key` stays the same however often it is told."""
        return {
            "key": f"incident/{self.change}",
            "on": "rollback",
            "at": self.at,
            "change": self.change,
            "step": self.step,
            "interval": self.interval,
            "reason": self.reason,
            "by": self.by,
            "seconds_seen": self.seconds_seen,
            "findings": [finding.to_json() for finding in self.findings],
        }


def incident_page(incident: Incident) -> str:
    """The note as Markdown."""
    return "\n".join([*_facts(incident), "", *_found(incident), "## What was done", "", _done(incident), ""])


def _facts(incident: Incident) -> Iterator[str]:
    reason = incident.reason
    yield f"# Incident: {incident.change} was rolled back"
    yield ""
    yield f"{reason[:1].upper()}{reason[1:]}"
    yield ""
    yield "| | |"
    yield "| --- | --- |"
    yield f"| change | {incident.change}: {incident.title} |"
    yield f"| when | {incident.at} |"
    yield f"| where | {incident.step} |"
    if incident.interval:
        yield f"| interval | {incident.interval} |"
    yield f"| decided by | {incident.by} |"
    yield f"| seen by readers | {_seen(incident)} |"


def _seen(incident: Incident) -> str:
    if not incident.since:
        return "no"
    return f"{incident.readers}, for {_duration(incident.seconds_seen)} (since {incident.since})"


def _found(incident: Incident) -> Iterator[str]:
    if not incident.findings:
        return
    yield "## What was found"
    yield ""
    for finding in incident.findings:
        where = f" ({finding.place})" if str(finding.place) else ""
        yield f"- `{finding.code}` {finding.message}{where}"
        told = (("found", finding.found), ("expected", finding.expected), ("to clear it", finding.remedy))
        yield from (f"  - {word}: {text}" for word, text in told if text)
    yield ""


def _done(incident: Incident) -> str:
    if not incident.since:
        return "Production was never touched: it shows what it showed before the change."
    where = "Production shows" if incident.readers.startswith("production") else "They show"
    rehearsed = f" The way back took {incident.rehearsed_ms} ms when rehearsed." if incident.rehearsed_ms else ""
    return f"{where} what was there before the change, by one swap.{rehearsed}"


def _duration(seconds: int) -> str:
    """Seconds in words.

    >>> _duration(59), _duration(3_720), _duration(180_000)
    ('59 s', '1 h 2 min', '2 d 2 h')
    """
    days, rest = divmod(seconds, 86_400)
    hours, rest = divmod(rest, 3_600)
    minutes, left = divmod(rest, 60)
    parts = [(days, "d"), (hours, "h"), (minutes, "min"), (left, "s")]
    told = [f"{count} {unit}" for count, unit in parts if count][:2]
    return " ".join(told) or "0 s"
