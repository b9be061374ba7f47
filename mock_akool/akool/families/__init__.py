"""The families of jobs that the fake knows. A new one is a module or a package here, and a line in `FAMILIES`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from mock_akool.akool.codes import API_HOST
from mock_akool.akool.families import (
    audio,
    avatars,
    character_swap,
    detection,
    faceswap,
    faceswap_v3,
    faceswap_v4,
    image_button,
    image_v3,
    image_v4,
    knowledge,
    lipsync,
    live_avatar,
    reage,
    talking_avatar,
    talking_photo,
    translate,
    voice,
)
from mock_akool.akool.families.family import (
    Answer,
    Asked,
    Context,
    Create,
    Family,
    Pending,
    Reading,
    Record,
    Results,
    Service,
    Unknown,
    names_in,
    shown_record,
    success_of,
)
from mock_akool.akool.families.generated_videos import image2video, text2video
from mock_akool.akool.families.generated_videos.services import SERVICES as VIDEO_SERVICES
from mock_akool.akool.families.inputs import VIDEO_EXTENSIONS
from mock_akool.akool.jobs import Job
from mock_akool.akool.settings import ServiceSettings

__all__ = [
    "CREATES",
    "CREATE_OF_INPUT",
    "FAMILIES",
    "FAMILY_OF",
    "FILE_EXTENSIONS",
    "FILE_HOSTS",
    "HOSTS",
    "RESULTS",
    "SERVICES",
    "VIDEO_EXTENSIONS",
    "Answer",
    "Asked",
    "Context",
    "Create",
    "FakeSettings",
    "Family",
    "Pending",
    "Reading",
    "Record",
    "Results",
    "Service",
    "Unknown",
    "created_body",
    "family_of",
    "names_in",
    "shown_record",
]

FAMILIES: Final[tuple[Family[Any], ...]] = (
    image_v3.FAMILY,
    image_v4.FAMILY,
    image_button.FAMILY,
    faceswap_v3.FAMILY,
    faceswap_v4.PRO,
    faceswap_v4.PLUS,
    reage.FAMILY,
    talking_photo.FAMILY,
    audio.FAMILY,
    voice.FAMILY,
    voice.CLONES,
    talking_avatar.FAMILY,
    avatars.FAMILY,
    lipsync.FAMILY,
    translate.FAMILY,
    character_swap.FAMILY,
    image2video.FAMILY,
    text2video.FAMILY,
    live_avatar.FAMILY,
)

CREATES: Final[dict[str, Create[Any]]] = {create.endpoint: create for family in FAMILIES for create in family.creates}
"""The endpoints that create jobs, by name."""

FAMILY_OF: Final[dict[str, Family[Any]]] = {create.endpoint: family for family in FAMILIES for create in family.creates}
"""The family of the jobs that an endpoint creates, by the endpoint's name."""

CREATE_OF_INPUT: Final[dict[type, Create[Any]]] = {create.input_type: create for create in CREATES.values()}
"""The endpoint that makes an input of a type."""

RESULTS: Final[dict[str, Results]] = {
    reading.results.endpoint: reading.results for family in FAMILIES for reading in family.readings
}
"""The endpoints that show jobs, by name."""

SERVICES: Final[dict[str, Service]] = {
    service.endpoint: service
    for service in (
        *faceswap.SERVICES,
        *detection.SERVICES,
        *audio.SERVICES,
        *voice.SERVICES,
        *avatars.SERVICES,
        *translate.SERVICES,
        *VIDEO_SERVICES,
        *live_avatar.SERVICES,
        *knowledge.SERVICES,
    )
}
"""The endpoints that neither create nor show jobs, by name."""

FILE_HOSTS: Final[tuple[str, ...]] = tuple(
    dict.fromkeys(
        [*(host for family in FAMILIES if family.makes_files for host in family.files.hosts), detection.FACE_HOST]
    )
)
"""The hosts of result files."""

HOSTS: Final[tuple[str, ...]] = (
    API_HOST,
    *FILE_HOSTS,
    *dict.fromkeys(service.host for service in SERVICES.values() if service.host),
)
"""All hosts of the real service, which a server can stand in for: that of the API, of files and of single endpoints."""


FILE_EXTENSIONS: Final = frozenset(ending for family in FAMILIES for ending in family.files.extensions)
"""What the paths of result files end in, after the last dot."""


if TYPE_CHECKING:

    class FakeSettings(ServiceSettings):
        """The settings of a fake: those of the service and of all families. Raises SettingsError with all mistakes."""

else:
    _declared = (*(family.options for family in FAMILIES), *(service.options for service in SERVICES.values()))
    _options = dict.fromkeys(each for each in _declared if each is not None)
    FakeSettings = type(
        "FakeSettings", (*_options, ServiceSettings), {"__module__": __name__, "__doc__": ServiceSettings.__doc__}
    )


def family_of(job: Job) -> Family[Any]:
    """Return the family of a job."""
    return FAMILY_OF[job.endpoint]


def created_body(jobs: Sequence[Job], context: Context) -> Mapping[str, Any]:
    """Return the body of the answer to a create that made these jobs."""
    create = CREATES[jobs[0].endpoint]
    records = [create.record(job, job.input, context) for job in jobs]
    if create.body is not None:
        return create.body(records, jobs[0].input, context)
    return success_of(create.reply(records), create.msg).body
