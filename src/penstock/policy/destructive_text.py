"""Where the text of a program destroys something: SQL that drops, truncates or deletes all, and commands that do so.

A statement counts where one can begin, so that prose about dropping a table does not; what a text makes itself it may
also take away. Of Python the literals are looked at, without docstrings.
"""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_NAME = r"(?P<name>(?:\"[^\"\n]{1,200}\"|`[^`\n]{1,200}`|[\w${}.-]{1,200})(?:\.\"[^\"\n]{1,200}\")?)"
_BEGIN = r"(?:^|[;\"'(]|\bEXECUTE\b)\s*"
_THINGS = r"(?:TABLE|VIEW|MATERIALIZED\s+VIEW|SCHEMA|DATABASE|SEQUENCE|FOREIGN\s+TABLE)"
_FLAGS = re.IGNORECASE | re.MULTILINE
_SQL: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("DROP", re.compile(rf"{_BEGIN}DROP\s+{_THINGS}\s+(?:IF\s+EXISTS\s+)?{_NAME}", _FLAGS)),
    (
        "DROP",
        re.compile(
            rf"{_BEGIN}ALTER\s+TABLE\s+(?:IF\s+EXISTS\s+)?{_NAME}\s+DROP\s+(?!CONSTRAINT|DEFAULT|NOT|INDEX)", _FLAGS
        ),
    ),
    ("TRUNCATE", re.compile(rf"{_BEGIN}TRUNCATE\s+TABLE\s+(?:IF\s+EXISTS\s+)?{_NAME}", _FLAGS)),
    ("TRUNCATE", re.compile(rf"{_BEGIN}TRUNCATE\s+(?!TABLE\b){_NAME}\s*(?:;|\"|'|$|CASCADE|RESTART)", _FLAGS)),
)
_DELETE = re.compile(rf"{_BEGIN}DELETE\s+FROM\s+(?:ONLY\s+)?{_NAME}(?P<rest>[^;]{{0,4000}})", _FLAGS)
_WHERE = re.compile(r"\bWHERE\b(?!\s+(?:TRUE|1\s*=\s*1)\s*(?:;|\"|'|$))", re.IGNORECASE)
_MADE = re.compile(
    rf"\bCREATE\s+(?:OR\s+REPLACE\s+)?(?:GLOBAL\s+|LOCAL\s+)?(?:TEMP(?:ORARY)?\s+|UNLOGGED\s+)?{_THINGS}\s+"
    rf"(?:IF\s+NOT\s+EXISTS\s+)?{_NAME}",
    re.IGNORECASE,
)
_RM = re.compile(r"(?<![\w./-])rm\s+(?P<flags>(?:-{1,2}[A-Za-z-]+\s+)+)(?P<target>\S+)")
_SCRATCH = re.compile(r"[\"']?(?:/tmp/|\$\{?(?:TMPDIR|TMP|TEMP|tmp|tmpdir|PENSTOCK_TEMP)\b|\$\(mktemp)")
_COMMANDS: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("dropdb", re.compile(r"(?<![\w./-])dropdb\s+\S")),
    ("find -delete", re.compile(r"(?<![\w./-])find\s[^|;&\n]{1,400}\s-delete\b")),
    ("a forced push", re.compile(r"\bgit\s+push\b[^|;&\n]{0,200}\s(?:--force(?:-with-lease)?\b|-f\b|\+\w)")),
    ("a recursive removal of objects", re.compile(r"\baws\s+s3\s+rm\b[^|;&\n]{0,400}\s--recursive\b")),
    ("a recursive removal of objects", re.compile(r"\b(?:gsutil|gcloud\s+storage)\b[^|;&\n]{0,100}\srm\s+-r")),
)
FULL_REFRESH = "a forced full refresh"
_REFRESH = re.compile(r"--full-refresh\b|\bfull_refresh\s*[=:]\s*(?:True|true|yes|1)\b")
_COMMENT = re.compile(r"^\s*(?:#|--|//).*$|\s#\s.*$|\s--\s.*$", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Destructive:
    """One such place: what it does, to what, and on which line."""

    what: str
    subject: str
    line: int

    @property
    def identity(self) -> tuple[str, str]:
        """The same place, wherever in the text it stands."""
        return self.what, self.subject


def destructive_places(path: str, text: str) -> tuple[Destructive, ...]:
    """Every place of a file's text, in its order."""
    if path.endswith(".py"):
        try:
            tree = ast.parse(text)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return tuple(_in_text(_without_comments(text), 1))
        return tuple(sorted(_in_python(tree, text), key=lambda one: one.line))
    return tuple(_in_text(_without_comments(text), 1))


def destructive_command(argv: tuple[str, ...]) -> tuple[Destructive, ...]:
    """What a program's own arguments destroy."""
    return tuple(_in_text(" ".join(argv), 1))


def _without_comments(text: str) -> str:
    return _COMMENT.sub("", text)


def _in_python(tree: ast.AST, text: str) -> Iterator[Destructive]:
    made = frozenset(_names_made(text))
    scratch = "tempfile" in text
    for written, line in _texts(tree):
        yield from _in_text(written, line, made=made)
    for node in ast.walk(tree):
        if isinstance(node, ast.List | ast.Tuple):
            yield from _in_shell(" ".join(_written(item) or "{}" for item in node.elts), node.lineno)
        elif isinstance(node, ast.Call) and _called(node) == "shutil.rmtree" and not scratch:
            target = ast.unparse(node.args[0])[:80] if node.args else ""
            yield Destructive(what="rmtree", subject=target, line=node.lineno)
        elif isinstance(node, ast.keyword) and node.arg == "full_refresh" and _is_true(node.value):
            yield Destructive(what=FULL_REFRESH, subject="", line=node.value.lineno)


def _texts(tree: ast.AST) -> Iterator[tuple[str, int]]:
    """Every text of a program with its line, sums of texts as one. What stands alone is no statement."""
    parts: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            parts.add(id(node.value))
        elif (
            id(node) not in parts
            and isinstance(node, ast.Constant | ast.JoinedStr | ast.BinOp)
            and (written := _written(node)) is not None
        ):
            parts |= {id(part) for part in ast.walk(node)}
            yield written, node.lineno


def _written(node: ast.AST) -> str | None:
    """A text, with {} for what is put into it."""
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else None
    if isinstance(node, ast.JoinedStr):
        return "".join(_written(part) or "{}" for part in node.values)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        left, right = _written(node.left), _written(node.right)
        return None if left is None and right is None else f"{left or '{}'}{right or '{}'}"
    return None


def _called(node: ast.Call) -> str:
    return ast.unparse(node.func) if isinstance(node.func, ast.Attribute) else ""


def _is_true(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is True


def _in_text(text: str, first: int, made: frozenset[str] = frozenset()) -> Iterator[Destructive]:
    found = [*_in_sql(text, first, made | frozenset(_names_made(text))), *_in_shell(text, first)]
    yield from sorted(found, key=lambda one: one.line)


def _in_sql(text: str, first: int, made: frozenset[str]) -> Iterator[Destructive]:
    for what, pattern in _SQL:
        for match in pattern.finditer(text):
            if _plain(match["name"]) not in made:
                yield Destructive(what=what, subject=match["name"], line=_line(text, match.start("name"), first))
    for match in _DELETE.finditer(text):
        if not _WHERE.search(match["rest"]) and _plain(match["name"]) not in made:
            line = _line(text, match.start("name"), first)
            yield Destructive(what="DELETE without WHERE", subject=match["name"], line=line)


def _in_shell(text: str, first: int) -> Iterator[Destructive]:
    for match in _RM.finditer(text):
        flags = match["flags"]
        letters = "".join(flag for flag in flags.split() if not flag.startswith("--"))
        recursive = re.search(r"[rR]", letters) or "--recursive" in flags
        if recursive and ("f" in letters or "--force" in flags) and not _SCRATCH.match(match["target"]):
            yield Destructive(what="rm -rf", subject=match["target"][:80], line=_line(text, match.start(), first))
    for what, pattern in (*_COMMANDS, (FULL_REFRESH, _REFRESH)):
        for match in pattern.finditer(text):
            yield Destructive(what=what, subject="", line=_line(text, match.start(), first))


def _names_made(text: str) -> Iterator[str]:
    """What a text creates; names with a placeholder in them may be anything."""
    for match in _MADE.finditer(text):
        if not re.search(r"[{}$]", match["name"]):
            yield _plain(match["name"])


def _plain(name: str) -> str:
    return re.sub(r"[\"`]", "", name).casefold()


def _line(text: str, at: int, first: int) -> int:
    return first + text.count("\n", 0, at)
