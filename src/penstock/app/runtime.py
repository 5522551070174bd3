"""The `Runtime` of delivery over the engine, the ledger and the embedded warehouse."""

from __future__ import annotations

import hashlib
import json
import time
from collections import Counter
from typing import TYPE_CHECKING, Any

from penstock.adapters.duckdb.scratch import MemoryEvaluator
from penstock.adapters.duckdb.warehouse import view_of
from penstock.app import planning, restating
from penstock.app.alerting import tell_of_failures
from penstock.app.copied_people import copied_people
from penstock.app.executing import outcome_of
from penstock.app.exercising import exercised
from penstock.app.foreseeing import foreseen
from penstock.app.machinery import executor_of, promote
from penstock.app.mutating import edited_lines, mutation_of
from penstock.app.profiles import look_at_sources
from penstock.app.rerunning import rerun
from penstock.app.slicing import prove_slices, sliced_datasets
from penstock.app.supervising import supervised
from penstock.engine.promotion import mapping_of
from penstock.engine.run import NO_FAULT, Request, RunReport
from penstock.model.environments import PRODUCTION
from penstock.model.findings import Finding, Place
from penstock.model.intervals import Interval, parse_moment
from penstock.model.pipelines import SqlTask
from penstock.model.sources import FileSource
from penstock.plan.versions import relation_of, versions_of
from penstock.policy.facts import CriterionResult, Multiplying, Rehearsal
from penstock.quality import checks as quality
from penstock.quality.comparison import compare, digest_query
from penstock.quality.comparison_sql import Side
from penstock.quality.masking import MASK
from penstock.quality.pictures import picture
from penstock.quality.setting import Setting
from penstock.quality.volume import judge_volume
from penstock.sql.identifiers import literal, quote
from penstock.sql.joins import fanout_probe, joins
from penstock.sql.query import parse_query
from penstock.sql.rewriting import rewrite_adhoc

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence
    from datetime import datetime
    from pathlib import Path

    from penstock.app.warehouses import ProjectWarehouse
    from penstock.app.wiring import Workplace
    from penstock.author.ports import RowEvaluator
    from penstock.delivery.ports import BuildOutcome
    from penstock.model.pipelines import Dataset, Project, Slo
    from penstock.model.stories import Story
    from penstock.plan.build import BuildPlan, Work
    from penstock.plan.versions import Version
    from penstock.policy.facts import Readiness
    from penstock.project.story_facts import SourceFacts
    from penstock.quality.checks import CheckResult
    from penstock.quality.comparison import DatasetDiff
    from penstock.quality.exercise import Exercise
    from penstock.quality.mutation import MutationScore
    from penstock.quality.pictures import Picture
    from penstock.quality.rerunning import Rerun
    from penstock.quality.slicing import SliceVerdict
    from penstock.sql.joins import Join

EXAMPLES = 3
MOST_FAULTS = 24
"""How many faults a review puts into one query: `penstock test --mutate` takes its time, a review is waited for."""


class EngineRuntime:
    """Runs, judges, compares and shows pipelines on one workplace."""

    def __init__(
        self,
        place: Workplace,
        progress: Callable[[Work, str], None] | None = None,
        arrived: datetime | None = None,
        reading: ProjectWarehouse | None = None,
    ) -> None:
        """`arrived` is up to when a story's files count as there (None: now); `reading` is asked for the warehouse."""
        self._reading = reading
        self._place = place
        self._progress = progress
        self._arrived = arrived
        self._seen: dict[str, tuple[Any, Any, Any]] = {}
        self.evaluate: RowEvaluator = MemoryEvaluator()

    @property
    def _warehouse(self) -> ProjectWarehouse:
        return self._reading or self._place.warehouse

    # -- before anything is built -------------------------------------------------------------------------------

    def source_facts(self, story: Story) -> tuple[Mapping[str, SourceFacts], tuple[Finding, ...], Mapping[str, object]]:
        """What is known of a story's files; looked up once for each story of a command."""
        key = repr((story.id, story.start, story.end, sorted(story.sources.items())))
        if key not in self._seen:
            since = Interval(parse_moment("2000-01-01"), self._arrived or self._place.clock.now())
            self._seen[key] = look_at_sources(story, self._place.root, since)
        return self._seen[key]

    # -- building -------------------------------------------------------------------------------------------------

    def plan(self, project: Project, until: datetime, select: frozenset[str] | None = None) -> BuildPlan:
        """What is missing up to a moment, as the sources' files are now."""
        return planning.plan(self._place.ledger, self._place.root, project, until, select)

    def build(
        self, project: Project, until: datetime, purpose: str, *, root: Path, select: frozenset[str] | None = None
    ) -> BuildOutcome:
        """Bring a project's versions up to `until`.

        Raises:
            KeyboardInterrupt: somebody asked the process to stop; the run is recorded as interrupted.
        """
        self._place.settle()
        restating.record(self._place.ledger, self._place.root, project, until, self._place.token)
        plan = self.plan(project, until, select)
        if plan.works and self._place.token_is_new():  # what a dead executor had published is known only now
            plan = self.plan(project, until, select)
        request = Request(purpose=purpose, project=project, plan=plan)
        if not plan.works:
            return outcome_of(plan, RunReport(run=request.run))
        executor = executor_of(self._place, root, project)
        with supervised(executor, self._place.ledger) as stop:
            running = executor.admit(request, self._progress)
            executor.drain()
        if stop.is_set():
            raise KeyboardInterrupt
        assert running.report is not None  # noqa: S101 - drained
        tell_of_failures(self._place, project, purpose, running.report.failures)
        return outcome_of(plan, running.report)

    def versions(self, project: Project) -> Mapping[str, str]:
        """Each dataset's version."""
        return {name: version.fingerprint for name, version in versions_of(project).items()}

    def covered_until(self, project: Project, pipeline: str) -> datetime | None:
        """How far a pipeline's built versions reach."""
        coverage = planning.coverage(self._place.ledger)
        versions = versions_of(project)
        ends = [
            interval.end
            for name, version in versions.items()
            if project.datasets[name].pipeline == pipeline
            for interval in coverage.covered(version)
        ]
        return max(ends, default=None)

    # -- judging --------------------------------------------------------------------------------------------------

    def judge(self, project: Project, interval: Interval | None = None) -> Mapping[str, tuple[CheckResult, ...]]:
        """Every contract check on what is built, on all rows or on an interval's."""
        results: dict[str, tuple[CheckResult, ...]] = {}
        versions = versions_of(project)
        relations = {name: version.relation for name, version in versions.items()}
        for name, version in versions.items():
            dataset = project.datasets[name]
            if dataset.contract is None:
                continue
            relation = _within(dataset, version.relation, interval)
            setting = Setting(until=interval.end if interval else None, relations=relations)
            plan = quality.compile_checks(dataset.contract, relation, setting)
            results[name] = quality.run_checks(plan, self._rows).results
        return results

    def quarantined(self, versions: Mapping[str, str]) -> Mapping[str, int]:
        """How many rows are put aside of each dataset's version."""
        found: Counter[str] = Counter()
        for each in self._warehouse.quarantine_sums():
            if versions.get(each.dataset) == each.version:
                found[each.dataset] += each.rows
        return found

    def compare(
        self, production: Mapping[str, str], project: Project, datasets: Sequence[str]
    ) -> tuple[DatasetDiff, ...]:
        """Production's version of each dataset against the project's, row by row."""
        versions = versions_of(project)
        return tuple(
            self.compare_relations(project.datasets[name], relation_of(name, production[name]), versions[name].relation)
            for name in datasets
        )

    def compare_outside(
        self, production: Mapping[str, str], project: Project, filters: Mapping[str, str]
    ) -> tuple[DatasetDiff, ...]:
        """The same for the rows alone that do not meet a dataset's predicate."""
        versions = versions_of(project)
        return tuple(
            self.compare_relations(
                project.datasets[name],
                _but(relation_of(name, production[name]), where),
                _but(versions[name].relation, where),
            )
            for name, where in sorted(filters.items())
        )

    def compare_relations(self, dataset: Dataset, old: str, new: str) -> DatasetDiff:
        """Two relations of one dataset."""
        contract = dataset.contract
        return compare(
            self._rows,
            dataset.name,
            Side(relation=old, columns=self._warehouse.columns(old)),
            Side(relation=new, columns=self._warehouse.columns(new)),
            key=contract.key if contract else (),
            masked=_personal(dataset),
        )

    def pictures(
        self, production: Mapping[str, str], project: Project, diffs: Sequence[DatasetDiff]
    ) -> tuple[Picture, ...]:
        """What to draw of each dataset that differs: totals over time and distributions, both sides."""
        versions = versions_of(project)
        return tuple(
            self._picture(diff, project.datasets[diff.dataset], old, versions[diff.dataset].relation)
            for diff in diffs
            if not diff.empty
            for old in (relation_of(diff.dataset, production[diff.dataset]),)
        )

    def _picture(self, diff: DatasetDiff, dataset: Dataset, old: str, new: str) -> Picture:
        before, after = (Side(relation=one, columns=self._warehouse.columns(one)) for one in (old, new))
        return picture(self._rows, diff, before, after, days=_days(dataset), masked=_personal(dataset))

    def exercise(self, old: Project, new: Project, moved: Mapping[str, bool], until: datetime) -> tuple[Exercise, ...]:
        """Whether the built rows went through what changed in each query."""
        return exercised(self._warehouse, old, new, moved, until)

    def slices(self, project: Project, datasets: Sequence[str]) -> tuple[SliceVerdict, ...]:
        """Those of the datasets that are built slice by slice, tried in several orders."""
        sliced = [name for name in sliced_datasets(project) if name in datasets]
        return prove_slices(self._warehouse, self._place.ledger, project, sliced)

    def reruns(self, old: Project, new: Project, datasets: Sequence[str]) -> tuple[Rerun, ...]:
        """One scheduled run of each dataset's query done again: whether it makes the same rows, and what it takes."""
        return rerun(self._warehouse, self._place.ledger, old, new, datasets)

    def copied(self, project: Project, files: Collection[str]) -> tuple[Finding, ...]:
        """Where data tests in these files hold rows of persons whom the built data has."""
        return copied_people(project, files, lambda sql, bound: self._warehouse.query(sql, bound)[1])

    def readiness(self, project: Project, pipelines: Sequence[str], *, seed: int) -> tuple[Readiness, ...]:
        """Whether the pipelines that promise a time to be ready by would keep it in the months to come."""
        return foreseen(self._place.ledger, project, pipelines, self._place.clock.now(), seed=seed)

    def mutations(self, old: Project, new: Project, datasets: Sequence[str]) -> tuple[MutationScore, ...]:
        """What data tests notice of faults put into the lines that are edited in these datasets' queries."""
        lines = {name: edited_lines(old.datasets[name], new.datasets[name]) for name in datasets}
        return mutation_of(new, [name for name in datasets if lines[name]], lines=lines, most=MOST_FAULTS)

    def criteria(self, story: Story, project: Project) -> tuple[CriterionResult, ...]:
        """Each acceptance criterion on the built versions."""
        relations = {name: version.relation for name, version in versions_of(project).items()}
        personal = frozenset(name for dataset in project.datasets.values() for name in _personal(dataset))
        results = []
        for criterion in (*story.criteria, *story.standing):
            if criterion.sql is None:
                continue
            sql = rewrite_adhoc(criterion.sql.strip().rstrip(";"), relations)
            offending = int(self._rows(f"SELECT count(*) FROM ({sql}) AS offending")[0][0])
            names, rows = self._warehouse.query(f"SELECT * FROM ({sql}) AS offending LIMIT {EXAMPLES}")
            examples = tuple(_example(names, row, personal) for row in rows)
            results.append(CriterionResult(criterion=criterion, offending=offending, examples=examples))
        return tuple(results)

    def multiplying(self, old: Project, new: Project) -> tuple[Multiplying, ...]:
        """Joins that the new queries have and the old ones had not, and whose right side repeats keys."""
        versions = versions_of(new)
        found = []
        for name, dataset in new.datasets.items():
            if not isinstance(dataset.task, SqlTask):
                continue
            before = old.datasets.get(name)
            known = _joins_of(before) if before else ()
            known_keys = {(join.right_dataset, join.keys, join.conditions) for join in known}
            for join in _joins_of(dataset):
                if (join.right_dataset, join.keys, join.conditions) in known_keys:
                    continue
                rows = self._rows(fanout_probe(join, versions[join.right_dataset].relation))
                if rows:
                    found.append(_multiplying(dataset, join, rows, _personal(new.datasets[join.right_dataset])))
        return tuple(found)

    def rehearse(self, change: str, old: Mapping[str, str], new: Mapping[str, str]) -> Rehearsal:
        """Promote and roll back in a sandbox environment, and compare what readers would have seen."""
        environment = f"rehearsal_{change.lower().replace('-', '_')}"
        self._show(environment, old, f"rehearse {change}: begin")
        before = self._state(environment, old)
        promote_ms = self._show(environment, new, f"rehearse {change}: promote")
        promoted = self._state(environment, new)
        rollback_ms = self._show(environment, old, f"rehearse {change}: roll back")
        after = self._state(environment, old)
        self._show(environment, {}, f"rehearse {change}: end")
        return Rehearsal(before=before, promoted=promoted, after=after, promote_ms=promote_ms, rollback_ms=rollback_ms)

    def content(self, project: Project, datasets: Sequence[str] | None = None) -> Mapping[str, tuple[int, str]]:
        """Rows and content digest of each built version, or of those of some datasets."""
        versions = versions_of(project)
        return {name: self._content(versions[name].relation) for name in (versions if datasets is None else datasets)}

    def objectives(self, project: Project, interval: Interval, seconds: float) -> tuple[Finding, ...]:
        """Objectives that an interval in production does not hold."""
        findings = []
        for slo in project.slos:
            dataset = project.datasets.get(slo.dataset)
            if dataset is None:
                continue
            if slo.max_runtime is not None and seconds > slo.max_runtime.total_seconds():
                findings.append(_too_slow(slo, seconds))
            rate = self._success_rate(versions_of(project)[dataset.name])
            if rate is not None and rate < slo.min_success_rate:
                findings.append(_too_often_failed(slo, rate))
            if not _closed_upstream(project, dataset, interval):
                volume = self._volume(project, dataset, slo, interval)
                findings += [volume] if volume is not None else []
        return tuple(findings)

    def tried(self, purpose: str) -> tuple[int, int]:
        """How many attempts of all runs of that purpose ended, and how many failed by a fault of their own."""
        ledger = self._place.ledger
        runs = [str(row["run"]) for row in ledger.rows("runs", purpose=purpose)]
        rows = [row for run in runs for row in ledger.rows("attempts", run=run)]
        ended = [row for row in rows if row["state"] in {"published", "failed"} and row["code"] not in NO_FAULT]
        return len(ended), sum(row["state"] == "failed" for row in ended)

    # -- showing --------------------------------------------------------------------------------------------------

    def production(self) -> Mapping[str, str]:
        """What production shows."""
        return mapping_of(self._place.ledger, PRODUCTION)

    def shown(self, environment: str) -> Mapping[str, str]:
        """What an environment shows."""
        return mapping_of(self._place.ledger, environment)

    def promote(self, mapping: Mapping[str, str], reason: str, environment: str = PRODUCTION) -> str:
        """Make an environment show exactly this."""
        return promote(self._place, mapping, reason, environment)

    def _show(self, environment: str, mapping: Mapping[str, str], reason: str) -> int:
        """Promote in an environment; how many milliseconds it took."""
        began = time.monotonic()
        self.promote(mapping, reason, environment)
        return int((time.monotonic() - began) * 1000)

    def _state(self, environment: str, mapping: Mapping[str, str]) -> str:
        """A digest of everything an environment's readers see: what the mapping shows, and which views there are."""
        seen: dict[str, object] = {name: self._content(view_of(name, environment)) for name in sorted(mapping)}
        seen[""] = self._warehouse.views(environment)
        return hashlib.sha256(json.dumps(seen, sort_keys=True).encode()).hexdigest()

    def _content(self, relation: str) -> tuple[int, str]:
        columns = self._warehouse.columns(relation)
        rows = int(self._rows(f"SELECT count(*) FROM {relation}")[0][0])
        return rows, str(self._rows(digest_query(relation, columns))[0][0])

    def _rows(self, sql: str) -> list[tuple[Any, ...]]:
        return self._warehouse.query(sql)[1]

    def _success_rate(self, version: Version) -> float | None:
        """The share of a version's slices whose last attempt published, crashes left out; None if none has ended."""
        rows = self._place.ledger.rows("attempts", dataset=version.dataset, version=version.fingerprint)
        ended = [row for row in rows if row["state"] in {"published", "failed"} and row["code"] not in NO_FAULT]
        last = {row["interval"]: row["state"] for row in sorted(ended, key=lambda row: str(row["started_at"]))}
        return list(last.values()).count("published") / len(last) if last else None

    def _volume(self, project: Project, dataset: Dataset, slo: Slo, interval: Interval) -> Finding | None:
        if slo.volume_tolerance is None or dataset.interval is None:
            return None
        relation = versions_of(project)[dataset.name].relation
        grain, column = dataset.interval.grain, quote(dataset.interval.column)
        sql = f"SELECT date_trunc({literal(str(grain))}, {column})::TIMESTAMP, count(*) FROM {relation} GROUP BY 1"
        counts = {parse_moment(moment): int(rows) for moment, rows in self._rows(sql)}
        return judge_volume(
            counts.get(interval.start, 0),
            [(moment, rows) for moment, rows in counts.items() if moment != interval.start],
            interval.start,
            tolerance=slo.volume_tolerance,
            history_length=slo.volume_history,
            dataset=dataset.name,
        )


def _but(relation: str, where: str) -> str:
    """A relation without the rows that meet a predicate."""
    return f"(SELECT * FROM {relation} WHERE ({where}\n) IS NOT TRUE)"


def _within(dataset: Dataset, relation: str, interval: Interval | None) -> str:
    if interval is None or dataset.interval is None:
        return relation
    column = quote(dataset.interval.column)
    start, end = (literal(moment.replace(tzinfo=None)) for moment in (interval.start, interval.end))
    return f"(SELECT * FROM {relation} WHERE {column} >= {start} AND {column} < {end})"


def _joins_of(dataset: Dataset) -> tuple[Join, ...]:
    if not isinstance(dataset.task, SqlTask):
        return ()
    return joins(parse_query(dataset.task.text, dataset.file, dataset=dataset.name))


def _days(dataset: Dataset) -> tuple[str, ...]:
    """The columns that may say when a row happened, the likeliest first."""
    contract = dataset.contract
    named = (dataset.interval.column if dataset.interval else None, contract.retention_column if contract else None)
    return (*(name for name in named if name), *(contract.key if contract else ()))


def _personal(dataset: Dataset) -> frozenset[str]:
    """The columns that the dataset's contract tags as personal."""
    columns = dataset.contract.columns if dataset.contract else ()
    return frozenset(column.name for column in columns if column.personal)


def _example(names: Sequence[str], row: Sequence[object], personal: frozenset[str]) -> str:
    """A row in words, without the values of personal columns."""
    shown = (f"{name}={MASK if name in personal else value}" for name, value in zip(names, row, strict=True))
    return ", ".join(shown)


def _multiplying(
    dataset: Dataset, join: Join, rows: Sequence[tuple[Any, ...]], personal: frozenset[str]
) -> Multiplying:
    keys = [column for _, column in join.keys]
    examples = tuple(f"{_example(keys, row[:-1], personal)} ({row[-1]} rows)" for row in rows[:EXAMPLES])
    return Multiplying(
        dataset=dataset.name,
        file=dataset.file,
        line=join.line,
        excerpt=join.excerpt,
        joined=join.right_dataset,
        copies=int(rows[0][-1]),
        examples=examples,
    )


def _closed_upstream(project: Project, dataset: Dataset, interval: Interval) -> bool:
    """Whether a source that the dataset comes from is closed on that interval, so that no rows are no fault."""
    todo, seen = [dataset.name], set[str]()
    while todo:
        name = todo.pop()
        task = project.datasets[name].task
        if isinstance(task, FileSource) and task.closed.holds(interval.start):
            return True
        fresh = [upstream for upstream in project.datasets[name].reads if upstream not in seen]
        seen.update(fresh)
        todo.extend(fresh)
    return False


def _too_often_failed(slo: Slo, rate: float) -> Finding:
    return Finding(
        code="slo.success_rate",
        message=f"{rate:.1%} of the slices were published",
        place=Place(file=slo.file, dataset=slo.dataset),
        found=f"{rate:.4f}",
        expected=f"at least {slo.min_success_rate}",
        remedy="look at why attempts failed, or lower the objective by a change",
    )


def _too_slow(slo: Slo, seconds: float) -> Finding:
    return Finding(
        code="slo.runtime",
        message=f"the run took {seconds:.1f} s",
        place=Place(file=slo.file, dataset=slo.dataset),
        found=f"{seconds:.1f} s",
        expected=f"at most {slo.max_runtime}",
        remedy="look at the slowest dataset: penstock run prints each; or raise the objective by a change",
    )
