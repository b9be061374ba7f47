"""Every setting that has a probe is found: another fake has another value, and just this difference is reported."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from mock_akool.calibration import NOT_PROBED, OF_SETTING, PROBES, Limits, Verdict, as_toml, calibrate, fake_of, plan
from mock_akool.server.settings import Settings
from tests.calibration.services import NEEDED, RICH, USUAL, VALUES, found_out, names_of

SAMPLE = (
    "error_data",
    "token_lifetime",
    "no_credit_code_voice",
    "strict_types",
    "session_ready_seconds",
    "webhook_retries",
    "square_4k",
    "concurrent_jobs",
    "listbyids_delay",
)


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    """Webhooks are left without an answer on purpose, of which the fake warns."""
    logging.getLogger("mock_akool").disabled = True
    yield
    logging.getLogger("mock_akool").disabled = False


def check(name: str, folder: Path, only: frozenset[str]) -> None:
    """Expect just this difference, and none with the file of settings that was written."""
    here = Settings(**NEEDED.get(name, {}))
    there = here.but(**{name: VALUES[name]})
    found = found_out(there, here, only)
    assert names_of(found) == {name}
    value, wanted = getattr(here.but(**found.settings), name), getattr(there, name)
    if name in ("queueing", "processing"):  # which is measured between two polls
        assert value.ns == pytest.approx(wanted.ns, rel=0.1)
    else:
        assert value == wanted
    file = folder / "found.toml"
    file.write_text(as_toml(found))
    again = Settings.from_environment(NEEDED.get(name, {}), config=str(file), environ={})
    assert names_of(found_out(there, again, only)) == set()


@pytest.mark.parametrize("name", SAMPLE)
def test_a_setting_is_found_by_its_probe(name: str, tmp_path: Path) -> None:
    check(name, tmp_path, frozenset({name}))


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(OF_SETTING))
def test_every_setting_is_found_among_all_probes(name: str, tmp_path: Path) -> None:
    check(name, tmp_path, frozenset())


def test_a_service_like_the_fake_confirms_all() -> None:
    found = found_out(USUAL, USUAL)
    assert names_of(found) == set()
    assert found.count(Verdict.CONFIRMED) > 200
    not_asked = {each.probe.name for each in found.findings if each.verdict is Verdict.NOT_ASKED}
    assert not_asked == {"plan_gate_code", "price:tts", "price:audio", "price:audio clone"}


def test_many_settings_at_once_are_found(tmp_path: Path) -> None:
    names = ("error_data", "unknown_job_code", "gone_file_status", "v4_buttons", "faceswap_image_credits", "queueing")
    there = Settings(**{name: VALUES[name] for name in names})
    found = found_out(there, USUAL)
    assert names_of(found) == set(names)


def test_a_fact_without_a_setting_that_differs_is_reported_with_what_was_seen() -> None:
    found = found_out(Settings.of(profile="documented"), USUAL, frozenset({"fields:image", "price:image 4k"}))
    by_name = {each.probe.name: each for each in found.differences}
    assert (by_name["price:image 4k"].seen, by_name["price:image 4k"].here) == (1, 4)
    assert "prompt" not in by_name["fields:image"].seen["3"]
    assert "prompt" in by_name["fields:image"].here["3"]


def test_every_setting_about_the_real_api_has_a_probe_or_a_reason() -> None:
    about = {name for name, field in Settings.fields().items() if field.mark}
    probed = set(OF_SETTING) & about
    assert probed | set(NOT_PROBED) == about
    assert not probed & set(NOT_PROBED)
    assert len(probed) >= 45
    assert set(VALUES) == set(OF_SETTING)


def test_names_of_probes_are_there_once() -> None:
    names = [each.name for each in PROBES]
    assert len(names) == len(set(names))


class TestPlan:
    def test_without_spend_nothing_that_costs_is_asked(self) -> None:
        _, credentials = fake_of(USUAL)
        chosen = plan(credentials, USUAL, Limits(), webhook=True)
        asked = [each for each in chosen if not each.why_not]
        assert len(asked) > 80
        assert not any(each.cost or each.probe.jobs for each in asked)
        found = found_out(USUAL, USUAL, limits=Limits(requests=10**6))
        assert found.spent == 0
        assert names_of(found) == set()

    @pytest.mark.parametrize("spend", [1, 5, 20, 100])
    def test_spend_is_never_exceeded(self, spend: int) -> None:
        found = found_out(USUAL, USUAL, limits=Limits(requests=10**6, spend=spend))
        assert found.spent <= spend
        assert names_of(found) == set()

    def test_requests_are_limited(self) -> None:
        found = found_out(USUAL, USUAL, limits=Limits(requests=20))
        assert found.requests <= 20
        assert any("the limit of 20 requests is reached" in each.why for each in found.findings)

    def test_families_leave_out_the_others(self) -> None:
        _, credentials = fake_of(USUAL)
        chosen = plan(credentials, USUAL, RICH, webhook=True, families=("lipsync",))
        assert {each.probe.family for each in chosen} == {"", "lipsync"}

    def test_what_is_not_given_is_named(self) -> None:
        _, credentials = fake_of(USUAL)
        poor = credentials._replace(client_id="", other_key="", empty_key="", banned_key="")
        why = {each.probe.name: each.why_not for each in plan(poor, USUAL, RICH, webhook=False)}
        assert why["token_lifetime"] == "give the clientId of the key with --client-id"
        assert "--other-api-key" in why["foreign_job_code"]
        assert "--empty-api-key" in why["out_of_credits_code"]
        assert "--banned-api-key" in why["msg_account_banned"]
        assert "--webhook-url" in why["webhook_retries"]

    def test_without_an_account_without_credits_the_main_one_pays(self) -> None:
        _, credentials = fake_of(USUAL)
        alone = credentials._replace(empty_key="")
        free = {each.probe.name: each for each in plan(alone, USUAL, Limits(), webhook=True)}
        assert "--empty-api-key" in free["strict_types"].why_not
        paid = {each.probe.name: each for each in plan(alone, USUAL, RICH, webhook=True)}
        assert paid["strict_types"].cost > 0


def test_requests_are_half_a_second_apart() -> None:
    service, credentials = fake_of(USUAL)
    times: list[float] = []
    send = service.send

    def noted(*arguments: object) -> object:
        times.append(service.now_s())
        return send(*arguments)  # type: ignore[arg-type]

    service.send = noted  # type: ignore[method-assign, assignment]
    limits = Limits(requests=1000)
    calibrate(service, credentials, USUAL, plan(credentials, USUAL, limits, webhook=False), limits=limits)
    assert len(times) > 80
    assert min(later - earlier for earlier, later in pairwise(times)) >= 0.499
