"""Labels: what people call a node, where they know no identifier of it.

``#847``, ``run 847``, ``fraud-model-v3.2``, ``fraud-model 3`` and ``fraud-model@champion`` are
labels. Two of them are the same where their normal forms are:

- case does not matter;
- runs of blanks, ``-`` and ``_`` are one blank, and none stands at an end;
- ``#`` and ``v`` in front of a number are left out, where a word begins with them.

A label is never stored: what a node is called follows from what shows of it, and goes with that.
"""

from __future__ import annotations

import re
from typing import Final

from lineage_schemas.api_keys import without_api_keys
from lineage_schemas.errors import InvalidIdentifierError, LimitExceededError
from lineage_schemas.graph import Node
from lineage_schemas.limits import IDENTIFIER_BYTES_MAX
from lineage_schemas.mlmd import Kind
from lineage_schemas.redactions import is_redacted
from lineage_schemas.uris import shown, without_passwords
from lineage_schemas.values import JsonValue

DISPLAY_NAME: Final = "display_name"
"""The property of every well-known type that holds what its tool calls a node on screen."""

ALIASES_MAX: Final = 100
"""Aliases of one version by which it is found; it is found by no further ones."""

_RUN_NUMBER: Final = "run_number"
_MODEL_NAME: Final = "model_name"
_VERSION_PROPERTIES: Final = ("number", "semantic_version")

_BETWEEN: Final = re.compile(r"[\s_\-]+")
_BEFORE_NUMBER: Final = re.compile(r"(?:\A|(?<= ))(?:#v?|v)(?=[0-9])")
_NUMBER: Final = re.compile(r"[0-9]+")
_ZEROES_AT_END: Final = re.compile(r"(?:\.0)+\Z")
_IDENTIFIER_SHAPE: Final = re.compile(r"\s*[A-Za-z][A-Za-z0-9+.\-]*:\S", re.DOTALL)
_FORBIDDEN: Final = re.compile("[\0-\x1f\x7f-\x9f\ud800-\udfff]")
_LETTER_OR_DIGIT: Final = re.compile(r"[^\W_]")


def is_identifier_shaped(text: str) -> bool:
    """Tell whether a text is meant as ``scheme:value``: such a text is never taken for a label."""
    return _IDENTIFIER_SHAPE.match(text) is not None


def clean_label(text: str) -> str:
    """Return a label without API keys and passwords of URIs, and without blanks at its ends.

    Raises:
        InvalidIdentifierError: no letter or digit in it, a control character, a lone surrogate.
        LimitExceededError: longer than ``IDENTIFIER_BYTES_MAX``.
    """
    if _FORBIDDEN.search(text) is not None or _LETTER_OR_DIGIT.search(text) is None:
        raise InvalidIdentifierError(
            "This is neither an identifier nor what somebody could call a thing",
            where=shown(text),
            hint="Write scheme:value, or a label such as 'fraud-model 3' or '#847'.",
        )
    if len(text.encode()) > IDENTIFIER_BYTES_MAX:
        raise LimitExceededError(
            f"A label is longer than {IDENTIFIER_BYTES_MAX} bytes (IDENTIFIER_BYTES_MAX)",
            where=shown(text),
        )
    return without_passwords(without_api_keys(text)).strip()


def label_form(text: str) -> str:
    """Return the normal form of a label; it is its own."""
    plain = _BETWEEN.sub(" ", text.casefold()).strip()
    return _BEFORE_NUMBER.sub("", plain)


def labels_of(node: Node) -> dict[str, str]:
    """Return what people may call a node: normal forms, and the label behind each.

    That is its display name, its name, its run number, and of a model's version the model's name
    with its number, its semantic version (``3.2.0`` is ``3.2`` too, and ``3.0.0`` is ``3``, but
    ``3.0`` where there is a number that ``3`` could be) or ``@`` one of its aliases. An execution
    or a context that is called by a number alone is also called ``run`` and that number.
    Erased values call nothing.
    """
    texts = [text for text in (_text(node, DISPLAY_NAME), node.name) if text]
    number = _text(node, _RUN_NUMBER)
    if number:
        texts.append(f"#{number}" if _NUMBER.fullmatch(number) else number)
    texts += _version_labels(node)
    found: dict[str, str] = {}
    for text in texts:
        form = label_form(text)
        found.setdefault(form, text)
        if node.kind is not Kind.ARTIFACT and _NUMBER.fullmatch(form):
            found.setdefault(f"run {form}", text)
    found.pop("", None)
    return found


def is_cut_label(node: Node, form: str) -> bool:
    """Tell whether a node goes by a label's form for its semantic version's first number alone.

    ``2`` may stand for ``2.0.0``, but rather for whatever is called just that.
    """
    model, semantic = _text(node, _MODEL_NAME), _text(node, _VERSION_PROPERTIES[1])
    short = _ZEROES_AT_END.sub("", semantic)
    texts = labels_of(node)
    return (
        short != semantic
        and texts.get(form) == f"{model} {short}"
        and (_NUMBER.fullmatch(label_form(short)) is not None)
    )


def _version_labels(node: Node) -> list[str]:
    # What registered or moved a version names the model and the number too, and is not it.
    model = _text(node, _MODEL_NAME) if node.kind is Kind.ARTIFACT else ""
    if not model:
        return []
    number, semantic = (_text(node, name) for name in _VERSION_PROPERTIES)
    short = _ZEROES_AT_END.sub("", semantic)
    if number and _NUMBER.fullmatch(label_form(short)):
        # Where versions are numbered, "fraud 2" is the second one, and not 2.0.0.
        short = f"{short}.0"
    versions = [text for text in dict.fromkeys((number, semantic, short)) if text]
    return [f"{model} {version}" for version in versions] + [
        f"{model}@{alias}" for alias in _aliases(node.properties.get("aliases"))
    ]


def _text(node: Node, name: str) -> str:
    value = node.properties.get(name)
    if isinstance(value, bool) or not isinstance(value, str | int):
        return ""
    return str(value)


def _aliases(value: JsonValue) -> list[str]:
    """Read ``{"items": [...]}``; a value of any other form names nothing."""
    items = value.get("items") if isinstance(value, dict) and not is_redacted(value) else None
    if not isinstance(items, list):
        return []
    return [one for one in items[:ALIASES_MAX] if isinstance(one, str) and one]
