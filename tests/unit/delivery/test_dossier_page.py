"""The dossier answers three questions on one page, whatever the size of the change, in Markdown and in HTML alike."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from html.parser import HTMLParser
from typing import TYPE_CHECKING

import pytest
from dossier_cases import (
    REVENUE,
    change,
    column,
    dataset,
    diff,
    enormous,
    example,
    moving,
    picture,
    project,
    quiet_verdicts,
    review,
    story,
)

from penstock.author.authored import AuthoredFile
from penstock.contract.consumers import NamedConsumer
from penstock.delivery.pages.dossier import dossier_page, dossier_sections
from penstock.delivery.pages.dossier_html import dossier_html
from penstock.model.stories import Bound, Impact
from penstock.policy.facts import Readiness
from penstock.quality.comparison import RowExample
from penstock.quality.distributions import ColumnDistribution, Frequent, Histogram, SideDistribution
from penstock.quality.distributions_sql import ColumnKind
from penstock.quality.rerunning import Effort, Repeat, Rerun

if TYPE_CHECKING:
    from collections.abc import Sequence

    from penstock.delivery.review import Review
    from penstock.model.findings import Verdict

HOSTILE = "<script>alert('x')</script>"
TEXT = ("html head meta title style body main h1 h2 h3 div p nav ul li a section strong em code span", "table thead")
DRAWN = ("tbody tr th td figure figcaption details summary svg g rect line path text polyline circle",)
ALLOWED = frozenset(name for line in (*TEXT, *DRAWN) for name in line.split())
"""The elements of which our page is made; none of them runs or loads anything."""


class Tags(HTMLParser):
    """What a browser would make of a page: its elements, their attributes, and the words of its own sentences."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.names: set[str] = set()
        self.attributes: list[tuple[str, str]] = []
        self.said: list[str] = []
        self._depth: list[bool] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.add(tag)
        self.attributes += [(name, value or "") for name, value in attrs]
        if tag == "div":
            self._depth.append("said" in (dict(attrs).get("class") or "").split())
        if any(self._depth) and tag not in {"strong", "em", "code", "span"}:
            self.said.append(" ")

    def handle_endtag(self, tag: str) -> None:
        if tag == "div":
            self._depth.pop()

    def handle_data(self, data: str) -> None:
        if any(self._depth):
            self.said.append(data)


def page(seen: Review, verdicts: Sequence[Verdict] | None = None) -> str:
    return dossier_page(change(), seen, quiet_verdicts() if verdicts is None else verdicts)


def html(seen: Review, verdicts: Sequence[Verdict] | None = None) -> str:
    return dossier_html(seen, dossier_sections(change(), seen, quiet_verdicts() if verdicts is None else verdicts))


def unmarked(markdown: str) -> list[str]:
    """The words of a page without its marks and headings."""
    lines = [line for line in markdown.splitlines() if not line.startswith("#") and not line.startswith("|---")]
    text = "\n".join(re.sub(r"^( *- )(\[ \] )?", "", line) for line in lines)
    return re.sub(r"[`*]", "", text).replace("|", " ").split()


def section(markdown: str, heading: str) -> str:
    return markdown.partition(f"## {heading}\n")[2].partition("\n## ")[0]


# -- the first paragraph ---------------------------------------------------------------------------------------------


def test_the_answer_says_which_figure_moves_from_what_to_what_in_which_rows_from_when() -> None:
    assert (
        f"**What your numbers will do.** In `{REVENUE}` `net` falls from 1,000 to 900 (-10.00 %); of 100 rows 7 "
        "change, from 2011-01-03 to 2011-02-04 (`day`)."
    ) in page(moving()).partition("\n## ")[0]


def test_figures_that_the_story_names_come_before_those_that_move_more() -> None:
    impact = {REVENUE: Impact(dataset=REVENUE, columns={"net": Bound.parse("-20%..0%")})}
    moved = diff(REVENUE, column("fees", new=1), column("net"), changed=7)
    text = page(review(told=story(impact=impact), diffs=(moved,)))
    assert text.index("`net` falls") < text.index("`fees` falls")


def test_the_answer_tells_of_what_is_delivered_and_names_what_is_on_the_way() -> None:
    names = ("sales.a_total", "sales.stg_lines")
    after = project(*(dataset(name, "SELECT 2 AS net") for name in names))
    text = page(
        review(
            project(*map(dataset, names)), after, diffs=tuple(diff(name, column(), changed=7) for name in names[::-1])
        )
    )
    assert "In `sales.a_total` `net` falls" in text
    assert "What moves with it, or on the way there: `sales.stg_lines`." in text


def test_a_column_that_comes_goes_or_is_retyped_is_told() -> None:
    moved = diff(
        REVENUE, changed=1, schema_added=("vat",), schema_removed=("tax",), schema_retyped=(("n", "INT", "TEXT"),)
    )
    text = page(review(diffs=(moved,))).partition("\n## ")[0]
    assert "column `vat` appears, column `tax` **disappears** and `n` becomes TEXT (was INT)" in text


def test_where_nothing_moves_that_is_the_answer() -> None:
    text = page(review(diffs=(diff(),)))
    assert "Nothing: every row is the same in 1 dataset that the change builds anew" in text


def test_a_new_dataset_is_told_with_its_rows() -> None:
    seen = review(project(), project(dataset()), new_datasets=(REVENUE,), content={REVENUE: (1631, "0" * 64)})
    assert f"New, with no earlier version to compare with: `{REVENUE}` (1,631 rows)." in page(seen)


# -- what can go wrong, what it costs, who reads it -------------------------------------------------------------------


def test_lateness_to_come_is_told_beside_what_it_is_without_the_change() -> None:
    late = Readiness(
        pipeline="sales", ready_by="06:30", intervals=90, late=4, first_late="2011-12-09", worst=timedelta(minutes=7)
    )
    seen = review(readiness=(late,), readiness_before={"sales": replace(late, late=1)})
    assert (
        "**Late:** `sales` (ready by 06:30), played through 90 intervals ahead: 4 late; without the change 1, the "
        "first on 2011-12-09; the worst comes 7 min 0 s late."
    ) in section(page(seen), "What can go wrong")


def test_a_run_s_effort_stands_beside_production_s() -> None:
    one = Rerun(
        dataset=REVENUE,
        file="a.sql",
        repeat=Repeat.SAME,
        effort=Effort(rows=1200, seconds=0.04),
        before=Effort(rows=800, seconds=0.03),
    )
    text = page(review(reruns=(one,)))
    assert f"- Each run: `{REVENUE}` handles 1,200 rows in 40 ms; production 800 rows in 30 ms." in text
    assert "- Built a second time from the same inputs, 1 dataset came out the same." in text


def test_rows_that_come_out_otherwise_a_second_time_are_told() -> None:
    one = Rerun(dataset=REVENUE, file="a.sql", repeat=Repeat.DIFFERENT, differing=12)
    assert f"**Not repeatable:** `{REVENUE}` came out otherwise" in section(
        page(review(reruns=(one,))), "What can go wrong"
    )


def test_consumers_are_those_whom_contracts_name() -> None:
    seen = review(consumers={REVENUE: (NamedConsumer(name="finance", columns=("net",)), NamedConsumer(name="bi"))})
    assert f"- `{REVENUE}` is read by finance (`net`) and bi." in section(page(seen), "Who is downstream")


def test_a_failed_run_says_that_nothing_is_known() -> None:
    seen, verdicts = enormous()
    failed = replace(seen.facts, run_findings=verdicts[0].findings[:1], diffs=())
    text = page(replace(seen, facts=failed), verdicts)
    assert "**What your numbers will do** is not known: the change failed in its own run" in text
    assert text.splitlines()[2].startswith("**Stopped.**")


# -- one page ----------------------------------------------------------------------------------------------------------


def test_the_smallest_change_fills_a_page() -> None:
    assert 500 <= len(page(review()).split()) <= 1000


def test_a_change_of_everything_stays_on_one_page() -> None:
    seen, verdicts = enormous()
    text = page(seen, verdicts)
    assert 500 <= len(text.split()) <= 1000
    assert "more" in section(text, "What can go wrong")


def test_what_is_left_out_is_counted() -> None:
    seen, verdicts = enormous()
    shown = section(page(seen, verdicts), "What moves, and by how much")
    left = re.search(r"Not shown here: .* and ([\d,]+) more|and ([\d,]+) more \(F:", shown)
    assert left is not None


# -- the same in HTML --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seen", [review(), moving()], ids=["nothing", "one figure"])
def test_both_pages_say_the_same_words(seen: Review) -> None:
    assert "".join(Tags(html(seen)).said).split() == unmarked(page(seen))


def test_both_pages_say_the_same_words_of_a_change_of_everything() -> None:
    seen, verdicts = enormous()
    assert "".join(Tags(html(seen, verdicts)).said).split() == unmarked(page(seen, verdicts))


def test_the_html_asks_for_nothing_and_runs_nothing() -> None:
    text = html(moving())
    tags = Tags(text)
    assert tags.names <= ALLOWED
    assert "default-src 'none'; style-src 'unsafe-inline'" in text
    assert not re.search(r"https?://|url\(|@import|javascript:", text)
    assert {value[0] for name, value in tags.attributes if name in {"href", "src"}} == {"#"}
    assert not [name for name, _ in tags.attributes if name.startswith("on") or (name == "style" and "url" in name)]


def test_whatever_people_wrote_opens_no_tag() -> None:
    plain = picture()
    said = Frequent(value=HOSTILE, rows=3)
    side = SideDistribution(rows=3, nulls=0, distinct=1, minimum=HOSTILE, maximum=HOSTILE, frequent=(said,))
    bins = Histogram(edges=(HOSTILE, HOSTILE), old=(1,), new=(2,))
    shape = ColumnDistribution(name=HOSTILE, kind=ColumnKind.TEXT, masked=False, old=side, new=side, histogram=bins)
    trends = tuple(replace(one, column=HOSTILE) for one in plain.trends)
    nasty = replace(plain, dataset=HOSTILE, day=HOSTILE, trends=trends, distributions=(shape,))
    seen = review(
        told=story(title=HOSTILE, text=HOSTILE, owner=HOSTILE),
        files=(AuthoredFile(path=f"pipelines/{HOSTILE}.sql", text="", group="pipelines"),),
        diffs=(
            diff(REVENUE, column(HOSTILE), changed=1, examples=(example(HOSTILE, f"`{HOSTILE}`"),)),
            diff(HOSTILE, removed=1, examples=(RowExample(key=(), column=None, old=HOSTILE, new=None),)),
        ),
        new_datasets=(f"sales.{HOSTILE}",),
        pictures={HOSTILE: nasty},
        consumers={REVENUE: (NamedConsumer(name=HOSTILE),)},
    )
    text = html(seen)
    assert "alert(" in text
    assert Tags(text).names <= ALLOWED


def test_the_same_facts_give_the_same_bytes() -> None:
    assert html(moving()) == html(moving())


def test_each_chart_says_in_words_what_it_shows() -> None:
    labels = [value for name, value in Tags(html(moving())).attributes if name == "aria-label"]
    assert any(
        label.startswith("net by day, before and now, from 2011-01-01 to 2011-01-28, between 1 and 28.")
        and label.endswith("The greatest difference is +1 on 2011-01-01.")
        for label in labels
    )
    assert f"Data flows from left to right. altered: {REVENUE}." in labels


def luminance(colour: str) -> float:
    """Relative luminance as WCAG 2.2 defines it."""
    long = colour if len(colour) == 7 else "#" + "".join(2 * digit for digit in colour[1:])
    parts = [int(long[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
def test_every_colour_stands_out_from_the_paper(scheme: int) -> None:
    part = html(moving()).split("prefers-color-scheme: dark")[scheme]
    colours = dict(re.findall(r"--(ink|paper|old|new|good|bad): (#[0-9a-f]+)\b", part))
    paper = luminance(colours.pop("paper"))
    assert set(colours) == {"ink", "old", "new", "good", "bad"}
    for name, colour in colours.items():
        low, high = sorted((paper, luminance(colour)))
        assert (high + 0.05) / (low + 0.05) >= 4.5, name
