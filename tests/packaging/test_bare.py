"""A clean clone on a bare Debian with nothing but Python, make and git: `make demo` and `make test` work there.

`make bare-test` makes the Debian by debootstrap, as `make image-test` does, and takes as long as `make test`.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from typing import Final

import pytest

from tests.packaging import engine
from tests.packaging.dockerfile import ROOT

pytestmark = [
    pytest.mark.bare,
    pytest.mark.skipif(engine.missing() is not None, reason=f"no Debian can be made here: {engine.missing()}"),
]

PACKAGES: Final = ("ca-certificates", "git", "make", "python3", "python3-venv")
PATIENCE_S: Final = 3600.0


@pytest.fixture(scope="module")
def container() -> Iterator[str]:
    """A bare Debian with a clone of the last commit at /clone."""
    name = engine.buildah("from", "--pull-never", engine.debian("localhost/bare", *PACKAGES))
    clone = engine.PLACE / "clone"
    shutil.rmtree(clone, ignore_errors=True)
    try:
        engine.execute("git", "clone", "--quiet", "--no-hardlinks", ROOT, clone)
        engine.buildah("add", "--quiet", name, clone, "/clone")
        yield name
    finally:
        shutil.rmtree(clone, ignore_errors=True)
        engine.buildah("rm", name)


def _make(container: str, target: str) -> tuple[int, str]:
    """Run a target in the clone; returns the exit code and what was printed."""
    store = ("--root", str(engine.PLACE / "store"), "--runroot", str(engine.PLACE / "run"))
    options = ("--isolation=chroot", "--workingdir=/clone", *engine.index_access())
    told = subprocess.run(
        ["buildah", *store, "run", *options, container, "--", "make", target],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        timeout=PATIENCE_S,
        check=False,
    )
    return told.returncode, told.stdout[-5000:]


def test_the_demo_plays(container: str) -> None:
    code, out = _make(container, "demo")
    assert code == 0, out
    assert "11 images in" in out


def test_the_tests_pass(container: str) -> None:
    code, out = _make(container, "test")
    assert code == 0, out
    print(out.splitlines()[-1])
    assert " passed" in out
