"""A user's project and stories: text in, model or every mistake at once out."""
