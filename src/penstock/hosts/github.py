"""A workflow for GitHub that lets nothing in but what was delivered, and who must look at what.

What ran on data ran where the data is, when the change was delivered: here its evidence is verified, the model is read
and its tests run. The job that deploys needs a runner of one's own beside the ledger and the warehouse.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from penstock.model.findings import Finding, Place, Severity
from penstock.project.layout import SETTINGS_FILE

if TYPE_CHECKING:
    from penstock.model.pipelines import Project

WORKFLOW = ".github/workflows/penstock.yml"
CODEOWNERS = ".github/CODEOWNERS"
PROTECTED = (SETTINGS_FILE, "keys/", ".github/")

_TEXT = """\
# Lets nothing into {branch} but what Penstock delivered. Made by `penstock emit github`.
name: penstock

on:
  pull_request:
  push:
    branches: [{branch}]

permissions:
  contents: read

concurrency:
  group: penstock-${{{{ github.event_name }}}}-${{{{ github.ref }}}}
  cancel-in-progress: ${{{{ github.event_name == 'pull_request' }}}}

jobs:
  admit:
    if: github.event_name == 'pull_request'
    runs-on: ubuntu-latest
    timeout-minutes: 20
    steps:
      - uses: actions/checkout@v4
        with:
          fetch-depth: 0
          ref: ${{{{ github.event.pull_request.head.sha }}}}
          persist-credentials: false
      - uses: actions/setup-python@v5
        with:
          python-version: "3.12"
      - name: Install Penstock
        run: {install}
      - name: Read the whole project
        run: penstock check
      - name: Run its tests on data
        run: penstock test
      - name: Verify the evidence; let nothing else in
        env:
          BASE: ${{{{ github.event.pull_request.base.sha }}}}
        run: penstock admit --base "$BASE" --summary "$GITHUB_STEP_SUMMARY"

  deploy:
    if: github.event_name == 'push'
    # a machine of one's own, with the ledger, the warehouse and the author's key; PENSTOCK_HOME names the project
    runs-on: self-hosted
    environment: production
    timeout-minutes: 360
    concurrency:
      group: penstock-production
      cancel-in-progress: false
    steps:
      - name: Fetch what was merged
        run: git -C "$PENSTOCK_HOME" pull --ff-only
      - name: Promote it and watch it
        env:
          BEFORE: ${{{{ github.event.before }}}}
        run: |
          cd "$PENSTOCK_HOME"
          for id in $(penstock admit --base "$BEFORE" --ids); do
            code=0
            penstock change resume "$id" || code=$?
            # 4: it is in production and waits for the next interval of its observation window
            if [ "$code" -ne 0 ] && [ "$code" -ne 4 ]; then exit "$code"; fi
          done
"""


def workflow(project: Project, root: str) -> tuple[str, tuple[Finding, ...]]:
    """The workflow's text for `WORKFLOW`, and what has to be set by hand on GitHub."""
    del project, root
    text = _TEXT.format(branch="main", install="pip install penstock==VERSION  # from where your team keeps it")
    return text, tuple(_advice())


def codeowners(project: Project, root: str) -> tuple[str, tuple[Finding, ...]]:
    """Who must look at what, for `CODEOWNERS`: pipelines by their owners, and what decides about changes."""
    del root
    lines = ["# Made by `penstock emit codeowners`. Teams are the owners that pipelines and policy name."]
    lines += [f"/{path} @OWNER/data-governance" for path in PROTECTED]
    for name, pipeline in sorted(project.pipelines.items()):
        team = f"@OWNER/{_team(pipeline.owner)}"
        lines += [f"/pipelines/{name}/ {team}", f"/contracts/{name}.* {team}", f"/tests/{name}.* {team}"]
    note = Finding(
        code="emit.github_owner",
        message="OWNER and the teams are to be replaced by those of your organisation",
        severity=Severity.NOTE,
        place=Place(file=CODEOWNERS),
        remedy="write the organisation's name for OWNER; CODEOWNERS ignores teams that there are not",
    )
    return "\n".join(lines) + "\n", (note,)


def _team(owner: str) -> str:
    words = "".join(char if char.isalnum() else "-" for char in owner.casefold()).strip("-")
    return words or "data"


def _advice() -> list[Finding]:
    said = (
        ("emit.github_install", "the workflow does not know where your team keeps Penstock", "write it for VERSION"),
        (
            "emit.github_protection",
            "GitHub lets a merge happen that the workflow refuses, until the branch is protected",
            "protect main: require `admit`, up-to-date branches and code owners' reviews; no force push, no bypass",
        ),
        (
            "emit.github_runner",
            "`deploy` needs a runner beside the ledger and the warehouse",
            "have PENSTOCK_HOME name the project's folder there, and give the environment `production` its reviewers",
        ),
        (
            "emit.github_pins",
            "actions are named by their major version",
            "pin them by commit, as your policy for actions has it",
        ),
    )
    return [
        Finding(code=code, message=message, severity=Severity.NOTE, place=Place(file=WORKFLOW), remedy=remedy)
        for code, message, remedy in said
    ]
