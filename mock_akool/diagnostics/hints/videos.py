"""Hints about requests for videos: fields that the service ignores or does not expect (contract section 16)."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from mock_akool.akool.codes import Code
from mock_akool.akool.endpoints import UNKNOWN
from mock_akool.akool.families import CREATES, RESULTS
from mock_akool.core.call_log import Call
from mock_akool.core.text import printable
from mock_akool.diagnostics.hints.finding import Hint, fields_of
from mock_akool.diagnostics.observations import Observations


def _requests_to(
    endpoint: str, find: Callable[[Mapping[str, Any]], str | None]
) -> Callable[[Observations], str | None]:
    """Return what looks through the bodies sent to an endpoint; `find` says what is wrong with the fields of one."""

    def detect(seen: Observations) -> str | None:
        for call in seen.to(endpoint):
            found = find(fields_of(call))
            if found is not None:
                return f"#{call.number} {found}"
        return None

    return detect


_RESOLUTION: Final = CREATES["createbytalkingphoto"].input.fields["resolution"]
_AVATAR: Final = CREATES["talkingavatar/create"].input.fields
_SIZE: Final = f"{_AVATAR['width'].default}×{_AVATAR['height'].default}"
_DETECTED: Final = CREATES["createbytranslate"].input.fields["source_language"].default


def _photo_resolution(fields: Mapping[str, Any]) -> str | None:
    given = fields.get("resolution", _RESOLUTION.default)
    if given in _RESOLUTION.kind.words:
        return None
    words = " or ".join(f'"{each}"' for each in _RESOLUTION.kind.words)
    return f"has the `resolution` {given!r}, which is not documented; a talking photo takes the text {words}"


def _flat_avatar(fields: Mapping[str, Any]) -> str | None:
    flat = [name for name in ("avatar_id", "voice_id", "input_text", "audio_url") if name in fields]
    if "elements" in fields or not flat:
        return None
    return (
        f"has `{flat[0]}` at the top level; it belongs into `elements`, "
        f"a list with an element of type `avatar` and one of type `audio`"
    )


def _avatar_size(fields: Mapping[str, Any]) -> str | None:
    size = "×".join(str(fields.get(side, _AVATAR[side].default)) for side in ("width", "height"))
    return None if size == _SIZE else f"asks for {size}; only {_SIZE} is documented for a talking avatar"


def _colour_without_mark(fields: Mapping[str, Any]) -> str | None:
    elements = fields.get("elements")
    for each in elements if isinstance(elements, list) else ():
        url = each.get("url") if isinstance(each, dict) and each.get("type") == "image" else None
        if isinstance(url, str) and _BARE_COLOUR.fullmatch(url):
            return f"has the colour {url!r} as background; a colour begins with #, such as {'#' + url!r}"
    return None


_BARE_COLOUR: Final = re.compile(r"[0-9a-f]{6}(?:[0-9a-f]{2})?", re.IGNORECASE | re.ASCII)


def _instead(names: Mapping[str, str], why: str) -> Callable[[Mapping[str, Any]], str | None]:
    """Return what finds fields that have the names on the left, where the request has those on the right."""

    def find(fields: Mapping[str, Any]) -> str | None:
        for wrong, right in names.items():
            if wrong in fields and right not in fields:
                return f"has `{wrong}`, {why}; the request has `{right}`"
        return None

    return find


_OF_REPLY: Final = "a name of the reply, which is ignored"


def _detected_as_auto(fields: Mapping[str, Any]) -> str | None:
    if str(fields.get("source_language")).lower() != "auto":
        return None
    return (
        f"has the `source_language` 'auto'; the service detects the language by {_DETECTED!r}, or when it is not given"
    )


def _refused_language(seen: Observations) -> str | None:
    calls = [call for call in seen.to("createbytranslate") if call.code == Code.OK]
    for call in calls:
        refused = [each for each in _entries(call) if each.get("code") != Code.OK]
        again = [later for later in calls if later.number > call.number]
        if refused and not again:
            return (
                f"#{call.number} got code 1000, but {len(refused)} of its languages got "
                f"{refused[0].get('code')} in `all_results`; look at the code of every entry"
            )
    return None


def _entries(call: Call) -> Sequence[Mapping[str, Any]]:
    """Return the entries of `all_results`; none of a response that was spoiled."""
    try:
        body = json.loads(call.response.body)
    except ValueError:
        return ()
    found = body.get("all_results") if isinstance(body, dict) else None
    return [each for each in found if isinstance(each, dict)] if isinstance(found, list) else ()


_GUESSED: Final = {
    "/videoTranslation/create": "createbytranslate",
    "/videoTranslate/create": "createbytranslate",
    "/talkingphoto/create": "createbytalkingphoto",
    "/content/video/createbytalkingavatar": "talkingavatar/create",
    "/lipsync/create": "lipsync",
    "/content/video/characterSwap": "characterSwap/create",
    "/image2video/info": "resultsByIds",
    "/image2video/result": "resultsByIds",
    "/image2video/infobymodelid": "resultsByIds",
}
"""How paths end that clients guess, and the endpoints that they mean."""


def _guessed_route(seen: Observations) -> str | None:
    for call in seen.to(UNKNOWN):
        for ending, endpoint in _GUESSED.items():
            if call.path.lower().endswith(ending.lower()):
                known = CREATES.get(endpoint) or RESULTS[endpoint]
                path = printable(call.path, _PATH_SHOWN)
                return f"#{call.number} asks for {path}, which does not exist; {known.method} {known.path} does"
    return None


_PATH_SHOWN: Final = 100

HINTS: Final = (
    Hint("guessed route of a video", "guesses a path, such as `videoTranslation/create`", _guessed_route),
    Hint(
        "resolution of talking photo",
        "sends `720p` or a number as `resolution` of a talking photo",
        _requests_to("createbytalkingphoto", _photo_resolution),
    ),
    Hint(
        "flat talking avatar",
        "sends `avatar_id` or `input_text` of a talking avatar at the top level, not in `elements`",
        _requests_to("talkingavatar/create", _flat_avatar),
    ),
    Hint(
        "size of talking avatar",
        f"asks for a talking avatar of another size than {_SIZE}",
        _requests_to("talkingavatar/create", _avatar_size),
    ),
    Hint(
        "colour without #",
        "sends a background colour of a talking avatar without `#`",
        _requests_to("talkingavatar/create", _colour_without_mark),
    ),
    Hint(
        "names of the lipsync reply",
        "sends `target_video` or `input_audio`, the names of the reply, to lipsync",
        _requests_to("lipsync", _instead({"target_video": "video_url", "input_audio": "audio_url"}, _OF_REPLY)),
    ),
    Hint(
        "names of the translation reply",
        "sends `target_video` or `video_url` to createbytranslate",
        _requests_to("createbytranslate", _instead({"target_video": "url", "video_url": "url"}, "which is ignored")),
    ),
    Hint(
        "language auto",
        "sends the `source_language` `auto` to createbytranslate",
        _requests_to("createbytranslate", _detected_as_auto),
    ),
    Hint(
        "refused language",
        "does not look at the codes of the entries in `all_results` of a translation",
        _refused_language,
    ),
    Hint(
        "names of the character swap reply",
        "sends `image_url` or `video_url`, the names of the reply, to a character swap",
        _requests_to("characterSwap/create", _instead({"image_url": "image", "video_url": "video"}, _OF_REPLY)),
    ),
)
