"""One base for every error of ours; each kind knows its exit code."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from penstock.model.findings import Finding


class PenstockError(Exception):
    """Something stopped a command; `findings` say what, where and what to do next.

    The exit code is that of `product.md`: 1 a verdict of no, 2 the input is wrong, 3 a run failed,
    4 waiting for a person.
    """

    exit_code: ClassVar[int] = 2

    def __init__(self, findings: Finding | tuple[Finding, ...]) -> None:
        self.findings: tuple[Finding, ...] = findings if isinstance(findings, tuple) else (findings,)
        super().__init__("; ".join(finding.message for finding in self.findings))


class InputError(PenstockError):
    """What the user gave (a file, a name, an option) cannot be used."""

    exit_code = 2


class RefusedError(PenstockError):
    """A gate, a check or an approval said no."""

    exit_code = 1


class RunError(PenstockError):
    """A run failed; what was published before stays, nothing else became visible."""

    exit_code = 3


class WaitingError(PenstockError):
    """A person has to answer, approve or wait before this can go on."""

    exit_code = 4


class TransientError(PenstockError):
    """An attempt failed for a reason that may pass (a lock, a conflict, a full queue); it is retried."""

    exit_code = 3


class TaskError(PenstockError):
    """An attempt failed for a reason that a retry would not change."""

    exit_code = 3
