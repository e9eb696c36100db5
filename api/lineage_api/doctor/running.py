"""All checks, one after the other. A check that fails itself is a finding too."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

from msgspec import Struct, structs

from lineage.inspection import Places, inspect_ledger, places_of
from lineage.ledger import configured_files
from lineage_api.configuration.marks import secrecy_of
from lineage_api.configuration.reading import DEFAULT, Sourced
from lineage_api.doctor.machine import Machine
from lineage_api.doctor.places import check_config_file, check_places
from lineage_api.doctor.serving import check_serving
from lineage_api.doctor.software import (
    check_extras,
    check_packages,
    check_python,
    check_software,
    installed_versions,
    needs_of,
    required_lines,
)
from lineage_api.settings import CONFIG_VARIABLE, Settings, read_places, read_sourced
from lineage_schemas.errors import InvalidInputError, LedgerError
from lineage_schemas.health import Finding, fine, problem


class Asked(Struct, frozen=True):
    """What an installation is looked at by: its environment, and what the command line names."""

    environ: Mapping[str, str]
    config: str | None = None
    flags: Mapping[str, str] = {}


def examine(asked: Asked, machine: Machine) -> Iterator[Finding]:
    """Yield what every check finds. Nothing is changed, and nothing sent to anybody."""
    settings, findings = _settings(asked)
    yield from _each("software", lambda: _software(settings))
    yield from findings
    if settings is None:
        return
    try:
        files = configured_files(
            settings.store,
            Path(settings.key) if settings.key else None,
            Path(settings.sidecar) if settings.sidecar else None,
        )
        places = places_of(settings.store, *files)
    except LedgerError as error:
        yield problem("store", error.what, error.where, error.hint)
        return
    yield from _each("places", lambda: check_places(places, machine))
    yield from _each("ledger", lambda: _ledger(settings, places, machine))
    yield from _each("serving", lambda: check_serving(settings, places, machine))


def _software(settings: Settings | None) -> Iterator[Finding]:
    needs = list(needs_of(required_lines()))
    installed = installed_versions(needs)
    yield check_software()
    yield check_python()
    yield check_packages(needs, installed)
    yield check_extras(needs, installed, _wanted(settings))


def _wanted(settings: Settings | None) -> set[str]:
    """Return the extras that the settings ask for."""
    if settings is None:
        return set()
    wanted = {"tracing"} if settings.trace_endpoint else set[str]()
    if settings.store.startswith(("postgresql://", "postgres://")):
        wanted.add("postgres")
    return wanted


def _settings(asked: Asked) -> tuple[Settings | None, list[Finding]]:
    try:
        sourced = read_sourced(asked.environ, config=asked.config, **asked.flags)
    except LedgerError as error:
        wrong = problem("settings", error.what, error.where, error.hint)
        try:
            # Where only a server would refuse them, the ledger can be looked at all the same.
            return read_places(asked.environ, config=asked.config, **asked.flags), [wrong]
        except InvalidInputError:
            return None, [wrong]
    said = [name for name, place in sourced.came_from.items() if place != DEFAULT]
    return sourced.settings, [
        fine("settings", f"Set: {', '.join(said)}" if said else "All are defaults"),
        _config_file(asked, sourced),
    ]


def _config_file(asked: Asked, sourced: Sourced[Settings]) -> Finding:
    name = asked.config or asked.environ.get(CONFIG_VARIABLE)
    has_secrets = any(
        secrecy_of(Settings, one.name)
        and sourced.came_from[one.name].startswith(f"{name}: ")
        and not sourced.came_from[one.name].endswith("_file")
        for one in structs.fields(Settings)
    )
    return check_config_file(Path(name) if name else None, has_secrets=has_secrets)


def _ledger(settings: Settings, places: Places, machine: Machine) -> Iterator[Finding]:
    return inspect_ledger(settings.store, places, machine.clock())


def _each(part: str, checks: Callable[[], Iterable[Finding]]) -> Iterator[Finding]:
    try:
        yield from checks()
    except Exception as error:  # noqa: BLE001 - a broken installation must not silence the rest
        kind = type(error).__name__
        why = error.strerror if isinstance(error, OSError) else None
        yield problem(
            part,
            f"The checks of this part could not go on: {kind}{f' ({why})' if why else ''}",
            hint="What comes before this line still holds.",
        )
