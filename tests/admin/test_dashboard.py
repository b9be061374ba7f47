"""The dashboard's files as a server sends them, and what the page says that the server says too."""

from __future__ import annotations

import http.client
import json
import re
import urllib.parse
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest

import mock_akool.admin
from mock_akool import MockAkool, Request, Server
from mock_akool.admin import Access
from mock_akool.admin.access import PAGE
from mock_akool.admin.dashboard import page_files
from mock_akool.admin.routes import ROUTES
from mock_akool.admin.routing import matched
from mock_akool.akool.codes import MESSAGES
from mock_akool.server.wsgi import create_app

FOLDER = Path(mock_akool.admin.__file__).parent / "dashboard"
MOST_BYTES = 120_000


class Answer:
    def __init__(self, server: Server, path: str, method: str = "GET", **headers: str) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
        try:
            connection.request(method, path, headers={name.replace("_", "-"): each for name, each in headers.items()})
            answer = connection.getresponse()
            self.status = answer.status
            self.headers = {name.lower(): value for name, value in answer.getheaders()}
            self.body = answer.read().decode()
        finally:
            connection.close()


@pytest.fixture
def mock() -> MockAkool:
    return MockAkool()


@pytest.fixture
def server(mock: MockAkool) -> Iterator[Server]:
    with mock.server() as running:
        yield running


class Page(HTMLParser):
    """What an HTML page refers to, and what in it would be code or style by itself."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.files: list[str] = []
        self.inline: list[str] = []
        self._within = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self._within = tag
        for name, value in attributes:
            if name in ("src", "href") and not (value or "").startswith("data:"):
                self.files.append(value or "")
            if name.startswith("on") or name == "style":
                self.inline.append(f"{tag} {name}")

    def handle_data(self, data: str) -> None:
        if self._within in ("script", "style") and data.strip():
            self.inline.append(data)

    def handle_endtag(self, tag: str) -> None:
        self._within = ""


# The files


def test_the_page_and_all_that_it_refers_to_is_there_with_its_type(server: Server) -> None:
    page = Answer(server, "/_mock/")
    assert (page.status, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    found = Page(page.body)
    assert not found.inline
    seen = {"report"}  # a link for people without JavaScript
    waiting = [each for each in found.files if each not in seen]
    kinds = set()
    while waiting:
        path = urllib.parse.urljoin("/_mock/", waiting.pop())
        if path in seen:
            continue
        seen.add(path)
        file = Answer(server, path)
        assert file.status == 200, path
        kinds.add(file.headers["content-type"])
        assert file.headers["x-content-type-options"] == "nosniff"
        if path.endswith(".js"):
            waiting += [urllib.parse.urljoin(path, each) for each in re.findall(r'from "([^"]+)"', file.body)]
    assert kinds == {"text/css; charset=utf-8", "text/javascript; charset=utf-8"}
    assert {f"/_mock/dashboard/{file.name}" for file in FOLDER.iterdir() if file.suffix in (".css", ".js")} <= seen


def test_together_they_are_small() -> None:
    assert sum(file.stat().st_size for file in FOLDER.iterdir() if file.is_file()) < MOST_BYTES


def test_they_name_no_address_of_elsewhere() -> None:
    for file in page_files().values():
        text = file.content.decode().replace("http://www.w3.org/2000/svg", "")
        assert not re.search(r"https?://|//cdn|@import|(?<!\w)url\(", text)


def test_nothing_in_them_makes_html_or_code_of_text() -> None:
    for path, file in page_files().items():
        found = re.findall(
            r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|new Function", file.content.decode()
        )
        assert not found, path


def test_the_policy_allows_nothing_inline_and_nothing_from_elsewhere(server: Server) -> None:
    for path in page_files():
        headers = Answer(server, path).headers
        policy = dict(each.strip().partition(" ")[::2] for each in headers["content-security-policy"].split(";"))
        assert policy["default-src"] == "'none'"
        assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == "'self'"
        assert policy["frame-ancestors"] == policy["form-action"] == policy["base-uri"] == "'none'"
        assert policy["require-trusted-types-for"] == "'script'"
        assert not re.search(r"unsafe|https?:|\*", headers["content-security-policy"])
        assert headers["x-frame-options"] == "DENY"
        assert headers["referrer-policy"] == "no-referrer"


def test_a_browser_asks_whether_its_copy_is_still_the_newest(server: Server) -> None:
    first = Answer(server, "/_mock/dashboard/app.js")
    assert first.headers["cache-control"] == "no-cache"
    again = Answer(server, "/_mock/dashboard/app.js", if_none_match=f'W/"other", {first.headers["etag"]}')
    assert (again.status, again.body) == (304, "")
    assert again.headers["etag"] == first.headers["etag"]
    assert Answer(server, "/_mock/dashboard/app.js", if_none_match='"other"').status == 200
    tags = {Answer(server, path).headers["etag"] for path in page_files()}
    assert len(tags) == len(page_files())


def test_a_head_has_no_body_and_other_methods_are_refused(server: Server) -> None:
    head = Answer(server, "/_mock/", "HEAD")
    assert (head.status, head.body) == (200, "")
    refused = Answer(server, "/_mock/", "POST")
    assert (refused.status, refused.headers["allow"]) == (405, "GET, HEAD")
    assert json.loads(refused.body)["hint"] == "It takes GET."


@pytest.mark.parametrize(
    "name", ["", "no.js", "../access.py", "..%2faccess.py", "index.html", "app.js/", "__init__.py"]
)
def test_nothing_else_is_sent(name: str, server: Server) -> None:
    answer = Answer(server, f"/_mock/dashboard/{name}")
    assert answer.status == 404
    assert "error" in json.loads(answer.body)


def test_looking_is_no_call(mock: MockAkool, server: Server) -> None:
    for path in ("/", *page_files()):
        assert Answer(server, path, accept="text/html").status == 200
    assert len(mock.calls) == 0


def test_it_is_there_in_flask_as_well() -> None:
    answer = create_app().test_client().get("/_mock/", headers={"host": "localhost"})
    assert answer.status_code == 200
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")


# Who may


def test_the_files_need_no_token_and_the_data_do() -> None:
    mock = MockAkool()
    mock.application.access = Access("s3cret")
    with mock.server() as server:
        assert {Answer(server, path).status for path in page_files()} == {200}
        assert Answer(server, "/_mock/jobs").status == 401
        assert Answer(server, "/_mock/events").status == 401
        assert Answer(server, "/_mock/jobs", authorization="Bearer s3cret").status == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"host": "evil.test"},
        {"host": "openapi.akool.com"},
        {"origin": "http://evil.test"},
        {"origin": "null"},
        {"sec_fetch_site": "cross-site", "sec_fetch_dest": "iframe"},
        {"sec_fetch_site": "same-site", "sec_fetch_dest": "script"},
        {"sec_fetch_site": "cross-site", "sec_fetch_dest": "document", "origin": "http://evil.test"},
    ],
)
def test_host_and_origin_are_checked_as_for_all_admin_routes(headers: dict[str, str], server: Server) -> None:
    if headers.get("host") == "openapi.akool.com":
        assert Answer(server, "/_mock/", **headers).status in (403, 404)
        return
    for path in page_files():
        assert Answer(server, path, **headers).status == 403


def test_a_link_from_elsewhere_may_lead_to_the_page_but_not_to_data(server: Server) -> None:
    link = {"sec_fetch_site": "cross-site", "sec_fetch_mode": "navigate", "sec_fetch_dest": "document"}
    assert Answer(server, "/_mock/", **link).status == 200
    assert Answer(server, "/_mock/jobs", **link).status == 403


@pytest.mark.parametrize("address", ["http://fake.test/", "https://proxy.test/akool/"])
def test_the_welcome_page_leads_to_it(address: str, server: Server) -> None:
    found = Page(Answer(server, "/", accept="text/html").body)
    assert urllib.parse.urljoin(address, found.files[0]) == f"{address}_mock/"


@pytest.mark.parametrize("address", ["http://fake.test/", "https://proxy.test/akool/"])
def test_a_browser_that_leaves_out_the_last_slash_is_led_to_it(address: str, server: Server) -> None:
    answer = Answer(server, "/_mock", accept="text/html,*/*")
    assert answer.status == 302
    assert urllib.parse.urljoin(f"{address}_mock", answer.headers["location"]) == f"{address}_mock/"
    assert Answer(server, "/_mock").status == 404, "programs are answered as by the API"


# What the page says


def test_it_knows_the_codes_in_the_servers_words() -> None:
    text = (FOLDER / "calls.js").read_text()
    said = {int(code): words for code, words in re.findall(r'^  (\d+): "(.*)",$', text, re.MULTILINE)}
    assert said == {int(code): words for code, words in MESSAGES.items()}


def test_it_asks_only_for_admin_routes_that_exist() -> None:
    asked = set()
    for file in FOLDER.glob("*.js"):
        text = file.read_text()
        for method, path in re.findall(r'\b(?:ask|act|send)\("(\w+)", ["`]([^"`]+)["`]', text):
            asked.add((method, path))
        asked |= {("GET", path) for path in re.findall(r'\bget\(["`]([^"`]+)["`]', text)}
    assert len(asked) > 12
    for method, path in asked:
        path = re.sub(r"\$\{path\([^}]*\)\}", "jobs/x", path)
        path = re.sub(r"\$\{[^}]*\}", "x", path)
        named = [
            pattern for known, pattern in ROUTES if known == method and matched(pattern, f"{PAGE}{path}") is not None
        ]
        steered = path in ("clock/x", "accounts/x", "jobs/x/x")
        assert named or steered, (method, path)


def test_in_process_it_is_answered_like_every_admin_route(mock: MockAkool) -> None:
    assert mock.answer(Request.build("GET", PAGE)).status == 200
