"""What an audit is told beside the staged rows: where other datasets are, and what earlier intervals were like."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from penstock.model.contracts import RuleKind
from penstock.model.intervals import parse_moment
from penstock.quality.setting import Profile, Setting, read_profile

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from penstock.engine.attempt import Job
    from penstock.ledger.journal import Journal, Receipt
    from penstock.model.contracts import Contract
    from penstock.plan.build import Work

_OF_TIME = frozenset({RuleKind.FRESHNESS, RuleKind.VOLUME, RuleKind.DRIFT})


def setting_of(journal: Journal, work: Work, job: Job, receipt: Receipt | None = None) -> Setting:
    """The setting of a piece of work. `receipt` is of what was handed to the ledger last: it is waited for where what
    was published before must be known."""
    dataset = job.project.datasets[work.slice.dataset]
    contract, interval = dataset.contract, work.slice.interval
    if contract is None:
        return Setting()
    return Setting(
        until=interval.end if interval else job.until,
        relations={name: job.versions[name].relation for name in contract.related if name in job.versions},
        past=_past(journal, work, contract, receipt),
        interval=interval,
        grain=dataset.interval.grain if dataset.interval else None,
        column=dataset.interval.column if dataset.interval else "",
    )


def _past(journal: Journal, work: Work, contract: Contract, receipt: Receipt | None) -> tuple[Profile, ...]:
    """Profiles of what was published before, the oldest first, of the same version; of intervals, those before this."""
    if not any(rule.kind in _OF_TIME for rule in contract.rules):
        return ()
    if receipt is not None:
        receipt.result()
    rows = journal.rows("profiles", dataset=work.slice.dataset, version=work.version.fingerprint)
    found = [
        (profile, str(row["slice"]), int(row["seq"] or 0))
        for row in rows
        for profile in (_without_this(read_profile(str(row["profile"]), str(row["start"] or "")), row, work),)
    ]
    return tuple(_ordered(found, work))


def _without_this(profile: Profile, row: Mapping[str, object], work: Work) -> Profile:
    """What is known of an earlier slice: its newest value may be one of the interval that is made anew."""
    interval = work.slice.interval
    reaches = interval is not None and bool(row["end"]) and parse_moment(str(row["end"])) > interval.start
    return replace(profile, newest={}) if reaches else profile


def _ordered(found: Sequence[tuple[Profile, str, int]], work: Work) -> list[Profile]:
    interval = work.slice.interval
    if interval is None:
        return [profile for profile, _, _ in sorted(found, key=lambda one: one[2])]
    earlier = [profile for profile, _, _ in found if profile.start is not None and profile.start < interval.start]
    return sorted(earlier, key=lambda profile: profile.start or interval.start)
