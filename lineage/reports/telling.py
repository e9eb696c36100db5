"""Tell facts and items: each fact with the entries that say it, each gap with its reason."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Final

from lineage.questions.citing import Cited
from lineage.reports.gathered import Joint, Story, Thing
from lineage_schemas.instants import format_known_instant
from lineage_schemas.reports import Fact, Item, ItemStatus
from lineage_schemas.values import JsonValue

ITEM_FACTS_MAX: Final = 500
"""Facts that one item shows; the rest are counted."""
SECTION_ITEMS_MAX: Final = 500
"""Items that one section shows; a finding counts the rest."""

PROPERTIES: Final = "properties."
CUSTOM: Final = "custom_properties."
DECLARED: Final = f"{CUSTOM}declared."

INTERNAL: Final = frozenset(
    {
        *("message_id", "schema", "sent_time", "source_state", "source_type", "source_url"),
        *("subject", "tags", "version_scheme"),
    }
)
"""Properties that tell of the tool rather than of the thing: they are in the appendix."""

_TIME: Final = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?Z")
_CLOCK: Final = len("2026-01-01T00:00:00")
_UNITS: Final = {
    "_bytes": "bytes",
    "_us": "microseconds",
    "_ratio": "ratio",
    "_joules": "joules",
}


def is_moment(text: str) -> bool:
    """Tell whether a text is a moment in UTC."""
    return _TIME.fullmatch(text) is not None


def time_words(text: str | None) -> str:
    """Return a moment as people read it, to the second and in UTC."""
    if text is None:
        return "an unknown time"
    return f"{text[:_CLOCK].replace('T', ' ')} UTC" if is_moment(text) else text


def fact(thing: Thing, field: str, cited: Cited, name: str | None = None) -> Fact:
    """Return the fact that a field of a thing has a value."""
    bare = field.removeprefix(PROPERTIES).removeprefix(CUSTOM)
    unit = next((unit for end, unit in _UNITS.items() if bare.endswith(end)), None)
    return Fact(
        name=name or bare,
        value=cited.value,
        of=thing.key,
        field=field,
        unit=unit,
        source=cited.source,
        stated=format_known_instant(cited.stated_us),
        positions=(cited.position,),
    )


def tell(thing: Thing, *names: str) -> list[Fact]:
    """Return the facts of these declared properties, in this order, as far as they were said."""
    return [
        fact(thing, PROPERTIES + name, cited)
        for name in names
        if (cited := thing.cited(name)) is not None
    ]


def tell_all(thing: Thing, *, but: Iterable[str] = ()) -> list[Fact]:
    """Return the facts of every field of a thing, but of these."""
    left = {"type", *but}
    return [fact(thing, field, cited) for field, cited in thing.fields.items() if field not in left]


def tell_main(thing: Thing, *, but: Iterable[str] = ()) -> list[Fact]:
    """Return the facts of the fields that people ask for; the rest is in the appendix."""
    left = {*but, *(PROPERTIES + name for name in INTERNAL)}
    return [
        fact(thing, field, cited)
        for field, cited in thing.fields.items()
        if field not in left and (field.startswith(PROPERTIES) or _is_declared(field))
    ]


def _is_declared(field: str) -> bool:
    """Tell whether a custom field is what a person declared, and no record of the declaring."""
    return field.startswith(DECLARED) and field.removeprefix(DECLARED) not in {"id", "kept"}


def tell_also(thing: Thing, *names: str) -> list[Fact]:
    """Return what other nodes of a thing say of these properties, where it is something else."""
    wanted = {PROPERTIES + name for name in names}
    return [fact(thing, field, cited) for field, cited in thing.also if field in wanted]


def tell_joint(story: Story, joint: Joint) -> Fact:
    """Return the fact that something went into an execution, or came out of it."""
    artifact = story.thing(joint.artifact)
    return Fact(
        name="input" if joint.is_input else "output",
        value=artifact.key,
        of=story.thing(joint.execution).key,
        positions=(joint.position,),
    )


def item(
    name: str,
    facts: Sequence[Fact],
    *,
    missing: str,
    lacking: Sequence[str] = (),
    about: str | None = None,
    note: str | None = None,
) -> Item:
    """Return an item of these facts: there, there but for what is ``lacking``, or missing.

    A ``note`` says more of what is there.
    """
    if not facts:
        return Item(name=name, status=ItemStatus.MISSING, reason=missing, about=about)
    gap = f"Not said: {', '.join(lacking)}." if lacking else None
    reason = " ".join(filter(None, (gap, note))) or None
    status = ItemStatus.PARTIAL if lacking else ItemStatus.PROVIDED
    return _bounded(name, facts, status, reason, about)


def listed(name: str, facts: Sequence[Fact], about: str | None, reason: str | None = None) -> Item:
    """Return an item that only tells what there is."""
    return _bounded(name, facts, ItemStatus.PROVIDED, reason, about)


def not_applicable(name: str, reason: str, about: str | None = None) -> Item:
    """Return an item that nothing can be told of, and why."""
    return Item(name=name, status=ItemStatus.NOT_APPLICABLE, reason=reason, about=about)


def lacking_in(thing: Thing, *names: str) -> list[str]:
    """Return those of these properties that nobody has said."""
    return [name for name in names if thing.value(name) is None]


def words_in(value: JsonValue) -> list[JsonValue]:
    """Return what is in a list as properties hold it: an object with the key ``items``."""
    items = value.get("items") if isinstance(value, dict) else None
    return items if isinstance(items, list) else []


def _bounded(
    name: str, facts: Sequence[Fact], status: ItemStatus, reason: str | None, about: str | None
) -> Item:
    return Item(
        name=name,
        status=status,
        facts=tuple(facts[:ITEM_FACTS_MAX]),
        reason=reason,
        about=about,
        hidden=max(0, len(facts) - ITEM_FACTS_MAX),
    )
