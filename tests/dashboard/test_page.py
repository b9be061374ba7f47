"""The dashboard in Chromium: what it shows, what it does, and what it must not do."""

from __future__ import annotations

import json
import re
import shlex
import time
from importlib import resources
from typing import TYPE_CHECKING, Any, Final

import pytest

from mock_akool import MockAkool, Request, SteeredClock
from tests.admin.conftest import IMAGE, KEY, OTHER
from tests.dashboard.conftest import PATIENCE_MS, Dashboard, Open

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page, Route

HOOK: Final = "http://127.0.0.1:9/hook"
WHOLE: Final = 0.99
"""The part of a thing that is in sight where all of it is: Chromium scrolls by whole pixels."""

slow = pytest.mark.slow


def expect(what: Locator | Page) -> Any:
    from playwright.sync_api import expect as wanted

    wanted.set_options(timeout=PATIENCE_MS)
    return wanted(what)


def made(page: Dashboard, account: str = KEY, **fields: Any) -> str:
    """Make a job by the admin API, and return its id."""
    job: str = page.fake.ask("POST", "jobs", account=account, **fields)["jobs"][0]["_id"]
    return job


LIFE: Final = [{"queueing": "10s"}, {"processing": "20s"}, "completed"]


# What `make test` looks at


def test_it_opens_and_shows_jobs_as_they_come_with_nothing_else_asked(look: Open) -> None:
    page = look()
    asked: list[str] = []
    page.page.on("request", lambda request: asked.append(request.url))
    page.open()
    expect(page.view("jobs").locator(".empty")).to_be_visible()
    first = page.fake.create(prompt="a red fox")
    expect(page.rows("jobs")).to_have_count(1)
    second = page.fake.create(prompt="a lighthouse")
    expect(page.rows("jobs")).to_have_count(2)
    expect(page.rows("jobs").nth(0)).to_contain_text("a lighthouse")
    expect(page.rows("jobs").nth(1)).to_contain_text("queueing")
    page.rows("jobs").nth(1).click()
    expect(page.detail("jobs").locator("h2")).to_contain_text(first)
    page.button("Fail", page.detail("jobs")).click()
    expect(page.rows("jobs").nth(1)).to_contain_text("failed")
    page.go("calls")
    expect(page.rows("calls")).to_have_count(2)
    assert page.fake.ask("GET", f"jobs/{second}")["status"] == "queueing"
    assert {url.split("/_mock/")[0] for url in asked if not url.startswith(("data:", "blob:"))} == {page.server.url}
    assert len(page.fake.mock.calls) == 2, "what the page reads is no call"


# Jobs


@slow
def test_a_bar_fills_as_the_clock_runs_and_words_say_the_status(look: Open) -> None:
    page = look()
    page.open()
    page.button("Freeze").click()
    expect(page.button("Run")).to_be_visible()
    made(page, stages=LIFE)
    row = page.rows("jobs").first
    expect(row).to_contain_text("queueing 10.0 s left")
    page.button("+1 s").click()
    page.button("+1 s").click()
    expect(row).to_contain_text("queueing 8.0 s left")
    filled = row.locator(".bar .queueing i")
    expect(filled).to_have_css("transform", "matrix(0.2, 0, 0, 1, 0, 0)")
    page.button("+10 s").click()
    expect(row).to_contain_text("processing 18.0 s left")
    page.button("Next change").click()
    expect(row).to_contain_text("completed")
    expect(row.locator(".end.there")).to_have_text("✓")


@slow
def test_stages_that_count_polls_or_never_end(look: Open) -> None:
    page = look()
    page.open()
    job = made(page, stages=[{"processing": "3 polls"}, {"failed": ["no face"]}])
    made(page, stages=[{"queueing": "forever"}])
    expect(page.rows("jobs").nth(0)).to_contain_text("queueing forever")
    expect(page.rows("jobs").nth(1)).to_contain_text("processing 0 of 3 polls")
    page.fake.poll(job)
    expect(page.rows("jobs").nth(1)).to_contain_text("processing 1 of 3 polls")
    page.fake.poll(job)
    page.fake.poll(job)
    expect(page.rows("jobs").nth(1)).to_contain_text("failed")


@slow
def test_what_can_be_done_with_a_job(look: Open) -> None:
    page = look()
    job = made(page, stages=LIFE)
    other = made(page, stages=LIFE)
    page.open("jobs", job)
    detail = page.detail("jobs")
    detail.get_by_label("Reasons of the failure").fill("no face; too dark")
    page.button("Fail", detail).click()
    expect(detail.locator(".status.big")).to_have_text("✕ failed")
    assert page.fake.poll(job)["error_reasons"]
    assert page.fake.ask("GET", f"jobs/{job}")["stages"][-1] == {"failed": ["no face", "too dark"]}
    expect(detail).to_contain_text("no face; too dark")
    page.rows("jobs").first.click()
    expect(detail.locator("h2")).to_contain_text(other)
    page.button("Stall", detail).click()
    expect(detail.locator(".status.big")).to_contain_text("forever")
    page.button("Complete", detail).click()
    expect(detail.locator(".status.big")).to_have_text("✓ completed")
    page.button("Delete", detail).click()
    page.button("Cancel").click()
    expect(page.rows("jobs")).to_have_count(2)
    page.button("Delete", detail).click()
    page.button("Delete", page.page.get_by_role("dialog")).click()
    expect(page.rows("jobs")).to_have_count(1)
    assert [each["_id"] for each in page.fake.ask("GET", "jobs")["jobs"]] == [job]


@slow
def test_a_refusal_is_shown_with_what_would_do(look: Open) -> None:
    page = look()
    job = made(page, stages=["completed"])
    page.open("jobs", job)
    page.button("Stall", page.detail("jobs")).click()
    expect(page.page.locator(".toast.bad")).to_contain_text("Call it before the job's end")


@slow
def test_images_are_seen_small_and_open_large(look: Open) -> None:
    page = look()
    job = made(page, stages=["completed"])
    page.open("jobs", job)
    expect(page.rows("jobs").first.locator(".thumb img")).to_be_visible()
    files = page.detail("jobs").locator(".file")
    expect(files).to_have_count(5)
    files.nth(1).click()
    image = page.page.get_by_role("dialog").locator("img")
    expect(image).to_be_visible()
    assert image.evaluate("each => each.decode().then(() => each.naturalWidth)") >= 512
    page.page.keyboard.press("Escape")
    expect(page.page.get_by_role("dialog")).to_have_count(0)
    assert len(page.fake.mock.calls) == 0


def _of_kind(page: Dashboard, kind: str) -> str:
    """Make a completed job whose first file is of a kind, whatever family has such."""
    from mock_akool.akool.families import CREATES

    for endpoint, create in CREATES.items():
        if create.parent is None:
            body = {"account": KEY, "endpoint": endpoint, "request": dict(create.example), "stages": ["completed"]}
            status, said = page.fake.raw("POST", "/_mock/jobs", "", json.dumps(body).encode())
            if status == 201:
                job: str = said["jobs"][0]["_id"]
                files = page.fake.ask("GET", f"jobs/{job}/files")["files"]
                if files and files[0]["type"].startswith(kind):
                    return job
    raise AssertionError(f"no family makes {kind}")


@slow
@pytest.mark.parametrize("kind", ["video", "audio"])
def test_videos_and_sounds_play(kind: str, look: Open) -> None:
    page = look()
    job = _of_kind(page, kind)
    page.open("jobs", job)
    page.detail("jobs").locator(".file").first.click()
    player = page.page.get_by_role("dialog").locator(kind)
    expect(player).to_be_visible()
    seconds = player.evaluate(
        "each => new Promise((done, failed) => { each.onerror = () => failed(each.error.message);"
        " const look = () => each.readyState > 1 ? done(each.duration) : setTimeout(look, 20); look(); })"
    )
    assert seconds > 0


@slow
def test_jobs_are_filtered_by_family_status_account_and_text(look: Open) -> None:
    page = look()
    made(page, request={"prompt": "a red fox"}, stages=["completed"])
    made(page, OTHER, request={"prompt": "a blue fox"}, stages=LIFE)
    made(page, endpoint="createBySourcePrompt", request={"prompt": "a red house"}, stages=["failed"])
    page.open()
    view, rows = page.view("jobs"), page.rows("jobs")
    expect(rows).to_have_count(3)
    view.get_by_label("Filter jobs").fill("FOX")
    expect(rows).to_have_count(2)
    view.get_by_label("Status").select_option("completed")
    expect(rows).to_have_count(1)
    expect(rows.first).to_contain_text("a red fox")
    view.get_by_label("Filter jobs").fill("")
    view.get_by_label("Status").select_option("")
    view.get_by_label("Family").select_option("image_v4")
    expect(rows).to_have_count(1)
    expect(rows.first).to_contain_text("a red house")
    view.get_by_label("Family").select_option("")
    page.account.fill(OTHER)
    expect(rows).to_have_count(1)
    expect(rows.first).to_contain_text("a blue fox")
    page.page.reload()
    expect(rows).to_have_count(1)
    page.account.fill("nobody's")
    expect(rows).to_have_count(0)


@slow
def test_a_status_that_is_filtered_for_is_reached_as_time_goes_on(look: Open) -> None:
    page = look()
    page.open()
    page.view("jobs").get_by_label("Status").select_option("completed")
    made(page, stages=[{"processing": "1s"}, "completed"])
    expect(page.rows("jobs")).to_have_count(1)


# Calls


@slow
def test_a_call_says_all_that_is_known_of_it(look: Open) -> None:
    page = look()
    page.open("calls")
    page.fake.raw(
        "POST", f"{IMAGE}/createbyprompt", "", b'{"promt": "x"}', {"x-api-key": KEY, "content-type": "application/json"}
    )
    row = page.rows("calls").first
    expect(row).to_contain_text("createbyprompt")
    expect(row).to_contain_text("✕ 1003 parameter validate error")
    row.click()
    detail = page.detail("calls")
    expect(detail.locator(".why")).to_contain_text("prompt")
    expect(detail).to_contain_text('"promt": "x"')
    expect(detail).to_contain_text('"code": 1003')
    text = detail.inner_text()
    assert KEY[:7] in text
    assert KEY not in detail.locator(".headers").first.inner_text(), "secrets are shortened"


@slow
def test_a_call_says_which_rule_answered(look: Open) -> None:
    page = look()
    page.fake.ask("POST", "scenario/rules", rules=[{"name": "my rule", "on": "infobymodelid", "fault": {"http": 502}}])
    job = page.fake.create()
    page.fake.poll(job)
    page.open("calls", "2")
    expect(page.detail("calls").locator(".why")).to_contain_text("my rule")
    expect(page.rows("calls").first).to_contain_text("HTTP 502")


@slow
def test_the_calls_of_a_job(look: Open) -> None:
    page = look()
    first = page.fake.create()
    page.fake.create()
    page.fake.poll(first)
    page.open("jobs", first)
    page.button("Its calls", page.detail("jobs")).click()
    expect(page.rows("calls")).to_have_count(2)
    page.rows("calls").first.click()
    page.button(first, page.detail("calls")).click()
    expect(page.detail("jobs").locator("h2")).to_contain_text(first)


@slow
def test_a_call_is_copied_as_curl_which_asks_the_same(look: Open) -> None:
    page = look(permissions=["clipboard-read", "clipboard-write"])
    prompt = 'it\'s a "fox" $HOME `x` \\ \n ü'
    page.fake.create(prompt=prompt)
    page.open("calls", "1")
    page.button("Copy as curl", page.detail("calls")).click()
    expect(page.page.locator(".toast")).to_contain_text("copied")
    command, url, *words = shlex.split(page.page.evaluate("navigator.clipboard.readText()"))
    assert (command, url) == ("curl", f"{page.server.url}{IMAGE}/createbyprompt")
    given = dict(zip(words[::2], words[1::2], strict=True))
    assert given["-X"] == "POST"
    assert f"x-api-key: {KEY}" in words
    assert json.loads(given["--data-binary"])["prompt"] == prompt


@slow
def test_below_a_path_of_a_proxy_it_asks_and_copies_below_it(look: Open) -> None:
    page = look(permissions=["clipboard-read", "clipboard-write"])
    page.page.route("**/akool/**", lambda route: route.continue_(url=route.request.url.replace("/akool/", "/", 1)))
    page.page.goto(f"{page.server.url}/akool/")
    page.page.get_by_role("link", name="Open the dashboard").click()
    expect(page.page.locator("#live")).to_have_text("live")
    assert page.page.url == f"{page.server.url}/akool/_mock/"
    page.fake.create()
    page.go("calls")
    page.rows("calls").first.click()
    page.button("Copy as curl").click()
    expect(page.page.locator(".toast")).to_have_text("Command copied")
    words = shlex.split(page.page.evaluate("navigator.clipboard.readText()"))
    assert words[:2] == ["curl", f"{page.server.url}/akool{IMAGE}/createbyprompt"]


@slow
def test_a_rule_is_made_of_a_call(look: Open) -> None:
    page = look()
    job = page.fake.create()
    page.fake.poll(job)
    page.open("calls", "2")
    page.button("Make a rule of this", page.detail("calls")).click()
    expect(page.view("scenarios").locator(".mistakes")).to_have_text("✓ valid")
    page.button("Add its rules only").click()
    expect(page.view("scenarios").locator(".rules tbody tr")).to_have_count(1)
    assert page.fake.poll(job) == 502
    expect(page.view("scenarios").locator(".rules .fired")).to_have_text("1 ×")
    page.button("Remove rule 1").click()
    expect(page.view("scenarios").locator(".rules")).to_have_count(0)


@slow
def test_a_rule_of_a_call_with_an_odd_key_is_valid(look: Open) -> None:
    page = look()
    key = "a\x7f\x85é\"#: {'"
    page.fake.raw("GET", "/api/open/v3/faceswap/quota/info", "", b"", {"x-api-key": key})
    page.open("calls", "1")
    page.button("Make a rule of this").click()
    expect(page.view("scenarios").locator(".mistakes")).to_have_text("✓ valid")
    page.button("Add its rules only").click()
    expect(page.view("scenarios").locator(".rules tbody tr")).to_have_count(1)
    assert page.fake.ask("GET", "scenario")["rules"][0]["rule"]["account"] == key


# Hints


@slow
def test_hints_lead_to_the_calls(look: Open) -> None:
    page = look()
    page.open("hints")
    expect(page.view("hints")).to_contain_text("No call yet")
    page.fake.raw("GET", f"{IMAGE}/infobymodelid", "image_model_id=undefined", b"", {"x-api-key": KEY})
    hint = page.view("hints").locator("li").first
    expect(hint).to_contain_text("#1")
    expect(hint).not_to_contain_text("`")
    expect(hint.locator("code").first).to_be_visible()
    expect(page.page.locator("#tab-hints b")).not_to_be_empty()
    page.button("#1", hint).click()
    expect(page.detail("calls").locator("h2")).to_have_text("Call #1")
    job = page.fake.create()
    page.go("hints")
    page.button(job, page.view("hints").locator("li", has_text="never polled")).click()
    expect(page.detail("jobs").locator("h2")).to_contain_text(job)


@slow
def test_hints_that_are_looked_at_come_soon_also_where_the_report_takes_long(look: Open) -> None:
    def slowly(route: Route) -> None:
        time.sleep(0.3)
        route.continue_()

    page = look()
    page.page.route("**/_mock/report*", slowly)
    page.open("hints")
    expect(page.view("hints")).to_contain_text("No call yet")
    page.fake.raw("GET", f"{IMAGE}/infobymodelid", "image_model_id=undefined", b"", {"x-api-key": KEY})
    expect(page.view("hints").locator("li").first).to_contain_text("#1")


# Scenarios


@slow
def test_scenarios_are_switched_on_and_off_for_everybody_and_for_one_account(look: Open) -> None:
    page = look()
    page.open("scenarios")
    switch = page.page.get_by_role("switch", name="banned", exact=True)
    expect(switch).to_have_attribute("aria-checked", "false")
    switch.click()
    expect(switch).to_have_attribute("aria-checked", "true")
    assert page.fake.code_of_create() == 1200
    page.page.get_by_role("switch", name="slow", exact=True).click()
    expect(page.view("scenarios").locator(".chip")).to_have_count(2)
    assert [each["name"] for each in page.fake.ask("GET", "scenario")["scenarios"]] == ["banned", "slow"]
    switch.click()
    expect(page.view("scenarios").locator(".chip")).to_have_count(1)
    page.account.fill(OTHER)
    expect(page.view("scenarios").locator("h2").first).to_contain_text(OTHER)
    expect(page.view("scenarios").locator(".chip")).to_have_count(0)
    switch.click()
    expect(switch).to_have_attribute("aria-checked", "true")
    assert (page.fake.code_of_create(OTHER), page.fake.code_of_create("somebody-else")) == (1200, 1000)


@slow
def test_what_a_change_would_remove_is_said_first(look: Open) -> None:
    page = look()
    page.fake.ask("POST", "scenario/rules", rules=[{"on": "any", "nth": 9, "fault": {"http": 502}}])
    page.open("scenarios")
    expect(page.view("scenarios").locator(".rules tbody tr")).to_have_count(1)
    switch = page.page.get_by_role("switch", name="slow", exact=True)
    switch.click()
    expect(page.page.get_by_role("dialog")).to_contain_text("That also removes 1 added rule.")
    page.button("Cancel").click()
    expect(switch).to_have_attribute("aria-checked", "false")
    assert len(page.fake.ask("GET", "scenario")["rules"]) == 1
    switch.click()
    page.button("Change them").click()
    expect(switch).to_have_attribute("aria-checked", "true")
    expect(page.view("scenarios").locator("text=any, nth")).to_have_count(0)


@slow
def test_an_editor_shows_the_servers_messages_at_the_line(look: Open) -> None:
    page = look()
    page.open("scenarios")
    view = page.view("scenarios")
    view.locator("summary", has_text="Write one").click()
    expect(view.locator(".mistakes")).to_have_text("✓ valid")
    editor = view.get_by_label("Scenario, as YAML")
    editor.fill("rules:\n  - on: infobymodelid\n    fualt: {http: 502}\n")
    expect(view.locator(".mistakes")).to_contain_text("Line 3")
    expect(view.locator(".mistakes")).to_contain_text("did you mean 'fault'?")
    expect(view.locator(".gutter .wrong").first).to_contain_text("✕ ")
    expect(page.button("Make it active")).to_be_disabled()
    assert page.fake.ask("GET", "scenario")["scenarios"] == []
    page.button("Line 3", view).click()
    assert (
        editor.evaluate("each => each.value.slice(each.selectionStart, each.selectionEnd)").strip().startswith("fualt")
    )
    editor.press_sequentially("    fault: {http: 503}")
    expect(view.locator(".mistakes")).to_have_text("✓ valid")
    page.button("Make it active").click()
    expect(view.locator(".chip")).to_contain_text("edited")
    assert page.fake.poll(page.fake.create()) == 503
    page.button("Edit a copy of flaky-gateway").click()
    expect(editor).to_have_value(re.compile("description: "))


# The clock


@slow
def test_the_clock_is_frozen_moved_and_sped_up_and_shows_what_others_do_to_it(look: Open) -> None:
    page = look()
    job = made(page, stages=LIFE)
    page.open("jobs", job)
    page.button("Freeze").click()
    expect(page.button("Run")).to_be_visible()
    before = page.fake.ask("GET", "clock")
    assert before["frozen"]
    page.button("+10 s").click()
    expect(page.page.locator("#clock .how")).to_contain_text("ahead")
    assert page.fake.ask("GET", "clock")["now_ns"] - before["now_ns"] == 10 * 10**9
    page.button("Until idle").click()
    expect(page.detail("jobs").locator(".status.big")).to_have_text("✓ completed")
    page.button("Run").click()
    page.page.get_by_label("Speed of the clock").select_option("60")
    expect(page.page.locator("#clock .how")).to_contain_text("× 60")
    assert page.fake.ask("GET", "clock")["speed"] == 60
    page.fake.ask("POST", "clock/freeze")
    expect(page.page.locator("#clock .how")).to_contain_text("frozen")
    page.fake.ask("POST", "clock/speed", factor=3)
    expect(page.page.get_by_label("Speed of the clock")).to_have_value("3")


@slow
def test_a_virtual_clock_can_only_be_moved(look: Open) -> None:
    page = look(MockAkool(queueing="10s"))
    page.open()
    page.fake.create()
    expect(page.page.locator("#clock .how")).to_have_text("virtual")
    expect(page.button("Freeze")).to_be_disabled()
    page.button("Next change").click()
    expect(page.rows("jobs").first).to_contain_text("processing")


# Accounts, webhooks


@slow
def test_accounts_are_changed_and_added(look: Open) -> None:
    page = look()
    page.fake.create()
    page.open("accounts", KEY)
    detail = page.detail("accounts")
    expect(detail).to_contain_text("1 job")
    detail.get_by_label("Credits").fill("7")
    page.button("Set credits", detail).click()
    expect(page.rows("accounts").first.locator(".credits")).to_have_text("7")
    page.button("Add credits", detail).click()
    expect(page.rows("accounts").first.locator(".credits")).to_have_text("14")
    page.button("Ban", detail).click()
    expect(detail.locator(".status.big")).to_have_text("✕ banned")
    assert page.fake.code_of_create() == 1200
    page.button("Lift the ban", detail).click()
    expect(detail.locator(".status.big")).to_have_text("✓ active")
    page.button("Expire its tokens", detail).click()
    expect(page.page.locator(".toast").last).to_contain_text("tokens have expired")
    page.button("Add an account…").click()
    box = page.page.get_by_role("dialog")
    box.get_by_label("API key").fill(OTHER)
    box.get_by_label("Credits").fill("50")
    page.button("Add", box).click()
    expect(page.rows("accounts")).to_have_count(2)
    expect(detail.locator("h2")).to_contain_text(OTHER)
    page.button("Show only this account", detail).click()
    expect(page.account).to_have_value(OTHER)


@slow
def test_a_field_without_a_number_sets_no_credits(look: Open) -> None:
    page = look()
    page.fake.ask("POST", "accounts", api_key=KEY, credits=7)
    page.open("accounts", KEY)
    page.detail("accounts").get_by_label("Credits", exact=True).fill("")
    for name in ("Set credits", "Add credits"):
        page.button(name).click()
    page.detail("accounts").get_by_label("Credits", exact=True).fill("-2")
    page.button("Add credits").click()
    expect(page.detail("accounts").locator("dd").first).to_have_text("5")
    expect(page.page.locator(".toast")).to_have_text("Credits added")


@slow
def test_what_is_wrong_in_a_dialog_is_said_over_it(look: Open) -> None:
    page = look(width=360)
    page.fake.ask("POST", "accounts", api_key=KEY)
    page.open("accounts")
    page.button("Add an account…").click()
    key = page.page.get_by_label("API key, which is the clientSecret")
    key.fill(KEY)
    page.button("Add").click()
    expect(page.page.get_by_role("dialog").locator(".toast.bad")).to_contain_text(
        "there is an account with this api_key"
    )
    key.fill(OTHER)
    page.button("Add").click()
    expect(page.page.get_by_role("dialog")).to_have_count(0)
    expect(page.page.locator(".toast.good")).to_have_text("Account added")


@slow
def test_webhooks_show_what_became_of_them_and_what_is_in_them(look: Open) -> None:
    page = look()
    page.open("webhooks")
    job = page.fake.create(webhookUrl=HOOK)
    page.fake.ask("POST", f"jobs/{job}/complete")
    row = page.rows("webhooks").first
    expect(row).to_contain_text("✓ delivered")
    row.click()
    detail = page.detail("webhooks")
    expect(detail).to_contain_text("HTTP 200")
    expect(detail.locator("pre").first).to_contain_text(f'"_id": "{job}"')
    expect(detail.locator("pre").last).to_contain_text("dataEncrypt")
    before = len(page.fake.ask("GET", "webhooks")["webhooks"])
    page.button("Resend", detail).click()
    expect(page.rows("webhooks")).to_have_count(before + 1)
    page.button(job, detail).click()
    page.button("Resend webhook 1", page.detail("jobs")).click()
    expect(page.page.locator("#tab-webhooks b")).to_have_text(str(before + 2))


# The connection, the token


@slow
def test_a_reload_shows_the_same(look: Open) -> None:
    page = look()
    job = made(page, stages=LIFE)
    page.open("jobs", job)
    expect(page.detail("jobs").locator("h2")).to_contain_text(job)
    page.page.reload()
    expect(page.detail("jobs").locator("h2")).to_contain_text(job)
    expect(page.rows("jobs")).to_have_count(1)
    page.go("calls")
    page.page.go_back()
    expect(page.detail("jobs").locator("h2")).to_contain_text(job)


@slow
def test_a_lost_connection_comes_back_where_it_was(look: Open) -> None:
    page = look()
    page.open()
    page.fake.create(prompt="before")
    expect(page.rows("jobs")).to_have_count(1)
    page.page.context.set_offline(True)
    page.server.stop()
    expect(page.page.locator("#live")).to_contain_text("connection lost")
    page.fake.create(prompt="meanwhile")
    with page.fake.mock.server(port=page.server.port):
        page.page.context.set_offline(False)
        expect(page.page.locator("#live")).to_have_text("live")
        expect(page.rows("jobs")).to_have_count(2)
        expect(page.rows("jobs").first).to_contain_text("meanwhile")
        page.fake.create(prompt="after")
        expect(page.rows("jobs")).to_have_count(3)


@slow
def test_tabs_that_nobody_looks_at_take_no_connection_and_go_on_where_they_were(look: Open) -> None:
    page = look()
    context = page.page.context
    context.add_init_script("Object.defineProperty(document, 'hidden', {get: () => Boolean(window.isHidden)})")
    page.open()
    tabs = [page.page]
    for number in range(8):  # a browser has six connections for a host
        tabs[-1].evaluate("() => { window.isHidden = true; document.dispatchEvent(new Event('visibilitychange')); }")
        tabs.append(context.new_page())
        tabs[-1].goto(f"{page.server.url}/_mock/")
        expect(tabs[-1].locator("#live")).to_have_text("live")
        page.fake.create(prompt=f"number {number}")
        expect(tabs[-1].locator("#tab-jobs b")).to_have_text(str(number + 1))
    # It goes on for a second, so that somebody who looks away for a moment loses nothing.
    expect(tabs[0].locator("#tab-jobs b")).not_to_have_text("8")
    tabs[0].evaluate("() => { window.isHidden = false; document.dispatchEvent(new Event('visibilitychange')); }")
    expect(tabs[0].locator("#tab-jobs b")).to_have_text("8")


@slow
def test_another_fake_on_the_same_port_is_shown_as_it_is(look: Open) -> None:
    page = look()
    page.open()
    page.fake.create(prompt="of the first")
    expect(page.rows("jobs")).to_have_count(1)
    page.server.stop()
    expect(page.page.locator("#live")).to_contain_text("connection lost")
    other = MockAkool(clock=SteeredClock(), queueing="forever")
    with other.server(port=page.server.port):
        Dashboard(page.page, page.server, type(page.fake)(other)).fake.create(prompt="of the second")
        expect(page.page.locator("#live")).to_have_text("live")
        expect(page.rows("jobs")).to_have_count(1)
        expect(page.rows("jobs").first).to_contain_text("of the second")


@slow
def test_a_reset_empties_the_page(look: Open) -> None:
    page = look()
    page.fake.create()
    page.open()
    expect(page.rows("jobs")).to_have_count(1)
    page.button("Reset…").click()
    page.button("Reset", page.page.get_by_role("dialog")).click()
    expect(page.rows("jobs")).to_have_count(0)
    page.fake.create(prompt="afterwards")
    expect(page.rows("jobs")).to_have_count(1)


@slow
def test_a_token_is_asked_for_once_and_kept_in_this_tab_only(look: Open) -> None:
    page = look(token="s3cret")
    urls: list[str] = []
    page.page.on("request", lambda request: urls.append(request.url))
    page.page.goto(f"{page.server.url}/_mock/")
    field = page.page.get_by_role("textbox", name="Token")
    for wrong in ("wrong", "s3–cret"):
        field.fill(wrong)
        field.press("Enter")
        expect(page.page.locator("#token-why")).to_have_text("This is not its token.")
    field.fill("s3cret")
    page.button("Use it").click()
    expect(page.page.locator("#live")).to_have_text("live")
    made(page, stages=["completed"])
    expect(page.rows("jobs")).to_have_count(1)
    expect(page.rows("jobs").first.locator(".thumb img")).to_be_visible()
    page.page.reload()
    expect(page.rows("jobs")).to_have_count(1)
    expect(page.page.get_by_role("dialog")).to_have_count(0)
    assert not [url for url in urls if "s3cret" in url]
    assert "s3cret" not in page.page.evaluate("JSON.stringify(localStorage) + document.cookie + location.href")
    other = page.page.context.new_page()
    other.goto(f"{page.server.url}/_mock/")
    expect(other.get_by_role("textbox", name="Token")).to_be_visible()


# Hostile input


HOSTILE: Final = [
    "<script>window.hacked = 1</script>",
    "<img src=x onerror='window.hacked = 1'>",
    "\u202ethgir ot tfel\u202c \u2066x\u2069 مرحبا",
    "</textarea></pre>\x00\x1b[31m {{7*7}} ${7*7}",
    "javascript:window.hacked=1",
]


@slow
@pytest.mark.parametrize("prompt", HOSTILE)
def test_a_hostile_prompt_stays_text(prompt: str, look: Open) -> None:
    page = look()
    page.open()
    job = page.fake.create(prompt=prompt)
    expect(page.rows("jobs")).to_have_count(1)
    page.rows("jobs").first.click()
    assert json.loads(page.detail("jobs").locator("pre").first.text_content() or "")["prompt"] == prompt
    assert page.rows("jobs").first.locator(".what").text_content() == prompt
    page.page.goto(f"{page.server.url}/_mock/#calls/1")
    expect(page.detail("calls").locator("pre").nth(1)).to_contain_text(prompt[:8])
    for view in ("hints", "scenarios", "accounts", "webhooks"):
        page.go(view)
    assert page.page.evaluate("window.hacked") is None
    assert page.page.locator("img[src=x], main script").count() == 0
    assert job


@slow
def test_hostile_keys_paths_headers_and_addresses_stay_text(look: Open) -> None:
    page = look()
    script = "<script>window.hacked=1</script>"
    page.fake.ask("POST", "accounts", api_key=script, credits=10)
    page.fake.mock.answer(Request.build("GET", f"/{script}", "", {"x-api-key": script, "x-other": script}))
    page.fake.ask("POST", "scenario/rules", rules=[{"name": script, "on": "any", "nth": 99, "fault": {"http": 502}}])
    page.open()
    for view in ("calls", "accounts", "scenarios", "hints", "jobs", "webhooks"):
        page.open(view)
        expect(page.view(view)).to_be_visible()
    for view, key in (("calls", "1"), ("accounts", script), ("jobs", script), ("calls", script)):
        page.open(view, key)
        expect(page.detail(view).locator("h2")).to_be_visible()
    page.account.fill(script)
    expect(page.page.locator("#live")).to_have_text("live")
    assert page.page.evaluate("window.hacked") is None


@slow
def test_a_prompt_of_a_megabyte_does_not_stop_the_page(look: Open) -> None:
    page = look(permissions=["clipboard-read", "clipboard-write"])
    page.open()
    page.fake.create(prompt="long " * 200_000)
    expect(page.rows("jobs")).to_have_count(1)
    page.rows("jobs").first.click()
    expect(page.detail("jobs")).to_contain_text("Copy all 1,000,")
    assert len(page.page.locator("main").inner_text()) < 100_000
    page.button("Show more", page.detail("jobs")).click()
    assert len(page.detail("jobs").locator("pre").first.text_content() or "") == 100_000
    page.button("Copy all 1,000,113 characters", page.detail("jobs")).click()
    expect(page.page.locator(".toast")).to_have_text("Text copied")
    assert page.page.evaluate("navigator.clipboard.readText()").count("long ") == 200_000


@slow
def test_the_policy_of_the_page_holds(look: Open) -> None:
    page = look()
    page.open()
    refused = page.page.evaluate(
        """async () => {
          const found = [];
          addEventListener("securitypolicyviolation", (event) => found.push(event.effectiveDirective));
          try { document.body.innerHTML = "<b>x</b>"; } catch { found.push("html"); }
          const script = document.createElement("script");
          try { script.text = "window.hacked = 1"; document.head.append(script); } catch { found.push("text"); }
          await fetch("http://127.0.0.1:9/").catch(() => found.push("fetch"));
          const image = new Image();
          image.src = "http://127.0.0.1:9/x.png";
          await new Promise((done) => (image.onerror = done));
          return found;
        }"""
    )
    assert {"html", "text", "fetch", "connect-src", "img-src"} <= set(refused)
    assert page.page.evaluate("window.hacked") is None
    page.errors.clear()  # the browser writes what it refused


# Everybody can use it


VIEWS: Final = ("jobs", "calls", "hints", "scenarios", "accounts", "webhooks")


def filled(page: Dashboard) -> str:
    """Let something of each kind be there; return a job."""
    job = page.fake.create(prompt="a red fox", webhookUrl=HOOK)
    page.fake.poll(job)
    page.fake.ask("POST", f"jobs/{job}/complete")
    made(page, stages=LIFE)
    made(page, OTHER, stages=[{"failed": ["no face"]}])
    page.fake.raw("GET", f"{IMAGE}/infobymodelid", "image_model_id=undefined", b"", {"x-api-key": KEY})
    page.fake.ask("PUT", "scenario", scenario="flaky-gateway")
    page.fake.ask("POST", "scenario/rules", rules=[{"on": "any", "nth": 99, "fault": {"http": 502}}])
    return job


def serious(page: Dashboard) -> list[str]:
    """What axe-core finds that is serious: its rule, and where."""
    axe = resources.files("axe_playwright_python").joinpath("axe.min.js").read_text("utf-8")
    page.page.evaluate(axe)
    found = page.page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [
        f"{each['id']}: {node['target']} {node['failureSummary']}"
        for each in found["violations"]
        if each["impact"] in ("serious", "critical")
        for node in each["nodes"]
    ]


@slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1280])
def test_axe_finds_nothing_serious(scheme: str, width: int, look: Open) -> None:
    page = look(width=width, color_scheme=scheme, bypass_csp=True)
    job = filled(page)
    page.open()
    found = {}
    for view, key in (
        *((each, "") for each in VIEWS),
        ("jobs", job),
        ("calls", "3"),
        ("accounts", KEY),
        ("webhooks", "1"),
    ):
        page.open(view, key)
        expect(page.view(view)).to_be_visible()
        if key:
            expect(page.detail(view).locator("h2")).to_be_visible()
        page.page.wait_for_timeout(400)
        found[view, key] = serious(page)
    page.open("scenarios")
    page.view("scenarios").locator("summary", has_text="Write one").click()
    page.view("scenarios").get_by_label("Scenario, as YAML").fill("rules: [")
    expect(page.view("scenarios").locator(".mistakes")).to_contain_text("Line")
    found["editor", ""] = serious(page)
    page.open()
    page.button("Keyboard shortcuts").click()
    found["dialog", ""] = serious(page)
    assert {where: each for where, each in found.items() if each} == {}


@slow
@pytest.mark.parametrize("width", [360, 600, 901, 1280, 2560])
def test_it_fits_the_screen(width: int, look: Open) -> None:
    page = look(width=width)
    job = filled(page)
    for view, key in (*((each, "") for each in VIEWS), ("jobs", job), ("calls", "1"), ("webhooks", "1")):
        page.open(view, key)
        expect(page.view(view)).to_be_visible()
        assert page.page.evaluate("document.documentElement.scrollWidth") <= width, view
        assert page.page.evaluate("document.documentElement.scrollHeight") <= 800, view


@slow
@pytest.mark.parametrize("width", [360, 700, 1280])
def test_each_job_has_its_bar_and_its_cost_at_every_width(width: int, look: Open) -> None:
    page = look(width=width)
    filled(page)
    page.open()
    for part in (".bar", ".cost", ".what", ".status"):
        expect(page.rows("jobs").nth(1).locator(f"{part}:not({part} *)").first).to_be_visible()
    page.go("webhooks")
    expect(page.page.locator("#tab-webhooks")).to_be_in_viewport(ratio=WHOLE)


@slow
def test_the_chosen_tab_stays_in_sight_when_tabs_get_their_numbers(look: Open) -> None:
    page = look(width=360)
    page.open("webhooks")
    tab = page.page.locator("#tab-webhooks")
    expect(tab).to_be_in_viewport(ratio=WHOLE)
    filled(page)
    for view in ("jobs", "calls", "webhooks"):
        expect(page.page.locator(f"#tab-{view} b")).to_have_text(re.compile(r"\d"))
    expect(tab).to_be_in_viewport(ratio=WHOLE)


@slow
def test_it_can_be_used_with_the_keyboard_alone(look: Open) -> None:
    page = look()
    first = page.fake.create(prompt="first")
    page.fake.create(prompt="second")
    page.open()
    keys = page.page.keyboard
    expect(page.rows("jobs")).to_have_count(2)
    keys.press("/")
    keys.type("first")
    expect(page.rows("jobs")).to_have_count(1)
    focused = "document.activeElement.getAttribute('aria-label')"
    while page.page.evaluate(focused) != "Jobs, newest first":
        keys.press("Tab")
    keys.press("ArrowDown")
    keys.press("Enter")
    expect(page.detail("jobs").locator("h2")).to_contain_text(first)
    keys.press("Escape")
    expect(page.detail("jobs")).to_be_hidden()
    assert page.page.evaluate(focused) == "Jobs, newest first"
    keys.press("4")
    expect(page.view("scenarios")).to_be_visible()
    keys.press("ArrowLeft")
    expect(page.view("hints")).to_be_visible()
    keys.press("?")
    expect(page.page.get_by_role("dialog")).to_contain_text("freeze the clock")
    keys.press("Escape")
    keys.press("f")
    expect(page.page.locator("#clock .how")).to_contain_text("frozen")


FOCUSED: Final = """() => {
  const each = document.activeElement;
  return [each.tagName.toLowerCase(), each.getAttribute("aria-label") ?? each.textContent.slice(0, 40)];
}"""


@slow
def test_what_changes_leaves_the_keyboard_where_it_is(look: Open) -> None:
    page = look()
    page.fake.create()
    page.fake.ask("POST", "scenario/rules", rules=[{"on": "any", "every": 2, "fault": {"delay": "1ms"}}] * 2)
    page.open("accounts", KEY)
    amount = page.detail("accounts").get_by_label("Credits", exact=True)
    amount.press("End")
    amount.press("0")
    page.fake.create()
    # The longer the list took last time, the later it is asked for again.
    expect(page.detail("accounts").locator("dd").nth(2)).to_have_text("2 jobs", timeout=30_000)
    page.page.keyboard.press("1")
    assert page.page.evaluate(FOCUSED) == ["input", "Credits"]
    expect(amount).to_have_value("10001")

    page.open("scenarios")
    page.button("Remove rule 1").focus()
    page.fake.create()
    expect(page.view("scenarios").locator(".fired")).to_have_text("1 ×")
    assert page.page.evaluate(FOCUSED) == ["button", "Remove rule 1"]
    page.page.keyboard.press("Enter")
    expect(page.button("Remove rule 1")).to_have_count(0)
    assert page.page.evaluate("document.activeElement.className") == "active", "the place where it was"
    switch = page.page.get_by_role("switch", name="flaky-gateway", exact=True)
    switch.press("Space")
    page.button("Change them").press("Enter")
    expect(switch).to_have_attribute("aria-checked", "true")
    expect(switch).to_be_focused()

    page.open("hints")
    report = page.view("hints").locator("details")
    report.locator("summary").press("Enter")
    before = report.locator("pre").text_content() or ""
    page.fake.create()
    expect(report.locator("pre")).not_to_have_text(before, timeout=30_000)
    expect(report.locator("pre")).to_be_visible()
    assert page.page.evaluate(FOCUSED)[0] == "summary"


@slow
@pytest.mark.parametrize("width", [360, 1280])
def test_the_keyboard_goes_on_in_what_is_opened_and_back_in_the_list(width: int, look: Open) -> None:
    page = look(width=width)
    page.fake.create(prompt="first")
    page.open()
    keys = page.page.keyboard
    jobs = page.view("jobs").get_by_role("listbox")
    jobs.press("ArrowDown")
    keys.press("Enter")
    expect(page.detail("jobs").locator("h2")).to_be_visible()
    # On a narrow screen what is opened lies over the list.
    assert page.page.evaluate(FOCUSED)[1] == ("The job" if width == 360 else "Jobs, newest first")
    page.button("Close", page.detail("jobs")).press("Enter")
    expect(page.detail("jobs")).to_be_hidden()
    assert page.page.evaluate(FOCUSED) == ["div", "Jobs, newest first"]
    page.open("calls", "1")
    page.button("Make a rule of this").press("Enter")
    assert page.page.evaluate(FOCUSED) == ["textarea", "Scenario, as YAML"]


# Many


@slow
def test_of_ten_thousand_only_what_is_visible_is_drawn(look: Open) -> None:
    page = look(MockAkool(clock=SteeredClock(), queueing="forever", call_log_size=20_000, credits=10**9))
    for number in range(10_000):
        page.fake.create(prompt=f"number {number}")
    page.open()
    expect(page.page.locator("#tab-jobs b")).to_have_text("10,000")
    expect(page.page.locator("#tab-calls b")).to_have_text("10,000")
    expect(page.rows("jobs").first).to_contain_text("number 9999")
    for view in ("jobs", "calls"):
        page.go(view)
        scroller = page.view(view).get_by_role("listbox")
        expect(page.rows(view).first).to_be_visible()
        assert page.rows(view).count() < 60
        loaded = 0
        while loaded < 1200:  # older ones come as one scrolls to them
            scroller.evaluate("each => each.scrollTo(0, each.scrollHeight)")
            page.page.wait_for_timeout(50)
            loaded = page.rows(view).first.evaluate("each => Number(each.getAttribute('aria-setsize'))")
        assert page.rows(view).count() < 60
    page.go("jobs")
    page.view("jobs").get_by_label("Filter jobs").fill("number 77")
    expect(page.view("jobs").locator(".filters .note")).to_contain_text("111 of 10,000 jobs")


@slow
@pytest.mark.parametrize("is_frozen", [False, True])
def test_what_becomes_of_older_jobs_leaves_the_list_as_it_is(is_frozen: bool, look: Open) -> None:
    page = look()
    if is_frozen:
        page.fake.ask("POST", "clock/freeze")
    oldest = page.fake.create(prompt="the oldest")
    second = page.fake.create(prompt="the second")
    for number in range(400):
        page.fake.create(prompt=f"number {number}")
    page.open()
    badge = page.page.locator("#tab-jobs b")
    expect(badge).to_have_text("402")
    page.fake.ask("POST", f"jobs/{oldest}/complete")
    page.fake.ask("DELETE", f"jobs/{second}")
    page.fake.create(prompt="the newest")
    expect(page.rows("jobs").first).to_contain_text("the newest")
    expect(page.rows("jobs").nth(1)).to_contain_text("number 399")
    expect(badge).to_have_text("402")

    page.open("jobs", oldest)
    expect(page.detail("jobs").locator(".status.big")).to_have_text("✓ completed")
    page.view("jobs").get_by_label("Filter jobs").fill("the oldest")
    expect(page.rows("jobs")).to_have_count(1)
    page.open("jobs", second)
    expect(page.detail("jobs")).to_contain_text("It is not here: it was deleted")


@slow
def test_who_reads_further_down_is_not_moved_by_what_comes_in(look: Open) -> None:
    page = look()
    for number in range(100):
        page.fake.create(prompt=f"number {number}")
    page.open()
    expect(page.rows("jobs").first).to_contain_text("number 99")
    scroller = page.view("jobs").get_by_role("listbox")
    scroller.evaluate("each => { each.scrollTop = 40 * 50; }")
    row = page.view("jobs").locator("[role=option]", has_text=re.compile(r"number 49(?!\d)"))
    before = row.bounding_box()
    page.fake.create(prompt="one more")
    expect(page.page.locator("#tab-jobs b")).to_have_text("101")
    page.page.wait_for_timeout(400)
    assert row.bounding_box() == before


@slow
def test_a_flood_of_calls_shows_the_newest(look: Open) -> None:
    page = look()
    page.open("calls")
    job = page.fake.create()
    for _ in range(5000):
        page.fake.poll(job)
    expect(page.rows("calls").first).to_contain_text("#5001")
    expect(page.page.locator("#tab-calls b")).to_have_text("5,001")
    page.view("calls").get_by_label("Filter calls").fill("createbyprompt")
    expect(page.rows("calls")).to_have_count(1)
