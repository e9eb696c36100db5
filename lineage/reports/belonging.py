"""Decide what belongs to the subject of a dossier, and as what: each by a true path.

What shares a repository, an experiment, a service or an environment with a model is not of it for
that. An approval is of it where it decides about the version, a deployment or an image of it, or
about the pipeline run that deployed it. What else was said is of it where it takes in the version,
what that comes from, a deployment or an image, or the commit that these were made of; where it
takes in nothing, where it belongs to the registered model or to a place that served it. An incident
of such a place is told of where it was noticed while it served there.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from lineage.reports.gathered import Gathered, Story, Thing, ThingId
from lineage_schemas.errors import LedgerError
from lineage_schemas.instants import parse_instant
from lineage_schemas.mlmd import Kind
from lineage_schemas.serving import ServingInterval

SAID: Final = frozenset(
    f"lineage.{name}"
    for name in ("Approval", "Declaration", "Document", "Incident", "Metrics", "Report")
)
"""What is said of other things, and so belongs to what it is said of."""

CODE: Final = "lineage.CodeRevision"
REGISTERED_MODEL: Final = "lineage.RegisteredModel"

_PLACES: Final = frozenset({"lineage.Service", "lineage.Environment"})
_NOTICED: Final = ("detected_time", "started_time")


class Tie(NamedTuple):
    """How something is of the subject: ``None`` in words where that needs none."""

    one: ThingId
    words: str | None = None


def prune(gathered: Gathered) -> Gathered:
    """Return what was gathered without what was said of other things."""
    story = Story(gathered)
    decided = {key for view in gathered.decided for key in (view.approval, view.execution)}
    judged = {
        one.id: _belongs(story, one, decided)
        for one in gathered.things.values()
        if one.type in SAID
    }
    dropped = {one for one, belongs in judged.items() if not belongs}
    dropped |= {
        joint.execution
        for one in dropped
        for joint in story.made(one)
        if all(made.artifact in dropped for made in story.out_of(joint.execution))
        and joint.execution not in gathered.origins
    }
    kept = gathered.things.keys() - dropped
    return gathered._replace(
        things={one: thing for one, thing in gathered.things.items() if one in kept},
        joints=tuple(one for one in gathered.joints if {one.artifact, one.execution} <= kept),
        belongings=tuple(one for one in gathered.belongings if {one.member, one.context} <= kept),
    )


def tie_of(story: Story, said: Thing) -> Tie | None:
    """Return how something that was said is of the subject; ``None`` where it is of another."""
    inputs = _inputs_of(story, said)
    if any(one in story.gathered.origins or one in story.gathered.carriers for one in inputs):
        return Tie(said.id)
    if any(one in story.gathered.commits for one in inputs):
        return Tie(said.id, "It is about the commit that its image or deployment was made of.")
    if inputs or said.id in story.gathered.foreign:
        return None
    return _tie_by_contexts(story, said)


def _tie_by_contexts(story: Story, said: Thing) -> Tie | None:
    """Return how something that takes in nothing is of the subject: by what it belongs to."""
    members = (said.id, *(made.execution for made in story.made(said.id)))
    around = [story.thing(two.context) for one in members for two in story.contexts_of(one)]
    if any(one.id in story.registered for one in around):
        return Tie(said.id, "It is about the registered model, and so about every version.")
    places = [one for one in around if one.type in _PLACES and one.id in story.places]
    if not places:
        return None
    if said.type != "lineage.Incident":
        return Tie(said.id, "It is about a place that served it.")
    return _while_it_served(story, said, places)


def _belongs(story: Story, one: Thing, decided: Iterable[str | None]) -> bool:
    if one.type == "lineage.Approval":
        return any(key in set(decided) for key in one.keys) or _is_of_origins(story, one)
    return tie_of(story, one) is not None


def _is_of_origins(story: Story, approval: Thing) -> bool:
    """Tell whether an approval is of what the subject stands on; a commit is of many things."""
    return any(
        one in story.gathered.origins and story.thing(one).type != CODE
        for one in _inputs_of(story, approval)
    )


def _inputs_of(story: Story, said: Thing) -> set[ThingId]:
    return {
        joint.artifact for made in story.made(said.id) for joint in story.into(made.execution)
    } - {said.id}


def _while_it_served(story: Story, said: Thing, places: list[Thing]) -> Tie | None:
    """Return the tie of an incident of a place where the subject served when it was noticed."""
    keys = {key for one in places for key in one.keys}
    served = [one for one in story.gathered.intervals if keys & {one.place, one.environment}]
    moment = _noticed_us(said)
    if moment is None:
        return Tie(said.id, "It is of a place that served it; nobody said when it was noticed.")
    if any(_covers(one, moment) for one in served):
        return Tie(said.id, "It was noticed in a place while this version served there.")
    return None


def _noticed_us(said: Thing) -> int | None:
    for name in _NOTICED:
        value = said.value(name)
        if isinstance(value, str):
            try:
                return parse_instant(value)
            except LedgerError:
                continue  # no time that can be read: the next word for it, or the stated time
    stated = [one.stated_us for one in said.fields.values() if one.stated_us is not None]
    return min(stated, default=None)


def _covers(interval: ServingInterval, moment_us: int) -> bool:
    earliest = interval.start_after or interval.start
    starts = earliest is None or parse_instant(earliest) <= moment_us
    return starts and (interval.end is None or moment_us < parse_instant(interval.end))


def found_said(story: Story, *types: str) -> Iterator[tuple[Thing, Tie]]:
    """Yield what was said that is of the subject, of these types, and how."""
    for one in story.of_type(*types):
        tie = tie_of(story, one)
        if tie is not None and one.id[0] is Kind.ARTIFACT:
            yield one, tie
