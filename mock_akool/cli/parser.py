"""The parser of the command line: mistakes in one line with the nearest name, and help that fits a screen."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Callable, Iterable, Sequence
from itertools import takewhile
from typing import Any, Final, NoReturn

from mock_akool.cli.exit_statuses import line_for
from mock_akool.core.errors import Mistakes
from mock_akool.core.text import cleaned

_FLAG: Final = re.compile("--?[a-z]", re.IGNORECASE)

_WIDTH: Final = 80
_FLAGS_WIDTH: Final = 27
_COMMANDS_WIDTH: Final = 14
"""Room for the longest command: argparse forgets that commands are indented."""


FILES: Final = {
    "bash": "_shtab_compgen_files",
    "zsh": "_files",
    "fish": "(__fish_complete_path (commandline -ct))",
    "tcsh": "f",
}
FOLDERS: Final = {
    "bash": "_shtab_compgen_dirs",
    "zsh": "_files -/",
    "fish": "(__fish_complete_directories)",
    "tcsh": "d",
}


def completed_by(what: dict[str, str], action: Any) -> None:
    """Let shells complete the argument of an action by FILES or FOLDERS, which are as shtab has them."""
    action.complete = what


class HelpFormatter(argparse.HelpFormatter):
    """Writes help for a screen of 80 columns."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, max_help_position=_FLAGS_WIDTH, width=_WIDTH)
        self._action_max_length = _COMMANDS_WIDTH


class Parser(argparse.ArgumentParser):
    """Reports a mistake in one line, with the nearest name; argparse would print the whole usage before it."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        options.setdefault("formatter_class", HelpFormatter)
        options["allow_abbrev"] = False
        super().__init__(*arguments, **options)
        self.set_defaults(parser=self)
        self.epilog = " ".join(filter(None, (self.epilog, line_for(self.prog)))) or None
        self.written_otherwise: dict[str, str] = {}
        """What is no flag here, and how it is written instead."""
        self.unused: dict[str, str] = {}
        """What is a flag of other commands and would do nothing here, and why."""
        self.other_mistakes: Callable[[argparse.Namespace], Iterable[str]] = lambda namespace: ()
        """Returns what is wrong with the settings that were given, to be reported along with flags that are unknown."""
        self._given: Sequence[str] = ()
        self._parsed: argparse.Namespace | None = None
        """What is parsed already, while arguments are parsed."""

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Parse, and refuse here what is unknown, where its name could have been meant."""
        self._given = sys.argv[1:] if args is None else args
        self._parsed = argparse.Namespace() if namespace is None else namespace
        namespace, rest = super().parse_known_args(args, self._parsed)
        flags = self._unknown_flags(rest)
        if flags:
            self.refuse(namespace, *map(self._unknown, flags))
        if rest:
            self.error(f"{next((each for each in rest if each != '--'), '--')!r} is one argument too many")
        self._parsed = None
        return namespace, rest

    def _unknown_flags(self, words: Iterable[str]) -> list[str]:
        flags = dict.fromkeys(each.partition("=")[0] for each in words if _FLAG.match(each))
        # The first two are the flag in -p0.
        return [each for each in flags if not {each, each[:2]} & self._option_string_actions.keys()]

    def _own_words(self) -> Iterable[str]:
        """Return what was given to this command: not what follows `--`, or the name of a command of its own."""
        has_commands = self._commands() is not None
        return takewhile(lambda word: word != "--" and (word.startswith("-") or not has_commands), self._given)

    def _commands(self) -> argparse._SubParsersAction[Any] | None:
        return next((each for each in self._actions if isinstance(each, argparse._SubParsersAction)), None)

    def _unknown(self, flag: str) -> str:
        if flag in self.unused:
            return f"{flag} would do nothing here: {self.unused[flag]}"
        meant = _nearest(flag, (*self._option_string_actions, *self.written_otherwise))
        return f"there is no flag {flag}{self._hint(meant)}"

    def read(self, namespace: argparse.Namespace, mistakes: Mistakes) -> None:
        """Put in the place of each argument that has a shape what the shape reads, by its flag's name."""
        for action in self._actions:
            shape, given = getattr(action, "shape", None), getattr(namespace, action.dest, None)
            if shape is not None and given is not None:
                from mock_akool.cli.flags import plain_of  # only commands that have shapes pay for the import

                name = max(action.option_strings or [str(action.metavar)], key=len)
                setattr(namespace, action.dest, mistakes.read(shape, plain_of(shape, given), (name,)))

    def refuse(self, namespace: argparse.Namespace | None, *what: str) -> NoReturn:
        """Say what is wrong with the usage, and besides with the values of a namespace, and exit with 2."""
        mistakes = Mistakes()
        others: Iterable[str] = ()
        if namespace is not None:
            self.read(namespace, mistakes)
            others = self.other_mistakes(namespace)
        said = ["\n".join(map(cleaned, each.split("\n"))) for each in (*what, *map(str, mistakes.found), *others)]
        if len(said) == 1:
            stop = "" if said[0].endswith("?") else "."
            self.exit(2, f"{self.prog}: {said[0]}{stop} See {self.prog} --help\n")
        listed = "".join(f"\n  {each}" for each in said)
        self.exit(2, f"{self.prog}: {len(said)} mistakes:{listed}\nSee {self.prog} --help\n")

    def _hint(self, meant: str | None) -> str:
        if meant is None:
            return ""
        if meant in self.written_otherwise:
            return f", write {self.written_otherwise[meant]}"
        return f", did you mean {meant}?"

    def error(self, message: str) -> NoReturn:
        """Print what is wrong and where help is, and exit with 2."""
        # A misspelt flag is often why argparse misses another argument, and then the mistake is the flag.
        flags = self._unknown_flags(self._own_words())
        commands = self._commands()
        if commands is not None and message.endswith("required: COMMAND"):
            message = f"the command is missing. Choose from {', '.join(commands.choices)}"
        self.refuse(self._parsed, *(map(self._unknown, flags) if flags else [message]))

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        """Refuse a word that is none of the choices, such as an unknown command. Where a shape reads it, that does."""
        if action.choices is None or value in action.choices or hasattr(action, "shape"):
            return
        choices = list(map(str, action.choices))
        kind = "command" if isinstance(action, argparse._SubParsersAction) else action.dest
        meant = _nearest(str(value), choices)
        hint = f", did you mean {meant}?" if meant else f". Choose from {', '.join(choices)}"
        raise argparse.ArgumentError(None, f"there is no {kind} {value!r}{hint}")


def _nearest(given: str, known: Iterable[str]) -> str | None:
    from mock_akool.core.schema import nearest  # only a mistake pays for the import

    return nearest(given, known)
