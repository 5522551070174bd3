"""Every byte of a bundle flipped, one after another, and every line left out, doubled and moved: none may be accepted.

python tests/faults/run_evidence.py [EVERY]      every byte, or each EVERY-th
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).parents[1] / "unit" / "evidence"))

from bundle_attacks import attacks
from bundle_cases import Told
from bundle_verdicts import broken_for_penstock, broken_for_standalone
from evidence_cases import WHOLE

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

VERIFIERS = {"penstock": broken_for_penstock, "standalone": broken_for_standalone}


def flips(data: bytes, every: int) -> Iterator[bytes]:
    """One bit of each byte, the bits in turn."""
    for spot in range(0, len(data), every):
        yield data[:spot] + bytes([data[spot] ^ 1 << spot % 8]) + data[spot + 1 :]


def moves(data: bytes) -> Iterator[bytes]:
    """Each line left out, doubled, and put in the place of every other."""
    lines = data.splitlines(keepends=True)
    for spot, line in enumerate(lines):
        rest = [*lines[:spot], *lines[spot + 1 :]]
        if (
            b'"envelope"' not in line or b'"envelope"' in lines[spot + 1]
        ):  # a chain without its end is shorter, and whole
            yield b"".join(rest)
        for at in range(len(lines)):
            moved = b"".join([*rest[:at], line, *rest[at:]])
            if moved != data:
                yield moved
            yield b"".join([*lines[:at], line, *lines[at:]])


def tried(what: str, damaged: Iterator[bytes], whole: bytes) -> bool:
    """Give each to both verifiers; says how many were asked for, differed, and were accepted."""
    began, asked, fired = time.monotonic(), 0, 0
    accepted = dict.fromkeys(VERIFIERS, 0)
    for data in damaged:
        asked += 1
        fired += data != whole
        for name, broken in VERIFIERS.items():
            accepted[name] += not broken(data)
    said = ", ".join(f"{count} accepted by {name}" for name, count in accepted.items())
    print(f"{what}: asked {asked}, fired {fired}, {said}; {time.monotonic() - began:.0f} s", flush=True)
    return asked == fired > 0 and not any(accepted.values())


def main(given: Sequence[str]) -> int:
    """Run all of it; 1 if anything was accepted."""
    every = int(given[0]) if given else 1
    good = True
    for prefix in ("", "shops/retail"):
        data = Told(prefix=prefix).through(*WHOLE).data()
        good = tried(f"flipped bytes of {len(data)}", flips(data, every), data) and good
        good = tried("moved lines", moves(data), data) and good
    made = attacks()
    stopped = [each for each in made if all(broken(each.data, each.anchors) for broken in VERIFIERS.values())]
    print(f"attacks by name: asked {len(made)}, stopped {len(stopped)}", flush=True)
    print("held" if good and len(made) == len(stopped) else "NOT held")
    return 0 if good and len(made) == len(stopped) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
