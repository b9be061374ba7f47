"""The image itself, built by the Dockerfile and run as an engine runs it: `make image-test`.

It runs as process 1 of namespaces of its own, by the image's user without a capability, on a read-only root. Wants
Linux, root, buildah and debootstrap; where these are not there, the tests are skipped and say so.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from mock_akool import __version__
from mock_akool.server.addresses import DEFAULT_PORT
from tests.children import PATIENCE_S, Child, run
from tests.packaging import dockerfile, engine
from tests.packaging.engine import Image
from tests.packaging.test_container import CLIENT

pytestmark = [
    pytest.mark.image,
    pytest.mark.skipif(engine.missing() is not None, reason=f"no image can be built here: {engine.missing()}"),
]

MOST_ADDED_MB: Final = 50.0

NAMESPACES: Final = ("unshare", "--mount", "--net", "--pid", "--fork")
PREPARE: Final = """
set -eu
mount --make-rprivate /
mount --rbind "$ROOT" "$ROOT"
mount -t proc proc "$ROOT/proc"
mkdir -p "$ROOT$FOLDER"
mount -o remount,bind,ro "$ROOT"
ip link set lo up
exec chroot "$ROOT" "$@"
"""


@pytest.fixture(scope="module")
def image() -> Image:
    return engine.build()


@pytest.fixture(scope="module")
def root(image: Image) -> Iterator[Path]:
    """The image's files."""
    with _Mounted(image.name) as place:
        yield place


class _Mounted:
    """The files of an image, while the block runs."""

    def __init__(self, image: str) -> None:
        self._container = engine.buildah("from", "--pull-never", image)

    def __enter__(self) -> Path:
        return Path(engine.buildah("mount", self._container))

    def __exit__(self, *error: object) -> None:
        engine.buildah("rm", self._container)


def _size_mb(root: Path) -> float:
    files = (Path(folder, name).lstat() for folder, _, names in os.walk(root) for name in names)
    return sum(file.st_size for file in files) / 1e6


class Running:
    """The image's command, as an engine runs it."""

    def __init__(self, image: Image, root: Path) -> None:
        user, group = image.config["User"].split(":")
        self._as_its_user = [
            *("/usr/bin/setpriv", f"--reuid={user}", f"--regid={group}", "--clear-groups", "--no-new-privs"),
            *("--inh-caps=-all", "--bounding-set=-all"),
            *("env", "-i", f"--chdir={image.config['WorkingDir']}", *image.config["Env"]),
        ]
        command = [*image.config["Entrypoint"], *image.config["Cmd"]]
        settings = ["MOCK_AKOOL_QUEUEING=0", "MOCK_AKOOL_PROCESSING=1 poll"]
        self.child = Child(
            command=[*NAMESPACES, "sh", "-c", PREPARE, "sh", *self._as_its_user, *settings, *command],
            variables={"ROOT": str(root), "FOLDER": image.config["WorkingDir"]},
        )
        self._root = root

    @property
    def process(self) -> int:
        """The process id outside of what is process 1 inside."""
        outer = self.child.process.pid
        (inner,) = Path(f"/proc/{outer}/task/{outer}/children").read_text().split()
        return int(inner)

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Run a command beside the server, as `docker exec` does."""
        into = ["nsenter", f"--target={self.process}", "--mount", "--net", "--pid", "chroot", str(self._root)]
        return run(command=[*into, *self._as_its_user, *command])

    def stop(self) -> int:
        """Send the image's stop signal; returns the exit code."""
        os.kill(self.process, signal.Signals[dockerfile.image().the("STOPSIGNAL")])
        return self.child.process.wait(PATIENCE_S)


@pytest.fixture
def running(image: Image, root: Path) -> Iterator[Running]:
    started = Running(image, root)
    with started.child:
        try:
            started.child.said(rf"listens on http://0\.0\.0\.0:{DEFAULT_PORT} ")
            yield started
        finally:
            if started.child.process.poll() is None:
                os.kill(started.process, signal.SIGKILL)


def test_it_is_what_the_dockerfile_says(image: Image) -> None:
    said = dockerfile.image()
    assert image.config["User"] == said.the("USER")
    assert image.config["Entrypoint"] == said.command("ENTRYPOINT")
    assert image.config["Cmd"] == said.command("CMD")
    assert image.config["WorkingDir"] == said.the("WORKDIR")
    assert image.config["StopSignal"] == said.the("STOPSIGNAL")
    assert list(image.config["ExposedPorts"]) == [f"{said.the('EXPOSE')}/tcp"]
    assert image.config["Healthcheck"]["Test"] == ["CMD", *dockerfile.health().command]


def test_it_is_of_the_version_that_the_build_was_given(image: Image, running: Running) -> None:
    assert image.config["Labels"]["org.opencontainers.image.version"] == __version__
    assert running.run("mock-akool", "--version").stdout == f"mock-akool {__version__}\n"


def test_it_adds_little_to_its_base(root: Path) -> None:
    with _Mounted(engine.base()) as base:
        added_mb = _size_mb(root) - _size_mb(base)
    print(f"the image adds {added_mb:.1f} MB to its base")
    assert 10 < added_mb <= MOST_ADDED_MB


def test_it_has_no_tools_of_the_build(root: Path) -> None:
    assert not list(root.glob("opt/mock-akool/bin/pip*"))
    assert not (root / "usr" / "bin" / "strip").exists()
    assert not (root / "src").exists()


def test_it_runs_as_its_user_without_rights_and_cannot_write(running: Running) -> None:
    said = Path(f"/proc/{running.process}/status").read_text()
    user, group = dockerfile.image().the("USER").split(":")
    assert re.findall(r"(?m)^[UG]id:\t(\d+)\t", said) == [user, group]
    assert set(re.findall(r"(?m)^Cap\w+:\t(\w+)", said)) == {"0" * 16}
    assert re.findall(r"(?m)^NSpid:\t\d+.*\t(\d+)$", said) == ["1"]
    for folder in (".", "/tmp", "/var/tmp", "/opt/mock-akool"):
        assert "Read-only file system" in running.run("touch", f"{folder}/something").stderr


def test_it_is_healthy_makes_a_job_to_its_file_and_ends_well(running: Running) -> None:
    healthy = running.run(*dockerfile.health().command)
    assert (healthy.returncode, healthy.stderr) == (0, "")
    told = running.run("python", "-c", CLIENT % DEFAULT_PORT)
    assert (told.stdout, told.stderr) == ("3 b'\\xff\\xd8'\n", "")
    assert running.stop() == 0
    assert [line for line in running.child.err.splitlines() if " -> 200 " not in line] == []


SEAL = """
import yaml.cyaml, uvloop, httptools
from mock_akool.webhooks import open_envelope, seal
sealed = seal({"status": 3}, client_id="my-id", client_secret="0123456789abcdef")
print(open_envelope(sealed, "my-id", "0123456789abcdef"))
"""


def test_its_compiled_modules_work_though_they_were_made_smaller(running: Running) -> None:
    told = running.run("python", "-c", SEAL)
    assert (told.stdout, told.stderr) == ("{'status': 3}\n", "")
