"""`doctor`: the ledger against itself, and against what the warehouse says it shows and holds; and mending either."""

from __future__ import annotations

from typing import TYPE_CHECKING

from penstock.engine.promotion import mapping_of
from penstock.model.errors import InputError, RunError
from penstock.model.findings import Finding, Place

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import timedelta
    from pathlib import Path

    from penstock.adapters.duckdb.repair import Held, TornLog
    from penstock.adapters.ledger.compaction import Compaction
    from penstock.app.warehouses import ProjectWarehouse
    from penstock.app.wiring import Workplace
    from penstock.ledger.journal import Value

ARCHIVE = "archive"
_ENDED = {"done", "rejected", "rolled_back", "abandoned"}
_TOLD_OF = 20


def examine(place: Workplace, archives: Path | None = None) -> tuple[dict[str, int], tuple[Finding, ...]]:
    """Counts of what was looked at, and what is wrong.

    The journal is folded again and compared with the state tables, from its very first entry if its archives are
    there; each environment and each published slice is looked up at the target. Of the entries, `archived` ones stand
    in archives.

    Raises:
        WaitingError: another process has the warehouse open.
    """
    ledger = place.ledger
    folder = archives or place.state / ARCHIVE
    findings = list(ledger.check(folder if archives or folder.is_dir() else None))
    archived = max((int(row["upto"] or 0) for row in ledger.rows("compactions")), default=0)
    environments = sorted({str(row["environment"]) for row in ledger.rows("environments")})
    covered = len(ledger.rows("coverage"))
    if environments or covered:
        findings += _examine_warehouse(place, environments)
    counts = {
        "entries": ledger.newest(),
        "archived": archived,
        "environments": len(environments),
        "slices": covered,
    }
    return counts, tuple(findings)


def mend(place: Workplace) -> tuple[tuple[str, ...], tuple[Finding, ...]]:
    """Make state tables anew that are not what the journal says; let a torn log of the warehouse end where it breaks.

    Returns one sentence for each thing mended, and what cannot be.

    Raises:
        WaitingError: another command works on this project.
    """
    place.hold()
    mended: list[str] = []
    wrong = place.ledger.check()
    if wrong and all(finding.code == "ledger.state_differs" for finding in wrong):
        place.ledger.repair_state()
        mended += [f"made anew from the journal: {finding.message}" for finding in wrong]
    elif wrong:
        return (), (_ledger_not_repairable(wrong),)
    torn = _torn_log(place)
    if torn is None:
        return tuple(mended), ()
    findings = _cut_log(place, torn)
    if not findings:
        mended.append(f"the warehouse's log broke at byte {torn.at} of {torn.size} and now ends there; nothing is lost")
    return tuple(mended), findings


def compact(place: Workplace, keep: timedelta, archives: Path | None = None) -> Compaction | None:
    """Move the journal's entries older than `keep` to the archive, but none since a change still on its way was opened.

    Raises:
        LedgerDamagedError: what would be moved is not whole, or something cannot be written; nothing was changed.
        WaitingError: somebody else compacts, or writes for long.
    """
    ledger = place.ledger
    opened = [str(row["opened_at"]) for row in ledger.rows("changes") if row["state"] not in _ENDED]
    before = min([(place.clock.now() - keep).isoformat(), *opened])
    return ledger.compact(before, archives or place.state / ARCHIVE)


def _examine_warehouse(place: Workplace, environments: list[str]) -> list[Finding]:
    from penstock.adapters.duckdb.repair import held_by  # noqa: PLC0415 - loads DuckDB: only with a warehouse to look at

    try:
        warehouse = place.reading()
    except (RunError, InputError) as error:
        torn = _torn(error)
        return [*error.findings] if torn is None else [_torn_finding(torn)]
    try:
        findings = [found for name in environments if (found := _compared(place, warehouse, name)) is not None]
        return [*findings, *_lost(place, held_by(warehouse))]
    finally:
        warehouse.close()


def _compared(place: Workplace, warehouse: ProjectWarehouse, environment: str) -> Finding | None:
    shown, said = warehouse.environment(environment), mapping_of(place.ledger, environment)
    return None if shown == said else _environment_differs(environment, shown, said)


def _lost(place: Workplace, held: Held) -> tuple[Finding, ...]:
    """What the ledger says was done and the warehouse does not hold: slices, promotions, and expiries."""
    slices = [row for row in place.ledger.rows("coverage") if held.published.get(str(row["publish_id"])) != row["rows"]]
    promoted = [str(row["promotion"]) for row in place.ledger.rows("promotions", state="promoted")]
    return (
        *(_slice_differs(str(row["publish_id"]), str(row["dataset"])) for row in slices),
        *(_promotion_missing(promotion) for promotion in promoted if promotion not in held.swapped),
        *(_expiry_missing(row) for row in _expiries(place, held)),
    )


def _expiries(place: Workplace, held: Held) -> Iterator[Mapping[str, Value]]:
    """Each version's newest expiry that the warehouse does not know of; what was removed since, it forgot."""
    defined = {(row["dataset"], row["version"]): str(row["defined_at"]) for row in place.ledger.rows("versions")}
    for row in place.ledger.rows("expiries", state="expired"):
        since = defined.get((row["dataset"], row["version"]))
        is_there = since is not None and since <= str(row["at"])
        if is_there and f"{row['expiry']}/{row['version']}" not in held.published:
            yield row


def _torn_log(place: Workplace) -> TornLog | None:
    """How the warehouse's log is torn; None if it opens, is not there, or something else is wrong with it."""
    try:
        place.reading().close()
    except (RunError, InputError) as error:
        return _torn(error)
    return None


def _torn(error: RunError | InputError) -> TornLog | None:
    from penstock.adapters.duckdb.repair import find_torn_log  # noqa: PLC0415 - loads DuckDB

    return find_torn_log(error) if isinstance(error, RunError) else None


def _cut_log(place: Workplace, torn: TornLog) -> tuple[Finding, ...]:
    from penstock.adapters.duckdb.repair import cut_log  # noqa: PLC0415 - loads DuckDB

    suffix = f"damaged-{place.clock.now():%Y%m%dT%H%M%S}"
    missing = cut_log(torn, place.spool, lambda held: _lost(place, held), suffix)
    if not missing or missing[0].code == "warehouse.not_repairable":
        return missing
    return (_would_lose(torn, len(missing)), *missing[:_TOLD_OF])


def _environment_differs(environment: str, shown: dict[str, str], said: dict[str, str]) -> Finding:
    different = sorted(name for name in {*shown, *said} if shown.get(name) != said.get(name))
    return Finding(
        code="doctor.environment_differs",
        message=f"the warehouse shows other versions in {environment} than the ledger says: {', '.join(different)}",
        place=Place(dataset=different[0]),
        expected="the same mapping in both",
        remedy="run any command that builds (it settles what a crash left open), then look again",
    )


def _slice_differs(publish_id: str, dataset: str) -> Finding:
    return Finding(
        code="doctor.slice_differs",
        message=f"the warehouse does not hold what the ledger says was published as {publish_id}",
        place=Place(dataset=dataset),
        expected="the publish id in the target's own ledger, with as many rows",
        remedy="restore the warehouse file that belongs to this ledger",
    )


def _promotion_missing(promotion: str) -> Finding:
    return Finding(
        code="doctor.promotion_missing",
        message=f"the warehouse does not know the promotion {promotion}, which the ledger says was carried out",
        expected="the promotion in the target's own ledger",
        remedy="restore the warehouse file that belongs to this ledger",
    )


def _expiry_missing(row: Mapping[str, Value]) -> Finding:
    return Finding(
        code="doctor.expiry_missing",
        message=f"the warehouse does not know that rows of {row['dataset']} at {row['version']} expired as "
        f"{row['expiry']}: they may be there again",
        place=Place(dataset=str(row["dataset"])),
        expected="the expiry in the target's own ledger",
        remedy="restore the warehouse file that belongs to this ledger; `penstock expire` shows what is past by now",
    )


def _torn_finding(torn: TornLog) -> Finding:
    return Finding(
        code="warehouse.torn",
        message=f"{torn.path.name} does not open: its write-ahead log breaks at byte {torn.at} of {torn.size}",
        place=Place(file=str(torn.path)),
        expected="a log that can be replayed to its end",
        remedy="`penstock doctor --repair` lets the log end there, if nothing that was acknowledged is lost by it",
    )


def _would_lose(torn: TornLog, count: int) -> Finding:
    return Finding(
        code="warehouse.not_repairable",
        message=f"with its log cut at byte {torn.at}, {torn.path.name} would lack {count} thing(s) "
        "that the ledger says were done",
        place=Place(file=str(torn.path)),
        expected="everything that was acknowledged before the log breaks",
        remedy="restore the file and its log from a backup that belongs to this ledger; nothing was changed",
    )


def _ledger_not_repairable(wrong: tuple[Finding, ...]) -> Finding:
    return Finding(
        code="ledger.not_repairable",
        message=f"the journal itself is damaged, and nothing can be made of it: {wrong[0].message}",
        place=wrong[0].place,
        expected="an unbroken journal, from which its tables can be made anew",
        remedy="restore the ledger from a backup, together with the warehouse; nothing was changed",
    )
