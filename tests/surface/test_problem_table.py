"""Every error of ours has a status, a title of its own, and a word on whether to try again."""

import msgspec
import pytest

from lineage_api.problems import NotReadyError, Problem, is_retriable, problem_response, status_of
from lineage_api.webhooks import WebhookError
from lineage_schemas import errors
from lineage_schemas.errors import (
    LedgerError,
    ProofError,
    SidecarError,
    StoreBehindError,
    StoreBusyError,
    StoreError,
)


def every_error() -> list[type[LedgerError]]:
    """Return every class of error that the ground and the surface define."""
    found = [one for one in vars(errors).values() if isinstance(one, type)]
    return [one for one in found if issubclass(one, LedgerError)] + [WebhookError, NotReadyError]


@pytest.mark.parametrize(
    ("kind", "status", "retriable"),
    [
        (ProofError, 400, False),
        (WebhookError, 502, False),
        (StoreBehindError, 503, False),
        (SidecarError, 503, False),
        (StoreError, 503, True),
        (StoreBusyError, 503, True),
    ],
)
def test_what_a_client_is_told(kind: type[LedgerError], status: int, *, retriable: bool) -> None:
    error = kind("It happened")
    assert status_of(error) == status
    assert is_retriable(error) is retriable
    assert ("retry-after" in problem_response(error).headers) is (kind is StoreBusyError)


@pytest.mark.parametrize("kind", every_error(), ids=lambda kind: kind.__name__)
def test_no_error_is_told_as_a_fault_of_ours_but_those_that_are(kind: type[LedgerError]) -> None:
    response = problem_response(kind("It happened"))
    problem = msgspec.json.decode(bytes(response.body), type=Problem)
    assert (problem.title == "Something went wrong here") is (kind.code == "internal")
