"""Every command reports all mistakes of its flags at once, each by the flag's name and in the words of its shape."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import pytest

from mock_akool.cli import main
from mock_akool.server.settings import table
from tests.cli.test_unused_flags import PARSERS

NUMBER: Final = "is not a number above 0"
COUNT: Final = "is not a whole number from 1 to 1,000,000,000"
TIME: Final = "is not a duration; use 10, "

SETTINGS: Final = {row.name for row in table()}
READ_BY_THE_COMMAND: Final = {
    "--set", "--config", "--fault", "--media", "--upstream", "--known", "--client-id", "--api-key", "--other-api-key",
    "--empty-api-key", "--banned-api-key",
}  # fmt: skip
"""Flags whose values are read by what the command has for them: records, files, and keys that may be variables too."""
ANY_TEXT: Final = {"--id", "--url", "--saves-to", "--into", "--redact", "--folder"}

CASES: Final = {
    "webhook send --fault copis=2 --fault slow=banana --fault copies --fault copies=x --fault delay=1s "
    "--timeout banana --status 9 --to notaurl --family imagev3 --allow-webhook a/b": (
        "--to: 'notaurl' is no http(s) URL; use http://127.0.0.1:8000/hook",
        "--status: '9' is not a status; use ",
        "--family: there is no family 'imagev3'; did you mean 'image_v3'?",
        f"--timeout: 'banana' {TIME}",
        "--allow-webhook[0]: 'a/b' is not ",
        "--fault delay: it makes no sense for a webhook that is sent by hand",
        "--fault: 'copies' is not NAME=VALUE; write it such as copies=2",
        "--fault copis: there is no such key; did you mean 'copies'?",
        "--fault copies: 'x' is not a whole number from 0 to 100",
        f"--fault slow: 'banana' {TIME}",
        "--client-id: it is missing; give it, or set the variable AKOOL_CLIENT_ID",
        "--api-key: it is missing; give it, or set the variable AKOOL_API_KEY",
    ),
    "webhook send --fault copies=1 --fault copies=2 --client-id x --api-key short --status 1 --webhook-ca no.pem": (
        "--to: it is missing; say where to send it, such as http://127.0.0.1:8000/hook",
        "--status: webhooks do not report queueing; use processing, completed or failed (or 2 to 4)",
        "--webhook-ca: cannot read certificates from 'no.pem': No such file or directory; give a PEM file, such as ",
        "--fault copies: it is given twice; give it once",
        "--api-key: the clientSecret has 5 bytes, and cannot encrypt; AES takes ",
    ),
    "calibrate --families imagev3,lipsynk --only bla --media imag=x --media film --media video=x --spend -1 "
    "--requests 0 --webhook-url x --listen 99 --report no/x --write-settings . --queueing banana http://[": (
        "--spend: -1 is not a number of credits",
        "--families[0]: there is no family 'imagev3'; did you mean 'image_v3'?",
        "--families[1]: there is no family 'lipsynk'; did you mean 'lipsync'?",
        "--only: there is no probe 'bla'; the plan lists them when --only is left out",
        "--webhook-url: 'x' is no http(s) URL; use ",
        "--listen: '99' is no address; write it such as 127.0.0.1:8000",
        f"--requests: 0 {COUNT}",
        "--report: cannot write no/x: there is no folder no; choose another file",
        "--write-settings: cannot write .: it is a folder; choose another file",
        "URL: 'http://[' is no address of a server: ",
        "--media: 'film' is not NAME=VALUE; write it such as image=https://h.test/a.jpg",
        "--media imag: there is no such key; did you mean 'image'?",
        "--media video: 'x' is no http(s) URL; use ",
        "--api-key: it is missing; give the account's key, or set AKOOL_API_KEY",
        f"--queueing: 'banana' {TIME}",
    ),
    "gauntlet --only foo,happy --only bar --skip no-such --family imagev3 --webhook-url x --repeat 0 --speed x "
    "--limit y --at-once 1.5 --html no/x --known nowhere.txt --queueing banana -- true": (
        "--only[0]: there is no scenario 'foo'; ",
        "--only[2]: there is no scenario 'bar'; ",
        "--skip: there is no scenario 'no-such'; ",
        "--family: there is no family 'imagev3'; did you mean 'image_v3'?",
        f"--repeat: 0 {COUNT}",
        "--webhook-url: 'x' is no http(s) URL; use ",
        f"--speed: 'x' {NUMBER}",
        f"--limit: 'y' {NUMBER}",
        f"--at-once: 1.5 {COUNT}",
        "--html: cannot write no/x: there is no folder no; choose another file",
        "nowhere.txt: cannot read it: ",
        f"--queueing: 'banana' {TIME}",
    ),
    "record --upstream zz --upstream http://me:pass@a.test --upstream https://a.test/x --port x": (
        "--upstream[0]: 'zz' is no address of a server; write it as ",
        "--upstream[1]: it has a user or a password; leave it out",
        "--upstream[2]: 'https://a.test/x' has a path or a query; write it as ",
        "--port: 'x' is not a whole number from 0 to 65,535",
    ),
    "health --url ftp://x --timeout soon": (
        "--url: 'ftp://x' is no address of a server; write it as http://127.0.0.1:25665",
        f"--timeout: 'soon' {NUMBER}",
    ),
    "exec --attach ftp://x --report no/x --set admin_token= --set ca-dir -- true": (
        "--report: cannot write no/x: there is no folder no; choose another file",
        "--attach: 'ftp://x' is no address of a server; write it as ",
        "--set: 'ca-dir' is not NAME=VALUE; write it such as queueing=10s",
    ),
    "examples copy . receiver.js xyz": (
        "there is no example 'receiver.js'; did you mean 'receiver.mjs'?",
        "there is no example 'xyz'; `mock-akool examples list` shows them",
    ),
}
WRONG_USAGE: Final = {
    "webhook send --timout 3 --status 9 --fault x": (
        "there is no flag --timout, did you mean --timeout?",
        "--status: '9' is not a status; use ",
    ),
    "calibrate --spend x --only bla": (
        "the following arguments are required: URL",
        "--spend: 'x' is not a number of credits",
        "--only: there is no probe 'bla'; ",
    ),
    "gauntlet --races 1 --only foo --repeat 0 --sede 3 -- true": (
        "there is no flag --sede, did you mean --seed?",
        "--only: there is no scenario 'foo'; ",
        f"--repeat: 0 {COUNT}",
    ),
    "gauntlet --races 1 --only foo -- true": (
        "--races wants --webhook-url: races are those of polls and webhooks",
        "--races makes schedules of its own; leave out --only",
        "--only: there is no scenario 'foo'; ",
    ),
    "gauntlet --speed x --queueing banana": (
        "there is no command; write it after --, as in `mock-akool gauntlet -- node app.mjs`",
        f"--speed: 'x' {NUMBER}",
        f"--queueing: 'banana' {TIME}",
    ),
    "exec --isolate --attach ftp://x --print-env bla --quiet --processing 3s -- true": (
        "--isolate wants a server of its own; leave out --attach and --print-env",
        "--print-env runs no command; leave out --quiet, COMMAND",
        "--attach uses a server that runs already; leave out --processing",
        "--attach: 'ftp://x' is no address of a server; write it as ",
        "--print-env: 'bla' is not shell or dotenv",
    ),
    "serve --queueing banana --port": ("argument -p/--port: expected one argument", f"--queueing: 'banana' {TIME}"),
    "replay --port x": ("the following arguments are required: DIR", "--port: 'x' is not a whole number"),
}


def said_of(words: str, capsys: pytest.CaptureFixture[str]) -> tuple[int, list[str]]:
    """Run a command that is to fail; returns its exit status and the mistakes that it reports."""
    try:
        code = main(words.split())
    except SystemExit as stopped:
        code = int(stopped.code or 0)
    shown = capsys.readouterr()
    assert shown.out == ""
    first, *lines = shown.err.splitlines()
    mistakes = [each.removeprefix("  ") for each in lines if each.startswith("  ")]
    assert re.fullmatch(rf"mock-akool[ a-z]*: {len(mistakes)} mistakes:", first), shown.err
    return code, mistakes


@pytest.fixture(autouse=True)
def plain_surroundings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no variable of this machine's say what the flags leave out, and no file be there."""
    monkeypatch.chdir(tmp_path)
    for name in ("AKOOL_CLIENT_ID", "AKOOL_API_KEY", "AKOOL_CLIENT_SECRET"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize(
    ("words", "expected", "status"),
    [(*case, 1) for case in CASES.items()] + [(*case, 2) for case in WRONG_USAGE.items()],
    ids=lambda value: " ".join(value.split()[:3]) if isinstance(value, str) else "",
)
def test_all_are_reported_at_once(
    words: str, expected: tuple[str, ...], status: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, mistakes = said_of(words, capsys)
    assert code == status
    assert len(mistakes) == len(expected), mistakes
    for mistake, begin in zip(mistakes, expected, strict=True):
        assert mistake.startswith(begin)
    assert list(tmp_path.iterdir()) == []


def test_a_key_of_a_variable_is_reported_by_the_variable(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AKOOL_CLIENT_SECRET", "short")
    _, mistakes = said_of("webhook send --to http://127.0.0.1:1/ --timeout x", capsys)
    assert mistakes[-1].startswith("AKOOL_CLIENT_SECRET: the clientSecret has 5 bytes, and cannot encrypt; ")


def test_the_password_of_an_address_is_not_shown(capsys: pytest.CaptureFixture[str]) -> None:
    _, mistakes = said_of("webhook send --to ftp://me:secret@h.test/", capsys)
    assert mistakes[0].startswith("--to: 'ftp://me:***@h.test/' is no http(s) URL; ")


@pytest.mark.parametrize("command", PARSERS)
def test_each_flag_with_a_value_is_read_by_a_shape(command: str) -> None:
    for action in PARSERS[command]._actions:
        if action.nargs == 0 or not action.option_strings or action.dest in SETTINGS:
            continue
        flag = action.option_strings[-1]
        assert action.type is None or flag in ANY_TEXT, "argparse would tell the first mistake only"
        assert hasattr(action, "shape") or flag in READ_BY_THE_COMMAND | ANY_TEXT, flag
