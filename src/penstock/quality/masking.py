"""What stands in the place of personal data wherever rows are shown."""

MASK = "•••"
