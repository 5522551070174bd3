"""`storage:` of a source: where objects are and who may read them, and no secret in the project, or in what is said."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from penstock.model.sources import FileSource
from penstock.model.storage import Identity, Scheme, Storage
from penstock.plan.versions import own_digest
from penstock.project.remembering import _line, _made
from penstock.project.source_file import read_source

if TYPE_CHECKING:
    from penstock.model.findings import Finding
    from penstock.model.pipelines import Dataset

BASE = "format: csv\ncolumns: [id, amount]\n"
SECRET = "wJalrXUtnFEMI/K7MDENG"  # noqa: S105 - nobody's


def _read(text: str) -> tuple[Dataset | None, list[Finding]]:
    findings: list[Finding] = []
    return read_source("shop.orders", BASE + text, "orders.source.yaml", findings), findings


def _storage(text: str) -> Storage | None:
    dataset, findings = _read(text)
    assert dataset is not None, findings
    assert isinstance(dataset.task, FileSource)
    return dataset.task.storage


def test_a_path_beneath_the_project_has_no_store() -> None:
    assert _storage("path: data/orders.csv\n") is None


def test_the_address_of_objects_alone_means_the_stores_own_chain_of_credentials() -> None:
    assert _storage("path: s3://orders/in/*.csv\n") == Storage(scheme=Scheme.S3)
    assert _storage("path: gs://orders/in/*.csv\n") == Storage(scheme=Scheme.GCS)


def test_everything_about_a_store_can_be_said() -> None:
    text = (
        "path: s3://orders/in/a.csv\nstorage:\n  endpoint: ORDERS_STORE\n  region: eu-central-1\n"
        "  credentials: {key: ORDERS_KEY, secret: ORDERS_SECRET, token: ORDERS_TOKEN}\n"
    )
    assert _storage(text) == Storage(
        scheme=Scheme.S3,
        endpoint_variable="ORDERS_STORE",
        region="eu-central-1",
        identity=Identity.NAMED,
        variables=(("key", "ORDERS_KEY"), ("secret", "ORDERS_SECRET"), ("token", "ORDERS_TOKEN")),
    )


def test_an_endpoint_in_the_file_goes_with_no_credentials_by_name() -> None:
    """Else whoever edits the file chooses which secrets are sent where."""
    text = "path: s3://orders/a.csv\nstorage: {endpoint: 'https://minio:9000', credentials: CREDENTIALS}\n"
    assert _storage(text.replace("CREDENTIALS", "chain")) is not None
    _, findings = _read(text.replace("CREDENTIALS", "{key: ORDERS_KEY, secret: ORDERS_SECRET}"))
    assert [finding.code for finding in findings] == ["project.bad_store"]
    assert "environment variable" in (findings[0].expected or "")


def test_an_endpoint_may_come_from_the_environment() -> None:
    found = _storage("path: s3://orders/a.csv\nstorage: {endpoint: ORDERS_STORE, credentials: none}\n")
    assert found == Storage(scheme=Scheme.S3, endpoint_variable="ORDERS_STORE", identity=Identity.NONE)


def test_azure_has_an_account() -> None:
    found = _storage("path: az://orders/a.csv\nstorage: {account: shopdata, credentials: {token: ORDERS_SAS}}\n")
    variables = (("token", "ORDERS_SAS"),)
    assert found == Storage(scheme=Scheme.AZURE, account="shopdata", identity=Identity.NAMED, variables=variables)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("path: https://example.org/a.csv", "project.bad_store"),
        ("path: ftp://example.org/a.csv", "project.bad_store"),
        ("path: S3://orders/a.csv", "project.bad_store"),
        ("path: s3://*/a.csv", "project.bad_store"),
        ("path: s3:///a.csv", "project.bad_store"),
        ("path: s3://orders", "project.bad_store"),
        ("path: s3://orders/in/../a.csv", "project.bad_store"),
        ("path: s3://orders//a.csv", "project.bad_store"),
        ("path: s3://orders/a.csv?versionId=1", "project.bad_store"),
        ("path: s3://orders/a.parquet", "project.bad_suffix"),
        ("path: 's3://orders/{interval_start:%Y}.csv'", "project.bad_template"),
        ("path: data/a.csv\nstorage: {region: eu-central-1}", "project.bad_store"),
        ("path: s3://orders/a.csv\nstorage: {region: 'eu central'}", "project.bad_store"),
        ("path: s3://orders/a.csv\nstorage: {credentials: {key: ORDERS_KEY}}", "project.bad_store"),
        ("path: s3://orders/a.csv\nstorage: {account: shopdata}", "source.secret_in_project"),
        ("path: az://orders/a.csv\nstorage: {account: 'Shop Data'}", "project.bad_store"),
        ("path: az://orders/a.csv\nstorage: {credentials: {}}", "project.bad_store"),
        ("path: s3://orders/a.csv\nstorage: [eu-central-1]", "document.kind"),
    ],
)
def test_what_is_no_store_is_said_once(text: str, code: str) -> None:
    dataset, findings = _read(text + "\n")
    assert dataset is None
    assert [finding.code for finding in findings] == [code]
    assert all(finding.expected and finding.remedy for finding in findings)


@pytest.mark.parametrize(
    "text",
    [
        f"path: s3://KEY:{SECRET}@orders/a.csv",
        f"path: s3://orders/a.csv\nstorage: {{endpoint: 'https://key:{SECRET}@host:9000'}}",
        f"path: s3://orders/a.csv\nstorage: {{endpoint: 'https://host:9000/?secret={SECRET}'}}",
        f"path: s3://orders/a.csv\nstorage: {{credentials: {SECRET}}}",
        f"path: s3://orders/a.csv\nstorage: {{credentials: {{key: ORDERS_KEY, secret: {SECRET}}}}}",
        "path: s3://orders/a.csv\nstorage: {credentials: {key: AKIAIOSFODNN7EXAMPLE, secret: ORDERS_SECRET}}",
        f"path: s3://orders/a.csv\nstorage: {{secret: {SECRET}}}",
        f"path: s3://orders/a.csv\nstorage: {{credentials: {{key: ORDERS_KEY, secret: A, password: {SECRET}}}}}",
        f"path: s3://orders/a.csv\nstorage: {{region: '', credentials: {{key: ORDERS_KEY}}, secret: {SECRET}}}",
    ],
)
def test_a_secret_in_the_project_is_refused_and_not_repeated(text: str) -> None:
    dataset, findings = _read(text + "\n")
    assert dataset is None
    assert "source.secret_in_project" in {finding.code for finding in findings}
    assert not any(word in repr(findings) for word in (SECRET, "AKIAIOSFODNN7EXAMPLE"))


def test_another_store_is_another_version_and_other_credentials_are_not() -> None:
    def digest(storage: str) -> str:
        dataset, findings = _read(f"path: s3://orders/a.csv\nstorage: {storage}\n")
        assert dataset is not None, findings
        return own_digest(dataset)

    plain = digest("{}")
    assert digest("{region: eu-central-1, credentials: none}") == plain
    assert digest("{credentials: {key: ORDERS_KEY, secret: ORDERS_SECRET}}") == plain
    assert digest("{endpoint: 'https://minio:9000'}") != plain


def test_a_store_is_remembered() -> None:
    found = _storage("path: az://orders/a.csv\nstorage: {account: shopdata, credentials: {token: ORDERS_SAS}}\n")
    assert _made(json.loads(_line(found))) == found
