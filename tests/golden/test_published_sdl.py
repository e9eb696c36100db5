from pathlib import Path

from graphql import build_schema, print_schema

from goldens import Golden
from lineage_api.graphql.schema import printed_sdl


def test_published_sdl_is_current(project: Path, golden: Golden) -> None:
    golden.text(project / "schemas" / "published" / "schema.graphql", printed_sdl())


def test_published_sdl_is_what_other_readers_understand(project: Path) -> None:
    text = (project / "schemas" / "published" / "schema.graphql").read_text()
    assert "type Query" in print_schema(build_schema(text))


def test_every_type_of_ours_is_described(project: Path) -> None:
    text = (project / "schemas" / "published" / "schema.graphql").read_text()
    types = build_schema(text).type_map.values()
    bare = [one.name for one in types if not one.description and not one.name.startswith("__")]
    assert bare == []
