"""A command line in front of the fork server that confines it: bubblewrap, where it is installed and works.

What is confined sees the system, the Python environment and the project, all read-only, and one folder to write to;
no network, no other process, no home, no key, nothing that the project keeps under `.penstock` or `.git`.
"""

from __future__ import annotations

import os
import shutil
import site
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

PROGRAM = "bwrap"
TEMPORARY = "/tmp"  # noqa: S108 - the sandbox's own, empty
_SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/opt")
_SETTINGS = (
    "alternatives", "ca-certificates", "fonts", "group", "hosts", "ld.so.cache", "ld.so.conf", "ld.so.conf.d",
    "locale.alias", "localtime", "mime.types", "nsswitch.conf", "passwd", "pki", "ssl", "timezone",
)  # fmt: skip
_RESOLVER = "/etc/resolv.conf"
_HIDDEN = (".penstock", ".git")
Rebound = tuple["Path", str]
"""A folder outside the sandbox, and where it is found inside."""
_UNSHARED = ("--unshare-all", "--die-with-parent", "--new-session", "--cap-drop", "ALL")


@cache
def works() -> bool:
    """Whether something can be run in bubblewrap here; tried once."""
    if shutil.which(PROGRAM) is None:
        return False
    trial = [PROGRAM, *_UNSHARED, *_system(), "--proc", "/proc", "--dev", "/dev", "--tmpfs", TEMPORARY, "/bin/true"]
    return subprocess.run(trial, stdin=subprocess.DEVNULL, capture_output=True, check=False).returncode == 0


def wrapping(
    root: Path, scratch: Path, *, network: bool = False, hidden: Iterable[Path] = (), rebound: Iterable[Rebound] = ()
) -> tuple[str, ...]:
    """The words to put before a command.

    `root` is the project, `scratch` the one folder to write to; both may be the same. `hidden` are folders of which
    nothing is to be seen, should they lie beneath what is shown; `rebound` puts folders beneath `scratch` in the place
    of the sandbox's own.
    """
    shown = [*_environment(), root]
    mounts: list[tuple[Path, tuple[str, ...]]] = [(path, ("--ro-bind", str(path), str(path))) for path in shown]
    mounts += [(path, _cover(path)) for path in _covered(root, shown, hidden)]
    words = [
        PROGRAM,
        *_UNSHARED,
        *(("--share-net", "--ro-bind-try", *(_RESOLVER, _RESOLVER)) if network else ()),
        *_system(),
        *("--proc", "/proc", "--dev", "/dev", "--tmpfs", TEMPORARY),
        *(word for source, target in rebound for word in ("--bind", str(source), target)),
        *(word for _, words in sorted(mounts, key=_depth) for word in words),
        *("--bind", str(scratch), str(scratch)),
        *("--remount-ro", "/"),
    ]
    return tuple(words)


def _system() -> Iterator[str]:
    for path in map(Path, _SYSTEM):
        if path.is_symlink():
            yield from ("--symlink", str(path.readlink()), str(path))
        elif path.is_dir():
            yield from ("--ro-bind", str(path), str(path))
    for name in _SETTINGS:
        yield from ("--ro-bind-try", f"/etc/{name}", f"/etc/{name}")


def _environment() -> list[Path]:
    """Where Python, what is installed for it, and this package lie."""
    places = {sys.prefix, sys.exec_prefix, sys.base_prefix, sys.base_exec_prefix, *site.getsitepackages()}
    if site.ENABLE_USER_SITE:
        places.add(site.getusersitepackages())
    folders = [Path(place) for place in places]
    folders += [Path(sys.executable).resolve().parents[1], Path(__file__).resolve().parents[3]]
    folders += [path for place in list(folders) for path in _linked(place)]
    return sorted(
        {folder.resolve() for folder in folders if folder.is_dir() and folder != Path("/")} | _unresolved(folders)
    )


def _unresolved(folders: Iterable[Path]) -> set[Path]:
    """The same folders under the names by which Python will look for them."""
    return {folder for folder in folders if folder.is_dir() and folder.resolve() != folder}


def _linked(folder: Path) -> Iterator[Path]:
    """The folders that `.pth` files in a folder of packages point to."""
    for file in folder.glob("*.pth"):
        for line in file.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("/") and Path(line).is_dir():
                yield Path(line)


def _depth(mount: tuple[Path, tuple[str, ...]]) -> int:
    """What lies deeper is mounted later, so that it is seen, or covered, whatever lies above it."""
    return len(mount[0].parts)


def _covered(root: Path, shown: list[Path], hidden: Iterable[Path]) -> list[Path]:
    """What is not to be seen although it lies beneath something that is shown."""
    everywhere = [*shown, *(Path(place).resolve() for place in _SYSTEM)]
    configured = os.environ.get("XDG_CONFIG_HOME")
    keys = [os.environ.get("PENSTOCK_KEYS"), f"{configured or Path.home() / '.config'}/penstock"]
    private = [Path(place).resolve() for place in keys if place]
    private += [root / name for name in _HIDDEN]
    private += sorted(root.glob(".env*"))
    private += [path.resolve() for path in hidden]
    return [path for path in private if path.exists() and any(path.is_relative_to(folder) for folder in everywhere)]


def _cover(path: Path) -> tuple[str, ...]:
    return ("--tmpfs", str(path)) if path.is_dir() else ("--ro-bind", os.devnull, str(path))
