"""Texts that somebody could give as a name or a value to get out of it: seeded; none is empty or holds NUL."""

from __future__ import annotations

import random

SEED = 20101201

WHOLE = (
    '"; DROP TABLE canary; --',
    "'; DROP TABLE canary; --",
    '" AS x; DROP TABLE canary; SELECT "',
    "' || (SELECT secret FROM canary) || '",
    "') ; DELETE FROM canary; --",
    '") FROM canary; DROP TABLE canary; --',
    "*/ DROP TABLE canary; /*",
    "x\n; DROP TABLE canary\n;",
    "$tags$; DROP TABLE canary; $tags$",
    "\\'; DROP TABLE canary; --",
    "\\",
    "E'\\x27'",
    "U&'\\0027'",
    "${canary}",
    "{table}",
    "{{ canary }}",
    "%s",
    "%(canary)s",
    "%",
    "?",
    "$1",
    ":canary",
    "@canary",
    "#",
    "*",
    ".",
    "..",
    "../../canary",
    "a/b",
    "a.b",
    '"."',
    "-- ",
    "/*",
    "--",
    ";",
    "'",
    '"',
    '""',
    "''",
    "`canary`",
    "[canary]",
    "select",
    "SELECT",
    "table",
    "null",
    "NULL",
    "rowid",
    "true",
    "canary",
    "CANARY",
    "main",
    "c0",
    "n",
    "o",
    "w",
    "t0",
    "d",
    "staging",
    "_staging",
    "rows",
    "held",
    "new",
    "offset",
    "interval_start",
    "ﬁle",
    "ｓｅｌｅｃｔ",
    "ＤＲＯＰ",
    "‘; DROP TABLE canary; --",
    "“canary”",
    "ʼ",
    "раураl",
    "ß",
    "İ",
    "ǅ",
    "é",
    "é",
    "🙂",
    "👩‍👩‍👧",
    "\u202egnp.elbat",
    "\u200b",
    "\ufeff",
    "\u2028",
    " ",
    "  padded  ",
    "\t",
    "\r\n",
    "\x01\x02\x7f",
    "\x1a",
    "\x1b[31m",
    "\x85",
    "1",
    "-1",
    "1e5",
    "0x1",
    "٣",
    "=1+1",
)
_PIECES = (
    *"\"'`;,.()[]{}$%?:@#*/\\|&=<>+-_ ~^!",
    "--", "/*", "*/", "$$", "$tags$", "''", '""', "\n", "\r", "\t", "\x0b", "\x08", "\x1a", "\x1b", "\x7f", "\x85",
    "DROP TABLE canary", "DELETE FROM canary", "SELECT * FROM canary", "UNION ALL", " OR 1=1", "COMMIT", "ATTACH 'x'",
    "canary", "select", "from", "%s", "%(x)s", "{table}", "{0}", "${x}", "$1", "?1", "\\x27", "\\u0027", "\\", "\\n",
    "’", "＂", "＇", "；", "−−", "🙂", "é", "é", "ı", "ﬀ", "\u202e", "\u200f", "\u200d", "\u2029", "\U000e0041",
    "a", "B", "9", "٣", "名",
)  # fmt: skip
LONGEST = 3000


def hostile_text(place: int, turn: int) -> str:
    """The text of one turn at one place: in turn one that is known to break something somewhere, and one put together.

    Each place meets the known ones in another order, and all of them in twice as many turns as there are.
    """
    if turn % 2 == 0:
        return WHOLE[(turn // 2 + 7 * place) % len(WHOLE)]
    return _put_together(random.Random(f"{SEED} {place} {turn}"))


def _put_together(chance: random.Random) -> str:
    shape = chance.random()
    text = "".join(chance.choice(_PIECES) for _ in range(chance.randint(1, 8)))
    if shape < 0.06:
        return (text * LONGEST)[: chance.randint(200, LONGEST)]
    if shape < 0.2:
        return f'"{text}"'
    if shape < 0.34:
        return f"'{text}'"
    if shape < 0.5:
        return chance.choice(WHOLE) + text
    if shape < 0.55:
        return "".join(chr(chance.choice((chance.randint(1, 0x7F), chance.randint(0x80, 0xD7FF)))) for _ in range(6))
    return text
