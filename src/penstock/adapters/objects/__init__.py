"""Objects of stores as a source's files: listed, fetched into the spool, and then read as files are."""
