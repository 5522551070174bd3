"""cron: the smallest orchestrator there is."""
