"""One module for each group of verbs, imported when one of its commands is used."""
