"""Paths against every walk there is: `oracle_paths`, as of every size."""

from hypothesis import given, settings
from hypothesis import strategies as st

from lineage.ledger import Direction, LinkClass, PathsQuery, Statement
from path_answers import check_paths
from strategies import (
    ALIASES,
    ARTIFACTS,
    DIGESTS,
    EXECUTIONS,
    batch_sizes,
    histories,
    lineage_records,
)
from told_graphs import DEFAULT, EVERY, told


def names() -> st.SearchStrategy[str]:
    return st.sampled_from([*ARTIFACTS, *EXECUTIONS, *ALIASES, DIGESTS[0]])


def queries(**fixed: st.SearchStrategy[object]) -> st.SearchStrategy[PathsQuery]:
    fields: dict[str, st.SearchStrategy[object]] = {
        "start": names(),
        "end": names(),
        "direction": st.sampled_from(Direction),
        "cross": st.sampled_from([DEFAULT, EVERY, (), (LinkClass.ASSERTED,), EVERY[1:]]),
        "count": st.sampled_from([1, 3, 1_000]),
    }
    return st.builds(PathsQuery, **(fields | fixed))


STORIES = histories(lineage_records(), statements_max=8)


@settings(max_examples=60)
@given(history=STORIES, sizes=batch_sizes(), query=queries())
def test_the_paths_are_those_of_the_oracle_in_its_order(
    history: list[Statement], sizes: list[int], query: PathsQuery
) -> None:
    log = told(history, sizes)
    for size in sorted(log.graphs)[-2:]:
        answer = log.ledger.graph.paths(query, as_of=size)
        check_paths(log.graphs[size], log.keys(size), query, answer)


@settings(max_examples=30)
@given(history=STORIES, query=queries(depth=st.integers(0, 4)))
def test_paths_are_so_long_and_it_shows_that_there_are_longer_ones(
    history: list[Statement], query: PathsQuery
) -> None:
    log = told(history, [4])
    size = log.ledger.head().size
    check_paths(log.graphs[size], log.keys(size), query, log.ledger.graph.paths(query))
