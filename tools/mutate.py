"""How many changes of `core` and `akool` the tests notice: `python -m tools.mutate --sample 300`.

mutmut makes thousands of small changes. A sample of them is tried, drawn by a seed, or all with `--sample 0`. Survivors
are printed; those that `tools/survivors.toml` explains do not count. The rest may be a tenth of all.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import random
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from contextlib import redirect_stdout
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path
from typing import Final, NamedTuple

from tools.try_mutants import SURVIVED, UNREACHED

ROOT: Final = Path(__file__).resolve().parents[1]
MUTANTS: Final = ROOT / "mutants"
EXPLAINED: Final = Path(__file__).with_name("survivors.toml")

LEAST_SCORE: Final = 0.9
_Z: Final = 1.96


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
    return mutant.rpartition("__mutmut_")[0].replace(".xǁ", ".").replace("ǁ", ".").replace(".x_", ".")


def interval(noticed: int, tried: int, population: int) -> tuple[float, float]:
    """Return between which scores, from 0 to 1, that of all changes lies, with 95 % confidence (Wilson's interval).

    `population` is how many there are; when all of them were tried, both ends are their score.
    """
    part = noticed / tried
    z = _Z * math.sqrt((population - tried) / max(population - 1, 1))
    middle, spread = part + z * z / (2 * tried), z * math.sqrt(part * (1 - part) / tried + (z / (2 * tried)) ** 2)
    return (middle - spread) / (1 + z * z / tried), (middle + spread) / (1 + z * z / tried)


def drawn(names: Iterable[str], count: int, seed: int) -> list[str]:
    """Return so many of the names, or all for 0, in their order; the same for the same seed."""
    ordered = sorted(names)
    return ordered if not 0 < count < len(ordered) else sorted(random.Random(seed).sample(ordered, count))


def names_of(folder: Path) -> list[str]:
    """Return the names of all changes that mutmut made."""
    files = sorted(folder.rglob("*.meta"))
    return [name for file in files for name in json.loads(file.read_text(encoding="utf-8"))["exit_code_by_key"]]


def part_of(names: Sequence[str], part: str) -> list[str]:
    """Return the part of the names that `2/4` means, the second of four; each name is in one."""
    number, _, count = part.partition("/")
    return list(names[int(number) - 1 :: int(count)])


def report(
    verdicts: Mapping[str, str], survivors: Sequence[Survivor], known: Sequence[Explained], population: int
) -> tuple[str, bool]:
    """Return what to print about the changes that were tried, and whether enough of them may have been noticed.

    A sample is too bad when the score of the whole `population` is too low with some certainty, not by bad luck.
    """
    why = {each.name: next((one.why for one in known if one.explains(each)), None) for each in survivors}
    open_ones = [each for each in survivors if why[each.name] is None]
    lines = [f"{plain_name(each.name)}\n{each.change}\n" for each in open_ones]
    lines += [f"{plain_name(each.name)}: {why[each.name]}" for each in survivors if why[each.name] is not None]
    alive = {each.name for each in open_ones}
    counted = [name for name in verdicts if name in alive or why.get(name) is None]
    high = 1.0
    for package in ("mock_akool.core.", "mock_akool.akool.", ""):
        tried = [name for name in counted if name.startswith(package)]
        if tried:
            noticed = len(tried) - sum(name in alive for name in tried)
            low, high = interval(noticed, len(tried), max(population, len(tried)))
            what = f"{noticed} of {len(tried)} changes {f'of {package[:-1]} ' if package else ''}were noticed"
            lines.append(f"{what}: {noticed / len(tried):.1%}, so {low:.1%} to {high:.1%}; at least {LEAST_SCORE:.0%}")
    return "\n".join(lines), high >= LEAST_SCORE


def make(children: int) -> None:
    """Write the code with all of its changes into `mutants/`, and the tests beside it as they are now."""
    from mutmut.__main__ import create_mutants
    from mutmut.utils.file_utils import copy_also_copy_files, copy_src_dir

    # What was there is of other code: modules that are gone, and which tests reach what.
    shutil.rmtree(MUTANTS, ignore_errors=True)
    MUTANTS.mkdir()
    with redirect_stdout(StringIO()):
        copy_src_dir()
        copy_also_copy_files()
        create_mutants(children)


def tried(names: Sequence[str], children: int) -> dict[str, str]:
    """Return for each change which test noticed it, or `survived` or `unreached`."""
    (MUTANTS / "plan.json").write_text(json.dumps({"mutants": list(names), "children": children}), encoding="utf-8")
    ended = subprocess.run([sys.executable, "-m", "tools.try_mutants"], cwd=MUTANTS, check=False)
    if ended.returncode:
        raise SystemExit("the tests could not be run")
    found: dict[str, str] = json.loads((MUTANTS / "verdicts.json").read_text(encoding="utf-8"))
    return found


def _change(name: str) -> str:
    from mutmut.mutation.diff_apply import find_mutant, get_diff_for_mutant

    lines = get_diff_for_mutant(name, path=find_mutant(name).path).splitlines()
    return "\n".join(line for line in lines if line[:1] in "+-" and line[:3] not in {"+++", "---", ""})


def main() -> int:
    """Try a sample, print the survivors and the score; returns the exit code, 1 when the score is too low."""
    parser = argparse.ArgumentParser(description="Change core and akool here and there, and see whether tests notice.")
    parser.add_argument("--sample", type=int, default=300, help="how many changes to try; 0 is all (default: 300)")
    parser.add_argument(
        "--seed", type=int, default=datetime.now(UTC).toordinal(), help="which ones (default: others each day)"
    )
    parser.add_argument("--of", default="mock_akool.", help="only those whose names begin so, like mock_akool.core.")
    parser.add_argument("--part", default="1/1", help="which part of them, such as 2/4 (default: all)")
    parser.add_argument("--children", type=int, default=os.cpu_count() or 1, help="how many at a time (default: cores)")
    options = parser.parse_args()
    os.chdir(ROOT)
    make(options.children)
    everything = part_of(sorted(name for name in names_of(MUTANTS) if name.startswith(options.of)), options.part)
    names = drawn(everything, options.sample, options.seed)
    print(f"trying {len(names)} changes, drawn by --seed {options.seed}", flush=True)
    verdicts = tried(names, options.children)
    survivors = [
        Survivor(name, _change(name)) for name, verdict in verdicts.items() if verdict in {SURVIVED, UNREACHED}
    ]
    text, enough = report(verdicts, survivors, explanations(EXPLAINED.read_text(encoding="utf-8")), len(everything))
    print(text)
    return int(not enough)


if __name__ == "__main__":
    sys.exit(main())
