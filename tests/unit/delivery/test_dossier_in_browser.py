"""The dossier in a real browser: it shows, in the reader's colours, and nothing of it is refused."""

from __future__ import annotations

import shutil
import struct
import subprocess
import zlib
from typing import TYPE_CHECKING

import pytest
from dossier_cases import change, moving, quiet_verdicts

from penstock.delivery.pages.dossier import dossier_sections
from penstock.delivery.pages.dossier_html import dossier_html

if TYPE_CHECKING:
    from pathlib import Path

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
FLAGS = ("--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--enable-logging=stderr")
LIGHT, DARK = (255, 255, 255), (0x14, 0x17, 0x1C)

pytestmark = [pytest.mark.slow, pytest.mark.skipif(BROWSER is None, reason="there is no browser on this machine")]


def corner(png: bytes) -> tuple[int, ...]:
    """The colour of the first pixel: no filter of PNG changes it, since there is none before it."""
    at, data = 8, b""
    while at < len(png):
        length, kind = struct.unpack(">I4s", png[at : at + 8])
        data += png[at + 8 : at + 8 + length] if kind == b"IDAT" else b""
        at += 12 + length
    return tuple(zlib.decompress(data)[1:4])


def shot(page: Path, folder: Path, scheme: int) -> tuple[bytes, str]:
    """A picture of the page, and what the browser said of it; `scheme` 0 asks for dark colours, 1 for light ones."""
    assert BROWSER is not None
    picture = folder / f"{scheme}.png"
    settings = f"--blink-settings=preferredColorScheme={scheme}"
    where = (f"--user-data-dir={folder / 'profile'}", "--window-size=800,1200", f"--screenshot={picture}")
    done = subprocess.run(
        [BROWSER, *FLAGS, settings, *where, page.as_uri()], capture_output=True, text=True, timeout=60, check=False
    )
    return picture.read_bytes(), done.stderr


@pytest.mark.parametrize(("scheme", "colour"), [(1, LIGHT), (0, DARK)], ids=["light", "dark"])
def test_it_shows_in_the_reader_s_colours_and_nothing_of_it_is_refused(
    tmp_path: Path, scheme: int, colour: tuple[int, ...]
) -> None:
    page = tmp_path / "dossier.html"
    seen = moving()
    page.write_text(dossier_html(seen, dossier_sections(change(), seen, quiet_verdicts())))
    picture, said = shot(page, tmp_path, scheme)
    assert corner(picture) == colour
    assert len(picture) > 20_000  # a blank page takes a tenth of it
    assert "Content Security Policy" not in said
