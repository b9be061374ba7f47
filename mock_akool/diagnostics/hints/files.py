"""Hints about result files: which are fetched, and when (contract section 8)."""

from __future__ import annotations

from typing import Final

from mock_akool.akool.endpoints import FILE
from mock_akool.akool.families import family_of
from mock_akool.core.timeline import Status
from mock_akool.diagnostics.hints.finding import Hint
from mock_akool.diagnostics.observations import Observations, end_ns

_BAD_REQUEST: Final = 400


def _never_fetched(seen: Observations) -> str | None:
    parents = {job.parent_id for job in seen.jobs}
    for job in seen.jobs:
        polls = seen.polls(job.id)
        completed = bool(polls) and polls[-1].job_status is Status.COMPLETED
        is_wanted = family_of(job).files.is_wanted
        if completed and is_wanted and job.id not in parents and not seen.file_was_asked_for(job):
            word = family_of(job).readings[0].results.result_word
            what = "images" if word == "image" else f"files; the address is in `{word}`"
            return f"the client saw job {job.id} completed, but fetched none of its {what}"
    return None


def _grid_as_image(seen: Observations) -> str | None:
    for job in seen.jobs:
        fetched = [call.response.media for call in seen.fetches(job.id)]
        if fetched and all(image is not None and len(image.tiles) == 4 for image in fetched):
            return (
                f"of job {job.id} only `image` was fetched, which is a grid of its four images; "
                f"the single ones are in `upscaled_urls`"
            )
    return None


def _fetched_late(seen: Observations) -> str | None:
    for call in seen.to(FILE):
        job = seen.job_of_file(call)
        ends_ns = None if job is None else end_ns(job)
        lifetime = seen.settings.file_lifetime
        if call.response.status >= _BAD_REQUEST and ends_ns is not None and call.time_ns >= ends_ns + lifetime.ns:
            return f"#{call.number} fetches an image after it was deleted; images live {lifetime}"
    return None


def _fetched_early(seen: Observations) -> str | None:
    for call in seen.to(FILE):
        job = seen.job_of_file(call)
        if call.response.status >= _BAD_REQUEST and job is not None:
            ends_ns = end_ns(job)
            if ends_ns is None or call.time_ns < ends_ns:
                return f"#{call.number} fetches an image of job {job.id} before the job is completed"
    return None


HINTS: Final = (
    Hint(
        "never fetched",
        "sees a job completed and fetches no image, or looks for its address under another key",
        _never_fetched,
    ),
    Hint(
        "grid as image", "fetches only the grid of a v3 job; the single images are in `upscaled_urls`", _grid_as_image
    ),
    Hint("fetched late", "fetches an image that was deleted", _fetched_late),
    Hint("fetched early", "fetches an image of a job that is not completed", _fetched_early),
)
