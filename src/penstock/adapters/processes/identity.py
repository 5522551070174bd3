"""Whether the code that is about to run is the code that its version is named by."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, TypeVar

from penstock.adapters.folder import beneath
from penstock.model.connectors import ConnectorSource
from penstock.model.errors import InputError, TaskError
from penstock.model.findings import Finding, Place
from penstock.model.pipelines import PythonTask
from penstock.project.command_file import program_digest
from penstock.project.layout import is_project_file
from penstock.project.python_code import code_digest

if TYPE_CHECKING:
    from pathlib import Path

    from penstock.engine.ports.processes import Order
    from penstock.model.pipelines import CommandTask

Content = TypeVar("Content")


class _Files(Mapping[str, Content]):
    """The project's files as they lie there now, read when they are asked for."""

    def __init__(self, root: Path, read: Callable[[Path], Content], ending: str = "") -> None:
        self._root, self._read, self._ending = root, read, ending

    def __contains__(self, path: object) -> bool:
        if not isinstance(path, str) or not path.endswith(self._ending) or not is_project_file(path):
            return False
        try:
            return beneath(self._root, path).is_file()
        except InputError:
            return False

    def __getitem__(self, path: str) -> Content:
        if path not in self:
            raise KeyError(path)
        return self._read(self._root / path)

    def __iter__(self) -> Iterator[str]:
        raise NotImplementedError("the files are asked for by name")

    def __len__(self) -> int:
        raise NotImplementedError("the files are asked for by name")


def digest_now(file: str, task: PythonTask | CommandTask | ConnectorSource, root: Path) -> str:
    """The digest of a task's code as it lies there now; `file` is its dataset's."""
    texts = _Files(root, lambda path: path.read_text(encoding="utf-8"), ".py")
    if isinstance(task, PythonTask):
        return code_digest(file, texts)
    if isinstance(task, ConnectorSource):
        return code_digest(task.function.rpartition(":")[0], texts) if task.function else ""
    return program_digest(task.argv, texts, _Files(root, lambda path: path.read_bytes()))


def refuse_changed_code(order: Order, task: PythonTask | CommandTask | ConnectorSource, root: Path) -> None:
    """Run nothing under the name of a version that it is not.

    Raises:
        TaskError: the files were edited after the run was planned.
    """
    if digest_now(order.dataset.file, task, root) != task.code_digest:
        raise TaskError(
            Finding(
                code="task.changed",
                message=f"{order.dataset.name}: its code was edited after the run was planned",
                place=Place(file=order.dataset.file, dataset=order.dataset.name),
                expected="the code that this version is named by",
                remedy="run it again: the edited code is another version",
            )
        )
