"""What the gates of each stage look at. Gathered by the stage, judged without looking anywhere else."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from penstock.model.masking import Degree

if TYPE_CHECKING:
    from collections.abc import Mapping
    from decimal import Decimal

    from penstock.model.findings import Finding, Place
    from penstock.model.pipelines import Project
    from penstock.model.stories import Criterion, Question, Story
    from penstock.policy.budgets import Burn
    from penstock.policy.dependencies.names import DependencyFile
    from penstock.policy.rules import Policy
    from penstock.policy.secret_patterns import Secret
    from penstock.quality.checks import CheckResult
    from penstock.quality.comparison import DatasetDiff
    from penstock.quality.exercise import Exercise
    from penstock.quality.mutation import MutationScore
    from penstock.quality.rerunning import Rerun
    from penstock.quality.slicing import SliceVerdict


@dataclass(frozen=True, slots=True, kw_only=True)
class DiscoveryFacts:
    """`open_questions` are those without an answer; `source_findings` what is wrong with the files themselves."""

    story: Story
    policy: Policy
    open_questions: tuple[Question, ...]
    source_findings: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class DesignFacts:
    """`touched` are the datasets the change makes or alters, `downstream` those that read them and move with them.

    `evidence_of` maps each criterion's id to what will prove it, `columns` each dataset that moves to its columns.
    """

    story: Story
    policy: Policy
    touched: tuple[str, ...]
    new: tuple[str, ...]
    downstream: tuple[str, ...]
    planned_files: tuple[str, ...]
    evidence_of: Mapping[str, str]
    base_files_edited_by_hand: tuple[str, ...] = ()
    columns: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandFacts:
    """A command that was run and recorded: `chunk` opens its output."""

    name: str
    argv: tuple[str, ...]
    exit_code: int
    chunk: str
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ExposedColumn:
    """A column that carries personal data by lineage and is not tagged as what it holds.

    `masked` is how far its values are masked, `tag` what its contract says all the same, `place` where it is written.
    """

    dataset: str
    column: str
    kind: str
    comes_from: str
    masked: Degree = Degree.CLEAR
    tag: str | None = None
    has_contract: bool = True
    place: Place | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FileEdit:
    """A file's text at the base revision and on the branch; None where it is not."""

    path: str
    before: str | None
    after: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpiringRows:
    """Rows of a dataset that another retention lets expire. `before` and `now` say for how long, `intervals` which."""

    dataset: str
    file: str
    before: str
    now: str
    intervals: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LeavingColumn:
    """A personal column that an export takes out unmasked: what it holds, and where it goes."""

    export: str
    file: str
    dataset: str
    column: str
    told: str
    target: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Leak:
    """A secret that something shows: what it seems to be, its length, and the masked place. Never its text."""

    where: str
    kind: str
    length: int
    place: Place
    noted: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class LostCommit:
    """A commit that was recorded of a branch and is not in it any more; `what` it was."""

    branch: str
    commit: str
    what: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ImplementationFacts:
    """`project` is the branch's model (None if it cannot be read); `changed_files` are those the branch touches.

    `authored_files` are those that its author wrote or took away. `added_text` is the branch's diff without context;
    `samples` are values of persons in what it adds as examples.
    `documented` and `documentable` count columns and datasets. `dependencies` are files that name packages, in the
    project and in the folders above it, `edits` the programs that the branch touches. `expiring` are rows kept today
    that another retention lets go, `lost_commits` recorded ones that their branch does not hold any more.
    `scanned` maps added lines to the secrets that the `scanner` (a tool's name, or empty) sees in them. `leaks` are
    secrets in recorded outputs and in queries as they run, without their text. `leaving` are personal
    columns that begin to leave unmasked by an export. `broken_for` says who is concerned by each breaking change of a
    contract, by dataset, kind of change and column.
    """

    story: Story
    policy: Policy
    base: Project | None
    project: Project | None
    lint: CommandFacts
    tests: CommandFacts
    changed_files: tuple[str, ...]
    planned_files: tuple[str, ...]
    added_text: str
    exposed: tuple[ExposedColumn, ...] = ()
    samples: tuple[Finding, ...] = ()
    author: str = ""
    documented: int = 0
    documentable: int = 0
    dependencies: tuple[DependencyFile, ...] = ()
    edits: tuple[FileEdit, ...] = ()
    expiring: tuple[ExpiringRows, ...] = ()
    lost_commits: tuple[LostCommit, ...] = ()
    scanned: Mapping[str, tuple[Secret, ...]] = field(default_factory=dict)
    scanner: str = ""
    leaks: tuple[Leak, ...] = ()
    leaving: tuple[LeavingColumn, ...] = ()
    broken_for: Mapping[tuple[str, str, str], tuple[str, ...]] = field(default_factory=dict)
    authored_files: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CriterionResult:
    """How a criterion fared on the shadow data: `offending` rows (0 is met), with a few `examples` as text."""

    criterion: Criterion
    offending: int
    examples: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Multiplying:
    """A join that repeats rows: where it stands, how many key values repeat at most, and some of them."""

    dataset: str
    file: str
    line: int
    excerpt: str
    joined: str
    copies: int
    examples: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rehearsal:
    """A promotion and its rollback, tried in a sandbox. Digests are of everything readers see, before and after."""

    before: str
    promoted: str
    after: str
    promote_ms: int
    rollback_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Readiness:
    """How a pipeline would keep its `ready_by`: of `intervals` in the days to come, `late` would not be there in time.

    `first_late` is the first of those, `worst` by how much the latest one would be late (None: it would never come),
    `typical` how long a run takes.
    """

    pipeline: str
    ready_by: str
    intervals: int
    late: int = 0
    first_late: str = ""
    worst: timedelta | None = timedelta(0)
    typical: timedelta = timedelta(0)

    @property
    def in_time(self) -> float:
        """The share of intervals in time, from 0 to 1."""
        return 1 - self.late / self.intervals if self.intervals else 1.0

    def to_json(self) -> dict[str, Any]:
        """As plain values; times in whole seconds."""
        return {
            "ready_by": self.ready_by,
            "intervals": self.intervals,
            "late": self.late,
            "first_late": self.first_late or None,
            "worst_seconds": None if self.worst is None else round(self.worst.total_seconds()),
            "typical_seconds": round(self.typical.total_seconds()),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewFacts:
    """What the shadow run beside production showed. `diffs` hold every dataset that exists on both sides.

    `files` maps datasets to the files that make them, `reads` to the datasets they read directly; `removed` are those
    that the change takes away. `outside` holds what moved outside of the rows that the impact names. `exercises` say of
    each query that changed whether the data went through what changed, `slices` of each dataset that is built slice by
    slice whether that makes what one build makes, `mutations` what data tests notice of faults in edited lines.
    `quarantined` are the rows put aside in production and by the change, of datasets that have any. `reruns` say what a
    second build of a run of them made and took, `readiness` how touched pipelines would keep their time to be ready by.
    `irreversible` are steps that no rollback takes back. `copied` are rows of real persons in data tests.
    """

    story: Story
    policy: Policy
    run_findings: tuple[Finding, ...]
    checks: Mapping[str, tuple[CheckResult, ...]]
    score: Decimal
    diffs: tuple[DatasetDiff, ...]
    new_datasets: tuple[str, ...]
    criteria: tuple[CriterionResult, ...]
    rehearsal: Rehearsal | None
    multiplying: tuple[Multiplying, ...] = ()
    files: Mapping[str, str] = field(default_factory=dict)
    reads: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    removed: tuple[str, ...] = ()
    exercises: tuple[Exercise, ...] = ()
    outside: tuple[DatasetDiff, ...] = ()
    slices: tuple[SliceVerdict, ...] = ()
    mutations: tuple[MutationScore, ...] = ()
    quarantined: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    reruns: tuple[Rerun, ...] = ()
    readiness: tuple[Readiness, ...] = ()
    readiness_before: Mapping[str, Readiness] = field(default_factory=dict)
    irreversible: tuple[str, ...] = ()
    copied: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalFacts:
    """One approval found: who, with which key and role, and which review envelope it was given for.

    `fault` says why it or its key has ended, if it has.
    """

    name: str
    key_id: str
    role: str
    envelope_sha256: str
    valid_signature: bool
    groups: tuple[str, ...] = ()
    fault: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class WaiverFacts:
    """One waiver found: the digests of the findings of a gate that it covers, who signed it, why, until when.

    `fault` says why it counts for nothing, if it does; `sha256` is its envelope's.
    """

    gate: str
    findings: frozenset[str]
    by: str
    reason: str
    until: str
    sha256: str
    fault: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeploymentFacts:
    """`changed_since_review` are files whose bytes are no longer those reviewed, `changed_versions` datasets whose rows
    are not; `base_conflicts` are files that moved beneath the change, or, if it is `merged_by_hand` already, stand
    otherwise than it was reviewed.

    `labels` say what the change is besides, `irreversible` which steps no rollback takes back; `waivers` are those on
    which its stages passed.
    """

    story: Story
    policy: Policy
    author: str
    author_key_id: str
    review_envelope_sha256: str
    approvals: tuple[ApprovalFacts, ...]
    changed_since_review: tuple[str, ...] = ()
    base_conflicts: tuple[str, ...] = ()
    merged_by_hand: bool = False
    changed_versions: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    irreversible: tuple[str, ...] = ()
    waivers: tuple[WaiverFacts, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RolloutFacts:
    """One interval of a step before the promotion, built for production's versions and for the change's.

    `production_findings` are of production's own run. `diffs` hold every dataset that exists on both sides, `outside`
    what moved outside of the rows that the impact names.
    """

    story: Story
    policy: Policy
    step: str
    interval: str
    production_findings: tuple[Finding, ...]
    run_findings: tuple[Finding, ...]
    checks: tuple[CheckResult, ...]
    objectives: tuple[Finding, ...]
    diffs: tuple[DatasetDiff, ...]
    outside: tuple[DatasetDiff, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ObservationFacts:
    """One interval of the observation window; `burns` say how far the window's error budgets are spent with it."""

    story: Story
    policy: Policy
    interval: str
    run_findings: tuple[Finding, ...]
    checks: tuple[CheckResult, ...]
    objectives: tuple[Finding, ...]
    burns: tuple[Burn, ...] = ()
