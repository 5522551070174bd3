"""Which files make up a project, by their paths. Reading them is `reading`; this costs nothing to import."""

from __future__ import annotations

from pathlib import PurePosixPath

SETTINGS_FILE = "penstock.yaml"
SOURCE_SUFFIX = ".source.yaml"
COMMAND_SUFFIX = ".command.yaml"
EXPORT_SUFFIX = ".export.yaml"
CONTRACT_SUFFIX = ".odcs.yaml"
TEST_SUFFIX = ".test.yaml"
SLO_SUFFIX = ".slo.yaml"
COMMAND_FOLDER = "commands"
PROJECT_FOLDERS = ("pipelines", "contracts", "tests", "monitoring", COMMAND_FOLDER)


def dataset_files(dataset: str) -> tuple[str, ...]:
    """The files of which one makes a dataset."""
    pipeline, _, name = dataset.partition(".")
    return tuple(f"pipelines/{pipeline}/{name}{end}" for end in (".sql", ".py", SOURCE_SUFFIX, COMMAND_SUFFIX))


def is_project_file(path: str) -> bool:
    """Whether a file (relative to the project) is one the reader looks at."""
    parts = PurePosixPath(path).parts
    if path == SETTINGS_FILE:
        return True
    folder = parts[0] if len(parts) > 1 else ""
    return (
        folder == COMMAND_FOLDER
        or (folder == "pipelines" and path.endswith((".sql", ".py", ".yaml")))
        or (folder == "contracts" and path.endswith(CONTRACT_SUFFIX))
        or (folder == "tests" and path.endswith(TEST_SUFFIX))
        or (folder == "monitoring" and path.endswith(SLO_SUFFIX))
    )
