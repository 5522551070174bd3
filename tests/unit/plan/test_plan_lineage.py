"""Lineage of a project: values apart from rows, through views, stars, unions and Python."""

from __future__ import annotations

import pytest

from penstock.plan.lineage import Bond, ProjectLineage, mermaid
from penstock.project.reading import read_project

TABLE = "/* penstock\nmaterialize: table\n*/\n"
FILES = {
    "penstock.yaml": "name: shop\n",
    "pipelines/s/pipeline.yaml": "owner: me\nschedule: manual\nstart: 2024-03-01\n",
    "pipelines/s/raw.source.yaml": "format: csv\npath: d.csv\ncolumns: [Id, Amount, Country]\n",
    "pipelines/s/stg.sql": TABLE + "SELECT id, amount * 2 AS twice, country FROM s.raw WHERE country <> 'x'\n",
    "pipelines/s/mart.sql": TABLE + "SELECT country, sum(twice) AS total FROM s.stg GROUP BY country\n",
    "pipelines/s/star.sql": TABLE + "SELECT * FROM s.stg\n",
    "pipelines/s/both.sql": TABLE + "SELECT total AS n FROM s.mart UNION ALL SELECT id FROM s.star\n",
    "pipelines/s/code.py": (
        'from penstock import task\n\n\n@task(reads={"mart": "s.mart"}, materialize="table")\n'
        "def code(mart):\n    return mart\n"
    ),
}


@pytest.fixture(scope="module")
def project_lineage() -> ProjectLineage:
    return ProjectLineage(read_project({path: text.encode() for path, text in FILES.items()}))


def _steps(found: ProjectLineage, dataset: str, column: str, *, down: bool = False) -> set[str]:
    return {str(edge) for edge in found.column(dataset, column, down=down)}


def test_a_value_and_the_rows_it_is_of(project_lineage: ProjectLineage) -> None:
    assert _steps(project_lineage, "s.mart", "total") == {
        "s.stg.twice -> s.mart.total",
        "s.stg.country ~> s.mart",
        "s.raw.Amount -> s.stg.twice",
        "s.raw.Country ~> s.stg",
        "s.raw.Country -> s.stg.country",
    }


def test_a_star_and_a_union(project_lineage: ProjectLineage) -> None:
    found = _steps(project_lineage, "s.both", "n")
    assert {
        "s.mart.total -> s.both.n",
        "s.star.id -> s.both.n",
        "s.stg.id -> s.star.id",
        "s.raw.Id -> s.stg.id",
    } <= found


def test_downward_to_everything_that_would_move(project_lineage: ProjectLineage) -> None:
    found = _steps(project_lineage, "s.raw", "Amount", down=True)
    assert found == {
        "s.raw.Amount -> s.stg.twice",
        "s.stg.twice -> s.mart.total",
        "s.stg.twice -> s.star.twice",
        "s.mart.total -> s.both.n",
        "s.mart.total -> s.code",
    }


def test_python_may_make_anything_of_anything(project_lineage: ProjectLineage) -> None:
    bonds = {edge.bond for edge in project_lineage.column("s.code", "", down=False) if edge.target[0] == "s.code"}
    assert bonds == {Bond.DATASET}


def test_between_datasets(project_lineage: ProjectLineage) -> None:
    up = [str(edge) for edge in project_lineage.datasets("s.both", down=False)]
    assert up == ["s.mart -> s.both", "s.star -> s.both", "s.stg -> s.mart", "s.stg -> s.star", "s.raw -> s.stg"]
    down = [str(edge) for edge in project_lineage.datasets("s.mart", down=True)]
    assert down == ["s.mart -> s.both", "s.mart -> s.code"]


def test_a_drawing_names_each_column_once(project_lineage: ProjectLineage) -> None:
    drawn = mermaid(project_lineage.column("s.mart", "total", down=False))
    assert drawn.count('["twice"]') == 1
    assert drawn.count(" --> ") == 3
    assert drawn.count(" -.-> ") == 2
    assert drawn.startswith("flowchart LR\n")
