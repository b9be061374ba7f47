"""Which buttons a completed job offers, and whether one may be pressed (contract section 5)."""

from __future__ import annotations

from mock_akool.core.behaviour import ServiceSettings
from mock_akool.core.codes import BUTTONS, Status
from mock_akool.core.models import CreateV4, Job, PressButton


def offered_buttons(job: Job, settings: ServiceSettings) -> tuple[str, ...]:
    """Return the buttons that the job offers once completed, used ones included, in the order of the wire."""
    match job.input:
        case PressButton():
            return ()
        case CreateV4() if not settings.v4_buttons:
            return ()
        case _:
            return BUTTONS


def check_press(parent: Job, status: Status, button: str, settings: ServiceSettings) -> None:
    """Raise AkoolError unless `button` of the parent, which is at `status`, may be pressed now."""
    if status is not Status.COMPLETED or button not in offered_buttons(parent, settings):
        raise settings.refusal(settings.button_unavailable_code, parent.id)
    if button in parent.used_buttons:
        raise settings.refusal(settings.button_used_code, parent.id)
