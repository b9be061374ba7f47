"""A container engine that pulls nothing: buildah builds the image in a chroot, on a base that debootstrap makes.

The base is a Debian with Python and pip under the name of the Dockerfile's base. The wheels are fetched beforehand, by
the pip of this environment with its settings, since the build knows none of them. All of it is kept in the folder
`.image-test` of the repository, so that only the first run takes minutes; `make clean` removes it.
"""

from __future__ import annotations

import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any, Final, NamedTuple

from mock_akool import __version__
from tests.children import environment
from tests.installation import HOSTLESS
from tests.packaging import dockerfile
from tests.packaging.dockerfile import ROOT

PLACE: Final = ROOT / ".image-test"
PATIENCE_S: Final = 600.0
"""How long one command may take; the longest makes the base, from a mirror."""

SUITE: Final = "trixie"
"""The release of Debian that python:3.13-slim stands on, too."""
PYTHON: Final = "3.13"
"""Its Python."""
PACKAGES: Final = ("ca-certificates", "python-is-python3", "python3-pip", "python3-venv")

WANTED: Final = ("buildah", "debootstrap", "setpriv", "unshare", "nsenter", "ip")


def missing() -> str | None:
    """Return why no image can be built here, or None."""
    if sys.platform != "linux":
        return "the image is built on Linux only"
    if os.geteuid() != 0:
        return "debootstrap wants root"
    absent = [name for name in WANTED if shutil.which(name) is None]
    return f"not installed: {', '.join(absent)} (apt-get install buildah debootstrap iproute2)" if absent else None


class Image(NamedTuple):
    """An image in the store; `config` is what an engine runs it by."""

    name: str
    config: dict[str, Any]


def execute(*command: str | Path, **variables: str) -> str:
    """Run a command, which must end well; returns its standard output."""
    finished = subprocess.run(
        list(map(str, command)),
        cwd=ROOT,
        env=environment(**HOSTLESS, **variables),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        timeout=PATIENCE_S,
        check=False,
    )
    assert finished.returncode == 0, (
        f"{command[0]} ended with {finished.returncode}: {finished.stdout[-3000:]}" + (finished.stderr[-3000:])
    )
    return finished.stdout


def buildah(*arguments: str | Path) -> str:
    """Run buildah on the store of its own; returns its standard output."""
    store = PLACE / "store"
    store.mkdir(parents=True, exist_ok=True)
    places = ("--root", store, "--runroot", PLACE / "run")
    return execute("buildah", *places, *arguments, BUILDAH_ISOLATION="chroot").strip()


def base() -> str:
    """Return the name of the Dockerfile's base, which is made if it is not in the store."""
    return debian(f"docker.io/library/{dockerfile.stages()[0].base}", *PACKAGES)


def debian(full_name: str, *packages: str) -> str:
    """Return the name of an image of a minimal Debian with these packages, which is made if it is not in the store."""
    if full_name not in buildah("images", "--format", "{{.Name}}:{{.Tag}}").split():
        root = PLACE / "base"
        shutil.rmtree(root, ignore_errors=True)
        root.mkdir(parents=True)
        try:
            execute("debootstrap", "--variant=minbase", f"--include={','.join(packages)}", SUITE, root, *_mirror())
            container = buildah("from", "scratch")
            buildah("add", "--quiet", container, root, "/")
            buildah("commit", "--quiet", "--rm", container, full_name)
        finally:
            shutil.rmtree(root, ignore_errors=True)
    return full_name


def _mirror() -> list[str]:
    """Return the mirror that this machine's apt uses for Debian, or nothing for debootstrap's own choice."""
    if shutil.which("apt-get") is None:
        return []
    targets = execute("apt-get", "indextargets", "--format", "$(REPO_URI)", "Created-By: Packages").split()
    return [uri for uri in targets if re.fullmatch(r"https?://[^/]+/debian/?", uri)][:1]


def index_access() -> list[str]:
    """Return what gives pip in a container the same indexes as here: options of `buildah run`.

    These are pip's own settings and variables, and the files and folders that they name.
    """
    told = execute(sys.executable, "-m", "pip", "config", "debug")
    files = [Path(file) for file in re.findall(r"(?m)^\s+(/\S+), exists: True$", told)]
    said = "\n".join([*(file.read_text() for file in files), *map(str, _variables().values())])
    named = {Path(path) for path in re.findall(r"(?:file://)?(/[\w./-]+)", said) if Path(path).exists()}
    # The pages of an index on disk link to files that are not below them.
    named = {path.parent if path.name == "simple" else path for path in named}
    volumes = [f"{path}:{path}:ro" for path in sorted({*files, *named})]
    return [
        *(word for volume in volumes for word in ("--volume", volume)),
        *(word for name, value in _variables().items() for word in ("--env", f"{name}={value}")),
    ]


def _variables() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name.startswith("PIP_") or name == "SSL_CERT_FILE"}


def wheels() -> Path:
    """Return the folder with the wheels that the build installs."""
    folder = PLACE / "wheels"
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    tags = (f"--platform={tag}_{platform.machine()}" for tag in ("manylinux2014", "manylinux_2_17", "manylinux_2_28"))
    execute(
        *(sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--dest", folder),
        *("--only-binary=:all:", f"--python-version={PYTHON}", "--implementation=cp", *tags),
        *project["project"]["dependencies"],
        *project["build-system"]["requires"],
    )
    return folder


def build() -> Image:
    """Build the image by the Dockerfile, and return it."""
    made_base, folder = base(), wheels()
    settings = PLACE / "pip.conf"
    settings.write_text("[global]\nno-index = true\nfind-links = /wheels-of-others\n")
    # This option of the health check is newer than the buildah of Debian 12.
    file = PLACE / "Dockerfile"
    file.write_text(re.sub(r"--start-interval=\S+ ", "", dockerfile.DOCKERFILE.read_text()))
    buildah(
        *("build", "--isolation=chroot", "--format=docker", "--pull-never", "--layers", "--quiet"),
        *("--build-arg", f"VERSION={__version__}"),
        *("--volume", f"{settings}:/etc/pip.conf:ro", "--volume", f"{folder}:/wheels-of-others:ro"),
        *("--file", file, "--tag", "mock-akool", "."),
    )
    assert made_base
    described = json.loads(buildah("inspect", "--type=image", "mock-akool"))
    return Image("mock-akool", described["Docker"]["config"])
