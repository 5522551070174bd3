from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from story_texts import change, front, story

from penstock.model.errors import InputError
from penstock.model.intervals import Grain
from penstock.project.story import read_story

CHANGE = """\
id: SHOP-2
title: Only dear things
kind: change
pipeline: shop
sources:
  tills:
    keep: {only dear things: amount > 100}
impact:
  daily: {rows: none, columns: {total: -50%..0%}}
"""


def codes(text: str) -> list[str]:
    with pytest.raises(InputError) as caught:
        read_story(text, "stories/SHOP-1.md")
    return [finding.code for finding in caught.value.findings]


def test_a_story_is_read_into_its_value() -> None:
    read = story()
    assert (read.id, read.kind, read.pipeline, read.cron, read.ready_by) == (
        "SHOP-1",
        "new",
        "shop",
        "0 6 * * *",
        "06:30",
    )
    assert read.start == datetime(2024, 1, 1, tzinfo=UTC)
    assert read.text == "# Prose\n"
    source = read.sources["tills"]
    assert source.interval is Grain.DAY
    assert source.event_time is not None
    assert source.event_time.name == "sold_at"
    assert source.columns[2].type == "DECIMAL(9,2)"
    assert read.datasets["daily"].interval_column == "day"
    assert read.criteria[0].story == "SHOP-1"


def test_what_is_left_out_is_none_and_no_mistake() -> None:
    read = story(("owner: sales-team\n", ""), ('sla: {ready_by: "06:30"}\n', ""), ("retention: 2 years\n", ""))
    assert (read.owner, read.ready_by, read.retention) == (None, None, None)


def test_a_column_without_a_name_gets_its_headers_word_in_small_letters() -> None:
    read = story(("Id: {name: till_id, type", "TillID: {type"))
    assert read.sources["tills"].columns[0].name == "till_id"


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("id: SHOP-1", "id: shop one", "story.bad_id"),
        ("kind: new", "kind: newish", "document.choice"),
        ("pipeline: shop", "pipeline: The Shop", "story.bad_name"),
        ("title: Sales per day", "titel: Sales per day", "document.unknown_key"),
        ('"0 6 * * *"', '"0 66 * * *"', "story.bad_schedule"),
        ("Europe/London", "Europe/Lodnon", "story.bad_schedule"),
        ("start: 2024-01-01", "start: soon", "story.bad_date"),
        ('"06:30"', "half past six", "story.bad_time"),
        ("2 years", "for ever", "story.bad_retention"),
        ("path: data/", "path: /etc/", "story.path_outside"),
        ("path: data/", "path: s3://orders/", "story.path_outside"),
        ("path: data/", "path: data/../../", "story.path_outside"),
        (".csv\n", ".xlsx\n", "story.bad_path"),
        ("{interval_start:%Y-%m-%d}.csv", "{day}.csv", "story.bad_path"),
        ("interval: day\n", "missing: fail\n", "story.bad_path"),
        ("type: BIGINT", "type: BIGINTEGER", "story.bad_type"),
        ('"DECIMAL(9, 2)"', '"DECIMAL(50, 2)"', "story.bad_type"),
        ("is_sale: amount > 0", "is_sale: amount >", "story.bad_expression"),
        ("is_sale: amount > 0", "is_sale: sum(amount) > 0", "story.aggregate"),
        ("is_sale: amount > 0", "amount: amount > 0", "story.name_twice"),
        ("is_sale: amount > 0", "file_date: amount > 0", "story.name_twice"),
        ("from: tills", "from: till", "story.unknown_source"),
        ("day: CAST(sold_at AS DATE)", "day: date_trunc('day', sold_at)", "story.no_type"),
        ("sum(amount)", "sum(amount", "story.bad_expression"),
        ("SELECT day FROM", "DELETE FROM", "story.bad_query"),
        ("sources:\n", "impact: {daily: {rows: much}}\nsources:\n", "story.bad_bound"),
        ("sources:\n", "impact: {daily: {where: sum(total) > 1}}\nsources:\n", "story.bad_filter"),
        ("sources:\n", "impact: {daily: {where: SELECT 1}}\nsources:\n", "story.bad_filter"),
        ("sources:\n", "retire: [SHOP-0.A1]\nsources:\n", "story.unknown_criterion"),
        ("sources:\n", "author: {kind: files, directory: ../x}\nsources:\n", "story.path_outside"),
        ("Amount: {", "Amount: {clean: trim(amount), ", "story.bad_expression"),
        ("interval: day\n", "interval: day\n    closed: {weekdays: [caturday]}\n", "story.bad_weekday"),
        ("interval: day\n", "interval: day\n    closed: {dates: [2024-02-28/2024-02-01]}\n", "story.bad_dates"),
    ],
)
def test_a_wrongly_made_story_is_refused_with_the_reason(old: str, new: str, code: str) -> None:
    assert code in codes(front((old, new)))


def test_all_mistakes_are_told_at_once_with_their_lines() -> None:
    text = front(("id: SHOP-1", "id: shop"), ("type: BIGINT", "type: INT8"), ("2 years", "long"))
    with pytest.raises(InputError) as caught:
        read_story(text, "stories/SHOP-1.md")
    lines = {finding.code: finding.place.line for finding in caught.value.findings}
    assert lines == {"story.bad_id": 2, "story.bad_type": 17, "story.bad_retention": 11}


def test_an_answer_is_laid_over_what_the_story_says() -> None:
    read = story(answers={"sla.ready_by": "07:15", "sources.tills.columns.Id.header": "TillId"})
    assert read.ready_by == "07:15"
    assert read.sources["tills"].columns[0].raw == "TillId"
    assert read.sources["tills"].columns[0].declared_as == "Id"


def test_an_answer_adds_its_sql_to_a_criterion_that_is_a_bare_sentence() -> None:
    bare = ("A1: {text: Never negative., sql: SELECT day FROM shop.daily WHERE total < 0}", "A1: Never negative.")
    assert story(bare).criteria[0].sql is None
    answered = story(bare, answers={"acceptance.A1.sql": "SELECT day FROM shop.daily WHERE total < 0"})
    assert answered.criteria[0].text == "Never negative."
    assert answered.criteria[0].sql == "SELECT day FROM shop.daily WHERE total < 0"


def test_a_wrong_answer_is_found_too() -> None:
    with pytest.raises(InputError, match="half past"):
        story(answers={"sla.ready_by": "half past six"})


def test_a_change_lies_over_the_stories_before_it() -> None:
    read = change(CHANGE, story())
    assert read.owner == "sales-team"
    assert read.sources["tills"].keep == {"only dear things": "amount > 100"}
    assert read.sources["tills"].flags == {"is_sale": "amount > 0"}
    assert set(read.own) == {"id", "title", "kind", "pipeline", "sources", "impact"}


def test_impact_and_criteria_are_never_inherited_but_criteria_still_stand() -> None:
    read = change(CHANGE, story())
    assert read.criteria == ()
    assert [(one.story, one.id) for one in read.standing] == [("SHOP-1", "A1")]
    bound = read.impact["shop.daily"].bound_of("total")
    assert bound is not None
    assert bound.holds(Decimal(-50))
    assert read.impact["shop.daily"].bound_of("day") is None


def test_a_third_story_lies_over_both_and_may_retire_a_criterion() -> None:
    second = change(CHANGE, story())
    third = CHANGE.replace("SHOP-2", "SHOP-3").replace("amount > 100", "amount > 200") + "retire: [SHOP-1.A1]\n"
    read = change(third, story(), second)
    assert read.sources["tills"].keep == {"only dear things": "amount > 200"}
    assert read.standing == ()


def test_stories_of_other_pipelines_and_other_authors_do_not_lie_beneath() -> None:
    other = story(("pipeline: shop\n", "pipeline: other\n"))
    with pytest.raises(InputError) as caught:
        change(CHANGE, other)
    assert "story.nothing_to_change" in [finding.code for finding in caught.value.findings]
    by_hand = change(CHANGE + "author: {kind: files, directory: SHOP-2}\n", story())
    assert by_hand.author.place == "SHOP-2"


def test_a_new_pipeline_may_come_from_files_which_bring_its_sources() -> None:
    new = "id: SHOP-1\ntitle: Shop\nkind: new\npipeline: shop\n"
    with pytest.raises(InputError) as caught:
        change(new)
    assert "story.no_sources" in [finding.code for finding in caught.value.findings]
    by_hand = change(new + "author: {kind: files, directory: SHOP-1}\nimpact: {orders: new}\n")
    assert (by_hand.kind, by_hand.author.place, dict(by_hand.sources)) == ("new", "SHOP-1", {})
    third = change(CHANGE.replace("SHOP-2", "SHOP-3").replace("amount > 100", "amount > 1"), story(), by_hand)
    assert third.sources["tills"].keep == {"only dear things": "amount > 1"}
    assert third.standing == story().criteria


@pytest.mark.parametrize(
    ("author", "code"),
    [
        ("{kind: patch}", "document.missing_key"),
        ("{kind: patch, file: ../a.patch}", "story.path_outside"),
        ("{kind: branch, branch: 'a..b'}", "story.bad_branch"),
        ("{kind: branch, branch: '-d'}", "story.bad_branch"),
        ("{kind: files, directory: a, writes: [/etc/]}", "story.path_outside"),
        ("{kind: deterministic, file: a}", "document.unknown_key"),
        ("{kind: somebody}", "document.choice"),
    ],
)
def test_an_author_that_cannot_be_is_told_where_it_stands(author: str, code: str) -> None:
    with pytest.raises(InputError) as caught:
        change(CHANGE + f"author: {author}\n", story())
    assert [(finding.code, finding.place is not None) for finding in caught.value.findings] == [(code, True)]
