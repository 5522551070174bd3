"""An S3 server for tests: moto's, in a process of its own, on the loopback alone and gone when they are."""

from __future__ import annotations

import ctypes
import re
import signal
import subprocess
import sys
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.config import Config

from object_bench import KEY, SECRET, Bucket, proxied

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from object_bench import Proxy

_PDEATHSIG = 1


@pytest.fixture(scope="session")
def object_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a server, one for each process that runs tests."""
    log = tmp_path_factory.mktemp("objects") / "log"
    with log.open("wb") as said:
        command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", "0"]
        server = subprocess.Popen(command, stdout=said, stderr=said, preexec_fn=_die_with_the_tests)  # noqa: PLW1509
    try:
        yield _address(server, log)
    finally:
        server.send_signal(signal.SIGINT)
        server.wait(30)


@pytest.fixture(scope="session")
def object_client(object_server: str) -> Any:
    """What fills buckets, past the proxy."""
    return boto3.client(
        "s3",
        endpoint_url=object_server,
        region_name="us-east-1",
        aws_access_key_id=KEY,
        aws_secret_access_key=SECRET,
        config=Config(retries={"total_max_attempts": 2}, max_pool_connections=8),
    )


@pytest.fixture
def bucket(object_client: Any, request: pytest.FixtureRequest) -> Bucket:
    """An empty bucket of this test's own."""
    name = "b" + re.sub(r"[^a-z0-9]+", "-", request.node.name.lower())[:40].strip("-") + f"-{time.monotonic_ns()}"
    object_client.create_bucket(Bucket=name)
    return Bucket(name, object_client)


@pytest.fixture(scope="session")
def object_proxy(object_server: str) -> Iterator[Proxy]:
    """A proxy before the server."""
    with proxied(object_server) as found:
        yield found


@pytest.fixture
def proxy(object_proxy: Proxy) -> Iterator[Proxy]:
    """The same, that does nothing yet but count."""
    object_proxy.mend()
    yield object_proxy
    object_proxy.mend()


def _address(server: subprocess.Popen[bytes], log: Path) -> str:
    for _ in range(1200):
        found = re.search(r"Running on (http://127\.0\.0\.1:\d+)", log.read_text(encoding="utf-8", errors="replace"))
        if found is not None:
            return found[1]
        if server.poll() is not None:
            break
        time.sleep(0.05)
    with suppress(ProcessLookupError):
        server.kill()
    raise RuntimeError(f"the S3 server did not start: {log.read_text(encoding='utf-8', errors='replace')}")


def _die_with_the_tests() -> None:
    """The kernel stops the server if the tests are killed."""
    ctypes.CDLL(None).prctl(_PDEATHSIG, signal.SIGINT)
