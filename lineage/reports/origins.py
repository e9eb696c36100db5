"""The sections of a dossier about where a model comes from: itself, data, code, runs."""

from __future__ import annotations

from typing import Final

from lineage.projections.unfolding import KEY_CLASS
from lineage.reports.gathered import Name, Story, Thing
from lineage.reports.learning import DATA, Uses
from lineage.reports.standing import tell_semantic_version, tell_stages
from lineage.reports.telling import (
    CUSTOM,
    fact,
    item,
    lacking_in,
    listed,
    not_applicable,
    tell,
    tell_also,
    tell_joint,
    tell_main,
)
from lineage_schemas.instants import format_known_instant
from lineage_schemas.mlmd import Kind
from lineage_schemas.reports import Fact, Item

_IDENTITY: Final = ("display_name", "model_name", "number", "registry", "model_uri")
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
_FLAVORS: Final = f"{CUSTOM}mlflow.flavors"
_LEARNED_TOO: Final = "It learned from this too."
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
        stated=format_known_instant(name.stated_us),
        positions=(name.position,),
    )


def tell_identity(story: Story) -> list[Item]:
    """Tell what the subject is, and how it is called."""
    one = story.subject
    names = [name_fact(one, name) for name in one.names]
    kind = [fact(one, "type", one.fields["type"])] if "type" in one.fields else []
    return [
        listed("names", names, one.key),
        item(
            "registry entry",
            [*kind, *tell(one, *_IDENTITY, "registered_time", "registered_by")],
            missing="Nobody has described this version: it is only named.",
            lacking=lacking_in(one, "model_name", "number"),
            about=one.key,
        ),
        tell_semantic_version(story),
        *tell_stages(story),
        item("owner", _owners(story), missing="Nobody is said to own it.", about=one.key),
        *(
            listed(
                "model",
                [*(name_fact(model, name) for name in model.names), *tell_main(model)],
                model.key,
            )
            for model in story.models()
            if model.id != one.id
        ),
    ]


def _owners(story: Story) -> list[Fact]:
    around = [story.thing(one.context) for one in story.contexts_of(story.subject.id)]
    return [owner for thing in (story.subject, *around) for owner in tell(thing, "owner")]


def tell_data(story: Story) -> list[Item]:
    """Tell of every body of data that it learned from."""
    uses = Uses(story)
    found = uses.data(uses.learned)
    if not found:
        missing = item("data", [], missing="No data is known that it learned from.")
        return [missing, *_undescribed(story)]
    return [_data_item(uses, one) for one in found] + _undescribed(story)


def tell_tested(story: Story) -> list[Item]:
    """Tell of the data that it was measured on; what it learned from too is said to be so."""
    uses = Uses(story)
    found = uses.data(uses.tested)
    why = "No data is known that it was tested on."
    return [
        _data_item(uses, one, _LEARNED_TOO if one.id in uses.learned else None) for one in found
    ] or [item("data", [], missing=why)]


def _data_item(uses: Uses, one: Thing, note: str | None = None) -> Item:
    same = [
        Fact(name="the same bytes as", value=far.key, of=one.key, positions=positions)
        for far, positions in uses.same_as(one)
        if positions
    ]
    return item(
        "split" if one.type == "lineage.Split" else "data set",
        [*(name_fact(one, name) for name in one.names), *tell_main(one), *same],
        missing="It is named, and nobody has described it.",
        lacking=_lacking_of_data(one),
        about=one.key,
        note=note,
    )


def undescribed(story: Story) -> list[Thing]:
    """Return the artifacts upstream whose type nobody has said, or was erased: any may be data."""
    return [one for one in story.origins(Kind.ARTIFACT) if one.type is None]


def _undescribed(story: Story) -> list[Item]:
    erased, never = "What was said of it was erased.", "It is named, and nobody has described it."
    return [
        item(
            "something else",
            tell_main(one),
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
            [*(name_fact(one, name) for name in one.names), *tell_main(one)],
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
    items += [
        item("code of a run", facts, missing="", lacking=_lacking_of_code(one), about=one.key)
        for one in executions_of(story)
        if (facts := [*tell(one, *_CODE), *tell_also(one, *_CODE)])
    ]
    items += [
        item(
            "code file",
            [*(name_fact(one, name) for name in one.names), *tell_main(one)],
            missing="It is only named.",
            about=one.key,
        )
        for one in Uses(story).code_files()
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
            [*tell(one, "hyperparameters"), *tell_also(one, "hyperparameters")],
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
    items += [
        item("software that the model names", facts, missing="", about=model.key)
        for model in story.models()
        if (facts := software_of(model))
    ]
    images = story.of_type("ContainerImage", within=story.gathered.origins)
    items += [
        listed("image", [*(name_fact(one, n) for n in one.names), *tell_main(one)], one.key)
        for one in images
    ]
    return items or [item("environment", [], missing="No run is known that made it.")]


def software_of(model: Thing) -> list[Fact]:
    """Return what a model itself tells of the software that it was made by."""
    flavors = model.fields.get(_FLAVORS)
    told = [] if flavors is None else [fact(model, _FLAVORS, flavors)]
    return [*tell(model, "framework", "framework_version"), *told]


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
