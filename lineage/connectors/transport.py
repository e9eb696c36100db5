"""The contract of what carries a reader's questions to a source, and the answers back.

The engine knows no network: the surface makes a transport (address, credentials, time limits,
retries) and passes it in. A reader names paths below the source's address, and reads bytes. What a
transport raises never quotes a credential, a query or the user information of an address.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Final, Protocol

from lineage_schemas.errors import LedgerError

ANSWER_START_BYTES: Final = 1_024
"""How much of a refusing answer an error keeps for the reader, at most."""

Params = Mapping[str, str | Sequence[str]]
"""What is asked, by name; a sequence gives the name once for each of its values."""


class SourceError(LedgerError):
    """A source could not be asked, or did not answer as it should.

    ``status`` is the HTTP status of the answer (0: there was none), and ``answer`` its beginning,
    for readers that tell kinds of refusals apart. It is not shown: nobody knows what is in it.
    """

    code = "source_unavailable"

    def __init__(
        self, what: str, *, where: str = "", hint: str = "", status: int = 0, answer: bytes = b""
    ) -> None:
        super().__init__(what, where=where, hint=hint)
        self.status = status
        self.answer = answer[:ANSWER_START_BYTES]

    def __reduce__(self) -> tuple[Callable[[], LedgerError], tuple[()]]:
        """Let an error be copied with all that it keeps."""
        again = partial(type(self), self.what, where=self.where, hint=self.hint)
        return partial(again, status=self.status, answer=self.answer), ()

    def at(self, where: str) -> LedgerError:
        """Return the same error, told to stand at ``where`` (in front of what it already named)."""
        inner = f"{where}: {self.where}" if self.where else where
        return type(self)(
            self.what, where=inner, hint=self.hint, status=self.status, answer=self.answer
        )


class SourceUnreachableError(SourceError):
    """No connection, or one that broke; every further question may meet the same."""

    code = "source_unreachable"


class SourceRefusedError(SourceError):
    """The source does not let us ask this (401, 403)."""

    code = "source_refused"


class SourceMissingError(SourceError):
    """The source has no such thing, or no such address (404, 405, 501)."""

    code = "source_missing"


class SourceSlowError(SourceError):
    """The source did not answer in time, or asked for more patience than there is (429, 5xx)."""

    code = "source_slow"


class SourceAnswerError(SourceError):
    """The source answered what cannot be used: cut, too long, from elsewhere, or a 400."""

    code = "source_answer"


class Transport(Protocol):
    """Asks one source. It may be used from one thread at a time."""

    def get(self, path: str, params: Params) -> bytes:
        """Return the body of the answer to a GET.

        ``path`` begins with a slash and is quoted already; it goes below the source's address.

        Raises:
            SourceError: one of its kinds.
        """
        ...

    def post(self, path: str, body: bytes) -> bytes:
        """Return the body of the answer to a POST of JSON. Only for questions: it may be repeated.

        Raises:
            SourceError: one of its kinds.
        """
        ...
