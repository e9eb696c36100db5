"""When what happens in the story, and what everything is called."""

from __future__ import annotations

from typing import Final, NamedTuple

HOST: Final = "github.example.org"
FRAUD: Final = "risk/fraud"
CHURN: Final = "risk/churn"
SERVER: Final = "mlflow.example.org"
REGISTRY: Final = f"containers.{HOST}"
IMAGE: Final = f"{REGISTRY}/{FRAUD}-model"
MODEL: Final = "fraud-model"
AUTHOR: Final = ("Ada Example", "ada@example.org")


class Release(NamedTuple):
    """A version of the model, from its training to its image."""

    number: int
    semantic: str
    change: tuple[tuple[str, str], ...]
    """What is changed in params.yaml before it is trained."""
    tried: str
    trained: str
    locked: str
    registered: str
    built: str
    training_run: int
    build_run: int


RELEASES: Final = (
    Release(
        number=1,
        semantic="1.0.0",
        change=(),
        tried="2026-01-06T09:00:00Z",
        trained="2026-01-06T09:05:00Z",
        locked="2026-01-06T09:30:00Z",
        registered="2026-01-06T10:00:00Z",
        built="2026-01-07T08:00:00Z",
        training_run=7101,
        build_run=7102,
    ),
    Release(
        number=2,
        semantic="1.1.0",
        change=(("strength: 0.5", "strength: 20.0"),),
        tried="2026-02-02T09:00:00Z",
        trained="2026-02-02T09:05:00Z",
        locked="2026-02-02T09:30:00Z",
        registered="2026-02-02T10:00:00Z",
        built="2026-02-03T08:00:00Z",
        training_run=7201,
        build_run=7202,
    ),
    Release(
        number=3,
        semantic="2.0.0",
        change=(
            ("uses_account_age: false", "uses_account_age: true"),
            ("strength: 20.0", "strength: 5.0"),
        ),
        tried="2026-03-16T09:00:00Z",
        trained="2026-03-16T09:05:00Z",
        locked="2026-03-16T09:30:00Z",
        registered="2026-03-16T10:00:00Z",
        built="2026-03-17T08:00:00Z",
        training_run=7301,
        build_run=7302,
    ),
)

BEGUN: Final = "2026-01-05T09:00:00Z"
CHURN_BEGUN: Final = "2026-02-10T09:00:00Z"
CHURN_TRAINED: Final = "2026-02-10T09:05:00Z"
CHURN_LOCKED: Final = "2026-02-10T09:30:00Z"

FIRST_SERVED: Final = "2026-01-12T08:05:00Z"
"""Version 1 becomes the champion in production."""
CHALLENGED: Final = "2026-02-05T10:00:00Z"
"""Version 2 serves a tenth of the traffic beside it."""
CROWNED: Final = "2026-02-17T09:00:00Z"
"""Version 2 becomes the champion."""
ALARMED: Final = "2026-02-24T14:30:00Z"
ROLLED_BACK: Final = "2026-02-24T15:10:00Z"
"""Version 1 is back."""
CALMED: Final = "2026-02-24T16:00:00Z"
RETIRED: Final = "2026-03-03T11:00:00Z"
"""Version 2 is retired."""
SUCCEEDED: Final = "2026-03-24T09:00:00Z"
"""Version 3 becomes the champion; it is at the end of the story, too."""
TOLD: Final = "2026-03-31T18:00:00Z"
"""Whoever tells the story looks at everything for the last time."""


class Step(NamedTuple):
    """Something that is done at one time in the model registry or with GTO's tags."""

    at: str
    tool: str
    words: tuple[str, ...]


def _alias(at: str, *words: str) -> Step:
    return Step(at, "mlflow", words)


def _gto(at: str, *words: str) -> Step:
    return Step(at, "gto", words)


PRODUCTION: Final = "production"

STEPS: Final = (
    _alias("2026-01-09T15:00:00Z", "alias", MODEL, "champion", "1"),
    _gto("2026-01-09T15:05:00Z", "assign", MODEL, "--version", "v1.0.0", "--stage", PRODUCTION),
    _alias("2026-02-04T15:00:00Z", "alias", MODEL, "challenger", "2"),
    _gto("2026-02-04T15:05:00Z", "assign", MODEL, "--version", "v1.1.0", "--stage", "challenger"),
    _alias("2026-02-17T08:50:00Z", "alias", MODEL, "champion", "2"),
    _alias("2026-02-17T08:51:00Z", "no-alias", MODEL, "challenger"),
    _gto("2026-02-17T08:55:00Z", "assign", MODEL, "--version", "v1.1.0", "--stage", PRODUCTION),
    _alias("2026-02-24T15:05:00Z", "alias", MODEL, "champion", "1"),
    _gto(
        "2026-02-24T15:06:00Z",
        *("assign", MODEL, "--version", "v1.0.0", "--stage", PRODUCTION, "--force"),
    ),
    _alias("2026-03-03T10:50:00Z", "stage", MODEL, "2", "Archived"),
    _gto("2026-03-03T11:00:00Z", "deprecate", MODEL, "v1.1.0"),
    _alias("2026-03-24T08:50:00Z", "alias", MODEL, "champion", "3"),
    _gto("2026-03-24T08:55:00Z", "assign", MODEL, "--version", "v2.0.0", "--stage", PRODUCTION),
)

LOOKS: Final = (
    "2026-01-10T06:00:00Z",
    "2026-02-06T06:00:00Z",
    "2026-02-18T06:00:00Z",
    "2026-02-25T06:00:00Z",
    "2026-03-04T06:00:00Z",
    TOLD,
)
"""When the ledger looked at DVC and MLflow; the last look is at all of them."""
