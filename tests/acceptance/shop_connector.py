"""An Airbyte connector that keeps to the protocol, and does so badly where its settings ask for it.

It runs alone, so that it imports nothing of Penstock. The stream `orders` has numbers, five to a page, a state after
each page. `trouble` is one of: dies, junk, late_state, no_state, error, config_error, lost, other_stream,
kills_itself, hangs, refuses, or one of `BROKEN`.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

PAGE = 5
SCHEMA = {
    "type": "object",
    "properties": {
        "id": {"type": "integer"},
        "price": {"type": ["null", "number"]},
        "placed_at": {"type": "string", "format": "date-time", "airbyte_type": "timestamp_without_timezone"},
        "tags": {"type": "array"},
    },
}


# the escape keeps this file from holding what is looked for
BROKEN = {
    "cut_record": '{"type": "RECORD", "record": {"stream": "orders", "data": {"id": 1, "tags": ["\x68alf-of-a-row\n',
    "deep_record": f'{{"type": "RECORD", "record": {{"stream": "orders", "data": {"[" * 9000}{"]" * 9000}}}}}\n',
    "empty_record": '{"type": "RECORD"}\n',
    "nameless_record": '{"type": "RECORD", "record": {"data": {"id": 1}}}\n',
}


def say(kind: str, **body: Any) -> None:
    sys.stdout.write(json.dumps({"type": kind, **body}) + "\n")
    sys.stdout.flush()


def main() -> int:
    verb = sys.argv[1]
    files = dict(zip(sys.argv[2::2], sys.argv[3::2], strict=True))
    config = json.loads(Path(files["--config"]).read_text())
    remember(config)
    if str(config["orders"]).startswith("@"):
        config["orders"] = int(Path(config["orders"][1:]).read_text())
    say("LOG", log={"level": "INFO", "message": f"{verb} with the key {config['api_key']}"})
    if verb == "check":
        good = config["trouble"] != "refuses"
        status = {"status": "SUCCEEDED"} if good else {"status": "FAILED", "message": f"no {config['api_key']} here"}
        say("CONNECTION_STATUS", connectionStatus=status)
    elif verb == "discover":
        modes = ["full_refresh", "incremental"]
        stream = {"name": "orders", "json_schema": SCHEMA, "supported_sync_modes": modes}
        say("CATALOG", catalog={"streams": [{**stream, "source_defined_primary_key": [["id"]]}]})
    elif verb == "read":
        catalog = json.loads(Path(files["--catalog"]).read_text())
        state = json.loads(Path(files["--state"]).read_text()) if "--state" in files else []
        return read(config, catalog, state)
    return 0


def remember(config: dict[str, Any]) -> None:
    """As Airbyte's kit does: the settings lie in the temporary folder as long as the connector runs."""
    (Path(os.environ["TMPDIR"]) / "config.json").write_text(json.dumps(config))


def read(config: dict[str, Any], catalog: dict[str, Any], state: list[dict[str, Any]]) -> int:
    (stream,) = catalog["streams"]
    assert stream["stream"]["name"] == "orders"
    is_incremental = stream["sync_mode"] == "incremental"
    first = state[0]["stream"]["stream_state"]["next"] if state and is_incremental else 0
    trouble = config["trouble"]
    for start in range(first, config["orders"], PAGE):
        numbers = range(start, min(start + PAGE, config["orders"]))
        for number in numbers:
            if trouble == "lost" and number == first + 2:
                continue
            record(number)
        if trouble == "hangs":
            Path(config["pid_file"]).write_text(str(os.getpid()))
            signal.pause()
        if trouble in {"dies", "error", "config_error", "kills_itself"} and start > first:
            return end(trouble)
        if trouble == "junk":
            sys.stdout.write('not JSON at all\n{"type": "DEBUG"}\n[1]\n"text"\n\xff\n{"type": 7}\n')
            sys.stdout.flush()
        if trouble in BROKEN:
            sys.stdout.write(BROKEN[trouble])
            sys.stdout.flush()
        if trouble == "other_stream":
            say("RECORD", record={"stream": "customers", "data": {"id": 1}, "emitted_at": 0})
            say("STATE", state=stream_state("customers", 99, 1))
        if is_incremental and trouble not in {"late_state", "no_state"}:
            say("STATE", state=stream_state("orders", numbers[-1] + 1, len(numbers)))
    if is_incremental and trouble == "late_state" and config["orders"] > first:
        say("STATE", state=stream_state("orders", config["orders"], config["orders"] - first))
    return 0


def record(number: int) -> None:
    placed = f"2024-01-01T{number // 3600:02}:{number // 60 % 60:02}:{number % 60:02}"
    # the digits of a price are more than a double keeps
    price = "null" if number % 10 == 9 else f"{number}.1234567890123456"
    data = f'{{"id": {number}, "price": {price}, "placed_at": "{placed}", "tags": ["a", {number}]}}'
    sys.stdout.write(f'{{"type": "RECORD", "record": {{"stream": "orders", "data": {data}, "emitted_at": 0}}}}\n')
    sys.stdout.flush()


def stream_state(name: str, following: int, records: int) -> dict[str, Any]:
    stream = {"stream_descriptor": {"name": name}, "stream_state": {"next": following}}
    return {"type": "STREAM", "stream": stream, "sourceStats": {"recordCount": records}}


def end(trouble: str) -> int:
    if trouble == "kills_itself":
        os.kill(os.getpid(), signal.SIGKILL)
    kind = {"error": "transient_error", "config_error": "config_error"}.get(trouble)
    if kind is not None:
        error = {"message": "the shop is closed", "failure_type": kind, "internal_message": "closed at noon"}
        say("TRACE", trace={"type": "ERROR", "emitted_at": 0, "error": error})
    return 1


if __name__ == "__main__":
    sys.exit(main())
