"""The container image, without an engine: the Dockerfile is checked and parsed, and what it runs is run.

Where the tests may make namespaces of their own, as root may on Linux, the image's command is run there as an engine
would run it: as process 1, by the image's user without a capability, on a read-only file system, with a network of its
own. That is at length, in what the image's build makes, which needs a package index, as installing for the first time
does.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import signal
import socket
import stat
import subprocess
import sys
import time
import tomllib
import zipfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from mock_akool import SettingsError, __version__
from mock_akool.akool.families import HOSTS
from mock_akool.server.addresses import DEFAULT_PORT, PREFIX
from mock_akool.server.settings import table
from tests import installation
from tests.children import PATIENCE_S, Child, Serving, run
from tests.installation import HOSTLESS, Installed, succeed
from tests.packaging import dockerfile
from tests.packaging.deployment import CHECKS, check_compose
from tests.packaging.dockerfile import ROOT

PROJECT: Final[dict[str, Any]] = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
SCENARIO: Final = ROOT / "fixtures" / "scenarios" / "second-poll-breaks.yaml"
IMAGE: Final = dockerfile.image()
_QUOTA: Final = "https://openapi.akool.com/api/open/v3/faceswap/quota/info"
COMMAND: Final = IMAGE.command("ENTRYPOINT") + IMAGE.command("CMD")


def _hadolint(file: Path) -> subprocess.CompletedProcess[str]:
    return run(file, command=[str(Path(sys.executable).with_name("hadolint"))])


class TestDockerfile:
    def test_hadolint_finds_nothing(self) -> None:
        told = _hadolint(dockerfile.DOCKERFILE)
        assert (told.returncode, told.stdout + told.stderr) == (0, "")

    def test_hadolint_would_find_something(self, tmp_path: Path) -> None:
        bad = tmp_path / "Dockerfile"
        bad.write_text("FROM python\nRUN cd /tmp && pip install flask\n")
        told = _hadolint(bad)
        assert told.returncode == 1
        assert "DL3006" in told.stdout

    def test_all_stages_stand_on_one_slim_base_of_a_python_that_is_supported(self) -> None:
        base, *others = dockerfile.stages()
        match = re.fullmatch(r"python:(3\.\d+)-slim", base.base)
        assert match
        assert f"Programming Language :: Python :: {match[1]}" in PROJECT["classifiers"]
        assert [stage.base for stage in others] == [base.name, others[0].name, base.name]

    def test_the_dependencies_have_a_layer_that_no_source_file_ends(self) -> None:
        build = dockerfile.stages()[1]
        first = [each for each in build.instructions if each.word in {"COPY", "RUN"}][:2]
        assert [each.word for each in first] == ["COPY", "RUN"]
        assert first[0].value == "pyproject.toml ./"
        assert "requirements.txt" in first[1].value

    def test_nothing_is_compiled(self) -> None:
        for command in dockerfile.stages()[1].all("RUN"):
            for install in re.findall(r"pip [^&]*install[^&]*", command):
                assert "--only-binary :all:" in install or "--no-deps /wheels/*.whl" in install

    def test_the_last_stage_runs_nothing_and_takes_only_the_environment(self) -> None:
        assert IMAGE.all("RUN") == []
        assert IMAGE.all("COPY") == ["--from=trimmed /opt/mock-akool /opt/mock-akool"]

    def test_the_context_is_what_is_copied_and_nothing_else(self) -> None:
        copied = {
            source.removeprefix("./")
            for stage in dockerfile.stages()
            for value in stage.all("COPY")
            if not value.startswith("--from=")
            for source in value.split()[:-1]
        }
        lines = (ROOT / ".dockerignore").read_text().splitlines()
        assert "*" in lines
        assert {line[1:] for line in lines if line.startswith("!")} == copied
        assert all((ROOT / source).exists() for source in copied)

    def test_the_labels_say_what_the_project_says_and_the_version_that_the_build_is_given(self) -> None:
        said = {name.removeprefix("org.opencontainers.image."): value for name, value in dockerfile.labels().items()}
        assert said == {
            "title": PROJECT["name"],
            "description": PROJECT["description"],
            "version": "0.0.0",
            "licenses": PROJECT["license"],
            "authors": PROJECT["authors"][0]["name"],
        }

    def test_the_user_is_a_number_and_not_root(self) -> None:
        user, group = map(int, IMAGE.the("USER").split(":"))
        assert user > 0
        assert group > 0

    def test_it_says_where_and_how_it_is_reached_and_ended(self) -> None:
        assert int(IMAGE.the("EXPOSE")) == DEFAULT_PORT
        assert signal.Signals[IMAGE.the("STOPSIGNAL")] == signal.SIGTERM
        assert IMAGE.the("WORKDIR") == "/scenarios"
        ours = {name: value for name, value in dockerfile.variables().items() if name.startswith(PREFIX)}
        assert ours == {f"{PREFIX}HOST": "0.0.0.0"}
        assert set(ours) <= {row.variable for row in table()}

    def test_the_health_check_finds_out_soon_and_is_not_cut_off(self) -> None:
        options, command = dockerfile.health()
        assert command == ["mock-akool", "health"]
        assert options["start-interval"] <= 1 < options["start-period"]
        own_limit_s = float(re.findall(r"--timeout.*\(default: ([\d.]+)\)", run("health", "--help").stdout)[0])
        assert own_limit_s < options["timeout"] < options["interval"]

    def test_the_page_tells_its_facts(self) -> None:
        page = (ROOT / "docs" / "getting-started" / "container.md").read_text()
        (told,) = re.findall(r"(?s)<!-- container facts -->\n(.*?)<!-- end of container facts -->", page)
        assert dict(re.findall(r"(?m)^\| (.+) \| `(.+)` \|$", told)) == {
            "Entry point": " ".join(IMAGE.command("ENTRYPOINT")),
            "Command": " ".join(IMAGE.command("CMD")),
            "Port": IMAGE.the("EXPOSE"),
            "User": IMAGE.the("USER"),
            "Folder": IMAGE.the("WORKDIR"),
            "Stop signal": IMAGE.the("STOPSIGNAL"),
            "Health check": " ".join(dockerfile.health().command),
        }


@pytest.mark.slow
@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
def test_every_dependency_has_a_wheel(machine: str, tmp_path: Path) -> None:
    version = re.findall(r"3\.\d+", dockerfile.stages()[0].base)[0]
    platforms = [f"--platform={tag}_{machine}" for tag in ("manylinux2014", "manylinux_2_17", "manylinux_2_28")]
    succeed(
        *(sys.executable, "-m", "pip", "install", "--quiet", "--dry-run", "--target", tmp_path / "target"),
        *("--only-binary=:all:", *platforms, f"--python-version={version}", "--implementation=cp"),
        *PROJECT["dependencies"],
        folder=tmp_path,
    )


def _contents(wheel: Path) -> dict[str, int]:
    with zipfile.ZipFile(wheel) as archive:
        return {each.filename: each.CRC for each in archive.infolist()}


# Hosted machines build the image itself for each change, and check it. What it is built of is seen above.
@pytest.mark.slow
class TestBuild:
    def test_it_makes_the_wheel_that_everybody_gets(self, built: Path, wheel: Path) -> None:
        (made,) = (built / "wheels").iterdir()
        assert made.name == wheel.name
        assert _contents(made) == _contents(wheel)

    def test_the_environment_has_it_and_what_it_requires_and_no_pip(self, built: Path) -> None:
        commands = built / "opt" / "mock-akool" / "bin"
        told = run("--version", command=[str(commands / "mock-akool")], variables=HOSTLESS)
        assert (told.returncode, told.stdout) == (0, f"mock-akool {__version__}\n")
        succeed(sys.executable, "-m", "pip", "--python", commands / "python", "check", folder=built)
        assert not list(commands.glob("pip*"))

    def test_its_bytecode_is_there_already(self, built: Path) -> None:
        (cli,) = built.glob("opt/mock-akool/lib/python*/site-packages/mock_akool/cli/__init__.py")
        assert list((cli.parent / "__pycache__").glob("__init__.*.pyc"))


def _free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
        return port


@pytest.mark.slow
class TestCommands:
    """What the image runs, in an environment that holds the wheel. Tests listen on the loopback address only."""

    @pytest.fixture
    def variables(self) -> dict[str, str]:
        here = {f"{PREFIX}HOST": "127.0.0.1", f"{PREFIX}PORT": str(_free_port())}
        return {**HOSTLESS, **dockerfile.variables(), **here}

    def _start(self, installed: Installed, variables: dict[str, str], folder: Path) -> Child:
        return Child(command=_of(installed, COMMAND), variables=variables, folder=folder)

    def _health(self, installed: Installed, variables: dict[str, str]) -> int:
        return run(command=_of(installed, dockerfile.health().command), variables=variables).returncode

    def test_the_health_check_tells_the_server_s_health_and_the_stop_signal_ends_it_well(
        self, installed: Installed, variables: dict[str, str]
    ) -> None:
        assert self._health(installed, variables) == 1
        with self._start(installed, variables, installed.folder) as server:
            server.said(r"listens on http://127\.0\.0\.1:" + variables[f"{PREFIX}PORT"])
            assert self._health(installed, variables) == 0
            code, took_s = server.end(signal.Signals[IMAGE.the("STOPSIGNAL")])
        assert code == 0
        assert server.err == ""
        assert took_s < 10, "an engine would have killed it by now"
        assert self._health(installed, variables) == 1

    def test_a_mounted_scenario_is_found_by_its_name(
        self, installed: Installed, variables: dict[str, str], tmp_path: Path
    ) -> None:
        shutil.copy(SCENARIO, tmp_path)
        variables[f"{PREFIX}SCENARIO"] = f"{SCENARIO.name},slow"
        with self._start(installed, variables, tmp_path) as server:
            server.said(r"active: .*, slow\n")
            assert server.end()[0] == 0


def _of(installed: Installed, command: list[str]) -> list[str]:
    return [str(installed.bin / command[0]), *command[1:]]


# As an engine runs it

NAMESPACES: Final = ("unshare", "--mount", "--net", "--pid", "--fork", "--mount-proc")

PREPARE: Final = """
set -eu
mount --make-rprivate /
exec 3<"$PLACE" 4<"$PYTHON"
for folder in $CLOSED; do
    mount -t tmpfs -o mode=755 tmpfs "$folder"
done
mkdir -p "$PLACE" "$PYTHON"
mount --no-canonicalize --bind /proc/self/fd/3 "$PLACE"
mount --no-canonicalize --bind /proc/self/fd/4 "$PYTHON"
exec 3<&- 4<&-
while read -r _ point _; do
    mount -o remount,bind,ro "$point" 2>/dev/null || true
done </proc/mounts
ip link set lo up
cd "$PLACE/mounted"
exec "$@"
"""
"""Makes of new namespaces what an engine makes of a container with a read-only file system and no capabilities.

The environment and its Python may lie in folders that are for their owner only, as pytest's are. These are covered by
empty ones where everybody may pass, and the two are put back where they were.
"""


@cache
def _can_make_namespaces() -> bool:
    wanted = ("unshare", "nsenter", "setpriv", "ip")
    if not hasattr(os, "geteuid") or os.geteuid() != 0 or None in map(shutil.which, wanted):
        return False
    return (
        subprocess.run([*NAMESPACES, "ip", "link", "set", "lo", "up"], capture_output=True, check=False).returncode == 0
    )


def _closed(*places: Path) -> set[str]:
    """Return the topmost folders on the way to each place that others than their owner may not pass."""
    ways = ([each for each in reversed(place.parents) if not each.stat().st_mode & stat.S_IXOTH] for place in places)
    return {str(way[0]) for way in ways if way}


class Contained:
    """The image's command as an engine runs it, with the files of the folder `mounted` at hand."""

    def __init__(self, installed: Installed, variables: dict[str, str]) -> None:
        place, python = installed.bin.parent.parent, Path(sys.base_prefix).resolve()
        user, group = IMAGE.the("USER").split(":")
        path = f"PATH={installed.bin}:/usr/local/bin:/usr/bin:/bin"
        given = {**dockerfile.variables(), **variables}
        self._as_its_user = [
            *("setpriv", f"--reuid={user}", f"--regid={group}", "--clear-groups", "--no-new-privs"),
            *("--inh-caps=-all", "--bounding-set=-all", "env", "-i", path),
            *(f"{name}={value}" for name, value in given.items()),
        ]
        self.child = Child(
            command=[*NAMESPACES, "sh", "-c", PREPARE, "sh", *self._as_its_user, *COMMAND],
            variables={"PLACE": str(place), "PYTHON": str(python), "CLOSED": " ".join(_closed(place, python))},
        )

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Run a command beside the server, as `docker exec` does."""
        into = ["nsenter", f"--target={self.process}", "--mount", "--net", "--pid", f"--wd=/proc/{self.process}/cwd"]
        return run(command=[*into, *self._as_its_user, *command])

    @property
    def process(self) -> int:
        """The process id outside of what is process 1 inside."""
        (inner,) = self._inner()
        return inner

    def _inner(self) -> list[int]:
        outer = self.child.process.pid
        return [int(child) for child in Path(f"/proc/{outer}/task/{outer}/children").read_text().split()]

    def kill(self) -> None:
        """End it by force; to kill `unshare` is not enough, since who changes the user is no longer killed with it."""
        if self.child.process.poll() is None and (inner := self._inner()):
            os.kill(inner[0], signal.SIGKILL)

    def stop(self) -> int:
        """Send the stop signal; returns the exit code."""
        os.kill(self.process, signal.Signals[IMAGE.the("STOPSIGNAL")])
        return self.child.process.wait(PATIENCE_S)


CLIENT: Final = """
import json, time, urllib.request as web

def ask(url, body=None):
    data = None if body is None else json.dumps(body).encode()
    headers = {"x-api-key": "my-key", "content-type": "application/json"}
    with web.urlopen(web.Request(url, data, headers), timeout=10) as reply:
        return reply.read()

api = "http://127.0.0.1:%d/api/open/v3/content/image"
job = json.loads(ask(f"{api}/createbyprompt", {"prompt": "a red fox"}))["data"]
while job["image_status"] < 3:
    time.sleep(0.02)
    job = json.loads(ask(f"{api}/infobymodelid?image_model_id={job['_id']}"))["data"]
print(job["image_status"], ask(job["image"])[:2])
"""


@pytest.mark.slow
@pytest.mark.skipif(not _can_make_namespaces(), reason="the tests may not make namespaces here")
class TestAsAnEngineRunsIt:
    @pytest.fixture
    def contained(self, installed: Installed) -> Iterator[Contained]:
        place = installed.bin.parent.parent
        (place / "mounted").mkdir(exist_ok=True)
        shutil.copy(SCENARIO, place / "mounted")
        variables = {f"{PREFIX}QUEUEING": "0", f"{PREFIX}PROCESSING": "1 poll"}
        contained = Contained(installed, variables)
        with contained.child:
            try:
                contained.child.said(rf"listens on http://0\.0\.0\.0:{DEFAULT_PORT} ")
                yield contained
            finally:
                contained.kill()

    def test_it_is_what_it_shall_be(self, contained: Contained) -> None:
        said = Path(f"/proc/{contained.process}/status").read_text()
        user, group = IMAGE.the("USER").split(":")
        assert re.findall(r"(?m)^[UG]id:\t(\d+)\t", said) == [user, group]
        assert set(re.findall(r"(?m)^Cap\w+:\t(\w+)", said)) == {"0" * 16}
        assert re.findall(r"(?m)^NSpid:\t\d+.*\t(\d+)$", said) == ["1"]
        for folder in (".", "/tmp", "/var/tmp", "/"):
            assert contained.run("touch", f"{folder}/something").returncode == 1

    def test_a_client_gets_its_image(self, contained: Contained) -> None:
        told = contained.run("python", "-c", CLIENT % DEFAULT_PORT)
        assert (told.stdout, told.stderr) == ("3 b'\\xff\\xd8'\n", "")

    def test_it_is_healthy_and_ends_well(self, contained: Contained) -> None:
        began_s = time.monotonic()
        told = contained.run(*dockerfile.health().command)
        assert (told.returncode, told.stderr) == (0, "")
        assert time.monotonic() - began_s < dockerfile.health().options["timeout"]
        assert contained.stop() == 0
        assert contained.child.err == ""

    def test_it_reads_what_is_mounted(self, contained: Contained) -> None:
        told = contained.run("mock-akool", "scenarios", "check", SCENARIO.name)
        assert (told.returncode, told.stderr) == (0, "")


class TestCompose:
    DATA: Final[dict[str, Any]] = yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]

    def test_it_is_valid(self) -> None:
        check_compose(ROOT / "compose.yaml")

    def test_a_wrong_one_is_not(self, tmp_path: Path) -> None:
        wrong = tmp_path / "compose.yaml"
        wrong.write_text((ROOT / "compose.yaml").read_text().replace("service_healthy", "service_well"))
        with pytest.raises(AssertionError):
            check_compose(wrong)

    def test_the_app_waits_until_the_fake_is_healthy_and_finds_it(self) -> None:
        fake, app = self.DATA["akool"], self.DATA["app"]
        assert app["depends_on"] == {"akool": {"condition": "service_healthy"}}
        assert app["environment"]["AKOOL_BASE_URL"] == f"http://akool:{DEFAULT_PORT}"
        assert fake["ports"] == [f"127.0.0.1:{DEFAULT_PORT}:{IMAGE.the('EXPOSE')}"]
        assert fake["read_only"]
        assert fake["build"] == "."

    def test_what_is_mounted_is_there(self) -> None:
        for application in self.DATA.values():
            for volume in application["volumes"]:
                here, inside, mode = volume.split(":")
                assert (ROOT / here).is_dir()
                assert inside in {IMAGE.the("WORKDIR"), "/app"}
                assert mode == "ro"

    @pytest.mark.skipif(shutil.which("node") is None, reason="there is no node")
    def test_the_app_ends_well(self, tmp_path: Path) -> None:
        app = self.DATA["app"]
        program, file, *arguments = app["command"]
        (here,) = (volume.split(":")[0] for volume in app["volumes"])
        with Serving(variables=self.DATA["akool"]["environment"]) as server:
            variables = {**app["environment"], "AKOOL_BASE_URL": server.url, "AKOOL_PAUSE_S": "0.05"}
            script = ROOT / here / Path(file).name
            told = run(script, *arguments, command=[program], variables=variables, folder=tmp_path)
        assert (told.returncode, told.stderr) == (0, "")
        assert len(list(tmp_path.glob("*.jpg"))) == 4


class TestPage:
    """The files on the page of the container, of which the docs' tests check that they are valid."""

    PAGE: Final = (ROOT / "docs" / "getting-started" / "container.md").read_text()

    def _block(self, name: str) -> str:
        (block,) = re.findall(rf"(?s)```yaml\n# {re.escape(name)}\n(.*?)```", self.PAGE)
        return str(block)

    @pytest.mark.parametrize(
        ("name", "right", "wrong"),
        [
            ("compose.override.yaml", '"banned"}]', '"banned"}'),
            ("kubernetes.yaml", "MOCK_AKOOL_ADMIN_HOSTS", "MOCK_AKOOL_ADMIN_HOST"),
            ("kubernetes.yaml", "timeoutSeconds", "timeoutSecond"),
            ("kubernetes-hosts.yaml", "hostAliases", "hostAlias"),
            ("compose.hosts.yaml", "aliases", "alias"),
            (".github/workflows/hosts.yml", "MOCK_AKOOL_PORT: 443", "MOCK_AKOOL_PORT: https"),
            (".github/workflows/built.yml", 'QUEUEING="1 poll"', 'QUEUEING="1 pole"'),
            (".github/workflows/built.yml", "done'", "done"),
            (".github/workflows/built.yml", "runs-on", "run-on"),
        ],
    )
    def test_a_wrong_file_is_found(self, name: str, right: str, wrong: str, tmp_path: Path) -> None:
        file = tmp_path / Path(name).name
        assert right in self._block(name)
        file.write_text(self._block(name).replace(right, wrong))
        with pytest.raises((AssertionError, SettingsError)):
            CHECKS[name](file)

    def test_a_built_image_is_waited_for_and_called_where_it_is(self) -> None:
        (job,) = yaml.safe_load(self._block(".github/workflows/built.yml"))["jobs"].values()
        scripts = [step["run"] for step in job["steps"] if "run" in step]
        starts, waits = scripts[1].replace("\\\n", "").splitlines()
        assert f"-p 127.0.0.1:{DEFAULT_PORT}:{IMAGE.the('EXPOSE')} " in starts
        assert " ".join(dockerfile.health().command) in waits
        assert {"AKOOL_BASE_URL": f"http://127.0.0.1:{DEFAULT_PORT}"} in [step.get("env") for step in job["steps"]]

    def test_akool_s_hosts_lead_to_the_fake(self) -> None:
        compose = yaml.safe_load(self._block("compose.hosts.yaml"))
        fake = compose["services"]["akool"]
        assert fake["networks"]["default"]["aliases"] == list(HOSTS)
        assert f"uid={IMAGE.the('USER').partition(':')[0]}," in compose["volumes"]["ca"]["driver_opts"]["o"]
        (job,) = yaml.safe_load(self._block(".github/workflows/hosts.yml"))["jobs"].values()
        options = job["services"]["akool"]["options"].split()
        assert options == [word for host in HOSTS for word in ("--network-alias", host)]
        pod = yaml.safe_load(self._block("kubernetes-hosts.yaml"))["spec"]["template"]["spec"]
        assert pod["hostAliases"] == [{"ip": "127.0.0.1", "hostnames": list(HOSTS)}]
        assert f"{pod['securityContext']['fsGroup']}" == IMAGE.the("USER").partition(":")[2]

    @pytest.mark.skipif(not _can_make_namespaces(), reason="the tests may not make namespaces here")
    @pytest.mark.parametrize("language", [pytest.param("node", marks=pytest.mark.slow), "python"])
    def test_an_app_with_akool_s_hosts_in_its_code(self, language: str, tmp_path: Path) -> None:
        """With the environments of the compose file, in a network in which the names are known."""
        if shutil.which(language) is None:
            pytest.skip(f"there is no {language}")
        services = yaml.safe_load(self._block("compose.hosts.yaml"))["services"]
        (tmp_path / "hosts").write_text(f"127.0.0.1 localhost {' '.join(HOSTS)}\n")
        (tmp_path / "app.mjs").write_text(
            f"console.log(await (await fetch('{_QUOTA}', {{ headers: {{ 'x-api-key': 'k' }} }})).text());"
        )
        (tmp_path / "app.py").write_text(
            "import urllib.request as u, requests\n"
            f"print(u.urlopen(u.Request('{_QUOTA}', headers={{'x-api-key': 'k'}})).read().decode())\n"
            f"assert requests.get('{_QUOTA}', headers={{'x-api-key': 'k'}}, timeout=20).ok\n"
        )
        ca, app = tmp_path / "ca", services[language]
        given = {name: str(value).replace("/ca", str(ca)) for name, value in services["akool"]["environment"].items()}
        wanted = {name: value.replace("/akool-ca/", f"{ca}/") for name, value in app["environment"].items()}
        command = [
            sys.executable if app["command"][0] == "python" else app["command"][0],
            app["command"][1].replace("/app/", f"{tmp_path}/"),
        ]
        script = f"""
        ip link set lo up
        mount --make-rprivate /
        mount --bind {tmp_path}/hosts /etc/hosts
        {sys.executable} -m mock_akool serve >{tmp_path}/log 2>&1 &
        trap "kill $!; wait" EXIT
        until {sys.executable} -m mock_akool health >/dev/null 2>&1; do kill -0 $!; sleep 0.1; done
        env {shlex.join(f"{name}={value}" for name, value in wanted.items())} {shlex.join(command)}
        """
        told = run("--mount", "--net", "bash", "-ec", script, command=["unshare"], variables=given)
        assert (told.stdout, told.returncode) == ('{"code":1000,"msg":"OK","data":{"credit":1000}}\n', 0), told.stderr

    def test_the_names_by_which_others_call_may_control(self) -> None:
        fake = yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]["akool"]
        assert fake["environment"][f"{PREFIX}ADMIN_HOSTS"] == "akool"
        deployment, application = yaml.safe_load_all(self._block("kubernetes.yaml"))
        (container,) = deployment["spec"]["template"]["spec"]["containers"]
        assert container["env"][0] == {"name": f"{PREFIX}ADMIN_HOSTS", "value": application["metadata"]["name"]}


@pytest.mark.slow
def test_the_page_uses_testcontainers_as_it_is(tmp_path: Path) -> None:
    """The docs' tests run the block with a stand-in, so here its types are checked against the library."""
    page = (ROOT / "docs" / "getting-started" / "container.md").read_text()
    (block,) = re.findall(r"(?s)```python\n(.*?)```", page)
    (tmp_path / "block.py").write_text(block)
    told = run(
        *("--check-untyped-defs", "--cache-dir", tmp_path / "cache", "block.py"),
        command=[sys.executable, "-m", "mypy"],
        folder=tmp_path,
        patience_s=installation.PATIENCE_S,
    )
    assert told.returncode == 0, told.stdout
