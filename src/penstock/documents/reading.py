"""YAML text to plain values with the line of every key, within bounds.

Invariants: only the safe tags are built; no alias is expanded more than `MAX_ALIASES` times; depth, size and node
count are bounded before any value exists (the C loader's own composer recurses and may crash, so events are used).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import yaml

from penstock.model.errors import InputError
from penstock.model.findings import Finding, Place

MAX_CHARACTERS = 1_000_000
MAX_DEPTH = 40
MAX_NODES = 50_000
MAX_ALIASES = 50

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_RESOLVER: Any = yaml.SafeLoader("")
Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Document:
    """A file's values (`data`) and where each stands (`marks`: path of keys and indexes to line and column from 1)."""

    file: str
    text: str
    data: Any
    marks: dict[Path, tuple[int, int]]
    first_line: int = 1

    def place(self, *path: str | int, dataset: str | None = None) -> Place:
        """The place of the value at `path`, or of the nearest value around it that stands in the text."""
        steps = path
        while steps and steps not in self.marks:
            steps = steps[:-1]
        line, column = self.marks.get(steps, (1, 1))
        lines = self.text.splitlines()
        excerpt = lines[line - 1].strip()[:160] if line <= len(lines) else None
        return Place(file=self.file, line=line + self.first_line - 1, column=column, excerpt=excerpt, dataset=dataset)


def read_yaml(text: str, file: str, *, first_line: int = 1) -> Document:
    """Parse one YAML document. `first_line` is the line of the file on which `text` begins.

    Raises:
        InputError: not YAML, more than one document, a duplicate key, an unknown tag, or beyond a bound.
    """
    if len(text) > MAX_CHARACTERS:
        raise _refused(file, first_line, f"{len(text):,} characters", f"at most {MAX_CHARACTERS:,}")
    if text.count("[") + text.count("{") > MAX_NODES:
        raise _refused(file, first_line, "too many brackets", f"at most {MAX_NODES:,}")
    builder = _Builder(file, text, first_line)
    try:
        data = builder.build()
    except yaml.YAMLError as error:
        raise InputError(_syntax_finding(error, file, text, first_line)) from error
    return Document(file=file, text=text, data=data, marks=builder.marks, first_line=first_line)


def split_front_matter(text: str, file: str) -> tuple[Document, str]:
    """A Markdown file's YAML front matter and the prose after it.

    Raises:
        InputError: there is no front matter between two `---` lines at the top, or it is not YAML.
    """
    lines = text.splitlines(keepends=True)
    ends = [number for number, line in enumerate(lines) if line.strip() == "---"]
    if len(ends) < 2 or ends[0] != 0:
        place = Place(file=file, line=1, excerpt=lines[0].strip() if lines else None)
        raise InputError(
            Finding(
                code="document.no_front_matter",
                message=f"{file} does not begin with front matter",
                place=place,
                expected="a line `---`, YAML, and another line `---`",
                remedy="put the structured part of the story between two `---` lines at the top",
            )
        )
    document = read_yaml("".join(lines[1 : ends[1]]), file, first_line=2)
    return document, "".join(lines[ends[1] + 1 :]).strip() + "\n"


class _Builder:
    """Builds values from parse events, keeping the mark of each path."""

    def __init__(self, file: str, text: str, first_line: int) -> None:
        self.file, self.text, self.first_line = file, text, first_line
        self.marks: dict[Path, tuple[int, int]] = {}
        self.anchors: dict[str, Any] = {}
        self.aliases = self.nodes = 0

    def build(self) -> Any:
        events: Any = yaml.parse(self.text, Loader=_LOADER)
        value: Any = None
        documents = 0
        for event in events:
            if isinstance(event, yaml.DocumentStartEvent):
                documents += 1
                if documents > 1:
                    raise self._error("a second YAML document", "one document", event)
                value = self._value(next(events), events, ())
        return value

    def _error(self, found: str, expected: str, event: Any) -> InputError:
        line = event.start_mark.line if event is not None and event.start_mark else 0
        return _refused(self.file, line + self.first_line, found, expected, self._excerpt(line))

    def _excerpt(self, line: int) -> str | None:
        lines = self.text.splitlines()
        return lines[line].strip()[:160] if line < len(lines) else None

    def _value(self, event: Any, events: Any, path: Path) -> Any:
        self.nodes += 1
        if self.nodes > MAX_NODES:
            raise self._error(f"more than {MAX_NODES:,} values", f"at most {MAX_NODES:,}", event)
        if len(path) > MAX_DEPTH:
            raise self._error(f"values nested more than {MAX_DEPTH} deep", f"at most {MAX_DEPTH} levels", event)
        self.marks.setdefault(path, (event.start_mark.line + 1, event.start_mark.column + 1))
        if isinstance(event, yaml.AliasEvent):
            self.aliases += 1
            if self.aliases > MAX_ALIASES:
                raise self._error(f"more than {MAX_ALIASES} aliases", f"at most {MAX_ALIASES}", event)
            if event.anchor not in self.anchors:
                raise self._error(f"alias *{event.anchor}", "an anchor of that name before it", event)
            return self._counted(self.anchors[event.anchor], event)
        if isinstance(event, yaml.ScalarEvent):
            value = self._scalar(event)
        elif isinstance(event, yaml.SequenceStartEvent):
            value = self._sequence(events, path)
        else:
            value = self._mapping(events, path)
        if event.anchor:
            self.anchors[event.anchor] = value
        return value

    def _counted(self, value: Any, event: Any) -> Any:
        """Count an alias as all the values it stands for, so that a bomb is refused while it is small."""
        todo = [value]
        while todo:
            item = todo.pop()
            self.nodes += 1
            if self.nodes > MAX_NODES:
                raise self._error(f"aliases that expand to more than {MAX_NODES:,} values", "fewer", event)
            if isinstance(item, dict):
                todo.extend(item.values())
            elif isinstance(item, list):
                todo.extend(item)
        return value

    def _sequence(self, events: Any, path: Path) -> list[Any]:
        items: list[Any] = []
        while not isinstance(event := next(events), yaml.SequenceEndEvent):
            items.append(self._value(event, events, (*path, len(items))))
        return items

    def _mapping(self, events: Any, path: Path) -> dict[str, Any]:
        items: dict[str, Any] = {}
        while not isinstance(event := next(events), yaml.MappingEndEvent):
            if not isinstance(event, yaml.ScalarEvent):
                raise self._error("a key that is not a word", "plain text keys", event)
            key = str(event.value)
            if key in items:
                raise self._error(f"key {key!r} twice", "each key once", event)
            mark: Any = event.start_mark
            self.marks[(*path, key)] = (mark.line + 1, mark.column + 1)
            items[key] = self._value(next(events), events, (*path, key))
        return items

    def _scalar(self, event: Any) -> Any:
        tag = event.tag
        if tag in {None, "!"}:
            tag = _RESOLVER.resolve(yaml.ScalarNode, event.value, event.implicit)
        kind = str(tag).rpartition(":")[2]
        if kind in {"int", "float"} and ":" in event.value:  # 16:30 is a time of day to everyone but YAML 1.1
            return str(event.value)
        if not str(tag).startswith("tag:yaml.org,2002:") or kind not in _SCALARS:
            raise self._error(f"tag {tag}", "plain values", event)
        node = yaml.ScalarNode(str(tag), event.value, event.start_mark, event.end_mark)
        try:
            value = _SCALARS[kind](node)
        except (ValueError, OverflowError, KeyError) as error:
            raise self._error(f"{event.value[:80]!r}", f"a valid {kind}", event) from error
        return value


_SCALARS: dict[str, Any] = {
    "str": _RESOLVER.construct_yaml_str,
    "int": _RESOLVER.construct_yaml_int,
    "float": _RESOLVER.construct_yaml_float,
    "bool": _RESOLVER.construct_yaml_bool,
    "null": _RESOLVER.construct_yaml_null,
    "timestamp": _RESOLVER.construct_yaml_timestamp,
}


def _refused(file: str, line: int, found: str, expected: str, excerpt: str | None = None) -> InputError:
    return InputError(
        Finding(
            code="document.refused",
            message=f"{file} holds {found}",
            place=Place(file=file, line=line, excerpt=excerpt),
            found=found,
            expected=expected,
            remedy="rewrite that part of the file; project files are small and plain",
        )
    )


def _syntax_finding(error: yaml.YAMLError, file: str, text: str, first_line: int) -> Finding:
    mark: Any = getattr(error, "problem_mark", None)
    line = mark.line if mark else 0
    lines = text.splitlines()
    excerpt = lines[line].strip()[:160] if line < len(lines) else None
    problem = getattr(error, "problem", None) or str(error).splitlines()[0]
    return Finding(
        code="document.not_yaml",
        message=f"{file} is not YAML: {problem}",
        place=Place(file=file, line=line + first_line, column=mark.column + 1 if mark else None, excerpt=excerpt),
        found=excerpt,
        expected="valid YAML",
        remedy="look at indentation, quotes and colons on that line and the one before",
    )
