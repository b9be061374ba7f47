"""Faces of an image or a video are made older or younger: `imgreage`, `vidreage` (contract section 13)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NamedTuple

from mock_akool.akool.families import faceswap
from mock_akool.akool.families.faceswap_v3 import FACES, MODIFIED
from mock_akool.akool.families.inputs import lenient
from mock_akool.akool.validation import URL, Body, Field, Values

_YEARS: Final = 30


class _Reage(NamedTuple):
    modified: str
    face_reage: int
    webhook_url: str


class ReageImage(_Reage, faceswap.SwapInput):
    """A checked request of `imgreage`. `face_reage` is in years, `modified` the URL of the image."""

    __slots__ = ()

    @property
    def operation(self) -> str:
        """What is done, as its file says it."""
        return f"reage {self.face_reage:+}"


class ReageVideo(ReageImage):
    """A checked request of `vidreage`; `modified` is the URL of the video."""

    __slots__ = ()

    @property
    def of_video(self) -> bool:
        """Whether a video is changed."""
        return True


def _check(values: Values) -> Iterable[str]:
    if values.get("targetImage") == ():
        yield "targetImage must not be empty"


def _image(values: Values) -> ReageImage:
    return ReageImage(values["modifyImage"], values["face_reage"], values["webhookUrl"])


def _video(values: Values) -> ReageVideo:
    return ReageVideo(values["modifyVideo"], values["face_reage"], values["webhookUrl"])


def _fields(name: str) -> dict[str, Field]:
    return {
        "targetImage": Field(FACES, required=True),
        "face_reage": Field(lenient(-_YEARS, _YEARS), required=True),
        name: Field(MODIFIED, required=True),
        "webhookUrl": Field(URL, ""),
    }


_created: Final = faceswap.created_with_url(faceswap.AS_USUAL)
_EXAMPLE: Final = {
    "targetImage": [{"path": "https://example.com/face.jpg", "opts": "262,175:363,175:313,215:277,272"}],
    "face_reage": 10,
}

FAMILY: Final = faceswap.family(
    "reage",
    faceswap.create(
        "imgreage",
        "/api/open/v3/faceswap/highquality/imgreage",
        Body(_fields("modifyImage"), _image, _check),
        ReageImage,
        _created,
        {**_EXAMPLE, "modifyImage": "https://example.com/portrait.jpg"},
        msg=faceswap.IMAGE_MESSAGE,
    ),
    faceswap.create(
        "vidreage",
        "/api/open/v3/faceswap/highquality/vidreage",
        Body(_fields("modifyVideo"), _video, _check),
        ReageVideo,
        _created,
        {**_EXAMPLE, "modifyVideo": "https://example.com/party.mp4"},
        # The page of the video shows the message of the image.
        msg=faceswap.IMAGE_MESSAGE,
    ),
)
