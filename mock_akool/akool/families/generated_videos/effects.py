"""The effects that a video of an image can have, and the list of them (contract section 15)."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from mock_akool.akool.families.family import Answer, Asked, Record, Service, success_of
from mock_akool.akool.families.generated_videos.schemas import answer_schema, list_of
from mock_akool.akool.settings import ServiceSettings
from mock_akool.akool.validation import Kind, one_of


class Effect(NamedTuple):
    """An effect of the vendor's sample: `code` is what a request names it by."""

    id: str
    name: str
    code: str

    @property
    def row(self) -> Record:
        """Its row in the list of effects."""
        files = f"https://static.website-files.org/assets/Image_to_Video/Lora/{self.name}"
        return {
            "_id": self.id,
            "create_time": 1752576694502,
            "logo": f"{files}.png",
            "name": self.name,
            "video_url": f"{files}.mp4",
            "effect_code": self.code,
        }


EFFECTS: Final = (
    Effect("687632b95a0f52799eeed701", "Squish", "squish_89244231312"),
    Effect("687632ba5a0f52799eeed887", "Cakeify", "cakeify_24743216"),
    Effect("687632bc5a0f52799eeed929", "Samurai", "samurai_99757865"),
)
EFFECT_NAMES: Final = {each.code: each.name for each in EFFECTS}
_DOCUMENTED_COUNT: Final = 10
"""The vendor's sample says so many, beside three rows."""
_EFFECT: Final = one_of(tuple(EFFECT_NAMES))


def _read_effect(value: Any, settings: ServiceSettings) -> str:
    return "" if value == "" else str(_EFFECT.read(value, settings))


EFFECT_OR_NONE: Final = Kind(f"{_EFFECT.wants}, or empty text", {"type": "string"}, _read_effect, _EFFECT.words)


def _answer(asked: Asked) -> Answer:
    count = len(EFFECTS) if asked.world.context.observed else _DOCUMENTED_COUNT
    return success_of({"result": [each.row for each in EFFECTS], "count": count}, "Success")


SERVICE: Final = Service(
    endpoint="image2Video/effects",
    path="/api/open/v4/image2Video/effects",
    answer=_answer,
    method="GET",
    schema=answer_schema(list_of("result", {"type": "object", "required": ["_id", "name", "effect_code"]}, "count")),
)
