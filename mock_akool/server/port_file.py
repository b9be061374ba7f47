"""The file into which a server writes its port, for those who started it with `--port 0`."""

from __future__ import annotations

import os
from pathlib import Path

from mock_akool.core.errors import MockAkoolError
from mock_akool.server.listening import identity_of, remove_own


class PortFile:
    """A file with a server's port. It belongs to the server that wrote it last."""

    def __init__(self, path: str | Path) -> None:
        self._path = Path(path)
        self._identity: tuple[int, ...] | None = None

    def write(self, port: int) -> None:
        """Write the port so that a reader never sees half of it. Raises MockAkoolError."""
        draft = self._path.with_name(f"{self._path.name}.{os.getpid()}")
        try:
            draft.write_text(f"{port}\n", encoding="utf-8")
            draft.replace(self._path)
        except OSError as error:
            draft.unlink(missing_ok=True)
            raise MockAkoolError(f"cannot write the port file {self._path}: {error.strerror}") from None
        self._identity = identity_of(str(self._path))

    def remove(self) -> None:
        """Remove the file, unless another server has written it since."""
        remove_own(str(self._path), self._identity)
