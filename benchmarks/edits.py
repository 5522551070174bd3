"""What an edit rebuilds, and what had to be: Penstock, SQLMesh and dbt on the same small project, edit by edit.

    python benchmarks/edits.py              prints the table; the peers' environments are made in build/bench
    python benchmarks/edits.py --write      writes docs/edits.md

Each tool gets the same texts in its own files, is shown the project once as it was, and is then asked what it would do
after each edit. What had to be made anew is found by executing both sides in bare DuckDB (`edit_truth.py`).
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import edit_forms
from click.testing import CliRunner
from edit_cases import CASES, Case
from edit_project import BASE, LETTERS
from edit_truth import SAMPLES, contents, moved, to_build
from peers.environments import PINS, SILENT, NotInstalledError, python_of

from penstock import __version__
from penstock.cli.main import penstock

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "edits.md"
BUILD = ROOT / "build" / "bench"
NOTHING = "–"
RESTATED = "its files are others than those read in"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a tool would build after an edit, and what it says about it; or why it refuses."""

    built: frozenset[str] = frozenset()
    says: str = ""
    refused: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Truth:
    """What has to be made anew; `breaks` if something cannot be made any more."""

    needed: frozenset[str]
    breaks: bool


# -- the tools --------------------------------------------------------------------------------------------------------


def penstock_answers(folder: Path, cases: Iterable[Case] = CASES) -> list[Answer]:
    """What `penstock plan --json` says after each edit of a project that `penstock run` has built, in `folder`."""
    _write(folder, edit_forms.penstock(BASE))
    _penstock(folder, "run")
    unedited = _read(_penstock(folder, "plan"))
    if unedited.built:
        raise SystemExit(f"Penstock would build {sorted(unedited.built)} again though nothing was edited")
    answers = []
    for case in cases:
        _write(folder, edit_forms.penstock(case.edit(BASE)))
        answers.append(_read(_penstock(folder, "plan")))
    return answers


def _penstock(folder: Path, command: str) -> Mapping[str, Any]:
    said = CliRunner().invoke(penstock, [command, "--json", "--project", str(folder)])
    envelope: Mapping[str, Any] = json.loads(said.stdout)
    return envelope


def _read(envelope: Mapping[str, Any]) -> Answer:
    if not envelope["ok"]:
        return Answer(refused=", ".join(sorted({finding["code"] for finding in envelope["findings"]})))
    steps = envelope["result"]["steps"]
    built = [step for step in steps if step["action"] in {"build", "backfill"}]
    gone = [step for step in steps if step["action"] == "remove"]
    says = [f"{_letter(step['dataset'])} removed" for step in gone]
    if built:
        first = built[0]
        says += _movements(first["columns"]) or [_moved_otherwise(first)]
    return Answer(built=frozenset(_short(step["dataset"]) for step in built), says="; ".join(says))


def _moved_otherwise(step: Mapping[str, Any]) -> str:
    """Why a dataset is built of which no column moves."""
    if RESTATED in step["reasons"]:
        return "files"
    return "no column moves" if _short(step["dataset"]) in BASE.datasets else "new"


def _movements(columns: Mapping[str, Any]) -> list[str]:
    """What moves of a dataset, and for whom."""
    said = []
    for name, move in columns.items():
        touched = [_letter(reader) for reader, effect in move["consumers"].items() if effect != "none"]
        what = "rows" if name == "*" else f"`{name}` {move['movement']}"
        said.append(f"{what}, for {' '.join(_ordered(touched))}" if touched else what)
    return said


def _short(dataset: str) -> str:
    return dataset.removeprefix("shop.")


def _letter(dataset: str) -> str:
    return LETTERS[_short(dataset)]


def peer_answers(peer: str, folder: Path, cases: Iterable[Case] = CASES) -> list[Answer]:
    """What a peer would do after each edit.

    Raises:
        NotInstalledError: it cannot be installed here.
    """
    python = python_of(peer, BUILD)
    form = {"sqlmesh": edit_forms.sqlmesh, "dbt": edit_forms.dbt}[peer]
    base, after = folder / peer / "base", folder / peer / "cases"
    _write(base, form(BASE))
    for number, project in enumerate([BASE, *(case.edit(BASE) for case in cases)]):
        _write(after / f"{number:03}", form(project))
    command = [str(python), "-m", f"peers.edits_{peer}", str(base), str(after)]
    here, environment = Path(__file__).parent, {**os.environ, **SILENT}
    done = subprocess.run(command, cwd=here, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    found = json.loads(done.stdout.strip().splitlines()[-1])
    answers = [_peer_answer(found[name]) for name in sorted(found)]
    if answers[0] != Answer():
        raise SystemExit(f"{peer} sees an edit where there is none: {answers[0]}")
    return answers[1:]


def _peer_answer(found: Mapping[str, Any]) -> Answer:
    if "refused" in found:
        return Answer(refused=found["refused"])
    return Answer(built=frozenset(found["built"]), says=", ".join(found["says"]))


def truths(cases: Iterable[Case] = CASES) -> list[Truth]:
    """What each edit really moves.

    Raises:
        SystemExit: the data does not exercise an edit that is meant to move something, or moves under one that is not.
    """
    found = []
    for case in cases:
        needed = to_build(BASE, case.edit)
        if bool(needed or moved(BASE, case.edit)) != case.moves:
            raise SystemExit(f"{case.at}, {case.name}: it is not so that moves={case.moves}")
        breaks = any(each.failure for each in contents(case.edit(BASE)).values())
        found.append(Truth(needed=frozenset(needed), breaks=breaks))
    return found


# -- the page ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One tool's answers, and how the page names it."""

    tool: str
    answers: list[Answer]


def cells(answer: Answer, truth: Truth) -> tuple[str, str]:
    """What a tool builds, `+` before what need not be and `!` before what had to be; and what it says."""
    if answer.refused:
        return "refuses", f"`{answer.refused}`"
    signs = {name: LETTERS[name] if name in truth.needed else f"+{LETTERS[name]}" for name in answer.built}
    signs |= {name: f"!{LETTERS[name]}" for name in truth.needed - answer.built}
    return " ".join(signs[name] for name in LETTERS if name in signs) or NOTHING, answer.says or NOTHING


def penstock_cells(answer: Answer) -> tuple[str, str]:
    """What Penstock builds, whether it had to or not; and what it says. See `test_edits_table.py`."""
    if answer.refused:
        return "refuses", f"`{answer.refused}`"
    return " ".join(_ordered(LETTERS[name] for name in answer.built)) or NOTHING, answer.says or NOTHING


def _ordered(letters: Iterable[str]) -> list[str]:
    return sorted(letters, key=list(LETTERS.values()).index)


def page(truth: list[Truth], columns: list[Column]) -> str:
    """The whole page."""
    heads = ["edit", "in", "had to be"] + [head for column in columns for head in (column.tool, "it says")]
    lines = [INTRODUCTION.format(count=len(CASES), samples=SAMPLES, letters=_legend(), versions=_versions())]
    group = ""
    for number, case in enumerate(CASES):
        if case.group != group:
            group = case.group
            lines += ["", f"## {group}", "", _row(heads), _row(["---"] * len(heads))]
        needed = " ".join(_ordered(LETTERS[name] for name in truth[number].needed)) or NOTHING
        told = [cell for column in columns for cell in cells(column.answers[number], truth[number])]
        lines.append(_row([case.name, case.at, needed, *told]))
    return "\n".join([*lines, "", "## Sums", "", *_sums(truth, columns), ""])


def _row(parts: Iterable[str]) -> str:
    return "| " + " | ".join(part.replace("|", "\\|") for part in parts) + " |"


def _sums(truth: list[Truth], columns: list[Column]) -> list[str]:
    rows = [_row(["", *(column.tool for column in columns)]), _row(["---", *("---:" for _ in columns)])]
    counted = {column.tool: _counted(truth, column.answers) for column in columns}
    names = next(iter(counted.values()))
    return rows + [_row([name, *(str(counted[column.tool][name]) for column in columns)]) for name in names]


def _counted(truth: list[Truth], answers: list[Answer]) -> dict[str, int]:
    """Over the edits that nothing refuses and nothing breaks, so that the columns can be compared."""
    pairs = [(each.needed, answer.built) for each, answer in zip(truth, answers, strict=True) if not each.breaks]
    return {
        "datasets that had to be built": sum(len(needed) for needed, _ in pairs),
        "datasets built": sum(len(built) for _, built in pairs),
        "of these needlessly (`+`)": sum(len(built - needed) for needed, built in pairs),
        "not built though they had to be (`!`)": sum(len(needed - built) for needed, built in pairs),
        "edits after which exactly what had to be is built": sum(needed == built for needed, built in pairs),
        "edits after which something is missing": sum(bool(needed - built) for needed, built in pairs),
        "edits": len(pairs),
    }


def _legend() -> str:
    named = [f"**{letter}** `{name}`" for name, letter in LETTERS.items()]
    return ", ".join(named)


def _versions() -> str:
    return f"Penstock {__version__}, " + ", ".join(_named(peer) for peer in ("sqlmesh", "dbt"))


def _named(peer: str) -> str:
    return " with ".join(pin.replace("==", " ") for pin in PINS[peer] if pin.startswith((peer, "dbt")))


INTRODUCTION = """\
# What an edit rebuilds

{count} edits of one small project, and what Penstock, SQLMesh and dbt would build after each. This page is written from
the tools' own answers (`python benchmarks/edits.py --write`), and a test holds Penstock's part of it against the code.
{versions}.

The project: **S** types and filters the file **o**; **D**, kept by intervals, and **C**, with the file **c**, both read
**S**; **R** reads **D** and **C**; **K**, **T** (by `*`, with a `LIMIT`) and **P** (Python) read **C**. In full:
{letters}.

**Had to be** is measured: both sides of an edit are executed in bare DuckDB, on the project's files and on {samples}
made-up sets of files, and a dataset counts if a row, a value, a type or the order of its columns is another on any of
them. So does one that is new or is to be kept in another way. In the other columns `+` is a dataset that is built and
need not be, and `!` one that has to be and is not.

**Penstock** is `penstock plan`; it says which columns of the first dataset move, and for whom. **SQLMesh** is a plan of
`prod` with the categories that it chooses by itself; built is what it would backfill. **dbt** is
`dbt ls --select state:modified+`; it says which of its comparisons found something. Of an incremental model that is
selected, dbt builds the whole only if it is told to (`--full-refresh`); here it counts as built. An owner is `meta` of
dbt's `config`, and there are no schedules in dbt. The sums are over the edits after which everything can be built."""


def main() -> None:
    """Print the page, or write it."""
    BUILD.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        try:
            columns = [
                Column(tool="Penstock", answers=penstock_answers(folder / "penstock")),
                Column(tool="SQLMesh", answers=peer_answers("sqlmesh", folder)),
                Column(tool="dbt", answers=peer_answers("dbt", folder)),
            ]
        except NotInstalledError as error:
            raise SystemExit(f"a peer cannot be installed here: {error}") from error
    text = page(truths(), columns)
    if "--write" in sys.argv[1:]:
        PAGE.write_text(text, encoding="utf-8")
    else:
        print(text)


def _write(folder: Path, files: Mapping[str, str]) -> None:
    """Make a project's files these and no others; what tools keep beside them stays."""
    kept = {folder / path for path in files}
    for root in {Path(path).parts[0] for path in files if "/" in path}:
        for path in sorted((folder / root).rglob("*.*")):
            if path.is_file() and path not in kept:
                path.unlink()
    for name, text in files.items():
        path = folder / name
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
