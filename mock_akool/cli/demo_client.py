"""What the clients of `mock-akool demo` have in common: requests, patience, polls and surprises.

They are also an example of polling well. They pause between polls and have a time limit. They take status 3 for done,
4 for failed, and nothing else for either. They repeat a GET that met a broken connection, and never a POST, which could
be paid for twice. They save no file that they have not looked at.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple, Self

import requests
from requests.adapters import HTTPAdapter
from urllib3.util import Retry

from mock_akool.akool.codes import Code
from mock_akool.cli.console import RoundTrip, Screen, words
from mock_akool.core.errors import MockAkoolError
from mock_akool.core.timeline import Status

_CLIENT_ID: Final = "bW9jay1ha29vbC1kZW1vLg=="
_CLIENT_SECRET: Final = "demoSecretOf32LettersAndDigits00"

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


class Poll(NamedTuple):
    """A way to ask for a job: `path` and the body are those for its `_id`; without a body it is a GET.

    `record` takes the job out of an answer, and `status` the status out of that; both raise SurpriseError.
    """

    path: Callable[[str], str]
    body: Callable[[str], Record | None]
    record: Callable[[Record], Record]
    status: Callable[[Record], Status]


def no_body(job_id: str) -> None:
    """Return None, the body of a GET."""


def played(url: str, screen: Screen, story: Callable[[], str]) -> int:
    """Play a story against the API at `url`; returns the exit code: 0, or 1 after a surprise.

    The story returns what it did, such as "11 images in FOLDER". Raises MockAkoolError when that cannot be written.
    """
    began_s = time.monotonic()
    try:
        did = story()
    except SurpriseError as surprise:
        return _fail(str(surprise))
    except requests.RequestException as error:
        return _fail(f"no answer from {url} ({type(error).__name__})")
    screen.line()
    screen.success(f"{did} after {time.monotonic() - began_s:.0f} s, without a surprise.")
    screen.line("  For a server to point your own client at: mock-akool serve")
    return 0


def _fail(why: str) -> int:
    print(f"mock-akool demo: {why}", file=sys.stderr)
    return 1


class ApiClient:
    """A client of one account. Its methods raise SurpriseError for what a client must not accept."""

    def __init__(self, url: str, screen: Screen, pace: Pace) -> None:
        self.url = url
        self.screen = screen
        self.session = new_session()
        self._pace = pace
        self._deadline_s = time.monotonic() + pace.all_s
        self._credentials: dict[str, str] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.session.close()

    def sign_in(self) -> None:
        """Get a token, and send it from now on."""
        pair = {"clientId": _CLIENT_ID, "clientSecret": _CLIENT_SECRET}
        token = wanted(self.ask(self.session, "/api/open/v3/getToken", pair), "token", str)
        self._credentials = {"Authorization": f"Bearer {token}"}

    def balance(self) -> int | float:
        """Return the account's credits."""
        answer = self.ask(self.session, "/api/open/v3/faceswap/quota/info")
        credits: int | float = wanted(wanted(answer, "data", dict), "credit", (int, float))
        return credits

    def wait_for(
        self, created: Mapping[str, Record], poll: Poll, until: Status = Status.COMPLETED
    ) -> dict[str, Record]:
        """Poll jobs, which have names, until all have a status; returns their records."""
        jobs = dict(created)
        status = {name: poll.status(job) for name, job in jobs.items()}
        newest: dict[str, RoundTrip] = {}
        shown = "GET " if poll.body("") is None else "POST"
        self.screen.line(f"  {shown} {poll.path('...')} every {self._pace.pause_s:g} s")
        with self.screen.progress(status) as progress:
            while waiting := [name for name in jobs if status[name] < until]:
                progress.wait(self._pace.pause_s)
                for name in waiting:
                    job_id = jobs[name]["_id"]
                    trip = newest[name] = self.send(self.session, poll.path(job_id), poll.body(job_id))
                    job = poll.record(success(trip))
                    now = poll.status(job)
                    progress.polled(name, now)
                    _check_move(job, status[name], now)
                    jobs[name], status[name] = job, now
        for trip in newest.values():
            self.screen.round_trip(trip)
        return jobs

    def download(self, url: str) -> requests.Response:
        """Return the answer to a GET of a file, which is a success."""
        answer = self.session.get(url, timeout=self._timeout_s(url))
        if answer.status_code != 200:
            raise SurpriseError(f"{url} answered HTTP {answer.status_code}")
        return answer

    def ask(self, session: requests.Session, path: str, body: Record | None = None) -> Record:
        """Show a request and its answer; returns the answer, which is a success."""
        trip = self.send(session, path, body)
        self.screen.round_trip(trip)
        return success(trip)

    def send(self, session: requests.Session, path: str, body: Record | None = None) -> RoundTrip:
        """Send a request and return it with its answer, which is JSON."""
        method = "GET" if body is None else "POST"
        url, timeout_s = self.url + path, self._timeout_s(path)
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
def writing(target: Path) -> Iterator[None]:
    """Report what goes wrong with a file or folder as MockAkoolError."""
    try:
        yield
    except OSError as error:
        raise MockAkoolError(f"cannot write {target}: {error.strerror}", "Choose another with --folder") from None


def make_folder(folder: Path) -> None:
    """Make a folder if it is not there; raises MockAkoolError."""
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)


def new_session() -> requests.Session:
    """Return a session; it belongs to one thread."""
    session = requests.Session()
    session.trust_env = False  # a proxy or a .netrc of this machine has no business here
    session.mount("http://", HTTPAdapter(max_retries=_ATTEMPTS))
    return session


def success(trip: RoundTrip) -> Record:
    """Return the answer. A business error is in its `code`; its HTTP status is 200 like that of a success."""
    answer = trip.answer if isinstance(trip.answer, dict) else {}
    if trip.status != 200 or answer.get("code") != Code.OK:
        said = f"HTTP {trip.status}, code {answer.get('code')}: {answer.get('msg')}"
        raise SurpriseError(f"{trip.method} {trip.path} answered {said}")
    return answer


def wanted(record: Record, key: str, kind: type | tuple[type, ...]) -> Any:
    """Return a value that must be there."""
    value = record.get(key)
    if not isinstance(value, kind):
        raise SurpriseError(f"the answer has no {key}: {str(record)[:200]}")
    return value


def status_in(job: Record, key: str) -> Status:
    """Return the status that a record has at a key."""
    value = wanted(job, key, int)
    if value not in set(Status):
        raise SurpriseError(f"job {job['_id']} has the status {value}")
    return Status(value)


def _check_move(job: Record, before: Status, now: Status) -> None:
    """Refuse a status that cannot come of the one before."""
    if now is Status.FAILED:
        raise SurpriseError(f"job {job['_id']} failed: {', '.join(job.get('error_reasons', ()))}")
    if now < before:
        raise SurpriseError(f"job {job['_id']} went back from {words(before)} to {words(now)}")
