"""Every store finds rows by pairs of numbers, and sees what the same transaction wrote."""

from doubles import MakeStore
from lineage.stores.tables import Column, Row, Table

JOINED = Table(
    "joined",
    (Column("one", int), Column("other", int), Column("kind", str)),
    key=("one", "other", "kind"),
)
LARGE = 1 << 60
ENDS = [(one, other) for one in (1, 2, LARGE) for other in (1, 2, LARGE)]
ROWS: list[Row] = [(*pair, kind) for pair in ENDS for kind in ("a", "b")]
WANTED = [[], [(1, 2)], [(2, 1), (LARGE, LARGE), (2, 1)], [(3, 1), (1, 3)], ENDS]


def test_rows_are_found_by_pairs_that_their_keys_begin_with(make_store: MakeStore) -> None:
    store = make_store((JOINED,))
    with store.write() as writer:
        writer.insert(JOINED, ROWS)
        within = [sorted(writer.find_pairs(JOINED, wanted)) for wanted in WANTED]
    with store.read() as reader:
        found = [sorted(reader.find_pairs(JOINED, wanted)) for wanted in WANTED]
    assert within == found == [[row for row in ROWS if row[:2] in wanted] for wanted in WANTED]
