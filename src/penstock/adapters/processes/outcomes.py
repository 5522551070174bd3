"""How an attempt's end reads: what was measured, or the finding that says what went wrong."""

from __future__ import annotations

import os
import re
import signal
import stat
from dataclasses import replace
from typing import TYPE_CHECKING

from penstock.adapters.processes.function import DEFAULT_MEMORY
from penstock.adapters.processes.supervision import Said
from penstock.model.connectors import ConnectorSource
from penstock.model.errors import TaskError, TransientError
from penstock.model.extras import how_to_install
from penstock.model.findings import Finding, Place
from penstock.model.pipelines import CommandTask, PythonTask

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from penstock.adapters.processes.supervision import Attempt, Ended
    from penstock.engine.ports.processes import Order

MOST_SHOWN = 300
MOST_LINES = 8
_ABORTED_FOR_MEMORY = "memory allocation of"
"""How Rust, and with it Polars, ends a process that gets no memory."""
_FAULT = "Fatal Python error"


def conclude(order: Order, attempt: Attempt, ended: Ended, printed: str) -> Mapping[str, int]:
    """What an attempt used, if it left rows. `printed` is the end of what it printed.

    Raises:
        TaskError: it did not.
        TransientError: it did not, and may another time.
    """
    if attempt.timed_out or attempt.stopped:
        raise TaskError(stopped(order) if attempt.stopped else timed_out(order, attempt.seconds))
    if ended.said.outcome != "done" or ended.status != 0:
        kind = TransientError if ended.said.outcome == "passing" else TaskError
        raise kind(_failed(order, ended, printed))
    if not _is_plain_file(order.output):
        raise TaskError(_finding(order, "task.no_rows", "it left no rows", "a file of rows at its output"))
    return {"cpu": ended.cpu, "memory": ended.memory}


def timed_out(order: Order, seconds: float) -> Finding:
    """It was killed because its time was over."""
    message = f"it ran longer than {seconds:g} s and was stopped"
    return _finding(order, "task.timeout", message, remedy="make it cheaper, or raise its timeout")


def stopped(order: Order) -> Finding:
    """It was killed because somebody asked for that."""
    return _finding(order, "task.stopped", "it was stopped", remedy="nothing: somebody asked for it")


def lost(order: Order, reason: str) -> TransientError:
    """It went down with the process that it was forked from."""
    message = f"the fork server that it ran under ended: {reason}"
    return TransientError(_finding(order, "task.fork_server_lost", message, remedy="it is tried again"))


def no_room(order: Order, reason: str) -> TransientError:
    """The machine would not start another process."""
    message = f"no process could be started for it: {reason}"
    return TransientError(_finding(order, "task.no_process", message, remedy="it is tried again"))


def _failed(order: Order, ended: Ended, printed: str) -> Finding:
    """What it said of itself, or else what the kernel says of its process."""
    said = ended.said
    tell = _TELLERS.get(said.outcome)
    if tell is not None:
        finding = tell(order, said)
    elif _ABORTED_FOR_MEMORY in printed:
        finding = _out_of_memory(order, Said(type="aborted", line=_line_in(order, printed)))
    elif os.WIFSIGNALED(ended.status):
        finding = _killed(order, os.WTERMSIG(ended.status), _line_in(order, printed))
    else:
        message = f"it ended with code {os.waitstatus_to_exitcode(ended.status)} and left no rows"
        finding = _finding(order, "task.exited", message, "a function that returns rows", remedy=_SEE_LOG)
    lines = printed.partition(_FAULT)[0].strip().splitlines()
    if finding.remedy != _SEE_LOG:
        return finding
    told = replace(finding, remedy=f"{_SEE_LOG}{order.run}")
    return replace(told, found=lines[-1][:MOST_SHOWN]) if lines else told


def _line_in(order: Order, printed: str) -> int | None:
    """The line of the task's file in what Python prints when a signal ends it."""
    place = re.search(rf'File "[^"]*{re.escape(order.dataset.file)}", line (\d+)', printed.partition(_FAULT)[2])
    return int(place[1]) if place else None


def _raised(order: Order, said: Said) -> Finding:
    return _finding(order, "task.failed", f"{said.type}: {said.message}", line=said.line)


def _left(order: Order, said: Said) -> Finding:
    message = f"it left early, with exit code {said.message or 0}, and left no rows"
    return _finding(order, "task.exited", message, "a function that returns rows", line=said.line)


def _wrong_result(order: Order, said: Said) -> Finding:
    return _finding(order, "task.wrong_result", said.message, "rows", line=said.line)


def _missing_library(order: Order, said: Said) -> Finding:
    module = said.module.partition(".")[0]
    install = how_to_install("dlt") if module == "dlt" else f"pip install {module}"
    return _finding(
        order,
        "task.missing_library",
        said.message,
        f"the module {module}, installed where Penstock runs" if module else "an installed module",
        line=said.line,
        remedy=install if module else "install it",
    )


def _unfit(order: Order, said: Said) -> Finding:
    """What a connector brought is not what was declared, or it says itself that it cannot go on."""
    remedy = _REMEDIES.get(said.type, _SEE_LOG)
    return _finding(order, said.type, said.message, _EXPECTED.get(said.type), remedy=remedy)


def _passing(order: Order, said: Said) -> Finding:
    message = f"{said.type}: {said.message}" if said.line else said.message
    code = said.type if said.type.startswith("source.") else "source.connection_lost"
    return _finding(order, code, message, line=said.line, remedy="it is tried again")


def _out_of_memory(order: Order, said: Said) -> Finding:
    task = order.dataset.task
    assert isinstance(task, PythonTask | CommandTask | ConnectorSource)  # noqa: S101 - the engine sends nothing else
    limit = (task.memory or DEFAULT_MEMORY) / (1 << 20)
    return _finding(
        order,
        "task.out_of_memory",
        f"it needed more memory than it may have ({said.type}: {said.message or 'out of memory'})",
        f"at most {limit:,.0f} MiB",
        line=said.line,
        remedy="let it need less, or raise its `memory`",
    )


def _no_program(order: Order, said: Said) -> Finding:
    message = f"its program could not be started: {said.message}"
    return _finding(order, "task.missing_program", message, "a program that this machine can run")


def _program_ended(order: Order, said: Said) -> Finding:
    if said.code < 0:
        return _killed(order, -said.code)
    return _finding(order, "task.exited", f"its program ended with code {said.code}", "code 0", remedy=_SEE_LOG)


def _no_rows(order: Order, said: Said) -> Finding:
    return _finding(order, "task.no_rows", said.message, "the rows, in that file")


def _killed(order: Order, number: int, line: int | None = None) -> Finding:
    name = signal.Signals(number).name if number in set(signal.Signals) else f"signal {number}"
    why = "; perhaps the machine ran out of memory" if number == signal.SIGKILL else ""
    message = f"its process was killed by {name}{why}"
    return _finding(order, "task.killed", message, "an ordinary end", line=line, remedy=_SEE_LOG)


_SEE_LOG = "look at what it printed: penstock logs "
_EXPECTED = {
    "source.undeclared_field": "the fields under `columns` and `ignore`, and no other",
    "source.value_mismatch": "values that lose nothing as the types declared",
    "source.no_row": "rows: mappings of fields to values, or lists or Arrow tables of them",
    "source.unknown_resource": "one of the resources that there are",
    "source.rows_without_state": "a state after the last record, or `key`, by which a record that comes again is one",
    "source.check_failed": "settings that the connector takes",
}
_REMEDIES = {
    "source.undeclared_field": "add it to `columns` or `ignore`, or write `drift: evolve`, which keeps it in `_extra`",
    "source.value_mismatch": "declare a type that holds every value; VARCHAR and JSON hold them all",
    "source.no_row": "correct the function; nothing of it was published",
    "source.unknown_resource": "correct `resource`",
    "source.rows_without_state": "keep its rows by `materialize: merge`, or read them whole",
    "source.check_failed": "correct `config` and `secrets`",
}
_TELLERS: dict[str, Callable[[Order, Said], Finding]] = {
    "raised": _raised,
    "left": _left,
    "wrong_result": _wrong_result,
    "missing_library": _missing_library,
    "out_of_memory": _out_of_memory,
    "unfit": _unfit,
    "passing": _passing,
    "no_program": _no_program,
    "program_ended": _program_ended,
    "no_rows": _no_rows,
}


def _finding(
    order: Order,
    code: str,
    message: str,
    expected: str | None = None,
    *,
    line: int | None = None,
    remedy: str = "correct the task; nothing of it was published",
) -> Finding:
    dataset = order.dataset
    first, *more = [text for text in message.splitlines() if text.strip()] or [""]
    return Finding(
        code=code,
        message=f"{dataset.name}: {first}",
        place=Place(file=dataset.file, line=line, dataset=dataset.name),
        found="\n".join(more[:MOST_LINES]) or None,
        expected=expected,
        remedy=remedy,
    )


def _is_plain_file(path: Path) -> bool:
    """Whether rows were left here, and not a way to some other file."""
    try:
        found = path.lstat()
    except FileNotFoundError:
        return False
    return stat.S_ISREG(found.st_mode) and found.st_nlink == 1
