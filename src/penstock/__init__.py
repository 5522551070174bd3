"""Penstock ships data-pipeline changes safely, from a written requirement to production.

The package root exports what a user's own project files import, and nothing heavy.
"""

from penstock.tasks import task

__all__ = ["__version__", "task"]
__version__ = "0.1.0"
