"""Hints about clients of image to video: lists of ids and images, batches, budgets (contract section 15)."""

from __future__ import annotations

import json
from collections import defaultdict
from typing import Any, Final

from mock_akool.akool.codes import Code, Profile
from mock_akool.akool.endpoints import CREATES, READS
from mock_akool.akool.errors import AkoolError
from mock_akool.akool.families import CREATES as CREATES_BY_NAME
from mock_akool.akool.families import FAMILY_OF, RESULTS
from mock_akool.akool.jobs import Job
from mock_akool.core.call_log import Call
from mock_akool.core.timeline import Status
from mock_akool.diagnostics.hints.finding import Hint, fields_of
from mock_akool.diagnostics.observations import Observations

_IMAGE: Final = "image_url"
_IMAGES: Final = ("image_urls", "images", "source_images")
"""Other names for the field, for a list of images."""


def _ids_in_a_list(seen: Observations) -> str | None:
    for call in seen.to(*READS):
        wanted = RESULTS[call.endpoint].input
        fields = fields_of(call)
        for name in () if wanted is None else wanted.fields:
            if isinstance(fields.get(name), list):
                return f"#{call.number} has a list in `{name}`; it takes one text, with commas between the ids"
            if name not in fields and fields.get("ids"):
                return f"#{call.number} has `ids`; {call.endpoint} takes `{name}`, one text with commas between the ids"
    return None


def _list_of_images(seen: Observations) -> str | None:
    for call in seen.to(*CREATES):
        if _IMAGE not in CREATES_BY_NAME[call.endpoint].input.fields:
            continue
        fields = fields_of(call)
        if isinstance(fields.get(_IMAGE), list):
            return f"#{call.number} has a list in `{_IMAGE}`, which takes one URL; `count` makes several videos of it"
        wrong = next((name for name in _IMAGES if fields.get(name)), None)
        if wrong is not None and not fields.get(_IMAGE):
            return f"#{call.number} has `{wrong}`; {call.endpoint} takes `{_IMAGE}`, one URL"
    return None


def _refused_rows(seen: Observations) -> str | None:
    calls = seen.to(*CREATES)
    newest = {call.endpoint: call.number for call in calls}
    for call in calls:
        errors = _errors_in(call)
        if errors and newest[call.endpoint] == call.number:
            return (
                f"#{call.number} has {len(errors)} in `errorList`, the first with code {errors[0].get('code')}, "
                f"and the client did not ask for these again; code 1000 of a batch does not mean that all was made"
            )
    return None


def _errors_in(call: Call) -> list[Any]:
    """Return what a reply has in `errorList`; most have no such thing."""
    if b'"errorList":[{' not in call.response.body:
        return []
    errors: list[Any] = json.loads(call.response.body)["data"]["errorList"]
    return errors


def _stopped_at_one(seen: Observations) -> str | None:
    batches: defaultdict[int, list[Job]] = defaultdict(list)
    for job in seen.jobs:
        batches[id(job.input)].append(job)
    for batch in batches.values():
        polls = [seen.polls(job.id) for job in batch]
        statuses = [each[-1].job_status for each in polls if each]
        ended = sum(status is not None and status >= Status.COMPLETED for status in statuses)
        if len(batch) > 1 and ended and ended < len(statuses):
            return (
                f"the client stopped when {ended} of the {len(batch)} jobs of a batch had ended; each has an end of "
                f"its own, so poll until all of them are 3 or 4"
            )
    return None


def _budget(seen: Observations) -> str | None:
    if seen.settings.profile is not Profile.OBSERVED:
        return None
    for call in seen.to(*CREATES):
        family = FAMILY_OF[call.endpoint]
        if call.code == Code.OK or call.code != family.no_credit_code(seen.settings):
            continue
        create = CREATES_BY_NAME[call.endpoint]
        try:
            input = create.input.read(call.request, seen.settings)
        except AkoolError:
            continue
        costs = family.price(input, seen.settings)
        said = family.price(input, seen.settings.but(profile=Profile.DOCUMENTED))
        if said < costs:
            return (
                f"#{call.number} is refused for want of credits: a job costs {costs} of them, although the "
                f"documentation says {said}; ask quota/info before and after to see what the service charges"
            )
    return None


HINTS: Final = (
    Hint("ids in a list", "sends the ids of resultsByIds as a list, or as `ids`", _ids_in_a_list),
    Hint("list of images", "sends a list of images for a video, which takes one `image_url`", _list_of_images),
    Hint("budget of the documentation", "reckons with the documented price, and runs out of credits", _budget),
    Hint("refused rows", "ignores `errorList` in the reply to a batch", _refused_rows),
    Hint("stopped at one of a batch", "stops when one job of a batch is done", _stopped_at_one),
)
