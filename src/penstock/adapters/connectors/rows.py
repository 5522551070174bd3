"""Rows as they come, written as Parquet bit by bit: what is in memory is bounded, and the connector waits meanwhile.

Invariants: a value becomes what was declared exactly, or the read fails and names its column; of rows with the same
key the one that came last stays; what nobody declared is refused, or kept in `_extra`.
"""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb

from penstock.adapters.connectors.values import as_json, as_text
from penstock.adapters.databases.texts import from_text
from penstock.model.sources import EXTRA
from penstock.sql.identifiers import literal, quote

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

MOST_ROWS, MOST_CHARACTERS = 20_000, 16_000_000
"""What is held before it is written."""
MOST_LINE = 1 << 28
TELL_EVERY = 0.2
PROGRESS = "_progress"
"""The file beside the rows that says how many there are by now."""
_ORDER = "_penstock_order"
_encoded = json.JSONEncoder(ensure_ascii=False).encode


class UnfitRowsError(Exception):
    """Rows are not what was declared; `code` says in which way, `column` which one it is about."""

    def __init__(self, code: str, message: str, column: str = "") -> None:
        super().__init__(message)
        self.code, self.column = code, column


class EnoughError(Exception):
    """As many rows as were wanted have come."""


class Rows:
    """Takes a connector's rows, and leaves them in one file of the types declared."""

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        output: Path,
        types: Mapping[str, str],
        *,
        key: Sequence[str] = (),
        ignored: Sequence[str] = (),
        evolves: bool = False,
        most: int | None = None,
    ) -> None:
        self.count = 0
        self._connection, self._output, self._folder = connection, output, output.parent
        self._types, self._key, self._most, self._evolves = dict(types), tuple(key), most, evolves
        self._makers = [(name, as_json if type_ == "JSON" else as_text) for name, type_ in types.items()]
        self._known = frozenset((*types, *ignored))
        self._lines: list[str] = []
        self._characters, self._parts, self._told = 0, list[Path](), time.monotonic()

    def take(self, item: Any) -> None:
        """Take what a connector gave: a row, or several as a list or an Arrow table.

        Raises:
            UnfitRowsError: it is none of these, or not as declared.
            EnoughError: no more are wanted.
        """
        if not self.count:  # from now on something is known of how fast they come
            self._told = time.monotonic()
        for row in _rows_of(item):
            self._add(row)
        if time.monotonic() - self._told > TELL_EVERY:
            self._tell()

    def finish(self) -> int:
        """Leave the rows at the output; how many there are."""
        self._flush()
        self._tell()
        if len(self._parts) == 1 and not self._key:
            self._parts[0].rename(self._output)
            return self.count
        files = ", ".join(literal(str(part)) for part in self._parts)
        rows = f"read_parquet([{files}])" if files else f"(SELECT {self._nothing()})"
        names = ", ".join(map(quote, self._landed()))
        newest = ""
        if self._key:
            columns = ", ".join(map(quote, self._key))
            newest = f"QUALIFY row_number() OVER (PARTITION BY {columns} ORDER BY {_ORDER} DESC) = 1"
        where = "" if files else "WHERE false"
        made = self._copy(f"SELECT {names} FROM {rows} {where} {newest}", self._output)
        for part in self._parts:
            part.unlink()
        return made

    def _add(self, row: dict[str, Any]) -> None:
        if self._most is not None and self.count >= self._most:
            raise EnoughError
        texts = [make(row.get(name)) for name, make in self._makers]
        if not self._known.issuperset(row):
            others = {str(name): value for name, value in row.items() if name not in self._known}
            if not self._evolves:
                raise UnfitRowsError("source.undeclared_field", _undeclared(others), next(iter(others)))
            texts.append(as_json(others))
        elif self._evolves:
            texts.append(None)
        line = _encoded(texts)
        self._lines.append(line)
        self._characters += len(line)
        self.count += 1
        if len(self._lines) >= MOST_ROWS or self._characters >= MOST_CHARACTERS:
            self._flush()

    def _flush(self) -> None:
        """Write what is held as one more part, of the types declared."""
        if not self._lines:
            return
        raw = self._folder / "_lines.json"
        raw.write_text("\n".join(self._lines), encoding="utf-8", errors="surrogatepass")
        part = self._folder / f"part-{len(self._parts)}.parquet"
        told = ", ".join(f"{expression} AS {quote(name)}" for name, expression in self._expressions())
        order = f", {self.count - len(self._lines)} + row_number() OVER () AS {_ORDER}" if self._key else ""
        try:
            self._copy(f"SELECT {told}{order} FROM {_lines_in(raw)}", part)
        except duckdb.Error as error:
            raise self._misfit(raw, error) from None
        self._parts.append(part)
        self._lines, self._characters = [], 0
        raw.unlink()

    def _expressions(self) -> Iterator[tuple[str, str]]:
        for number, (name, type_) in enumerate(self._types.items(), 1):
            yield name, from_text(f"line[{number}]", type_, name)
        if self._evolves:
            yield EXTRA, f"line[{len(self._types) + 1}]"

    def _landed(self) -> dict[str, str]:
        return {**self._types, **({EXTRA: "VARCHAR"} if self._evolves else {})}

    def _nothing(self) -> str:
        nulls = (f"CAST(NULL AS {type_}) AS {quote(name)}" for name, type_ in self._landed().items())
        return ", ".join((*nulls, *([f"0 AS {_ORDER}"] if self._key else [])))

    def _copy(self, query: str, path: Path) -> int:
        made = self._connection.execute(f"COPY ({query}) TO {literal(str(path))} (FORMAT parquet)").fetchone()
        return int(made[0]) if made else 0

    def _misfit(self, raw: Path, error: duckdb.Error) -> UnfitRowsError:
        """Which column it was about; the values themselves may be personal."""
        for name, expression in self._expressions():
            try:
                self._connection.execute(f"SELECT max(hash({expression})) FROM {_lines_in(raw)}").fetchall()
            except duckdb.Error:
                type_ = self._landed()[name]
                message = f"a value of {name} does not become {type_} without loss"
                return UnfitRowsError("source.value_mismatch", message, name)
        first = str(error).splitlines()[0]
        return UnfitRowsError("source.value_mismatch", f"rows cannot be written: {type(error).__name__} {first[:80]}")

    def _tell(self) -> None:
        self._told = time.monotonic()
        (self._folder / PROGRESS).write_text(str(self.count), encoding="ascii")


def _lines_in(raw: Path) -> str:
    options = f"format = 'newline_delimited', records = false, maximum_object_size = {MOST_LINE}"
    return f"read_json({literal(str(raw))}, {options}, columns = {{line: 'VARCHAR[]'}})"


def _rows_of(item: Any) -> Iterator[dict[str, Any]]:
    if isinstance(item, dict):
        yield item
    elif isinstance(item, list | tuple):
        for row in item:
            yield from _rows_of(row)
    elif hasattr(item, "to_pylist"):
        yield from item.to_pylist()
    else:
        message = f"it gives {type(item).__name__}, which is no row"
        raise UnfitRowsError("source.no_row", message)


def _undeclared(others: Mapping[str, Any]) -> str:
    names = ", ".join(sorted(others)[:8])
    return f"it gives {names}, which nobody declared"
