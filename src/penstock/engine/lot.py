"""Small queries built one after another in one transaction and published together: what makes tiny tasks cheap.

Invariants: a lot is published whole or not at all; its intents and audits are on disk before it is; when one of it
fails, nothing of it was visible, and each is done again alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from penstock.engine import audit
from penstock.engine.attempt import (
    Published,
    audited,
    commit_lost,
    intent_of,
    physical_sql,
    profile_text,
    publication_of,
)
from penstock.engine.ports.publishing import Sifted
from penstock.engine.ports.warehouse import UnknownOutcomeError
from penstock.engine.sifting import sieve_of
from penstock.engine.surroundings import setting_of
from penstock.model.errors import TransientError
from penstock.model.pipelines import Materialization, SqlTask
from penstock.plan.horizons import counted_from

if TYPE_CHECKING:
    from collections.abc import Container

    from penstock.engine.attempt import Job, Tools
    from penstock.engine.frontier import Item
    from penstock.engine.ports.warehouse import Session
    from penstock.ledger.journal import Receipt
    from penstock.model.pipelines import Dataset

MOST = 64
SECONDS = 0.02
"""A lot is published when it holds so many, or once it has been open for so long."""


def is_light(dataset: Dataset, horizons: Container[str] = ()) -> bool:
    """Whether a dataset may be built in a lot: a query made whole, that nobody has to stop after a time.

    Rows that may be put aside, be too old to be kept, or go to another tool need a staging, which a lot has not. A
    dataset among `horizons` keeps none that are too old.
    """
    may_be_old = counted_from(dataset) is not None or dataset.name in horizons
    if dataset.materialization is not Materialization.VIEW and may_be_old:
        return False
    kept = dataset.materialization in {Materialization.TABLE, Materialization.VIEW}
    plain = isinstance(dataset.task, SqlTask) and dataset.timeout is None and not dataset.suites
    return kept and plain and sieve_of(dataset) is None


@dataclass(slots=True, kw_only=True)
class Built:
    """One piece of a lot, not yet visible."""

    item: Item
    job: Job
    published: Published


class Lot:
    """What one lane has built and not yet published."""

    def __init__(self, session: Session, tools: Tools) -> None:
        self._session, self._tools = session, tools
        self.built: list[Built] = []
        self._receipt: Receipt | None = None
        self.opened_at = 0.0

    def add(self, item: Item, job: Job, attempt: int, now: float) -> Built:
        """Build one more; it is visible after `publish`. `now` is in monotonic seconds.

        Raises:
            TaskError, TransientError: it failed, and with it everything of the lot is undone.
        """
        if not self.built:
            self.opened_at = now
        work, journal = item.work, self._tools.journal
        dataset = job.project.datasets[work.slice.dataset]
        self._receipt = journal.submit(intent_of(work, attempt, job), token=job.token)
        publication = publication_of(work, job)
        staged = self._session.build(publication, physical_sql(dataset, job), {})
        setting = setting_of(journal, work, job, self._receipt)
        judged = audit.judge(self._session, staged, dataset, setting)
        facts = audited(publication.publish_id, attempt, Sifted(staged=staged), judged)
        self._receipt = journal.submit(facts, token=job.token)
        audit.refuse_if_failed(self._session, staged, dataset, judged.results, setting)
        published = Published(
            dataset=dataset.name,
            version=work.version.fingerprint,
            interval=None,
            rows=staged.rows,
            checks=judged.results,
            profile=profile_text(judged),
        )
        self.built.append(Built(item=item, job=job, published=published))
        return self.built[-1]

    def is_due(self, now: float) -> bool:
        """Whether it is time to publish."""
        return len(self.built) >= MOST or now - self.opened_at >= SECONDS

    def publish(self) -> list[Built]:
        """Make everything visible at once; what was.

        Raises:
            TransientError: nothing was.
        """
        if self._receipt is not None:
            self._receipt.result()
        try:
            self._session.commit()
        except UnknownOutcomeError as error:
            self._read_back(error)
        return self.take()

    def take(self) -> list[Built]:
        """Hand over what the lot holds, and begin anew."""
        built, self.built, self._receipt = self.built, [], None
        return built

    def _read_back(self, error: UnknownOutcomeError) -> None:
        """One transaction: its first id tells for all."""
        first = self.built[0].published
        publish_id = publication_of(self.built[0].item.work, self.built[0].job).publish_id
        if self._tools.warehouse.published(publish_id) is None:
            raise TransientError(commit_lost(publish_id, first.dataset)) from error
