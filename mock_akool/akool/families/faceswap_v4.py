"""Face swaps without landmarks: Pro for images, Plus for images and videos (contract section 13)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final, NamedTuple

from mock_akool.akool.families import faceswap
from mock_akool.akool.families.family import Pending
from mock_akool.akool.families.inputs import (
    WEB_URL,
    YES_OR_NO,
    check_plan,
    is_video,
    is_web_url,
    several,
    subject,
    unusable,
)
from mock_akool.akool.jobs import Topic
from mock_akool.akool.settings import ServiceSettings
from mock_akool.akool.validation import URL, Body, Field, Values, one_of

PRO_MODEL: Final = "akool_faceswap_image_hq"
STYLES: Final = ("realistic", "beautify", "lossless")
_MOST_FACES: Final = 50
_CORNERS: Final = 4


class _Pro(NamedTuple):
    modified: str
    faces: int
    face_enhance: bool
    single_face_mode: bool
    webhook_url: str


class Pro(_Pro, faceswap.SwapInput):
    """A checked request of `faceswapByImage`; `modified` is the URL of the image whose face is replaced."""

    __slots__ = ()

    @property
    def topic(self) -> Topic:
        """What the job is about: what is changed, and by which model."""
        return Topic(subject(self.modified), model_name=PRO_MODEL)


class _Plus(NamedTuple):
    source: str
    modified: str
    faces: int
    single_face_mode: bool
    model_style: str
    face_enhance: bool
    webhook_url: str


class Plus(_Plus, faceswap.SwapInput):
    """A checked request of `faceswapPlusByImage`; `modified` is the URL of the image or video that is changed."""

    __slots__ = ()

    @property
    def operation(self) -> str:
        """What is done, as its file says it."""
        return f"face swap {self.model_style}"

    @property
    def of_video(self) -> bool:
        """Whether a video is changed."""
        return is_video(self.modified)


# Pro


class _Face(NamedTuple):
    path: str
    has_opts: bool


def _read_face(value: Any, where: str, settings: ServiceSettings) -> _Face:
    if not isinstance(value, dict):
        raise unusable(where, value, "an object with path")
    path, opts = value.get("path"), value.get("opts")
    if not isinstance(path, str) or not path or (settings.check_urls and not is_web_url(path)):
        raise unusable(f"{where}.path", path, "an http or https URL")
    if opts is not None and not isinstance(opts, str):
        raise unusable(f"{where}.opts", opts, "the crop_landmarks of detect_faces, a text")
    return _Face(path, bool(opts))


_FACES: Final = several(
    f"a list of 1 to {_MOST_FACES} objects with path",
    _read_face,
    {
        "type": "object",
        "required": ["path"],
        "properties": {"path": {"type": "string"}, "opts": {"type": "string"}},
    },
)


def _check_pro(values: Values) -> Iterable[str]:
    lists = {name: values[name] for name in ("sourceImage", "targetImage") if name in values}
    for name, faces in lists.items():
        if not 1 <= len(faces) <= _MOST_FACES:
            yield f"{name} has {len(faces)} faces; it takes 1 to {_MOST_FACES}"
    if any(len(faces) > 1 for faces in lists.values()):
        for name, faces in lists.items():
            missing = next((place for place, face in enumerate(faces) if not face.has_opts), None)
            if missing is not None:
                yield f"{name}[{missing}].opts is missing; with more than one face, each needs its crop_landmarks"


def _pro(values: Values) -> Pro:
    targets = values["targetImage"]
    enhance, single = values["face_enhance"], values["single_face_mode"]
    return Pro(targets[0].path, len(targets), enhance, single, values["webhookUrl"])


def _allow_pro(input: Pro, settings: ServiceSettings) -> None:
    check_plan("faceswapByImage", settings)


# Plus


def _read_mapping(value: Any, where: str, settings: ServiceSettings) -> None:
    if not isinstance(value, dict):
        raise unusable(where, value, "an object with source_face_info and target_face_info")
    for name, needs_url in (("source_face_info", True), ("target_face_info", False)):
        info = value.get(name)
        if not isinstance(info, dict):
            raise unusable(f"{where}.{name}", info, "an object with face_url and bbox")
        url, box = info.get("face_url"), info.get("bbox")
        is_right = isinstance(url, str) and (not settings.check_urls or is_web_url(url))
        if not is_right and (needs_url or url not in (None, "")):
            raise unusable(f"{where}.{name}.face_url", url, "an http or https URL")
        if box is None and not faceswap.swap_options(settings).plus_require_bbox:
            continue
        if not (isinstance(box, list) and len(box) == _CORNERS and all(map(_is_number, box))):
            raise unusable(f"{where}.{name}.bbox", box, "four numbers: x1, y1, x2, y2")


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


_INFO_SCHEMA: Final = {
    "type": "object",
    "properties": {
        "face_url": {"type": "string"},
        "bbox": {"type": "array", "items": {"type": "number"}, "minItems": _CORNERS, "maxItems": _CORNERS},
    },
}
_MAPPING: Final = several(
    "a list of objects with source_face_info and target_face_info",
    _read_mapping,
    {
        "type": "object",
        "required": ["source_face_info", "target_face_info"],
        "properties": {"source_face_info": _INFO_SCHEMA, "target_face_info": _INFO_SCHEMA},
    },
)


def _check_plus(values: Values) -> Iterable[str]:
    if "single_face_mode" not in values or "face_mapping" not in values:
        return
    if not values["single_face_mode"] and not values["face_mapping"]:
        yield "face_mapping is missing or empty; without it, send single_face_mode true"


def _plus(values: Values) -> Plus:
    return Plus(
        source=values["source_url"],
        modified=values["target_url"],
        faces=len(values["face_mapping"]) or 1,
        single_face_mode=values["single_face_mode"],
        model_style=values["model_style"],
        face_enhance=values["face_enhance"],
        webhook_url=values["webhookUrl"],
    )


PRO: Final = faceswap.family(
    "faceswap_pro",
    faceswap.create(
        "faceswapByImage",
        "/api/open/v4/faceswap/faceswapByImage",
        Body(
            {
                "sourceImage": Field(_FACES, required=True),
                "targetImage": Field(_FACES, required=True),
                "model_name": Field(one_of((PRO_MODEL,)), PRO_MODEL),
                "face_enhance": Field(YES_OR_NO, False),
                "single_face_mode": Field(YES_OR_NO, False),
                "webhookUrl": Field(URL, ""),
            },
            _pro,
            _check_pro,
        ),
        Pro,
        faceswap.created,
        {
            "sourceImage": [{"path": "https://example.com/new.jpg"}],
            "targetImage": [{"path": "https://example.com/portrait.jpg"}],
            "model_name": PRO_MODEL,
        },
        allow=_allow_pro,
    ),
    pending=Pending.EMPTY,
)

PLUS: Final = faceswap.family(
    "faceswap_plus",
    faceswap.create(
        "faceswapPlusByImage",
        "/api/open/v4/faceswap/faceswapPlusByImage",
        Body(
            {
                "source_url": Field(WEB_URL, required=True),
                "target_url": Field(WEB_URL, required=True),
                "single_face_mode": Field(YES_OR_NO, False),
                "face_mapping": Field(_MAPPING, ()),
                "model_style": Field(one_of(STYLES), STYLES[0]),
                "face_enhance": Field(YES_OR_NO, False),
                "webhookUrl": Field(URL, ""),
            },
            _plus,
            _check_plus,
        ),
        Plus,
        faceswap.created,
        {
            "source_url": "https://example.com/new.jpg",
            "target_url": "https://example.com/portrait.jpg",
            "single_face_mode": True,
        },
    ),
    pending=Pending.EMPTY,
)
