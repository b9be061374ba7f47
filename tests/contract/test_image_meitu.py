"""Families sheet, section 20: the page about the Meitu model, and the rows of a v4 batch."""

from __future__ import annotations

from typing import Any, Final

import pytest

from mock_akool.akool.families.image_meitu import PEOPLE
from tests.contract.client import CREATE_V4, Client
from tests.contract.golden import MEITU
from tests.contract.transports import OpenTransport

SOURCE: Final = "https://example.com/source.jpg"
MAKEUP: Final = {"id": "biaozhunmei", "color": "0;0;0;255", "alpha": 50}
GOOD: Final[dict[str, Any]] = {
    "exposure": 20,
    "color_grading_global_enable": True,
    "remove_pouch": [30, 20, 0, 10, 10],
    "skin_color_lut_path": ["", "skin1.png", "", "", ""],
    "eyebrow": [MAKEUP] * 5,
    "filter": {"filter_id": "Fa0000qhjvzrB6bk", "filters_lut_alpha": 50},
    "gray_point": [0, 0, 128, 140, 255, 255],
    "id_photo_bg_color": [0, 0, 0, 255],
    "sky_background": {"logic_id": "2130", "params": {}},
}
PEOPLE_TYPE: Final = list(PEOPLE)


def ask(client: Client, effects: Any, people: Any = PEOPLE_TYPE, source: str = SOURCE, **more: Any) -> Any:
    parameter = {"people_type": people, "all_params": effects}
    body = {"model_name": MEITU, "source_images": [source], "parameter": parameter, **more}
    return client.post(CREATE_V4, body)


@pytest.fixture
def strict(open_transport: OpenTransport) -> Client:
    return Client(open_transport(meitu_rules=True))


def test_what_the_page_shows_is_taken(strict: Client) -> None:
    answer = ask(strict, GOOD, batch_quantity=2)

    assert answer.code == 1000
    assert [row["source_image"] for row in answer.data] == [SOURCE, SOURCE]


@pytest.mark.parametrize("source", ["http://example.com/a.PNG", "https://example.com/a.b/c.jpeg?x=1"])
def test_other_good_sources(strict: Client, source: str) -> None:
    assert ask(strict, {}, source=source).code == 1000


BAD: Final[dict[str, tuple[dict[str, Any], str]]] = {
    "no-people": ({"people": None}, "people_type"),
    "four-people": ({"people": PEOPLE_TYPE[:4]}, "people_type"),
    "other-order": ({"people": PEOPLE_TYPE[::-1]}, "man, woman, child, oldwoman, oldman"),
    "other-age": ({"people": [{**PEOPLE[0], "age": [15, 50]}, *PEOPLE_TYPE[1:]]}, "people_type"),
    "no-effects": ({"effects": None}, "all_params is None; it takes an object"),
    "effects-list": ({"effects": []}, "all_params is []"),
    "three-of-five": ({"effects": {"remove_pouch": [30, 30, 30]}}, "all_params.remove_pouch"),
    "makeup-of-numbers": ({"effects": {"eyebrow": [30] * 5}}, "five objects with id, color and alpha"),
    "makeup-alpha": ({"effects": {"eye": [{**MAKEUP, "alpha": 101}] * 5}}, "all_params.eye"),
    "makeup-without-color": ({"effects": {"mouth": [{"id": "x", "alpha": 5}] * 5}}, "all_params.mouth"),
    "four-makeups": ({"effects": {"blush": [MAKEUP] * 4}}, "all_params.blush"),
    "filter-alpha": ({"effects": {"filter": {"filters_lut_alpha": 120}}}, "from 0 to 100"),
    "filter-text": ({"effects": {"filter": "Fa0000qhjvzrB6bk"}}, "all_params.filter"),
    "odd-curve": ({"effects": {"red_point": [0, 0, 255]}}, "pairs of whole numbers"),
    "short-curve": ({"effects": {"red_point": [0, 0]}}, "all_params.red_point"),
    "curve-outside": ({"effects": {"blue_point": [0, 0, 255, 256]}}, "from 0 to 255"),
    "curve-of-flags": ({"effects": {"blue_point": [True, 0, 255, 25]}}, "all_params.blue_point"),
    "colour-of-three": ({"effects": {"id_photo_bg_color": [0, 0, 0]}}, "four whole numbers"),
    "gif": ({"source": "https://example.com/a.gif"}, "jpg, jpeg, png"),
    "no-extension": ({"source": "https://example.com/source"}, "jpg, jpeg, png"),
    "ip": ({"source": "https://203.0.113.7/a.jpg"}, "not an IP address"),
    "ipv6": ({"source": "https://[2001:db8::1]/a.jpg"}, "not an IP address"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_the_page_refuses_is_1003(strict: Client, name: str) -> None:
    changes, why = BAD[name]

    answer = ask(strict, **{"effects": {}, **changes})

    assert (answer.status, answer.code, answer.msg) == (200, 1003, "parameter validate error")
    assert why in (strict.transport.mock.calls[-1].response.reason or "")
    assert strict.transport.mock.jobs == ()
    assert strict.credit() == 1000


@pytest.mark.parametrize(("source", "why"), [("data:image/jpeg;base64,AAAA", "no base64"), ("https://[x", "no URL")])
def test_base64_is_refused_where_urls_are_not_checked(open_transport: OpenTransport, source: str, why: str) -> None:
    client = Client(open_transport(meitu_rules=True, check_urls=False))

    assert ask(client, {}, source=source).code == 1003
    assert why in (client.transport.mock.calls[-1].response.reason or "")


def test_other_models_ignore_the_parameter(strict: Client) -> None:
    assert strict.create_v4(parameter={"people_type": 5}).code == 1000


def test_without_the_model_only_the_two_of_wavespeed_pass(open_transport: OpenTransport) -> None:
    client = Client(open_transport(meitu_model=False))

    assert ask(client, {}).code == 1003
    assert "meitu_model is off" in (client.transport.mock.calls[-1].response.reason or "")
    assert client.create_v4(source_images=[SOURCE]).code == 1000


LACKING: Final = {"origin_prompt", "source_image", "image_sub_status", "provider", "file_name"}


class TestBatchRows:
    @pytest.mark.parametrize("chosen", ["profile", "short"])
    def test_a_row_is_as_short_as_in_the_sample(self, open_transport: OpenTransport, chosen: str) -> None:
        client = Client(open_transport(profile="documented", v4_batch_rows=chosen))
        single = client.create_v4().data

        rows = client.create_v4(batch_quantity=2).data

        assert [single.keys() - row.keys() for row in rows] == [LACKING, LACKING]
        assert client.record(rows[0]["_id"]).keys() >= LACKING, "infobymodelid shows all"

    @pytest.mark.parametrize(("profile", "chosen"), [("observed", "profile"), ("documented", "full")])
    def test_a_row_is_as_a_single_one(self, open_transport: OpenTransport, profile: str, chosen: str) -> None:
        client = Client(open_transport(profile=profile, v4_batch_rows=chosen))

        assert client.create_v4(batch_quantity=2).data[0].keys() == client.create_v4().data.keys()
