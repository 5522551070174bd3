"""What a user can type or write is documented, and what the documentation shows is true of the code."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import click
import pytest
from documented import (
    COMMON,
    DOCS,
    ROOT,
    anchors,
    commands,
    fences,
    keys_read,
    links,
    options,
    pages,
    says_key,
    sections,
    variables,
    without_fences,
)

from penstock.cli.answers import BUG
from penstock.cli.main import COMMANDS
from penstock.contract.measures import OPERATORS
from penstock.contract.reading import read_contract
from penstock.model.errors import PenstockError
from penstock.model.pipelines import Settings
from penstock.policy import gates
from penstock.policy.rules import Policy
from penstock.project.answers import _PARSERS
from penstock.project.datatest_file import read_datatests
from penstock.project.export_file import read_export
from penstock.project.pipeline_file import read_pipeline
from penstock.project.python_file import read_python
from penstock.project.questions import PERSONAL_KINDS
from penstock.project.settings import read_settings
from penstock.project.slo_file import read_slos
from penstock.project.source_file import read_source
from penstock.project.sql_file import read_sql
from penstock.project.story import OWN_KEYS
from penstock.tasks import task

if TYPE_CHECKING:
    from pathlib import Path

    from penstock.model.findings import Finding

REFERENCE = DOCS / "reference"
COMMANDS_PAGE = (REFERENCE / "commands.md").read_text()
FILES_PAGE = (REFERENCE / "project-files.md").read_text()
STORIES_PAGE = (REFERENCE / "stories.md").read_text()
STORIES = ROOT / "examples" / "retail" / "stories"
PROJECT_READERS = (
    "project/settings.py",
    "project/pipeline_file.py",
    "project/source_file.py",
    "project/database_file.py",
    "project/connector_file.py",
    "project/connector_settings.py",
    "project/storage.py",
    "project/sql_file.py",
    "project/datatest_file.py",
    "project/slo_file.py",
    "project/triggers.py",
    "project/task_options.py",
    "project/command_file.py",
    "project/export_file.py",
)
STORY_READERS = ("project/story.py", "project/story_author.py", "project/story_sources.py", "project/story_datasets.py")
STAGES = (gates.DISCOVERY, gates.DESIGN, gates.IMPLEMENTATION, gates.REVIEW, gates.DEPLOYMENT, gates.OBSERVATION)


# -- commands ---------------------------------------------------------------------------------------------------------


def test_every_command_has_a_section_and_every_section_is_a_command() -> None:
    documented = {heading.strip("`") for heading in sections(COMMANDS_PAGE) if heading.startswith("`penstock ")}
    assert documented == set(commands())
    assert {words.split()[1] for words in documented} == set(COMMANDS)


@pytest.mark.parametrize("words", sorted(commands()))
def test_a_section_names_every_option_of_its_command_and_no_other(words: str) -> None:
    section = sections(COMMANDS_PAGE)[f"`{words}`"]
    prose = section.partition("```")[0]
    assert set(re.findall(r"--[a-z][a-z-]*", prose)) - COMMON == options(commands()[words])


@pytest.mark.parametrize("words", sorted(commands()))
def test_a_section_shows_its_command_being_used(words: str) -> None:
    shown = fences(sections(COMMANDS_PAGE)[f"`{words}`"], "console")
    assert len(shown) == 1
    assert shown[0].startswith(f"$ {words}")
    assert len(shown[0].splitlines()) >= 2


@pytest.mark.parametrize("words", sorted(commands()))
def test_a_section_says_which_options_must_be_given(words: str) -> None:
    section = sections(COMMANDS_PAGE)[f"`{words}`"]
    required = {
        parameter.opts[0]
        for parameter in commands()[words].params
        if isinstance(parameter, click.Option) and parameter.required
    }
    assert set(re.findall(r"^\| `(--[a-z]+) [A-Z]+` \| Required\.", section, re.MULTILINE)) == required


def test_every_command_but_init_takes_the_common_options() -> None:
    for words, command in commands().items():
        names = {name for parameter in command.params for name in parameter.opts}
        assert "--json" in names, words
        assert ("--project" in names) == (words != "penstock init"), words
    for option in COMMON:
        assert f"`{option}" in sections(COMMANDS_PAGE)["For every command"]


def test_every_exit_code_is_documented() -> None:
    listed = set(map(int, re.findall(r"^\| (\d) \|", sections(COMMANDS_PAGE)["Exit codes"], re.MULTILINE)))
    assert listed == {0, BUG, *(kind.exit_code for kind in PenstockError.__subclasses__())}


def test_every_environment_variable_is_documented() -> None:
    assert variables() >= {"PENSTOCK_KEYS", "PENSTOCK_PASSPHRASE", "XDG_CONFIG_HOME"}
    section = sections(COMMANDS_PAGE)["Environment variables"]
    assert set(re.findall(r"^\| `([A-Z_]+)` \|", section, re.MULTILINE)) == variables()


# -- project files ----------------------------------------------------------------------------------------------------


def test_every_key_of_a_project_file_is_documented() -> None:
    keys = keys_read(*PROJECT_READERS)
    assert keys >= {"warehouse", "documentation", "ready_by", "alerts", "closed", "batch", "expect", "tolerance"}
    assert sorted(key for key in keys if not says_key(FILES_PAGE, key)) == []


def test_the_policy_shown_is_the_default() -> None:
    settings = read_settings(fences(FILES_PAGE, "yaml")[0], [])
    assert settings is not None
    assert set(settings.policy) == set(Policy.__dataclass_fields__)
    assert Policy.of(settings) == Policy()
    assert settings == Settings(name="retail", policy=settings.policy)


def test_every_argument_of_a_task_is_documented() -> None:
    arguments = set(task.__kwdefaults__ or {}) | {"reads"}
    table = re.findall(r"^\| `(\w+)` \|", sections(FILES_PAGE)["`pipelines/<pipeline>/NAME.py`"], re.MULTILINE)
    assert set(table) == arguments


def test_every_operator_of_a_check_is_documented() -> None:
    section = sections(FILES_PAGE)["`contracts/<pipeline>.<dataset>.odcs.yaml`"]
    assert [operator for operator in OPERATORS if f"`{operator}`" not in section] == []


def test_every_example_of_a_project_file_can_be_read() -> None:
    found: list[Finding] = []
    page = sections(FILES_PAGE)
    pipeline, source, database, connector, slo = (
        fences(page[f"`{path}`" if "`" not in path else f"`{path}"], "yaml")[0]
        for path in (
            "pipelines/<pipeline>/pipeline.yaml",
            "pipelines/<pipeline>/NAME.source.yaml",
            "pipelines/<pipeline>/NAME.source.yaml` of a database",
            "pipelines/<pipeline>/NAME.source.yaml` of a connector",
            "monitoring/<pipeline>.slo.yaml",
        )
    )
    sql = fences(page["`pipelines/<pipeline>/NAME.sql`"], "sql")[0]
    python = fences(page["`pipelines/<pipeline>/NAME.py`"], "python")[0]
    tests = fences(page["`tests/*.test.yaml`"], "yaml")[0]
    exports = fences(page["`pipelines/<pipeline>/NAME.export.yaml`"], "yaml")
    made = (
        *(read_export("sales.customers", text, "customers.export.yaml", found) for text in exports),
        read_pipeline("sales", pipeline, "pipeline.yaml", found),
        read_source("sales.invoices", source, "invoices.source.yaml", found),
        read_source("sales.orders", database, "orders.source.yaml", found),
        read_source("sales.api_orders", connector, "api_orders.source.yaml", found),
        read_sql("sales.daily_revenue", sql, "daily_revenue.sql", found),
        read_python("sales.best_days", "best_days.py", {"best_days.py": python}, found),
        read_datatests(tests, "daily_revenue.test.yaml", found),
        read_slos(slo, "sales.slo.yaml", found),
    )
    assert found == []
    assert all(made)


def test_the_example_of_a_contract_can_be_read() -> None:
    text = fences(sections(FILES_PAGE)["`contracts/<pipeline>.<dataset>.odcs.yaml`"], "yaml")[0]
    contract = read_contract(text, "contracts/sales.daily_revenue.odcs.yaml")
    assert (contract.owner, contract.retention, contract.ready_by) == ("sales-analytics", "7 years", "06:30")
    assert [column.personal for column in contract.columns] == [None, None, "email"]
    assert [rule.severity for rule in contract.rules] == ["error", "warning"]


# -- stories ----------------------------------------------------------------------------------------------------------


def test_every_key_of_a_story_is_documented() -> None:
    keys = keys_read(*STORY_READERS)
    assert keys >= {"id", "start", "retention", "personal", "measures", "rows", "retire", "tolerance", "directory"}
    explained = without_fences(STORIES_PAGE)
    assert sorted(key for key in keys if not says_key(explained, key)) == []


def test_every_kind_of_personal_data_is_documented() -> None:
    row = next(line for line in STORIES_PAGE.splitlines() if line.startswith("| `personal` |"))
    assert [kind for kind in PERSONAL_KINDS if f"`{kind}`" not in row] == []


def test_every_question_is_documented_and_no_other() -> None:
    table = re.findall(r"^\| `(story\.\w+)` \|", sections(STORIES_PAGE)["Questions and answers"], re.MULTILINE)
    assert sorted(table) == sorted(_PARSERS)


def test_the_keys_that_a_change_does_not_inherit_are_documented() -> None:
    line = re.search(r"always the story's own: (.+)\.$", STORIES_PAGE, re.MULTILINE)
    assert line is not None
    assert set(re.findall(r"`(\w+)`", line[1])) == OWN_KEYS


def test_what_is_shown_of_a_story_stands_in_it() -> None:
    excerpts = [body.split("\n", 1) for body in fences(STORIES_PAGE, "yaml")]
    assert len(excerpts) >= 6
    for origin, excerpt in excerpts:
        assert origin.startswith("# from RETAIL-")
        story = (STORIES / f"{origin.removeprefix('# from ')}.md").read_text()
        assert excerpt in story, excerpt


# -- gates, make, links -----------------------------------------------------------------------------------------------


def test_every_gate_has_a_page() -> None:
    names = {name for stage in STAGES for name in stage}
    assert {page.stem for page in (DOCS / "gates").glob("*.md")} == {*names, "index"}


def test_every_make_target_is_in_the_readme_or_in_onboarding() -> None:
    targets = re.findall(r"^([a-z-]+):.*## ", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert {"demo", "test", "check"} <= set(targets)
    text = (ROOT / "README.md").read_text() + (DOCS / "onboarding.md").read_text()
    assert [target for target in targets if not re.search(rf"make {target}(?![\w-])", text)] == []


def test_every_file_that_onboarding_names_is_there() -> None:
    text = (DOCS / "onboarding.md").read_text()
    named = set(re.findall(r"`((?:[a-z_]+/)+(?:__init__|[a-z_]+)\.py)(?:: \w+)?`", text))
    assert len(named) > 40
    tops = (ROOT, ROOT / "src" / "penstock")
    assert sorted(name for name in named if not any((top / name).is_file() for top in tops)) == []


def test_onboarding_walks_every_floor_from_the_bottom_up() -> None:
    contract = (ROOT / "pyproject.toml").read_text().partition("layers = [")[2].partition("]")[0]
    floors = [set(re.findall(r"\w+", line)) for line in re.findall(r'"([^"]+)"', contract)]
    walk = sections((DOCS / "onboarding.md").read_text())["The floors, bottom up"]
    walked = re.findall(r"\*\*`(\w+)`\*\*", walk)
    heights = [next(height for height, names in enumerate(reversed(floors)) if name in names) for name in walked]
    assert set(walked) == set().union(*floors)
    assert heights == sorted(heights)


@pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(ROOT)))
def test_every_relative_link_leads_somewhere(page: Path) -> None:
    lost = [written for written, path, _ in links(page) if not path.exists()]
    assert lost == []
    astray = [
        written
        for written, path, heading in links(page)
        if heading and path.suffix == ".md" and heading not in anchors(path)
    ]
    assert astray == []
