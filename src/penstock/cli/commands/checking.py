"""`penstock check`, `test` and `docs`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from penstock.app import checking
from penstock.cli.answers import Answer, Door, answering
from penstock.cli.options import opened, project_option
from penstock.cli.reports import Case, Report, Reported, findings_report, report_options
from penstock.model.findings import Severity

if TYPE_CHECKING:
    from collections.abc import Iterator


@click.command(epilog="Example: penstock check --project examples/retail")
@project_option
@answering
@report_options("penstock check")
def check(door: Door, project: str | None) -> Reported:
    """Read the whole project and say everything that is wrong with it, at once."""
    del door
    with opened(project) as place:
        checked = checking.check(place)
    errors = checking.count(checked.findings, Severity.ERROR)
    warnings = checking.count(checked.findings, Severity.WARNING)
    counts = {
        "pipelines": checked.pipelines,
        "datasets": checked.datasets,
        "contracts": checked.contracts,
        "tests": checked.tests,
    }
    text = (
        f"{checked.pipelines} pipeline(s), {checked.datasets} dataset(s), {checked.contracts} contract(s), "
        f"{checked.tests} test(s): {errors} error(s), {warnings} warning(s)"
    )
    # a project that cannot be read is wrong input
    answer = Answer(result=counts, text=text, findings=checked.findings, exit_code=0 if checked.ok else 2)
    return Reported(answer=answer, report=findings_report("penstock check", checked.findings))


@click.command(epilog="Example: penstock test sales.daily_revenue")
@click.argument("datasets", metavar="[DATASET]...", nargs=-1)
@click.option(
    "--slices", "by_slices", is_flag=True, help="Try on what is built whether slices make what one build makes."
)
@click.option("--mutate", is_flag=True, help="Put small faults into the queries: would the tests notice?")
@click.option("--min-score", metavar="PERCENT", type=click.FloatRange(0, 100), help="With --mutate: end with 1 below.")
@click.option("--add", is_flag=True, help="With --mutate: append tests for what was not noticed.")
@click.option("--most", metavar="N", type=click.IntRange(1), help="With --mutate: faults in one query (default: 60).")
@project_option
@answering
@report_options("penstock test")
def test(
    door: Door, *, datasets: tuple[str, ...], by_slices: bool, mutate: bool, project: str | None, **wishes: Any
) -> Reported:
    """Run the unit tests on data: given rows in, expected rows out.

    With --slices, build incremental datasets and merges slice by slice in several orders, in temporary tables, and
    compare each with one build over all of them. With --mutate, put small faults into queries and see whether the tests
    notice.
    """
    if mutate and by_slices:
        raise click.UsageError("--mutate and --slices are two commands")
    if mutate:
        return _reported(_mutated(door, datasets, project, **wishes))
    if any(wishes.values()):
        raise click.UsageError("--min-score, --add and --most go with --mutate")
    if by_slices:
        from penstock.cli.commands.slicing import slices_answer  # noqa: PLC0415 - starts DuckDB and the SQL parser

        with opened(project) as place:
            return _reported(slices_answer(door, place, datasets))
    with opened(project) as place:
        tested = checking.run_tests(place, *datasets)
    passed = sum(1 for outcome in tested.outcomes if outcome.passed)
    lines = [
        f"{'ok  ' if outcome.passed else 'FAIL'}  {outcome.dataset}: {outcome.name}" for outcome in tested.outcomes
    ]
    lines += [f"no test: {name}" for name in tested.untested]
    lines.append(f"{passed} passed, {len(tested.outcomes) - passed} failed")
    result = {
        "passed": passed,
        "failed": len(tested.outcomes) - passed,
        "cases": [{"dataset": o.dataset, "name": o.name, "file": o.file, "passed": o.passed} for o in tested.outcomes],
        "untested": list(tested.untested),
    }
    answer = Answer(result=result, text="\n".join(lines), findings=tested.findings, exit_code=0 if tested.ok else 1)
    return Reported(answer=answer, report=Report(name="penstock test", cases=tuple(_cases(tested))))


def _cases(tested: checking.Tested) -> Iterator[Case]:
    """One case for each test on data, and one for each query that cannot be parsed."""
    for outcome in tested.outcomes:
        yield Case(
            rule="data_test",
            suite=outcome.dataset,
            name=outcome.name,
            findings=outcome.findings,
            failed=not outcome.passed,
        )
    yield from findings_report("queries", tested.unparsable).cases if tested.unparsable else ()


def _reported(answer: Answer) -> Reported:
    return Reported(answer=answer, report=findings_report("penstock test", answer.findings))


def _mutated(
    door: Door, datasets: tuple[str, ...], project: str | None, *, min_score: float | None, add: bool, most: int | None
) -> Answer:
    from penstock.cli.commands.mutating import MOST, Wish, mutated  # noqa: PLC0415 - `check` needs no DuckDB

    with opened(project) as place:
        return mutated(door, place, datasets, Wish(min_score=min_score, add=add, most=most or MOST))


@click.command(epilog="Example: penstock docs")
@project_option
@answering
def docs(door: Door, project: str | None) -> Answer:
    """Write architecture.md and each pipeline's page anew from the project's files."""
    del door
    with opened(project) as place:
        changed = checking.write_docs(place)
    text = "\n".join(f"wrote {path}" for path in changed) or "everything was up to date"
    return Answer(result={"written": list(changed)}, text=text)
