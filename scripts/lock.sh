#!/usr/bin/env bash
# Pins every package, for all supported Pythons and platforms, with hashes.
set -euo pipefail
cd "$(dirname "$0")/.."
uv pip compile pyproject.toml --group dev --universal --python-version 3.11 --generate-hashes \
  --no-emit-index-url --no-emit-find-links --no-header --quiet --upgrade --output-file requirements.lock
