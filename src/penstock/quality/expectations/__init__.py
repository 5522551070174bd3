"""Great Expectations: what a contract promises as one of its suites, and what its results say as ours."""
