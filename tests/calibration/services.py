"""A fake with other settings in the place of the real service, and what calibrates it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from mock_akool.calibration import Calibration, Limits, calibrate, fake_of, plan
from mock_akool.server.settings import Settings

RICH: Final = Limits(requests=10**6, spend=10**6)
USUAL: Final = Settings()

VALUES: Final[Mapping[str, Any]] = {
    "max_body_bytes": 65536,
    "error_data": "null",
    "unknown_route_body": "text",
    "path_case_strict": False,
    "null_is_absent": False,
    "json_content_type_required": False,
    "gone_file_status": 404,
    "token_lifetime": "30d",
    "new_token_revokes_older": True,
    "bearer_any_case": False,
    "msg_authorization_empty": "No credentials",
    "msg_account_banned": "Banned",
    "get_token_wrong_pair_code": 1101,
    "get_token_missing_field_code": 1102,
    "cors_allow_any_header": True,
    "cors_allow_api_key": False,
    "check_urls": False,
    "bad_parameter_code": 1010,
    "unknown_job_code": 1014,
    "foreign_job_code": 1008,
    "out_of_credits_code": 1006,
    "no_credit_code_faceswap": 1104,
    "no_credit_code_talking_photo": 1006,
    "no_credit_code_voice": 1006,
    "no_credit_code_talking_avatar": 1104,
    "no_credit_code_lipsync": 1006,
    "no_credit_code_translate": 1006,
    "no_credit_code_character_swap": 1006,
    "no_credit_code_image2video": 1006,
    "no_credit_code_live_avatar": 1006,
    "quota_rounding": "exact",
    "concurrent_jobs": 2,
    "webhook_processing": False,
    "webhook_retries": 2,
    "webhook_retry_delay": "3s",
    "webhook_before_status": "2s",
    "webhook_after_status": "4s",
    "knowledge_list_shape": "object",
    "strict_types": True,
    "plan_gate": True,
    "plan_gate_code": 1213,
    "detect_auth": False,
    "sg3_auth": True,
    "session_default_seconds": 300,
    "session_ready_seconds": 10,
    "live_avatar_credits_per_minute": 2,
    "unknown_avatar_code": 1216,
    "avatar_exclusive": True,
    "unknown_session_code": 1008,
    "closed_session_code": 1216,
    "session_close_data": False,
    "trtc_names": "short",
    "i2v_require_negative": True,
    "i2v_require_audio_type": True,
    "i2v_any_model": True,
    "i2v_audio_surcharge": 0.5,
    "i2v_bad_ids_code": 1008,
    "i2v_audio_unavailable_code": 1008,
    "webhook_type_image2video": "video",
    "webhook_type_text2video": "video",
    "webhook_type_character_swap": "swap",
    "translate_data": "first",
    "lipsync_once": True,
    "talking_avatar_strict_size": True,
    "tts_text_limit": 10000,
    "voice_rate": 3.2,
    "unknown_voice_code": 1010,
    "v3_audio_sync": True,
    "v3_clone_sync": False,
    "talking_photo_strict": True,
    "faceswap_image_credits": 6,
    "faceswap_video_credits_per_10s": 15,
    "v3_accept_data_urls": False,
    "swap_strict_opts": True,
    "plus_require_bbox": True,
    "listbyids_delay": 7,
    "prompt_suffix": ", in detail",
    "v4_buttons": False,
    "button_unavailable_code": 1011,
    "button_used_code": 1010,
    "square_1080p": 1152,
    "square_4k": 2048,
    "v4_credits_1080p": 8,
    "v4_credits_4k": 9,
    "variations": "one",
    "v4_batch_rows": "short",
    "queueing": "60s",
    "processing": "90s",
}
"""For each setting with a probe a value that is not the default."""

NEEDED: Final[Mapping[str, Mapping[str, Any]]] = {"plan_gate_code": {"plan_gate": True}}
"""What a setting needs to be seen at all."""


def found_out(
    there: Settings, here: Settings, only: frozenset[str] = frozenset(), limits: Limits = RICH
) -> Calibration:
    """Calibrate a fake that has the settings `there` against one with those `here`."""
    service, credentials = fake_of(there)
    chosen = plan(credentials, here, limits, webhook=True, only=only)
    return calibrate(service, credentials, here, chosen, limits=limits)


def names_of(calibration: Calibration) -> set[str]:
    """Return the names of the probes that found a difference."""
    return {each.probe.name for each in calibration.differences}
