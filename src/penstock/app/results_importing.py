"""`quality --import`: results that Great Expectations wrote elsewhere, beside those of our own checks."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from penstock.app.built import known_dataset
from penstock.ledger.facts import ResultsImported
from penstock.ledger.folding.attempts import IMPORTED, imported_id
from penstock.model.errors import InputError
from penstock.model.findings import Finding, Place
from penstock.plan.observed import kept_of
from penstock.quality.expectations.outcomes import TOOL, read_suite_results
from penstock.quality.outcomes import results_text

if TYPE_CHECKING:
    from penstock.app.wiring import Workplace
    from penstock.quality.expectations.outcomes import SuiteResults

MOST_BYTES = 64_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """How many results a file holds, and how many of them were not recorded before."""

    results: int
    new: int


def import_results(place: Workplace, dataset: str, file: str) -> Imported:
    """Record what a file of results says of a dataset. The same content again, in whatever file, records nothing.

    Raises:
        InputError: there is no such dataset, or the file cannot be read or holds no results.
    """
    known_dataset(place, dataset)
    text = _text(file)
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(_unreadable(file, f"it is no JSON: {error}")) from error
    found = read_suite_results(document, file, kept_of(place.project, dataset))
    digest = hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()[:16]
    facts = [_fact(dataset, file, f"{digest}-{number}", one) for number, one in enumerate(found)]
    known = {row["publish_id"] for row in place.ledger.rows("attempts", dataset=dataset, state=IMPORTED)}
    new = [number for number, fact in enumerate(facts) if imported_id(fact) not in known]
    if new:
        place.ledger.append(*(facts[number] for number in new))
    counts = [len(one.results) for one in found]
    return Imported(results=sum(counts), new=sum(counts[number] for number in new))


def _fact(dataset: str, file: str, digest: str, found: SuiteResults) -> ResultsImported:
    return ResultsImported(
        dataset=dataset,
        tool=TOOL,
        source=Path(file).name,
        digest=digest,
        judged_at=_moment(found.at),
        rows=max((one.total_rows for one in found.results), default=0),
        results=results_text(found.results),
    )


def _moment(text: str) -> str:
    """In UTC, as the ledger writes moments; empty where the file tells none."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return ""
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC).isoformat()


def _text(file: str) -> str:
    try:
        if Path(file).stat().st_size > MOST_BYTES:
            raise InputError(_unreadable(file, f"it is larger than {MOST_BYTES:,} bytes"))
        return Path(file).read_text(encoding="utf-8")
    except OSError as error:
        raise InputError(_unreadable(file, error.strerror or str(error))) from error
    except UnicodeDecodeError as error:
        raise InputError(_unreadable(file, "it is not UTF-8 text")) from error


def _unreadable(file: str, why: str) -> Finding:
    return Finding(
        code="expectations.unreadable",
        message=f"{file} cannot be read: {why}",
        place=Place(file=file),
        expected="a file of results that Great Expectations wrote",
        remedy="correct the path",
    )
