"""The section of a dossier about making a model again: what is there, and what is missing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from msgspec.structs import replace

from lineage.reports.gathered import Story, Thing
from lineage.reports.learning import Uses, is_code_file
from lineage.reports.origins import (
    DETERMINISM,
    LEVEL,
    SEEDS,
    executions_of,
    has_digest,
    name_fact,
    software_of,
    undescribed,
)
from lineage.reports.telling import tell, tell_also
from lineage_schemas.reports import Fact, Item, ItemStatus

_Tells = Callable[[Thing], list[Fact]]

_NO_RUN: Final = "No run is known that made it, so nothing can be made again."
_NOT_SAID: Final = "Not said of:"
_SEEDED: Final = "seed"


def tell_reproducibility(story: Story) -> list[Item]:
    """Tell, need by need, what is there and what is missing to make the model again.

    The runs that made it are one training, told of by several tools: what any of them says counts.
    Of data and of steps before, each has to be told of.
    """
    runs, steps, uses = story.runs(), executions_of(story), Uses(story)
    data = uses.data(uses.learned)
    data += [one for one in undescribed(story) if one.id != story.subject.id]
    made = {one.id for one in runs}
    before = [one for one in steps if one.id not in made and one.id in uses.learned]
    return [
        _any("runs that made it", runs, _of_itself),
        _each("digests of all data", data, _digests, nothing="No data is known."),
        _any("code commit", runs, lambda one: _commits(story, one)),
        _clean(runs),
        _any("hyperparameters", runs, _told("hyperparameters")),
        _software(story, runs),
        _any("image digest", runs, _told("image_digest")),
        _any("hardware", runs, _told("hardware", "gpu_model")),
        _seeds(runs),
        _any("determinism flags", runs, _told(*DETERMINISM)),
        _any("level that is claimed", runs, _told(*LEVEL)),
        _each("code of every step before", before, lambda one: _code_of(story, one), nothing=None),
    ]


def _any(name: str, runs: list[Thing], tells: _Tells) -> Item:
    """Return whether any of the runs that made it says what is needed."""
    if not runs:
        return Item(name=name, status=ItemStatus.MISSING, reason=_NO_RUN)
    facts = tuple(fact for one in runs for fact in tells(one))
    if facts:
        return Item(name=name, status=ItemStatus.PROVIDED, facts=facts)
    return Item(name=name, status=ItemStatus.MISSING, reason=_not_said(runs))


def _each(name: str, things: list[Thing], tells: _Tells, *, nothing: str | None) -> Item:
    """Return whether each of these says what it needs; ``nothing``: why there is none."""
    if not things:
        if nothing is None:
            return Item(name=name, status=ItemStatus.NOT_APPLICABLE, reason="There is none.")
        return Item(name=name, status=ItemStatus.MISSING, reason=nothing)
    told = [(one, tells(one)) for one in things]
    facts = tuple(fact for _, found in told for fact in found)
    without = [one for one, found in told if not found]
    if not without:
        return Item(name=name, status=ItemStatus.PROVIDED, facts=facts)
    status = ItemStatus.PARTIAL if facts else ItemStatus.MISSING
    return Item(name=name, status=status, facts=facts, reason=_not_said(without))


def _not_said(things: list[Thing]) -> str:
    return f"{_NOT_SAID} {', '.join(sorted({one.label for one in things}))}."


def _clean(runs: list[Thing]) -> Item:
    """Return whether the working tree was clean; one that was not is said to have been so."""
    told = _any("working tree that was clean", runs, _told("code_is_dirty"))
    if any(one.value("code_is_dirty") is True for one in runs):
        why = "It was not clean: the commit is not all of the code."
        return replace(told, status=ItemStatus.PARTIAL, reason=why)
    return told


def _software(story: Story, runs: list[Thing]) -> Item:
    """Return whether a run names its software; a model names that which it needs to be loaded."""
    names = "python_version", "library_versions"
    told = _any("Python and libraries", runs, _told(*names))
    lacking = [name for name in names if all(one.value(name) is None for one in runs)]
    loaded = tuple(fact for model in story.models() for fact in software_of(model))
    if not runs or not lacking:
        return told
    why = f"No run says: {', '.join(lacking)}."
    if loaded:
        why += " The model names the software that it is loaded with."
    facts = (*told.facts, *loaded)
    status = ItemStatus.PARTIAL if facts else ItemStatus.MISSING
    return replace(told, status=status, facts=facts, reason=why)


def _seeds(runs: list[Thing]) -> Item:
    """Return the seeds; a hyperparameter that is called so is one, of nobody knows what."""
    told = _any("seeds", runs, _told(*SEEDS))
    named = tuple(
        fact
        for one in runs
        for fact in (*tell(one, "hyperparameters"), *tell_also(one, "hyperparameters"))
        if isinstance(fact.value, dict) and any(_SEEDED in name.lower() for name in fact.value)
    )
    if told.facts or not named:
        return told
    why = "Only a hyperparameter is called a seed; nobody said which libraries it seeds."
    return replace(told, status=ItemStatus.PARTIAL, facts=named, reason=why)


def _told(*names: str) -> _Tells:
    return lambda one: [*tell(one, *names), *tell_also(one, *names)]


def _of_itself(one: Thing) -> list[Fact]:
    return [Fact(name="key", value=one.key, of=one.key, positions=(one.since,))]


def _digests(one: Thing) -> list[Fact]:
    if not has_digest(one):
        return []
    claimed = [name_fact(one, name) for name in one.names if name.link_class == "content"]
    return [*tell(one, "content_digest"), *claimed]


def _commits(story: Story, one: Thing) -> list[Fact]:
    told = tell(one, "code_commit")
    inputs = [story.thing(joint.artifact) for joint in story.into(one.id)]
    revisions = [thing for thing in inputs if thing.type == "lineage.CodeRevision"]
    return [*told, *(fact for thing in revisions for fact in tell(thing, "commit"))]


def _code_of(story: Story, one: Thing) -> list[Fact]:
    """Return the commit of a step, or the digests of the files of code that it took in."""
    inputs = [story.thing(joint.artifact) for joint in story.into(one.id)]
    files = [thing for thing in inputs if is_code_file(thing)]
    return _commits(story, one) or [fact for thing in files for fact in _digests(thing)]
