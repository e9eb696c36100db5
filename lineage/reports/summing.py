"""The first and the last of a dossier: what an auditor reads in a minute, and the rest of it all.

The summary tells nothing that the sections behind it do not; the appendix holds every field that
none of them shows.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from msgspec.structs import replace

from lineage.reports.belonging import found_said
from lineage.reports.gathered import Story, Thing
from lineage.reports.learning import Uses
from lineage.reports.telling import fact, item, listed, not_applicable, tell, time_words
from lineage_schemas.mlmd import Kind
from lineage_schemas.reports import Fact, Item, ItemStatus, Section, ThingName
from lineage_schemas.serving import ServingInterval
from lineage_schemas.values import JsonValue

_APPROVED: Final = "approved by "


def words_of(value: JsonValue) -> str:
    """Return a plain value in words; one that was erased says so."""
    if isinstance(value, dict):
        return f"redacted (entry {value['$redacted']})" if "$redacted" in value else "see below"
    return "not said" if value is None else str(value)


def tell_summary(story: Story, sections: Sequence[Section]) -> list[Item]:
    """Tell in short what it is, who answers for it, and what is known of it."""
    uses = Uses(story)
    return [
        _what(story),
        _owned(sections),
        _served(story),
        _approved(story),
        _wrong(story),
        _data("what it learned from", uses.data(uses.learned)),
        _data("what it was tested on", uses.data(uses.tested)),
        _again(sections),
        _sources(story),
    ]


def _what(story: Story) -> Item:
    one = story.subject
    facts = tell(one, "display_name", "model_name", "number", "semantic_version", "stage")
    missing = "Nobody has described this version: it is only named."
    return item("what it is", facts, missing=missing, about=one.key)


def _owned(sections: Sequence[Section]) -> Item:
    facts = [
        fact
        for section in sections
        if section.name in {"identity", "declarations"}
        for one in section.items
        if one.name in {"owner", "declared owner", "declared tier", "declared purpose"}
        for fact in one.facts
    ]
    seen: dict[str, Fact] = {}
    for one in facts:
        seen.setdefault(f"{one.name} {one.value}", one)
    return item("who answers for it", list(seen.values()), missing="Nobody is said to own it.")


def _served(story: Story) -> Item:
    intervals = sorted(
        story.gathered.intervals,
        key=lambda one: (one.start or one.end or "", one.source, one.place),
    )
    facts = [
        Fact(
            name=f"served as {one.role.value}",
            value=one.deployment,
            of=story.subject.key,
            source=one.source,
            positions=one.positions,
        )
        for one in intervals
    ]
    told = item("where it served", facts, missing="Nobody has said that it ever served anywhere.")
    return _with(told, [_interval_words(one) for one in intervals])


def _interval_words(one: ServingInterval) -> str:
    share = "" if one.traffic_ratio is None else f", {one.traffic_ratio * 100:.4g} % of the traffic"
    after = "" if one.end_after is None else f" (after {time_words(one.end_after)})"
    until = "still" if one.end is None else f"to {time_words(one.end)}{after}"
    ending = "" if one.ending is None else f": {one.ending.value.replace('_', ' ')}"
    where = one.environment_name or one.environment or one.place
    begun = "" if one.start_after is None else f" (after {time_words(one.start_after)})"
    return (
        f"{one.role.value} in {where}{share}, from {time_words(one.start)}{begun} {until}{ending}; "
        f"says {one.source}"
    )


def _approved(story: Story) -> Item:
    lines: list[str] = []
    facts: list[Fact] = []
    for view in story.gathered.decided:
        key = view.execution if view.approval is None else view.approval
        one = story.find(Kind.ARTIFACT, key) or story.find(Kind.EXECUTION, key)
        if one is None:
            continue
        facts += tell(one, "approver")
        who, role, meaning = (
            words_of(one.value(name)) for name in ("approver", "approver_role", "meaning")
        )
        about = view.about_kind.value.replace("_", " ")
        lines.append(
            f"{words_of(one.value('decision'))} by {who} (role: {role}), "
            f"{time_words(view.decided_time)}, about the {about}: {meaning}"
        )
    missing = "No approval of this version is known. A stage or an alias that moved is none."
    told = _with(item("who approved it", facts, missing=missing), lines)
    if lines and not any(line.startswith(_APPROVED) for line in lines):
        return replace(told, status=ItemStatus.MISSING)
    return told


def _wrong(story: Story) -> Item:
    found = [one for one, _ in found_said(story, "Incident")]
    if not found:
        why = "No incident is known. That nobody said one does not mean there was none."
        return not_applicable("what went wrong", why)
    facts = [fact for one in found for fact in tell(one, "display_name", "summary")]
    return item("what went wrong", facts, missing="An incident is only named.")


def _data(name: str, found: Iterable[Thing]) -> Item:
    facts = [(tell(one, "display_name") or [_key_fact(one)])[0] for one in found]
    return item(name, facts, missing="No data is known.")


def _key_fact(one: Thing) -> Fact:
    return Fact(name="key", value=one.key, of=one.key, positions=(one.since,))


def _again(sections: Sequence[Section]) -> Item:
    needs = [
        one for section in sections if section.name == "reproducibility" for one in section.items
    ]
    there = [one for one in needs if one.status is ItemStatus.PROVIDED]
    lines = [f"{len(there)} of {len(needs)} needs are there."]
    for status, words in ((ItemStatus.PARTIAL, "in part"), (ItemStatus.MISSING, "missing")):
        names = [one.name for one in needs if one.status is status]
        if names:
            lines.append(f"{words}: {', '.join(names)}")
    status = ItemStatus.PROVIDED if len(lines) == 1 else ItemStatus.PARTIAL
    return Item(name="making it again", status=status, reason="\n".join(lines))


def _sources(story: Story) -> Item:
    gathered = story.gathered
    silent = [one.name for one in gathered.sources if not one.is_judged]
    lines = [f"{len(gathered.sources)} in scope.", *gathered.basis.incomplete_because]
    if not gathered.basis.incomplete_because:
        lines.append("None that is watched is overdue or unreconciled.")
    if silent:
        lines.append(f"Nobody has said what these owe: {', '.join(silent)}")
    is_whole = gathered.basis.complete and not silent
    status = ItemStatus.PROVIDED if is_whole else ItemStatus.PARTIAL
    return Item(name="sources", status=status, reason="\n".join(lines))


def _with(told: Item, lines: list[str]) -> Item:
    if told.status is ItemStatus.MISSING:
        return told
    return replace(told, reason="\n".join(lines))


def tell_remaining(story: Story, sections: Sequence[Section]) -> list[Item]:
    """Tell what else was said of the things that the sections tell of."""
    facts = [fact for section in sections for one in section.items for fact in one.facts]
    told = {(one.of, one.field, one.positions) for one in facts if one.field is not None}
    keys = {one.of for one in facts}
    items: list[Item] = []
    for thing in story.gathered.things.values():
        if thing.key not in keys:
            continue
        fields = [*thing.fields.items(), *thing.also]
        rest = [
            fact(thing, field, cited)
            for field, cited in fields
            if field != "type" and (thing.key, field, (cited.position,)) not in told
        ]
        if rest:
            items.append(listed(f"said besides of the {thing.id[0].value}", rest, thing.key))
    return items or [not_applicable("said besides", "Nothing else was said.")]


def names_of(story: Story, mentioned: Iterable[str]) -> tuple[ThingName, ...]:
    """Return what the things of these keys are called."""
    gathered = story.gathered
    wanted = set(mentioned)
    found: dict[str, ThingName] = {}
    for thing in (*gathered.things.values(), *gathered.others, *gathered.versions):
        for key in thing.keys:
            if key in wanted and (thing.label != key or thing.type is not None):
                label = thing.label if thing.label != thing.key else key
                found.setdefault(key, ThingName(key=key, label=label, type=thing.type))
    return tuple(found[key] for key in sorted(found))
