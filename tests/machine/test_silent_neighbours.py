"""What others say changes nothing of what one is answered, whether it is there or not.

Two ledgers are told the same in one namespace. In the first, the others are told what collides with
it; in the second they do not exist, and namespaces that nobody asks of fill the same positions with
something else. Every answer must be the same to the byte but for roots, proofs and signatures,
which are of the whole log by design; so are sizes, positions and times, which are alike here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from accounting import access_log
from apart import (
    ERASED,
    EXAMPLE,
    HISTORIES,
    KEYS,
    NAMESPACES,
    Said,
    Told,
    erase,
    let_in,
    mark,
    say,
    somebody,
)
from door_http import OPEN, Sent, requests_to, send, statement
from doors import plain_questions
from doubles import FakeClock, SeededRandomness
from lineage.anchoring.keys import MemoryKeys
from lineage.anchoring.notary import Notary
from lineage.anchoring.sidecar import MemorySidecar
from lineage.ledger import Action, Artifact, Ledger, Principal, ProofQuery, Statement
from lineage.service import Ledger as Service
from lineage.stores.memory import MemoryStore
from lineage_api.app import create_app
from lineage_schemas.codec import decode_envelope, encode_json
from lineage_schemas.errors import LedgerError
from surface_client import SurfaceClient, running

OF_THE_LOG = re.compile(r"[0-9a-f]{64}")
"""Roots, and hashes of leaves."""

SIGNED = re.compile(r'"(?:proofs|checkpoint)": ?"[^"]*"')
HASHED = ("/log/checkpoint", "/log/tile/")
"""Of these only status and kind are compared: hashes and signatures of the whole log."""


BEFORE_THE_FIRST = 2
"""Entries that a namespace begins with: its types, and who speaks."""


class Voices:
    """Randomness of which each speaker has its own, so that nobody draws what another would."""

    def __init__(self) -> None:
        self.speaker = "nobody"
        self._drawn: dict[str, SeededRandomness] = {}

    def __call__(self, count: int) -> bytes:
        return self._drawn.setdefault(self.speaker, SeededRandomness(self.speaker))(count)


class World:
    """A ledger that is told a history as one namespace knows it."""

    def __init__(self, home: str, loud: World | None = None) -> None:
        """``loud``: the other world, in which the others are not silent."""
        self.home = home
        self.voices = Voices()
        notary = Notary(MemorySidecar(), MemoryKeys(self.voices))
        store, clock = MemoryStore("test/origin"), FakeClock(step_us=0)
        self.ledger: Ledger = Service(store, clock, self.voices, notary, access_log())
        self.sizes: list[int] = []
        self._loud = loud
        self.told = Told(self.ledger, {})

    def tell(self, history: Sequence[Said], erased: Sequence[int]) -> None:
        """Tell everything."""
        for namespace in sorted(NAMESPACES, key=lambda one: one != self.home):
            self._enter(namespace)
        for number, said in enumerate(history):
            self._step(NAMESPACES[said[0]], lambda: say(self.ledger, number, said))  # noqa: B023 - at once
        for where in erased:
            self._step(NAMESPACES[where], lambda: erase(self.ledger, NAMESPACES[where]))  # noqa: B023 - at once
        self.voices.speaker = self.home

    def _enter(self, namespace: str) -> None:
        self.voices.speaker = namespace
        is_silent = self._loud is not None and namespace != self.home
        self.told.keys[namespace] = let_in(self.ledger, void(namespace) if is_silent else namespace)
        self._end_step()

    def _step(self, namespace: str, work: Callable[[], None]) -> None:
        self.voices.speaker = namespace
        if self._loud is None or namespace == self.home:
            with suppress(LedgerError):
                work()
        else:
            self._fill(void(namespace), self._loud)
        self._end_step()

    def _fill(self, namespace: str, loud: World) -> None:
        """Say as much as the others do in the other world, in batches of the same sizes."""
        start, end = self.ledger.head().size, loud.sizes[len(self.sizes)]
        for stop in loud.batches(start, end):
            is_new = not self.ledger.types(namespace=namespace).types
            count = stop - start - (BEFORE_THE_FIRST if is_new else 0)
            said = (
                Statement(id=f"{start}/{one}", source="void", records=(Artifact(key="void:x"),))
                for one in range(count)
            )
            self.ledger.record(said, namespace=namespace)
            start = stop

    def batches(self, start: int, end: int) -> list[int]:
        """Return where batches end between two sizes."""
        with self.ledger._store.read() as reader:
            bodies = reader.envelopes(start, end - start)
        found = (decode_envelope(one).batch for one in bodies)
        return sorted({one.start + one.length for one in found})

    def _end_step(self) -> None:
        self.sizes.append(self.ledger.head().size)
        assert self._loud is None or self.sizes == self._loud.sizes[: len(self.sizes)]


def void(namespace: str) -> str:
    """Return the namespace that stands in the place of another one."""
    return f"void{NAMESPACES.index(namespace)}"


# --- questions -----------------------------------------------------------------------------------


def administering(world: World, probed: Sequence[int], keys: Sequence[str]) -> Iterator[object]:
    """Ask and change, as an administrator of one namespace, what is another's."""
    access, erasures, home = world.ledger.access, world.ledger.erasures, world.home
    who = Principal(somebody(home))
    within: dict[str, Any] = {"namespace": home, "principal": who}
    yield access.grants(namespace=home, principal=who)
    yield access.api_keys(namespace=home, principal=who)
    yield access.who(Action.READ, home, principal=who)
    calls: list[Callable[[], object]] = [
        *(lambda one=one: access.revoke(one, principal=who) for one in probed),
        *(lambda one=one: erasures.release(one, reason="r", **within) for one in probed),
        *(lambda one=one: erasures.approve(one, **within) for one in probed),
        *(lambda one=one: erasures.hold(one, authority="a", **within) for one in probed),
        *(lambda one=one: erasures.propose([one], legal_basis="b", **within) for one in probed),
        *(lambda one=one: world.ledger.prove(ProofQuery(target=one), **within) for one in probed),
        lambda: erasures.plan(list(KEYS), **within),
        lambda: erasures.proposals(home, principal=who),
        *(lambda one=one: access.revoke_api_key(one, principal=who) for one in keys),
        *(
            lambda one=one: access.grants(namespace=one, principal=who)
            for one in NAMESPACES
            if one != home
        ),
    ]
    for call in calls:
        try:
            yield call()
        except LedgerError as error:
            yield repr(error)


def probes(home: str) -> Iterator[tuple[str, Sent]]:
    """Yield requests that name what only others have, and in which namespace they are sent."""
    others = [one for one in NAMESPACES if one != home]
    words = [mark(one, number) for one in others for number in range(3)]
    for word in words:
        for query in (
            f'{{ find(text: "{word}") {{ nodes {{ key }} }} }}',
            f'{{ artifact(key: "acme:{word}") {{ known }} }}',
            f'{{ nodes(type: "{word}") {{ cursor }} }}',
        ):
            yield home, Sent("POST", "/graphql", encode_json({"query": query}))
        for message in ("s0-0", word):
            body = statement(f"cites {word}", message=message)
            yield home, Sent("POST", "/api/v1/statements", body)
    for other in others:
        for path in ("statements", "lineage", "lineage/batch"):
            yield other, Sent("POST", f"/api/v1/namespaces/{other}/{path}", statement("s0-0"))
        for query in (
            "{ types { types { name } } }",
            f'{{ artifact(key: "{KEYS[0]}") {{ known }} }}',
        ):
            yield other, Sent("POST", "/graphql", encode_json({"query": query}))
    yield home, Sent("POST", "/api/v1/statements", statement("s0-0"))


def asked_over_http(client: SurfaceClient, world: World) -> Iterator[str]:
    """Send every request to every route, and what would tell whether others are there."""
    size = world.ledger.head().size
    app = create_app(world.ledger, OPEN)
    every = [(world.home, sent) for sent in requests_to(app, world.home, size)]
    for namespace, sent in (*every, *probes(world.home)):
        answer = send(client, world.told.keys[world.home], namespace, sent)
        if sent.path.startswith(HASHED) and answer.is_success:
            yield f"{sent} {answer.status_code} {answer.headers['content-type']}"
        else:
            body = answer.content.decode("latin-1")
            yield f"{sent} {answer.status_code} {answer.headers} {body}"


def plain(answers: Iterator[object]) -> list[str]:
    """Return answers without what is of the whole log."""
    return [SIGNED.sub("", OF_THE_LOG.sub("HASH", str(one))) for one in answers]


def everything(world: World, other: World) -> list[str]:
    """Return every answer; what is probed is what stands in either world."""
    owners = other.told.owners()
    probed = [at for at, owner in enumerate(owners) if owner not in {world.home, "lineage"}]
    keys = [key.split("_")[1] for key in other.told.keys.values()][1:]
    with running(create_app(world.ledger, OPEN)) as client:
        return [
            *plain(answer.text for answer in plain_questions(world.told, world.home)),
            *plain(administering(world, probed, keys)),
            *plain(asked_over_http(client, world)),
        ]


@settings(max_examples=2)
@example(EXAMPLE, [0, 1], 1)
@given(HISTORIES, ERASED, st.integers(0, 2))
def test_whether_others_are_there_changes_no_byte_of_an_answer(
    history: list[Said], erased: list[int], home: int
) -> None:
    check_silence(history, erased, home)


@pytest.mark.long
@settings(max_examples=100)
@given(HISTORIES, ERASED, st.integers(0, 2))
def test_whether_others_are_there_changes_no_byte_for_long(
    history: list[Said], erased: list[int], home: int
) -> None:
    check_silence(history, erased, home)


def check_silence(history: list[Said], erased: list[int], home: int) -> None:
    loud = World(NAMESPACES[home])
    loud.tell(history, erased)
    silent = World(NAMESPACES[home], loud)
    silent.tell(history, erased)
    heard, missed = everything(loud, loud), everything(silent, loud)
    assert len(heard) == len(missed)
    for one, other in zip(heard, missed, strict=True):
        assert one == other
