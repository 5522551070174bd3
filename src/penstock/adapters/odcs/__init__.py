"""The official JSON schema of the Open Data Contract Standard, and contracts held against it."""
