"""How many changes of `core` and `akool` the tests notice: `python -m tools.mutate --sample 300`.

mutmut makes thousands of small changes. A sample of them is tried, drawn by a seed, or all with `--sample 0`. Survivors
are printed; those that `tools/survivors.toml` explains do not count. The rest may be a tenth of all.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, NamedTuple

ROOT: Final = Path(__file__).resolve().parents[1]
MUTANTS: Final = ROOT / "mutants"
EXPLAINED: Final = Path(__file__).with_name("survivors.toml")

LEAST_SCORE: Final = 0.9
_FEW: Final = "mock_akool.core.text.*"
"""A handful, tried so that mutmut makes all of them and finds out which tests reach them."""

_SURVIVED: Final = frozenset({0})
_UNREACHED: Final = frozenset({5, 33})
"""By no test. These count as survivors, too."""
_UNTRIED: Final = frozenset({None, 2, 34})


class Survivor(NamedTuple):
    """A change that no test noticed."""

    name: str
    change: str
    """The lines that went, with `-`, and those that came, with `+`."""


class Explained(NamedTuple):
    """Why survivors are no fault of the tests: those whose name begins with `function`, and whose change has `text`."""

    function: str
    text: str
    why: str

    def explains(self, survivor: Survivor) -> bool:
        """Whether it is about this survivor."""
        return plain_name(survivor.name).startswith(self.function) and self.text in survivor.change


def explanations(text: str) -> list[Explained]:
    """Return the explanations in a TOML text; raises TypeError when one lacks a key or has another."""
    return [Explained(**each) for each in tomllib.loads(text).get("survivor", [])]


def plain_name(mutant: str) -> str:
    """Return the name of the function that a mutant changes, such as `mock_akool.core.timeline.Status.of`."""
    return mutant.rpartition("__mutmut_")[0].replace("xǁ", "").replace("ǁ", ".").replace(".x_", ".")


def score(survivors: int, tried: int) -> float:
    """Return which part of the changes that were tried the tests noticed, from 0 to 1."""
    return 1 - survivors / tried


def drawn(names: Iterable[str], count: int, seed: int) -> list[str]:
    """Return so many of the names, or all for 0, in their order; the same for the same seed."""
    ordered = sorted(names)
    return ordered if not 0 < count < len(ordered) else sorted(random.Random(seed).sample(ordered, count))


def results(folder: Path) -> dict[str, int | None]:
    """Return by the name of each mutant with which code its tests ended, None when they were not run."""
    found: dict[str, int | None] = {}
    for file in sorted(folder.rglob("*.meta")):
        found |= json.loads(file.read_text(encoding="utf-8"))["exit_code_by_key"]
    return found


def report(
    codes: Mapping[str, int | None], survivors: Sequence[Survivor], known: Sequence[Explained]
) -> tuple[str, bool]:
    """Return what to print about the mutants that were tried, and whether enough of them were noticed."""
    why = {each.name: next((one.why for one in known if one.explains(each)), None) for each in survivors}
    open_ones = [each for each in survivors if why[each.name] is None]
    tried = len(codes) - (len(survivors) - len(open_ones))
    reached = score(len(open_ones), tried) if tried else 1.0
    lines = [f"{plain_name(each.name)}\n{each.change}\n" for each in open_ones]
    lines += [f"{plain_name(each.name)}: {why[each.name]}" for each in survivors if why[each.name] is not None]
    lines.append(f"{tried - len(open_ones)} of {tried} changes were noticed: {reached:.1%}, at least {LEAST_SCORE:.0%}")
    return "\n".join(lines), reached >= LEAST_SCORE


def _mutmut(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "mutmut", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, encoding="utf-8", errors="replace", check=False)


def _run(names: Sequence[str]) -> None:
    ended = _mutmut("run", *names)
    if ended.returncode:
        raise SystemExit(f"mutmut could not run:\n{ended.stdout[-3000:]}\n{ended.stderr[-3000:]}")


def _change(name: str) -> str:
    lines = _mutmut("show", name).stdout.splitlines()
    return "\n".join(line for line in lines if line[:1] in "+-" and line[:3] not in {"+++", "---", ""})


def main() -> int:
    """Try a sample, print the survivors and the score; returns the exit code, 1 when the score is too low."""
    parser = argparse.ArgumentParser(description="Change core and akool here and there, and see whether tests notice.")
    parser.add_argument("--sample", type=int, default=300, help="how many changes to try; 0 is all (default: 300)")
    parser.add_argument(
        "--seed", type=int, default=datetime.now(UTC).toordinal(), help="which ones (default: others each day)"
    )
    options = parser.parse_args()
    _run([_FEW])
    names = drawn(results(MUTANTS), options.sample, options.seed)
    print(f"trying {len(names)} changes, drawn by --seed {options.seed}", flush=True)
    _run(names)
    codes = {name: code for name, code in results(MUTANTS).items() if name in set(names) and code not in _UNTRIED}
    alive = [name for name, code in codes.items() if code in _SURVIVED | _UNREACHED]
    survivors = [Survivor(name, _change(name)) for name in alive]
    text, enough = report(codes, survivors, explanations(EXPLAINED.read_text(encoding="utf-8")))
    print(text)
    return int(not enough)


if __name__ == "__main__":
    sys.exit(main())
