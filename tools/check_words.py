"""Finds hard turns of phrase, and a second word for one thing: `python -m tools.check_words`.

It reads the pages of the docs, the examples, the scenario library, the dashboard, what the project says of itself in
the files at its root, and in Python the comments and the texts. A text is what somebody may read: a docstring, an
error, a help, a line of the log.
"""

from __future__ import annotations

import io
import re
import sys
import tokenize
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

ROOT: Final = Path(__file__).resolve().parents[1]

WORDS: Final[dict[str, str]] = {
    # Turns that are hard to read.
    r"befalls?|befallen|befell": "happens to",
    r"be it by": "also by",
    r"tells? of": "says, reports",
    r"told": "said, shown, reported",
    r"(?:is|are) well": "is healthy, is valid",
    r"bears?": "survives, has",
    r"unfired": "unused",
    r"(?:an?|the|of) elsewhere": "a remote server",
    r"anybody who": "whoever",
    r"that there is none": "that none exists",
    r"(?:how|as) things stand": "now",
    r"if need be": "if needed",
    r"of its own accord": "by itself",
    r"calmly": "quietly",
    r"wherefrom": "from where",
    r"afflicts?|afflicted": "applies to",
    r"spelt|spelled": "written",
    r"shall": "will, must",
    r"the law": "the design rule",
    # Two words for one thing.
    r"callbacks?": "webhook",
    r"doors?": "interceptor, transport",
    r"journals?": "call log",
    r"exchanges?": "call",
    r"pictures?": "image",
    r"control (?:API|routes?)": "admin API",
    r"in force": "active",
    r"for ever": "forever",
    r"stuck for ?ever": "stalled",
    r"couriers?|errands?|pumps?": "dispatcher, attempt, worker",
    r"(?:\d+|all|its|the|more|several) tries": "attempts",
    r"job entr(?:y|ies)": "job script",
}
"""What is not written, as a pattern, and what to write instead."""

_ALLOWED: Final = re.compile(
    r"""
    call_callbacks? | add_(?:done_)?callback | \bcallback=        # names of other libraries
    | --no-request-journal                                        # a flag of WireMock's
    | exchange\ rates?
    | pictures?\ of\ the\ layers | the\ picture\ of               # a drawing in the docs
    """,
    re.VERBOSE,
)
"""Contexts in which such a word is right."""

_PATTERN: Final = re.compile(rf"\b(?:{'|'.join(f'(?P<w{n}>{word})' for n, word in enumerate(WORDS))})\b", re.IGNORECASE)
_INSTEAD: Final = tuple(WORDS.values())
_NAMES: Final = re.compile(r"\{[^{}\n]*\}")
_FOLDERS: Final = ("mock_akool", "docs", "examples", "tools", "benchmarks")
_OWN_FILES: Final = ("*.md", "pyproject.toml", "Makefile", "Dockerfile", "*.yml", "*.yaml")
_SUFFIXES: Final = frozenset(
    {".cjs", ".css", ".go", ".html", ".js", ".md", ".mjs", ".php", ".py", ".sh", ".svg", ".yaml", ".yml"}
)
_EXEMPT: Final = frozenset({"tools/check_words.py", "AGENTS.md"})


class Finding(NamedTuple):
    """A word that is not written, where it stands, and what to write instead."""

    file: Path
    line: int
    word: str
    instead: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.word!r}: write {self.instead}"


def found_in(text: str) -> Iterator[tuple[int, str, str]]:
    """Yield the words of a text that are not written: its line (from 0), the word, and what to write instead."""
    allowed = [range(*match.span()) for match in _ALLOWED.finditer(text)]
    for match in _PATTERN.finditer(text):
        if not any(match.start() in span for span in allowed):
            (number,) = (int(name[1:]) for name, word in match.groupdict().items() if word is not None)
            yield text.count("\n", 0, match.start()), match[0], _INSTEAD[number]


def texts_of(file: Path) -> Iterator[tuple[int, str]]:
    """Yield the lines (from 1) and the texts of a file that people read."""
    source = file.read_text(encoding="utf-8")
    if file.suffix != ".py":
        yield 1, source
        return
    readable = {tokenize.STRING, tokenize.COMMENT, getattr(tokenize, "FSTRING_MIDDLE", tokenize.STRING)}
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type in readable:
            # Before Python 3.12 the names in an f-string are parts of its token.
            is_f_string = token.type == tokenize.STRING and "f" in token.string.partition(token.string[-1])[0].lower()
            yield token.start[0], _NAMES.sub("", token.string) if is_f_string else token.string


def check(root: Path = ROOT) -> list[Finding]:
    """Return the words of all files below a folder that are not written."""
    files = [file for folder in _FOLDERS for file in sorted((root / folder).rglob("*")) if file.suffix in _SUFFIXES]
    findings = []
    own = [file for name in _OWN_FILES for file in sorted(root.glob(name))]
    for file in [*own, *files]:
        name = file.relative_to(root)
        if name.as_posix() in _EXEMPT or "node_modules" in name.parts:
            continue
        for first, text in texts_of(file):
            findings += [Finding(name, first + line, word, instead) for line, word, instead in found_in(text)]
    return findings


def main() -> int:
    """Print the words that are not written; returns 1 when there are any."""
    findings = check()
    for finding in findings:
        print(finding)
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
