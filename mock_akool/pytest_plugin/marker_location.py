"""Finds the line of a test file that a wrong marker stands in: pytest's markers do not know where they were written."""

from __future__ import annotations

import ast
import inspect
from pathlib import Path
from typing import Any


def location_of(node: Any, marker: str, keyword: str | None) -> tuple[str, int, str]:
    """Return the file, the line and its text of a marker of ours of a pytest node, as well as it can be found.

    `marker` is its name, such as `akool`. `keyword` is the argument that is wrong; None when it is a positional one.
    """
    path = Path(node.path)
    try:
        source = path.read_text(encoding="utf-8")
        lines = source.splitlines()
        first, last = _extent(node)
        found = [line for line in _lines_of(ast.parse(source), marker, keyword) if first <= line <= last]
        line = found[0] if found else first
        text = lines[line - 1].strip() if found else ""
    except (OSError, SyntaxError, ValueError, IndexError):
        line, text = 1, ""
    return _relative(path, node), line, text


def _lines_of(tree: ast.AST, marker: str, keyword: str | None) -> list[int]:
    """Return the lines of calls of something called like the marker that have the keyword, or a positional argument."""
    lines = []
    for call in ast.walk(tree):
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.func.attr == marker:
            if keyword is None and call.args:
                lines.append(call.args[0].lineno)
            lines += [each.value.lineno for each in call.keywords if keyword is not None and each.arg == keyword]
    return sorted(lines)


def _extent(node: Any) -> tuple[int, int]:
    """Return the first and the last line of the function or class with its decorators, or of the whole file."""
    thing = getattr(node, "obj", None)
    if thing is None or inspect.ismodule(thing):
        return 1, 1 << 30
    lines, first = inspect.getsourcelines(inspect.unwrap(thing))
    return first, first + len(lines) - 1


def _relative(path: Path, node: Any) -> str:
    try:
        return str(path.relative_to(node.config.rootpath))
    except ValueError:
        return str(path)
