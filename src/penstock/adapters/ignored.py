"""Whether git leaves a file alone, which is where secrets may lie."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_TAKEN_ALONG = 1


def is_ignored(path: Path, root: Path) -> bool:
    """Whether git will not take a file beneath `root` along; outside of a repository, nobody takes anything."""
    argv = ["git", "check-ignore", "--quiet", "--", str(path)]
    try:
        asked = subprocess.run(argv, cwd=root, check=False, stdin=subprocess.DEVNULL, capture_output=True)
    except OSError:
        return True
    return asked.returncode != _TAKEN_ALONG
