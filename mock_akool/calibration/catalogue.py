"""All probes, and why the other settings have none."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from mock_akool.calibration import free, paid, trials
from mock_akool.calibration.probe import Probe

PROBES: Final[tuple[Probe, ...]] = (
    *free.SETTINGS,
    *free.FACTS,
    *free.of_families(),
    *trials.SETTINGS,
    *paid.SETTINGS,
    *paid.of_families(),
)
"""All probes; those that cost nothing come first."""

OF_SETTING: Final[Mapping[str, Probe]] = {each.setting: each for each in PROBES if each.setting}
"""The probe of each setting that has one."""

_NEEDS_FAILURE: Final = "nobody can make a job of the real service fail on purpose"
_OURS: Final = "it says what the fake imagines, as it fetches no media; the real service looks at them"
_OWN_IDS: Final = "it adds ids that only a test knows"

_MEITU: Final = "its parameters belong to a portrait, and a wrong guess would look like a refusal of the model"

NOT_PROBED: Final[Mapping[str, str]] = {
    "file_lifetime": "it would take seven days",
    "requests_per_second": "more than two requests a second are never sent",
    "webhook_timeout": "a receiver cannot see how long a sender would have waited",
    "assumed_media_seconds": _OURS,
    "media_seconds_by_url": _OURS,
    "faces_per_image": _OURS,
    "faces_by_url": _OURS,
    "detect_no_face": "it needs an image that surely has no face",
    "refund_on_failure": _NEEDS_FAILURE,
    "video_error_fields": _NEEDS_FAILURE,
    "video_error_code": _NEEDS_FAILURE,
    "faceswap_fail_field": _NEEDS_FAILURE,
    "known_avatars": _OWN_IDS,
    "known_voices": _OWN_IDS,
    "i2v_batch_errors": "it says which prompts of a test are refused; of the real service nobody knows such prompts",
    "i2v_batch_error_code": "nobody knows a prompt that the real service refuses in a batch",
    "translate_refused_languages": "it says which languages a test lets be refused",
    "translate_refused_code": "nobody knows a language that is listed and yet refused",
    "meitu_model": _MEITU,
    "meitu_rules": _MEITU,
    "documented_type": "it is about the profile `documented`, which follows the documentation, not the service",
}
"""The settings that are facts or choices about the real API and have no probe, and why."""
