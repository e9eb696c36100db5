"""Describe the machine that a figure was measured on."""

import os
import platform
import statistics
import tempfile
import time
from pathlib import Path

SYNCS = 100


def describe(directory: Path) -> dict[str, str | int | float]:
    """Name processor, memory and system, and what lies under `directory` where stores are made."""
    return {
        "processor": _first("/proc/cpuinfo", "model name") or platform.processor(),
        "cores": os.cpu_count() or 0,
        "memory_bytes": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        "system": f"{platform.system()} {platform.machine()}",
        "filesystem": _filesystem(directory),
        "fsync_milliseconds": round(1000 * _fsync_seconds(directory), 3),
        "load_before": round(os.getloadavg()[0], 2),
    }


def _first(file: str, key: str) -> str:
    path = Path(file)
    lines = path.read_text().splitlines() if path.exists() else []
    return next((line.partition(":")[2].strip() for line in lines if line.startswith(key)), "")


def _filesystem(directory: Path) -> str:
    """Name the kind of the file system that holds a directory, where the system says so."""
    mounts = Path("/proc/mounts")
    if not mounts.exists():
        return "unknown"
    found = [line.split()[1:3] for line in mounts.read_text().splitlines()]
    above = [(len(point), kind) for point, kind in found if directory.is_relative_to(point)]
    return max(above)[1] if above else "unknown"


def _fsync_seconds(directory: Path) -> float:
    """Take the median time to make one more page durable: it bounds small transactions."""
    seconds: list[float] = []
    with tempfile.TemporaryFile(dir=directory) as file:
        for _ in range(SYNCS):
            file.write(bytes(4096))
            file.flush()
            began = time.perf_counter()
            os.fsync(file.fileno())
            seconds.append(time.perf_counter() - began)
    return statistics.median(seconds)
