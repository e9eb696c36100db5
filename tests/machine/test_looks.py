"""However a source was looked at, the last whole look decides, and every change seen stands."""

from hypothesis import given
from hypothesis import strategies as st

from doubles import NOON_US, FakeClock, SeededRandomness
from lineage.importing.importer import Source
from lineage.importing.looking import look_at
from lineage.ledger import open_ledger
from toys import ShelfMapping, ShelfReader

SHELF = Source(name="shelf:one", mapping=ShelfMapping())
NAMES = ("a", "b~2", "c@1")


def key_of(name: str) -> str:
    """Return the key of a thing; the names are such that encoding them matters."""
    return f"toy:thing/{name.replace('~', '%7E').replace('@', '%40')}"


looks = st.tuples(
    st.dictionaries(st.sampled_from(NAMES), st.sampled_from(["red", "blue"])),
    st.sets(st.sampled_from(NAMES)),
    st.booleans(),
)
"""What a look shows, what of that it cannot read, and whether it is a whole one."""


@given(st.lists(looks, min_size=1, max_size=6))
def test_the_ledger_knows_what_was_seen(seen: list[tuple[dict[str, str], set[str], bool]]) -> None:
    labels: dict[str, str] = {}
    turns: dict[str, int] = {}
    with open_ledger("memory:", clock=FakeClock(), randomness=SeededRandomness()) as ledger:
        for at, (things, unreadable, is_whole) in enumerate([*seen, (seen[-1][0], set(), True)]):
            reader = ShelfReader(things, unreadable=sorted(unreadable))
            clock = FakeClock(NOON_US + at * 60_000_000, step_us=0)
            look_at(ledger, SHELF, reader, is_whole=is_whole, due_seconds=None, clock=clock)
            readable = {name: label for name, label in things.items() if name not in unreadable}
            for name, label in readable.items():
                turns[name] = turns.get(name, 0) + (labels.get(name) != label)
            labels |= readable
            if is_whole:
                labels = {name: label for name, label in labels.items() if name in things}
        size = ledger.head().size
        clock = FakeClock(NOON_US + 3_600_000_000, step_us=0)
        reader = ShelfReader(things)
        tally = look_at(ledger, SHELF, reader, is_whole=True, due_seconds=None, clock=clock)
        assert (tally.appended, ledger.head().size) == (0, size)
        nodes = {
            str(node.key): node.custom_properties for node in ledger.list_nodes("artifact").nodes
        }
        shown = {key: one["label"] for key, one in nodes.items() if not one["gone"]}
        assert shown == {key_of(name): label for name, label in things.items()}
        assert len(ledger.list_nodes("execution").nodes) == sum(turns.values())
