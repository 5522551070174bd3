"""Airbyte connectors through the command line: a small one with every kind of trouble, and a real one from PyPI."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from connector_shop import connector_shop

from penstock.adapters.connectors.private_folder import MEMORY

if TYPE_CHECKING:
    from penstock_places import Place

pytestmark = pytest.mark.slow

CANARY = "canary-4711-ü"
SOURCE = """\
format: airbyte
command: [connectors/source-shop]
stream: orders
config: {{orders: {orders}, trouble: {trouble}}}
secrets: {{api_key: SHOP_CREDENTIAL}}
columns:
  id: BIGINT
  price: DECIMAL(20,16)
  placed_at: TIMESTAMP
  tags: JSON
"""
APPENDED, MERGED = "materialize: append\n", "materialize: merge\nkey: [id]\n"
FAKER = """\
format: airbyte
command: [.penstock/airbyte/bin/source-faker]
config: {count: 400, seed: 7, records_per_slice: 100, always_updated: false, parallelism: 1}
"""


def _shop(folder: Path, *, orders: int = 12, trouble: str = "none", mode: str = APPENDED) -> Place:
    place = connector_shop(folder, orders__source__yaml=SOURCE.format(orders=orders, trouble=trouble) + mode)
    program = place.root / "connectors" / "source-shop"
    program.parent.mkdir()
    script = (Path(__file__).parent / "shop_connector.py").read_text(encoding="utf-8")
    program.write_text(f"#!{sys.executable}\n{script}", encoding="utf-8")
    program.chmod(0o755)
    return place


def _set(place: Place, old: str, new: str) -> None:
    """Change the settings in the file: the same version is not the same afterwards, but for what is under secrets."""
    path = place.root / "pipelines" / "shop" / "orders.source.yaml"
    path.write_text(path.read_text().replace(old, new))


def _numbers(place: Place) -> list[int]:
    return [row["id"] for row in place.rows("SELECT id FROM shop.orders ORDER BY id", "dev")]


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOP_CREDENTIAL", CANARY)


def _run(place: Place, day: int, exits: int = 0) -> Any:
    return place.penstock("run", "--until", f"2024-01-{day}", "--json", exits=exits)


@pytest.mark.parametrize("mode", [APPENDED, MERGED], ids=["append", "merge"])
def test_records_land_exactly_and_the_next_read_goes_on_from_the_last_state(tmp_path: Path, mode: str) -> None:
    (tmp_path / "n").write_text("12")
    place = _shop(tmp_path, trouble="junk", mode=mode)
    _set(place, "orders: 12", f"orders: '@{tmp_path / 'n'}'")
    assert _run(place, 20).result["rows"]["shop.orders"] == 12
    row = place.rows("SELECT id, price::VARCHAR AS price, placed_at::VARCHAR AS at, tags FROM shop.orders", "dev")[3]
    expected = {"id": 3, "price": "3.1234567890123456", "at": "2024-01-01 00:00:03", "tags": '["a", 3]'}
    assert row == expected
    assert _run(place, 21).result["rows"]["shop.orders"] == 0
    (tmp_path / "n").write_text("17")
    assert _run(place, 22).result["rows"]["shop.orders"] == 5
    assert _numbers(place) == list(range(17))


@pytest.mark.fault
@pytest.mark.parametrize(
    ("trouble", "mode", "code", "attempts"),
    [
        ("dies", APPENDED, "source.connector_failed", 3),
        ("kills_itself", APPENDED, "source.connector_failed", 3),
        ("error", APPENDED, "source.connector_failed", 3),
        ("config_error", APPENDED, "source.connector_failed", 1),
        ("lost", APPENDED, "source.records_lost", 3),
        ("cut_record", APPENDED, "source.broken_message", 3),
        ("deep_record", APPENDED, "source.broken_message", 3),
        ("empty_record", MERGED, "source.broken_message", 3),
        ("nameless_record", APPENDED, "source.broken_message", 3),
        ("no_state", APPENDED, "source.rows_without_state", 1),
        ("no_state", MERGED, "source.rows_without_state", 1),
    ],
)
def test_what_goes_wrong_on_the_way_publishes_nothing(
    tmp_path: Path, trouble: str, mode: str, code: str, attempts: int
) -> None:
    place = _shop(tmp_path, trouble=trouble, mode=mode)
    path = place.root / "pipelines" / "shop" / "pipeline.yaml"
    path.write_text(path.read_text() + "retries: {attempts: 3, delay: 0.01}\n")
    said = _run(place, 20, exits=3)
    assert [one["code"] for one in said.findings] == [code], said.findings
    log = "".join(file.read_text() for file in (place.root / ".penstock" / "logs").rglob("*.log"))
    assert log.count("read with the key ***") == attempts
    assert place.penstock("query", "SELECT 1 FROM shop.orders", "--env", "dev", exits=None).code == 2
    _is_nowhere(place, CANARY)
    _is_nowhere(place, "half-of-a-row")


@pytest.mark.fault
def test_a_connector_that_hangs_is_killed_when_its_time_is_over(tmp_path: Path) -> None:
    place = _shop(tmp_path, trouble=f"hangs, pid_file: '{tmp_path / 'pid'}'", mode=f"{APPENDED}timeout: 3s\n")
    assert [one["code"] for one in _run(place, 20, exits=3).findings] == ["task.timeout"]
    assert not Path(f"/proc/{(tmp_path / 'pid').read_text()}").exists()
    _is_nowhere(place, CANARY)


@pytest.mark.parametrize("trouble", ["late_state", "other_stream"])
def test_a_state_at_the_end_and_messages_about_others_are_no_trouble(tmp_path: Path, trouble: str) -> None:
    place = _shop(tmp_path, trouble=trouble)
    assert _run(place, 20).result["rows"]["shop.orders"] == 12
    assert _run(place, 21).result["rows"]["shop.orders"] == 0


def test_a_connector_whose_rows_only_add_up_is_made_anew_by_another_reload(tmp_path: Path) -> None:
    window = ("--start", "2024-01-01", "--end", "2024-01-02")
    said = _shop(tmp_path).penstock("backfill", "shop.orders", *window, exits=2).err
    assert "(backfill.append)" in said
    assert "give another `reload: N` in pipelines/shop/orders.source.yaml to make it anew as another version" in said


def test_a_catalog_becomes_a_source_file_once_the_settings_are_checked(tmp_path: Path) -> None:
    place = _shop(tmp_path)
    file = "pipelines/shop/orders.source.yaml"
    text = (place.root / file).read_text()
    (place.root / "shop.yaml").write_text(text.partition("columns:")[0])
    (place.root / file).unlink()
    place.penstock("source", "discover", "--file", "shop.yaml", "--write", "shop")
    written = (place.root / file).read_text()
    assert "# materialize: merge\n# key: [id]\n" in written
    assert "price: DOUBLE" in written
    assert CANARY not in written
    assert _run(place, 20).result["rows"]["shop.orders"] == 12
    (place.root / "shop.yaml").write_text((place.root / "shop.yaml").read_text().replace("none", "refuses"))
    said = place.penstock("source", "discover", "--file", "shop.yaml", "--json", exits=2)
    assert said.findings[0]["code"] == "source.check_failed"
    assert "no *** here" in said.findings[0]["message"]
    _is_nowhere(place, CANARY)


def _is_nowhere(place: Place, secret: str) -> None:
    """In no file of the project, and in nothing that is left in memory, whichever way its last letter is written."""
    files = [path for path in place.root.rglob("*") if path.is_file()]
    files += [path for path in MEMORY.glob(f"penstock-connector-{os.getpid()}-*/*") if path.is_file()]
    assert [str(path) for path in files if secret[:11].encode() in path.read_bytes()] == []


@pytest.mark.skipif(sys.version_info[:2] != (3, 11), reason="the pinned connector installs on Python 3.11 alone")
def test_a_connector_from_pypi_is_installed_found_out_and_read_on(tmp_path: Path) -> None:
    place = connector_shop(tmp_path)
    _install(place.root / ".penstock" / "airbyte")
    (place.root / "faker.yaml").write_text(FAKER)
    place.penstock("source", "discover", "--file", "faker.yaml", "--table", "purchases", "--write", "shop")
    path = place.root / "pipelines" / "shop" / "purchases.source.yaml"
    commented = "# materialize: merge\n# key: [id]\n# cursor: updated_at\n"
    assert commented in path.read_text()
    path.write_text(path.read_text().replace(commented, commented.replace("# ", "")))
    place.penstock("check")
    first = _run(place, 20).result["rows"]["shop.purchases"]
    assert first > 300
    whole = "SELECT count(*) AS n, count(DISTINCT id) AS ids, count(created_at) AS dated FROM shop.purchases"
    assert place.rows(whole, "dev") == [{"n": first, "ids": first, "dated": first}]
    assert _run(place, 21).result["rows"]["shop.purchases"] == 0


def _install(folder: Path) -> None:
    """The connector with all that it needs, each at one version, in an environment of its own."""
    pinned = str(Path(__file__).parent / "airbyte_faker.txt")
    brought = Path(__file__).parents[2] / "build" / "bootstrap" / "bin" / "uv"  # see scripts/setup.sh
    uv = shutil.which("uv") or (str(brought) if brought.is_file() else None)
    make = [uv, "venv", "--quiet"] if uv else [sys.executable, "-m", "venv"]
    subprocess.run([*make, str(folder)], check=True)
    python = str(folder / "bin" / "python")
    install = (
        [uv, "pip", "install", "--quiet", "--python", python] if uv else [python, "-m", "pip", "install", "--quiet"]
    )
    subprocess.run([*install, "--no-deps", "-r", pinned], check=True)
