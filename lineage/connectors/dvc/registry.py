"""Puts the tags of a GTO registry in order, and finds which version each assignment is of."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Final

from msgspec import Struct

from lineage.connectors.git.objects import Tag
from lineage_schemas.outside.gto import Action, RegistryTag

_PRIORITIES: Final = {action: number for number, action in enumerate(Action)}
_LONG_AGO: Final = datetime.min.replace(tzinfo=UTC)


class RegistryEntry(Struct, frozen=True):
    """A tag of the registry: its reference's name, the tag object, the commit, what it says."""

    name: str
    tag: Tag
    commit: str
    said: RegistryTag

    @property
    def order(self) -> tuple[datetime, int, int, str]:
        """What comes first: by time, in one second by counter, then by what depends on what."""
        tagger = self.tag.tagger
        return (
            (tagger.time if tagger else None) or _LONG_AGO,
            self.said.counter or 0,
            _PRIORITIES[self.said.action],
            self.name,
        )


def versions_of(entries: Iterable[RegistryEntry]) -> dict[str, str | None]:
    """Return, by tag, the version that it is about; ``None`` where it is about the whole model.

    A stage is assigned to a commit: to the version that was registered there before, or else to a
    version that is called as the commit is.
    """
    registered: dict[tuple[str, str], str] = {}
    found: dict[str, str | None] = {}
    for entry in sorted(entries, key=lambda one: one.order):
        place = (entry.said.model, entry.commit)
        if entry.said.version is not None:
            registered[place] = entry.said.version
            found[entry.name] = entry.said.version
        elif entry.said.stage is not None:
            found[entry.name] = registered.get(place, entry.commit)
        else:
            found[entry.name] = None
    return found
