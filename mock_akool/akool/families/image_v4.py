"""Images by `createBySourcePrompt` (contract section 4)."""

from __future__ import annotations

from typing import Final, NamedTuple

from mock_akool.akool.codes import Code
from mock_akool.akool.errors import AkoolError
from mock_akool.akool.families.image import IMAGE_MODEL, MEITU_MODEL, ORIGINAL_SCALE, RESOLUTIONS, SCALES, TEXT_MODEL
from mock_akool.akool.settings import ServiceSettings
from mock_akool.akool.validation import _bad, _Fields, read_object
from mock_akool.core.http import Request


class CreateV4(NamedTuple):
    """A checked request of `createBySourcePrompt`. `source_image` is `""` for a text job."""

    prompt: str
    model_name: str
    source_image: str
    scale: str
    resolution: str
    batch_quantity: int
    similar: float
    negative_prompt: str | None
    webhook_url: str

    @property
    def from_image(self) -> bool:
        """Whether this is an image-to-image job."""
        return bool(self.source_image)


_IMAGE_MODELS: Final = frozenset({IMAGE_MODEL, MEITU_MODEL})


_MODELS: Final = frozenset({TEXT_MODEL}) | _IMAGE_MODELS


_SCALES_FROM_IMAGE: Final[frozenset[str]] = frozenset({*SCALES, ORIGINAL_SCALE})


_SOURCE_IMAGES_REQUIRED: Final = "source_images is required for image-to-image model"


def create_v4(request: Request, settings: ServiceSettings) -> CreateV4:
    """Read a request of `createBySourcePrompt` (contract section 4)."""
    fields = _Fields(read_object(request, settings), settings)
    source_image = fields.first_url("source_images")
    model = fields.one_of("model_name", _MODELS, IMAGE_MODEL if source_image else TEXT_MODEL)
    from_image = model in _IMAGE_MODELS
    if from_image and not source_image:
        raise AkoolError(Code.PARAMETER_ERROR, _SOURCE_IMAGES_REQUIRED)
    if not fields.has_object("parameter") and model == MEITU_MODEL:
        _bad()
    prompt = (fields.optional_text("prompt") or "") if model == MEITU_MODEL else fields.text("prompt")
    return CreateV4(
        prompt=prompt,
        model_name=model,
        source_image=source_image if from_image else "",
        scale=fields.one_of("scale", _SCALES_FROM_IMAGE if from_image else SCALES, SCALES[0]),
        resolution=fields.one_of("resolution", RESOLUTIONS, RESOLUTIONS[-1]),
        batch_quantity=fields.whole("batch_quantity", 1, 4, 1),
        similar=fields.number("similar", 0, 1, 0.5),
        negative_prompt=fields.optional_text("negative_prompt"),
        webhook_url=fields.url("webhookurl"),
    )
