"""What every file says of itself, where programs that know its kind show it: which job it is of."""

from __future__ import annotations

from typing import Final

from mock_akool.core.media import MediaSpec

_JOB_CHARS: Final = 4_000
"""A JPEG's comment holds 65,533 bytes, and one character of a job id may take ten."""


def note_of(spec: MediaSpec) -> str:
    """Return `mock-akool job=<id> family=<name>`, then what was done, and `tile=<n>` for an image of tiles.

    What is not printable ASCII in the id is written as Python's escapes. What is not known is left out.
    """
    said = ["mock-akool", f"job={_ascii(spec.job_id[:_JOB_CHARS])}"]
    if spec.family:
        said.append(f"family={spec.family}")
    if spec.operation:
        said.append(_ascii(spec.operation))
    if spec.tiles:
        said.append(f"tile={','.join(map(str, spec.tiles))}")
    return " ".join(said)


def _ascii(text: str) -> str:
    return text.encode("unicode_escape").decode("ascii")
