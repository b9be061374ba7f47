"""What a job costs, in credits (contract section 7)."""

from __future__ import annotations

from typing import Final

from mock_akool.core.codes import Profile
from mock_akool.core.models import CreateV4, JobInput

_V3_AND_BUTTONS: Final = 2
_V4: Final = {
    Profile.OBSERVED: {"1080p": 3, "4k": 4},
    Profile.DOCUMENTED: {"1080p": 1, "4k": 1},
}


def price(input: JobInput, profile: Profile) -> int:
    """Return the credits for one job of the request; each picture of a v4 batch is one job."""
    return _V4[profile][input.resolution] if isinstance(input, CreateV4) else _V3_AND_BUTTONS
