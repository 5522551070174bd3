from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.project.story_paths import deep_merge, join_path, lay, split_path

WORDS = st.text(st.characters(codec="utf-8"), max_size=8)


@given(st.lists(WORDS, min_size=1, max_size=5))
def test_a_path_comes_back_as_its_steps(steps: list[str]) -> None:
    assert split_path(join_path(*steps)) == tuple(steps)


@pytest.mark.parametrize("text", ["", ".", "a.", ".a", 'a"b', '"a"b', "a..b"])
def test_what_is_no_path_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a path"):
        split_path(text)


def test_a_value_is_laid_at_its_place_and_the_rest_stays() -> None:
    data = {"sla": {"days": 1}, "owner": "me"}
    assert lay(data, ("sla", "ready_by"), "06:30") == {"sla": {"days": 1, "ready_by": "06:30"}, "owner": "me"}
    assert data == {"sla": {"days": 1}, "owner": "me"}


def test_a_word_gives_way_where_a_mapping_is_needed() -> None:
    assert lay({"a": "word"}, ("a", "b"), 1) == {"a": {"b": 1}}


def test_mappings_merge_and_lists_are_replaced() -> None:
    lower = {"a": {"x": 1, "y": [1, 2]}, "b": 1}
    upper = {"a": {"y": [3]}, "c": {"z": 1}}
    assert deep_merge(lower, upper) == {"a": {"x": 1, "y": [3]}, "b": 1, "c": {"z": 1}}
    assert lower == {"a": {"x": 1, "y": [1, 2]}, "b": 1}
