"""The tree is tidy, and each check would say so if it were not."""

import re
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

import tidy
import tree

# Modules that none of ours imports, and who comes in there.
DOORS = {
    "lineage": "the embedded Python API",
    "lineage_schemas": "the package itself",
    "lineage_api": "the package itself",
    "lineage_api.__main__": "python -m",
    "lineage_schemas.publish": "what `make golden` writes schemas/published/ with",
}
# Made by a tool, or recorded: not ours to rewrite.
FOREIGN = re.compile(r"requirements/|tests/recordings/[^/]+/repository/")


def doors() -> set[str]:
    """Return what may stand without being imported: the doors, and the console scripts."""
    scripts = tomllib.loads((tree.ROOT / "pyproject.toml").read_text())["project"]["scripts"]
    return {*DOORS, *(str(target).partition(":")[0] for target in scripts.values())}


def machine() -> set[str]:
    """Return this machine's own paths, where they are long enough to mean anything."""
    return {str(path) for path in (tree.ROOT, Path.home()) if len(path.parts) > 2}


def findings(check: Callable[[str], list[str]], suffix: str = "") -> list[str]:
    """Run one check over the tree."""
    return [
        f"{name}: {finding}"
        for name, body in tree.texts(suffix).items()
        if not FOREIGN.match(name)
        for finding in check(body)
    ]


@pytest.mark.parametrize(
    ("check", "suffix"),
    [
        (tidy.long_functions, ".py"),
        (tidy.long_file, ".py"),
        (tidy.reminders, ""),
        (tidy.titles, ".md"),
    ],
)
def test_every_file_is_tidy(check: Callable[[str], list[str]], suffix: str) -> None:
    assert findings(check, suffix) == []


def test_no_file_names_a_machine_or_a_registry() -> None:
    own = machine()
    assert [
        f"{name}: {finding}"
        for name, body in tree.texts().items()
        for finding in tidy.places(body, own)
    ] == []


def test_relative_links_resolve() -> None:
    files = tree.files()
    assert [
        f"{name}: {finding}"
        for name, body in tree.texts(".md").items()
        for finding in tidy.dead_links(name, body, files)
    ] == []


@pytest.mark.parametrize("check", [tidy.catch_alls, tidy.shadows])
def test_every_name_is_tidy(check: Callable[[str], list[str]]) -> None:
    assert [f"{name}: {finding}" for name in tree.files() for finding in check(name)] == []


def test_every_module_is_used() -> None:
    assert tidy.idle_modules(tree.modules(), doors()) == []


def test_no_location_is_told_as_it_was_set() -> None:
    surface = {name: body for name, body in tree.texts(".py").items() if name.startswith("api/")}
    assert [
        f"{name}: {finding}"
        for name, body in surface.items()
        for finding in tidy.told_locations(body)
    ] == []


@pytest.mark.parametrize("folder", tree.FLOORS.values(), ids=tree.FLOORS)
def test_every_floor_has_its_card_and_its_types(folder: Path) -> None:
    assert [name for name in ("README.md", "py.typed") if not (folder / name).is_file()] == []


# --- each check, fed with something untidy -------------------------------------------------------


def test_a_long_function_is_found() -> None:
    body = "    x = 1\n" * tidy.FUNCTION_LINES_MAX
    assert tidy.long_functions(f"def fits():\n{body[10:]}") == []
    assert tidy.long_functions(f"async def grows():\n{body}") == [
        "grows has 71 lines, at most 70 fit on a screen"
    ]


def test_a_long_file_is_found() -> None:
    assert tidy.long_file("\n" * 600) == []
    assert tidy.long_file("\n" * 601) == ["601 lines, at most 600: what two jobs does it do?"]


@pytest.mark.parametrize("word", tidy.REMINDERS)
def test_a_reminder_is_found(word: str) -> None:
    assert tidy.reminders(f"fine\n# {word}: later\n") == [f"line 2: leftover reminder {word}"]
    assert tidy.reminders(f"{word.lower()} and {word}ISH") == []


@pytest.mark.parametrize("host", tidy.REGISTRIES)
def test_a_registry_is_found(host: str) -> None:
    assert tidy.places(f"see https://files.{host}/x") == [f"line 1: names {host}"]


@pytest.mark.parametrize("home", ["/ho" + "me/ada", "/Us" + "ers/ada", "/ro" + "ot/ledger"])
def test_a_home_is_found(home: str) -> None:
    assert tidy.places(f"path = '{home}'") == [f"line 1: names {home[: home.rindex('/') + 2]}"]
    assert tidy.places(f"https://example.com{home}") == []


def test_a_path_of_this_machine_is_found() -> None:
    assert tidy.places("cd /srv/build/x", ["/srv/build"]) == ["line 1: names /srv/build"]


def test_titles_are_counted_outside_fences() -> None:
    assert tidy.titles("# One\n\n```sh\n# a comment\n```\n## Two\n") == []
    assert tidy.titles("# One\n# Two\n") == ["2 titles, one is wanted"]
    assert tidy.titles("none\n") == ["0 titles, one is wanted"]
    assert tidy.titles("\n# Late\n") == ["the title is not on the first line"]


def test_a_dead_link_is_found() -> None:
    files = ["docs/adr/README.md", "docs/glossary.md", "README.md"]
    good = "[a](../glossary.md#log) [b](../../README.md) [c](https://x.example) [d](#here) [e](..)"
    assert tidy.dead_links("docs/adr/README.md", good, files) == []
    assert tidy.dead_links("docs/adr/README.md", "[a](glossary.md)", files) == [
        "the link glossary.md leads nowhere"
    ]


def test_a_room_for_everything_is_found() -> None:
    assert tidy.catch_alls("lineage/graph/utils.py") == ["utils says nothing about what is inside"]
    assert tidy.catch_alls("lineage/utility.py") == []


def test_a_shadowing_test_folder_is_found() -> None:
    assert tidy.shadows("tests/api/test_x.py") == ["a test folder called api shadows a package"]
    assert tidy.shadows("tests/unit/__init__.py") == ["there is no __init__.py under tests/"]
    assert tidy.shadows("tests/unit/test_api.py") == []


def test_an_idle_module_is_found() -> None:
    modules = {"p": "", "p.a": "from p import b", "p.b": "", "p.c": "run('p.a:make')", "p.d": ""}
    assert tidy.idle_modules(modules, ["p", "p.c"]) == ["nothing uses p.d"]
    assert tidy.idle_modules({"p": "", "p.a": "import p"}, ["p"]) == ["nothing uses p.a"]
    assert tidy.idle_modules({"p": "", "p.a": "", "q": "import p.a"}, ["q"]) == []


@pytest.mark.parametrize(
    "body",
    [
        "raise Error('no', where=settings.store)",
        "print(f'at {self.settings.store}')",
        "click.echo(session.store)",
        "place = settings.store",
    ],
)
def test_a_location_that_is_told_is_found(body: str) -> None:
    assert len(tidy.told_locations(body)) == 1
    shown = body.replace("settings.store", "shown_location(settings.store)")
    shown = shown.replace("session.store", "shown_location(session.store)")
    assert tidy.told_locations(shown.replace("self.shown", "shown")) == []
