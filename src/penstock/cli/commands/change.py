"""`penstock change …`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from penstock.app import delivering
from penstock.cli.answers import Answer, Door, answering
from penstock.cli.options import opened, project_option, until_option
from penstock.cli.plain_text import shown
from penstock.cli.progress import advanced_answer, watcher
from penstock.delivery.pages import tables
from penstock.delivery.stages import Stage

if TYPE_CHECKING:
    from datetime import datetime


@click.group()
def change() -> None:
    """Look at changes; answer, approve, reject, resume, roll back, verify."""


@change.command("list", epilog="Example: penstock change list")
@project_option
@answering
def list_(door: Door, project: str | None) -> Answer:
    """List every change and where it stands."""
    del door
    with opened(project) as place:
        found = delivering.changes(place)
    rows = [("change", "stage", "state", "title")]
    rows += [(each.id, each.stage, each.state.replace("_", " "), each.title) for each in found]
    text = tables.columns(rows) if found else "no change yet: penstock deliver STORY starts one"
    return Answer(result={"changes": [delivering.change_json(each) for each in found]}, text=text)


@change.command(epilog="Example: penstock change show RETAIL-1")
@click.argument("id_", metavar="ID")
@click.option("--chunk", default=None, help="Print a recorded output by the chunk id that a page cites.")
@project_option
@answering
def show(door: Door, id_: str, chunk: str | None, project: str | None) -> Answer:
    """Say what stage a change is in, what is missing, and what to do next."""
    del door
    with opened(project) as place:
        if chunk is not None:
            text = delivering.show_output(place, id_, chunk)
            return Answer(result={"chunk": chunk, "text": text}, text=shown(text))
        found, step, folder = delivering.show(place, id_)
    lines = [f"{found.id}  {found.title}", f"  state: {found.stage}, {found.state.replace('_', ' ')}"]
    lines += [f"  why: {found.reason}"] if found.reason else []
    for stage in Stage:
        here = found.state.replace("_", " ") if stage == found.stage else ""
        mark = "passed" if stage in found.passed else here
        lines.append(f"  {stage.number} {stage:<16}{mark}".rstrip())
    lines += [f"  observed: {interval} {state}" for interval, state in found.observations.items()]
    lines += [f"  read: {folder}", f"  next: {delivering.step_text(found, step)}"]
    return Answer(result=delivering.change_json(found, step, str(folder)), text="\n".join(lines))


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
@project_option
@answering
def approve(door: Door, id_: str, name: str, project: str | None) -> Answer:
    """Approve exactly what the review showed; any later edit voids it."""
    del door
    with opened(project) as place:
        found = delivering.approve(place, id_, name)
    result = {"change": id_, "by": name, "envelope": found.passed[Stage.REVIEW]}
    text = f"{name} approved {id_} as reviewed ({found.passed[Stage.REVIEW][:12]})\nnext: penstock change resume {id_}"
    return Answer(result=result, text=text)


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


@change.command(epilog="Example: penstock change verify RETAIL-1")
@click.argument("id_", metavar="ID")
@project_option
@answering
def verify(door: Door, id_: str, project: str | None) -> Answer:
    """Check a change's evidence from story to observation, offline, with public keys alone."""
    del door
    with opened(project) as place:
        report = delivering.verify(place, id_)
    lines = [f"{'ok    ' if link.ok else 'BROKEN'}  {link.name}" for link in report.links]
    reached = f"the chain reaches {report.furthest}" if report.furthest else "there is no statement that can be read"
    approved = f"; approved by {', '.join(report.approvers)}" if report.approvers else ""
    lines.append(f"{id_}: {'verified' if report.ok else 'NOT verified'}, {reached}{approved}")
    return Answer(
        result=report.to_json(), text="\n".join(lines), findings=report.findings, exit_code=0 if report.ok else 1
    )
