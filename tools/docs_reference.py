"""Parts of the reference that are made from the code: the Python API, the records, the families, the layers."""

from __future__ import annotations

import ast
import enum
import inspect
import json
import re
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any, Final, get_type_hints

import mock_akool
from mock_akool import gauntlet, webhooks
from mock_akool.akool.families import FAMILIES
from mock_akool.akool.families.family import Create, Family
from mock_akool.server.settings import Setting, table

ROOT: Final = Path(__file__).resolve().parents[1]
GOLDEN: Final = ROOT / "fixtures" / "golden" / "observed"


def markdown(heads: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """Return a table."""
    heads = list(heads)
    lines = [heads, ["---"] * len(heads), *([cell.replace("|", "\\|") for cell in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def first_sentence(doc: str) -> str:
    """Return the first sentence of a docstring, on one line."""
    sentence = re.split(r"(?<=\.)\s", " ".join(doc.partition("\n\n")[0].split()))[0]
    return re.sub(r" \(contract sections? [^)]*\)", "", sentence)


# Python


PUBLIC: Final[Mapping[str, str]] = {
    **{name: "mock_akool" for name in mock_akool.__all__ if name != "__version__"},
    **dict.fromkeys(webhooks.__all__, "mock_akool.webhooks"),
    **dict.fromkeys(gauntlet.__all__, "mock_akool.gauntlet"),
}
"""Every public name, and the package to import it from."""


def public(name: str) -> Any:
    """Return what a public name stands for."""
    return getattr(import_module(PUBLIC[name]), name)


def home(name: str) -> str:
    """Return the full name of the place where a public name is defined."""
    package = import_module(PUBLIC[name])
    return f"mock_akool.{package._HOMES[name]}.{name}"


def api(name: str) -> str:
    """Return what the docs say of a public name: how it is called, what it is, and its members."""
    value = public(name)
    said = _paragraphs(inspect.getdoc(value) or "")
    if inspect.isfunction(value):
        return f"`{name}({parameters(value, 0)})`\n\n{said}"
    if issubclass(value, enum.Enum):
        words = ((f"`{name}.{each.name}`", f"`{each.value}`") for each in value)
        return f"{said}\n\n{markdown(('Name', 'Value'), words)}"
    rows = [*_fields(value), *_members(value)]
    return f"{said}\n\n{markdown(('Name', 'What it is'), rows)}" if rows else said


def members(of: type) -> str:
    """Return a table of the public attributes and methods of a class."""
    return markdown(("Name", "What it is"), [*_fields(of), *_members(of)])


def _paragraphs(doc: str) -> str:
    """Return a docstring with one line for each paragraph, as the pages have it; items of lists stay lines."""
    return "\n\n".join(
        "\n".join(" ".join(part.split()) for part in re.split(r"\n(?=- )", paragraph))
        for paragraph in doc.split("\n\n")
    )


def _ours(of: type) -> list[type]:
    return [each for each in of.__mro__ if each.__module__.startswith("mock_akool")]


def _fields(of: type) -> Iterable[tuple[str, str]]:
    """Return the fields of a record that is no set of settings, with what the source says below each."""
    if not (hasattr(of, "_fields") or hasattr(of, "__dataclass_fields__")) or hasattr(of, "fields"):
        return
    hints = get_type_hints(of) if of.__module__ != "mock_akool.mock.settings" else {}
    said = {name: doc for each in reversed(_ours(of)) for name, doc in _docs_of_fields(each).items()}
    names: Iterable[str] = of._fields if hasattr(of, "_fields") else getattr(of, "__dataclass_fields__", ())
    for name in names:
        if not name.startswith("_"):
            yield f"`{name}`", said.get(name) or f"`{_type(hints.get(name))}`"


def _type(hint: Any) -> str:
    written = hint.__name__ if isinstance(hint, type) and not hasattr(hint, "__args__") else str(hint)
    return re.sub(r"\b(?:typing|collections\.abc|mock_akool(?:\.\w+)*)\.", "", written)


@cache
def _docs_of_fields(of: type) -> dict[str, str]:
    """Return the sentence below each field of a class."""
    (node,) = ast.parse(textwrap.dedent(inspect.getsource(of))).body
    assert isinstance(node, ast.ClassDef)
    found = {}
    for field, doc in zip(node.body, node.body[1:], strict=False):
        match field, doc:
            case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(said))):
                found[name] = first_sentence(said)
    return found


def _members(of: type) -> Iterable[tuple[str, str]]:
    """Return the public properties and methods of a class, with the first sentence of what each says it is.

    Its own come first, with the words that they have there; then those of our own classes that it stands on.
    """
    found: dict[str, Any] = {}
    for each in _ours(of):
        for name, member in vars(each).items():
            is_member = callable(member) or isinstance(member, property | staticmethod | classmethod)
            if is_member and not name.startswith("_") and not inspect.isclass(member):
                found.setdefault(name, member)
    for name, member in found.items() if not hasattr(of, "fields") else ():
        function = member.fget if isinstance(member, property) else getattr(member, "__func__", member)
        bound = 0 if isinstance(member, staticmethod) else 1
        shown = name if isinstance(member, property) else f"{name}({parameters(function, bound)})"
        said = inspect.getdoc(function) or ""
        # That of a function of C begins with its signature.
        yield f"`{shown}`", first_sentence(said.partition("\n\n")[2] if inspect.isbuiltin(function) else said)


def parameters(function: Any, bound: int) -> str:
    """Return the parameters of a function after the first `bound`, as the docs show them."""
    if inspect.isbuiltin(function):
        return ""
    written = []
    for each in list(inspect.signature(function).parameters.values())[bound:]:
        if each.kind is each.VAR_POSITIONAL:
            written.append(f"{each.name}…")
        elif each.kind is each.VAR_KEYWORD:
            written += ["…"] if each.annotation != "Never" else []
        else:
            written.append(each.name if each.default is each.empty else f"{each.name}=…")
    return ", ".join(written)


def public_names() -> str:
    """Return a table of all public names, each with a link to its section."""
    rows = (
        (f"[`{name}`](#{name.lower()})", f"`{package}`", first_sentence(inspect.getdoc(public(name)) or ""))
        for name, package in PUBLIC.items()
    )
    return markdown(("Name", "Import it from", "What it is"), rows)


# Records


def golden(name: str) -> str:
    """Return a body of the API, as JSON."""
    return f"```json\n{json.dumps(json.loads((GOLDEN / f'{name}.json').read_text(encoding='utf-8')), indent=2)}\n```"


# Families


def families() -> str:
    """Return a section for each family: its requests, its fields, and what is special about it."""
    return "\n\n".join(_family(family) for family in FAMILIES)


def _family(family: Family[Any]) -> str:
    readers = ", ".join(
        f"`{each.results.method} {each.results.path}` (status in `{each.results.status_word}`"
        + (f", result in `{each.results.result_word}`)" if each.results.result_word else ")")
        for each in family.readings
    )
    files = f"`{family.files.host}`, {' or '.join(f'`.{each}`' for each in family.files.extensions)}"
    statuses = ", ".join(f"{int(each)} {each.name.lower()}" for each in family.webhook.states)
    rows = [
        *((f"create `{each.endpoint}`", f"`{each.method} {each.path}`") for each in family.creates),
        ("read", readers),
        ("files", files if family.makes_files else "none"),
        ("`type` in webhooks", f"`{family.webhook.type}`" if family.webhook.type else "none"),
        ("webhooks at", statuses or "none"),
        ("settings of its own", ", ".join(f"`{each.name}`" for each in _settings_of(family)) or "none"),
    ]
    parts = [f"## {family.name}", markdown(("What", "Value"), rows), *(_create(each) for each in family.creates)]
    return "\n\n".join(parts)


def _settings_of(family: Family[Any]) -> list[Setting]:
    names = family.options.fields() if family.options else ()
    return [row for row in table() if row.name in names]


def _create(create: Create[Any]) -> str:
    rows = (
        (
            f"`{name}`",
            field.kind.wants,
            "required" if field.required or name in create.input.needed else _default(field.default),
        )
        for name, field in create.input.fields.items()
    )
    example = json.dumps(create.example, ensure_ascii=False)
    return (
        f"A request of `{create.endpoint}`, such as `{example}`:\n\n{markdown(('Field', 'Takes', 'Default'), rows)}\n\n"
        + (f"It asks for webhooks in `{create.webhook_field}`." if create.webhook_field else "It takes no webhook URL.")
    )


def _default(value: object) -> str:
    return f"`{json.dumps(value)}`" if value not in (None, "", ()) else "none"


# Layers


WORDS_OF_LAYERS: Final[Mapping[str, str]] = {
    "cli": "commands",
    "pytest_plugin": "fixtures, markers, reports",
    "faker_provider": "data for factories",
    "mock": "Python API, interceptors, virtual time",
    "gauntlet": "runs a client through all scenarios",
    "calibration": "compares a service with the fake",
    "server": "application, HTTP connections, Flask app",
    "admin": "the API below /_mock/",
    "diagnostics": "reports and hints",
    "media": "draws files",
    "recording": "recorded calls",
    "scenario_library": "named scenarios",
    "webhooks": "sends webhooks",
    "akool": "families, scenarios, engine, accounts, outbox",
    "core": "clock, timeline, schema, HTTP records, rules, faults, call log",
}
"""What each package is for, in the picture of the layers."""

_WIDTH: Final = 860
_HEIGHT: Final = 62
_GAP: Final = 10


def picture_of_layers(layers: Sequence[Sequence[str]]) -> str:
    """Return an SVG with a row of boxes for each layer, the highest layer first."""
    rows = [
        box
        for row, packages in enumerate(layers)
        for place, package in enumerate(packages)
        for box in _box(package, row, place, len(packages))
    ]
    height = len(layers) * (_HEIGHT + _GAP)
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" role="img" '
        'font-family="sans-serif" text-anchor="middle" fill="#ffffff">'
    )
    title = "<title>The six layers: imports point down</title>"
    return "\n".join((head, title, *rows, "</svg>", ""))


def _box(package: str, row: int, place: int, of: int) -> Iterable[str]:
    width = (_WIDTH + _GAP) // of - _GAP
    x, y = place * (width + _GAP), row * (_HEIGHT + _GAP)
    middle = x + width // 2
    colour = "#3f51b5" if row < _FIRST_PURE else "#00695c"
    yield f'<rect x="{x}" y="{y}" width="{width}" height="{_HEIGHT}" rx="6" fill="{colour}"/>'
    yield f'<text x="{middle}" y="{y + 26}" font-size="17" font-weight="bold">{package}</text>'
    yield f'<text x="{middle}" y="{y + 46}" font-size="12">{WORDS_OF_LAYERS[package]}</text>'


_FIRST_PURE: Final = 4
"""The row of the first layer that does no I/O."""
