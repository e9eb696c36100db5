"""Builds the packages of this repository as a release does."""

import subprocess
import sys
from pathlib import Path


def built_wheel(package: Path, to: Path) -> Path:
    """Build a package's wheel out of its source distribution, into a folder."""
    built = subprocess.run(
        [sys.executable, "-m", "build", "--no-isolation", "--outdir", to, package],
        cwd=to,
        capture_output=True,
        text=True,
        check=False,
    )
    assert built.returncode == 0, built.stdout + built.stderr
    (found,) = to.glob("*.whl")
    return found
