"""Write golden bodies and transcripts anew: `python -m tools.regenerate_golden`. Read the diff before you commit."""

from __future__ import annotations

import sys
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any, Final

from mock_akool import MockAkool, Profile
from tests.contract import transcripts
from tests.contract.golden import FOLDER, OPENAPI, SITUATIONS, answer_to, emulated_api, path_of, spelled
from tests.contract.transports import FlaskTransport, Transport

README: Final = FOLDER.parent / "README.md"
TABLE_BEGINS: Final = "<!-- bodies: written by `python -m tools.regenerate_golden` -->"
TABLE_ENDS: Final = "<!-- end of bodies -->"


def files() -> dict[str, str]:
    """Return what belongs into the folder: paths below it, and contents.

    Profile `documented` has only the bodies that are not those of `observed`.
    """
    with ExitStack() as opened:

        def open_transport(**options: Any) -> Transport:
            return opened.enter_context(closing(FlaskTransport(MockAkool(**options))))

        bodies = {
            (name, profile): spelled(answer_to(name, profile, open_transport).body)
            for name in SITUATIONS
            for profile in Profile
        }
    return {
        str(path_of(name, profile).relative_to(FOLDER)): body
        for (name, profile), body in bodies.items()
        if profile is Profile.OBSERVED or body != bodies[name, Profile.OBSERVED]
    }


def readme(text: str) -> str:
    """Return the README with its table of bodies made anew."""
    rows = ["| file in `golden/observed/` | what it answers | differs in `documented/` |", "|---|---|---|"]
    for name, golden in SITUATIONS.items():
        differs = "yes" if path_of(name, Profile.DOCUMENTED).exists() else "–"
        rows.append(f"| `{name}.json` | {golden.about} | {differs} |")
    head, _, rest = text.partition(TABLE_BEGINS)
    _, end, tail = rest.partition(TABLE_ENDS)
    assert end, f"the README has no {TABLE_BEGINS} … {TABLE_ENDS}"
    return "\n".join([head + TABLE_BEGINS, "", *rows, "", TABLE_ENDS + tail])


def main() -> None:
    """Write the golden bodies anew, the table of them, the OpenAPI document, and what the transcripts answer."""
    wanted = files()
    for path in FOLDER.rglob("*.json"):
        if str(path.relative_to(FOLDER)) not in wanted:
            path.unlink()
            sys.stdout.write(f"removed {path.relative_to(FOLDER)}\n")
    for name, text in wanted.items():
        _write(FOLDER / name, text)
    _write(README, readme(README.read_text("utf-8")))
    _write(OPENAPI, emulated_api())
    for path in sorted(transcripts.FOLDER.glob("*.txt")):
        _write(path, transcripts.played(path.read_text("utf-8")))
    sys.stdout.write(f"{len(wanted)} golden bodies are up to date\n")


def _write(path: Path, text: str) -> None:
    if not path.exists() or path.read_text("utf-8") != text:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
        sys.stdout.write(f"wrote {path.name}\n")


if __name__ == "__main__":
    main()
