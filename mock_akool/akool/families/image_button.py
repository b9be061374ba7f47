"""What is made of an image by a button: `createbybutton` (contract section 5)."""

from __future__ import annotations

from typing import Final, NamedTuple

from mock_akool.akool.families import image, image_v3, image_v4
from mock_akool.akool.families.family import Context, Create, Family, FileNaming, Reading, Record, options_of
from mock_akool.akool.jobs import Job, Topic
from mock_akool.akool.settings import ServiceSettings
from mock_akool.akool.validation import TEXT, URL, Body, Field, Values, one_of
from mock_akool.core.media import MediaSpec
from mock_akool.core.timeline import Status

_RESOLUTION_OF_VARIATION: Final = "1080p"
_RESOLUTION_OF_UPSCALED: Final = "4k"


class ImageButton(NamedTuple):
    """A checked request of `createbybutton`."""

    parent_id: str
    button: str
    webhook_url: str

    @property
    def tile(self) -> int:
        """The number of the image, 1 to 4, that the button is about."""
        return int(self.button[1])

    @property
    def is_variation(self) -> bool:
        """Whether the button asks for variations (V), not for an upscaled image (U)."""
        return self.button[0] == "V"

    def tiles(self, context: Context) -> tuple[tuple[int, ...], ...]:
        """Return what each file of the job shows, in the order of their names."""
        made = context.options(image.ImageOptions).variations
        makes_four = made == "four" or (made == image.BY_PROFILE and context.observed)
        return image.GRID_AND_TILES if self.is_variation and makes_four else ((self.tile,),)

    @property
    def topic(self) -> Topic:
        """Nothing of its own: its files show what its first ancestor is about."""
        return Topic()


def _input(values: Values) -> ImageButton:
    return ImageButton(values["_id"], values["button"], values["webhookUrl"])


def _offered(parent: Job, settings: ServiceSettings) -> tuple[str, ...]:
    """Return the buttons that a job offers once completed, used ones included, in the order of the wire."""
    match parent.endpoint:
        case image_v3.ENDPOINT:
            return image.BUTTONS
        case image_v4.ENDPOINT:
            return image_v4.offered_buttons(settings)
        case _:
            return ()


def _check(parent: Job, status: Status, input: ImageButton, settings: ServiceSettings) -> None:
    """Raise AkoolError unless the button of the parent may be pressed now (contract section 5)."""
    codes = options_of(settings, image.ImageOptions)
    if status is not Status.COMPLETED:
        raise settings.refusal(
            codes.button_unavailable_code,
            parent.id,
            reason=f"job {parent.id} is {status.word}; its buttons can be pressed once it is completed",
        )
    if input.button not in (offered := _offered(parent, settings)):
        raise settings.refusal(
            codes.button_unavailable_code,
            parent.id,
            reason=f"job {parent.id} offers no {input.button}; it offers {', '.join(offered) or 'no buttons'}",
        )
    if input.button in parent.used:
        raise settings.refusal(
            codes.button_used_code, parent.id, reason=f"{input.button} of job {parent.id} was pressed before"
        )


def _created(job: Job, input: ImageButton, context: Context) -> Record:
    return image.common_record(job) | {
        "image_content_model_id": input.parent_id,
        "op_button": input.button,
        "op_buttonMessageId": context.keyed_random.alphanumerics(20, "message", job.id),
    }


def _fields(job: Job, input: ImageButton, status: Status, base: str, context: Context) -> Record:
    single = image.file_urls(FILES, job, base, context)[1:]
    return image.shown_fields(_created(job, input, context), job, status, single, ())


def _names(job: Job, input: ImageButton, context: Context) -> list[str]:
    return image.numbered_names(job, "", "jpg", len(input.tiles(context)), context)


def _shows(job: Job, input: ImageButton, name: str, context: Context) -> MediaSpec:
    return image.image_spec(
        job,
        name,
        input.tiles(context)[_names(job, input, context).index(name)],
        _RESOLUTION_OF_VARIATION if input.is_variation else _RESOLUTION_OF_UPSCALED,
        context,
        operation=input.button,
        # An upscaled image looks like its original.
        coloured_as="" if input.is_variation else input.parent_id,
    )


def _price(input: ImageButton, settings: ServiceSettings) -> int:
    """Return the credits of a job (contract section 7)."""
    return 2


def _observed_s(input: ImageButton) -> float:
    return 29.0


def _parent(input: ImageButton) -> str:
    return input.parent_id


def _uses(input: ImageButton) -> str:
    return input.button


def _bad_parameter_code(settings: ServiceSettings) -> int:
    return settings.bad_parameter_code


FILES: Final = FileNaming(image.FILE_HOST, image.EXTENSIONS, image.stamp_stem, _names, _shows)

FAMILY: Final = Family[ImageButton](
    name="image_button",
    creates=(
        Create(
            endpoint="createbybutton",
            path="/api/open/v3/content/image/createbybutton",
            input=Body(
                {
                    "_id": Field(TEXT, required=True),
                    "button": Field(one_of(image.BUTTONS), required=True),
                    "webhookUrl": Field(URL, ""),
                },
                _input,
            ),
            input_type=ImageButton,
            record=_created,
            example={"_id": "…", "button": "U1"},
            webhook_field="webhookUrl",
            record_schema=image.RECORD_SCHEMA,
            section="5",
            parent=_parent,
            parent_field="_id",
            check=_check,
            uses=_uses,
            bad_parameter_code=_bad_parameter_code,
        ),
    ),
    readings=(Reading(image.RESULTS, _fields),),
    price=_price,
    files=FILES,
    webhook=image.WEBHOOK,
    observed_s=_observed_s,
    options=image.ImageOptions,
    overridable=image.OVERRIDABLE,
)
