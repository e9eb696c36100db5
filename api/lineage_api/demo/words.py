"""The whole story in words: every sentence is an answer of the ledger, put into a line."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from msgspec import Struct

from lineage.ledger import ServingQuery, TraceQuery
from lineage.service import Ledger
from lineage_schemas.graph import Direction, LineageAnswer, Node
from lineage_schemas.instants import instant_of, parse_instant
from lineage_schemas.linking import UnresolvedReason
from lineage_schemas.mlmd import Kind
from lineage_schemas.registry_views import (
    ApprovalOf,
    ApprovalView,
    Existence,
    RegistryAnswer,
    RollBackView,
    VersionView,
)
from lineage_schemas.serving import Certainty, Role, ServingInterval
from lineage_schemas.values import JsonValue

MODEL: Final = "mlflow:registered-model/mlflow.example.org/fraud-model"
DAY: Final = "2026-02-20T12:00:00Z"
"""The day that is asked about: whoever looks for it now finds another version at work."""

ASK: Final = f"""\
  {{ serving(of: "{MODEL}", validAt: "{DAY}") {{
      intervals {{ environmentName role start end serves {{ label }} source }} }} }}
"""

_VERSION: Final = "lineage.ModelVersion"
_DATA: Final = "lineage.DataSet"
_COMMIT: Final = "lineage.CodeRevision"


class Telling(Struct, frozen=True):
    """What is asked of, in which namespace, and how its commands begin."""

    ledger: Ledger
    namespace: str
    store: str

    def command(self, verb: str, words: str) -> str:
        """Return a command that asks the same, as a line."""
        return f"$ lineage {verb} --store {self.store} {words}"


def tell(telling: Telling) -> Iterator[str]:
    """Yield the story, line by line."""
    moment = instant_of(parse_instant(DAY))
    registry = telling.ledger.registry
    model = registry.model(MODEL, namespace=telling.namespace)
    query = ServingQuery(of=MODEL)
    served = registry.serving(query, namespace=telling.namespace).intervals
    names = {one.key: _name(one) for one in model.versions}
    yield from _serving(telling, served, names)
    then = registry.serving(query, valid_at=moment, namespace=telling.namespace).intervals
    champions = _champions(then)
    for key in champions:
        yield from _produced(telling, key, names)
        yield from _approved(telling, model, key, names)
    yield from _rolled_back(telling, model, names)
    yield from _elsewhere(telling, model, champions)
    yield from _missing(telling, model, served, names)
    yield from _question(
        "Ask for yourself: a report about one version, or at /graphql while it serves",
        *(telling.command("report dossier", f"-o dossier.html {key}") for key in champions),
        *ASK.splitlines(),
    )


def _name(version: VersionView) -> str:
    return (
        version.label
        if version.semantic_version is None
        else (f"{version.label} ({version.semantic_version})")
    )


def _champions(intervals: Iterable[ServingInterval]) -> tuple[str, ...]:
    """Return the versions that surely served as champion, each once, whoever says so."""
    found = [
        served.key
        for one in intervals
        if one.role is Role.CHAMPION and one.certainty is not Certainty.POSSIBLE
        for served in one.serves
    ]
    return tuple(dict.fromkeys(found))


def _question(text: str, *commands: str) -> Iterator[str]:
    yield ""
    yield text
    yield from commands
    yield ""


def _serving(
    telling: Telling, intervals: Iterable[ServingInterval], names: dict[str, str]
) -> Iterator[str]:
    yield from _question("Which version served where, and when?", telling.command("serving", MODEL))
    source = ""
    for one in sorted(intervals, key=lambda one: (one.source, one.place, one.start or "")):
        if one.source != source:
            source = one.source
            yield f"  {source} says of {one.environment_name or 'no environment'}:"
        what = ", ".join(names.get(each.key, each.key) for each in one.serves) or one.deployment
        share = "" if one.traffic_ratio is None else f" of {one.traffic_ratio:.0%}"
        ending = "" if one.ending is None else f", then {one.ending.value.replace('_', ' ')}"
        back = ", back again" if one.is_rollback else ""
        yield (
            f"    {_bounded(one.start, one.start_after)} to "
            f"{_bounded(one.end, one.end_after) if one.end else 'now':16}  "
            f"{what} as {one.role.value}{share}{back}{ending}"
        )


def _minute(moment: str | None) -> str:
    return "some time" if moment is None else moment[:16].replace("T", " ")


def _bounded(moment: str | None, after: str | None) -> str:
    return _minute(moment) if after is None else f"{_minute(moment)} (after {_minute(after)})"


def _produced(telling: Telling, key: str, names: dict[str, str]) -> Iterator[str]:
    answer = _trace(telling, key, Direction.UPSTREAM)
    yield from _question(
        f"What produced {names.get(key, key)}, the champion of {DAY[:10]}?",
        telling.command("trace", key),
    )
    for one in answer.nodes:
        if one.kind is Kind.EXECUTION:
            yield from _figures(one)
    for one in answer.nodes:
        if one.type == _COMMIT:
            yield f"  commit  {one.key}  {_title(one)}"
    yield from (f"  read  {one.key}" for one in _first_data(answer))


def _first_data(answer: LineageAnswer) -> tuple[Node, ...]:
    """Return the data that nothing is known to have made, each file once, the nearest first."""
    made = {edge.artifact for edge in answer.edges if not edge.kind.is_input}
    found: dict[str, Node] = {}
    for one in answer.nodes:
        if one.type == _DATA and one.id not in made and str(one.key).startswith("dvc:"):
            found.setdefault(_title(one), one)
    return tuple(found.values())


def _figures(run: Node) -> Iterator[str]:
    """Yield the parameters of a run, and those of its metrics that are figures."""
    told = [
        f"{name}: {', '.join(f'{key}={one}' for key, one in found)}"
        for name, found in (
            ("parameters", _items(run, "hyperparameters")),
            ("metrics", [item for item in _items(run, "metrics") if isinstance(item[1], float)]),
        )
        if found
    ]
    if told:
        yield f"  {_title(run)}: {'; '.join(told)}"


def _items(node: Node, name: str) -> list[tuple[str, JsonValue]]:
    value = node.properties.get(name)
    return sorted(value.items()) if isinstance(value, dict) else []


def _approved(
    telling: Telling, model: RegistryAnswer, key: str, names: dict[str, str]
) -> Iterator[str]:
    command = telling.command("registry", MODEL)
    yield from _question(f"Who approved {names.get(key, key)}?", command)
    for one in model.approvals:
        if one.version == key:
            yield f"  {_decision(one)}"


def _decision(one: ApprovalView) -> str:
    who = one.approver or "somebody"
    role = f", {one.approver_role}," if one.approver_role else ""
    meaning = f": {one.meaning}" if one.meaning else ""
    about = one.about_kind.value.replace("_", " ")
    if one.decision is None:
        return f"somebody was asked to decide about the {about}, and no decision is known"
    return (
        f"{_minute(one.decided_time)}  {who}{role} {one.decision} the {about}"
        f"{meaning} ({one.attestation.value})"
    )


def _rolled_back(telling: Telling, model: RegistryAnswer, names: dict[str, str]) -> Iterator[str]:
    yield from _question("What was rolled back, and why?", telling.command("registry", MODEL))
    for one in model.rollbacks:
        yield f"  {_way_back(one)}"
    for good in model.previous_good:
        back = ", ".join(names.get(each, each) for each in good.versions) or "nothing"
        missing = [each.key for each in good.needs if each.exists is not Existence.YES]
        state = "all it needs is there" if not missing else f"not known to be there: {missing}"
        yield f"  In {good.place} one could go back to {back}: {state}"


def _way_back(one: RollBackView) -> str:
    cause = one.trigger_summary or one.trigger or one.reason or "nobody says why"
    return f"{_minute(one.at)}  back in {one.place}, says {one.source}: {cause}"


def _elsewhere(telling: Telling, model: RegistryAnswer, champions: Iterable[str]) -> Iterator[str]:
    first = {
        str(one.key): one
        for key in champions
        for one in _first_data(_trace(telling, key, Direction.UPSTREAM))
    }
    for data in first.values():
        below = _trace(telling, str(data.key), Direction.DOWNSTREAM)
        others = [
            one
            for one in below.nodes
            if one.type == _VERSION and not _title(one).startswith(f"{model.name} ")
        ]
        if not others:
            continue
        yield from _question(
            f"Where else did {_title(data)} go?",
            telling.command("trace", f"--direction downstream {data.key}"),
        )
        yield from (f"  {_title(one)}  {one.key}" for one in others)
        yield from (f"  {_declared(one)}" for one in below.nodes if _is_declared(one))


def _is_declared(one: Node) -> bool:
    return one.type == "lineage.Declaration" and bool(one.properties.get("restrictions"))


def _declared(one: Node) -> str:
    restrictions = one.properties.get("restrictions")
    items = restrictions.get("items") if isinstance(restrictions, dict) else restrictions
    said = ", ".join(map(str, items)) if isinstance(items, list) else str(items)
    return f"declared of it: {said}"


def _missing(
    telling: Telling,
    model: RegistryAnswer,
    intervals: Iterable[ServingInterval],
    names: dict[str, str],
) -> Iterator[str]:
    yield from _question("What is missing?", telling.command("links", "--unresolved"))
    validated = {
        one.version
        for one in model.approvals
        if one.about_kind is ApprovalOf.VERSION and one.decision == "approved"
    }
    for key in _champions(intervals):
        if key not in validated:
            yield f"  nobody approved {names.get(key, key)} itself; it was deployed all the same"
    for one in model.versions:
        if one.exists.exists is not Existence.YES:
            yield f"  {_name(one)}: whether it is still there is {one.exists.exists.value}"
    yield from (f"  {one.what}" for one in model.findings)
    yield from (f"  {reason}" for reason in model.basis.incomplete_because)
    page = telling.ledger.linking.unresolved(namespace=telling.namespace)
    for reason, what in (
        (UnresolvedReason.STUB, "named by somebody and described by nobody"),
        (UnresolvedReason.UNLINKED, "not joined to what is called alike elsewhere"),
    ):
        found = [one for one in page.things if one.reason is reason]
        if found:
            more = " or more" if page.cursor is not None else ""
            yield f"  {len(found)}{more} {what}, {_title(found[0].node)} for one"


def _trace(telling: Telling, key: str, direction: Direction) -> LineageAnswer:
    query = TraceQuery(start=(key,), direction=direction)
    return telling.ledger.trace(query, namespace=telling.namespace)


def _title(node: Node) -> str:
    return str(node.properties.get("display_name") or node.name or node.key)
