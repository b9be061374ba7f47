"""Contract section 10: error codes."""

from __future__ import annotations

import pytest

from mock_akool import Profile
from tests.contract.client import OTHER_KEY, Client
from tests.contract.transports import OpenTransport

MEANINGS = {
    1003: "parameter validate error",
    1005: "too frequent",
    1006: "quota not enough",
    1007: "too many contents",
    1008: "content does not exist",
    1009: "no permission",
    1010: "cannot operate this content",
    1011: "already operated",
    1015: "create video error, please try again later",
    1101: "invalid authorization",
    1102: "Authorization cannot be empty",
    1103: "unpaid",
    1104: "credits insufficient",
    1108: "image generate error, try again later",
    1109: "account does not exist",
    1200: "The account has been banned",
    1201: "create audio error, please try again later",
    1202: "the same video cannot be lip-synced again",
    1203: "the video should be with audio",
    1204: "the video duration exceeds the limit",
    1205: "create video translate error, please try again later",
    1207: "the video exceeds the size limit",
    1209: "please upload a video in another encoding format",
    1210: "the video exceeds the frame rate limit",
    1211: "create lipsync error, please try again later",
    2001: "server error",
}


class TestSection10:
    @pytest.mark.parametrize(("code", "msg"), MEANINGS.items())
    def test_each_code_has_its_msg(self, open_transport: OpenTransport, code: int, msg: str) -> None:
        """Any code can be had by a setting; each setting gives the code's own msg."""
        client = Client(open_transport(unknown_job_code=code))

        answer = client.info("0" * 24)

        assert answer.status == 200
        assert answer.json() == {"code": code, "msg": msg}

    @pytest.mark.parametrize("profile", Profile)
    def test_the_codes_that_a_client_can_meet(self, open_transport: OpenTransport, profile: Profile) -> None:
        """The whole list of the image pages but 1108, and what other pages add."""
        client = Client(
            open_transport(
                profile=profile,
                concurrent_jobs=2,
                accounts=[{"api_key": "poor", "credits": 1}, {"api_key": "banned", "status": "banned"}],
            )
        )
        job_id = client.completed()
        waiting = client.made("v3", {"queueing": "forever"})
        client.press(job_id, "U1")

        met = {
            client.create_v3(scale="x").code,
            client.create_v3().code,
            client.info("x").code,
            Client(client.transport, OTHER_KEY).info(job_id).code,
            client.press(waiting, "U1").code,
            client.press(job_id, "U1").code,
            Client(client.transport, token="x").quota().code,
            Client(client.transport, None).quota().code,
            Client(client.transport, "poor").create_v3().code,
            Client(client.transport, "AAAAAAAAAAAAAAAAAAAAAA==").quota().code,
            Client(client.transport, "banned").quota().code,
            client.quota().code,
        }

        assert met == {1003, 1005, 1008, 1009, 1010, 1011, 1101, 1102, 1104, 1109, 1200, 1000}
