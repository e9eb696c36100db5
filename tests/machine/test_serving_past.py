"""Serving as of every size, in any order of arrival, and beside another namespace."""

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from calendars import moves_in, say_move
from doubles import FakeClock, SeededRandomness
from lineage.ledger import Artifact, Attribution, Context, Ledger, ServingQuery, Statement
from lineage.service import Ledger as Service
from lineage.serving.calendar import ToldMove, fold_moves
from lineage.stores.memory import MemoryStore
from lineage_schemas.errors import NotFoundError
from lineage_schemas.instants import format_instant
from lineage_schemas.serving import ServingAnswer, ServingInterval

LINES = st.builds(
    "{} {} {} {} {} {}".format,
    st.integers(0, 6),
    st.sampled_from(["blue", "green"]),
    st.sampled_from(["deploy", "change", "remove"]),
    st.sampled_from(["a", "b", "c"]),
    st.sampled_from(["", "role=champion", "role=challenger", "share=0.5"]),
    st.sampled_from(["", "beside", "rollback"]),
)
TOLD = st.lists(LINES, max_size=8).map(lambda lines: moves_in("\n".join(lines)))
EXAMPLE = moves_in("5 blue deploy b\n1 blue deploy a\n3 blue remove a\n0 green remove c")


def fresh() -> Ledger:
    return Service(MemoryStore("test/serving"), FakeClock(), SeededRandomness())


def bare(answer: ServingAnswer) -> list[ServingInterval]:
    """Return the intervals without what depends on when they were told."""
    return [replace(one, positions=()) for one in answer.intervals]


@example(EXAMPLE)
@settings(max_examples=25)
@given(TOLD)
def test_as_of_every_size_is_the_fold_of_what_had_been_told(told: list[ToldMove]) -> None:
    ledger = fresh()
    sizes = [(0, 0)]
    for number, one in enumerate(told, 1):
        ledger.record([say_move(one)])
        sizes.append((ledger.head().size, number))
    for size, number in sizes:
        answer = ledger.registry.serving(as_of=size)
        expected = fold_moves(told[:number]).intervals
        shown = [
            (one.place, one.deployment, one.role, one.start, one.end, one.ending, one.closed_by)
            for one in answer.intervals
        ]
        assert sorted(shown, key=str) == sorted(
            [
                (
                    one.place,
                    one.deployment,
                    one.role,
                    None if one.start_us is None else format_instant(one.start_us),
                    None if one.end_us is None else format_instant(one.end_us),
                    one.ending,
                    one.closed_by,
                )
                for one in expected
            ],
            key=str,
        )
        assert answer.basis.size == size


@settings(max_examples=25)
@given(TOLD.flatmap(lambda told: st.tuples(st.just(told), st.permutations(told))))
def test_the_order_of_arrival_changes_no_answer(
    orders: tuple[list[ToldMove], list[ToldMove]],
) -> None:
    answers = []
    for told in orders:
        ledger = fresh()
        for one in told:
            ledger.record([say_move(one)])
        answers.append(bare(ledger.registry.serving()))
    assert answers[0] == answers[1]


def test_a_model_and_what_serves_it_stay_in_their_namespace() -> None:
    ledger = fresh()
    for namespace, word in (("default", "ours"), ("other", "theirs")):
        model, version = "acme:registered", f"acme:version/{word}"
        ledger.record(
            [
                Statement(
                    id="model",
                    source="registry",
                    records=(
                        Context(
                            key=model,
                            type="lineage.RegisteredModel",
                            properties={"display_name": f"fraud {word}"},
                        ),
                        Artifact(key=version, type="lineage.ModelVersion"),
                        Attribution(context=model, artifact=version),
                    ),
                ),
                say_move(moves_in(f"1 blue deploy {word}")[0], inputs=[version]),
            ],
            namespace=namespace,
        )
    ours = ledger.registry.model("acme:registered")
    assert [one.key for one in ours.versions] == ["acme:version/ours"]
    assert [one.deployment for one in ours.versions[0].serving] == ["acme:blue/ours"]
    for answer in (ours, ledger.registry.serving(), ledger.registry.serving(ServingQuery())):
        assert "theirs" not in repr(answer)
    with pytest.raises(NotFoundError):
        ledger.registry.model("fraud theirs")
