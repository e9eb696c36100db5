"""Commands that are imported when they are named: nobody waits for those of others."""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping
from pkgutil import resolve_name

import click


class Verbs(MutableMapping[str, click.Command]):
    """Commands by name, each imported when it is asked for."""

    def __init__(self, places: dict[str, str]) -> None:
        self._places = places
        self._found: dict[str, click.Command] = {}

    def __getitem__(self, name: str) -> click.Command:
        if name not in self._found:
            command: object = resolve_name(self._places[name])
            assert isinstance(command, click.Command)
            self._found[name] = command
        return self._found[name]

    def __setitem__(self, name: str, command: click.Command) -> None:
        self._found[name] = command
        self._places[name] = ""

    def __delitem__(self, name: str) -> None:
        del self._places[name]
        self._found.pop(name, None)

    def __contains__(self, name: object) -> bool:
        return name in self._places

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)
