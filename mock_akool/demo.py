"""`mock-akool demo`: a client played against a server of ours."""

from __future__ import annotations

from pathlib import Path


def run(folder: Path) -> int:
    """Play the demo and save the pictures into `folder`; returns the exit code."""
    raise NotImplementedError(folder)
