"""`penstock change …`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from penstock.app import delivering, in_flight
from penstock.cli.answers import Answer, Door, answering
from penstock.cli.options import Moment, opened, project_option, until_option
from penstock.cli.plain_text import shown
from penstock.cli.progress import advanced_answer, watcher
from penstock.cli.reports import Report, Reported, report_options
from penstock.cli.verdicts import judged_lines, stages_report
from penstock.delivery.approval import ApprovalWish
from penstock.delivery.pages import tables
from penstock.delivery.stages import Stage
from penstock.delivery.waiving import Selection, Wish
from penstock.model.intervals import stamp

if TYPE_CHECKING:
    from datetime import datetime


@click.group()
def change() -> None:
    """Look at changes; answer, waive, approve, reject, resume, rebase, abandon, roll back, export, verify."""


@change.command("list", epilog="Example: penstock change list")
@project_option
@answering
def list_(door: Door, project: str | None) -> Answer:
    """List every change, where it stands, which are in each other's way, and which nobody touches."""
    del door
    with opened(project) as place:
        found = delivering.changes(place)
        conflicts, untouched = in_flight.conflicts(place), in_flight.untouched(place)
    rows = [("change", "stage", "state", "title")]
    rows += [(each.id, each.stage, each.state.replace("_", " "), each.title) for each in found]
    lines = [tables.columns(rows) if found else "no change yet: penstock deliver STORY starts one"]
    lines += [f"{own}: {conflict.words(own)}" for own, each in conflicts.items() for conflict in each]
    lines += [
        f"{own}: untouched for {days} days: penstock change abandon {own} --reason …" for own, days in untouched.items()
    ]
    told = [
        {
            **delivering.change_json(each),
            "conflicts": [conflict.to_json() for conflict in conflicts.get(each.id, ())],
            "untouched_days": untouched.get(each.id),
        }
        for each in found
    ]
    return Answer(result={"changes": told}, text="\n".join(line.rstrip("\n") for line in lines))


@change.command(epilog="Example: penstock change show RETAIL-1")
@click.argument("id_", metavar="ID")
@click.option("--chunk", default=None, help="Print a recorded output by the chunk id that a page cites.")
@project_option
@answering
@report_options("penstock change show")
def show(door: Door, id_: str, chunk: str | None, project: str | None) -> Reported:
    """Say what stage a change is in, what is missing, and what to do next."""
    del door
    with opened(project) as place:
        if chunk is not None:
            text = delivering.show_output(place, id_, chunk)
            answer = Answer(result={"chunk": chunk, "text": text}, text=shown(text))
            return Reported(answer=answer, report=Report(name=id_, cases=()))
        found, next_, folder = delivering.show(place, id_)
        stages = delivering.judged(place, id_)
        conflicts = in_flight.conflicts_with(place, found)
    lines = [f"{found.id}  {found.title}", f"  state: {found.stage}, {found.state.replace('_', ' ')}"]
    lines += [f"  why: {found.reason}"] if found.reason else []
    for stage in Stage:
        here = found.state.replace("_", " ") if stage == found.stage else ""
        mark = "passed" if stage in found.passed else here
        lines.append(f"  {stage.number} {stage:<16}{mark}".rstrip())
    lines += [f"  {step} {interval}: {state}" for (step, interval), state in found.compared.items()]
    lines += [f"  observed: {interval} {state}" for interval, state in found.observations.items()]
    lines += [f"  {line}" for stage in stages for line in judged_lines(stage)]
    lines += [f"  conflict: {conflict.words(found.id)}" for conflict in conflicts]
    page = delivering.page_to_read(folder)
    lines += [f"  decide on: {page}"] if page else []
    lines += [f"  read: {folder}", f"  next: {delivering.step_text(found, next_)}"]
    result = delivering.change_json(found, next_, str(folder))
    result["verdicts"] = {stage.stage: [verdict.to_json() for verdict in stage.verdicts] for stage in stages}
    result["conflicts"] = [conflict.to_json() for conflict in conflicts]
    return Reported(answer=Answer(result=result, text="\n".join(lines)), report=stages_report(id_, stages))


@change.command(epilog="Example: penstock change questions RETAIL-3")
@click.argument("id_", metavar="ID")
@project_option
@answering
def questions(door: Door, id_: str, project: str | None) -> Answer:
    """List a change's questions and their answers."""
    del door
    with opened(project) as place:
        found, _, _ = delivering.show(place, id_)
    lines = []
    for question in found.questions:
        lines.append(f"{question.id}  {question.text}")
        said = f"answered by {question.by}: {question.answer}" if question.answer is not None else "no answer yet"
        lines.append(f"    {said}")
    return Answer(
        result={"questions": delivering.change_json(found)["questions"]},
        text="\n".join(lines) or "no question was asked",
    )


@change.command(epilog='Example: penstock change answer RETAIL-3 Q1 "07:00"')
@click.argument("id_", metavar="ID")
@click.argument("question")
@click.argument("text")
@click.option("--as", "by", metavar="NAME", default=None, help="Who answers (default: git's user).")
@project_option
@answering
def answer(door: Door, id_: str, question: str, text: str, by: str | None, project: str | None) -> Answer:
    """Answer one numbered question; a change goes on with `resume` when all are answered."""
    del door
    with opened(project) as place:
        found = delivering.answer(place, id_, question.upper(), text, by)
    missing = [each.id for each in found.questions if each.answer is None]
    told = f"still open: {', '.join(missing)}" if missing else f"all answered: penstock change resume {id_}"
    value = next(json.loads(each.answer) for each in found.questions if each.id == question.upper() and each.answer)
    result = {"question": question.upper(), "answer": value, "open": missing}
    return Answer(result=result, text=f"{question.upper()}: {json.dumps(value, ensure_ascii=False)}\n{told}")


@change.command(epilog="Example: penstock change approve RETAIL-1 --as maria")
@click.argument("id_", metavar="ID")
@click.option("--as", "name", metavar="NAME", required=True, help="Whose approver key signs.")
@click.option("--reason", default="", help="Why.")
@click.option("--until", metavar="MOMENT", type=Moment(), default=None, help="When it ends (default: as policy says).")
@project_option
@answering
def approve(door: Door, *, id_: str, name: str, reason: str, until: datetime | None, project: str | None) -> Answer:
    """Approve exactly what the review showed; any later edit voids it."""
    del door
    with opened(project) as place:
        found = delivering.approve(place, id_, ApprovalWish(name=name, reason=reason, until=until))
    result = {"change": id_, "by": name, "envelope": found.passed[Stage.REVIEW]}
    text = f"{name} approved {id_} as reviewed ({found.passed[Stage.REVIEW][:12]})\nnext: penstock change resume {id_}"
    return Answer(result=result, text=text)


@change.command(
    epilog='Example: penstock change waive RETAIL-4 thin_documentation --as maria --reason "..." --until 2026-12-31'
)
@click.argument("id_", metavar="ID")
@click.argument("what", metavar="GATE[:CODE[:PLACE]]")
@click.option("--as", "name", metavar="NAME", required=True, help="Whose approver key signs.")
@click.option("--reason", required=True, help="Why these findings may stand.")
@click.option("--until", metavar="MOMENT", type=Moment(), required=True, help="From when on it no longer counts.")
@project_option
@answering
def waive(door: Door, *, id_: str, what: str, name: str, reason: str, until: datetime, project: str | None) -> Answer:
    """Let findings that stopped a change stand for a time: those of a gate, of a code, at a place."""
    del door
    wish = Wish(selection=Selection.parse(what), name=name, reason=reason, until=until)
    with opened(project) as place:
        waived = delivering.waive(place, id_, wish)
    lines = [f"{name} waives until {stamp(until)}: {finding.message}" for finding in waived]
    lines.append(f"next: penstock change resume {id_}")
    result = {"change": id_, "by": name, "until": stamp(until), "waived": [finding.to_json() for finding in waived]}
    return Answer(result=result, text="\n".join(lines))


@change.command(epilog='Example: penstock change reject RETAIL-4 --as maria --reason "doubles net"')
@click.argument("id_", metavar="ID")
@click.option("--as", "name", metavar="NAME", required=True, help="Who says no.")
@click.option("--reason", required=True, help="Why.")
@project_option
@answering
def reject(door: Door, id_: str, name: str, reason: str, project: str | None) -> Answer:
    """End a change that is not in production; its branch stays."""
    del door
    with opened(project) as place:
        found = delivering.reject(place, id_, name, reason)
    return Answer(result=delivering.change_json(found), text=f"{id_}: {found.reason}")


@change.command(epilog="Example: penstock change resume RETAIL-1")
@click.argument("id_", metavar="ID")
@until_option
@project_option
@answering
def resume(door: Door, id_: str, until: datetime | None, project: str | None) -> Answer:
    """Carry a change on from wherever it stands: after an answer, an approval, new data or a crash."""
    with opened(project) as place:
        advanced = delivering.resume(place, id_, until=until, watcher=watcher(door))
    return advanced_answer(door, advanced)


@change.command(epilog="Example: penstock change rebase RETAIL-2")
@click.argument("id_", metavar="ID")
@click.option("--as", "by", metavar="NAME", default=None, help="Who decides (default: git's user).")
@until_option
@project_option
@answering
def rebase(door: Door, id_: str, by: str | None, until: datetime | None, project: str | None) -> Answer:
    """Begin a change again from the base as it is; design and all that follows are done anew, approvals are void."""
    with opened(project) as place:
        advanced = delivering.rebase(place, id_, by, until=until, watcher=watcher(door))
    return advanced_answer(door, advanced)


@change.command(epilog='Example: penstock change abandon RETAIL-2 --reason "nobody needs it any more"')
@click.argument("id_", metavar="ID")
@click.option("--reason", required=True, help="Why.")
@click.option("--as", "by", metavar="NAME", default=None, help="Who gives it up (default: git's user).")
@project_option
@answering
def abandon(door: Door, id_: str, reason: str, by: str | None, project: str | None) -> Answer:
    """Give a change up: it ends, and its checkout, its branch's name and the versions only it needs are taken away."""
    del door
    with opened(project) as place:
        found, removal = in_flight.abandon(place, id_, by, reason)
    gone = [version.relation for version in removal.gone] if removal else []
    result = {**delivering.change_json(found), "removed": gone}
    return Answer(result=result, text=f"{id_}: {found.reason}\n{len(gone)} versions removed")


@change.command(epilog='Example: penstock change rollback RETAIL-2 --reason "finance objects"')
@click.argument("id_", metavar="ID")
@click.option("--reason", default="asked for on the command line", show_default=True, help="Why.")
@click.option("--as", "by", metavar="NAME", default=None, help="Who decides (default: git's user).")
@project_option
@answering
def rollback(door: Door, id_: str, reason: str, by: str | None, project: str | None) -> Answer:
    """Make production show again what it showed before a change."""
    del door
    with opened(project) as place:
        found, mapping = delivering.roll_back(place, id_, reason, by)
    shown = "\n".join(f"  {name} at {version}" for name, version in sorted(mapping.items())) or "  nothing"
    result = {"change": delivering.change_json(found), "production": mapping}
    return Answer(result=result, text=f"{id_} is rolled back; production shows:\n{shown}")
