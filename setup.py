"""Makes the page that package indexes show, and puts the examples into the package; all else is in pyproject.toml.

The page is the README. But an index has only this page, so links to other files of the repository would lead nowhere:
there they are plain text that says which file is meant.
"""

import re
import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

ROOT = Path(__file__).parent
LINK_TO_A_FILE = re.compile(r"\[([^\]]+)\]\((?![a-z]+:|#)([^)#\s]+)[^)\s]*\)")


class BuildWithExamples(build_py):
    """Copies the folder `examples` into the package, for `mock-akool examples`."""

    def run(self) -> None:
        """Build the package, and add the examples unless it is installed as editable."""
        super().run()
        if not self.editable_mode:
            folder = Path(self.build_lib, "mock_akool", "examples")
            shutil.copytree(ROOT / "examples", folder, dirs_exist_ok=True)


readme = (ROOT / "README.md").read_text(encoding="utf-8")
setup(
    long_description=LINK_TO_A_FILE.sub(r"\1 (`\2`)", readme),
    long_description_content_type="text/markdown",
    cmdclass={"build_py": BuildWithExamples},
)
