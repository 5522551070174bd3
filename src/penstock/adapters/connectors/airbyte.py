"""The Airbyte protocol: a connector as a child process that is given files and writes lines of JSON.

Settings are files in memory, which the connector alone can open. What it writes waits in a pipe until it is taken, so
that it never gets ahead. Lines that are no messages are logged and otherwise nothing; what names a type of the protocol
and is broken ends the read, for it may be a record.
"""

from __future__ import annotations

import json
import os
import re
import resource
import signal
import subprocess
import sys
from contextlib import contextmanager, suppress
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from penstock.adapters.connectors.private_folder import made_at
from penstock.adapters.connectors.schemas import json_schema

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from penstock.adapters.connectors.functions import Opened

MOST_LINE = 1 << 28
_TOO_MUCH = 2000


class ConnectorError(Exception):
    """What a connector says of itself, or how it ended. `passes` says whether it may go well another time."""

    def __init__(self, message: str, *, code: str = "source.connector_failed", passes: bool = False) -> None:
        super().__init__(message)
        self.code, self.passes = code, passes


class Stream:
    """One stream as it is read: its records, and the last state that came, with how many records it speaks for."""

    def __init__(self, order: dict[str, Any]) -> None:
        self._order = order
        self._state: list[dict[str, Any]] | dict[str, Any] | None = None
        self._since = 0

    def records(self) -> Generator[dict[str, Any], None, None]:
        """The records, until the connector has ended well.

        Raises:
            ConnectorError: it has not, or records or states are missing.
        """
        order, name = self._order, self._order["resource"]
        files = {"--config": order["settings"], "--catalog": _catalog(order)}
        if order["state"]:
            files["--state"] = json.loads(order["state"])
        for message in messages(order, "read", files):
            if message["type"] == "RECORD" and message["record"].get("stream") == name:
                self._since += 1
                yield message["record"]["data"]
            elif message["type"] == "STATE":
                self._take(message["state"], name)

    def state(self) -> str | None:
        """The state after all records.

        Raises:
            ConnectorError: records came that no state speaks for, so that they would come again.
        """
        order = self._order
        if self._since and order["keeps_state"] and (self._state is None or not order["key"]):
            message = f"the last {self._since:,} records came after the last state: the next read would repeat them"
            raise ConnectorError(message, code="source.rows_without_state")
        before: str | None = order["state"]
        return before if self._state is None else json.dumps(self._state, sort_keys=True)

    def _take(self, state: dict[str, Any], name: str) -> None:
        kind = state.get("type", "LEGACY")
        if kind == "STREAM":
            if state.get("stream", {}).get("stream_descriptor", {}).get("name") != name:
                return
            self._refuse_lost(state)
            self._state = [{"type": kind, "stream": state["stream"]}]
        elif kind == "GLOBAL":
            self._state = [{"type": kind, "global": state["global"]}]
        else:
            self._state = state.get("data", {})
        self._since = 0

    def _refuse_lost(self, state: dict[str, Any]) -> None:
        counted = (state.get("sourceStats") or {}).get("recordCount")
        if counted is not None and int(counted) != self._since:
            message = f"a state speaks for {int(counted):,} records, and {self._since:,} came"
            raise ConnectorError(message, code="source.records_lost", passes=True)


@contextmanager
def airbyte_items(order: dict[str, Any]) -> Iterator[Opened]:
    """The records of a stream, and its state."""
    stream = Stream(order)
    yield stream.records(), stream.state


def messages(order: dict[str, Any], verb: str, files: dict[str, Any]) -> Generator[dict[str, Any], None, None]:
    """What a connector says when it is called; what it logs is printed.

    Raises:
        ConnectorError: it tells of an error, cannot be started, writes a broken message, or ends otherwise than well.
    """
    with _inherited(files) as (words, descriptors):
        process = _started([*order["argv"], verb, *words], order, descriptors)
    told: list[ConnectorError] = []
    try:
        assert process.stdout is not None  # noqa: S101 - it was asked for
        while line := process.stdout.readline(MOST_LINE):
            message = _message(line)
            if message is _BROKEN:
                if not line.endswith(b"\n") and len(line) < MOST_LINE:  # cut short by its end, which says more
                    _conclude(process, told)
                raise _broken_message(len(line))
            if message is None:
                _log(line[:_TOO_MUCH].decode(errors="replace").rstrip())
            elif message["type"] in {"LOG", "TRACE", "CONTROL"}:
                _hear(message, told)
            else:
                yield message
        _conclude(process, told)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _started(argv: list[str], order: dict[str, Any], descriptors: tuple[int, ...]) -> subprocess.Popen[bytes]:
    try:
        process = subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            env={**os.environ, "TMPDIR": made_at(order["private"], order["scratch"])},
            pass_fds=descriptors,
            start_new_session=True,
            bufsize=1 << 20,
        )
    except OSError as error:
        raise ConnectorError(f"{argv[0]} could not be started: {error.strerror}") from error
    with suppress(ProcessLookupError):
        resource.prlimit(process.pid, resource.RLIMIT_DATA, (order["program_memory"],) * 2)
    return process


@contextmanager
def _inherited(files: dict[str, Any]) -> Iterator[tuple[list[str], tuple[int, ...]]]:
    """Files in memory that a child can open by name; on no disk, since they hold secrets."""
    words: list[str] = []
    descriptors: list[int] = []
    try:
        for option, value in files.items():
            descriptor = os.memfd_create(option.strip("-"))
            descriptors.append(descriptor)
            with os.fdopen(os.dup(descriptor), "wb") as stream:
                stream.write(json.dumps(value).encode())
            words += [option, f"/proc/self/fd/{descriptor}"]
        yield words, tuple(descriptors)
    finally:
        for descriptor in descriptors:
            os.close(descriptor)


def _message(line: bytes) -> dict[str, Any] | None:
    """One line as a message; None for what is none, `_BROKEN` for what may have been one."""
    try:
        found = json.loads(line, parse_float=Decimal)
    except (ValueError, RecursionError):
        return _BROKEN if _claims_to_be_one(line) else None
    kind = found.get("type") if isinstance(found, dict) else None
    if kind == "RECORD" and not _is_record(found.get("record")):
        return _BROKEN
    return found if isinstance(kind, str) and isinstance(found.get(_BODIES.get(kind, "")), dict) else None


def _claims_to_be_one(line: bytes) -> bool:
    """Whether a line that cannot be read may have been a message: it names a type of the protocol, or was cut short."""
    begins = line.lstrip().startswith(b"{")
    return begins and (not line.endswith(b"\n") or _CLAIM.search(line) is not None)


def _is_record(body: object) -> bool:
    return isinstance(body, dict) and isinstance(body.get("stream"), str) and "data" in body


def _broken_message(size: int) -> ConnectorError:
    """Without the line, which may hold anything."""
    message = f"the connector wrote a line of {size:,} bytes that says it is a message and cannot be read as one"
    return ConnectorError(message, code="source.broken_message", passes=True)


_BROKEN: dict[str, Any] = {}
_BODIES = {
    "RECORD": "record",
    "STATE": "state",
    "LOG": "log",
    "TRACE": "trace",
    "CONTROL": "control",
    "SPEC": "spec",
    "CATALOG": "catalog",
    "CONNECTION_STATUS": "connectionStatus",
}


_CLAIM = re.compile(
    rb'"type"\s*:\s*"(?:%s)"|^\s*\{\s*"(?:%s)"\s*:' % ("|".join(_BODIES).encode(), "|".join(_BODIES.values()).encode())
)


def _hear(message: dict[str, Any], told: list[ConnectorError]) -> None:
    kind, body = message["type"], message[_BODIES[message["type"]]]
    if kind == "LOG":
        _log(f"{body.get('level', 'INFO')} {body.get('message', '')}"[:_TOO_MUCH])
    elif kind == "CONTROL":  # it may hold new settings, secrets among them
        _log("the connector asks for its settings to be changed, which is not done")
    elif body.get("type") == "ERROR":
        said = body.get("error") or {}
        if said.get("internal_message"):
            _log(str(said["internal_message"])[:_TOO_MUCH])
        passes = said.get("failure_type") == "transient_error"
        told.append(ConnectorError(str(said.get("message") or "an error without a text"), passes=passes))


def _log(text: str) -> None:
    """Into the log of the attempt, which is where this process's output goes."""
    sys.stdout.write(f"{text}\n")


def _conclude(process: subprocess.Popen[bytes], told: list[ConnectorError]) -> None:
    code = process.wait()
    if told:
        raise told[0]
    if code < 0:
        raise ConnectorError(f"the connector was killed by {signal.Signals(-code).name}", passes=True)
    if code:
        raise ConnectorError(f"the connector ended with code {code} and said nothing of why", passes=True)


def _catalog(order: dict[str, Any]) -> dict[str, Any]:
    """The one stream that is to be read, as a connector is told of it."""
    mode = "incremental" if order["keeps_state"] else "full_refresh"
    key = [[name] for name in order["key"]]
    stream = {
        "name": order["resource"],
        "json_schema": json_schema(order["types"]),
        "supported_sync_modes": ["full_refresh", "incremental"],
    }
    configured = {
        "stream": stream,
        "sync_mode": mode,
        "destination_sync_mode": ("append_dedup" if key else "append") if order["keeps_state"] else "overwrite",
        **({"cursor_field": [order["cursor"]]} if order["cursor"] else {}),
        **({"primary_key": key} if key else {}),
    }
    return {"streams": [configured]}
