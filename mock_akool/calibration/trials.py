"""Probes that send a create which may be refused: with an account without credits they cost nothing.

The answer to such an account shows whether a request was refused for what it says, or only for the credits.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from mock_akool.akool.families import CREATES, FAMILY_OF
from mock_akool.calibration.errors import NotAskedError, NoValueError
from mock_akool.calibration.probe import EMPTY, Probe, need, setting
from mock_akool.calibration.service import Reply
from mock_akool.calibration.session import Session, price_of

_OTHER_REASONS: Final = frozenset({1003, 1005, 1007, 1008, 1101, 1102, 1109, 1200, 1213, 2001})
"""Codes that are about something else than credits."""


_VIDEO: Final = "image2Video/createBySourcePrompt"
_USUAL: Final[Mapping[str, Mapping[str, Any]]] = {_VIDEO: {"audio_type": 3, "negative_prompt": "blurred"}}
"""What is added to an example so that it passes wherever more is asked for."""


def _has_none(session: Session) -> bool:
    """Return True when the account without credits has none; raises NotAskedError otherwise."""

    def look() -> bool:
        balance = session.balance(session.credentials.empty_key)
        need(balance < 1, f"the account of --empty-api-key has {balance:g} credits")
        return True

    return session.once("no credits", look)


def _asked_of_poor(session: Session, endpoint: str, changes: Mapping[str, Any]) -> Reply:
    _has_none(session)
    create = CREATES[endpoint]
    body = session.body_of(endpoint, {**_USUAL.get(endpoint, {}), **changes})
    if not price_of(endpoint, session.body_of(endpoint, {}), session.settings):
        raise NotAskedError("it costs nothing, so an account without credits can have it")
    return session.ask(create.method, create.path, body, key=session.credentials.empty_key)


def _refusal_of_poor(session: Session, endpoint: str) -> int:
    """Return the code by which an account without credits is refused a usual request."""

    def find() -> int:
        reply = _asked_of_poor(session, endpoint, {})
        need(reply.code not in (None, 1000), "an account without credits was not refused")
        return int(reply.code or 0)

    return session.once(f"poor {endpoint}", find)


def _no_credit_code(endpoint: str) -> Callable[[Session], int]:
    def read(session: Session) -> int:
        code = _refusal_of_poor(session, endpoint)
        need(code not in _OTHER_REASONS, f"the request is refused for another reason: code {code}")
        return code

    return read


def refusal_code(session: Session, endpoint: str, changes: Mapping[str, Any]) -> int | None:
    """Return the code by which a request is refused for what it says; None when it passes.

    An account without credits asks, where there is one. Otherwise the main one does, and pays what passes.
    """
    if session.credentials.empty_key:
        usual = _refusal_of_poor(session, endpoint)
        need(usual not in _OTHER_REASONS, f"the usual request is refused, too: code {usual}")
        code = _asked_of_poor(session, endpoint, changes).code
        return None if code == usual else _refused_with(code)
    reply = session.create(endpoint, {**_USUAL.get(endpoint, {}), **changes})
    return None if reply.is_ok else _refused_with(reply.code)


def _refused_with(code: int | None) -> int:
    if code is None or code == 1000:
        raise NoValueError("the answer is no refusal, and no credits were asked for")
    return code


def _yes_if_refused(endpoint: str, changes: Mapping[str, Any]) -> Callable[[Session], bool]:
    return lambda session: refusal_code(session, endpoint, changes) is not None


def _yes_if_passes(endpoint: str, changes: Mapping[str, Any]) -> Callable[[Session], bool]:
    return lambda session: refusal_code(session, endpoint, changes) is None


def _code_if_refused(endpoint: str, changes: Mapping[str, Any]) -> Callable[[Session], int]:
    def read(session: Session) -> int:
        code = refusal_code(session, endpoint, changes)
        if code is None:
            raise NoValueError("it is not refused")
        return code

    return read


_PRO: Final = "faceswapByImage"
_PLUS: Final = "faceswapPlusByImage"


def _plan_code(session: Session) -> int | None:
    """Return the code by which what needs a higher plan is refused; None when it is not."""
    if session.credentials.empty_key:
        usual, found = _refusal_of_poor(session, _PLUS), _refusal_of_poor(session, _PRO)
        return None if usual == found else found
    reply = session.once("pro", lambda: session.create(_PRO))
    return None if reply.is_ok else _refused_with(reply.code)


def _plan_gate(session: Session) -> bool:
    return _plan_code(session) is not None


def _plan_gate_code(session: Session) -> int:
    code = _plan_code(session)
    if code is None:
        raise NotAskedError("the account's plan has it")
    return code


_LONG: Final = (5000, 10_000, 50_000)
"""The limits that are known, by plan."""
_TALKING: Final = "talkingavatar/create"


def _speaks(characters: int) -> dict[str, Any]:
    """Return what makes a talking avatar speak so long a text."""
    elements = [dict(each) for each in CREATES[_TALKING].example["elements"]]
    for each in elements:
        if each["type"] == "audio":
            each["input_text"] = ("Hello. " * (characters // 7 + 1))[:characters]
    return {"elements": elements}


def _text_limit(session: Session) -> int:
    now: int = session.settings.tts_text_limit  # type: ignore[attr-defined]
    known = sorted({*_LONG, now})
    for limit in known:
        if refusal_code(session, _TALKING, _speaks(limit + 1)) is not None:
            need(refusal_code(session, _TALKING, _speaks(limit)) is None, f"{limit} characters are refused, too")
            return limit
    raise NoValueError(f"{known[-1]} characters and more are taken")


_NO_URL: Final = {"webhookUrl": "mock-akool:no-url"}
_SHORT_OPTS: Final = {
    "targetImage": [{"path": "https://example.com/face.jpg", "opts": "262,175"}],
}
_IMAGE: Final = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
_INLINE: Final = {"sourceImage": [{"path": f"data:image/png;base64,{_IMAGE}", "opts": "1,1:1,1:1,1:1,1"}]}
_NO_BOX: Final = {
    "single_face_mode": False,
    "face_mapping": [{"source_face_info": {"face_url": "https://example.com/new.jpg"}, "target_face_info": {}}],
}


def _trial(
    name: str, section: str, fact: str, read: Any, endpoint: str, changes: Mapping[str, Any] | None = None
) -> Probe:
    made = read(endpoint, changes or {})
    return setting(name, section, fact, made, trial=endpoint, changes=changes or {}, family=FAMILY_OF[endpoint].name)


def _no_credits(name: str, endpoint: str) -> Probe:
    fact = f"the code without credits ({endpoint})"
    return setting(name, "7", fact, _no_credit_code(endpoint), EMPTY, family=FAMILY_OF[endpoint].name)


SETTINGS: Final = (
    _no_credits("out_of_credits_code", "createbyprompt"),
    _no_credits("no_credit_code_faceswap", _PLUS),
    _no_credits("no_credit_code_talking_photo", "createbytalkingphoto"),
    _no_credits("no_credit_code_voice", "voice/tts"),
    _no_credits("no_credit_code_talking_avatar", _TALKING),
    _no_credits("no_credit_code_lipsync", "lipsync"),
    _no_credits("no_credit_code_translate", "createbytranslate"),
    _no_credits("no_credit_code_character_swap", "characterSwap/create"),
    _no_credits("no_credit_code_image2video", _VIDEO),
    _no_credits("no_credit_code_live_avatar", "liveAvatar/session/create"),
    _trial("check_urls", "3", "whether a webhook URL must be one", _yes_if_refused, "createbyprompt", _NO_URL),
    _trial("strict_types", "12", "whether a number may be text", _yes_if_refused, _VIDEO, {"video_length": "5"}),
    _trial(
        "i2v_require_negative",
        "15",
        "whether a video needs a negative_prompt",
        _yes_if_refused,
        _VIDEO,
        {"negative_prompt": None},
    ),
    _trial(
        "i2v_require_audio_type",
        "15",
        "whether a video needs an audio_type",
        _yes_if_refused,
        _VIDEO,
        {"audio_type": None},
    ),
    _trial(
        "i2v_any_model",
        "15",
        "whether any model_name passes",
        _yes_if_passes,
        f"{_VIDEO}/batch",
        {"model_name": "no-such-model"},
    ),
    _trial(
        "talking_avatar_strict_size",
        "16",
        "whether only 3840×2160 passes",
        _yes_if_refused,
        _TALKING,
        {"width": 1280, "height": 720},
    ),
    _trial(
        "talking_photo_strict",
        "16",
        "which resolutions of a talking photo pass",
        _yes_if_refused,
        "createbytalkingphoto",
        {"resolution": "540"},
    ),
    _trial("v3_accept_data_urls", "12", "whether data URLs pass", _yes_if_passes, "specifyimage", _INLINE),
    _trial("swap_strict_opts", "12", "whether opts must be whole", _yes_if_refused, "specifyimage", _SHORT_OPTS),
    _trial("plus_require_bbox", "12", "whether a face needs a bbox", _yes_if_refused, _PLUS, _NO_BOX),
    _trial(
        "unknown_voice_code",
        "18",
        "the code for an unknown voice_id",
        _code_if_refused,
        "voice/tts",
        {"voice_id": "0" * 24},
    ),
    _trial(
        "unknown_avatar_code",
        "19",
        "the code for an unknown avatar_id",
        _code_if_refused,
        "liveAvatar/session/create",
        {"avatar_id": "mock-akool-no-such-avatar", "duration": 60},
    ),
    setting("plan_gate", "12", "whether the plan has the Pro face swap", _plan_gate, trial=_PRO, family="faceswap_pro"),
    setting(
        "plan_gate_code",
        "12",
        "the code for what needs a higher plan",
        _plan_gate_code,
        trial=_PRO,
        family="faceswap_pro",
    ),
    setting(
        "tts_text_limit",
        "16",
        "how long a text an avatar speaks",
        _text_limit,
        trial=_TALKING,
        family="talking_avatar",
    ),
)
"""The settings that are about what a create refuses."""
