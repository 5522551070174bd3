"""Files for places that hold repositories and run their jobs."""
