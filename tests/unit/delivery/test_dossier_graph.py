"""The picture of datasets and what flows between them: in layers, nothing over anything, the same every time."""

from __future__ import annotations

import re
from itertools import combinations, pairwise

import pytest

from penstock.delivery.pages.dag_svg import Node, State, dag_svg

Box = tuple[float, float, float, float]


def node(name: str, state: State = State.UNCHANGED) -> Node:
    return Node(name=name, state=state, note=str(state))


def boxes(svg: str) -> dict[str, Box]:
    found = re.findall(r'<title>([^:<]+):[^<]*</title><rect x="(\d+)" y="(\d+)" width="(\d+)" height="(\d+)"', svg)
    return {name: (float(x), float(y), float(wide), float(tall)) for name, x, y, wide, tall in found}


def points(path: str) -> list[tuple[float, float]]:
    """An edge's own points, and many between each two along its curves."""
    numbers = [float(each) for each in re.findall(r"-?\d+(?:\.\d+)?", path)]
    letters = re.findall(r"[MCH]", path)
    at, found = 0, []
    for letter in letters:
        if letter == "M":
            found.append((numbers[at], numbers[at + 1]))
            at += 2
        elif letter == "H":
            found.append((numbers[at], found[-1][1]))
            at += 1
        else:
            x0, y0 = found[-1]
            bend, _, _, y1, x1, _ = numbers[at : at + 6]
            for step in range(1, 21):
                t = step / 20
                x = (1 - t) ** 3 * x0 + 3 * (1 - t) ** 2 * t * bend + 3 * (1 - t) * t**2 * bend + t**3 * x1
                y = (1 - t) ** 3 * y0 + 3 * (1 - t) ** 2 * t * y0 + 3 * (1 - t) * t**2 * y1 + t**3 * y1
                found.append((x, y))
            at += 6
    return found


def forty() -> tuple[list[Node], list[tuple[str, str]]]:
    """Forty datasets, each reading two earlier ones, some from far away."""
    names = [f"sales.dataset_{number:02}" for number in range(40)]
    states = list(State)
    edges = [(names[(at * 7) // 11], names[at]) for at in range(1, 40)]
    edges += [(names[at // 3], names[at]) for at in range(3, 40)]
    return [node(name, states[at % 5]) for at, name in enumerate(names)], edges


def test_what_is_read_stands_left_of_what_reads_it() -> None:
    svg = dag_svg([node("c"), node("a"), node("b")], [("a", "b"), ("b", "c"), ("a", "c")])
    left = {name: box[0] for name, box in boxes(svg).items()}
    assert left["a"] < left["b"] < left["c"]


def test_no_two_of_forty_boxes_touch() -> None:
    found = boxes(dag_svg(*forty()))
    assert len(found) == 40
    for (x, y, wide, tall), (x2, y2, wide2, tall2) in combinations(found.values(), 2):
        assert x + wide < x2 or x2 + wide2 < x or y + tall < y2 or y2 + tall2 < y


def test_no_edge_of_forty_datasets_goes_over_a_box() -> None:
    svg = dag_svg(*forty())
    found = list(boxes(svg).values())
    paths = re.findall(r'<path[^>]* d="([^"]+)"', svg)
    assert len(paths) == len(set(forty()[1]))
    for path in paths:
        for x, y in points(path):
            assert not [box for box in found if box[0] + 1 < x < box[0] + box[2] - 1 and box[1] < y < box[1] + box[3]]


def test_what_flows_from_one_change_to_the_next_is_marked() -> None:
    nodes = [node("a"), node("b", State.ALTERED), node("c", State.MOVED)]
    assert dag_svg(nodes, [("a", "b"), ("b", "c")]).count("<path class=lit") == 1


def test_everything_lies_within_the_picture() -> None:
    svg = dag_svg(*forty())
    size = re.search(r'viewBox="0 0 (\d+) (\d+)"', svg)
    assert size is not None
    wide, tall = map(float, size.groups())
    assert all(x >= 0 and x + w <= wide and y >= 0 and y + h <= tall for x, y, w, h in boxes(svg).values())


def test_the_order_in_which_datasets_are_given_does_not_matter() -> None:
    nodes, edges = forty()
    assert dag_svg(nodes, edges) == dag_svg(nodes[::-1], edges[::-1])


def test_a_name_in_the_file_is_only_text() -> None:
    svg = dag_svg([node("<script>")], [])
    assert "<script>" not in svg
    assert "&lt;script&gt;" in svg


@pytest.mark.parametrize("count", [0, 1])
def test_a_project_of_few_datasets_is_drawn(count: int) -> None:
    names = [f"s.d{number}" for number in range(count)]
    assert len(boxes(dag_svg([node(name) for name in names], pairwise(names)))) == count
