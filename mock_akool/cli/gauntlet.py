"""`mock-akool gauntlet`: run a program through every failure scenario, and judge it."""

from __future__ import annotations

import argparse
import json
import shlex
import sys
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from mock_akool.cli.exec import command_of, ended_early, nothing_came, program_of, settings_for_command
from mock_akool.cli.flags import COUNT, FAMILY, HTTP_URL, WRITABLE_FILE, read_by
from mock_akool.cli.parser import FILES, FOLDERS, completed_by
from mock_akool.cli.serve import add_settings
from mock_akool.core.errors import Mistakes, MockAkoolError, ScenarioError
from mock_akool.core.options import POSITIVE
from mock_akool.core.schema import Shape
from mock_akool.server.settings import Settings

if TYPE_CHECKING:
    from mock_akool.akool.families import Family
    from mock_akool.akool.scenarios.model import Scenario
    from mock_akool.cli.gauntlet_runs import Runs
    from mock_akool.gauntlet import GauntletReport, Judgement
    from mock_akool.gauntlet.known import Known

_AT_ONCE: Final = 8
_SPEED: Final = 20.0
_LIMIT_S: Final = 60.0

_AFRESH: Final = "each run has a fake of its own, which begins afresh"
_OWN_PORT: Final = "each run has a fake of its own, on a free port"
_UNUSED: Final = {
    "scenario": "the gauntlet goes through the scenarios itself; name yours with --only",
    "state": _AFRESH,
    "watch": _AFRESH,
    "port": _OWN_PORT,
    "port_file": _OWN_PORT,
    "uds": _OWN_PORT,
    "log": "the programs of many runs print at the same time; --html and --json have the requests of each",
}
"""The settings that mean nothing here, and why."""


def add_parser(commands: Any, help: str) -> None:
    """Add the command to the commands of a parser."""
    parser = commands.add_parser(
        "gauntlet",
        help=help,
        usage="mock-akool gauntlet [options] -- COMMAND ...",
        description="Run a program once for each scenario of the library, each time afresh and against a fake of its "
        "own, and judge what it does. Its environment leads it there, as with `mock-akool exec`.",
        epilog="The flags of `mock-akool serve` that are about jobs and the fake are flags of gauntlet too.",
    )
    which = parser.add_argument_group("which scenarios")
    scenarios = Settings.fields()["scenario"].shape
    for flag, help in (
        ("--only", "run these: NAME or NAME,NAME (repeatable)"),
        ("--skip", "leave these out: NAME or NAME,NAME (repeatable)"),
    ):
        read_by(scenarios, which.add_argument(flag, action="append", default=[], metavar="NAME", help=help))
    how = parser.add_argument_group("how they are run")
    flags: tuple[tuple[Any, str, str, Shape, Any, str], ...] = (
        (which, "--family", "NAME", FAMILY, None, "the family of the program's jobs, such as image_v3"),
        (which, "--repeat", "N", COUNT, 1, "run each with N seeds"),
        (which, "--webhook-url", "URL", HTTP_URL, None, "the program listens for webhooks there"),
        (which, "--races", "N", COUNT, None, "instead, try N orders of polls and webhooks"),
        (how, "--speed", "N", POSITIVE, _SPEED, "the fake's clock is N times as fast (default: 20)"),
        (how, "--limit", "S", POSITIVE, _LIMIT_S, "end the program after S seconds (default: 60)"),
        (how, "--at-once", "N", COUNT, _AT_ONCE, "how many run at the same time (default: 8)"),
    )
    for group, flag, metavar, shape, default, help in flags:
        read_by(shape, group.add_argument(flag, metavar=metavar, default=default, help=help))
    saves = how.add_argument(
        "--saves-to",
        metavar="DIR",
        help="where the program saves its files, to compare them; {run} in DIR and in COMMAND names the run",
    )
    completed_by(FOLDERS, saves)
    what = parser.add_argument_group("what is written")
    for flag, help in (
        ("--html", "a page with the timelines"),
        ("--json", "everything, as JSON"),
        ("--junit", "JUnit XML"),
    ):
        file = what.add_argument(flag, metavar="FILE", help=help)
        completed_by(FILES, file)
        read_by(WRITABLE_FILE, file)
    known = what.add_argument("--known", metavar="FILE", help="accepted findings: a line `scenario: finding` for each")
    completed_by(FILES, known)
    add_settings(parser, [], unused=_UNUSED)
    parser.add_argument("command", nargs="*", metavar="COMMAND", help="the program and its arguments, after --")
    parser.set_defaults(run=execute, isolate=False)


def execute(options: argparse.Namespace) -> int:
    """Run the command in each scenario; returns 0, or 1 when one was failed, or none could be judged."""
    from mock_akool.cli.gauntlet_runs import Runs
    from mock_akool.gauntlet import GauntletReport, Verdict
    from mock_akool.gauntlet.known import accepting, read_known_file
    from mock_akool.gauntlet.report import text_for_program

    command = command_of(options)
    _check_races(options)
    mistakes = Mistakes()
    options.parser.read(options, mistakes)
    known: Known = frozenset()
    with mistakes.noted():
        known = read_known_file(Path(options.known)) if options.known else known
    with mistakes.noted():
        settings = settings_for_command(options)
    mistakes.raise_any()
    scenarios = [] if options.races else _scenarios(options)
    program = program_of(command)
    if isinstance(program, int):
        return program
    runs = Runs([program, *command[1:]], settings, options.speed, options.limit, options.webhook_url, options.saves_to)
    if options.races:
        return _race(runs, options, command, settings.seed, known)
    turns = [(each, settings.seed + turn) for each in scenarios for turn in range(options.repeat)]
    at_once = options.at_once if runs.may_overlap else 1
    found: dict[int, Judgement] = {}
    with ThreadPoolExecutor(at_once) as pool:
        futures = {pool.submit(runs.judged, *turn): number for number, turn in enumerate(turns)}
        try:
            for future in as_completed(futures):
                judgement = found[futures[future]] = future.result()
                _show_progress(len(found), len(turns), judgement)
        except BaseException:
            runs.stop()
            pool.shutdown(cancel_futures=True)
            raise
    report = GauntletReport(accepting([found[number] for number in range(len(turns))], known))
    print(text_for_program(report))
    _write_all(report, options)
    if all(each.verdict is Verdict.NOT_JUDGED for each in report.judgements):
        if not any(each.story.calls for each in report.judgements):
            _print_nothing_came(command, runs)
        else:
            print("mock-akool: no scenario could be judged; the table says why", file=sys.stderr)
        return 1
    return int(bool(report.failures))


def _print_nothing_came(command: list[str], runs: Runs) -> None:
    if not runs.early_status:
        lines = nothing_came(command)
    else:
        shown = shlex.join(command)
        lines = [ended_early(runs.early_status), f"hint: `mock-akool exec -- {shown}` shows all that it prints"]
    print("\n".join(lines), file=sys.stderr)


def _check_races(options: argparse.Namespace) -> None:
    """End with the status of wrong usage for options that make no sense together with --races."""
    if options.races is None:
        return
    wrong = []
    if not options.webhook_url:
        wrong.append("--races wants --webhook-url: races are those of polls and webhooks")
    others = {"--only": options.only, "--skip": options.skip, "--family": options.family}
    given = [flag for flag, value in others.items() if value] + ["--repeat"] * (options.repeat != 1)
    if given:
        wrong.append(f"--races makes schedules of its own; leave out {', '.join(given)}")
    if wrong:
        options.parser.refuse(options, *wrong)


def _show_progress(done: int, all_of_them: int, judgement: Judgement) -> None:
    if sys.stderr.isatty():
        print(f"{done} of {all_of_them}: {judgement.scenario}: {judgement.verdict}", file=sys.stderr)


def _race(runs: Runs, options: argparse.Namespace, command: list[str], seed: int, known: Known) -> int:
    """Search for a race of polls and webhooks; returns 1 when one was found, or the client could not be judged."""
    from mock_akool.diagnostics.describe import counted
    from mock_akool.gauntlet import GauntletReport
    from mock_akool.gauntlet.known import accepting
    from mock_akool.gauntlet.races import search

    done = 0

    def judged(scenario: Scenario) -> Judgement:
        nonlocal done
        found = runs.judged(scenario, seed)
        done += 1
        # What comes after a schedule that fails makes it smaller.
        _show_progress(done, max(done, options.races), found)
        return found

    found = search(judged, tries=options.races, seed=seed, known=known)
    judgement = found.simplest if found.race is None else found.race.judgement
    _write_all(GauntletReport(accepting([judgement], known)), options)
    if found.race is not None:
        print(f"# the smallest of {found.tried} schedules that fails; `--only FILE` replays it\n{found.race}", end="")
        return 1
    if not judgement.story.calls:
        _print_nothing_came(command, runs)
        return 1
    if not found.has_webhooks:
        why = "the program asked for no webhook; the URL for it is in the variable AKOOL_WEBHOOK_URL"
        print(f"mock-akool: it could not be judged: {why}", file=sys.stderr)
        return 1
    print(f"no race was found in {counted(found.tried, 'schedule')}")
    return 0


def _scenarios(options: argparse.Namespace) -> list[Scenario]:
    """Return the scenarios that are to be run; raises ScenarioError when none is left."""
    from mock_akool.scenario_library.library import load_all, names

    left_out = {each.name for each in options.skip}
    found = [each for each in options.only or load_all(list(names())) if each.name not in left_out]
    about = None if options.family is None else _endpoints_of(options.family)
    kept = [
        each
        for each in found
        if (about is None or each.expect.is_about(about)) and (options.webhook_url or options.only or not each.webhooks)
    ]
    if not kept:
        raise ScenarioError("no scenario is left", "leave out some of --only, --skip and --family")
    return kept


def _endpoints_of(family: Family[Any]) -> frozenset[str]:
    """Return the endpoints that create and show the jobs of a family."""
    return frozenset(
        [*(each.endpoint for each in family.creates), *(each.results.endpoint for each in family.readings)]
    )


def _write_all(report: GauntletReport, options: argparse.Namespace) -> None:
    from mock_akool.gauntlet import as_html

    forms: Iterable[tuple[str | None, Callable[[], str]]] = (
        (options.html, lambda: as_html(report)),
        (options.json, lambda: json.dumps(report.as_json(), indent=2, ensure_ascii=False) + "\n"),
        (options.junit, report.as_junit),
    )
    for file, text in forms:
        if file is None:
            continue
        try:
            Path(file).write_text(text(), encoding="utf-8")
        except OSError as error:
            raise MockAkoolError(f"cannot write {file}: {error.strerror or error}") from None
