"""Functions of a project as sources: generators, their state, and what they may give."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from connector_shop import connector_shop

if TYPE_CHECKING:
    from pathlib import Path

    from penstock_places import Place

pytestmark = pytest.mark.slow

FUNCTION = """\
import json
import os
from pathlib import Path


def orders(path, state, batch=2):
    given = json.loads(Path(path).read_text())
    rows = given["rows"][state.get("read", 0):]
    for start in range(0, len(rows), batch):
        print("page", start, os.environ.get("SHOP_KEY"))
        yield rows[start:start + batch]
        state["read"] = state.get("read", 0) + len(rows[start:start + batch])
        if given.get("breaks"):
            raise given_up(given["breaks"])


def given_up(word):
    return ConnectionError("the shop does not answer") if word == "network" else ValueError("no such shop")
"""
SOURCE = """\
format: python
function: pipelines/shop/api.py:orders
config: {{path: '{path}', batch: 2}}
{mode}columns:
  id: BIGINT
  price: DECIMAL(12,2)
"""
ROWS = [{"id": number, "price": "1.50"} for number in range(5)]


def _shop(folder: Path, mode: str = "materialize: append\n") -> Place:
    source = SOURCE.format(path=folder / "given.json", mode=mode)
    return connector_shop(folder, api__py=FUNCTION, orders__source__yaml=source)


def _give(folder: Path, rows: list[dict[str, Any]], **more: Any) -> None:
    (folder / "given.json").write_text(json.dumps({"rows": rows, **more}))


def _run(place: Place, day: int, exits: int = 0) -> Any:
    return place.penstock("run", "--until", f"2024-01-{day}", "--json", exits=exits)


def test_a_generator_goes_on_from_the_state_that_it_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOP_KEY", "not declared")
    place = _shop(tmp_path)
    _give(tmp_path, ROWS)
    assert _run(place, 20).result["rows"]["shop.orders"] == 5
    _give(tmp_path, [*ROWS, {"id": 5, "price": 2}])
    said = _run(place, 21).result
    assert said["rows"]["shop.orders"] == 1
    assert place.penstock("logs", said["run"]).out.split() == ["shop.orders", "|", "page", "0", "None"]
    assert place.rows("SELECT count(*) AS n, sum(price)::VARCHAR AS s FROM shop.orders", "dev") == [
        {"n": 6, "s": "9.50"}
    ]


@pytest.mark.fault
def test_a_generator_that_breaks_off_publishes_nothing_and_keeps_its_state(tmp_path: Path) -> None:
    place = _shop(tmp_path)
    path = place.root / "pipelines" / "shop" / "pipeline.yaml"
    path.write_text(path.read_text() + "retries: {attempts: 2, delay: 0.01}\n")
    _give(tmp_path, ROWS, breaks="shop")
    finding = _run(place, 20, exits=3).findings[0]
    assert (finding["code"], finding["place"]["line"]) == ("task.failed", 14)
    _give(tmp_path, ROWS, breaks="network")
    assert _run(place, 21, exits=3).findings[0]["code"] == "source.connection_lost"
    _give(tmp_path, ROWS)
    assert _run(place, 22).result["rows"]["shop.orders"] == 5


def test_fields_that_nobody_declared_are_refused_ignored_or_kept(tmp_path: Path) -> None:
    place = _shop(tmp_path, "")
    _give(tmp_path, [*ROWS, {"id": 9, "price": None, "colour": "red"}])
    finding = _run(place, 20, exits=3).findings[0]
    assert (finding["code"], "colour" in finding["message"]) == ("source.undeclared_field", True)
    path = place.root / "pipelines" / "shop" / "orders.source.yaml"
    text = path.read_text()
    path.write_text(text + "ignore: [colour]\n")
    assert _run(place, 21).result["rows"]["shop.orders"] == 6
    path.write_text(text + "drift: evolve\n")
    _run(place, 22)
    kept = place.rows("SELECT id, _extra FROM shop.orders WHERE _extra IS NOT NULL", "dev")
    assert kept == [{"id": 9, "_extra": '{"colour": "red"}'}]


def test_what_is_no_row_and_code_that_was_edited_are_told(tmp_path: Path) -> None:
    place = _shop(tmp_path, "")
    _give(tmp_path, [1, 2])  # type: ignore[list-item]
    assert _run(place, 20, exits=3).findings[0]["code"] == "source.no_row"
    _give(tmp_path, ROWS)
    before = place.penstock("plan", "--json").result["steps"][0]["version"]
    path = place.root / "pipelines" / "shop" / "api.py"
    path.write_text(path.read_text().replace("batch=2", "batch=3"))
    assert place.penstock("plan", "--json").result["steps"][0]["version"] != before
