"""The command line under a wall clock that makes a minute of each second, so that schedules fire while a test waits.

Every process started on one machine reads the same clock: it stands at `BEGINS` when the machine's shows `ORIGIN`.
Everything else is the real command line; leases and retries go by the monotonic clock, which is left alone.
"""

from __future__ import annotations

import os
import time
from datetime import datetime, timedelta

from penstock.adapters.clock import SystemClock
from penstock.cli.main import main

PACE = 60


def now(_self: SystemClock) -> datetime:
    """The paced wall clock."""
    begins, origin = datetime.fromisoformat(os.environ["PACED_BEGINS"]), float(os.environ["PACED_ORIGIN"])
    return begins + timedelta(seconds=(time.time() - origin) * PACE)


if __name__ == "__main__":
    setattr(SystemClock, "now", now)  # noqa: B010 - mypy: a method is replaced on purpose
    main()
