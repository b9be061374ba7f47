"""`refused` of a job script: the create is refused, or of a batch the row (families sheet, sections 8.2 and 9.4)."""

from __future__ import annotations

from typing import Any, Final

import pytest

from mock_akool import MockAkool, ScenarioError
from mock_akool.core.timeline import Status
from tests.contract.asking import Asker
from tests.contract.test_image2video import BATCH, OF_TEXT, SINGLE, TEXT, Filmer

TRANSLATE: Final = "/api/open/v3/content/video/createbytranslate"
SPEECH: Final = {"url": "https://example.com/talk.mp4", "language": "es,fr,de"}
V4_IMAGE: Final = "/api/open/v4/content/image/createBySourcePrompt"


def test_the_refused_rows_of_a_batch_have_their_own_codes() -> None:
    filmer = Filmer()
    for code in (None, 1108, None, 2001):
        filmer.mock.next_job(**({"refused": code} if code else {"ending": "failed"}))

    data = filmer.batch(TEXT, count=5)

    assert [each["code"] for each in data["errorList"]] == [1108, 2001]
    assert [each["msg"] for each in data["errorList"]] == ["image generate error, try again later", "server error"]
    assert [row["batch_count"] for row in data["successList"]] == [5, 5, 5]
    assert [job.timeline.ending.status for job in filmer.mock.jobs] == [
        *(Status.FAILED, Status.FAILED, Status.COMPLETED)
    ]
    assert filmer.mock.credits_spent == 300


def test_scripts_and_the_setting_refuse_together() -> None:
    filmer = Filmer(i2v_batch_errors=["*=1"])
    filmer.mock.next_job(refused=2001)

    data = filmer.batch(TEXT, count=3)

    assert [each["code"] for each in data["errorList"]] == [1108, 2001]
    assert len(data["successList"]) == 1


@pytest.mark.parametrize(("path", "count"), [(SINGLE, 0), (BATCH, 1), (BATCH, 2), (TEXT, 2)])
def test_when_nothing_is_left_the_request_is_refused(path: str, count: int) -> None:
    filmer = Filmer()
    for _ in range(max(count, 1)):
        filmer.mock.next_job(refused=1108)
    fields = {"image_url": "https://example.com/a.png", "resolution": "720p", "video_length": 5, "prompt": "a fox"}
    body = {**(OF_TEXT if path == TEXT else fields), **({"count": count} if count else {})}

    refused, again = filmer.post(path, body), filmer.post(path, body)

    assert (refused["code"], again["code"]) == (1108, 1000)
    assert "data" not in refused
    reason = filmer.mock.calls[0].response.reason or ""
    assert reason.startswith("next_job")
    assert (len(filmer.mock.jobs), filmer.mock.credits_spent) == (max(count, 1), 100 * max(count, 1))


def test_a_refused_language_is_an_entry_of_all_results() -> None:
    maker = Asker(scenario={"jobs": [{}, {"refused": 1205}, {}]})

    answer = maker.post(TRANSLATE, SPEECH)

    assert [each["code"] for each in answer["all_results"]] == [1000, 1205, 1000]
    assert [job.place for job in maker.mock.jobs] == [0, 1]
    assert answer["data"]["language"] == "de"
    assert [each["data"]["language"] for each in answer["all_results"] if "data" in each] == ["es", "de"]


def test_the_script_and_the_setting_may_refuse_a_language_each() -> None:
    maker = Asker(translate_refused_languages=["es"])
    maker.mock.next_job(refused=2001)

    answer = maker.post(TRANSLATE, SPEECH)

    assert [each["code"] for each in answer["all_results"]] == [1205, 2001, 1000]


def test_a_batch_whose_answer_has_no_place_for_errors_is_refused_as_a_whole() -> None:
    maker = Asker()
    maker.mock.next_job()
    maker.mock.next_job(refused=1108)

    answer = maker.post(V4_IMAGE, {"prompt": "a fox", "batch_quantity": 2})

    assert answer["code"] == 1108
    assert (len(maker.mock.jobs), maker.mock.credits_spent) == (0, 0)
    assert maker.mock.calls[-1].response.reason == "next_job refuses a row"


def test_a_refused_button_may_be_pressed_again() -> None:
    maker = Asker(queueing=0, processing=0)
    image = maker.post("/api/open/v3/content/image/createbyprompt", {"prompt": "a fox"})["data"]["_id"]
    press: dict[str, Any] = {"_id": image, "button": "U1"}
    maker.mock.next_job(refused=2001)

    answers = [maker.post("/api/open/v3/content/image/createbybutton", press)["code"] for _ in range(3)]

    assert answers == [2001, 1000, 1011]


@pytest.mark.parametrize(
    "more", [{"queueing": 1}, {"ending": "failed"}, {"stages": ["completed"]}, {"result": {"image": ""}}]
)
def test_nothing_becomes_of_a_refused_job(more: dict[str, Any]) -> None:
    with pytest.raises(ScenarioError, match="the job is refused, so nothing becomes of it"):
        MockAkool().next_job(refused=1108, **more)


@pytest.mark.parametrize("code", [1000, 99, "x", 1.5, True])
def test_it_takes_a_code_of_an_error(code: Any) -> None:
    with pytest.raises(ScenarioError, match=r"^refused: .* is not a business code from 1001 to 9999"):
        MockAkool().next_job(refused=code)
