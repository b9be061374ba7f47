"""Contract section 8: files."""

from __future__ import annotations

import re
from email.utils import parsedate_to_datetime
from hashlib import md5
from io import BytesIO
from typing import Any
from urllib.parse import urlsplit

import pytest
from PIL import Image

from mock_akool import Profile
from mock_akool.core.http import Request
from tests.contract.client import CREATE_V3, FAMILIES, INFO, JSON_TYPE, PROMPT, Client
from tests.contract.transports import CDN_URL, Answer, OpenTransport, Transport

UUID4 = r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"
V4_NAME = rf"/\d{{13}}-{UUID4}-\d{{4}}\.jpeg"
V3_NAME = r"/\d{13}-\d{4}\.jpg"

SIZES = {
    # scale: at 1080p, at 4k
    "1:1": ((1024, 1024), (1536, 1536)),
    "4:3": ((1152, 864), (1536, 1152)),
    "3:4": ((864, 1152), (1152, 1536)),
    "16:9": ((1152, 648), (1536, 864)),
    "9:16": ((648, 1152), (864, 1536)),
    "3:2": ((1152, 768), (1536, 1024)),
    "2:3": ((768, 1152), (1024, 1536)),
    "Original": ((1024, 1024), (1536, 1536)),
}


def image_in(answer: Answer) -> Image.Image:
    """Return the decoded image, which must be one as clients want it."""
    assert answer.status == 200
    assert len(answer.body) > 1000
    image = Image.open(BytesIO(answer.body))
    image.load()
    assert answer.headers["content-type"] == f"image/{str(image.format).lower()}"
    return image


def note_in(image: Image.Image) -> str:
    comment = image.info.get("comment") or image.info["Comment"].encode()
    assert isinstance(comment, bytes)
    return comment.decode("ascii")


class TestSection8Names:
    @pytest.mark.parametrize("profile", Profile)
    @pytest.mark.parametrize("family", ["v4", "v4-image"])
    def test_v4(self, open_transport: OpenTransport, family: str, profile: Profile) -> None:
        client = Client(open_transport(profile=profile))

        record = client.record(client.completed(family))

        assert re.fullmatch(V4_NAME, urlsplit(record["image"]).path)
        assert image_in(client.download(record["image"])).format == "JPEG"

    @pytest.mark.parametrize("family", ["v3", "button-U", "button-V"])
    def test_v3_and_buttons(self, client: Client, family: str) -> None:
        record = client.record(client.completed(family))

        for url in (record["image"], *record["upscaled_urls"]):
            assert re.fullmatch(V3_NAME, urlsplit(url).path)
            assert image_in(client.download(url)).format == "JPEG"

    def test_v3_documented_is_the_png_of_2024(self, open_transport: OpenTransport) -> None:
        client = Client(open_transport(profile="documented"))

        record = client.record(client.completed())

        assert re.fullmatch(rf"/\d{{13}}-{UUID4}-\d{{4}}\.png", urlsplit(record["image"]).path)
        assert image_in(client.download(record["image"])).format == "PNG"

    @pytest.mark.parametrize("family", FAMILIES)
    def test_the_13_digits_are_about_the_time_of_completion(self, client: Client, family: str) -> None:
        job_id = client.made(family, {"queueing": 20, "processing": 15.5})
        completed_ms = client.transport.now_ms + 35_500
        client.transport.advance(35.5)

        stamp = int(urlsplit(client.record(job_id)["image"]).path[1:14])

        assert completed_ms <= stamp < completed_ms + 10

    def test_no_two_jobs_share_a_file(self, client: Client) -> None:
        urls: list[str] = []
        for family in FAMILIES * 4:
            record = client.record(client.completed(family))
            urls += {record["image"], *record["upscaled_urls"]}

        assert len(set(urls)) == len(urls)

    @pytest.mark.every_transport
    def test_the_host_is_the_one_that_the_client_reached_us_by(self, transport: Transport) -> None:
        transport.mock.next_job(queueing=0, processing=0)
        headers = {**JSON_TYPE, "x-api-key": "k", "host": "akool.test:8080"}
        job_id = transport.call("POST", CREATE_V3, headers=headers, body=b'{"prompt":"x"}').data["_id"]

        record = transport.call("GET", INFO, f"image_model_id={job_id}", headers=headers).data

        # In process the answers come from Akool's own hosts, whatever the header says.
        seen_at = CDN_URL if transport.file_base == CDN_URL else "http://akool.test:8080"
        for url in (record["image"], *record["upscaled_urls"]):
            assert url.startswith(f"{seen_at}/")

    @pytest.mark.every_transport
    def test_in_process_it_is_akools_cloudfront_host(self, client: Client) -> None:
        """`MockAkool.answer` has no host that one could reach."""
        job_id = client.completed("v4")

        response = client.transport.mock.answer(Request.build("GET", INFO, f"image_model_id={job_id}", client.headers))

        assert re.search(rf'"image":"https://d2qf6ukcym4kn9\.cloudfront\.net{V4_NAME}"'.encode(), response.body)


class TestSection8Sizes:
    @pytest.mark.parametrize("scale", SIZES)
    @pytest.mark.parametrize("resolution", ["1080p", "4k"])
    def test_v4(self, client: Client, scale: str, resolution: str) -> None:
        family = "v4-image" if scale == "Original" else "v4"
        job_id = client.completed(family, scale=scale, resolution=resolution)

        image = image_in(client.download(client.record(job_id)["image"]))

        assert image.size == SIZES[scale][resolution == "4k"]

    @pytest.mark.parametrize("scale", [scale for scale in SIZES if scale != "Original"])
    def test_v3_images_have_the_scales_ratio_too(self, client: Client, scale: str) -> None:
        record = client.record(client.completed("v3", scale=scale))

        images = [image_in(client.download(url)) for url in (record["image"], record["upscaled_urls"][0])]

        across, down = map(int, scale.split(":"))
        for width, height in {image.size for image in images}:
            assert width % 8 == height % 8 == 0
            assert width * down == height * across

    def test_the_default_is_4k(self, client: Client) -> None:
        image = image_in(client.download(client.record(client.completed("v4"))["image"]))

        assert image.size == (1536, 1536)

    def test_u_is_larger_than_the_tile_it_came_from(self, client: Client) -> None:
        parent = client.record(client.completed("v3", scale="3:4"))
        client.transport.mock.next_job(queueing=0, processing=0)
        child = client.record(client.press(parent["_id"], "U3").data["_id"])

        tile, upscaled = (image_in(client.download(url)).size for url in (parent["upscaled_urls"][2], child["image"]))

        assert upscaled > tile
        assert upscaled[0] * tile[1] == upscaled[1] * tile[0], "the ratio is the parent's"


class TestSection8Contents:
    @pytest.mark.parametrize("family", FAMILIES)
    def test_the_comment_holds_the_job_id(self, client: Client, family: str) -> None:
        job_id = client.completed(family)
        record = client.record(job_id)

        for url in (record["image"], *record["upscaled_urls"]):
            assert f"job={job_id}" in note_in(image_in(client.download(url)))

    def test_the_comment_holds_the_tile_number(self, client: Client) -> None:
        record = client.record(client.completed())

        notes = [note_in(image_in(client.download(url))) for url in (record["image"], *record["upscaled_urls"])]

        assert [note.partition(" tile=")[2] for note in notes] == ["1,2,3,4", "1", "2", "3", "4"]

    def test_a_png_holds_the_job_id_too(self, open_transport: OpenTransport) -> None:
        client = Client(open_transport(profile="documented"))
        job_id = client.completed()

        image = image_in(client.download(client.record(job_id)["image"]))

        assert (image.format, f"job={job_id}" in note_in(image)) == ("PNG", True)

    def test_the_grid_is_visibly_the_four_tiles(self, client: Client) -> None:
        record = client.record(client.completed())
        grid = image_in(client.download(record["image"])).convert("RGB")
        half = (grid.width // 2, grid.height // 2)

        tiles = [image_in(client.download(url)).convert("RGB").resize(half) for url in record["upscaled_urls"]]

        for number in range(4):
            left, top = number % 2 * half[0], number // 2 * half[1]
            quarter = grid.crop((left, top, left + half[0], top + half[1])).resize((8, 8))
            distances = [_distance(quarter, tile.resize((8, 8))) for tile in tiles]
            assert distances.index(min(distances)) == number

    @pytest.mark.parametrize("family", FAMILIES)
    def test_a_file_is_the_same_every_time(self, open_transport: OpenTransport, family: str) -> None:
        client, again = Client(open_transport()), Client(open_transport())
        urls = [each.record(each.completed(family))["image"] for each in (client, again)]

        bodies = {each.download(url).body for each, url in zip((client, again), urls, strict=True) for _ in range(2)}

        assert len(bodies) == 1

    def test_another_seed_another_image(self, open_transport: OpenTransport) -> None:
        clients = [Client(open_transport(seed=seed)) for seed in (1, 2)]

        one, two = (each.download(each.record(each.completed())["image"]).body for each in clients)

        assert one != two

    def test_any_prompt_is_drawn(self, client: Client) -> None:
        for prompt in ("\ud800", "a\0b", "日本" * 5000, "\u202eabc", "%s {} \\"):
            job_id = client.completed("v4", prompt=prompt, resolution="1080p")
            assert image_in(client.download(client.record(job_id)["image"])).size == (1024, 1024)


def _distance(one: Image.Image, other: Image.Image) -> int:
    return sum(abs(a - b) for a, b in zip(one.tobytes(), other.tobytes(), strict=True))


@pytest.mark.every_transport
class TestSection8Downloads:
    @pytest.mark.parametrize(
        "headers",
        [{}, {"authorization": "Bearer nonsense"}, {"x-api-key": "nonsense"}, {"authorization": ""}],
        ids=["plain", "extra-authorization", "extra-key", "empty-authorization"],
    )
    def test_need_no_credentials_and_mind_none(self, client: Client, headers: dict[str, str]) -> None:
        url = client.record(client.completed())["image"]

        assert image_in(client.download(url, **headers)).size == (1024, 1024)

    def test_have_tags_and_dates_as_s3_gives_them(self, client: Client) -> None:
        answer = client.download(client.record(client.completed())["image"])

        assert answer.headers["etag"] == f'"{md5(answer.body).hexdigest()}"'
        assert answer.headers["accept-ranges"] == "bytes"
        (job,) = client.transport.mock.jobs
        completed_s = job.created_ns // 10**9
        assert parsedate_to_datetime(answer.headers["last-modified"]).timestamp() == completed_s

    @pytest.mark.parametrize(
        ("wanted", "first", "last"),
        [("0-99", 0, 99), ("500-", 500, None), ("-50", -50, None), ("100-999999999", 100, None)],
    )
    def test_a_part_of_one(self, client: Client, wanted: str, first: int, last: int | None) -> None:
        url = client.record(client.completed())["image"]
        whole = client.download(url).body

        answer = client.download(url, range=f"bytes={wanted}")

        expected = whole[first:] if last is None else whole[first : last + 1]
        start = first % len(whole)
        assert (answer.status, answer.body) == (206, expected)
        assert answer.headers["content-range"] == f"bytes {start}-{start + len(expected) - 1}/{len(whole)}"
        assert answer.headers["content-type"] == "image/jpeg"
        assert answer.headers["etag"] == f'"{md5(whole).hexdigest()}"'

    def test_a_download_that_was_cut_off_is_resumed(self, client: Client) -> None:
        url = client.record(client.completed())["image"]
        whole = client.download(url)

        rest = client.download(url, range="bytes=700-", **{"if-range": whole.headers["etag"]})
        other = client.download(url, range="bytes=700-", **{"if-range": '"of another file"'})

        assert (rest.status, whole.body[:700] + rest.body) == (206, whole.body)
        assert (other.status, other.body) == (200, whole.body)

    def test_what_is_past_the_end_is_416(self, client: Client) -> None:
        url = client.record(client.completed())["image"]
        size = len(client.download(url).body)

        answer = client.download(url, range=f"bytes={size}-")

        assert (answer.status, answer.headers["content-range"]) == (416, f"bytes */{size}")
        assert b"<Code>InvalidRange</Code>" in answer.body

    def test_what_a_client_has_already_is_304(self, client: Client) -> None:
        url = client.record(client.completed())["image"]
        whole = client.download(url)

        by_tag = client.download(url, **{"if-none-match": whole.headers["etag"]})
        by_date = client.download(url, **{"if-modified-since": whole.headers["last-modified"]})
        newer = client.download(url, **{"if-none-match": '"another"'})

        for answer in (by_tag, by_date):
            assert (answer.status, answer.body) == (304, b"")
            assert answer.headers["etag"] == whole.headers["etag"]
        assert (newer.status, newer.body) == (200, whole.body)

    def test_a_precondition_that_fails_is_412(self, client: Client) -> None:
        url = client.record(client.completed())["image"]

        answer = client.download(url, **{"if-match": '"another"'})

        assert answer.status == 412
        assert b"<Code>PreconditionFailed</Code>" in answer.body

    def test_with_a_query_it_is_the_same_file(self, client: Client) -> None:
        url = client.record(client.completed())["image"]
        path = urlsplit(url).path

        assert client.get(path, "cache=no").body == client.download(url).body

    def test_head(self, client: Client) -> None:
        url = client.record(client.completed())["image"]

        answer = client.transport.call("HEAD", urlsplit(url).path)

        assert (answer.status, answer.body) == (200, b"")
        assert answer.headers["content-type"] == "image/jpeg"
        assert int(answer.headers["content-length"]) == len(client.download(url).body)

    @pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
    def test_other_methods_are_405_in_s3s_manner(self, client: Client, method: str) -> None:
        url = client.record(client.completed())["image"]

        answer = client.transport.call(method, urlsplit(url).path)

        assert (answer.status, answer.headers["content-type"]) == (405, "application/xml")
        assert answer.headers["allow"] == "GET, HEAD"
        assert b"<Code>MethodNotAllowed</Code>" in answer.body
        assert client.download(url).status == 200

    @pytest.mark.parametrize(
        "change",
        [
            pytest.param(lambda path: "/2" + path[2:], id="another-second"),
            pytest.param(lambda path: f"{path[:-8]}{(int(path[-8:-4]) + 1) % 10_000:04}.jpg", id="another-number"),
            pytest.param(lambda path: path.replace(".jpg", ".jpeg"), id="another-ending"),
            pytest.param(lambda path: path.replace(".jpg", ".png"), id="another-format"),
        ],
    )
    def test_a_file_that_never_was_is_403(self, client: Client, change: Any) -> None:
        path = urlsplit(client.record(client.completed("button-U"))["image"]).path

        answer = client.get(change(path))

        assert change(path) != path
        assert (answer.status, answer.headers["content-type"]) == (403, "application/xml")
        assert b"<Code>AccessDenied</Code>" in answer.body

    def test_a_file_is_not_there_before_its_job_is_completed(self, open_transport: OpenTransport) -> None:
        """The path is known from a twin of the fake, whose clock ran ahead."""
        ahead, client = Client(open_transport()), Client(open_transport())
        job_id = ahead.made("v3")
        assert client.made("v3") == job_id
        ahead.transport.advance(5)
        paths = [urlsplit(url).path for url in ahead.record(job_id)["upscaled_urls"]]

        client.transport.advance(4.999)
        assert {client.get(path).status for path in paths} == {403}

        client.transport.advance(0.001)
        assert {client.get(path).status for path in paths} == {200}


class TestSection8Durations:
    @pytest.mark.parametrize("family", FAMILIES)
    def test_realistic_jobs_take_30_to_60_s(self, open_transport: OpenTransport, family: str) -> None:
        client = Client(open_transport(realistic=True))
        jobs = [client.made(family) for _ in range(8)]

        client.transport.advance(29.999)
        assert 3 not in {client.status(job_id) for job_id in jobs}

        client.transport.advance(30.001)
        assert {client.status(job_id) for job_id in jobs} == {3}

    def test_an_image_takes_longer_than_a_text(self, open_transport: OpenTransport) -> None:
        """Observed: 35 s for v4 from text, 56 s from an image, 29 s for v3."""
        client = Client(open_transport(realistic=True))
        jobs = {family: [client.made(family) for _ in range(8)] for family in ("v3", "v4", "v4-image")}

        client.transport.advance(45)

        done = {family: {client.status(job_id) for job_id in ids} for family, ids in jobs.items()}
        assert done == {"v3": {3}, "v4": {3}, "v4-image": {2}}

    def test_they_differ_and_follow_the_seed(self, open_transport: OpenTransport) -> None:
        def stamps(seed: int) -> list[str]:
            client = Client(open_transport(realistic=True, seed=seed))
            jobs = [client.made("v4", prompt=PROMPT) for _ in range(6)]
            client.transport.advance(60)
            return [urlsplit(client.record(job_id)["image"]).path[1:14] for job_id in jobs]

        first = stamps(1)

        assert len(set(first)) == 6
        assert stamps(1) == first
        assert stamps(2) != first
