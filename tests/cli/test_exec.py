"""`mock-akool exec`: real programs, with Akool's hosts written into them, reach the fake."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from mock_akool import MockAkool, ServerError
from mock_akool.cli import main
from mock_akool.cli.client_environment import variables, written
from mock_akool.server.certificates import Authority
from mock_akool.server.settings import Settings
from mock_akool.server.tls import Tls
from tests.children import Child, Serving, run, run_with_children

URL: Final = "https://openapi.akool.com/api/open/v3/faceswap/quota/info"
CREDIT: Final = '{"code":1000,"msg":"OK","data":{"credit":1000}}'

REFUSED: Final = {7, 56}
"""The exit status of curl when a proxy refuses a tunnel: 56, and 7 in newer releases."""

PYTHON: Final = """
import asyncio, http.client, sys, urllib.request
URL, KEY = "https://openapi.akool.com/api/open/v3/faceswap/quota/info", {"x-api-key": "k"}

def with_requests():
    import requests
    return requests.get(URL, headers=KEY, timeout=20).text

def with_urllib():
    return urllib.request.urlopen(urllib.request.Request(URL, headers=KEY), timeout=20).read().decode()

def with_urllib3():
    import urllib3
    return urllib3.PoolManager().request("GET", URL, headers=KEY).data.decode()

def with_http_client():
    connection = http.client.HTTPSConnection("openapi.akool.com", timeout=20)
    connection.request("GET", URL.partition(".com")[2], headers=KEY)
    return connection.getresponse().read().decode()

def with_httpx():
    import httpx
    return httpx.get(URL, headers=KEY).text

def with_httpx_async():
    import httpx
    async def ask():
        async with httpx.AsyncClient(headers=KEY) as client:
            return (await client.get(URL)).text
    return asyncio.run(ask())

def with_aiohttp(**options):
    import aiohttp
    async def ask():
        async with aiohttp.ClientSession(headers=KEY, **options) as session, session.get(URL) as response:
            return await response.text()
    return asyncio.run(ask())

def with_aiohttp_by_proxy():
    return with_aiohttp(trust_env=True)

for name in sys.argv[1:]:
    print(globals()[f"with_{name}"]())
"""

NODE: Final = """
import https from "node:https";
const URL = "https://openapi.akool.com/api/open/v3/faceswap/quota/info", headers = { "x-api-key": "k" };
console.log(await (await fetch(URL, { headers })).text());
await new Promise((done) => https.get(URL, { headers }, (response) => {
  let text = "";
  response.on("data", (piece) => (text += piece)).on("end", () => done(console.log(text)));
}));
"""

JAVA: Final = """
import java.net.*; import java.net.http.*;
public class Ask {
  public static void main(String[] given) throws Exception {
    URI url = URI.create("https://openapi.akool.com/api/open/v3/faceswap/quota/info");
    HttpURLConnection old = (HttpURLConnection) url.toURL().openConnection();
    old.setRequestProperty("x-api-key", "k");
    System.out.println(new String(old.getInputStream().readAllBytes()));
    HttpRequest request = HttpRequest.newBuilder(url).header("x-api-key", "k").build();
    System.out.println(HttpClient.newHttpClient().send(request, HttpResponse.BodyHandlers.ofString()).body());
  }
}
"""


def wants(program: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(shutil.which(program) is None, reason=f"wants {program}")


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "user's data"))
    for name in ("HTTPS_PROXY", "https_proxy", "NO_PROXY", "no_proxy", "SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS"):
        monkeypatch.delenv(name, raising=False)


class TestPrograms:
    @wants("curl")
    def test_curl(self) -> None:
        ran = run("exec", "--", "curl", "-sS", "-H", "x-api-key: k", URL)
        assert (ran.returncode, ran.stdout) == (0, CREDIT)
        assert ran.stderr == "mock-akool: 1 call and 0 jobs\n"

    @wants("curl")
    def test_a_whole_job_with_its_image(self, tmp_path: Path) -> None:
        program = tmp_path / "fox.sh"
        program.write_text(
            """
            api=https://openapi.akool.com/api/open/v3/content/image
            curl -sS $api/createbyprompt -H 'x-api-key: k' -H 'content-type: application/json' \\
              -d '{"prompt": "a red fox"}' >job.json
            id=$(grep -o '"_id":"[^"]*' job.json | cut -d '"' -f 4)
            curl -sS "$api/infobymodelid?image_model_id=$id" -H 'x-api-key: k' >job.json
            curl -sS -o fox.jpg "$(grep -o '"image":"[^"]*' job.json | cut -d '"' -f 4)"
            """
        )
        ran = run_with_children("exec", "--queueing=0", "--processing=0", "--", "sh", "-e", program, folder=tmp_path)
        assert ran.returncode == 0, ran
        assert '"image":"https://d2qf6ukcym4kn9.cloudfront.net/' in (tmp_path / "job.json").read_text()
        assert (tmp_path / "fox.jpg").read_bytes().startswith(b"\xff\xd8\xff")
        assert "3 calls and 1 job" in ran.stderr

    def test_python(self, tmp_path: Path) -> None:
        (tmp_path / "ask.py").write_text(PYTHON)
        libraries = [
            "requests",
            "urllib",
            "urllib3",
            "http_client",
            "httpx",
            "httpx_async",
            "aiohttp",
            "aiohttp_by_proxy",
        ]
        ran = run_with_children("exec", "--", sys.executable, tmp_path / "ask.py", *libraries)
        assert (ran.stdout.split(), ran.returncode) == ([CREDIT] * 8, 0), ran.stderr

    @wants("node")
    def test_node(self, tmp_path: Path) -> None:
        (tmp_path / "ask.mjs").write_text(NODE)
        ran = run_with_children("exec", "--", "node", tmp_path / "ask.mjs")
        assert (ran.stdout, ran.returncode) == (f"{CREDIT}\n" * 2, 0), ran.stderr

    def test_python_without_tls(self, tmp_path: Path) -> None:
        """A key must not reach the real service because somebody wrote `http://`."""
        (tmp_path / "ask.py").write_text(PYTHON.replace("https://", "http://").replace("HTTPSC", "HTTPC"))
        libraries = ["requests", "urllib", "urllib3", "http_client", "httpx", "aiohttp"]
        ran = run_with_children("exec", "--", sys.executable, tmp_path / "ask.py", *libraries)
        assert (ran.stdout.split(), ran.returncode) == ([CREDIT] * 6, 0), ran.stderr

    @wants("node")
    def test_node_without_tls(self, tmp_path: Path) -> None:
        (tmp_path / "ask.mjs").write_text(NODE.replace("https", "http"))
        ran = run_with_children("exec", "--", "node", tmp_path / "ask.mjs")
        assert (ran.stdout, ran.returncode) == (f"{CREDIT}\n" * 2, 0), ran.stderr

    @pytest.mark.slow
    @wants("wget")
    def test_wget(self) -> None:
        ran = run_with_children("exec", "--", "wget", "-q", "-O-", "--header", "x-api-key: k", URL)
        assert (ran.stdout, ran.returncode) == (CREDIT, 0), ran.stderr

    @pytest.mark.slow
    @wants("javac")
    def test_java(self, tmp_path: Path) -> None:
        (tmp_path / "Ask.java").write_text(JAVA)
        ran = run_with_children("exec", "--", "java", tmp_path / "Ask.java")
        assert (ran.stdout, ran.returncode) == (f"{CREDIT}\n" * 2, 0), ran.stderr

    @wants("curl")
    def test_a_scenario(self) -> None:
        ran = run_with_children("exec", "--scenario", "banned", "--", "curl", "-sS", "-H", "x-api-key: k", URL)
        assert json.loads(ran.stdout)["code"] != 1000


class TestEnds:
    @pytest.mark.parametrize(("program", "status"), [("exit 0", 0), ("exit 3", 3), ("kill -9 $$", 137)])
    def test_the_status_is_the_command_s(self, program: str, status: int) -> None:
        assert main(["exec", "--quiet", "--", "sh", "-c", program]) == status

    def test_a_command_that_is_not_there(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["exec", "--", "no-such-program", "--flag"]) == 127
        assert capsys.readouterr().err == "mock-akool: no-such-program: there is no such command\n"

    def test_a_file_that_is_no_program(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        file = tmp_path / "notes.txt"
        file.write_text("nothing to run")
        assert main(["exec", "--", str(file)]) == 126
        assert capsys.readouterr().err == f"mock-akool: {file}: is no program that can be run\n"
        file.chmod(0o755)
        assert main(["exec", "--", str(file)]) == 126
        assert "notes.txt: the system cannot run it; begin a script with a line such as #!" in capsys.readouterr().err
        file.write_text("#!/no/such/shell")
        for command in ("exec", "gauntlet"):
            assert main([command, "--", str(file)]) in (1, 126)
            assert "notes.txt: what is to run it is not there; look at its first line" in capsys.readouterr().err

    def test_no_command(self, capsys: pytest.CaptureFixture[str]) -> None:
        with pytest.raises(SystemExit) as caught:
            main(["exec"])
        assert caught.value.code == 2
        assert (
            "there is no command; write it after --, as in `mock-akool exec -- node app.mjs`" in capsys.readouterr().err
        )

    def test_https_is_needed(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["exec", "--no-tls", "--", "true"]) == 1
        assert "--no-tls: programs with Akool's hosts in them speak HTTPS; leave it out" in capsys.readouterr().err

    def test_the_proxy_speaks_plain_http(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["exec", "--tls-only", "--", "true"]) == 1
        assert (
            "--tls-only: programs reach the fake by a proxy, over plain HTTP; leave it out" in capsys.readouterr().err
        )

    def test_bad_settings_are_said_before_the_command_runs(self, tmp_path: Path) -> None:
        ran = run_with_children("exec", "--queueing", "banana", "--", "touch", tmp_path / "ran")
        assert ran.returncode != 0
        assert "--queueing: 'banana' is not" in ran.stderr
        assert not (tmp_path / "ran").exists()

    @pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
    def test_signals_are_for_the_command(self, number: signal.Signals) -> None:
        name = number.name.removeprefix("SIG")
        program = f"trap 'echo got {name}; exit 5' {name}; echo ready; while true; do sleep 0.01; done"
        with Child("exec", "--quiet", "--", "bash", "-c", program) as child:
            child.said("ready")
            code, _ = child.end(number)
            assert child.out == f"ready\ngot {name}\n"
        assert code == 5

    def test_handlers_of_signals_are_as_before(self) -> None:
        before = [signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)]
        main(["exec", "--quiet", "--", "true"])
        assert [signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)] == before


class TestReports:
    @pytest.mark.parametrize(
        ("command", "hint"),
        [
            (["true"], None),
            ([sys.executable, "-c", ""], "resolve names past Python"),
        ],
    )
    def test_no_request(self, command: list[str], hint: str | None, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["exec", "--", *command]) == 0
        first, *hints = capsys.readouterr().err.splitlines()
        assert first == "mock-akool: no request reached the fake"
        assert "by `mock-akool exec --isolate` (Linux), or give it the proxy" in hints[-1]
        assert len(hints) == (1 if hint is None else 2)
        assert hint is None or hint in hints[0]

    @pytest.mark.parametrize(("status", "is_error"), [(3, True), (130, False), (143, False)])
    def test_no_request_of_a_command_that_failed(
        self, status: int, is_error: bool, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert main(["exec", "--", sys.executable, "-c", f"import sys; sys.exit({status})"]) == status
        first, *hints = capsys.readouterr().err.splitlines()
        early = "mock-akool: the command ended with exit status 3 before it sent a request; see its own error above"
        assert first == (early if is_error else "mock-akool: no request reached the fake")
        way = "hint: where it is about a certificate or a host that was not found, see docs/guides/hard-coded-hosts.md"
        assert (hints == [way]) is is_error

    @wants("curl")
    def test_a_file_and_nothing_else(self, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
        file = tmp_path / "report.json"
        command = ["curl", "-sS", "-H", "x-api-key: k", URL]
        assert main(["exec", "--quiet", "--report", str(file), "--", *command]) == 0
        assert capfd.readouterr() == (CREDIT, "")
        report = json.loads(file.read_text())
        assert report["command"] == command
        assert (report["exit_status"], report["calls"], report["jobs"], report["hints"]) == (0, 1, 0, [])
        assert "quota/info" in report["report"]

    def test_one_that_cannot_be_written(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        ran = tmp_path / "ran"
        for file, why in (
            (tmp_path / "no" / "x", f"there is no folder {tmp_path / 'no'}"),
            (tmp_path, "it is a folder"),
        ):
            assert main(["exec", "--report", str(file), "--", "touch", str(ran)]) == 1
            said = f"mock-akool: --report: cannot write {file}: {why}; choose another file\n"
            assert capsys.readouterr().err == said
        assert not ran.exists(), "the command must not have been run"

    def test_one_that_cannot_be_written_any_more(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        file = tmp_path / "report.json"
        assert main(["exec", "--report", str(file), "--", "mkdir", str(file)]) == 1
        assert f"cannot write the report {file}: Is a directory. Choose another" in capsys.readouterr().err

    @wants("curl")
    def test_mistakes_of_the_client_are_hints(self) -> None:
        ran = run_with_children(
            "exec", "--", "curl", "-sS", "-d", "prompt=x", URL.replace("faceswap/quota/info", "nowhere")
        )
        assert "hint: " in ran.stderr

    @wants("curl")
    def test_requests_are_logged_on_demand(self) -> None:
        ran = run_with_children("exec", "--log", "text", "--", "curl", "-sS", "-H", "x-api-key: k", URL)
        assert "quota/info -> 200 1000 OK" in ran.stderr


class TestUsersOwn:
    def test_sitecustomize_and_pythonpath(self, tmp_path: Path) -> None:
        (tmp_path / "sitecustomize.py").write_text("import sys; sys.own = 'mine'")
        (tmp_path / "helper.py").write_text("VALUE = 5")
        program = (
            "import sys, helper, sitecustomize, socket; "
            "address = socket.getaddrinfo('openapi.akool.com', 443)[0][4]; "
            "print(sys.own, helper.VALUE, sitecustomize.__file__, address[0])"
        )
        ran = run_with_children(
            "exec", "--quiet", "--", sys.executable, "-c", program, variables={"PYTHONPATH": str(tmp_path)}
        )
        assert ran.stdout == f"mine 5 {tmp_path / 'sitecustomize.py'} 127.0.0.1\n", ran.stderr

    def test_a_sitecustomize_that_fails_still_fails(self, tmp_path: Path) -> None:
        (tmp_path / "sitecustomize.py").write_text("import not_there")
        ran = run_with_children(
            "exec", "--quiet", "--", sys.executable, "-c", "", variables={"PYTHONPATH": str(tmp_path)}
        )
        assert "No module named 'not_there'" in ran.stderr

    @wants("node")
    def test_node_options(self, tmp_path: Path) -> None:
        (tmp_path / "own.cjs").write_text("globalThis.own = 'mine';")
        ran = run_with_children(
            *(
                "exec",
                "--quiet",
                "--",
                "node",
                "-e",
                "console.log(globalThis.own, process.env.NODE_OPTIONS.length > 9)",
            ),
            variables={"NODE_OPTIONS": f"--require {tmp_path / 'own.cjs'}"},
        )
        assert ran.stdout == "mine true\n", ran.stderr

    @wants("node")
    def test_node_connects_elsewhere_as_before(self, tmp_path: Path) -> None:
        program = """
        const net = require("node:net");
        const server = net.createServer((socket) => socket.end("direct")).listen(0, "127.0.0.1", async () => {
          const { port } = server.address();
          const ways = [[port, "127.0.0.1"], [{ port, host: "127.0.0.1" }], [{ port }]];
          for (const way of ways) {
            for (const connect of [net.connect, (...given) => new net.Socket().connect(...given)]) {
              console.log(await new Promise((done) => connect(...way).on("data", (data) => done(String(data)))));
            }
          }
          for (const way of [[443, "openapi.akool.com"], [{ port: "443", host: "OPENAPI.akool.com." }]]) {
            const socket = new net.Socket();
            await new Promise((done) => socket.connect(...way).on("connect", done));
            console.log(socket.remoteAddress, String(socket.remotePort) === process.env.MOCK_AKOOL_URL.split(":")[2]);
            socket.destroy();
          }
          server.close();
        });
        """
        (tmp_path / "connect.cjs").write_text(program)
        ran = run_with_children("exec", "--quiet", "--", "node", tmp_path / "connect.cjs")
        assert ran.stdout == "direct\n" * 6 + "127.0.0.1 true\n" * 2, ran.stderr

    @wants("curl")
    def test_other_hosts_are_reached_as_before(self, tmp_path: Path) -> None:
        """Over HTTPS, through the proxy, with a certificate that the user trusts by SSL_CERT_FILE."""
        other = Authority(tmp_path / "other")
        other.make(["other.test"])
        mock = MockAkool()
        with mock.server() as server:
            server.tls = Tls(names=["other.test"], folder=other.folder)
            ran = run_with_children(
                *("exec", "--quiet", "--", "curl", "-sS", "--noproxy", ""),
                *("-H", "x-api-key: k", f"https://localhost:{server.port}{URL.partition('.com')[2]}"),
                variables={"SSL_CERT_FILE": str(other.root_file)},
            )
            assert ran.stdout == CREDIT, ran.stderr
            assert len(mock.calls) == 1

    @wants("curl")
    @pytest.mark.parametrize(
        ("flags", "statuses"),
        [
            ((), {0}),
            (("--host", "0.0.0.0"), REFUSED),
            (("--proxy-others", "refuse"), REFUSED),
            (("--set", "proxy_others=refuse"), REFUSED),
            (("--config", "refuses.toml"), REFUSED),
        ],
    )
    def test_it_is_no_open_proxy_for_other_machines(
        self, flags: tuple[str, ...], statuses: set[int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(tmp_path)
        Path("refuses.toml").write_text('proxy_others = "refuse"')
        with MockAkool().server() as other:
            url = f"{other.url}{URL.partition('.com')[2]}"
            # What curl would not send by the proxy, it sends there.
            command = ("sh", "-c", f"curl -sSp --noproxy '' --proxy $HTTPS_PROXY -H 'x-api-key: k' {url}")
            ran = run_with_children("exec", "--quiet", *flags, "--", *command)
        assert ran.returncode in statuses, ran.stderr
        assert ran.stdout == (CREDIT if statuses == {0} else "")
        assert ("response 403" in ran.stderr) is (statuses == REFUSED)


class TestEnvironment:
    @wants("curl")
    def test_a_shell_takes_it(self, tmp_path: Path) -> None:
        with Serving() as serving:
            printed = run_with_children("exec", "--print-env", "--port", str(serving.port)).stdout
            ran = subprocess.run(
                ["bash", "-ec", f"{printed}\ncurl -sS -H 'x-api-key: k' {URL}"], capture_output=True, check=True
            )
            assert ran.stdout.decode() == CREDIT

    @wants("curl")
    def test_attach_uses_a_server_that_runs(self, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
        with Serving("--ca-dir", tmp_path / "its own", "--admin-token", "s3cret") as serving:
            command = ["curl", "-sS", "-H", "x-api-key: k", URL]
            assert main(["exec", "--attach", serving.url, "--admin-token", "s3cret", "--", *command]) == 0
            assert capfd.readouterr() == (CREDIT, "mock-akool: 1 call and 0 jobs\n")
            assert main(["exec", "--attach", serving.url, "--admin-token", "s3cret", "--print-env", "dotenv"]) == 0
            lines = capfd.readouterr().out.splitlines()
            found = dict(line.split("=", 1) for line in lines)
            assert found["HTTPS_PROXY"] == found["MOCK_AKOOL_URL"] == serving.url
            trusted = Path(found["NODE_EXTRA_CA_CERTS"]).read_bytes()
            assert trusted == (tmp_path / "its own" / "ca.pem").read_bytes()

    def test_attach_to_what_speaks_no_https(self, capsys: pytest.CaptureFixture[str]) -> None:
        with Serving("--no-tls") as serving:
            assert main(["exec", "--attach", serving.url, "--", "true"]) == 1
            assert "speaks no HTTPS. Start it without --no-tls" in capsys.readouterr().err

    def test_attach_to_nothing(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["exec", "--attach", "http://127.0.0.1:1", "--", "true"]) == 1
        assert "http://127.0.0.1:1" in capsys.readouterr().err

    def test_attach_reports_all_mistakes_at_once(
        self, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("MOCK_AKOOL_ADMIN_TOKEN", "two words")
        monkeypatch.setenv("MOCK_AKOOL_CA_DRI", "x")
        assert main(["exec", "--attach", "https://127.0.0.1:1", "--", "true"]) == 1
        first, *told = capsys.readouterr().err.splitlines()
        assert first == "mock-akool: 3 mistakes:"
        for line, of in zip(
            told, ("'https://127.0.0.1:1'", "MOCK_AKOOL_CA_DRI", "MOCK_AKOOL_ADMIN_TOKEN"), strict=True
        ):
            assert f"{of} begins" in line or line.startswith(f"  {of}: ")

    def test_what_the_user_has_is_kept(self, tmp_path: Path) -> None:
        own = tmp_path / "own.pem"
        own.write_text("own\n")
        (tmp_path / "wgetrc").write_text("tries = 3\n")
        environ = {
            "NO_PROXY": "db.test, *, .akool.com,cloudfront.net,localhost",
            "NODE_OPTIONS": "--no-warnings",
            "NODE_EXTRA_CA_CERTS": str(own),
            "PYTHONPATH": "lib",
            "PHP_INI_SCAN_DIR": "conf.d",
            "WGETRC": str(tmp_path / "wgetrc"),
            "JAVA_TOOL_OPTIONS": "-Xmx1g",
            "REQUESTS_CA_BUNDLE": str(own),
            "CURL_CA_BUNDLE": str(own),
        }
        found = variables("127.0.0.1", 5000, b"ours\n", tmp_path / "a b", environ)
        assert found["NO_PROXY"] == found["no_proxy"] == "db.test,localhost,127.0.0.1,::1"
        assert found["NODE_OPTIONS"].startswith("--no-warnings --require ")
        assert Path(found["NODE_EXTRA_CA_CERTS"]).read_text() == "ours\nown\n"
        bundle = Path(found["SSL_CERT_FILE"]).read_bytes()
        assert bundle.startswith(b"ours\n")
        assert bundle.endswith(b"-----END CERTIFICATE-----\nown\n")
        assert found["PYTHONPATH"].endswith(f"{os.pathsep}lib")
        assert found["PHP_INI_SCAN_DIR"] == f"conf.d{os.pathsep}{tmp_path / 'a b' / 'php'}"
        assert Path(found["WGETRC"]).read_text().startswith("tries = 3\n\nca_certificate = ")
        assert found["JAVA_TOOL_OPTIONS"].startswith("-Xmx1g -Dhttps.proxyHost=127.0.0.1 -Dhttps.proxyPort=5000 ")
        assert f'-Djavax.net.ssl.trustStore="{tmp_path}/a b/java.p12"' in found["JAVA_TOOL_OPTIONS"]
        again = variables("127.0.0.1", 5000, b"ours\n", tmp_path / "a b", {**environ, **found})
        assert again["NODE_OPTIONS"].count("--require") == 2
        assert Path(again["NODE_EXTRA_CA_CERTS"]).read_text() == "ours\n"

    def test_paths_with_quotation_marks_are_refused(self, tmp_path: Path) -> None:
        with pytest.raises(Exception, match="has a quotation mark in its name"):
            variables("127.0.0.1", 5000, b"ours\n", tmp_path / 'a"b', {})

    def test_files_that_cannot_be_written(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("")
        with pytest.raises(ServerError, match=r"cannot write .*Choose a folder with --ca-dir"):
            variables("127.0.0.1", 5000, b"ours\n", tmp_path / "file" / "x", {})

    def test_shells_read_what_is_written(self) -> None:
        odd = {"A": "it's $HOME", "B": 'say "x"'}
        shell = "\n".join([written(odd, "shell"), 'printf "%s|%s" "$A" "$B"'])
        ran = subprocess.run(["sh", "-c", shell], capture_output=True, check=True)
        assert ran.stdout.decode() == '''it's $HOME|say "x"'''
        assert written(odd, "dotenv").splitlines() == ["A=it's $HOME", 'B=say "x"']

    def test_a_server_in_that_environment_starts(self, tmp_path: Path) -> None:
        found = variables("127.0.0.1", 5000, b"ours\n", tmp_path, {})
        assert Settings.from_environment(environ=found) == Settings()
