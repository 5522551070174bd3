"""Runs one penstock command and kills it (SIGKILL, its own hand) at the N-th durable step that it comes to.

    python tests/faults/killing.py --count -- deliver stories/SHOP-1.md --as ana     name every step, kill nothing
    python tests/faults/killing.py --at 17 -- deliver stories/SHOP-1.md --as ana     die at the seventeenth
    python tests/faults/killing.py --serve                                           lines of JSON, each run in a fork

The steps are put around the adapters from here: the ledger's append, the warehouse's publish, swap and drop, every file
that is written, every call of git that changes something. A step "within" also leaves what a kill inside of it leaves:
half a file, git's index.lock, a worktree that is half there. The product knows nothing of all this.
"""

from __future__ import annotations

import argparse
import errno
import functools
import json
import os
import resource
import signal
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

KEPT_VARIABLES = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "VIRTUAL_ENV", "PYTHONPATH")
NEVER = 3600.0
LATE = (
    "penstock.adapters.ledger.sqlite",
    "penstock.adapters.duckdb.warehouse",
    "penstock.adapters.duckdb.scratch",
    "penstock.adapters.keystore",
    "penstock.adapters.processes.runner",
    "penstock.engine.recovery",
    "cryptography.hazmat.primitives.asymmetric.ed25519",
    "cryptography.hazmat.primitives.serialization",
    "detect_secrets.plugins.artifactory",
    "urllib.request",
)
"""What commands import when they need it: here it is imported once, not in each fork."""
CHANGING_GIT = {"add", "commit", "merge", "reset", "clean", "branch"}


@dataclass(slots=True)
class Steps:
    """Counts the durable steps of this process and brings the fault about when `at` is reached.

    `fault` is `kill`, or the name of the error that a write ends with (`ENOSPC`, `EIO`).
    """

    at: int = 0
    fault: str = "kill"
    names: list[str] = field(default_factory=list)
    report: int = -1

    def passed(self, name: str, tear: Callable[[], object] | None = None) -> None:
        """One step was reached; `tear` leaves behind what a kill in the middle of it would."""
        self.names.append(name)
        if len(self.names) != self.at:
            return
        if self.fault != "kill":
            self._tell(name)
            code = getattr(errno, self.fault)
            raise OSError(code, os.strerror(code))
        if tear is not None:
            tear()
        self._tell(name)
        os.kill(os.getpid(), signal.SIGKILL)

    def _tell(self, name: str) -> None:
        if self.report >= 0:
            os.write(self.report, f"{name}\n".encode())


def watch(steps: Steps) -> None:
    """Put the steps around the adapters of this process; where a write is to fail, around every fsync instead."""
    if steps.fault != "kill":
        _around(os, "fsync", steps, lambda _descriptor: "fsync", after=False)
        return
    from penstock.adapters import git
    from penstock.adapters.duckdb import applying, expiring, quarantine, removing, warehouse
    from penstock.adapters.duckdb.session import DuckdbSession
    from penstock.adapters.folder import ProjectFolder
    from penstock.adapters.ledger.committing import Committer
    from penstock.adapters.ledger.grouping import Grouping

    assert Grouping.__init__.__kwdefaults__ is not None
    Grouping.__init__.__kwdefaults__["linger"] = NEVER  # a group ends where somebody waits: the same steps each time
    _around(Committer, "_commit", steps, _group_step)
    _around(DuckdbSession, "_ensure_table", steps, lambda _self, said: f"table {said.dataset}")
    _around(applying, "apply", steps, lambda _cursor, said, _staging: f"apply {said.dataset}", before=False)
    _around(DuckdbSession, "sift", steps, lambda _self, sieve, _said: f"sift {sieve.dataset}", before=False)
    _around(quarantine, "keep", steps, lambda _cursor, said, _staging: f"aside {said.dataset}", before=False)
    _around(DuckdbSession, "_transaction", steps, lambda _self, said: f"publish {said.dataset}")
    _around(DuckdbSession, "build", steps, lambda _self, said, *_: f"build {said.dataset}", before=False)
    _around(DuckdbSession, "commit", steps, _lot_step)
    _around(warehouse.DuckdbWarehouse, "fence", steps, lambda _self, token: f"fence {token}")
    _around(warehouse.DuckdbWarehouse, "_swap", steps, lambda _s, _c, swap: f"views {swap.environment}", before=False)
    _around(warehouse.DuckdbWarehouse, "swap", steps, lambda _self, swap: f"swap {swap.environment}")
    _around(removing, "drop", steps, lambda _cursor, versions: f"tables of {len(versions)}", before=False)
    _around(warehouse.DuckdbWarehouse, "drop", steps, lambda _self, versions, _token: f"drop {len(versions)}")
    _around(expiring, "expire", steps, lambda _cursor, said: f"rows of {said.dataset}", before=False)
    _around(warehouse.DuckdbWarehouse, "expire", steps, lambda _self, said: f"expire {said.dataset}")
    _around(warehouse, "_create", steps, lambda path: f"create {path.name}", tear=_half_made_warehouse)
    _around(ProjectFolder, "write", steps, lambda _s, _root, path, _data: f"write {path}", tear=_half_written)
    _around(ProjectFolder, "remove", steps, lambda _self, _root, path: f"remove {path}")
    _around(git, "_git", steps, _git_step, tear=_torn_git)
    _watch_exports(steps)
    _watch_slots(steps)


def _watch_slots(steps: Steps) -> None:
    """The steps at the server whose changes are read."""
    from penstock.adapters.databases import following, slots

    _around(slots, "_make_publication", steps, lambda *_: "publication")
    _around(slots, "drop", steps, lambda _connection, _name: "drop of the slot")
    _around(slots, "advance", steps, lambda *_: "advance of the slot")
    _around(following, "_make_slot", steps, lambda _stream, _name: "slot")
    _around(following, "_wait_for_commits", steps, lambda _stream: "wait for commits", before=False)


def _watch_exports(steps: Steps) -> None:
    """The steps at the targets of exports; what precedes the first of a target changes nothing there."""
    from penstock.adapters.exports import files
    from penstock.adapters.exports.duckdb_table import DuckdbSink
    from penstock.adapters.exports.postgres_table import PostgresSink

    _around(files.FileSink, "take", steps, lambda _self, piece, _rows: f"file {piece.key}", before=False)
    _around(files, "write_manifest", steps, _manifest_step, before=False, tear=_half_a_manifest)
    _around(files.FileSink, "_move", steps, lambda _self, name: f"name {name}", before=False)
    _around(files.FileSink, "_remove", steps, lambda _self, name: f"unlink {name}", before=False)
    for sink in (DuckdbSink, PostgresSink):
        _around(sink, "_note", steps, lambda self, _said: f"rows of {self.name}", before=False)
        _around(sink, "show", steps, lambda self, _said: f"commit of {self.name}", before=False)


def _around(
    owner: Any,
    name: str,
    steps: Steps,
    label: Callable[..., str | None],
    *,
    before: bool = True,
    after: bool = True,
    tear: Callable[..., Sequence[Callable[[], object]]] = lambda *_args, **_options: (),
) -> None:
    original = getattr(owner, name)

    @functools.wraps(original)
    def watched(*args: Any, **options: Any) -> Any:
        step = label(*args, **options)
        if step is None:
            return original(*args, **options)
        if before:
            steps.passed(f"before {step}")
        for torn in tear(*args, **options):
            steps.passed(f"within {step}", torn)
        result = original(*args, **options)
        if after:
            steps.passed(f"after {step}")
        return result

    setattr(owner, name, watched)


def _group_step(_self: object, group: Sequence[Any]) -> str | None:
    kinds = [_kind(fact) for request in group for fact in request.facts]
    return f"ledger {'+'.join(kinds)}" if kinds else None


def _lot_step(session: Any) -> str | None:
    built = [publication.dataset for publication, _ in session._built]
    return f"commit {'+'.join(built)}" if built else None


def _kind(fact: object) -> str:
    state = getattr(fact, "state", "")
    return type(fact).__name__ + (f"({state})" if state else "")


def _git_step(folder: Path, *arguments: str, env: dict[str, str] | None = None) -> str | None:
    del env
    verb = " ".join(arguments[:2]) if arguments[0] == "worktree" else arguments[0]
    where = "worktree" if "worktrees" in folder.parts else "project"
    return f"git {verb} in the {where}" if verb.split()[0] in CHANGING_GIT | {"worktree"} else None


def _manifest_step(_path: Path, manifest: Any) -> str:
    return f"manifest {'of names to come' if manifest.before else 'of what is there'}"


def _half_a_manifest(path: Path, _manifest: object) -> list[Callable[[], object]]:
    return [lambda: _leave(path.with_name(f"{path.name}.new"), b'{"edition": 1, "of"')]


def _half_made_warehouse(path: Path) -> list[Callable[[], object]]:
    return [lambda: _leave(path.with_name(f".{path.name}.new"), b"half a database")]


def _half_written(_self: object, root: Path, path: str, data: bytes) -> list[Callable[[], object]]:
    target = root / path
    return [lambda: _leave(target.with_name(f".{target.name}.new"), data[: len(data) // 2])]


def _leave(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def _torn_git(folder: Path, *arguments: str, env: dict[str, str] | None = None) -> list[Callable[[], object]]:
    """What a git that was killed with its caller leaves: its lock, half a worktree, half the files of a merge."""
    del env
    if arguments[:2] == ("worktree", "add"):
        return [lambda: _half_made_worktree(folder, arguments)]
    if arguments[0] == "merge":
        branch = arguments[-1]
        return [
            lambda: _half_merged(folder, branch),
            lambda: _ask_git(folder, "merge", "--no-ff", "--no-commit", branch),
        ]
    return [lambda: _lock(folder)] if arguments[0] in {"add", "commit", "reset"} else []


def _lock(folder: Path) -> None:
    _leave(Path(_ask_git(folder, "rev-parse", "--absolute-git-dir")) / "index.lock", b"")


def _half_merged(folder: Path, branch: str) -> None:
    """Some of the branch's files whole, one in half, the others not yet; the index locked and as it was."""
    names = _ask_git(folder, "diff", "--name-only", f"HEAD...{branch}").splitlines()
    for number, name in enumerate(names[: 2 * len(names) // 3]):
        shown = subprocess.run(["git", "-C", str(folder), "show", f"{branch}:{name}"], capture_output=True, check=True)
        _leave(folder / name, shown.stdout if number else shown.stdout[: len(shown.stdout) // 2])
    _lock(folder)


def _half_made_worktree(folder: Path, arguments: Sequence[str]) -> None:
    _ask_git(folder, *arguments)
    made = next(Path(word) for word in arguments if "/worktrees/" in word)
    admin = Path(_ask_git(made, "rev-parse", "--absolute-git-dir"))
    for name in ("HEAD", "index"):
        (admin / name).unlink()
    (admin / "locked").write_text("initializing")
    for number, path in enumerate(sorted(p for p in made.rglob("*") if p.is_file() and p.name != ".git")):
        if number % 2:
            path.unlink()


def _ask_git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(["git", "-C", str(folder), *arguments], capture_output=True, check=True, text=True)
    return done.stdout.strip()


def run(arguments: Sequence[str], steps: Steps) -> int:
    """Run one command in this process; its exit code, if it lives to have one."""
    watch(steps)
    return _command(arguments)


def _command(arguments: Sequence[str]) -> int:
    from penstock.cli.main import penstock

    try:
        penstock(list(arguments), standalone_mode=True)
    except SystemExit as ending:
        return ending.code if isinstance(ending.code, int) else 0
    return 0


def spare_the_start(kept: Sequence[str]) -> None:
    """Let the commands that the implementation stage runs (`check`, `test`) begin in a fork, with all imported."""
    from penstock.adapters.commands import OwnCommands
    from penstock.delivery.ports import CommandRun

    def forked(_self: object, arguments: Sequence[str], root: Path) -> CommandRun:
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            os.chdir(root)
            for name in set(os.environ) - set(kept):
                del os.environ[name]
            os.dup2(writing, 1)
            os.dup2(writing, 2)
            _leave_with(lambda: _command([*arguments, "--project", "."]))
        os.close(writing)
        with os.fdopen(reading) as output:
            said = output.read()
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        return CommandRun(argv=("penstock", *arguments), exit_code=code, output=said, duration_ms=1)

    setattr(OwnCommands, "penstock", forked)  # noqa: B010 - mypy: a method is replaced on purpose


def _leave_with(act: Callable[[], int]) -> NoReturn:
    """End this process with what `act` returns, without the manners of an interpreter that ends."""
    code = 5
    try:
        code = act()
        sys.stdout.flush()
    finally:
        with suppress(Exception):
            sys.stderr.flush()
        os._exit(code)


def serve() -> None:
    """Answer requests: `{"folder", "environment", "arguments", "at", "fault", "file_limit", "output"}`, one a line.

    Each runs in a fork of this process, which has imported everything and opened nothing. The answer says how it ended
    (`exit`, or the `signal` that killed it), where it was killed (`fired`), and the steps it passed (`names`).
    """
    _import_all()
    for line in sys.stdin:
        print(json.dumps(_answer(json.loads(line))), flush=True)


def _answer(request: dict[str, Any]) -> dict[str, Any]:
    fired_read, fired_write = os.pipe()
    names_read, names_write = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(fired_read)
        os.close(names_read)
        _obey(request, fired_write, names_write)
    os.close(fired_write)
    os.close(names_write)
    with os.fdopen(names_read) as names, os.fdopen(fired_read) as fired:
        passed, hit = names.read().splitlines(), fired.read().splitlines()
    _, status = os.waitpid(child, 0)
    return {
        "exit": os.WEXITSTATUS(status) if os.WIFEXITED(status) else None,
        "signal": os.WTERMSIG(status) if os.WIFSIGNALED(status) else None,
        "fired": hit[0] if hit else None,
        "names": passed,
    }


def _obey(request: dict[str, Any], fired: int, names: int) -> NoReturn:
    def act() -> int:
        os.chdir(request["folder"])
        os.environ.update(request["environment"])
        output = os.open(request["output"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        nothing = os.open(os.devnull, os.O_RDONLY)
        for source, target in ((nothing, 0), (output, 1), (output, 2)):
            os.dup2(source, target)
        steps = Steps(at=request["at"], fault=request["fault"], report=fired)
        spare_the_start(KEPT_VARIABLES)
        if request["file_limit"]:
            limit_files(request["file_limit"])
        code = run(request["arguments"], steps)
        os.write(names, "".join(f"{name}\n" for name in steps.names).encode())
        return code

    _leave_with(act)


def limit_files(size: int) -> None:
    """Let no file of this process grow past `size` bytes: the write fails, as on a full disk."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


def _import_all() -> None:
    from importlib import import_module

    from penstock.cli.main import COMMANDS

    for module, _ in COMMANDS.values():
        import_module(f"penstock.cli.commands.{module.partition(':')[0]}")
    for module in LATE:
        import_module(module)


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--at", type=int, default=0, help="the step to die at, counted from 1")
    parser.add_argument("--fault", default="kill", choices=("kill", "ENOSPC", "EIO"), help="what happens there")
    parser.add_argument("--count", action="store_true", help="print the steps a run passes")
    parser.add_argument("--serve", action="store_true", help="answer requests on standard input")
    parser.add_argument("arguments", nargs="*", help="what penstock is given")
    given = parser.parse_args()
    if given.serve:
        serve()
        return 0
    steps = Steps(at=given.at, fault=given.fault, report=sys.stderr.fileno())
    code = run(given.arguments, steps)
    if given.count:
        for number, name in enumerate(steps.names, 1):
            print(f"{number:4} {name}", file=sys.stderr)
        print(f"{len(steps.names)} steps", file=sys.stderr)
    return code


if __name__ == "__main__":
    sys.exit(main())
