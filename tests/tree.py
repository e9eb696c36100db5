"""The files of the checkout, as the house tests read them."""

import subprocess
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[1]
FLOORS = {
    "lineage": ROOT / "lineage",
    "lineage_schemas": ROOT / "schemas" / "lineage_schemas",
    "lineage_api": ROOT / "api" / "lineage_api",
}


@cache
def files() -> tuple[str, ...]:
    """Return every file that is, or could be, committed; named from the root."""
    if not (ROOT / ".git").exists():
        return tuple(sorted(_walk(ROOT)))
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    ).stdout.decode()
    return tuple(sorted(name for name in listed.split("\0") if name and (ROOT / name).is_file()))


def _walk(folder: Path) -> list[str]:
    """Return the files of an unpacked archive, without environments and what tools leave."""
    return [
        str(path.relative_to(ROOT))
        for path in folder.rglob("*")
        if path.is_file()
        and not any(
            part in {"__pycache__", "build", "dist"} or (part.startswith(".") and part != ".ci")
            for part in path.relative_to(ROOT).parts
        )
    ]


def text(name: str) -> str | None:
    """Return a file's text, or nothing if it is no text."""
    try:
        return (ROOT / name).read_bytes().decode()
    except UnicodeDecodeError:
        return None


def texts(suffix: str = "") -> dict[str, str]:
    """Return every text file whose name ends so."""
    return {
        name: body for name in files() if name.endswith(suffix) and (body := text(name)) is not None
    }


def modules() -> dict[str, str]:
    """Return the source of every module of the three floors, by its dotted name."""
    return {
        _dotted(package, path.relative_to(folder)): path.read_text()
        for package, folder in FLOORS.items()
        for path in folder.rglob("*.py")
    }


def _dotted(package: str, path: Path) -> str:
    parts = [part for part in path.with_suffix("").parts if part != "__init__"]
    return ".".join((package, *parts))
