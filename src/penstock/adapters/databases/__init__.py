"""Databases that rows are read from: where they are, how values travel, and what is there."""
