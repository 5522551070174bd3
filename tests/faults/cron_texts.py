"""Cron texts of every form that there is: a list by hand around clock changes, and as many more by chance as wanted."""

from __future__ import annotations

import re
from datetime import date
from typing import TYPE_CHECKING

from minute_walk import DAY, PRESETS, names_date

if TYPE_CHECKING:
    import random

BY_HAND = (
    *PRESETS,
    "@Daily",
    "* * * * *",
    "*/1 */1 * * *",
    "*/15 * * * *",
    "7,37 * * * *",
    "45-59/7 * * * *",
    "0 * * * sun",
    "5 * 30 * *",
    "0 5,* * * *",
    "30 1,*/1 * * *",
    "0 6 * * *",
    "0 0 * * *",
    "1 0 * * *",
    "59 23 * * *",
    "30 1 * * *",
    "0 2 * * *",
    "30 2 * * *",
    "0 3 * * *",
    "* 1 * * *",
    "* 2 * * *",
    "* 0 * * *",
    "*/10 1,2 * * *",
    "*/20 0-23 * * *",
    "0 */2 * * *",
    "30 1-3 * * *",
    "15,45 0,1,2,23 * * *",
    "0 22-23,0-2 * * *",
    "30 2 * * sun",
    "30 2 * * 7",
    "0 2 * * Mon-Fri",
    "0 2 * * 5-7",
    "0 2 * * fri-sun",
    "0 2 * * TUE-SUN/2",
    "0 2 31 * *",
    "30 1 30,31 12 *",
    "0 6,18 30 12 *",
    "0 0 1 jan *",
    "0 12 29 feb *",
    "0 0 29 2 */7",
    "30 2 10 3 0",
    "30 2 14 3,4,11 sun",
    "15 2 1-7 * sat",
    "0 2 */2 * 0",
    "0 2 * OCT-dec *",
    "0 1 27 10 1",
    "45 1 * */2 *",
    "10 2 8-14 * 1-5",
    "20 2 * * */2",
    "0 4 13 * fri",
    "0 0 1-31 * mon",
)

FEATURES = {
    "star": r"(^| )\*( |$)",
    "star with step": r"\*/([2-9]|\d\d)",
    "star with step 1": r"\*/1( |$|,)",
    "value": r"(^| )\d+( |$)",
    "list": r",",
    "range": r"\d-\d+( |$|,)",
    "range with step": r"\d-\d+/",
    "month by word": r"(?i)jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec",
    "weekday by word": r"(?i)sun|mon|tue|wed|thu|fri|sat",
    "capitals": r"[A-Z]",
    "range of words": r"(?i)[a-z]-[a-z]",
    "range that ends on sunday": r"(?i)-sun",
    "sunday as 7": r"(^| |,|-)7$",
    "both day fields": r"^\S+ \S+ \d\S* \S+ [^*]",
    "every hour": r"^\S+ (\S+,)?\*(/1)?[ ,]",
    "star in a list of hours": r"^\S+ (\d\S*,\*|\*,\d)",
    "preset": r"^@",
}
"""Every form of the syntax, as a pattern that finds it in a text."""

_FIRST = date(2008, 1, 1)
_MONTH_WORDS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAY_WORDS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")


def features_of(text: str) -> set[str]:
    return {name for name, pattern in FEATURES.items() if re.search(pattern, text)}


def texts(chance: random.Random, wanted: int) -> tuple[str, ...]:
    """At least `wanted` different texts: those by hand, and others by chance that name a date that exists."""
    found = dict.fromkeys(BY_HAND)
    while len(found) < wanted:
        text = " ".join((_minutes(chance), _hours(chance), _days(chance), _months(chance), _weekdays(chance)))
        if exists(text):
            found[text] = None
    return tuple(found)


def exists(text: str) -> bool:
    """Whether it names any date of eight years."""
    fields = text.split()
    return any(names_date(fields, _FIRST + count * DAY) for count in range(8 * 366))


def _minutes(chance: random.Random) -> str:
    return chance.choice(
        (
            str(chance.randrange(60)),
            str(chance.randrange(60)),
            str(chance.choice((0, 15, 30, 59))),
            f"*/{chance.choice((15, 20, 25, 30, 45, 59, 60))}",
            _range(chance, 0, 59, most=8),
            f"{_range(chance, 0, 59, most=40)}/{chance.randrange(7, 31)}",
            _list(chance, 0, 59, most=4),
        )
    )


def _hours(chance: random.Random) -> str:
    around_changes = str(chance.choice((0, 1, 2, 3, 23)))
    return chance.choice(
        (
            "*",
            around_changes,
            around_changes,
            str(chance.randrange(24)),
            f"*/{chance.randrange(2, 25)}",
            "*/1",
            _range(chance, 0, 23, most=6),
            f"{_range(chance, 0, 23, most=20)}/{chance.randrange(1, 7)}",
            _list(chance, 0, 23, most=4),
            f"{around_changes},*",
        )
    )


def _days(chance: random.Random) -> str:
    rare = (str(chance.randrange(1, 32)), _range(chance, 1, 31, most=10), _list(chance, 1, 31, most=4))
    return chance.choice(("*", "*", "*", f"*/{chance.randrange(1, 32)}", f"{_range(chance, 1, 31)}/3", *rare))


def _months(chance: random.Random) -> str:
    low, high = sorted((chance.randrange(12), chance.randrange(12)))
    by_words = (_cased(chance, _MONTH_WORDS[low]), f"{_cased(chance, _MONTH_WORDS[low])}-{_MONTH_WORDS[high]}")
    return chance.choice(
        ("*", "*", "*", "*", f"*/{chance.randrange(1, 13)}", _range(chance, 1, 12), _list(chance, 1, 12), *by_words)
    )


def _weekdays(chance: random.Random) -> str:
    low, high = sorted((chance.randrange(7), chance.randrange(7)))
    word = _cased(chance, _DAY_WORDS[low])
    by_words = (word, f"{word}-{_DAY_WORDS[high]}", f"{word}-sun", f"{_DAY_WORDS[high]},{word}")
    return chance.choice(
        ("*", "*", "*", "*", str(chance.randrange(8)), f"*/{chance.randrange(1, 8)}", _list(chance, 0, 7), *by_words)
    )


def _range(chance: random.Random, low: int, high: int, most: int | None = None) -> str:
    first = chance.randint(low, high)
    return f"{first}-{chance.randint(first, min(high, first + (high if most is None else most)))}"


def _list(chance: random.Random, low: int, high: int, most: int = 4) -> str:
    items = [str(chance.randint(low, high)) for _ in range(chance.randint(2, most))]
    return ",".join([*items[:-1], chance.choice((items[-1], _range(chance, low, high, most=3)))])


def _cased(chance: random.Random, word: str) -> str:
    return chance.choice((word, word.upper(), word.capitalize()))
