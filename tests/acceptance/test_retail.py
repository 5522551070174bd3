"""The retail example, told from the outside: what its stories promise and what production then shows."""

from __future__ import annotations

import contextlib
import json
import re
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import duckdb
import pytest
from dossier_claims import assert_is_one_page
from penstock_places import ANSWERS, AUTHOR, RETAIL, REVIEWER, Place, retail

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytest_plugins = ("acceptance_fixtures",)
pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("retail")]

EVERYTHING = "SELECT * FROM sales.daily_revenue ORDER BY day, country"
PLAIN = """
WITH lines AS (
    SELECT strftime(CAST(InvoiceDate AS TIMESTAMP), '%Y-%m-%d') AS day, Country AS country, InvoiceNo, CustomerID,
           CAST(Quantity AS BIGINT) * CAST(UnitPrice AS DECIMAL(18, 3)) AS amount,
           InvoiceNo[1] = 'C' AS cancelled,
           InvoiceNo[1] <> 'C' AND CAST(Quantity AS BIGINT) > 0 AND CAST(UnitPrice AS DECIMAL(18, 3)) > 0 AS sold
    FROM (SELECT DISTINCT * FROM raw)
    WHERE {products}
),
summed AS (
    SELECT day, country,
           round(sum(CASE WHEN sold THEN amount ELSE 0 END), 2) AS gross,
           round(-sum(CASE WHEN cancelled THEN amount ELSE 0 END), 2) AS returns,
           count(DISTINCT CASE WHEN sold THEN InvoiceNo END) AS orders,
           count(DISTINCT CASE WHEN sold THEN CustomerID END) AS customers
    FROM lines
    GROUP BY day, country
)
SELECT day, country, CAST(gross AS DECIMAL(18, 2)), CAST(returns AS DECIMAL(18, 2)),
       CAST(gross - returns AS DECIMAL(18, 2)), orders, customers
FROM summed
ORDER BY day, country
"""
"""One plain query over the raw files; it shares nothing with what Penstock writes."""

OF_RETAIL_1 = (
    "architecture.md",
    *(
        f"changes/RETAIL-1/{name}"
        for name in (
            *("alignment.md", "deployment.md", "dossier.html", "dossier.md", "plan.json", "plan.md", "profile.json"),
            *("questions.yaml", "review.json", "rollback.md", "rollout.md", "story.md"),
            *("evidence/01-discovery.dsse.json", "evidence/02-design.dsse.json"),
            *("evidence/03-implementation.dsse.json", "evidence/04-review.dsse.json"),
            *("evidence/05-approval-demo-reviewer.dsse.json", "evidence/06-deployment.dsse.json"),
            "evidence/07-observation.dsse.json",
        )
    ),
    "contracts/sales.daily_revenue.odcs.yaml",
    "contracts/sales.invoices.odcs.yaml",
    "contracts/sales.stg_invoices.odcs.yaml",
    "contracts/sales.stg_invoices_counts.odcs.yaml",
    "contracts/sales.stg_invoices_rejected.odcs.yaml",
    "docs/sales.md",
    "monitoring/sales.slo.yaml",
    "pipelines/sales/daily_revenue.sql",
    "pipelines/sales/invoices.source.yaml",
    "pipelines/sales/pipeline.yaml",
    "pipelines/sales/stg_invoices.sql",
    "pipelines/sales/stg_invoices_counts.sql",
    "pipelines/sales/stg_invoices_rejected.sql",
    "tests/sales.daily_revenue.test.yaml",
    "tests/sales.stg_invoices.test.yaml",
    "tests/sales.stg_invoices_counts.test.yaml",
    "tests/sales.stg_invoices_rejected.test.yaml",
)
"""Every file that RETAIL-1 brings, but for the recorded outputs, whose names are digests of their text."""


@pytest.fixture(scope="module")
def rolled_back(delivered: Place, tmp_path_factory: pytest.TempPathFactory) -> Place:
    place = delivered.copied(tmp_path_factory.mktemp("rolled_back"))
    place.penstock("change", "rollback", "RETAIL-2", "--reason", "finance objects")
    return place


@pytest.fixture(scope="module")
def refused(delivered: Place, tmp_path_factory: pytest.TempPathFactory) -> tuple[Place, dict[str, Any]]:
    """A copy in which RETAIL-4 was delivered, and what that said."""
    place = delivered.copied(tmp_path_factory.mktemp("refused"))
    said = place.spawn("deliver", "stories/RETAIL-4.md", "--as", AUTHOR, "--json", exits=1)
    return place, said.envelope


@pytest.fixture(scope="module")
def tampered(delivered: Place, tmp_path_factory: pytest.TempPathFactory) -> Place:
    """A copy in which files are broken and mended one after the other."""
    return delivered.copied(tmp_path_factory.mktemp("tampered"))


@pytest.fixture(scope="module")
def raw() -> Iterator[duckdb.DuckDBPyConnection]:
    """The raw lines of all files, as text, in a database of the test's own."""
    with contextlib.closing(duckdb.connect()) as connection:
        read = "CREATE TABLE raw AS SELECT * FROM read_csv(?, header = true, all_varchar = true)"
        connection.execute(read, [str(RETAIL / "data/by_day/*.csv.gz")])
        yield connection


def plainly(raw: duckdb.DuckDBPyConnection, products: str = "true") -> list[tuple[Any, ...]]:
    return raw.execute(PLAIN.format(products=products)).fetchall()


def shown(place: Place) -> list[tuple[Any, ...]]:
    """The daily revenue in production, decimals as exact as they are shown."""
    return [
        (
            row["day"],
            row["country"],
            *(Decimal(row[name]) for name in ("gross", "returns", "net")),
            row["orders"],
            row["customers"],
        )
        for row in place.rows(EVERYTHING)
    ]


def total(place: Place) -> dict[str, str]:
    sql = "SELECT sum(gross) AS gross, sum(net) AS net, count(DISTINCT day) AS days FROM sales.daily_revenue"
    return place.rows(sql)[0]


# -- the numbers ----------------------------------------------------------------------------------------------------


def test_the_revenue_of_products_is_that_of_a_plain_query_over_the_raw_files(
    delivered: Place, raw: duckdb.DuckDBPyConnection
) -> None:
    expected = plainly(raw, "regexp_matches(StockCode, '^[0-9]{5}')")
    assert len(expected) > 1500
    assert shown(delivered) == expected


def test_a_rollback_brings_the_revenue_of_all_lines_back_to_the_cent(
    rolled_back: Place, raw: duckdb.DuckDBPyConnection
) -> None:
    assert shown(rolled_back) == plainly(raw)


def test_over_all_305_days_revenue_comes_to_the_known_totals(rolled_back: Place) -> None:
    assert total(rolled_back) == {"gross": "10642110.80", "net": "9748131.07", "days": 305}


def test_customer_numbers_stay_out_of_the_mart(delivered: Place) -> None:
    columns = set(delivered.rows(f"{EVERYTHING} LIMIT 1")[0])
    assert columns == {"day", "country", "gross", "returns", "net", "orders", "customers"}


def test_after_the_delivery_nothing_is_left_to_do(delivered: Place, tmp_path: Path) -> None:
    place = delivered.copied(tmp_path)
    for change in ("RETAIL-1", "RETAIL-2"):
        assert place.penstock("change", "show", change, "--json").result["state"] == "done"
    assert place.penstock("plan", "--json").result["tasks"] == 0
    assert place.penstock("check", "--json").findings == []
    assert place.penstock("test", "--json").result["failed"] == 0
    assert place.penstock("doctor", "--json").findings == []
    assert place.git("status", "--porcelain") == ""
    assert list((place.root / ".penstock" / "worktrees").iterdir()) == []


# -- a story that leaves much open ----------------------------------------------------------------------------------


def test_an_ambiguous_story_waits_with_numbered_questions(delivered: Place, tmp_path: Path) -> None:
    place = delivered.copied(tmp_path)
    before = place.production()
    said = place.spawn("deliver", "stories/RETAIL-3.md", "--as", AUTHOR, "--json", exits=4)
    asked = {question["id"]: question["text"] for question in said.result["questions"]}
    assert list(asked) == ["Q1", "Q2", "Q3", "Q4", "Q5"]
    for question, words in {"Q1": "ready", "Q2": "kept", "Q3": "SignupTime", "Q4": "Contact", "Q5": "A2"}.items():
        assert words in asked[question]
    assert place.production() == before
    again = place.penstock("change", "resume", "RETAIL-3", "--json", exits=4)
    assert [question["id"] for question in again.result["questions"]] == list(asked)


@pytest.mark.parametrize(
    ("question", "wrong"),
    [
        ("Q1", "early"),
        ("Q2", "for ever"),
        ("Q3", "SignupMoment"),
        ("Q4", "perhaps"),
        ("Q5", "DROP TABLE marketing.daily_signups"),
        ("Q9", "07:00"),
    ],
)
def test_a_wrong_answer_is_refused_and_the_question_stays_open(asking: Place, question: str, wrong: str) -> None:
    before = asking.journal()
    said = asking.penstock("change", "answer", "RETAIL-3", question, wrong, "--json", exits=2)
    assert len(said.findings) == 1
    assert said.findings[0]["expected"]
    assert said.findings[0]["remedy"]
    assert asking.journal() == before


@pytest.fixture(scope="module")
def asking(tmp_path_factory: pytest.TempPathFactory) -> Place:
    place = retail(tmp_path_factory.mktemp("asking"))
    place.penstock("deliver", "stories/RETAIL-3.md", "--as", AUTHOR, exits=4)
    return place


def test_an_answered_story_is_built_reviewed_and_delivered(reviewed: Place, tmp_path: Path) -> None:
    place = reviewed.copied(tmp_path)
    change = place.penstock("change", "show", "RETAIL-3", "--json").result
    assert change["passed"] == ["discovery", "design", "implementation", "review"]
    assert [question["answer"] for question in change["questions"]] == list(ANSWERS.values())
    assert place.production() == {}
    place.penstock("change", "approve", "RETAIL-3", "--as", REVIEWER)
    place.penstock("change", "resume", "RETAIL-3")
    with contextlib.closing(duckdb.connect()) as connection:
        expected = connection.execute(
            """
            SELECT strftime(CAST(SignedUpAt AS TIMESTAMP), '%Y-%m-%d'), coalesce(Channel, 'unknown') AS channel,
                   count(*), count(*) FILTER (WHERE Newsletter = 'yes')
            FROM (SELECT DISTINCT * FROM read_csv(?, header = true, all_varchar = true))
            GROUP BY ALL ORDER BY ALL
            """,
            [str(RETAIL / "data/signups/*.csv")],
        ).fetchall()
    rows = place.rows("SELECT day, channel, signups, newsletters FROM marketing.daily_signups ORDER BY ALL")
    assert [tuple(row.values()) for row in rows] == expected
    assert place.penstock("change", "verify", "RETAIL-3", "--json").result["furthest"] == "observation"


# -- a harmful change -----------------------------------------------------------------------------------------------


def test_a_join_that_multiplies_rows_is_stopped_at_review(refused: tuple[Place, dict[str, Any]]) -> None:
    _, said = refused
    assert said["ok"] is False
    assert said["result"]["stage"] == "review"
    assert said["result"]["state"] == "refused"
    codes = {finding["code"] for finding in said["findings"]}
    assert {"gate.impact_mismatch.undeclared", "gate.multiplying_join"} <= codes


def test_the_refusal_names_numbers_rows_and_the_line_of_the_join(refused: tuple[Place, dict[str, Any]]) -> None:
    place, said = refused
    net = next(finding for finding in said["findings"] if finding.get("place", {}).get("field") == "net")
    assert re.search(r"9,770,919\.71 → 1[01],\d{3},\d{3}\.\d\d", net["found"])
    assert "1,347 of 1,687 rows" in net["found"]
    assert "day=2010-12-01, country=" in net["found"]
    join = next(finding for finding in said["findings"] if finding["code"] == "gate.multiplying_join")
    assert "up to 4 rows" in join["found"]
    assert "stock_code=" in join["found"]
    for finding in (net, join):
        assert finding["place"]["file"] == "pipelines/sales/daily_revenue.sql"
        text = (place.root / "stories" / "RETAIL-4" / finding["place"]["file"]).read_text()
        assert text.splitlines()[finding["place"]["line"] - 1].strip().startswith("LEFT JOIN sales.products")


def test_a_refused_change_leaves_production_as_it_was(delivered: Place, refused: tuple[Place, dict[str, Any]]) -> None:
    place, _ = refused
    assert place.production() == delivered.production()
    assert place.git("rev-parse", "main") == delivered.git("rev-parse", "main")
    assert total(place) == total(delivered)


def test_a_refused_change_cannot_be_approved(refused: tuple[Place, dict[str, Any]]) -> None:
    place, _ = refused
    said = place.penstock("change", "approve", "RETAIL-4", "--as", REVIEWER, "--json", exits=2)
    assert [finding["code"] for finding in said.findings] == ["change.not_reviewed"]


# -- the way back ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("change", ["RETAIL-1", "RETAIL-2"])
def test_the_evidence_verifies_after_the_delivery(delivered: Place, change: str) -> None:
    said = delivered.spawn("change", "verify", change, "--json").result
    assert (said["ok"], said["furthest"], said["approvers"]) == (True, "observation", [REVIEWER])


@pytest.mark.parametrize(("change", "furthest"), [("RETAIL-1", "observation"), ("RETAIL-2", "rollback")])
def test_the_evidence_verifies_after_the_rollback(rolled_back: Place, change: str, furthest: str) -> None:
    said = rolled_back.penstock("change", "verify", change, "--json").result
    assert (said["ok"], said["furthest"]) == (True, furthest)


def test_a_rollback_restores_the_files_as_well_as_the_numbers(rolled_back: Place) -> None:
    assert "[0-9]{5}" not in (rolled_back.root / "pipelines/sales/stg_invoices.sql").read_text()
    assert rolled_back.penstock("doctor", "--json").findings == []


def test_a_change_that_was_rolled_back_is_not_rolled_back_twice(rolled_back: Place) -> None:
    before = rolled_back.state()
    said = rolled_back.penstock("change", "rollback", "RETAIL-2", "--json", exits=2)
    assert len(said.findings) == 1
    assert rolled_back.state() == before


# -- who may say yes ------------------------------------------------------------------------------------------------


def test_the_author_cannot_approve(reviewed: Place, tmp_path: Path) -> None:
    place = reviewed.copied(tmp_path)
    before = place.state()
    said = place.penstock("change", "approve", "RETAIL-3", "--as", AUTHOR, "--json", exits=None)
    assert said.code in {1, 2}
    assert AUTHOR in said.findings[0]["message"]
    assert place.state() == before
    place.penstock("change", "resume", "RETAIL-3", exits=4)


def test_an_approver_whose_key_came_after_the_base_cannot_approve(reviewed: Place, tmp_path: Path) -> None:
    place = reviewed.copied(tmp_path)
    place.penstock("key", "new", "late", "--role", "approver")
    place.commit("A key that nobody asked for")
    before = place.state()
    said = place.penstock("change", "approve", "RETAIL-3", "--as", "late", "--json", exits=2)
    assert [finding["code"] for finding in said.findings] == ["change.no_approver"]
    assert place.state() == before


def test_a_key_that_the_change_itself_brings_cannot_approve(reviewed: Place, tmp_path: Path) -> None:
    place = reviewed.copied(tmp_path)
    worktree = Place(place.root / ".penstock" / "worktrees" / "RETAIL-3", place.keys)
    worktree.penstock("key", "new", "friend", "--role", "approver")
    worktree.commit("A friend")
    said = place.penstock("change", "approve", "RETAIL-3", "--as", "friend", "--json", exits=2)
    assert [finding["code"] for finding in said.findings] == ["change.no_approver"]


def test_a_branch_edited_after_the_approval_is_not_deployed(reviewed: Place, tmp_path: Path) -> None:
    place, worktree = _approved_and_edited(reviewed, tmp_path)
    worktree.commit("Twice as good")
    before = place.git("rev-parse", "main")
    said = place.penstock("change", "resume", "RETAIL-3", "--json", exits=1)
    assert {finding["code"] for finding in said.findings} == {"gate.stale_approval.changed"}
    assert place.production() == {}
    assert place.git("rev-parse", "main") == before


def test_an_edit_after_the_approval_that_was_not_committed_does_not_come_along(reviewed: Place, tmp_path: Path) -> None:
    place, _ = _approved_and_edited(reviewed, tmp_path)
    place.penstock("change", "resume", "RETAIL-3")
    assert "2 * count(*)" not in (place.root / "pipelines" / "marketing" / "daily_signups.sql").read_text()
    assert place.penstock("change", "verify", "RETAIL-3", "--json").result["ok"] is True


def _approved_and_edited(reviewed: Place, tmp_path: Path) -> tuple[Place, Place]:
    """A copy with an approved change and its worktree, in which a query was edited since."""
    place = reviewed.copied(tmp_path)
    place.penstock("change", "approve", "RETAIL-3", "--as", REVIEWER)
    worktree = Place(place.root / ".penstock" / "worktrees" / "RETAIL-3", place.keys)
    query = worktree.root / "pipelines" / "marketing" / "daily_signups.sql"
    text = query.read_text()
    assert "count(*)" in text
    query.write_text(text.replace("count(*)", "2 * count(*)", 1))
    return place, worktree


# -- the evidence ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("change", ["RETAIL-1", "RETAIL-2"])
def test_a_dossier_is_one_page_whose_every_citation_can_be_opened(delivered: Place, change: str) -> None:
    dossier = assert_is_one_page(delivered.root, change)
    chunks = set(re.findall(r"output ([0-9a-f]{12})\b", dossier))
    for chunk in chunks:
        assert delivered.penstock("change", "show", change, "--chunk", chunk, "--json").result["text"].strip()


def test_the_first_paragraph_tells_what_moves_in_what_readers_get(delivered: Place) -> None:
    first = (delivered.root / "changes" / "RETAIL-2" / "dossier.md").read_text().split("\n\n")[1]
    for name in ("gross", "returns", "net", "orders", "customers"):
        assert re.search(rf"`{name}` (falls|rises) from [\d,.]+ to [\d,.]+ \([-+][\d.]+ %\)", first), name
    assert re.search(r"of [\d,]+ rows [\d,]+ change and [\d,]+ go, from 2010-12-01 to 2011-\d\d-\d\d \(`day`\)", first)


def test_what_a_run_takes_is_measured_and_repeated(delivered: Place) -> None:
    review = json.loads((delivered.root / "changes" / "RETAIL-2" / "review.json").read_text())
    seen = review["reruns"]["sales.stg_invoices"]
    assert seen["repeat"] == "same"
    assert seen["effort"]["rows"] > 0 < seen["before"]["rows"]


def test_the_dossier_of_a_stopped_change_says_so_first(refused: tuple[Place, dict[str, Any]]) -> None:
    dossier = assert_is_one_page(refused[0].root / ".penstock" / "worktrees" / "RETAIL-4", "RETAIL-4")
    assert dossier.split("\n\n")[1].startswith("**Stopped.**")


def test_the_page_to_decide_on_is_named(delivered: Place) -> None:
    page = delivered.root / "changes" / "RETAIL-2" / "dossier.html"
    assert f"  decide on: {page}" in delivered.penstock("change", "show", "RETAIL-2").out.splitlines()


def test_a_chunk_that_nobody_recorded_cannot_be_opened(delivered: Place) -> None:
    said = delivered.penstock("change", "show", "RETAIL-1", "--chunk", "0" * 12, "--json", exits=2)
    assert [finding["code"] for finding in said.findings] == ["change.no_output"]


def test_the_list_of_what_is_tampered_with_below_is_complete(delivered: Place) -> None:
    planned = json.loads((delivered.root / "changes/RETAIL-1/plan.json").read_text())["steps"]
    folder = delivered.root / "changes" / "RETAIL-1"
    written = {path.relative_to(delivered.root).as_posix() for path in folder.rglob("*") if path.is_file()}
    outputs = {path for path in written if "/outputs/" in path}
    assert {step["file"] for step in planned} | (written - outputs) == set(OF_RETAIL_1)


@pytest.mark.parametrize("path", OF_RETAIL_1)
def test_one_flipped_bit_of_any_file_is_refused_by_name(tampered: Place, path: str) -> None:
    _refused_after_a_flip(tampered, path)


def test_one_flipped_bit_of_any_recorded_output_is_refused_by_name(tampered: Place) -> None:
    outputs = sorted((tampered.root / "changes/RETAIL-1/evidence/outputs").iterdir())
    assert len(outputs) >= 5
    for output in outputs:
        _refused_after_a_flip(tampered, output.relative_to(tampered.root).as_posix())


def _refused_after_a_flip(place: Place, path: str) -> None:
    target = place.root / path
    whole = target.read_bytes()
    place.penstock("change", "verify", "RETAIL-1")
    broken = bytearray(whole)
    broken[len(broken) // 2] ^= 1
    target.write_bytes(broken)
    try:
        said = place.penstock("change", "verify", "RETAIL-1", "--json", exits=1)
    finally:
        target.write_bytes(whole)
    assert path in {finding.get("place", {}).get("file") for finding in said.findings}


@pytest.mark.parametrize("path", ["plan.json", "dossier.md", "evidence/03-implementation.dsse.json"])
def test_a_missing_file_is_refused_by_name(delivered: Place, tmp_path: Path, path: str) -> None:
    place = delivered.copied(tmp_path)
    (place.root / "changes" / "RETAIL-1" / path).unlink()
    said = place.penstock("change", "verify", "RETAIL-1", exits=1)
    assert "NOT verified" in said.out


# -- where a project may lie ----------------------------------------------------------------------------------------


def test_a_project_may_lie_in_a_folder_of_a_larger_repository(nested: Place) -> None:
    assert nested.penstock("change", "show", "RETAIL-1", "--json").result["state"] == "done"
    assert nested.penstock("change", "verify", "RETAIL-1", "--json").result["ok"] is True
    days = nested.rows("SELECT count(DISTINCT day) AS days FROM sales.daily_revenue")[0]["days"]
    expected = sorted(path.name[:10] for path in (RETAIL / "data" / "by_day").iterdir())
    assert days == sum(day < "2010-12-18" for day in expected)
    top = nested.root.parent.parent
    changed = nested.git("log", "--format=", "--name-only", "HEAD", cwd=top).split()
    assert {path for path in changed if not path.startswith("shops/retail/")} == {"README.md"}
    assert nested.git("status", "--porcelain", cwd=top) == ""


def test_the_same_story_gives_the_same_bytes_in_every_repository(delivered: Place, nested: Place) -> None:
    first = delivered.git("log", "--format=%H", "--merges", "--reverse").split()[0]
    generated = [path for path in OF_RETAIL_1 if not path.startswith("changes/")]
    for path in [*generated, "changes/RETAIL-1/story.md"]:
        assert (nested.root / path).read_text() == delivered.git("show", f"{first}:{path}"), path
