"""Each type of GraphQL shows every field of the answer that it stands for."""

from __future__ import annotations

import pkgutil
import re
from importlib import import_module

import pytest
from strawberry.types import get_object_definition

from lineage_api import graphql

SHOWN_OTHERWISE = {
    ("NodeType", "id"): "`localId`; and `id` is the one of all namespaces",
    ("EdgeType", "time_us"): "`time`",
    ("TypeDefinitionType", "id"): "`localId`",
    ("TypeDefinitionType", "type"): "field by field",
    ("SourceType", "here"): "`counts`, with what is there beside it",
    ("SourceType", "there"): "`counts`",
}
"""Fields of answers that have no field of their own name, and where they are."""


def shown_types() -> dict[type, str]:
    """Return each type that says which struct it shows, with where that is."""
    found: dict[type, str] = {}
    for module in pkgutil.iter_modules(graphql.__path__):
        for one in vars(import_module(f"{graphql.__name__}.{module.name}")).values():
            if isinstance(one, type) and get_object_definition(one) is not None:
                told = re.match(r"Shows ``([\w.]+\.\w+)``", one.__doc__ or "")
                if told:
                    found[one] = told[1]
    return found


def hidden_fields(shown: type, place: str) -> set[tuple[str, str]]:
    module, _, name = place.rpartition(".")
    struct = getattr(import_module(module), name)
    fields = {*getattr(struct, "__struct_fields__", getattr(struct, "_fields", ()))}
    if hasattr(struct, "complete"):
        fields.add("complete")
    definition = get_object_definition(shown, strict=True)
    names = {field.python_name for field in definition.fields}
    return {(shown.__name__, field) for field in fields - names}


@pytest.mark.parametrize(("shown", "place"), shown_types().items())
def test_a_type_shows_every_field_of_its_answer(shown: type, place: str) -> None:
    assert hidden_fields(shown, place) <= SHOWN_OTHERWISE.keys()


def test_what_is_shown_otherwise_is_hidden() -> None:
    hidden = {one for shown in shown_types().items() for one in hidden_fields(*shown)}
    assert hidden == SHOWN_OTHERWISE.keys()
