"""A smoke run of what is installed, of which `make release-check` makes several: `python tests/packaging/smoke.py`.

It wants nothing but mock-akool. What is there of httpx, aiohttp, Faker, PyAV and pytest is used, too.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

API: Final = "https://openapi.akool.com/api/open/v3/content/image"
KEY: Final = {"x-api-key": "key"}
TEST: Final = """
import requests

def test_it(akool_mock):
    sent = {"prompt": "a red fox"}
    assert requests.post("%s/createbyprompt", json=sent, headers={"x-api-key": "key"}).json()["code"] == 1000
    assert len(akool_mock.jobs) == 1
"""


def with_requests(base_url: str = API) -> None:
    """Make a job to its file."""
    import requests

    def data(response: requests.Response) -> Any:
        assert response.json()["code"] == 1000, response.text
        return response.json()["data"]

    job = data(requests.post(f"{base_url}/createbyprompt", json={"prompt": "a red fox"}, headers=KEY, timeout=30))
    while job["image_status"] < 3:
        time.sleep(0.01)
        job = data(requests.get(f"{base_url}/infobymodelid?image_model_id={job['_id']}", headers=KEY, timeout=30))
    assert requests.get(job["image"], timeout=30).content[:2] == b"\xff\xd8"


def with_httpx() -> None:
    """Create a job."""
    import httpx

    response = httpx.post(f"{API}/createbyprompt", json={"prompt": "a red fox"}, headers=KEY)
    assert response.json()["code"] == 1000


def with_aiohttp() -> None:
    """Create a job."""
    import aiohttp

    async def create() -> None:
        async with (
            aiohttp.ClientSession() as session,
            session.post(f"{API}/createbyprompt", json={"prompt": "a red fox"}, headers=KEY) as response,
        ):
            assert (await response.json())["code"] == 1000

    asyncio.run(create())


def with_faker() -> None:
    """Make a record."""
    from faker import Faker

    from mock_akool.faker_provider import AkoolProvider

    faker = Faker()
    faker.add_provider(AkoolProvider)
    assert faker.akool_record()


def with_av() -> None:
    """Draw a video, and decode it."""
    from io import BytesIO

    import av

    from mock_akool.core.media import MediaSpec
    from mock_akool.media.files import render

    spec = MediaSpec("6955b9009ece54a84f2f98c3", 0, 1280, 720, "A fox", "", (), "", "MP4", seconds=1)
    with av.open(BytesIO(render(spec, "drawn")), "r") as container:
        assert spec.job_id in container.metadata["comment"]
        assert len(list(container.decode(video=0))) == 10


def with_pytest() -> None:
    """Use the fixture."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "test_it.py").write_text(TEST % API, encoding="utf-8")
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
        told = subprocess.run(command, cwd=folder, capture_output=True, encoding="utf-8", timeout=120, check=False)
        assert told.returncode == 0, told.stdout + told.stderr


CLIENTS: Final[dict[str, Callable[[], None]]] = {
    "requests": with_requests,
    "httpx": with_httpx,
    "aiohttp": with_aiohttp,
}


def main() -> None:
    """Use each part of the package once, and print which."""
    from mock_akool import MockAkool, create_app
    from mock_akool.webhooks import open_envelope, seal

    used = []
    for name, use in CLIENTS.items():
        if find_spec(name):
            with MockAkool(queueing="2s", processing="1 poll") as akool:
                use()
                assert len(akool.jobs) == 1
            used.append(name)
    with MockAkool(queueing=0, processing="1 poll").server() as server:
        with_requests(f"{server.url}/api/open/v3/content/image")
    assert create_app().test_client().get("/_mock/health").status_code == 200
    envelope = seal({"status": 3}, "my-id", "0123456789abcdef")
    assert open_envelope(envelope, "my-id", "0123456789abcdef") == {"status": 3}
    for name, use in {"faker": with_faker, "av": with_av, "pytest": with_pytest}.items():
        if find_spec(name):
            use()
            used.append(name)
    print(f"a server, Flask, webhooks, {', '.join(used)}: all of it works")


if __name__ == "__main__":
    main()
