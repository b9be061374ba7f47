"""Draws the images of the dashboard in the docs: `make screenshots`. It wants Chromium.

The fake's clock and chance are fixed, so that the same page gives nearly the same images.
"""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from PIL import Image

from mock_akool import MockAkool, Request, SteeredClock
from tools.browser import MISSING, find_chromium, launched

if TYPE_CHECKING:
    from playwright.sync_api import Page

FOLDER: Final = Path(__file__).resolve().parents[1] / "docs" / "images"
_COLOURS: Final = 256
_START_NS: Final = 1_767_261_600_000_000_000  # 2026-01-01T10:00:00Z
_KEY: Final = "nmwUjMAK0PJpl0MOiXLOOOwZADm0gkLo"
_OTHER: Final = "team-two-0PJpl0MOiXLOOOwZADm0gkL"
_IMAGE: Final = "/api/open/v3/content/image"
_SETTLED_MS: Final = 1500


class Shot(NamedTuple):
    """An image: its name after `dashboard-`, the view and what is open in it, and how the page is looked at."""

    name: str
    where: str
    scheme: str = "light"
    width: int = 1280
    height: int = 760
    then: Callable[[Page], object] = lambda page: None


def _play(mock: MockAkool) -> dict[str, str]:
    """Let clients do what is seen in the images; return the ids of jobs by their prompts."""
    ids: dict[str, str] = {}

    def ask(method: str, path: str, body: Mapping[str, Any] | None = None, query: str = "", key: str = _KEY) -> Any:
        headers = {"x-api-key": key, "content-type": "application/json", "user-agent": "my-app/1.4"}
        sent = b"" if body is None else json.dumps(body).encode()
        host = {"host": "127.0.0.1:25665"}
        answer = mock.answer(Request.build(method, path, query, {**host, **headers}, sent, transport="server"))
        is_json = dict(answer.headers).get("content-type", "").startswith("application/json")
        return json.loads(answer.body) if is_json and answer.body else None

    def job(prompt: str, stages: list[Any], elapsed: str = "0s", account: str = _KEY, **more: Any) -> None:
        body = {"account": account, "request": {"prompt": prompt, **more.pop("request", {})}, "stages": stages}
        made = ask("POST", "/_mock/jobs", {**body, "elapsed": elapsed, **more})
        ids[prompt] = made["jobs"][0]["_id"]

    life = [{"queueing": "4s"}, {"processing": "12s"}, "completed"]
    job("a lighthouse at dawn, oil on canvas", life, "40s")
    job("a red fox in the snow", life, "35s")
    job("portrait of a sailor", [*life[:2], {"failed": ["no face found"]}], "30s", _OTHER)
    job("a street in Lisbon after rain", life, "24s", endpoint="createBySourcePrompt")
    job("waits for three polls", [{"processing": "3 polls"}, "completed"], "9s", polls=1)
    job("stuck in the queue", [{"queueing": "forever"}], "8s", _OTHER)
    ask("PUT", "/_mock/scenario", {"scenario": "flaky-gateway"})
    made = ask(
        "POST", f"{_IMAGE}/createbyprompt", {"prompt": "a harbour at night", "webhookUrl": "http://127.0.0.1:9/hook"}
    )
    harbour = ids["a harbour at night"] = made["data"]["_id"]
    ask("POST", f"{_IMAGE}/createbyprompt", {"promt": "a typing mistake"})
    for seconds in (1, 2, 2):
        ask("POST", "/_mock/clock/advance", {"seconds": seconds})
        ask("GET", f"{_IMAGE}/infobymodelid", query=f"image_model_id={harbour}")
    ask("GET", f"{_IMAGE}/infobymodelid", query="image_model_id=undefined")
    job("a paper boat", life, "6s")
    ask("GET", "/api/open/v3/faceswap/quota/info")
    return ids


def _write_scenario(page: Page) -> None:
    page.locator("summary", has_text="Write one").click()
    text = "description: The second poll fails.\nrules:\n  - on: infobymodelid\n    nth: 2\n    fualt: {http: 502}\n"
    page.get_by_label("Scenario, as YAML").fill(text)
    page.locator(".mistakes .link").first.wait_for()


def shots(ids: Mapping[str, str]) -> tuple[Shot, ...]:
    """Return what is drawn, of a fake with these jobs."""
    return (
        Shot("jobs", f"jobs/{ids['a red fox in the snow']}"),
        Shot("jobs-dark", "jobs", "dark"),
        Shot("calls", "calls/2"),
        Shot("calls-dark", "calls/3", "dark"),
        Shot("scenarios", "scenarios", then=_write_scenario),
        Shot("narrow", "jobs", "dark", 360, 700),
    )


def _small(png: bytes) -> bytes:
    """Return the same image with fewer colours, which a page has anyway."""
    out = io.BytesIO()
    with Image.open(io.BytesIO(png)) as image:
        fewer = image.convert("RGB").quantize(_COLOURS, Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE)
        fewer.save(out, "PNG", optimize=True)
    return out.getvalue()


def main(folder: Path = FOLDER) -> int:
    """Draw all images into a folder; returns the exit code."""
    program = find_chromium()
    if program is None:
        print(f"no screenshots: {MISSING}", file=sys.stderr)
        return 1
    clock = SteeredClock(_START_NS)
    clock.freeze()
    mock = MockAkool(clock=clock, queueing="4s", processing="12s")
    with mock.server() as server, launched(program) as browser:
        ids = _play(mock)
        for shot in shots(ids):
            context = browser.new_context(
                viewport={"width": shot.width, "height": shot.height},
                color_scheme="dark" if shot.scheme == "dark" else "light",
                timezone_id="UTC",
                reduced_motion="reduce",
            )
            page = context.new_page()
            page.clock.set_fixed_time(clock.now_ns() / 1e9)  # the page says how far the fake's clock is from its own
            page.goto(f"{server.url}/_mock/#{shot.where}")
            page.locator("#live[data-state=live]").wait_for()
            # It is of a release, whichever draws it.
            page.evaluate("document.getElementById('version').textContent = ''")
            shot.then(page)
            page.wait_for_timeout(_SETTLED_MS)  # until small images are there
            file = folder / f"dashboard-{shot.name}.png"
            file.write_bytes(_small(page.screenshot()))
            print(f"{file.name}: {file.stat().st_size // 1000} kB")
            context.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
