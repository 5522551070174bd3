"""`contract diff`: two versions of a contract, and what the change means to whom."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from penstock.adapters.folder import ProjectFolder
from penstock.adapters.git import GitRepository
from penstock.author.contracts import contract_path
from penstock.contract import compare, read_contract
from penstock.contract.compatibility import Effect
from penstock.contract.consumers import named_consumers
from penstock.contract.reading import SUFFIX
from penstock.documents import read_yaml
from penstock.model.errors import InputError
from penstock.model.findings import Finding
from penstock.plan.contract_impact import Impact, impacts, worst
from penstock.project.layout import dataset_files

if TYPE_CHECKING:
    from collections.abc import Callable

    from penstock.app.wiring import Workplace
    from penstock.contract.compatibility import ContractChange
    from penstock.contract.consumers import NamedConsumer
    from penstock.model.contracts import Contract

ANYBODY = "readers whom nobody names"
"""Who is taken to read a dataset that nothing in the project reads and whose contract names nobody."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ContractDifference:
    """Two versions of a contract: what is different, and what that means to each consumer."""

    dataset: str
    old: str
    new: str
    versions: tuple[str | None, str | None]
    changes: tuple[ContractChange, ...]
    impacts: tuple[Impact, ...]

    @property
    def effect(self) -> Effect:
        """What the change is for somebody who reads everything."""
        return worst(self.changes)

    @property
    def breaks(self) -> tuple[str, ...]:
        """For whom it is breaking."""
        return tuple(one.consumer for one in self.impacts if one.effect is Effect.BREAKING)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Side:
    """One of the two: a contract, or none. `there` says whether the dataset itself is, with or without one."""

    label: str
    dataset: str
    contract: Contract | None
    there: bool = True
    consumers: tuple[NamedConsumer, ...] = ()


def diff(place: Workplace | None, names: tuple[str, ...], against: str | None) -> ContractDifference:
    """The difference of two contracts. `names` are two of: a file, `DATASET`, `DATASET@REVISION`; or one dataset, whose
    working tree is held against the revision `against` (`HEAD` if left out). `place` is the project, if there is one.

    Raises:
        InputError: a name means nothing, a contract cannot be read, or the two are about different datasets.
    """
    if len(names) == 1:
        dataset = names[0].partition("@")[0]
        names = (f"{dataset}@{against or 'HEAD'}", names[0])
    old, new = (_side(place, name) for name in names)
    known = [side.dataset for side in (old, new)]
    if old.contract is None and new.contract is None:
        raise InputError(_nothing(names))
    if len(set(known)) > 1:
        raise InputError(_two_datasets(names, known))
    changes = _changes(old, new)
    named = {one.name: one for one in (*old.consumers, *new.consumers)}
    project = place.project if place is not None else None
    found = impacts(changes, old=old.contract, new=new.contract, project=project, named=tuple(named.values()))
    if not found:
        found = (Impact(consumer=ANYBODY, inside=False, reads=None, changes=changes),)
    return ContractDifference(
        dataset=known[0],
        old=old.label,
        new=new.label,
        versions=(
            old.contract.version if old.contract else None,
            new.contract.version if new.contract else None,
        ),
        changes=changes,
        impacts=found,
    )


def _changes(old: _Side, new: _Side) -> tuple[ContractChange, ...]:
    """What is different; a dataset that is not there at all on one side has lost, or won, more than a contract."""
    changes = compare(old.contract, new.contract)
    if new.contract is None and not new.there:
        reason = f"{new.label} has no dataset {new.dataset}: its readers lose it"
        return tuple(replace(change, kind="dataset_removed", reason=reason) for change in changes)
    if old.contract is None and not old.there:
        reason = f"{old.label} has no dataset {old.dataset}: it is new, with a contract"
        return tuple(replace(change, kind="dataset_added", reason=reason) for change in changes)
    return changes


def _side(place: Workplace | None, name: str) -> _Side:
    path = Path(name)
    if path.suffix in {".yaml", ".yml"} or path.is_file():
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(_unreadable(name, str(error))) from error
        return _read(name, text, name)
    dataset, _, revision = name.partition("@")
    if place is None:
        raise InputError(_no_project(name))
    file = contract_path(dataset)
    read: Callable[[str], bytes | None]
    if revision:
        repository = GitRepository(place.root)
        read, label = partial(repository.show, repository.commit_of(revision)), revision
    else:
        read, label = partial(ProjectFolder().read, place.root), "the project as it stands"
    data = read(file)
    if data is not None:
        return _read(name if revision else f"{dataset} as it stands", data.decode(errors="replace"), file)
    there = any(read(path) is not None for path in dataset_files(dataset))
    return _Side(label=label, dataset=dataset, contract=None, there=there)


def _read(label: str, text: str, file: str) -> _Side:
    """A contract whatever its file is called: a copy of a version is seldom named as the project names it."""
    document = read_yaml(text, file).data
    objects = document.get("schema") if isinstance(document, dict) else None
    first = objects[0] if isinstance(objects, list) and objects and isinstance(objects[0], dict) else {}
    named = f"{first.get('physicalName')}{SUFFIX}" if first.get("physicalName") else file
    try:
        contract = read_contract(text, named)
    except InputError as error:
        raise InputError(tuple(_placed(finding, file) for finding in error.findings)) from error
    return _Side(label=label, dataset=contract.dataset, contract=contract, consumers=named_consumers(text, file))


def _placed(finding: Finding, file: str) -> Finding:
    return replace(finding, place=replace(finding.place, file=file))


def _nothing(names: tuple[str, ...]) -> Finding:
    return Finding(
        code="contract.no_contract",
        message=f"neither {names[0]} nor {names[1]} is a contract",
        found=" and ".join(names),
        expected="two files, DATASET with --against REVISION, or DATASET@REVISION",
        remedy="correct the names; `penstock contract infer DATASET` writes a first contract",
    )


def _two_datasets(names: tuple[str, ...], known: list[str]) -> Finding:
    return Finding(
        code="contract.two_datasets",
        message=f"{names[0]} is about {known[0]}, and {names[1]} about {known[1]}",
        found=" and ".join(known),
        expected="two versions of one dataset's contract",
        remedy="name two files of one dataset",
    )


def _unreadable(name: str, why: str) -> Finding:
    return Finding(
        code="contract.unreadable",
        message=f"{name} cannot be read: {why}",
        found=name,
        expected="a contract's file",
        remedy="correct the path, or name a dataset",
    )


def _no_project(name: str) -> Finding:
    return Finding(
        code="contract.no_project",
        message=f"{name} is no file, and there is no project here whose dataset it could be",
        found=name,
        expected="a file, or a dataset of a project",
        remedy="correct the path, or give --project DIR",
    )
