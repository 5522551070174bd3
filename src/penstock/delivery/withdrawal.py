"""Takes back a change that production never showed: readers of its canaries see production again, a note says why."""

from __future__ import annotations

from typing import TYPE_CHECKING

from penstock.delivery.pages.incident import Incident, incident_page
from penstock.delivery.rollback import INCIDENT
from penstock.delivery.rollout import RolloutStep, follow_production, steps_json
from penstock.delivery.sealing import Sealing, find_statement, write_statement
from penstock.evidence.statements import Link
from penstock.ledger.facts import ChangeRolledBack

if TYPE_CHECKING:
    from pathlib import Path

    from penstock.delivery.changes import Change
    from penstock.delivery.design import Design
    from penstock.delivery.rollout import Leg
    from penstock.delivery.tools import Tools
    from penstock.ledger.facts import RollbackBegun
    from penstock.model.findings import Verdict


def withdraw(
    change: Change, planned: Design, begun: RollbackBegun, stopped: tuple[Leg, Verdict], root: Path, tools: Tools
) -> None:
    """End a change that a step before its promotion stopped; its branch keeps the note and the statement."""
    follow_production(tools, ending=change.id)
    incident = _incident(change, planned, begun, stopped, tools)
    if find_statement(change, Link.ROLLBACK, root, tools) is None:
        path = f"{change.folder}/{INCIDENT}"
        tools.folder.write(root, path, incident_page(incident).encode())
        facts = {"reason": begun.reason, "by": begun.by, "promotion": "", "rollout": steps_json(change, tools)}
        sealing = Sealing(files=(path,), verdicts=incident.verdicts, facts=facts)
        write_statement(change, Link.ROLLBACK, sealing, root, tools, signer=change.author)
    message = f"{change.id}: go back\n\n{begun.reason}\n\nPenstock-Change: {change.id}"
    tools.repository.commit(root, message, [change.folder], change.author, at=tools.now())
    tools.tell(planned.project, incident.to_json())
    tools.journal.append(ChangeRolledBack(change=change.id, promotion="", reason=begun.reason, by=begun.by))


def _incident(
    change: Change, planned: Design, begun: RollbackBegun, stopped: tuple[Leg, Verdict], tools: Tools
) -> Incident:
    leg, verdict = stopped
    shown = tools.journal.rows("rollout", change=change.id, step=str(RolloutStep.CANARY), interval="")
    return Incident(
        change=change.id,
        title=planned.story.title,
        step=str(leg.step),
        by=begun.by,
        reason=begun.reason,
        at=tools.now(),
        interval=str(leg.interval),
        readers=f"readers of {', '.join(planned.story.rollout.environments)}" if shown else "",
        since=str(shown[0]["at"]) if shown else "",
        verdicts=(verdict,),
    )
