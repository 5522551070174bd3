"""Values of a column that lie just below, at and above everything that queries compare it with."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING

from penstock.contract.column_types import is_float, is_number, normal_type
from penstock.sql.conjunctions import Relation

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from penstock.model.intervals import Interval
    from penstock.sql.boundaries import Marks
    from penstock.sql.conjunctions import Wish

_DAY = datetime(2024, 1, 10, 10, 30)  # noqa: DTZ001 - a made-up moment of a column without a zone
_EDGES = ("2023-12-31 23:59:59", "2024-01-01 00:00:00", "2024-01-31 12:00:00", "2024-02-29 00:00:00")
_WORDS = ("a", "B", "a b", " a", "")
_LONGEST = 60
_TRUE_WORDS = ("true", "false")


def typical(kind: str) -> str:
    """A value of a type that nothing is known about.

    >>> typical("BIGINT"), typical("DATE")
    ('1', '2024-01-10')
    """
    return candidates(kind, None, None)[0]


def candidates(kind: str, marks: Marks | None, interval: Interval | None) -> tuple[str, ...]:
    """Values of a DuckDB type as text, those near the marks first; at least one."""
    family = _family(kind)
    values = _MAKERS[family](kind, marks, interval)
    return tuple(dict.fromkeys(values))


def meeting(kind: str, wish: Wish) -> str | None:
    """A value of a DuckDB type, as text, that stands to a literal as wished; None if there is none.

    >>> from penstock.sql.conjunctions import Relation
    >>> meeting("INTEGER", Wish(column="deaths", relation=Relation.ABOVE, literal="9"))
    '10'
    """
    if wish.relation is Relation.LIKE:
        return like_example(wish.literal)
    family = _family(kind)
    if family == "text":
        return wish.literal + "x" if wish.relation is Relation.ABOVE else wish.literal
    away = {Relation.ABOVE: 1, Relation.BELOW: -1}.get(wish.relation, 0)
    if family == "number":
        number, step = _number(wish.literal), _step(kind)
        return None if number is None else _fitting(number + away * step, kind, step)
    if family in {"moment", "date"}:
        moment = _moment(wish.literal)
        return None if moment is None else _moved(moment, away, family)
    return wish.literal if family == "boolean" and wish.literal in _TRUE_WORDS else None


def _moved(moment: datetime, away: int, family: str) -> str | None:
    try:
        moved = moment + timedelta(days=away)
    except OverflowError:
        return None
    return str(moved.date() if family == "date" else moved)


def like_example(pattern: str) -> str:
    r"""A text that a LIKE pattern takes, with a backslash for its escape sign if it has one.

    >>> like_example(r"gift\_%"), like_example("C%")
    ('gift_x', 'Cx')
    """
    signs = iter(pattern)
    return "".join(next(signs, "") if sign == "\\" else {"%": "x", "_": "y"}.get(sign, sign) for sign in signs)


def _family(kind: str) -> str:
    normal = normal_type(kind) or kind.upper()
    if is_number(normal):
        return "number"
    if normal.startswith(("TIMESTAMP", "DATETIME")):
        return "moment"
    if normal.startswith(("STRUCT", "MAP", "UNION")) or normal.endswith("]"):
        return "nested"
    return {"DATE": "date", "BOOLEAN": "boolean", "TIME": "time", "UUID": "uuid", "BLOB": "text"}.get(normal, "text")


def _numbers(kind: str, marks: Marks | None, _: Interval | None) -> Iterator[str]:
    step = _step(kind)
    near = [number for text in _literals(marks) if (number := _number(text)) is not None]
    fine = [Decimal("0.5"), Decimal("1.005"), Decimal("2.675"), Decimal("-1.25")] if step < 1 else []
    tries = [item for number in near for item in (number, number - step, number + step, number + 1, -number)]
    for number in (*tries, *map(Decimal, (1, 0, 2, -1, 3, 7, 10)), *fine):
        if (text := _fitting(number, kind, step)) is not None:
            yield text


def _step(kind: str) -> Decimal:
    normal = normal_type(kind) or kind
    if is_float(normal):
        return Decimal("0.001")
    _, comma, scale = normal.rstrip(")").partition(",")
    return Decimal(1).scaleb(-int(scale)) if comma and scale.strip().isdigit() else Decimal(1)


def _fitting(number: Decimal, kind: str, step: Decimal) -> str | None:
    """The number as the type can hold it; None if it cannot."""
    normal = normal_type(kind) or kind
    try:
        rounded = number if is_float(normal) else number.quantize(step) if abs(number) < Decimal(10) ** 15 else None
    except InvalidOperation:  # more digits than a decimal of ours holds
        return None
    if rounded is None or (normal.startswith("U") and rounded < 0) or abs(rounded) > _largest(normal):
        return None
    return f"{rounded:f}"


def _largest(normal: str) -> Decimal:
    small = {"TINYINT": 127, "UTINYINT": 127, "SMALLINT": 32767, "USMALLINT": 32767, "INTEGER": 2**31 - 1}
    if normal in small:
        return Decimal(small[normal])
    if normal.startswith("DECIMAL("):
        width, _, scale = normal[8:].rstrip(")").partition(",")
        return Decimal(10) ** (int(width) - int(scale or 0)) - 1
    return Decimal(10) ** 15


def _number(text: str) -> Decimal | None:
    try:
        number = Decimal(text)
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def _literals(marks: Marks | None) -> tuple[str, ...]:
    return (*marks.numbers, *marks.texts) if marks is not None else ()


def _moments(_: str, marks: Marks | None, interval: Interval | None) -> Iterator[str]:
    yield from (str(moment) for moment in _instants(marks, interval))


def _dates(_: str, marks: Marks | None, interval: Interval | None) -> Iterator[str]:
    yield from (str(moment.date()) for moment in _instants(marks, interval))


def _instants(marks: Marks | None, interval: Interval | None) -> Iterator[datetime]:
    """Moments around the literals, the interval's ends, and where calendars turn over."""
    second, day = timedelta(seconds=1), timedelta(days=1)
    if interval is not None:
        start, end = (moment.replace(tzinfo=None) for moment in (interval.start, interval.end))
        yield from (start, start + second, start - second, end - second, end)
    else:
        yield _DAY
    for text in _literals(marks):
        written = _moment(text)
        if written is not None:
            yield written
            yield from (moved for step in (second, day) for moved in _around(written, step))
        number = _number(text)
        if number is not None and number == int(number):
            yield from _numbered(int(number))
    yield from (datetime.fromisoformat(text) for text in _EDGES)
    yield from (_DAY, _DAY + day, _DAY.replace(hour=0, minute=0))


def _around(moment: datetime, step: timedelta) -> Iterator[datetime]:
    """A step before and after a moment, where the calendar goes so far."""
    for sign in (-1, 1):
        with suppress(OverflowError):
            yield moment + sign * step


def _numbered(number: int) -> Iterator[datetime]:
    """Moments in which a number of years, months, days or hours lies, and those that far from a typical one."""
    if 1900 <= number <= 2100:
        yield from (datetime(number, 1, 1), datetime(number - 1, 12, 31, 23), datetime(number, 12, 31))  # noqa: DTZ001
    if 0 <= number <= 23:
        yield from (_DAY.replace(hour=number, minute=0), _DAY.replace(hour=max(number - 1, 0), minute=59))
    if 1 <= number <= 12:
        yield _DAY.replace(month=number)
    if 1 <= number <= 28:
        yield _DAY.replace(day=number)
    if 0 < number <= 4000:
        yield from (_DAY - timedelta(days=number + shift) for shift in (-1, 0, 1))
        yield _DAY + timedelta(days=number)


def _moment(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text.strip()).replace(tzinfo=None)
    except ValueError:
        return None


def _texts(_: str, marks: Marks | None, interval: Interval | None) -> Iterator[str]:
    if marks is None:
        yield from _WORDS
        return
    read_as = [kind for kind in marks.casts if _family(kind) != "text"]
    for pattern in marks.formats:
        yield from (moment.strftime(pattern) for moment in _instants(marks, interval))
    for kind in read_as:
        yield from candidates(kind, marks, interval)
    for text in marks.texts:
        yield from (text, text.swapcase(), f"{text} ", f"{text}x", text[:-1])
    for pattern in marks.patterns:
        yield from _matching(pattern)
    if marks.formats or read_as:
        return
    yield from (text for number in marks.numbers for text in _of_length(number))
    yield from _WORDS
    yield from marks.numbers


def _matching(pattern: str) -> Iterator[str]:
    """Texts that a LIKE or a regular expression of that kind may take, and some that it may not."""
    plain = "".join(sign for sign in pattern if sign not in "^$%_.*+?()[]{}|\\")
    filled = pattern.replace("%", "x").replace("_", "y")
    if "\\" in pattern:
        yield like_example(pattern)
    yield from (
        plain,
        plain.swapcase(),
        f"{plain}1",
        f"1{plain}",
        f"x{plain}x",
        filled,
        filled.swapcase(),
        "12345",
        "x12345",
        "abc",
    )


def _of_length(number: str) -> Iterator[str]:
    size = _number(number)
    if size is not None and 0 <= size <= _LONGEST:
        yield from ("abcdefghij"[:1] * max(int(size) + shift, 0) for shift in (0, 1, -1))
        yield ("abcdefghijklmnopqrstuvwxyz" * 3)[: int(size) + 2]


def _booleans(_: str, __: Marks | None, ___: Interval | None) -> Iterable[str]:
    return _TRUE_WORDS


def _times(_: str, marks: Marks | None, interval: Interval | None) -> Iterator[str]:
    yield from (str(moment.time()) for moment in _instants(marks, interval))


def _uuids(_: str, __: Marks | None, ___: Interval | None) -> Iterator[str]:
    yield from (f"00000000-0000-4000-8000-00000000000{digit}" for digit in range(4))


def _nested(kind: str, _: Marks | None, __: Interval | None) -> Iterator[str]:
    yield from ("[]", "[1]", "[1, 2]") if kind.rstrip().endswith("]") else ("{}",)


_MAKERS = {
    "number": _numbers,
    "moment": _moments,
    "date": _dates,
    "time": _times,
    "boolean": _booleans,
    "uuid": _uuids,
    "nested": _nested,
    "text": _texts,
}
