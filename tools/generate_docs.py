"""Writes the tables of the README and of the docs from what the code says: `python -m tools.generate_docs`.

A table stands between `<!-- generated: NAME -->` and `<!-- end -->`. Lists of Akool's hosts in files that a page shows
are written anew as well. `tests/docs/test_names.py` fails when a page differs from what this would write.
"""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Final

from mock_akool import MockAkool, MockOptions
from mock_akool.admin.routes import ROUTES
from mock_akool.admin.routing import Route
from mock_akool.akool.api import API_ROUTES
from mock_akool.akool.codes import MESSAGES, Code, Profile
from mock_akool.akool.deliveries import Delivery
from mock_akool.akool.families import CREATE_OF_INPUT, FAMILIES, FAMILY_OF, HOSTS, FakeSettings
from mock_akool.akool.families.image import SCALES
from mock_akool.akool.families.image_button import ImageButton
from mock_akool.akool.families.image_v3 import ImageV3
from mock_akool.akool.families.image_v4 import ORIGINAL_SCALE, RESOLUTIONS, TEXT_MODEL, ImageV4
from mock_akool.akool.jobs import JobInput
from mock_akool.akool.scenarios.expectations import EXPECTATION, Expectation
from mock_akool.akool.scenarios.model import Scenario
from mock_akool.akool.scenarios.schema import FAULT, JOB_SCRIPT, RESULT, RULE, SCENARIO, WHEN
from mock_akool.calibration import NOT_PROBED, OF_SETTING, PROBES
from mock_akool.cli.exit_statuses import EXIT_STATUSES
from mock_akool.core.webhook_faults import WEBHOOK_FAULT
from mock_akool.diagnostics.hints import HINTS
from mock_akool.gauntlet.page import drawing
from mock_akool.scenario_library.library import named, names
from mock_akool.server.settings import SOURCES, Setting, Settings, table
from tests.clients.survival import summary, survival, survivals
from tools.docs_measured import measured
from tools.docs_reference import (
    api,
    families,
    first_sentence,
    golden,
    markdown,
    members,
    picture_of_layers,
    public,
    public_names,
)
from tools.fold_report import read_observations, shown_observation
from tools.scenario_families import makes_sense

ROOT: Final = Path(__file__).resolve().parents[1]
PAGES: Final = (
    *(ROOT / f"{name}.md" for name in ("README", "CHANGELOG", "CONTRIBUTING", "SECURITY", "AGENTS", "examples/README")),
    *sorted((ROOT / "docs").rglob("*.md")),
)

GAUNTLET: Final = ROOT / "docs" / "images" / "gauntlet.svg"
LAYERS: Final = ROOT / "docs" / "images" / "layers.svg"

BEGIN: Final = "<!-- generated: "
END: Final = "<!-- end -->"

_GENERATED: Final = re.compile(rf"({BEGIN}(.+?) -->\n).*?({END})", re.DOTALL)

_HOSTS_LISTED: Final = re.compile(rf"(?m)^( +(?:- |--[a-z-]+ )){re.escape(HOSTS[0])}\n(?:\1[a-z0-9.-]+\n)*")
"""Akool's hosts in a file that a page shows, one in each line; a comment about them would be part of the file."""

_CLIENTS: Final = ("requests", "responses", "httpx", "aiohttp", "flask")

_WHEN: Final = {
    Code.OK: "success, and nothing else is",
    Code.PARAMETER_ERROR: "the body or the query is not usable",
    Code.TOO_FREQUENT: "a limit of `requests_per_second` or `concurrent_jobs` is reached",
    Code.QUOTA_NOT_ENOUGH: "the credits do not suffice for a face swap or reage; else only when a setting says so",
    Code.TOO_MANY_CONTENTS: "a v3 face swap has more than 8 faces",
    Code.NOT_FOUND: "no job has this `_id`, or no voice this `voice_id`",
    Code.NO_PERMISSION: "the job is another account's",
    Code.CANNOT_OPERATE: "the parent is not completed, or does not offer the button",
    Code.ALREADY_OPERATED: "the button was used before",
    Code.INVALID_AUTHORIZATION: "the Bearer token is malformed, none of ours, expired or revoked",
    Code.AUTHORIZATION_EMPTY: "there are no credentials",
    Code.CREDITS_INSUFFICIENT: "the credits do not suffice",
    Code.ACCOUNT_NOT_FOUND: "the API key, or the pair given to getToken, is no account's",
    Code.ACCOUNT_BANNED: "the account is banned",
}

_OF_ALL_COMMANDS: Final = {"2": "wrong usage: a flag, a command or an argument", "130": "Ctrl-C stopped it"}
"""What every command may end with, but that Ctrl-C is the usual end of a server."""


def rendered(text: str) -> str:
    """Return a page's text with its generated parts made anew."""

    def replaced(match: re.Match[str]) -> str:
        begin, name, end = match.groups()
        of, _, argument = name.rpartition(" ")
        table = _TABLES[name]() if name in _TABLES else _TABLES[of](argument)
        return f"{begin}\n{table}\n\n{end}"

    return _HOSTS_LISTED.sub(_all_hosts, _GENERATED.sub(replaced, text))


def _all_hosts(match: re.Match[str]) -> str:
    return "".join(f"{match[1]}{host}\n" for host in HOSTS)


def meaning(setting: Setting) -> str:
    """Return what the docs say of a setting: its help, and the words to choose from where it takes such."""
    wants = setting.wants
    is_choice = not setting.is_flag and (setting.repeats or not wants.startswith("a "))
    return f"{setting.field.help} ({wants})" if is_choice else setting.field.help


def default(setting: Setting) -> str:
    """Return the default as the docs show it."""
    return f"`{setting.shown_default}`" if setting.shown_default else "none"


def _settings(rows: Iterable[Setting]) -> str:
    cells = ((f"`{row.name}`<br>`{row.flag}`<br>`{row.variable}`", default(row), meaning(row)) for row in rows)
    return markdown(("Name, flag and variable", "Default", "Meaning"), cells)


def _fake_settings() -> str:
    return _settings(row for row in table() if not row.field.mark and _is_of_the_fake(row))


def _exit_statuses() -> str:
    rows = [
        (f"`mock-akool {command}`" if number == 0 else "", status, meaning)
        for command, statuses in EXIT_STATUSES.items()
        for number, (status, meaning) in enumerate(statuses.items())
    ]
    every = [("any command" if number == 0 else "", *each) for number, each in enumerate(_OF_ALL_COMMANDS.items())]
    return markdown(("Command", "Exit status", "Means"), [*rows, *every])


def _server_settings() -> str:
    return _settings(row for row in table() if not row.field.mark and not _is_of_the_fake(row))


def _is_of_the_fake(row: Setting) -> bool:
    return row.name in MockOptions.fields()


def _choices() -> str:
    return _settings(row for row in table() if row.field.mark)


def _choices_of_section(number: str) -> str:
    return markdown(
        ("Setting", "Mark", "Default", "Meaning", "Probe"),
        (
            (f"`{row.flag}`", row.field.mark, default(row), meaning(row), _probe_of(row.name))
            for row in table()
            if row.field.mark and number in row.field.section.split(", ")
        ),
    )


_CATALOGUE: Final = "mock_akool/calibration/catalogue.py"


def _probe_of(setting: str) -> str:
    """Return what finds out a setting, or why nothing does, and what was observed last."""
    if setting in OF_SETTING:
        return f"`{setting}`{_observed(setting)}"
    if setting in NOT_PROBED:
        return f"none: {NOT_PROBED[setting]}"
    raise SystemExit(f"{setting} has no probe: write one, or why there is none into NOT_PROBED of {_CATALOGUE}")


def _observed(probe: str) -> str:
    seen = read_observations().get(probe)
    return "" if seen is None else f"; {seen['date']}: {shown_observation(seen)}"


def _probes() -> str:
    return markdown(
        ("Probe", "Section", "Finds out"),
        (
            (f"`{each.name}`", each.section, f"{each.fact}{_observed(each.name)}")
            for each in PROBES
            if not each.setting and ":" not in each.name
        ),
    )


def _probes_of_families() -> str:
    kinds: dict[str, tuple[str, list[str]]] = {}
    for each in PROBES:
        kind, colon, about = each.name.partition(":")
        if colon:
            kinds.setdefault(kind, (each.fact, []))[1].append(f"`{about}`{_observed(each.name)}")
    return markdown(
        ("Probe", "Finds out", "Of"),
        ((f"`{kind}:…`", fact, ", ".join(about)) for kind, (fact, about) in kinds.items()),
    )


def _endpoints() -> str:
    return markdown(
        ("Request", "Name in the call log"),
        ((f"`{method} {path}`", f"`{route.endpoint}`") for (method, path), route in API_ROUTES.items()),
    )


def _codes() -> str:
    rows = ((str(int(code)), f"`{MESSAGES[code]}`", _WHEN.get(code, "never by itself")) for code in Code)
    return markdown(("`code`", "`msg`", "The fake answers it when"), rows)


def _v4(resolution: str = "4k", scale: str = "1:1", source_image: str = "") -> ImageV4:
    return ImageV4("a", TEXT_MODEL, source_image, scale, resolution, 1, 0.5, None, "")


def _prices() -> str:
    inputs: Mapping[str, JobInput] = {
        "v3": ImageV3("a", "1:1", None, ""),
        "a button": ImageButton("", "U1", ""),
        **{f"v4, `{resolution}`": _v4(resolution) for resolution in RESOLUTIONS},
    }

    def price(input: JobInput, profile: Profile) -> str:
        return str(FAMILY_OF[CREATE_OF_INPUT[type(input)].endpoint].price(input, FakeSettings(profile=profile)))

    return markdown(
        ("Job", *(f"Credits, `{profile}`" for profile in Profile)),
        ((name, *(price(input, profile) for profile in Profile)) for name, input in inputs.items()),
    )


def _sizes() -> str:
    return markdown(
        ("`scale`", *(f"`{resolution}`" for resolution in RESOLUTIONS)),
        (
            (f"`{scale}`", *(_size_of(resolution, scale) for resolution in RESOLUTIONS))
            for scale in (*SCALES, ORIGINAL_SCALE)
        ),
    )


def _size_of(resolution: str, scale: str) -> str:
    engine = MockAkool(queueing=0, processing=0).engine
    account = engine.accounts.by_key("docs")
    assert account is not None
    input = _v4(resolution, scale, "https://a/b.jpg")
    create = CREATE_OF_INPUT[ImageV4]
    (job,) = engine.create(account, create, input, "", engine.clock.now_ns())
    files = FAMILY_OF[create.endpoint].files
    image = files.shows(job, input, files.names(job, input, engine.context)[0], engine.context)
    return f"{image.width}×{image.height}"


def _in_process() -> str:
    fields = {name: field for name, field in MockOptions.fields().items() if name not in Settings.fields()}
    rows = (
        (f"`{name}`", f"`{_written(field.default)}`", f"{field.help} ({field.shape.wants})")
        for name, field in fields.items()
    )
    return markdown(("Setting", "Default", "Meaning"), rows)


def _written(value: Any) -> str:
    return ", ".join(value) if type(value) is tuple else str(value)


def _versions() -> str:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = {library: f"`mock-akool[{library}]`" for library in project["optional-dependencies"]}
    wanted = [*project["dependencies"], *(each for name in extras for each in project["optional-dependencies"][name])]
    found = (re.fullmatch(r"([a-z]+)>=([\d.]+)", each) for each in wanted)
    rows = ((f"`{m[1]}`", m[2], extras.get(m[1], "always")) for m in found if m and m[1] in _CLIENTS)
    return markdown(("Library", "From version", "Installed with"), rows)


def layers() -> list[list[str]]:
    """Return the packages and lone modules of each layer, the highest layer first, as import-linter has them."""
    importlinter = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]
    (found,) = [contract["layers"] for contract in importlinter["contracts"] if contract["type"] == "layers"]
    return [re.findall(r"mock_akool\.(\w+)", layer) for layer in found]


def modules(name: str) -> dict[str, str]:
    """Return what a package or module of the first level says that it is, in a sentence, and each module in it.

    The keys are their names with dots, without `mock_akool`.
    """
    root = ROOT / "mock_akool"
    said = {}
    for file in (root / name).rglob("*.py") if (root / name).is_dir() else [root / f"{name}.py"]:
        doc = ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))) or ""
        path = file.parent if file.name == "__init__.py" else file.with_suffix("")
        said[".".join(path.relative_to(root).parts)] = first_sentence(doc)
    return dict(sorted(said.items()))


def _modules_beside() -> list[str]:
    """Return the modules of the first level that are in no layer; the one that the build writes is no source."""
    in_layers = {name for packages in layers() for name in packages}
    names = {file.stem for file in (ROOT / "mock_akool").glob("*.py")} - in_layers - {"__init__", "_built"}
    return sorted(names)


def _webhook_faults() -> str:
    heads = ("Name", "Takes", "Meaning")
    return markdown(heads, ((f"`{name}`", each.shape.wants, each.help) for name, each in WEBHOOK_FAULT.fields.items()))


def _webhook_scenarios() -> str:
    found = ((name, named(name)) for name in names())
    rows = ((f"`{name}`", each.description, each.advice) for name, each in found if each.webhooks)
    return markdown(("Name", "What happens", "What a robust receiver does"), rows)


def _modules() -> str:
    """Return a table for each layer, the lowest first, since each stands on those before it; then what is in none."""
    tables = {f"Layer {number}": packages for number, packages in enumerate(reversed(layers()), 1)}
    tables["In no layer"] = _modules_beside()
    return "\n\n".join(
        markdown(
            (heading, "What it is"),
            ((f"`{name}`", said) for package in packages for name, said in modules(package).items()),
        )
        for heading, packages in tables.items()
    )


def _layers() -> str:
    numbered = [(number, packages) for number, packages in enumerate(reversed(layers()), 1)]
    return "\n".join(
        f"- {number}: {', '.join(f'`{name}`' for name in packages)}" for number, packages in reversed(numbered)
    )


def _scenarios() -> str:
    found = ((name, named(name)) for name in names())
    rows = ((f"`{name}`", each.description, each.advice, _expected(each.expect)) for name, each in found)
    return markdown(("Name", "What happens", "What a robust client does", "The gauntlet expects"), rows)


def _scenario_families() -> str:
    """Return for which families each scenario makes sense."""
    rows = ((f"`{name}`", _families_of(named(name))) for name in names())
    return markdown(("Scenario", "Families"), rows)


def _families_of(scenario: Scenario) -> str:
    fitting = [family for family in FAMILIES if makes_sense(scenario, family)]
    others = [family for family in FAMILIES if family not in fitting]
    if not others:
        return "all"
    listed = ", ".join(f"`{family.name}`" for family in min(fitting, others, key=len))
    return f"all but {listed}" if len(others) < len(fitting) else listed


def _expected(expect: Expectation) -> str:
    """Return what a scenario expects of a client: the outcome, and what else is not as usual."""
    said = {"outcome": expect.outcome.value, **EXPECTATION.write(expect)}
    return ", ".join(f"`{key}: {', '.join(value) if type(value) is list else value}`" for key, value in said.items())


def _survival() -> str:
    rows = ((f"`{name}`", summary(each.naive), summary(each.robust)) for name, each in survivals().items())
    return markdown(("Scenario", "The naive client", "The robust client"), rows)


def _keys(name: str) -> str:
    """Return the keys of an object of scenario files."""
    rows = ((f"`{key}`", field.shape.wants, field.help) for key, field in _RECORDS[name].fields.items())
    short = ((key, wants if len(wants) < 90 else _SHORT[key.strip("`")], said) for key, wants, said in rows)
    return markdown((f"Key of {_ARTICLES.get(name, f'a {name}')}", "Takes", "Meaning"), short)


_RECORDS: Final = {
    "scenario": SCENARIO,
    "job": JOB_SCRIPT,
    "when": WHEN,
    "result": RESULT,
    "rule": RULE,
    "fault": FAULT,
    "expectation": EXPECTATION,
}
_SHORT: Final = {
    "seed": "a whole number",
    "accounts": "a list of objects, see `MockAkool(accounts=…)`",
    "jobs": "a list of entries, see below",
    "rules": "a list of rules, see below",
    "webhooks": "a list, see below",
    "when": "an object, see below",
    "expect": "an object, see below",
    "about": "an endpoint, or a list of them",
    "stages": "a list, see below",
    "result": "an object, see below",
    "files": "a fault, see below",
    "endpoint": "a create's endpoint, or a list of them",
    "on": "an endpoint, or a list of them",
    "nth": "a number from 1, or a list of them",
    "fault": "a fault, see below",
    "code": "a business code such as 1108",
    "drip": "an object such as {bytes: 1, every: 100ms}",
    "delay": "a duration such as 10s, or two such as [1s, 3s]",
}
_ARTICLES: Final = {"job": "an entry of `jobs`", "when": "`when`", "result": "`result`", "expectation": "`expect`"}


def _sources() -> str:
    rows = (
        (
            "`setting`",
            "`mock-akool serve --scenario NAME`, `MockAkool(scenario=…)`, the marker, `--akool scenario=…`",
            "everything",
        ),
        ("`python`", "`next_job` and `on` of `akool_mock`, `akool_server` and `MockAkool`", "what you say there"),
        ("`prompt`", "`[mock:NAME]` in the prompt of a create", "that job, and requests about it"),
        ("`key`", "an API key that ends in `+NAME`", "that account"),
        (
            "`admin`",
            "`PUT /_mock/scenario` and what else the [admin API](../reference/admin-api.md) has",
            "everybody or an account",
        ),
    )
    assert [word for word, *_ in rows] == [f"`{source}`" for source in SOURCES]
    return markdown(("Source", "How", "What it applies to"), rows)


def _outcomes() -> str:
    """Return what a fault is through each transport; `test_faults.py` holds every transport to it."""
    rows = (
        ("`drop`", "`ConnectionError`", "`RemoteProtocolError`", "`ServerDisconnectedError`", "the connection closes"),
        ("`reset`", "`ConnectionError`", "`ReadError`", "`ClientOSError`", "RST"),
        (
            "`truncate`",
            "`ChunkedEncodingError`",
            "`RemoteProtocolError`",
            "`ClientPayloadError`",
            "the connection closes within the body",
        ),
        ("`delay` beyond the time limit", "`ReadTimeout`", "`ReadTimeout`", "`TimeoutError`", "silence"),
        ("all others", "a response", "a response", "a response", "a response"),
    )
    return markdown(("Fault", "requests", "httpx", "aiohttp", "On the wire"), rows)


def _mistakes() -> str:
    """Return the mistakes that hints are about."""
    return markdown(("Hint", "What the client does"), ((hint.name, hint.mistake) for hint in HINTS))


def _routes() -> str:
    """Return the admin routes, with what each takes in its query and its body."""
    rows = ((f"`{method} {path}`", route.summary, _taken(route)) for (method, path), route in ROUTES.items())
    return markdown(("Route", "What it is for", "Takes"), rows)


def _taken(route: Route) -> str:
    taken = dict.fromkeys([*(route.body.fields if route.body else ()), *(route.query.fields if route.query else ())])
    return ", ".join(f"`{name}`" for name in taken)


_TABLES: Final[Mapping[str, Callable[..., str]]] = {
    "settings": _fake_settings,
    "exit statuses": _exit_statuses,
    "server settings": _server_settings,
    "choices": _choices,
    "choices of section": _choices_of_section,
    "probes": _probes,
    "probes of families": _probes_of_families,
    "endpoints": _endpoints,
    "codes": _codes,
    "prices": _prices,
    "sizes": _sizes,
    "modules": _modules,
    "layers": _layers,
    "in process": _in_process,
    "public names": public_names,
    "api": api,
    "members": lambda name: members(public(name)),
    "golden": golden,
    "measured": measured,
    "families": families,
    "versions": _versions,
    "scenario families": _scenario_families,
    "scenarios": _scenarios,
    "sources": _sources,
    "outcomes": _outcomes,
    **{f"keys {name}": partial(_keys, name) for name in _RECORDS},
    "survival": _survival,
    "mistakes": _mistakes,
    "routes": _routes,
    "delivery": partial(members, Delivery),
    "webhook faults": _webhook_faults,
    "webhook scenarios": _webhook_scenarios,
}


def _standalone(svg: str) -> str:
    """Return a drawing as a file of its own, on a light ground."""
    ground = '<rect width="100%" height="100%" fill="#fff"/>'
    style = "<style>text { font: 11px system-ui, sans-serif; fill: #222; }</style>"
    opening, others = svg.split(">", 1)
    return f'{opening} xmlns="http://www.w3.org/2000/svg" color="#222">{style}{ground}{others}\n'


def picture_of_gauntlet() -> str:
    """Return the timeline that the page of the gauntlet has of the robust client behind a flaky gateway, as a file."""
    return _standalone(drawing(survival("flaky-gateway").robust.story))


def main() -> None:
    """Rewrite the generated parts of all pages."""
    for page in PAGES:
        page.write_text(rendered(page.read_text(encoding="utf-8")), encoding="utf-8")
    LAYERS.write_text(picture_of_layers(layers()), encoding="utf-8")
    GAUNTLET.write_text(picture_of_gauntlet(), encoding="utf-8")


if __name__ == "__main__":
    main()
