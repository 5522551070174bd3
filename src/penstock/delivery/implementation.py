"""Stage 3: write the change on its branch in cohesive commits; check and test it with recorded outputs."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

from penstock.author.authored import GROUPS
from penstock.author.documentation import ARCHITECTURE_FILE
from penstock.delivery import records
from penstock.delivery.authoring import PLAN_JSON, group_of
from penstock.delivery.dependencies import dependency_files
from penstock.delivery.design import Design, plan_change
from penstock.delivery.destruction import expiring_rows, lost_commits, program_edits
from penstock.delivery.irreversible import IRREVERSIBLE
from penstock.delivery.leaks import cleared, in_queries, scanned
from penstock.delivery.leaving import leaving_columns
from penstock.delivery.readers import broken_for
from penstock.delivery.sealing import Sealing, StageReport, enter, pass_stage, stop_stage
from penstock.delivery.stages import Stage
from penstock.delivery.tools import policy_at
from penstock.delivery.waiving import waivers_of
from penstock.evidence.keys import KEYS
from penstock.evidence.statements import Link
from penstock.model.findings import Finding, Outcome, Place, Severity
from penstock.plan.exposure import exposed_columns
from penstock.plan.personal import personal_data
from penstock.plan.samples import Line, is_example_file, sample_findings
from penstock.policy import gates
from penstock.policy.added_lines import added_lines
from penstock.policy.destruction import irreversible
from penstock.policy.facts import CommandFacts, ImplementationFacts

if TYPE_CHECKING:
    from pathlib import Path

    from penstock.delivery.changes import Change
    from penstock.delivery.ports import CommandRun
    from penstock.delivery.tools import Tools
    from penstock.model.pipelines import Project

_SUBJECTS = {
    "contracts and sources": "Promise and bring in what the story needs",
    "pipelines": "Build the datasets",
    "tests": "Test the boundaries that the story draws",
    "monitoring and docs": "Watch and describe them",
}


def implement(change: Change, tools: Tools) -> StageReport:
    """Do the stage."""
    lost = lost_commits(change, tools)
    root = enter(change, Stage.IMPLEMENTATION, tools)
    planned = plan_change(change, root, tools)
    _write(change, planned, root, tools)
    runs = [cleared(tools.commands.penstock([verb], root), tools.scanner) for verb in ("check", "test")]
    (lint, shown), (tests, shown_by_tests) = runs
    outputs = [records.keep(run.argv[1], run.output, change, root, tools) for run in (lint, tests)]
    environment = tools.commands.environment()
    outputs.append(records.keep("environment", environment, change, root, tools))
    changed = tools.repository.changed(change.base_commit, root)
    added = tools.repository.added_text(change.base_commit, root)
    counted = _documentation(planned.project)
    facts = ImplementationFacts(
        story=planned.story,
        policy=policy_at(tools, change.base_commit),
        base=planned.base,
        project=planned.project,
        lint=_command_facts("check", lint, outputs[0].chunk),
        tests=_command_facts("test", tests, outputs[1].chunk),
        changed_files=tuple(path for path in changed if not path.startswith(f"{change.folder}/")),
        planned_files=_planned(planned, change),
        authored_files=planned.paths,
        added_text=added,
        exposed=exposed_columns(planned.project, planned.difference.touched),
        samples=_samples(planned.project, added, changed),
        author=change.author,
        documented=counted[0],
        documentable=counted[1],
        dependencies=dependency_files(change, root, tools),
        edits=program_edits(change, changed, root, tools),
        expiring=expiring_rows(planned.base, planned.project, tools.clock.now()),
        lost_commits=lost,
        broken_for=broken_for(planned.base, planned.project, root, tools),
        leaving=leaving_columns(planned.base, planned.project),
        scanned=scanned(added, tools.scanner),
        scanner=tools.scanner.name if tools.scanner else "",
        leaks=(*shown, *shown_by_tests, *in_queries(planned.project, planned.difference.touched, tools.scanner)),
    )
    verdicts = gates.judge_all(gates.IMPLEMENTATION, facts, waivers=waivers_of(change, root, tools))
    message = _message(change, facts)
    files = (*facts.changed_files, *(output.path for output in outputs))
    report = StageReport(
        change=change.id,
        stage=Stage.IMPLEMENTATION,
        verdicts=verdicts,
        headline=_headline(facts),
        message=message,
        artefacts=files,
    )
    said = f"{change.id}: record checks and tests"
    if report.outcome is not Outcome.PASS:
        stop_stage(change, Stage.IMPLEMENTATION, verdicts, root, tools, message=said)
        return report
    commands = tuple(records.command_record(run, environment) for run in (lint, tests))
    sealing = Sealing(files=files, verdicts=verdicts, commands=commands, facts=_lasting(facts))
    pass_stage(change, Stage.IMPLEMENTATION, Link.IMPLEMENTATION, sealing, root, tools, message=said)
    return report


def _lasting(facts: ImplementationFacts) -> dict[str, list[str]]:
    """What later stages ask of this one's statement: which steps cannot be undone."""
    steps = irreversible(facts)
    return {IRREVERSIBLE: list(steps)} if steps else {}


def _headline(facts: ImplementationFacts) -> str:
    said = [f"`{' '.join(c.argv)}` {'ok' if c.exit_code == 0 else 'failed'}" for c in (facts.lint, facts.tests)]
    cases = len(facts.project.tests) if facts.project else 0
    return f"{len(facts.changed_files)} files committed; {', '.join(said)} ({cases} cases)"


def _planned(planned: Design, change: Change) -> tuple[str, ...]:
    """The files that may be touched: those of the plan that its author may write, and the author's own new key."""
    author = planned.story.author
    drawn = ARCHITECTURE_FILE
    may = tuple(path for path in planned.paths if path == drawn or author.may_write(path))
    return (*may, f"{KEYS}/{change.author}.yaml")


def _write(change: Change, planned: Design, root: Path, tools: Tools) -> None:
    """The files, one commit for each group of them."""
    texts: dict[str, str | None] = {file.path: file.text for file in planned.files} | dict.fromkeys(planned.removed)
    groups = {file.path: file.group for file in planned.files} | {path: group_of(path) for path in planned.removed}
    ordered = sorted(texts, key=lambda path: GROUPS.index(groups[path]))
    for group, members in groupby(ordered, key=groups.__getitem__):
        paths = tuple(members)
        for path in paths:
            if (text := texts[path]) is None:
                tools.folder.remove(root, path)
            else:
                tools.folder.write(root, path, text.encode())
        message = f"{change.id}: {_SUBJECTS[group]}\n\n{planned.story.title}\n\nPenstock-Change: {change.id}"
        tools.repository.commit(root, message, list(paths), change.author, at=tools.now())


def _samples(project: Project, added: str, changed: tuple[str, ...]) -> tuple[Finding, ...]:
    """What looks like persons' values in examples that the branch adds. Its own artefacts are written by us."""
    lines = [
        Line(file=line.file, number=line.number, text=line.text)
        for line in added_lines(added)
        if is_example_file(line.file) and not line.file.startswith("changes/")
    ]
    tests = [test for test in project.tests if test.file in changed]
    return sample_findings(project, personal_data(project), lines, tests)


def _command_facts(name: str, run: CommandRun, chunk: str) -> CommandFacts:
    findings: tuple[Finding, ...] = ()
    if run.exit_code != 0:
        tail = "\n".join(run.output.strip().splitlines()[-15:])
        findings = (
            Finding(
                code=f"command.{name}",
                message=f"`{' '.join(run.argv)}` ended with {run.exit_code}",
                severity=Severity.ERROR,
                place=Place(file=f"chunk {chunk}"),
                found=tail,
                remedy="read the whole output: penstock change show ID --chunk " + chunk,
            ),
        )
    return CommandFacts(name=name, argv=run.argv, exit_code=run.exit_code, chunk=chunk, findings=findings)


def _documentation(project: Project) -> tuple[int, int]:
    """How many datasets and contract columns have a description, and how many there are."""
    documented = total = 0
    for dataset in project.datasets.values():
        described = [dataset.description or (dataset.contract.description if dataset.contract else "")]
        described += [column.description for column in dataset.contract.columns] if dataset.contract else []
        documented += sum(1 for text in described if text)
        total += len(described)
    return documented, total


def _message(change: Change, facts: ImplementationFacts) -> str:
    lines = [f"{change.id} is written on branch {change.branch}: {len(facts.changed_files)} files."]
    lines += [
        f"- `{' '.join(command.argv)}` ended with {command.exit_code} (output {command.chunk})"
        for command in (facts.lint, facts.tests)
    ]
    lines.append(f"- planned in {change.folder}/{PLAN_JSON}; descriptions: {facts.documented} of {facts.documentable}")
    return "\n".join(lines) + "\n"
