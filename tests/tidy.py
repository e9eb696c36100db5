"""The style of the house as functions: each takes text and returns findings, and reads nothing.

`house/test_tidy.py` feeds them the tree, and feeds each of them something untidy.
"""

import ast
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import PurePosixPath

FUNCTION_LINES_MAX = 70
FILE_LINES_MAX = 600

# Written in pieces, so that this file does not contain what it forbids.
REMINDERS = ("TO" + "DO", "FIX" + "ME", "X" * 3, "HA" + "CK")
REGISTRIES = tuple(
    ".".join(parts)
    for parts in (
        ("pypi", "org"),
        ("pythonhosted", "org"),
        ("npmjs", "org"),
        ("npmjs", "com"),
        ("yarnpkg", "com"),
    )
)
HOMES = re.compile(r"(?<![\w.:/-])(?:/(?:home|Users|root)/\w|[A-Z]:\\Users\\)")
CATCH_ALLS = frozenset({"util", "utils", "misc"})

# What may be given a location as it was set; a database's URL can hold a password.
TAKES_LOCATIONS = frozenset(
    {
        *("configured_files", "has_store", "import_ledger", "inspect_ledger", "is_postgres"),
        *("is_remembered", "open_ledger", "places_of", "restore_ledger", "shown_location"),
        "startswith",
    }
)

Function = ast.FunctionDef | ast.AsyncFunctionDef


def long_functions(source: str) -> list[str]:
    """Name the functions that do not fit on a screen."""
    return [
        f"{node.name} has {lines} lines, at most {FUNCTION_LINES_MAX} fit on a screen"
        for node in ast.walk(ast.parse(source))
        if isinstance(node, Function) and (lines := _lines(node)) > FUNCTION_LINES_MAX
    ]


def _lines(node: Function) -> int:
    return (node.end_lineno or node.lineno) - node.lineno + 1


def long_file(text: str) -> list[str]:
    """Complain about a file that is more than one chapter."""
    lines = text.count("\n")
    if lines <= FILE_LINES_MAX:
        return []
    return [f"{lines} lines, at most {FILE_LINES_MAX}: what two jobs does it do?"]


def reminders(text: str) -> list[str]:
    """Find notes to self: do it, or open an issue."""
    found = re.compile(rf"\b(?:{'|'.join(REMINDERS)})\b")
    return [
        f"line {number}: leftover reminder {match.group()}"
        for number, line in enumerate(text.splitlines(), 1)
        for match in found.finditer(line)
    ]


def places(text: str, machine: Iterable[str] = ()) -> list[str]:
    """Find what names one machine or one registry; `machine` holds this machine's own paths."""
    own = tuple(machine)
    return [
        f"line {number}: names {match}"
        for number, line in enumerate(text.splitlines(), 1)
        for match in _places_in(line, own)
    ]


def _places_in(line: str, own: tuple[str, ...]) -> Iterator[str]:
    yield from (word for word in (*REGISTRIES, *own) if word in line)
    yield from (match.group() for match in HOMES.finditer(line))


def prose(markdown: str) -> str:
    """Return the text without its fenced blocks."""
    return re.sub(r"^(```|~~~).*?^\1[^\n]*$", "", markdown, flags=re.MULTILINE | re.DOTALL)


def titles(markdown: str) -> list[str]:
    """Demand exactly one title, on the first line."""
    found = re.findall(r"^# .*$", prose(markdown), flags=re.MULTILINE)
    if len(found) != 1:
        return [f"{len(found)} titles, one is wanted"]
    return [] if markdown.startswith("# ") else ["the title is not on the first line"]


def dead_links(path: str, markdown: str, exists: Iterable[str]) -> list[str]:
    """Find relative links that lead nowhere; `exists` holds every file, as the tree names it."""
    files = set(exists)
    folders = {str(parent) for file in files for parent in PurePosixPath(file).parents}
    return [
        f"the link {target} leads nowhere"
        for target in re.findall(r"(?<!\\)\]\(([^)\s]+)\)", prose(markdown))
        if not re.match(r"[a-z][a-z0-9+.-]*:|#", target)
        and _resolve(path, target) not in files | folders
    ]


def _resolve(path: str, target: str) -> str:
    """Return where a link leads, seen from the root of the tree."""
    steps: list[str] = []
    for step in (*PurePosixPath(path).parent.parts, *target.partition("#")[0].split("/")):
        if step == ".." and steps:
            steps.pop()
        elif step not in {"", "."}:
            steps.append(step)
    return "/".join(steps) or "."


def catch_alls(path: str) -> list[str]:
    """Refuse a room for everything: a thing belongs where its noun is."""
    parts = PurePosixPath(path).with_suffix("").parts
    return [f"{part} says nothing about what is inside" for part in parts if part in CATCH_ALLS]


def shadows(path: str) -> list[str]:
    """Refuse what would let a test folder stand in for a package of ours."""
    parts = PurePosixPath(path).parts
    if parts[0] != "tests":
        return []
    taken = [part for part in parts[1:-1] if part in {"api", "lineage", "schemas"}]
    found = [f"a test folder called {part} shadows a package" for part in taken]
    if parts[-1] == "__init__.py":
        found.append("there is no __init__.py under tests/")
    return found


def idle_modules(modules: Mapping[str, str], doors: Iterable[str]) -> list[str]:
    """Name the modules that no other module uses; `doors` are entered from outside."""
    used = {part for door in doors for part in _with_parents(door)}
    for name, source in modules.items():
        mentioned = {word for word in _mentions(source) if word != name}
        used.update(part for word in mentioned for part in _with_parents(word))
    return [f"nothing uses {name}" for name in sorted(modules) if name not in used]


def _with_parents(word: str) -> Iterator[str]:
    """Yield a dotted name and the packages that importing it runs."""
    parts = word.split(".")
    yield from (".".join(parts[:count]) for count in range(1, len(parts) + 1))


def _mentions(source: str) -> Iterator[str]:
    """Yield each dotted name a module imports, or hands on as text (`package.module:name`)."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value.partition(":")[0]


def told_locations(source: str) -> list[str]:
    """Find where a ledger's location goes elsewhere than to what opens, looks or hides."""
    tree = ast.parse(source)
    fine = {
        part
        for node in ast.walk(tree)
        for part in _taken_by(node)
        if isinstance(part, ast.Attribute)
    }
    return [
        f"line {node.lineno}: {ast.unparse(node)} is told as it is"
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and node.attr == "store"
        and ast.unparse(node.value).rpartition(".")[2] in {"settings", "session"}
        and node not in fine
    ]


def _taken_by(node: ast.AST) -> list[ast.expr]:
    """Return what a statement or call may have of locations."""
    if isinstance(node, ast.Assign):
        return [node.value, *node.targets] if isinstance(node.targets[0], ast.Attribute) else []
    if not isinstance(node, ast.Call):
        return []
    if ast.unparse(node.func).rpartition(".")[2] not in TAKES_LOCATIONS:
        return []
    return [*node.args, *([node.func.value] if isinstance(node.func, ast.Attribute) else [])]


def imports(source: str) -> set[str]:
    """Return the first names of everything a module imports."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found.update(alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module.partition(".")[0])
    return found
