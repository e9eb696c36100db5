"""What the surface knows of a question and the engine does not: door, operation, purpose.

It belongs to the task that asks and to whatever the task calls, so it is a context variable; a
surface that hands work to another thread hands its context too.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final

from msgspec import Struct


class Inquiry(Struct, frozen=True, kw_only=True):
    """Through which door somebody asks, what the operation is called there, and what for.

    ``text`` is the form of the question without any value: a GraphQL document, a path. Left out,
    the call of the engine and the names of its arguments stand for it.
    """

    door: str = "python"
    operation: str = ""
    text: str = ""
    purpose: str = ""


_PRESENT: Final = ContextVar("inquiry", default=Inquiry())  # noqa: B039 - it is frozen


@contextmanager
def inquiring(inquiry: Inquiry) -> Generator[None]:
    """Let whatever is asked in this block be asked through a door, and for a purpose."""
    token = _PRESENT.set(inquiry)
    try:
        yield
    finally:
        _PRESENT.reset(token)


def present_inquiry() -> Inquiry:
    """Return what is known of the question that is being asked."""
    return _PRESENT.get()
