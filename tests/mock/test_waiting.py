"""Waits between, before and after jobs: all are virtual from the first request on."""

from __future__ import annotations

import contextlib
import time

import pytest
import requests

from mock_akool import MockAkool, VirtualTimeLimitError
from mock_akool.akool.codes import API_URL

IMAGE = f"{API_URL}/api/open/v3/content/image"
HEADERS = {"x-api-key": "my-key"}


def create() -> str:
    job_id: str = requests.post(f"{IMAGE}/createbyprompt", json={"prompt": "a red fox"}, headers=HEADERS).json()[
        "data"
    ]["_id"]
    return job_id


def wait_with_the_wrong_parameter(job_id: str) -> None:
    while requests.get(f"{IMAGE}/infobymodelid", params={"_id": job_id}, headers=HEADERS).json()["code"] != 1000:
        time.sleep(3)


def test_a_client_that_asks_wrongly_for_its_job_is_stopped_and_not_left_to_sleep_for_real() -> None:
    with MockAkool(sleep_limit="2m") as mock:
        job_id = create()
        with pytest.raises(VirtualTimeLimitError):
            wait_with_the_wrong_parameter(job_id)
        assert mock.clock.now_ns() - mock.started_ns == 120 * 10**9


def test_sleep_is_virtual_after_the_end_of_the_last_job_too() -> None:
    with MockAkool(queueing=1, processing=1) as mock:
        job_id = create()
        time.sleep(2)
        poll = requests.get(f"{IMAGE}/infobymodelid", params={"image_model_id": job_id}, headers=HEADERS)
        assert poll.json()["data"]["image_status"] == 3
        time.sleep(1800)
        assert mock.clock.now_ns() - mock.started_ns == 1802 * 10**9


def test_sleep_is_virtual_after_a_request_that_made_no_job() -> None:
    with MockAkool() as mock:
        for _ in range(2):
            requests.get(f"{API_URL}/api/open/v3/faceswap/quota/info", headers=HEADERS)
            time.sleep(60)
        assert mock.calls.last.at == 60
        assert mock.clock.now_ns() - mock.started_ns == 120 * 10**9


@pytest.mark.parametrize("fault", [{"file": "truncated"}, {"http": 503}, {"html": True}, {"drop": True}])
def test_sleep_is_virtual_for_a_client_that_fetches_a_broken_file_again(fault: dict[str, object]) -> None:
    with MockAkool() as mock:
        mock.next_job(queueing=0, processing=0, result={"files": fault})
        job_id = create()
        poll = requests.get(f"{IMAGE}/infobymodelid", params={"image_model_id": job_id}, headers=HEADERS)
        for _ in range(3):
            with contextlib.suppress(requests.ConnectionError):
                requests.get(poll.json()["data"]["image"])
            time.sleep(60)
        assert mock.clock.now_ns() - mock.started_ns == 180 * 10**9
        assert mock.calls.last.rule == "next_job: result.files"


def test_sleep_is_virtual_for_a_client_that_is_not_content_with_a_strange_result() -> None:
    with MockAkool() as mock:
        mock.next_job(queueing=0, processing=0, result={"upscaled_urls": []})
        job_id = create()
        for _ in range(3):
            requests.get(f"{IMAGE}/infobymodelid", params={"image_model_id": job_id}, headers=HEADERS)
            time.sleep(60)
        assert mock.clock.now_ns() - mock.started_ns == 180 * 10**9
