"""In-toto v1 statements: what one stage of a change did, on what, and with what result.

Invariants: JSON and value map one to one (`from_json` refuses what `to_json` would not have written); a subject's name
is a relative path of a file unless it begins with one of `SCHEMES`; the commit is a subject too.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from penstock.evidence.canonical import canonical_bytes, digest
from penstock.evidence.shapes import ANY_TEXT, COMMIT, SHA256, Form, Shape
from penstock.model.errors import InputError
from penstock.model.intervals import parse_moment

if TYPE_CHECKING:
    from collections.abc import Mapping

    from penstock.model.findings import Finding

STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
PREDICATE_TYPE = "urn:penstock:evidence:v1"
SCHEMES = ("git", "plan", "version", "fingerprint", "envelope", "policy", "environment", "finding")
CHUNK_LENGTH = 12
COMMIT_SUBJECT = "git:commit"
POLICY_SUBJECT = "policy:base"
REMOVED = "git:removed/"
"""Before the path of a file that a change removes; its digest is that of no bytes."""
RESTORED = "git:restored/"
"""Before the path of a file that a rollback brought back: what later statements say of it, without vouching for it."""

FILE_NAME = Form(
    re.compile(
        r"(?!\.\.?(?:/|$))[^/\\:\x00-\x1f\x7f]+(?:/(?!\.\.?(?:/|$))[^/\\:\x00-\x1f\x7f]+)*",
    ),
    "a relative path without `..`",
)
_SUBJECT_NAME = Form(
    re.compile(rf"(?:{'|'.join(SCHEMES)}):[^\x00-\x1f\x7f]+|{FILE_NAME.pattern.pattern}"),
    f"a relative path without `..`, or a name after one of {' '.join(f'{scheme}:' for scheme in SCHEMES)}",
)


class Link(StrEnum):
    """What a statement is about, in the order in which a change goes through them."""

    DISCOVERY = "discovery"
    DESIGN = "design"
    IMPLEMENTATION = "implementation"
    REVIEW = "review"
    APPROVAL = "approval"
    DEPLOYMENT = "deployment"
    OBSERVATION = "observation"
    ROLLBACK = "rollback"
    WAIVER = "waiver"
    """A person's word that findings may stand: no step of the way, and so in none of its orders."""

    @property
    def rank(self) -> int:
        """Its place in the order, from 0."""
        return tuple(Link).index(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """A thing a statement is about, by name and SHA-256 of its bytes."""

    name: str
    sha256: str

    @property
    def file(self) -> str | None:
        """The path of the file it names, or None if it is not a file."""
        return None if ":" in self.name else self.name


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandRecord:
    """A command that ran: its arguments, how it ended, how long it took (ms), and the digest of its output.

    `chunk` is how people cite the output: the first twelve digits of `output_sha256`. `environment` is the digest of
    what it ran in: the system, Python and every package with its version.
    """

    argv: tuple[str, ...]
    exit_code: int
    duration_ms: int
    chunk: str
    output_sha256: str
    environment: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """One link of a change's evidence.

    `author` is who wrote the change (not who signs), `at` an ISO 8601 moment. `commit` is the head of the change's
    branch, never the commit that merges it. `previous` is the SHA-256 of the envelope file before this one. `verdicts`
    and `facts` hold JSON values without fractions.
    """

    change: str
    stage: Link
    at: str
    author: str
    project: str
    subjects: tuple[Subject, ...]
    base_commit: str | None = None
    commit: str | None = None
    commands: tuple[CommandRecord, ...] = ()
    verdicts: tuple[Any, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)
    previous: str | None = None


def review_seen(envelope: bytes) -> Subject:
    """The one subject of an approval: the review envelope that the approver saw."""
    return Subject(name="envelope:review", sha256=digest(envelope))


def finding_digest(finding: Mapping[str, Any]) -> str:
    """The SHA-256 by which a waiver names a finding, given as the JSON values that a verdict holds.

    The remedy is left out: other advice makes no other finding.
    """
    return digest(canonical_bytes({name: value for name, value in finding.items() if name != "remedy"}))


def to_json(statement: Statement) -> dict[str, Any]:
    """The statement as in-toto JSON values."""
    commit = [{"name": COMMIT_SUBJECT, "digest": {"gitCommit": statement.commit}}] if statement.commit else []
    subjects = [{"name": each.name, "digest": {"sha256": each.sha256}} for each in statement.subjects]
    return {
        "_type": STATEMENT_TYPE,
        "subject": commit + subjects,
        "predicateType": PREDICATE_TYPE,
        "predicate": {
            "change": statement.change,
            "stage": str(statement.stage),
            "at": statement.at,
            "author": statement.author,
            "project": statement.project,
            "base_commit": statement.base_commit,
            "commit": statement.commit,
            "commands": [_command_json(command) for command in statement.commands],
            "verdicts": list(statement.verdicts),
            "facts": dict(statement.facts),
            "previous": statement.previous,
        },
    }


def from_json(value: object, file: str) -> Statement:
    """The statement that in-toto JSON values stand for. `file` says in findings where they came from.

    Raises:
        InputError: a key is missing, unknown or of the wrong form; all such places are named.
    """
    findings: list[Finding] = []
    top = Shape(value, file, findings)
    top.constant("_type", STATEMENT_TYPE)
    top.constant("predicateType", PREDICATE_TYPE)
    subjects = _read_subjects(top)
    statement = _read_predicate(top.child("predicate"), subjects)
    top.close()
    if not findings and canonical_bytes(to_json(statement)) != canonical_bytes(value):
        top.note(
            "$.subject", "not what the predicate's commit asks for", f"{COMMIT_SUBJECT} first, if there is a commit"
        )
    if findings:
        raise InputError(tuple(findings))
    return statement


def _command_json(command: CommandRecord) -> dict[str, Any]:
    return {
        "argv": list(command.argv),
        "exit_code": command.exit_code,
        "duration_ms": command.duration_ms,
        "chunk": command.chunk,
        "output_sha256": command.output_sha256,
        **({"environment": command.environment} if command.environment is not None else {}),
    }


def _read_subjects(top: Shape) -> tuple[Subject, ...]:
    subjects: list[Subject] = []
    names: set[str] = set()
    for item in top.children("subject"):
        name = item.text("name", _SUBJECT_NAME)
        digests = item.child("digest")
        if "gitCommit" in digests.keys():  # noqa: SIM118 - a Shape is no mapping
            digests.text("gitCommit", COMMIT)
        else:
            subjects.append(Subject(name=name, sha256=digests.text("sha256", SHA256)))
        if name in names:
            item.note(item.at("name"), f"{name!r} a second time", "each name once")
        names.add(name)
        digests.close()
        item.close()
    if not names:
        top.note(top.at("subject"), "empty", "at least one subject")
    return tuple(subjects)


def _read_predicate(shape: Shape, subjects: tuple[Subject, ...]) -> Statement:
    statement = Statement(
        change=shape.text("change"),
        stage=_read_stage(shape),
        at=_read_moment(shape),
        author=shape.text("author"),
        project=shape.text("project"),
        subjects=subjects,
        base_commit=shape.text_or_null("base_commit", COMMIT),
        commit=shape.text_or_null("commit", COMMIT),
        commands=tuple(_read_command(each) for each in shape.children("commands")),
        verdicts=shape.values("verdicts"),
        facts=shape.mapping("facts"),
        previous=shape.text_or_null("previous", SHA256),
    )
    shape.close()
    return statement


def _read_stage(shape: Shape) -> Link:
    word = shape.text("stage", ANY_TEXT)
    try:
        return Link(word)
    except ValueError:
        shape.note(shape.at("stage"), repr(word[:80]), " | ".join(Link))
        return Link.DISCOVERY


def _read_moment(shape: Shape) -> str:
    text = shape.text("at", ANY_TEXT)
    try:
        parse_moment(text)
    except (ValueError, OverflowError):
        shape.note(shape.at("at"), repr(text[:80]), "an ISO 8601 moment")
    return text


def _read_command(shape: Shape) -> CommandRecord:
    command = CommandRecord(
        argv=shape.texts("argv"),
        exit_code=shape.integer("exit_code"),
        duration_ms=shape.integer("duration_ms", low=0),
        chunk=shape.text("chunk"),
        output_sha256=shape.text("output_sha256", SHA256),
        environment=shape.text("environment", SHA256) if "environment" in shape.keys() else None,  # noqa: SIM118
    )
    if command.chunk != command.output_sha256[:CHUNK_LENGTH]:
        shape.note(shape.at("chunk"), repr(command.chunk[:80]), f"the first {CHUNK_LENGTH} digits of output_sha256")
    shape.close()
    return command
