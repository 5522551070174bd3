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
from gatebench.peers.figures import PENSTOCK, peers_report, peers_table
from gatebench.peers.homes import housed
from gatebench.peers.judge import accepted_base, judged
from gatebench.trial import Trial, Verdict, attempt, blank

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from gatebench.cases import Case
    from gatebench.peers.judge import Peer

BUILD = Path("build")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the bench; 2 if the cases or a base are broken, else 0: its verdict is the table."""
    asked = _parser().parse_args(arguments)
    try:
        cases = _chosen(read_cases(asked.cases), asked.only, seen_only=asked.seen)
        peers = housed(asked.cache.resolve() / "environments") if asked.peers else ()
        said: dict[str, list[Trial]] = {PENSTOCK: [], **{peer.tool: [] for peer in peers}}
        for done, trials in enumerate(_tried(cases, asked.cache, asked.jobs, peers, quiet=asked.quiet), start=1):
            for judge, trial in trials.items():
                said[judge].append(trial)
            _write(said, cases[:done], asked.json)
    except (CaseError, BaseError) as error:
        print(error, file=sys.stderr)
        return 2
    print(table(_judges(said[PENSTOCK], cases)))
    if peers:
        print(peers_table(said))
    return 0


def _judges(trials: Sequence[Trial], cases: Sequence[Case]) -> dict[str, Sequence[Trial]]:
    return {
        PENSTOCK: trials,
        "control: accept everything": [blank(case, Verdict.ACCEPTED) for case in cases],
        "control: refuse everything": [blank(case, Verdict.REFUSED) for case in cases],
    }


def _write(said: dict[str, list[Trial]], cases: Sequence[Case], path: Path | None) -> None:
    """Write the figures so far, so that a run that is cut off leaves what it found."""
    if path is None:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    figures = {judge: report(some) for judge, some in _judges(said[PENSTOCK], cases).items()}
    if len(said) > 1:
        figures["peers"] = peers_report(said)
    path.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m gatebench", description="Labelled changes, and what becomes of them."
    )
    parser.add_argument("--cases", type=Path, default=OWN_CASES, help="a folder of cases (default: the bench's own)")
    parser.add_argument("--only", action="append", default=[], metavar="TEXT", help="cases whose name holds TEXT")
    parser.add_argument("--seen", action="store_true", help="leave the held-out cases alone")
    parser.add_argument("--peers", action="store_true", help="give the cases to dbt and SQLMesh as well")
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


def _tried(
    cases: Sequence[Case], cache: Path, jobs: int, peers: tuple[Peer, ...], *, quiet: bool
) -> Iterator[dict[str, Trial]]:
    """What each judge says of one case after another; every base is there, and accepted by every peer, before."""
    needed = sorted({case.base for case in cases})
    with ProcessPoolExecutor(jobs) as pool:
        folder = cache.resolve()
        bases = dict(zip(needed, pool.map(partial(built, cache=folder), (BASES[name] for name in needed)), strict=True))
        pairs = [(peer, name) for peer in peers for name in needed]
        accepted = pool.map(_accepted, pairs, (bases[name] for _, name in pairs))
        taken = dict(zip(((peer.tool, name) for peer, name in pairs), accepted, strict=True))
        homes = [tuple((peer, taken[peer.tool, case.base]) for peer in peers) for case in cases]
        for done, trials in enumerate(pool.map(_judged, cases, (bases[c.base] for c in cases), homes), start=1):
            if not quiet:
                print(f"[{done}/{len(cases)}] {_line(trials)}", file=sys.stderr, flush=True)
            yield trials


def _accepted(pair: tuple[Peer, str], base: Path) -> Path:
    peer, name = pair
    return accepted_base(peer, BASES[name], base)


def _judged(case: Case, base: Path, homes: tuple[tuple[Peer, Path], ...]) -> dict[str, Trial]:
    trials = {PENSTOCK: attempt(case, base)}
    return trials | {peer.tool: judged(case, peer, base, accepted) for peer, accepted in homes}


def _line(trials: dict[str, Trial]) -> str:
    """A case in one line; of one that is held out no more than that it is done."""
    trial = trials[PENSTOCK]
    if trial.held_out:
        return f"{trial.case}: done (held out)"
    mark = "ok   " if trial.right else "WRONG"
    came = f"{trial.verdict} {trial.stage} {' '.join(trial.gates)}"
    others = "".join(f"; {judge}: {one.verdict}" for judge, one in trials.items() if judge != PENSTOCK)
    return f"{mark} {trial.label} {trial.case}: {came} {trial.seconds:.0f} s{others}"


if __name__ == "__main__":
    sys.exit(main())
