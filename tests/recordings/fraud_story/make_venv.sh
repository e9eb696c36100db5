#!/bin/sh
# Make the environment that runs the story: make_venv.sh [folder]
set -eu

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
venv=${1:-$here/../../../.venvs/fraud_story}

"${PYTHON:-python3}" -m venv "$venv"
"$venv/bin/python" -m pip install --quiet --requirement "$here/requirements.txt"
