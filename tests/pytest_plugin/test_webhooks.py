"""Webhooks in tests with the plugin."""

from __future__ import annotations

from tests.pytest_plugin.conftest import Run

pytest_plugins = "pytester"

KEY = "key-of-a-test-16"


def test_akool_mock_delivers_to_an_app_and_forgets_it_after_the_test(run: Run) -> None:
    result = run(
        f"""
got = []


@pytest.mark.parametrize("n", [1, 2])
def test_it(akool_mock, n):
    akool_mock.webhooks.deliver_to(got.append) if n == 1 else None
    job = create(key="{KEY}", webhookUrl="http://127.0.0.1:9/hook")
    time.sleep(5)
    akool_mock.webhooks.assert_delivered(job)
    assert akool_mock.webhooks.count == 2
    assert len(got) == 2
"""
    )
    result.assert_outcomes(passed=2)


def test_akool_server_gives_webhooks_to_a_function_for_one_test(run: Run) -> None:
    result = run(
        """
got = []


@pytest.mark.parametrize("n", [1, 2])
def test_it(akool_server, n):
    if n == 1:
        akool_server.webhooks.deliver_to(got.append)
    job = create(host=akool_server.url, key=akool_server.api_key, webhookUrl="http://127.0.0.1:1/hook")
    if n == 1:
        akool_server.webhooks.wait_for_delivery(job, status=3, timeout=20)
    else:
        with pytest.raises(AssertionError, match="the connection was refused"):
            akool_server.webhooks.wait_for_delivery(job, timeout=0.5)
    assert len(got) == 2
""",
        "-p",
        "no:randomly",
    )
    result.assert_outcomes(passed=2)


def test_a_failing_test_shows_what_became_of_its_webhooks(run: Run) -> None:
    result = run(
        f"""
def test_it(akool_mock):
    akool_mock.webhooks.deliver_to(lambda request: 404)
    create(key="{KEY}", webhookUrl="http://127.0.0.1:9/hook?token=hidden")
    time.sleep(3)
    assert False
"""
    )
    result.stdout.fnmatch_lines(
        [
            "*webhook of status 2 processing at +2.0 s: waiting after 2 attempts: POST /hook answered 404 (*",
            "hint: the webhook of job *, status 2 processing, was not accepted: POST /hook answered 404 (does your app "
            "have this route?); only HTTP 200 counts, *",
        ]
    )


def test_a_client_that_waits_for_a_lost_webhook_is_stopped(run: Run) -> None:
    result = run(
        f"""
@pytest.mark.akool(scenario="webhook-lost", sleep_limit="5m")
def test_it(akool_mock):
    create(key="{KEY}", webhookUrl="http://127.0.0.1:9/hook")
    while True:
        time.sleep(5)
"""
    )
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*webhook of status 3 completed at +5.0 s: lost: a fault lost it"])


def test_an_assertion_that_fails_in_a_receiver_is_no_passed_test(run: Run) -> None:
    result = run(
        f"""
def receiver(request):
    assert "status" in request.json, "of another kind"


@pytest.mark.parametrize("fixture", ["akool_mock", "akool_server"])
def test_it(request, fixture):
    fake = request.getfixturevalue(fixture)
    fake.webhooks.deliver_to(receiver)
    where = {{}} if fixture == "akool_mock" else {{"host": fake.url, "key": fake.api_key}}
    create(**{{"key": "{KEY}", **where}}, webhookUrl="http://127.0.0.1:9/hook")
    for _ in range(1_000):  # in real time it takes a moment until the receiver is called
        if any(each.attempts for each in fake.webhooks):
            break
        time.sleep(0.02)
    with pytest.raises(AssertionError, match="the receiver raised"):
        fake.webhooks.wait_for_delivery(timeout=0.3)


def test_another(akool_mock):
    pass
""",
        "-p",
        "no:randomly",
    )
    result.assert_outcomes(passed=3, errors=2)
    assert result.stdout.str().count("AssertionError: of another kind") >= 2
