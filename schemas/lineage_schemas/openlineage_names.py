"""OpenLineage's names of data sets and jobs: one spelling each, and their place in an identifier.

OpenLineage names a data set by a namespace (its data source) and a name (its path there), but its
producers do not agree on the spelling. Names are case sensitive and are kept but for one slash;
of a namespace, scheme and host are not.
"""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import quote, unquote

from lineage_schemas.errors import InvalidIdentifierError
from lineage_schemas.uris import ascii_lower, shown, without_passwords

SCHEME_ALIASES: Final = {"postgresql": "postgres", "s3a": "s3", "s3n": "s3"}
"""What the Hadoop and SQL drivers call a scheme, and what OpenLineage's naming page calls it."""

WHOLE_ALIASES: Final = {"bigquery:": "bigquery", "file:": "file"}
"""Namespaces without a host, by what is left of them without their slashes."""

OBJECT_STORES: Final = frozenset({"abfs", "abfss", "gcs", "gs", "s3", "wasb", "wasbs"})
"""Schemes whose names are object keys, which some producers begin with a slash."""

_NAMESPACE: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.\-]*)://([^/?#]*@)?([^/?#;]*)(.*)", re.DOTALL)
_UNKEEPABLE: Final = re.compile("[\0\ud800-\udfff]")
_BROKEN_PERCENT: Final = re.compile(r"%(?![0-9A-Fa-f]{2})")

BLANK: Final = "\t-\r\x1c- \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
"""The white space of ``str.isspace``, as a set for a pattern, so that it is ours for ever."""

_ESCAPED: Final = re.compile(rf"[%\x00-\x1f\x7f-\x9f]|\A[{BLANK}]+|[{BLANK}]+\Z")


def normalise_namespace(namespace: str) -> str:
    """Return the one spelling of a namespace of a data set or a job; it is its own.

    Scheme and host are lower case, aliases of schemes are resolved, slashes at the end and
    passwords are gone.

    Raises:
        InvalidIdentifierError: empty, or a character that cannot be kept.
    """
    _check(namespace, "namespace")
    text = without_passwords(namespace)
    whole = _NAMESPACE.fullmatch(text)
    if whole is not None:
        scheme, user, host, rest = whole.groups()
        scheme = scheme.lower()
        scheme = SCHEME_ALIASES.get(scheme, scheme)
        text = f"{scheme}://{user or ''}{ascii_lower(host)}{rest}"
    stripped = text.rstrip("/")
    if stripped.endswith(":"):
        alias = WHOLE_ALIASES.get(ascii_lower(stripped))
        return alias or (f"{stripped}//" if text.startswith(f"{stripped}//") else stripped)
    return stripped or "/"


def normalise_dataset(namespace: str, name: str) -> tuple[str, str]:
    """Return the one spelling of a data set's namespace and name; it is its own.

    In an object store a single slash before the key is dropped: ``/a`` is the key ``a``, but
    ``//a`` and ``/`` are kept.

    Raises:
        InvalidIdentifierError: either is empty, or holds a character that cannot be kept.
    """
    namespace = normalise_namespace(namespace)
    name = normalise_name(name)
    if (
        name.startswith("/")
        and name[1:2] not in {"", "/"}
        and namespace.partition("://")[0] in OBJECT_STORES
    ):
        name = name[1:]
    return namespace, name


def normalise_name(name: str) -> str:
    """Return a name without passwords of URIs in it; nothing else of a name is changed.

    Raises:
        InvalidIdentifierError: empty, or a character that cannot be kept.
    """
    _check(name, "name")
    return without_passwords(name)


def escaped(name: str) -> str:
    """Percent-encode what may not stand in an identifier, and the percent sign; no more."""
    return _ESCAPED.sub(lambda found: quote(found[0], safe=""), name)


def unescaped(text: str) -> str:
    """Undo any percent-encoding.

    Raises:
        InvalidIdentifierError: a broken one, or bytes that are not UTF-8.
    """
    if "%" not in text:
        return text
    if _BROKEN_PERCENT.search(text) is not None:
        raise InvalidIdentifierError(
            "A percent sign is not followed by two hexadecimal digits",
            where=shown(text),
            hint="Write a percent sign itself as %25.",
        )
    try:
        return unquote(text, errors="strict")
    except UnicodeDecodeError as error:
        raise InvalidIdentifierError(
            "Percent-encoded bytes are not UTF-8", where=shown(text)
        ) from error


def _check(text: str, what: str) -> None:
    if not text:
        raise InvalidIdentifierError(f"A {what} of OpenLineage is empty")
    if _UNKEEPABLE.search(text) is not None:
        raise InvalidIdentifierError(
            f"A {what} of OpenLineage holds U+0000 or a lone surrogate", where=shown(text)
        )
