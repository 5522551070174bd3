"""What the author writes: read by our own readers, the same every time, tested by its own tests."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING

import pytest
from author_bench import (
    ANSWERS,
    base_files,
    evaluate,
    failures,
    invoice_facts,
    retail,
    signup_facts,
    signups,
    written,
)

from penstock.author.authored import GROUPS
from penstock.author.change import hand_edited, overwritten, write_change
from penstock.author.documentation import architecture_page, pipeline_page
from penstock.contract.reading import read_contract
from penstock.contract.writing import write_contract
from penstock.model.errors import InputError
from penstock.project.reading import examine, read_project

if TYPE_CHECKING:
    from penstock.model.pipelines import Project


@cache
def project(number: int) -> Project:
    return read_project(project_files(number))


def project_files(number: int) -> dict[str, bytes]:
    files = base_files()
    for other in range(1, number + 1):
        files |= {file.path: file.text.encode() for file in written(other)}
    return files


@pytest.mark.parametrize("number", [1, 2])
def test_the_project_reads_without_a_finding(number: int) -> None:
    read, findings = examine(project_files(number))
    assert findings == ()
    assert read is not None
    assert set(read.datasets) == {
        "sales.invoices",
        "sales.stg_invoices",
        "sales.stg_invoices_rejected",
        "sales.stg_invoices_counts",
        "sales.daily_revenue",
    }
    assert read.datasets["sales.daily_revenue"].reads == ("sales.stg_invoices",)


def test_the_same_story_gives_the_same_bytes() -> None:
    again = write_change(retail(1), invoice_facts(), evaluate, base=base_files())
    assert again == written(1)


def test_every_file_belongs_to_a_commit_and_commits_follow_each_other() -> None:
    groups = [file.group for file in written(1)]
    assert set(groups) == set(GROUPS)
    assert sorted(groups, key=GROUPS.index) == groups


def test_no_line_of_sql_or_tests_is_too_long_to_read() -> None:
    for file in written(2):
        if file.path.endswith((".sql", ".test.yaml", "pipeline.yaml", ".source.yaml")):
            assert max(map(len, file.text.splitlines())) <= 120, file.path
            assert file.text.endswith("\n")
            assert not file.text.endswith("\n\n")


@pytest.mark.parametrize("number", [1, 2])
def test_its_own_unit_tests_pass(number: int) -> None:
    read = project(number)
    texts = {name: project_files(number)[dataset.file].decode() for name, dataset in read.datasets.items()}
    assert len(read.tests) > 30
    assert failures(read, texts) == []


@pytest.mark.parametrize(
    ("dataset", "right", "wrong"),
    [
        ("sales.stg_invoices", "quantity > 0", "quantity >= 0"),
        ("sales.stg_invoices", "quantity > 0", "quantity > 1"),
        ("sales.stg_invoices", "unit_price > 0", "unit_price >= 0"),
        ("sales.stg_invoices", "LIKE 'C%'", "ILIKE 'C%'"),
        ("sales.stg_invoices", "NOT is_cancelled AND", ""),
        ("sales.stg_invoices", "SELECT DISTINCT", "SELECT"),
        ("sales.stg_invoices", "'^[0-9]{5}'", "'^[0-9]{4}'"),
        ("sales.stg_invoices", "'^[0-9]{5}'", "'[0-9]{5}'"),
        ("sales.stg_invoices", "_interval_start < $interval_end", "true"),
        ("sales.stg_invoices", "= TRY_CAST(Quantity AS DECIMAL(38, 9))", "IS NOT NULL"),
        ("sales.stg_invoices", "AND Country IS NOT NULL", ""),
        ("sales.stg_invoices", "regexp_replace(CustomerID, '\\.0$', '')", "CustomerID"),
        ("sales.stg_invoices_rejected", "WHERE reason <> ''", ""),
        ("sales.stg_invoices_rejected", "'; '", "' '"),
        ("sales.stg_invoices_counts", "count(*) AS staged", "count(DISTINCT file_date) AS staged"),
        ("sales.stg_invoices_counts", "CAST(sum(copies) AS BIGINT)", "count(*)"),
        ("sales.daily_revenue", "FILTER (WHERE is_sale), 0)", ", 0)"),
        ("sales.daily_revenue", "-sum(", "sum("),
        ("sales.daily_revenue", "count(DISTINCT invoice_no)", "count(invoice_no)"),
        ("sales.daily_revenue", "count(DISTINCT customer_id)", "count(DISTINCT invoice_no)"),
        ("sales.daily_revenue", "gross - returns", "gross + returns"),
        ("sales.daily_revenue", "invoiced_at < $interval_end", "invoiced_at <= $interval_end"),
        ("sales.daily_revenue", "    country,", "    'United Kingdom' AS country,"),
    ],
)
def test_its_unit_tests_catch_a_planted_fault(dataset: str, right: str, wrong: str) -> None:
    text = project_files(2)[project(2).datasets[dataset].file].decode()
    assert right in text
    assert failures(project(2), {dataset: text.replace(right, wrong)})


def test_contracts_come_back_equal_from_their_files() -> None:
    for file in written(1):
        if file.path.endswith(".odcs.yaml"):
            contract = read_contract(file.text, file.path)
            assert write_contract(contract) == file.text


def test_customers_are_tagged_where_they_are_and_absent_from_the_mart() -> None:
    read = project(1)
    personal = {
        name: [column.name for column in made.contract.columns if column.personal]
        for name, made in read.datasets.items()
        if made.contract
    }
    assert personal["sales.invoices"] == personal["sales.stg_invoices_rejected"] == ["CustomerID"]
    assert personal["sales.stg_invoices"] == ["customer_id"]
    assert personal["sales.daily_revenue"] == []


def test_a_contract_keeps_its_version_until_its_promise_changes() -> None:
    versions = {
        file.path: read_contract(file.text, file.path).version
        for file in written(2)
        if file.path.endswith(".odcs.yaml")
    }
    assert versions.pop("contracts/sales.stg_invoices.odcs.yaml") == "1.1.0"
    assert set(versions.values()) == {"1.0.0"}


def test_criteria_of_earlier_stories_stay_rules_of_the_contract() -> None:
    contracts = {f.path: read_contract(f.text, f.path) for f in written(2) if f.path.endswith(".odcs.yaml")}
    names = [rule.name for rule in contracts["contracts/sales.daily_revenue.odcs.yaml"].rules]
    assert "RETAIL-1 A1" in names
    names = [rule.name for rule in contracts["contracts/sales.stg_invoices.odcs.yaml"].rules]
    assert {"RETAIL-1 A5", "RETAIL-2 A1", "RETAIL-2 A2"} <= set(names)


def test_a_criterion_that_compares_datasets_is_no_rule_of_one_of_them() -> None:
    names = [r.name for d in project(1).datasets.values() if d.contract for r in d.contract.rules]
    assert "RETAIL-1 A5" in names
    assert "RETAIL-1 A6" not in names


def test_the_change_touches_only_what_it_must() -> None:
    assert overwritten(written(2), project_files(1)) == (
        "contracts/sales.stg_invoices.odcs.yaml",
        "pipelines/sales/stg_invoices.sql",
        "pipelines/sales/stg_invoices_counts.sql",
        "tests/sales.stg_invoices.test.yaml",
        "docs/sales.md",
        "architecture.md",
    )


def test_pages_are_those_that_the_project_itself_gives() -> None:
    files = project_files(2)
    read = read_project(files)
    assert files["architecture.md"].decode() == architecture_page(read)
    assert files["docs/sales.md"].decode() == pipeline_page(read, "sales")


def test_the_picture_shows_every_dataset_and_every_dependency() -> None:
    page = project_files(1)["architecture.md"].decode()
    read = project(1)
    for name, dataset in read.datasets.items():
        assert f"    {name.replace('.', '__')}[" in page or f"    {name.replace('.', '__')}([" in page
        for upstream in dataset.reads:
            assert f"  {upstream.replace('.', '__')} --> {name.replace('.', '__')}\n" in page


def test_untouched_files_are_not_hand_edited() -> None:
    assert hand_edited(project_files(1), [retail(1)], invoice_facts(), evaluate) == ()
    assert hand_edited(project_files(2), [retail(1), retail(2)], invoice_facts(), evaluate) == ()


def test_edited_and_deleted_files_are_found() -> None:
    files = project_files(1)
    files["pipelines/sales/daily_revenue.sql"] += b"-- my own remark\n"
    del files["monitoring/sales.slo.yaml"]
    found = hand_edited(files, [retail(1)], invoice_facts(), evaluate)
    assert found == ("monitoring/sales.slo.yaml", "pipelines/sales/daily_revenue.sql")


def test_another_pipeline_beside_it_is_no_hand_edit() -> None:
    files = project_files(1)
    change = write_change(signups(ANSWERS), signup_facts(), evaluate, base=files)
    files |= {file.path: file.text.encode() for file in change}
    assert b"marketing__daily_signups" in files["architecture.md"]
    assert hand_edited(files, [retail(1)], invoice_facts(), evaluate) == ()


def test_the_ambiguous_story_can_be_built_once_it_is_answered() -> None:
    files = base_files() | {
        file.path: file.text.encode()
        for file in write_change(signups(ANSWERS), signup_facts(), evaluate, base=base_files())
    }
    read, findings = examine(files)
    assert findings == ()
    assert read is not None
    assert b"SignedUpAt, Contact" in files["pipelines/marketing/signups.source.yaml"]
    assert failures(read, {n: files[d.file].decode() for n, d in read.datasets.items()}) == []


def test_an_unanswered_story_is_refused() -> None:
    with pytest.raises(InputError) as caught:
        write_change(replace(retail(1), owner=None), invoice_facts(), evaluate, base=base_files())
    assert caught.value.findings[0].code == "author.unanswered"


def test_what_people_add_to_a_contract_survives_when_it_is_written_anew() -> None:
    files = project_files(1)
    path = "contracts/sales.daily_revenue.odcs.yaml"
    files[path] += b"servers:\n  - {server: lake, type: local, path: lake/daily, format: parquet}\n"
    files[path] += b"support:\n  - {channel: sales}\n"
    rewritten = {file.path: file.text for file in write_change(retail(2), invoice_facts(), evaluate, base=files)}
    assert "channel: sales" in rewritten[path]
    assert "path: lake/daily" in rewritten[path]
    assert hand_edited(files, [retail(1)], invoice_facts(), evaluate) == ()


def test_a_comment_in_a_contract_is_a_hand_edit_since_it_would_be_lost() -> None:
    files = project_files(1)
    path = "contracts/sales.daily_revenue.odcs.yaml"
    files[path] = files[path] + b"# ask Jo before changing this\n"
    assert path in hand_edited(files, [retail(1)], invoice_facts(), evaluate)
