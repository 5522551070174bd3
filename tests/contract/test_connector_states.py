"""What every warehouse promises about the states of connectors: they change with the rows that they speak for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import duckdb
import pytest
from store_cases import DATASET, Place, database, opened, publication, publish

from penstock.adapters.duckdb.warehouse import DuckdbWarehouse
from penstock.engine.ports.publishing import StateChange
from penstock.model.contracts import ColumnSpec, Contract, OnFailure, Rule, RuleKind
from penstock.model.errors import TaskError, TransientError
from penstock.model.pipelines import Materialization
from penstock.plan.versions import Version, relation_of
from penstock.quality.sifting import sieve_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from store_cases import Rows

    from penstock.engine.ports.publishing import Publication
    from penstock.engine.ports.warehouse import Warehouse
    from penstock.quality.sifting import Sieve

pytest_plugins = ["postgres_server"]
RELATION = relation_of(DATASET, "1")
POSTGRES = pytest.param("postgres", marks=pytest.mark.xdist_group("postgres"))


@pytest.fixture(params=["memory", "duckdb", POSTGRES])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    if request.param != "postgres":
        with opened(request.param, tmp_path) as place:
            yield place
        return
    with database(request.getfixturevalue("postgres")) as address, opened("postgres", tmp_path, address) as place:
        yield place


def _read_on(publish_id: str, before: str | None, after: str | None, **changes: Any) -> Publication:
    values: dict[str, Any] = {"materialization": Materialization.APPEND, "column": None, "interval": None}
    return publication(publish_id, **{**values, "state": StateChange(before=before, after=after), **changes})


def _state(warehouse: Warehouse, version: str = "1") -> str | None:
    with warehouse.session() as session:
        return session.state(DATASET, version)


def test_a_state_is_kept_with_the_rows_that_it_speaks_for(place: Place) -> None:
    assert _state(place.warehouse) is None
    publish(place, _read_on("p", None, '{"after": "ü\'1"}'), [(0, "a")])
    assert _state(place.warehouse) == '{"after": "ü\'1"}'
    publish(place, _read_on("q", '{"after": "ü\'1"}', "2"), [])
    place.reopen()
    assert _state(place.warehouse) == "2"
    assert place.read(RELATION) == [(0, "a")]
    assert _state(place.warehouse, "2") is None


def test_rows_of_a_state_that_is_past_are_refused_whole(place: Place) -> None:
    publish(place, _read_on("p", None, "1"), [(0, "a")])
    publish(place, _read_on("q", "1", "2"), [(1, "b")])
    with pytest.raises(TransientError) as caught:
        publish(place, _read_on("r", "1", "3"), [(1, "c")])
    assert caught.value.findings[0].code == "engine.state_moved"
    assert _state(place.warehouse) == "2"
    assert place.read(RELATION) == [(0, "a"), (1, "b")]
    assert place.warehouse.published("r") is None


def test_a_publish_that_is_there_changes_no_state(place: Place) -> None:
    publish(place, _read_on("p", None, "1"), [(0, "a")])
    publish(place, _read_on("q", "1", "2"), [(1, "b")])
    assert publish(place, _read_on("q", "1", "2"), [(1, "b")]) == 1
    assert _state(place.warehouse) == "2"


def test_rows_that_are_refused_leave_the_state_as_it_was(place: Place) -> None:
    merged = {"materialization": Materialization.MERGE, "key": ("moment",)}
    publish(place, _read_on("p", None, "1", **merged), [(0, "a")])
    with pytest.raises(TaskError):
        publish(place, _read_on("q", "1", "2", **merged), [(1, "b"), (1, "c")])
    assert _state(place.warehouse) == "1"


@pytest.mark.parametrize("kept", [Materialization.APPEND, Materialization.MERGE])
def test_what_is_read_from_the_beginning_takes_the_place_of_all_there_was(place: Place, kept: Materialization) -> None:
    how = {"materialization": kept, "key": ("moment",) if kept is Materialization.MERGE else ()}
    publish(place, _read_on("p", None, None, **how), [(0, "a"), (1, "b")])
    assert _state(place.warehouse) is None
    publish(place, _read_on("q", None, "1", **how), [(1, "c")])
    assert place.read(RELATION) == [(1, "c")]


def test_a_dropped_version_takes_its_state_along(place: Place) -> None:
    publish(place, _read_on("p", None, "1"), [(0, "a")])
    publish(place, _read_on("q", None, "7", version="2", relation=relation_of(DATASET, "2")), [(0, "a")])
    place.warehouse.drop([Version(dataset=DATASET, fingerprint="1", relation=RELATION)], token=1)
    assert (_state(place.warehouse), _state(place.warehouse, "2")) == (None, "7")


def test_what_was_put_aside_stays_while_rows_are_added_and_goes_when_all_are_read_again(place: Place) -> None:
    assert _aside(place, _read_on("p", None, "1"), [(0, "?"), (0, "a")]) == 1
    assert _aside(place, _read_on("q", "1", "2"), [(1, "?")]) == 2
    assert _aside(place, _read_on("r", "2", "3"), [(2, "a")]) == 2
    assert _aside(place, _read_on("s", "3", None), []) == 2
    assert _aside(place, _read_on("t", None, "1"), [(3, "?")]) == 1


def _merged(publish_id: str, before: str | None, after: str, **changes: Any) -> Publication:
    state = StateChange(before=before, after=after, anew=changes.pop("anew", False))
    return _read_on(
        publish_id, None, None, materialization=Materialization.MERGE, key=("moment",), **changes, state=state
    )


def test_rows_with_the_keys_of_what_is_gone_are_deleted_with_the_merge(place: Place) -> None:
    publish(place, _merged("p", None, "1"), [(0, "a"), (1, "b"), (2, "c")])
    with place.warehouse.session() as session:
        session.stage_file(place.file([(2, "d"), (3, "e")]))
        gone = session.stage_gone(place.file([(0, ""), (3, ""), (7, "")]))
        assert gone.rows == 3
        assert session.publish(_merged("q", "1", "2", gone=gone.relation)) == 2
    assert place.read(RELATION) == [(1, "b"), (2, "d"), (3, "e")]
    with place.warehouse.session() as session:  # what was gone once is not for whoever stages nothing of the kind
        session.stage_file(place.file([(0, "a")]))
        session.publish(_merged("r", "2", "3"))
    assert place.read(RELATION) == [(0, "a"), (1, "b"), (2, "d"), (3, "e")]


def test_what_is_read_anew_takes_the_place_of_all_there_was_though_there_was_a_state(place: Place) -> None:
    publish(place, _merged("p", None, "1"), [(0, "a"), (1, "b")])
    publish(place, _merged("q", "1", "2", anew=True), [(1, "c")])
    assert place.read(RELATION) == [(1, "c")]
    assert _state(place.warehouse) == "2"


def test_what_was_put_aside_goes_with_its_key(place: Place) -> None:
    assert _aside(place, _merged("p", None, "1"), [(0, "?"), (1, "?"), (2, "a")]) == 2
    with place.warehouse.session() as session:
        session.stage_file(place.file([]))
        gone = session.stage_gone(place.file([(0, "")])).relation
        what = _merged("q", "1", "2", gone=gone)
        session.sift(_sieve(), what)
        session.publish(what)
    assert [row.row["value"] for row in place.warehouse.quarantined(DATASET, "1")] == ["?"]
    assert _aside(place, _merged("r", "2", "3", anew=True), []) == 0


def _aside(place: Place, what: Publication, rows: Rows) -> int:
    """Publish what is good of these rows; how many are put aside of the version then."""
    with place.warehouse.session() as session:
        session.stage_file(place.file(rows))
        session.sift(_sieve(), what)
        session.publish(what)
    return len(place.warehouse.quarantined(DATASET, "1"))


def _sieve() -> Sieve:
    known = Rule(
        kind=RuleKind.ACCEPTED_VALUES,
        columns=("value",),
        values=("a",),
        name="known value",
        on_failure=OnFailure.QUARANTINE,
    )
    columns = (ColumnSpec(name="moment", type="TIMESTAMP"), ColumnSpec(name="value", type="VARCHAR"))
    sieve = sieve_of(Contract(dataset=DATASET, file="c", version="1.0.0", columns=columns, rules=(known,)))
    assert sieve is not None
    return sieve


def test_a_file_of_an_older_penstock_learns_to_keep_states(tmp_path: Path) -> None:
    DuckdbWarehouse(tmp_path / "w.duckdb", tmp_path / "spool").close()
    with duckdb.connect(str(tmp_path / "w.duckdb")) as connection:
        connection.execute("DROP TABLE _penstock.states")
    warehouse = DuckdbWarehouse(tmp_path / "w.duckdb", tmp_path / "spool")
    with warehouse.session() as session:
        assert session.state(DATASET, "1") is None
    warehouse.close()
