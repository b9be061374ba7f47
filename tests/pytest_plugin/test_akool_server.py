"""The fixture `akool_server`, from outside and from inside."""

from __future__ import annotations

import http.server
import re
import threading

import pytest

from mock_akool import MockAkool, SystemClock
from mock_akool.core.errors import ServerError
from mock_akool.mock.remote.admin_client import AdminClient
from tests.pytest_plugin.conftest import Run

pytest_plugins = "pytester"


def test_a_test_has_an_account_of_its_own_on_one_server(run: Run) -> None:
    result = run(
        """
import re

seen = []


def where(server):
    return {"host": server.url, "key": server.api_key}


@pytest.mark.parametrize("n", [1, 2, 3])
def test_it(akool_server, n):
    assert akool_server.calls.count == 0
    assert akool_server.jobs == ()
    assert (akool_server.credits, akool_server.credits_spent) == (1000, 0)
    job = generate(pause=0.02, **where(akool_server))
    assert job["image_status"] == 3
    assert requests.get(job["image"]).content[:2] == bytes([255, 216])
    create("of another account", host=akool_server.url)
    assert [each.id for each in akool_server.jobs] == [job["_id"]]
    assert akool_server.job(job["_id"]).status == 3
    assert (akool_server.credits, akool_server.credits_spent) == (998, 2)
    endpoints = [call.endpoint for call in akool_server.calls]
    assert endpoints[:2] == ["createbyprompt", "infobymodelid"] and endpoints[-1] == "file"
    assert endpoints.count("createbyprompt") == 1
    assert 0 <= akool_server.calls[0].at < 20
    seen.append((akool_server.url, akool_server.api_key, akool_server.client_id))


def test_one_server_and_three_accounts():
    assert len({url for url, _, _ in seen}) == 1
    assert len({key for _, key, _ in seen}) == len({client_id for _, _, client_id in seen}) == 3


def test_credentials(akool_server):
    assert re.fullmatch("[0-9a-z]{32}", akool_server.api_key)
    assert re.fullmatch("[A-Za-z0-9+/]{22}==", akool_server.client_id)
    pair = {"clientId": akool_server.client_id, "clientSecret": akool_server.api_key}
    reply = requests.post(f"{akool_server.url}/api/open/v3/getToken", json=pair).json()
    quota = f"{akool_server.url}/api/open/v3/faceswap/quota/info"
    headers = {"authorization": f"Bearer {reply['token']}"}
    assert requests.get(quota, headers=headers).json()["data"] == {"credit": 1000}
    assert akool_server.calls.count == 2
    requests.get(quota, headers={"x-api-key": akool_server.client_id})
    assert akool_server.calls.with_code(1109).count == 1


def test_env(akool_server):
    assert akool_server.env == {
        "AKOOL_BASE_URL": akool_server.url,
        "AKOOL_API_KEY": akool_server.api_key,
        "AKOOL_CLIENT_ID": akool_server.client_id,
        "AKOOL_CLIENT_SECRET": akool_server.api_key,
    }


def test_next_job_is_for_this_account_only(akool_server):
    akool_server.next_job(queueing=0, processing=0, ending=failed("nudity"))
    akool_server.next_job(queueing="forever")
    other = {"host": akool_server.url, "key": "another-key"}
    assert poll(create(**other), **other)["image_status"] in (1, 2)
    mine = where(akool_server)
    assert poll(create(**mine), **mine)["error_reasons"] == ["nudity"]
    stuck = create(**mine)
    assert akool_server.job(stuck["_id"]).record.timeline.stages[0].span.ns is None
    akool_server.job(stuck["_id"]).complete()
    assert poll(stuck, **mine)["image_status"] == 3


def test_a_job_of_another_account_is_unknown(akool_server):
    job = create(host=akool_server.url)
    with pytest.raises(MockAkoolError, match="there is no job '.*' of this account. The newest ones are: none"):
        akool_server.job(job["_id"])
"""
    )
    result.assert_outcomes(passed=8)


def test_a_marked_test_has_a_server_of_its_own(run: Run) -> None:
    result = run(
        """
urls = []


@pytest.mark.akool(credits=1, strict=True, seed=5)
def test_marked(akool_server):
    urls.append(akool_server.url)
    assert akool_server.credits == 1
    reply = requests.post(
        f"{akool_server.url}{CONTENT}/createbyprompt", json={"prompt": "x"}, headers={"x-api-key": akool_server.api_key}
    )
    assert reply.json() == {"code": 1104, "msg": "credits insufficient"}


def test_the_marked_ones_has_ended():
    with pytest.raises(requests.ConnectionError):
        requests.get(urls[0] + "/_mock/health")


def test_unmarked(akool_server):
    assert akool_server.credits == 1000
"""
    )
    result.assert_outcomes(passed=3)


def test_settings_of_the_run_go_before_quick_jobs(run: Run) -> None:
    source = """
def test_it(akool_server):
    create(host=akool_server.url, key=akool_server.api_key)
    print("TOOK", *(stage.span for stage in akool_server.jobs[0].timeline.stages))
"""
    assert "TOOK 50ms 50ms" in run(source, "-s").stdout.str()
    assert "TOOK 7s 50ms" in run(source, "-s", "--akool=queueing=7s").stdout.str()


@pytest.fixture
def remote() -> MockAkool:
    return MockAkool(clock=SystemClock(), queueing="20ms", processing="20ms")


def test_with_a_url_it_is_a_view_on_the_server_that_runs_there(run: Run, remote: MockAkool) -> None:
    source = """
keys = []


@pytest.mark.parametrize("n", [1, 2])
def test_it(akool_server, n):
    where = {"host": akool_server.url, "key": akool_server.api_key}
    create("of another account", host=akool_server.url)
    assert (akool_server.credits, akool_server.credits_spent) == (1000, 0)
    akool_server.next_job(queueing=0, processing="1 poll", ending=failed("nudity"))
    rule = akool_server.on("infobymodelid").first(1).respond(code=1005)
    job = create(**where)
    assert requests.get(
        f"{akool_server.url}{CONTENT}/infobymodelid",
        params={"image_model_id": job["_id"]},
        headers={"x-api-key": akool_server.client_id},
    ).json()["code"] == 1109
    assert requests.get(
        f"{akool_server.url}{CONTENT}/infobymodelid",
        params={"image_model_id": job["_id"]},
        headers={"x-api-key": akool_server.api_key},
    ).json()["code"] == 1005
    assert rule.fired == 1
    assert poll(job, **where)["image_status"] == 2
    assert poll(job, **where)["error_reasons"] == ["nudity"]
    assert [each.id for each in akool_server.jobs] == [job["_id"]]
    assert akool_server.jobs[0].timeline.ending == failed("nudity")
    akool_server.job(job["_id"]).complete()
    assert poll(job, **where)["image_status"] == 3
    assert akool_server.job(job["_id"]).status == 3
    assert (akool_server.credits, akool_server.credits_spent) == (998, 2)
    akool_server.calls.to("infobymodelid").assert_count(5)
    assert akool_server.calls.with_code(1109).count == 1
    assert [call.transport for call in akool_server.calls.for_job(job["_id"])] == ["server"] * 5
    keys.append(akool_server.api_key)


def test_a_job_of_another_account_is_unknown(akool_server):
    job = create(host=akool_server.url)
    with pytest.raises(MockAkoolError, match="there is no job '.*' of this account. The newest ones are: none"):
        akool_server.job(job["_id"])


def test_a_rule_that_never_fires(akool_server):
    akool_server.on("createbybutton").named("idle").drop()


@pytest.mark.akool(seed=1)
def test_marked(akool_server):
    pass
"""
    with remote.server() as server:
        result = run(source, f"--akool-url={server.url.removeprefix('http://')}/")
    result.assert_outcomes(passed=4, errors=2)
    assert f": the server at {server.url}, with settings of its own" in result.outlines[4]
    assert {job.account.api_key for job in remote.jobs} == {"key-of-a-client"}, "a test forgets what it did"
    out = result.stdout.str()
    assert "mock-akool: the rule idle never fired" in out
    assert f"the server at {server.url} cannot be given seed. Run this test without --akool-url" in out


def test_the_url_of_the_environment_and_its_token(run: Run, remote: MockAkool, monkeypatch: pytest.MonkeyPatch) -> None:
    remote.application.access.admin_token = "s3cret"
    source = "def test_it(akool_server): assert akool_server.calls.count == 0"
    with remote.server() as server:
        monkeypatch.setenv("MOCK_AKOOL_URL", server.url)
        refused = run(source)
        monkeypatch.setenv("MOCK_AKOOL_ADMIN_TOKEN", "s3cret")
        admitted = run(source)
    refused.assert_outcomes(errors=1)
    assert "the admin API wants its token. Give it as admin_token=" in refused.stdout.str()
    assert "MOCK_AKOOL_ADMIN_TOKEN" in refused.stdout.str()
    admitted.assert_outcomes(passed=1)


def test_a_url_where_no_server_runs_is_reported(run: Run) -> None:
    with MockAkool().server() as server:
        url = server.url
    result = run("def test_it(akool_server): pass", f"--akool-url={url}")
    result.assert_outcomes(errors=1)
    assert re.search(rf"\nmock-akool: no server answers at {url}: .*refused.*Start one with", result.stdout.str())


@pytest.mark.parametrize("body", [b"hello", b"[1]", b'{"name": "other"}'])
def test_a_url_where_something_else_runs_is_reported(body: bytes) -> None:
    class Other(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Other) as server:
        thread = threading.Thread(target=server.handle_request)
        thread.start()
        try:
            with pytest.raises(ServerError, match=r"is not mock-akool\. .*tart one with `mock-akool serve`"):
                AdminClient(f"http://127.0.0.1:{server.server_port}").health()
        finally:
            thread.join()


def test_a_subprocess_gets_the_server_by_its_environment(run: Run) -> None:
    result = run(
        """
import os
import subprocess
import sys

PROGRAM = '''
import json, os, urllib.request
request = urllib.request.Request(
    os.environ["AKOOL_BASE_URL"] + "/api/open/v3/content/image/createbyprompt",
    json.dumps({"prompt": "a red fox"}).encode(),
    {"x-api-key": os.environ["AKOOL_API_KEY"], "content-type": "application/json"},
)
print(json.load(urllib.request.urlopen(request))["data"]["_id"])
'''


def test_it(akool_server):
    env = {**os.environ, **akool_server.env}
    done = subprocess.run([sys.executable, "-c", PROGRAM], env=env, capture_output=True, text=True, check=True)
    assert akool_server.jobs[0].id == done.stdout.strip()
    assert akool_server.calls.assert_count(1) is None
"""
    )
    result.assert_outcomes(passed=1)
