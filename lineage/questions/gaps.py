"""Gaps: what is not known of how something came to be, each with what to do about it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Final, NamedTuple

from lineage.projections.edges import EDGE
from lineage.questions.graph_asked import GraphAsked
from lineage.questions.merged import (
    DATA_TYPES,
    Merged,
    Versions,
    is_code_file,
    read_merged,
    thing_ref,
)
from lineage.questions.same_content import SameContent
from lineage.stores.tables import is_visible
from lineage_schemas.graph import Truncation
from lineage_schemas.provenance import Gap, GapCode

_ORIGINS: Final = frozenset({"lineage.CodeRevision", "lineage.ContainerImage"})
"""Types of which nobody expects a producer: they have histories of their own."""
_DECLARED: Final = ("source", "source_uri", "collection_context")
"""Properties by which somebody declares where data comes from."""
_COLLECT: Final = "lineage.Collect"
_CODELESS: Final = frozenset(
    f"lineage.{name}"
    for name in ("Register", "Promote", "Approve", "Deploy", "RollBack", "Retire", "Label")
)
"""Types of steps that people and registries take, and no code of one's own."""
_VERSION: Final = "lineage.ModelVersion"
_MODELS: Final = frozenset({_VERSION, "lineage.Model"})
_APPROVE: Final = "lineage.Approve"
_APPROVED: Final = "approved"


class Made(NamedTuple):
    """What is judged: the steps of a provenance in their order, and what they took in and made.

    ``sourceless`` are executions without inputs, ``unmade`` artifacts that no step made, ``same``
    what has the same content as what, ``coded`` executions of which the code is known.
    """

    subject: Merged | None
    asked: str
    executions: list[Merged]
    artifacts: list[Merged]
    sourceless: set[Merged]
    unmade: set[Merged]
    same: SameContent
    coded: set[Merged]
    versions: Mapping[Merged, Versions]
    truncations: tuple[Truncation, ...]
    is_begun: bool


def find_gaps(asked: GraphAsked, made: Made) -> Iterator[Gap]:
    """Yield what is not known, of the answer as a whole first, then along the steps."""
    if made.subject is None and not made.is_begun:
        yield _whole(
            GapCode.NOT_BEGUN,
            made.asked,
            "It had not begun at the stated time that is asked about.",
            "Ask of a later time, or of any.",
        )
    elif made.subject is None:
        yield _whole(
            GapCode.UNKNOWN,
            made.asked,
            f"The log of size {asked.size} has never heard of it.",
            "Look for it with `lineage find`.",
        )
    for cut in made.truncations:
        yield _whole(
            GapCode.CUT,
            made.asked,
            f"The limit of {cut.limit:,} for {cut.reason.value} hides at least {cut.hidden:,} "
            "nodes further back.",
            "Ask with larger limits, or of one of the sources.",
        )
    beyond = _beyond(asked, made)
    sources = set(filter(_is_source, made.same.things))
    sources |= made.same.to(sources)
    for artifact in made.artifacts:
        yield from _named(artifact)
        yield from _of_artifact(artifact, made, beyond | sources)
    for execution in made.executions:
        yield from _named(execution)
        yield from _of_execution(execution, made, beyond)
    yield from _unapproved(asked, made)


def _whole(code: GapCode, key: str, what: str, hint: str) -> Gap:
    return Gap(code=code, key=key, thing=None, what=what, hint=hint)


def _gap(code: GapCode, one: Merged, what: str, hint: str) -> Gap:
    return Gap(code=code, key=one.key, thing=thing_ref(one), what=what, hint=hint)


def _beyond(asked: GraphAsked, made: Made) -> set[Merged]:
    """Return the things that a limit parted from what led to them."""
    if not made.truncations:
        return set()
    open_ends = {one: thing for thing in made.unmade | made.sourceless for one in thing.members}
    return {
        open_ends[head]
        for _, head, _, since, until, _, stated_us in asked.reader.find(EDGE, "head", open_ends)
        if is_visible(since, until, asked.size)
        and (asked.valid is None or asked.valid.time.has_begun(stated_us))
    }


def _named(one: Merged) -> Iterator[Gap]:
    if one.is_stub:
        yield _gap(
            GapCode.STUB,
            one,
            "It is referred to, and nobody has described it, nor anything that it is asserted to "
            "be.",
            "Take in the tool that made it, or claim what else it goes by: "
            "`lineage links --unresolved` lists what it may be.",
        )
    if one.redacted:
        yield _gap(
            GapCode.REDACTED,
            one,
            f"Something that was said of it was erased, from {one.redacted:,} of the entries that "
            "speak of it.",
            "What was erased is gone; `lineage show` tells by whom, when and why.",
        )


def _of_artifact(one: Merged, made: Made, expected: Collection[Merged]) -> Iterator[Gap]:
    """Yield what is not known of an artifact; ``expected`` are those that may be unmade here."""
    if one in made.unmade and one not in expected:
        yield _gap(
            GapCode.NO_PRODUCER,
            one,
            "Nothing is known that made it, and nobody declares it as a source.",
            "Take in the tool whose step wrote it, or say its source: `lineage declare` or the "
            "property source.",
        )
    versions = made.versions.get(one)
    if one.type in DATA_TYPES and (versions is None or not versions.texts):
        yield _gap(
            GapCode.NO_VERSION,
            one,
            "Neither a digest nor a version of this data is known, so nobody can tell which "
            "content was used.",
            "Log the data with a digest, or track it with a tool that hashes it.",
        )


def _is_source(one: Merged) -> bool:
    """Tell whether nobody expects a producer: of code, and where somebody declares the source."""
    is_declared = any(one.value(name) is not None for name in _DECLARED)
    return one.type in _ORIGINS or is_declared or is_code_file(one)


def _of_execution(one: Merged, made: Made, beyond: Collection[Merged]) -> Iterator[Gap]:
    if one in made.sourceless and one not in beyond and one.type != _COLLECT:
        yield _gap(
            GapCode.NO_INPUTS,
            one,
            "Nobody has said what it took in.",
            "Log its inputs in the tool that ran it.",
        )
    if one not in made.coded and not one.is_stub and one.type not in _CODELESS:
        yield _gap(
            GapCode.NO_CODE,
            one,
            "Nobody has said which commit of which code ran.",
            "Send its commit: the property code_commit, or git:commit/SHA as an input.",
        )


def _unapproved(asked: GraphAsked, made: Made) -> Iterator[Gap]:
    """Yield the model versions, and the subject where it is a model, that nobody has approved."""
    models = [
        one
        for one in made.artifacts
        if one.type == _VERSION or (one is made.subject and one.type in _MODELS)
    ]
    decisions = _decisions(asked, models)
    for model in models:
        decided = decisions.get(model, set())
        if _APPROVED in decided:
            continue
        others = f"; what was decided: {', '.join(sorted(decided))}" if decided else ""
        yield _gap(
            GapCode.NO_APPROVAL,
            model,
            f"Nobody is known to have approved it{others}. A stage or an alias is no approval.",
            "Declare the approval with `lineage declare`.",
        )


def _decisions(asked: GraphAsked, models: Collection[Merged]) -> dict[Merged, set[str]]:
    """Return what was decided of each model, by approvals that took it in."""
    owners = {vertex: model for model in models for vertex in model.members}
    taken = _heads(asked, owners)
    steps = read_merged(asked, {head for _, head in taken})
    approving = {vertex for vertex, one in steps.items() if one.type == _APPROVE}
    outputs = _heads(asked, approving)
    approvals = read_merged(asked, {head for _, head in outputs})
    found: dict[Merged, set[str]] = {}
    for model, step in taken:
        if step in approving:
            made = [approvals[head] for tail, head in outputs if tail in steps[step].members]
            said = [one.text("decision") for one in (*made, steps[step])]
            found.setdefault(owners[model], set()).update(filter(None, said))
    return found


def _heads(asked: GraphAsked, tails: Collection[int]) -> list[tuple[int, int]]:
    """Return (tail, head) of the edges that lead on from these nodes."""
    return [
        (tail, head)
        for tail, head, _, since, until, _, stated_us in asked.reader.find(EDGE, "tail", tails)
        if is_visible(since, until, asked.size)
        and (asked.valid is None or asked.valid.time.has_begun(stated_us))
    ]
