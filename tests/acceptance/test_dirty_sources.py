"""More than a hundred dirty sources: each ends as its policy says, the rest is there, nothing bad is seen."""

from __future__ import annotations

import json
import threading
import time
from typing import TYPE_CHECKING, Any

import duckdb
import psycopg
import pytest
from dirty_cases import FILES, POLICIES, VALUES, FileCase, ValueCase
from penstock_places import Place
from runs_shop import write

from penstock.model.sources import Drift

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytest_plugins = ("postgres_server",)
pytestmark = pytest.mark.slow

PIPELINE = "owner: team\nschedule: manual\nstart: 2024-03-01\nend: 2024-03-04\n"
DAYS = ("2024-03-01", "2024-03-02", "2024-03-03")
DIRTY = DAYS[1]


def _place(folder: Path) -> Place:
    place = Place(folder / "project", folder / "keys")
    place.keys.mkdir(parents=True)
    write(place, "penstock.yaml", "name: dirty\n")
    return place


# -- files ------------------------------------------------------------------------------------------------------------


def _file_source(place: Place, name: str, case: FileCase, drift: Drift) -> None:
    """A source of three days, of which the second one's file is dirty."""
    pipeline, dataset = name.split(".")
    write(place, f"pipelines/{pipeline}/pipeline.yaml", PIPELINE)
    source = [
        "format: csv",
        f"path: data/{name}/{{interval_start:%Y-%m-%d}}{case.suffix}",
        "interval: day",
        "batch: 1",
        f"drift: {drift}",
        "columns: [id, day, {name: amount, also: [total]}]" if drift is Drift.EVOLVE else "columns: [id, day, amount]",
    ]
    write(place, f"pipelines/{pipeline}/{dataset}.source.yaml", "\n".join(source) + "\n")
    folder = place.root / "data" / name
    folder.mkdir(parents=True)
    whole = next(each for each in FILES if each.name == ("packed" if case.suffix == ".csv.gz" else "clean")).content
    for number, day in enumerate(DAYS):
        content = case.content if day == DIRTY else _numbered(whole, number, packed=case.suffix == ".csv.gz")
        (folder / f"{day}{case.suffix}").write_bytes(content)


def _numbered(whole: bytes, number: int, *, packed: bool) -> bytes:
    """A clean day's file, another one each day: the same bytes twice would be a fault of their own."""
    import gzip

    text = gzip.decompress(whole) if packed else whole
    text = text.replace(b"1.50", f"{number + 7}.50".encode())
    return gzip.compress(text) if packed else text


def _names(expected: str) -> dict[str, tuple[FileCase, Drift]]:
    """The cases that a policy refuses, or takes, by the dataset that stands for them."""
    found = {}
    for number, case in enumerate(FILES):
        for drift in Drift:
            ends = case.freeze if drift is Drift.FREEZE else case.evolve
            if isinstance(ends, str) == (expected == "refused"):
                found[f"{expected}.{drift}_{number}"] = (case, drift)
    return found


def test_files_that_are_refused_are_all_named_at_once_and_nothing_of_their_source_is_read_in(tmp_path: Path) -> None:
    place, cases = _place(tmp_path), _names("refused")
    for name, (case, drift) in cases.items():
        _file_source(place, name, case, drift)
    said = place.penstock("run", "--json", exits=2)
    found = {finding["place"]["dataset"]: finding for finding in said.findings}
    for name, (case, drift) in cases.items():
        expected = case.freeze if drift is Drift.FREEZE else case.evolve
        assert found[name]["code"] == expected, (case.name, drift)
        assert DIRTY in found[name]["place"]["file"]
        assert found[name]["expected"]
        assert found[name]["remedy"]
    assert len(said.findings) == len(cases), "nothing else is wrong"
    assert place.penstock("runs", "--json").result["runs"] == []


def test_files_that_are_taken_land_whole_with_the_days_around_them(tmp_path: Path) -> None:
    place, cases = _place(tmp_path), _names("taken")
    for name, (case, drift) in cases.items():
        _file_source(place, name, case, drift)
    place.penstock("run")
    for name, (case, drift) in cases.items():
        expected = case.freeze if drift is Drift.FREEZE else case.evolve
        rows = place.rows(f"SELECT id, day, amount, _interval_start AS moment FROM {name} ORDER BY moment, id", "dev")
        dirty = [tuple(row[word] for word in ("id", "day", "amount")) for row in rows if DIRTY in str(row["moment"])]
        assert tuple(dirty) == expected, (case.name, drift)
        others = [row["amount"] for row in rows if DIRTY not in str(row["moment"])]
        assert others == ["7.50", "2.50", "9.50", "2.50"], case.name


# -- values -----------------------------------------------------------------------------------------------------------


def _contract(dataset: str, case: ValueCase, policy: str) -> str:
    lines = [
        "apiVersion: v3.1.0",
        "kind: DataContract",
        f"id: cells.{dataset}",
        "version: 1.0.0",
        "schema:",
        f"  - name: {dataset}",
        f"    physicalName: cells.{dataset}",
        "    customProperties: [{property: maxQuarantined, value: 50%}]",
        "    properties:",
        "      - {name: id, physicalType: VARCHAR, required: true}",
        "      - name: value",
        f"        physicalType: {case.type}",
        f'        customProperties: [{{property: onFailure, value: "{policy}"}}]',
        *([f"        {case.rule}"] if case.rule else []),
        "      - {name: _file, physicalType: VARCHAR}",
        "      - {name: _interval_start, physicalType: TIMESTAMP}",
    ]
    return "\n".join(lines) + "\n"


def _value_cases() -> dict[str, tuple[ValueCase, str]]:
    return {
        f"{policy}_{number}": (case, policy)
        for number, case in enumerate(VALUES)
        for policy in POLICIES
        if case.null or policy != "null"
    }


def _value_sources(place: Place) -> dict[str, tuple[ValueCase, str]]:
    cases = _value_cases()
    write(place, "pipelines/cells/pipeline.yaml", PIPELINE)
    for name, (case, policy) in cases.items():
        path = f"data/{name}/{{interval_start:%Y-%m-%d}}.csv"
        source = f"format: csv\npath: {path}\ninterval: day\nbatch: 1\nmissing: empty\ncolumns: [id, value]\n"
        write(place, f"pipelines/cells/{name}.source.yaml", source)
        write(place, f"contracts/cells.{name}.odcs.yaml", _contract(name, case, policy))
    return cases


def _send(place: Place, cases: dict[str, tuple[ValueCase, str]], day: str) -> None:
    """A day of four rows; on the dirty one the third of them is bad."""
    for name, (case, _) in cases.items():
        values = [case.bad if number == 2 and day == DIRTY else case.good for number in range(4)]
        rows = "".join(f"{day}-{number},{value}\n" for number, value in enumerate(values))
        write(place, f"data/{name}/{day}.csv", f"id,value\n{rows}")


def _judge(place: Place, cases: dict[str, tuple[ValueCase, str]], result: dict[str, Any], failed: set[str]) -> None:
    """Each case ended as its policy says; clean days are there in any case."""
    held = place.penstock("quarantine", "list", "--json").result["held"]
    aside = {row["dataset"]: row["rows"] for row in held}
    for name, (case, policy) in cases.items():
        dataset = f"cells.{name}"
        rows = place.rows(f"SELECT id, CAST(value AS VARCHAR) AS value FROM {dataset} ORDER BY id", "dev")
        by_day = {day: [row for row in rows if str(row["id"]).startswith(day)] for day in DAYS}
        assert [len(by_day[day]) for day in (DAYS[0], DAYS[2])] == [4, 4], (case.name, policy)
        dirty = by_day[DIRTY]
        if policy == "fail":
            assert dirty == [], case.name
            assert dataset in failed, case.name
        elif policy == "quarantine":
            assert [str(row["id"])[-1] for row in dirty] == ["0", "1", "3"], case.name
            assert aside.pop(dataset) == 1, case.name
        else:
            assert [row["value"] is None for row in dirty] == [False, False, True, False], case.name
            assert result["nulled"][dataset] == 1, case.name
    assert not aside, "nothing else was put aside"


def test_values_end_as_their_policy_says(tmp_path: Path) -> None:
    place = _place(tmp_path)
    cases = _value_sources(place)
    for day in DAYS:
        _send(place, cases, day)
    said = place.penstock("run", "--json", exits=3)
    failed = {finding["place"]["dataset"] for finding in said.findings}
    assert len(failed) == sum(policy == "fail" for _, policy in cases.values())
    _shown_anyway(place)
    _judge(place, cases, said.result, failed)


def _shown_anyway(place: Place) -> None:
    """A run that failed in part shows nothing; the day that fails is left out of this one."""
    for path in place.root.glob(f"data/fail_*/{DIRTY}.csv"):
        path.unlink()
    place.penstock("run")


@pytest.fixture
def address(postgres: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The address of an empty database, in the environment as a user would give it."""
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute("DROP DATABASE IF EXISTS dirty WITH (FORCE)")
        connection.execute("CREATE DATABASE dirty")
    found = postgres.removesuffix("/postgres") + "/dirty"
    monkeypatch.setenv("PENSTOCK_WAREHOUSE", found)
    yield found
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute("DROP DATABASE dirty WITH (FORCE)")


class Onlooker(threading.Thread):
    """Reads every dataset again and again while a load goes on; what it sees that nobody may see is kept."""

    def __init__(self, address: str, names: list[str]) -> None:
        super().__init__()
        self._address, self._names = address, names
        self.over = threading.Event()
        self.looks, self.partly, self.bad = 0, 0, list[str]()

    def run(self) -> None:
        with psycopg.connect(self._address, autocommit=True) as connection:
            while not self.over.is_set():
                counts = [self._look(connection, name) for name in self._names]
                self.looks += 1
                self.partly += 0 < sum(counts) < len(counts)
                time.sleep(0.01)

    def _look(self, connection: psycopg.Connection[Any], name: str) -> bool:
        """Whether the dirty day can be seen; it must then be without the bad row, or with NULL in its place."""
        sql = f'SELECT id, value FROM "cells__dev"."{name}" WHERE id LIKE %s'
        rows = connection.execute(sql, [f"{DIRTY}%"]).fetchall()
        bad = [row for row in rows if row[0].endswith("-2") and row[1] is not None]
        if bad or (rows and name.startswith("fail")):
            self.bad.append(f"{name}: {rows}")
        return bool(rows)


@pytest.mark.xdist_group("postgres")
def test_nobody_sees_a_bad_row_while_the_load_goes_on(tmp_path: Path, address: str) -> None:
    place = _place(tmp_path)
    write(place, "penstock.yaml", "name: dirty\nwarehouse: postgres\n")
    cases = _value_sources(place)
    _send(place, cases, DAYS[0])
    place.penstock("run", "--until", DIRTY)
    for day in DAYS[1:]:
        _send(place, cases, day)
    onlooker = Onlooker(address, list(cases))
    onlooker.start()
    try:
        said = place.penstock("run", "--json", exits=3)
    finally:
        onlooker.over.set()
        onlooker.join()
    assert onlooker.bad == []
    assert onlooker.partly, "it looked while some had their rows and others had not"
    failed = {finding["place"]["dataset"] for finding in said.findings}
    _judge(place, cases, json.loads(json.dumps(said.result)), failed)


def test_there_are_as_many_cases_as_are_promised() -> None:
    assert 2 * len(FILES) + len(_value_cases()) >= 100


def test_parquet_of_declared_types_is_held_to_a_contract_of_types(tmp_path: Path) -> None:
    place = _place(tmp_path)
    write(place, "pipelines/ops/pipeline.yaml", PIPELINE)
    source = "format: parquet\npath: data/*.parquet\ncolumns: [{name: meter, type: BIGINT}, note]\n"
    write(place, "pipelines/ops/meters.source.yaml", source)
    (place.root / "data").mkdir()
    duckdb.execute(f"COPY (SELECT range + 7 AS meter, 'x' AS note FROM range(30)) TO '{place.root}/data/a.parquet'")
    place.penstock("contract", "infer", "ops.meters")
    place.penstock("run")
    assert place.rows("SELECT sum(meter) AS total FROM ops.meters", "dev")[0]["total"] in {645, "645"}
    place.penstock("contract", "check")


def test_a_relation_of_a_dataset_to_itself_is_judged(tmp_path: Path) -> None:
    place = _place(tmp_path)
    write(place, "pipelines/ops/pipeline.yaml", PIPELINE)
    write(place, "pipelines/ops/staff.sql", "/* penstock\nmaterialize: table\n*/\nSELECT 1 AS id, 2 AS boss\n")
    contract = (
        "apiVersion: v3.1.0\nkind: DataContract\nid: ops.staff\nversion: 1.0.0\nschema:\n  - name: staff\n"
        "    physicalName: ops.staff\n    properties:\n      - {name: id, physicalType: INTEGER}\n"
        "      - name: boss\n        physicalType: INTEGER\n        relationships: [{to: ops.staff.id}]\n"
    )
    write(place, "contracts/ops.staff.odcs.yaml", contract)
    said = place.penstock("run", "--json", exits=3)
    assert [finding["code"] for finding in said.findings] == ["check.failed"]
