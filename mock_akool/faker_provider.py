"""A Faker provider of Akool's data, for factories and property tests: `faker.add_provider(AkoolProvider)`.

Everything is what a fake of the same seed answers, so it has the shape of the API whatever family it is of, and follows
from the seed of Faker. Install it with `mock-akool[faker]`.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

try:
    from faker.providers import BaseProvider
except ModuleNotFoundError as missing:
    raise ModuleNotFoundError(
        "mock_akool.faker_provider needs Faker: python -m pip install 'mock-akool[faker]'", name=missing.name
    ) from None

from mock_akool.akool.codes import MESSAGES, UNKNOWN_MESSAGE, Code
from mock_akool.akool.errors import AkoolError
from mock_akool.akool.families import FAMILIES, Create, Family, created_body, shown_record
from mock_akool.akool.jobs import Job
from mock_akool.core.clock import NS_PER_MS, NS_PER_S, VirtualClock
from mock_akool.core.errors import SettingsError
from mock_akool.core.http import Request
from mock_akool.core.schema import did_you_mean, whole
from mock_akool.core.timeline import STATUS, Status
from mock_akool.mock.local import MockAkool

_LETTERS_AND_DIGITS: Final = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
_HOOK: Final = "http://127.0.0.1:9/webhook"
_FIRST_S: Final = 1_735_689_600
_LAST_S: Final = 1_893_456_000
"""Jobs are created in 2025 to 2029."""

_SUBJECTS: Final = (
    "a lighthouse", "a red fox", "an old bookshop", "a sailing ship", "two astronauts", "a street market",
    "a snow leopard", "a glass teapot", "a steam train", "a violin player", "a wooden bridge", "a field of poppies",
    "a robot gardener", "a jazz band", "a mountain hut", "a koi pond", "a paper dragon", "a desert caravan",
)  # fmt: skip
_PLACES: Final = (
    "at dusk", "in the rain", "under the northern lights", "on a cliff", "by the sea", "in deep snow", "at noon",
    "in a foggy valley", "on the moon", "in a greenhouse", "in an empty theatre", "beside a canal",
)  # fmt: skip
_STYLES: Final = (
    "oil painting", "watercolour", "35 mm photograph", "isometric render", "linocut", "pencil sketch", "pixel art",
    "studio lighting", "wide angle", "art deco poster", "claymation", "macro photograph",
)  # fmt: skip

_STAGES: Final[Mapping[Status, dict[str, Any]]] = {
    Status.QUEUEING: {"queueing": "forever", "processing": 0},
    Status.PROCESSING: {"queueing": 0, "processing": "forever"},
    Status.COMPLETED: {"queueing": 0, "processing": 0},
    Status.FAILED: {"queueing": 0, "processing": 0, "ending": "failed"},
}

_ERROR_CODE: Final = whole(1001, 9999, "a business code from 1001 to 9999, which are those of errors", use="1104")
FAMILY_NAMES: Final = tuple(family.name for family in FAMILIES)
_SENDING: Final = tuple(family.name for family in FAMILIES if family.webhook.states)
"""The families that send webhooks."""
"""The families whose records there are."""


class AkoolProvider(BaseProvider):
    """Data of Akool's API.

    `family` is one of FAMILY_NAMES, by default any of them. `status` is a Status or a word such as `completed`, by
    default any. A name that there is not raises SettingsError with the nearest one.
    """

    # Identities

    def akool_job_id(self) -> str:
        """Return the `_id` of a job: 24 hexadecimal digits, of which the first 8 are the second of its creation."""
        return f"{self._created_s():08x}{self.generator.random.getrandbits(64):016x}"

    def akool_api_key(self) -> str:
        """Return an API key, which is a clientSecret: 32 letters and digits."""
        return "".join(self.random_choices(_LETTERS_AND_DIGITS, length=32))

    def akool_client_id(self) -> str:
        """Return a clientId: the base64 of 16 bytes."""
        return base64.b64encode(self.generator.random.randbytes(16)).decode()

    def akool_token(self) -> str:
        """Return a token as getToken gives it: a JWT, which is not signed by Akool."""
        key, client_id = self.akool_api_key(), self.akool_client_id()
        fake = self._fake(key, client_id)
        pair = {"clientId": client_id, "clientSecret": key}
        token: str = json.loads(_answer(fake, "POST", "/api/open/v3/getToken", key, pair))["token"]
        return token

    # Jobs

    def akool_prompt(self) -> str:
        """Return a prompt for an image."""
        subject, place, style = (self.random_element(each) for each in (_SUBJECTS, _PLACES, _STYLES))
        return f"{subject} {place}, {style}"

    def akool_status(self) -> Status:
        """Return the status of a job."""
        status: Status = self.random_element(tuple(Status))
        return status

    def akool_record(self, family: str | None = None, status: Status | str | int | None = None) -> dict[str, Any]:
        """Return the record of a job, as the endpoint that shows it has it in `data`."""
        kind, shown = self._family(family), self._status(status)
        fake, job = self._job(kind, shown, self.akool_api_key(), self.akool_client_id())
        return shown_record(kind.readings[0], kind, job, shown, "", fake.engine.context)

    def akool_response(self, family: str | None = None, status: Status | str | int | None = None) -> dict[str, Any]:
        """Return the whole body that answers a poll: `code` 1000, `msg`, and in `data` the record."""
        kind = self._family(family)
        data = kind.readings[0].results.reply([self.akool_record(kind.name, status)])
        return {"code": int(Code.OK), "msg": MESSAGES[Code.OK], "data": data}

    def akool_created(self, family: str | None = None) -> dict[str, Any]:
        """Return the whole body that answers a request which creates a job."""
        kind = self._family(family)
        fake, job = self._job(kind, Status.QUEUEING, self.akool_api_key(), self.akool_client_id())
        made = [each for each in fake.jobs if each.endpoint == job.endpoint]
        return dict(created_body(made, fake.engine.context))

    # Errors and webhooks

    def akool_error(self, code: int | None = None) -> dict[str, Any]:
        """Return the body of a business error, by default of any code; its HTTP status is 200.

        Raises SettingsError for what is no code of an error.
        """
        known = [each for each in Code if each is not Code.OK]
        wanted = self.random_element(known) if code is None else _ERROR_CODE.read(code, ("code",))
        return {"code": int(wanted), "msg": MESSAGES.get(wanted, UNKNOWN_MESSAGE)}

    def akool_webhook(
        self,
        family: str | None = None,
        status: Status | str | int | None = None,
        *,
        client_id: str | None = None,
        api_key: str | None = None,
    ) -> dict[str, Any]:
        """Return the body of a webhook, encrypted and signed for an account, by default for any.

        Its statuses are those of which webhooks tell. Raises SettingsError for another one, for a family that sends
        none, and for an API key that cannot encrypt.
        """
        kind = self._family(self.random_element(_SENDING) if family is None else family)
        if not kind.webhook.states:
            raise SettingsError(f"{kind.name} sends no webhooks", f"use {', '.join(_SENDING)}")
        told = self._status(status, kind.webhook.states)
        key, client = api_key or self.akool_api_key(), client_id or self.akool_client_id()
        fake, job = self._job(kind, told, key, client)
        fake.run_until_idle()
        (delivery,) = (each for each in fake.webhooks if each.job_id == job.id and each.status is told)
        if delivery.error and not delivery.body:
            raise SettingsError(f"there is no webhook: {delivery.error}")
        envelope: dict[str, Any] = delivery.envelope
        return envelope

    # How

    def _created_s(self) -> int:
        return self.random_int(_FIRST_S, _LAST_S)

    def _family(self, name: str | None) -> Family[Any]:
        wanted = self.random_element(FAMILY_NAMES) if name is None else name
        for family in FAMILIES:
            if family.name == wanted:
                return family
        hint = did_you_mean(wanted, FAMILY_NAMES, f"the families are {', '.join(FAMILY_NAMES)}")
        raise SettingsError(f"there is no family {wanted!r}", hint)

    def _status(self, status: Status | str | int | None, known: Sequence[Status] = tuple(Status)) -> Status:
        wanted: Status = self.random_element(known) if status is None else STATUS.read(status)
        if wanted not in known:
            words = ", ".join(each.word for each in known)
            raise SettingsError(f"no webhook reports status {wanted.word}", f"use {words}")
        return wanted

    def _fake(self, api_key: str, client_id: str) -> MockAkool:
        created_ns = self._created_s() * NS_PER_S + self.random_int(0, 999) * NS_PER_MS
        account = {"api_key": api_key, "client_id": client_id}
        return MockAkool(clock=VirtualClock(created_ns), seed=self.generator.random.getrandbits(48), accounts=[account])

    def _job(self, family: Family[Any], status: Status, api_key: str, client_id: str) -> tuple[MockAkool, Job]:
        """Return a fake and the job of a family that it made for the account, at that status."""
        fake = self._fake(api_key, client_id)
        create = family.creates[0]
        if create.parent is None:
            return fake, self._make(fake, create, {}, status, api_key)
        parent = self._make(fake, FAMILIES[0].creates[0], {}, Status.COMPLETED, api_key)
        return fake, self._make(fake, create, {create.parent_field: parent.id}, status, api_key)

    def _make(
        self, fake: MockAkool, create: Create[Any], fields: Mapping[str, Any], status: Status, api_key: str
    ) -> Job:
        body = {**create.example, **fields, **({create.webhook_field: _HOOK} if create.webhook_field else {})}
        if "prompt" in body:
            body["prompt"] = self.akool_prompt()
        fake.next_job(**_STAGES[status])
        before = len(fake.jobs)
        answered = json.loads(_answer(fake, create.method, create.path, api_key, body))
        if answered["code"] != Code.OK:
            raise AkoolError(answered["code"], answered["msg"])
        # A create may make several; the script was for the first.
        return fake.jobs[before]


def _answer(fake: MockAkool, method: str, path: str, api_key: str, body: Mapping[str, Any]) -> bytes:
    headers = {"x-api-key": api_key, "content-type": "application/json"}
    return fake.answer(Request.build(method, path, headers=headers, body=json.dumps(body).encode())).body
