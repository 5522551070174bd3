"""What went wrong with a store, in our words: translated here, once, and without secrets."""

from __future__ import annotations

import errno
import importlib
from functools import cache
from typing import TYPE_CHECKING

from penstock.model.errors import TaskError, TransientError
from penstock.model.findings import Finding, Place
from penstock.model.storage import Scheme, split_address

if TYPE_CHECKING:
    from collections.abc import Mapping

    from penstock.adapters.processes.masking import Mask

STOPPED, REFUSED, NO_CREDENTIALS = "source.stopped", "source.refused", "source.no_credentials"
ABOUT_WHO = {REFUSED, NO_CREDENTIALS}
"""What another identity may change."""
_ERRORS: Mapping[Scheme, tuple[str, ...]] = {
    Scheme.S3: ("botocore.exceptions.BotoCoreError", "botocore.exceptions.ClientError", "aiohttp.ClientError"),
    Scheme.GCS: ("gcsfs.retry.HttpError", "google.auth.exceptions.GoogleAuthError", "aiohttp.ClientError"),
    Scheme.AZURE: ("azure.core.exceptions.AzureError", "aiohttp.ClientError"),
}
"""What the packages raise besides `OSError` and `ValueError`."""
_NO_CREDENTIALS = {
    "NoCredentialsError",
    "PartialCredentialsError",
    "ProfileNotFound",
    "CredentialRetrievalError",
    "TokenRetrievalError",
    "SSOTokenLoadError",
    "UnauthorizedSSOTokenError",
    "DefaultCredentialsError",
    "ClientAuthenticationError",
}
"""Errors that say that nobody is known as whom the store could be asked."""
_LASTING = {"ParamValidationError", "EndpointProviderError", "InvalidRegionError", "UnknownEndpointError"}
"""Errors of packages that a second try does not change."""
_WRONG = {errno.EINVAL, errno.EPERM, errno.ENOSYS, getattr(errno, "EREMCHG", errno.EINVAL), errno.ENAMETOOLONG}
"""What s3fs makes of answers that say that the question itself is wrong."""


@cache
def of(scheme: Scheme) -> tuple[type[Exception], ...]:
    """Everything that speaking to a store may raise."""
    found: list[type[Exception]] = [OSError, ValueError]
    for name in _ERRORS[scheme]:
        module, _, word = name.rpartition(".")
        found.append(getattr(importlib.import_module(module), word))
    return tuple(found)


def translated(
    error: Exception, dataset: str, name: str, mask: Mask, *, fetching: bool = False
) -> TaskError | TransientError:
    """What a package raised about an address, as one of our errors."""
    kind = type(error).__name__
    text = str(error.strerror) if isinstance(error, OSError) and error.strerror else str(error)
    said = mask.text(" ".join(text.split()))[:300]
    if isinstance(error, FileNotFoundError) or kind == "FileExpired" or _is_412(error):
        return TransientError(replaced(dataset, name)) if fetching else TaskError(_no_bucket(dataset, name, said))
    if kind in _NO_CREDENTIALS:
        return TaskError(_no_credentials(dataset, name, said))
    if isinstance(error, PermissionError):
        return TaskError(_refused(dataset, name, said))
    wrong = isinstance(error, OSError) and error.args and error.args[0] in _WRONG
    if wrong or kind in _LASTING or (isinstance(error, ValueError) and not isinstance(error, OSError)):
        return TaskError(_wrong(dataset, name, said))
    return TransientError(_no_answer(dataset, name, said or kind))


def _is_412(error: Exception) -> bool:
    response = getattr(error.__cause__, "response", None) or {}
    return str(response.get("Error", {}).get("Code", "")) in {"PreconditionFailed", "412"}


def replaced(dataset: str, name: str) -> Finding:
    """An object is another one than was listed, or gone."""
    return Finding(
        code="source.changed_meanwhile",
        message=f"{name} was replaced or removed after it was listed; nothing of it was taken",
        place=Place(file=name, dataset=dataset),
        expected="objects that stay while they are read",
        remedy="it is tried again, and listed anew for that; let the sender write each object once",
    )


def cut_short(dataset: str, name: str, size: int, expected: int) -> Finding:
    """A store gave less, or more, than it had said."""
    return Finding(
        code="source.cut_short",
        message=f"{name} came with {size:,} bytes, and its store lists {expected:,}; nothing of it was taken",
        place=Place(file=name, dataset=dataset),
        expected="every byte of it",
        remedy="it is tried again",
    )


def no_room(dataset: str, name: str, error: OSError) -> Finding:
    """The spool does not take what was fetched."""
    return Finding(
        code="source.no_room",
        message=f"{name} cannot be kept while it is read: {error.strerror or error}",
        place=Place(file=name, dataset=dataset),
        expected="room in .penstock/spool for all objects of one task, and their rows",
        remedy="make room, or let a task take fewer intervals (`batch`)",
    )


def stopped(dataset: str) -> Finding:
    """Nobody wants it any more."""
    return Finding(code=STOPPED, message="the reading was stopped", place=Place(dataset=dataset))


def _no_bucket(dataset: str, name: str, said: str) -> Finding:
    return Finding(
        code="source.no_bucket",
        message=f"there is no bucket {split_address(name)[0]}, or not for whom the store was asked as",
        place=Place(file=name, dataset=dataset, field="path"),
        found=said or None,
        expected="a bucket of that store",
        remedy="correct `path`, or `storage` if the bucket is in another store",
    )


def _no_credentials(dataset: str, name: str, said: str) -> Finding:
    return Finding(
        code=NO_CREDENTIALS,
        message=f"nothing says as whom the store of {dataset} is to be asked",
        place=Place(file=name, dataset=dataset, field="storage"),
        found=said or None,
        expected="credentials in the store's own places, or in variables that `storage: credentials` names",
        remedy="set them; or `credentials: none` if everybody may read it",
    )


def _refused(dataset: str, name: str, said: str) -> Finding:
    return Finding(
        code=REFUSED,
        message=f"the store refuses {name}: {said}",
        place=Place(file=name, dataset=dataset),
        expected="an account that may list the bucket and read its objects",
        remedy="correct the credentials, or let their account do that",
    )


def _wrong(dataset: str, name: str, said: str) -> Finding:
    return Finding(
        code="source.bad_request",
        message=f"the store does not take the question for {name}: {said}",
        place=Place(file=name, dataset=dataset, field="storage"),
        expected="the bucket's own region, and an endpoint that speaks the store's protocol",
        remedy="correct `path` or `storage`",
    )


def _no_answer(dataset: str, name: str, said: str) -> Finding:
    return Finding(
        code="source.no_answer",
        message=f"the store of {dataset} does not answer: {said}",
        place=Place(file=name, dataset=dataset),
        expected="a store that answers",
        remedy="try again; look whether the endpoint can be reached from here",
    )
