"""What waits for the writer: in turn by who sent it, and nobody holds all of the room."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar


class Waiting(Protocol):
    """Something that waits: for whom, and what it takes up."""

    @property
    def who(self) -> str:
        """Who sent it."""
        ...

    @property
    def length(self) -> int:
        """How many places it takes."""
        ...

    @property
    def bytes(self) -> int:
        """How many bytes it takes."""
        ...


W = TypeVar("W", bound=Waiting)


@dataclass
class _Lane(Generic[W]):
    """What one caller has waiting, in its order."""

    jobs: deque[W] = field(default_factory=deque[W])
    length: int = 0
    bytes: int = 0


class TurnQueue(Generic[W]):
    """A queue in which callers take turns, each with its own in order. Not safe across threads.

    ``shared``: nobody may hold more than what is left free after. One caller alone can then fill
    half of the queue, two together a third each, and only very many of them all of it.
    """

    def __init__(self, *, length_max: int, bytes_max: int, shared: bool) -> None:
        self._length_max = length_max
        self._bytes_max = bytes_max
        self._shared = shared
        self._lanes: OrderedDict[str, _Lane[W]] = OrderedDict()
        self.length = 0
        self.bytes = 0

    def __bool__(self) -> bool:
        """Whether anything waits."""
        return bool(self._lanes)

    def __iter__(self) -> Iterator[W]:
        """Everything that waits, caller by caller."""
        return (job for lane in self._lanes.values() for job in lane.jobs)

    def is_full_for(self, job: W) -> bool:
        """Tell whether there is no room for a job. Alone in the queue, each of them fits."""
        return bool(self) and (
            self.length + job.length > self._length_max or self.bytes + job.bytes > self._bytes_max
        )

    def is_over_share(self, job: W) -> bool:
        """Tell whether its caller would hold more than it leaves to others.

        The first job of a caller is within its share, however large it is.
        """
        lane = self._lanes.get(job.who)
        if not self._shared or lane is None:
            return False
        return (
            lane.length + job.length > self._length_max - self.length - job.length
            or lane.bytes + job.bytes > self._bytes_max - self.bytes - job.bytes
        )

    def put(self, job: W) -> None:
        """Put a job behind those of its caller."""
        lane = self._lanes.setdefault(job.who, _Lane())
        lane.jobs.append(job)
        self._count(lane, job, 1)

    def next(self) -> W:
        """Return whose turn it is, without taking it. There must be one."""
        return next(iter(self._lanes.values())).jobs[0]

    def take(self) -> W:
        """Take whose turn it is; the caller's next turn is after everybody else's."""
        who, lane = self._lanes.popitem(last=False)
        job = lane.jobs.popleft()
        self._count(lane, job, -1)
        if lane.jobs:
            self._lanes[who] = lane
        return job

    def _count(self, lane: _Lane[W], job: W, sign: int) -> None:
        self.length += sign * job.length
        self.bytes += sign * job.bytes
        lane.length += sign * job.length
        lane.bytes += sign * job.bytes
