"""A proxy before an S3 server that breaks things on purpose, and what tests put into buckets.

The proxy forwards each request, does to it what a `Fault` says, and
counts what it did, so that a test can assert that the fault fired.
"""

from __future__ import annotations

import http.client
import http.server
import re
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

KEY, SECRET = "AKIATESTTESTTESTTEST", "s3cret/of+the=tests"


@dataclass(slots=True)
class Bucket:
    """A bucket of the server, filled and emptied past the proxy."""

    name: str
    client: Any

    def put(self, key: str, content: bytes) -> None:
        self.client.put_object(Bucket=self.name, Key=key, Body=content)

    def fill(self, objects: Mapping[str, bytes]) -> None:
        """Many objects, several at a time."""
        with ThreadPoolExecutor(max_workers=8) as pool:
            list(pool.map(self.put, objects, objects.values()))

    def remove(self, key: str) -> None:
        self.client.delete_object(Bucket=self.name, Key=key)


@dataclass(slots=True, kw_only=True)
class Fault:
    """What happens to requests whose first line matches: so many times, after so many that pass."""

    when: str
    do: Callable[[http.server.BaseHTTPRequestHandler, _Answer], None]
    times: int = 1
    after: int = 0
    fired: int = 0


@dataclass(slots=True)
class _Answer:
    """What the server said, and how it came to say it."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes


@dataclass(slots=True)
class Proxy:
    """Where the proxy listens, what it was asked, and what it is to break.

    `signed` is how each request said who asks; `before` is told of each request before it is forwarded; `page` is how
    many objects a listing holds at most.
    """

    address: str
    faults: list[Fault] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    signed: list[str] = field(default_factory=list)
    before: Callable[[str], object] | None = None
    page: int | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def mend(self) -> None:
        """Break nothing any more, and forget what was asked."""
        self.faults, self.asked, self.signed, self.before, self.page = [], [], [], None, None

    def add(self, fault: Fault) -> Fault:
        self.faults.append(fault)
        return fault

    def count(self, pattern: str) -> int:
        """How many requests began so."""
        return sum(re.search(pattern, line) is not None for line in self.asked)

    def take(self, line: str) -> Fault | None:
        """The fault that is to happen to a request now."""
        with self._lock:
            self.asked.append(line)
            for fault in self.faults:
                if re.search(fault.when, line):
                    if fault.after > 0:
                        fault.after -= 1
                    elif fault.fired < fault.times:
                        fault.fired += 1
                        return fault
        return None


def cut_halfway(handler: http.server.BaseHTTPRequestHandler, answer: _Answer) -> None:
    """Promise all of it, send half of it, and hang up."""
    _begin(handler, answer)
    handler.wfile.write(answer.body[: len(answer.body) // 2])
    handler.close_connection = True


def hang_up(handler: http.server.BaseHTTPRequestHandler, _answer: _Answer) -> None:
    """Say nothing at all."""
    handler.close_connection = True


def says(
    status: int, code: str, message: str = "so it is"
) -> Callable[[http.server.BaseHTTPRequestHandler, _Answer], None]:
    """An answer as S3 refuses."""

    def do(handler: http.server.BaseHTTPRequestHandler, answer: _Answer) -> None:
        body = f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>{message}</Message></Error>".encode()
        is_head = handler.command == "HEAD"
        _begin(handler, _Answer(status, [("Content-Type", "application/xml")], body), length=len(body))
        if not is_head:
            handler.wfile.write(body)

    return do


def shortened(handler: http.server.BaseHTTPRequestHandler, answer: _Answer) -> None:
    """A body that ends early, says that this is all, and has no checksum."""
    body = answer.body[: len(answer.body) // 2]
    headers = [(name, value) for name, value in answer.headers if "checksum" not in name.lower()]
    _begin(handler, _Answer(answer.status, headers, body), length=len(body))
    handler.wfile.write(body)


def _begin(handler: http.server.BaseHTTPRequestHandler, answer: _Answer, length: int | None = None) -> None:
    handler.send_response_only(answer.status)
    for name, value in answer.headers:
        if name.lower() not in {"connection", "transfer-encoding"} and (
            length is None or name.lower() != "content-length"
        ):
            handler.send_header(name, value)
    if length is not None:
        handler.send_header("Content-Length", str(length))
    handler.end_headers()


@contextmanager
def proxied(upstream: str) -> Iterator[Proxy]:
    """A proxy before a server."""
    state = Proxy("")
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _handler(upstream, state))
    server.daemon_threads = True
    state.address = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield state
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _handler(upstream: str, state: Proxy) -> type[http.server.BaseHTTPRequestHandler]:
    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _forward(self) -> None:
            line = f"{self.command} {self.path}"
            fault = state.take(line)
            state.signed.append(self.headers.get("Authorization") or "")
            if state.before is not None:
                state.before(line)
            length = int(self.headers.get("Content-Length") or 0)
            path = self.path + (f"&max-keys={state.page}" if state.page and "list-type" in self.path else "")
            answer = _asked(upstream, self.command, path, dict(self.headers), self.rfile.read(length))
            if fault is not None:
                fault.do(self, answer)
                return
            _begin(self, answer)
            self.wfile.write(answer.body)

        do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = _forward  # noqa: N815 - as http.server calls them

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as above
            """Nothing."""

    return Handler


def _asked(upstream: str, method: str, path: str, headers: Mapping[str, str], body: bytes) -> _Answer:
    connection = http.client.HTTPConnection(upstream.removeprefix("http://"), timeout=30)
    try:
        connection.request(method, path, body or None, dict(headers))
        answer = connection.getresponse()
        content = answer.read()
    finally:
        connection.close()
    return _Answer(answer.status, answer.getheaders(), content)
