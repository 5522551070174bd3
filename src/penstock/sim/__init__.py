"""The engine's ports in memory: a virtual clock, stores that fail on purpose, and a world that crashes and goes on."""
