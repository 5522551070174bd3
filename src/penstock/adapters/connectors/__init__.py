"""Connectors: dlt, Airbyte and functions of a project, which bring rows in processes of their own."""
