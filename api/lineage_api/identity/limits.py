"""How much one caller may use at a time, in bounded memory."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address
from typing import Final

from lineage.clock import Clock
from lineage_schemas.errors import RateLimitedError

NAMES_MAX: Final = 10_000
"""Callers that are remembered; the one that was quiet the longest is forgotten first."""

NOBODY: Final = "unknown"
"""Where a caller has no address: all of these share one bucket."""

_NETWORK_BITS: Final = 64
_ADDRESS_BITS: Final = 128
_SECOND_US: Final = 1_000_000


@dataclass
class _Bucket:
    tokens: float
    at_us: int


class Buckets:
    """Token buckets (``rate`` a second, at most ``burst``), one for each name. A rate of 0: no end.

    Whoever is forgotten comes back to a full bucket, so ``names_max`` bounds the memory and not the
    limit, unless more names than that are busy at once.
    """

    def __init__(self, rate: float, burst: float, clock: Clock, names_max: int = NAMES_MAX) -> None:
        self._rate = rate
        self._burst = burst
        self._clock = clock
        self._names_max = names_max
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()

    def __len__(self) -> int:
        """How many names are remembered."""
        return len(self._buckets)

    def take(self, name: str) -> float:
        """Take one token and return 0; or take none, and return the seconds to wait for one."""
        if not self._rate:
            return 0.0
        bucket = self._filled(name)
        if bucket.tokens < 1:
            return (1 - bucket.tokens) / self._rate
        bucket.tokens -= 1
        return 0.0

    def give_back(self, name: str) -> None:
        """Give back what was taken: it was not used."""
        if self._rate:
            bucket = self._filled(name)
            bucket.tokens = min(self._burst, bucket.tokens + 1)

    def _filled(self, name: str) -> _Bucket:
        now = self._clock()
        bucket = self._buckets.setdefault(name, _Bucket(self._burst, now))
        self._buckets.move_to_end(name)
        if len(self._buckets) > self._names_max:
            self._buckets.popitem(last=False)
        gained = max(0, now - bucket.at_us) / _SECOND_US * self._rate
        bucket.tokens = min(self._burst, bucket.tokens + gained)
        bucket.at_us = now
        return bucket


@dataclass
class _Inside:
    requests: int = 0
    bytes: int = 0


class Occupancy:
    """What each caller has inside at present: requests, and bytes of their bodies. 0: no end.

    Nobody is remembered who has nothing inside.
    """

    def __init__(self, requests_max: int, bytes_max: int) -> None:
        self._requests_max = requests_max
        self._bytes_max = bytes_max
        self._inside: dict[str, _Inside] = {}

    def __len__(self) -> int:
        """How many callers have something inside."""
        return len(self._inside)

    def enter(self, name: str) -> None:
        """Count a request in.

        Raises:
            RateLimitedError: the caller has as many inside as it may; nothing was counted.
        """
        inside = self._inside.setdefault(name, _Inside())
        if self._requests_max and inside.requests >= self._requests_max:
            raise RateLimitedError(
                f"You have {inside.requests} requests here at once, which is the limit",
                hint="Wait for an answer before you send the next.",
            )
        inside.requests += 1

    def add(self, name: str, count: int) -> None:
        """Count bytes of a body in.

        Raises:
            RateLimitedError: there are more than the caller may have inside; they were counted.
        """
        inside = self._inside[name]
        inside.bytes += count
        if self._bytes_max and inside.bytes > self._bytes_max:
            raise RateLimitedError(
                f"Your requests bring more than {self._bytes_max} bytes here at once",
                hint="Wait for an answer before you send the next, or send smaller ones.",
            )

    def leave(self, name: str, count: int) -> None:
        """Count a request and the bytes of its body out."""
        inside = self._inside[name]
        inside.requests -= 1
        inside.bytes -= count
        if not inside.requests:
            del self._inside[name]


def neighbourhood(address: str) -> str:
    """Return what stands for an address: itself, or the network of an IPv6 address.

    A household has 2^64 addresses of IPv6, and could send each request from another. Some proxies
    write the port too, which every connection has another of.
    """
    try:
        found = ip_address(_without_port(address).partition("%")[0])
    except ValueError:
        return NOBODY
    if not isinstance(found, IPv6Address):
        return str(found)
    if found.ipv4_mapped is not None:
        return str(found.ipv4_mapped)
    host_bits = _ADDRESS_BITS - _NETWORK_BITS
    return f"{IPv6Address(int(found) >> host_bits << host_bits)}/{_NETWORK_BITS}"


def _without_port(address: str) -> str:
    if address.startswith("["):
        return address[1:].partition("]")[0]
    return address.partition(":")[0] if address.count(":") == 1 else address
