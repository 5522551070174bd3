"""GateBench: labelled changes, good and bad, and what becomes of them on their way to production."""
