from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.documents import read_yaml, split_front_matter, to_yaml
from penstock.documents.reading import MAX_ALIASES, MAX_CHARACTERS, MAX_DEPTH, MAX_NODES
from penstock.model.errors import InputError

FILE = "some/file.yaml"

PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.text(st.characters(exclude_categories=["C"])),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.from_regex(r"[a-z]\w{0,9}", fullmatch=True), inner),
    max_leaves=20,
)


def refusal(text: str, *, first_line: int = 1) -> tuple[str, int | None, str]:
    """The code, line and message of the one finding that comes of a text."""
    with pytest.raises(InputError) as caught:
        read_yaml(text, FILE, first_line=first_line)
    (finding,) = caught.value.findings
    assert finding.place.file == FILE
    assert finding.remedy
    return finding.code, finding.place.line, finding.message


def test_plain_values_are_read_as_what_they_look_like() -> None:
    text = "a: 1\nb: 1.5\nc: true\nd: ~\ne: word\nf: 2024-03-01\ng: 2024-03-01 09:30:00\nh: [x, {y: z}]\n"
    assert read_yaml(text, FILE).data == {
        "a": 1,
        "b": 1.5,
        "c": True,
        "d": None,
        "e": "word",
        "f": date(2024, 3, 1),
        "g": datetime(2024, 3, 1, 9, 30, tzinfo=UTC).replace(tzinfo=None),
        "h": ["x", {"y": "z"}],
    }


@pytest.mark.parametrize("text", ["16:30", "06:30", "1:02:03", "190:20:30.15"])
def test_a_time_of_day_is_text_and_no_sexagesimal_number(text: str) -> None:
    assert read_yaml(f"at: {text}", FILE).data == {"at": text}


def test_every_key_and_item_knows_its_line() -> None:
    document = read_yaml("a:\n  b: 1\n  c:\n    - x\n    - y\n", FILE)
    assert [document.place(*path).line for path in [("a",), ("a", "b"), ("a", "c"), ("a", "c", 1)]] == [1, 2, 3, 5]
    assert document.place("a", "c", 1).excerpt == "- y"


def test_the_place_of_what_is_not_there_is_that_of_what_is_around_it() -> None:
    document = read_yaml("a:\n  b: 1\nc: 2\n", FILE)
    assert document.place("c", "d", "e").line == 3


def test_lines_count_from_where_the_text_begins_in_its_file() -> None:
    assert read_yaml("a: 1\nb: 2\n", FILE, first_line=10).place("b").line == 11
    assert refusal("a: 1\nb: [\n", first_line=10)[1] == 12


@pytest.mark.parametrize(
    "text", ["a: [1", "a: 'x", "a: b: c", "\ta: 1", "- a\nb: 1", "a: \x07", "%YAML 9.9\n---\na: 1"]
)
def test_what_is_not_yaml_is_refused_with_its_line(text: str) -> None:
    code, line, _ = refusal(text)
    assert code == "document.not_yaml"
    assert line is not None


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("a: 1\nb: 2\na: 3\n", 3, "key 'a' twice"),
        ("a: 1\n---\nb: 2\n", 2, "a second YAML document"),
        ("a: 1\nb: !!python/object:os.system x\n", 2, "tag"),
        ("a: 1\nb: !custom x\n", 2, "tag"),
        ("a: 1\n[x, y]: 2\n", 2, "a key that is not a word"),
        ("a: 1\nb: *nobody\n", 2, "alias *nobody"),
        ("a: &me [*me]\n", 1, "alias *me"),
        ("a: 2024-13-01\n", 1, "'2024-13-01'"),
        (f"a: {'9' * 5000}\n", 1, "'9999"),
    ],
)
def test_what_would_surprise_is_refused_with_its_line(text: str, line: int, says: str) -> None:
    code, found, message = refusal(text)
    assert (code, found) == ("document.refused", line)
    assert says in message
    assert len(message) < 200


def test_an_alias_stands_for_its_values() -> None:
    assert read_yaml("a: &x [1, 2]\nb: *x\n", FILE).data == {"a": [1, 2], "b": [1, 2]}


def test_size_depth_nodes_and_aliases_are_bounded() -> None:
    assert "characters" in refusal("a" * (MAX_CHARACTERS + 1))[2]
    assert "brackets" in refusal("[" * (MAX_NODES + 1))[2]
    assert f"{MAX_NODES:,} values" in refusal("- a\n" * (MAX_NODES + 1))[2]
    assert f"{MAX_DEPTH} deep" in refusal("[" * (MAX_DEPTH + 2) + "]" * (MAX_DEPTH + 2))[2]
    assert "aliases" in refusal("a: &x 1\nb:\n" + "  - *x\n" * (MAX_ALIASES + 1))[2]
    read_yaml("a: &x 1\nb:\n" + "  - *x\n" * MAX_ALIASES, FILE)
    read_yaml("[" * MAX_DEPTH + "]" * MAX_DEPTH, FILE)


def test_an_alias_bomb_is_refused_while_it_is_small() -> None:
    bomb = 'a: &a ["lol"]\n' + "".join(
        f"{new}: &{new} [{', '.join([f'*{old}'] * 9)}]\n" for old, new in zip("abcdefgh", "bcdefghi", strict=True)
    )
    code, line, message = refusal(bomb)
    assert code == "document.refused"
    assert line == 6
    assert "aliases" in message


@given(st.text(max_size=300) | st.text("abc:-[]{}&*!|>'\"#%@~?,. \n\t01", max_size=200))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        document = read_yaml(text, FILE)
    except InputError:
        return
    assert document.place("a", 0).file == FILE


@given(st.dictionaries(st.from_regex(r"[a-z]\w{0,9}", fullmatch=True), PLAIN))
def test_what_is_written_is_read_back_equal(value: dict[str, object]) -> None:
    assert read_yaml(to_yaml(value), FILE).data == value


def test_what_is_written_is_what_a_person_would_write() -> None:
    value = {"z": [{"a": 1, "b": "two words"}], "text": "one\ntwo\n", "again": [], "yes": "yes", "day": "2024-03-01"}
    assert to_yaml(value) == (
        "z:\n  - a: 1\n    b: two words\ntext: |\n  one\n  two\nagain: []\n'yes': 'yes'\nday: '2024-03-01'\n"
    )


def test_the_same_list_twice_is_written_out_twice() -> None:
    same = [1]
    assert to_yaml({"a": same, "b": same}) == "a:\n  - 1\nb:\n  - 1\n"


def test_front_matter_and_prose_are_split() -> None:
    document, prose = split_front_matter("---\nid: A-1\n---\n\n# Title\n\nText.\n---\nmore\n", "a.md")
    assert document.data == {"id": "A-1"}
    assert document.place("id").line == 2
    assert prose == "# Title\n\nText.\n---\nmore\n"


@pytest.mark.parametrize("text", ["", "# Title\n", "---\nid: A-1\n", "\n---\nid: A-1\n---\n", "id: A-1\n---\n---\n"])
def test_a_story_without_front_matter_is_refused(text: str) -> None:
    with pytest.raises(InputError) as caught:
        split_front_matter(text, "a.md")
    (finding,) = caught.value.findings
    assert (finding.code, finding.place.line) == ("document.no_front_matter", 1)
