"""All that accounts keep with the service: their documents, and what jobs made for good, such as avatars and voices."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from mock_akool.akool.engine import Engine
from mock_akool.akool.families import FAMILIES, family_of, shown_record
from mock_akool.akool.jobs import Job

_KEPT_JOBS: Final = frozenset(create.endpoint for family in FAMILIES if family.keeps for create in family.creates)
"""The endpoints whose jobs make something that stays."""


class Document(NamedTuple):
    """Something that an account keeps with the service.

    `kind` is what it is: `knowledge`, `avatar` or `voice`. `record` is what the API shows of it now.
    """

    id: str
    """Its `_id`, which is the job's where a job made it."""
    api_key: str
    """The API key of the account."""
    kind: str
    record: Mapping[str, Any]


def kept(engine: Engine, api_key: str | None = None) -> list[Document]:
    """Return what accounts keep, or with an API key what that account does.

    What no job made comes first, the oldest of each account first, then what jobs made, oldest first.
    """
    found = [Document(own_id, key, kind, record) for key, kind, own_id, record in engine.documents.all(api_key)]
    now_ns = engine.clock.now_ns()
    jobs = (job for job in engine.jobs(api_key) if job.endpoint in _KEPT_JOBS and job.deleted_ns is None)
    return found + [_of_job(engine, job, now_ns) for job in jobs]


def kept_with_id(engine: Engine, document_id: str, api_key: str | None = None) -> Document | None:
    """Return what has this `_id`, with an API key only if that account keeps it; None when there is no such."""
    job = engine.job(document_id)
    if job is not None:
        is_kept = job.endpoint in _KEPT_JOBS and job.deleted_ns is None and api_key in (None, job.account.api_key)
        return _of_job(engine, job, engine.clock.now_ns()) if is_kept else None
    found = (Document(own_id, key, kind, record) for key, kind, own_id, record in engine.documents.all(api_key))
    return next((each for each in found if each.id == document_id), None)


def discard(engine: Engine, document_id: str, api_key: str | None = None) -> Document | None:
    """Let something never have been kept; returns it, or None when there is no such.

    A job that made it is forgotten; what it cost stays paid.
    """
    found = kept_with_id(engine, document_id, api_key)
    if found is None:
        return None
    if not engine.documents.discard(found.api_key, found.kind, found.id):
        engine.delete(found.id)
    return found


def _of_job(engine: Engine, job: Job, now_ns: int) -> Document:
    family, status = family_of(job), engine.change_of(job, now_ns).status
    record = shown_record(family.readings[0], family, job, status, job.file_base, engine.context)
    return Document(job.id, job.account.api_key, family.keeps, record)
