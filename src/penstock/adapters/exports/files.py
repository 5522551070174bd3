"""Exports to Parquet and CSV files, with a manifest beside them that says what they hold.

Invariants: a file is whole from the moment it has its name; the manifest names the files that are about to come before
they come, and is replaced once all of them have; what stands in no manifest, or changed since, is not touched.
"""

from __future__ import annotations

import os
import re
import shutil
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

import duckdb

from penstock.adapters.exports import records
from penstock.adapters.exports.manifest import Entry, Manifest, read_manifest, write_manifest
from penstock.model.errors import InputError, RefusedError, RunError
from penstock.model.exports import ExportFormat
from penstock.model.findings import Finding, Place
from penstock.plan.exporting import Held, HeldPiece
from penstock.sql.identifiers import literal, quote

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from penstock.engine.exporting import Renewal
    from penstock.plan.exporting import Piece, Stamp

MEMORY_LIMIT = "1GB"
_PLACEHOLDER = re.compile(r"\{[^}]*\}")


@dataclass(slots=True, kw_only=True)
class FileSink:
    """A `Sink`. `path` is absolute, with a place for the interval where each has a file of its own.

    `order` are columns by which the rows of a CSV file are sorted before all others; those that do not leave are no
    matter.
    """

    path: str
    format: ExportFormat
    stamp: Stamp
    replace: bool = False
    order: tuple[str, ...] = ()
    _manifest: Manifest | None = field(default=None, init=False)
    _taken: dict[str, Entry] = field(default_factory=dict, init=False)

    @property
    def folder(self) -> Path:
        """The folder above everything in the path that depends on the interval."""
        return self._halves()[0]

    @property
    def manifest(self) -> Path:
        """Where the manifest is."""
        return self.folder / f".{self._stem}.penstock-export.json"

    @property
    def _staging(self) -> Path:
        return self.folder / f".{self._stem}.penstock-new"

    @property
    def _stem(self) -> str:
        return _PLACEHOLDER.sub("interval", self._halves()[1]).replace("/", "_")

    def _halves(self) -> tuple[Path, str]:
        parts = PurePosixPath(self.path).parts
        dated = next((at for at, part in enumerate(parts) if "{" in part), len(parts) - 1)
        return Path(*parts[:dated]), "/".join(parts[dated:])

    def _name(self, piece: Piece) -> str:
        """A piece's file, relative to the folder."""
        interval, pattern = piece.interval, self._halves()[1]
        if interval is None:
            return pattern
        return pattern.format(interval_start=interval.start, interval_end=interval.end)

    def held(self, wanted: Sequence[Piece]) -> Held | None:
        """What the manifest says, as far as the files are still as it says; see `Sink.held`."""
        names = [self._name(piece) for piece in wanted]
        if shared := [name for name, count in Counter(names).items() if count > 1]:
            raise InputError(_shared(self.path, min(shared)))
        manifest = self._manifest = self._read()
        ours = {entry.name for entry in manifest.ours} if manifest is not None else set()
        wrong = [
            records.not_ours(str(self.folder / name), "a file that no export wrote")
            for name in names
            if name not in ours and os.path.lexists(self.folder / name)
        ]
        wrong += [] if manifest is None else self._altered(manifest)
        if wrong and not self.replace:
            raise RefusedError(tuple(wrong))
        if manifest is None:
            return None
        pieces = {
            entry.piece: HeldPiece(publishes=entry.publishes, rows=entry.rows)
            for entry in manifest.files
            if entry.is_at(self.folder)
        }
        return Held(stamp=manifest.stamp, pieces=pieces, settled=not manifest.before)

    def _read(self) -> Manifest | None:
        """The manifest, if there is one and it is this export's; to replace another one's is to begin anew."""
        try:
            manifest = read_manifest(self.manifest)
        except ValueError as error:
            if not self.replace:
                raise RefusedError(records.unreadable(str(self.manifest))) from error
            return None
        same = manifest is not None and manifest.pattern == self._halves()[1]
        if manifest is None or (self.replace and not same):
            return None
        if not same:
            found = f"it is of files named {manifest.pattern}"
            raise RefusedError(records.not_ours(str(self.manifest), found))
        if not self.replace:
            records.refuse_others(manifest, self.stamp, str(self.manifest))
        return manifest

    def _altered(self, manifest: Manifest) -> Iterator[Finding]:
        """Files of the manifest that hold something else than was written."""
        known: dict[str, list[Entry]] = {}
        for entry in manifest.ours:
            known.setdefault(entry.name, []).append(entry)
        for name, entries in known.items():
            if os.path.lexists(self.folder / name) and not any(entry.is_at(self.folder) for entry in entries):
                yield records.not_ours(str(self.folder / name), "it was changed since it was exported")

    def take(self, piece: Piece, rows: Path) -> int:
        """Write a piece's file under another name; see `Sink.take`."""
        if not self._taken:
            shutil.rmtree(self._staging, ignore_errors=True)  # of a process that was killed
        target = self._staging / self._name(piece)
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            count = _written(rows, target, self.format, [name for name, _ in self.stamp.columns], self.order)
            _sync(target)
            entry = Entry.of(self._staging, self._name(piece), piece, count)
        except (OSError, duckdb.Error) as error:
            raise RunError(_not_written(str(target), error)) from error
        self._taken[piece.key] = entry
        return count

    def show(self, renewal: Renewal) -> None:
        """Give the files their names, one after the other, and remove those that go; see `Sink.show`."""
        old = {} if self._manifest is None else {entry.piece: entry for entry in self._manifest.files}
        files = tuple(self._taken.get(key) or old[key] for key in sorted(renewal.pieces))
        kept = {entry.name for entry in files}
        before = () if self._manifest is None else self._manifest.ours
        pattern = self._halves()[1]
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            coming = Manifest(stamp=renewal.stamp, pattern=pattern, files=files, before=before or files)
            write_manifest(self.manifest, coming)
            for entry in self._taken.values():
                self._move(entry.name)
            for entry in before:
                if entry.name not in kept and (self.replace or entry.is_at(self.folder)):
                    self._remove(entry.name)
            shutil.rmtree(self._staging, ignore_errors=True)
            write_manifest(self.manifest, Manifest(stamp=renewal.stamp, pattern=pattern, files=files))
        except OSError as error:
            raise RunError(_not_written(str(self.folder), error)) from error

    def _move(self, name: str) -> None:
        target = self.folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        (self._staging / name).replace(target)
        _sync(target.parent)

    def _remove(self, name: str) -> None:
        """Remove a file, and the folders that this empties."""
        target = self.folder / name
        target.unlink(missing_ok=True)
        for folder in target.parents:
            if folder == self.folder or any(folder.iterdir()):
                _sync(folder)
                return
            folder.rmdir()


def _written(rows: Path, target: Path, format_: ExportFormat, columns: list[str], order: Sequence[str]) -> int:
    """Write a Parquet file's rows as a format; how many."""
    source = f"read_parquet({literal(str(rows))})"
    options, sorted_ = "FORMAT parquet, COMPRESSION zstd", ""
    with duckdb.connect(":memory:") as engine:
        engine.execute("SET TimeZone = 'UTC'")
        engine.execute(f"SET memory_limit = {literal(MEMORY_LIMIT)}")
        engine.execute(f"SET temp_directory = {literal(str(rows.parent))}")
        if format_ is ExportFormat.CSV:
            described = engine.execute(f"DESCRIBE SELECT * FROM {source}").fetchall()
            _refuse_blank_lines(engine, source, columns)
            texts = ", ".join(quote(str(row[0])) for row in described if str(row[1]) in {"VARCHAR", "JSON"})
            quoted = f", FORCE_QUOTE ({texts})" if texts else ""
            options = f"FORMAT csv, HEADER true, NULLSTR '', DELIMITER ',', QUOTE '\"', ESCAPE '\"'{quoted}"
            sorted_ = f" ORDER BY {', '.join(_terms(described, order))}"
        made = engine.execute(
            f"COPY (SELECT * FROM {source}{sorted_}) TO {literal(str(target))} ({options})"
        ).fetchone()
        return int(made[0]) if made else 0


_LIKE_ANOTHER = ("FLOAT", "DOUBLE", "INTERVAL", "TIME WITH")
"""Types whose values can be written in two ways and be equal: -0.0 and 0.0, a month and thirty days."""


def _terms(described: Sequence[tuple[object, ...]], order: Sequence[str]) -> Iterator[str]:
    """What rows are sorted by, so that the same rows make the same bytes: all columns, those of `order` first.

    What is equal and written in two ways goes by its text: DuckDB 1.5 hands one of the two back for both.
    """
    types = {str(row[0]): str(row[1]) for row in described}
    known = {name.casefold(): name for name in types}
    first = [known[name.casefold()] for name in order if name.casefold() in known]
    for name in dict.fromkeys([*first, *types]):
        by_text = any(kind in types[name] for kind in _LIKE_ANOTHER)
        yield f"CAST({quote(name)} AS VARCHAR)" if by_text else quote(name)


def _refuse_blank_lines(engine: duckdb.DuckDBPyConnection, source: str, columns: list[str]) -> None:
    """In a CSV of one column a NULL is an empty line, which readers leave out."""
    if len(columns) != 1:
        return
    row = engine.execute(f"SELECT count(*) FROM {source} WHERE {quote(columns[0])} IS NULL").fetchone()
    if row and row[0]:
        raise InputError(_blank_lines(columns[0]))


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _shared(path: str, name: str) -> Finding:
    return Finding(
        code="export.shared_file",
        message=f"several intervals would be written to {name}",
        place=Place(file=path),
        expected="a path that is another one for each interval",
        remedy="write more of the moment into the path, such as {interval_start:%Y-%m-%d}",
    )


def _blank_lines(column: str) -> Finding:
    return Finding(
        code="export.blank_lines",
        message=f"{column} is the only column and holds NULL, which a CSV file shows as an empty line",
        place=Place(field=column),
        expected="a second column, or no NULL; nothing was exported",
        remedy="export a second column with it, or Parquet",
    )


def _not_written(target: str, error: Exception) -> Finding:
    why = error.strerror if isinstance(error, OSError) else str(error).partition("\n")[0]
    return Finding(
        code="export.not_written",
        message=f"{target} cannot be written: {why}",
        place=Place(file=target),
        expected="room on the disk and a folder that can be written; what was there before is there still",
        remedy="free space or fix the folder, then export again: it goes on from what is there",
    )
