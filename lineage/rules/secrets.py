"""Keeps secrets out of the log: passwords in URIs, and values whose names say that they are secret.

The log is for ever, so secrets are replaced before it, in the bytes of a message or of a payload
part: nothing else of it changes, and how many were replaced is counted. What is looked for:

- the password of ``scheme://user:password@host``, all that stands before the ``@`` of a web
  address, and parameters such as ``?password=...`` or ``;password=...``, in any text;
- the text, or the texts of the list, under a key such as ``db_password`` or ``apiKey``;
- the ``value`` of an object whose ``name`` or ``key`` is such a name, as in a list of variables.

This is a net, not a promise: a secret in running text under an innocent name passes through it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from itertools import pairwise
from typing import Final

from msgspec import Struct

from lineage_schemas.api_keys import API_KEY_SHAPE, holds_api_key, without_api_keys
from lineage_schemas.errors import InvalidInputError
from lineage_schemas.identifiers import normalise_identifier
from lineage_schemas.mlmd import Event, NodeRecord, Record
from lineage_schemas.records import Claim, Message, MetricSeries, Retraction
from lineage_schemas.sources import SourceExpectation, SourceScan
from lineage_schemas.values import JsonValue

FILTERED: Final = b"[filtered]"
"""What stands in a secret's place."""

_STEMS: Final = (
    *(b"passw", b"passphrase", b"pwd", b"secret", b"token", b"credential", b"authorization"),
    *(b"signature", b"sig=", b"llk_"),
)
"""Text without any of these, without a key's name and without a password in a URI is clean."""

# Each begins with a plain text, for which the engine can look much faster.
_HINTS: Final = (
    re.compile(
        rb"key(?:"
        + b"|".join(
            rb"(?<=%bkey)|(?<=%b.key)" % (word, word)
            for word in (b"api", b"access", b"account", b"private", b"shared")
        )
        + rb")"
    ),
    re.compile(rb"conn(?:ection)?[^a-z0-9]?str"),
    re.compile(rb"""://(?:[^\s/"\\]|\\["\\bfu])+@"""),
    re.compile(rb""":\\/\\/(?:[^\s/"\\]|\\["\\bfu])+@"""),
)
_URI: Final = re.compile(
    rb"""(?<![a-z0-9+.-])[a-z][a-z0-9+.-]*:(?://|\\/\\/)[^\s/?#"@:\\]*:((?:[^\s/"\\]|\\["\\bfu])+)@""",
    re.IGNORECASE,
)
_WEB_URI: Final = re.compile(rb"""https?:(?://|\\/\\/)([^\s/?#"@:\\]+)@""", re.IGNORECASE)
_PARAMETER: Final = re.compile(
    rb"""[?&;](?:[a-z0-9_.-]*(?:password|passwd|passphrase|pwd|secret|token|signature|api_?key"""
    rb"""|access_?key|account_?key)|sig)\s*=\s*((?:[^\s&;"\\#]|\\["\\/bfu])+)""",
    re.IGNORECASE,
)
_CREDENTIAL: Final = re.compile(
    r"""[?&;](?:[a-z0-9_.-]*(?:password|passwd|passphrase|pwd|secret|signature|api_?key"""
    r"""|access_?key|account_?key)|(?:[a-z0-9_.-]*(?:access|auth|id|refresh|security|session|sas)"""
    r"""[_.-]?)?token|sig)\s*=\s*([^\s&;"\\#]+)""",
    re.IGNORECASE,
)
"""In an identifier only what opens a door is left out: a ``page_token`` tells two things apart."""

_ALREADY_FILTERED: Final = frozenset({FILTERED, b"%5Bfiltered%5D"})
_API_KEY: Final = re.compile(API_KEY_SHAPE.encode())
"""One of our own; its public id stays, to revoke it by."""

_PASSWORDS: Final = (_API_KEY, _URI, _WEB_URI, _PARAMETER)
_TOKENS: Final = re.compile(rb'"([^"\\]*(?:\\.[^"\\]*)*)"(\s*:)?|([{}\[\]])', re.DOTALL)
_WORDS: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")

_SECRET_WORDS: Final = frozenset(
    {
        *("password", "passwd", "passphrase", "pwd", "secret", "secrets", "token", "authorization"),
        *("credential", "credentials", "apikey", "accesskey", "accountkey", "privatekey"),
        *("secretkey", "authtoken", "connectionstring", "connstr"),
    }
)
_SECRET_ENDINGS: Final = ("password", "passwd", "passphrase", "secret")
_SECRET_PAIRS: Final = frozenset(
    {
        *(("api", "key"), ("access", "key"), ("account", "key"), ("private", "key")),
        *(("shared", "key"), ("connection", "string"), ("connection", "str"), ("conn", "str")),
        ("access", "signature"),
    }
)
_HARMLESS_ENDINGS: Final = frozenset(
    {
        *("algorithm", "arn", "class", "column", "count", "enabled", "endpoint", "expiry", "field"),
        *("file", "ids", "length", "limit", "method", "name", "path", "policy", "provider"),
        *("required", "scope", "size", "ttl", "type", "uri", "url", "version"),
    }
)
"""``token_count`` and ``secret_name`` tell of a secret without telling it."""

_MODEL_TOKENS: Final = frozenset(
    {
        *("additional", "audio", "bos", "cls", "end", "eos", "image", "mask", "max", "new", "pad"),
        *("per", "sep", "special", "start", "stop", "unk", "video"),
    }
)
"""The ``pad_token`` of a language model is part of what it is, and no secret."""

_PAIR_NAMES: Final = frozenset({b"name", b"key"})
_ALWAYS_SEARCHED: Final = frozenset({Claim, Retraction, Message, SourceScan, SourceExpectation})
_AT: Final = ord("@")
_EQUALS: Final = ord("=")
_WORKING_FOLDERS: Final = frozenset({"PWD", "OLDPWD"})


def filter_secrets(body: bytes) -> tuple[bytes, int]:
    """Replace the secrets in a JSON text, and say how many there were.

    Nothing but the secrets changes; where there is none, ``body`` itself is returned. Text that is
    no JSON is searched as far as it goes and never refused.
    """
    if not is_suspect(body):
        return body, 0
    spans = [
        span for span in sorted(_Search().run(body)) if body[slice(*span)] not in _ALREADY_FILTERED
    ]
    if not spans:
        return body, 0
    pieces: list[bytes] = []
    end = 0
    for start, stop in spans:
        pieces += (body[end:start], FILTERED)
        end = stop
    return b"".join((*pieces, body[end:])), len(spans)


def clean_identifier(text: str) -> str:
    """Return the normal form of an identifier without API keys and the secrets of its parameters.

    Whoever names a thing and whoever asks for it come to the same identifier.

    Raises:
        InvalidIdentifierError: as ``normalise_identifier``.
    """
    text = without_api_keys(text)
    if "=" not in text:
        return normalise_identifier(text)
    bare = _CREDENTIAL.sub(lambda found: found[0][: -len(found[1])] + FILTERED.decode(), text)
    return normalise_identifier(bare)


def refuse_api_key(what: str, text: str) -> None:
    """Refuse an API key where nothing can be filtered out: names must stay what they are.

    Raises:
        InvalidInputError: there is one; quotes nothing of it.
    """
    if holds_api_key(text):
        raise InvalidInputError(
            f"A {what} is kept for ever, and may hold no API key",
            hint="Take the key for known to others, and revoke it.",
        )


def may_any_hold_secrets(records: Iterable[Record], *bodies: bytes) -> bool:
    """Tell quickly whether any of these records, which the bodies encode, may hold secrets.

    Never ``False`` where ``may_hold_secrets`` is true of one of them. Nearly all statements end
    here, and reading the bytes of each would cost more than encoding them did.
    """
    # A number, or ``find``: bytes in bytes costs an exception that nobody sees.
    for body in bodies:
        if _AT in body or _EQUALS in body or body.find(b"llk_") >= 0:
            return True
    for record in records:
        if type(record) in _ALWAYS_SEARCHED:
            return True
        if isinstance(record, NodeRecord) and (
            _may_hold_by_name(record.properties) or _may_hold_by_name(record.custom_properties)
        ):
            return True
    return False


def _may_hold_by_name(properties: dict[str, JsonValue]) -> bool:
    for name, value in properties.items():
        if isinstance(value, dict) or is_secret_name(name):
            return True
    return False


def may_hold_secrets(record: Record) -> bool:
    """Tell, from its names and plain values alone, whether a record is worth a search."""
    match record:
        case NodeRecord():
            texts = (record.name, record.external_id, getattr(record, "uri", None))
            return (
                any(text is not None and _may_hold_password(text) for text in texts)
                or any(map(_may_be_secret, record.properties.items()))
                or any(map(_may_be_secret, record.custom_properties.items()))
            )
        case Event():
            return any(isinstance(step, str) and _may_hold_password(step) for step in record.path)
        case MetricSeries():
            return _may_hold_password(record.metric)
        case _:
            return type(record) in _ALWAYS_SEARCHED


def _may_be_secret(item: tuple[str, JsonValue]) -> bool:
    name, value = item
    if _may_hold_password(name):
        return True
    if isinstance(value, str):
        return is_secret_name(name) or _may_hold_password(value)
    return isinstance(value, dict)


def _may_hold_password(text: str) -> bool:
    """Passwords in a URI stand before an "@" or behind a "="; our own keys say what they are."""
    return "@" in text or "=" in text or "llk_" in text


def is_suspect(body: bytes) -> bool:
    """Tell quickly whether a JSON text is worth a search; a clean one ends here.

    Never ``False`` of a text that holds another one that is.
    """
    lowered = body.lower()
    return any(stem in lowered for stem in _STEMS) or any(hint.search(lowered) for hint in _HINTS)


@lru_cache(maxsize=4_096)
def is_secret_name(name: str) -> bool:
    """Tell whether a value that goes by this name should be kept from the log."""
    if name in _WORKING_FOLDERS:
        return False
    words = [word.lower() for word in _WORDS.findall(name)]
    if not words or words[-1] in _HARMLESS_ENDINGS:
        return False
    if words[-2:] == ["key", "id"]:
        return "access" in words
    if not _SECRET_PAIRS.isdisjoint(pairwise(words)):
        return True
    return any(map(_is_secret_word, ["", *words], words))


def _is_secret_word(before: str, word: str) -> bool:
    if word == "token":
        return before not in _MODEL_TOKENS
    return word in _SECRET_WORDS or word.endswith(_SECRET_ENDINGS)


Span = tuple[int, int]


class _Level(Struct):
    """One object or list that is open: what its next text would be the value of."""

    is_object: bool
    key: bytes = b""
    is_secret: bool = False
    """Whether the key (of a list: the key it stands under) is a secret's name."""

    is_pair: bool = False
    """Whether the object's ``name`` or ``key`` is a secret's name; then its ``value`` is one."""

    values: list[Span] = []


class _Search:
    """Walks over the texts of a JSON document and collects the spans of its secrets."""

    def __init__(self) -> None:
        self._levels = [_Level(is_object=False)]
        self._whole: set[Span] = set()
        self._inside: list[tuple[Span, Span]] = []

    def run(self, body: bytes) -> Iterator[Span]:
        """Yield the spans of the secrets; none overlaps another."""
        for token in _TOKENS.finditer(body):
            if token[3]:
                self._turn(token[3])
            else:
                self._text(token)
        while len(self._levels) > 1:
            self._close()
        yield from self._whole
        for text, span in self._inside:
            if text not in self._whole:
                yield span

    def _turn(self, bracket: bytes) -> None:
        level = self._levels[-1]
        if bracket == b"{":
            self._levels.append(_Level(is_object=True))
        elif bracket == b"[":
            self._levels.append(_Level(is_object=False, is_secret=level.is_secret))
        elif len(self._levels) > 1:
            self._close()

    def _close(self) -> None:
        level = self._levels.pop()
        if level.is_pair:
            self._whole.update(level.values)

    def _text(self, token: re.Match[bytes]) -> None:
        level = self._levels[-1]
        text, span = token[1], token.span(1)
        if level.is_object and token[2] is not None:
            level.key, level.is_secret = text, _names_secret(text)
        elif level.is_secret and text not in {b"", FILTERED}:
            self._whole.add(span)
        elif level.key in _PAIR_NAMES:
            level.is_pair = level.is_pair or _names_secret(text)
        elif level.key == b"value" and text not in {b"", FILTERED}:
            level.values.append(span)
        self._inside += ((span, found) for found in _within(text, span[0]))


def _within(text: bytes, offset: int) -> Iterator[Span]:
    """Yield where passwords stand in the URIs and parameters of one text."""
    end = 0
    found = (match for pattern in _PASSWORDS for match in pattern.finditer(text))
    for start, stop in sorted(match.span(1) for match in found):
        if start >= end and text[start:stop] != FILTERED:
            yield offset + start, offset + stop
            end = stop


def _names_secret(text: bytes) -> bool:
    return is_secret_name(text.decode(errors="replace"))
