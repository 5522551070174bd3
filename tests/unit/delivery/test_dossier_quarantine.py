"""A review says how many rows its versions put aside: they would vanish from a difference without a word otherwise."""

from __future__ import annotations

from decimal import Decimal
from types import SimpleNamespace
from typing import Any

from penstock.delivery.pages import tables
from penstock.delivery.pages.dossier_room import ROOMS
from penstock.delivery.pages.dossier_work import quality


def _seen(**quarantined: tuple[int, int]) -> Any:
    facts = SimpleNamespace(
        checks={}, score=Decimal(100), policy=SimpleNamespace(quality_score=Decimal(95)),
        quarantined={f"sales.{name}": counts for name, counts in quarantined.items()},
    )  # fmt: skip
    return SimpleNamespace(facts=facts, outputs={"checks": SimpleNamespace(chunk="c1")})


def test_each_dataset_with_rows_put_aside_has_a_line_of_the_quality_section() -> None:
    lines = list(quality(_seen(orders=(3, 1200), total=(7, 0)), ROOMS[0]))
    assert lines[1:] == [
        "- `sales.orders`: 1,200 row(s) are put aside and missing from it; in production 3.",
        "- `sales.total`: 0 row(s) are put aside and missing from it; in production 7.",
    ]


def test_where_nothing_is_put_aside_nothing_is_said() -> None:
    assert len(list(quality(_seen(), ROOMS[0]))) == 1
    assert tables.quarantined_text({}) == ""


def test_many_datasets_do_not_fill_the_page() -> None:
    lines = list(quality(_seen(**{f"d{number}": (0, 1) for number in range(9)}), ROOMS[0]))
    assert lines[-1] == "- and 3 more dataset(s) with rows put aside."
    assert len(lines) == 8


def test_the_recorded_output_has_both_sides() -> None:
    text = tables.quarantined_text({"sales.orders": (3, 1200)})
    assert "rows put aside in production" in text
    assert text.splitlines()[-1].split() == ["sales.orders", "3", "1,200"]
