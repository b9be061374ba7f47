"""Faces of an image or a video are replaced: `specifyimage`, `specifyvideo` (contract section 13)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NamedTuple

from mock_akool.akool.codes import Code
from mock_akool.akool.errors import AkoolError
from mock_akool.akool.families import faceswap
from mock_akool.akool.families.inputs import WEB_URL, is_data_url, is_web_url, lenient
from mock_akool.akool.settings import ServiceSettings
from mock_akool.akool.validation import URL, Body, Field, Kind, Values

_MOST_FACES: Final = 8
_FACE: Final = {"path": "https://example.com/face.jpg", "opts": "262,175:363,175:313,215:277,272"}


class _Swap(NamedTuple):
    faces: int
    modified: str
    face_enhance: int
    webhook_url: str


class SwapImage(_Swap, faceswap.SwapInput):
    """A checked request of `specifyimage`. `faces` counts them, `modified` is the URL of the image."""

    __slots__ = ()


class SwapVideo(SwapImage):
    """A checked request of `specifyvideo`; `modified` is the URL of the video."""

    __slots__ = ()

    @property
    def of_video(self) -> bool:
        """Whether a video is changed."""
        return True


def accepts_data_url(value: object, settings: ServiceSettings) -> bool:
    """Return whether a value is a data URL, and such will do."""
    return faceswap.swap_options(settings).v3_accept_data_urls and is_data_url(value)


def _is_web_url(value: object, settings: ServiceSettings) -> bool:
    return is_web_url(value)


FACES: Final = faceswap.faces({"an http or https URL": _is_web_url, "a data URL": accepts_data_url})


def _check_faces(values: Values) -> Iterable[str]:
    """Yield what is wrong between the two lists of faces; raises AkoolError 1007 when there are too many."""
    pair = [values[name] for name in ("sourceImage", "targetImage") if name in values]
    if any(not each for each in pair):
        yield "sourceImage and targetImage must not be empty"
    elif len(pair) == 2 and len(pair[0]) != len(pair[1]):
        yield f"sourceImage has {len(pair[0])} faces and targetImage {len(pair[1])}; give as many, in the same order"
    elif pair and len(pair[0]) > _MOST_FACES:
        raise AkoolError(
            Code.TOO_MANY_CONTENTS, reason=f"sourceImage has {len(pair[0])} faces; at most {_MOST_FACES} are replaced"
        )


def _image(values: Values) -> SwapImage:
    return SwapImage(len(values["sourceImage"]), values["modifyImage"], values["face_enhance"], values["webhookUrl"])


def _video(values: Values) -> SwapVideo:
    return SwapVideo(len(values["sourceImage"]), values["modifyVideo"], values["face_enhance"], values["webhookUrl"])


def _fields(name: str) -> dict[str, Field]:
    return {
        "targetImage": Field(FACES, required=True),
        "sourceImage": Field(FACES, required=True),
        name: Field(MODIFIED, required=True),
        "face_enhance": Field(lenient(-1_000_000, 1_000_000), 0),
        "webhookUrl": Field(URL, ""),
    }


def _read_modified(value: object, settings: ServiceSettings) -> str:
    if isinstance(value, str) and accepts_data_url(value, settings):
        return value
    url: str = WEB_URL.read(value, settings)
    return url


MODIFIED: Final = Kind("an http or https URL", WEB_URL.schema, _read_modified)
"""What is changed; where data URLs are accepted, also one of these."""


_created: Final = faceswap.created_with_url(faceswap.AS_INPUT)
_EXAMPLE: Final = {"targetImage": [_FACE], "sourceImage": [{**_FACE, "path": "https://example.com/new.jpg"}]}

FAMILY: Final = faceswap.family(
    "faceswap_v3",
    faceswap.create(
        "specifyimage",
        "/api/open/v3/faceswap/highquality/specifyimage",
        Body(_fields("modifyImage"), _image, _check_faces),
        SwapImage,
        _created,
        {**_EXAMPLE, "modifyImage": "https://example.com/group.jpg", "face_enhance": 1},
        msg=faceswap.IMAGE_MESSAGE,
    ),
    faceswap.create(
        "specifyvideo",
        "/api/open/v3/faceswap/highquality/specifyvideo",
        Body(_fields("modifyVideo"), _video, _check_faces),
        SwapVideo,
        _created,
        {**_EXAMPLE, "modifyVideo": "https://example.com/party.mp4", "face_enhance": 1},
        msg=faceswap.VIDEO_MESSAGE,
    ),
    files=faceswap.AS_INPUT,
)
