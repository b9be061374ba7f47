"""The design rule of the two lower layers: core spells no word of Akool's, and neither layer leaves Python."""

from __future__ import annotations

import ast
import json
import re
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, Final

import pytest

from mock_akool.akool.codes import MESSAGES, Code, Profile
from mock_akool.akool.endpoints import ENDPOINT_NAMES, FILE, UNKNOWN
from mock_akool.akool.families import CREATES, HOSTS, RESULTS, SERVICES

PACKAGE: Final = Path(__file__).parents[2] / "mock_akool"
FIXTURES: Final = Path(__file__).parents[2] / "fixtures"
CORE: Final = sorted((PACKAGE / "core").rglob("*.py"))
PURE: Final = [*CORE, *sorted((PACKAGE / "akool").rglob("*.py"))]

# A key of the wire that any API of jobs may have too.
ANY_APIS: Final = {
    *("code", "data", "from", "jobs", "msg", "prompt", "result", "stages", "token", "type"),
    *("id", "job_id", "removed", "seconds", "url"),
    *("age", "count", "credentials", "default", "docs", "duration", "height", "label", "name", "page", "required"),
    *("scenario", "size", "sort", "status", "text", "urls", "value", "width"),
}
# The words of our own scenario files, which are among the fixtures.
OURS: Final = {"description", "files", "http", "processing"}
# An endpoint that every API has.
ANY_ENDPOINTS: Final = {FILE, UNKNOWN}


def keys_of(value: Any) -> Iterator[str]:
    """All keys of a decoded JSON body."""
    if isinstance(value, dict):
        yield from value
        value = list(value.values())
    if isinstance(value, list):
        for each in value:
            yield from keys_of(each)


def words_of_akool() -> set[str]:
    # The document of the whole API has the words of OpenAPI, too, which any API may have.
    files = [file for file in FIXTURES.rglob("*.json") if file.name != "openapi.json"]
    bodies = [json.loads(file.read_text(encoding="utf-8")) for file in files]
    asked = [each.input.fields for known in (CREATES, RESULTS, SERVICES) for each in known.values() if each.input]
    # Frames of a video are told by their number.
    keys = {key for body in (*bodies, *asked) for key in keys_of(body) if not key.isdigit()} - ANY_APIS - OURS
    endpoints = set(ENDPOINT_NAMES) - ANY_ENDPOINTS
    codes = {str(int(code)) for code in Code}
    hosts = {*HOSTS, "openapi", "cloudfront"}
    said = {message for message in MESSAGES.values() if " " in message}
    others = {
        *("akool", "faceswap", "quota", "credit", "image", "picture", "button", "upscale", "variation", "v3", "v4"),
        *("clientId", "client_id", "clientSecret", "client_secret", "dataEncrypt", "webhookUrl", "webhookurl"),
        *("x-api-key", "createby", "createBy", "infoby", "image_model_id", "batch_quantity", "contract", "callback"),
        *(each.value for each in Profile),
    }
    return keys | endpoints | codes | hosts | said | others


WORDS: Final = words_of_akool()
# A word counts wherever it is part of a longer one, as in `imageUrl`; those that are short or digits by themselves.
_PARTS: Final = "|".join(re.escape(word) for word in sorted(WORDS) if len(word) > 4 and not word.isdigit())
_WHOLE: Final = "|".join(re.escape(word) for word in sorted(WORDS) if len(word) <= 4 or word.isdigit())
FOREIGN: Final = re.compile(rf"{_PARTS}|(?<![0-9A-Za-z])(?:{_WHOLE})(?![0-9A-Za-z])", re.IGNORECASE)
# The path of an import, and the error that all errors of the product are.
_ALLOWED: Final = re.compile(r"\bmock_akool(?=\.)|\bMockAkoolError\b")


def spelled_in(source: str) -> list[str]:
    """The words of Akool's in a module: in names, texts, comments and docstrings."""
    source = source.replace("_000", "000")  # 1_000 is 1000
    return FOREIGN.findall(_ALLOWED.sub("", source))


def test_core_spells_no_word_of_akools() -> None:
    assert {name(file): words for file in CORE if (words := spelled_in(file.read_text(encoding="utf-8")))} == {}


def name(file: Path) -> str:
    return file.relative_to(PACKAGE).as_posix()


@pytest.mark.parametrize(
    "source",
    [
        "from mock_akool.akool.codes import Code",
        "import mock_akool.akool",
        "# as Akool does",
        '"""The `_id` of a job."""',
        "imageUrl = ''",
        "SMALL_IMAGE = 1",
        "if endpoint == 'createbyprompt': pass",
        "name = 'getToken'",
        "'QUOTA/INFO'",
        "code = 1_000",
        "code = 1104",
        "x = f'{client_secret}'",
        "# contract section 4",
        "job.input.button",
        "class CreateV3: pass\nv3 = 1",
        "error_reasons = []",
        "spec.scale",
        "talking_photo_url = ''",
        "'X-API-Key'",
    ],
)
def test_a_word_of_akools_is_found(source: str) -> None:
    assert spelled_in(source)


@pytest.mark.parametrize(
    "source",
    [
        "from mock_akool.core.errors import MockAkoolError",
        "job_id = 1",
        "x = 10_000",
        "x = 11_040",
        "class Job: prompt: str",
        "UNKNOWN = 'unknown'",
    ],
)
def test_a_word_of_everybodys_is_not(source: str) -> None:
    assert spelled_in(source) == []


@cache
def tree_of(file: Path) -> ast.Module:
    return ast.parse(file.read_text(encoding="utf-8"))


def imports_of(tree: ast.Module) -> Iterator[str]:
    """The modules that a module imports, wherever in it, those for the type checker included."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (each.name for each in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, "a relative import"
            yield str(node.module)


def test_core_and_akool_import_the_standard_library_and_each_other_downwards_only() -> None:
    for file in PURE:
        layers = ["core"] if file in CORE else ["core", "akool"]
        for module in imports_of(tree_of(file)):
            top, _, rest = module.partition(".")
            if top == "mock_akool":
                assert rest.partition(".")[0] in layers, (name(file), module)
            else:
                assert top in sys.stdlib_module_names | {"__future__"}, (name(file), module)


_IMPURE: Final = {
    *("asyncio", "http.client", "importlib", "io", "multiprocessing", "os", "pathlib", "random", "secrets", "select"),
    *("shutil", "signal", "socket", "socketserver", "ssl", "subprocess", "sys", "tempfile", "time", "urllib.request"),
    *("uuid", "datetime", "queue", "selectors", "zoneinfo"),
}


def test_core_and_akool_do_no_input_or_output_and_read_no_clock_but_their_own() -> None:
    for file in PURE:
        allowed = {"time"} if name(file) == "core/clock.py" else set[str]()
        assert _IMPURE.intersection(imports_of(tree_of(file))) <= allowed, name(file)
        calls = [node.func for node in ast.walk(tree_of(file)) if isinstance(node, ast.Call)]
        called = {each.id for each in calls if isinstance(each, ast.Name)}
        assert called.isdisjoint({"open", "print", "input", "__import__", "eval", "exec"}), name(file)
