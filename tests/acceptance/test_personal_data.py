"""Personal data in a real project: masked, followed, reported, and held back by a delivery; the key is left nowhere."""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import TYPE_CHECKING

import pytest
from penstock_places import AUTHOR, REVIEWER, Place
from people_shop import CONTRACTS, KEY, UNTIL, VARIABLE, contract, people, story

from penstock.model.masking import TEST_KEY, MaskingSecret
from penstock.policy.gates import IMPLEMENTATION, REVIEW

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow

OTHER_KEY = "0" * 16 + "another key, and no secret"
EMAILS = ("ann@example.com", "Zoë@example.org", None)


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    monkeypatch.setenv(VARIABLE, KEY)
    return people(tmp_path)


def _hashed(value: str | None, key: str = KEY) -> str | None:
    return None if value is None else hmac.new(key.encode(), value.encode(), hashlib.sha256).hexdigest()


def test_what_is_masked_joins_and_says_no_more_than_it_should(shop: Place) -> None:
    shop.penstock("run", "--until", UNTIL)
    rows = shop.rows("SELECT * FROM crm.masked ORDER BY id", "dev")
    assert [row["person"] for row in rows] == [_hashed(email) for email in EMAILS]
    assert {name: value for name, value in rows[0].items() if name != "person"} == {
        "id": 1, "host": "example.com", "land": "+44", "born": "1980-01-01", "pay": 1000, "email": None,
    }  # fmt: skip
    joined = shop.rows("SELECT id, is_same FROM crm.joined ORDER BY id", "dev")
    assert joined == [{"id": 1, "is_same": True}, {"id": 2, "is_same": True}]


def test_another_key_makes_what_was_hashed_anew_and_nothing_else(shop: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    def stale() -> set[str]:
        steps = shop.penstock("plan", "--until", UNTIL, "--json").result["steps"]
        return {one["dataset"] for one in steps if one["action"] != "reuse"}

    shop.penstock("run", "--until", UNTIL)
    assert stale() == set()
    monkeypatch.setenv(VARIABLE, OTHER_KEY)
    assert stale() == {"crm.masked", "crm.joined"}
    shop.penstock("run", "--until", UNTIL)
    found = [row["person"] for row in shop.rows("SELECT person FROM crm.masked ORDER BY id", "dev")]
    assert found == [_hashed(email, OTHER_KEY) for email in EMAILS]
    monkeypatch.setenv(VARIABLE, KEY)
    assert shop.penstock("plan", "--until", UNTIL, "--json").result["tasks"] == 0  # its rows are still there
    monkeypatch.delenv(VARIABLE)
    for verb in (("plan",), ("explain", "crm.counted"), ("drift",), ("prune",)):  # which versions are there?
        assert "(masking.no_key)" in shop.penstock(*verb, exits=2).err
    assert len(shop.rows("SELECT person FROM crm.masked", "dev")) == len(EMAILS)


def test_what_another_tool_observed_of_a_person_is_kept_nowhere(shop: Place) -> None:
    row = {
        "success": False,
        "expectation_config": {"type": "expect_column_max_to_be_between", "kwargs": {"column": "EMAIL"}},
        "result": {"observed_value": "zoe@example.com"},
    }
    file = shop.root.parent / "result.json"
    file.write_text(json.dumps({"success": False, "suite_name": "s", "results": [row]}))
    assert "imported 1 result" in shop.penstock("quality", "crm.staged", "--import", str(file)).out
    kept = [path for path in shop.root.rglob("*") if path.is_file() and b"zoe@example.com" in path.read_bytes()]
    assert kept == []


def test_without_the_key_nothing_is_built_and_all_the_same_the_project_can_be_checked(
    shop: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(VARIABLE)
    said = shop.penstock("run", "--until", UNTIL, exits=2)
    assert "(masking.no_key)" in said.err
    assert f"the environment variable {VARIABLE}" in said.err
    monkeypatch.setenv(VARIABLE, "too short")
    said = shop.penstock("run", "--until", UNTIL, exits=2)
    assert "(masking.short_key)" in said.err
    assert "too short" not in said.err.replace("is too short", "")
    monkeypatch.delenv(VARIABLE)
    shop.penstock("check")
    shop.penstock("personal", exits=1)


def test_who_only_reads_cannot_try_out_whose_pseudonym_one_is(shop: Place) -> None:
    shop.penstock("run", "--until", UNTIL)
    said = shop.penstock("query", "SELECT mask_hash('ann@example.com')", "--env", "dev", exits=2)
    assert "masking key" in said.err


def test_data_tests_hash_under_a_key_that_everybody_knows(shop: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE)
    (shop.root / "tests").mkdir()
    case = shop.root / "tests" / "crm.masked.test.yaml"
    case.write_text(
        "dataset: crm.masked\ncases:\n  - name: one\n    given:\n      crm.staged:\n"
        "        - {id: 1, email: ann@example.com, phone: '+44 7700 900123', born: 1980-02-03, pay: 1234}\n"
        f"    expect:\n      - {{id: 1, person: {_hashed(EMAILS[0], TEST_KEY)}, pay: 1000}}\n"
    )
    shop.penstock("test", "crm.masked")
    case.write_text(case.read_text().replace(str(_hashed(EMAILS[0], TEST_KEY)), "0" * 64))
    shop.penstock("test", "crm.masked", exits=1)


def test_the_page_names_every_column_and_where_nobody_says_so(shop: Place) -> None:
    said = shop.penstock("personal", "--json", exits=1)
    columns = {f"{one['dataset']}.{one['column']}": one for one in said.result["columns"]}
    assert set(columns) == {f"crm.people.{name}" for name in ("email", "phone", "born", "pay")}
    reached = {f"{one['dataset']}.{one['column']}": one for one in columns["crm.people.email"]["reaches"]}
    assert {name: (one["masked"], one["standing"]) for name, one in reached.items()} == {
        "crm.staged.email": ("clear", "tagged"),
        "crm.masked.person": ("pseudonym", "tagged"),
        "crm.masked.host": ("generalised", "tagged"),
        "crm.joined.person": ("pseudonym", "tagged"),
        "crm.open.contact": ("clear", "untagged"),
        "crm.open.line": ("clear", "untagged"),
    }
    warned = {f["place"]["dataset"] + "." + f["place"]["field"] for f in said.findings}
    assert warned == {"crm.open.before", "crm.open.contact", "crm.open.line", "crm.counted.youngest"}
    assert said.result["open"] == 4
    assert warned == {
        f["place"]["dataset"] + "." + f["place"]["field"] for f in shop.penstock("check", "--json").findings
    }
    page = shop.penstock("personal", exits=1).out
    assert "crm.open.contact" in page
    assert "untagged" in page
    assert "4 open" in page


def test_a_project_in_which_all_is_said_has_nothing_open(shop: Place) -> None:
    tags = {"open": {"before": "VARCHAR phone", "contact": "VARCHAR email", "line": "VARCHAR email"},
            "counted": {"youngest": "DATE birth_date"}}  # fmt: skip
    for name, said in tags.items():
        text = contract(name, {**CONTRACTS[name], **said})
        (shop.root / "contracts" / f"crm.{name}.odcs.yaml").write_text(text)
    assert shop.penstock("personal").out.rstrip().endswith("nothing open")
    assert shop.penstock("check", "--json").findings == []


def test_columns_that_look_personal_and_are_not_spoken_of_are_warned_of(shop: Place) -> None:
    path = shop.root / "contracts" / "crm.people.odcs.yaml"
    columns = {name: said.replace(" phone", "") for name, said in CONTRACTS["people"].items()}
    path.write_text(contract("people", columns))
    codes = {f["place"]["field"]: f["code"] for f in shop.penstock("personal", "--json", exits=1).findings}
    assert codes["phone"] == "personal.looks_personal"
    path.write_text(contract("people", {**columns, "phone": "VARCHAR none"}))
    assert "phone" not in {f["place"]["field"] for f in shop.penstock("personal", "--json", exits=1).findings}


def test_examples_are_searched_for_values_of_persons_and_the_finding_shows_none(shop: Place) -> None:
    (shop.root / "docs").mkdir()
    page = shop.root / "docs" / "crm.md"
    page.write_text("Ask crm-team.\n\n| email |\n| --- |\n| jane.doe@gmail.com |\n| x@example.com |\n")
    said = shop.penstock("personal", "--json", exits=1)
    (found,) = (f for f in said.findings if f["code"] == "personal.sample")
    assert (found["place"]["file"], found["place"]["line"]) == ("docs/crm.md", 5)
    assert "jane" not in said.out
    page.write_text(page.read_text().replace("gmail.com |", "gmail.com | <!-- penstock: made-up -->"))
    assert "personal.sample" not in shop.penstock("personal", exits=1).out


@pytest.mark.parametrize(
    ("value", "kind", "email", "gate"),
    [
        ("email", "", "made.up@example.com", "exposed_personal_data"),
        ("mask_hash(email)", "", "made.up@example.com", "exposed_personal_data"),
        ("mask_hash(email)", "pseudonym", "jane.doe@gmail.com", "personal_data_in_sample"),
    ],
)
def test_a_delivery_is_refused_that_shows_personal_data_and_does_not_say_so(
    shop: Place, value: str, kind: str, email: str, gate: str
) -> None:
    story(shop, value, kind, email)
    shop.repository()
    said = shop.penstock("deliver", "stories/CRM-1.md", "--as", AUTHOR, "--until", UNTIL, exits=1)
    assert f"(gate.{gate})" in said.out
    assert f"{len(IMPLEMENTATION) - 1} of {len(IMPLEMENTATION)} gates hold" in said.out
    assert "jane.doe" not in said.out


def test_a_data_test_with_the_row_of_a_person_is_refused_until_the_person_is_made_up(shop: Place) -> None:
    story(shop, "mask_hash(email)", "pseudonym", "ann@example.com")
    shop.repository()
    said = shop.penstock("deliver", "stories/CRM-1.md", "--as", AUTHOR, "--until", UNTIL, exits=1).out
    assert "(gate.copied_person.personal.copied_row)" in said
    assert f"{len(REVIEW) - 1} of {len(REVIEW)} gates hold" in said
    assert "equal values in crm.staged.email" in said
    assert "ann@" not in said
    story(shop, "mask_hash(email)", "pseudonym")
    said = shop.penstock("deliver", "stories/CRM-1.md", "--as", AUTHOR, "--until", UNTIL, exits=4).out
    assert f"{len(REVIEW)} of {len(REVIEW)} gates hold" in said


@pytest.mark.parametrize(
    ("value", "kind", "shown"),
    [
        ("email", "email", list(EMAILS)),
        ("mask_hash(email)", "pseudonym", [_hashed(email) for email in EMAILS]),
        ("mask_null(email)", "", [None, None, None]),
    ],
)
def test_a_delivery_passes_that_masks_or_says_so_and_leaves_no_key(
    shop: Place, value: str, kind: str, shown: list[str | None]
) -> None:
    story(shop, value, kind)
    shop.repository()
    shop.penstock("deliver", "stories/CRM-1.md", "--as", AUTHOR, "--until", UNTIL, exits=4)
    shop.penstock("change", "approve", "CRM-1", "--as", REVIEWER)
    shop.penstock("change", "resume", "CRM-1", "--until", UNTIL)
    found = [row["reader"] for row in shop.rows("SELECT reader FROM crm.mailing ORDER BY id")]
    assert found == shown
    _assert_no_key(shop)


def _assert_no_key(place: Place) -> None:
    """Neither the key nor what stands for it is in any file: ledger, warehouse, logs, evidence, repository."""
    secret = MaskingSecret.of(KEY)
    pads = (secret.inner, secret.outer)
    wanted = (KEY.encode(), *pads, *(pad.hex().encode() for pad in pads), secret.digest.encode())
    files = [path for path in place.root.parent.rglob("*") if path.is_file()]
    assert any(path.name == "warehouse.duckdb" for path in files)
    assert [path for path in files if any(word in path.read_bytes() for word in wanted)] == []
