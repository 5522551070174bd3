"""A story and the facts about its sources to every file of the change; the same input gives the same bytes."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from penstock.author.authored import (
    CONTRACTS_AND_SOURCES,
    MONITORING_AND_DOCS,
    PIPELINES,
    TESTS,
    AuthoredFile,
)
from penstock.author.contracts import contract_path, story_contracts
from penstock.author.datatests import datatest_path, story_tests
from penstock.author.documentation import (
    ARCHITECTURE_FILE,
    architecture_page,
    pipeline_page,
    pipeline_page_path,
)
from penstock.author.mart import mart_sql
from penstock.author.pipeline_files import pipeline_yaml, slo_yaml, source_yaml
from penstock.author.staging import counts_sql, rejected_sql, staging_sql
from penstock.author.versions import next_version
from penstock.contract.merging import keep_unknown
from penstock.contract.reading import SUFFIX, read_contract
from penstock.contract.writing import write_contract
from penstock.documents import read_yaml
from penstock.model.errors import InputError
from penstock.project.reading import read_project

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from penstock.author.ports import RowEvaluator
    from penstock.model.contracts import Contract
    from penstock.model.stories import Story
    from penstock.project.story_facts import SourceFacts

__all__ = ["AuthoredFile", "hand_edited", "overwritten", "write_change"]


def write_change(
    story: Story,
    facts: Mapping[str, SourceFacts],
    evaluate: RowEvaluator,
    *,
    base: Mapping[str, bytes],
) -> tuple[AuthoredFile, ...]:
    """Every file of the story's pipeline, in the order of their commits.

    `facts` are by source name; `base` holds the project's files as they are now (relative path to bytes): contracts
    there keep their version where nothing changes, and the pages speak of the whole project.

    Raises:
        InputError: the story still has open questions, or the project does not read.
    """
    files = [*_contracts(story, base), *_sources(story, facts), *_queries(story)]
    files += [
        AuthoredFile(path=datatest_path(dataset), text=text, group=TESTS)
        for dataset, text in story_tests(story, evaluate).items()
    ]
    files.append(
        AuthoredFile(path=f"monitoring/{story.pipeline}.slo.yaml", text=slo_yaml(story), group=MONITORING_AND_DOCS)
    )
    project = read_project({**base, **{file.path: file.text.encode() for file in files}})
    pages = {
        pipeline_page_path(story.pipeline): pipeline_page(project, story.pipeline),
        ARCHITECTURE_FILE: architecture_page(project),
    }
    files += [AuthoredFile(path=path, text=text, group=MONITORING_AND_DOCS) for path, text in pages.items()]
    return tuple(files)


def _contracts(story: Story, base: Mapping[str, bytes]) -> Iterator[AuthoredFile]:
    for dataset, contract in story_contracts(story).items():
        path = contract_path(dataset)
        version = next_version(_standing(base, path), contract)
        text = _with_theirs(base, path, write_contract(replace(contract, version=version)))
        yield AuthoredFile(path=path, text=text, group=CONTRACTS_AND_SOURCES)


def _with_theirs(base: Mapping[str, bytes], path: str, text: str) -> str:
    """A contract's text with what people or other tools put into the file that is there and that no story says."""
    try:
        return keep_unknown(base[path].decode(), text, path) if path in base else text
    except (InputError, UnicodeDecodeError):
        return text


def _is_kept(before: bytes | None, path: str, text: bytes) -> bool:
    """Whether a contract's file differs from what was written only by what is kept when it is written anew."""
    if before is None or not path.endswith(SUFFIX):
        return False
    if any(line.lstrip().startswith(b"#") for line in before.splitlines()):  # comments are not kept
        return False
    try:
        merged = keep_unknown(before.decode(), text.decode(), path)
        return bool(read_yaml(merged, path).data == read_yaml(before.decode(), path).data)
    except (InputError, UnicodeDecodeError):
        return False


def _standing(base: Mapping[str, bytes], path: str) -> Contract | None:
    """The contract that is there now, if one is and can be read."""
    try:
        return read_contract(base[path].decode(), path) if path in base else None
    except (InputError, UnicodeDecodeError):
        return None


def _sources(story: Story, facts: Mapping[str, SourceFacts]) -> Iterator[AuthoredFile]:
    folder = f"pipelines/{story.pipeline}"
    yield AuthoredFile(path=f"{folder}/pipeline.yaml", text=pipeline_yaml(story, facts), group=CONTRACTS_AND_SOURCES)
    for source in story.sources.values():
        fact = facts.get(source.name)
        header = fact.header if fact and fact.header else tuple(column.raw for column in source.columns)
        yield AuthoredFile(
            path=f"{folder}/{source.name}.source.yaml", text=source_yaml(source, header), group=CONTRACTS_AND_SOURCES
        )


def _queries(story: Story) -> Iterator[AuthoredFile]:
    for name, text in _query_texts(story).items():
        yield AuthoredFile(path=f"pipelines/{story.pipeline}/{name}.sql", text=text, group=PIPELINES)


def _query_texts(story: Story) -> dict[str, str]:
    """The SQL of every dataset of the story that a query makes, by its name within the pipeline."""
    texts: dict[str, str] = {}
    for source in story.sources.values():
        staged = f"stg_{source.name}"
        texts[staged] = staging_sql(story.pipeline, source)
        if source.bad_rows == "quarantine":
            texts[f"{staged}_rejected"] = rejected_sql(story.pipeline, source)
            texts[f"{staged}_counts"] = counts_sql(story.pipeline, source)
    for dataset in story.datasets.values():
        texts[dataset.name] = mart_sql(story.pipeline, dataset, story.sources[dataset.source])
    return texts


def overwritten(files: Sequence[AuthoredFile], base: Mapping[str, bytes]) -> tuple[str, ...]:
    """The existing files whose text the change replaces by another, in its order."""
    return tuple(file.path for file in files if file.path in base and base[file.path] != file.text.encode())


def hand_edited(
    base: Mapping[str, bytes],
    earlier: Sequence[Story],
    facts: Mapping[str, SourceFacts],
    evaluate: RowEvaluator,
) -> tuple[str, ...]:
    """The files that the pipeline's earlier stories wrote and that are otherwise now, sorted; deleted ones too.

    Each story is written anew over what the ones before it wrote. `architecture.md` speaks of other pipelines as well:
    it counts as edited only if it is not what the project, as it is now, would have it say.
    """
    theirs = {path for story in earlier for path in _paths_of(story)}
    written = {path: data for path, data in base.items() if path not in theirs}
    for story in earlier:
        if story.author.deterministic:
            change = write_change(story, facts, evaluate, base=written)
            written |= {file.path: file.text.encode() for file in change}
    paths = sorted(path for path in theirs & set(written) if path != ARCHITECTURE_FILE)
    edited = [
        path for path in paths if base.get(path) != written[path] and not _is_kept(base.get(path), path, written[path])
    ]
    if theirs and base.get(ARCHITECTURE_FILE) != architecture_page(read_project(base)).encode():
        edited.append(ARCHITECTURE_FILE)
    return tuple(sorted(edited))


def _paths_of(story: Story) -> Iterator[str]:
    """The files that the deterministic author writes for a story."""
    if not story.author.deterministic:
        return
    datasets = story_contracts(story)
    yield from (contract_path(dataset) for dataset in datasets)
    yield from (datatest_path(dataset) for dataset in datasets)
    folder = f"pipelines/{story.pipeline}"
    yield f"{folder}/pipeline.yaml"
    yield from (f"{folder}/{source}.source.yaml" for source in story.sources)
    yield from (f"{folder}/{name}.sql" for name in _query_texts(story))
    yield from (f"monitoring/{story.pipeline}.slo.yaml", pipeline_page_path(story.pipeline), ARCHITECTURE_FILE)
