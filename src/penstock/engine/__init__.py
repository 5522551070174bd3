"""Runs a build plan: intent, staging, audit, publish, recorded; retries; recovery after a crash; promotion."""
