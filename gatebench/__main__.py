"""`python -m gatebench`: try the cases, print the table, write the figures."""

from __future__ import annotations

import argparse
import json
import sys
import zlib
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from gatebench.bases import BASES, BaseError, built
from gatebench.cases import OWN_CASES, CaseError, read_cases
from gatebench.measures import report, table
from gatebench.trial import Trial, Verdict, attempt, blank

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from gatebench.cases import Case

BUILD = Path("build")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the bench; 2 if the cases or a base are broken, else 0: its verdict is the table."""
    asked = _parser().parse_args(arguments)
    try:
        cases = _chosen(read_cases(asked.cases), asked.only, seen_only=asked.seen)
        trials: list[Trial] = []
        for trial in _tried(cases, asked.cache, asked.jobs, quiet=asked.quiet):
            trials.append(trial)
            _write(trials, cases[: len(trials)], asked.json)
    except (CaseError, BaseError) as error:
        print(error, file=sys.stderr)
        return 2
    print(table(_judges(trials, cases)))
    return 0


def _judges(trials: Sequence[Trial], cases: Sequence[Case]) -> dict[str, Sequence[Trial]]:
    return {
        "penstock": trials,
        "control: accept everything": [blank(case, Verdict.ACCEPTED) for case in cases],
        "control: refuse everything": [blank(case, Verdict.REFUSED) for case in cases],
    }


def _write(trials: Sequence[Trial], cases: Sequence[Case], path: Path | None) -> None:
    """Write the figures so far, so that a run that is cut off leaves what it found."""
    if path is None:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    figures = {judge: report(some) for judge, some in _judges(trials, cases).items()}
    path.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m gatebench", description="Labelled changes, and what becomes of them."
    )
    parser.add_argument("--cases", type=Path, default=OWN_CASES, help="a folder of cases (default: the bench's own)")
    parser.add_argument("--only", action="append", default=[], metavar="TEXT", help="cases whose name holds TEXT")
    parser.add_argument("--seen", action="store_true", help="leave the held-out cases alone")
    parser.add_argument("--jobs", type=int, default=2, help="how many cases at once (default: 2)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="where the figures go")
    parser.add_argument("--cache", type=Path, default=BUILD / "gatebench", help="where built bases are kept")
    parser.add_argument("--quiet", action="store_true", help="no line for each case")
    return parser


def _chosen(cases: Sequence[Case], only: Sequence[str], *, seen_only: bool) -> tuple[Case, ...]:
    """The cases asked for, in an order that mixes bases and kinds: what a cut-off run leaves is a fair sample."""
    named = tuple(case for case in cases if not only or any(text in case.name for text in only))
    chosen = tuple(case for case in named if not (seen_only and case.held_out))
    if not chosen:
        raise CaseError("no case is left: see --only and --seen")
    return tuple(sorted(chosen, key=lambda case: zlib.crc32(case.name.encode())))


def _tried(cases: Sequence[Case], cache: Path, jobs: int, *, quiet: bool) -> Iterator[Trial]:
    needed = sorted({case.base for case in cases})
    with ProcessPoolExecutor(jobs) as pool:
        folder = cache.resolve()
        bases = dict(zip(needed, pool.map(partial(built, cache=folder), (BASES[name] for name in needed)), strict=True))
        for done, trial in enumerate(pool.map(attempt, cases, (bases[case.base] for case in cases)), start=1):
            if not quiet:
                print(f"[{done}/{len(cases)}] {_line(trial)}", file=sys.stderr, flush=True)
            yield trial


def _line(trial: Trial) -> str:
    """A case in one line; of one that is held out no more than that it is done."""
    if trial.held_out:
        return f"{trial.case}: done (held out)"
    mark = "ok   " if trial.right else "WRONG"
    came = f"{trial.verdict} {trial.stage} {' '.join(trial.gates)}"
    return f"{mark} {trial.label} {trial.case}: {came} {trial.seconds:.0f} s"


if __name__ == "__main__":
    sys.exit(main())
