"""The numbers and words of the wire: business codes and their messages, profiles, the host of the API."""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum, StrEnum
from typing import Final


class Code(IntEnum):
    """The business codes of a reply's `code` (contract section 10); 1000 is the only success."""

    OK = 1000
    PARAMETER_ERROR = 1003
    TOO_FREQUENT = 1005
    QUOTA_NOT_ENOUGH = 1006
    TOO_MANY_CONTENTS = 1007
    NOT_FOUND = 1008
    NO_PERMISSION = 1009
    CANNOT_OPERATE = 1010
    ALREADY_OPERATED = 1011
    VIDEO_ERROR = 1015
    INVALID_AUTHORIZATION = 1101
    AUTHORIZATION_EMPTY = 1102
    UNPAID = 1103
    CREDITS_INSUFFICIENT = 1104
    GENERATE_ERROR = 1108
    ACCOUNT_NOT_FOUND = 1109
    ACCOUNT_BANNED = 1200
    AUDIO_ERROR = 1201
    SAME_VIDEO_AGAIN = 1202
    VIDEO_WITHOUT_SOUND = 1203
    VIDEO_TOO_LONG = 1204
    TRANSLATE_ERROR = 1205
    VIDEO_TOO_LARGE = 1207
    VIDEO_ENCODING = 1209
    VIDEO_FRAME_RATE = 1210
    LIPSYNC_ERROR = 1211
    SESSION_BUSY = 1215
    SESSION_UNKNOWN = 1216
    SESSION_CLOSED = 1219
    KNOWLEDGE_UNKNOWN = 1232
    KNOWLEDGE_NAME_TAKEN = 1233
    SERVER_ERROR = 2001


MESSAGES: Final[Mapping[int, str]] = {
    Code.OK: "OK",
    Code.PARAMETER_ERROR: "parameter validate error",
    Code.TOO_FREQUENT: "too frequent",
    Code.QUOTA_NOT_ENOUGH: "quota not enough",
    Code.TOO_MANY_CONTENTS: "too many contents",
    Code.NOT_FOUND: "content does not exist",
    Code.NO_PERMISSION: "no permission",
    Code.CANNOT_OPERATE: "cannot operate this content",
    Code.ALREADY_OPERATED: "already operated",
    Code.VIDEO_ERROR: "create video error, please try again later",
    Code.INVALID_AUTHORIZATION: "invalid authorization",
    Code.AUTHORIZATION_EMPTY: "Authorization cannot be empty",
    Code.UNPAID: "unpaid",
    Code.CREDITS_INSUFFICIENT: "credits insufficient",
    Code.GENERATE_ERROR: "image generate error, try again later",
    Code.ACCOUNT_NOT_FOUND: "account does not exist",
    Code.ACCOUNT_BANNED: "The account has been banned",
    Code.AUDIO_ERROR: "create audio error, please try again later",
    Code.SAME_VIDEO_AGAIN: "the same video cannot be lip-synced again",
    Code.VIDEO_WITHOUT_SOUND: "the video should be with audio",
    Code.VIDEO_TOO_LONG: "the video duration exceeds the limit",
    Code.TRANSLATE_ERROR: "create video translate error, please try again later",
    Code.VIDEO_TOO_LARGE: "the video exceeds the size limit",
    Code.VIDEO_ENCODING: "please upload a video in another encoding format",
    Code.VIDEO_FRAME_RATE: "the video exceeds the frame rate limit",
    Code.LIPSYNC_ERROR: "create lipsync error, please try again later",
    Code.SESSION_BUSY: "the avatar is busy, please try again later",
    Code.SESSION_UNKNOWN: "session does not exist",
    Code.SESSION_CLOSED: "session is closed",
    Code.KNOWLEDGE_UNKNOWN: "knowledge base does not exist",
    Code.KNOWLEDGE_NAME_TAKEN: "knowledge base name already exists",
    Code.SERVER_ERROR: "server error",
}
"""The `msg` of each code. 1101 and 1109 were observed; the others restate the meaning of the code."""


UNKNOWN_MESSAGE: Final = "error"
"""The `msg` of a configured code that the contract does not know."""


class Profile(StrEnum):
    """Which truth the fake follows where the documentation and observation differ."""

    OBSERVED = "observed"
    DOCUMENTED = "documented"


DEFAULT_REASON: Final = "Image generation failed, check your input"
"""The one of `error_reasons` of a job that fails without a reason of its own (contract section 6)."""

API_HOST: Final = "openapi.akool.com"
API_URL: Final = f"https://{API_HOST}"

AES_KEY_BYTES: Final = (16, 24, 32)
"""How many bytes a clientSecret must have to be a key that encrypts webhooks (contract section 9)."""
