"""`mock-akool completion`: the scripts are such of their shells, and bash completes with its own."""

from __future__ import annotations

import shutil
import subprocess
from functools import cache

import pytest

from tests.children import PATIENCE_S, run_here


@cache
def script(shell: str) -> str:
    shown = run_here("completion", shell)
    assert (shown.returncode, shown.stderr) == (0, "")
    return shown.stdout


@pytest.mark.parametrize(
    ("shell", "begin"), [("bash", "#"), ("zsh", "#compdef mock-akool"), ("fish", "#"), ("tcsh", "")]
)
def test_each_shell_has_a_script(shell: str, begin: str) -> None:
    text = script(shell)
    assert text.startswith(begin)
    assert "queueing" in text
    if shutil.which(shell):
        subprocess.run([shell, "-n"], input=text, text=True, check=True, timeout=PATIENCE_S)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("s",), ("scenarios", "serve", "settings")),
        (("serve", "--que"), ("--queueing",)),
        (("serve", "--con"), ("--config",)),
        (("scenarios", "sc"), ("schema",)),
        (("webhook", "send", "--fau"), ("--fault",)),
        (("completion", "z"), ("zsh",)),
    ],
    ids=" ".join,
)
def test_bash_completes(words: tuple[str, ...], expected: tuple[str, ...]) -> None:
    if shutil.which("bash") is None:
        pytest.skip("this machine has no bash")
    line = " ".join(f"'{word}'" for word in ("mock-akool", *words))
    code = f"{script('bash')}\nCOMP_WORDS=({line}); COMP_CWORD={len(words)}\n"
    code += f"_shtab_mock_akool mock-akool '{words[-1]}' ''\nprintf '%s\\n' \"${{COMPREPLY[@]}}\""
    finished = subprocess.run(["bash", "-c", code], capture_output=True, text=True, check=True, timeout=PATIENCE_S)
    assert tuple(sorted(finished.stdout.split())) == expected
