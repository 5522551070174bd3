"""A retail project so small that a delivery takes two seconds: seven trading days, some two hundred lines each."""

from __future__ import annotations

import gzip
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

RETAIL = Path(__file__).parents[2] / "examples" / "retail"
DAYS = ("2010-12-01", "2010-12-02", "2010-12-03", "2010-12-05", "2010-12-06", "2010-12-07", "2010-12-08")
AUTHOR, APPROVER = "ana", "rosa"
KEPT_LINES = 200


@dataclass(frozen=True, slots=True)
class Shop:
    """A project in a git repository, and the folder of the keys that belong to it."""

    root: Path
    keys: Path

    @property
    def environment(self) -> dict[str, str]:
        """What its commands find in their environment."""
        return {"PENSTOCK_KEYS": str(self.keys), "HOME": str(self.keys.parent), "NO_COLOR": "1"}

    def worktree(self, change: str) -> Path:
        """Where a change's own checkout stands while it is under way."""
        return self.root / ".penstock" / "worktrees" / change


def make_shop(folder: Path) -> Shop:
    """The project before its first delivery: sources, two stories, two keys, one commit."""
    from penstock.adapters.keystore import KeyStore
    from penstock.evidence.keys import Role, to_text

    root, store = folder / "shop", KeyStore(folder / "keys")
    (root / "data" / "by_day").mkdir(parents=True)
    for day in DAYS:
        _thin(RETAIL / "data" / "by_day" / f"{day}.csv.gz", root / "data" / "by_day" / f"{day}.csv.gz")
    first = _story("RETAIL-1").replace("end: 2011-12-10", "end: 2010-12-09")
    second = re.sub(r"-?\d+%\.\.-?\d+%", "any", _story("RETAIL-2"))
    for name, text in (("RETAIL-1", first), ("RETAIL-2", second)):
        _write(root / "stories" / f"{name}.md", text)
    settings = (RETAIL / "penstock.yaml").read_text(encoding="utf-8")
    _write(root / "penstock.yaml", settings.replace("parallel: 2", "parallel: 1"))
    _write(root / ".gitignore", ".penstock/\ndata/\n")
    for name, role in ((AUTHOR, Role.AUTHOR), (APPROVER, Role.APPROVER)):
        _write(root / "keys" / f"{name}.yaml", to_text(store.create(name, role)))
    git(root, "init", "--quiet", "--initial-branch", "main", ".")
    for name, value in (("user.name", "Shop"), ("user.email", "shop@example.org"), ("gc.auto", "0")):
        git(root, "config", name, value)
    git(root, "add", "--all")
    git(root, "commit", "--quiet", "--message", "start")
    return Shop(root, store.folder)


def copy_shop(shop: Shop, folder: Path) -> Shop:
    """The project as it stands, elsewhere; its keys stay where they are."""
    root = folder / "shop"
    shutil.copytree(shop.root, root, symlinks=True)
    for pointer in (*root.glob(".git/worktrees/*/gitdir"), *root.glob(".penstock/worktrees/*/.git")):
        pointer.write_text(pointer.read_text().replace(f"{shop.root}/", f"{root}/"))
    return Shop(root, shop.keys)


def break_day(shop: Shop, day: str) -> None:
    """Cut a day's file in half, as a transfer that broke off does."""
    path = shop.root / "data" / "by_day" / f"{day}.csv.gz"
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])


def add_datasets(shop: Shop) -> None:
    """Three more datasets of the pipeline, that no change has delivered: by day, merged, and whole."""
    kept = "/* penstock\nmaterialize: {}\n*/\nSELECT {} FROM sales.{}\n"
    between = "\nWHERE invoiced_at >= $interval_start AND invoiced_at < $interval_end"
    rows = "stg_invoices" + between
    files = {
        "lines": kept.format("incremental\ninterval: day(invoiced_at)", "invoiced_at, quantity", rows),
        "newest": kept.format(
            "merge\ninterval: day(day)\nkey: [country]",
            "country, max(CAST(invoiced_at AS DATE)) AS day", rows + "\nGROUP BY country",
        ),
        "tally": kept.format("table", "count(*) AS lines, sum(quantity) AS pieces", "lines"),
    }  # fmt: skip
    for name, text in files.items():
        _write(shop.root / "pipelines" / "sales" / f"{name}.sql", text)


def git(root: Path, *arguments: str) -> str:
    """What git says; it has to succeed."""
    done = subprocess.run(["git", "-C", str(root), *arguments], capture_output=True, check=True, text=True)
    return done.stdout


def _story(name: str) -> str:
    text = (RETAIL / "stories" / f"{name}.md").read_text(encoding="utf-8")
    return text.replace("observe_intervals: 7", "observe_intervals: 2").replace("tolerance: 1.5", "tolerance: 9")


def _thin(source: Path, target: Path) -> None:
    """The first lines of a day, and every line that is no product: those are what the second story is about."""
    with gzip.open(source, "rt", encoding="utf-8", newline="") as stream:
        header, *lines = stream.readlines()
    kept = [line for number, line in enumerate(lines) if number < KEPT_LINES or not line.split(",")[1][:5].isdigit()]
    with target.open("wb") as raw, gzip.GzipFile("", "wb", fileobj=raw, mtime=0) as packed:
        packed.write("".join([header, *kept]).encode())


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
