"""What videos of images and of texts cost, and how long they take (contract section 15)."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Final

from mock_akool.akool.accounts import Credits
from mock_akool.akool.codes import Profile
from mock_akool.akool.families.generated_videos import models
from mock_akool.akool.families.generated_videos.requests import NO_AUDIO, TextBatch, Video, VideoSound
from mock_akool.akool.families.generated_videos.settings import video_options
from mock_akool.akool.settings import ServiceSettings

_RATES: Final = {Profile.OBSERVED: (20, 30, 40), Profile.DOCUMENTED: (4, 5, 6)}
"""Credits for a second of video at each of these resolutions (contract section 15)."""
_LINES: Final = re.compile(r"(\d{1,5})p?", re.ASCII)
_MOST_LINES: Final = (720, 1080)


def step(resolution: str) -> int:
    """Return which of the resolutions that have a price this is: 0 for 720p and below, 1 for 1080p, 2 above."""
    found = _LINES.fullmatch(resolution.lower())
    if found is None:
        return 2 if resolution.lower().endswith("k") else 0
    return sum(int(found.group(1)) > most for most in _MOST_LINES)


def price(input: Video, settings: ServiceSettings) -> Credits:
    """Return the credits of one video, or of its new sound (contract section 15)."""
    if isinstance(input, VideoSound):
        return 5 if input.seconds <= 5 else 10
    usual = input.seconds * _RATES[settings.profile][step(input.resolution)]
    if not input.model_name or input.audio_type == NO_AUDIO:
        return usual
    kind = models.FROM_TEXT if isinstance(input, TextBatch) else models.FROM_IMAGE
    model = models.known(kind, input.model_name)
    own = None if model is None else model.audio_surcharge
    surcharge = video_options(settings).i2v_audio_surcharge if own is None else own
    dearer = usual * (1 + Decimal(str(surcharge)))
    return int(dearer) if dearer == int(dearer) else dearer


def observed_s(input: Video) -> float:
    """Return how long such a job was seen to take, in seconds."""
    return 40.0 if input.seconds <= 5 else 75.0
