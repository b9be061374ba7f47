"""What the admin routes do, each within its scope."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from dataclasses import replace
from types import FrameType
from typing import Any

import pytest

from mock_akool import Call, MockAkool, Request, SettingsError, SteeredClock, SystemClock
from mock_akool.admin.routes import ROUTES
from mock_akool.akool.families import CREATES, FAMILY_OF
from mock_akool.core.clock import LATEST_NS
from mock_akool.diagnostics.observations import Observations
from mock_akool.diagnostics.report import explain
from mock_akool.scenario_library.library import names
from tests.admin.conftest import IMAGE, KEY, OTHER, Fake

HOOK = "http://127.0.0.1:9/hook"
JSON = {"content-type": "application/json"}


class TestAccount:
    @pytest.mark.parametrize("key", ROUTES, ids=" ".join)
    def test_each_route_takes_one(self, key: tuple[str, str]) -> None:
        query, body = ROUTES[key].query, ROUTES[key].body
        assert query is not None
        assert "account" in query.fields
        assert (body is not None) == (key[0] in ("POST", "PUT"))
        if body is not None and key != ("POST", "/_mock/accounts"):
            assert "account" in body.fields

    @pytest.mark.parametrize("key", ROUTES, ids=" ".join)
    def test_an_empty_one_and_one_with_a_space_are_refused(self, key: tuple[str, str]) -> None:
        query, body = ROUTES[key].query, ROUTES[key].body
        assert query is not None
        empty = (query.fields["account"], *([body.fields["account"]] if body and "account" in body.fields else []))
        for field in empty:
            with pytest.raises(SettingsError, match=r"account: it is empty; leave `account` out to mean everybody"):
                field.shape.read("", ("account",))
        with pytest.raises(SettingsError, match=r"write %2B for a \+"):
            query.fields["account"].shape.read("my-key slow", ("account",))

    def test_what_is_wrong_with_one_is_reported(self, fake: Fake) -> None:
        fake.create()
        told = (400, "account: it is empty", "Leave `account` out to mean everybody")
        assert fake.refused("POST", "reset", "", account="") == told
        assert fake.refused("POST", "reset", "account=")[1] == told[1]
        assert fake.refused("POST", "reset", "account=my-key+flaky-gateway") == (
            400,
            "account: 'my-key flaky-gateway' has a space, which is a + in a query",
            "Write %2B for a +",
        )

    def test_one_with_a_plus(self, fake: Fake) -> None:
        fake.create("my-key+slow")
        assert fake.ask("GET", "state", "account=my-key%2Bslow")["accounts"] == 1
        fake.create("a key")
        assert fake.ask("POST", "accounts/credits", account="a key", add=1)["credits"] == 999

    @pytest.mark.parametrize(
        ("method", "path", "body"),
        [
            ("GET", "health", {}),
            ("GET", "ready", {}),
            ("GET", "openapi.json", {}),
            ("GET", "clock", {}),
            ("POST", "clock/freeze", {}),
            ("POST", "clock/freeze", {"account": KEY}),
            ("POST", "clock/advance", {"seconds": 0}),
        ],
    )
    def test_where_it_changes_nothing(self, method: str, path: str, body: dict[str, Any], fake: Fake) -> None:
        plain = {name: each for name, each in body.items() if name != "account"}
        assert fake.ask(method, path, f"account={KEY}", **body) == fake.ask(method, path, **plain)
        assert fake.ask("GET", "accounts")["accounts"] == []

    def test_one_that_is_made_may_be_said_in_the_query(self, fake: Fake) -> None:
        assert fake.ask("POST", "accounts", f"account={KEY}", credits=5)["api_key"] == KEY
        assert fake.ask("POST", "accounts", f"account={OTHER}", api_key=OTHER)["api_key"] == OTHER
        status, error, _ = fake.refused("POST", "accounts", "account=third", api_key="fourth")
        assert (status, error) == (400, "api_key is one value in the body, and another in the query")
        assert fake.refused("POST", "accounts", credits=1)[:2] == (400, "no api_key is given")

    def test_a_body_where_none_is_taken_is_refused_with_where_to_say_it(self, fake: Fake) -> None:
        told = fake.refused("DELETE", "scenario/rules", "", account=KEY, rule=1)[1]
        assert told.splitlines() == [
            "2 mistakes:",
            "  a query needs the key 'rule'; it is the rule's number",
            "  DELETE takes no body here; put it into the query, as account=…&rule=…",
        ]
        assert fake.refused("GET", "state", "", account=KEY)[2] == "Put it into the query, as account=…"


class TestState:
    def test_of_all_and_of_one(self, fake: Fake) -> None:
        fake.mock.next_job(queueing=0, processing=0)
        fake.create()
        fake.create(OTHER)
        state = fake.ask("GET", "state")
        assert (state["accounts"], state["calls"], state["credits_spent"]) == (2, 2, 4)
        assert state["jobs"] == {"queueing": 1, "processing": 0, "completed": 1, "failed": 0}
        mine = fake.ask("GET", "state", f"account={KEY}")
        assert (mine["accounts"], mine["calls"], mine["credits_spent"]) == (1, 1, 2)
        assert mine["jobs"]["completed"] == 1
        assert mine["jobs"]["queueing"] == 0

    def test_whether_a_client_waits(self, fake: Fake) -> None:
        assert fake.ask("GET", "state")["awaited"] is False
        job_id = fake.create()
        assert fake.ask("GET", "state")["awaited"] is True
        fake.ask("POST", f"jobs/{job_id}/complete")
        fake.poll(job_id)
        assert fake.ask("GET", "state")["awaited"] is False

    def test_whether_a_client_of_an_account_waits(self, fake: Fake) -> None:
        def awaited() -> list[bool]:
            queries = ("", f"account={KEY}", f"account={OTHER}")
            return [fake.ask("GET", "state", query)["awaited"] for query in queries]

        assert awaited() == [False, False, False]
        job_id = fake.create()
        assert awaited() == [True, True, False]
        fake.ask("POST", f"jobs/{job_id}/complete")
        fake.poll(job_id)
        assert awaited() == [False, False, False]
        fake.poll(job_id)  # it asks on
        assert awaited() == [True, True, False]
        fake.ask("POST", "reset")
        fake.poll("0" * 24)  # it was refused; only all together know that
        assert awaited() == [True, False, False]
        fake.ask("POST", "reset")
        job_id = fake.create(webhookUrl=HOOK)
        fake.ask("POST", "webhooks/faults", account=KEY, faults=[{"fault": {"delay": "1m"}}])
        fake.ask("POST", "clock/advance", seconds=5)
        fake.poll(job_id)
        assert awaited() == [True, True, False]
        fake.ask("POST", "clock/advance", until="idle")
        assert awaited() == [False, False, False]
        job_id = fake.create(webhookUrl=HOOK)
        fake.ask("POST", "webhooks/faults", faults=[{"fault": {"copies": 0}}])
        fake.ask("DELETE", "scenario", f"account={KEY}")
        fake.ask("POST", "clock/advance", until="idle")
        assert awaited() == [True, True, False], "nobody told it of the end"

    def test_admin_requests_are_not_in_the_call_log(self, fake: Fake) -> None:
        fake.ask("GET", "state")
        assert fake.ask("GET", "calls") == {"calls": [], "matched": 0, "next": None, "dropped": 0}


class TestJobs:
    def test_a_job_with_a_history(self, fake: Fake) -> None:
        stages = [{"queueing": "10s"}, {"processing": "1m"}, {"failed": ["nudity"]}]
        (job,) = fake.ask("POST", "jobs", account=KEY, stages=stages, elapsed="30s")["jobs"]
        assert (job["status"], job["number"], job["account"]) == ("processing", 1, KEY)
        assert job["stages"] == stages
        clock = fake.ask("GET", "clock")
        assert clock["now_ns"] - job["since_ns"] == 20_000_000_000
        assert fake.poll(job["_id"])["image_status"] == 2
        fake.ask("POST", "clock/advance", seconds=40)
        assert fake.poll(job["_id"])["error_reasons"] == ["nudity"]
        assert fake.ask("GET", "state")["credits_spent"] == 2

    def test_a_job_that_was_polled(self, fake: Fake) -> None:
        stages = [{"queueing": "1 poll"}, {"processing": "2 polls"}, "completed"]
        (job,) = fake.ask("POST", "jobs", account=KEY, stages=stages, polls=2)["jobs"]
        assert fake.poll(job["_id"])["image_status"] == 2
        assert fake.poll(job["_id"])["image_status"] == 3

    def test_a_batch_and_a_button(self, fake: Fake) -> None:
        request = {"prompt": "a fox", "batch_quantity": 3}
        made = fake.ask(
            "POST", "jobs", account=KEY, endpoint="createBySourcePrompt", request=request, stages=["completed"]
        )["jobs"]
        assert [job["status"] for job in made] == ["completed"] * 3
        parent = made[0]["_id"]
        (pressed,) = fake.ask(
            "POST", "jobs", account=KEY, endpoint="createbybutton", request={"_id": parent, "button": "U1"}
        )["jobs"]
        assert pressed["request"]["parent_id"] == parent
        assert fake.ask("GET", f"jobs/{parent}")["used_buttons"] == ["U1"]

    def test_what_the_api_would_refuse_is_refused(self, fake: Fake) -> None:
        fake.ask("POST", "scenario/jobs", account=KEY, jobs=[{"stages": ["failed"]}])
        status, error, _ = fake.refused("POST", "jobs", account=KEY, request={"prompt": ""}, stages=["completed"])
        assert status == 400
        assert error.startswith("request: the API would answer 1003 parameter validate error: prompt is ''; it takes")
        fake.ask("POST", "accounts/credits", account=KEY, credits=1)
        status, error, hint = fake.refused("POST", "jobs", account=KEY, stages=["completed"])
        assert (status, error) == (409, "the API would answer 1104 credits insufficient")
        assert hint == "Give the account more by POST /_mock/accounts/credits"
        assert fake.ask("GET", "scenario", f"account={KEY}")["job_scripts"] == 1

    @pytest.mark.parametrize("endpoint", [str(each) for each in CREATES])
    def test_what_a_request_looks_like_is_shown(self, endpoint: str, fake: Fake) -> None:
        # A button continues the job of another family, a sound that of its own.
        own = next((each for each in FAMILY_OF[endpoint].creates if not each.parent_field), CREATES["createbyprompt"])
        given = {"account": KEY, "endpoint": own.endpoint, "request": dict(own.example)}
        parent = fake.ask("POST", "jobs", **given)["jobs"][0]["_id"]
        fake.ask("POST", f"jobs/{parent}/complete")
        _, _, hint = fake.refused("POST", "jobs", account=KEY, endpoint=endpoint, request={"a": "b"})
        shown = hint[hint.index("{") : hint.rindex("}") + 1].replace("…", parent)
        fake.ask("POST", "jobs", account=KEY, endpoint=endpoint, request=json.loads(shown))

    def test_the_code_is_the_one_of_the_settings(self) -> None:
        fake = Fake(MockAkool(bad_parameter_code=1008))
        for endpoint, code in (("createbybutton", "1008"), ("createbyprompt", "1003")):
            status, error, _ = fake.refused("POST", "jobs", account=KEY, endpoint=endpoint, request={})
            assert (status, error.split()[5]) == (400, code)

    def test_why_a_button_is_refused(self, fake: Fake) -> None:
        parent = fake.create()

        def reported(parent: str, key: str = KEY) -> tuple[str, str]:
            request = {"_id": parent, "button": "U1"}
            status, error, hint = fake.refused("POST", "jobs", account=key, endpoint="createbybutton", request=request)
            assert status == 409
            return error.split()[4], hint

        assert reported(parent) == (
            "1010",
            "The job must be completed, as by POST /_mock/jobs/{job}/complete, and must have the button",
        )
        assert reported("0" * 24) == ("1008", "GET /_mock/jobs lists the jobs with their `_id`")
        fake.create(OTHER)
        assert reported(parent, OTHER) == (
            "1009",
            "Give as `account` the one whose job it is, see GET /_mock/jobs/{job}",
        )
        fake.ask("POST", f"jobs/{parent}/complete")
        request = {"_id": parent, "button": "U1"}
        fake.ask("POST", "jobs", account=KEY, endpoint="createbybutton", request=request)
        assert reported(parent)[0] == "1011"

    def test_complete_fail_and_stick(self, fake: Fake) -> None:
        first, second, third = (fake.create() for _ in range(3))
        assert fake.ask("POST", f"jobs/{first}/complete")["status"] == "completed"
        told = fake.ask("POST", f"jobs/{second}/fail", reasons=["lost"], refund=True)
        assert told["status"] == "failed"
        assert fake.poll(second)["error_reasons"] == ["lost"]
        assert fake.ask("GET", "accounts", f"account={KEY}")["accounts"][0]["credits"] == 996
        fake.ask("POST", f"jobs/{third}/stall")
        fake.ask("POST", "clock/advance", seconds=9999)
        assert fake.poll(third)["image_status"] == 1
        assert fake.refused("POST", f"jobs/{first}/stall")[:2] == (409, "a finished job cannot be stalled")

    def test_delete(self, fake: Fake) -> None:
        gone, stays = fake.create(), fake.create()
        fake.ask("DELETE", f"jobs/{gone}")
        assert fake.poll(gone)["code"] == 1008
        assert [job["_id"] for job in fake.ask("GET", "jobs")["jobs"]] == [stays]
        assert fake.refused("DELETE", f"jobs/{gone}")[0] == 404

    def test_another_accounts_job_is_not_found(self, fake: Fake) -> None:
        job = fake.create()
        for method, path in (("GET", ""), ("DELETE", ""), ("POST", "/complete"), ("POST", "/fail"), ("POST", "/stall")):
            status, error, hint = fake.refused(method, f"jobs/{job}{path}", f"account={OTHER}")
            assert (status, error, hint) == (
                404,
                f"there is no job '{job}' of this account",
                "The newest ones are: none",
            )

    def test_list_by_status_and_in_pages(self, fake: Fake) -> None:
        made = [fake.create() for _ in range(5)]
        fake.ask("POST", f"jobs/{made[3]}/complete")
        page = fake.ask("GET", "jobs", "status=queueing&offset=1&limit=2")
        assert [job["_id"] for job in page["jobs"]] == made[1:3]
        assert (page["matched"], page["next"]) == (4, 3)
        assert fake.ask("GET", "jobs", "offset=3&limit=2")["next"] is None
        assert fake.ask("GET", "jobs", "offset=9&limit=2")["next"] is None


class TestAccounts:
    def test_add_and_list(self, fake: Fake) -> None:
        added = fake.ask("POST", "accounts", api_key=KEY, client_id="some-id", credits=5, token_lifetime="1h")
        assert (added["client_id"], added["credits"], added["token_lifetime"]) == ("some-id", 5, "1h")
        assert fake.ask("GET", "accounts")["accounts"] == [added]
        assert fake.refused("POST", "accounts", api_key=KEY)[0] == 409
        assert fake.refused("POST", "accounts", api_key=OTHER, client_id="some-id")[0] == 409
        assert fake.refused("POST", "accounts", api_key="")[0] == 400

    def test_credits(self, fake: Fake) -> None:
        fake.create()
        assert fake.ask("POST", "accounts/credits", account=KEY, credits=1)["credits"] == 1
        assert fake.code_of_create() == 1104
        assert fake.ask("POST", "accounts/credits", account=KEY, add=1)["credits"] == 2
        assert fake.code_of_create() == 1000
        assert fake.ask("POST", "accounts/credits", account=KEY, add=-50)["credits"] == 0
        assert fake.ask("GET", "state")["credits_spent"] == 4
        assert fake.refused("POST", "accounts/credits", account=KEY)[0] == 400
        assert fake.refused("POST", "accounts/credits", credits=1)[0] == 400

    def test_ban(self, fake: Fake) -> None:
        fake.ask("POST", "accounts/ban", account=KEY)
        assert (fake.code_of_create(), fake.code_of_create(OTHER)) == (1200, 1000)
        fake.ask("POST", "accounts/ban", account=KEY, banned=False)
        assert fake.code_of_create() == 1000

    def test_expire_tokens(self, fake: Fake) -> None:
        def token() -> str:
            body = json.dumps({"clientId": "an-id", "clientSecret": KEY}).encode()
            said: str = fake.raw("POST", "/api/open/v3/getToken", "", body, JSON)[1]["token"]
            return said

        def code(bearer: str) -> int:
            headers = {"authorization": f"Bearer {bearer}"}
            said: int = fake.raw("GET", "/api/open/v3/faceswap/quota/info", "", b"", headers)[1]["code"]
            return said

        old = token()
        assert code(old) == 1000
        fake.ask("POST", "accounts/expire-tokens", account=KEY)
        assert code(old) == 1101
        new = token()  # in the same second of a clock that stands still
        assert (code(new), code(old)) == (1000, 1101)

    def test_a_strict_fake_takes_no_key_that_encrypts_nothing(self) -> None:
        fake = Fake(MockAkool(strict=True))
        told = fake.refused("POST", "accounts", api_key="my-key")
        assert told == (
            400,
            "api_key: a key of 6 bytes cannot encrypt webhooks",
            "With strict, use 16, 24 or 32 bytes, such as 32 letters and digits; without it any text will do",
        )
        assert fake.ask("POST", "accounts", api_key=KEY)["api_key"] == KEY

    def test_a_strict_fake_makes_none(self) -> None:
        fake = Fake(MockAkool(strict=True))
        assert fake.refused("POST", "accounts/ban", account=OTHER)[0] == 404


class TestScenario:
    def test_put_for_one_account(self, fake: Fake) -> None:
        rule = {"on": "create", "first": 1, "fault": {"code": 1005}}
        fake.ask("PUT", "scenario", account=KEY, scenario={"rules": [rule], "jobs": [{"stages": ["completed"]}]})
        assert (fake.code_of_create(OTHER), fake.code_of_create(), fake.code_of_create()) == (1000, 1005, 1000)
        statuses = [job["status"] for job in fake.ask("GET", "jobs")["jobs"]]
        assert statuses == ["queueing", "completed"]
        told = fake.ask("GET", "scenario", f"account={KEY}")
        assert told["scenarios"][0]["scenario"]["rules"] == [rule]
        assert told["rules"][0]["fired"] == 1
        assert fake.ask("GET", "scenario") == {"scenarios": [], "rules": [], "webhooks": [], "job_scripts": 0}

    def test_put_for_everybody_and_clear(self, fake: Fake) -> None:
        fake.ask("PUT", "scenario", scenario="out-of-credits")
        codes = {fake.code_of_create(), fake.code_of_create(OTHER)}
        assert fake.ask("GET", "scenario")["scenarios"][0]["name"] == "out-of-credits"
        fake.ask("DELETE", "scenario")
        assert fake.ask("GET", "scenario")["scenarios"] == []
        assert codes <= {1000, 1104}

    def test_the_library_is_listed(self, fake: Fake) -> None:
        listed = fake.ask("GET", "scenario/library")["scenarios"]
        assert [each["name"] for each in listed] == list(names())
        for each in listed:
            fake.ask("PUT", "scenario", scenario=each["name"])
            (told,) = fake.ask("GET", "scenario")["scenarios"]
            assert told["scenario"]["description"] == each["description"] != ""
            assert told["scenario"].get("advice", "") == each["advice"]

    def test_several_names_may_stand_in_one_text(self, fake: Fake) -> None:
        told = fake.ask("PUT", "scenario", scenario="flaky-gateway, stuck-in-queue")
        assert [each["name"] for each in told["scenarios"]] == ["flaky-gateway", "stuck-in-queue"]
        assert fake.refused("PUT", "scenario", scenario="flaky-gateway,stuck-in-queu")[1] == (
            "scenario[1]: there is no scenario 'stuck-in-queu'"
        )
        for empty in ("", ",", " "):
            assert fake.refused("PUT", "scenario", scenario=empty)[0] == 400

    def test_what_it_says_of_the_account_and_its_limits(self, fake: Fake) -> None:
        fake.create()
        fake.ask("PUT", "scenario", account=KEY, scenario={"account": {"credits": 1}})
        assert fake.code_of_create() == 1104
        fake.ask("PUT", "scenario", account=KEY, scenario={"account": {"status": "banned"}})
        assert (fake.code_of_create(), fake.code_of_create(OTHER)) == (1200, 1000)
        fake.ask("PUT", "scenario", account=OTHER, scenario={"limits": {"concurrent_jobs": 1}})
        assert fake.code_of_create(OTHER) == 1005

    def test_what_only_a_start_can_say_is_refused(self, fake: Fake) -> None:
        status, error, _ = fake.refused("PUT", "scenario", scenario={"seed": 3, "profile": "documented"})
        assert (status, error) == (409, "seed, profile of a scenario cannot be changed while the fake runs")

    def test_rules_are_appended_and_taken_away(self, fake: Fake) -> None:
        rule = {"on": "create", "name": "down", "fault": {"http": 502}}
        (added,) = fake.ask("POST", "scenario/rules", account=KEY, rules=[rule])["rules"]
        assert (added["label"], added["fired"], added["rule"]) == ("down", 0, rule)
        job = fake.create(OTHER)
        assert fake.poll(job, OTHER)["image_status"] == 1
        status, _ = fake.raw("POST", "/api/open/v3/content/image/createbyprompt", "", b"{}", {"x-api-key": KEY})
        assert status == 502
        assert fake.ask("GET", "calls", "rule=down")["matched"] == 1
        assert fake.refused("DELETE", "scenario/rules", f"rule={added['number']}")[0] == 404
        assert fake.ask("DELETE", "scenario/rules", f"account={KEY}&rule={added['number']}")["fired"] == 1
        assert fake.code_of_create() == 1000

    def test_plans_for_next_jobs(self, fake: Fake) -> None:
        fake.ask("POST", "scenario/jobs", account=KEY, jobs=[{"times": 2, "stages": ["failed"]}])
        assert fake.poll(fake.create(OTHER), OTHER)["image_status"] == 1
        assert [fake.poll(fake.create())["image_status"] for _ in range(3)] == [4, 4, 1]
        assert fake.refused("POST", "scenario/jobs", jobs=[{"when": {"prompt": "x"}}])[0] == 400

    def test_a_fake_that_nobody_may_script(self) -> None:
        fake = Fake(MockAkool(scenario_sources="setting"))
        assert fake.refused("PUT", "scenario", scenario="flaky-gateway")[0] == 403
        assert fake.refused("POST", "scenario/jobs", jobs=[{}])[0] == 403
        rules = [{"on": "any", "fault": {"drop": True}}]
        assert fake.refused("POST", "scenario/rules", rules=rules)[0] == 403

    def test_what_is_said_can_be_put_again(self, fake: Fake) -> None:
        fake.ask("PUT", "scenario", f"account={KEY}", scenario="flaky-gateway")
        told = fake.ask("GET", "scenario", f"account={KEY}")["scenarios"]
        assert fake.ask("PUT", "scenario", f"account={OTHER}", scenario=told)["scenarios"] == told
        rules = fake.ask("GET", "scenario", f"account={OTHER}")["rules"]
        assert rules[0]["label"].startswith("flaky-gateway: ")
        assert fake.refused("PUT", "scenario", scenario={"name": 3, "scenario": {}})[1] == (
            "scenario.name: 3 is not a text"
        )

    def test_which_rules_never_fired_and_why(self, fake: Fake) -> None:
        rule = {"on": "createbyprompt", "fault": {"code": 1005}}
        fake.ask("POST", "scenario/rules", f"account={KEY}", rules=[{**rule, "nth": 2, "name": "second"}])
        fake.ask("POST", "scenario/rules", f"account={KEY}", rules=[{**rule, "nth": 3, "optional": True}])
        fake.ask("POST", "scenario/rules", rules=[{**rule, "nth": 9, "name": "ninth"}])
        fake.code_of_create(OTHER)
        fake.code_of_create()
        (told,) = fake.ask("GET", "scenario/unused", f"account={KEY}")["rules"]
        lines = told["why"].split("\n")
        assert (told["label"], lines[0]) == ("second", "the rule second never fired")
        assert len(lines) == 2, "of another account's call nothing is told"
        assert lines[1].startswith("    #2 POST createbyprompt -> 200 1000 OK, job ")
        assert lines[1].endswith(": it was the 1st of these calls, and the rule says nth: 2")
        everything = fake.ask("GET", "scenario/unused")["rules"]
        assert [(each["label"], each["number"]) for each in everything] == [("ninth", 3), ("second", 1)]
        fake.code_of_create()
        assert fake.ask("GET", "scenario/unused", f"account={KEY}")["rules"] == []


class TestReport:
    def test_of_all_and_of_one(self, fake: Fake) -> None:
        assert fake.ask("GET", "report") == {"calls": 0, "report": "no request reached the fake", "hints": []}
        mine, other = fake.create(), fake.create(OTHER, "an owl")
        fake.poll(mine)
        told = fake.ask("GET", "report")
        assert told["calls"] == 3
        assert mine in told["report"]
        assert other in told["report"]
        assert told["report"] == fake.mock.report()
        told = fake.ask("GET", "report", f"account={OTHER}")
        assert (told["calls"], mine in told["report"]) == (1, False)
        assert "the only call:" in told["report"]
        assert told["hints"] == [f"job {other} was created and paid, but never polled"]
        assert told["report"] == fake.mock.of_account(OTHER).report()

    def test_what_came_with_another_key_is_reported_to_whom_nothing_came(self, fake: Fake) -> None:
        fake.code_of_create("a-key-of-another")
        told = fake.ask("GET", "report", f"account={KEY}")["report"].split("\n")
        assert told[:2] == ["no request with this account's key reached the fake", "requests came with other keys:"]
        assert told[2].endswith("queueing, with the key a-ke…")
        fake.raw("GET", "/nowhere")
        last = fake.ask("GET", "report", f"account={KEY}")["report"].split("\n")[-1]
        assert "#2 GET /nowhere -> 404: Akool's API has no '/nowhere'" in last
        assert last.endswith(", with no key")

    @pytest.mark.parametrize(
        ("accept", "is_text"),
        [
            ("text/plain", True),
            ("text/plain, */*;q=0.1", True),
            ("application/json;q=0.5, TEXT/plain; q=0.9", True),
            ("", False),
            ("*/*", False),
            ("application/json, text/plain, */*", False),
            ("text/plain;q=0", False),
            ("text/plain;q=x", False),
            ("text/html,application/xhtml+xml", False),
        ],
    )
    def test_as_plain_text(self, accept: str, is_text: bool, fake: Fake) -> None:
        fake.create()
        response = fake.mock.answer(Request.build("GET", "/_mock/report", "", {"accept": accept}))
        kind = dict(response.headers)["content-type"]
        if is_text:
            assert kind == "text/plain; charset=utf-8"
            assert response.body.decode() == f"{fake.mock.report()}\n"
        else:
            assert kind == "application/json; charset=utf-8"
            assert json.loads(response.body)["report"] == fake.mock.report()

    def test_calls_that_are_not_kept_any_more_are_reported(self) -> None:
        fake = Fake(MockAkool(call_log_size=2))
        for key in (KEY, OTHER, "a-third-key"):
            fake.code_of_create(key)
        told = fake.ask("GET", "report", f"account={KEY}")["report"]
        assert "the call log keeps 2 calls, of all accounts; 1 older are gone (--call-log-size)" in told

    def test_calls_that_a_reset_forgot_are_none_that_are_not_kept(self, fake: Fake) -> None:
        for key in (KEY, OTHER):
            fake.code_of_create(key)
        fake.ask("POST", "reset", account=KEY)
        told = fake.ask("GET", "report", f"account={KEY}")["report"]
        assert "the call log keeps" not in told
        rule = {"on": "create", "name": "mine", "fault": {"http": 502}}
        fake.ask("POST", "scenario/rules", f"account={KEY}", rules=[rule])
        (unused,) = fake.ask("GET", "scenario/unused", f"account={KEY}")["rules"]
        assert unused["why"] == "the rule mine never fired: no request with the key of its account reached the fake"

    def test_a_clock_that_stands_still_is_reported_before_anything_else(self) -> None:
        mock = MockAkool(clock=SteeredClock(), queueing="forever")
        fake = Fake(mock)
        fake.ask("POST", "clock/freeze")
        job_id = fake.create()
        for _ in range(5):
            fake.poll(job_id)
        told = fake.ask("GET", "report")
        assert told["report"].startswith("the clock of the server stands still; POST /_mock/clock/resume lets it run\n")
        assert told["hints"] == [], "it is no mistake of the client"

    def test_a_scenario_that_there_is_not_is_reported_by_its_name(self, fake: Fake) -> None:
        fake.raw("POST", f"{IMAGE}/createbyprompt", "", b'{"prompt": "[mock:nonsense]"}', {"x-api-key": KEY, **JSON})
        told = fake.ask("GET", "report")["report"]
        assert "#1 POST createbyprompt -> 400: there is no scenario 'nonsense'" in told

    def test_thousands_of_jobs_take_no_longer_than_they_should(self) -> None:
        """A report that compared each job with each call took 20 s for 4,000 jobs, and held all others up."""
        fake = Fake(MockAkool(credits=10**9))
        for number in range(2_000):
            fake.poll(fake.create(prompt=f"fox {number}"))
        compared = 0
        seen = Observations.of(fake.mock.engine)

        class Counting(tuple[Call, ...]):
            def __iter__(self) -> Iterator[Call]:
                nonlocal compared
                compared += len(self)
                return super().__iter__()

        explain(replace(seen, calls=Counting(seen.calls)))
        assert compared <= 40 * len(seen.calls), "it went through all calls for each job"


class TestClock:
    def test_until_idle(self, fake: Fake) -> None:
        fake.ask("POST", "scenario/jobs", account=OTHER, jobs=[{"stages": [{"processing": "1h"}]}])
        mine, other = fake.create(), fake.create(OTHER)
        fake.ask("POST", "clock/advance", account=KEY, until="idle")
        assert (fake.poll(mine)["image_status"], fake.poll(other, OTHER)["image_status"]) == (3, 2)
        fake.ask("POST", "clock/advance", until="idle")
        assert fake.poll(other, OTHER)["image_status"] == 3
        before = fake.ask("GET", "clock")
        assert fake.ask("POST", "clock/advance", until="idle") == before

    def test_until_the_next_webhook(self, fake: Fake) -> None:
        start_ns = fake.mock.started_ns

        def seconds(**given: Any) -> float:
            return float((fake.ask("POST", "clock/advance", until="webhook", **given)["now_ns"] - start_ns) / 10**9)

        assert seconds() == 0
        fake.create(OTHER)
        assert seconds() == 0, "nobody wants a callback"
        fake.create(webhookUrl=HOOK)
        fake.ask("POST", "scenario/jobs", account=OTHER, jobs=[{"stages": [{"queueing": "1s"}, {"processing": "9s"}]}])
        fake.create(OTHER, webhookUrl=HOOK)
        assert seconds(account=KEY) == 2
        assert fake.ask("GET", "webhooks")["matched"] == 2
        fake.ask("POST", "webhooks/faults", account=KEY, faults=[{"fault": {"delay": "3s"}}])
        assert seconds(account=KEY) == 8, "it was made at 5 s, and late"
        assert fake.ask("GET", "webhooks", f"account={KEY}&state=delivered")["matched"] == 2
        assert seconds(account=KEY) == 8
        assert seconds() == 10
        assert seconds() == 10

    def test_until_a_webhook_that_is_lost(self, fake: Fake) -> None:
        fake.ask("POST", "webhooks/faults", faults=[{"times": 1, "fault": {"copies": 0}}])
        fake.create(webhookUrl=HOOK)
        assert fake.ask("POST", "clock/advance", until="webhook")["now_ns"] == fake.mock.started_ns + 2 * 10**9

    def test_a_virtual_clock_stands_still_anyway(self, fake: Fake) -> None:
        assert fake.ask("POST", "clock/freeze")["frozen"] is True
        assert fake.refused("POST", "clock/resume")[0] == 409
        assert fake.refused("POST", "clock/speed", factor=2)[0] == 409

    def test_a_steered_clock(self) -> None:
        fake = Fake(MockAkool(clock=SteeredClock(1_800_000_000 * 10**9, lambda: 0)))
        told = fake.ask("GET", "clock")
        assert told == {
            "now_ns": 1_800_000_000 * 10**9,
            "now": "2027-01-15T08:00:00.000Z",
            "frozen": False,
            "speed": 1.0,
            "virtual": False,
        }
        assert fake.ask("POST", "clock/speed", factor=60)["speed"] == 60
        assert fake.ask("POST", "clock/freeze")["frozen"] is True
        assert fake.ask("POST", "clock/advance", seconds=1.5)["now"] == "2027-01-15T08:00:01.500Z"
        assert fake.ask("POST", "clock/resume")["speed"] == 1

    def test_the_machines_clock_cannot_be_moved(self) -> None:
        fake = Fake(MockAkool(clock=SystemClock()))
        for path in ("freeze", "resume", "advance"):
            body: dict[str, Any] = {"seconds": 1} if path == "advance" else {}
            status, told = fake.raw("POST", f"/_mock/clock/{path}", "", json.dumps(body).encode())
            assert (status, told["error"]) == (409, "this fake runs on the machine's clock")

    def test_time_ends_with_a_clear_error_and_not_with_a_bug(self) -> None:
        fake = Fake(MockAkool(clock=SteeredClock(), queueing="36500d", processing="36500d"))
        fake.ask("POST", "clock/freeze")
        fake.ask("POST", "clock/advance", to_ns=LATEST_NS)
        assert fake.ask("GET", "clock")["now"] == "2106-02-07T06:28:15.000Z"
        fake.create()
        for body in ({"seconds": 1}, {"until": "idle"}):
            told = fake.refused("POST", "clock/advance", **body)
            assert told[:2] == (400, "the clock would show a time after 2106-02-07T06:28:15Z")
        assert fake.refused("POST", "clock/advance", to_ns=LATEST_NS + 1)[0] == 400
        job = fake.create()
        assert len(job) == 24
        fake.ask("POST", f"jobs/{job}/complete")
        (name,) = {url.rpartition("/")[2].partition("-")[0] for url in [fake.poll(job)["image"]]}
        assert len(name) == 13
        assert fake.ask("GET", "report")["calls"] == 3

    @pytest.mark.parametrize("elapsed", ["20000d", "9000d"])
    def test_names_of_the_files_of_old_jobs(self, elapsed: str, fake: Fake) -> None:
        (job,) = fake.ask("POST", "jobs", account=KEY, stages=["completed"], elapsed=elapsed)["jobs"]
        assert len(job["_id"]) == 24
        assert len(fake.poll(job["_id"])["image"].rpartition("/")[2].partition("-")[0]) == 13

    @pytest.mark.parametrize("body", [{}, {"seconds": 1, "until": "idle"}, {"seconds": -1}, {"until": "noon"}])
    def test_what_is_no_advance(self, body: dict[str, Any], fake: Fake) -> None:
        assert fake.refused("POST", "clock/advance", **body)[0] == 400


class TestCalls:
    def test_filters(self, fake: Fake) -> None:
        job = fake.create()
        fake.create(OTHER)
        fake.ask("POST", "clock/advance", seconds=10)
        fake.poll(job)
        fake.poll("0" * 24)

        def matched(query: str) -> list[int]:
            return [call["number"] for call in fake.ask("GET", "calls", query)["calls"]]

        assert matched("") == [1, 2, 3, 4]
        assert matched("endpoint=createbyprompt") == [1, 2]
        assert matched("endpoint=create") == [1, 2]
        assert matched(f"account={KEY}") == [1, 3, 4]
        assert matched(f"job={job}") == [1, 3]
        assert matched("code=1008") == [4]
        assert matched("since=5") == [3, 4]
        assert matched("until=5") == [1, 2]
        assert matched(f"account={KEY}&endpoint=infobymodelid&code=1000") == [3]
        fake.raw("GET", "/nowhere")
        assert matched("http=404") == [5]
        fake.mock.on("quota/info").drop()
        fake.raw("GET", "/api/open/v3/faceswap/quota/info", "", b"", {"x-api-key": KEY})
        assert matched("http=0") == [6]

    def test_several_endpoints(self, fake: Fake) -> None:
        job = fake.create()
        fake.raw("GET", "/nowhere")
        fake.poll(job)
        for query in ("endpoint=createbyprompt,infobymodelid", "endpoint=createbyprompt&endpoint=infobymodelid"):
            assert fake.ask("GET", "calls", query)["matched"] == 2
        assert fake.refused("GET", "calls", "endpoint=createbyprompt,infobymodeli")[1] == (
            "endpoint: 'infobymodeli' is not an endpoint"
        )
        assert fake.refused("GET", "calls", "endpoint=infobymodeli")[1] == (
            "endpoint: 'infobymodeli' is not an endpoint"
        )

    def test_what_the_call_log_does_not_keep_is_reported(self) -> None:
        fake = Fake(MockAkool(call_log_size=3))
        for _ in range(5):
            fake.create()
        page = fake.ask("GET", "calls")
        assert (page["matched"], page["dropped"]) == (3, 2)
        told = fake.refused("GET", "calls", "at_least=4&timeout=0")
        assert told[1] == "3 of 4 such calls came within 0 s"
        assert told[2].endswith("; 2 are not kept any more, see --call-log-size")
        fake.ask("POST", "reset", account=KEY)
        assert fake.ask("GET", "calls")["dropped"] == 2, "what was forgotten on purpose does not count"
        fake.ask("POST", "reset")
        assert fake.ask("GET", "calls")["dropped"] == 0

    def test_pages(self, fake: Fake) -> None:
        for _ in range(5):
            fake.create()
        page = fake.ask("GET", "calls", "limit=2&after=1")
        assert ([each["number"] for each in page["calls"]], page["matched"], page["next"]) == ([2, 3], 4, 3)
        assert fake.ask("GET", "calls", "after=3")["next"] is None

    def test_what_is_said_of_a_call(self, fake: Fake) -> None:
        job = fake.create(prompt="ein Füchslein")
        (call,) = fake.ask("GET", "calls")["calls"]
        assert (call["endpoint"], call["method"], call["http"], call["code"]) == ("createbyprompt", "POST", 200, 1000)
        assert json.loads(call["body"]) == {"prompt": "ein Füchslein"}
        assert json.loads(call["response_body"])["data"]["_id"] == call["job"] == job
        assert (call["account"], call["job_status"], call["at"]) == (KEY, "queueing", 0.0)

    def test_waiting_for_no_time(self, fake: Fake) -> None:
        status, error, _ = fake.refused("GET", "calls", "at_least=1&timeout=0")
        assert (status, error) == (504, "0 of 1 such calls came within 0 s")
        fake.create()
        assert fake.ask("GET", "calls", "at_least=1")["matched"] == 1
        assert fake.refused("GET", "calls", "timeout=1")[0] == 400


class TestReset:
    def test_all(self, fake: Fake) -> None:
        fake.create()
        fake.ask("PUT", "scenario", scenario="flaky-gateway")
        fake.ask("POST", "reset")
        assert fake.mock.jobs == ()
        assert fake.ask("GET", "scenario")["scenarios"] == []
        assert fake.ask("GET", "calls")["calls"] == []

    def test_one_account_leaves_the_others_alone(self, fake: Fake) -> None:
        fake.ask("POST", "accounts", api_key=KEY, client_id="my-id", credits=7)
        for key in (KEY, OTHER):
            fake.ask("PUT", "scenario", account=key, scenario={"rules": [{"on": "quota/info", "fault": {"http": 500}}]})
            fake.ask("POST", "scenario/jobs", account=key, jobs=[{"stages": ["completed"]}] * 2)
            fake.create(key)
        fake.raw("GET", "/api/open/v3/faceswap/quota/info", "", b"", {"x-api-key": "my-id"})
        fake.ask("POST", "accounts/ban", account=KEY)
        others = fake.ask("GET", "state", f"account={OTHER}"), fake.ask("GET", "scenario", f"account={OTHER}")
        fake.ask("POST", "reset", account=KEY)
        assert (fake.ask("GET", "state", f"account={OTHER}"), fake.ask("GET", "scenario", f"account={OTHER}")) == others
        mine = fake.ask("GET", "state", f"account={KEY}")
        assert (mine["calls"], mine["credits_spent"], sum(mine["jobs"].values())) == (0, 0, 0)
        assert fake.ask("GET", "scenario", f"account={KEY}") == {
            "scenarios": [],
            "rules": [],
            "webhooks": [],
            "job_scripts": 0,
        }
        (account,) = fake.ask("GET", "accounts", f"account={KEY}")["accounts"]
        assert (account["credits"], account["client_id"], account["status"]) == (7, "my-id", "active")
        assert [call["number"] for call in fake.ask("GET", "calls")["calls"]] == [2]
        assert fake.poll(fake.create())["image_status"] == 1
        assert fake.ask("GET", "calls")["calls"][-1]["number"] == 5

    def test_everybodys_scenario_leaves_alone_what_is_an_accounts(self, fake: Fake) -> None:
        rule = {"on": "quota/info", "fault": {"http": 500}}
        for scope in ({}, {"account": KEY}):
            fake.ask("POST", "scenario/rules", rules=[rule], **scope)
            fake.ask("POST", "scenario/jobs", jobs=[{}], **scope)
            fake.ask("POST", "webhooks/faults", faults=[{"fault": {"copies": 2}}], **scope)
        mine = fake.ask("GET", "scenario", f"account={KEY}")
        told = fake.ask("PUT", "scenario", scenario="happy")
        assert (told["rules"], told["webhooks"], told["job_scripts"]) == ([], [], 0)
        still = fake.ask("GET", "scenario", f"account={KEY}")
        assert (still["rules"], still["job_scripts"]) == (mine["rules"][:1], 1)
        assert len(still["webhooks"]) == 1
        fake.ask("POST", "reset")
        still = fake.ask("GET", "scenario", f"account={KEY}")
        assert (still["rules"], still["webhooks"], still["job_scripts"]) == ([], [], 0)

    def test_what_goes_and_what_stays(self, fake: Fake) -> None:
        made = fake.ask("POST", "accounts", api_key=KEY, credits=7, status="banned", token_lifetime="1m")
        fake.ask("POST", "accounts/ban", account=KEY, banned=False)
        fake.ask("POST", "accounts/credits", account=KEY, add=5)
        fake.ask("POST", "webhooks/sending", by="http")
        fake.ask("POST", "webhooks/sending", account=KEY, by="collect")
        fake.ask("POST", "clock/advance", seconds=5)
        clock = fake.ask("GET", "clock")
        fake.ask("POST", "reset", account=KEY)
        assert fake.ask("GET", "accounts")["accounts"] == [made]
        assert fake.ask("GET", "state", f"account={KEY}")["sending"] == "http"
        fake.ask("POST", "reset")
        assert fake.ask("GET", "accounts")["accounts"] == []
        assert fake.ask("GET", "clock") == clock
        assert fake.ask("GET", "state")["sending"] == "http"

    def test_counts_begin_anew_for_that_account(self, fake: Fake) -> None:
        fake.mock.on("createbyprompt").nth(2).respond(code=1005)
        assert [fake.code_of_create(key) for key in (KEY, OTHER)] == [1000, 1000]
        fake.ask("POST", "reset", account=KEY)
        assert [fake.code_of_create(key) for key in (KEY, OTHER)] == [1000, 1005]
        assert fake.code_of_create() == 1005


class TestWebhooks:
    def test_list_and_resend(self, fake: Fake) -> None:
        job = fake.create(webhookUrl="http://127.0.0.1:9/hook")
        fake.create(OTHER, webhookUrl="http://127.0.0.1:9/hook")
        fake.ask("POST", "clock/advance", until="idle")
        told = fake.ask("GET", "webhooks", f"account={KEY}")
        assert [(each["job"], each["job_status"]) for each in told["webhooks"]] == [
            (job, "processing"),
            (job, "completed"),
        ]
        assert fake.ask("GET", "webhooks")["matched"] == 4
        number = told["webhooks"][1]["number"]
        assert fake.refused("POST", "webhooks/resend", account=OTHER, number=number)[0] == 404
        copy = fake.ask("POST", "webhooks/resend", number=number)
        assert (copy["copy_of"], copy["state"]) == (number, "delivered")
        fake.ask("POST", "reset", account=KEY)
        assert fake.ask("GET", "webhooks")["matched"] == 2

    def test_filters(self, fake: Fake) -> None:
        job = fake.create(webhookUrl=HOOK)
        fake.ask("POST", "webhooks/faults", faults=[{"status": "completed", "fault": {"copies": 0}}])
        fake.create(webhookUrl=HOOK)
        fake.ask("POST", "clock/advance", seconds=2)
        assert fake.ask("GET", "webhooks")["due_ns"] == fake.mock.started_ns + 5 * 10**9
        assert fake.ask("GET", "webhooks", f"account={OTHER}")["due_ns"] is None
        fake.ask("POST", "clock/advance", seconds=3)

        def matched(query: str) -> list[int]:
            return [each["number"] for each in fake.ask("GET", "webhooks", query)["webhooks"]]

        assert matched("status=processing") == [1, 2]
        assert matched("state=lost") == [3, 4]
        assert matched(f"job={job}&status=completed&state=lost&account={KEY}") == [3]
        assert matched("after=1&limit=2") == [2, 3]
        assert fake.refused("GET", "webhooks", "status=queueing")[0] == 400
        assert fake.ask("GET", "webhooks")["due_ns"] is None

    def test_what_is_collected_on_a_clock_that_runs_is_reported_when_it_is_due(self) -> None:
        fake = Fake(MockAkool(clock=SteeredClock(1_800_000_000 * 10**9, lambda: 0)))
        fake.create(webhookUrl=HOOK)
        assert fake.ask("GET", "webhooks")["webhooks"] == []
        fake.mock.clock.advance(5)
        assert fake.ask("GET", "webhooks", "state=delivered&at_least=2")["matched"] == 2

    def test_waiting_for_no_time(self, fake: Fake) -> None:
        status, error, hint = fake.refused("GET", "webhooks", "at_least=1&timeout=0")
        assert (status, error) == (504, "0 of 1 such webhooks came within 0 s")
        assert hint == "GET /_mock/webhooks without at_least lists those that came, each with its `state` and `error`"
        hint = fake.refused("GET", "webhooks", "at_least=1&timeout=0&state=delivered")[2]
        assert hint == "GET /_mock/webhooks without `state` and at_least lists the others too, with their `error`"
        fake.create(webhookUrl=HOOK)
        fake.ask("POST", "clock/advance", seconds=2)
        assert fake.ask("GET", "webhooks", "at_least=1&status=processing")["matched"] == 1
        assert fake.refused("GET", "webhooks", "at_least=1&timeout=0&status=completed")[0] == 504
        assert fake.refused("GET", "webhooks", "timeout=1")[0] == 400

    def test_faults_apply_to_one_account_until_its_reset(self, fake: Fake) -> None:
        fault = {"status": "processing", "times": 1, "fault": {"copies": 2, "delay": "1s"}}
        assert fake.ask("POST", "webhooks/faults", account=KEY, faults=[fault]) == {"faults": [fault]}

        def reported(key: str) -> list[str]:
            job = fake.create(key, webhookUrl=HOOK)
            fake.ask("POST", "clock/advance", until="idle")
            return [each["job_status"] for each in fake.ask("GET", "webhooks", f"job={job}")["webhooks"]]

        usual = ["processing", "completed"]
        assert reported(OTHER) == usual
        assert reported(KEY) == ["processing", *usual]
        assert reported(KEY) == usual
        fake.ask("POST", "webhooks/faults", account=KEY, faults=[fault])
        fake.ask("POST", "reset", account=KEY)
        assert reported(KEY) == usual
        fake.ask("POST", "webhooks/faults", account=KEY, faults=[fault])
        fake.ask("DELETE", "scenario", f"account={KEY}")
        assert reported(KEY) == usual

    def test_faults_for_everybody_count_anew_for_an_account_that_was_reset(self, fake: Fake) -> None:
        fake.ask("PUT", "scenario", scenario={"webhooks": [{"times": 1, "fault": {"copies": 0}}]})
        fake.ask("POST", "webhooks/faults", faults=[{"times": 1, "fault": {"copies": 3}}])
        for _ in range(2):
            fake.create(webhookUrl=HOOK)
            fake.ask("POST", "clock/advance", until="idle")
            states = [each["state"] for each in fake.ask("GET", "webhooks")["webhooks"]]
            assert states == ["delivered"] * 3 + ["lost"]
            fake.ask("POST", "reset", account=KEY)

    def test_what_is_no_fault_is_reported_with_its_place(self, fake: Fake) -> None:
        told = fake.refused("POST", "webhooks/faults", faults=[{"fault": {"copies": 2}}, {"fault": {"copie": 2}}])
        assert told == (400, "faults[1].fault.copie: there is no such key", "Did you mean 'copies'?")
        assert fake.refused("POST", "webhooks/faults", faults=[])[0] == 400
        assert fake.refused("POST", "webhooks/faults", faults=[{"status": 1, "fault": {}}])[0] == 400
        fake.create(webhookUrl=HOOK)
        fake.ask("POST", "clock/advance", until="idle")
        assert fake.ask("GET", "webhooks")["matched"] == 2

    def test_a_fake_that_nobody_may_script(self) -> None:
        fake = Fake(MockAkool(scenario_sources="setting"))
        assert fake.refused("POST", "webhooks/faults", faults=[{"fault": {"copies": 2}}])[0] == 403

    def test_how_webhooks_are_sent(self, fake: Fake) -> None:
        def states(key: str) -> list[str]:
            fake.create(key, webhookUrl="http://192.0.2.1/hook")
            fake.ask("POST", "clock/advance", seconds=2)
            return [each["state"] for each in fake.ask("GET", "webhooks", f"account={key}")["webhooks"]]

        assert fake.ask("POST", "webhooks/sending", by="http", account=KEY) == {"by": "http", "account": KEY}
        assert (states(KEY), states(OTHER)) == (["refused"], ["delivered"])
        fake.ask("POST", "reset", account=KEY)
        assert states(KEY) == ["delivered"]
        assert fake.ask("POST", "webhooks/sending", by="http") == {"by": "http", "account": None}
        fake.ask("POST", "webhooks/sending", by="collect", account=OTHER)
        fake.ask("POST", "reset", account=KEY)
        assert (states(KEY), states(OTHER)[-1]) == (["refused"], "delivered")
        assert fake.refused("POST", "webhooks/sending", by="htpp")[2] == "Did you mean 'http'?"
        assert fake.refused("POST", "webhooks/sending")[0] == 400


class TestMistakes:
    def test_an_unknown_key_is_reported_with_the_nearest(self, fake: Fake) -> None:
        told = fake.refused("PUT", "scenario", scenario={"rules": [{"on": "create", "fualt": {}}]})
        assert told == (400, "scenario.rules[0].fualt: there is no such key", "Did you mean 'fault'?")
        assert fake.refused("GET", "calls", "acount=x")[2] == "Did you mean 'account'?"
        assert fake.refused("PUT", "scenario", scenario="flaky-gatewa")[2] == "Did you mean 'flaky-gateway'?"

    @pytest.mark.parametrize("levels", [101, 985, 990])
    @pytest.mark.parametrize(
        ("method", "path", "body"),
        [
            ("POST", "jobs", '{"request": {"prompt": %s}}'),
            ("POST", "jobs", '{"request": %s}'),
            ("PUT", "scenario", '{"scenario": {"rules": [{"on": "any", "fault": {"body": %s}}]}}'),
            ("POST", "scenario/rules", '{"rules": [{"on": "any", "fault": {"body": %s}}]}'),
            ("POST", "webhooks/faults", '{"faults": [{"fault": %s}]}'),
            ("POST", "accounts", '{"api_key": %s}'),
        ],
    )
    @pytest.mark.parametrize("brackets", ["[]", ['{"a": ', "}"]], ids=["arrays", "objects"])
    def test_a_body_that_is_nested_deeply(
        self, brackets: list[str], method: str, path: str, body: str, levels: int, fake: Fake
    ) -> None:
        begin, end = brackets
        nested = body % (begin * levels + "1" + end * levels)
        status, told = fake.raw(method, f"/_mock/{path}", "", nested.encode())
        assert status == 400, told
        assert "nested" in told["error"]

    @pytest.mark.parametrize("body", [b"{", b"[1]", b'"x"', b"\xff", b"[" * 100_000])
    def test_a_body_that_is_no_object(self, body: bytes, fake: Fake) -> None:
        status, told = fake.raw("POST", "/_mock/reset", "", body)
        assert (status, set(told)) == (400, {"error", "hint"})

    def test_a_key_that_stands_twice(self, fake: Fake) -> None:
        for body in (b'{"account": "a", "account": "b"}', b'{"account": {"x": [{"account": 1, "account": 1}]}}'):
            before = fake.reported()
            status, told = fake.raw("POST", "/_mock/reset", "", body)
            assert status == 400
            assert "the key 'account' stands twice in an object of the body" in told["error"]
            assert fake.reported() == before

    def test_keys_that_stand_twice_are_reported_with_the_rest(self, fake: Fake) -> None:
        body = b'{"account": "a", "account": "b", "credits": -1, "acount": 1, "acount": 1}'
        told = fake.raw("POST", "/_mock/accounts/credits", "", body)[1]["error"]
        assert told.splitlines() == [
            "4 mistakes:",
            "  the key 'account' stands twice in an object of the body; remove one",
            "  the key 'acount' stands twice in an object of the body; remove one",
            "  acount: there is no such key; did you mean 'account'?",
            "  credits: -1 is not a whole number from 0 to 1,000,000,000,000",
        ]
        many = b"{%b}" % b",".join(b'"k%d": 1' % (number // 2) for number in range(2_000))
        told = fake.raw("POST", "/_mock/accounts/credits", "", many)[1]["error"]
        assert told.startswith("at least ")
        assert told.endswith("more")

    @pytest.mark.parametrize(
        ("path", "query", "body", "mistakes"),
        [
            (
                "accounts",
                "foo=1&limt=2",
                {"credits": -1, "bannd": True},
                [
                    "foo: there is no such key; the keys here are account",
                    "limt: there is no such key; the keys here are account",
                    "bannd: there is no such key; the keys here are api_key, client_id, credits, status, "
                    "token_lifetime",
                    "credits: -1 is not a whole number from 0 to 1,000,000,000,000",
                    "no api_key is given; give `api_key` in the body or `account` in the query",
                ],
            ),
            (
                "jobs",
                "foo=1&acount=k",
                {"endpont": "x"},
                [
                    "foo: there is no such key; the keys here are account",
                    "acount: there is no such key; did you mean 'account'?",
                    "endpont: there is no such key; did you mean 'endpoint'?",
                ],
            ),
            (
                "accounts/credits",
                "",
                {"add": 1, "credits": "x"},
                [
                    "a body takes only one of the keys 'credits', 'add'",
                    "credits: 'x' is not a whole number from 0 to 1,000,000,000,000",
                    "no account is given; give `account` in the body or `account` in the query",
                ],
            ),
            (
                "clock/advance",
                "acount=k",
                {},
                [
                    "acount: there is no such key; did you mean 'account'?",
                    "a body needs one of the keys 'seconds', 'until', 'to_ns'; 'seconds' is a number of seconds from "
                    "0 to 316,224,000; 'until' is idle, change or webhook; 'to_ns' is a whole number from 0 to "
                    "4,294,967,295,000,000,000",
                ],
            ),
            (
                "clock/advance",
                "foo=1",
                {"secnds": 1},
                [
                    "foo: there is no such key; the keys here are account",
                    "secnds: there is no such key; did you mean 'seconds'?",
                ],
            ),
            (
                "scenario/jobs",
                "foo=1",
                {"jobs": [{"when": {"prompt": "fox"}, "queing": 1}]},
                [
                    "foo: there is no such key; the keys here are account",
                    "jobs[0].queing: there is no such key; did you mean 'queueing'?",
                    "jobs[0].when: {'prompt': 'fox'} is not for next jobs; use a scenario's `jobs` for that",
                ],
            ),
        ],
    )
    def test_those_of_query_and_body_are_reported_at_once(
        self, fake: Fake, path: str, query: str, body: dict[str, Any], mistakes: list[str]
    ) -> None:
        status, error, hint = fake.refused("POST", path, query, **body)
        assert (status, hint) == (400, "")
        assert error.splitlines() == [f"{len(mistakes)} mistakes:", *(f"  {each}" for each in mistakes)]

    def test_a_time_limit_without_a_number_is_reported_with_the_rest(self, fake: Fake) -> None:
        for path in ("calls", "webhooks"):
            error = fake.refused("GET", path, "timeout=3&foo=1")[1]
            assert [each.partition("; the keys here")[0] for each in error.splitlines()] == [
                "2 mistakes:",
                "  foo: there is no such key",
                "  timeout: it is taken only beside 'at_least'; give 'at_least', a whole number from 1 to "
                "9,007,199,254,740,992",
            ]
            assert "timeout" not in fake.refused("GET", path, "timeout=3&atleast=1")[1], "it is meant"

    def test_a_query_is_read_to_its_end(self, fake: Fake) -> None:
        error = fake.refused("GET", "calls", "limit=1&limit=2&limit=3&code=x&foo=1")[1]
        assert [each.partition(";")[0] for each in error.splitlines()] == [
            "3 mistakes:",
            "  limit: limit stands twice in the query",
            "  foo: there is no such key",
            "  code: 'x' is not a whole number from 0 to 1,000,000",
        ]

    def test_those_of_a_snapshot_are_reported_at_once(self, fake: Fake) -> None:
        status, error, hint = fake.refused(
            "PUT", "snapshot", format=2, state={"sed": 1, "clock": 3}, tables={"Jobs": 1}
        )
        assert (status, hint) == (400, "Take what GET /_mock/snapshot of the same version answers")
        assert error.splitlines() == [
            "5 mistakes:",
            "  tables.Jobs: there is no such table; the tables here are Account, Timeline, Request, Response, JobInput",
            "  state.sed: there is no such field; did you mean 'seed'?",
            "  state.engine: the field is missing",
            "  state.scenarios: the field is missing",
            "  state.clock: 3 is not an object",
        ]
        assert fake.refused("PUT", "snapshot", "", sate={}, format=2, tabels={}, foo=1)[1].splitlines() == [
            "3 mistakes:",
            "  sate: there is no such key; did you mean 'state'?",
            "  tabels: there is no such key; did you mean 'tables'?",
            "  foo: there is no such key; the keys here are account, format, version, state, tables",
        ]

    @pytest.mark.parametrize(
        ("query", "body", "whole"),
        [
            ("limit", b'{"acount": 1}', "the query is not usable"),
            ("&".join(f"a{number}=1" for number in range(60)), b'{"acount": 1}', "the query has 60 fields"),
            ("acount=1", b"{", "the body is not JSON: "),
            ("acount=1", b"[" * 200 + b"]" * 200, "the body is nested over 100 levels deep"),
            ("acount=1", b"null", "None is not a body"),
        ],
    )
    def test_where_one_is_not_usable_the_other_is_read(self, fake: Fake, query: str, body: bytes, whole: str) -> None:
        status, told = fake.raw("POST", "/_mock/accounts/ban", query, body)
        assert status == 400
        lines = [each.strip() for each in told["error"].splitlines()]
        assert lines[0] == "2 mistakes:"
        assert any(each.startswith(whole) for each in lines[1:])
        assert "acount: there is no such key; did you mean 'account'?" in lines

    def test_the_nearest_name_of_the_library(self, fake: Fake) -> None:
        assert fake.refused("GET", "scenario/library/flaky-gatway") == (
            404,
            "there is no scenario 'flaky-gatway'",
            "Did you mean 'flaky-gateway'?",
        )
        assert fake.refused("GET", "scenario/library/xyz")[2] == "GET /_mock/scenario/library lists them"

    def test_bounds_are_reported(self, fake: Fake) -> None:
        told = fake.refused("POST", "clock/advance", seconds=1e9)[1]
        assert told == "seconds: 1000000000.0 is not a number of seconds from 0 to 316,224,000"
        _, error, hint = fake.refused("POST", "scenario/rules", rules=[])
        assert error == "rules: the list is empty"
        assert hint.startswith("Each item is an object, with the keys name, on")
        told = fake.refused("GET", "calls", "since=-1")[1]
        assert told == "since: -1 is not a number of seconds from 0 to 316,224,000"

    def test_all_are_reported_at_once(self, fake: Fake) -> None:
        body = {"rules": [{"on": "any", "nht": 1}, {"on": "infobymodel", "fault": {"http": 1}}], "acount": "x"}
        status, error, hint = fake.refused("POST", "scenario/rules", **body)
        assert (status, hint) == (400, "")
        assert error.splitlines() == [
            "5 mistakes:",
            "  acount: there is no such key; did you mean 'account'?",
            "  rules[0].nht: there is no such key; did you mean 'nth'?",
            "  rules[0]: a rule needs the key 'fault'; it is what goes wrong",
            "  rules[1].on: 'infobymodel' is not an endpoint; did you mean 'infobymodelid'?",
            "  rules[1].fault.http: 1 is not a whole number from 200 to 599",
        ]

    @pytest.mark.parametrize(
        ("method", "path", "query", "body"),
        [
            pytest.param("GET", "calls", "endpoint=" + ",".join(f"n{each}" for each in range(9_000)), {}, id="names"),
            pytest.param("GET", "calls", "endpoint=" + ",x" * 30_000, {}, id="one name"),
            pytest.param("POST", "reset", "", {f"k{each}": 1 for each in range(60_000)}, id="keys"),
            pytest.param("PUT", "scenario", "", {"scenario": {f"k{n}": 1 for n in range(60_000)}}, id="of a part"),
            pytest.param("POST", "scenario/rules", "", {"rules": [5] * 400_000}, id="items"),
            pytest.param("POST", "scenario/rules", "", {"rules": [{"on": ["x", "y"]}] * 60_000}, id="parts of items"),
            pytest.param("POST", "scenario/jobs", "", {"jobs": [{"stages": ["x"] * 50}] * 5_000}, id="stages"),
            pytest.param("POST", "jobs/1/fail", "", {"reasons": [5] * 600_000}, id="texts"),
        ],
    )
    def test_no_number_of_mistakes_takes_long_to_tell(
        self, fake: Fake, method: str, path: str, query: str, body: Mapping[str, Any]
    ) -> None:
        called = 0

        def count(frame: FrameType, event: str, _: object) -> None:
            nonlocal called
            called += event == "call"

        sys.setprofile(count)
        try:
            status, error, _ = fake.refused(method, path, query, **body)
        finally:
            sys.setprofile(None)
        assert called < 1_000_000, "to tell of each would be some millions"
        assert (status, len(error) < 30_000) == (400, True)

    def test_of_more_mistakes_than_anybody_mends_some_are_told(self, fake: Fake) -> None:
        _, error, _ = fake.refused("POST", "scenario/rules", rules=[{}] * 5_000)
        first, *listed, last = error.splitlines()
        assert (first, len(listed), last) == ("at least 100 mistakes:", 20, "  and 80 more")

    def test_a_query_of_very_many_fields(self, fake: Fake) -> None:
        for path in ("calls", "jobs", "reset"):
            status, error, hint = fake.refused("GET" if path != "reset" else "POST", path, "&".join(["a=1"] * 6_000))
            assert (status, error, hint) == (400, "the query has 6,000 fields", "Give 50 at most")

    def test_a_body_that_is_too_long(self) -> None:
        fake = Fake(MockAkool(max_body_bytes=1024))
        status, error, hint = fake.refused("POST", "reset", account="x" * (2 * 1024 + (64 << 10)))
        assert (status, error) == (413, "the body is over 67,584 bytes")
        assert hint.startswith("Twice max_body_bytes and 64 KiB more are read")

    def test_two_accounts_in_one_call(self, fake: Fake) -> None:
        assert fake.refused("POST", "reset", f"account={KEY}", account=OTHER)[0] == 400
        assert fake.refused("GET", "state", f"account={KEY}&account={KEY}")[0] == 400

    def test_unknown_paths_and_methods(self, fake: Fake) -> None:
        status, error, hint = fake.refused("GET", "jbos")
        assert (status, error) == (404, "there is no admin route /_mock/jbos")
        assert hint == "Did you mean GET /_mock/jobs? GET /_mock/openapi.json lists the routes"
        assert fake.refused("POST", "job/x/compleet")[2].startswith("Did you mean POST /_mock/jobs/{job}/complete? ")
        assert fake.refused("POST", "advance")[2].startswith("Did you mean POST /_mock/clock/advance? ")
        assert fake.refused("GET", "xyzzyxyzzyxyzzy")[2] == "GET /_mock/openapi.json lists the routes"
        assert fake.refused("PATCH", "jobs")[::2] == (405, "It takes GET, POST.")
        assert fake.refused("OPTIONS", "jobs")[0] == 405
        assert fake.refused("PUT", "jobs/x/complete")[::2] == (405, "It takes POST.")
