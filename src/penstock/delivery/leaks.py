"""Secrets in what a stage records and in queries as they run: found, and masked before anything is kept."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from penstock.model.findings import Place
from penstock.model.pipelines import SqlTask
from penstock.policy.added_lines import added_lines
from penstock.policy.facts import Leak
from penstock.policy.gates.secret_in_diff import LONGEST_EXCERPT, WAIVED
from penstock.policy.secret_forms import all_secrets_in
from penstock.policy.secret_patterns import masked

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from penstock.delivery.ports import CommandRun, SecretScanner
    from penstock.model.pipelines import Project
    from penstock.policy.secret_patterns import Secret


def without_secrets(text: str) -> str:
    """A text with every secret masked, as it may be kept."""
    return masked(text, all_secrets_in(text))


def cleared(run: CommandRun, scanner: SecretScanner | None) -> tuple[CommandRun, tuple[Leak, ...]]:
    """A command's run with its output masked, and what was masked there."""
    where = f"`{' '.join(run.argv)}`"
    leaks = tuple(_leaks(where, run.output, scanner, Place()))
    secrets = tuple(secret for line in run.output.split("\n") for secret in _seen(line, scanner))
    return replace(run, output=without_secrets(masked(run.output, secrets))), leaks


def in_queries(project: Project, names: Sequence[str], scanner: SecretScanner | None) -> tuple[Leak, ...]:
    """What the queries of these datasets show as they run: over what they read, literals put together."""
    found: list[Leak] = []
    for name in names:
        dataset = project.datasets[name]
        if isinstance(dataset.task, SqlTask):
            text = dataset.task.over({read: f'"{read}"' for read in dataset.task.reads})
            place = Place(file=dataset.file, dataset=name)
            found += _leaks(f"the query of {name}", text, scanner, place)
    return tuple(found)


def scanned(diff: str, scanner: SecretScanner | None) -> dict[str, tuple[Secret, ...]]:
    """What a scanner sees in each line that a diff adds."""
    if scanner is None:
        return {}
    lines = {line.text for line in added_lines(diff)}
    return {line: secrets for line in sorted(lines) if (secrets := scanner.secrets(line))}


def _leaks(where: str, text: str, scanner: SecretScanner | None, place: Place) -> Iterator[Leak]:
    alone: list[Secret] = []
    for number, line in enumerate(text.split("\n"), start=1):
        secrets = _seen(line, scanner)
        alone += secrets
        excerpt = masked(line, secrets).strip()[:LONGEST_EXCERPT]
        here = replace(place, line=number if place.file else None, excerpt=excerpt)
        noted = WAIVED.search(line) is not None
        for secret in secrets:
            yield Leak(where=where, kind=secret.kind, length=len(secret.text), place=here, noted=noted)
    for secret in all_secrets_in(text):
        if not any(secret.text in each.text or each.text in secret.text for each in alone):
            yield Leak(where=where, kind=secret.kind, length=len(secret.text), place=place)


def _seen(line: str, scanner: SecretScanner | None) -> tuple[Secret, ...]:
    known = all_secrets_in(line)
    more = scanner.secrets(line) if scanner else ()
    return (*known, *(one for one in more if not any(one.text in each.text for each in known)))
