"""A sidecar and keys that break where they are told to, once."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

from doubles import BrokenError, When
from lineage.anchoring.notary import SigningKeys
from lineage.anchoring.sidecar import Mark, Sidecar, SidecarStore
from lineage.proofs.signing import SigningKey


class FaultyParts:
    """Breaks once, before or after the ``nth`` act of this name, counted from 1."""

    def __init__(self) -> None:
        self.fault: tuple[str, When, int] | None = None

    def has_broken(self) -> bool:
        """Tell whether what was told to break has."""
        return self.fault is None

    @contextmanager
    def around(self, act: str) -> Iterator[None]:
        self._break_at(act, When.BEFORE)
        yield
        self._break_at(act, When.AFTER)

    def _break_at(self, act: str, when: When) -> None:
        if self.fault is None or self.fault[:2] != (act, when):
            return
        nth = self.fault[2]
        self.fault = (act, when, nth - 1) if nth > 1 else None
        if self.fault is None:
            raise BrokenError(f"Broken {when} {act}")


class FaultySidecar:
    """A sidecar over another one; ``notes`` holds every checkpoint that was ever written."""

    def __init__(self, sidecar: SidecarStore, parts: FaultyParts) -> None:
        self._sidecar = sidecar
        self._parts = parts
        self.notes: list[bytes] = []

    def read(self) -> Sidecar | None:
        return self._sidecar.read()

    def locked(self) -> AbstractContextManager[None]:
        return self._sidecar.locked()

    def write(self, sidecar: Sidecar) -> None:
        with self._parts.around("write"):
            self._sidecar.write(sidecar)
            if sidecar.checkpoint is not None:
                self.notes.append(sidecar.checkpoint.encode())

    def mark(self) -> Mark | None:
        return self._sidecar.mark()

    def changed_since(self, mark: Mark | None) -> bool:
        return self._sidecar.changed_since(mark)


class FaultyKeys:
    """Keys over others."""

    def __init__(self, keys: SigningKeys, parts: FaultyParts) -> None:
        self._keys = keys
        self._parts = parts

    def current(self) -> SigningKey | None:
        return self._keys.current()

    def make(self, name: str) -> SigningKey:
        with self._parts.around("make"):
            return self._keys.make(name)

    def keep(self, key: SigningKey) -> None:
        with self._parts.around("keep"):
            self._keys.keep(key)

    def pending(self) -> SigningKey | None:
        return self._keys.pending()

    def stage(self, key: SigningKey) -> None:
        with self._parts.around("stage"):
            self._keys.stage(key)

    def discard(self) -> None:
        with self._parts.around("discard"):
            self._keys.discard()

    def promote(self, key: SigningKey) -> None:
        with self._parts.around("promote"):
            self._keys.promote(key)
