"""The end of all waiting: a connection that is cut by somebody else once its time is over."""

from __future__ import annotations

import socket
from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager, suppress
from http.client import HTTPConnection
from threading import Timer


@contextmanager
def cut_after(
    seconds: float, connections: Callable[[], Iterable[HTTPConnection]]
) -> Generator[None]:
    """Cut what ``connections`` returns, should the block take longer than ``seconds``.

    Each wait on the network begins anew with every byte: this is the end of all of them. Whoever
    waits for a connection that is cut is told at once, by an error or an early end.
    """

    def cut() -> None:
        for connection in connections():
            with suppress(OSError):  # it is gone already
                if connection.sock is not None:
                    connection.sock.shutdown(socket.SHUT_RDWR)

    alarm = Timer(seconds, cut)
    alarm.daemon = True
    alarm.start()
    try:
        yield
    finally:
        alarm.cancel()
