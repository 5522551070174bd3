"""What starts a pipeline: schedules that may be missing, triggers, catch-up, pauses; pools and the ledger's place."""

from __future__ import annotations

from datetime import timedelta

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from reading_cases import FILES, PIPELINE, edited, error, errors, project

from penstock.model.pipelines import CatchUp, DatasetTrigger, FilesTrigger, SqlTrigger

SCHEDULE = 'schedule: "0 6 * * *"\ntimezone: Europe/London\n'
OTHER = "pipelines/bank/pipeline.yaml"
RATES = "pipelines/bank/rates.source.yaml"
BANK = {
    OTHER: "owner: bank-team\nschedule: '@daily'\nstart: 2024-03-01\n",
    RATES: "format: csv\npath: data/rates.csv\ncolumns: [day, rate]\n",
}


def with_triggers(*lines: str, schedule: str = "") -> str:
    """The pipeline's text with these lines under `triggers:` (from line 4 on) in place of its schedule."""
    listed = "".join(f"  {line}\n" for line in lines)
    return edited(PIPELINE, SCHEDULE, schedule) + f"triggers:\n{listed}"


# -- penstock.yaml ------------------------------------------------------------------------------------------------


def test_pools_and_the_ledger_are_read() -> None:
    text = "name: shop\npools: {heavy: 2, bank_api: 1}\nledger: state/ledger.db\n"
    settings = project({"penstock.yaml": text}).settings
    assert dict(settings.pools) == {"heavy": 2, "bank_api": 1}
    assert settings.ledger == "state/ledger.db"
    assert project({"penstock.yaml": "name: shop\nledger: postgres\n"}).settings.ledger == "postgres"


def test_without_pools_and_ledger_there_are_defaults() -> None:
    settings = project().settings
    assert (dict(settings.pools), settings.ledger) == ({}, ".penstock/ledger.db")


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("ledger: ../ledger.db", "project.outside"),
        ("ledger: /var/ledger.db", "project.outside"),
        ("ledger: .", "project.outside"),
        ("ledger: ''", "project.outside"),
        ("ledger: [a]", "document.kind"),
        ("pools: heavy", "document.kind"),
        ("pools: {heavy: 0}", "document.range"),
        ("pools: {heavy: many}", "document.kind"),
        ("pools: {heavy: }", "document.missing_key"),
        ("pools: {Heavy: 1}", "project.bad_name"),
        ("pools: {3: 1}", "project.bad_name"),
    ],
)
def test_wrong_pools_and_ledgers_are_named_with_their_line(line: str, code: str) -> None:
    assert error("penstock.yaml", f"name: shop\n{line}\n") == (code, "penstock.yaml", 2)


# -- schedules ----------------------------------------------------------------------------------------------------


def test_a_pipeline_of_triggers_needs_no_schedule() -> None:
    read = project({**BANK, PIPELINE: with_triggers("- dataset: bank.rates")}).pipelines["shop"]
    assert read.schedule is None
    assert read.triggers == (DatasetTrigger(dataset="bank.rates"),)


@pytest.mark.parametrize("word", ["manual", "Manual", "' manual '"])
def test_a_manual_pipeline_needs_no_schedule(word: str) -> None:
    read = project({PIPELINE: edited(PIPELINE, '"0 6 * * *"', word)}).pipelines["shop"]
    assert read.schedule is None


def test_local_times_without_a_schedule_are_in_the_zone_given() -> None:
    read = project({PIPELINE: edited(PIPELINE, '"0 6 * * *"', "manual")}).pipelines["shop"]
    assert read.timezone == "Europe/London"
    assert error(PIPELINE, edited(PIPELINE, SCHEDULE, "schedule: manual\ntimezone: Europe/Londom\n"))[0] == (
        "project.bad_schedule"
    )


@pytest.mark.parametrize("line", ["", "schedule:\n", "triggers: []\n"])
def test_a_pipeline_that_nothing_starts_is_a_mistake(line: str) -> None:
    code, file, _ = error(PIPELINE, edited(PIPELINE, SCHEDULE, line))
    assert (code, file) == ("document.missing_key", PIPELINE)


def test_a_wrong_field_and_a_wrong_zone_are_two_mistakes_with_their_lines() -> None:
    text = edited(PIPELINE, SCHEDULE, 'schedule: "61 6 * * *"\ntimezone: Europe/Londom\n')
    assert [(found.code, found.place.line) for found in errors({PIPELINE: text})] == [
        ("project.bad_schedule", 2),
        ("project.bad_schedule", 3),
    ]


def test_catch_up_pause_concurrency_and_priority_have_defaults() -> None:
    read = project().pipelines["shop"]
    assert (read.catchup, read.paused, read.concurrency, read.priority) == (CatchUp.LAST, False, None, 0)


def test_catch_up_pause_concurrency_and_priority_are_read() -> None:
    more = "catchup: all\npaused: true\nconcurrency: 2\npriority: -5\n"
    read = project({PIPELINE: FILES[PIPELINE] + more}).pipelines["shop"]
    assert (read.catchup, read.paused, read.concurrency, read.priority) == (CatchUp.ALL, True, 2, -5)


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("catchup: some", "document.choice"),
        ("catchup: true", "document.kind"),
        ("paused: maybe", "document.kind"),
        ("concurrency: 0", "document.range"),
        ("concurrency: 1.5", "document.kind"),
        ("priority: 1001", "document.range"),
        ("priority: -1001", "document.range"),
        ("priority: high", "document.kind"),
    ],
)
def test_wrong_words_beside_the_schedule_are_named_with_their_line(line: str, code: str) -> None:
    assert error(PIPELINE, f"{FILES[PIPELINE]}{line}\n") == (code, PIPELINE, 5)


# -- triggers -----------------------------------------------------------------------------------------------------


def test_triggers_of_every_kind_are_read_beside_a_schedule() -> None:
    text = with_triggers(
        "- dataset: bank.rates",
        "- {files: data/in/*.csv, settle: 30s, every: 1m}",
        "- {sql: SELECT max(day) FROM bank.rates, every: 1h}",
        schedule=SCHEDULE,
    )
    read = project({**BANK, PIPELINE: text}).pipelines["shop"]
    assert read.schedule is not None
    assert read.triggers == (
        DatasetTrigger(dataset="bank.rates"),
        FilesTrigger(path="data/in/*.csv", settle=timedelta(seconds=30), every=timedelta(minutes=1)),
        SqlTrigger(sql="SELECT max(day) FROM bank.rates", every=timedelta(hours=1)),
    )


def test_how_often_triggers_look_has_defaults() -> None:
    text = with_triggers("- files: data/in/*.csv", "- sql: SELECT 1")
    files, sql = project({PIPELINE: text}).pipelines["shop"].triggers
    assert files == FilesTrigger(path="data/in/*.csv", settle=timedelta(seconds=10), every=timedelta(seconds=30))
    assert sql == SqlTrigger(sql="SELECT 1", every=timedelta(minutes=5))


@pytest.mark.parametrize(
    ("item", "code"),
    [
        ("dataset: bank.ratse", "project.unknown_dataset"),
        ("dataset: shop.orders", "project.own_trigger"),
        ("dataset: shop", "project.own_trigger"),
        ("dataset: ''", "project.unknown_dataset"),
        ("{}", "project.bad_trigger"),
        ("{dataset: bank.rates, files: data/*.csv}", "project.bad_trigger"),
        ("{dataset: bank.rates, every: 5m}", "project.bad_trigger"),
        ("{dataset: bank.rates, settle: 5m}", "project.bad_trigger"),
        ("{sql: SELECT 1, settle: 5m}", "project.bad_trigger"),
        ("{dataset: bank.rates, evry: 5m}", "document.unknown_key"),
        ("files: ../in/*.csv", "project.outside"),
        ("files: /in/*.csv", "project.outside"),
        ("files: ''", "project.bad_pattern"),
        ("files: ' data/*.csv'", "project.bad_pattern"),
        ('files: "data/\\a.csv"', "project.bad_pattern"),
        ("files: .penstock/*", "project.bad_pattern"),
        ("files: ./.git/*", "project.bad_pattern"),
        ("files: data/**.csv", "project.bad_pattern"),
        ("files: s3://orders/in/*.csv", "project.bad_pattern"),
        ("{files: data/*.csv, every: soon}", "project.bad_duration"),
        ("{files: data/*.csv, every: 0s}", "project.bad_duration"),
        ("{files: data/*.csv, every: 0.1s}", "project.bad_duration"),
        ("{files: data/*.csv, settle: 367d}", "project.bad_duration"),
        ("{files: data/*.csv, settle: 99999999999999999999d}", "project.bad_duration"),
        ("sql: DROP TABLE bank.rates", "sql.not_a_query"),
        ("sql: SELECT 1; SELECT 2", "sql.several_statements"),
        ("sql: SELECT * FROM 'data/rates.csv'", "sql.file_read"),
        ("sql: SELECT * FROM rates", "sql.not_a_dataset"),
        ("sql: SELECT 1 FROM bank.ratse", "project.unknown_dataset"),
        ("{sql: 'SELECT max(day) FROM bank.rates WHERE day < $interval_end'}", "project.unbound_parameter"),
        ("{sql: 'SELECT $today'}", "sql.unknown_parameter"),
    ],
)
def test_a_wrong_trigger_is_named_with_its_line(item: str, code: str) -> None:
    text = with_triggers("- files: data/first.csv", f"- {item}")
    (found,) = errors({**BANK, PIPELINE: text})
    assert (found.code, found.place.file, found.place.line) == (code, PIPELINE, 5)
    assert found.expected
    assert found.remedy


@pytest.mark.parametrize("triggers", ["dataset", "{dataset: bank.rates}", "[bank.rates]"])
def test_triggers_are_a_list_of_mappings(triggers: str) -> None:
    text = edited(PIPELINE, SCHEDULE, f"triggers: {triggers}\n")
    assert error(PIPELINE, text) == ("document.kind", PIPELINE, 2)


def test_a_trigger_that_is_listed_twice_is_named() -> None:
    text = with_triggers("- files: data/a.csv", "- {files: data/a.csv, every: 1m}")
    (found,) = errors({PIPELINE: text})
    assert (found.code, found.place.line) == ("project.repeated_trigger", 5)


def test_every_wrong_trigger_is_named_at_once() -> None:
    text = with_triggers("- dataset: shop.daily", "- files: /in", "- sql: DROP", "- {}")
    assert [found.place.line for found in errors({PIPELINE: text})] == [4, 5, 6, 7]
    text = with_triggers("- dataset: bank.ratse", "- files: data/in.csv", "- sql: SELECT 1 FROM bank.day, bank.night")
    assert [found.place.line for found in errors({**BANK, PIPELINE: text})] == [4, 6, 6]


def test_the_nearest_dataset_is_offered() -> None:
    (found,) = errors({**BANK, PIPELINE: with_triggers("- dataset: bank.ratse")})
    assert found.expected == "perhaps bank.rates"


def test_a_dataset_whose_file_is_broken_is_no_second_mistake() -> None:
    (found,) = errors({**BANK, RATES: "format: csv\n", PIPELINE: with_triggers("- dataset: bank.rates")})[1:]
    assert found.place.file == RATES


RING = {
    OTHER: "owner: bank-team\nstart: 2024-03-01\ntriggers:\n  - files: data/x.csv\n  - dataset: shop.daily\n",
    RATES: BANK[RATES],
    PIPELINE: with_triggers("- dataset: bank.rates"),
}


def test_pipelines_that_start_each_other_are_named_once() -> None:
    (found,) = errors({**RING})
    assert (found.code, found.place.file, found.place.line) == ("project.trigger_ring", OTHER, 5)
    assert "bank waits for shop waits for bank" in found.message


def test_pipelines_that_only_wait_in_a_row_are_no_ring() -> None:
    third = {
        "pipelines/desk/pipeline.yaml": "owner: desk\nstart: 2024-03-01\ntriggers: [{dataset: bank.rates}]\n",
        "pipelines/desk/prices.source.yaml": "format: csv\npath: data/p.csv\ncolumns: [day]\n",
    }
    assert errors({**BANK, **third, PIPELINE: with_triggers("- dataset: bank.rates", "- dataset: desk.prices")}) == []


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12) | st.dates(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8) | st.integers(), inner, max_size=3),
    max_leaves=6,
)
item = st.dictionaries(st.sampled_from(["dataset", "files", "sql", "every", "settle"]), values, max_size=3)


@settings(max_examples=150, deadline=None)
@given(
    given=st.dictionaries(
        st.sampled_from(["schedule", "timezone", "catchup", "paused", "concurrency", "priority"]), values
    ),
    triggers=st.lists(item | values, max_size=3) | values,
    pools=values,
)
def test_whatever_stands_there_is_read_or_refused(given: dict[str, object], triggers: object, pools: object) -> None:
    pipeline = yaml.safe_dump({"owner": "shop", "start": "2024-03-01", **given, "triggers": triggers})
    top = yaml.safe_dump({"name": "shop", "pools": pools, "ledger": given.get("schedule")})
    found = errors({PIPELINE: pipeline, "penstock.yaml": top})
    assert all(each.place.file for each in found)
