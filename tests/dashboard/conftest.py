"""A Chromium of this machine, driven by Playwright, that looks at a fake of this process."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

import pytest

from mock_akool import MockAkool, Server, SteeredClock
from mock_akool.admin import Access
from tests.admin.conftest import Fake
from tools.browser import MISSING, find_chromium, launched

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Locator, Page

PATIENCE_MS: Final = 8_000


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """The browser; of one module, since Playwright's event loop would be in the way of tests that have their own."""
    program = find_chromium()
    if program is None:
        pytest.skip(MISSING)
    with launched(program) as running:
        yield running


class Dashboard:
    """The page of a fake, and the fake."""

    def __init__(self, page: Page, server: Server, fake: Fake) -> None:
        self.page = page
        self.server = server
        self.fake = fake
        self.errors: list[str] = []
        page.set_default_timeout(PATIENCE_MS)
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("console", lambda message: self._noted(message.type, message.text))

    def _noted(self, kind: str, text: str) -> None:
        # A status that the page handles, such as 401, and a lost connection are written there by the browser itself.
        if kind in ("error", "warning") and not text.startswith("Failed to load resource"):
            self.errors.append(text)

    def open(self, view: str = "jobs", key: str = "") -> None:
        """Open a view, and wait until the page is live."""
        self.page.goto(f"{self.server.url}/_mock/#{view}{f'/{quote(key)}' if key else ''}")
        self.page.locator("#live[data-state=live]").wait_for()

    def go(self, view: str) -> None:
        """Go to a view by its tab."""
        self.page.locator(f"#tab-{view}").click()

    @property
    def account(self) -> Locator:
        """The field that narrows all views to one account."""
        return self.page.get_by_role("combobox", name="Account", exact=True)

    def view(self, name: str) -> Locator:
        return self.page.locator(f"#view-{name}")

    def rows(self, view: str) -> Locator:
        return self.view(view).locator("[role=option]")  # those of a select have no such attribute

    def detail(self, view: str) -> Locator:
        return self.view(view).locator(".detail")

    def button(self, name: str, within: Locator | None = None) -> Locator:
        return (within or self.page).get_by_role("button", name=name, exact=True)


Open = Callable[..., Dashboard]


@pytest.fixture
def look(browser: Browser) -> Iterator[Open]:
    """Return a function that opens the page of a new fake; it must have had no error in the end."""
    from contextlib import ExitStack

    with ExitStack() as stack:
        opened: list[Dashboard] = []

        def look_at(
            mock: MockAkool | None = None,
            *,
            token: str | None = None,
            width: int = 1280,
            height: int = 800,
            **more: Any,
        ) -> Dashboard:
            mock = mock or MockAkool(clock=SteeredClock(), queueing="forever")
            if token is not None:
                mock.application.access = Access(token)
            server = stack.enter_context(mock.server())
            context = browser.new_context(viewport={"width": width, "height": 800}, reduced_motion="reduce", **more)
            stack.callback(context.close)
            opened.append(Dashboard(context.new_page(), server, Fake(mock)))
            return opened[-1]

        yield look_at
        assert [error for each in opened for error in each.errors] == []
