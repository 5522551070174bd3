"""What each fact does to the state tables: a module for each of `ledger/facts/`."""
