"""One package for each orchestrator that a project can run on: model in, files out."""
