"""Hints about face swaps and face detection: which landmarks go where, and who is asked (contract section 13)."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

from mock_akool.akool.endpoints import UNKNOWN
from mock_akool.akool.families import CREATES, RESULTS, VIDEO_EXTENSIONS
from mock_akool.core.text import printable
from mock_akool.diagnostics.hints.finding import Hint, fields_of
from mock_akool.diagnostics.observations import Observations

_VIDEO: Final = re.compile(rf"https?://[^?#]*\.(?:{'|'.join(VIDEO_EXTENSIONS)})(?:[?#].*)?", re.IGNORECASE)
_GUESSED: Final = ("/specifyimage/status", "/specifyvideo/status", "/faceswap/result", "/highquality/infobyid")
"""How paths end that clients guess when they want the result of a face swap."""
_SHOWN: Final = 100
_WITH_OPTS: Final = tuple(endpoint for endpoint, create in CREATES.items() if "targetImage" in create.input.fields)
_PLUS: Final = "faceswapPlusByImage"


def _video_to_sg3(seen: Observations) -> str | None:
    for call in seen.to("sg3/detect"):
        url = fields_of(call).get("image_url")
        if isinstance(url, str) and _VIDEO.fullmatch(url):
            return (
                f"#{call.number} sends the video {printable(url, _SHOWN)!r} to sg3.akool.com, which looks at images; "
                f"detect_faces takes videos, and answers for each frame"
            )
    return None


def _no_mapping(seen: Observations) -> str | None:
    for call in seen.to(_PLUS):
        fields = fields_of(call)
        if fields and not fields.get("face_mapping") and fields.get("single_face_mode") is not True:
            return (
                f"#{call.number} has neither `face_mapping` nor `single_face_mode` true; "
                f"the mode is off unless it is sent, and then Plus wants to know which face goes where"
            )
    return None


def _guessed_route(seen: Observations) -> str | None:
    for call in seen.to(UNKNOWN):
        if call.path.endswith(_GUESSED):
            reader = RESULTS["listbyids"]
            path = printable(call.path, _SHOWN)
            return f"#{call.number} asks for {path}, which does not exist; {reader.method} {reader.path} does"
    return None


class _Face(NamedTuple):
    """A face that detect_faces found and cut out. `whole` and `cut` are its landmarks in the image and in the cut."""

    url: str
    whole: object
    cut: object


def _frames(seen: Observations) -> Iterator[Mapping[str, Any]]:
    """Yield the frames of all answers of detect_faces; none of a response that was spoiled."""
    for call in seen.to("detect_faces"):
        try:
            body = json.loads(call.response.body)
        except ValueError:
            continue
        found = body.get("faces_obj") if isinstance(body, dict) else None
        yield from (each for each in found.values() if isinstance(each, dict)) if isinstance(found, dict) else ()


def _list(frame: Mapping[str, Any], name: str) -> list[Any]:
    """Return a list of a frame; it is empty where it was not asked for, or a scenario says something else."""
    found = frame.get(name)
    return found if isinstance(found, list) else []


def _cut_out(seen: Observations) -> Iterator[_Face]:
    for frame in _frames(seen):
        lists = [_list(frame, name) for name in ("face_urls", "landmarks_str", "crop_landmarks")]
        yield from (_Face(str(url), whole, cut) for url, whole, cut in zip(*lists, strict=False))


def _whole_landmarks(seen: Observations) -> str | None:
    faces = {face.url: face for face in _cut_out(seen)}
    for call in seen.to(*_WITH_OPTS):
        for name in ("sourceImage", "targetImage"):
            given = fields_of(call).get(name)
            for each in given if isinstance(given, list) else ():
                path = each.get("path") if isinstance(each, dict) else None
                face = faces.get(path) if isinstance(path, str) else None
                if face is None or face.whole == face.cut:
                    continue
                if each.get("opts") in (face.whole, [face.whole]):
                    return (
                        f"#{call.number} has a cut-out face as `path` in `{name}`, and as `opts` the landmarks "
                        f"of the whole image; those of the cut-out are in `crop_landmarks`"
                    )
    return None


def _is_box(value: object) -> bool:
    return isinstance(value, list) and len(value) == 4 and all(type(each) in (int, float) for each in value)


def _box_not_turned(seen: Observations) -> str | None:
    boxes: list[Any] = [
        box
        for frame in _frames(seen)
        for name in ("region", "crop_region")
        for box in _list(frame, name)
        if _is_box(box)
    ]
    for call in seen.to(_PLUS):
        mapping = fields_of(call).get("face_mapping")
        for pair in mapping if isinstance(mapping, list) else ():
            for info in pair.values() if isinstance(pair, dict) else ():
                box = info.get("bbox") if isinstance(info, dict) else None
                if isinstance(box, list) and box in boxes:
                    x, y, width, height = box
                    return (
                        f"#{call.number} has the `bbox` {box}, which is x, y, width and height as detect_faces says "
                        f"them; Plus takes two corners, {[x, y, x + width, y + height]}"
                    )
    return None


HINTS: Final = (
    Hint(
        "guessed route of a face swap",
        "guesses a path for the result of a face swap, such as `specifyimage/status`",
        _guessed_route,
    ),
    Hint("video to the old detector", "sends a video to `sg3.akool.com/detect`, which takes images", _video_to_sg3),
    Hint(
        "landmarks of the whole image",
        "sends the landmarks of the whole image with a cut-out face, which has its own in `crop_landmarks`",
        _whole_landmarks,
    ),
    Hint("no face_mapping", "asks Plus for a swap without `face_mapping` or `single_face_mode`", _no_mapping),
    Hint(
        "box not turned",
        "sends x, y, width and height of a face as `bbox`, which is two corners",
        _box_not_turned,
    ),
)
