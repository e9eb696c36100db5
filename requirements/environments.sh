#!/bin/sh
# Make an environment of its own, .venvs/<name>, for each lock that is named: DIR/<name>.txt, or
# DIR/<name>/requirements.txt. Does nothing where neither the lock nor the interpreter changed.
# PYTHON names the interpreter, UV the program that installs (pip takes over where it cannot, for
# pip reads the settings of a machine that uv does not know). What fails is told, and the rest made.
set -u

root=$(cd "$(dirname "$0")/.." && pwd)
python=${PYTHON:-$root/.venv/bin/python}
uv=${UV:-$root/.venv/bin/uv}
version=$("$python" -c 'import sys; print(sys.version)') || exit 1

name_of() {
    case $1 in
        */requirements.txt) basename "$(dirname "$1")" ;;
        *) basename "$1" .txt ;;
    esac | tr _ -
}

install() { # LOCK ENVIRONMENT
    hashes=
    grep -q -e '--hash=' "$1" && hashes=--require-hashes
    "$uv" venv --quiet --clear --python "$python" "$2" &&
        "$uv" pip install --quiet --python "$2/bin/python" $hashes -r "$1" && return
    echo "$2: uv could not, and pip tries" >&2
    "$python" -m venv --clear "$2" &&
        "$2/bin/python" -m pip install --quiet --disable-pip-version-check $hashes -r "$1"
}

mkdir -p "$root/.venvs"
printf '*\n' >"$root/.venvs/.gitignore"
failed=0
for lock in "$@"; do
    name=$(name_of "$lock")
    venv=$root/.venvs/$name
    made_from=$(printf '%s\n' "$version"; cat "$lock") || exit 1
    if [ "$made_from" = "$(cat "$venv/made-from.txt" 2>/dev/null)" ]; then
        echo "$name: already there"
    elif begun=$(date +%s) && install "$lock" "$venv"; then
        printf '%s\n' "$made_from" >"$venv/made-from.txt"
        echo "$name: made in $(($(date +%s) - begun)) s"
    else
        rm -rf "$venv"
        echo "$name: cannot be made with Python ${version%% *}; the reason is above" >&2
        failed=1
    fi
done
exit $failed
