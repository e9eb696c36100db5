"""The sections of a dossier about what became of a model: figures, decisions, service, trouble."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Final

from msgspec.structs import replace

from lineage.reports.belonging import found_said
from lineage.reports.gathered import Story, Thing, ThingId
from lineage.reports.telling import (
    DECLARED,
    fact,
    item,
    lacking_in,
    listed,
    not_applicable,
    tell,
    tell_joint,
    tell_main,
)
from lineage_schemas.mlmd import Kind
from lineage_schemas.registry_views import ApprovalOf, ApprovalView
from lineage_schemas.reports import Fact, Item
from lineage_schemas.serving import ServingInterval

_FIGURES: Final = (
    *("metrics", "values", "metrics_by_slice", "fairness_by_slice", "confidence_intervals"),
    *("confusion_matrix", "thresholds", "decision_threshold", "has_passed", "split_role"),
    *("evaluation_metrics", "online_metrics", "row_count", "step", "measured_time"),
)
_SLICES: Final = ("metrics_by_slice", "fairness_by_slice")
_DECISION: Final = ("approver", "approver_role", "decision", "meaning", "decided_time")
_DECLARED: Final = ("owner", "validator", "tier", "purpose", "legal_basis", "review_date")
_FIGURES_OF: Final = frozenset(f"lineage.{name}" for name in ("Evaluate", "Monitor"))


def tell_metrics(story: Story) -> list[Item]:
    """Tell what was measured, by whom, and on which slices."""
    made = {one.id for one in (*story.runs(), *story.models())}
    about = [
        one
        for one in story.gathered.things.values()
        if one.id in made or one.type in {"lineage.Metrics", *_FIGURES_OF}
    ]
    items = [
        item("figures", [*facts, *_measured(story, one)], missing="", about=one.key)
        for one in about
        if (facts := tell(one, *_FIGURES))
    ]
    if not items:
        items.append(item("figures", [], missing="Nobody has said what was measured."))
    slices = [fact for one in about for fact in tell(one, *_SLICES)]
    items.append(item("slices", slices, missing="Nobody has said figures by slice."))
    evaluations = [one for one in about if one.type == "lineage.Evaluate"]
    if not evaluations:
        items.append(item("evaluation", [], missing="No evaluation of this model is known."))
    return items


def _measured(story: Story, one: Thing) -> list[Fact]:
    if one.type not in _FIGURES_OF:
        return []
    return [tell_joint(story, joint) for joint in story.into(one.id)]


def tell_approvals(story: Story) -> list[Item]:
    """Tell who decided what, about what. A stage or an alias that moved is no approval."""
    items = [_decided(story, view) for view in story.gathered.decided]
    if not items:
        why = "No approval of this version is known. A stage or an alias that moved is none."
        items.append(item("approval", [], missing=why, about=story.subject.key))
    told = {key for view in story.gathered.decided for key in (view.approval, view.execution)}
    items += [
        item(
            "approval of what it stands on",
            [*tell_main(one), *_about(story, one)],
            missing="It is only named.",
            lacking=lacking_in(one, *_DECISION),
            about=one.key,
        )
        for one in story.of_type("Approval")
        if not told & set(one.keys)
    ]
    return items


def _decided(story: Story, view: ApprovalView) -> Item:
    approval = None if view.approval is None else story.find(Kind.ARTIFACT, view.approval)
    one = approval or story.find(Kind.EXECUTION, view.execution)
    if one is None:
        return item("approval", [], missing="It is only named.", about=view.execution)
    about = Fact(
        name=f"about ({view.about_kind.value.replace('_', ' ')})",
        value=view.about,
        of=one.key,
        positions=tuple(sorted({*view.positions, *_joined(story, view)})),
    )
    reason = None
    if view.about_kind is not ApprovalOf.VERSION:
        reason = "It is not about the version itself."
    told = item(
        "approval",
        [*tell_main(one), about],
        missing="It is only named.",
        lacking=lacking_in(one, *_DECISION),
        about=one.key,
    )
    both = " ".join(filter(None, (told.reason, reason)))
    return replace(told, reason=both or None)


def _joined(story: Story, view: ApprovalView) -> Iterator[int]:
    """Yield the entries that join a decision to what it is about."""
    execution = story.find(Kind.EXECUTION, view.execution)
    if execution is None:
        return
    for joint in story.into(execution.id):
        if view.about in story.thing(joint.artifact).keys:
            yield joint.position
    run = story.find(Kind.CONTEXT, view.about)
    if run is None:
        return
    inside = (execution.id, *story.gathered.carriers, *story.deploying())
    for one in inside:
        yield from (two.position for two in story.contexts_of(one) if two.context == run.id)


def _about(story: Story, said: Thing) -> list[Fact]:
    """Return what something that was said (an approval, a declaration, ...) is about."""
    subjects: dict[str, set[int]] = {}
    for one in story.made(said.id):
        for joint in story.into(one.execution):
            where = subjects.setdefault(story.thing(joint.artifact).key, set())
            where.update((joint.position, one.position))
    for two in story.contexts_of(said.id):
        subjects.setdefault(story.thing(two.context).key, set()).add(two.position)
    return [
        Fact(name="about", value=key, of=said.key, positions=tuple(sorted(positions)))
        for key, positions in sorted(subjects.items())
    ]


def _said(story: Story, name: str, types: tuple[str, ...], lacking: tuple[str, ...]) -> list[Item]:
    """Return what was said of the subject, each with how it is of it."""
    items: list[Item] = []
    for one, tie in found_said(story, *types):
        told = item(
            name,
            [*tell_main(one), *_about(story, one)],
            missing="It is only named.",
            lacking=lacking_in(one, *lacking),
            about=one.key,
        )
        words = " ".join(filter(None, (told.reason, tie.words)))
        items.append(replace(told, reason=words or None))
    return items


def tell_serving(story: Story) -> list[Item]:
    """Tell where it served, in what role, from when to when."""
    intervals = story.gathered.intervals
    if not intervals:
        return [item("service", [], missing="Nobody has said that it ever served anywhere.")]
    return [_interval_item(story, one) for one in intervals]


def _interval_item(story: Story, one: ServingInterval) -> Item:
    said = {
        "place": one.place,
        "role": one.role.value,
        "traffic ratio": one.traffic_ratio,
        "from": one.start,
        "from, at the earliest": one.start_after,
        "to": one.end,
        "to, at the earliest": one.end_after,
        "why it ended": None if one.ending is None else one.ending.value,
        "a roll-back": True if one.is_rollback else None,
        "trigger": one.trigger,
        "serves at the valid time": None if one.certainty is None else one.certainty.value,
    }
    facts = [
        Fact(name=name, value=value, of=one.deployment, source=one.source, positions=one.positions)
        for name, value in said.items()
        if value is not None
    ]
    facts += _environment(story, one)
    ways = sorted(
        (served.path, served.link_class or "")
        for served in one.serves
        if served.key in story.subject.keys
    )
    facts += [
        Fact(
            name=f"serves it by ({link_class})" if link_class else "serves it by",
            value={"items": list(path)},
            of=one.deployment,
            positions=tuple(sorted({*one.positions, *_steps(story, path)})),
        )
        for path, link_class in ways
    ]
    facts += [
        found
        for thing in story.of_type("Deployment")
        if one.deployment in thing.keys
        for found in tell_main(thing)
    ]
    lacking = [] if one.start is not None else ["from"]
    return item("service interval", facts, missing="", lacking=lacking, about=one.deployment)


def _environment(story: Story, one: ServingInterval) -> list[Fact]:
    """Return which environment an interval was in, as its moves and its place say."""
    if one.environment is None:
        return []
    place = story.find(Kind.CONTEXT, one.place)
    environment = story.find(Kind.CONTEXT, one.environment)
    around = [] if place is None else story.contexts_of(place.id)
    inside = [two.position for two in around if environment and two.context == environment.id]
    named = [] if environment is None else tell(environment, "display_name")
    return [
        Fact(
            name="environment",
            value=one.environment,
            of=one.deployment,
            positions=tuple(sorted({*one.positions, *inside})),
        ),
        *named,
    ]


def _steps(story: Story, path: tuple[str, ...]) -> Iterator[int]:
    """Yield the entries that say the edges, and the links, along a path of keys."""
    for keys in pairwise(path):
        near, far = (
            story.find(Kind.ARTIFACT, key) or story.find(Kind.EXECUTION, key) for key in keys
        )
        if near is None or far is None:
            continue
        ends = {near.id, far.id}
        for joint in (*story.taken(near.id), *story.made(near.id), *story.of(near.id)):
            if {joint.artifact, joint.execution} == ends:
                yield joint.position
        shared = {name.identifier for name in near.names} & {name.identifier for name in far.names}
        for name in (*near.names, *far.names):
            if name.identifier in shared:
                yield name.position


def tell_incidents(story: Story) -> list[Item]:
    """Tell what went wrong: with it, or where it served while it did."""
    why = "No incident is known. That nobody said one does not mean there was none."
    found = _said(story, "incident", ("Incident",), ("severity", "status"))
    return found or [not_applicable("incident", why)]


def tell_declarations(story: Story) -> list[Item]:
    """Tell what people declared of the model, its data, and where it serves."""
    items = _said(story, "declaration", ("Declaration",), ())
    model = _declared_of(story, [one.id for one in story.models()])
    for name in _DECLARED:
        facts = [fact for one in model for fact in _declared_in(one, name)]
        why = f"Nobody has declared this of the model: {name.replace('_', ' ')}."
        items.append(item(f"declared {name.replace('_', ' ')}", facts, missing=why))
    return items


def _declared_of(story: Story, ids: list[ThingId]) -> list[Thing]:
    """Return the declarations about these things, or about a context that they belong to."""
    found: set[ThingId] = set()
    for one in ids:
        for joint in story.taken(one):
            found.update(made.artifact for made in story.out_of(joint.execution))
        for belonging in story.contexts_of(one):
            found.update(two.member for two in story.members_of(belonging.context))
    told = story.of_type("Declaration", within=found)
    return [one for one in told if not _is_withdrawn(one)]


def _declared_in(one: Thing, name: str) -> list[Fact]:
    """Return what a declaration says of this; what its type has no property for has a prefix."""
    cited = one.fields.get(DECLARED + name)
    return [*tell(one, name), *([] if cited is None else [fact(one, DECLARED + name, cited)])]


def _is_withdrawn(one: Thing) -> bool:
    cited = one.fields.get(f"{DECLARED}is_withdrawn")
    return cited is not None and cited.value is True


def tell_documents(story: Story) -> list[Item]:
    """Tell which documents are attached to it, and to what it stands on."""
    found = _said(story, "document", ("Document", "Report"), ("content_digest",))
    return found or [item("document", [], missing="No document is attached.")]


def tell_others(story: Story) -> list[Item]:
    """Tell where else its data went, and what else the runs that made it made."""
    gathered = story.gathered
    own = [one for one in gathered.others if one.id in gathered.same_run]
    others = [one for one in gathered.others if one.id not in gathered.same_run]
    if not gathered.others:
        return [not_applicable("other things made of its data", "None is known.")]
    return [
        listed(
            f"{name.removeprefix('lineage.')} {words}",
            [_first_told(one) for one in found],
            None,
            f"{len(found)} in all.",
        )
        for words, things in (("made of the same data", others), ("of the same run", own))
        for name, found in _by_type(things)
    ]


def _by_type(others: list[Thing]) -> Iterator[tuple[str, list[Thing]]]:
    types = sorted({one.type or "" for one in others})
    for type_name in types:
        yield type_name, [one for one in others if one.type == type_name]


def _first_told(one: Thing) -> Fact:
    for field in ("properties.display_name", "name"):
        cited = one.fields.get(field)
        if cited is not None:
            return fact(one, field, cited)
    return Fact(name="key", value=one.key, of=one.key, positions=(one.since,))
