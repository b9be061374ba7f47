"""A toy family that uses what no family of the product uses yet: it is copied into a copy of the package.

Its reader is given several ids, and leaves out those that it does not know. A second one is asked by POST, and tells
the final address from the beginning. A job may continue another one, which nothing forbids and which uses nothing up.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from mock_akool.akool.families.family import (
    Context,
    Create,
    Family,
    FileNaming,
    Pending,
    Reading,
    Record,
    Results,
    Unknown,
    WebhookInfo,
    split_ids,
)
from mock_akool.akool.jobs import Job, Topic
from mock_akool.akool.settings import ServiceSettings
from mock_akool.akool.validation import TEXT, URL, Body, Field, Values
from mock_akool.core.http import Request
from mock_akool.core.media import MediaSpec
from mock_akool.core.timeline import Status


class Bulk(NamedTuple):
    """A checked request."""

    prompt: str
    continues: str
    webhook_url: str

    @property
    def topic(self) -> Topic:
        return Topic(self.prompt)


def _input(values: Values) -> Bulk:
    return Bulk(values["prompt"], values["continues"], values["webhookUrl"])


def _record(job: Job, input: Bulk, context: Context) -> Record:
    return {"_id": job.id, "status": 1}


def _fields(job: Job, input: Bulk, status: Status, base: str, context: Context) -> Record:
    return {"_id": job.id}


def _in_query(request: Request, names: Sequence[str]) -> Sequence[str]:
    return request.query.removeprefix("ids=").split(",")


def _ids(values: Values) -> Sequence[str]:
    return split_ids(values["ids"])


def _stem(job: Job, context: Context) -> str:
    return f"bulk_{job.id}"


def _names(job: Job, input: Bulk, context: Context) -> list[str]:
    return [f"bulk_{job.id}.png"]


def _shows(job: Job, input: Bulk, name: str, context: Context) -> MediaSpec:
    return MediaSpec(job.id, context.keyed_random.seed, 64, 64, input.prompt, "1:1", (), "", "PNG")


def _price(input: Bulk, settings: ServiceSettings) -> int:
    return 1


_FIELDS: Final = {"prompt": Field(TEXT, required=True), "continues": Field(TEXT, ""), "webhookUrl": Field(URL, "")}
_LIST: Final = Results(
    *("bulk/list", "/api/open/v4/bulk/list", _in_query, "status", "url", Pending.EMPTY, Unknown.LEFT_OUT),
    reply=list,
)
_SOON: Final = Results(
    *(
        "bulk/soon",
        "/api/open/v4/bulk/soon",
        Body({"ids": Field(TEXT, required=True)}, _ids),
        "status",
        "url",
        Pending.FINAL,
        Unknown.LEFT_OUT,
        "POST",
    ),
    reply=list,
)

FAMILY: Final = Family[Bulk](
    name="bulk",
    creates=(
        Create(
            endpoint="bulk/create",
            path="/api/open/v4/bulk/create",
            input=Body(_FIELDS, _input),
            input_type=Bulk,
            record=_record,
            example={"prompt": "a red fox"},
            webhook_field="webhookUrl",
        ),
        Create(
            endpoint="bulk/continue",
            path="/api/open/v4/bulk/continue",
            input=Body(_FIELDS, _input),
            input_type=Bulk,
            record=_record,
            example={"prompt": "a red fox", "continues": "…"},
            webhook_field="webhookUrl",
            parent=lambda input: input.continues,
            parent_field="continues",
        ),
    ),
    readings=(Reading(_LIST, _fields), Reading(_SOON, _fields)),
    price=_price,
    files=FileNaming("bulk.example.com", ("png",), _stem, _names, _shows),
    webhook=WebhookInfo("bulk", ()),
)
