"""Opens a store through fsspec: as whom and where comes from the environment at this moment, and stays in memory.

Invariant: nothing raised here, or said through a `Store`, holds a secret or a part of one.
"""

from __future__ import annotations

import importlib
import json
import os
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from penstock.adapters.objects import faults
from penstock.adapters.objects.store import Store
from penstock.adapters.processes.masking import Mask, looks_secret
from penstock.model.errors import InputError
from penstock.model.extras import how_to_install
from penstock.model.findings import Finding, Place
from penstock.model.storage import STORES, Identity, Scheme
from penstock.project.storage import endpoint_problem

if TYPE_CHECKING:
    from collections.abc import Mapping

    from penstock.adapters.objects.store import Filesystem
    from penstock.model.storage import Storage

_PACKAGES: Mapping[Scheme, tuple[str, str]] = {
    Scheme.S3: ("s3fs", how_to_install("s3")),
    Scheme.GCS: ("gcsfs", how_to_install("objects", "gcsfs")),
    Scheme.AZURE: ("adlfs", how_to_install("objects", "adlfs")),
}
"""What speaks to each store, and how it is installed."""
_OPTIONS: Mapping[Scheme, Mapping[str, str]] = {
    Scheme.S3: {"key": "key", "secret": "secret", "token": "token"},
    Scheme.GCS: {"token": "token"},
    Scheme.AZURE: {"key": "account_key", "token": "sas_token"},
}
"""What each package calls what a source names."""
_CHAINS = ("AWS_", "GOOGLE_", "AZURE_")
"""How the variables begin that stores' own chains of credentials read."""
_KEPT = 16
"""Connections that are kept open for later questions."""


def store_of(storage: Storage, dataset: str) -> Store:
    """The store of a source; nobody is connected to yet.

    Raises:
        InputError: the package that speaks to it is not installed, or a variable that the source names holds nothing.
    """
    options = _options(storage, dataset)
    mask = Mask(_secrets(storage))
    chain = [(name, value) for name, value in sorted(os.environ.items()) if name.startswith(_CHAINS)]
    try:
        opened = _filesystem(storage.scheme, json.dumps(options, sort_keys=True), json.dumps(chain))
    except ImportError as error:
        raise InputError(_not_installed(storage.scheme, dataset)) from error
    except faults.of(storage.scheme) as error:  # some packages judge credentials as they are given them
        raise InputError(faults.translated(error, dataset, f"{storage.scheme}://", mask).findings) from error
    return Store(opened, storage.scheme, dataset, mask, _filesystem.cache_clear)


def _secrets(storage: Storage) -> list[str]:
    """What must not be shown: what the source names, and what the environment holds for stores."""
    chained = [value for name, value in os.environ.items() if name.startswith(_CHAINS) and looks_secret(name)]
    return [*(os.environ[variable] for _, variable in storage.variables), *chained]


@lru_cache(maxsize=_KEPT)
def _filesystem(scheme: Scheme, options: str, _chain: str) -> Filesystem:
    """A connection as fsspec has it: made anew when the environment says otherwise, or the store refused one."""
    importlib.import_module(_PACKAGES[scheme][0])
    fsspec = importlib.import_module("fsspec")
    found: Filesystem = fsspec.filesystem(
        str(scheme), skip_instance_cache=True, use_listings_cache=False, **json.loads(options)
    )
    return found


def _options(storage: Storage, dataset: str) -> dict[str, Any]:
    """What the package is told."""
    named = {name: _value(variable, dataset) for name, variable in storage.variables}
    options: dict[str, Any] = {_OPTIONS[storage.scheme][name]: value for name, value in named.items()}
    is_nobody = storage.identity is Identity.NONE
    if (
        storage.scheme is Scheme.GCS and named and not Path(named["token"]).is_file()
    ):  # else it would be sent as a token
        raise InputError(_no_key_file(storage.variables[0][1], dataset))
    if storage.scheme is Scheme.GCS:
        return {"token": "anon"} if is_nobody else options
    if storage.scheme is Scheme.AZURE:
        return options | {"anon": is_nobody} | ({"account_name": storage.account} if storage.account else {})
    options |= {"anon": is_nobody, "config_kwargs": {"retries": {"mode": "standard", "total_max_attempts": 2}}}
    if endpoint := _endpoint(storage, dataset):
        options["endpoint_url"] = endpoint
    if storage.region:
        options["client_kwargs"] = {"region_name": storage.region}
    return options


def _value(variable: str, dataset: str) -> str:
    value = os.environ.get(variable, "").strip()
    if not value:
        raise InputError(_nothing_in(variable, dataset))
    return value


def _endpoint(storage: Storage, dataset: str) -> str:
    if not storage.endpoint_variable:
        return storage.endpoint
    text = _value(storage.endpoint_variable, dataset)
    if endpoint_problem(text):
        raise InputError(
            Finding(
                code="source.bad_endpoint",
                message=f"what {storage.endpoint_variable} holds is no address of a store (not shown)",
                place=Place(dataset=dataset, field="storage"),
                expected="https://host:port, without user, password or path",
                remedy=f"correct {storage.endpoint_variable}",
            )
        )
    return text


def _nothing_in(variable: str, dataset: str) -> Finding:
    return Finding(
        code=faults.NO_CREDENTIALS,
        message=f"the environment variable {variable}, which the storage of {dataset} names, holds nothing",
        place=Place(dataset=dataset, field="storage"),
        expected="what it is to hold, in the environment of whoever runs Penstock",
        remedy=f"set {variable}",
    )


def _no_key_file(variable: str, dataset: str) -> Finding:
    return Finding(
        code=faults.NO_CREDENTIALS,
        message=f"what {variable} holds is not the path of a file (not shown)",
        place=Place(dataset=dataset, field="storage"),
        expected="the path of a key file of a service account",
        remedy=f"correct {variable}",
    )


def _not_installed(scheme: Scheme, dataset: str) -> Finding:
    package, install = _PACKAGES[scheme]
    return Finding(
        code="source.extra",
        message=f"{dataset} lies in {STORES[scheme]}, and {package} is not installed",
        place=Place(dataset=dataset),
        expected="the extra s3" if scheme is Scheme.S3 else f"the extra objects, and {package}",
        remedy=install,
    )
