#!/bin/sh
# Make an environment for every rival, .venvs/<name>, from its requirements.
# Uses python3.11 from the path, or what PYTHON311 names. Does nothing where nothing changed.
set -eu

root=$(cd "$(dirname "$0")/../.." && pwd)
python=${PYTHON311:-python3.11}

mkdir -p "$root/.venvs"
printf '*\n' >"$root/.venvs/.gitignore"

for requirements in "$root"/benchmarks/rivals/*/requirements.txt; do
    name=$(basename "$(dirname "$requirements")" | tr _ -)
    venv="$root/.venvs/$name"
    if cmp -s "$requirements" "$venv/requirements.txt"; then
        echo "$name: already there"
        continue
    fi
    "$python" -m venv --clear "$venv"
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check -r "$requirements"
    "$venv/bin/python" -m pip check --disable-pip-version-check
    cp "$requirements" "$venv/requirements.txt"
    echo "$name: made"
done
