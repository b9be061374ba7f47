"""The wheel, and an environment that holds it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests import installation
from tests.installation import Installed


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel; beside it are the source distribution that it is made from, and the copy of the sources."""
    place = installation.made_once(tmp_path_factory, "wheel", installation.build_wheel)
    (made,) = place.glob("*.whl")
    return made


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the image's build stage makes, in a folder instead of the image's root."""
    return installation.made_once(tmp_path_factory, "image", installation.build_image)


@pytest.fixture(scope="session")
def installed(built: Path) -> Installed:
    """The environment that the image's build makes; what uses it runs at length only, since the build takes long."""
    return Installed(built / "opt" / "mock-akool" / "bin", built / "elsewhere")
