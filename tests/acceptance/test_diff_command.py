"""`penstock diff` on a small real project: environments, versions, intervals, and every mistake at once."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import TYPE_CHECKING

import pytest
from penstock_places import Place

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytest_plugins = ("acceptance_fixtures",)
pytestmark = pytest.mark.slow

UNTIL = "2024-03-04"
REVENUE, ORDERS, STAGED = "shop.daily_revenue", "shop.orders", "shop.stg_orders"
INJECTED = "<script>alert('\"1\"')</script>"
BOTH_DAYS = ("--interval", "2024-03-02", "--against", "2024-03-01")


@pytest.fixture(scope="session")
def two_environments(once: Callable[[str, Callable[[Path], object]], Path]) -> Place:
    """The starter project in `dev`, and in `trial` with twice the revenue. Do not change it."""
    folder = once("two_environments", _build)
    return Place(folder / "project", folder / "keys")


def _build(folder: Path) -> None:
    Place(folder, folder / "keys").spawn("init", "project")
    place = Place(folder / "project", folder / "keys")
    csv = place.root / "data" / "orders" / "2024-03-01.csv"
    csv.write_text(csv.read_text() + f'A9,2024-03-01 12:00:00,"{INJECTED.replace(chr(34), chr(34) * 2)}",1,1.00\n')
    contract = place.root / "contracts" / "shop.stg_orders.odcs.yaml"
    contract.write_text(
        contract.read_text().replace(
            "      - name: order_id\n", "      - name: order_id\n        classification: pii\n"
        )
    )
    place.spawn("run", "--until", UNTIL)
    query = place.root / "pipelines" / "shop" / "daily_revenue.sql"
    query.write_text(query.read_text().replace("sum(quantity * price)", "sum(2 * quantity * price)"))
    staged = place.root / "pipelines" / "shop" / "stg_orders.sql"
    staged.write_text(staged.read_text().replace("  order_id,", "  order_id || '-' AS order_id,"))
    place.spawn("run", "--until", UNTIL, "--env", "trial")


def test_two_environments_differ_by_row_column_and_distribution(two_environments: Place) -> None:
    result = two_environments.penstock("diff", "dev", "trial", "--json").result
    found = result["datasets"][REVENUE]
    assert (found["key"], found["added"], found["removed"], found["changed"]) == (["day"], 0, 0, 3)
    assert found["columns"]["revenue"]["changed_rows"] == 3
    example = {"key": {"day": "2024-03-01"}, "column": "revenue", "old": "13.70", "new": "27.40"}
    assert found["examples"][0] == example
    assert set(found["distributions"]) == {"revenue"}
    shape = found["distributions"]["revenue"]
    assert (shape["old"]["max"], shape["new"]["max"], sum(shape["histogram"]["new"])) == ("18.80", "37.60", 3)
    assert result["same"] == [ORDERS]


def test_text_tells_the_same_in_aligned_lines(two_environments: Place) -> None:
    said = two_environments.penstock("diff", "dev", "trial", "--dataset", REVENUE).out
    assert f"{REVENUE}: 3 → 3 rows, compared by day\n  rows: 0 added, 0 removed, 3 changed\n" in said
    assert re.search(r"^  revenue +3 +39\.10 +78\.20 +\+100\.00 %$", said, re.MULTILINE)
    assert "did not move: day, orders" in said
    assert "e.g. day=2024-03-01: revenue was 13.70, is 27.40" in said


def test_personal_values_are_masked_everywhere(two_environments: Place, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    command = ("diff", "dev", "trial", "--dataset", STAGED, "--distributions", "all", "--html", str(page))
    texts = [
        two_environments.penstock(*command).out,
        two_environments.penstock(*command, "--json").out,
        page.read_text(),
    ]
    for text in texts:
        assert "•••" in text
        assert not re.search(r"\bA[1-9]-?\b", text)


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.links: list[str | None] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.links += [value for name, value in attrs if name in {"href", "src"}]


def test_the_page_stands_alone_and_escapes_what_the_data_holds(two_environments: Place, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    two_environments.penstock("diff", "dev", "trial", "--distributions", "all", "--html", str(page))
    read = _Tags()
    read.feed(page.read_text())
    assert {"svg", "rect", "table"} <= read.tags
    assert not read.tags & {"script", "img", "link", "iframe"}
    assert all(link is not None and link.startswith("#") for link in read.links)
    assert "&lt;script&gt;" in page.read_text()


def test_versions_are_named_by_as_much_as_tells_them_apart(two_environments: Place) -> None:
    versions = re.findall(rf"{REVENUE}@\w+", two_environments.penstock("diff", f"{REVENUE}@-", "dev", exits=2).err)
    old, new = dict.fromkeys(versions)
    short = [version[: len(REVENUE) + 6] for version in (old, new)]
    result = two_environments.penstock("diff", *short, "--json").result
    assert result["datasets"][REVENUE]["columns"]["revenue"]["new_total"] == "78.20"
    beside = two_environments.penstock("diff", short[0], "trial", "--json").result
    assert set(beside["datasets"]) == {REVENUE}
    assert beside["datasets"][REVENUE]["changed"] == 3
    both = two_environments.penstock("diff", f"{REVENUE}@", "dev", "--json", exits=2)
    assert [finding["code"] for finding in both.findings] == ["diff.version_ambiguous"]


def test_two_intervals_are_compared_without_the_column_that_tells_them_apart(two_environments: Place) -> None:
    result = two_environments.penstock("diff", "dev", "--dataset", REVENUE, *BOTH_DAYS, "--json").result
    found = result["datasets"][REVENUE]
    assert (result["old"], result["new"]) == ("dev 2024-03-01/2024-03-02", "dev 2024-03-02/2024-03-03")
    assert (found["old_rows"], found["new_rows"], found["key"]) == (1, 1, [])
    assert set(found["columns"]) == {"revenue", "orders"}
    staged = two_environments.penstock(
        "diff", "dev", "--dataset", STAGED, *BOTH_DAYS, "--key", "product,ordered_at", "--json"
    ).result["datasets"][STAGED]
    assert (staged["old_rows"], staged["new_rows"], staged["key"]) == (4, 2, ["product"])


@pytest.mark.parametrize("window", [("--since", "2024-03-03"), ("--interval", "2024-03-03")])
def test_both_sides_are_narrowed_to_a_window(two_environments: Place, window: tuple[str, ...]) -> None:
    result = two_environments.penstock("diff", "dev", "trial", *window, "--json").result
    assert (result["datasets"][REVENUE]["old_rows"], result["datasets"][REVENUE]["changed"]) == (1, 1)
    assert result["left_out"] == ["shop.best_day"]


def test_every_mistake_is_told_at_once(two_environments: Place) -> None:
    said = two_environments.penstock(
        *("diff", f"{REVENUE}@zz", "nowhere", "--dataset", "shop.best_day", "--key", "nope", "--interval", "2024-13"),
        *("--against", "yesterday", "--since", "2024-03-01", "--json"),
        exits=2,
    )
    assert {finding["code"] for finding in said.findings} == {
        "diff.version_unknown", "environment.empty", "diff.moment", "diff.window_twice", "diff.key_unknown",
    }  # fmt: skip
    assert sum(finding["code"] == "diff.moment" for finding in said.findings) == 2
    assert all(finding["remedy"] and finding["expected"] for finding in said.findings)


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("--against", "2024-03-01"), "diff.against_alone"),
        (("--since", "2024-03-02", "--until", "2024-03-01"), "diff.moment"),
        (BOTH_DAYS, "diff.one_dataset"),
        (("--dataset", "shop.best_day", "--interval", "2024-03-01"), "diff.no_interval"),
        (("--dataset", "shop.nothing"), "diff.dataset_unknown"),
        (("--key", "day"), "diff.key_of_what"),
        (("--html", "nowhere/page.html"), "diff.unwritable"),
    ],
)
def test_a_mistake_names_what_to_do(two_environments: Place, arguments: tuple[str, ...], code: str) -> None:
    said = two_environments.penstock("diff", "dev", "trial", *arguments, "--json", exits=2)
    assert [finding["code"] for finding in said.findings] == [code]
