"""A person's answer to an open question, checked and turned into the value that it puts into the front matter."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from penstock.documents import read_yaml
from penstock.model.errors import InputError
from penstock.model.findings import Finding, Place
from penstock.model.schedule import ScheduleError, parse_schedule
from penstock.model.stories import Bound
from penstock.project.story import is_clock_time, is_retention
from penstock.sql.query import ExpressionError, expression_columns, parse_query

if TYPE_CHECKING:
    from collections.abc import Callable

    from penstock.model.stories import Question


def parse_answer(question: Question, text: str) -> object:
    """The value that `text` puts at `question.path`.

    Raises:
        InputError: the text is no answer of the kind that the question expects.
    """
    text = text.strip()
    if not text:
        raise _refused(question, text)
    return _PARSERS[question.code](question, text)


def _refused(question: Question, text: str, because: str = "") -> InputError:
    return InputError(
        Finding(
            code="story.bad_answer",
            message=f"{text[:80]!r} does not answer {question.id}" + (f": {because}" if because else ""),
            place=Place(field=question.path, line=question.line),
            found=text[:160],
            expected=question.expects,
            remedy=f"answer {question.id} again" + (f", perhaps {question.suggestion}" if question.suggestion else ""),
        )
    )


def _line_of_text(question: Question, text: str) -> str:
    if "\n" in text or len(text) > 200:
        raise _refused(question, text, "it is more than a short line")
    return text


def _when(is_one: Callable[[str], bool]) -> Callable[[Question, str], str]:
    def parse(question: Question, text: str) -> str:
        if not is_one(text):
            raise _refused(question, text)
        return text

    return parse


def _schedule(question: Question, text: str) -> str:
    cron, timezone = ("@daily", text) if question.path == "timezone" else (text.strip("\"'"), "UTC")
    try:
        parse_schedule(cron, timezone)
    except ScheduleError as error:
        raise _refused(question, text, str(error)) from error
    return text.strip("\"'")


def _choice(question: Question, text: str) -> str:
    if text not in question.choices:
        raise _refused(question, text)
    return text


def _column(question: Question, text: str) -> str:
    """A column of the header, or an expression over the columns there are."""
    if question.path.endswith(".header"):
        return _choice(question, text)
    try:
        missing = [column for column in expression_columns(text) if column not in question.choices]
    except ExpressionError as error:
        raise _refused(question, text, str(error)) from error
    if missing:
        raise _refused(question, text, f"there is no column {', '.join(missing)}")
    return text


def _declaration(question: Question, text: str) -> object:
    """`ignore`, or a column's declaration as a YAML mapping."""
    if text == "ignore":
        return {"ignore": True}
    value = _yaml(question, text)
    if not isinstance(value, dict) or not {"name", "type"} & set(value):
        raise _refused(question, text)
    return value


def _query(question: Question, text: str) -> str:
    try:
        parse_query(text, "answer")
    except InputError as error:
        raise _refused(question, text, "; ".join(finding.message for finding in error.findings)) from error
    return text


def _impact(question: Question, text: str) -> object:
    if text in {"any", "none", "new"}:
        return text
    value = _yaml(question, text)
    if not isinstance(value, dict) or not value or not set(value) <= {"rows", "columns"}:
        raise _refused(question, text)
    columns = value.get("columns") or {}
    bounds = [value["rows"]] if "rows" in value else []
    bounds += list(columns.values()) if isinstance(columns, dict) else [columns]
    for bound in bounds:
        try:
            Bound.parse(str(bound))
        except ValueError as error:
            raise _refused(question, text, str(error)) from error
    return value


def _yaml(question: Question, text: str) -> Any:
    try:
        return read_yaml(text, "answer").data
    except InputError as error:
        raise _refused(question, text, "; ".join(finding.message for finding in error.findings)) from error


_PARSERS: dict[str, Callable[[Question, str], object]] = {
    "story.no_owner": _line_of_text,
    "story.no_schedule": _schedule,
    "story.no_timezone": _schedule,
    "story.no_sla": _when(is_clock_time),
    "story.no_retention": _when(is_retention),
    "story.no_files": _line_of_text,
    "story.unknown_column": _column,
    "story.undeclared_column": _declaration,
    "story.personal_data": _choice,
    "story.unmeasurable": _query,
    "story.no_impact": _impact,
}
