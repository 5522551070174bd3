"""What a program leaves at its desk is plain files or a clear refusal; its desk is all that it sees."""

from __future__ import annotations

import os
import sys
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from penstock.adapters.author_desk import AuthorDesk
from penstock.adapters.processes import sandbox
from penstock.model.authors import AuthorCommand
from penstock.model.errors import InputError, PenstockError, RunError

if TYPE_CHECKING:
    from pathlib import Path

    from penstock.delivery.ports import Handed

pytestmark = pytest.mark.skipif(not sandbox.works(), reason="bubblewrap is not installed, or may not be used, here")
EDIT = """
import os
open("pipelines/shop/a.sql", "w").write("SELECT 2")
open("new.md", "w").write(open("brief/story.md").read())
os.remove("docs/shop.md")
os.makedirs(".penstock")
open(".penstock/x", "w").close()
print("done")
"""
GIVEN = {"pipelines/shop/a.sql": b"SELECT 1", "docs/shop.md": b"# Shop\n"}


def write(folder: Path, program: str, *, seconds: float = 20, environment: tuple[str, ...] = ()) -> Handed:
    author = AuthorCommand(
        name="writer", run=(sys.executable, "-c", program), timeout=timedelta(seconds=seconds), environment=environment
    )
    return AuthorDesk(folder / ".penstock").write(author, GIVEN, {"story.md": b"# Wanted\n"})


def test_what_it_edits_adds_and_deletes_is_handed_over_and_nothing_else(tmp_path: Path) -> None:
    handed = write(tmp_path, EDIT)
    assert handed.files == {"pipelines/shop/a.sql": b"SELECT 2", "new.md": b"# Wanted\n", "docs/shop.md": None}
    assert (handed.run.exit_code, handed.run.output) == (0, "done\n")
    assert list((tmp_path / ".penstock" / "desks").iterdir()) == []


@pytest.mark.parametrize(
    ("program", "code", "kind"),
    [
        ("raise SystemExit(3)", "author.failed", RunError),
        ("raise SystemExit(4)", "author.asks_nothing", InputError),
        ("import os; os.symlink('/etc/passwd', 'a.sql')", "author.odd_file", InputError),
        ("import os; os.mkfifo('a.sql')", "author.odd_file", InputError),
        ("open('a.sql', 'w').write('x' * 2_000_000)", "author.odd_file", InputError),
        ("[open(f'{n}.sql', 'w').close() for n in range(2100)]", "author.odd_file", InputError),
        ("import os; os.kill(os.getpid(), 9)", "author.failed", RunError),
    ],
)
def test_what_cannot_be_taken_is_refused(tmp_path: Path, program: str, code: str, kind: type[PenstockError]) -> None:
    with pytest.raises(kind) as caught:
        write(tmp_path, program)
    assert {finding.code for finding in caught.value.findings} == {code}
    assert caught.value.findings[0].remedy


def test_it_is_ended_after_its_time_with_all_that_it_started(tmp_path: Path) -> None:
    program = "import subprocess, time; subprocess.Popen(['sleep', '600']); print('begun', flush=True); time.sleep(600)"
    with pytest.raises(RunError) as caught:
        write(tmp_path, program, seconds=1.5)
    assert [(finding.code, finding.found) for finding in caught.value.findings] == [("author.too_late", "begun")]


def test_secrets_are_handed_over_by_name_and_masked_in_what_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WRITER_TOKEN", "canary-of-the-writer")
    monkeypatch.setenv("OTHER_TOKEN", "canary-of-another")
    program = "import os; print(os.environ['WRITER_TOKEN'], os.environ.get('OTHER_TOKEN'))"
    assert write(tmp_path, program, environment=("WRITER_TOKEN",)).run.output == "*** None\n"
    with pytest.raises(InputError) as caught:
        write(tmp_path, "pass", environment=("NOT_SET_ANYWHERE",))
    assert [finding.code for finding in caught.value.findings] == ["author.no_variable"]


def test_it_sees_no_home_no_state_and_no_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".penstock").mkdir()
    (tmp_path / ".penstock" / "ledger.db").write_text("secret")
    monkeypatch.setenv("HOME", str(tmp_path))
    program = f"""
import os, socket
print(os.path.exists({str(tmp_path / ".penstock" / "ledger.db")!r}), os.environ["HOME"].endswith("/home"))
print(os.path.exists("/proc/{os.getpid()}"), [name for _, name in socket.if_nameindex() if name != "lo"])
"""
    assert write(tmp_path, program).run.output == "False True\nFalse []\n"


def test_where_it_cannot_be_confined_it_is_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox, "works", lambda: False)
    with pytest.raises(InputError) as caught:
        write(tmp_path, f"open({str(tmp_path / 'ran')!r}, 'w').close()")
    assert [finding.code for finding in caught.value.findings] == ["author.unconfined"]
    assert not (tmp_path / "ran").exists()
