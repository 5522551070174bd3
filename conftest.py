"""What holds for all tests stands in `tests/sharing.py`."""

pytest_plugins = ("sharing",)
