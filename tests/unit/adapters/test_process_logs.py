"""What a task prints is kept while it runs, within bounds, and without the value of a secret in any of its forms."""

from __future__ import annotations

import base64
import json
import re
import threading
from typing import TYPE_CHECKING
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st
from process_bench import Bench, bench_in, wait_for

from penstock.adapters.processes.logs import FIRST_BYTES, LAST_BYTES, LogWriter, follow, log_file, logs_of, name_of
from penstock.adapters.processes.masking import Mask, looks_secret, secrets_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SECRET = "s3cr3t/Käse+&?="  # noqa: S105 - made up
PEM = "-----BEGIN KEY-----\nMC4CAQAwBQYDK2VwBCIEIAAB\nZZ4CAQAwBQYDK2VwBCIEIAAC\n-----END KEY-----\n"


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    made = bench_in(tmp_path_factory.mktemp("logs"))
    with made.processes:
        yield made


# -- secrets ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "written",
    [
        SECRET,
        quote(SECRET),
        quote(SECRET, safe=""),
        quote_plus(SECRET),
        re.sub("%..", lambda code: code[0].lower(), quote(SECRET, safe="")),
        json.dumps(SECRET)[1:-1],
        base64.b64encode(SECRET.encode()).decode(),
        base64.urlsafe_b64encode(SECRET.encode()).decode().rstrip("="),
    ],
)
def test_a_secret_is_masked_in_every_form(written: str) -> None:
    assert Mask({SECRET}).text(f"before {written} after") == "before *** after"


@pytest.mark.parametrize("before", ["", "u", "us", "user:"])
@pytest.mark.parametrize("after", ["", "!", "!!", "@host"])
def test_a_secret_within_an_encoded_text_is_masked(before: str, after: str) -> None:
    """As a password is within the header of basic authentication. Letters shared with a neighbour may stay."""
    encoded = base64.b64encode(f"{before}{SECRET}{after}".encode()).decode()
    rest = Mask({SECRET}).text(encoded).replace("***", "")
    around = base64.b64encode(before.encode()), base64.b64encode(after.encode())
    assert len(rest) <= sum(map(len, around)) + 4


def test_a_secret_of_several_lines_is_masked_line_by_line() -> None:
    masked = Mask({PEM}).text("".join(f"> {line}\n" for line in PEM.splitlines()))
    assert "CAQAwBQYDK" not in masked


@given(
    st.text(st.characters(codec="utf-8", exclude_characters="*"), min_size=4, max_size=12),
    st.lists(st.text(st.characters(codec="utf-8"), max_size=9), max_size=4),
    st.data(),
)
def test_a_secret_split_over_writes_is_masked(secret: str, around: list[str], data: st.DataObject) -> None:
    text = secret.join(["", *around, ""]).encode()
    mask = Mask({secret})
    places = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=6)))
    pieces = [text[a:b] for a, b in zip([0, *places], [*places, len(text)], strict=True)]
    streamed = b"".join(mask.feed(piece) for piece in pieces) + mask.finish()
    assert streamed == Mask({secret}).text(text.decode()).encode()
    assert secret.encode() not in streamed


def test_two_secrets_of_which_one_begins_the_other_are_masked_whole() -> None:
    mask = Mask({"abcd", "abcdefgh", "xabcd"})
    assert b"".join([mask.feed(b"1 abcd"), mask.feed(b"efgh 2 x"), mask.feed(b"abcd 3"), mask.finish()]) == (
        b"1 *** 2 *** 3"
    )


def test_text_that_only_begins_like_a_secret_is_shown_in_the_end() -> None:
    mask = Mask({"password"})
    assert mask.feed(b"the pass") == b"the "
    assert mask.feed(b"age") == b"passage"
    assert mask.feed(b"passw") + mask.finish() == b"passw"


def test_what_is_too_short_to_tell_from_text_is_left_alone() -> None:
    assert Mask({"abc", ""}).text("abcabc") == "abcabc"


def test_secrets_are_those_declared_and_those_that_look_like_it() -> None:
    environment = {
        "SHOP_URL": "https://me:pw@shop",
        "AWS_SECRET_ACCESS_KEY": "aaaaaaaa1",
        "GITHUB_TOKEN": "bbbbbbbb2",
        "PENSTOCK_PASSPHRASE": "cccccccc3",
        "PGPASSWORD": "dddddddd4",
        "PASSWORD_STORE": "true",
        "PATH": "/usr/bin:/bin",
        "KEYBOARD": "qwertyuiop",
    }
    expected = {"https://me:pw@shop", "aaaaaaaa1", "bbbbbbbb2", "cccccccc3", "dddddddd4"}
    assert secrets_of(environment, ["SHOP_URL", "NOT_SET"]) == expected
    assert not looks_secret("PENSTOCK_KEYS")


def test_neither_log_nor_finding_shows_a_secret(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOP_LOGIN", SECRET)
    monkeypatch.setenv("OTHER_PASSWORD", "never-handed-over")
    code = """
        import base64, os, sys
        def make(rows):
            value = os.environ["SHOP_LOGIN"]
            print("plain", value)
            print("other", "never-" + "handed-over")
            for letter in value:
                print(letter, end="", flush=True)
            print("", base64.b64encode(value.encode()).decode(), file=sys.stderr)
            raise ValueError(f"cannot log in with {value}")
        """
    finding = bench.refused(bench.run, code, secrets=("SHOP_LOGIN",))
    assert finding.message == "shop.made: ValueError: cannot log in with ***"
    printed = bench.printed()
    assert printed.startswith("plain ***\nother ***\n*** ***\n")
    assert SECRET not in printed
    assert "s3cr3t" not in printed


# -- bounds -----------------------------------------------------------------------------------------------------------


def test_the_beginning_and_the_end_of_much_output_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "run" / "a.log"
    log = LogWriter(path, Mask(()))
    for number in range(200_000):
        log.write(b"line %07d\n" % number)
    assert path.stat().st_size == FIRST_BYTES
    log.close()
    text = path.read_text(encoding="ascii")
    left_out = 200_000 * 13 - FIRST_BYTES - LAST_BYTES
    assert text.startswith("line 0000000\n")
    assert text.endswith("line 0199999\n")
    assert f"\n[{left_out:,} bytes are left out here]\n" in text
    assert FIRST_BYTES + LAST_BYTES < len(text) < FIRST_BYTES + LAST_BYTES + 100


def test_output_that_just_fits_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    log = LogWriter(path, Mask(()))
    data = bytes(range(256)) * ((FIRST_BYTES + LAST_BYTES) // 256)
    log.write(data)
    log.close()
    assert path.read_bytes() == data


def test_a_flood_of_output_is_bounded_and_the_task_goes_on(bench: Bench) -> None:
    code = """
        def make(rows):
            for number in range(300_000):
                print("line", number)
            return rows
        """
    assert len(bench.run(code).rows) == 3
    printed = bench.printed()
    assert printed.startswith("line 0\n")
    assert printed.endswith("line 299999\n")
    assert "bytes are left out here" in printed


def test_a_disk_that_refuses_ends_the_log_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    log = LogWriter(tmp_path / "file" / "beneath.log", Mask(()))
    log.write(b"lost\n")
    log.close()
    (tmp_path / "full.log").symlink_to("/dev/full")  # every write to it fails
    full = LogWriter(tmp_path / "full.log", Mask(()))
    full.write(b"lost\n")
    full.write(b"too\n")
    full.close()


def test_names_that_are_no_file_names_stay_beneath_the_folder_and_apart(tmp_path: Path) -> None:
    names = ["../../etc/passwd", "a/b", "a_b", "a b", "", ".", "..", "x" * 300, "shop.day[2024-01-01/2024-01-02]#1"]
    paths = [log_file(tmp_path, run, log) for run in names for log in names]
    assert len(set(paths)) == len(names) ** 2
    assert all(path.parent.parent == tmp_path for path in paths)
    assert all(len(part) < 200 for path in paths for part in path.relative_to(tmp_path).parts)
    assert [name_of(log_file(tmp_path, "r", name)) for name in names if 0 < len(name) < 300] == [
        name for name in names if 0 < len(name) < 300
    ]


def test_a_second_attempt_follows_the_first_in_the_same_log(bench: Bench) -> None:
    path = bench.folder / "logs" / "twice" / "same.log"
    for word in ("first", "second"):
        log = LogWriter(path, Mask(()))
        log.write(f"{word}\n".encode())
        log.close()
    assert path.read_text(encoding="utf-8") == "first\n--- a further attempt ---\nsecond\n"


# -- following --------------------------------------------------------------------------------------------------------


def test_a_follower_sees_lines_as_they_are_printed(bench: Bench, tmp_path: Path) -> None:
    """The task waits for the follower to have seen its first line: without streaming neither would ever end."""
    seen = tmp_path / "seen"
    code = f"""
        import os, time
        def make(rows):
            print("first", flush=True)
            while not os.path.exists({str(seen)!r}):
                time.sleep(0.005)
            print("second")
            print("third, without an end", end="")
            return rows
        """
    done = threading.Event()

    def work() -> None:
        bench.run(code, run="followed")
        done.set()

    def pause() -> None:
        done.wait(0.01)

    thread = threading.Thread(target=work)
    thread.start()
    lines = []
    for name, line in follow(bench.folder / "logs", "followed", done.is_set, pause=pause):
        lines.append((name, line))
        if line == "first":
            seen.touch()
    thread.join()
    assert [line for _, line in lines] == ["first", "second", "third, without an end"]
    assert {name for name, _ in lines} == {bench.log}


def test_following_a_run_that_is_over_gives_what_it_printed(tmp_path: Path) -> None:
    for name, text in (("one", b"1\n2\n"), ("two", b"3")):
        log = LogWriter(log_file(tmp_path, "r", name), Mask(()))
        log.write(text)
        log.close()
    lines = list(follow(tmp_path, "r", lambda: True))
    assert sorted(lines) == [("one", "1"), ("one", "2"), ("two", "3")]
    assert list(follow(tmp_path, "unknown", lambda: True)) == []
    assert len(logs_of(tmp_path, "r")) == 2


def test_output_arrives_while_the_task_still_runs(bench: Bench) -> None:
    thread = threading.Thread(
        target=lambda: bench.refused(
            bench.run, "import time\ndef make(rows):\n    print('here')\n    time.sleep(600)\n", run="live"
        )
    )
    thread.start()
    folder = bench.folder / "logs" / "live"
    wait_for(lambda: folder.is_dir() and any(path.read_bytes() == b"here\n" for path in folder.iterdir()))
    assert bench.processes.stop("live") == 1
    thread.join()
