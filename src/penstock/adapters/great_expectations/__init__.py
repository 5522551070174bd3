"""Runs suites of Great Expectations in a process of their own; nothing here imports it into ours."""
