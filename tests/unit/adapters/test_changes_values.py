"""Whichever way a row was read, whole or by change, its values and their types are the same, or neither lands."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from test_postgres_source import VALUES

from followed_table import VARIABLE, Follower, Source, followed, source_database, warehouse_of
from penstock.adapters.databases.change_values import MalformedListError, list_text, parse_list
from penstock.model.errors import TaskError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from penstock.engine.ports.warehouse import Warehouse

pytest.importorskip("adbc_driver_postgresql")
pytest_plugins = ["postgres_server"]
pytestmark = pytest.mark.xdist_group("postgres")

MORE: dict[str, tuple[str, str, tuple[str, ...]]] = {
    "said_yes": ("boolean", "VARCHAR", ("true", "false", "NULL")),
    "host": ("inet", "VARCHAR", ("'10.0.0.1'", "'10.0.0.0/8'", "'::1'", "NULL")),
    "hosts": ("inet[]", "VARCHAR[]", ("'{10.0.0.1,10.0.0.0/8,::1,NULL}'",)),
    "yeses": ("boolean[]", "VARCHAR[]", ("'{t,f,NULL}'",)),
    "flags": ("boolean[]", "BOOLEAN[]", ("'{t,f,NULL}'",)),
    "boxes": ("box[]", "VARCHAR[]", ("'{(1,2),(3,4);(5,6),(7,8)}'",)),
    "net": ("cidr", "VARCHAR", ("'10.0.0.0/8'",)),
    "widened": ("real", "DOUBLE", ("0.1", "'NaN'")),
    "rounded": ("numeric", "DOUBLE", ("0.1", "'NaN'", "1e300")),
    "counted": ("integer", "DOUBLE", ("2147483647",)),
    "wide": ("bigint", "DECIMAL(22,2)", ("-9223372036854775808",)),
    "first_days": ("date", "DATE", ("'0044-03-15 BC'", "'4713-01-01 BC'", "'infinity'", "'-infinity'")),
    "first_moments": ("timestamp", "TIMESTAMP", ("'0044-03-15 12:30:00.5 BC'", "'infinity'", "'-infinity'")),
    "first_ats": ("timestamptz", "TIMESTAMP WITH TIME ZONE", ("'0044-03-15 12:30:00.5+00 BC'", "'infinity'")),
    "bared": ("timestamptz", "TIMESTAMP", ("'0044-03-15 12:30:00+00 BC'", "'2024-03-31 02:30:00.1 Europe/Berlin'")),
    "midnight": ("time", "TIME", ("'24:00:00'", "'00:00:00.000001'")),
    "day_text": ("date", "VARCHAR", ("'0044-03-15 BC'", "'2024-01-01'")),
    "named": ("name", "VARCHAR", ("'a'",)),
    "coin": ("money", "VARCHAR", ("12.5",)),
    "mask": ("bit(3)", "VARCHAR", ("B'101'",)),
    "tiny": ("text", "VARCHAR", ("'\\N'", "'{\"a\"}'", "'NULL'")),
    "long": ("numeric", "VARCHAR", ("1e50", "'NaN'", "0.10")),
}


@pytest.fixture
def source(postgres: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Source]:
    with source_database(postgres, "valued") as source:
        monkeypatch.setenv(VARIABLE, source.address)
        yield source


@pytest.fixture
def warehouse(tmp_path: Path) -> Iterator[Warehouse]:
    with warehouse_of("duckdb", tmp_path) as (warehouse, _):
        yield warehouse


def test_every_value_is_the_same_by_change_as_in_a_whole_read(
    source: Source, warehouse: Warehouse, tmp_path: Path
) -> None:
    every = {**VALUES, **MORE}
    columns = ", ".join(f'"{name}" {native}' for name, (native, _, _) in every.items())
    source.do(f"CREATE TABLE followed (n int PRIMARY KEY, {columns})")
    dataset = followed({"n": "INTEGER", **{name: declared for name, (_, declared, _) in every.items()}}, "n")
    changed, whole = (Follower(tmp_path, warehouse, dataset) for _ in range(2))
    whole.version = "whole"
    assert changed.read() == 0
    most = max(len(values) for _, _, values in every.values())
    for number in range(most):
        chosen = ", ".join(values[number % len(values)] for _, _, values in every.values())
        source.do(f"INSERT INTO followed VALUES ({number}, {chosen})")
    assert (changed.read(), whole.read()) == (most, most)
    for name in every:
        assert changed.rows("n", f'"{name}"') == whole.rows("n", f'"{name}"'), name
    with warehouse.session() as session:
        assert session.columns(changed.relation) == session.columns(whole.relation)


@pytest.mark.parametrize(
    ("native", "declared", "value"),
    [
        ("numeric", "DECIMAL(10,2)", "1.005"),
        ("integer[]", "INTEGER[]", "'{{1,2},{3,4}}'"),
        ("date[]", "DATE[]", "'{0044-03-15 BC}'"),
        ("timestamp", "TIMESTAMP", "'294276-12-31 00:00:00'"),
    ],
)
def test_a_value_that_would_become_another_one_lands_neither_way(
    source: Source, warehouse: Warehouse, tmp_path: Path, native: str, declared: str, value: str
) -> None:
    source.do(f"CREATE TABLE followed (n int PRIMARY KEY, v {native})")
    follower = Follower(tmp_path, warehouse, followed({"n": "INTEGER", "v": declared}, "n"))
    follower.read()
    source.do(f"INSERT INTO followed VALUES (1, {value})")
    state = follower.state()
    with pytest.raises(TaskError):
        follower.read()
    assert follower.state() == state
    follower.version = "whole"
    with pytest.raises(TaskError):
        follower.read()


def test_lists_are_read_as_postgres_writes_them() -> None:
    assert parse_list("{}") == []
    assert parse_list("[5:6]={1,NULL}") == ["1", None]
    assert parse_list('{{"a,b","}"},{"\\\\","\\""}}') == [["a,b", "}"], ["\\", '"']]
    assert list_text("boolean[]")("{t,NULL}") == '["true", null]'


@pytest.mark.parametrize("text", ["", "1,2", "{1", '{"a', "{1}}", "{1}x", "[0:1]", "}"])
def test_what_is_no_list_is_refused(text: str) -> None:
    with pytest.raises(MalformedListError):
        parse_list(text)
