"""Which exit status each command ends with, and when. The help, the docs and their test read this table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

_RUNS_A_COMMAND: Final = {
    "126": "COMMAND cannot be run",
    "127": "there is no COMMAND",
}
_CA: Final = {"0": "done", "1": "the CA or the file cannot be read or written"}

EXIT_STATUSES: Final[Mapping[str, Mapping[str, str]]] = {
    "serve": {"0": "Ctrl-C or SIGTERM ended it", "1": "it could not start"},
    "demo": {"0": "all went well", "1": "something surprised the client, or a file could not be written"},
    "health": {"0": "healthy", "1": "not healthy, or no answer"},
    "exec": {
        "that of COMMAND": "128 + N when signal N ended it",
        "1": "the fake could not start",
        "2": "--isolate is not possible here",
        **_RUNS_A_COMMAND,
    },
    "gauntlet": {"0": "no scenario was failed", "1": "one was failed, or none could be judged", **_RUNS_A_COMMAND},
    "calibrate": {"0": "no difference", "1": "something differs, or nothing was asked"},
    "ca show": _CA,
    "ca export": _CA,
    "ca bundle": _CA,
    "ca new": _CA,
    "settings": {"0": "done", "1": "there is no such setting"},
    "scenarios list": {"0": "done"},
    "scenarios show": {"0": "done", "1": "there is no such scenario"},
    "scenarios check": {"0": "all files are valid", "1": "a file has mistakes, or cannot be read"},
    "scenarios from": {"0": "done", "1": "the recording contradicts the fake, or a file cannot be read or written"},
    "scenarios schema": {"0": "done"},
    "record": {"0": "Ctrl-C or SIGTERM ended it", "1": "it could not start"},
    "replay": {"0": "Ctrl-C or SIGTERM ended it", "1": "it could not start"},
    "webhook send": {"0": "the receiver answered with HTTP 200", "1": "it did not, or nothing was sent"},
    "webhook open": {"0": "the signature is right", "1": "the webhook cannot be read"},
    "families": {"0": "done"},
    "examples list": {"0": "done"},
    "examples copy": {"0": "done", "1": "there is no such example, or a file is there already or cannot be written"},
    "completion": {"0": "done"},
}
"""By command: what each status means. What any command may end with is not among them: 2 for wrong usage, and 130 where
Ctrl-C is not the usual end."""


def line_for(program: str) -> str:
    """Return the line for the help of a command, such as `mock-akool health`; empty when there is nothing to say."""
    known = EXIT_STATUSES.get(program.partition(" ")[2], {})
    if len(known) < 2:
        return ""
    return "Exit status: " + ", ".join(f"{status} ({meaning})" for status, meaning in known.items()) + "."
