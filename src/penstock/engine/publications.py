"""Which watched datasets may show something else than before: follows the ledger, and asks it once for what was there.

A dataset is looked at when a run has ended or a promotion was made, not at each slice that a run publishes: a run of
many slices is one occasion, not many.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from penstock.engine.triggers import sight_of_publish
from penstock.ledger.facts import AttemptPublished, Promoted, RunFinished

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from penstock.ledger.journal import Entry, Journal


class Publications:
    """What an environment shows of the watched datasets, and how new that is."""

    def __init__(self, environment: str, journal: Journal) -> None:
        self._environment, self._journal = environment, journal
        rows = journal.rows("environments", environment=environment)
        self._shown = {str(row["dataset"]): str(row["version"]) for row in rows}
        self._newest: dict[tuple[str, str], int] = {}
        self._watched: frozenset[str] = frozenset()
        self._moved: set[str] = set()
        self._settled = True

    def watch(self, datasets: frozenset[str]) -> None:
        """Watch these from now on; each is looked at first of all."""
        self._watched, self._moved, self._settled = datasets, set(datasets), True

    def observe(self, entries: Iterable[Entry]) -> None:
        """Take in what was recorded: publishes, promotions, the ends of runs."""
        for entry in entries:
            if entry.kind not in _OBSERVED:
                continue
            fact = entry.fact
            if isinstance(fact, AttemptPublished) and fact.dataset in self._watched:
                self._publish(fact.dataset, fact.version, entry.seq)
            elif isinstance(fact, Promoted) and fact.environment == self._environment:
                self._promote(fact.mapping)
            elif isinstance(fact, RunFinished):
                self._settled = True

    def sights(self) -> Mapping[str, str]:
        """The sights of the datasets that moved since this was asked last, if nothing is likely to move them on."""
        if not self._settled:
            return {}
        moved, self._moved, self._settled = self._moved, set(), False
        found = {name: (self._shown[name], self._seq(name, self._shown[name])) for name in moved & self._shown.keys()}
        return {name: sight_of_publish(version, seq) for name, (version, seq) in sorted(found.items()) if seq}

    def _publish(self, dataset: str, version: str, seq: int) -> None:
        self._newest[dataset, version] = max(seq, self._newest.get((dataset, version), 0))
        self._moved.add(dataset)

    def _promote(self, mapping: Mapping[str, str]) -> None:
        changed = {name for name in self._watched if self._shown.get(name) != mapping.get(name)}
        self._shown = dict(mapping)
        self._moved |= changed
        self._settled = self._settled or bool(changed)

    def _seq(self, dataset: str, version: str) -> int:
        """The number of the newest publish into a version; 0 if there is none."""
        if (dataset, version) not in self._newest:
            rows = self._journal.rows("coverage", dataset=dataset, version=version)
            self._newest[dataset, version] = max((int(row["seq"] or 0) for row in rows), default=0)
        return self._newest[dataset, version]


_OBSERVED = frozenset(kind.__name__ for kind in (AttemptPublished, Promoted, RunFinished))
