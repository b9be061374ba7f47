"""The client of `mock-akool demo`.

It is also an example of polling well. It pauses between polls and has a time limit. It takes status 3 for done,
4 for failed, and nothing else for either. It repeats a GET that met a broken connection, and never a POST, which could
be paid for twice. It saves no image that it has not looked at.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any, Final, NamedTuple, Self

import requests
from PIL import Image
from requests.adapters import HTTPAdapter
from urllib3.util import Retry

from mock_akool.akool.codes import Code
from mock_akool.cli.console import RoundTrip, Screen, words
from mock_akool.core.errors import MockAkoolError
from mock_akool.core.timeline import Status

_PROMPT: Final = "A lighthouse on a cliff at dusk, oil painting"
_CLIENT_ID: Final = "bW9jay1ha29vbC1kZW1vLg=="
_CLIENT_SECRET: Final = "demoSecretOf32LettersAndDigits00"
_UPSCALE: Final = "U2"
_VARIATION: Final = "V3"
_SINGLES: Final = 4

_IMAGE_API: Final = "/api/open/v3/content/image"
_ATTEMPTS: Final = Retry(
    total=2, backoff_factor=0.2, status_forcelist=(502, 503, 504), allowed_methods=("GET",), raise_on_status=False
)

Record = dict[str, Any]
"""A job as the API describes it."""


class SurpriseError(Exception):
    """The API did what a client must not accept."""


class Pace(NamedTuple):
    """How patient a client is, in seconds: from poll to poll, with one answer, and with everything together."""

    pause_s: float = 0.5
    answer_s: float = 2.0
    all_s: float = 15.0


def play(url: str, folder: Path, screen: Screen, pace: Pace | None = None) -> int:
    """Play a client against the API at `url`; returns the exit code: 0, or 1 after a surprise.

    Raises MockAkoolError when the images cannot be written.
    """
    began_s = time.monotonic()
    with _writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
    try:
        with Client(url, screen, pace or Pace()) as client:
            count = _story(client, folder, screen)
    except SurpriseError as surprise:
        return _fail(str(surprise))
    except requests.RequestException as error:
        return _fail(f"no answer from {url} ({type(error).__name__})")
    screen.line()
    screen.success(f"{count} images in {folder} after {time.monotonic() - began_s:.0f} s, without a surprise.")
    screen.line("  For a server to point your own client at: mock-akool serve")
    return 0


def _fail(why: str) -> int:
    print(f"mock-akool demo: {why}", file=sys.stderr)
    return 1


def _story(client: Client, folder: Path, screen: Screen) -> int:
    """Do what a client does, from the token to the balance; returns the number of saved images."""
    screen.heading("Sign in, and ask for the balance")
    client.sign_in(_CLIENT_ID, _CLIENT_SECRET)
    credits_before = client.balance()

    screen.heading("Ask for an image, and poll until it is there")
    first = client.wait_for({"job": client.create(_PROMPT)})["job"]

    screen.heading("Download the grid and its four images")
    count = client.save(first, folder, "grid", "image")

    screen.heading(f"Press {_UPSCALE} and {_VARIATION} at the same time, and poll both")
    made = client.wait_for(client.press(first, (_UPSCALE, _VARIATION)))

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


class Client:
    """A client of one account. Its methods raise SurpriseError for what a client must not accept."""

    def __init__(self, url: str, screen: Screen, pace: Pace) -> None:
        self._url = url
        self._screen = screen
        self._pace = pace
        self._deadline_s = time.monotonic() + pace.all_s
        self._credentials: dict[str, str] = {}
        self._session = _new_session()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._session.close()

    def sign_in(self, client_id: str, client_secret: str) -> None:
        """Get a token, and send it from now on."""
        pair = {"clientId": client_id, "clientSecret": client_secret}
        token = _wanted(self._ask(self._session, "/api/open/v3/getToken", pair), "token", str)
        self._credentials = {"Authorization": f"Bearer {token}"}

    def balance(self) -> int:
        """Return the account's credits."""
        answer = self._ask(self._session, "/api/open/v3/faceswap/quota/info")
        credits: int = _wanted(_wanted(answer, "data", dict), "credit", int)
        return credits

    def create(self, prompt: str) -> Record:
        """Ask for an image; returns the record of the new job."""
        return _job_in(self._ask(self._session, f"{_IMAGE_API}/createbyprompt", {"prompt": prompt, "scale": "1:1"}))

    def press(self, parent: Record, buttons: Iterable[str]) -> dict[str, Record]:
        """Press buttons of a job, all at the same time; returns the records of the new jobs by button."""

        def press_one(button: str) -> Record:
            with _new_session() as session:  # a session belongs to one thread
                body = {"_id": parent["_id"], "button": button}
                return _job_in(self._ask(session, f"{_IMAGE_API}/createbybutton", body))

        with ThreadPoolExecutor() as pool:
            presses = {button: pool.submit(press_one, button) for button in buttons}
            return {button: press.result() for button, press in presses.items()}

    def wait_for(self, created: Mapping[str, Record]) -> dict[str, Record]:
        """Poll jobs, which have names, until all are completed; returns their records."""
        jobs = dict(created)
        newest: dict[str, RoundTrip] = {}
        self._screen.line(f"  GET  {_info_path('...')} every {self._pace.pause_s:g} s")
        with self._screen.progress({name: _status(job) for name, job in jobs.items()}) as progress:
            while waiting := [name for name, job in jobs.items() if _status(job) is not Status.COMPLETED]:
                progress.wait(self._pace.pause_s)
                for name in waiting:
                    trip = newest[name] = self._send(self._session, _info_path(jobs[name]["_id"]))
                    job = _job_in(_success(trip))
                    progress.polled(name, _status(job))
                    jobs[name] = _moved_on(jobs[name], job)
        for trip in newest.values():
            self._screen.round_trip(trip)
        return jobs

    def save(self, job: Record, folder: Path, image: str, single: str | None = None) -> int:
        """Download the images of a completed job: `image`.jpg, then `single`-1.jpg and so on; returns their number."""
        links = {f"{image}.jpg": _wanted(job, "image", str)}
        if single is not None:
            urls = _wanted(job, "upscaled_urls", list)
            if len(urls) != _SINGLES:
                raise SurpriseError(f"job {job['_id']} has {len(urls)} single images, not {_SINGLES}")
            links |= {f"{single}-{number}.jpg": url for number, url in enumerate(urls, 1)}
        for name, url in links.items():
            answer = self._session.get(url, timeout=self._timeout_s(url))
            width, height = _size_in_pixels(answer, job["_id"])
            with _writing(folder / name):
                (folder / name).write_bytes(answer.content)
            self._screen.saved(name, width, height, len(answer.content))
        return len(links)

    def _ask(self, session: requests.Session, path: str, body: Record | None = None) -> Record:
        """Show a request and its answer; returns the answer, which is a success."""
        trip = self._send(session, path, body)
        self._screen.round_trip(trip)
        return _success(trip)

    def _send(self, session: requests.Session, path: str, body: Record | None = None) -> RoundTrip:
        method = "GET" if body is None else "POST"
        url, timeout_s = self._url + path, self._timeout_s(path)
        response = session.request(method, url, json=body, headers=self._credentials, timeout=timeout_s)
        try:
            answer = response.json()
        except requests.JSONDecodeError:
            raise SurpriseError(f"{method} {path} answered HTTP {response.status_code} without JSON") from None
        return RoundTrip(method, path, body, response.status_code, answer)

    def _timeout_s(self, target: str) -> float:
        left_s = self._deadline_s - time.monotonic()
        if left_s <= 0:
            raise SurpriseError(f"{self._pace.all_s:g} s are over before {target}")
        return min(self._pace.answer_s, left_s)


@contextmanager
def _writing(target: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise MockAkoolError(f"cannot write {target}: {error.strerror}", "Choose another with --folder") from None


def _new_session() -> requests.Session:
    session = requests.Session()
    session.trust_env = False  # a proxy or a .netrc of this machine has no business here
    session.mount("http://", HTTPAdapter(max_retries=_ATTEMPTS))
    return session


def _info_path(job_id: str) -> str:
    return f"{_IMAGE_API}/infobymodelid?image_model_id={job_id}"


def _success(trip: RoundTrip) -> Record:
    """Return the answer. A business error is in its `code`; its HTTP status is 200 like that of a success."""
    answer = trip.answer if isinstance(trip.answer, dict) else {}
    if trip.status != 200 or answer.get("code") != Code.OK:
        said = f"HTTP {trip.status}, code {answer.get('code')}: {answer.get('msg')}"
        raise SurpriseError(f"{trip.method} {trip.path} answered {said}")
    return answer


def _wanted(record: Record, key: str, kind: type) -> Any:
    """Return a value that must be there."""
    value = record.get(key)
    if not isinstance(value, kind):
        raise SurpriseError(f"the answer has no {key}: {str(record)[:200]}")
    return value


def _job_in(answer: Record) -> Record:
    """Return the record of the job that an answer reports."""
    job: Record = _wanted(answer, "data", dict)
    _wanted(job, "_id", str)
    _wanted(job, "deduction_credit", int)
    if _wanted(job, "image_status", int) not in set(Status):
        raise SurpriseError(f"job {job['_id']} has the status {job['image_status']}")
    return job


def _status(job: Record) -> Status:
    return Status(job["image_status"])


def _moved_on(before: Record, now: Record) -> Record:
    """Return the job as it is now, if that can come of what it was before."""
    if _status(now) is Status.FAILED:
        raise SurpriseError(f"job {now['_id']} failed: {', '.join(now.get('error_reasons', ()))}")
    if _status(now) < _status(before):
        raise SurpriseError(f"job {now['_id']} went back from {words(_status(before))} to {words(_status(now))}")
    return now


def _size_in_pixels(answer: requests.Response, job_id: str) -> tuple[int, int]:
    """Return width and height of a downloaded image, which must be whole and of this job."""
    if answer.status_code != 200:
        raise SurpriseError(f"{answer.url} answered HTTP {answer.status_code}")
    try:
        with Image.open(BytesIO(answer.content), formats=["JPEG"]) as image:
            image.load()
    except OSError:
        raise SurpriseError(f"{answer.url} is not a whole JPEG") from None
    if f"job={job_id}".encode() not in image.info.get("comment", b""):
        raise SurpriseError(f"{answer.url} does not say in its comment that it is of job {job_id}")
    return image.size
