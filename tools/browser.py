"""The Chromium of this machine, with which tests, benchmarks and screenshots look at pages and videos."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from playwright.sync_api import Browser

_NAMES: Final = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
MISSING: Final = "there is no Chromium: install the package chromium, or say where it is by the variable CHROMIUM"
_FLAGS: Final = (
    # Its sandbox wants rights that root in a container does not have. It opens pages of this process only.
    "--no-sandbox",
    "--autoplay-policy=no-user-gesture-required",
)


def find_chromium() -> str | None:
    """Return the path of the program that the variable CHROMIUM names, or of one that is installed; None without."""
    return os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, _NAMES)), None)


@contextmanager
def launched(program: str) -> Iterator[Browser]:
    """Run the program, driven by Playwright, which the first run imports; it ends with the block."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=list(_FLAGS))
        yield browser
        browser.close()
