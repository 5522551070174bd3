"""Which lines of an Airbyte connector are messages, which are logs, and which end the read."""

from __future__ import annotations

import pytest

from penstock.adapters.connectors.airbyte import _BROKEN, _message

RECORD = b'{"type": "RECORD", "record": {"stream": "a", "data": {"x": 1}}}\n'


def test_a_message_is_read() -> None:
    found = _message(RECORD)
    assert found is not None
    assert found["record"]["data"] == {"x": 1}


@pytest.mark.parametrize(
    "line",
    [
        b"{'level': 'info', 'msg': 'starting'}\n",
        b"{starting up}\n",
        b'{"level": "info", "msg": "type: RECORD",}\n',
        b"{\n",
        b'{"level": "info"}\n',
        b"plain words\n",
    ],
)
def test_a_log_line_that_looks_like_json_is_a_log_line(line: bytes) -> None:
    assert _message(line) is None


@pytest.mark.parametrize(
    "line",
    [
        RECORD[:-4] + b"\n",
        b'{"record": {"stream": "a", "data": {"x": \n',
        b'  {"type" :"STATE", "state": {]}\n',
        b'{"ty',
        RECORD.replace(b'"x": 1', b'"x": ' + b"[" * 100_000),
        b'{"type": "RECORD", "record": {"data": {}}}\n',
    ],
)
def test_what_may_have_been_a_record_ends_the_read(line: bytes) -> None:
    assert _message(line) is _BROKEN
