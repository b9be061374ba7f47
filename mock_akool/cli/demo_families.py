"""The story of `mock-akool demo FAMILY`: every create of a family with its example, its jobs, and their files.

It knows families by their interface only, so that a new one has its demo when it has its creates.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import Any, Final

import requests

from mock_akool.akool.families import FAMILIES, SERVICES, Create, Family, Results
from mock_akool.cli.console import Screen
from mock_akool.cli.demo_client import (
    ApiClient,
    Pace,
    Poll,
    Record,
    SurpriseError,
    make_folder,
    played,
    status_in,
    writing,
)
from mock_akool.core.http import request_target
from mock_akool.core.timeline import Status

_PACE: Final = Pace(all_s=60.0)


def play(family: Family[Any], url: str, folder: Path, screen: Screen, pace: Pace = _PACE) -> int:
    """Play a client of a family against the API at `url`; returns the exit code: 0, or 1 after a surprise.

    Raises MockAkoolError when the files cannot be written.
    """
    if family.makes_files:
        make_folder(folder)
    with _Client(family, url, screen, pace) as client:
        return played(url, screen, lambda: _story(client, folder))


def _story(client: _Client, folder: Path) -> str:
    """Create what the family creates, wait until it is done, and save its files; returns what it did."""
    screen, family = client.screen, client.family
    screen.heading("Sign in, and ask for the balance")
    client.sign_in()
    before = client.balance()

    # What continues a job needs one that is done: of this family, or of another that the same reader shows.
    continued = [create for create in family.creates if create.parent_field]
    first = [create for create in family.creates if not create.parent_field] or [client.parent]
    jobs = client.create_and_wait(first)
    if continued:
        jobs |= client.create_and_wait(continued, next(iter(jobs.values())))

    if family.makes_files:
        screen.heading("Download the files")
        saved = sum(client.save(name, job, folder) for name, job in jobs.items())
        did = f"{_counted(saved, 'file')} in {folder}"
    else:
        client.end(jobs.values())
        did = f"{_counted(len(jobs), 'job')} of a family without files"

    screen.heading("Ask what is left")
    screen.line(f"  {before:,} credits before, {client.balance():,} now")
    return did


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"


class _Client(ApiClient):
    """A client of one family, by what the family says of itself."""

    def __init__(self, family: Family[Any], url: str, screen: Screen, pace: Pace) -> None:
        super().__init__(url, screen, pace)
        self.family = family
        self._results: Results = family.readings[0].results
        self._poll = Poll(self._path, self._body, self._record, self._status)

    @property
    def parent(self) -> Create[Any]:
        """What makes a job that the family's creates can continue."""
        return next(
            create
            for family in FAMILIES
            if family.reading(self._results) is not None
            for create in family.creates
            if not create.parent_field
        )

    def create_and_wait(self, creates: Sequence[Create[Any]], parent: Record | None = None) -> dict[str, Record]:
        """Create the examples of creates, and poll until all are there; returns their records, by name."""
        jobs: dict[str, Record] = {}
        for create in creates:
            self.screen.heading(f"Create: {create.endpoint}")
            jobs |= self._create(create, parent)
        until = Status.COMPLETED if self.family.makes_files else Status.PROCESSING
        usable = "can be used" if until is Status.PROCESSING else "is there"
        self.screen.heading(f"Poll until it {usable}" if len(jobs) == 1 else "Poll until all are there")
        return self.wait_for(jobs, self._poll, until)

    def _create(self, create: Create[Any], parent: Record | None) -> dict[str, Record]:
        """Ask for the example of a create; returns the records of the new jobs, as its reader shows them, by name."""
        body = dict(create.example)
        if parent is not None:
            body[create.parent_field] = parent["_id"]
        made = _records_in(self.ask(self.session, create.path, body))
        if not made:
            raise SurpriseError(f"POST {create.path} made no job")
        name = create.endpoint.replace("/", "-")
        names = [name] if len(made) == 1 else [f"{name}-{number}" for number in range(1, len(made) + 1)]
        return {name: self._read(record["_id"]) for name, record in zip(names, made, strict=True)}

    def end(self, jobs: Iterable[Record]) -> None:
        """End the jobs by the service of the family that does so, if it has one."""
        if service := SERVICES.get(self.family.ended_by):
            self.screen.heading(f"End it: {service.endpoint}")
            for job in jobs:
                ends = {key: job["_id"] if value == "…" else value for key, value in service.example.items()}
                self.ask(self.session, service.path, ends)

    def save(self, name: str, job: Record, folder: Path) -> int:
        """Download every file that a record names; returns their number."""
        urls = list(dict.fromkeys(each for each in _texts_in(job) if each.startswith(f"{self.url}/")))
        if not urls:
            raise SurpriseError(f"the record of job {job['_id']} names no file")
        for number, url in enumerate(urls, 1):
            file = f"{name}{f'-{number}' if len(urls) > 1 else ''}{PurePosixPath(url).suffix}"
            answer = self.download(url)
            kind = self._kind(answer)
            with writing(folder / file):
                (folder / file).write_bytes(answer.content)
            self.screen.line(f"  {file:<48} {kind:<11} {len(answer.content) / 1000:>6.0f} kB")
        return len(urls)

    def _kind(self, answer: requests.Response) -> str:
        """Return the content type of a file, which has a name as the family's have, and is not empty."""
        kind: str = answer.headers.get("content-type", "")
        if PurePosixPath(answer.url).suffix[1:] not in self.family.files.extensions or not answer.content:
            raise SurpriseError(f"{answer.url} is no file of {self.family.name}: {len(answer.content)} bytes of {kind}")
        return kind

    def _read(self, job_id: str) -> Record:
        """Return the job as the reader shows it now."""
        trip = self.send(self.session, self._path(job_id), self._body(job_id))
        return self._record(trip.answer if isinstance(trip.answer, dict) else {})

    def _path(self, job_id: str) -> str:
        path = re.sub(r"\{\w+\}", job_id, self._results.path)
        query = "&".join(f"{name}={job_id}" for name in self._results.query)
        return request_target(path, query)

    def _body(self, job_id: str) -> Record | None:
        return None if self._results.input is None else dict.fromkeys(self._results.input.fields, job_id)

    def _record(self, answer: Record) -> Record:
        records = _records_in(answer.get("data"))
        if len(records) != 1:
            raise SurpriseError(f"{self._results.path} shows {len(records)} jobs, not 1: {str(answer)[:200]}")
        self._status(records[0])
        return records[0]

    def _status(self, job: Record) -> Status:
        return status_in(job, self._results.status_word)


def _records_in(value: object) -> list[Record]:
    """Return the records of jobs in a value of JSON, whatever they are wrapped in."""
    if isinstance(value, list):
        return [record for each in value for record in _records_in(each)]
    if not isinstance(value, dict):
        return []
    return (
        [value] if isinstance(value.get("_id"), str) else [job for each in value.values() for job in _records_in(each)]
    )


def _texts_in(value: object) -> Iterator[str]:
    match value:
        case str():
            yield value
        case dict():
            for each in value.values():
                yield from _texts_in(each)
        case list():
            for each in value:
                yield from _texts_in(each)
