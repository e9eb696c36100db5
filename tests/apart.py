"""Namespaces that look alike, and what no answer given in one may hold of another.

Each is told the same keys, names, identifiers, statement ids and numeric ids, and marks that nobody
else was ever told and that nobody could guess.
"""

from __future__ import annotations

import json
import re
from base64 import b64decode
from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, NamedTuple

from hypothesis import strategies as st

from accounting import access_log
from doubles import FakeClock, SeededRandomness
from erasing import asked
from lineage.anchoring.keys import MemoryKeys
from lineage.anchoring.notary import Notary
from lineage.anchoring.sidecar import MemorySidecar
from lineage.connectors.base import ReceivedMessage
from lineage.connectors.openlineage.mapping import OpenLineageMapping
from lineage.ledger import (
    Artifact,
    Attribution,
    Claim,
    Context,
    Event,
    EventKind,
    Execution,
    Kind,
    Ledger,
    LinkClass,
    MetricSeries,
    Mode,
    PartsErased,
    ProofQuery,
    Role,
    Statement,
)
from lineage.projections.nodes import NODE
from lineage.projections.statements import STATEMENT
from lineage.rules.form import LEDGER_NAMESPACE
from lineage.service import Ledger as Service
from lineage.stores.base import Store
from lineage.stores.memory import MemoryStore
from lineage.stores.scanning import scan_rows
from lineage.vertices import namespace_of
from lineage.writing.governing import namespace_number
from lineage_schemas.codec import decode_envelope, encode_json
from lineage_schemas.errors import LedgerError
from lineage_schemas.mlmd import ArtifactType
from lineage_schemas.records import AnyRecord
from lineage_schemas.sources import SourceExpectation, SourceScan
from lineage_schemas.values import JsonValue, PropertyType
from openlineage_messages import dataset, encoded, run_event

NAMESPACES = ("vermilionq7x", "viridianm4z", "cobaltw9k")
KEYS = ("acme:x/1", "acme:x/2")
RUNS = ("acme:run/1", "acme:run/2")
JOBS = ("acme:job/1",)
SHARED = "other:shared"
OWN_TYPE = "acme.Thing"
KINDS = [kind.value for kind in Kind]
ROLES = (
    Role.INGEST,
    Role.READER,
    Role.AUDITOR,
    Role.REPORT_ISSUER,
    Role.PRIVACY_OFFICER,
    Role.NAMESPACE_ADMIN,
)
"""All that somebody can be in one namespace at once."""

POSITIONS = {
    *("position", "positions", "next_position", "message", "erased_by", "restraint", "entry"),
    *("stated_at", "batch_start", "released_by", "decided_by", "disclosure"),
    *("nextPosition", "erasedBy", "batchStart", "redactedAt", "last_erasure", "lastErasure"),
    "revoked_by",
}
"""The fields of answers that hold positions."""

Said = tuple[int, int, int]
"""In which namespace, what kind of thing, and of which key."""

SAID_KINDS = 9
BASE64 = re.compile(r"[A-Za-z0-9+/]{40,}")


def mark(namespace: str, number: int) -> str:
    """Return a word that only one namespace was ever told."""
    return f"mark{namespace}n{number}"


def somebody(namespace: str) -> str:
    """Return the name of whoever may do everything in one namespace, and nothing elsewhere."""
    return f"{mark(namespace, 0)}@example.org"


def message(namespace: str, number: int, which: int) -> bytes:
    """Return a message of OpenLineage: the same run and data sets in each namespace."""
    word = mark(namespace, number)
    facets: JsonValue = {"documentation": {"description": word}}
    seen = dataset(f"same{which}", facets=facets)
    job: JsonValue = {"namespace": "etl", "name": "clean", "facets": facets}
    return encoded(run_event(inputs=[seen], outputs=[dataset(word)], job=job))


def records(namespace: str, kind: int, which: int, number: int) -> tuple[AnyRecord, ...]:
    """Return what is said: the same things in each namespace, and a mark in each."""
    word = mark(namespace, number)
    key, run, job = KEYS[which % 2], RUNS[which % 2], JOBS[0]
    match kind:
        case 0:
            owned: dict[str, JsonValue] = {"owner": f"{word}@example.org", "plain": word}
            node = Artifact(
                key=key, type="lineage.DataSet", name=f"same {word}", custom_properties=owned
            )
            return (node, Artifact(key=key, personal=("owner",), custom_properties=owned))
        case 1:
            return (
                Execution(key=run, type="lineage.Train", name=word),
                Event(artifact=key, execution=run, kind=EventKind.INPUT, path=(word,)),
                Event(artifact=KEYS[0], execution=run, kind=EventKind.OUTPUT),
            )
        case 2:
            return (
                Context(key=job, type="lineage.Experiment", name=word),
                Attribution(context=job, artifact=key),
            )
        case 3:
            return (
                Claim(
                    kind=Kind.ARTIFACT,
                    node=key,
                    identifier=SHARED,
                    link_class=LinkClass.ASSERTED,
                    evidence={"why": word},
                ),
            )
        case 4:
            return (MetricSeries(execution=run, metric=word, chunk=0, points=((0, 1, None),)),)
        case _:
            is_look = kind == SAID_KINDS - 2
            return looked(which, word, number) if is_look else commanded(kind, which, word)


def looked(which: int, word: str, number: int) -> tuple[AnyRecord, ...]:
    """Return a look at a source, and what is expected of one."""
    scan = SourceScan(
        tool=word,
        address=f"https://{word}.example.org",
        started=datetime(2026, 1, 1, tzinfo=UTC),
        finished=datetime(2026, 1, 1, 0, number % 60, tzinfo=UTC),
        is_whole=which == 0,
        there={word: 2},
        here={word: 1},
        unread=(word,),
        unread_count=1,
        cursor={"after": word},
        due_seconds=60,
    )
    return (scan, SourceExpectation(source=("ci", word)[which], due_seconds=1))


def commanded(kind: int, which: int, word: str) -> tuple[AnyRecord, ...]:
    """Return a command: a type of the same name, or a node of it by the same numeric id."""
    if kind == SAID_KINDS - 4:
        declared = {"same": PropertyType.STRING, word: PropertyType.STRING}
        return (ArtifactType(name=OWN_TYPE, properties=declared),)
    return (Artifact(id=which + 1, type=OWN_TYPE, properties={"same": word}),)


def say(ledger: Ledger, number: int, said: Said) -> None:
    """Say one thing of a history, or be refused."""
    where, kind, which = said
    namespace = NAMESPACES[where]
    if kind == SAID_KINDS - 1:
        received = ReceivedMessage(message(namespace, number, which), "application/json")
        ledger.receive(received, OpenLineageMapping(), source="openlineage", namespace=namespace)
        return
    statement = Statement(
        id=f"s{number // 3}-{kind}",
        source="ci",
        mode=Mode.COMMAND if kind in {5, 6} else Mode.OBSERVATION,
        records=records(namespace, kind, which, number),
    )
    ledger.record([statement], namespace=namespace)


def erase(ledger: Ledger, namespace: str) -> None:
    """Prove, hold, erase and propose to erase something: all that leaves rows of its own."""
    shown = ProofQuery(target=KEYS[0], recipient=mark(namespace, 904), purpose="a proof")
    with suppress(LedgerError):
        ledger.prove(shown, namespace=namespace)
    ledger.erasures.hold(KEYS[1], authority=mark(namespace, 900), namespace=namespace)
    ledger.erasures.erase(asked(KEYS[0], reason=mark(namespace, 901)), namespace=namespace)
    ledger.erasures.propose(
        [KEYS[1]], PartsErased.ALL, legal_basis=mark(namespace, 902), namespace=namespace
    )


class Told(NamedTuple):
    """A ledger of several namespaces, and an API key for each of them."""

    ledger: Ledger
    keys: dict[str, str]

    def owners(self) -> list[str]:
        """Return of which namespace each position is, or tells: a grant is of where it holds."""
        with self.ledger._store.read() as reader:
            return [
                next(
                    (
                        one
                        for one in NAMESPACES
                        if stored.facts and one.encode() in stored.facts.body
                    ),
                    LEDGER_NAMESPACE,
                )
                if (name := decode_envelope(stored.envelope).namespace) == LEDGER_NAMESPACE
                else name
                for stored in reader.entries(0, 1_000_000)
            ]

    def foreign(self, namespace: str) -> set[str]:
        """Return every text that tells of another namespace: names, marks, ids of the engine."""
        others = [other for other in NAMESPACES if other != namespace]
        found = {*others, *(f"mark{other}" for other in others)}
        found |= {self.keys[other].split("_")[1] for other in others if other in self.keys}
        with self.ledger._store.read() as reader:
            numbers = {
                number
                for other in others
                if (number := namespace_number(reader, other)) is not None
            }
            for stored in reader.entries(0, 1_000_000):
                envelope = decode_envelope(stored.envelope)
                if envelope.namespace in others:
                    committed = envelope.commitments
                    found |= {envelope.actor, committed.facts or "", committed.personal or ""}
                    found |= {part.salt.hex() for part in (stored.facts, stored.personal) if part}
            handles = [str(row[0]) for row in scan_rows(reader, STATEMENT)]
            found |= {one for one in handles if int(one.partition(":")[0]) in numbers}
            vertices = [row[0] for row in scan_rows(reader, NODE)]
            found |= {str(one) for one in vertices if namespace_of(one) in numbers}
        return found - {""}


def make_ledger(clock: FakeClock | None = None, store: Store | None = None) -> Ledger:
    """Return an empty ledger that signs and keeps an access log; without a store, in memory."""
    randomness = SeededRandomness()
    notary = Notary(MemorySidecar(), MemoryKeys(randomness))
    store = store or MemoryStore("test/origin")
    return Service(store, clock or FakeClock(step_us=1), randomness, notary, access_log())


def let_in(ledger: Ledger, namespace: str) -> str:
    """Let somebody do everything in one namespace, and return a key of theirs."""
    for role in ROLES:
        ledger.access.grant(somebody(namespace), role, [namespace])
    return ledger.access.make_key(somebody(namespace), reason=mark(namespace, 903))[0]


def tell(ledger: Ledger, history: Sequence[Said], erased: Sequence[int]) -> None:
    """Tell a history; what a ledger refuses of it is not in it."""
    for number, said in enumerate(history):
        with suppress(LedgerError):
            say(ledger, number, said)
    for where in erased:
        with suppress(LedgerError):
            erase(ledger, NAMESPACES[where])


# --- answers -------------------------------------------------------------------------------------


class Answer(NamedTuple):
    """What somebody was answered: all of its text, and what it says as JSON, if anything."""

    text: str
    said: Any = None


def answered(answer: object) -> Answer:
    """Return what the engine said, as the JSON that a surface would send."""
    said = json.loads(
        encode_json(list(answer) if isinstance(answer, type({}.values())) else answer)
    )
    return Answer(json.dumps(said), said)


def check_answer(answer: Answer, foreign: set[str], owners: list[str], namespace: str) -> None:
    """Hold an answer given in one namespace against all that it may not hold."""
    shown = f"{answer.text}\n{decoded(answer.text)}"
    assert not [word for word in foreign if word in shown], shown
    for position in positions_in(answer.said):
        owner = owners[position] if position < len(owners) else namespace
        assert owner in {namespace, LEDGER_NAMESPACE}, (answer.said, position)


def decoded(text: str) -> str:
    """Return what stands in a text as base64, such as the entries in a proof."""
    found = (one.rstrip("=") for one in BASE64.findall(text))
    return "\n".join(
        b64decode(one + "=" * (-len(one) % 4)).decode("latin-1")
        for one in found
        if len(one) % 4 != 1
    )


def positions_in(said: Any) -> Iterator[int]:  # noqa: ANN401 - JSON of any shape
    """Yield every position that an answer names."""
    if isinstance(said, list):
        for one in said:
            yield from positions_in(one)
    elif isinstance(said, dict):
        for name, value in said.items():
            if name in POSITIONS:
                numbers = value if isinstance(value, list) else [value]
                # GraphQL writes whole numbers of 64 bits as text.
                yield from (int(one) for one in numbers if str(one).isdigit())
            yield from positions_in(value)


ERASED = st.lists(st.integers(0, 2), max_size=2, unique=True)
HISTORIES = st.lists(
    st.tuples(st.integers(0, 2), st.integers(0, SAID_KINDS - 1), st.integers(0, 1)),
    min_size=3,
    max_size=14,
)
EXAMPLE: list[Said] = [(where, kind, kind % 2) for kind in range(SAID_KINDS) for where in range(3)]
"""Every kind of thing, said in every namespace."""
