"""Whatever was said and whatever of it is erased: it is gone everywhere, and the rest is as it was.

Each statement carries words that no other has, in every place that a producer may fill.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from checks import check_ledger
from doubles import FakeClock, SeededRandomness
from erasing import ALL, PERSONAL, all_answers, answers, asked, view_bytes
from lineage.ledger import Ledger, PartsErased, Statement
from lineage.projections.edges import EDGE
from lineage.projections.links import LINK, LinkRow
from lineage.projections.memberships import MEMBERSHIP
from lineage.projections.nodes import NODE
from lineage.projections.views import TABLES
from lineage.proofs.inclusion import inclusion_proof
from lineage.proofs.tree import leaf_hash
from lineage.proofs.verifying import verify_inclusion
from lineage.service import Ledger as Service
from lineage.stores.opening import open_store
from lineage.stores.scanning import scan_rows
from lineage.stores.tables import Row, is_visible
from lineage_schemas.errors import InvalidInputError, LedgerError, RuleError
from lineage_schemas.graph import Node
from lineage_schemas.mlmd import Artifact, Context, Event, Execution, Kind
from lineage_schemas.records import AnyRecord, Claim, MetricSeries, Mode, Retraction
from strategies import (
    ALIASES,
    ARTIFACTS,
    CONTEXTS,
    EXECUTIONS,
    commands,
    numbered,
    observations,
)

OWN_KEY, OWN_ALIAS = ARTIFACTS[4], ALIASES[1]
"""Where a statement says these, it says a key or identifier of its own instead."""

KEYS = (ARTIFACTS[0], ARTIFACTS[1], EXECUTIONS[0], CONTEXTS[0], ALIASES[0], "mlmd:artifact/1")


def fact(number: int) -> str:
    """Return the word that stands in the facts of a statement, and nowhere else."""
    return f"zqf{number}x"


def secret(number: int) -> str:
    """Return the word that stands in the personal part of a statement, and nowhere else."""
    return f"zqp{number}x"


def marked(statement: Statement, number: int) -> Statement:
    """Put the words of a statement wherever it has room for them."""
    is_command = statement.mode is Mode.COMMAND
    return replace(
        statement,
        records=tuple(_marked(one, number, is_command=is_command) for one in statement.records),
    )


def _marked(record: AnyRecord, number: int, *, is_command: bool) -> AnyRecord:
    word = fact(number)
    match record:
        case Artifact() | Execution() | Context():
            return _marked_node(record, number, is_command=is_command)
        case Claim():
            own = f"{OWN_ALIAS}/{word}" if record.identifier == OWN_ALIAS else record.identifier
            return replace(record, identifier=own, evidence=record.evidence | {"line": word})
        case Event() if record.path:
            return replace(record, path=(word, *record.path))
        case Retraction():
            return replace(record, reason=word)
        case MetricSeries():
            return replace(record, metric=word)
        case _:
            return record


def _marked_node(
    record: Artifact | Execution | Context, number: int, *, is_command: bool
) -> AnyRecord:
    word = fact(number)
    custom = record.custom_properties | {"f": word, "s": secret(number)}
    marked = replace(record, custom_properties=custom, personal=(*record.personal, "s"))
    if record.name is not None and not is_command:
        marked = replace(marked, name=f"{record.name} {word}")
    if record.key == OWN_KEY:
        marked = replace(marked, key=f"{OWN_KEY}/{word}")
    if isinstance(marked, Artifact) and marked.uri is not None:
        marked = replace(marked, uri=f"{marked.uri}/{word}")
    return marked


class Step(NamedTuple):
    """What happens next: a statement is made, or of some statements parts are erased."""

    statement: Statement | None
    erased: tuple[int, ...]
    parts: PartsErased


def steps(said: st.SearchStrategy[Statement]) -> st.SearchStrategy[list[Step]]:
    """Draw a history in which statements and erasures take turns as they like."""
    saying = said.map(lambda one: Step(one, (), ALL))
    erasing = st.builds(
        Step,
        st.none(),
        st.lists(st.integers(0, 9), min_size=1, max_size=3).map(tuple),
        st.sampled_from(PartsErased),
    )
    return st.lists(st.one_of(saying, saying, saying, erasing), min_size=2, max_size=14)


class Told(NamedTuple):
    """What came of a history: where each statement stands, and the words that must be gone."""

    positions: dict[int, int]
    gone: list[str]


def new_ledger(location: str | Path = "memory:") -> Ledger:
    return Service(open_store(location, TABLES, "test/origin"), FakeClock(), SeededRandomness())


def tell(ledger: Ledger, history: list[Step], *, erase: bool = True) -> Told:
    """Let a history happen; what the ledger refuses does not."""
    told = Told({}, [])
    for number, step in enumerate(history):
        if step.statement is not None:
            (statement,) = numbered([marked(step.statement, number)], number)
            try:
                (receipt,) = ledger.record([statement])
            except (InvalidInputError, RuleError):
                continue
            if receipt.position is not None:
                told.positions[number] = receipt.position
        elif erase:
            erase_some(ledger, told, step)
    return told


def erase_some(ledger: Ledger, told: Told, step: Step) -> None:
    numbers = sorted({one for one in step.erased if one in told.positions})
    for number in numbers:
        try:
            ledger.erasures.erase(asked(told.positions[number], parts=step.parts))
        except LedgerError:
            # Commands that put a type keep it.
            continue
        told.gone.append(secret(number))
        if step.parts is ALL:
            told.gone.append(fact(number))


@contextmanager
def opened(kind: str) -> Iterator[Ledger]:
    with TemporaryDirectory() as folder:
        ledger = new_ledger("memory:" if kind == "memory" else Path(folder, "ledger.db"))
        yield ledger
        ledger.close()


def check_gone(ledger: Ledger, gone: list[str]) -> None:
    """Demand that no answer at any size and no row of a view holds an erased word."""
    words = tuple(dict.fromkeys(gone))[:3]
    first = all_answers(ledger, KEYS, words)
    everything = b"\n".join(first) + view_bytes(ledger)
    for word in gone:
        assert word.encode() not in everything, word
    size = ledger.head().size
    last = list(answers(ledger, KEYS, words, size, "default"))
    assert first[-len(last) :] == last
    another = Service(ledger._store, FakeClock(), SeededRandomness("another"))
    assert all_answers(another, KEYS, words) == first


def check_files(folder: Path, gone: list[str]) -> None:
    bodies = b"".join(path.read_bytes() for path in sorted(folder.iterdir()))
    for word in gone:
        assert word.encode() not in bodies, word


anything = st.one_of(observations(), observations(), commands())


@given(history=steps(anything))
def test_what_was_erased_is_in_no_answer_and_in_no_view(history: list[Step]) -> None:
    with opened("memory") as ledger:
        told = tell(ledger, history)
        check_gone(ledger, told.gone)
        check_ledger(ledger)


@settings(max_examples=15)
@given(history=steps(anything))
def test_what_was_erased_is_in_no_answer_no_view_and_no_file_of_sqlite(
    history: list[Step],
) -> None:
    with TemporaryDirectory() as folder:
        ledger = new_ledger(Path(folder, "ledger.db"))
        told = tell(ledger, history)
        check_files(Path(folder), told.gone)
        check_gone(ledger, told.gone)
        check_ledger(ledger)
        ledger.close()
        check_files(Path(folder), told.gone)


@given(history=steps(anything), run=st.integers(1, 5))
def test_views_do_not_depend_on_when_it_was_erased_or_how_the_log_is_cut(
    history: list[Step], run: int
) -> None:
    with opened("memory") as ledger, pytest.MonkeyPatch.context() as patch:
        patch.setattr("lineage.folding._RUN_ENTRIES", run)
        tell(ledger, history)
        report = ledger.rebuild()
        assert report.before == report.after


# --- beside a twin that erased nothing -----------------------------------------------------------


def structure(ledger: Ledger, size: int) -> set[Row]:
    """Return which nodes there are as of a size, and how they are joined."""
    with ledger._store.read() as reader:
        nodes: set[Row] = {("node", row[0]) for row in scan_rows(reader, NODE) if row[1] < size}
        edges = {("edge", *row[:3]) for row in scan_rows(reader, EDGE) if _shows(row, 3, size)}
        members = {("member", *row[:2]) for row in scan_rows(reader, MEMBERSHIP) if row[2] < size}
        links = {
            ("link", *row.register)
            for row in map(LinkRow._make, scan_rows(reader, LINK))
            if row.active and is_visible(row.since, row.until, size)
        }
    return nodes | edges | members | links


def _shows(row: Row, since: int, size: int) -> bool:
    return is_visible(row[since], row[since + 1], size)


def nodes_of(ledger: Ledger, size: int) -> dict[tuple[Kind | None, int | None], Node]:
    pages = [ledger.list_nodes(kind.value, count=1_000, as_of=size) for kind in Kind]
    return {(node.kind, node.id): node for page in pages for node in page.nodes}


@given(
    said=st.lists(observations(), min_size=1, max_size=8),
    erased=st.lists(
        st.tuples(st.integers(0, 7), st.sampled_from(PartsErased)), min_size=1, max_size=4
    ),
)
def test_what_was_not_erased_is_as_in_a_twin_that_erased_nothing(
    said: list[Statement], erased: list[tuple[int, PartsErased]]
) -> None:
    history = [Step(one, (), ALL) for one in said]
    with opened("memory") as ledger, opened("memory") as twin:
        told = tell(ledger, history)
        tell(twin, history)
        size, root = ledger.head().size, ledger.head().root
        proofs = proofs_of(ledger, size)
        for number, parts in erased:
            erase_some(ledger, told, Step(None, (number,), parts))
        check_proofs(ledger, proofs, size, root)
        for then in range(1, size + 1):
            assert structure(ledger, then) == structure(twin, then)
            mine, theirs = nodes_of(ledger, then), nodes_of(twin, then)
            assert mine.keys() == theirs.keys()
            for name, node in mine.items():
                if not node.redacted:
                    assert node == theirs[name]
        check_gone(ledger, told.gone)


def proofs_of(ledger: Ledger, size: int) -> list[list[bytes]]:
    with ledger._store.read() as reader:
        return [inclusion_proof(position, size, reader.hashes) for position in range(size)]


def check_proofs(ledger: Ledger, proofs: list[list[bytes]], size: int, root: bytes) -> None:
    """Demand that proofs which were given out before still lead from each envelope to the root."""
    with ledger._store.read() as reader:
        for position, envelope in enumerate(reader.envelopes(0, size)):
            verify_inclusion(position, size, leaf_hash(envelope), proofs[position], root)


def test_the_machine_erases_both_sorts_of_parts() -> None:
    """Hold the test's own words against a history that is known."""
    one = Artifact(key=ARTIFACTS[0], name="n", uri="file:///u")
    history = [Step(Statement(id="x", source="ci", records=(one,)), (), ALL)] * 2
    history += [Step(None, (0,), PERSONAL), Step(None, (1,), ALL)]
    with opened("memory") as ledger:
        told = tell(ledger, history[:2])
        everything = b"".join(all_answers(ledger, KEYS)) + view_bytes(ledger)
        for word in (fact(0), secret(0), fact(1), secret(1)):
            assert word.encode() in everything
        for step in history[2:]:
            erase_some(ledger, told, step)
        assert told.gone == [secret(0), secret(1), fact(1)]
        check_gone(ledger, told.gone)
        assert fact(0).encode() in b"".join(all_answers(ledger, KEYS))
