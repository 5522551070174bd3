"""Reviews to write dossiers of: one of a change that does nothing, and of any other by what it says."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from penstock.author.authored import AuthoredFile
from penstock.delivery.changes import Change
from penstock.delivery.design import Design
from penstock.delivery.ports import BuildOutcome
from penstock.delivery.records import Output
from penstock.delivery.review import Review
from penstock.model.findings import Finding, Outcome, Place, Verdict
from penstock.model.pipelines import Dataset, Materialization, Pipeline, Project, Settings, SqlTask
from penstock.model.stories import Criterion, Story
from penstock.plan.changes import compare_projects
from penstock.policy import gates
from penstock.policy.facts import CriterionResult, Multiplying, Readiness, Rehearsal, ReviewFacts
from penstock.policy.rules import Policy
from penstock.quality.checks import CheckResult
from penstock.quality.comparison import ColumnMovement, DatasetDiff, RowExample
from penstock.quality.exercise import Comparison, Exercise, Grounds, PlaceSeen
from penstock.quality.pictures import Picture, Point, Trend
from penstock.quality.rerunning import Effort, NoRepeat, Repeat, Rerun
from penstock.quality.slicing import SliceOutcome, SliceVerdict, WhyNot
from penstock.sql.changes import ChangedPlace, ChangeKind

if TYPE_CHECKING:
    from collections.abc import Sequence

REVENUE = "sales.daily_revenue"
OUTPUTS = ("shadow run", "checks", "difference", "exercise", "slices", "faults", "criteria", "rehearsal")


def change(**values: Any) -> Change:
    given: dict[str, Any] = {
        **dict.fromkeys(("story_sha256", "base_commit", "until", "reason", "opened_at", "updated_at"), ""),
        **dict.fromkeys(("merge_commit", "promotion", "previous", "observe_from")),
        **{name: {} for name in ("passed", "commits", "entered", "outcomes", "observations", "compared")},
        "id": "RETAIL-2",
        "title": "Only products count",
        "story": "stories/RETAIL-2.md",
        "author": "ana",
        "base_branch": "main",
        "branch": "change/RETAIL-2",
        "stage": "review",
        "state": "waiting",
        "questions": (),
    }
    return Change(**{**given, **values})


def story(**values: Any) -> Story:
    given: dict[str, Any] = {
        "id": "RETAIL-2",
        "title": "Only products count",
        "kind": "change",
        "pipeline": "sales",
        "file": "stories/RETAIL-2.md",
        "text": "# Only products count\n\nPostage is not a product.",
        "front": {},
        "own": {},
        "owner": "sales-analytics",
    }
    return Story(**{**given, **values})


def dataset(name: str = REVENUE, sql: str = "SELECT 1 AS net", reads: Sequence[str] = ()) -> Dataset:
    pipeline, _, local = name.partition(".")
    task = SqlTask(text=sql, reads=tuple(reads), query_digest=sql, edits=())
    return Dataset(
        name=name, file=f"pipelines/{pipeline}/{local}.sql", task=task, materialization=Materialization.TABLE
    )


def project(*datasets: Dataset) -> Project:
    start = datetime(2010, 12, 1, tzinfo=UTC)
    sales = Pipeline(name="sales", file="pipelines/sales/pipeline.yaml", owner="sales", schedule=None, start=start)
    return Project(
        settings=Settings(name="retail"), pipelines={"sales": sales}, datasets={one.name: one for one in datasets}
    )


def diff(name: str = REVENUE, *columns: ColumnMovement, **values: Any) -> DatasetDiff:
    given: dict[str, Any] = {
        "old_rows": 100,
        "new_rows": 100,
        "added": 0,
        "removed": 0,
        "changed": 0,
        "examples": (),
        "dataset": name,
        "columns": columns,
    }
    return DatasetDiff(**{**given, **values})


def column(name: str = "net", old: int = 1000, new: int = 900, changed: int = 7) -> ColumnMovement:
    before, after = Decimal(old), Decimal(new)
    percent = Decimal(new - old) / old * 100
    return ColumnMovement(
        name=name, numeric=True, changed_rows=changed, percent=percent, old_total=before, new_total=after
    )


def picture(name: str = REVENUE, first: str = "2011-01-03", last: str = "2011-02-04") -> Picture:
    points = tuple(
        Point(start=f"2011-01-{day:02}", old=Decimal(day), new=Decimal(day + day % 2)) for day in range(1, 29)
    )
    trends = (Trend(column=None, span="day", points=points), Trend(column="net", span="day", points=points))
    return Picture(dataset=name, day="day", first=first, last=last, trends=trends)


def facts(**values: Any) -> ReviewFacts:
    given: dict[str, Any] = {
        "story": story(),
        "policy": Policy(),
        "run_findings": (),
        "checks": {},
        "score": Decimal(100),
        "diffs": (),
        "new_datasets": (),
        "criteria": (),
        "rehearsal": Rehearsal(before="1" * 64, promoted="2" * 64, after="1" * 64, promote_ms=12, rollback_ms=9),
    }
    return ReviewFacts(**{**given, **values})


def review(base: Project | None = None, after: Project | None = None, **values: Any) -> Review:
    """What was seen; values of `ReviewFacts` go there, `title` and `files` where they belong."""
    base, after = base or project(dataset()), after or project(dataset(sql="SELECT 2 AS net"))
    told = values.pop("told", story())
    planned = Design(
        story=told,
        files=values.pop(
            "files", (AuthoredFile(path="pipelines/sales/daily_revenue.sql", text="", group="pipelines"),)
        ),
        replaced=("pipelines/sales/daily_revenue.sql",),
        kept=(),
        base=base,
        project=after,
        difference=compare_projects(base, after),
    )
    own = {name: values.pop(name) for name in ("pictures", "consumers", "content") if name in values}
    return Review(
        planned=planned,
        shadow=BuildOutcome(run="r1", built={REVENUE: 3}, rows={}, checks={}, findings=(), seconds=1.25),
        production={},
        facts=facts(story=told, **values),
        outputs={name: Output(name=name, chunk=f"{at:012x}", path="") for at, name in enumerate(OUTPUTS)},
        until="2011-12-03",
        **{"content": {}, **own},
    )


def quiet_verdicts() -> tuple[Verdict, ...]:
    return tuple(Verdict(gate=name, outcome=Outcome.PASS, summary="holds.") for name in gates.REVIEW)


def moving() -> Review:
    """One dataset in which `net` falls by a tenth."""
    return review(diffs=(diff(REVENUE, column(), changed=7, examples=(example(),)),), pictures={REVENUE: picture()})


def example(old: str = "5", new: str = "4") -> RowExample:
    return RowExample(key=(("day", "2011-01-03"),), column="net", old=old, new=new)


def enormous() -> tuple[Review, tuple[Verdict, ...]]:
    """Everything moves, nothing holds, and everybody wrote long texts."""
    words = "a long sentence that says little " * 40
    names = [f"sales.table_{number:02}" for number in range(60)]
    base = project(*(dataset(name) for name in names))
    after = project(*(dataset(name, "SELECT 2 AS net", [names[at - 1]] if at else []) for at, name in enumerate(names)))
    place = ChangedPlace(kind=ChangeKind.FILTER, line=3, excerpt=words, old=words, new=words)
    finding = Finding(code="x", message=words, place=Place(file="a.sql", line=1, excerpt=words), found=words)
    columns = tuple(column(f"measure_{number}") for number in range(30))
    criteria = tuple(Criterion(id=f"A{number}", text=words, sql="x", story="RETAIL-2") for number in range(40))
    check = CheckResult(
        id="c",
        name="c",
        column=None,
        severity=finding.severity,
        failed_rows=1,
        total_rows=9,
        passed=False,
        message=words,
    )
    seen = review(
        base,
        after,
        told=story(text=words, title="Everything is different"),
        files=tuple(AuthoredFile(path=dataset(name).file, text="", group="pipelines") for name in names),
        diffs=tuple(diff(name, *columns, changed=9, examples=(example(words, words),) * 3) for name in names),
        pictures={name: picture(name) for name in names},
        checks=dict.fromkeys(names, (check,)),
        quarantined=dict.fromkeys(names, (1, 2)),
        criteria=tuple(CriterionResult(criterion=one, offending=3) for one in criteria),
        exercises=tuple(
            Exercise(
                dataset=name,
                file=dataset(name).file,
                comparison=Comparison.DIFFERENT,
                places=(PlaceSeen(place=place, grounds=Grounds.NO_ROW_CROSSED),) * 5,
            )
            for name in names
        ),
        multiplying=tuple(
            Multiplying(dataset=name, file="a.sql", line=9, excerpt=words, joined=name, copies=4, examples=())
            for name in names
        ),
        slices=tuple(
            SliceVerdict(dataset=name, file="a.sql", outcome=SliceOutcome.NOT_TRIED, why=WhyNot.NO_ROWS)
            for name in names
        ),
        reruns=tuple(
            Rerun(
                dataset=name,
                file="a.sql",
                repeat=Repeat.NOT_TRIED,
                why=NoRepeat.FAILS,
                effort=Effort(rows=3, seconds=1),
            )
            for name in names
        ),
        readiness=tuple(
            Readiness(pipeline=f"p{number}", ready_by="06:00", intervals=90, late=3) for number in range(20)
        ),
    )
    said = tuple(
        Verdict(gate=name, outcome=Outcome.FAIL, summary=words, findings=(finding,) * 30) for name in gates.REVIEW
    )
    return seen, said
