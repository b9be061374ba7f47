"""Images by `createbybutton` (contract section 5)."""

from __future__ import annotations

from typing import NamedTuple

from mock_akool.akool.families.image import BUTTONS
from mock_akool.akool.settings import ServiceSettings
from mock_akool.akool.validation import _Fields, read_object
from mock_akool.core.http import Request


class PressButton(NamedTuple):
    """A checked request of `createbybutton`."""

    parent_id: str
    button: str
    webhook_url: str

    @property
    def tile(self) -> int:
        """The number of the picture, 1 to 4, that the button is about."""
        return int(self.button[1])

    @property
    def is_variation(self) -> bool:
        """Whether the button asks for four variations (V), not for one upscaled picture (U)."""
        return self.button[0] == "V"


def press_button(request: Request, settings: ServiceSettings) -> PressButton:
    """Read a request of `createbybutton` (contract section 5)."""
    fields = _Fields(read_object(request, settings), settings)
    return PressButton(
        parent_id=fields.text("_id"),
        button=fields.one_of("button", BUTTONS, None),
        webhook_url=fields.url("webhookUrl"),
    )
