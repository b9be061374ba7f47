"""What a family of jobs is: the interface that every module of this package fills in.

A family says everything about its jobs: which endpoints create them and what these read, what a record says, what it
costs, what its files are called and show, and what its webhooks tell. The engine, the routes, the admin API and the
documents know families only by this interface, so a new one is a module and a line in `FAMILIES`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import Enum
from types import MappingProxyType
from typing import Any, Final, Generic, NamedTuple, Protocol, TypeVar
from urllib.parse import parse_qs

from mock_akool.akool.accounts import Account, Credits
from mock_akool.akool.codes import MESSAGES, Code, Profile
from mock_akool.akool.documents import Documents
from mock_akool.akool.errors import AkoolError, ParameterError
from mock_akool.akool.jobs import Job, JobInput
from mock_akool.akool.settings import ServiceSettings
from mock_akool.akool.validation import TEXT, Body, Field, Values
from mock_akool.core.http import Request
from mock_akool.core.keyed_random import KeyedRandom
from mock_akool.core.media import MediaSpec
from mock_akool.core.options import Options
from mock_akool.core.schema import Schema, Shape, nearest, shown
from mock_akool.core.timeline import Change, Ending, Status, Timeline

I = TypeVar("I", bound=JobInput)  # noqa: E741 - the input of a family

Record = dict[str, Any]
"""The record of a job as the API shows it."""

_MOST_QUERY_FIELDS: Final = 100
_NOTHING: Final[Mapping[str, Any]] = MappingProxyType({})
_ANY_OBJECT: Final[Schema] = {"type": "object"}


O = TypeVar("O", bound=Options)  # noqa: E741 - the options of a family


def options_of(settings: ServiceSettings, kind: type[O]) -> O:
    """Return the settings of one family; every FakeSettings has those of all families.

    Raises TypeError for settings that are none of a fake.
    """
    if not isinstance(settings, kind):
        raise TypeError(f"{type(settings).__name__} has no {kind.__name__}; use FakeSettings")
    return settings


class Context(NamedTuple):
    """What a family may ask beside the job: the settings of the fake, and chance that follows from its seed."""

    settings: ServiceSettings
    keyed_random: KeyedRandom

    def options(self, kind: type[O]) -> O:
        """Return the settings of one family, by the class that its module declares."""
        return options_of(self.settings, kind)

    @property
    def observed(self) -> bool:
        """Whether the fake follows the observed API, not the documentation."""
        return self.settings.profile is Profile.OBSERVED


def one_or_list(records: Sequence[Record]) -> object:
    """Return the `data` of a create: an object for one job, an array for several (contract section 4)."""
    return records[0] if len(records) == 1 else list(records)


def first(records: Sequence[Record]) -> object:
    """Return the `data` of a reader that shows a single job."""
    return records[0]


def one_job(input: Any) -> int:
    """Return how many jobs an input makes that makes one."""
    return 1


def no_observation(input: Any) -> float:
    """Return how many seconds a job takes for which nobody has measured it."""
    return 30.0


def no_limit(input: Any, settings: ServiceSettings) -> None:
    """Allow every input that could be read."""


OK_MESSAGE: Final = MESSAGES[Code.OK]


def usual_bad_parameter_code(settings: ServiceSettings) -> int:
    """Return the code of a create whose request is not usable."""
    return Code.PARAMETER_ERROR


class Create(NamedTuple, Generic[I]):
    """An endpoint that creates jobs.

    `input` is the only description of its request: it reads, refuses and explains, and is the OpenAPI schema. What it
    makes is an `input_type`.
    `record` is the record of a job right after its creation. `webhook_field` is the key of the request that holds
    the webhook URL. `jobs` says how many jobs an input makes; they live at the same time.
    `reply` makes the `data` of the answer from the records of the jobs.
    `parent` returns the id of the job that an input continues, which the request has in `parent_field`. It must be
    the account's own; `check` raises an AkoolError when the parent, at that status, cannot be continued so, and `uses`
    is what is used up of it.
    """

    endpoint: str
    path: str
    input: Body[I]
    input_type: type[I]
    record: Callable[[Job, I, Context], Record]
    example: Mapping[str, Any]
    """A good request; `…` stands for the `_id` of a completed job."""
    webhook_field: str
    """Empty text where there are no webhooks."""
    method: str = "POST"
    reply: Callable[[Sequence[Record]], object] = one_or_list
    record_schema: Schema = _ANY_OBJECT
    body: Callable[[Sequence[Record], I, Context], Mapping[str, Any]] | None = None
    """Makes the whole body of the answer, where that is not `code`, `msg` and the `data` of `reply`."""
    body_schema: Schema | None = None
    """The schema of the `data` in that body, where that is neither a record nor a list of records."""
    jobs: Callable[[I], int] = one_job
    refuse_rows: Callable[[I, Mapping[int, int]], I] | None = None
    """Returns an input of which some rows are refused, each by its place among the jobs and with its code.

    Without it the answer has no place for refusals, and one refused row refuses the whole request.
    """
    batch_ids: str = "`data` of the create is a list with an `_id` for each image"
    """Where the answer has the ids of several jobs, for people."""
    allow: Callable[[I, ServiceSettings], None] = no_limit
    """Raises an AkoolError for an input that can be read, but that the settings do not allow."""
    find: Callable[[I, World, Account, int], I] | None = None
    """Returns an input with what it names of the account's things, at an instant; raises an AkoolError."""
    msg: str = OK_MESSAGE
    """The `msg` of a success."""
    parent: Callable[[I], str] | None = None
    parent_field: str = ""
    check: Callable[[Job, Status, I, ServiceSettings], None] | None = None
    uses: Callable[[I], str] | None = None
    section: str = ""
    """The section of the contract that is about it, where the family's options do not say it."""

    @property
    def data_schema(self) -> Schema:
        """The JSON Schema of the `data` of a success."""
        if self.body_schema is not None:
            return self.body_schema
        return {"anyOf": [self.record_schema, {"type": "array", "items": self.record_schema}]}

    def uses_of(self, input: Any) -> str:
        """Return what an input uses up of the job that it continues; its endpoint's name when that is nothing."""
        return self.endpoint if self.uses is None else self.uses(input)

    bad_parameter_code: Callable[[ServiceSettings], int] = usual_bad_parameter_code
    """The code of a request that `input` refuses."""


class Pending(Enum):
    """What a record says in the place of the result's address while the job is not completed."""

    ABSENT = "absent"
    EMPTY = "empty"
    NULL = "null"
    FINAL = "final"
    """The address that the file will have."""

    @property
    def in_words(self) -> str:
        """What stands there, for people."""
        return {"absent": "no key", "empty": "empty text", "null": "null", "final": "the final address"}[self.value]


class Unknown(Enum):
    """What a reader does with an id that it does not know, or whose job the account deleted."""

    REFUSED = "refused"
    LEFT_OUT = "left out"


class Results(NamedTuple):
    """An endpoint that shows jobs. Several families may share one.

    `ids` finds the ids that a request asks for: a function, which is given the request and the parts of the path that
    the route names, and raises ParameterError; or for a reader that is asked by POST the body that says them.
    `status_word` and `result_word` are the keys of the status and of the address; without `result_word` there is none.
    """

    endpoint: str
    path: str
    ids: Callable[[Request, Sequence[str]], Sequence[str]] | Body[Sequence[str]]
    status_word: str
    result_word: str
    pending: Pending = Pending.ABSENT
    unknown: Unknown = Unknown.REFUSED
    method: str = "GET"
    reply: Callable[[Sequence[Record]], object] = first
    documented_reply: Callable[[Sequence[Record]], object] | None = None
    """What makes the `data` in profile documented, where that is not `reply`."""
    query: Mapping[str, str] = _NOTHING
    """The parameters of its query, and what each means, for the OpenAPI document."""
    data_schema: Schema = _ANY_OBJECT
    also: Callable[[str, Asked], Record | None] | None = None
    """The record of an id that is no job's; None where it knows none."""
    is_listed: Callable[[Job, int, ServiceSettings], bool] | None = None
    """For readers that leave jobs out: whether they show a job of the account at an instant; None: always."""
    refuse: Callable[[str, ServiceSettings], AkoolError] | None = None
    """Makes the error of a request that is not usable, from the reason; without it that is as everywhere."""
    msg: str = OK_MESSAGE
    """The `msg` of a success."""
    section: str = ""
    """The section of the contract that is about it, where no family's options say it."""

    @property
    def input(self) -> Body[Sequence[str]] | None:
        """The body that says the ids; None when the address says them."""
        return self.ids if isinstance(self.ids, Body) else None

    def asked_ids(self, request: Request, names: Sequence[str], settings: ServiceSettings) -> Sequence[str]:
        """Return the ids that a request asks for; raises ParameterError, or what `refuse` makes of it."""
        try:
            return self.ids.read(request, settings) if isinstance(self.ids, Body) else self.ids(request, names)
        except ParameterError as error:
            if self.refuse is None:
                raise
            raise self.refuse(error.reason or "", settings) from None

    def leaves_out(self, job: Job | None, account: Account, now_ns: int, settings: ServiceSettings) -> bool:
        """Return whether it does not show the account a job of a family that it knows, where it leaves jobs out."""
        if job is None or job.deleted_ns is not None or job.account.api_key != account.api_key:
            return True
        return self.is_listed is not None and not self.is_listed(job, now_ns, settings)

    def data_of(self, records: Sequence[Record], context: Context) -> object:
        """Return the `data` of an answer that shows these records."""
        documented = None if context.observed else self.documented_reply
        return (documented or self.reply)(records)

    def names_in(self, path: str) -> Sequence[str]:
        """Return the parts of a request's path that the route names."""
        return names_in(self.path, path)


def names_in(template: str, path: str) -> Sequence[str]:
    """Return the parts of a path in the places of the `{names}` of a template that it fits; none otherwise."""
    if "{" not in template:
        return ()
    parts, given = template.split("/"), path.split("/", _MOST_PARTS)
    if len(parts) != len(given):
        return ()
    named = [part.startswith("{") for part in parts]
    fits = all(found or part == said for found, part, said in zip(named, parts, given, strict=True))
    return tuple(said for found, said in zip(named, given, strict=True) if found) if fits else ()


_MOST_PARTS: Final = 32


def as_it_is(job: Job, status: Status, record: Record, context: Context) -> Record:
    """Return the record unchanged."""
    return record


class Reading(NamedTuple):
    """How a reader shows the jobs of a family: `fields` is all of the record but the status and the address.

    `fields` is given the job, its input, its status, the scheme and host of files, and the context.
    `finish` may put the complete record into another shape. `pending` is for a family whose jobs have something else in
    the place of the address than the others that the reader shows.
    """

    results: Results
    fields: Callable[[Job, Any, Status, str, Context], Record]
    finish: Callable[[Job, Status, Record, Context], Record] = as_it_is
    pending: Pending | None = None


class MoreFiles(NamedTuple):
    """Files of a job beside its results: at another host, and with names that its stem has nothing to do with.

    `names` are their paths without the first slash; they have no `-`, and no other job has such.
    """

    host: str
    names: Callable[[Job, Context], Sequence[str]]


def drawing_of(
    job: Job,
    size: tuple[int, int],
    operation: str,
    format: str,
    context: Context,
    *,
    seconds: float = 0,
    silent: bool = False,
) -> MediaSpec:
    """Return a drawing without tiles of what a job is about, so many pixels wide and high.

    A video plays for so many seconds, and may be `silent`.
    """
    width, height = size
    return MediaSpec(
        job_id=job.id,
        seed=context.keyed_random.seed,
        width=width,
        height=height,
        prompt=job.input.topic.prompt,
        ratio="",
        tiles=(),
        operation=operation,
        format=format,
        seconds=seconds,
        silent=silent,
    )


class FileNaming(NamedTuple):
    """What the result files of a family are called, and what they show.

    `stem` is what the paths of a job's files begin with, up to a `-` or `.`, and no other job's; without a slash.
    `names` are the names of its results, that of the record first. `shows` describes the file of a name.
    `extensions` are the endings that names of such files have, without the dot: a path that ends so is one of a file.
    `more` are files beside the results.
    """

    host: str
    extensions: tuple[str, ...]
    stem: Callable[[Job, Context], str]
    names: Callable[[Job, Any, Context], Sequence[str]]
    shows: Callable[[Job, Any, str, Context], MediaSpec]
    more: MoreFiles | None = None
    is_wanted: bool = True
    """Whether a client that sees a job completed is expected to fetch its files."""

    @property
    def hosts(self) -> tuple[str, ...]:
        """The hosts of all files."""
        return (self.host,) if self.more is None else (self.host, self.more.host)

    def stems(self, job: Job, context: Context) -> Sequence[str]:
        """Return by what a file is known to be the job's."""
        stem = self.stem(job, context)
        return (stem,) if self.more is None else (stem, *self.more.names(job, context))

    def all_names(self, job: Job, context: Context) -> Sequence[str]:
        """Return the names of all files of the job."""
        names = self.names(job, job.input, context)
        return names if self.more is None else (*names, *self.more.names(job, context))

    def url(self, base: str, name: str) -> str:
        """Return the address of a file; an empty `base` is the host that files really have."""
        return f"{base or f'https://{self.host}'}/{name}"

    def more_url(self, base: str, name: str) -> str:
        """Return the address of a file beside the results; an empty `base` is the host that such really have."""
        return f"{base or f'https://{self.hosts[-1]}'}/{name}"


def _as_id(job: Job, context: Context) -> str:
    return job.id


def _no_names(job: Job, input: Any, context: Context) -> Sequence[str]:
    return ()


def _shows_nothing(job: Job, input: Any, name: str, context: Context) -> MediaSpec:
    raise LookupError(f"job {job.id} has no file {name}")


NO_FILES: Final = FileNaming("", (), _as_id, _no_names, _shows_nothing, is_wanted=False)
"""For a family whose jobs make no files: what they are for can be used while they are at status 2."""


class WebhookInfo(NamedTuple):
    """What the webhooks of a family tell: the word in `type`, and for which statuses they are sent.

    `chosen` returns the word where a setting says it; `type` is then that setting's default.
    """

    type: str
    states: tuple[Status, ...] = (Status.PROCESSING, Status.COMPLETED, Status.FAILED)
    chosen: Callable[[ServiceSettings], str] | None = None

    def type_in(self, settings: ServiceSettings) -> str:
        """Return the word in `type` with these settings."""
        return self.type if self.chosen is None else self.chosen(settings)


NO_WEBHOOKS: Final = WebhookInfo("", ())
"""For a family that sends no webhooks."""


def usual_no_credit_code(settings: ServiceSettings) -> int:
    """Return the code of a create that the account cannot pay."""
    return settings.out_of_credits_code


def no_refund(settings: ServiceSettings) -> bool:
    """Return False: what a failed job cost stays paid."""
    return False


def usual_life(input: Any, settings: ServiceSettings) -> Timeline | None:
    """Return None: jobs live as the settings of the fake say."""
    return None


def no_other_ids(job: Job, context: Context) -> Mapping[str, str]:
    """Return nothing: the job has its `_id` only."""
    return {}


class Family(NamedTuple, Generic[I]):
    """A family of jobs.

    `price` is in credits, for one job of an input; it may be a fraction. `observed_s` is how many seconds such a job
    was seen to take, for the setting `realistic`.
    """

    name: str
    creates: tuple[Create[I], ...]
    readings: tuple[Reading, ...]
    price: Callable[[I, ServiceSettings], Credits]
    files: FileNaming
    webhook: WebhookInfo
    no_credit_code: Callable[[ServiceSettings], int] = usual_no_credit_code
    refunds: Callable[[ServiceSettings], bool] = no_refund
    """Whether a job that fails gives back what it cost, where nobody says so of the job."""
    other_ids: Callable[[Job, Context], Mapping[str, str]] = no_other_ids
    """What else identifies a job, by the key of its record; no reader takes these."""
    life: Callable[[I, ServiceSettings], Timeline | None] = usual_life
    """How long a job of an input is queueing and processing, where that does not follow from the fake's settings."""
    observed_s: Callable[[I], float] = no_observation
    options: type[Options] | None = None
    """The settings of the family, where it has any: a class of options, which every fake's settings then include."""
    overridable: Mapping[str, Shape] = _NOTHING
    """Which keys of a completed record, beside the address of the result, a scenario may override, and what it says."""
    keeps: str = ""
    """What the account keeps when such a job has made it, such as `avatar`: it is among the account's documents."""
    ended_by: str = ""
    """The service by which a client ends a job, where the family has one; the id stands in its example as `…`."""

    @property
    def makes_files(self) -> bool:
        """Whether its jobs are done when there is a file; otherwise they are used until they end, and then are over."""
        return self.files is not NO_FILES

    def reading(self, results: Results) -> Reading | None:
        """Return how this reader shows the family's jobs; None when it does not know them."""
        return next((each for each in self.readings if each.results is results), None)

    def result_url(self, job: Job, base: str, context: Context) -> str:
        """Return the address of the job's result; an empty `base` is the host that files really have."""
        return self.files.url(base, self.files.names(job, job.input, context)[0])


def shown_record(
    reading: Reading, family: Family[Any], job: Job, status: Status, base: str, context: Context
) -> Record:
    """Return the record of a job at a status, as a reader shows it; `base` is the scheme and host of its files."""
    results = reading.results
    record = reading.fields(job, job.input, status, base, context)
    record[results.status_word] = int(status)
    pending = reading.pending or results.pending
    if not results.result_word:
        return reading.finish(job, status, record, context)
    if status is Status.COMPLETED or pending is Pending.FINAL:
        record[results.result_word] = family.result_url(job, base, context)
    elif pending is not Pending.ABSENT:
        record[results.result_word] = "" if pending is Pending.EMPTY else None
    record = reading.finish(job, status, record, context)
    if status is Status.COMPLETED and job.result is not None:
        job.result.apply(record, results.result_word)
    return record


class World(Protocol):
    """What a service may ask of the fake, and do in it. Each of these is one transaction."""

    @property
    def context(self) -> Context:
        """The settings, and chance that follows from the seed."""
        ...

    @property
    def documents(self) -> Documents:
        """What accounts keep that is no job."""
        ...

    def job(self, job_id: str) -> Job | None:
        """Return the job with this `_id`, whosever it is."""
        ...

    def jobs(self, api_key: str | None = None) -> tuple[Job, ...]:
        """Return the jobs of the account with this API key, in the order of their creation."""
        ...

    def change_of(self, job: Job, now_ns: int) -> Change:
        """Return the job's status at an instant and since when it has it."""
        ...

    def poll(self, account: Account, job_id: str, now_ns: int) -> object:
        """Note that the account was shown its job."""
        ...

    def fail(self, job_id: str, ending: Ending, now_ns: int | None = None) -> Job:
        """Let a job have failed from now on."""
        ...

    def end(self, job_id: str, cost: Credits, now_ns: int) -> Job:
        """Let a job be completed from now on and have cost so much; what was paid above that goes back."""
        ...

    def delete_for_client(self, job_id: str, now_ns: int) -> None:
        """Let the API know a job no longer, as its account asked."""
        ...

    def keep_file(self, path: str, media: MediaSpec, account: Account | None, now_ns: int) -> None:
        """Serve a file that is no job's at a path."""
        ...


class Asked(NamedTuple):
    """A request to a service.

    `account` is who asks, where the service wants to know; `input` is what its body was read as, None without one.
    """

    world: World
    request: Request
    account: Account | None
    input: Any
    now_ns: int

    @property
    def own(self) -> Account:
        """Who asks, for a service that wants to know."""
        if self.account is None:
            raise TypeError(f"{self.request.path} is answered without an account")
        return self.account

    def own_job(self, job_id: str) -> Job | None:
        """Return the job with this `_id` if it is the account's and not deleted."""
        job = self.world.job(job_id)
        is_own = job is not None and job.deleted_ns is None and job.account.api_key == self.own.api_key
        return job if is_own else None


class Answer(NamedTuple):
    """What a service answers: the whole JSON body and, for the call log, its code and why it is a refusal.

    `shown` are the jobs that it shows, and at which status.
    """

    body: Mapping[str, Any]
    status: int = 200
    code: int | None = None
    reason: str | None = None
    shown: tuple[tuple[str, Status], ...] = ()


def success_of(data: object = None, msg: str = OK_MESSAGE, shown: tuple[tuple[str, Status], ...] = ()) -> Answer:
    """Return the usual envelope of a success; without data it has none. `shown` are the jobs that it shows."""
    body: dict[str, Any] = {"code": int(Code.OK), "msg": msg}
    return Answer(body if data is None else {**body, "data": data}, code=Code.OK, shown=shown)


def always(settings: ServiceSettings) -> bool:
    """Return True."""
    return True


class Service(NamedTuple):
    """An endpoint that neither creates nor shows jobs: it lists, deletes, or does its work at once.

    `answer` raises AkoolError and ParameterError. `is_signed` is whether the request must have credentials.
    `refuse` makes the answer to a request that is not usable, from the reason; without it that is the usual envelope.
    `host` is where the real service has it, when that is not the host of the API. `schema` is that of its answer.
    """

    endpoint: str
    path: str
    answer: Callable[[Asked], Answer]
    method: str = "POST"
    input: Body[Any] | None = None
    example: Mapping[str, Any] = _NOTHING
    query: Mapping[str, str] = _NOTHING
    is_signed: Callable[[ServiceSettings], bool] = always
    refuse: Callable[[str, ServiceSettings], Answer] | None = None
    host: str = ""
    schema: Schema = _ANY_OBJECT
    options: type[Options] | None = None
    """The settings that it is about, where they are no family's."""
    lists: bool = False
    """Whether it looks through all that an account has: among many jobs that takes milliseconds."""


def one_in_path(request: Request, names: Sequence[str]) -> Sequence[str]:
    """Return the single id that a path has in the place of its `{name}`."""
    return names


def meant(name: str, given: Iterable[str]) -> str:
    """Return what to say of a parameter that is missing: which of the given ones was meant by it, if one is like it."""
    near = nearest(name, given)
    return f"; did you mean it by {shown(near)}?" if near else ""


def one_in_query(name: str) -> Callable[[Request, Sequence[str]], Sequence[str]]:
    """Return what reads a single id from the parameter `name` of the query: there once, and not empty."""
    begins, length = f"{name}=", len(name) + 1

    def read(request: Request, names: Sequence[str]) -> Sequence[str]:
        query = request.query
        # The usual query is read without the general parser, which takes longer than the rest of a poll.
        if query.startswith(begins) and query[length:].isalnum():
            return (query[length:],)
        try:
            asked = parse_qs(query, max_num_fields=_MOST_QUERY_FIELDS)
        except ValueError:
            raise ParameterError(f"the query has over {_MOST_QUERY_FIELDS} fields; give {name} alone") from None
        values = asked.get(name, [])
        if values and len(values) != 1:
            raise ParameterError(f"{name} is given {len(values)} times; give it once")
        if not values:
            raise ParameterError(f"{name} is missing from the query; give it once{meant(name, asked)}")
        return values

    return read


def several_in_query(name: str) -> Callable[[Request, Sequence[str]], Sequence[str]]:
    """Return what reads ids that the parameter `name` of the query has, with commas between them, each once."""
    one = one_in_query(name)

    def read(request: Request, names: Sequence[str]) -> Sequence[str]:
        return split_ids(one(request, names)[0])

    return read


def several_in_body(name: str) -> Body[Sequence[str]]:
    """Return the body whose field `name` has ids, a text with commas between them, each once."""

    def make(values: Values) -> Sequence[str]:
        return split_ids(values[name])

    return Body({name: Field(TEXT, required=True)}, make)


def split_ids(text: str) -> Sequence[str]:
    """Return the ids of a text that has commas between them, each once, in order."""
    return tuple(dict.fromkeys(filter(None, map(str.strip, text.split(",")))))


def in_result(records: Sequence[Record]) -> object:
    """Return the `data` of a reader that shows several jobs: an object with a list."""
    return {"result": list(records)}
