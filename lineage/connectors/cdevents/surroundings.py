"""What other things are in: environments, repositories and branches, which are contexts."""

from __future__ import annotations

from typing import Final

from lineage.connectors.cdevents.telling import (
    ENVIRONMENT,
    PROJECT,
    Step,
    Telling,
    say_repository,
    without_none,
)
from lineage_schemas.mlmd import Association, Context, ExecutionState
from lineage_schemas.uris import without_passwords
from lineage_schemas.values import JsonValue

_TYPES: Final = {"environment": ENVIRONMENT, "repository": PROJECT, "branch": PROJECT}


def say_surroundings(telling: Telling) -> Step:
    """Say that an environment, a repository or a branch was made, changed or deleted.

    A branch is a part of its repository. What was deleted stays, and says so.
    """
    content = telling.content
    address = telling.url
    view = content.view_url
    properties: dict[str, JsonValue] = {
        "display_name": content.name or telling.id,
        "source_type": telling.subject,
        "source_state": telling.predicate,
        "source_url": address if view is None else without_passwords(view),
    }
    if telling.subject == "repository":
        properties["repository"] = address
    custom: dict[str, JsonValue] = without_none({"cdevents.owner": content.owner})
    step = Step(
        telling.step,
        state=ExecutionState.COMPLETE,
        properties={
            "display_name": f"{content.name or telling.id} {telling.predicate}",
            "source_type": f"{telling.subject} {telling.predicate}",
            "ended_time": telling.moment,
        },
    )
    step.records = [
        Context(
            key=telling.key,
            type=_TYPES[telling.subject],
            properties=without_none(properties),
            custom_properties=custom,
            personal=tuple(custom),
        ),
        Association(context=telling.key, execution=step.key),
        *say_repository(telling, telling.key if telling.subject == "branch" else None),
    ]
    return step
