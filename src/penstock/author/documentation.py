"""The pages made from a project: its architecture, and one page for the consumers of each pipeline."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from penstock.model.connectors import ConnectorSource
from penstock.model.databases import DatabaseSource
from penstock.model.pipelines import Materialization, PythonTask, Source
from penstock.model.schedule_words import describe, describe_trigger
from penstock.model.sources import FileSource

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from penstock.model.contracts import Contract, Rule
    from penstock.model.pipelines import Dataset, Pipeline, Project

ARCHITECTURE_FILE = "architecture.md"
STAGING_PREFIX = "stg_"

_CRITERION = re.compile(r"[A-Z][A-Z0-9]*-\d+ \S+")


def pipeline_page_path(pipeline: str) -> str:
    """Where the page of a pipeline lies."""
    return f"docs/{pipeline}.md"


def pages_of(project: Project) -> dict[str, str]:
    """Every page that is made from a project, by its path."""
    pages = {pipeline_page_path(name): pipeline_page(project, name) for name in project.pipelines}
    return {ARCHITECTURE_FILE: architecture_page(project), **pages}


def architecture_page(project: Project) -> str:
    """`architecture.md`: what there is, what flows where, when it runs, what is promised."""
    parts = [
        f"# Architecture of {project.settings.name}",
        "Made by `penstock docs` from the project's files; edit those, not this page.",
        "## Data flow",
        "Rounded boxes are files that land, plain boxes are staging, bold boxes are delivered to consumers.",
        flowchart(project),
        "## Pipelines",
        _table(("Pipeline", "What it is for", "Runs", "Ready by", "Owner"), map(_pipeline_row, _pipelines(project))),
        "## Datasets",
        _table(
            ("Dataset", "What it holds", "Kept as", "Reads", "Kept for"),
            (_dataset_row(dataset) for dataset in ordered(project, project.datasets)),
        ),
    ]
    return "\n\n".join(parts) + "\n"


def _pipelines(project: Project) -> list[Pipeline]:
    return [project.pipelines[name] for name in sorted(project.pipelines)]


def ordered(project: Project, names: Iterable[str]) -> list[Dataset]:
    """Datasets in the order data flows, and by name where that leaves a choice."""
    todo = {name: project.datasets[name] for name in sorted(names)}
    done: list[Dataset] = []
    while todo:
        ready = [name for name, dataset in todo.items() if not set(dataset.reads) & (set(todo) - {name})]
        done.extend(todo.pop(name) for name in ready or sorted(todo))
    return done


def flowchart(project: Project) -> str:
    """The project's datasets and what flows between them, as a fenced Mermaid flowchart."""
    lines = ["```mermaid", "flowchart LR"]
    for pipeline in _pipelines(project):
        mine = [dataset for dataset in ordered(project, project.datasets) if dataset.pipeline == pipeline.name]
        nodes = [f"    {_node(dataset)}" for dataset in mine]
        lines += [f'  subgraph {pipeline.name}_pipeline["{pipeline.name}"]', *nodes, "  end"]
    for dataset in ordered(project, project.datasets):
        lines += [f"  {_id(upstream)} --> {_id(dataset.name)}" for upstream in sorted(dataset.reads)]
    delivered = [_id(d.name) for d in ordered(project, project.datasets) if is_delivered(d)]
    lines.append("  classDef delivered stroke-width:3px")
    if delivered:
        lines.append(f"  class {','.join(delivered)} delivered")
    return "\n".join([*lines, "```"])


def is_delivered(dataset: Dataset) -> bool:
    """Whether a dataset is for consumers, rather than landed or staged on the way to them."""
    return not isinstance(dataset.task, Source) and not short(dataset).startswith(STAGING_PREFIX)


def short(dataset: Dataset) -> str:
    """The dataset's name without its pipeline."""
    return dataset.name.partition(".")[2]


def _id(dataset: str) -> str:
    return dataset.replace(".", "__")


def _node(dataset: Dataset) -> str:
    left, right = ("([", "])") if isinstance(dataset.task, Source) else ("[", "]")
    return f'{_id(dataset.name)}{left}"{short(dataset)}"{right}'


def _pipeline_row(pipeline: Pipeline) -> tuple[str, ...]:
    return (
        f"[{pipeline.name}]({pipeline_page_path(pipeline.name)})",
        pipeline.description,
        _runs(pipeline),
        _ready(pipeline),
        pipeline.owner,
    )


def _runs(pipeline: Pipeline) -> str:
    """What starts it, in words."""
    words = [describe(pipeline.schedule)] if pipeline.schedule else []
    words += map(describe_trigger, pipeline.triggers)
    return "; ".join(words) or "when a person starts it"


def _ready(pipeline: Pipeline) -> str:
    return f"{pipeline.sla.ready_by:%H:%M} {pipeline.timezone}" if pipeline.sla else "—"


def _landed_from(dataset: Dataset) -> str:
    """Where a source's rows come from; nothing of other datasets."""
    task = dataset.task
    if isinstance(task, DatabaseSource):
        return f"{task.engine} {f'`{task.table}`' if task.table else 'query'}"
    if isinstance(task, ConnectorSource):
        return task.place
    return f"`{task.path}`" if isinstance(task, FileSource) else ""


def _dataset_row(dataset: Dataset) -> tuple[str, ...]:
    landed = _landed_from(dataset)
    return (
        f"[{dataset.name}]({dataset.file})",
        dataset.description,
        _kept_as(dataset),
        landed or ", ".join(sorted(dataset.reads)),
        (dataset.contract.retention if dataset.contract else None) or "—",
    )


def _kept_as(dataset: Dataset) -> str:
    kind = " (Python)" if isinstance(dataset.task, PythonTask) else ""
    if dataset.materialization is Materialization.INCREMENTAL and dataset.interval:
        return f"incremental, by {dataset.interval}{kind}"
    return f"{dataset.materialization}{kind}"


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join("| " + " | ".join(_cell(text) for text in line) + " |" for line in lines)


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "\\|").split())


def pipeline_page(project: Project, name: str) -> str:
    """`docs/NAME.md`: for those who read the pipeline's datasets: meaning, grain, columns, rules, promises."""
    pipeline = project.pipelines[name]
    mine = [dataset for dataset in ordered(project, project.datasets) if dataset.pipeline == name]
    delivered = [dataset for dataset in mine if is_delivered(dataset)]
    parts = [f"# {name}", pipeline.description, _promises(pipeline)]
    if delivered:
        parts += ["## Delivered datasets", *(_dataset_part(dataset) for dataset in delivered)]
    inner = [dataset for dataset in mine if dataset not in delivered]
    if inner:
        parts += [
            "## On the way there",
            "Not promised to consumers; look here when a number surprises you.",
            *(_dataset_part(dataset) for dataset in inner),
        ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _promises(pipeline: Pipeline) -> str:
    lines = [f"- **Owner**: {pipeline.owner}", f"- **Runs**: {_runs(pipeline)}"]
    if pipeline.sla:
        lines.append(f"- **Ready by**: {_ready(pipeline)}, on the day after the data's day")
    lines.append(
        f"- **Data from**: {pipeline.start:%Y-%m-%d}" + (f", before {pipeline.end:%Y-%m-%d}" if pipeline.end else "")
    )
    return "\n".join(lines)


def _dataset_part(dataset: Dataset) -> str:
    contract = dataset.contract
    parts = [f"### {dataset.name}", dataset.description or (contract.description if contract else "")]
    if contract:
        facts = [f"one row per {' and '.join(f'`{word}`' for word in contract.key)}"] if contract.key else []
        facts += [f"rows are kept for {contract.retention}"] if contract.retention else []
        parts.append("; ".join(facts).capitalize() + "." if facts else "")
        parts.append(_columns(contract))
        parts.append(_rules(contract))
    reads = ", ".join(f"`{upstream}`" for upstream in sorted(dataset.reads))
    made = (
        f"Made from {reads} by [{dataset.file}](../{dataset.file})"
        if reads
        else f"Declared in [{dataset.file}](../{dataset.file})"
    )
    parts.append(f"{made}; contract in [{contract.file}](../{contract.file})." if contract else f"{made}.")
    return "\n\n".join(part for part in parts if part)


def _columns(contract: Contract) -> str:
    rows = []
    for column in contract.columns:
        notes = [f"**personal data: {column.personal}**"] if column.personal else []
        rows.append((f"`{column.name}`", column.type, " ".join([column.description, *notes]).strip() or "—"))
    return _table(("Column", "Type", "Meaning"), rows)


def _rules(contract: Contract) -> str:
    rules = [_rule(rule) for rule in contract.rules]
    required = [f"`{column.name}`" for column in contract.columns if column.required]
    if required:
        rules.insert(0, f"Always there: {', '.join(required)}.")
    return "Held in every run:\n\n" + "\n".join(f"- {rule}" for rule in rules) if rules else ""


def _rule(rule: Rule) -> str:
    said = [" ".join(text.split()).rstrip(".") for text in (rule.name, rule.description) if text]
    if not said:
        return f"{rule.kind} of {', '.join(rule.columns)}."
    if len(said) == 2 and _CRITERION.fullmatch(said[0]):
        return f"{said[1]} ({said[0]})."
    return f"{'. '.join(text[:1].upper() + text[1:] for text in said)}."
