"""What is new, what must be built and in which order: pure functions over models and what the ledger covers."""
