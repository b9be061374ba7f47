"""The story of `mock-akool demo`: sign in, make an image, press its buttons, download everything, and count credits."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path
from typing import Final

import requests
from PIL import Image

from mock_akool.cli.console import Screen
from mock_akool.cli.demo_client import (
    ApiClient,
    Pace,
    Poll,
    Record,
    SurpriseError,
    make_folder,
    new_session,
    no_body,
    played,
    status_in,
    wanted,
    writing,
)
from mock_akool.core.timeline import Status

_PROMPT: Final = "A lighthouse on a cliff at dusk, oil painting"
_UPSCALE: Final = "U2"
_VARIATION: Final = "V3"
_SINGLES: Final = 4

_IMAGE_API: Final = "/api/open/v3/content/image"


def play(url: str, folder: Path, screen: Screen, pace: Pace | None = None) -> int:
    """Play a client against the API at `url`; returns the exit code: 0, or 1 after a surprise.

    Raises MockAkoolError when the images cannot be written.
    """
    make_folder(folder)
    with Client(url, screen, pace or Pace()) as client:
        return played(url, screen, lambda: f"{_story(client, folder, screen)} images in {folder}")


def _story(client: Client, folder: Path, screen: Screen) -> int:
    """Do what a client does, from the token to the balance; returns the number of saved images."""
    screen.heading("Sign in, and ask for the balance")
    client.sign_in()
    credits_before = client.balance()

    screen.heading("Ask for an image, and poll until it is there")
    first = client.wait_for({"job": client.create(_PROMPT)}, _POLL)["job"]

    screen.heading("Download the grid and its four images")
    count = client.save(first, folder, "grid", "image")

    screen.heading(f"Press {_UPSCALE} and {_VARIATION} at the same time, and poll both")
    made = client.wait_for(client.press(first, (_UPSCALE, _VARIATION)), _POLL)

    screen.heading("Download what the buttons made")
    count += client.save(made[_UPSCALE], folder, _UPSCALE)
    count += client.save(made[_VARIATION], folder, f"{_VARIATION}-grid", _VARIATION)

    screen.heading("Ask what is left")
    credits_left = client.balance()
    costs = [record["deduction_credit"] for record in (first, *made.values())]
    expected = f"{credits_before:,} - {' - '.join(map(str, costs))}"
    if credits_left != credits_before - sum(costs):
        raise SurpriseError(f"{credits_left:,} credits are left, not {expected}")
    screen.line(f"  {expected} = {credits_left:,} credits")
    return count


class Client(ApiClient):
    """A client that makes images."""

    def create(self, prompt: str) -> Record:
        """Ask for an image; returns the record of the new job."""
        return _job_in(self.ask(self.session, f"{_IMAGE_API}/createbyprompt", {"prompt": prompt, "scale": "1:1"}))

    def press(self, parent: Record, buttons: Iterable[str]) -> dict[str, Record]:
        """Press buttons of a job, all at the same time; returns the records of the new jobs by button."""

        def press_one(button: str) -> Record:
            with new_session() as session:  # a session belongs to one thread
                body = {"_id": parent["_id"], "button": button}
                return _job_in(self.ask(session, f"{_IMAGE_API}/createbybutton", body))

        with ThreadPoolExecutor() as pool:
            presses = {button: pool.submit(press_one, button) for button in buttons}
            return {button: press.result() for button, press in presses.items()}

    def save(self, job: Record, folder: Path, image: str, single: str | None = None) -> int:
        """Download the images of a completed job: `image`.jpg, then `single`-1.jpg and so on; returns their number."""
        links = {f"{image}.jpg": wanted(job, "image", str)}
        if single is not None:
            urls = wanted(job, "upscaled_urls", list)
            if len(urls) != _SINGLES:
                raise SurpriseError(f"job {job['_id']} has {len(urls)} single images, not {_SINGLES}")
            links |= {f"{single}-{number}.jpg": url for number, url in enumerate(urls, 1)}
        for name, url in links.items():
            answer = self.download(url)
            width, height = _size_in_pixels(answer, job["_id"])
            with writing(folder / name):
                (folder / name).write_bytes(answer.content)
            self.screen.saved(name, width, height, len(answer.content))
        return len(links)


def _info_path(job_id: str) -> str:
    return f"{_IMAGE_API}/infobymodelid?image_model_id={job_id}"


def _job_in(answer: Record) -> Record:
    """Return the record of the job that an answer reports."""
    job: Record = wanted(answer, "data", dict)
    wanted(job, "_id", str)
    wanted(job, "deduction_credit", int)
    _status(job)
    return job


def _status(job: Record) -> Status:
    return status_in(job, "image_status")


_POLL: Final = Poll(_info_path, no_body, _job_in, _status)


def _size_in_pixels(answer: requests.Response, job_id: str) -> tuple[int, int]:
    """Return width and height of a downloaded image, which must be whole and of this job."""
    try:
        with Image.open(BytesIO(answer.content), formats=["JPEG"]) as image:
            image.load()
    except OSError:
        raise SurpriseError(f"{answer.url} is not a whole JPEG") from None
    if f"job={job_id}".encode() not in image.info.get("comment", b""):
        raise SurpriseError(f"{answer.url} does not say in its comment that it is of job {job_id}")
    return image.size
