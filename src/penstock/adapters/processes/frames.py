"""How rows are given to a Python task, and how what it returns is kept: Parquet files on both sides.

A parameter's annotation names its form. Whatever a task returns, in any of the forms, is written as one Parquet file
whose columns have the types that were returned.
"""

from __future__ import annotations

import importlib
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import duckdb

RELATION = "duckdb.DuckDBPyRelation"
_ALIASES = {"pl": "polars", "pa": "pyarrow", "pd": "pandas"}


class MissingLibraryError(Exception):
    """A form needs a library that is not installed; `name` is what to install."""

    def __init__(self, name: str, purpose: str) -> None:
        super().__init__(f"{name} is not installed, and {purpose}")
        self.name = name


class WrongResultError(Exception):
    """The task returned something that is not rows."""


def give(form: str, connection: duckdb.DuckDBPyConnection, path: str) -> object:
    """The rows of a Parquet file in a form, named as an annotation names it.

    Raises:
        MissingLibraryError: the form's library is not installed.
        WrongResultError: there is no such form.
    """
    name, _, kind = form.rpartition(".")
    library = _ALIASES.get(name, name)
    make = _MAKERS.get(f"{library}.{kind}" if library else f"duckdb.{kind}")
    if make is None:
        raise WrongResultError(f"there is no form {form}; a parameter is annotated with one of {', '.join(_MAKERS)}")
    return make(connection, path)


def _relation(connection: duckdb.DuckDBPyConnection, path: str) -> object:
    return connection.read_parquet(path)


def _arrow_table(connection: duckdb.DuckDBPyConnection, path: str) -> Any:
    _library("pyarrow", "a parameter is given as an Arrow table")
    return connection.read_parquet(path).to_arrow_table()


def _arrow_reader(connection: duckdb.DuckDBPyConnection, path: str) -> object:
    """The reader's query stays open while it is read, so it has a connection of its own."""
    _library("pyarrow", "a parameter is given as Arrow record batches")
    return connection.cursor().read_parquet(path).to_arrow_reader()


def _polars_frame(_connection: duckdb.DuckDBPyConnection, path: str) -> object:
    return _library("polars", "a parameter is given as a Polars frame").read_parquet(path)


def _polars_lazy(_connection: duckdb.DuckDBPyConnection, path: str) -> object:
    return _library("polars", "a parameter is given as a Polars frame").scan_parquet(path)


def _pandas_frame(connection: duckdb.DuckDBPyConnection, path: str) -> object:
    """Columns of Arrow types: pandas' own would make floats of decimals, and of whole numbers next to NULL."""
    pandas = _library("pandas", "a parameter is given as a pandas frame")
    return _arrow_table(connection, path).to_pandas(types_mapper=pandas.ArrowDtype)


_MAKERS: dict[str, Callable[[Any, str], object]] = {
    RELATION: _relation,
    "pyarrow.Table": _arrow_table,
    "pyarrow.RecordBatchReader": _arrow_reader,
    "polars.DataFrame": _polars_frame,
    "polars.LazyFrame": _polars_lazy,
    "pandas.DataFrame": _pandas_frame,
}


def keep(result: object, connection: duckdb.DuckDBPyConnection, path: str) -> None:
    """Write what a task returned as a Parquet file.

    Raises:
        WrongResultError: it is in none of the forms, or has no columns.
    """
    polars = sys.modules.get("polars")
    if polars is not None and isinstance(result, polars.DataFrame | polars.LazyFrame):
        _keep_polars(result, connection, path)
        return
    relation = _as_relation(result, connection)
    if relation is None:
        found = type(result)
        expected = "a DuckDB relation, an Arrow table or reader, a Polars or a pandas frame"
        raise WrongResultError(f"the function returned {found.__module__}.{found.__qualname__}, expected {expected}")
    _converted(relation, dict.fromkeys(("HUGEINT", "UHUGEINT"), "DECIMAL(38, 0)")).write_parquet(path)


def _keep_polars(result: Any, connection: duckdb.DuckDBPyConnection, path: str) -> None:
    """Polars writes its own Parquet; its times of day, which have nanoseconds, are brought back to microseconds."""
    if not result.collect_schema().names():
        raise WrongResultError("the function returned a Polars frame without columns")
    timed = any(str(kind) == "Time" for kind in result.collect_schema().dtypes())
    written = f"{path}.polars" if timed else path
    if hasattr(result, "sink_parquet"):
        result.sink_parquet(written)
    else:
        result.write_parquet(written)
    if timed:
        _converted(connection.read_parquet(written), {"TIME_NS": "TIME"}).write_parquet(path)


def _as_relation(result: object, connection: duckdb.DuckDBPyConnection) -> Any:
    import duckdb  # noqa: PLC0415 - imported long since by whoever opened the connection

    if isinstance(result, duckdb.DuckDBPyRelation):
        return result
    arrow, pandas = sys.modules.get("pyarrow"), sys.modules.get("pandas")
    if pandas is not None and isinstance(result, pandas.DataFrame):
        result = _arrow_of_pandas(result)
        arrow = sys.modules["pyarrow"]
    if arrow is None or not isinstance(result, arrow.Table | arrow.RecordBatchReader):
        return None
    if not result.schema.names:
        raise WrongResultError("the function returned rows without columns")
    return connection.from_arrow(result)


def _arrow_of_pandas(frame: Any) -> Any:
    """The frame's rows; index levels that have a name are columns, others count rows and are left out."""
    arrow = _library("pyarrow", "the function returned a pandas frame")
    named = [name for name in frame.index.names if name is not None]
    return arrow.Table.from_pandas(frame.reset_index() if named else frame, preserve_index=False)


def _converted(relation: duckdb.DuckDBPyRelation, types: Mapping[str, str]) -> duckdb.DuckDBPyRelation:
    """The relation with other types for these: Parquet has no 128-bit integers, and DuckDB would write floats."""
    if not any(str(kind) in types for kind in relation.types):
        return relation
    parts = []
    for name, kind in zip(relation.columns, map(str, relation.types), strict=True):
        quoted = '"' + name.replace('"', '""') + '"'
        parts.append(f"CAST({quoted} AS {types[kind]}) AS {quoted}" if kind in types else quoted)
    return relation.project(", ".join(parts))


def _library(name: str, purpose: str) -> Any:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name != name:
            raise
        raise MissingLibraryError(name, purpose) from error
