"""Changes that somebody else wrote, as a patch or on a branch, go through the same stages and gates."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from orders_shop import NEW_DAY
from penstock_places import AUTHOR, REVIEWER, Place

pytest_plugins = ("acceptance_fixtures",)

STANDALONE = Path(__file__).parents[2] / "verify" / "penstock_verify.py"
UNTIL = ("--until", NEW_DAY)
QUERY = "pipelines/shop/daily_orders.sql"
PAGE = "docs/shop.md"
LINK = """\
diff --git a/link b/link
new file mode 120000
--- /dev/null
+++ b/link
@@ -0,0 +1 @@
+/etc/passwd
\\ No newline at end of file
"""


def story(author: str, impact: str = 'shop.daily_orders: {columns: {revenue: "0%..5%"}}') -> str:
    return f"""\
---
id: SHOP-9
title: A fee on small orders
kind: change
pipeline: shop
author: {author}
impact:
  {impact}
acceptance:
  A1: {{text: Every day has revenue., sql: SELECT day FROM shop.daily_orders WHERE revenue IS NULL}}
observe_intervals: 0
---

# A fee on small orders

Whoever pays one pound fifty pays ten pence more.
"""


@pytest.fixture
def place(running_shop: Place, tmp_path: Path) -> Place:
    return running_shop.copied(tmp_path)


def edit(place: Place) -> None:
    """What the author does: another expression, and a page taken away."""
    path = place.root / QUERY
    text = path.read_text()
    assert "sum(amount)" in text
    path.write_text(text.replace("sum(amount)", "sum(amount + if(amount = 1.50, 0.10, 0))"))
    (place.root / PAGE).unlink()


def written(place: Place, text: str) -> None:
    (place.root / "stories" / "SHOP-9.md").write_text(text)


def as_patch(place: Place) -> None:
    edit(place)
    patch = place.git("diff", "--relative", "--binary")
    place.git("checkout", "--quiet", "--", ".")
    (place.root / "stories" / "SHOP-9.patch").write_text(patch)


def both_accept_its_bundle(place: Place, reach: str) -> None:
    """Penstock and the verifier that shares no code with it, of a bundle that says a file was taken away."""
    bundle = place.root.parent / f"{reach}.jsonl"
    place.penstock("change", "export", "SHOP-9", "--to", str(bundle))
    asked = (str(bundle), "--keys", str(place.root / "keys"), "--reach", reach)
    ours = place.penstock("change", "verify", "--bundle", *asked).out
    alone = subprocess.run([sys.executable, str(STANDALONE), *asked], capture_output=True, text=True, check=False)
    assert alone.returncode == 0, alone.stdout + alone.stderr
    for said in (ours, alone.stdout):
        assert f"SHOP-9: verified, the chain reaches {reach}" in said


def test_a_patch_is_planned_reviewed_and_promoted_with_the_file_it_takes_away(place: Place) -> None:
    as_patch(place)
    written(place, story("{kind: patch, file: SHOP-9.patch}"))
    said = place.penstock("deliver", "stories/SHOP-9.md", "--as", AUTHOR, *UNTIL, "--json", exits=4)
    folder = place.root / ".penstock" / "worktrees" / "SHOP-9"
    plan = (folder / "changes/SHOP-9/plan.md").read_text()
    assert f"Replace `{QUERY}`" in plan
    assert f"Remove `{PAGE}`" in plan
    assert said.result["stage"] == "review" or said.result["next"]
    (place.root / "stories" / "SHOP-9.patch").write_text("what was planned is what is written\n")
    place.penstock("change", "approve", "SHOP-9", "--as", REVIEWER)
    place.penstock("change", "resume", "SHOP-9", *UNTIL)
    assert "if(amount = 1.50" in (place.root / QUERY).read_text()
    assert not (place.root / PAGE).exists()
    place.penstock("change", "verify", "SHOP-9")
    both_accept_its_bundle(place, "observation")
    place.penstock("change", "rollback", "SHOP-9", "--reason", "no fee after all")
    assert "sum(amount)" in (place.root / QUERY).read_text()
    assert (place.root / PAGE).exists()
    place.penstock("change", "verify", "SHOP-9")
    both_accept_its_bundle(place, "rollback")


def test_a_branch_is_taken_as_it_differs_from_where_it_began(place: Place) -> None:
    place.git("switch", "--quiet", "--create", "feature/fee")
    edit(place)
    place.commit("A fee")
    place.git("switch", "--quiet", "main")
    written(place, story("{kind: branch, branch: feature/fee}"))
    place.commit("A story, and so another base than the branch's")
    place.penstock("deliver", "stories/SHOP-9.md", "--as", AUTHOR, *UNTIL, exits=4)
    place.penstock("change", "approve", "SHOP-9", "--as", REVIEWER)
    place.penstock("change", "resume", "SHOP-9", *UNTIL)
    assert "if(amount = 1.50" in (place.root / QUERY).read_text()


def test_a_file_beyond_what_the_author_may_write_stops_the_change(place: Place) -> None:
    as_patch(place)
    written(place, story(f"{{kind: patch, file: SHOP-9.patch, writes: [{QUERY}]}}"))
    said = place.penstock("deliver", "stories/SHOP-9.md", "--as", AUTHOR, *UNTIL, "--json", exits=1)
    assert [(f["code"], f["place"]["file"]) for f in said.findings] == [("gate.unplanned_file", PAGE)]
    written(place, story(f"{{kind: patch, file: SHOP-9.patch, writes: [{QUERY}, docs/]}}"))
    place.penstock("deliver", "stories/SHOP-9.md", "--as", AUTHOR, *UNTIL, "--json", exits=4)


def test_policy_does_not_come_in_by_a_patch(place: Place) -> None:
    settings = place.root / "penstock.yaml"
    settings.write_text(settings.read_text().replace("approvals: 1", "approvals: 0"))
    as_patch(place)
    written(place, story("{kind: patch, file: SHOP-9.patch}"))
    said = place.penstock("deliver", "stories/SHOP-9.md", "--as", AUTHOR, *UNTIL, "--json", exits=1)
    assert ("gate.protected_file", "penstock.yaml") in [(f["code"], f["place"].get("file")) for f in said.findings]


@pytest.mark.parametrize(
    ("patch", "code"),
    [
        ("", "change.no_files"),
        ("just words\n", "change.no_patch"),
        (f"--- a/{QUERY}\n+++ b/{QUERY}\n@@ -1 +1 @@\n-not there\n+anything\n", "change.patch_does_not_apply"),
        (LINK, "change.odd_file"),
        ("--- a/../outside\n+++ b/../outside\n@@ -0,0 +1 @@\n+x\n", "change.patch_does_not_apply"),
    ],
    ids=["empty", "no patch", "stale", "link", "outside"],
)
def test_a_patch_that_cannot_be_taken_says_why(place: Place, patch: str, code: str) -> None:
    written(place, story("{kind: patch, file: SHOP-9.patch}"))
    (place.root / "stories" / "SHOP-9.patch").write_text(patch)
    said = place.penstock("deliver", "stories/SHOP-9.md", "--as", AUTHOR, *UNTIL, "--json", exits=2)
    assert [finding["code"] for finding in said.findings] == [code]
    assert said.findings[0]["remedy"]


def test_a_branch_that_is_not_there_says_so(place: Place) -> None:
    written(place, story("{kind: branch, branch: feature/nowhere}"))
    said = place.penstock("deliver", "stories/SHOP-9.md", "--as", AUTHOR, *UNTIL, "--json", exits=2)
    assert [finding["code"] for finding in said.findings] == ["git.no_revision"]


def test_a_project_in_a_folder_of_its_repository_takes_patches_of_either(nested: Place, tmp_path: Path) -> None:
    from penstock.adapters.git import GitRepository

    del tmp_path
    repository = GitRepository(nested.root)
    head = repository.head()
    for name in ("pipelines/new.sql", "shops/retail/pipelines/new.sql"):
        patch = f"--- /dev/null\n+++ b/{name}\n@@ -0,0 +1 @@\n+SELECT 1\n"
        assert repository.applied(head, patch.encode(), "a.patch") == {"pipelines/new.sql": b"SELECT 1\n"}


def test_what_was_planned_and_is_lost_is_not_replaced_in_silence(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    from penstock.app import delivering
    from penstock.delivery.stages import Stage

    class StoppedError(Exception):
        pass

    def stop(*_: object) -> None:
        raise StoppedError

    as_patch(place)
    written(place, story("{kind: patch, file: SHOP-9.patch}"))
    with monkeypatch.context() as patched:
        patched.setitem(delivering.ACTIONS, Stage.IMPLEMENTATION, stop)
        place.penstock("deliver", "stories/SHOP-9.md", "--as", AUTHOR, *UNTIL, exits=5)
    for kept in (place.root / ".penstock" / "authored").iterdir():
        kept.write_text("{}")
    patch = place.root / "stories" / "SHOP-9.patch"
    patch.write_text(patch.read_text().replace("0.10", "0.20"))
    said = place.penstock("change", "resume", "SHOP-9", *UNTIL, "--json", exits=2)
    assert [finding["code"] for finding in said.findings] == ["change.not_as_planned"]
    patch.write_text(patch.read_text().replace("0.20", "0.10"))
    place.penstock("change", "resume", "SHOP-9", *UNTIL, exits=4)


RENUMBERED = """\
---
id: SHOP-9
title: Other numbers
kind: change
pipeline: shop
author: {kind: patch, file: SHOP-9.patch}
impact:
  shop.stg_orders: {columns: {order_id: "0%..9999%"}}
observe_intervals: 0
---

# Other numbers

Numbers of orders over thirty are a thousand more.
"""


def test_a_change_that_no_reader_rests_on_is_rolled_back_although_there_are_readers(place: Place) -> None:
    path = place.root / "pipelines" / "shop" / "stg_orders.sql"
    number = "CAST(OrderId AS BIGINT)"
    path.write_text(path.read_text().replace(number, f"{number} + if({number} > 30, 1000, 0)"))
    (place.root / "stories" / "SHOP-9.patch").write_text(place.git("diff", "--relative", "--binary"))
    place.git("checkout", "--quiet", "--", ".")
    written(place, RENUMBERED)
    seen = "SELECT * FROM shop.stg_orders ORDER BY ALL"
    before = place.rows(seen)
    place.penstock("deliver", "stories/SHOP-9.md", "--as", AUTHOR, *UNTIL, exits=4)
    place.penstock("change", "approve", "SHOP-9", "--as", REVIEWER)
    place.penstock("change", "resume", "SHOP-9", *UNTIL)
    assert place.rows(seen) != before
    place.penstock("change", "rollback", "SHOP-9", "--reason", "as it was")
    assert place.rows(seen) == before
