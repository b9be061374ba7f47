"""Situations in which mocks of requests and urllib3 let requests out, or behaved unlike a server."""

from __future__ import annotations

import gc
import time
import weakref
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from email.utils import formatdate
from pathlib import Path
from typing import Any

import httpx
import pytest
import requests
import urllib3
from requests.adapters import HTTPAdapter
from urllib3.util import Retry

from mock_akool import MockAkool
from mock_akool.akool.codes import API_URL
from tests.mock.clients import CREATE, HEADERS, QUOTA, other_server

reported = pytest.mark.reported
URL = API_URL + QUOTA
CREATE_URL = API_URL + CREATE


@pytest.fixture
def mock() -> Iterator[MockAkool]:
    with MockAkool() as mock:
        yield mock


@pytest.fixture
def session() -> Iterator[requests.Session]:
    with requests.Session() as session:
        yield session


class TestAnswers:
    def test_nothing_is_kept_of_those_that_the_client_has_let_go(
        self, mock: MockAkool, session: requests.Session
    ) -> None:
        """Apart from the call log, which is bounded."""
        answers = [weakref.ref(session.get(URL, headers=HEADERS)) for _ in range(3)]
        gc.collect()
        assert [answer() for answer in answers] == [None, None, None]


class TestRetries:
    @reported("getsentry/responses#135")
    def test_the_retries_of_an_adapter_survive_broken_connections(
        self, mock: MockAkool, session: requests.Session
    ) -> None:
        mock.on("quota/info").first(2).drop()
        session.mount("https://", HTTPAdapter(max_retries=3))
        assert session.get(URL, headers=HEADERS).json()["code"] == 1000
        assert mock.calls.count == 3

    @reported("getsentry/responses#768")
    @pytest.mark.parametrize("unit", ["seconds", "date"])
    def test_retry_after_is_obeyed_without_a_list_of_statuses(
        self, unit: str, mock: MockAkool, session: requests.Session
    ) -> None:
        requests.get(URL, headers=HEADERS)
        after = "7" if unit == "seconds" else formatdate(time.time() + 8, usegmt=True)
        mock.on("createbyprompt").first(1).respond(http=503, headers={"Retry-After": after})
        session.mount("https://", HTTPAdapter(max_retries=Retry(total=3, allowed_methods={"POST"})))
        assert session.post(CREATE_URL, json={"prompt": "a fox"}, headers=HEADERS).json()["code"] == 1000
        assert mock.calls.last.at == pytest.approx(7, abs=1)

    @reported("getsentry/responses#628")
    def test_a_post_is_tried_as_often_as_a_get(self, mock: MockAkool, session: requests.Session) -> None:
        mock.on("createbyprompt").respond(http=412)
        retry = Retry(4, backoff_factor=0.1, status_forcelist=[412], raise_on_status=False, allowed_methods=None)
        session.mount("https://", HTTPAdapter(max_retries=retry))
        assert session.post(CREATE_URL, json={"prompt": "a fox"}, headers=HEADERS).status_code == 412
        assert mock.calls.count == 5

    @reported("getsentry/responses#625")
    def test_without_retries_an_error_comes_back_at_once(self, mock: MockAkool, session: requests.Session) -> None:
        mock.on("quota/info").respond(http=500)
        session.mount("https://", HTTPAdapter(max_retries=Retry(0, read=False)))
        assert session.get(URL, headers=HEADERS).status_code == 500
        assert mock.calls.count == 1

    @reported("jamielennox/requests-mock#223")
    def test_each_of_several_errors_is_retried(self, mock: MockAkool, session: requests.Session) -> None:
        mock.on("quota/info").nth(1).respond(http=429)
        mock.on("quota/info").nth(2).respond(http=504)
        retry = Retry(total=3, backoff_factor=1, status_forcelist=[429, 504], allowed_methods=["GET"])
        session.mount("https://", HTTPAdapter(max_retries=retry))
        assert session.get(URL, headers=HEADERS).json()["code"] == 1000
        assert [call.at for call in mock.calls] == [0, 0, 2]


class TestOtherMocks:
    @reported("jamielennox/requests-mock#145")
    @pytest.mark.parametrize("theirs_first", [True, False])
    def test_a_mocker_of_one_session_that_lets_through(self, theirs_first: bool, session: requests.Session) -> None:
        requests_mock = pytest.importorskip("requests_mock")
        theirs, ours = requests_mock.Mocker(session=session, real_http=True), MockAkool()
        first, second = (theirs, ours) if theirs_first else (ours, theirs)
        with first, second:
            theirs.get("https://elsewhere.example/", text="theirs")
            assert session.get(URL, headers=HEADERS).json()["code"] == 1000
            assert session.get("https://elsewhere.example/").text == "theirs"

    @reported("jamielennox/requests-mock#116")
    def test_a_redirect_from_a_mocked_host_to_ours_between_nested_mockers(self) -> None:
        requests_mock = pytest.importorskip("requests_mock")
        with requests_mock.Mocker(real_http=True), MockAkool(), requests_mock.Mocker(real_http=True) as inner:
            inner.get("https://elsewhere.example/", status_code=302, headers={"Location": URL})
            assert requests.get("https://elsewhere.example/", headers=HEADERS).json()["code"] == 1000

    @reported("jamielennox/requests-mock#133")
    def test_a_mocker_of_a_session_inside_one_of_all(self, session: requests.Session) -> None:
        requests_mock = pytest.importorskip("requests_mock")
        with requests_mock.Mocker(real_http=True) as everywhere, MockAkool() as mock:
            everywhere.get("https://elsewhere.example/", text="all")
            with requests_mock.Mocker(session=session, real_http=True):
                assert session.get(URL, headers=HEADERS).json()["code"] == 1000
                assert requests.get(URL, headers=HEADERS).json()["code"] == 1000
            assert requests.get("https://elsewhere.example/").text == "all"
            assert mock.calls.count == 2

    @reported("kevin1024/vcrpy#137")
    def test_urllib3_used_directly_is_stopped(self, mock: MockAkool) -> None:
        with pytest.raises(urllib3.exceptions.HTTPError, match="mock-akool stopped urllib3"):
            urllib3.PoolManager().request("GET", URL, retries=False)
        assert mock.calls.count == 0

    @pytest.mark.slow
    @reported("kevin1024/vcrpy#943")
    @pytest.mark.parametrize("theirs_first", [True, False])
    @pytest.mark.parametrize("library", ["requests", "httpx"])
    def test_a_cassette_neither_answers_nor_records(self, theirs_first: bool, library: str, tmp_path: Path) -> None:
        vcr = pytest.importorskip("vcr")
        theirs, ours = vcr.use_cassette(str(tmp_path / "cassette.yaml"), record_mode="none"), MockAkool()
        first, second = (theirs, ours) if theirs_first else (ours, theirs)
        get: Any = requests.get if library == "requests" else httpx.get
        with first, second:
            assert get(URL, headers=HEADERS).json()["code"] == 1000
        assert not (tmp_path / "cassette.yaml").exists()


class TestPatches:
    @reported("kevin1024/vcrpy#109")
    @pytest.mark.parametrize("library", ["requests", "httpx"])
    def test_a_client_made_while_a_fake_is_active_is_free_afterwards(self, library: str) -> None:
        with other_server(lambda _: (200, {}, b"real")) as url:
            hosts = (url.removeprefix("http://"),)
            with MockAkool(hosts=hosts):
                client: Any = requests.Session() if library == "requests" else httpx.Client()
                assert client.get(url).status_code == 404
            assert client.get(url).text == "real"
            with MockAkool(hosts=hosts):
                assert client.get(url).status_code == 404
            client.close()

    @reported("kevin1024/vcrpy#1051")
    def test_a_fake_that_the_garbage_collector_ends_leaves_another_one_whole(self) -> None:
        def forgotten() -> Iterator[None]:
            with MockAkool():
                yield

        generator = forgotten()
        next(generator)
        with MockAkool() as mock:
            del generator
            gc.collect()
            assert requests.get(URL, headers=HEADERS).json()["code"] == 1000
            assert mock.calls.count == 1
        assert requests.Session.get_adapter.__module__ == "requests.sessions"

    @reported("kevin1024/vcrpy#212", "kevin1024/vcrpy#295")
    def test_each_of_many_threads_is_answered_or_stopped(self, mock: MockAkool) -> None:
        def ask(number: int) -> str:
            if number % 2:
                return str(requests.get(URL, headers=HEADERS).json()["code"])
            try:
                urllib3.PoolManager(retries=False).request("GET", URL)
            except urllib3.exceptions.HTTPError as error:
                return str(error)
            return "reached"

        with ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(ask, range(32)))
        assert answers[1::2] == ["1000"] * 16
        assert all("mock-akool stopped urllib3" in answer for answer in answers[::2])
        assert mock.calls.count == 16

    @reported("kevin1024/vcrpy#388")
    def test_a_pool_of_one_connection_that_blocks(self, mock: MockAkool, session: requests.Session) -> None:
        session.mount("https://", HTTPAdapter(pool_connections=1, pool_maxsize=1, pool_block=True))
        responses = [session.get(URL, headers=HEADERS, stream=True) for _ in range(3)]
        assert [response.status_code for response in responses] == [200] * 3

    @reported("kevin1024/vcrpy#150")
    def test_fakes_begin_and_end_in_several_threads_at_once(self) -> None:
        def ask(_: int) -> int:
            with MockAkool():
                code: int = requests.get(URL, headers=HEADERS).json()["code"]
                return code

        with ThreadPoolExecutor(4) as pool:
            assert list(pool.map(ask, range(20))) == [1000] * 20
        assert requests.Session.get_adapter.__module__ == "requests.sessions"
