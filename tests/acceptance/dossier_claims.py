"""What holds for the dossier of any change: one page, three answers, and citations that can be opened."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

ANSWERS = ("**What your numbers will do", "## What can go wrong\n\n- ", "## How to get back\n\n")


def assert_is_one_page(root: Path, change: str) -> str:
    """The page under `root`, after it was held to what any has to be; the HTML file cites and names the same."""
    folder = root / "changes" / change
    dossier, html = (folder / "dossier.md").read_text(), (folder / "dossier.html").read_text()
    assert 500 <= len(dossier.split()) <= 1000
    assert [answer for answer in ANSWERS if answer not in dossier] == []
    cited = set(re.findall(r"F:([^\s:]+):(\d+)", dossier))
    assert len(cited) >= 5
    for path, line in cited:
        assert 1 <= int(line) <= len((root / path).read_text().splitlines()), path
    outputs = set(re.findall(r"output ([0-9a-f]{12})\b", dossier))
    assert len(outputs) >= 4
    assert [chunk for chunk in outputs if not (folder / "evidence" / "outputs" / f"{chunk}.txt").is_file()] == []
    assert cited == set(re.findall(r'class="cite">F:([^\s:<]+):(\d+)<', html))
    assert outputs == set(re.findall(r"output ([0-9a-f]{12})\b", html))
    return dossier
