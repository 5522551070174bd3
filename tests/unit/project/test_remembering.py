"""A project that is remembered is the project that was read."""

from __future__ import annotations

import inspect
from dataclasses import is_dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum

import pytest
from reading_cases import FILES, PIPELINE, project

from penstock.model import connectors, contracts, datatests, exports, intervals, pipelines, queries, schedule
from penstock.model.intervals import Interval
from penstock.model.pipelines import CommandTask, Materialization, Project, Slice
from penstock.model.sources import Closed
from penstock.model.tasks import TaskKind
from penstock.project import remembering

MODELS = (connectors, contracts, datatests, exports, intervals, pipelines, queries, schedule)
NOT_OF_A_PROJECT = {Slice, TaskKind, schedule.Mistake, schedule._Field}
TRIGGERS = (
    "triggers:\n  - files: data/*.csv\n  - dataset: bank.rates\n"
    '  - sql: "SELECT count(*) > 3 FROM bank.rates"\n    every: 5m\n'
)
EVERYTHING: dict[str, str | bytes | None] = {
    PIPELINE: (
        FILES[PIPELINE] + "sla: {ready_by: '07:30'}\nalerts: [{on: failure, to: file}]\ncatchup: all\n" + TRIGGERS
    ),
    "pipelines/bank/pipeline.yaml": "owner: bank\nschedule: manual\nstart: 2024-03-01\nretries: {attempts: 5}\n",
    "pipelines/bank/rates.source.yaml": (
        "format: csv\npath: data/r-{interval_start:%Y-%m-%d}.csv\ninterval: day\ncolumns: [day, rate]\n"
        "closed: {weekdays: [saturday, sunday], dates: [2024-12-25]}\n"
    ),
    "pipelines/bank/accounts.source.yaml": (
        "format: airbyte\ncommand: [source-bank]\nstream: accounts\n"
        "secrets: {key: BANK_KEY, pin: {file: .penstock/pin}}\n"
        "columns: {id: BIGINT}\nmaterialize: merge\nkey: [id]\nignore: [iban]\ndrift: evolve\nmemory: 512MB\n"
    ),
    "pipelines/bank/told.command.yaml": "run: [sh, commands/tell.sh]\nreads: {rates: bank.rates}\nformat: csv\n",
    "commands/tell.sh": "#!/bin/sh\n",
    "pipelines/bank/told.export.yaml": (
        "format: postgres\nconnection: REPORTS\ntable: all.told\nkey: [day]\ncolumns: [day, rate]\npersonal: [rate]\n"
    ),
    "pipelines/bank/files.export.yaml": "dataset: bank.told\npath: out/told.csv\ndescription: For all.\nmode: whole\n",
    "penstock.yaml": "name: shop\npools: {api: 2}\nparallel: 3\nretention: {versions: 30d}\npolicy: {approvals: 2}\n",
}


def test_a_project_of_everything_comes_back_as_it_was() -> None:
    whole = project(EVERYTHING)
    assert remembering.load(remembering.dump(whole)) == whole


def test_the_order_of_pipelines_and_datasets_comes_back() -> None:
    whole = project(EVERYTHING)
    again = remembering.load(remembering.dump(whole))
    assert list(again.datasets) == list(whole.datasets)
    assert list(again.pipelines) == list(whole.pipelines)


@pytest.mark.parametrize(
    "value",
    [
        None,
        True,
        0,
        -(10**30),
        0.1,
        "",
        "\ud800 \n \U0001f600",
        (),
        ((1, (2,)), "x"),
        [1, [2]],
        {},
        {"%": "Project", "of": [1]},
        {"a": {"b": ({"c": 1},)}},
        {1: 2},
        frozenset({3, 1}),
        Decimal("1.10"),
        date(2024, 2, 29),
        datetime(2024, 2, 29, 1, 2, 3, 4, tzinfo=UTC),
        time(6, 30),
        timedelta(days=-1, microseconds=1),
        Interval(datetime(2024, 1, 1, tzinfo=UTC), datetime(2024, 1, 2, tzinfo=UTC)),
        Materialization.MERGE,
        Closed(weekdays=frozenset({5, 6}), dates=frozenset({date(2024, 12, 25)})),
        CommandTask(argv=("x",), reads_by_parameter={"of": "%"}, code_digest="d"),
    ],
    ids=repr,
)
def test_any_value_that_a_model_may_hold_comes_back(value: object) -> None:
    whole = project()
    held = replace(whole, settings=replace(whole.settings, policy={"it": value}))
    again = remembering.load(remembering.dump(held)).settings.policy["it"]
    assert again == value
    assert type(again) is type(value)


def test_every_class_of_the_model_is_known() -> None:
    """A class that is added to the model and not here would be met in a user's project first."""
    for module in MODELS:
        for kind in vars(module).values():
            own = inspect.isclass(kind) and kind.__module__ == module.__name__
            if own and (is_dataclass(kind) or issubclass(kind, Enum)) and kind not in NOT_OF_A_PROJECT:
                assert kind in (*remembering._MODELS, *remembering._WORDS)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "null",
        "[",
        "{}",
        '{"%":"Project"}',
        '{"%":"Popen","args":["x"]}',
        '{"%":"Limits","pool":"x"}',
        '{"%":"Project","settings":1,"pipelines":2,"datasets":3,"more":4}',
        '{"%":"Grain","of":"century"}',
        '{"%":"date","of":7}',
    ],
)
def test_any_other_text_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".*"):
        remembering.load([text])


def test_a_text_cut_anywhere_is_refused() -> None:
    for number, line in enumerate(lines := list(remembering.dump(project()))):
        for length in range(0, len(line), 97):
            with pytest.raises(ValueError, match=r".*"):
                remembering.load([*lines[:number], line[:length]])


def test_equal_defaults_are_shared() -> None:
    """Ten thousand pipelines are held in memory while they are served."""
    again = remembering.load(remembering.dump(project(EVERYTHING)))
    assert isinstance(again, Project)
    limits = [dataset.limits for dataset in again.datasets.values()]
    assert all(limit is limits[0] for limit in limits)
