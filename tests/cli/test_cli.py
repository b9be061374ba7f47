"""The command line: `python -m mock_akool ...` in a process of its own, or what it says and how it ends in this one."""

from __future__ import annotations

import argparse
import http.server
import json
import re
import signal
import socket
import sys
import threading
import time
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import pytest

from mock_akool import MockAkool, __version__
from mock_akool.cli import COMMANDS as COMMAND_TABLE
from mock_akool.cli import build_parser, main
from mock_akool.cli.exit_statuses import EXIT_STATUSES
from mock_akool.scenario_library.library import names, text_of
from mock_akool.server.addresses import PREFIX
from mock_akool.server.settings import table
from tests.children import PATIENCE_S, Child, Serving, run, run_here
from tests.waiting import until

CREATE = "/api/open/v3/content/image/createbyprompt"
INFO = "/api/open/v3/content/image/infobymodelid?image_model_id="
QUOTA = "/api/open/v3/faceswap/quota/info"
TOKEN = "/api/open/v3/getToken"
KEY = "nmwUjMAK0PJpl0MOiXLOOOwZADm0gkLo"
PAIR = {"clientId": "AAECAwQFBgcICQoLDA0ODw==", "clientSecret": KEY}


class Answer(NamedTuple):
    status: int
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


def ask(url: str, path: str, body: object = None, *, key: str = KEY, host: str | None = None) -> Answer:
    """Send a request to a server: a GET, or with a body a POST."""
    at = urlsplit(url)
    headers = {"x-api-key": key, "content-type": "application/json"} | ({"host": host} if host else {})
    connection = HTTPConnection(at.hostname or "", at.port, timeout=PATIENCE_S)
    try:
        sent = None if body is None else json.dumps(body)
        connection.request("GET" if body is None else "POST", path, sent, headers)
        answer = connection.getresponse()
        return Answer(answer.status, answer.read())
    finally:
        connection.close()


def create(url: str, **request: Any) -> str:
    job_id: str = ask(url, CREATE, {"prompt": "a lighthouse"}, **request).json()["data"]["_id"]
    return job_id


def record(url: str, job_id: str) -> Any:
    return ask(url, INFO + job_id).json()["data"]


def downloaded(url: str, job_id: str) -> bytes:
    link = urlsplit(record(url, job_id)["image"])
    answer = ask(url, link.path)
    assert answer.status == 200
    return answer.body


def serve_parser() -> argparse.ArgumentParser:
    (commands,) = (each for each in build_parser("serve")._actions if isinstance(each, argparse._SubParsersAction))
    parser: argparse.ArgumentParser = commands.choices["serve"]
    return parser


def is_one_line(text: str) -> bool:
    return text.endswith("\n") and text.count("\n") == 1


REFUSED = (
    "webhooks are sent to this machine and to private addresses only, and 203.0.113.1 is neither; allow it with "
    "--allow-webhook 203.0.113.1 (in Python allow_webhook='203.0.113.1')"
)

COMMANDS = [
    (),
    *((name,) for name in COMMAND_TABLE),
    *(tuple(name.split()) for name in EXIT_STATUSES if " " in name),
]


class TestHelp:
    @pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
    @pytest.mark.parametrize("columns", ["40", "80", "300"])
    def test_the_help_of_each_command_fits_a_screen(self, command: tuple[str, ...], columns: str) -> None:
        shown = run_here(*command, "--help", variables={"COLUMNS": columns})
        assert (shown.returncode, shown.stderr) == (0, "")
        lines = shown.stdout.splitlines()
        assert len(lines) <= 40
        assert max(map(len, lines)) <= 80
        assert lines[0].startswith(f"usage: {' '.join(('mock-akool', *command))}")
        assert lines[1] == "", "usage is one line"

    def test_it_lists_the_commands_with_what_they_do(self) -> None:
        shown = run_here("--help")
        for command, help in COMMAND_TABLE.items():
            assert re.search(rf"(?m)^    {command} +{re.escape(help)}$", shown.stdout)

    def test_serve_shows_the_flags_that_people_need_in_groups(self) -> None:
        shown = run_here("serve", "--help").stdout
        groups = ("where it listens:", "what jobs do:", "who may use it:", "all other settings:")
        assert [line for line in shown.splitlines() if line in groups] == list(groups)
        flags = re.findall(r"(?m)^  (?:-\w(?: \w+)?, )?(--[a-z-]+) ", shown)
        assert len(flags) <= 19
        assert {"--open", "--port", "--queueing", "--scenario", "--set", "--config"} <= set(flags)
        assert "`mock-akool settings` lists all settings." in shown

    def test_every_default_that_it_shows_is_right(self) -> None:
        shown = run_here("serve", "--help").stdout
        defaults = dict(re.findall(r"(?m)--([a-z-]+) [A-Z]+ .*\(default: (\S+)\)$", shown))
        assert len(defaults) >= 4
        known = {row.name.replace("_", "-"): row.shown_default for row in table()}
        assert defaults == {name: known[name] for name in defaults}

    def test_every_setting_that_is_no_choice_about_the_api_has_a_flag(self) -> None:
        own = {row.flag for row in table() if not row.field.mark}
        known = {flag for action in serve_parser()._actions for flag in action.option_strings}
        assert known == {*own, "-H", "-p", "-h", "--help", "--open", "--set", "--config"}

    def test_it_tells_its_version(self) -> None:
        shown = run("--version")
        assert (shown.returncode, shown.stdout) == (0, f"mock-akool {__version__}\n")


class TestMistakes:
    @pytest.mark.parametrize(
        ("arguments", "code", "message"),
        [
            ((), 2, "mock-akool: the command is missing. Choose from serve, demo, health, "),
            (("examples",), 2, "mock-akool examples: the command is missing. Choose from list, copy. See mock-akool "),
            (("server",), 2, "mock-akool: there is no command 'server', did you mean serve? See mock-akool --help"),
            (
                ("xyz",),
                2,
                "mock-akool: there is no command 'xyz'. Choose from serve, demo, health, exec, gauntlet, calib",
            ),
            (("scenarios", "lst"), 2, "mock-akool scenarios: there is no command 'lst', did you mean list? See "),
            (("webhook", "sned"), 2, "mock-akool webhook: there is no command 'sned', did you mean send? See mock"),
            (
                ("serve", "--sead", "3"),
                2,
                "mock-akool serve: there is no flag --sead, did you mean --seed? See mock-akool serve --help",
            ),
            (("serve", "--see", "3"), 2, "there is no flag --see, did you mean --seed?"),
            (
                ("serve", "--sead", "3", "--prot=1", "--sead", "4", "--queueing", "soon", "--set", "seed=x"),
                2,
                "mock-akool serve: 4 mistakes:\n"
                "  there is no flag --sead, did you mean --seed?\n"
                "  there is no flag --prot, did you mean --port?\n"
                "  --set seed: 'x' is not a whole number from -9,223,372,036,854,775,808 to 9,223,372,036,854,775,807\n"
                "  --queueing: 'soon' is not a duration; use 10, '10s', '2m', '500ms', '3 polls' or 'forever'\n"
                "See mock-akool serve --help",
            ),
            (("--verson",), 2, "mock-akool: there is no flag --verson, did you mean --version? See mock-akool --help"),
            (("--port", "0", "serve"), 2, "mock-akool: there is no flag --port. See mock-akool --help"),
            (("examples", "copy", "--hlep"), 2, "mock-akool examples copy: there is no flag --hlep, did you mean --he"),
            (("scenarios", "show", "--hlep"), 2, "there is no flag --hlep, did you mean --help? See mock-akool scena"),
            (("webhook", "send", "--too", "x"), 2, "there is no flag --too, did you mean --to? See mock-akool webhoo"),
            (("serve", "--sede", "--port"), 2, "mock-akool serve: there is no flag --sede, did you mean --seed? See"),
            (("serve", "-p0", "--seed"), 2, "mock-akool serve: argument --seed: expected one argument. See"),
            (("serve", "-x", "0"), 2, "mock-akool serve: there is no flag -x. See mock-akool serve --help"),
            (("serve", "maintenance"), 2, "mock-akool serve: 'maintenance' is one argument too many. See mock-akool s"),
            (("ca", "export", "a", "b"), 2, "mock-akool ca export: 'b' is one argument too many. See mock-akool ca ex"),
            (("examples", "copy"), 2, "mock-akool examples copy: the following arguments are required: DIR. See"),
            (("serve", "--zzzzzz"), 2, "mock-akool serve: there is no flag --zzzzzz. See mock-akool serve --help"),
            (("health", "--ulr", "x"), 2, "mock-akool health: there is no flag --ulr, did you mean --url?"),
            (("webhook", "send", "--to", "x", "--id-client", "x"), 2, "--id-client, did you mean --client-id?"),
            (
                ("serve", "--out-of-credits-code", "1006"),
                2,
                "there is no flag --out-of-credits-code, write --set out_of_credits_code=VALUE. See mock-akool serve",
            ),
            (("webhook", "open", "--client-secret", "x"), 2, "there is no flag --client-secret, write --api-key. See"),
            (("serve", "--square4k=1"), 2, "there is no flag --square4k, write --set square_4k=VALUE. See"),
            (
                ("serve", "--set", "seed", "--set", "=3"),
                1,
                "mock-akool: 2 mistakes:\n  --set: 'seed' is not NAME=VALUE; write it such as queueing=10s\n  --set: ",
            ),
            (("serve", "--set", "sede=3"), 1, "mock-akool: --set sede: there is no such setting; did you mean 'seed'?"),
            (("serve", "--set", "seed=x"), 1, "mock-akool: --set seed: 'x' is not a whole number from"),
            (("serve", "--set", "square-4k=x"), 1, "mock-akool: --set square_4k: 'x' is not a whole number from"),
            (
                ("serve", "--set", "seed=1", "--set", "seed=2"),
                1,
                "mock-akool: --set seed: it is given twice; give it o",
            ),
            (("serve", "--set", "seed=1", "--seed", "2"), 1, "mock-akool: --set seed: it is given by its flag too; gi"),
            (("serve", "--config", "no.toml"), 1, "mock-akool: no.toml: cannot read it: No such file or directory"),
            (("settings", "sede"), 1, "mock-akool: there is no setting 'sede'; did you mean 'seed'?"),
            (
                ("serve", "--seed"),
                2,
                "mock-akool serve: argument --seed: expected one argument. See mock-akool serve -",
            ),
            (
                ("serve", "--seed", "x"),
                1,
                "mock-akool: --seed: 'x' is not a whole number from -9,223,372",
            ),
            (("serve", "--port", "65536"), 1, "mock-akool: --port: 65536 is not a whole number from 0 to 65,535"),
            (
                ("serve", "--queueing", "soon"),
                1,
                "mock-akool: --queueing: 'soon' is not a duration; "
                "use 10, '10s', '2m', '500ms', '3 polls' or 'forever'",
            ),
            (("serve", "--profile", "x"), 1, "--profile: 'x' is not observed or documented"),
            (("serve", "--strict", "x"), 1, "--strict: 'x' is not true or false"),
            (
                ("serve", "--public-url", "x"),
                1,
                "--public-url: 'x' is not a scheme and a host; use https://fake.test:8443",
            ),
            (
                ("serve", "--accounts", "[{'api_key': 'x'}]"),
                1,
                "--accounts[0]: \"[{'api_key': 'x'}]\" is no JSON: expecting property name enclosed in double quotes "
                'at character 3; use double quotes, and keys such as {"api_key": "…"',
            ),
            (("serve", "--accounts", "{"), 1, "--accounts[0]: '{' is no JSON: "),
            (("serve", "--accounts", "7"), 1, "--accounts[0]: 7 is not a listed account; use an object with keys"),
            (("serve", "--accounts", "[{}]"), 1, "--accounts[0]: a listed account needs the key 'api_key'"),
            (("serve", "--host", "nowhere.invalid"), 1, "cannot listen on nowhere.invalid:25665"),
            (("serve", "-p", "0", "--port-file", "no/folder"), 1, "cannot write the port file no/folder: No such file"),
            (("health", "--timeout", "soon"), 1, "mock-akool: --timeout: 'soon' is not a number above 0"),
        ],
        ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
    )
    def test_one_line_tells_what_is_wrong_and_what_to_do(
        self, arguments: tuple[str, ...], code: int, message: str, tmp_path: Path
    ) -> None:
        finished = run_here(*arguments, folder=tmp_path)
        assert (finished.returncode, finished.stdout) == (code, "")
        assert message in finished.stderr
        assert is_one_line(finished.stderr) or " mistakes:\n" in finished.stderr

    @pytest.mark.parametrize("arguments", [("serve", "--state", "/nope/{}"), ("families", "{}"), ("replay", "{}")])
    def test_nothing_in_it_can_steer_a_terminal(
        self, arguments: tuple[str, ...], capsys: pytest.CaptureFixture[str]
    ) -> None:
        odd = "\x1b[2J\x9b31m\u202e"
        try:
            code = main([each.format(odd) for each in arguments])
        except SystemExit as stopped:
            code = int(stopped.code or 0)
        said = capsys.readouterr().err
        assert code in (1, 2)
        assert "x1b[2J" in said
        assert [each for each in said if not each.isprintable() and each != "\n"] == []

    def test_a_bad_variable_is_reported_by_its_name(self) -> None:
        finished = run_here("serve", variables={"MOCK_AKOOL_QUEUEING": "x"})
        assert (finished.returncode, finished.stdout) == (1, "")
        assert finished.stderr.startswith("mock-akool: MOCK_AKOOL_QUEUEING: 'x' is not a duration; use ")
        assert is_one_line(finished.stderr)

    def test_an_unknown_variable_is_reported_with_the_nearest(self) -> None:
        finished = run_here("serve", variables={"MOCK_AKOOL_SEDE": "1"})
        assert finished.returncode == 1
        assert (
            finished.stderr == "mock-akool: MOCK_AKOOL_SEDE: there is no such variable; did you mean MOCK_AKOOL_SEED?\n"
        )

    def test_a_taken_port_is_one_clear_line(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            finished = run_here("serve", "--port", str(port))
        assert (finished.returncode, finished.stdout) == (1, "")
        assert f"cannot listen on 127.0.0.1:{port}: Address already in use. Choose another with --port" in (
            finished.stderr
        )
        assert is_one_line(finished.stderr)

    def test_a_second_server_on_the_port_leaves_the_first_alone(self, tmp_path: Path) -> None:
        file = tmp_path / "port"
        with Serving("--port-file", file) as serving:
            second = run_here("serve", "--port", str(serving.port), "--port-file", str(file))
            assert second.returncode == 1
            assert file.read_text() == f"{serving.port}\n"
            assert ask(serving.url, "/_mock/health").status == 200

    def test_a_folder_as_port_file_is_one_clear_line_and_leaves_nothing(self, tmp_path: Path) -> None:
        folder = tmp_path / "folder"
        folder.mkdir()
        finished = run_here("serve", "-p", "0", "--port-file", folder)
        assert finished.returncode == 1
        assert finished.stderr == f"mock-akool: cannot write the port file {folder}: Is a directory\n"
        assert list(tmp_path.iterdir()) == [folder]


class TestServe:
    def test_it_says_that_it_is_ready_once_it_listens(self) -> None:
        with Serving() as serving:
            assert serving.port > 0
            more = f"(dashboard: {serving.url}/_mock/, Ctrl-C ends it)"
            assert serving.out == f"mock-akool {__version__} listens on {serving.url} {more}\n"
            assert ask(serving.url, "/_mock/health").json() == {
                "status": "ok",
                "name": "mock-akool",
                "version": __version__,
            }
            code, took_s = serving.end()
            assert code == 0
            assert took_s < 10
            assert serving.err == ""
            assert serving.out.splitlines()[1:] == ["mock-akool stopped: no request reached it"]

    def test_the_port_file_is_there_while_it_listens(self, tmp_path: Path) -> None:
        file = tmp_path / "port"
        with Serving("--port-file", file) as serving:
            assert file.read_text() == f"{serving.port}\n"
            assert list(tmp_path.iterdir()) == [file]
            serving.end()
            assert list(tmp_path.iterdir()) == []

    def test_it_opens_the_dashboard_in_the_browser(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        browser = tmp_path / "browser"
        browser.write_text(f'#!/bin/sh\necho "$1" > {tmp_path}/new && mv {tmp_path}/new {tmp_path}/opened\n')
        browser.chmod(0o755)
        monkeypatch.setenv("BROWSER", f"{browser} %s")
        with Serving("--open", "--host", "0.0.0.0", "--admin-token", "t") as serving:
            until((tmp_path / "opened").is_file)
            assert (tmp_path / "opened").read_text() == f"http://127.0.0.1:{serving.port}/_mock/\n"
            serving.end()

    def test_without_a_browser_it_serves_and_says_where_the_dashboard_is(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("BROWSER", "/nowhere/browser %s")
        monkeypatch.setenv("PATH", "/nowhere")
        monkeypatch.delenv("DISPLAY", raising=False)
        with Serving("--open") as serving:
            serving.said(f"warning: no browser could be opened; the dashboard is at {serving.url}/_mock/")
            assert ask(serving.url, "/_mock/health").json()["status"] == "ok"
            serving.end()

    @pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
    def test_a_signal_ends_it_in_time(self, number: signal.Signals) -> None:
        with Serving("--latency", "30s") as serving:
            address = ("127.0.0.1", serving.port)
            with socket.create_connection(address) as idle, socket.create_connection(address) as waiting:
                idle.sendall(b"GET /_mock/health HTTP/1.1\r\nhost: x\r\n\r\n")
                assert idle.recv(100).startswith(b"HTTP/1.1 200 ")
                waiting.sendall(b"GET %b HTTP/1.1\r\nhost: x\r\nx-api-key: k\r\n\r\n" % QUOTA.encode())
                serving.complained("quota/info")
                code, took_s = serving.end(number)
            assert code == 0
            assert took_s < 10
            assert "Traceback" not in serving.err
            with pytest.raises(ConnectionRefusedError):
                socket.create_connection(address)

    def test_its_port_is_free_again_at_once(self) -> None:
        with Serving() as first:
            ask(first.url, "/_mock/health")
            first.end()
            with Child("serve", "--port", str(first.port)) as second:
                second.said(f"listens on {first.url} ")

    @pytest.mark.slow
    def test_a_queue_of_polls_and_a_processing_without_end(self) -> None:
        with Serving("--queueing", "3 polls", "--processing", "forever") as serving:
            job_id = create(serving.url)
            assert [record(serving.url, job_id)["image_status"] for _ in range(6)] == [1, 1, 1, 2, 2, 2]

    def test_a_failing_job_says_why(self) -> None:
        with Serving("--queueing=0", "--processing=0", "--ending", "failed: too dark") as serving:
            got = record(serving.url, create(serving.url))
            assert (got["image_status"], got["error_reasons"]) == (4, ["too dark"])

    @pytest.mark.slow
    def test_realistic_jobs_take_their_time_whatever_the_spans_say(self) -> None:
        with Serving("--realistic", "--queueing", "0", "--processing", "0") as serving:
            assert record(serving.url, create(serving.url))["image_status"] == 1

    def test_strict_prints_its_only_account_and_refuses_others(self) -> None:
        with Serving("--strict") as serving:
            client_id, secret = serving.said(r"its only account: clientId (\S+) clientSecret (\S+)\n").groups()
            assert ask(serving.url, QUOTA, key=KEY).json()["code"] == 1109
            assert ask(serving.url, TOKEN, PAIR).json()["code"] == 1109
            assert ask(serving.url, QUOTA, key=secret).json()["code"] == 1000
            pair = {"clientId": client_id, "clientSecret": secret}
            assert ask(serving.url, TOKEN, pair).json()["code"] == 1000

    def test_strict_prints_no_account_that_was_listed(self) -> None:
        with Serving("--strict", "--accounts", json.dumps([{"api_key": KEY}])) as serving:
            assert ask(serving.url, QUOTA).json()["code"] == 1000
            assert ask(serving.url, QUOTA, key="other").json()["code"] == 1109
            assert KEY not in serving.out

    def test_servers_of_one_seed_are_alike(self) -> None:
        flags = ("--seed", "7", "--queueing", "0", "--processing", "0")
        with Serving(*flags) as one, Serving(*flags) as other, Serving("--seed", "8", *flags[2:]) as stranger:
            urls = [serving.url for serving in (one, other, stranger)]
            for _ in range(20):
                # An id says the second of its making, so the two must be made within one.
                ids = [create(url) for url in urls]
                if ids[0] == ids[1]:
                    break
            assert ids[0] == ids[1] != ids[2]
            uids = [record(url, job_id)["uid"] for url, job_id in zip(urls, ids, strict=True)]
            assert uids[0] == uids[1] != uids[2]
            pictures = [downloaded(url, job_id) for url, job_id in zip(urls, ids, strict=True)]
            assert pictures[0] == pictures[1] != pictures[2]

    def test_image_urls_begin_with_the_host_that_the_client_called(self) -> None:
        with Serving("--queueing=0", "--processing=0") as serving:
            job_id = create(serving.url)
            assert record(serving.url, job_id)["image"].startswith(f"{serving.url}/")

    @pytest.mark.slow
    def test_image_urls_begin_with_the_public_url(self) -> None:
        with Serving("--queueing=0", "--processing=0", "--public-url", "https://cdn.test:8443/") as serving:
            got = record(serving.url, create(serving.url))
            assert all(link.startswith("https://cdn.test:8443/1") for link in (got["image"], *got["upscaled_urls"]))

    def test_variables_set_it_up_and_flags_win(self) -> None:
        variables = {"MOCK_AKOOL_CREDITS": "5", "MOCK_AKOOL_PORT": "1", "MOCK_AKOOL_PROFILE": "documented"}
        with Serving("--credits", "9", variables=variables) as serving:
            assert ask(serving.url, QUOTA).json()["data"] == {"credit": 9}
            assert ask(serving.url, "/_mock/ready").json()["profile"] == "documented"

    def test_it_listens_on_ipv6(self) -> None:
        try:
            socket.create_server(("::1", 0), family=socket.AF_INET6).close()
        except OSError:
            pytest.skip("this machine has no IPv6 loopback")
        with Serving("--host", "::1", "--queueing=0", "--processing=0") as serving:
            assert serving.url == f"http://[::1]:{serving.port}"
            assert record(serving.url, create(serving.url))["image"].startswith(f"{serving.url}/")
            variables = {"MOCK_AKOOL_HOST": "::1", "MOCK_AKOOL_PORT": str(serving.port)}
            assert run_here("health", variables=variables).returncode == 0


class TestLog:
    def test_a_line_for_people(self) -> None:
        with Serving() as serving:
            job_id = create(serving.url)
            record(serving.url, job_id)
            ask(serving.url, INFO + "%0Aforged%1B[2J")
            ask(serving.url, "/nowhere")
            ask(serving.url, "/api/v1/content")
            ask(serving.url, QUOTA, key="")
            serving.complained("-> 200 1102")
            lines = serving.err.splitlines()
        at, took = r"\d\d:\d\d:\d\d\.\d{3}", r"\d+\.\d ms"
        expected = [
            rf"{at} POST createbyprompt -> 200 1000 OK  job {job_id} queueing  {took}",
            rf"{at} GET  infobymodelid -> 200 1000 OK  job {job_id} queueing  {took}",
            rf"{at} GET  infobymodelid -> 200 1008 content does not exist  job '\\nforged\\x1b\[2J'  {took}",
            rf"{at} GET  /nowhere -> 404  \(Akool's API has no '/nowhere'; its paths begin with /api/open/\)  {took}",
            rf"{at} GET  /api/v1/content -> 404  \(Akool's API has no '/api/v1/content'; its paths begin with "
            rf"/api/open/\)  {took}",
            rf"{at} GET  quota/info -> 200 1102 Authorization cannot be empty  \(neither the header x-api-key nor "
            rf"Authorization has a value\)  {took}",
        ]
        assert len(lines) == len(expected)
        assert all(map(re.fullmatch, expected, lines)), lines

    def test_a_line_for_machines(self) -> None:
        with Serving("--log", "json") as serving:
            job_id = create(serving.url)
            ask(serving.url, QUOTA, key="")
            ask(serving.url, "/nowhere")
            serving.complained("nowhere")
            created, refused, unknown = (json.loads(line) for line in serving.err.splitlines())
        assert isinstance(created.pop("time"), int)
        assert created.pop("ms") >= 0
        assert created.pop("client").startswith("127.0.0.1:")
        assert created == {
            "method": "POST",
            "path": CREATE,
            "endpoint": "createbyprompt",
            "http": 200,
            "code": 1000,
            "account": f"{KEY[:4]}…",
            "job": job_id,
            "job_status": "queueing",
            "termination": None,
            "rule": None,
            "reason": None,
        }
        assert (refused["endpoint"], refused["http"], refused["code"]) == ("quota/info", 200, 1102)
        assert (refused["job"], refused["job_status"]) == (None, None)
        assert (unknown["endpoint"], unknown["http"], unknown["code"]) == ("unknown", 404, None)

    @pytest.mark.parametrize("style", ["text", pytest.param("json", marks=pytest.mark.slow)])
    def test_no_line_of_a_probe_that_is_answered_well(self, style: str) -> None:
        with Serving("--log", style) as serving:
            assert run_here("health", "--url", serving.url).returncode == 0
            for path in ("/_mock/health", "/_mock/ready"):
                assert ask(serving.url, path).status == 200
                assert ask(serving.url, path, {}).status == 405
            ask(serving.url, "/_mock/state")
            serving.end()
        shown = re.findall(r'(GET|POST).*(/_mock/\w+).*(?:-> |"http": )(\d+)', serving.err)
        assert len(shown) == serving.err.count("\n")
        assert shown == [
            ("POST", "/_mock/health", "405"),
            ("POST", "/_mock/ready", "405"),
            ("GET", "/_mock/state", "200"),
        ]

    def test_no_line(self) -> None:
        with Serving("--log", "off") as serving:
            create(serving.url)
            serving.end()
            assert serving.err == ""

    def test_a_log_that_nobody_reads_any_more_stops_nothing(self) -> None:
        with Serving() as serving:
            closing = serving.read_no_more_errors()
            ask(serving.url, QUOTA)
            closing.join(PATIENCE_S)
            ask(serving.url, QUOTA)
            time.sleep(0.2)  # until the log is written, which nobody sees
            assert ask(serving.url, QUOTA).status == 200
            assert serving.end()[1] < 10

    def test_the_last_line_is_written_before_the_end(self) -> None:
        with Serving() as serving:
            for _ in range(20):
                ask(serving.url, QUOTA)
            serving.end()
            assert serving.err.count("quota/info -> 200 1000 OK") == 20


class TestEnd:
    """What is printed when Ctrl-C ends a server: what pytest would have shown."""

    @pytest.mark.parametrize("number", [pytest.param(signal.SIGTERM, marks=pytest.mark.slow), signal.SIGINT])
    def test_the_hints_come_last(self, number: signal.Signals) -> None:
        with Serving() as serving:
            first = create(serving.url)
            create(serving.url)
            ask(serving.url, QUOTA, key="")
            serving.end(number)
            lines = serving.out.splitlines()[1:]
        assert lines == [
            "mock-akool stopped after 3 calls and 2 jobs",
            "hint: #3 has no credentials: x-api-key and Authorization are missing or empty",
            "hint: #1 and #2 create the same image, and both were paid; sending a create again, for example after a "
            "timeout, makes another job",
            f"hint: job {first} was created and paid, but never polled",
        ]

    def test_a_client_without_mistakes_gets_no_hint(self) -> None:
        with Serving("--queueing", "0", "--processing", "0") as serving:
            record(serving.url, job_id := create(serving.url))
            for link in record(serving.url, job_id)["upscaled_urls"]:
                ask(serving.url, urlsplit(link).path)
            serving.end()
            assert serving.out.splitlines()[1:] == ["mock-akool stopped after 7 calls and 1 job"]

    def test_every_line_is_json_if_the_log_is(self) -> None:
        flags = ("--log", "json", "--scenario", "fails", "--host", "0.0.0.0", "--queueing", "0")
        with Serving(*flags) as serving:
            body = {"prompt": "a lighthouse", "webhookUrl": "http://203.0.113.1/hook"}
            ask(serving.url.replace("0.0.0.0", "127.0.0.1"), CREATE, body)
            serving.complained("203.0.113.1 is neither")
            serving.end()
        out, err = ([json.loads(line) for line in text.splitlines()] for text in (serving.out, serving.err))
        assert [line["event"] for line in out] == ["listening", "warning", "scenarios", "stopped"]
        assert (out[0]["url"], out[0]["version"]) == (serving.url, __version__)
        assert out[1]["message"].startswith("warning: the admin API is open")
        assert out[2]["active"] == ["fails"]
        assert (out[3]["calls"], out[3]["jobs"]) == (1, 1)
        assert out[3]["hints"] == [f"no webhook of job {err[0]['job']} was sent: {REFUSED}"]
        assert all(isinstance(line["time"], int) for line in (*out, *err))
        assert err[0]["endpoint"] == "createbyprompt"
        (warning,) = (line for line in err if "level" in line)
        assert (warning["level"], REFUSED in warning["message"]) == ("warning", True)

    def test_its_only_account_is_json_too(self) -> None:
        with Serving("--log=json", "--strict") as serving:
            account = json.loads(serving.said(r'\{.*"event": "account".*\}')[0])
            assert ask(serving.url, QUOTA, key=account["api_key"]).json()["code"] == 1000

    @pytest.mark.parametrize(
        ("flags", "variables"), [(("--log", "json"), {}), (("--log=json",), {}), ((), {"MOCK_AKOOL_LOG": "json"})]
    )
    def test_a_start_that_fails_is_json_too(self, flags: tuple[str, ...], variables: dict[str, str]) -> None:
        for more in (("--seed", "x"), ("--host", "nowhere.invalid"), ("--set", "sede=1")):
            finished = run_here("serve", *flags, *more, variables=variables)
            assert (finished.returncode, finished.stdout) == (1, "")
            line = json.loads(finished.stderr)
            assert line["event"] == "error"
            assert line["message"]


class TestConfig:
    """Settings of a TOML file."""

    def write(self, folder: Path, text: str) -> str:
        file = folder / "fake.toml"
        file.write_text(text)
        return str(file)

    TEXT = """
credits = 7
strict = true
scenario = ["fails"]
unknown-job-code = 1007

[[accounts]]
api_key = "key-of-the-file-of-32-characters"
"""

    @pytest.mark.parametrize("by_variable", [False, True])
    def test_it_sets_a_server_up(self, tmp_path: Path, by_variable: bool) -> None:
        file = self.write(tmp_path, self.TEXT)
        flags, variables = ((), {"MOCK_AKOOL_CONFIG": file}) if by_variable else (("--config", file), {})
        with Serving(*flags, variables=variables) as serving:
            assert ask(serving.url, QUOTA, key="key-of-the-file-of-32-characters").json()["data"] == {"credit": 7}
            assert ask(serving.url, QUOTA, key="another").json()["code"] == 1109
            assert ask(serving.url, INFO + "0" * 24, key="key-of-the-file-of-32-characters").json()["code"] == 1007
            serving.said("active: fails")

    def test_flags_win_over_variables_and_those_over_the_file(self, tmp_path: Path) -> None:
        file = self.write(tmp_path, "credits = 1\nprofile = 'documented'\nunknown_job_code = 1001\n")
        variables = {"MOCK_AKOOL_CREDITS": "2", "MOCK_AKOOL_UNKNOWN_JOB_CODE": "1002"}
        with Serving("--config", file, "--set", "unknown_job_code=1004", variables=variables) as serving:
            assert ask(serving.url, QUOTA).json()["data"] == {"credit": 2}
            assert ask(serving.url, INFO + "0" * 24).json()["code"] == 1004
            assert ask(serving.url, "/_mock/ready").json()["profile"] == "documented"

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("sede = 1", ": sede: there is no such setting; did you mean 'seed'?"),
            ("seed = 'x'", ": seed: 'x' is not a whole number from"),
            ("queueing = ", ": it is not TOML: Invalid value (at end of document)"),
            (f"queueing = {'[' * 20_000}", ": it is nested too deeply"),
            ("[[accounts]]\nclient_id = 'x'", ": accounts[0]: a listed account needs the key 'api_key'"),
        ],
    )
    def test_a_mistake_names_the_file(self, tmp_path: Path, text: str, message: str) -> None:
        file = self.write(tmp_path, text)
        finished = run_here("serve", "--config", file)
        assert (finished.returncode, finished.stdout) == (1, "")
        assert finished.stderr.startswith(f"mock-akool: {file}{message}")
        assert is_one_line(finished.stderr)

    def test_all_mistakes_are_reported_with_where_they_stand(self, tmp_path: Path) -> None:
        file = self.write(tmp_path, "seed = 'x'\nqueueing = 'soon'")
        variables = {"MOCK_AKOOL_CREDITS": "many", "MOCK_AKOOL_SEDE": "1"}
        finished = run_here("serve", "--config", file, "--port", "x", "--set", "square_4k=x", variables=variables)
        assert finished.returncode == 1
        first, *mistakes = finished.stderr.splitlines()
        assert first == "mock-akool: 6 mistakes:"
        places = (
            "MOCK_AKOOL_SEDE",
            "--port",
            "--set square_4k",
            "MOCK_AKOOL_CREDITS",
            f"{file}: seed",
            f"{file}: queueing",
        )
        assert all(any(line.startswith(f"  {place}: ") for line in mistakes) for place in places)

    def test_health_finds_its_port_there(self, tmp_path: Path) -> None:
        with MockAkool().server() as server:
            file = self.write(tmp_path, f"port = {server.port}")
            assert run_here("health", variables={"MOCK_AKOOL_CONFIG": file}).returncode == 0


class TestSettings:
    def test_all_are_listed_with_their_defaults(self) -> None:
        shown = run_here("settings")
        assert (shown.returncode, shown.stderr) == (0, "")
        heads = [line for line in shown.stdout.splitlines() if re.match("[a-z_0-9]+( = |$)", line)]
        expected = [f"{row.name} = {row.shown_default}" if row.shown_default else row.name for row in table()]
        assert sorted(heads) == sorted(expected)

    @pytest.mark.parametrize("name", ["port", "MOCK_AKOOL_PORT", "Port"])
    def test_one_is_explained(self, name: str) -> None:
        shown = run_here("settings", name)
        assert (shown.returncode, shown.stderr) == (0, "")
        assert shown.stdout.splitlines() == [
            "port",
            "    the port to listen on; 0 takes a free one",
            "  takes     a whole number from 0 to 65,535",
            "  default   25665",
            "  flag      --port",
            "  variable  MOCK_AKOOL_PORT",
        ]

    def test_one_without_a_flag_is_explained(self) -> None:
        shown = run_here("settings", "square-4k").stdout
        assert "  flag      --set square_4k=VALUE\n  variable  MOCK_AKOOL_SQUARE_4K\n  about     section 8" in shown


class _Stranger(http.server.BaseHTTPRequestHandler):
    """Answers each request with what the server's attributes say."""

    def do_GET(self) -> None:
        server: Any = self.server
        self.send_response(server.answers[0])
        self.send_header("content-length", str(len(server.answers[1])))
        self.end_headers()
        self.wfile.write(server.answers[1])

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def stranger() -> Iterator[Any]:
    with http.server.HTTPServer(("127.0.0.1", 0), _Stranger) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


class TestHealth:
    def test_a_running_server_is_well(self) -> None:
        # A latency is Akool's, not that of the admin routes.
        with Serving("--latency", "30s") as serving:
            shown = run_here("health", "--url", serving.url)
            assert (shown.returncode, shown.stderr) == (0, "")
            assert shown.stdout == f"mock-akool {__version__} at {serving.url} is ok\n"

    def test_without_an_address_it_asks_the_server_of_the_variables(self) -> None:
        with MockAkool().server() as server:
            for host in ("127.0.0.1", "0.0.0.0"):
                shown = run_here("health", variables={"MOCK_AKOOL_PORT": str(server.port), "MOCK_AKOOL_HOST": host})
                assert shown.returncode == 0
                assert f"at http://127.0.0.1:{server.port} is ok" in shown.stdout

    @pytest.mark.parametrize(
        ("variables", "told"),
        [
            ({"PORT": "99999"}, "MOCK_AKOOL_PORT: 99999 is not a whole number from 0 to 65,535"),
            ({"PORT": "9" * 5000}, f"MOCK_AKOOL_PORT: '{'9' * 50}"),
            ({"PORT": "-1"}, "MOCK_AKOOL_PORT: -1 is not a whole number from 0 to 65,535"),
            ({"PORT": "٣٣٣٣"}, "MOCK_AKOOL_PORT: "),
            ({"PORT": "0"}, "port 0 takes a free one, which only the server knows; name its address with --url"),
            ({"HOST": "a b"}, "MOCK_AKOOL_HOST: 'a b' is not an address or the name of a host; use 0.0.0.0"),
            ({"HOST": "127.0.0.1,a/b"}, "MOCK_AKOOL_HOST[1]: 'a/b' is not an address or the name of a host"),
            ({"HOST": "[::1"}, "MOCK_AKOOL_HOST: '[::1' is not an address"),
            ({"HOST": "::::"}, "MOCK_AKOOL_HOST: '::::' is not an address"),
            ({"HOST": "a:1"}, "MOCK_AKOOL_HOST: 'a:1' is not an address"),
            ({"HOST": ","}, "MOCK_AKOOL_HOST: the list is empty"),
            ({"HOST": '["a b"]'}, "MOCK_AKOOL_HOST: 'a b' is not an address"),
            ({"TLS_ONLY": "maybe"}, "MOCK_AKOOL_TLS_ONLY: 'maybe' is not true or false"),
            ({"CONFIG": "x" * 300}, f"{'x' * 300}: cannot read it: File name too long"),
            ({"TLS_ONLY": "yes", "CA_DIR": "x" * 300}, f"the CA {'x' * 300}/ca.pem cannot be read: File name too long"),
        ],
    )
    def test_a_bad_variable_is_reported(self, variables: dict[str, str], told: str) -> None:
        shown = run_here("health", variables={f"{PREFIX}{name}": value for name, value in variables.items()})
        assert (shown.returncode, shown.stdout) == (1, "")
        assert shown.stderr.startswith(f"mock-akool: {told}")
        assert is_one_line(shown.stderr)

    def test_plain_variables_need_no_settings(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "mock_akool.server.settings", None)  # importing it fails
        for host, asked in {
            "": "127.0.0.1",
            "0.0.0.0, ::1": "127.0.0.1",
            "::": "[::1]",
            "[::1]": "[::1]",
            "localhost": "localhost",
        }.items():
            shown = run_here("health", variables={"MOCK_AKOOL_PORT": "1", "MOCK_AKOOL_HOST": host})
            assert shown.stderr.startswith(f"mock-akool: no server answers at http://{asked}:1: ")

    @pytest.mark.parametrize(
        ("url", "begin", "why"),
        [
            ("http://127.0.0.1:1", "no server answers at http://127.0.0.1:1: ", "Connection refused"),
            ("http://127.0.0.1:99999", "--url: 'http://127.0.0.1:99999' is no address", "Port out of range 0-65535"),
            ("http://127.0.0.1:x", "--url: 'http://127.0.0.1:x' is no address", "Port could not be cast"),
        ],
    )
    def test_no_server_is_not_well(self, url: str, begin: str, why: str) -> None:
        shown = run_here("health", "--url", url)
        assert (shown.returncode, shown.stdout) == (1, "")
        assert shown.stderr.startswith(f"mock-akool: {begin}")
        assert why in shown.stderr
        assert is_one_line(shown.stderr)

    @pytest.mark.parametrize("address", ["127.0.0.1:{}", "localhost:{}", "HTTP://127.0.0.1:{}/", " 127.0.0.1:{} "])
    def test_an_address_may_be_written_shortly(self, address: str) -> None:
        with MockAkool().server() as server:
            shown = run_here("health", "--url", address.format(server.port))
        assert (shown.returncode, shown.stderr) == (0, "")
        assert re.fullmatch(rf"mock-akool \S+ at (?i:http)://\S+:{server.port} is ok\n", shown.stdout)

    @pytest.mark.parametrize(
        ("url", "shown"),
        [
            *(
                (url, f"'{url}' is no address of a server; write it as http://127.0.0.1:25665")
                for url in ("ftp://localhost", "http:localhost:25665", "http://", "http://localhost?x", "localhost:0")
            ),
            ("http://[", "'http://[' is no address of a server: Invalid IPv6 URL; write it as http://127.0.0.1:25665"),
        ],
    )
    def test_what_is_no_address_is_reported_with_how_to_write_it(self, url: str, shown: str) -> None:
        finished = run_here("health", "--url", url)
        assert (finished.returncode, finished.stdout, finished.stderr) == (1, "", f"mock-akool: --url: {shown}\n")

    @pytest.mark.parametrize(
        ("answer", "why"),
        [
            ((200, b"hello"), "what answers at {url} with HTTP 200 is not mock-akool. "),
            ((404, b'{"error": "x"}'), "what answers at {url} with HTTP 404 is not mock-akool. Check the address"),
            ((200, b"[]"), "what answers at {url} with HTTP 200 is not mock-akool. "),
            ((200, b"\xff"), "what answers at {url} with HTTP 200 is not mock-akool. "),
            (
                (503, b'{"name": "mock-akool", "version": "1", "status": "ok"}'),
                "the server at {url} is not healthy: it says 'ok'",
            ),
            (
                (200, b'{"name": "mock-akool", "version": "1", "status": "ill"}'),
                "the server at {url} is not healthy: it says 'ill'",
            ),
        ],
    )
    def test_another_server_is_not_well(self, answer: tuple[int, bytes], why: str, stranger: Any) -> None:
        stranger.answers = answer
        url = f"http://127.0.0.1:{stranger.server_port}"
        shown = run_here("health", "--url", url)
        assert (shown.returncode, shown.stdout) == (1, "")
        assert shown.stderr.startswith(f"mock-akool: {why.format(url=url)}")
        assert is_one_line(shown.stderr)

    def test_a_server_that_is_silent_is_not_well(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as silent:
            url = f"http://127.0.0.1:{silent.getsockname()[1]}"
            shown = run_here("health", "--url", url, "--timeout", "0.05")
        assert shown.returncode == 1
        assert shown.stderr.startswith(f"mock-akool: the server at {url} does not answer within 0.05 s. ")


class TestFlask:
    COMMAND = (sys.executable, "-m", "flask", "--app", "mock_akool", "run", "--port", "0")

    def test_flask_finds_the_app_and_variables_set_it_up(self) -> None:
        variables = {
            "MOCK_AKOOL_CREDITS": "5",
            "MOCK_AKOOL_QUEUEING": "0",
            "MOCK_AKOOL_PROCESSING": "0",
            "MOCK_AKOOL_PUBLIC_URL": "https://cdn.test",
        }
        with Child(command=self.COMMAND, variables=variables) as flask:
            url = flask.complained(r"Running on (http://127\.0\.0\.1:\d+)")[1]
            assert ask(url, "/_mock/health").json()["status"] == "ok"
            assert ask(url, QUOTA).json()["data"] == {"credit": 5}
            got = record(url, create(url))
            assert got["image_status"] == 3
            assert got["image"].startswith("https://cdn.test/")

    def test_image_urls_begin_with_the_host_that_the_client_called(self) -> None:
        variables = {"MOCK_AKOOL_QUEUEING": "0", "MOCK_AKOOL_PROCESSING": "0"}
        with Child(command=self.COMMAND, variables=variables) as flask:
            url = flask.complained(r"Running on (http://127\.0\.0\.1:\d+)")[1]
            job_id = create(url)
            assert record(url, job_id)["image"].startswith(f"{url}/")
            assert downloaded(url, job_id)[:2] == b"\xff\xd8"

    def test_a_bad_variable_ends_it(self) -> None:
        finished = run(command=self.COMMAND, variables={"MOCK_AKOOL_SEED": "x"})
        assert finished.returncode == 1
        assert finished.stderr.splitlines()[-1].endswith(
            "SettingsError: MOCK_AKOOL_SEED: 'x' is not a whole number from "
            "-9,223,372,036,854,775,808 to 9,223,372,036,854,775,807"
        )


class TestScenarios:
    def test_list_says_what_each_is_in_a_line(self) -> None:
        shown = run_here("scenarios", "list")
        assert (shown.returncode, shown.stderr) == (0, "")
        lines = shown.stdout.splitlines()
        assert [line.split()[0] for line in lines] == list(names())
        assert all(len(line.split(maxsplit=1)[1]) > 10 for line in lines)

    @pytest.mark.parametrize("name", names())
    def test_what_show_prints_can_be_checked_and_served(self, name: str, tmp_path: Path) -> None:
        assert main(["scenarios", "show", name]) == 0
        file = tmp_path / f"{name}.yaml"
        file.write_text(text_of(name))
        assert main(["scenarios", "check", str(file)]) == 0

    def test_show_of_an_unknown_name(self) -> None:
        shown = run_here("scenarios", "show", "maintenence")
        assert (shown.returncode, shown.stdout) == (1, "")
        assert shown.stderr == "mock-akool: there is no scenario 'maintenence'; did you mean 'maintenance'?\n"

    def test_check_tells_of_each_file(self, tmp_path: Path) -> None:
        good, bad = tmp_path / "good.yaml", tmp_path / "bad.yaml"
        good.write_text("rules: [{on: any, fault: {drop: true}}]\n")
        bad.write_text("seed: 1\nrulse: []\n")
        shown = run_here("scenarios", "check", str(bad), str(good), str(tmp_path / "none.json"))
        assert shown.returncode == 1
        assert shown.stdout == f"{good}: valid (0 job scripts, 1 rule)\n"
        assert shown.stderr.splitlines() == [
            f"mock-akool: {bad}:2: rulse: there is no such key; did you mean 'rules'?",
            f"mock-akool: {tmp_path / 'none.json'}: cannot read it: No such file or directory; "
            f"a path is looked up from the working directory, {Path.cwd()}",
        ]

    def test_schema_is_json(self) -> None:
        shown = run_here("scenarios", "schema")
        assert json.loads(shown.stdout)["title"] == "mock-akool scenario"

    def test_a_server_has_several(self, tmp_path: Path) -> None:
        file = tmp_path / "mine.yaml"
        file.write_text("rules: [{on: quota/info, nth: 2, fault: {http: 418}}]\n")
        with Serving("--scenario", "fails", "--scenario", str(file), "--log", "json") as serving:
            assert [ask(serving.url, QUOTA).status for _ in range(3)] == [200, 418, 200]
            serving.said(r'"active": \["fails", "mine"\]')

    @pytest.mark.slow
    def test_a_variable_names_them_too(self) -> None:
        with Serving(variables={"MOCK_AKOOL_SCENARIO": "banned,slow"}) as serving:
            assert ask(serving.url, CREATE, {"prompt": "a"}).json()["code"] == 1200

    @pytest.mark.slow
    def test_a_setting_of_ones_own_wins(self) -> None:
        with Serving("--scenario", "out-of-credits", "--credits", "5") as serving:
            assert ask(serving.url, QUOTA).json()["data"] == {"credit": 5}

    def test_the_log_says_which_rule_it_was(self) -> None:
        with Serving("--scenario", "bad-key") as serving:
            ask(serving.url, QUOTA)
            serving.complained("bad-key: every request")
        with Serving("--scenario", "double-charge", "--log", "json") as serving:
            with pytest.raises(ConnectionError):
                create(serving.url)
            serving.complained("double-charge")
            (line,) = serving.err.splitlines()
            assert (json.loads(line)["termination"], json.loads(line)["rule"]) == (
                "drop",
                "double-charge: lost answers",
            )

    def test_a_mistake_is_reported_in_a_line(self) -> None:
        shown = run_here("serve", "--scenario", "slwo")
        assert shown.returncode == 1
        assert shown.stderr == ("mock-akool: --scenario: there is no scenario 'slwo'; did you mean 'slow'?\n")
