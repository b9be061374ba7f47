"""Images by `createbyprompt` (contract section 3)."""

from __future__ import annotations

from typing import NamedTuple

from mock_akool.akool.families.image import SCALES
from mock_akool.akool.settings import ServiceSettings
from mock_akool.akool.validation import _Fields, read_object
from mock_akool.core.http import Request


class CreateV3(NamedTuple):
    """A checked request of `createbyprompt`."""

    prompt: str
    scale: str
    source_image: str | None
    webhook_url: str


def create_v3(request: Request, settings: ServiceSettings) -> CreateV3:
    """Read a request of `createbyprompt` (contract section 3)."""
    fields = _Fields(read_object(request, settings), settings)
    return CreateV3(
        prompt=fields.text("prompt"),
        scale=fields.one_of("scale", SCALES, SCALES[0]),
        source_image=fields.url("source_image") or None,
        webhook_url=fields.url("webhookUrl"),
    )
