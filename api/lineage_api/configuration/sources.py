"""The sources of settings. Each says which values it has, and refuses what nobody knows."""

from __future__ import annotations

import tomllib
from collections.abc import Collection, Iterable, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final, cast

from msgspec import Struct

from lineage_api.configuration.marks import secrecy_of, types_of
from lineage_schemas.errors import InvalidInputError

FILE_SUFFIX: Final = "_file"
"""After the name of a secret: the file that holds it, as containers hand secrets over."""

CONFIG_BYTES_MAX: Final = 1_048_576
SECRET_BYTES_MAX: Final = 65_536

_NAMES_TOLD_MAX: Final = 3


class Told(Struct, frozen=True):
    """A value as one source says it. ``is_text``: it has yet to be read as its type."""

    value: object
    came_from: str
    is_text: bool = False


def from_flags(kind: type[Struct], given: Mapping[str, object]) -> dict[str, Told]:
    """Return what the caller says; ``None`` says nothing.

    Raises:
        InvalidInputError: there is no such setting, or it is secret.
    """
    found: dict[str, Told] = {}
    for name, value in given.items():
        if value is None:
            continue
        flag = f"--{name.replace('_', '-')}"
        _known(kind, name, flag, "the command line")
        if secrecy_of(kind, name) == "whole":
            raise InvalidInputError(
                "Everybody on this machine can read a secret on the command line",
                where=flag,
                hint="Give it in the environment or in a file.",
            )
        found[name] = Told(value, flag, isinstance(value, str))
    return found


def from_environment(
    kind: type[Struct], environ: Mapping[str, str], prefix: str, others: Collection[str]
) -> dict[str, Told]:
    """Return what the variables with ``prefix`` say; ``others`` are no settings and no mistakes.

    Raises:
        InvalidInputError: there is no such setting, or a secret's file cannot be read.
    """
    found: dict[str, Told] = {}
    for variable, text in environ.items():
        if not variable.startswith(prefix) or variable in others:
            continue
        name = variable.removeprefix(prefix).lower()
        # Variables of another case would be read by nobody on one machine, and twice on another.
        if variable != prefix + name.upper():
            raise _unknown(kind, name, variable, "the environment")
        _tell(found, kind, name, Told(text, variable, is_text=True), "the environment")
    return found


def from_file(kind: type[Struct], path: Path) -> dict[str, Told]:
    """Return what a TOML file says; in a table ``[anchor]``, ``directory`` is ``anchor_directory``.

    Raises:
        InvalidInputError: it cannot be read, is no TOML, or says something that nobody knows.
    """
    found: dict[str, Told] = {}
    for name, value in _flat(kind, _toml(path)):
        _tell(found, kind, name, Told(value, f"{path}: {name}"), str(path))
    return found


def _tell(found: dict[str, Told], kind: type[Struct], name: str, told: Told, source: str) -> None:
    """Add one value; where it is the file of a secret, what is in that file."""
    base = name.removesuffix(FILE_SUFFIX)
    if name not in types_of(kind) and base in types_of(kind) and secrecy_of(kind, base):
        told = Told(_secret_in(told), told.came_from, is_text=True)
        name = base
    _known(kind, name, told.came_from, source)
    if name in found:
        raise InvalidInputError(
            f"The setting {name} is there twice",
            where=f"{found[name].came_from} and {told.came_from}",
            hint="Take one of them away.",
        )
    found[name] = told


def _secret_in(told: Told) -> str:
    path = Path(str(told.value))
    try:
        with path.open("rb") as stream:
            content = stream.read(SECRET_BYTES_MAX + 1)
        if len(content) > SECRET_BYTES_MAX:
            raise InvalidInputError(
                f"The file of a secret is over the limit of {SECRET_BYTES_MAX} bytes "
                "(SECRET_BYTES_MAX)",
                where=f"{told.came_from}, {path}",
            )
        return content.decode().removesuffix("\n").removesuffix("\r")
    except (OSError, UnicodeDecodeError, ValueError) as error:
        # The text of a decoding error quotes bytes of the secret.
        why = error.strerror if isinstance(error, OSError) else "it is no text in UTF-8"
        raise InvalidInputError(
            f"The file of a secret cannot be read: {why}", where=f"{told.came_from}, {path}"
        ) from None


def _toml(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as stream:
            content = stream.read(CONFIG_BYTES_MAX + 1)
        if len(content) > CONFIG_BYTES_MAX:
            raise InvalidInputError(
                f"A file of settings is over the limit of {CONFIG_BYTES_MAX} bytes "
                "(CONFIG_BYTES_MAX)",
                where=str(path),
            )
        return tomllib.loads(content.decode())
    except OSError as error:
        raise InvalidInputError(
            f"The file of settings cannot be read: {error.strerror}",
            where=str(path),
            hint="It is named by --config or LINEAGE_CONFIG.",
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        # The parser quotes a letter or a key, never a value: one may be a secret.
        raise InvalidInputError(
            f"The file of settings is no TOML: {error}", where=str(path)
        ) from None


def _flat(
    kind: type[Struct], table: Mapping[str, Any], before: str = ""
) -> Iterable[tuple[str, Any]]:
    for key, value in table.items():
        name = before + key
        if isinstance(value, dict) and name not in types_of(kind):
            yield from _flat(kind, cast("dict[str, Any]", value), f"{name}_")
        else:
            yield name, value


def _known(kind: type[Struct], name: str, place: str, source: str) -> None:
    if name not in types_of(kind):
        raise _unknown(kind, name, place, source)


def _unknown(kind: type[Struct], name: str, place: str, source: str) -> InvalidInputError:
    near = get_close_matches(name.lower(), types_of(kind), _NAMES_TOLD_MAX)
    hint = f"Did you mean {' or '.join(near)}? " if near else ""
    return InvalidInputError(
        f"There is no such setting; it stands in {source}",
        where=place[:256],
        hint=f"{hint}`lineage config` names them all.",
    )
