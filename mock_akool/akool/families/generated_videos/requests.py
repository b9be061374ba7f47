"""Checked requests that make videos, and what their fields are read by (contract section 15)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final, NamedTuple, TypeVar

from mock_akool.akool.families.inputs import check_plan, lenient
from mock_akool.akool.jobs import Topic
from mock_akool.akool.settings import ServiceSettings
from mock_akool.akool.validation import TEXT, Values, text_up_to

OWN_AUDIO: Final = 2
NO_AUDIO: Final = 3
_MOST_PROMPT: Final = 5000
LONGEST_S: Final = 60
_LONG_S: Final = 10
"""From so many seconds on a video needs a higher plan."""


class Video(NamedTuple):
    """A checked request that makes videos. `seconds` is how long each will be, `rows` how many are asked for.

    `image_url` is `""` for a video of a text, and `negative_prompt` None where it is not said. `audio_type` is 1 for
    sound that is made, 2 for that of `audio_url` and 3 for none; 0 where it is not said. `refused` are the
    codes of those rows of a batch that are in `errorList`. `parent_id` is the video that gets a new sound.
    """

    prompt: str
    image_url: str
    resolution: str
    seconds: int
    negative_prompt: str | None
    extend_prompt: bool
    audio_type: int
    audio_url: str
    effect_code: str
    model_name: str
    last_image_url: str
    rows: int
    refused: tuple[int, ...]
    webhook_url: str
    parent_id: str

    @property
    def topic(self) -> Topic:
        """What the job is about."""
        return Topic(self.prompt, model_name=self.model_name)


class SingleVideo(Video):
    """A checked request of `image2Video/createBySourcePrompt`."""

    __slots__ = ()


class ImageBatch(Video):
    """A checked request of `image2Video/createBySourcePrompt/batch`."""

    __slots__ = ()


class TextBatch(Video):
    """A checked request of `text2Video/createByPrompt/batch`."""

    __slots__ = ()


class VideoSound(Video):
    """A checked request of `image2Video/updateVideoAudio`; all but the sound is that of the video before."""

    __slots__ = ()


V = TypeVar("V", bound=Video)


def video_of(kind: type[V], values: Values, **more: Any) -> V:
    """Return a request of a kind from what its fields are read as, and what they do not say."""
    found = {
        "prompt": values.get("prompt", ""),
        "image_url": values.get("image_url", ""),
        "resolution": values.get("resolution") or "",
        "seconds": values.get("video_length") or 0,
        "negative_prompt": values.get("negative_prompt"),
        "extend_prompt": values.get("extend_prompt", False),
        "audio_type": values.get("audio_type") or 0,
        "audio_url": values.get("audio_url", ""),
        "effect_code": values.get("effect_code", ""),
        "model_name": values.get("model_name") or "",
        "last_image_url": values.get("last_image_url", ""),
        "rows": values.get("count", 1),
        "refused": (),
        "webhook_url": values["webhookurl"],
        "parent_id": values.get("pre_video_id", ""),
    }
    return kind(**found | more)


LONG_PROMPT: Final = text_up_to(_MOST_PROMPT, TEXT)
SECONDS: Final = lenient(1, LONGEST_S)


def check_audio(values: Values) -> Iterable[str]:
    """Find mistakes between the fields that say what one hears."""
    if values.get("audio_type") == OWN_AUDIO and values.get("audio_url") == "":
        yield "audio_url is missing; with audio_type 2 it takes the URL of a sound"


def check_length(input: Video, settings: ServiceSettings) -> None:
    """Raise AkoolError when a video is longer than the plan allows."""
    if input.seconds >= _LONG_S:
        check_plan(f"a video of {input.seconds} s", settings)
