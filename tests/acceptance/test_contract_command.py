"""`penstock contract` on a small real project: inferred from files and from rows, checked, compared for each reader."""

from __future__ import annotations

import builtins
import random
import re
import shutil
from typing import TYPE_CHECKING, Any

import pytest
from penstock_places import Place

from penstock.adapters.odcs import validation
from penstock.contract import read_contract

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytest_plugins = ("acceptance_fixtures",)
pytestmark = pytest.mark.slow

CUSTOMERS, STAGED, ORDERS = "shop.customers", "shop.stg_orders", "shop.orders"
SOURCE = """\
description: Customers as the till writes them.
format: csv
path: data/customers.csv
columns: [code, login, mail, segment, visits, since]
"""
TYPED = """\
/* penstock
description: Customers with types.
materialize: table
*/
SELECT code, login, mail, segment, CAST(visits AS INTEGER) AS visits, CAST(since AS DATE) AS since FROM shop.customers
"""


@pytest.fixture(scope="session")
def customers_shop(once: Callable[[str, Callable[[Path], object]], Path]) -> Place:
    """The starter project with 600 customers, a source and a table without contracts, all built. Do not change it."""
    folder = once("customers_shop", _build)
    return Place(folder / "project", folder / "keys")


def _build(folder: Path) -> None:
    Place(folder, folder / "keys").spawn("init", "project")
    place = Place(folder / "project", folder / "keys")
    chance = random.Random(3)  # noqa: S311 - the same customers every time
    rows = [
        f"C{number:05},u{number},person{number}@example.com,{chance.choice(['new', 'regular', 'lapsed'])},"
        f"{chance.randint(0, 40)},20{chance.randint(18, 23)}-0{chance.randint(1, 9)}-1{chance.randint(0, 9)}"
        for number in range(600)
    ]
    header = "code,login,mail,segment,visits,since"
    (place.root / "data" / "customers.csv").write_text("\n".join([header, *rows, ""]))
    (place.root / "pipelines" / "shop" / "customers.source.yaml").write_text(SOURCE)
    (place.root / "pipelines" / "shop" / "typed.sql").write_text(TYPED)
    place.keys.mkdir(exist_ok=True)
    place.git("init", "--quiet", "--initial-branch", "main")
    place.commit()
    place.spawn("run", "--until", "2024-03-04")


@pytest.fixture
def shop(customers_shop: Place, tmp_path: Path) -> Place:
    return customers_shop.copied(tmp_path)


def rules(said: Any) -> dict[tuple[str, ...], list[str]]:
    found: dict[tuple[str, ...], list[str]] = {}
    for guess in said.result["guesses"]:
        if guess["becomes_rule"]:
            found.setdefault(tuple(guess["columns"]), []).append(guess["kind"])
    return found


# -- infer ------------------------------------------------------------------------------------------------------------


def test_a_contract_is_inferred_from_built_rows_and_holds_for_them(shop: Place) -> None:
    said = shop.penstock("contract", "infer", "shop.typed", "--json")
    assert (said.result["written"], said.result["rows"]) == (True, 600)
    assert rules(said) == {
        ("code",): ["required", "pattern", "key"],
        ("login",): ["required", "personal"],
        ("mail",): ["required", "personal"],
        ("segment",): ["required", "accepted_values"],
        ("visits",): ["required", "minimum"],
        ("since",): ["required"],
    }
    path = shop.root / "contracts" / "shop.typed.odcs.yaml"
    contract = read_contract(path.read_text(), path.name)
    assert (contract.key, contract.status, contract.owner) == (("code",), "draft", "shop-team")
    assert {column.name: column.type for column in contract.columns}["since"] == "DATE"
    assert {column.name: column.personal for column in contract.columns if column.personal} == {
        "login": "login",
        "mail": "email",
    }
    assert path.read_text().count("description: ''") == 6
    assert "example.com" not in path.read_text()
    checked = shop.penstock("contract", "check", "shop.typed", "--schema", "--json").result["contracts"]["shop.typed"]
    assert checked["outcome"] == "holds"
    assert len(checked["checks"]) >= 10


def test_print_shows_the_contract_and_writes_nothing(shop: Place) -> None:
    said = shop.penstock("contract", "infer", "shop.typed", "--print")
    assert "apiVersion: v3.1.0" in said.out
    assert "pattern ^[A-Z][0-9]{5}$" in said.out
    assert not (shop.root / "contracts" / "shop.typed.odcs.yaml").exists()


def test_files_that_nothing_is_built_of_are_looked_at_as_they_would_land(shop: Place) -> None:
    (shop.root / ".penstock").rename(shop.root / "away")
    said = shop.penstock("contract", "infer", CUSTOMERS, "--json")
    assert said.result["origin"] == "1 file(s) of the source; nothing is built"
    path = shop.root / "contracts" / f"{CUSTOMERS}.odcs.yaml"
    contract = read_contract(path.read_text(), path.name)
    assert {column.type for column in contract.columns if column.name != "_interval_start"} == {"VARCHAR"}
    assert "- property: looksLike\n            value: DATE" in path.read_text()
    assert "- property: looksLike\n            value: BIGINT" in path.read_text()
    validation_findings = validation.schema_findings(path.read_text(), path.name)
    assert validation_findings == ()


def test_a_higher_confidence_makes_fewer_rules(shop: Place) -> None:
    usual, strict = (
        shop.penstock("contract", "infer", "shop.typed", "--print", "--json", "--confidence", bar)
        for bar in ("0.8", "0.99")
    )
    assert len(rules(strict)) < len(rules(usual))
    kept = {guess["confidence"] for guess in strict.result["guesses"] if guess["becomes_rule"]}
    assert min(kept) >= 0.99


def test_an_existing_contract_stays_until_it_is_forced_and_keeps_what_people_wrote(shop: Place) -> None:
    path = shop.root / "contracts" / "shop.typed.odcs.yaml"
    shop.penstock("contract", "infer", "shop.typed", "--confidence", "1")
    mine = (
        path.read_text()
        .replace("status: draft", "status: active\nsupport:\n  - channel: shop-help")
        .replace(
            "- name: segment\n        description: ''",
            "- name: segment\n        description: How loyal.\n        tags: [loyalty]",
        )
    )
    path.write_text(mine)
    said = shop.penstock("contract", "infer", "shop.typed")
    assert path.read_text() == mine
    assert "was left as it is; --force would add" in said.out
    assert shop.penstock("contract", "infer", "shop.typed", "--force", "--json").result["written"]
    text = path.read_text()
    assert "channel: shop-help" in text
    assert "description: How loyal." in text
    assert "loyalty" in text
    assert read_contract(text, path.name).key == ("code",)
    shop.penstock("contract", "check", "shop.typed", "--schema")
    again = shop.penstock("contract", "infer", "shop.typed", "--force")
    assert "nothing is sure enough that it does not say already" in again.out
    assert path.read_text() == text


@pytest.mark.parametrize(
    ("name", "code"), [("shop.nosuch", "contract.unknown_dataset"), ("shop.unbuilt", "contract.no_rows")]
)
def test_what_cannot_be_inferred_says_why(shop: Place, name: str, code: str) -> None:
    query = TYPED.replace("code, login", "code || 'x' AS code, login")
    (shop.root / "pipelines" / "shop" / "unbuilt.sql").write_text(query)
    assert [finding["code"] for finding in shop.penstock("contract", "infer", name, "--json", exits=2).findings] == [
        code
    ]


# -- check ------------------------------------------------------------------------------------------------------------


def test_a_failing_check_counts_its_offenders_and_masks_what_is_personal(shop: Place) -> None:
    shop.penstock("contract", "infer", "shop.typed")
    path = shop.root / "contracts" / "shop.typed.odcs.yaml"
    path.write_text(path.read_text().replace("- lapsed\n", "- gone\n"))
    said = shop.penstock("contract", "check", "shop.typed", "--json", exits=1)
    (failed,) = [one for one in said.result["contracts"]["shop.typed"]["checks"] if not one["passed"]]
    assert failed["column"] == "segment"
    assert 100 < failed["failed_rows"] < 300
    assert [row["mail"] for row in failed["examples"]] == ["•••"] * 3
    text = shop.penstock("contract", "check", "shop.typed", exits=1).out
    assert "FAILS" in text
    assert "example.com" not in text


def test_a_check_that_only_warns_does_not_fail(shop: Place) -> None:
    path = shop.root / "contracts" / f"{STAGED}.odcs.yaml"
    path.write_text(
        path.read_text()
        .replace("minimum: '0'", "minimum: '100'")
        .replace("mustBe: 0", "mustBe: 0\n            severity: warning")
    )
    said = shop.penstock("contract", "check", STAGED)
    assert "warns" in said.out


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("physicalType: INTEGER", "physicalType: BIGINT", "quality.column_type"),
        ("- name: quantity", "- name: amount", "quality.column_missing"),
        ("kind: DataContract", "kind: DataContract\ncolour: blue", "contract.schema"),
        ("logicalType: integer", "logicalType: intejer", "contract.schema"),
        ("physicalType: INTEGER", "physicalType: WHOLE", "contract.unknown_type"),
        ("version: 1.0.0", "version: [", "document.not_yaml"),
    ],
)
def test_what_is_wrong_with_a_contract_ends_with_1(shop: Place, old: str, new: str, code: str) -> None:
    path = shop.root / "contracts" / f"{STAGED}.odcs.yaml"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    said = shop.penstock("contract", "check", STAGED, "--schema", "--json", exits=1)
    assert code in {finding["code"] for finding in said.findings}


def test_other_contracts_are_checked_beside_one_that_the_schema_refuses(shop: Place) -> None:
    path = shop.root / "contracts" / f"{STAGED}.odcs.yaml"
    path.write_text(path.read_text() + "colour: blue\n")
    contracts = shop.penstock("contract", "check", "--schema", "--json", exits=1).result["contracts"]
    assert contracts[STAGED]["outcome"] == "broken"
    assert contracts[ORDERS]["outcome"] == "holds"


def test_rows_of_an_environment_are_checked_where_one_is_named(shop: Place) -> None:
    contracts = shop.penstock("contract", "check", "--env", "prod", "--json").result["contracts"]
    assert {one["outcome"] for one in contracts.values()} == {"not_built"}
    contracts = shop.penstock("contract", "check", "--env", "dev", "--json").result["contracts"]
    assert {one["outcome"] for one in contracts.values()} == {"holds"}


def test_without_the_validator_the_extra_is_named(shop: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *rest: Any, **more: Any) -> Any:
        if name == "jsonschema":
            raise ImportError(name)
        return real(name, *rest, **more)

    validation._validator.cache_clear()
    monkeypatch.setattr(builtins, "__import__", without)
    said = shop.penstock("contract", "check", "--json")
    assert said.result["schema"] is False
    assert [(one["code"], one["severity"]) for one in said.findings] == [("contract.no_schema_validator", "warning")]
    refused = shop.penstock("contract", "check", "--schema", exits=2)
    assert ".[contracts]" in refused.err


# -- diff -------------------------------------------------------------------------------------------------------------


def without(text: str, column: str) -> str:
    """A contract without one column."""
    before, _, rest = text.partition(f"      - name: {column}\n")
    entry = re.match(r"(        .*\n)+", rest)
    assert entry is not None
    return before + rest[entry.end() :]


def test_a_change_is_breaking_for_those_who_read_the_column(shop: Place) -> None:
    path = shop.root / "contracts" / f"{STAGED}.odcs.yaml"
    kept = path.read_text()
    path.write_text(without(kept, "product"))
    unread = shop.penstock("contract", "diff", STAGED, "--against", "main", "--json").result
    assert (unread["effect"], unread["breaks"]) == ("breaking", [])
    assert unread["consumers"]["shop.daily_revenue"]["effect"] == "none"
    path.write_text(without(kept, "price"))
    read = shop.penstock("contract", "diff", f"{STAGED}@main", STAGED, exits=1)
    assert "breaking for shop.daily_revenue" in read.out


def test_a_contract_that_promises_more_breaks_nobody(shop: Place) -> None:
    path = shop.root / "contracts" / f"{STAGED}.odcs.yaml"
    path.write_text(path.read_text().replace("minimum: '0'", "minimum: '1'"))
    said = shop.penstock("contract", "diff", STAGED, "--json")
    assert (said.result["effect"], said.result["breaks"]) == ("additive", [])


def test_two_files_need_no_project(shop: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old, new = tmp_path / "old.yaml", tmp_path / "new.yaml"
    text = (shop.root / "contracts" / f"{STAGED}.odcs.yaml").read_text()
    old.write_text(text)
    new.write_text(text.replace("required: true", "required: false", 1))
    outside = Place(tmp_path, shop.keys)
    said = outside.penstock("contract", "diff", str(old), str(new), "--json", exits=1)
    assert said.result["breaks"] == ["readers whom nobody names"]
    named = "customProperties:\n  - property: consumers\n    value:\n      - {name: stock, columns: [product]}\n"
    old.write_text(text + named)
    assert outside.penstock("contract", "diff", str(old), str(new), "--json").result["breaks"] == []


def kinds(said: Any) -> list[tuple[str, str]]:
    return [(change["kind"], change["effect"]) for change in said.result["changes"]]


def test_a_contract_that_is_gone_is_told_from_a_dataset_that_is(shop: Place) -> None:
    best = "shop.best_day"
    (shop.root / "contracts" / f"{best}.odcs.yaml").unlink()
    assert kinds(shop.penstock("contract", "diff", best, "--json", exits=1)) == [("withdrawn", "breaking")]
    for path in (*shop.root.glob("pipelines/shop/best_day.*"), *shop.root.glob("tests/*best_day*")):
        path.unlink()
    said = shop.penstock("contract", "diff", best, "--json", exits=1)
    assert kinds(said) == [("dataset_removed", "breaking")]
    assert "the project as it stands has no dataset shop.best_day" in said.result["changes"][0]["reason"]


def test_a_first_contract_is_told_from_a_new_dataset(shop: Place) -> None:
    text = (shop.root / "contracts" / f"{STAGED}.odcs.yaml").read_text()
    first = text.replace(STAGED, "shop.typed").replace("name: stg_orders", "name: typed")
    (shop.root / "contracts" / "shop.typed.odcs.yaml").write_text(first)
    assert kinds(shop.penstock("contract", "diff", "shop.typed", "--json")) == [("introduced", "additive")]
    shutil.copy(shop.root / "pipelines/shop/typed.sql", shop.root / "pipelines/shop/typed_too.sql")
    again = first.replace("shop.typed", "shop.typed_too").replace("name: typed", "name: typed_too")
    (shop.root / "contracts" / "shop.typed_too.odcs.yaml").write_text(again)
    said = shop.penstock("contract", "diff", "shop.typed_too", "--against", "main", "--json")
    assert kinds(said) == [("dataset_added", "additive")]
    assert "main has no dataset shop.typed_too" in said.result["changes"][0]["reason"]


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("shop.stg_order", STAGED), "contract.two_datasets"),
        ((STAGED, "--against", "nosuch"), "git.no_revision"),
        (("shop.nosuch",), "contract.no_contract"),
        ((STAGED, ORDERS), "contract.two_datasets"),
        (("nosuch.yaml", STAGED), "contract.unreadable"),
    ],
)
def test_what_cannot_be_compared_says_why(shop: Place, arguments: tuple[str, ...], code: str) -> None:
    said = shop.penstock("contract", "diff", *arguments, "--json", exits=2)
    assert [finding["code"] for finding in said.findings] == [code]
