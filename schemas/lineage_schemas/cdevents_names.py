"""What things from CDEvents are called here.

    cdevents:KIND/SOURCE/ID                        a subject, by its kind, source and id
    cdevents:KIND.PREDICATE/SOURCE/ID              a step that only a message names, by the message
    cdevents:place/SOURCE/ID/ENVIRONMENT           a service in an environment
    cdevents:deployment/SOURCE/ID                  what a message deployed, by the message
    cdevents:revision/SOURCE/ID/ENVIRONMENT/NAME   or by its name, where it has one
    cdevents:message/UUID                          a message, by what links call it
    cdevents:message/SOURCE/ID                     likewise, where its id is no UUID

Sources and ids are percent-encoded, so that a slash in one separates nothing.
"""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import quote

from lineage_schemas.identifiers import normalise_identifier
from lineage_schemas.uris import without_passwords

_UUID: Final = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}", re.IGNORECASE)


def cdevents_identifier(kind: str, *names: str) -> str:
    """Return the identifier of a thing by the names that CDEvents has for it.

    Raises:
        LimitExceededError: longer than ``IDENTIFIER_BYTES_MAX``.
    """
    plain = (quote(without_passwords(name), safe="") for name in names)
    return normalise_identifier("/".join((f"cdevents:{kind}", *plain)))


def cdevents_place(source: str, service: str, environment: str | None) -> str:
    """Return the key of a service in an environment.

    The environment's own source is not part of it: whoever watches a service and whoever deploys
    it name the environment by different sources, and mean one place.

    Raises:
        LimitExceededError: longer than ``IDENTIFIER_BYTES_MAX``.
    """
    names = (source, service) if environment is None else (source, service, environment)
    return cdevents_identifier("place", *names)


def cdevents_message(message_id: str, source: str) -> str:
    """Return the key of a message, as far as a link names it.

    A link names the id alone. A UUID is one of a kind wherever it comes from; any other id is only
    unique within its source, which is taken to be that of the message with the link: a stub is
    better than an edge between messages that happen to be called alike.

    Raises:
        LimitExceededError: longer than ``IDENTIFIER_BYTES_MAX``.
    """
    if _UUID.fullmatch(message_id):
        return cdevents_identifier("message", message_id.lower())
    return cdevents_identifier("message", source, message_id)
