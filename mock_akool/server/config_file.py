"""Settings of a TOML file, and those that are written as NAME=VALUE.

Their names and values are checked when the settings are made.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from mock_akool.core.errors import Mistakes, SettingsError


def read_config(file: str | Path) -> dict[str, Any]:
    """Return the settings of a TOML file, by name; raises SettingsError that names the file when it cannot be read."""
    import tomllib  # most fakes have no such file

    try:
        found = tomllib.loads(Path(file).read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingsError(f"cannot read it: {error.strerror}", place=(str(file),)) from None
    except ValueError as error:  # no TOML, or no UTF-8
        raise SettingsError(f"it is not TOML: {error}", "write lines such as queueing = '10s'", (str(file),)) from None
    except RecursionError:
        raise SettingsError("it is nested too deeply", place=(str(file),)) from None
    return {_as_name(key): value for key, value in found.items()}


def read_assignments(
    texts: Iterable[str], flag: str, mistakes: Mistakes, *, example: str = "queueing=10s"
) -> dict[str, str]:
    """Return what was written as NAME=VALUE after a flag, by name.

    Notes the texts without `=`, which should be such as the `example`, and the names that are given twice.
    """
    found: dict[str, str] = {}
    for text in texts:
        written, equals, value = text.partition("=")
        name = _as_name(written)
        if not equals or not name:
            mistakes.add(f"{text!r} is not NAME=VALUE", f"write it such as {example}", (flag,))
        elif name in found:
            mistakes.add("it is given twice", "give it once", (f"{flag} {name}",))
        else:
            found[name] = value
    return found


def _as_name(written: str) -> str:
    """Return the name of a setting, which may be written with dashes as in a flag."""
    return written.strip().replace("-", "_")
