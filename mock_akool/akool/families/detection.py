"""Face detection: services that answer at once, with envelopes of their own (contract section 14).

Nothing is fetched. How many faces there are follows from the settings, and where they are from that.
"""

from __future__ import annotations

import re
from base64 import b64decode
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from mock_akool.akool.families.family import Answer, Asked, Context, Service, options_of
from mock_akool.akool.families.inputs import (
    URL_NUMBERS,
    YES_OR_NO,
    MediaOptions,
    PatternNumber,
    is_video,
    is_web_url,
    lenient,
    number_for,
    seconds_of,
    several,
    unusable,
)
from mock_akool.akool.settings import ServiceSettings
from mock_akool.akool.validation import ANY_TEXT, Body, Field, Kind, Values
from mock_akool.core.dates import digits
from mock_akool.core.media import MediaSpec
from mock_akool.core.options import option
from mock_akool.core.schema import FLAG, one_of, whole

FACE_HOST: Final = "d5v2vcqcwe9y5.cloudfront.net"
"""The host of faces that were cut out."""
OLD_HOST: Final = "sg3.akool.com"

_SIDE: Final = 1024
"""Pixels. The image is not fetched, so all are taken to be squares of this size."""
_MOST_FACES: Final = 100
_FRAME_STEP: Final = 5
_FRAMES_PER_SECOND: Final = 25
_MARGIN: Final = 0.25
"""How far a face that is cut out has a rim around it, in sides of the face."""
_CROPPED_SIDE: Final = 256
_DATA: Final = re.compile(r"data:[^,]*,", re.ASCII)
_SUCCESS: Final = "SUCCESS"
_NO_FACES: Final = "No faces detected"
_NOT_AN_IMAGE: Final = "'NoneType' object has no attribute 'shape'"

Point = tuple[int, int]
_NOWHERE: Final[Point] = (0, 0)


class DetectionOptions(MediaOptions):
    """The settings of face detection."""

    faces_per_image: int = option(
        1, whole(0, _MOST_FACES), "how many faces are found in an image", section="14", mark="C"
    )
    faces_by_url: tuple[PatternNumber, ...] = option(
        (), URL_NUMBERS, "how many faces are found in those at URLs that fit a pattern", section="14", mark="C"
    )
    detect_no_face: str = option(
        "error",
        one_of(("error", "empty")),
        "whether detect_faces answers an image without faces with error_code 1, or with success and empty lists",
        section="14",
        mark="C",
    )
    detect_auth: bool = option(True, FLAG, "detect_faces and analyze_frames need credentials", section="14", mark="C")
    sg3_auth: bool = option(False, FLAG, "the old detector at sg3.akool.com needs credentials", section="14", mark="O")


def _options(settings: ServiceSettings) -> DetectionOptions:
    return options_of(settings, DetectionOptions)


class Face(NamedTuple):
    """A face in an image: its corner, and its side in pixels."""

    x: int
    y: int
    side: int

    @property
    def region(self) -> list[int]:
        """The face as x, y, width and height."""
        return [self.x, self.y, self.side, self.side]

    @property
    def box(self) -> list[int]:
        """The face as x1, y1, x2 and y2."""
        return [self.x, self.y, self.x + self.side, self.y + self.side]

    @property
    def landmarks(self) -> list[Point]:
        """The eyes, the nose, the mouth, and two points that are always 0,0."""
        places = ((0.3, 0.4), (0.7, 0.4), (0.5, 0.6), (0.5, 0.8))
        points = [(self.x + round(self.side * across), self.y + round(self.side * down)) for across, down in places]
        return [*points, _NOWHERE, _NOWHERE]

    @property
    def text(self) -> str:
        """The first four landmarks, as face swaps take them."""
        return ":".join(f"{x},{y}" for x, y in self.landmarks[:4])

    @property
    def cut_out(self) -> Face:
        """The face in the image of it alone."""
        side = round(_CROPPED_SIDE / (1 + 2 * _MARGIN))
        corner = (_CROPPED_SIDE - side) // 2
        return Face(corner, corner, side)


def faces_at(url: str, settings: ServiceSettings, *, single: bool = False) -> list[Face]:
    """Return the faces of the image at a URL: one in the middle, or several in a row, the largest first."""
    options = _options(settings)
    count = int(number_for(url, options.faces_by_url, options.faces_per_image))
    count = min(count, 1 if single else _MOST_FACES)
    if not count:
        return []
    cell = _SIDE // count
    largest = min(cell, _SIDE // 2) * 4 // 5
    faces = []
    for place in range(count):
        side = max(1, largest - place * largest // (4 * count))
        faces.append(Face(place * cell + (cell - side) // 2, (_SIDE - side) // 2, side))
    return faces


# Requests


class Detect(NamedTuple):
    """A checked request of `detect_faces`. `image` is its URL, or the data when it was sent."""

    image: str
    frames: int
    is_single: bool
    wants_faces: bool


class Frames(NamedTuple):
    """A checked request of `analyze_frames`. Times are in seconds."""

    urls: tuple[str, ...]
    timestamps: tuple[float, ...]
    expand_ratio: float


def _image(values: Values, name: str) -> str:
    """Return the URL, which counts before the data."""
    image: str = values[name] or values["img"]
    return image


def _checked(name: str) -> Any:
    """Return what checks that there is an image: a URL in the field `name`, or data in `img`."""

    def check(values: Values) -> Iterable[str]:
        if name in values and "img" in values and not _image(values, name):
            yield f"{name} and img are missing; give one of them"

    return check


def _read_url_or_nothing(value: Any, settings: ServiceSettings) -> str:
    if not isinstance(value, str) or (value and settings.check_urls and not is_web_url(value)):
        raise ValueError
    return value


_URL: Final = Kind("an http or https URL", {"type": "string"}, _read_url_or_nothing)


def _detect(values: Values) -> Detect:
    return Detect(_image(values, "url"), values["num_frames"], values["single_face"], values["return_face_url"])


def _old(values: Values) -> Detect:
    return Detect(_image(values, "image_url"), 1, values["single_face"], False)


def _frames(values: Values) -> Frames:
    return Frames(values["frame_urls"], values["timestamps"], values["expand_ratio"])


def _check_frames(values: Values) -> Iterable[str]:
    if values.get("frame_urls") == ():
        yield "frame_urls must not be empty"


def _one_url(value: Any, where: str, settings: ServiceSettings) -> str:
    if not isinstance(value, str) or not value or (settings.check_urls and not is_web_url(value)):
        raise unusable(where, value, "an http or https URL")
    return value


def _one_time(value: Any, where: str, settings: ServiceSettings) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise unusable(where, value, "a number of seconds")
    return value


# Answers


def _is_readable(image: str) -> bool:
    """Return whether an image could be decoded, as far as that can be known without fetching it."""
    if is_web_url(image):
        return True
    try:
        return bool(b64decode(_DATA.sub("", image, count=1), validate=True))
    except ValueError:
        return False


def _cut_out(face: int, image: str, frame: int, asked: Asked) -> str:
    """Return the address of a face that was cut out, and serve it."""
    context: Context = asked.world.context
    date = digits(asked.now_ns)[2:8]
    name = context.keyed_random.alphanumerics(12, "face", image, frame, face)
    path = f"/algorithm/face_detect/expire_7days/{date}/default/{name}.jpg"
    spec = MediaSpec(
        name, context.keyed_random.seed, _CROPPED_SIDE, _CROPPED_SIDE, "", "1:1", (), f"face {face + 1}", "JPEG"
    )
    asked.world.keep_file(path, spec, asked.account, asked.now_ns)
    base = asked.request.file_base
    return f"{base or f'https://{FACE_HOST}'}{path}"


def _frame(faces: Sequence[Face], number: int, time: float | None, asked: Asked) -> dict[str, Any]:
    input: Detect = asked.input
    wanted = input.wants_faces
    return {
        "landmarks": [face.landmarks for face in faces],
        "landmarks_str": [face.text for face in faces],
        "region": [face.region for face in faces],
        "removed": [],
        "frame_time": time,
        "face_urls": [_cut_out(n, input.image, number, asked) for n in range(len(faces))] if wanted else None,
        "crop_region": [face.cut_out.region for face in faces] if wanted else None,
        "crop_landmarks": [face.cut_out.text for face in faces] if wanted else None,
    }


def _detect_faces(asked: Asked) -> Answer:
    input: Detect = asked.input
    settings = asked.world.context.settings
    if not _is_readable(input.image):
        return _failed_detection("img is neither base64 nor a data URL", settings)
    faces = faces_at(input.image, settings, single=input.is_single)
    if not faces and _options(settings).detect_no_face == "error":
        reason = "faces_by_url or faces_per_image says that there is no face"
        return Answer({"error_code": 1, "error_msg": _NO_FACES, "faces_obj": {}}, reason=reason)
    if not is_video(input.image):
        frames = {"0": _frame(faces, 0, None, asked)}
    else:
        last = seconds_of(input.image, settings) * _FRAMES_PER_SECOND
        numbers = [n * _FRAME_STEP for n in range(input.frames) if n == 0 or n * _FRAME_STEP < last]
        frames = {str(n): _frame(faces, n, n / _FRAMES_PER_SECOND, asked) for n in numbers}
    return Answer({"error_code": 0, "error_msg": _SUCCESS, "faces_obj": frames})


def _failed_detection(reason: str, settings: ServiceSettings) -> Answer:
    return Answer({"error_code": 1, "error_msg": reason, "faces_obj": {}}, 400, reason=reason)


def _analyze_frames(asked: Asked) -> Answer:
    input: Frames = asked.input
    settings = asked.world.context.settings
    found = [faces_at(url, settings) for url in input.urls]
    times = [*input.timestamps, *range(len(input.timestamps), len(input.urls))][: len(input.urls)]
    persons = [_person(n, found, times, asked) for n in range(max(map(len, found)))]
    return Answer({"success": True, "frame_count": len(input.urls), "persons": persons})


def _person(number: int, found: Sequence[Sequence[Face]], times: Sequence[float], asked: Asked) -> dict[str, Any]:
    input: Frames = asked.input
    seen: list[dict[str, Any]] = [
        {"frame_index": place, "timestamp": times[place], "bbox": _widened(faces[number], input.expand_ratio)}
        for place, faces in enumerate(found)
        if len(faces) > number
    ]
    first, last = seen[0], seen[-1]
    place = first["frame_index"]
    return {
        "person_id": f"person_{number}",
        "index": number,
        "face_url": _cut_out(number, input.urls[place], place, asked),
        "bbox": first["bbox"],
        "confidence": 0.99,
        "appearances": seen,
        "first_seen": first["timestamp"],
        "last_seen": last["timestamp"],
    }


def _widened(face: Face, ratio: float) -> list[int]:
    """Return the box of a face, wider by a share of its side on each side, but within the image."""
    more = round(face.side * ratio)
    x1, y1, x2, y2 = face.box
    return [max(0, x1 - more), max(0, y1 - more), min(_SIDE, x2 + more), min(_SIDE, y2 + more)]


def _failed_analysis(reason: str, settings: ServiceSettings) -> Answer:
    return Answer({"success": False, "error": reason}, 400, reason=reason)


def _detect_old(asked: Asked) -> Answer:
    input: Detect = asked.input
    context = asked.world.context
    body: dict[str, Any] = {"error_code": 0, "error_msg": _SUCCESS, "landmarks": [], "landmarks_str": [], "region": []}
    reason = None
    if is_video(input.image) or not _is_readable(input.image):
        body |= {"error_code": 1, "error_msg": _NOT_AN_IMAGE}
        reason = "the image is a video, or neither base64 nor a data URL; it takes an image"
    else:
        faces = faces_at(input.image, context.settings, single=input.is_single)
        body |= {
            "landmarks": [face.landmarks for face in faces],
            "landmarks_str": [face.text for face in faces],
            "region": [face.region for face in faces],
        }
        if not faces:
            body |= {"error_code": 1, "error_msg": _NO_FACES}
            reason = "faces_by_url or faces_per_image says that there is no face"
    body |= {"seconds": 0.04, "trx_id": context.keyed_random.uuid4("trx", input.image, asked.now_ns)}
    return Answer(body, reason=reason)


def _failed_old(reason: str, settings: ServiceSettings) -> Answer:
    return Answer({"error_code": 1, "error_msg": reason}, reason=reason)


def _detect_auth(settings: ServiceSettings) -> bool:
    return _options(settings).detect_auth


def _sg3_auth(settings: ServiceSettings) -> bool:
    return _options(settings).sg3_auth


_FACES_SCHEMA: Final[Mapping[str, Any]] = {
    "type": "object",
    "required": ["error_code", "error_msg", "faces_obj"],
    "properties": {
        "error_code": {"type": "integer", "description": "0 is success"},
        "error_msg": {"type": "string"},
        "faces_obj": {"type": "object", "description": "what was found, by the number of the frame"},
    },
}

SERVICES: Final = (
    Service(
        endpoint="detect_faces",
        path="/interface/detect-api/detect_faces",
        answer=_detect_faces,
        input=Body(
            {
                "url": Field(_URL, ""),
                "img": Field(ANY_TEXT, ""),
                "num_frames": Field(lenient(1, 100), 5),
                "single_face": Field(YES_OR_NO, False),
                "return_face_url": Field(YES_OR_NO, False),
            },
            _detect,
            _checked("url"),
        ),
        example={"url": "https://example.com/portrait.jpg", "return_face_url": True},
        is_signed=_detect_auth,
        refuse=_failed_detection,
        schema=dict(_FACES_SCHEMA),
        options=DetectionOptions,
    ),
    Service(
        endpoint="analyze_frames",
        path="/interface/detect-api/faceswap/analyze_frames",
        answer=_analyze_frames,
        input=Body(
            {
                "frame_urls": Field(
                    several("a list of http or https URLs", _one_url, {"type": "string"}), required=True
                ),
                "timestamps": Field(several("a list of numbers", _one_time, {"type": "number"}), ()),
                "expand_ratio": Field(lenient(0, 1, is_whole=False), 0.3),
            },
            _frames,
            _check_frames,
        ),
        example={"frame_urls": ["https://example.com/frame-0.jpg"], "timestamps": [0]},
        is_signed=_detect_auth,
        refuse=_failed_analysis,
        schema={
            "type": "object",
            "required": ["success"],
            "properties": {
                "success": {"type": "boolean"},
                "frame_count": {"type": "integer"},
                "persons": {"type": "array", "items": {"type": "object"}},
                "error": {"type": "string"},
            },
        },
        options=DetectionOptions,
    ),
    Service(
        endpoint="sg3/detect",
        path="/detect",
        answer=_detect_old,
        input=Body(
            {
                "single_face": Field(YES_OR_NO, False),
                "image_url": Field(_URL, ""),
                "img": Field(ANY_TEXT, ""),
            },
            _old,
            _checked("image_url"),
        ),
        example={"single_face": True, "image_url": "https://example.com/portrait.jpg"},
        is_signed=_sg3_auth,
        refuse=_failed_old,
        host=OLD_HOST,
        schema={
            "type": "object",
            "required": ["error_code", "error_msg"],
            "properties": {
                "error_code": {"type": "integer", "description": "0 is success"},
                "error_msg": {"type": "string"},
                "landmarks": {"type": "array"},
                "landmarks_str": {"type": "array", "items": {"type": "string"}},
                "region": {"type": "array"},
                "seconds": {"type": "number"},
                "trx_id": {"type": "string"},
            },
        },
        options=DetectionOptions,
    ),
)
"""`detect_faces` and `analyze_frames`, and the detector of the old host."""
