"""What every family of jobs has in common, for each of them: create, poll, download, webhook, price, refusals."""

from __future__ import annotations

import json
import re
from typing import Any, Final

import pytest
from jsonschema import Draft202012Validator

from mock_akool import MockAkool, Profile, Request
from mock_akool.akool.families import (
    CREATE_OF_INPUT,
    FAMILIES,
    RESULTS,
    SERVICES,
    Create,
    Family,
    Results,
    Service,
    Unknown,
)
from mock_akool.akool.families.family import Pending
from mock_akool.core.http import Response
from mock_akool.diagnostics.observations import Observations
from mock_akool.diagnostics.report import explain

KEY: Final = "k" * 32
OTHER: Final = "o" * 32
HOOK: Final = "http://127.0.0.1:9/hook"
UNKNOWN_ID: Final = "0" * 24


def records_in(data: Any) -> list[dict[str, Any]]:
    """Return the records of jobs in the `data` of a response, whatever they are wrapped in."""
    if isinstance(data, list):
        return [record for each in data for record in records_in(each)]
    if not isinstance(data, dict):
        return []
    return [data] if "_id" in data else [record for each in data.values() for record in records_in(each)]


class FamilyClient:
    """Creates and reads jobs of one endpoint of a family, by what the family says of itself."""

    def __init__(self, kind: tuple[Family[Any], Create[Any]], **options: Any) -> None:
        self.family, self.create = family, _ = kind
        self.results: Results = family.readings[0].results
        self.mock = MockAkool(**{"queueing": 2, "processing": 3, **_AS_THE_OTHERS, **options})

    def ask(self, method: str, path: str, query: str = "", body: object = None, key: str = KEY) -> Response:
        headers = {"content-type": "application/json", "x-api-key": key}
        sent = b"" if body is None else json.dumps(body).encode()
        return self.mock.answer(Request.build(method, path, query, headers, sent))

    def request(self, **fields: Any) -> dict[str, Any]:
        """A good body; where it continues a job, that job is made and completed."""
        body = dict(self.create.example) | fields
        if self.create.parent_field:
            # Any that the same reader shows and that continues no other.
            parent = next(
                create
                for family in FAMILIES
                if family.reading(self.results)
                for create in family.creates
                if not create.parent_field
            )
            made = json.loads(self.ask(parent.method, parent.path, body=dict(parent.example)).body)["data"]
            self.mock.job(made["_id"]).complete()
            body[self.create.parent_field] = made["_id"]
        return body

    def made(self, **fields: Any) -> dict[str, Any]:
        return self.made_by(self.request(**fields))

    def made_by(self, body: dict[str, Any]) -> dict[str, Any]:
        answer = json.loads(self.ask(self.create.method, self.create.path, body=body).body)
        assert answer["code"] == 1000, answer
        return records_in(answer["data"])[0]

    def read(self, job_id: str, key: str = KEY) -> dict[str, Any]:
        answer: dict[str, Any] = json.loads(self.poll(self.results, job_id, key).body)
        return answer

    def poll(self, results: Results, job_ids: str, key: str = KEY) -> Response:
        path = re.sub(r"\{\w+\}", job_ids, results.path)
        query = "&".join(f"{name}={job_ids}" for name in results.query)
        body = None if results.input is None else dict.fromkeys(results.input.fields, job_ids)
        return self.ask(results.method, path, query, body, key=key)

    def record(self, job_id: str) -> dict[str, Any]:
        answer = self.read(job_id)
        assert answer["code"] == 1000, answer
        (record,) = records_in(answer["data"])
        return record

    @property
    def has_final_address(self) -> bool:
        """Whether the record has the address of the result before there is one."""
        return (self.family.readings[0].pending or self.results.pending) is Pending.FINAL


_AS_THE_OTHERS: Final = {"v3_clone_sync": False, "session_ready_seconds": 2, "session_default_seconds": 5}
"""Families whose jobs have lives of their own live as the others do."""
KINDS: Final = [(family, create) for family in FAMILIES for create in family.creates]


@pytest.fixture(params=KINDS, ids=lambda kind: f"{kind[0].name}-{kind[1].endpoint}")
def kind(request: pytest.FixtureRequest) -> tuple[Family[Any], Create[Any]]:
    found: tuple[Family[Any], Create[Any]] = request.param
    return found


def _with_files(kinds: list[tuple[Family[Any], Create[Any]]]) -> pytest.MarkDecorator:
    """Let a test run only for the families whose jobs make files."""
    found = [each for each in kinds if each[0].makes_files]
    return pytest.mark.parametrize("kind", found, ids=lambda kind: f"{kind[0].name}-{kind[1].endpoint}")


WITH_FILES: Final = _with_files(KINDS)


@pytest.fixture
def client(kind: tuple[Family[Any], Create[Any]]) -> FamilyClient:
    return FamilyClient(kind)


class TestLife:
    def test_a_job_goes_from_queueing_to_its_end(self, client: FamilyClient) -> None:
        job_id = client.made()["_id"]
        seen = []
        for _ in range(3):
            seen.append(client.record(job_id)[client.results.status_word])
            client.mock.clock.advance(3)
        assert seen == [1, 2, 3]

    @WITH_FILES
    def test_its_file_is_there_when_it_is_done(self, client: FamilyClient) -> None:
        job_id = client.made()["_id"]
        client.mock.clock.advance(6)
        url = client.record(job_id)[client.results.result_word]
        path = url.removeprefix(f"https://{client.family.files.host}")
        answer = client.ask("GET", path)
        assert answer.status == 200
        assert answer.job_id == job_id
        answer, body = client.mock.application.complete(answer)
        assert len(body) > 1000
        assert dict(answer.headers)["content-type"].startswith(("image/", "video/", "audio/"))

    @WITH_FILES
    def test_its_file_is_not_there_before_it_is_done_nor_after_its_lifetime(self, client: FamilyClient) -> None:
        job_id = client.made()["_id"]
        job = client.mock.job(job_id).record
        names = client.family.files.names(job, job.input, client.mock.engine.context)
        early = client.ask("GET", f"/{names[0]}")
        assert (early.status, early.job_id) == (403, job_id)
        client.mock.clock.advance(5)
        assert {client.ask("GET", f"/{name}").status for name in names} == {200}
        client.mock.clock.advance(7 * 86_400)
        assert client.ask("GET", f"/{names[0]}").status == 403

    def test_a_failed_job_has_no_result(self, client: FamilyClient) -> None:
        job_id = client.made()["_id"]
        client.mock.job(job_id).fail("no")
        record = client.record(job_id)
        assert record[client.results.status_word] == 4
        assert bool(record.get(client.results.result_word)) is client.has_final_address

    def test_a_scenario_says_of_its_result_what_its_family_declares(self, client: FamilyClient) -> None:
        declared = client.family.overridable.keys()
        usual, body = client.made()["_id"], client.request()
        client.mock.next_job(result=dict.fromkeys(declared, "missing"))
        unusual = client.made_by(body)["_id"]
        for job_id in (usual, unusual):
            client.mock.job(job_id).complete()
        assert declared <= client.record(usual).keys()
        assert declared.isdisjoint(client.record(unusual).keys())

    @WITH_FILES
    def test_realistic_durations_are_between_30_and_60_seconds(self, kind: tuple[Family[Any], Create[Any]]) -> None:
        client = FamilyClient(kind, realistic=True)
        job_id = client.made()["_id"]
        client.mock.clock.advance(29)
        assert client.record(job_id)[client.results.status_word] < 3
        client.mock.clock.advance(31)
        assert client.record(job_id)[client.results.status_word] == 3


class TestCredits:
    def test_it_costs_its_price_when_it_is_created(self, client: FamilyClient) -> None:
        client.request()
        before = client.mock.credits_spent
        client.ask(client.create.method, client.create.path, body=client.request())
        jobs = [job for job in client.mock.jobs if job.endpoint == client.create.endpoint]
        parents = [job for job in client.mock.jobs if job.endpoint != client.create.endpoint]
        price = client.family.price(jobs[0].input, client.mock.engine.settings)
        assert client.mock.credits_spent - before == price * len(jobs) + (parents[-1].cost if parents else 0)

    def test_without_credits_nothing_is_created(self, client: FamilyClient) -> None:
        made = client.made()
        if not client.mock.job(made["_id"]).record.cost:
            return  # what is free needs no credits
        body = client.request()
        account = client.mock.add_account(KEY) if not client.mock.accounts else client.mock.accounts[0]
        client.mock.engine.accounts.set_credits(account, 0)
        before = len(client.mock.jobs)
        answer = client.ask(client.create.method, client.create.path, body=body)
        assert answer.code == client.family.no_credit_code(client.mock.engine.settings)
        assert answer.reason
        assert len(client.mock.jobs) == before
        assert client.mock.credits == 0


class TestRefusals:
    def test_a_body_that_is_not_usable_says_why_in_the_call_log_only(self, client: FamilyClient) -> None:
        field = client.create.webhook_field or next(iter(client.create.input.fields))
        bodies: list[object] = [{}, [], "text", {**client.request(), field: 5}]
        for body in bodies:
            answer = client.ask(client.create.method, client.create.path, body=body)
            assert (answer.status, answer.code) == (200, 1003)
            assert answer.reason
            assert answer.reason.encode() not in answer.body
            assert client.mock.calls[-1].response.reason == answer.reason

    def test_unknown_and_foreign_ids(self, client: FamilyClient) -> None:
        job_id = client.made()["_id"]
        strict = client.results.unknown.value == "refused"
        for asked, key, code in ((UNKNOWN_ID, KEY, 1008), (job_id, OTHER, 1009)):
            answer = client.read(asked, key)
            if strict:
                assert (answer["code"], "data" in answer) == (code, False)
            else:
                assert answer["code"] == 1000
                assert job_id not in json.dumps(answer)

    def test_a_reader_of_another_family_does_not_know_its_jobs(self, client: FamilyClient) -> None:
        job_id = client.made()["_id"]
        for results in RESULTS.values():
            if client.family.reading(results) is None:
                assert job_id.encode() not in client.poll(results, job_id).body


class TestWebhooks:
    @WITH_FILES
    def test_its_webhooks_have_its_word_and_the_address_of_the_record(self, client: FamilyClient) -> None:
        client.mock.webhooks.collect()
        job_id = client.made(**{client.create.webhook_field: HOOK})["_id"]
        client.mock.clock.advance(6)
        told = [json.loads(each.payload) for each in client.mock.webhooks if each.job_id == job_id]
        assert [each["status"] for each in told] == [
            int(status) for status in client.family.webhook.states if status != 4
        ]
        assert {each["type"] for each in told} == {client.family.webhook.type_in(client.mock.engine.settings)}
        assert told[-1]["url"] == client.record(job_id)[client.results.result_word]

    def test_a_failed_job_gives_back_what_its_family_says(self, client: FamilyClient) -> None:
        job_id = client.made()["_id"]
        paid = client.mock.credits_spent
        client.mock.job(job_id).fail("no")
        back = client.mock.job(job_id).record.cost if client.family.refunds(client.mock.engine.settings) else 0
        assert client.mock.credits_spent == paid - back


class TestSeveral:
    def test_a_reader_that_leaves_jobs_out_shows_those_it_knows_in_order(self, client: FamilyClient) -> None:
        if client.results.unknown is Unknown.REFUSED:
            return
        ids = [client.made()["_id"] for _ in range(3)]
        asked = ",".join([ids[2], UNKNOWN_ID, ids[0], ids[2]])
        answer = client.poll(client.results, asked)
        assert [each["_id"] for each in records_in(json.loads(answer.body)["data"])] == [ids[2], ids[0]]
        assert [job_id for job_id, _ in answer.also_shown] == [ids[0]]
        assert f"job {ids[0]} was created and paid, but never polled" not in explain(
            Observations.of(client.mock.engine)
        )
        assert records_in(json.loads(client.poll(client.results, UNKNOWN_ID).body)["data"]) == []

    def test_a_job_that_its_account_deleted_is_unknown(self, client: FamilyClient) -> None:
        job_id = client.made()["_id"]
        client.mock.clock.advance(5)
        client.record(job_id)
        client.mock.engine.delete_for_client(job_id, client.mock.clock.now_ns())
        job = client.mock.job(job_id).record
        names = client.family.files.names(job, job.input, client.mock.engine.context)
        assert {client.ask("GET", f"/{name}").status for name in names[:1]} <= {403}
        answer = client.read(job_id)
        assert answer["code"] == 1008 if client.results.unknown.value == "refused" else answer["code"] == 1000
        assert job_id not in json.dumps(answer)


class TestDescription:
    def test_a_job_tells_its_endpoint_by_its_request(self, client: FamilyClient) -> None:
        client.made()
        assert CREATE_OF_INPUT[type(client.mock.jobs[-1].input)] is client.create

    def test_the_openapi_document_has_its_endpoints(self, client: FamilyClient) -> None:
        document = json.loads(client.ask("GET", "/_mock/openapi.json").body)
        for create in client.family.creates:
            body = document["paths"][create.path][create.method.lower()]["requestBody"]
            assert set(body["content"]["application/json"]["schema"]["properties"]) == set(create.input.fields)
        for reading in client.family.readings:
            assert reading.results.method.lower() in document["paths"][reading.results.path]

    def test_its_example_is_good(self, client: FamilyClient) -> None:
        assert client.made()["_id"]

    def test_scenarios_know_its_endpoints(self, client: FamilyClient) -> None:
        client.mock.on(client.create.endpoint).nth(1).respond(code=2001)
        answer = client.ask(client.create.method, client.create.path, body=dict(client.create.example))
        assert answer.code == 2001


@pytest.fixture(scope="module")
def document() -> Any:
    """The OpenAPI document."""
    answer = MockAkool().answer(Request.build("GET", "/_mock/openapi.json", headers={"host": "127.0.0.1"}))
    assert answer.status == 200, answer.body
    return json.loads(answer.body)


class TestSchema:
    """Every answer is as the OpenAPI document says."""

    @pytest.fixture(params=list(Profile), ids=str)
    def client(self, kind: tuple[Family[Any], Create[Any]], request: pytest.FixtureRequest) -> FamilyClient:
        return FamilyClient(kind, profile=request.param)

    def fits(self, document: Any, method: str, path: str, answer: Response) -> Any:
        content = document["paths"][path][method.lower()]["responses"]["200"]["content"]
        schema = {**content["application/json"]["schema"], "components": document["components"]}
        body = json.loads(answer.body)
        Draft202012Validator(schema).validate(body)
        return body

    def test_creates(self, document: Any, client: FamilyClient) -> None:
        create = client.create
        for body, code in ((client.request(), 1000), ({}, 1003)):
            answer = client.ask(create.method, create.path, body=body)
            assert self.fits(document, create.method, create.path, answer)["code"] == code

    @pytest.mark.parametrize("ending", ["completed", "failed"])
    def test_readers_at_each_status(self, document: Any, client: FamilyClient, ending: str) -> None:
        client.made()
        # A create may make several, and a request another one before.
        job_id = next(job.id for job in client.mock.jobs if job.endpoint == client.create.endpoint)
        if ending == "failed":
            client.mock.job(job_id).fail("no")
        for _ in range(3):
            for reading in client.family.readings:
                results = reading.results
                body = self.fits(document, results.method, results.path, client.poll(results, job_id))
                assert [each["_id"] for each in records_in(body["data"])] == [job_id]
            client.mock.clock.advance(3)

    def test_readers_of_unknown_ids(self, document: Any, client: FamilyClient) -> None:
        for reading in client.family.readings:
            results = reading.results
            self.fits(document, results.method, results.path, client.poll(results, UNKNOWN_ID))

    @pytest.mark.parametrize("service", SERVICES.values(), ids=lambda service: service.endpoint)
    def test_services(self, service: Service) -> None:
        client = FamilyClient(KINDS[0])
        body = dict(service.example) if service.method == "POST" else None
        answer = client.ask(service.method, service.path, body=body)
        told = json.loads(answer.body)
        if told.get("code", 1000) == 1000:
            Draft202012Validator(dict(service.schema)).validate(told)
