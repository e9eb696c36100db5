"""Golden files: what we promised to print, kept beside the test that holds us to it."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Golden:
    """Compare what is with what was promised; with `write`, promise what is."""

    write: bool

    def text(self, path: Path, actual: str) -> None:
        """Hold `actual` against the file, as UTF-8 with its line ends untouched."""
        self.data(path, actual.encode())

    def data(self, path: Path, actual: bytes) -> None:
        """Hold `actual` against the file, byte for byte."""
        if self.write:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(actual)
            return
        assert path.is_file(), f"{path} is missing: run `make golden` and read what it wrote"
        assert path.read_bytes() == actual, (
            f"{path.name} differs: run `make golden` if you meant it"
        )
