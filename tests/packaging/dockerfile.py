"""What the Dockerfile says, as tests want to know it."""

from __future__ import annotations

import io
import json
import re
from functools import cache
from pathlib import Path
from typing import Final, NamedTuple

from dockerfile_parse import DockerfileParser

ROOT: Final = Path(__file__).parents[2]
DOCKERFILE: Final = ROOT / "Dockerfile"

_HEALTH: Final = re.compile(r"((?:--[a-z-]+=\S+ )*)CMD (\[.+\])")


class Instruction(NamedTuple):
    """An instruction such as `USER 10001:10001`."""

    word: str
    value: str


class Stage(NamedTuple):
    """A stage of the build; `base` is an image or an earlier stage."""

    name: str
    base: str
    instructions: tuple[Instruction, ...]

    def all(self, word: str) -> list[str]:
        """Return the values of all instructions of this word."""
        return [each.value for each in self.instructions if each.word == word]

    def the(self, word: str) -> str:
        """Return the value of the only instruction of this word."""
        (value,) = self.all(word)
        return value

    def command(self, word: str) -> list[str]:
        """Return the command of the only instruction of this word, which no shell shall split."""
        return list(map(str, json.loads(self.the(word))))


class Health(NamedTuple):
    """The health check: its options, in seconds where they are durations, and its command."""

    options: dict[str, float]
    command: list[str]


@cache
def stages() -> tuple[Stage, ...]:
    """Return the stages in their order; the last one is the image."""
    found: list[Stage] = []
    for each in _parser().structure:
        word, value = each["instruction"], " ".join(each["value"].split())
        if word == "FROM":
            base, _, name = value.partition(" AS ")
            found.append(Stage(name, base, ()))
        elif word != "COMMENT":
            last = found[-1]
            found[-1] = last._replace(instructions=(*last.instructions, Instruction(word, value)))
    return tuple(found)


def image() -> Stage:
    """Return the last stage."""
    return stages()[-1]


def labels() -> dict[str, str]:
    """Return the labels of the image."""
    return dict(_parser().labels)


def variables() -> dict[str, str]:
    """Return the variables of the image but PATH."""
    return {name: value for name, value in _parser().envs.items() if name != "PATH"}


def health() -> Health:
    """Return the health check of the image."""
    match = _HEALTH.fullmatch(image().the("HEALTHCHECK"))
    assert match, "the health check is no list of words"
    options = dict(option.removeprefix("--").split("=") for option in match[1].split())
    return Health({name: float(value.removesuffix("s")) for name, value in options.items()}, json.loads(match[2]))


@cache
def _parser() -> DockerfileParser:
    return DockerfileParser(fileobj=io.StringIO(DOCKERFILE.read_text()))
