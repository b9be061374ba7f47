"""Settings: every row of the table works as a flag and as a variable, and flags win."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any, Final, NoReturn

import pytest

from mock_akool import AccountSpec, Profile, Settings, SettingsError, Span, failed
from mock_akool.akool.families import FakeSettings
from mock_akool.akool.families.inputs import PatternNumber
from mock_akool.akool.settings import ServiceSettings
from mock_akool.cli import main
from mock_akool.core.delays import Delay
from mock_akool.core.durations import Duration
from mock_akool.core.schema import TEXT, Field, Optional
from mock_akool.scenario_library.library import named
from mock_akool.server.addresses import PREFIX
from mock_akool.server.settings import Setting, table

MS: Final = 1_000_000
ROWS: Final = {row.name: row for row in table()}

TAKES_ANY_TEXT: Final = {
    name for name, row in ROWS.items() if row.field.shape.wants in {TEXT.wants, Optional(TEXT).wants}
}

WRITTEN: Final[dict[str, tuple[str, Any]]] = {
    "seed": ("7", 7),
    "profile": ("documented", Profile.DOCUMENTED),
    "strict": ("yes", True),
    "accounts": ('[{"api_key": "s", "credits": 5}]', (AccountSpec("s", credits=5),)),
    "credits": ("5", 5),
    "account_status": ("banned", "banned"),
    "queueing": ("3 polls", Span(polls=3)),
    "processing": ("forever", Span()),
    "ending": ("failed: too dark; no face", failed("too dark", "no face")),
    "realistic": ("on", True),
    "latency": ("100ms..2s", Delay(Duration(100 * MS), Duration(2000 * MS))),
    "call_log_size": ("3", 3),
    "call_log_bytes": ("100000", 100000),
    "max_body_bytes": ("2048", 2048),
    "error_data": ("null", "null"),
    "unknown_route_body": ("text", "text"),
    "null_is_absent": ("no", False),
    "json_content_type_required": ("false", False),
    "file_lifetime": ("1h", Duration(3_600_000 * MS)),
    "gone_file_status": ("410", 410),
    "token_lifetime": ("30s", Duration(30_000 * MS)),
    "new_token_revokes_older": ("true", True),
    "bearer_any_case": ("0", False),
    "msg_authorization_empty": ("who are you", "who are you"),
    "msg_account_banned": ("go away", "go away"),
    "get_token_wrong_pair_code": ("1101", 1101),
    "get_token_missing_field_code": ("1109", 1109),
    "cors_allow_api_key": ("off", False),
    "prompt_suffix": (" --v 6", " --v 6"),
    "check_urls": ("no", False),
    "bad_parameter_code": ("1008", 1008),
    "unknown_job_code": ("1009", 1009),
    "foreign_job_code": ("1008", 1008),
    "out_of_credits_code": ("1006", 1006),
    "requests_per_second": ("0.5", 0.5),
    "concurrent_jobs": ("2", 2),
    "quota_rounding": ("exact", "exact"),
    "webhook_processing": ("no", False),
    "webhook_retries": ("2", 2),
    "webhook_retry_delay": ("100ms", Duration(100 * MS)),
    "webhook_timeout": ("3s", Duration(3000 * MS)),
    "webhook_before_status": ("500ms", Duration(500 * MS)),
    "webhook_after_status": ("2s", Duration(2000 * MS)),
    "allow_webhook": ("App.test,app.test:8080, 8.8.8.8", ("app.test", "app.test:8080", "8.8.8.8")),
    "scenario": ("flaky-gateway", (named("flaky-gateway"),)),
    "scenario_sources": ("setting,key", ("setting", "key")),
    "videos": ("constant", "constant"),
    "host": ("0.0.0.0,[::1]", ("0.0.0.0", "::1")),
    "uds": ("akool.sock", "akool.sock"),
    "watch": ("yes", True),
    "webhook_ca": ("ca.pem", "ca.pem"),
    "cors_allow_any_header": ("yes", True),
    "port": ("0", 0),
    "port_file": ("port.txt", "port.txt"),
    "state": ("akool.json", "akool.json"),
    "admin_token": ("s3cret", "s3cret"),
    "admin_hosts": ("akool,fake.test", ("akool", "fake.test")),
    "forwarded_allow_ips": ("10.0.0.0/8,::1,*", ("10.0.0.0/8", "::1", "*")),
    "public_url": ("https://akool.test:8443/", "https://akool.test:8443"),
    "no_tls": ("yes", True),
    "tls_only": ("yes", True),
    "tls_name": ("akool-mock,10.0.0.5", ("akool-mock", "10.0.0.5")),
    "ca_dir": ("certificates", "certificates"),
    "proxy": ("yes", "yes"),
    "proxy_others": ("pass", "pass"),
    "log": ("json", "json"),
    "path_case_strict": ("no", False),
    "media_seconds_by_url": ("*long*=30", (PatternNumber("*long*", 30.0),)),
    "faces_by_url": ("*two*=2,*three*=3", (PatternNumber("*two*", 2.0), PatternNumber("*three*", 3.0))),
    "faceswap_fail_field": ("reason", "reason"),
    "known_avatars": ("mine,my-*", ("mine", "my-*")),
    "known_voices": ("my-voice,*", ("my-voice", "*")),
    "translate_refused_languages": ("es,ja", ("es", "ja")),
    "i2v_batch_errors": ("*fox*=1", (PatternNumber("*fox*", 1.0),)),
}
"""A value of a setting that is not its default: as one writes it, and what it is."""


def sample(field: Field) -> tuple[str, Any] | None:
    """Return such a value of a setting whose shape says by itself which there are; None of any other shape."""
    schema = next(iter(field.shape.schema.get("anyOf", ())), field.shape.schema)
    if schema.get("type") == "boolean":
        return ("no", False) if field.default else ("yes", True)
    if "enum" in schema:
        word = next(each for each in schema["enum"] if each != field.default)
        return word, word
    if schema.get("type") in {"integer", "number"}:
        most = schema["maximum"]
        number = most - 1 if field.default == most else most
        return str(number), number
    return ("another text", "another text") if schema.get("type") == "string" else None


OF_FAMILIES: Final = FakeSettings.fields().keys() - ServiceSettings.fields().keys()
SAMPLES: Final = {name: found for name in OF_FAMILIES if (found := sample(ROWS[name].field)) is not None} | WRITTEN
"""Those of families come from their shapes where these say enough, so that a new family need not be named here."""

LISTS: Final = {name for name, row in ROWS.items() if row.field.shape.schema.get("type") == "array"}


def refused(name: str, row: Setting) -> str:
    """Return how the refusal of a value that is none begins, the setting being called `name`."""
    item = "[0]" if row.name in LISTS else ""
    what = "the value" if row.name == "admin_token" else "'☹'"
    is_what = "neither the name of a scenario nor a file" if row.name == "scenario" else "not "
    return f"{name}{item}: {what} is {is_what}"


def written(row: Setting, text: str) -> tuple[str, ...]:
    """Return how one gives a setting on a command line."""
    return ("--set", f"{row.name}={text}") if row.flag.startswith("--set ") else (row.flag, text)


every_setting = pytest.mark.parametrize("row", ROWS.values(), ids=ROWS)


class _Served(Exception):  # noqa: N818 - it says that a server would now be made
    def __init__(self, settings: Settings) -> None:
        self.settings = settings


@pytest.fixture(autouse=True)
def _no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in os.environ:
        if name.startswith(PREFIX):
            monkeypatch.delenv(name)


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Run `mock-akool serve` with these flags up to the making of the server; returns the settings of it."""

    def take(settings: Settings, clock: object, access: object) -> NoReturn:
        raise _Served(settings)

    monkeypatch.setattr("mock_akool.server.application.Application", take)

    def run(*flags: str) -> Settings:
        with pytest.raises(_Served) as caught:
            main(["serve", *flags])
        return caught.value.settings

    return run


def test_every_setting_has_a_sample_that_is_not_its_default() -> None:
    assert SAMPLES.keys() == ROWS.keys()
    assert [field for field, (_, value) in SAMPLES.items() if value == ROWS[field].field.default] == []


@every_setting
def test_a_setting_is_a_flag(row: Setting, serve: Any) -> None:
    text, value = SAMPLES[row.name]
    # Most settings have no flag of their own.
    own = () if row.flag.startswith("--set ") else ((row.flag, text), (f"{row.flag}={text}",))
    for flags in (*own, ("--set", f"{row.name}={text}")):
        assert serve(*flags) == Settings.of(**{row.name: value})


@every_setting
def test_a_setting_is_a_variable_and_its_flag_wins_over_that(
    row: Setting, serve: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    text, value = SAMPLES[row.name]
    default = "[]" if row.name == "accounts" else row.shown_default
    monkeypatch.setenv(row.variable, text)
    assert serve() == Settings.of(**{row.name: value})
    assert serve(*written(row, default)) == Settings()
    monkeypatch.setenv(row.variable, default)
    assert serve(*written(row, text)) == Settings.of(**{row.name: value})


@every_setting
def test_a_bad_variable_is_reported_by_its_name_whatever_flags_are_given(row: Setting) -> None:
    if row.name in TAKES_ANY_TEXT:
        assert getattr(Settings.from_environment(environ={row.variable: "☹"}), row.name) == "☹"
        return
    for flags in ({}, {"credits": "1"} if row.name != "credits" else {"seed": "1"}):
        with pytest.raises(SettingsError, match=f"^{re.escape(refused(row.variable, row))}"):
            Settings.from_environment(flags, {row.variable: "☹"})


@every_setting
def test_a_bad_flag_is_reported_even_where_the_variable_is_good(
    row: Setting, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    if row.name in TAKES_ANY_TEXT:
        return
    monkeypatch.setenv(row.variable, SAMPLES[row.name][0])
    assert main(["serve", *written(row, "☹")]) == 1
    output = capsys.readouterr()
    assert output.out == ""
    assert output.err.startswith(f"mock-akool: {refused(row.flag, row)}")
    assert output.err.count("\n") == 1


def test_a_bad_argument_is_reported_by_its_name() -> None:
    for name, row in ROWS.items():
        if name not in TAKES_ANY_TEXT:
            with pytest.raises(SettingsError, match=f"^{re.escape(refused(name, row))}"):
                Settings.of(**{name: "☹"})


def test_an_empty_variable_is_not_set() -> None:
    for row in ROWS.values():
        assert Settings.from_environment(environ={row.variable: ""}) == Settings(), row.variable


KUBERNETES: Final = {
    "MOCK_AKOOL_SERVICE_HOST": "10.0.0.11",
    "MOCK_AKOOL_SERVICE_PORT": "25665",
    "MOCK_AKOOL_SERVICE_PORT_HTTP": "25665",
    "MOCK_AKOOL_PORT": "tcp://10.0.0.11:25665",
    "MOCK_AKOOL_PORT_25665_TCP": "tcp://10.0.0.11:25665",
    "MOCK_AKOOL_PORT_25665_TCP_PROTO": "tcp",
    "MOCK_AKOOL_PORT_25665_TCP_PORT": "25665",
    "MOCK_AKOOL_PORT_25665_TCP_ADDR": "10.0.0.11",
}
"""What Kubernetes gives to every container of a namespace that has a Service called mock-akool."""


@pytest.mark.parametrize("application", ["MOCK_AKOOL", "MOCK_AKOOL_TEST_2"])
def test_what_kubernetes_says_of_a_service_is_none_of_ours(application: str) -> None:
    environ = {name.replace("MOCK_AKOOL", application): value for name, value in KUBERNETES.items()}
    assert Settings.from_environment(environ=environ) == Settings()


def test_what_is_only_like_kubernetes_is_a_mistake() -> None:
    with pytest.raises(SettingsError, match=r"^MOCK_AKOOL_PORT: 'http://10\.0\.0\.11:25665' is not a whole number"):
        Settings.from_environment(environ={"MOCK_AKOOL_PORT": "http://10.0.0.11:25665"})
    with pytest.raises(SettingsError, match="MOCK_AKOOL_SERVICE_NAME: there is no such variable"):
        Settings.from_environment(environ={"MOCK_AKOOL_SERVICE_NAME": "x"})


def test_the_shown_default_is_what_one_would_write() -> None:
    for name, row in ROWS.items():
        if row.shown_default:
            assert getattr(Settings.of(**{name: row.shown_default}), name) == row.field.default, name
        else:
            assert row.field.default in (None, (), ""), name


@pytest.mark.parametrize(
    "row", [row for row in table() if row.is_flag and not row.field.mark], ids=lambda row: row.name
)
def test_a_bare_flag_means_yes(row: Setting, serve: Any) -> None:
    assert getattr(serve(row.flag), row.name) is True
    assert getattr(serve(row.flag, "no"), row.name) is False


@pytest.mark.parametrize(
    ("flags", "host", "port"), [(["-p", "1234"], "127.0.0.1", 1234), (["-H", "0.0.0.0", "-p0"], "0.0.0.0", 0)]
)
def test_host_and_port_have_short_flags(flags: list[str], host: str, port: int, serve: Any) -> None:
    settings = serve(*flags)
    assert (settings.host, settings.port) == ((host,), port)


def test_the_host_may_be_given_several_times(serve: Any) -> None:
    settings = serve("-H", "127.0.0.1", "--host", "[::1]", "--host", "localhost")
    assert settings.host == ("127.0.0.1", "::1", "localhost")


@pytest.mark.parametrize(
    "host", ["", " ", "http://a", "a/b", "a b", "user@a", "a?b", "[::1", "[]", "☹", "a:80", "[::1]:80", "::::"]
)
def test_what_is_no_host_is_refused(host: str) -> None:
    with pytest.raises(SettingsError, match=r"^host: .* is not an address or the name of a host; use 0\.0\.0\.0"):
        Settings.of(host=[host])


def test_flags_and_variables_are_unique_and_alike() -> None:
    assert len({row.flag for row in table()}) == len({row.variable for row in table()}) == len(table())
    for row in table():
        assert row.variable == PREFIX + row.flag.removeprefix("--set ").removeprefix("--").replace("-", "_").upper()


def test_variables_and_flags_add_up(serve: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOCK_AKOOL_SEED", "7")
    monkeypatch.setenv("MOCK_AKOOL_PORT", "0")
    assert serve("--port", "1", "--profile", "documented") == Settings(seed=7, port=1, profile=Profile.DOCUMENTED)


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("MOCK_AKOOL_SEDE", "MOCK_AKOOL_SEED"),
        ("MOCK_AKOOL_QUEUE", "MOCK_AKOOL_QUEUEING"),
        ("MOCK_AKOOL_PROT", "MOCK_AKOOL_PORT"),
    ],
)
def test_an_unknown_variable_is_reported_with_the_nearest(name: str, near: str) -> None:
    with pytest.raises(SettingsError) as caught:
        Settings.from_environment(environ={name: "1"})
    assert str(caught.value) == f"{name}: there is no such variable; did you mean {near}?"


def test_all_mistakes_are_reported_at_once_each_by_the_name_that_was_written() -> None:
    environ = {"MOCK_AKOOL_SEDE": "1", "MOCK_AKOOL_PORT": "x", "MOCK_AKOOL_CREDITS": "y", "MOCK_AKOOL_SCENARIO": "slwo"}
    with pytest.raises(SettingsError) as caught:
        Settings.from_environment({"credits": "-1", "scenario_sources": "key"}, environ)
    assert str(caught.value).splitlines() == [
        "4 mistakes:",
        "  MOCK_AKOOL_SEDE: there is no such variable; did you mean MOCK_AKOOL_SEED?",
        "  MOCK_AKOOL_SCENARIO: there is no scenario 'slwo'; did you mean 'slow'?",
        "  --credits: -1 is not a whole number from 0 to 1,000,000,000,000",
        "  MOCK_AKOOL_PORT: 'x' is not a whole number from 0 to 65,535",
    ]


WRONG: Final = """
descripton: mine
profile: nobody
rules:
  - on: create
    nth: banana
    fault: {http: 502}
"""


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the scenarios one.yaml and two.yaml, which are wrong, and good.toml and bad.toml."""
    monkeypatch.chdir(tmp_path)
    for name in ("one.yaml", "two.yaml"):
        (tmp_path / name).write_text(WRONG)
    (tmp_path / "good.toml").write_text("credits = 3\n")
    (tmp_path / "bad.toml").write_text(
        "queueng = 1\ncredits = 'x'\nport = 99999\naccounts = [{key = 'a'}]\nno-tls = true\n"
        "cls = 1\nscenario = 'two.yaml'\n"
    )
    return tmp_path


def of_scenario(file: str) -> list[str]:
    """Return what is said of a wrong scenario in this file."""
    return [
        f"  {file}:2: descripton: there is no such key; did you mean 'description'?",
        f"  {file}:3: profile: 'nobody' is not observed or documented",
        f"  {file}:6: rules[0].nth: 'banana' is not a whole number from 1 to 1,000,000,000; use 2 or [2, 5]",
    ]


@pytest.mark.usefixtures("files")
@pytest.mark.parametrize("flags", [(), ("--config", "good.toml"), ("--profile", "observed"), ("--profile", "nobody")])
def test_a_mistake_of_a_scenario_names_its_file_and_line(
    flags: tuple[str, ...], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    own = ["  --profile: 'nobody' is not observed or documented"] if "nobody" in flags else []
    assert main(["serve", *flags, "--scenario", "one.yaml", "--scenario", "two.yaml"]) == 1
    told = [*of_scenario("one.yaml"), *of_scenario("two.yaml"), *own]
    assert capsys.readouterr().err.splitlines() == [f"mock-akool: {len(told)} mistakes:", *told]
    monkeypatch.setenv("MOCK_AKOOL_SCENARIO", "one.yaml,two.yaml")
    assert main(["exec", *flags, "--", "true"]) == 1
    assert capsys.readouterr().err.splitlines() == [f"mock-akool: {len(told)} mistakes:", *told]


def test_a_file_is_not_blamed_for_what_it_does_not_say(files: Path) -> None:
    (files / "short.yaml").write_text("accounts: [{api_key: short}]\n")
    with pytest.raises(SettingsError, match=r"^accounts\[0\]\.api_key: a key of 5 bytes cannot encrypt webhooks"):
        Settings.from_environment({"scenario": "short.yaml"}, {}, config="good.toml")


@pytest.mark.usefixtures("files")
def test_all_mistakes_of_flags_variables_and_files_are_reported_at_once(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MOCK_AKOOL_SEDE", "1")
    monkeypatch.setenv("MOCK_AKOOL_SEED", "x")
    flags = ["--queueing", "banana", "--tls-only", "--set", "realistc=true", "--set", "realistic"]
    flags += ["--set", "square_4k=maybe", "--set", "queueing=1", "--set", "square_4k=64"]
    assert main(["serve", "--config", "bad.toml", *flags]) == 1
    output = capsys.readouterr().err
    first, *told = [re.sub("(the settings here are) .*", r"\1", line) for line in output.splitlines()]
    assert first == "mock-akool: 17 mistakes:"
    assert told == [
        "  --set: 'realistic' is not NAME=VALUE; write it such as queueing=10s",
        "  --set square_4k: it is given twice; give it once",
        "  --set queueing: it is given by its flag too; give it once",
        "  MOCK_AKOOL_SEDE: there is no such variable; did you mean MOCK_AKOOL_SEED?",
        *of_scenario("two.yaml"),
        "  bad.toml: queueng: there is no such setting; did you mean 'queueing'?",
        "  bad.toml: cls: there is no such setting; the settings here are",
        "  --set realistc: there is no such setting; did you mean 'realistic'?",
        "  MOCK_AKOOL_SEED: 'x' is not a whole number from -9,223,372,036,854,775,808 to 9,223,372,036,854,775,807",
        "  bad.toml: accounts[0].key: there is no such key; did you mean 'api_key'?",
        "  bad.toml: credits: 'x' is not a whole number from 0 to 1,000,000,000,000",
        "  --queueing: 'banana' is not a duration; use 10, '10s', '2m', '500ms', '3 polls' or 'forever'",
        "  --set square_4k: 'maybe' is not a whole number from 64 to 4,096",
        "  bad.toml: port: 99999 is not a whole number from 0 to 65,535",
        "  --tls-only: it contradicts no_tls; leave one of them out",
    ]


@pytest.mark.parametrize("command", ["exec", "gauntlet"])
def test_a_command_with_settings_reports_all_of_their_mistakes(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([command, "--set", "realistc=1", "--set", "credits=x", "--strict", "maybe", "--", "true"]) == 1
    assert capsys.readouterr().err.splitlines() == [
        "mock-akool: 3 mistakes:",
        "  --set realistc: there is no such setting; did you mean 'realistic'?",
        "  --strict: 'maybe' is not true or false",
        "  --set credits: 'x' is not a whole number from 0 to 1,000,000,000,000",
    ]


def test_unknown_flags_are_reported_along_with_unknown_settings(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["serve", "--prot", "1", "--set", "realistc=1", "--credits", "x"])
    assert capsys.readouterr().err.splitlines()[1:-1] == [
        "  there is no flag --prot, did you mean --port?",
        "  --set realistc: there is no such setting; did you mean 'realistic'?",
        "  --credits: 'x' is not a whole number from 0 to 1,000,000,000,000",
    ]


def test_what_would_do_nothing_is_not_checked(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["replay", "nowhere", "--set", "queueing=banana", "--set", "credits=1", "--port", "x"]) == 1
    assert capsys.readouterr().err.splitlines() == [
        "mock-akool: 3 mistakes:",
        "  --set queueing: it would do nothing here; replay answers as the recording does",
        "  --set credits: it would do nothing here; replay answers as the recording does",
        "  --port: 'x' is not a whole number from 0 to 65,535",
    ]


def test_a_flag_of_a_list_may_be_given_several_times(serve: Any) -> None:
    given = serve("--allow-webhook", "a.test", "--allow-webhook=b.test,c.test", "--accounts", '[{"api_key": "a"}]')
    assert given.allow_webhook == ("a.test", "b.test", "c.test")
    accounts = serve("--accounts", '[{"api_key": "a"}]', "--accounts", '[{"api_key": "b"}]').accounts
    assert [each.api_key for each in accounts] == ["a", "b"]


def test_a_variable_like_no_other_is_reported_where_to_look() -> None:
    with pytest.raises(SettingsError) as caught:
        Settings.from_environment(environ={"MOCK_AKOOL_ZZZZZZZZ": "1"})
    assert "serve --help" in caught.value.hint


def test_variables_of_others_are_let_be() -> None:
    assert Settings.from_environment(environ={"PATH": "/bin", "mock_akool_seed": "x", "MOCK": "1"}) == Settings()


@pytest.mark.parametrize("url", ["akool.test", "ftp://akool.test", "https://", "https://akool.test/path", "http://a b"])
def test_a_public_url_is_a_scheme_and_a_host(url: str) -> None:
    with pytest.raises(SettingsError, match="public_url"):
        Settings(public_url=url)


def test_a_port_file_may_be_a_path(tmp_path: Path) -> None:
    assert Settings.of(port_file=str(tmp_path / "port")).port_file == str(tmp_path / "port")
