"""A video in other languages, by `createbytranslate`: a job for each language (contract section 16)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from mock_akool.akool.codes import Code
from mock_akool.akool.families import content_video, image
from mock_akool.akool.families.family import (
    Answer,
    Asked,
    Context,
    FileNaming,
    MoreFiles,
    Record,
    Service,
    WebhookInfo,
    options_of,
    success_of,
)
from mock_akool.akool.families.inputs import WEB_URL, YES_OR_NO, lenient, seconds_of, subject
from mock_akool.akool.jobs import Job, Topic
from mock_akool.akool.settings import ERROR_CODE, ServiceSettings
from mock_akool.akool.validation import OBJECT, TEXT, URL, Body, Field, Kind, UnusableError, Values
from mock_akool.core.dates import digits
from mock_akool.core.media import MediaSpec
from mock_akool.core.options import option
from mock_akool.core.schema import Listed, nearest, one_of, shown
from mock_akool.core.timeline import Status

MORE_HOST: Final = "d3323c6w59hl44.cloudfront.net"
"""The host of subtitles, and of the video without captions."""
DETECTED: Final = "DEFAULT"
_CREDITS_BY_10_S: Final = 2
_PROGRESS: Final = {Status.QUEUEING: 0, Status.PROCESSING: 50, Status.COMPLETED: 100, Status.FAILED: 0}

LANGUAGES: Final = {
    "en": "English",
    "es": "Spanish",
    "fr": "French",
    "de": "German",
    "it": "Italian",
    "pt": "Portuguese",
    "nl": "Dutch",
    "pl": "Polish",
    "sv": "Swedish",
    "da": "Danish",
    "fi": "Finnish",
    "cs": "Czech",
    "sk": "Slovak",
    "ro": "Romanian",
    "bg": "Bulgarian",
    "hr": "Croatian",
    "el": "Greek",
    "uk": "Ukrainian",
    "ru": "Russian",
    "tr": "Turkish",
    "ar": "Arabic (Modern Standard)",
    "hi": "Hindi",
    "ta": "Tamil",
    "id": "Indonesian",
    "ms": "Malay",
    "fil": "Filipino",
    "ja": "Japanese",
    "ko": "Korean",
    "zh": "Chinese",
}
"""The languages of `language/list`: which the real service has changes from time to time."""


class TranslateOptions(content_video.ContentVideoOptions):
    """The settings of translations."""

    no_credit_code_translate: int = option(
        int(Code.CREDITS_INSUFFICIENT),
        ERROR_CODE,
        "the code when credits run out for a translation",
        section="16",
        mark="C",
    )
    translate_data: str = option(
        "last",
        one_of(("last", "first")),
        "which of the languages stands in `data` of a translation's reply, beside `all_results`",
        section="16",
        mark="D",
    )
    translate_refused_languages: tuple[str, ...] = option(
        (),
        Listed(one_of(LANGUAGES)),
        "languages that get an entry with a code in `all_results`, and no job",
        section="16",
        mark="I",
    )
    translate_refused_code: int = option(
        int(Code.TRANSLATE_ERROR), ERROR_CODE, "the code of these entries", section="16", mark="C"
    )


class Translate(NamedTuple):
    """A checked request of `createbytranslate`.

    `asked` are the codes of all languages in order, `languages` those that get a job: a job's `place` says which is
    its own. `refused` are languages with the codes with which scripts refuse them.
    """

    url: str
    asked: tuple[str, ...]
    languages: tuple[str, ...]
    source_language: str
    lipsync: bool
    speaker_num: int
    webhook_url: str
    refused: tuple[tuple[str, int], ...] = ()

    @property
    def topic(self) -> Topic:
        """What the job is about: the video."""
        return Topic(subject(self.url))

    @property
    def operation(self) -> str:
        """What is done, as the file says it."""
        return f"translation {','.join(self.languages)}"

    @property
    def size(self) -> tuple[int, int]:
        """The video is not fetched, so nobody knows its shape."""
        return content_video.WIDE

    def seconds(self, settings: ServiceSettings) -> float:
        """Return how long the video is: as long as the video that was sent."""
        return seconds_of(self.url, settings)


# Requests


class _Languages(NamedTuple):
    asked: tuple[str, ...]
    accepted: tuple[str, ...]


def _read_languages(value: Any, settings: ServiceSettings) -> _Languages:
    if not isinstance(value, str) or not value.strip():
        raise ValueError
    asked = tuple(dict.fromkeys(each.strip() for each in value.split(",")))
    for each in asked:
        if each not in LANGUAGES:
            near = nearest(each, LANGUAGES)
            hint = f"; did you mean {near!r}?" if near else ""
            raise UnusableError(f" has {shown(each)}; it takes codes of language/list, with commas between them{hint}")
    refused = options_of(settings, TranslateOptions).translate_refused_languages
    return _Languages(asked, tuple(each for each in asked if each not in refused))


_LANGUAGES: Final = Kind(
    "codes of language/list, with commas between them", {"type": "string", "minLength": 1}, _read_languages
)


def _input(values: Values) -> Translate:
    return Translate(
        url=values["url"],
        asked=values["language"].asked,
        languages=values["language"].accepted,
        source_language=values["source_language"],
        lipsync=values["lipsync"],
        speaker_num=values["speaker_num"],
        webhook_url=values["webhookUrl"],
    )


def _allow(input: Translate, settings: ServiceSettings) -> None:
    if not input.languages:
        raise settings.refusal(
            options_of(settings, TranslateOptions).translate_refused_code,
            reason=f"translate_refused_languages has {' and '.join(input.asked)}",
        )


def _jobs(input: Translate) -> int:
    return len(input.languages)


def _refuse_rows(input: Translate, refused: Mapping[int, int]) -> Translate:
    """Return a request of whose languages scripts refuse some."""
    kept = [each for place, each in enumerate(input.languages) if place not in refused]
    codes = [(input.languages[place], code) for place, code in refused.items()]
    return input._replace(languages=tuple(kept), refused=tuple(codes))


# Records


def _task_id(job: Job, context: Context) -> str:
    return context.keyed_random.hex(24, "task", job.id)


def _other_ids(job: Job, context: Context) -> Mapping[str, str]:
    return {"task_id": _task_id(job, context)}


def _created(job: Job, input: Translate, context: Context) -> Record:
    task_id, created_ms = _task_id(job, context), content_video.created_ms(job)
    return {
        "_id": job.id,
        "create_time": created_ms,
        "uid": job.account.uid,
        "team_id": job.account.team_id,
        "target_video": input.url,
        "language": input.languages[job.place],
        "source_language": input.source_language,
        "video_id": task_id,
        "task_id": task_id,
        "video_status": int(Status.QUEUEING),
        "video": "",
        "video_lock_duration": input.seconds(context.settings),
        "deduction_lock_duration": job.cost,
        "credentialId": context.keyed_random.hex(24, "credential", job.account.api_key),
        "target_video_md5": f"md5_{created_ms}",
        "lipsync": input.lipsync,
        "lipSyncType": int(input.lipsync),
        "speaker_num": input.speaker_num,
        "webhookUrl": input.webhook_url,
    }


def _body(records: Sequence[Record], input: Translate, context: Context) -> Mapping[str, Any]:
    """Return the reply: an entry for each language, and one of them again in `data`."""
    options, made = context.options(TranslateOptions), iter(records)
    codes = dict(input.refused)
    refusals = {
        each: context.settings.refusal(codes.get(each, options.translate_refused_code))
        for each in input.asked
        if each not in input.languages
    }
    results = [
        {"code": int(refusals[each].code), "msg": refusals[each].msg}
        if each in refusals
        else success_of(next(made)).body
        for each in input.asked
    ]
    shown = records[-1 if options.translate_data == "last" else 0]
    return {**success_of(shown).body, "all_results": results}


def _shown(job: Job, input: Translate, status: Status, base: str, context: Context) -> Record:
    more: Record = {
        "video_id": _task_id(job, context),
        "language": input.languages[job.place],
        "progress": _PROGRESS[status],
        **({} if context.observed else {"external_video": "", "faceswap_quality": 2, "storage_loc": 1}),
    }
    if status is Status.COMPLETED:
        original, translated, video = (FILES.more_url(base, name) for name in _more_names(job, context))
        more["audio_splits"] = {
            "original_srt_url": original,
            "translated_srt_url": translated,
            "no_caption_video_url": video,
        }
    return content_video.fields(_created(job, input, context), job, status, context, more)


def _price(input: Translate, settings: ServiceSettings) -> int:
    return content_video.credits_by_10_seconds(input.seconds(settings), _CREDITS_BY_10_S)


# Files


def _more_names(job: Job, context: Context) -> list[str]:
    """Return the names of the original and the translated subtitles, and of the video without captions."""
    folder = f"algorithm/video_translate/{digits(job.created_ns)[2:8]}/default"
    names = [context.keyed_random.alphanumerics(12, "split", job.id, n).lower() for n in range(3)]
    return [f"{folder}/{name}.{ending}" for name, ending in zip(names, ("srt", "srt", "mp4"), strict=True)]


def _names(job: Job, input: Translate, context: Context) -> list[str]:
    return image.numbered_names(job, "", content_video.EXTENSIONS[0], 1, context)


def _shows(job: Job, input: Translate, name: str, context: Context) -> MediaSpec:
    spec = content_video.video_spec(job, input, context)
    language = input.languages[job.place]
    if not name.endswith(".srt"):
        return spec._replace(operation=f"translation {language}")
    original = name == _more_names(job, context)[0]
    return spec._replace(operation=input.source_language if original else language, format="SRT")


FILES: Final = FileNaming(
    image.FILE_HOST,
    (*content_video.EXTENSIONS, "srt"),
    image.stamp_stem,
    _names,
    _shows,
    MoreFiles(MORE_HOST, _more_names),
)


FAMILY: Final = content_video.family(
    "translate",
    content_video.create(
        "createbytranslate",
        "/api/open/v3/content/video/createbytranslate",
        Body(
            {
                "url": Field(WEB_URL, required=True),
                "language": Field(_LANGUAGES, required=True),
                "source_language": Field(TEXT, DETECTED),
                "lipsync": Field(YES_OR_NO, False),
                "remove_bgm": Field(YES_OR_NO, False),
                "dynamic_duration": Field(YES_OR_NO, False),
                "speaker_num": Field(lenient(0, 100), 0),
                "caption_type": Field(lenient(0, 4), 0),
                "caption_url": Field(URL, ""),
                "studio_voice": Field(OBJECT),
                "webhookUrl": Field(URL, ""),
            },
            _input,
        ),
        Translate,
        _created,
        {"url": "https://example.com/talk.mp4", "language": "es,fr", "lipsync": True},
        allow=_allow,
        jobs=_jobs,
        refuse_rows=_refuse_rows,
        batch_ids="`all_results` of the create has an `_id` for each language, and `data` repeats one of them",
        body=_body,
    ),
    _shown,
    _price,
    WebhookInfo("video translate"),
    TranslateOptions,
    files=FILES,
    other_ids=_other_ids,
)


# The list of languages


def _list(asked: Asked) -> Answer:
    observed = asked.world.context.observed
    flags = "https://d11fbe263bhqij.cloudfront.net/agicontent/video/global_reach/language"
    rows = [
        {
            "lang_code": code,
            "lang_name": name,
            "url": f"{flags}/{name.partition(' (')[0]}.png",
            **({"need_voice_id": False} if observed else {}),
        }
        for code, name in LANGUAGES.items()
    ]
    return success_of({"lang_list": rows})


SERVICES: Final = (
    Service(
        endpoint="language/list",
        path="/api/open/v3/language/list",
        answer=_list,
        method="GET",
    ),
)
"""Lists the languages of translations."""
