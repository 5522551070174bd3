#!/usr/bin/env bash
# Makes .venv with exactly the locked packages and Penstock itself. Uses uv where it is installed and brings it
# from PyPI where it is not.
set -euo pipefail
cd "$(dirname "$0")/.."

if command -v uv >/dev/null 2>&1; then
  uv=uv
else
  python=""
  for candidate in python3.13 python3.12 python3.11 python3; do
    if command -v "$candidate" >/dev/null 2>&1 &&
       "$candidate" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null; then
      python=$candidate
      break
    fi
  done
  if [ -z "$python" ]; then
    echo "Penstock needs Python 3.11, 3.12 or 3.13; none was found. Install one and run this again." >&2
    exit 2
  fi
  if [ ! -x build/bootstrap/bin/uv ]; then
    echo "uv is not installed: bringing it from PyPI into build/bootstrap"
    "$python" -m venv build/bootstrap
    build/bootstrap/bin/python -m pip install --quiet --disable-pip-version-check uv
  fi
  uv=build/bootstrap/bin/uv
fi

if [ ! -x .venv/bin/python ]; then
  "$uv" venv --quiet --no-python-downloads --python '>=3.11,<3.14' .venv
fi
# bytecode is compiled once here, so that commands start fast from the first time on
unset PYTHONDONTWRITEBYTECODE
"$uv" pip sync --quiet --python .venv/bin/python --compile-bytecode --require-hashes requirements.lock
"$uv" pip install --quiet --python .venv/bin/python --no-deps --editable .
.venv/bin/python -m compileall -q src || true
touch .venv/.ready
