"""What many changes come to: of each key the last row or that it is gone, spooled so that memory is bounded.

Invariants: the last change of a key wins, in the order they are given; a value that an update did not send is the one
that the row had before, never that of another row that had its key; what cannot be known from the changes is asked.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from penstock.adapters.databases.change_values import of_text
from penstock.sql.identifiers import literal, quote

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence
    from pathlib import Path

    import duckdb

MOST_ROWS, MOST_CHARACTERS = 20_000, 16_000_000
"""How much is held before it is written."""
LEAST_LINE = 1 << 20
AT_ONCE = 500
"""For how many keys the rows are asked in one question."""
_COLUMNS = "{seq: 'BIGINT', ended: 'BOOLEAN', id: 'VARCHAR', texts: 'VARCHAR[]', kept: 'BIGINT[]', moved: 'BOOLEAN'}"
_NOTHING = "0::BIGINT AS seq, false AS ended, '' AS id, []::VARCHAR[] AS texts, []::BIGINT[] AS kept, false AS moved"
_SAID = frozenset({"BOOLEAN", "DATE", "TIMESTAMP", "UUID", "VARCHAR", "TINYINT", "SMALLINT", "INTEGER", "BIGINT"})
"""Types of keys whose values every warehouse reads alike in a condition; DECIMAL is one too."""
_encoded = json.JSONEncoder(ensure_ascii=False).encode


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """What rows are: declared types by column, Postgres's names of theirs, and the columns of their key."""

    types: Mapping[str, str]
    native: Mapping[str, str]
    key: tuple[str, ...]

    def typed(self, name: str, texts: str) -> str:
        """A column's declared value, of a list of texts."""
        here = f"{texts}[{list(self.types).index(name) + 1}]"
        return of_text(here, self.native[name], self.types[name], name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Folded:
    """The rows that are there now, the keys of those that are not, and whether that is all there is."""

    rows: Path
    gone: Path
    anew: bool


class Folding:
    """Takes changes in their order, and folds them."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, folder: Path, shape: Shape) -> None:
        self.count, self.is_anew = 0, False
        self._connection, self._folder, self._shape = connection, folder, shape
        self._lines: list[str] = []
        self._characters, self._parts = 0, list["Path"]()

    def put(
        self, key: Sequence[str], row: Sequence[str | None], kept: Collection[int] = (), *, moved: bool = False
    ) -> None:
        """A row is this now; `kept` are the places of values that it keeps. `moved` if it had another key before."""
        self._add(gone=False, key=key, row=list(row), kept=[place + 1 for place in kept], moved=moved)

    def gone(self, key: Sequence[str]) -> None:
        """There is no row with this key any more."""
        values = dict(zip(self._shape.key, key, strict=True))
        self._add(gone=True, key=key, row=[values.get(name) for name in self._shape.types], kept=[], moved=False)

    def emptied(self) -> None:
        """There is no row at all any more."""
        self.is_anew = True
        self._lines, self._characters = [], 0
        for part in self._parts:
            part.unlink()
        self._parts = []

    def _add(self, *, gone: bool, key: Sequence[str], row: list[str | None], kept: list[int], moved: bool) -> None:
        self.count += 1
        said = {"seq": self.count, "ended": gone, "id": _encoded(list(key)), "texts": row, "kept": kept, "moved": moved}
        line = _encoded(said)
        self._lines.append(line)
        self._characters += len(line)
        if len(self._lines) >= MOST_ROWS or self._characters >= MOST_CHARACTERS:
            self._flush()

    def _flush(self) -> None:
        raw, part = self._folder / "_changes.json", self._folder / f"changes-{self.count}.parquet"
        texts = [line.encode() for line in self._lines]
        raw.write_bytes(b"\n".join(texts))
        longest = max(LEAST_LINE, *map(len, texts)) + 1  # DuckDB takes twice as much memory, whatever there is
        options = f"format = 'newline_delimited', maximum_object_size = {longest}, columns = {_COLUMNS}"
        self._copy(f"SELECT * FROM read_json({literal(str(raw))}, {options})", part)
        raw.unlink()
        self._parts.append(part)
        self._lines, self._characters = [], 0

    def folded(
        self, held: Callable[[str, Path], None], asked: Callable[[Sequence[Sequence[str]], Path], None]
    ) -> Folded:
        """What the changes come to.

        `held` writes the rows of a condition that are held already to a file, `asked` those of some keys as the table
        has them now.
        """
        self._open()
        last = "changes AS c JOIN ends AS e ON c.seq = e.seq"
        gone, files = self._folder / "gone.parquet", [self._folder / "complete.parquet"]
        self._copy(f"SELECT {self._typed('c')} FROM {last} WHERE NOT c.ended AND len(c.kept) = 0", files[0])
        run = self._connection.execute
        run(f"CREATE TABLE absent AS SELECT {self._keys('c')} FROM {last} WHERE c.ended")
        run(f"CREATE TABLE partial AS SELECT c.*, e.after FROM {last} WHERE NOT c.ended AND len(c.kept) > 0")
        if self._rows("SELECT 1 FROM partial LIMIT 1"):
            files += self._filled(held, asked)
        self._copy("SELECT * FROM absent", gone)
        rows = self._folder / "rows.parquet"
        self._copy(f"SELECT * FROM {_files(files)}", rows)
        return Folded(rows=rows, gone=gone, anew=self.is_anew)

    def _open(self) -> None:
        """All changes as `changes`, and as `ends` the last one of each key, and the last one that ended a row of it."""
        if self._lines:
            self._flush()
        found = _files(self._parts) if self._parts else f"(SELECT {_NOTHING} WHERE false)"
        self._connection.execute(f"CREATE VIEW changes AS SELECT * FROM {found}")
        self._connection.execute(
            "CREATE TABLE ends AS SELECT id, max(seq) AS seq, coalesce(max(seq) FILTER (ended), 0) AS after "
            "FROM changes GROUP BY id"
        )

    def _filled(
        self, held: Callable[[str, Path], None], asked: Callable[[Sequence[Sequence[str]], Path], None]
    ) -> list[Path]:
        """The rows that lack values: from earlier changes of theirs, from what is held, or from the table itself."""
        self._resolve()
        files = [self._folder / "known.parquet"]
        self._copy(f"SELECT {self._typed('r')} FROM resolved AS r WHERE len(r.open) = 0", files[0])
        if not self.is_anew and self._can_say_keys():
            files += self._from_held(held)
        keys = [json.loads(row[0]) for row in self._rows("SELECT id FROM resolved WHERE len(open) > 0 ORDER BY seq")]
        return files + self._from_table(keys, asked)

    def _resolve(self) -> None:
        """Fill in what earlier changes of the same row say; `open` is what they do not."""
        run = self._connection.execute
        run(
            "CREATE TABLE line AS SELECT c.id, c.seq, c.texts, c.kept, c.moved FROM changes AS c "
            "JOIN partial AS p ON c.id = p.id AND NOT c.ended AND c.seq > p.after"
        )
        run(
            "CREATE TABLE found AS SELECT id, map_from_entries(list((place, value))) AS texts FROM ("
            "SELECT w.id, w.place, arg_max({v: line.texts[w.place]}, line.seq).v AS value "
            "FROM (SELECT id, unnest(kept) AS place FROM partial) AS w "
            "JOIN line ON line.id = w.id AND NOT list_contains(line.kept, w.place) GROUP BY ALL) GROUP BY id"
        )
        there = "coalesce(list_contains(map_keys(f.texts), {0}), false)"
        values = ", ".join(
            f"CASE WHEN {there.format(place)} THEN map_extract(f.texts, {place})[1] ELSE p.texts[{place}] END"
            for place in range(1, len(self._shape.types) + 1)
        )
        run(
            f"CREATE TABLE resolved AS SELECT p.id, p.seq, [{values}] AS texts, "
            f"list_filter(p.kept, lambda place: NOT {there.format('place')}) AS open, m.moved "
            "FROM partial AS p LEFT JOIN found AS f ON f.id = p.id "
            "JOIN (SELECT id, bool_or(moved) AS moved FROM line GROUP BY id) AS m ON m.id = p.id"
        )

    def _from_held(self, held: Callable[[str, Path], None]) -> list[Path]:
        """What is held of rows that never had another key."""
        typed = (self._shape.typed(name, "r.texts") for name in self._shape.key)
        texts = ", ".join(f"CAST({value} AS VARCHAR)" for value in typed)
        keys = self._rows(f"SELECT {texts} FROM resolved AS r WHERE len(r.open) > 0 AND NOT r.moved ORDER BY r.seq")
        files: list[Path] = []
        same = " AND ".join(
            f"CAST(h.{quote(name)} AS {self._shape.types[name]}) = {self._shape.typed(name, 'r.texts')}"
            for name in self._shape.key
        )
        for start in range(0, len(keys), AT_ONCE):
            there, filled = self._folder / "held.parquet", self._folder / f"filled-{start}.parquet"
            held(self._condition(keys[start : start + AT_ONCE]), there)
            joined = f"resolved AS r JOIN {_files([there])} AS h ON {same} WHERE len(r.open) > 0 AND NOT r.moved"
            self._copy(f"SELECT {self._typed('r', 'h')} FROM {joined}", filled)
            self._connection.execute(
                f"CREATE OR REPLACE TABLE resolved AS SELECT * REPLACE (CASE WHEN id IN (SELECT r.id FROM {joined}) "
                "THEN [] ELSE open END AS open) FROM resolved"
            )
            files.append(filled)
        return files

    def _from_table(
        self, keys: Sequence[Sequence[str]], asked: Callable[[Sequence[Sequence[str]], Path], None]
    ) -> list[Path]:
        """Rows as the table has them now; those that it has no more are gone: a later change will say so."""
        files: list[Path] = []
        for start in range(0, len(keys), AT_ONCE):
            path = self._folder / f"asked-{start}.parquet"
            asked(keys[start : start + AT_ONCE], path)
            files.append(path)
        if files:
            names = ", ".join(map(quote, self._shape.key))
            self._connection.execute(
                f"INSERT INTO absent SELECT {self._keys('r')} FROM resolved AS r WHERE len(r.open) > 0 "
                f"EXCEPT SELECT {names} FROM {_files(files)}"
            )
        return files

    def _keys(self, row: str) -> str:
        return ", ".join(f"{self._shape.typed(name, f'{row}.texts')} AS {quote(name)}" for name in self._shape.key)

    def _typed(self, row: str, held: str = "") -> str:
        """Every column of a row as it lands; from what is held, where it is open."""
        items = []
        for place, (name, type_) in enumerate(self._shape.types.items(), 1):
            value = self._shape.typed(name, f"{row}.texts")
            if held:
                there = f"CAST({held}.{quote(name)} AS {type_})"
                value = f"CASE WHEN list_contains({row}.open, {place}) THEN {there} ELSE {value} END"
            items.append(f"{value} AS {quote(name)}")
        return ", ".join(items)

    def _can_say_keys(self) -> bool:
        return all(self._shape.types[name].partition("(")[0] in {*_SAID, "DECIMAL"} for name in self._shape.key)

    def _condition(self, keys: Sequence[Sequence[str]]) -> str:
        """The rows with one of these keys, in the words of every warehouse."""
        types = [self._shape.types[name] for name in self._shape.key]
        names = [quote(name) for name in self._shape.key]
        said = [[_said(text, type_) for text, type_ in zip(key, types, strict=True)] for key in keys]
        if len(names) == 1:
            return f"{names[0]} IN ({', '.join(one[0] for one in said)})"
        pairs = (" AND ".join(f"{name} = {value}" for name, value in zip(names, one, strict=True)) for one in said)
        return " OR ".join(f"({pair})" for pair in pairs)

    def _rows(self, sql: str) -> list[tuple[str, ...]]:
        return self._connection.execute(sql).fetchall()

    def _copy(self, query: str, path: Path) -> None:
        self._connection.execute(f"COPY ({query}) TO {literal(str(path))} (FORMAT parquet)")


def _said(text: str, type_: str) -> str:
    return literal(text) if type_ == "VARCHAR" else f"CAST({literal(text)} AS {type_})"


def _files(paths: Sequence[Path]) -> str:
    return f"read_parquet([{', '.join(literal(str(path)) for path in paths)}])"
