"""How extras are installed: from Penstock's own folder, since elsewhere its name means another package."""

from __future__ import annotations


def how_to_install(extra: str, *packages: str) -> str:
    """The command that installs an extra, and packages with it.

    >>> how_to_install("objects", "gcsfs")
    "in Penstock's folder: pip install '.[objects]' gcsfs"
    """
    return " ".join((f"in Penstock's folder: pip install '.[{extra}]'", *packages))
