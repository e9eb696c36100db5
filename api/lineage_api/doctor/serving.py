"""Checks of what a server needs: its port, its files, and whom it hands checkpoints and traces."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from lineage.inspection import Places
from lineage_api.doctor.machine import Machine, existing
from lineage_api.settings import Settings
from lineage_schemas.health import Finding, fine, problem, warning

OPEN_FILES_MIN: Final = 1_024
"""Connections, and the files of readers: below that a busy server runs out."""

_PORTS: Final = {"http": 80, "https": 443}


def check_serving(settings: Settings, places: Places, machine: Machine) -> Iterator[Finding]:
    """Yield what is found of what a server needs."""
    yield _port(settings, machine)
    yield _open_files(machine)
    yield _anchor_directory(settings, places, machine)
    yield _reachable("anchor webhook", settings.anchor_webhook, machine)
    yield _reachable("traces", settings.trace_endpoint, machine)


def _port(settings: Settings, machine: Machine) -> Finding:
    place = f"{settings.host} port {settings.port}"
    why = machine.can_listen(settings.host, settings.port)
    if why:
        return warning(
            "port",
            f"Nobody could listen there: {why}",
            place,
            "If a server of this ledger is running, that is why; else choose another port.",
        )
    return fine("port", "Nobody listens there yet", place)


def _open_files(machine: Machine) -> Finding:
    limit = machine.open_files_limit()
    if 0 <= limit < OPEN_FILES_MIN:
        return warning(
            "open files",
            f"This process may have {limit} files open at once",
            hint=f"A server should have {OPEN_FILES_MIN} or more: ulimit -n {OPEN_FILES_MIN}.",
        )
    return fine("open files", f"Up to {'any number of' if limit < 0 else limit} open files")


def _anchor_directory(settings: Settings, places: Places, machine: Machine) -> Finding:
    if not settings.anchor_directory:
        return fine("anchor folder", "No folder is set")
    folder = Path(settings.anchor_directory).absolute()
    if not folder.is_dir():
        return problem(
            "anchor folder", "There is no such folder", str(folder), "Make it, or mount it."
        )
    if not machine.can_write(folder):
        return problem(
            "anchor folder", "This user may not write there", str(folder), "Check its mode."
        )
    own = None if places.store is None else existing(places.store.parent).resolve()
    if own is not None and own in (folder.resolve(), *folder.resolve().parents):
        return warning(
            "anchor folder",
            "It lies in the ledger's own folder: whoever changes the one changes the other",
            str(folder),
            "Use a folder in somebody else's hands.",
        )
    return fine("anchor folder", "It is there, and may be written", str(folder))


def _reachable(check: str, url: str, machine: Machine) -> Finding:
    """Whether a connection can be made; nothing is sent. Of a URL only the host is told."""
    if not url:
        return fine(check, "None is set")
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port or _PORTS.get(parts.scheme, 0)
    except ValueError:
        host, port = None, 0
    if not host or not port:
        return problem(check, "This is no URL of HTTP", hint="See `lineage config`.")
    place = f"{host} port {port}"
    why = machine.can_reach(host, port)
    if why:
        return warning(
            check, f"No connection could be made: {why}", place, "Look whether it runs, and where."
        )
    return fine(check, "It can be reached", place)
