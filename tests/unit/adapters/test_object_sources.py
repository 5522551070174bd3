"""Objects of a store land as the same files would beneath the project, whole and as they were listed, or not at all."""

from __future__ import annotations

import csv
import gzip
import io
import json
import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import openpyxl
import pytest
import zstandard

from object_bench import KEY, SECRET, Bucket, Fault, Proxy, cut_halfway, hang_up, says, shortened
from penstock.adapters.objects import fetching, opening, store
from penstock.adapters.sources.bringing import SourceFiles
from penstock.adapters.sources.looking import look, standing
from penstock.model.errors import InputError, PenstockError, TaskError, TransientError
from penstock.model.intervals import Grain, Interval
from penstock.model.sources import Closed, Drift, FileFormat, FileSource
from penstock.model.storage import Identity, Scheme, Storage

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from penstock.engine.ports.arrivals import Landing
    from penstock.model.findings import Finding

pytest_plugins = ("object_server",)

START = datetime(2024, 1, 1, tzinfo=UTC)
DAILY = "in/{interval_start:%Y-%m-%d}.csv"
NAMED = (("key", "ORDERS_KEY"), ("secret", "ORDERS_SECRET"))
ROWS = [{"id": 1, "name": "Ubåt"}, {"id": 2, "name": None}]


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Credentials where the sources of these tests name them, and none in the store's own places."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("ORDERS_KEY", KEY)
    monkeypatch.setenv("ORDERS_SECRET", SECRET)


@pytest.fixture
def source(bucket: Bucket, proxy: Proxy) -> FileSource:
    """Daily CSV files of the bucket, asked for through the proxy."""
    storage = Storage(scheme=Scheme.S3, endpoint=proxy.address, identity=Identity.NAMED, variables=NAMED)
    return FileSource(path=f"s3://{bucket.name}/{DAILY}", columns=("id", "name"), storage=storage)


def _days(count: int) -> tuple[Interval, ...]:
    return tuple(Interval(START, START + timedelta(days=count)).split(Grain.DAY))


def _content(day: Interval, name: str = "a") -> bytes:
    return f"id,name\n{day.start:%j},{name}\n".encode()


def _fill(bucket: Bucket, days: Sequence[Interval]) -> None:
    bucket.fill({f"in/{day.start:%Y-%m-%d}.csv": _content(day) for day in days})


def _land(
    root: Path, source: FileSource, days: Sequence[Interval] | None = None
) -> tuple[list[tuple[Any, ...]], Landing]:
    with SourceFiles(root, root / "spool").land(source, "shop.orders", days) as landing:
        assert [path.name[:5] for path in (root / "spool").iterdir()] == ["land-"], "the copies are gone by now"
        rows = duckdb.execute(f"SELECT * FROM read_parquet('{landing.path}') ORDER BY ALL").fetchall()
    assert list((root / "spool").iterdir()) == []
    return rows, landing


def _failed(root: Path, source: FileSource, days: Sequence[Interval] | None = None) -> tuple[PenstockError, Finding]:
    with pytest.raises(PenstockError) as caught:
        _land(root, source, days)
    assert not (root / "spool").exists() or list((root / "spool").iterdir()) == [], "no copy outlives its use"
    finding = caught.value.findings[0]
    assert SECRET not in repr(caught.value.findings)
    assert finding.expected or finding.code == "source.stopped"
    return caught.value, finding


def _packed(lines: list[list[Any]], form: FileFormat) -> bytes:
    if form is FileFormat.EXCEL:
        book, held = openpyxl.Workbook(), io.BytesIO()
        assert book.active is not None
        for line in lines:
            book.active.append(line)
        book.save(held)
        return held.getvalue()
    text = io.StringIO()
    csv.writer(text).writerows(lines)
    return text.getvalue().encode()


def _parquet(folder: Path) -> bytes:
    path = folder / "made.parquet"
    duckdb.execute(f"COPY (SELECT * FROM (VALUES (1, 'Ubåt'), (2, NULL)) AS t(id, name)) TO '{path}'")
    return path.read_bytes()


LINES: list[list[Any]] = [["id", "name"], [1, "Ubåt"], [2, None]]
CSV = _packed(LINES, FileFormat.CSV)
NDJSON = "".join(json.dumps(row) + "\n" for row in ROWS).encode()
FILES: dict[str, tuple[FileFormat, bytes | None, dict[str, Any]]] = {
    "plain.csv": (FileFormat.CSV, CSV, {}),
    "packed.csv.gz": (FileFormat.CSV, gzip.compress(CSV), {}),
    "packed.csv.zst": (FileFormat.CSV, zstandard.compress(CSV), {}),
    "other words.csv": (FileFormat.CSV, CSV.decode().encode("cp1252").replace(b",", b";"), {"drift": Drift.EVOLVE}),
    "document.json": (FileFormat.JSON, json.dumps({"all": ROWS}).encode(), {"records": "all"}),
    "lines.ndjson.gz": (FileFormat.NDJSON, gzip.compress(NDJSON), {}),
    "table.parquet": (FileFormat.PARQUET, None, {"types": {"id": "INTEGER"}}),
    "book.xlsx": (FileFormat.EXCEL, _packed(LINES, FileFormat.EXCEL), {}),
}


@pytest.mark.parametrize("name", FILES)
def test_an_object_lands_as_the_same_file_would(name: str, source: FileSource, bucket: Bucket, tmp_path: Path) -> None:
    form, content, said = FILES[name]
    content = content or _parquet(tmp_path)
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / name).write_bytes(content)
    bucket.put(f"data/{name}", content)
    beneath = FileSource(path=f"data/{name}", columns=source.columns, format=form, **said)

    here, local = _land(tmp_path, beneath)
    there, remote = _land(tmp_path, replace(beneath, path=f"s3://{bucket.name}/data/{name}", storage=source.storage))

    assert len(here) == len(ROWS)
    assert [row[:-1] for row in there] == [row[:-1] for row in here]
    assert {row[-1] for row in there} == {f"s3://{bucket.name}/data/{name}"}
    (one,), (other,) = local.files, remote.files
    assert replace(other, name=one.name, modified=one.modified, version="") == one
    assert other.version


def test_hundreds_of_objects_land_with_one_listing_however_many_pages_it_has(
    source: FileSource, bucket: Bucket, proxy: Proxy, tmp_path: Path
) -> None:
    days = _days(210)
    _fill(bucket, days)
    bucket.put("in/other.csv", b"not,ours\n")
    bucket.put("elsewhere/2024-01-01.csv", b"not,ours\n")
    proxy.page = 100

    rows, landing = _land(tmp_path, source, days)

    assert [(row[0], row[3]) for row in rows] == sorted(
        (f"{day.start:%j}", day.start.replace(tzinfo=None)) for day in days
    )
    assert len(landing.files) == 210
    assert proxy.count("list-type") == 3
    assert proxy.count(r"GET /[^/?]+/in/") == 210


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("in/*.csv", ["in/a.csv", "in/b[1].csv"]),
        ("in/b[1]*.csv", ["in/b[1].csv"]),
        ("*/a.csv", ["deep/a.csv", "in/a.csv"]),
        ("**/a.csv", ["deep/a.csv", "deep/er/a.csv", "in/a.csv"]),
        ("in/a*", ["in/a.csv", "in/a.csv.bak"]),
        ("in/*", ["in/a.csv", "in/a.csv.bak", "in/b[1].csv"]),
        ("in/a.csv", ["in/a.csv"]),
        ("in/A.csv", []),
    ],
)
def test_a_pattern_means_what_it_means_among_files(
    pattern: str, found: list[str], source: FileSource, bucket: Bucket, tmp_path: Path
) -> None:
    for key in ("in/a.csv", "in/a.csv.bak", "in/b[1].csv", "deep/a.csv", "deep/er/a.csv", "in/"):
        bucket.put(key, b"" if key.endswith("/") else CSV)
    there, findings = look(replace(source, path=f"s3://{bucket.name}/{pattern}"), "shop.orders", tmp_path, None)
    assert [name.split("/", 3)[3] for name, _ in there] == found
    assert [finding.code for finding in findings] == ([] if found else ["source.missing_file"])


def test_several_objects_of_an_interval_land_together(source: FileSource, bucket: Bucket, tmp_path: Path) -> None:
    for shop in ("north", "south"):
        bucket.put(f"in/2024-01-01-{shop}.csv", f"id,name\n1,{shop}\n".encode())
    path = f"s3://{bucket.name}/in/{{interval_start:%Y-%m-%d}}*.csv"
    rows, _ = _land(tmp_path, replace(source, path=path), _days(1))
    assert [row[1] for row in rows] == ["north", "south"]


def test_names_that_are_no_names_of_files_land_too(source: FileSource, bucket: Bucket, tmp_path: Path) -> None:
    keys = ["in/.hidden.csv", "in/a\tb.csv", f"in/{'x' * 300}.csv", "in/ü*.csv", "in/100%.csv", 'in/it\'s "q".csv']
    for number, key in enumerate(keys):
        bucket.put(key, f"id,name\n{number},a\n".encode())
    rows, landing = _land(tmp_path, replace(source, path=f"s3://{bucket.name}/in/*.csv"))
    assert {row[2] for row in rows} == {f"s3://{bucket.name}/{key}" for key in keys}
    assert len(landing.files) == len(keys)


# -- what is missing or wrong ----------------------------------------------------------------------------------------


def test_what_is_missing_is_said_before_anything_is_fetched(
    source: FileSource, bucket: Bucket, proxy: Proxy, tmp_path: Path
) -> None:
    _fill(bucket, _days(2))
    _, finding = _failed(tmp_path, source, _days(4))
    assert (finding.code, finding.place.file) == ("source.missing_file", f"s3://{bucket.name}/in/2024-01-03.csv")
    assert proxy.count(r"GET /[^/?]+/in/") == 0


def test_days_that_are_closed_or_may_be_empty_are_not_missed(
    source: FileSource, bucket: Bucket, tmp_path: Path
) -> None:
    _fill(bucket, _days(2))
    closed = Closed(dates=frozenset(day.start.date() for day in _days(4)[2:]))
    assert len(_land(tmp_path, replace(source, closed=closed), _days(4))[0]) == 2
    assert len(_land(tmp_path, replace(source, missing="empty"), _days(4))[0]) == 2


def test_what_is_wrong_with_contents_goes_by_the_objects_name(
    source: FileSource, bucket: Bucket, tmp_path: Path
) -> None:
    for number, content in enumerate((b"id,other\n1,a\n", b"id,name\n1,a,b\n", b"")):
        bucket.put(f"in/2024-01-0{number + 1}.csv", content)
    error, _ = _failed(tmp_path, source, _days(3))
    assert isinstance(error, TaskError)
    assert [finding.code for finding in error.findings] == [
        "source.other_header",
        "source.broken_file",
        "source.broken_file",
    ]
    assert all(
        finding.place.file == f"s3://{bucket.name}/in/2024-01-0{n}.csv" for n, finding in enumerate(error.findings, 1)
    )
    assert "spool" not in repr(error.findings)


def test_the_same_bytes_for_two_intervals_are_one_delivery_too_many(
    source: FileSource, bucket: Bucket, tmp_path: Path
) -> None:
    for day in _days(2):
        bucket.put(f"in/{day.start:%Y-%m-%d}.csv", CSV)
    assert _failed(tmp_path, source, _days(2))[1].code == "source.repeated_file"


def test_a_bucket_that_is_not_there_is_named(source: FileSource, tmp_path: Path) -> None:
    error, finding = _failed(tmp_path, replace(source, path="s3://nobodys-bucket/a.csv"))
    assert isinstance(error, TaskError)
    assert finding.code == "source.no_bucket"
    assert "nobodys-bucket" in finding.message


def test_a_variable_that_holds_nothing_is_named(
    source: FileSource, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ORDERS_SECRET", " ")
    error, finding = _failed(tmp_path, source, _days(1))
    assert isinstance(error, TaskError)
    assert (finding.code, finding.remedy) == ("source.no_credentials", "set ORDERS_SECRET")


def test_without_credentials_anywhere_it_says_so(source: FileSource, proxy: Proxy, tmp_path: Path) -> None:
    error, finding = _failed(
        tmp_path, replace(source, storage=Storage(scheme=Scheme.S3, endpoint=proxy.address)), _days(1)
    )
    assert isinstance(error, TaskError)
    assert finding.code == "source.no_credentials"
    assert proxy.asked == []


def test_the_stores_own_chain_of_credentials_is_asked_at_each_moment(
    source: FileSource, bucket: Bucket, proxy: Proxy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _fill(bucket, _days(1))
    chained = replace(source, storage=Storage(scheme=Scheme.S3, endpoint=proxy.address))
    assert _failed(tmp_path, chained, _days(1))[1].code == "source.no_credentials"
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    assert len(_land(tmp_path, chained, _days(1))[0]) == 1


def test_an_endpoint_from_the_environment_is_used_and_judged(
    source: FileSource, bucket: Bucket, proxy: Proxy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _fill(bucket, _days(1))
    assert source.storage is not None
    elsewhere = replace(source, storage=replace(source.storage, endpoint="", endpoint_variable="ORDERS_STORE"))
    monkeypatch.setenv("ORDERS_STORE", proxy.address)
    assert len(_land(tmp_path, elsewhere, _days(1))[0]) == 1
    monkeypatch.setenv("ORDERS_STORE", f"http://key:{SECRET}@127.0.0.1:1")
    assert _failed(tmp_path, elsewhere, _days(1))[1].code == "source.bad_endpoint"


def test_a_store_whose_package_is_not_there_names_it(source: FileSource, tmp_path: Path) -> None:
    _, finding = _failed(tmp_path, replace(source, path="gs://orders/a.csv", storage=Storage(scheme=Scheme.GCS)))
    assert finding.code == "source.extra"
    assert finding.remedy == "in Penstock's folder: pip install '.[objects]' gcsfs"


def test_what_is_no_key_file_is_not_sent_anywhere(
    source: FileSource, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ORDERS_FILE", SECRET)
    storage = Storage(scheme=Scheme.GCS, identity=Identity.NAMED, variables=(("token", "ORDERS_FILE"),))
    _, finding = _failed(tmp_path, replace(source, path="gs://orders/a.csv", storage=storage))
    assert (finding.code, finding.remedy) == ("source.no_credentials", "correct ORDERS_FILE")


# -- faults ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Two tries in all for each question, so that a store that stays broken is told of soon."""
    s3fs = pytest.importorskip("s3fs")
    monkeypatch.setattr(s3fs.S3FileSystem, "retries", 2)
    opening._filesystem.cache_clear()
    yield
    opening._filesystem.cache_clear()


PASSING = {
    "cut halfway": (r"GET /[^/?]+/in/", cut_halfway, 2),
    "told to slow down": (r"GET /[^/?]+/in/", says(503, "SlowDown"), 2),
    "hung up on": ("GET ", hang_up, 1),
    "out of order": (r"GET /[^/?]+/in/", says(500, "InternalError"), 1),
}


@pytest.mark.fault
@pytest.mark.parametrize("what", PASSING)
def test_what_passes_is_asked_for_again(
    what: str, source: FileSource, bucket: Bucket, proxy: Proxy, tmp_path: Path
) -> None:
    _fill(bucket, _days(3))
    when, do, times = PASSING[what]
    fault = proxy.add(Fault(when=when, do=do, times=times))
    assert len(_land(tmp_path, source, _days(3))[0]) == 3
    assert fault.fired == times


LASTING = {
    "cut halfway": (r"GET /[^/?]+/in/", cut_halfway, TransientError, "source.no_answer"),
    "told to slow down": (r"GET /[^/?]+/in/", says(503, "SlowDown"), TransientError, "source.no_answer"),
    "hung up on": ("list-type", hang_up, TransientError, "source.no_answer"),
    "given less": (r"GET /[^/?]+/in/", shortened, TransientError, "source.cut_short"),
    "not listed": ("list-type", says(403, "AccessDenied"), TaskError, "source.refused"),
    "not read": (r"/in/", says(403, "AccessDenied"), TaskError, "source.refused"),
    "unknown": ("list-type", says(403, "InvalidAccessKeyId"), TaskError, "source.refused"),
    "signed wrong": ("list-type", says(403, "SignatureDoesNotMatch"), TaskError, "source.refused"),
    "elsewhere": ("list-type", says(301, "PermanentRedirect"), TaskError, "source.bad_request"),
    "of another region": ("list-type", says(400, "AuthorizationHeaderMalformed"), TaskError, "source.bad_request"),
}


@pytest.mark.fault
@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("what", LASTING)
def test_what_lasts_fails_the_attempt_and_says_whether_another_may_succeed(
    what: str, source: FileSource, bucket: Bucket, proxy: Proxy, tmp_path: Path
) -> None:
    _fill(bucket, _days(3))
    when, do, kind, code = LASTING[what]
    fault = proxy.add(Fault(when=when, do=do, times=1_000))
    error, finding = _failed(tmp_path, source, _days(3))
    assert fault.fired >= 1
    assert (type(error), finding.code) == (kind, code), finding

    proxy.faults.clear()
    assert len(_land(tmp_path, source, _days(3))[0]) == 3


@pytest.mark.fault
def test_what_a_store_says_is_told_without_secrets(
    source: FileSource, bucket: Bucket, proxy: Proxy, tmp_path: Path
) -> None:
    _fill(bucket, _days(1))
    fault = proxy.add(Fault(when="list-type", do=says(403, "AccessDenied", f"{KEY} with {SECRET} may not")))
    _, finding = _failed(tmp_path, source, _days(1))
    assert fault.fired == 1
    assert "*** with *** may not" in finding.message


@pytest.mark.fault
def test_credentials_that_were_refused_are_looked_for_anew(
    source: FileSource, bucket: Bucket, proxy: Proxy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a file of them may be written anew while a server runs."""
    file = tmp_path / "credentials"
    file.write_text(f"[default]\naws_access_key_id = OLDKEY\naws_secret_access_key = {SECRET}\n")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(file))
    _fill(bucket, _days(1))
    chained = replace(source, storage=Storage(scheme=Scheme.S3, endpoint=proxy.address))
    assert len(_land(tmp_path, chained, _days(1))[0]) == 1
    file.write_text(f"[default]\naws_access_key_id = NEWKEY\naws_secret_access_key = {SECRET}\n")
    proxy.add(Fault(when="list-type", do=says(403, "InvalidAccessKeyId")))
    assert _failed(tmp_path, chained, _days(1))[1].code == "source.refused"
    assert len(_land(tmp_path, chained, _days(1))[0]) == 1
    assert ["OLDKEY" in each for each in proxy.signed] == [True] * 4 + [False] * 3


@pytest.mark.fault
@pytest.mark.usefixtures("impatient")
def test_a_store_that_is_not_there_may_come_back(source: FileSource, tmp_path: Path) -> None:
    assert source.storage is not None
    gone = replace(source, storage=replace(source.storage, endpoint="http://127.0.0.1:9"))
    error, finding = _failed(tmp_path, gone, _days(1))
    assert isinstance(error, TransientError)
    assert finding.code == "source.no_answer"
    with pytest.raises(InputError):  # before a run there is no attempt to be made again
        look(gone, "shop.orders", tmp_path, _days(1))


@pytest.mark.fault
@pytest.mark.parametrize("when", ["HEAD .*01-02", "GET .*in/2024-01-02"])
def test_an_object_that_is_replaced_after_it_was_listed_is_not_read(
    when: str, source: FileSource, bucket: Bucket, proxy: Proxy, tmp_path: Path
) -> None:
    _fill(bucket, _days(3))
    replaced = threading.Event()

    def replace_it(line: str) -> None:
        if (
            not replaced.is_set()
            and line.startswith(when.split(maxsplit=1)[0])
            and "in/2024-01-02" in line
            and "list-type" not in line
        ):
            replaced.set()
            bucket.put("in/2024-01-02.csv", _content(_days(2)[1], "b"))

    proxy.before = replace_it
    error, finding = _failed(tmp_path, source, _days(3))
    assert replaced.is_set()
    assert isinstance(error, TransientError)
    assert (finding.code, finding.place.file) == ("source.changed_meanwhile", f"s3://{bucket.name}/in/2024-01-02.csv")
    assert [row[1] for row in _land(tmp_path, source, _days(3))[0]] == ["a", "b", "a"], "the next attempt lists anew"


@pytest.mark.fault
def test_an_object_that_is_removed_after_it_was_listed_fails_the_attempt(
    source: FileSource, bucket: Bucket, proxy: Proxy, tmp_path: Path
) -> None:
    _fill(bucket, _days(2))
    proxy.before = lambda line: bucket.remove("in/2024-01-02.csv") if line.startswith("HEAD") else None
    error, finding = _failed(tmp_path, source, _days(2))
    assert isinstance(error, TransientError)
    assert finding.code == "source.changed_meanwhile"
    assert _failed(tmp_path, source, _days(2))[1].code == "source.missing_file"


@pytest.mark.fault
def test_of_a_large_object_only_the_lost_block_is_fetched_again(
    source: FileSource, bucket: Bucket, proxy: Proxy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "BLOCK", 1 << 16)
    content = b"id,name\n" + b"".join(b"%07d,abcdefgh\n" % number for number in range(20_000))
    bucket.put("in/2024-01-01.csv", content)
    fault = proxy.add(Fault(when=r"GET /[^/?]+/in/", do=cut_halfway, after=3, times=1))

    rows, landing = _land(tmp_path, source, _days(1))

    assert (len(rows), landing.bytes) == (20_000, len(content))
    assert fault.fired == 1
    assert proxy.count(r"GET /[^/?]+/in/") == -(-len(content) // store.BLOCK) + 1


def test_what_nobody_wants_any_more_is_not_fetched_to_its_end(
    source: FileSource, bucket: Bucket, proxy: Proxy, tmp_path: Path
) -> None:
    days = _days(40)
    _fill(bucket, days)
    files = SourceFiles(tmp_path, tmp_path / "spool")
    with (
        pytest.raises(TaskError) as caught,
        files.land(source, "shop.orders", days, lambda: proxy.count(r"GET /[^/?]+/in/") > 5),
    ):
        pass
    assert caught.value.findings[0].code == "source.stopped"
    assert proxy.count(r"GET /[^/?]+/in/") < 6 + 2 * fetching.AT_ONCE
    assert list((tmp_path / "spool").iterdir()) == []


@pytest.mark.fault
def test_a_full_disk_is_no_fault_of_the_store(
    source: FileSource, bucket: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _fill(bucket, _days(1))
    monkeypatch.setattr(fetching, "_target", lambda *_: Path("/dev/full"))
    error, finding = _failed(tmp_path, source, _days(1))
    assert isinstance(error, TaskError)
    assert finding.code == "source.no_room"


# -- looking without fetching ----------------------------------------------------------------------------------------


def test_looking_fetches_nothing_and_sees_a_change(
    source: FileSource, bucket: Bucket, proxy: Proxy, tmp_path: Path
) -> None:
    _fill(bucket, _days(2))
    before, _ = look(source, "shop.orders", tmp_path, _days(2))
    bucket.put("in/2024-01-02.csv", _content(_days(2)[1], "b"))
    after, _ = look(source, "shop.orders", tmp_path, _days(2))
    assert [name for name, _ in before] == [name for name, _ in after]
    assert [one == other for one, other in zip(before, after, strict=True)] == [True, False]
    assert proxy.count("HEAD|/in/") == 0


def test_an_object_stands_as_it_landed(source: FileSource, bucket: Bucket, tmp_path: Path) -> None:
    _fill(bucket, _days(2))
    _, landing = _land(tmp_path, source, _days(2))
    seen = standing(source, "shop.orders", tmp_path, _days(2))
    assert [(one.name, one.size, one.modified, one.version) for one in seen] == [
        (file.name, file.size, file.modified, file.version) for file in landing.files
    ]
