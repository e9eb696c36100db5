"""What questions take in GraphQL: inputs and arguments, each with its words."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated

import strawberry

from lineage_api.graphql.scalars import Int64


@strawberry.enum(description="The classes of links that a trace may cross.")
class CrossedClass(StrEnum):
    """All but guesses, which are only ever listed."""

    ASSERTED = "asserted"
    CONTENT = "content"
    DERIVED = "derived"


@strawberry.input(
    name="ValidDuring", description="An interval of stated time; its end is no part of it."
)
class ValidDuringInput:
    """Both ends of a half-open interval."""

    start: datetime = strawberry.field(name="from")
    end: datetime = strawberry.field(name="to")


@strawberry.input(description="A basis handed back: asks again of exactly the same past.")
class BasisInput:
    """What tells one past from every other."""

    origin: str
    size: Int64
    root: str
    projection: str
    valid_at: datetime | None = strawberry.field(
        default=None, description="As the answer had it: null where no moment was asked about."
    )
    valid_during: ValidDuringInput | None = strawberry.field(
        default=None, description="As the answer had it: null where no interval was asked about."
    )
    last_erasure: Int64 | None = strawberry.field(
        default=None, description="As the answer had it: null where nothing had been erased."
    )
    sources_at: datetime | None = strawberry.field(
        default=None, description="As the answer had it: null where no source was judged."
    )


@strawberry.input(
    name="AsOf",
    one_of=True,
    description="As of when: a size of the log, a moment, or the basis of an earlier answer.",
)
class AsOfInput:
    """Exactly one of these."""

    size: Int64 | None = strawberry.field(
        default=strawberry.UNSET, description="The entries 0 to size - 1."
    )
    time: datetime | None = strawberry.field(
        default=strawberry.UNSET, description="What had been recorded by then."
    )
    basis: BasisInput | None = strawberry.UNSET


AsOfArgument = Annotated[
    AsOfInput | None,
    strawberry.argument(description="As of when; left out, the log's size as the request began."),
]
ValidAtArgument = Annotated[
    datetime | None,
    strawberry.argument(description="What was so then, as sources state; left out, at any time."),
]
ValidDuringArgument = Annotated[
    ValidDuringInput | None,
    strawberry.argument(
        description="What was so at some moment of this interval, as sources state; not together "
        "with validAt."
    ),
]
NamespaceArgument = Annotated[
    str | None,
    strawberry.argument(
        description="Which namespace; each has nodes and types of its own. Left out, the one that "
        "the header Lineage-Namespace names, else default."
    ),
]
KeyArgument = Annotated[
    str,
    strawberry.argument(
        description="An identifier: the node's key, or one it is claimed to have. Or a label: what "
        "people call it, such as fraud-model-v3.2; one of several things is an error that lists "
        "them as candidates."
    ),
]
LinkedArgument = Annotated[
    str | None,
    strawberry.argument(description="An identifier or a label; left out, the whole namespace."),
]
FilterArgument = Annotated[
    str | None,
    strawberry.argument(
        description="Only what fulfils all of these terms: `type:DataSet state:LIVE rows>=1000`."
    ),
]
FirstArgument = Annotated[int, strawberry.argument(description="The size of a page, 1 to 1000.")]
AfterArgument = Annotated[
    str | None, strawberry.argument(description="The cursor of the page before.")
]


def interval_of(given: ValidDuringInput | None) -> tuple[datetime, datetime] | None:
    """Return an interval as the service takes it."""
    return None if given is None else (given.start, given.end)
