"""What must hold from one envelope to the next, told by hand for each way it can fail."""

import pytest

from lineage.audit.entries import Followed, Follower
from lineage.audit.reports import Findings
from lineage_schemas.entry import Batch, Commitments, Envelope
from lineage_schemas.records import Mode

BACKWARDS = "Recorded time runs backwards"
NOT_HERE = "The batch does not begin here"
INTERLEAVED = "The batch is interleaved with another"
CITES_LATER = "The message it cites does not come earlier"
NOT_WHOLE = "The last batch is not whole"

Said = tuple[int, tuple[int, int], int | None]
"""(recorded time, batch, position of the message), of one entry after the other."""


def envelope(recorded_us: int, batch: tuple[int, int], message: int | None) -> Envelope:
    return Envelope(
        version=2,
        statement="s",
        source="ci",
        namespace="default",
        actor="actor-1",
        mode=Mode.OBSERVATION,
        batch=Batch(*batch),
        recorded_us=recorded_us,
        stated=None,
        message=message,
        mapping=None,
        structure=(),
        commitments=Commitments(None, None),
    )


def follow(said: list[Said], cut: int = 0) -> list[tuple[int | None, str]]:
    """Return what is found, though the follower is put aside and taken up again at ``cut``."""
    found = Findings()
    follower = Follower(found, Followed())
    for position, one in enumerate(said):
        if position == cut:
            follower = Follower(found, follower.followed)
        follower.check(position, envelope(*one))
    follower.end(len(said))
    return [(one.position, one.what) for one in found.kept]


@pytest.mark.parametrize("cut", range(3))
@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ([(5, (0, 1), None), (5, (1, 2), None), (6, (1, 2), 1)], []),
        ([(5, (0, 1), None), (4, (1, 1), None), (4, (2, 1), None)], [(1, BACKWARDS)]),
        ([(5, (0, 1), None), (5, (0, 1), None), (5, (2, 1), None)], [(1, NOT_HERE)]),
        ([(5, (0, 1), None), (5, (1, 0), None), (5, (2, 1), None)], [(1, NOT_HERE)]),
        ([(5, (0, 3), None), (5, (1, 1), None), (5, (2, 1), None)], [(1, INTERLEAVED)]),
        (
            [(5, (0, 3), None), (5, (0, 3), None), (5, (0, 4), None)],
            [(2, INTERLEAVED), (0, NOT_WHOLE)],
        ),
        ([(5, (0, 1), None), (5, (1, 1), None), (5, (2, 2), None)], [(2, NOT_WHOLE)]),
        ([(5, (0, 1), None), (5, (1, 1), 1), (5, (2, 1), 2)], [(1, CITES_LATER), (2, CITES_LATER)]),
        ([(5, (0, 1), None), (5, (1, 1), -1), (5, (2, 1), 0)], [(1, CITES_LATER)]),
    ],
)
def test_entries_follow_one_another(
    said: list[Said], expected: list[tuple[int, str]], cut: int
) -> None:
    assert follow(said, cut) == expected


def test_after_an_entry_that_cannot_be_read_the_next_is_believed() -> None:
    found = Findings()
    follower = Follower(found, Followed())
    follower.check(0, envelope(5, (0, 1), None))
    follower.skip(1)
    follower.check(2, envelope(3, (1, 2), None))
    follower.check(3, envelope(3, (3, 1), None))
    follower.end(4)
    assert found.kept == []
