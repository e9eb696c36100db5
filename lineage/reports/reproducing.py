"""The section of a dossier about making a model again: what is there, and what is missing."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

from lineage.reports.collecting import DATA
from lineage.reports.gathered import Story, Thing
from lineage.reports.origins import (
    DETERMINISM,
    LEVEL,
    SEEDS,
    executions_of,
    has_digest,
    name_fact,
    undescribed,
)
from lineage.reports.telling import tell
from lineage_schemas.mlmd import Kind
from lineage_schemas.reports import Fact, Item, ItemStatus

_Tells = Callable[[Story, Thing], list[Fact]]

_NO_RUN: Final = "No run is known that made it, so nothing can be made again."
_NOT_SAID: Final = "Not said of:"


def tell_reproducibility(story: Story) -> list[Item]:
    """Tell, need by need, what is there and what is missing to make the model again."""
    runs, steps = story.runs(), executions_of(story)
    data = [one for one in story.origins(Kind.ARTIFACT) if one.type in DATA]
    data += [one for one in undescribed(story) if one.id != story.subject.id]
    return [
        _need("runs that made it", story, runs, _of_itself, nothing=_NO_RUN),
        _need("digests of all data", story, data, _digests, nothing="No data is known."),
        _need("code commit", story, runs, _commits),
        _need("working tree that was clean", story, runs, _clean),
        _need("hyperparameters", story, runs, _told("hyperparameters")),
        _need("Python and libraries", story, runs, _whole("python_version", "library_versions")),
        _need("image digest", story, runs, _told("image_digest")),
        _need("hardware", story, runs, _told("hardware", "gpu_model")),
        _need("seeds", story, runs, _told(*SEEDS)),
        _need("determinism flags", story, runs, _told(*DETERMINISM)),
        _need("level that is claimed", story, runs, _told(*LEVEL)),
        _need("code of every step before", story, _others(steps, runs), _commits, nothing=None),
    ]


def _others(steps: Iterable[Thing], runs: Iterable[Thing]) -> list[Thing]:
    made = {one.id for one in runs}
    return [one for one in steps if one.id not in made]


def _need(
    name: str, story: Story, things: list[Thing], tells: _Tells, *, nothing: str | None = _NO_RUN
) -> Item:
    """Return whether each of these things has what it needs; ``nothing``: why none is missing."""
    if not things:
        if nothing is None:
            return Item(name=name, status=ItemStatus.NOT_APPLICABLE, reason="There is none.")
        return Item(name=name, status=ItemStatus.MISSING, reason=nothing)
    told = [(one, tells(story, one)) for one in things]
    facts = tuple(fact for _, found in told for fact in found)
    without = [one.key for one, found in told if not found]
    if not without:
        return Item(name=name, status=ItemStatus.PROVIDED, facts=facts)
    status = ItemStatus.PARTIAL if facts else ItemStatus.MISSING
    return Item(name=name, status=status, facts=facts, reason=f"{_NOT_SAID} {', '.join(without)}.")


def _told(*names: str) -> _Tells:
    return lambda _, one: tell(one, *names)


def _whole(*names: str) -> _Tells:
    return lambda _, one: facts if len(facts := tell(one, *names)) == len(names) else []


def _of_itself(_: Story, one: Thing) -> list[Fact]:
    return [Fact(name="key", value=one.key, of=one.key, positions=(one.since,))]


def _digests(_: Story, one: Thing) -> list[Fact]:
    if not has_digest(one):
        return []
    claimed = [name_fact(one, name) for name in one.names if name.link_class == "content"]
    return [*tell(one, "content_digest"), *claimed]


def _commits(story: Story, one: Thing) -> list[Fact]:
    told = tell(one, "code_commit")
    inputs = [story.thing(joint.artifact) for joint in story.into(one.id)]
    revisions = [thing for thing in inputs if thing.type == "lineage.CodeRevision"]
    return [*told, *(fact for thing in revisions for fact in tell(thing, "commit"))]


def _clean(_: Story, one: Thing) -> list[Fact]:
    return tell(one, "code_is_dirty") if one.value("code_is_dirty") is False else []
