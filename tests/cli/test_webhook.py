"""`mock-akool webhook send | open`, and webhooks of `mock-akool serve` in a process of its own."""

from __future__ import annotations

import json
import subprocess
import time
from typing import Any, Final

import pytest
import requests

from mock_akool.akool.families import FAMILIES, Family
from mock_akool.cli import main
from mock_akool.webhooks import seal
from tests.children import MOCK_AKOOL, PATIENCE_S, Serving, environment, run, run_here
from tests.mock.clients import CREATE
from tests.waiting import until
from tests.webhooks.receivers import ID, SECRET, http_receiver

QUICK: Final = ("--queueing", "0", "--processing", "0", "--set", "webhook_retry_delay=50ms")
ACCOUNT: Final = {"AKOOL_CLIENT_ID": ID, "AKOOL_API_KEY": SECRET}


def opened(envelope: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*MOCK_AKOOL, "webhook", "open"],
        env=environment(**ACCOUNT),
        input=envelope,
        capture_output=True,
        encoding="utf-8",
        timeout=PATIENCE_S,
        check=False,
    )


class TestSend:
    def send(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return run_here("webhook", "send", *arguments, variables=ACCOUNT)

    def test_a_receiver_takes_it(self) -> None:
        with http_receiver() as receiver:
            sent = self.send("--to", receiver.url, "--id", "6" * 24)
            assert (sent.returncode, sent.stderr) == (0, "")
            assert sent.stdout == f"status 3 of job {'6' * 24} sent to {receiver.url}: HTTP 200\n"
            (payload,) = receiver.payloads
            assert (payload["_id"], payload["status"], payload["type"]) == ("6" * 24, 3, "image")
            assert payload["url"].startswith("https://")

    def test_other_statuses_have_no_url(self) -> None:
        with http_receiver() as receiver:
            assert self.send("--to", receiver.url, "--status", "4").returncode == 0
            assert receiver.payloads == [{"_id": "64dd90f9f0b6684651e90d60", "status": 4, "type": "image"}]

    @pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
    def test_its_type_is_that_of_the_family(self, family: Family[Any], capsys: pytest.CaptureFixture[str]) -> None:
        with http_receiver() as receiver:
            account = ("--client-id", ID, "--api-key", SECRET)
            code = main(["webhook", "send", "--to", receiver.url, *account, "--family", family.name])
            assert [payload["type"] for payload in receiver.payloads] == [family.webhook.type] * (not code)
        assert bool(family.webhook.type) == (code == 0)
        refused = f"mock-akool: --family: jobs of {family.name} send no webhooks; `mock-akool families` lists their "
        assert capsys.readouterr().err.startswith(refused if code else "")

    def test_the_account_may_be_given_by_flags(self) -> None:
        with http_receiver() as receiver:
            arguments = ("--to", receiver.url, "--client-id", ID, "--api-key", SECRET)
            sent = run_here(
                "webhook",
                "send",
                *arguments,
                variables={"AKOOL_CLIENT_ID": "x", "AKOOL_API_KEY": "y", "AKOOL_CLIENT_SECRET": "z"},
            )
            assert sent.returncode == 0

    def test_the_variable_of_the_client_secret_will_do(self) -> None:
        with http_receiver() as receiver:
            variables = {"AKOOL_CLIENT_ID": ID, "AKOOL_CLIENT_SECRET": SECRET}
            assert run("webhook", "send", "--to", receiver.url, variables=variables).returncode == 0

    def test_an_answer_but_200_is_exit_code_1(self) -> None:
        with http_receiver() as receiver:
            sent = self.send("--to", receiver.url, "--fault", "envelope=wrong signature")
            assert (sent.returncode, sent.stdout.strip()[-8:]) == (1, "HTTP 401")

    def test_faults(self) -> None:
        with http_receiver() as receiver:
            faults = ("--fault", "copies=2", "--fault", "claim_id=unknown", "--fault", "claim_status=2")
            assert self.send("--to", receiver.url, *faults).returncode == 0
            one, other = receiver.payloads
            assert one == other
            assert one["_id"] != "64dd90f9f0b6684651e90d60"
            assert (len(one["_id"]), one["status"]) == (24, 2)

    @pytest.mark.parametrize(
        ("arguments", "said"),
        [
            (("--to", "http://127.0.0.1:1/"), "was not delivered: the connection was refused"),
            (("--to", "http://203.0.113.1/"), "203.0.113.1 is neither; allow it with --allow-webhook 203.0.113.1"),
            (("--to", "nonsense"), "'nonsense' is no http(s) URL"),
            (("--to", "http://127.0.0.1:1/", "--fault", "copie=2"), "did you mean 'copies'?"),
            (
                ("--to", "http://127.0.0.1:1/", "--fault", "copies"),
                "--fault: 'copies' is not NAME=VALUE; write it such as copies=2",
            ),
            (("--to", "http://127.0.0.1:1/", "--fault", "delay=1s"), "--fault delay: it makes no sense"),
            (("--to", "http://127.0.0.1:1/", "--api-key", "short"), "--api-key: the clientSecret has 5 bytes"),
            (("--to", "http://127.0.0.1:1/", "--client-id", ""), "--client-id: it is missing; give it, or set"),
        ],
    )
    def test_mistakes(self, arguments: tuple[str, ...], said: str) -> None:
        sent = self.send(*arguments)
        assert (sent.returncode, sent.stdout) == (1, "")
        assert sent.stderr.startswith("mock-akool: ")
        assert said in sent.stderr


class TestOpen:
    def test_a_good_envelope(self) -> None:
        payload = {"_id": "6" * 24, "status": 2, "type": "image", "ä": "ö"}
        result = opened(json.dumps(seal(payload, ID, SECRET)))
        assert (result.returncode, result.stderr) == (0, "")
        assert json.loads(result.stdout) == payload

    @pytest.mark.parametrize(
        ("envelope", "said"),
        [
            ("", "the envelope is no JSON"),
            (json.dumps(seal("{}", "other", SECRET)), "the signature is"),
            (json.dumps(seal("[]", ID, SECRET)), "what was encrypted is no JSON object"),
        ],
    )
    def test_a_bad_one(self, envelope: str, said: str) -> None:
        result = run_here("webhook", "open", variables=ACCOUNT, typed=envelope)
        assert (result.returncode, result.stdout) == (1, "")
        assert result.stderr.startswith(f"mock-akool: {said}")

    def test_without_an_account(self) -> None:
        result = run_here("webhook", "open", typed="{}")
        assert result.stderr == (
            "mock-akool: 2 mistakes:\n"
            "  --client-id: it is missing; give it, or set the variable AKOOL_CLIENT_ID\n"
            "  --api-key: it is missing; give it, or set the variable AKOOL_API_KEY\n"
        )


class TestServe:
    def test_it_sends_over_http(self) -> None:
        accounts = json.dumps([{"api_key": SECRET, "client_id": ID}])
        arguments = ("--queueing", "50ms", "--processing", "50ms", "--accounts", accounts)
        with http_receiver() as receiver, Serving(*arguments) as server:
            self.submit(server.url, receiver.url)
            until(lambda: len(receiver.got) == 2)
            assert [each["status"] for each in receiver.payloads] == [2, 3]

    def test_it_refuses_the_internet_and_says_so(self) -> None:
        with Serving(*QUICK) as server:
            self.submit(server.url, "http://203.0.113.1/hook")
            server.complained(r"203\.0\.113\.1 is neither; allow it with --allow-webhook 203\.0\.113\.1")

    def test_each_try_is_a_line_of_the_log(self) -> None:
        with http_receiver(lambda got: 200 if len(receiver.got) > 1 else 500) as receiver, Serving(*QUICK) as server:
            self.submit(server.url, receiver.url)
            server.complained(rf"POST webhook {receiver.url} -> 500  job [0-9a-f]{{24}} processing  [\d.]+ ms\n")
            server.complained(rf"POST webhook {receiver.url} -> 200  job [0-9a-f]{{24}} completed  [\d.]+ ms\n")

    def test_each_try_is_a_line_for_machines(self) -> None:
        with Serving(*QUICK, "--log", "json") as server:
            self.submit(server.url, "http://127.0.0.1:1/hook")
            line = json.loads(server.complained(r'\{.*"delivery".*\}')[0])
            assert (line["delivery"], line["url"], line["http"]) == (1, "http://127.0.0.1:1/hook", None)
            assert (line["job_status"], line["error"]) == ("processing", "the connection was refused")

    def test_it_ends_within_2_s_and_tells_what_was_not_delivered(self) -> None:
        def hang(got: Any) -> int:
            time.sleep(5)
            return 200

        with http_receiver(hang) as receiver, Serving(*QUICK) as server:
            self.submit(server.url, receiver.url)
            until(lambda: receiver.got)
            code, took_s = server.end()
            assert (code, took_s < 10) == (0, True)
            assert "mock-akool stopped before 2 deliveries ended:\n" in server.err

    def submit(self, url: str, webhook_url: str) -> Any:
        body = {"prompt": "a fox", "webhookUrl": webhook_url}
        response = requests.post(url + CREATE, json=body, headers={"x-api-key": SECRET}, timeout=PATIENCE_S)
        assert response.json()["code"] == 1000
