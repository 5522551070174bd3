"""An HTTP API as there are many: pages, a limit on how often it may be asked, failures now and then, a key to show."""

from __future__ import annotations

import json
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PAGE = 50


@dataclass
class ShopApi:
    """Orders by page, those changed since a moment if asked so.

    `limited` and `failing` are the numbers of the requests that are answered 429 and 500; `fired` counts such answers,
    `asked` lists the queries that were answered. `hold` is called before each page of orders.
    """

    key: str = ""
    limited: frozenset[int] = frozenset()
    failing: frozenset[int] = frozenset()
    orders: list[dict[str, Any]] = field(default_factory=list)
    asked: list[dict[str, str]] = field(default_factory=list)
    fired: dict[int, int] = field(default_factory=lambda: {401: 0, 429: 0, 500: 0})
    hold: Callable[[int], None] = lambda _page: None
    address: str = ""
    _requests: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, count: int, day: str = "2024-01-01", **changes: Any) -> None:
        """So many orders more, changed second after second of a day."""
        for _ in range(count):
            number = len(self.orders)
            moment = f"{day}T{number // 3600 % 24:02}:{number // 60 % 60:02}:{number % 60:02}Z"
            order = {"id": number, "state": "new", "price": "1.25", "items": [{"sku": "a"}], "changed_at": moment}
            self.orders.append({**order, **changes})

    def answer(self, path: str, key: str | None) -> tuple[int, dict[str, str], Any]:
        """Status, headers and body for a request."""
        with self._lock:
            self._requests += 1
            number = self._requests
        for status, numbers in ((429, self.limited), (500, self.failing)):
            if number in numbers:
                return self._fire(status)
        if self.key and key != f"Bearer {self.key}":
            return self._fire(401)
        query = {name: values[0] for name, values in parse_qs(urlsplit(path).query).items()}
        page = int(query.get("page", "1"))
        self.hold(page)
        with self._lock:
            self.asked.append(query)
        return 200, {}, self._page(query, page)

    def _fire(self, status: int) -> tuple[int, dict[str, str], Any]:
        with self._lock:
            self.fired[status] += 1
        return status, ({"Retry-After": "1"} if status == 429 else {}), {"error": status}

    def _page(self, query: dict[str, str], page: int) -> dict[str, Any]:
        since, before = query.get("since", ""), query.get("before", "9999")
        chosen = [order for order in self.orders if since <= order["changed_at"] < before]
        pages = max(1, -(-len(chosen) // PAGE))
        return {"page": page, "pages": pages, "orders": chosen[(page - 1) * PAGE : page * PAGE]}


@contextmanager
def served(api: ShopApi) -> Iterator[ShopApi]:
    """The API on a port of this machine, for the time of a block."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, headers, body = api.answer(self.path, self.headers.get("Authorization"))
            data = json.dumps(body).encode()
            self.send_response(status)
            for name, value in {
                **headers,
                "Content-Type": "application/json",
                "Content-Length": str(len(data)),
            }.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: object) -> None:
            """Nothing: the test tells."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    api.address = f"http://127.0.0.1:{server.server_port}"
    try:
        yield api
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
