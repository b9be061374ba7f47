"""The models that make videos of images and texts, as `aigModel/list` lists them (contract section 15)."""

from __future__ import annotations

from typing import Final, NamedTuple
from urllib.parse import parse_qs

from mock_akool.akool.errors import ParameterError
from mock_akool.akool.families.family import Answer, Asked, Record, Service, meant, success_of
from mock_akool.akool.families.generated_videos.schemas import answer_schema
from mock_akool.akool.families.generated_videos.settings import VideoOptions
from mock_akool.core.schema import Schema

FROM_IMAGE: Final = 1501
FROM_TEXT: Final = 1502

_SIZES: Final = {"480p": (854, 480, 3), "720p": (1280, 720, 5), "1080p": (1920, 1080, 10), "4k": (3840, 2160, 20)}
"""Width and height in pixels, and the `unit_credit` of the vendor's sample, which is not what a job costs."""
_SMALL: Final = ("480p", "720p", "1080p")
_USUAL: Final = ("720p", "1080p")
_LARGE: Final = ("720p", "1080p", "4k")
_SECONDS: Final = (5, 10)
_ANY_SECONDS: Final = tuple(range(3, 16))


class Model(NamedTuple):
    """A model: what it is called, and which requests it takes. Durations are in seconds."""

    value: str
    label: str
    provider: str
    resolutions: tuple[str, ...] = _USUAL
    """Empty: a request need not say one."""
    durations: tuple[int, ...] = _SECONDS
    has_audio: bool = False
    audio_surcharge: float | None = None
    """What part of the price sound costs on top; None: as the settings say."""
    takes_last_frame: bool = False
    takes_shots: bool = False
    """Whether a request may have `multi_prompt`."""
    max_count: int = 10

    def row(self, kind: int, sort: int, surcharge: float, *, observed: bool) -> Record:
        """Return its row in the list of a type. `surcharge` is what the settings say that sound costs."""
        audio: object = True if self.has_audio else None
        if self.has_audio and observed:
            dearer = surcharge if self.audio_surcharge is None else self.audio_surcharge
            audio = {"required": False, "type": "boolean", "default": False, "extra_credit_multiplier": 1 + dearer}
        return {
            "sort": sort,
            "group": self.provider,
            "provider": self.provider,
            "type": kind,
            "label": self.label,
            "value": self.value,
            "description": f"{self.label} makes videos",
            "resolutionList": [
                {"label": each, "value": each, "width": width, "height": height, "unit_credit": credits}
                for each in self.resolutions
                for width, height, credits in [_SIZES[each]]
            ],
            "isPro": False,
            "generate_audio": audio,
            "durationList": list(self.durations),
            "requiresPay": False,
            "supportedLastFrame": self.takes_last_frame,
            "supportedExtendPrompt": False,
            "maxImageCount": 1,
            "maxCount": self.max_count,
        }


_LITE: Final = Model(
    "seedance-1-0-lite-i2v-250428", "Seedance Lite Image2Video", "seedance", _SMALL, takes_last_frame=True
)
MODELS: Final[dict[int, tuple[Model, ...]]] = {
    FROM_IMAGE: (
        Model("AkoolImage2VideoFastV1", "Akool Image2Video Fast V1", "akool", _LARGE, has_audio=True),
        Model("AkoolImage2VideoHDV1", "Akool Image2Video HD V1", "akool", _LARGE, has_audio=True),
        _LITE,
        Model("seedance-1-0-pro-250528", "Seedance Pro", "seedance", _SMALL),
        Model("seedance/seedance-1-0-pro-fast-251015/image-to-video", "Seedance Pro Fast", "seedance", _SMALL),
        Model("MiniMax-Hailuo-2.3/image-to-video", "MiniMax Hailuo 2.3", "minimax"),
        Model("MiniMax-Hailuo-2.3-Fast/image-to-video", "MiniMax Hailuo 2.3 Fast", "minimax"),
        Model("openai/sora-2-pro/image-to-video", "Sora 2 Pro", "openai"),
        Model("akool/sora-2/image-to-video", "Sora 2", "akool"),
        Model(
            "kwaivgi/kling-video-o3-pro/image-to-video",
            "Kling O3 Pro",
            "kwaivgi",
            has_audio=True,
            audio_surcharge=0.25,
            takes_shots=True,
        ),
        Model("kwaivgi/kling-v3.0-std/image-to-video", "Kling 3.0", "kwaivgi", (), _ANY_SECONDS, max_count=4),
        Model("kwaivgi/kling-v3.0-pro/image-to-video", "Kling 3.0 Pro", "kwaivgi", (), _ANY_SECONDS, max_count=4),
        Model("doubao-seedance-2-0-260128/image-to-video", "Seedance 2.0", "seedance", _SMALL),
        Model("doubao-seedance-2-0-fast-260128/image-to-video", "Seedance 2.0 Fast", "seedance", _SMALL),
    ),
    # The page of text to video names this one, and no other is known.
    FROM_TEXT: (_LITE,),
}
"""The models of each type, the highest `sort` first; other types have none."""

_HIGHEST: Final = 100


def rows(kind: int, surcharge: float, *, observed: bool) -> list[Record]:
    """Return the rows of the models of a type, the highest `sort` first."""
    return [
        model.row(kind, _HIGHEST - place, surcharge, observed=observed)
        for place, model in enumerate(MODELS.get(kind, ()))
    ]


def known(kind: int, value: str) -> Model | None:
    """Return the model of a type with this value."""
    return next((model for model in MODELS.get(kind, ()) if model.value == value), None)


_MOST_DIGITS: Final = 10
_MOST_QUERY_FIELDS: Final = 100


def _answer(asked: Asked) -> Answer:
    try:
        query = parse_qs(asked.request.query, max_num_fields=_MOST_QUERY_FIELDS)
    except ValueError:
        raise ParameterError(f"the query has over {_MOST_QUERY_FIELDS} fields") from None
    types = query.get("types[]", ())
    if not types:
        raise ParameterError(
            f"types[] is missing from the query; give one such as types[]=1501{meant('types[]', query)}"
        )
    context = asked.world.context
    surcharge = context.options(VideoOptions).i2v_audio_surcharge
    kinds = dict.fromkeys(int(each) for each in types if each.isascii() and each.isdigit() and len(each) < _MOST_DIGITS)
    found = [row for kind in kinds for row in rows(kind, surcharge, observed=context.observed)]
    return success_of(sorted(found, key=_sort, reverse=True))


def _sort(row: Record) -> int:
    sort: int = row["sort"]
    return sort


_MODEL_SCHEMA: Final[Schema] = {
    "type": "object",
    "required": ["sort", "type", "label", "value", "resolutionList", "durationList", "maxCount"],
    "properties": {"sort": {"type": "integer"}, "type": {"type": "integer"}, "value": {"type": "string"}},
}


SERVICE: Final = Service(
    endpoint="aigModel/list",
    path="/api/open/v4/aigModel/list",
    answer=_answer,
    method="GET",
    query={"types[]": "1501 for models that make videos of images, 1502 of texts, 2101 of characters"},
    schema=answer_schema({"type": "array", "items": _MODEL_SCHEMA}),
)
