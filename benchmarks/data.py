"""Make seeded workloads as plain data, so that every side is given the same work.

Standard library only: a rival loads this module in an environment of its own.
A workload is a `History`; each side builds its own objects from it. Nodes have a name that is
unique among their kind and two declared properties: `size` (an integer) and `label` (a string).
"""

import hashlib
import random  # noqa: TID251 - the seed is an argument
from typing import NamedTuple

SEED = 20_240_229
CONTEXT_POOL = 8
CONTEXT_RUN = 250
"""So many executions in a row share a context: ML Metadata joins all contexts of one call to all
its nodes, so a batch that mixed contexts would be other work for it than for anybody else."""


class Node(NamedTuple):
    """Something with a name and the two declared properties."""

    name: str
    size: int
    label: str


class Step(NamedTuple):
    """One execution: what it read, what it made, and the context that it belongs to.

    `inputs` and `context` are places in `History.artifacts` and `History.contexts`.
    What step *i* made is the artifact at `History.roots + i`.
    """

    execution: Node
    inputs: tuple[int, int]
    context: int


class Counts(NamedTuple):
    """How many nodes (artifacts and executions) and how many events between them."""

    nodes: int
    events: int


class History(NamedTuple):
    """A whole workload: artifacts that were there before, then steps in order.

    `target` is the place of the artifact whose upstream `closure` is asked for.
    With more than one lane, step *i* is in lane *i* modulo `lanes` and reads only what was there
    before and what its own lane made, so that lanes can be written side by side.
    """

    artifacts: tuple[Node, ...]
    contexts: tuple[Node, ...]
    steps: tuple[Step, ...]
    roots: int
    lanes: int
    target: int
    closure: Counts

    @property
    def stored(self) -> Counts:
        """Say how much a store holds once all of it is written."""
        return Counts(len(self.artifacts) + len(self.steps), 3 * len(self.steps))

    @property
    def fingerprint(self) -> str:
        """Name the workload by its content: equal only where the work is equal."""
        return hashlib.sha256(repr(tuple(self)).encode()).hexdigest()[:16]


def uri(artifact: Node) -> str:
    """Say where the content of an artifact would lie."""
    return f"s3://bench/{artifact.name}"


def ingest_history(executions: int, *, lanes: int = 1, seed: int = SEED) -> History:
    """Make `executions` steps, each with two inputs drawn from what came before in its lane."""
    rng = _dice(seed)
    roots = 16
    inputs: list[tuple[int, int]] = []
    for i in range(executions):
        made, lane = divmod(i, lanes)  # what this lane made so far, and which one it is
        first, second = _two(rng, roots + made)
        inputs.append((_place(first, roots, lane, lanes), _place(second, roots, lane, lanes)))
    target = roots + executions - 1
    return _history(rng, inputs, roots, lanes, target, Counts(0, 0))


def trace_history(
    executions: int = 19_667,
    *,
    roots: int = 666,
    layers: int = 48,
    bystanders: int = 1_000,
    seed: int = SEED,
) -> History:
    """Make layers that all lead to one artifact, and bystanders that lead nowhere.

    As it stands the closure has 40,000 nodes and 59,001 events, 96 hops deep (an execution and
    an artifact a layer); ML Metadata walks at most 100. Everything in the layers is upstream of
    the target and no bystander is, so a right answer has exactly the counts in `closure`.
    """
    rng = _dice(seed)
    widths = _widths(executions, layers)
    if roots > 2 * widths[0]:
        raise ValueError(f"{roots} roots are more than {widths[0]} executions can read")
    inputs: list[tuple[int, int]] = []
    start, before = 0, roots
    for width in widths:
        inputs += [(start + a, start + b) for a, b in _covering_pairs(rng, before, width)]
        start, before = start + before, width
    inputs += [_two(rng, roots + executions) for _ in range(bystanders)]
    closure = Counts(roots + 2 * executions, 3 * executions)
    return _history(rng, inputs, roots, 1, roots + executions - 1, closure)


def _dice(seed: int) -> random.Random:
    return random.Random(seed)  # noqa: S311 - to be repeated, not to be secret


def _history(
    rng: random.Random,
    inputs: list[tuple[int, int]],
    roots: int,
    lanes: int,
    target: int,
    closure: Counts,
) -> History:
    steps = tuple(
        Step(_node(rng, "execution", i), pair, i // CONTEXT_RUN % CONTEXT_POOL)
        for i, pair in enumerate(inputs)
    )
    artifacts = tuple(_node(rng, "artifact", i) for i in range(roots + len(inputs)))
    contexts = tuple(_node(rng, "context", i) for i in range(CONTEXT_POOL))
    return History(artifacts, contexts, steps, roots, lanes, target, closure)


def _node(rng: random.Random, kind: str, i: int) -> Node:
    return Node(f"{kind}-{i}", rng.randrange(1 << 40), f"label-{rng.randrange(1000)}")


def _two(rng: random.Random, count: int) -> tuple[int, int]:
    """Draw two different places below `count`."""
    first = rng.randrange(count)
    return first, _other(rng, count, first)


def _other(rng: random.Random, count: int, first: int) -> int:
    second = rng.randrange(count - 1)
    return second + (second >= first)


def _place(drawn: int, roots: int, lane: int, lanes: int) -> int:
    """Turn "a root, or the k-th output of this lane" into a place among all artifacts."""
    return drawn if drawn < roots else roots + lane + (drawn - roots) * lanes


def _widths(executions: int, layers: int) -> list[int]:
    """Share executions out to layers, first layer first; the last one has a single execution.

    Going back from the target a layer is at most twice as wide as the one after it, so that two
    inputs an execution are enough to read everything the layer before made.
    """
    widths = [1]
    left = executions - 1
    for remaining in range(layers - 1, 0, -1):
        widths.append(min(2 * widths[-1], -(-left // remaining)))
        left -= widths[-1]
    if left or min(widths[1:]) < 2:
        raise ValueError(f"{executions} executions do not fill {layers} layers")
    return widths[::-1]


def _covering_pairs(rng: random.Random, before: int, width: int) -> list[tuple[int, int]]:
    """Draw two different inputs for each of `width` executions so that all of `before` is read."""
    order = list(range(before))
    rng.shuffle(order)
    pairs: list[tuple[int, int]] = []
    for i in range(width):
        first = order[i] if i < before else rng.randrange(before)
        second = order[i + width] if i + width < before else _other(rng, before, first)
        pairs.append((first, second))
    return pairs
