"""Where the Chromium of this machine is, with which tests, benchmarks and screenshots look at the dashboard."""

from __future__ import annotations

import os
import shutil
from typing import Final

_NAMES: Final = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
MISSING: Final = "there is no Chromium: install the package chromium, or say where it is by the variable CHROMIUM"
FLAGS: Final = (
    # Its sandbox wants rights that root in a container does not have. It opens pages of this process only.
    "--no-sandbox",
    "--autoplay-policy=no-user-gesture-required",
)


def find_chromium() -> str | None:
    """Return the path of the program that the variable CHROMIUM names, or of one that is installed; None without."""
    return os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, _NAMES)), None)
