"""The sections of a dossier about where a model comes from: itself, data, code, runs."""

from __future__ import annotations

from typing import Final

from lineage.projections.unfolding import KEY_CLASS
from lineage.reports.collecting import DATA
from lineage.reports.gathered import Name, Story, Thing
from lineage.reports.telling import (
    PROPERTIES,
    fact,
    instant_text,
    item,
    lacking_in,
    listed,
    not_applicable,
    tell,
    tell_all,
    tell_joint,
)
from lineage_schemas.mlmd import Kind
from lineage_schemas.reports import Fact, Item

_IDENTITY: Final = ("display_name", "model_name", "number", "registry", "model_uri")
_VERSION: Final = ("semantic_version", "change_class", "release_notes")
_RUN_WORDS: Final = (
    *("started_time", "ended_time", "duration_us", "entry_point", "objective", "algorithm"),
    *("epoch_count", "step_count", "best_step", "fold_count", "is_fine_tuning", "method"),
    *("transformations", "query", "hypothesis", "finding", "next_step", "started_by", "error"),
)
_CODE: Final = (
    "code_commit",
    "code_is_dirty",
    "code_diff_digest",
    "code_repository",
    "code_branch",
)
_MACHINE: Final = (
    *("python_version", "library_versions", "framework", "operating_system", "hardware"),
    *("cpu_count", "gpu_count", "gpu_model", "image_digest", "image_reference"),
)
SEEDS: Final = ("python_seed", "python_hash_seed", "numpy_seed", "framework_seed", "cuda_seed")
DETERMINISM: Final = ("determinism_flags", "is_deterministic")
LEVEL: Final = ("reproducibility_level", "reproducibility_tolerance")


def name_fact(thing: Thing, name: Name) -> Fact:
    """Return the fact that a thing goes by an identifier."""
    return Fact(
        name="key" if name.link_class == KEY_CLASS else f"identifier ({name.link_class})",
        value=name.identifier,
        of=thing.key,
        source=name.source or None,
        stated=instant_text(name.stated_us),
        positions=(name.position,),
    )


def tell_identity(story: Story) -> list[Item]:
    """Tell what the subject is, and how it is called."""
    one = story.subject
    names = [name_fact(one, name) for name in one.names]
    kind = [fact(one, "type", one.fields["type"])] if "type" in one.fields else []
    known = (*_IDENTITY, *_VERSION, "stage", "aliases", "owner", "registered_by")
    told = {PROPERTIES + name for name in known}
    more = tell_all(one, but=told)
    items = [
        listed("names", names, one.key),
        item(
            "registry entry",
            [*kind, *tell(one, *_IDENTITY, "registered_time", "registered_by")],
            missing="Nobody has described this version: it is only named.",
            lacking=lacking_in(one, "model_name", "number"),
            about=one.key,
        ),
        item(
            "semantic version",
            tell(one, *_VERSION),
            missing="Nobody has said its version as major.minor.patch.",
            lacking=lacking_in(one, "semantic_version", "change_class"),
            about=one.key,
        ),
        item("stage", tell(one, "stage"), missing="Nobody has said a stage.", about=one.key),
        item("aliases", tell(one, "aliases"), missing="No alias is known.", about=one.key),
        item("owner", _owners(story), missing="Nobody is said to own it.", about=one.key),
    ]
    if more:
        items.append(listed("what else is said of it", more, one.key))
    items += [
        listed(
            "model",
            [*(name_fact(model, name) for name in model.names), *tell_all(model)],
            model.key,
        )
        for model in story.models()
        if model.id != one.id
    ]
    return items


def _owners(story: Story) -> list[Fact]:
    around = [story.thing(one.context) for one in story.contexts_of(story.subject.id)]
    return [owner for thing in (story.subject, *around) for owner in tell(thing, "owner")]


def tell_data(story: Story) -> list[Item]:
    """Tell of every body of data upstream."""
    found = [one for one in story.origins(Kind.ARTIFACT) if one.type in DATA]
    if not found:
        return [
            item("data", [], missing="No data is known that it learned from."),
            *_undescribed(story),
        ]
    return [
        item(
            "split" if one.type == "lineage.Split" else "data set",
            [*(name_fact(one, name) for name in one.names), *tell_all(one)],
            missing="",
            lacking=_lacking_of_data(one),
            about=one.key,
        )
        for one in found
    ] + _undescribed(story)


def undescribed(story: Story) -> list[Thing]:
    """Return the artifacts upstream whose type nobody has said, or was erased: any may be data."""
    return [one for one in story.origins(Kind.ARTIFACT) if one.type is None]


def _undescribed(story: Story) -> list[Item]:
    erased, never = "What was said of it was erased.", "It is named, and nobody has described it."
    return [
        item(
            "something else",
            tell_all(one),
            missing=erased if one.redacted else never,
            about=one.key,
        )
        for one in undescribed(story)
        if one.id != story.subject.id
    ]


def tell_rest(story: Story) -> list[Item]:
    """Tell of what else it stands on: other models, and things of types of somebody's own."""
    told = {one.id for one in story.models()}
    types = {*DATA, "lineage.CodeRevision", "lineage.ContainerImage", None}
    rest = [
        one for one in story.origins(Kind.ARTIFACT) if one.id not in told and one.type not in types
    ]
    if not rest:
        return [not_applicable("something else", "Nothing else is known that it stands on.")]
    return [
        listed(
            one.type or "",
            [*(name_fact(one, name) for name in one.names), *tell_all(one)],
            one.key,
        )
        for one in rest
    ]


def has_digest(thing: Thing) -> bool:
    """Tell whether the bytes of a thing are known by a digest."""
    return thing.value("content_digest") is not None or any(
        name.link_class == "content" for name in thing.names
    )


def _lacking_of_data(one: Thing) -> list[str]:
    lacking = lacking_in(one, "size_bytes")
    if one.type == "lineage.DataSet" and one.value("source_uri") is None:
        lacking += lacking_in(one, "source")
    if one.type == "lineage.Split":
        lacking += lacking_in(one, "role")
    return [*([] if has_digest(one) else ["digest"]), *lacking]


def tell_code(story: Story) -> list[Item]:
    """Tell which code ran."""
    revisions = story.of_type("CodeRevision", within=story.gathered.origins)
    items = [
        item(
            "revision",
            tell(
                one, "commit", "repository", "branch", "tag", "message", "committed_time", "author"
            ),
            missing="It is only named.",
            lacking=lacking_in(one, "commit", "repository"),
            about=one.key,
        )
        for one in revisions
    ]
    runs = executions_of(story)
    items += [
        item("code of a run", facts, missing="", lacking=_lacking_of_code(one), about=one.key)
        for one in runs
        if (facts := tell(one, *_CODE))
    ]
    return items or [item("code", [], missing="Nobody has said which code made it.")]


def _lacking_of_code(one: Thing) -> list[str]:
    return lacking_in(one, "code_commit", "code_is_dirty", "code_repository")


def executions_of(story: Story) -> list[Thing]:
    """Return what ran upstream, but for entering it into registries."""
    found = story.origins(Kind.EXECUTION)
    return [one for one in found if one.type not in {"lineage.Register", "lineage.Promote"}]


def tell_parameters(story: Story) -> list[Item]:
    """Tell with which parameters each run went."""
    runs = story.runs()
    if not runs:
        return [item("hyperparameters", [], missing="No run is known that made it.")]
    made = {one.id for one in runs}
    others = [
        one
        for one in executions_of(story)
        if one.id not in made and one.value("hyperparameters") is not None
    ]
    return [
        item(
            "hyperparameters",
            tell(one, "hyperparameters"),
            missing="Nobody has said with which parameters this run went.",
            about=one.key,
        )
        for one in (*runs, *others)
    ]


def tell_environment(story: Story) -> list[Item]:
    """Tell on what the runs that made it ran, and with which seeds."""
    items: list[Item] = []
    for one in story.runs():
        lacking = lacking_in(one, "python_version", "library_versions", "hardware", "image_digest")
        items += [
            item(
                "software and hardware",
                tell(one, *_MACHINE),
                missing="Nobody has said on what this run ran.",
                lacking=lacking,
                about=one.key,
            ),
            item(
                "seeds and determinism",
                tell(one, *SEEDS, *DETERMINISM, *LEVEL),
                missing="Nobody has said seeds or determinism flags of this run.",
                about=one.key,
            ),
        ]
    images = story.of_type("ContainerImage", within=story.gathered.origins)
    items += [
        listed("image", [*(name_fact(one, n) for n in one.names), *tell_all(one)], one.key)
        for one in images
    ]
    return items or [item("environment", [], missing="No run is known that made it.")]


def tell_runs(story: Story) -> list[Item]:
    """Tell of every execution upstream: what went in, what came out, when."""
    made = {one.id for one in story.runs()}
    items: list[Item] = []
    if not made:
        items.append(item("training", [], missing="No run is known that made this model."))
    for one in story.origins(Kind.EXECUTION):
        kind = [fact(one, "type", one.fields["type"])] if "type" in one.fields else []
        state = [fact(one, "state", one.fields["state"])] if "state" in one.fields else []
        joints = [
            tell_joint(story, joint) for joint in (*story.into(one.id), *story.out_of(one.id))
        ]
        name = "run that made it" if one.id in made else "run before it"
        if one.type == "lineage.Register":
            name = "registration"
        facts = [*kind, *state, *tell(one, *_RUN_WORDS), *joints]
        times = lacking_in(one, "started_time", "ended_time") if one.id in made else []
        items.append(item(name, facts, missing="It is only named.", lacking=times, about=one.key))
    return items


def tell_links(story: Story) -> list[Item]:
    """Tell which links between tools were crossed on the way."""
    crossed = story.gathered.crossed
    if not crossed:
        return [not_applicable("links", "Every step upstream is an edge that one tool said.")]
    facts: list[Fact] = []
    for one in crossed:
        said = [("link", one.identifier), *(("evidence of a link", text) for text in one.evidence)]
        facts += [
            Fact(
                name=f"{name} ({one.link_class})",
                value=value,
                of=one.near[1],
                source=", ".join(one.sources) or None,
                positions=one.positions,
            )
            for name, value in said
        ]
    return [listed("links", facts, None)]
