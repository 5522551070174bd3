"""The names of the two environments that every project has. A person may name others."""

from __future__ import annotations

PRODUCTION = "prod"
"""What readers see under a dataset's own name; only a delivered change moves it to other versions."""
DEVELOPMENT = "dev"
"""Where a run shows what it built unless it is told otherwise."""
