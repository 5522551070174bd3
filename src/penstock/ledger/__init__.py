"""The journal of facts and the state folded from it: pure, shared by engine and delivery."""
