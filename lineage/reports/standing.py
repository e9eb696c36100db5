"""Tell which version a subject is, what it changes, and which stages and aliases it has had."""

from __future__ import annotations

from typing import Final

from lineage.reports.gathered import Story, Thing
from lineage.reports.telling import item, not_applicable, tell
from lineage.serving.holdings import Held
from lineage_schemas.instants import format_known_instant, parse_instant
from lineage_schemas.registry_views import HoldingKind
from lineage_schemas.reports import Fact, Item
from lineage_schemas.semantic_versions import (
    SemanticVersion,
    change_class,
    parse_semantic_version,
    versions_before,
)

_VERSION: Final = ("semantic_version", "change_class", "release_notes")
_NOT_STATED: Final = "Nobody stated its change class: it is computed from the version before it."
_FIRST: Final = "It changes no version: none of its registered model comes before it."


def tell_semantic_version(story: Story) -> Item:
    """Tell the semantic version and what it changes: as stated, and as computed from the others."""
    one = story.subject
    told = tell(one, *_VERSION)
    semantic = _semantic(one)
    if semantic is None:
        said = one.value("semantic_version")
        why = None if said is None else f"It is no version of SemVer 2.0.0: {said}."
        return item(
            "semantic version",
            told,
            missing="Nobody has said its version as major.minor.patch.",
            lacking=[] if why is None else ["a version as major.minor.patch"],
            about=one.key,
        )
    written: dict[SemanticVersion, Thing] = {}
    for other in story.gathered.versions:
        version = _semantic(other)
        if version is not None and other.id != one.id:
            written.setdefault(version, other)
    before = versions_before([semantic, *written]).get(semantic)
    if before is None:
        return item("semantic version", told, missing="", about=one.key, note=_FIRST)
    other = written[before]
    computed = change_class(semantic, before).value
    cited = one.cited("semantic_version"), other.cited("semantic_version")
    positions = tuple(sorted({each.position for each in cited if each is not None}))
    told += [
        Fact(name="change class (computed)", value=computed, of=one.key, positions=positions),
        *(
            Fact(
                name="changed from",
                value=each.value,
                of=other.key,
                field="properties.semantic_version",
                source=each.source,
                stated=format_known_instant(each.stated_us),
                positions=(each.position,),
            )
            for each in cited[1:]
            if each is not None
        ),
    ]
    return item("semantic version", told, missing="", about=one.key, note=_note(one, computed))


def _note(one: Thing, computed: str) -> str | None:
    stated = one.value("change_class")
    if stated is None:
        return _NOT_STATED
    if str(stated).lower().replace("-", "_") == computed:
        return None
    return f"It was stated to be {stated}, and is {computed}."


def _semantic(one: Thing) -> SemanticVersion | None:
    text = one.value("semantic_version")
    return parse_semantic_version(text) if isinstance(text, str) else None


def tell_stages(story: Story) -> list[Item]:
    """Tell the stage and the aliases that it has, and those that it has had."""
    one, valid_at = story.subject, story.gathered.valid_at
    held = story.gathered.held
    valid_us = None if valid_at is None else parse_instant(valid_at)
    items: list[Item] = []
    for name, kind, missing in (
        ("stage", HoldingKind.STAGE, "Nobody has said a stage."),
        ("aliases", HoldingKind.ALIAS, "No alias is known."),
    ):
        had = [each for each in held if each.kind is kind]
        now = [each for each in had if not _is_over(each, valid_us)]
        facts = [
            *tell(one, name),
            *(fact for each in now for fact in _held_facts(story, each, valid_us)[:1]),
        ]
        if not facts and had:
            why = "It has none now; what it has had is below."
            items.append(not_applicable(name, why, one.key))
        else:
            items.append(item(name, facts, missing=missing, about=one.key))
    items += [
        item(f"{each.kind.value} it has had", _held_facts(story, each, valid_us), missing="")
        for each in held
    ]
    return items


def _held_facts(story: Story, held: Held, valid_us: int | None) -> list[Fact]:
    """Return what is known of a stage or an alias by then, with the entries of by then."""
    entries = {position: story.gathered.entries[position] for position in held.positions}
    by_then = tuple(
        position
        for position, entry in entries.items()
        if valid_us is None
        or entry.stated_from is None
        or parse_instant(entry.stated_from) <= valid_us
    )
    is_over = _is_over(held, valid_us)
    said = {
        held.kind.value: held.name,
        "from": format_known_instant(held.start_us),
        "from, at the earliest": format_known_instant(held.start_after_us),
        "to": format_known_instant(held.end_us) if is_over else None,
        "to, at the earliest": format_known_instant(held.end_after_us) if is_over else None,
        "given by": held.given_by,
        "taken by": held.taken_by if is_over else None,
    }
    return [
        Fact(
            name=name,
            value=value,
            of=story.subject.key,
            source=held.source or None,
            positions=by_then or held.positions,
        )
        for name, value in said.items()
        if value is not None and held.positions
    ]


def _is_over(held: Held, valid_us: int | None) -> bool:
    return held.end_us is not None and (valid_us is None or held.end_us <= valid_us)
