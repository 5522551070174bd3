from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from story_texts import FACTS, HEADER, change, story

from penstock.model.errors import InputError
from penstock.project.questions import open_questions, parse_answer
from penstock.project.story_changes import changed_datasets
from penstock.project.story_facts import SourceFacts, Suspicion

if TYPE_CHECKING:
    from penstock.model.stories import Question, Story

CHANGE = "id: SHOP-2\ntitle: x\nkind: change\npipeline: shop\n"


def asked(*changes: tuple[str, str], facts: SourceFacts | None = None) -> dict[str, Question]:
    """Questions by code, for stories that ask each once."""
    questions = open_questions(story(*changes), {"tills": facts} if facts else FACTS)
    assert len({question.code for question in questions}) == len(questions)
    return {question.code: question for question in questions}


def test_a_full_story_leaves_nothing_open() -> None:
    assert open_questions(story(), FACTS) == ()


@pytest.mark.parametrize(
    ("line", "code", "path"),
    [
        ("owner: sales-team\n", "story.no_owner", "owner"),
        ('schedule: "0 6 * * *"\n', "story.no_schedule", "schedule"),
        ("timezone: Europe/London\n", "story.no_timezone", "timezone"),
        ('sla: {ready_by: "06:30"}\n', "story.no_sla", "sla.ready_by"),
        ("retention: 2 years\n", "story.no_retention", "retention"),
    ],
)
def test_a_promise_left_out_is_asked_for(line: str, code: str, path: str) -> None:
    questions = asked((line, ""))
    assert list(questions) == [code]
    assert questions[code].path == path


def test_questions_are_numbered_in_a_stable_order() -> None:
    left_out = [("owner: sales-team\n", ""), ("retention: 2 years\n", "")]
    questions = open_questions(story(*left_out), {})
    assert [(q.id, q.code) for q in questions] == [
        ("Q1", "story.no_owner"),
        ("Q2", "story.no_retention"),
        ("Q3", "story.no_files"),
    ]
    assert questions == open_questions(story(*left_out), {})


def test_a_column_that_the_header_lacks_is_asked_for_with_the_likely_one() -> None:
    found = asked(facts=SourceFacts(files=3, header=("Id", "Sold_at", "Amount")))["story.unknown_column"]
    assert found.path == "sources.tills.columns.SoldAt.header"
    assert found.suggestion == "Sold_at"
    assert found.line == 18
    assert "Sold_at" in found.text


def test_the_likely_column_is_one_that_the_story_does_not_use_yet() -> None:
    facts = SourceFacts(files=3, header=("Id", "SoldOn", "Amount"))
    assert (
        asked(("      Id: {", "      SoldId: {header: Id, "), facts=facts)["story.unknown_column"].suggestion
        == "SoldOn"
    )


def test_a_column_that_the_story_does_not_mention_is_asked_for() -> None:
    facts = SourceFacts(files=3, header=(*HEADER, "e.mail"), suspicions={"e.mail": Suspicion(kind="email", reason="@")})
    found = asked(facts=facts)["story.undeclared_column"]
    assert found.path == 'sources.tills.columns."e.mail"'
    assert "looks like personal data (email: @)" in found.text


def test_a_column_that_looks_personal_needs_a_stand_and_none_is_one() -> None:
    facts = SourceFacts(files=3, header=HEADER, suspicions={"Amount": Suspicion(kind="phone", reason="digits")})
    found = asked(facts=facts)["story.personal_data"]
    assert (found.path, found.suggestion) == ("sources.tills.columns.Amount.personal", "phone")
    assert asked(("Amount: {", "Amount: {personal: none, "), facts=facts) == {}


@pytest.mark.parametrize(
    ("old", "new", "path"),
    [
        ("is_sale: amount > 0", "is_sale: amonut > 0", "sources.tills.flags.is_sale"),
        ("is_sale: amount > 0", "is_sale: {sql: amonut > 0}", "sources.tills.flags.is_sale.sql"),
        ("CAST(sold_at AS DATE)", "CAST(sold AS DATE)", "datasets.daily.grain.day"),
        ("sum(amount)", "sum(amounts)", "datasets.daily.measures.total.sql"),
        ("WHERE is_sale", "WHERE is_sail", "datasets.daily.measures.total.sql"),
    ],
)
def test_an_expression_over_a_column_that_is_not_there_is_asked_about(old: str, new: str, path: str) -> None:
    found = asked((old, new))["story.unknown_column"]
    assert found.path == path
    assert found.suggestion in {"amount", "sold_at", "is_sale"}


def test_a_criterion_that_cannot_be_measured_is_asked_about() -> None:
    found = asked((", sql: SELECT day FROM shop.daily WHERE total < 0", ""))["story.unmeasurable"]
    assert found.path == "acceptance.A1.sql"
    assert "Never negative" in found.text


def test_a_change_without_declared_impact_is_asked_what_may_move() -> None:
    read = change(CHANGE + "sources: {tills: {keep: {dear: amount > 9}}}\n", story())
    assert changed_datasets(read) == {"shop.stg_tills": False, "shop.daily": False}
    assert [q.path for q in open_questions(read, FACTS)] == ['impact."shop.stg_tills"', 'impact."shop.daily"']


def test_a_change_of_words_alone_changes_no_dataset() -> None:
    assert changed_datasets(change(CHANGE + "sources: {tills: {description: Tills.}}\n", story())) == {}


def test_a_new_dataset_in_a_change_is_new_and_needs_no_bound() -> None:
    more = (
        "datasets: {weekly: {from: tills, grain: {till_id: till_id}, measures: {n: {sql: count(*), type: BIGINT}}}}\n"
    )
    read = change(CHANGE + more, story())
    assert changed_datasets(read) == {"shop.weekly": True}
    assert open_questions(read, FACTS) == ()


def open_question(read: Story, code: str, facts: SourceFacts = FACTS["tills"]) -> Question:
    return next(q for q in open_questions(read, {"tills": facts}) if q.code == code)


@pytest.mark.parametrize(
    ("line", "code", "good", "bad"),
    [
        ('sla: {ready_by: "06:30"}\n', "story.no_sla", "06:30", "6.30 or so"),
        ('sla: {ready_by: "06:30"}\n', "story.no_sla", "23:59", "25:00"),
        ("retention: 2 years\n", "story.no_retention", "90 days", "a while"),
        ('schedule: "0 6 * * *"\n', "story.no_schedule", "@daily", "every morning"),
        ("timezone: Europe/London\n", "story.no_timezone", "Europe/Paris", "Paris"),
        ("owner: sales-team\n", "story.no_owner", "me", "   "),
        (
            ", sql: SELECT day FROM shop.daily WHERE total < 0",
            "story.unmeasurable",
            "SELECT 1 FROM shop.daily",
            "DROP x",
        ),
    ],
)
def test_an_answer_of_the_right_kind_is_taken_and_another_refused(line: str, code: str, good: str, bad: str) -> None:
    question = open_question(story((line, "")), code)
    assert parse_answer(question, f" {good} ") == good
    with pytest.raises(InputError) as caught:
        parse_answer(question, bad)
    assert caught.value.findings[0].code == "story.bad_answer"
    assert caught.value.findings[0].expected == question.expects


def test_a_header_answer_must_be_one_of_the_header() -> None:
    facts = SourceFacts(files=3, header=("Id", "Sold_at", "Amount"))
    question = open_question(story(), "story.unknown_column", facts)
    assert parse_answer(question, "Sold_at") == "Sold_at"
    with pytest.raises(InputError):
        parse_answer(question, "SoldAt")


def test_an_expression_answer_must_use_columns_that_are_there() -> None:
    question = open_question(story(("is_sale: amount > 0", "is_sale: amonut > 0")), "story.unknown_column")
    assert parse_answer(question, "amount > 0") == "amount > 0"
    for wrong in ("amonut > 0", "amount >"):
        with pytest.raises(InputError):
            parse_answer(question, wrong)


def test_impact_is_answered_with_bounds_in_yaml() -> None:
    question = replace(open_question(story(("owner: sales-team\n", "")), "story.no_owner"), code="story.no_impact")
    assert parse_answer(question, "{rows: -5%..0%}") == {"rows": "-5%..0%"}
    assert parse_answer(question, "any") == "any"
    for wrong in ("{rows: some}", "{row: any}", "[1]", "{rows: ["):
        with pytest.raises(InputError):
            parse_answer(question, wrong)


def test_every_question_closes_when_it_is_answered() -> None:
    changes = [
        ("owner: sales-team\n", ""),
        ('sla: {ready_by: "06:30"}\n', ""),
        ("is_sale: amount > 0", "is_sale: amonut > 0"),
        (", sql: SELECT day FROM shop.daily WHERE total < 0", ""),
    ]
    facts = SourceFacts(
        files=3,
        header=("Id", "Sold_at", "Amount", "e.mail"),
        suspicions={"e.mail": Suspicion(kind="email", reason="@")},
    )
    texts = {
        "story.no_owner": "us",
        "story.no_sla": "07:00",
        "story.unknown_column": "Sold_at",
        "story.undeclared_column": "ignore",
        "story.personal_data": "email",
        "story.unmeasurable": "SELECT day FROM shop.daily WHERE total < 0",
    }
    answers: dict[str, object] = {"sources.tills.flags.is_sale": "amount > 0"}
    for _ in range(3):
        for question in open_questions(story(*changes, answers=answers), {"tills": facts}):
            answers[question.path] = parse_answer(question, texts[question.code])
    answered = story(*changes, answers=answers)
    assert open_questions(answered, {"tills": facts}) == ()
    mail = answered.sources["tills"].columns[-1]
    assert (mail.raw, mail.ignored, mail.personal) == ("e.mail", True, "email")
