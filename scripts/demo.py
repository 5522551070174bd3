"""`make demo`: two changes of the retail example, from story to observed production, in a fresh repository."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent.parent
DEMO = HERE / "build" / "demo"
PROJECT = DEMO / "retail"
PENSTOCK = Path(sys.executable).with_name("penstock")
AUTHOR, REVIEWER = "demo-author", "demo-reviewer"
WAITING = 4


def main() -> int:
    """Run the demo; the exit code is 0 when everything ended as it should."""
    began = time.monotonic()
    prepare()
    say("The story RETAIL-1 asks for revenue by day and country, from 305 daily files of a web shop.")
    penstock("deliver", "stories/RETAIL-1.md", "--as", AUTHOR, "--until", "2011-11-26", ends=WAITING)
    say("It ran beside production on real data and waits for a second pair of eyes.")
    penstock("change", "approve", "RETAIL-1", "--as", REVIEWER)
    penstock("change", "resume", "RETAIL-1", "--until", "2011-12-03")
    say("RETAIL-1 is in production; seven more days were watched. RETAIL-2 changes it: only products count.")
    penstock("deliver", "stories/RETAIL-2.md", "--as", AUTHOR, "--until", "2011-12-03", ends=WAITING)
    penstock("change", "approve", "RETAIL-2", "--as", REVIEWER)
    penstock("change", "resume", "RETAIL-2")
    penstock("change", "verify", "RETAIL-2", quiet=True)
    show_result()
    print(f"\nDone in {time.monotonic() - began:.0f} s.")
    return 0


def prepare() -> None:
    """A fresh git repository with the example, its data and two people's keys."""
    shutil.rmtree(DEMO, ignore_errors=True)
    shutil.copytree(HERE / "examples" / "retail", PROJECT)
    (PROJECT / ".gitignore").write_text(".penstock/\ndata/\n", encoding="utf-8")
    git("init", "--quiet", "--initial-branch", "main")
    git("config", "user.name", "Demo")
    git("config", "user.email", "demo@example.com")
    penstock("key", "new", AUTHOR, "--role", "author", quiet=True)
    penstock("key", "new", REVIEWER, "--role", "approver", quiet=True)
    git("add", "--all")
    git("commit", "--quiet", "--message", "The retail example, with the keys of its author and its reviewer")


def show_result() -> None:
    """What is in production now, and where to read on."""
    sql = "SELECT count(*) AS days FROM sales.stg_invoices_counts WHERE lines > 0"
    days = json.loads(penstock("query", sql, "--json", quiet=True))["result"]["rows"][0]["days"]
    dossier = PROJECT / "changes" / "RETAIL-2" / "dossier.md"
    review = json.loads((PROJECT / "changes" / "RETAIL-2" / "review.json").read_text(encoding="utf-8"))
    moved = review["differences"]["sales.daily_revenue"]["columns"]
    say(f"Production holds {days} days of invoices. What RETAIL-2 moved, up to its review:")
    for name in ("gross", "returns", "net"):
        column = moved[name]
        before, after = float(column["old_total"]), float(column["new_total"])
        print(f"  {name:<8} {before:>15,.2f}  →  {after:>15,.2f}   {column['percent']} %")
    say("The first rows of sales.daily_revenue:")
    sql = "SELECT * FROM sales.daily_revenue ORDER BY day, country LIMIT 6"
    print(indented(penstock("query", sql, quiet=True)))
    print(f"\nThe dossier that was approved: {dossier.relative_to(HERE)}")
    print(
        """
Try next, from here:
  export PENSTOCK_KEYS="$PWD/build/demo/keys" PATH="$PWD/.venv/bin:$PATH" && cd build/demo/retail
  penstock change show RETAIL-2            what happened, stage by stage
  penstock change verify RETAIL-2          the chain of evidence, offline
  penstock deliver stories/RETAIL-4.md     a harmful change: stopped at review, with numbers, rows and the line
  penstock deliver stories/RETAIL-3.md     an ambiguous story: it waits with numbered questions
  penstock lineage sales.daily_revenue.net
  penstock change rollback RETAIL-2        RETAIL-1's numbers are back, in one swap"""
    )


def penstock(*arguments: str, ends: int = 0, quiet: bool = False) -> str:
    """Run a command as a person would; stop the demo if it ends otherwise than it should."""
    if not quiet:
        print(f"\n$ penstock {' '.join(arguments)}", flush=True)
    done = subprocess.run(
        [str(PENSTOCK), *arguments],
        cwd=PROJECT,
        env={**os.environ, "PENSTOCK_KEYS": str(DEMO / "keys")},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE if quiet else None,
        stderr=subprocess.PIPE if quiet else None,
        text=True,
        check=False,
    )
    if done.returncode != ends:
        print(done.stdout or "", done.stderr or "", file=sys.stderr)
        print(f"penstock {' '.join(arguments)} ended with {done.returncode}, expected {ends}", file=sys.stderr)
        sys.exit(1)
    return done.stdout or ""


def git(*arguments: str) -> None:
    """Run git in the demo's repository."""
    subprocess.run(["git", *arguments], cwd=PROJECT, check=True)


def say(text: str) -> None:
    """A sentence of the story that the demo tells."""
    print(f"\n{text}", flush=True)


def indented(text: str) -> str:
    """Each line two spaces in."""
    return "\n".join(f"  {line}" for line in text.splitlines())


if __name__ == "__main__":
    sys.exit(main())
