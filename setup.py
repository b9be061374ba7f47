"""Makes the page that package indexes show; all else is in pyproject.toml.

It is the README. But an index has only this page, so links to other files of the repository would lead nowhere: there
they are plain text that says which file is meant.
"""

import re
from pathlib import Path

from setuptools import setup

LINK_TO_A_FILE = re.compile(r"\[([^\]]+)\]\((?![a-z]+:|#)([^)#\s]+)[^)\s]*\)")

readme = (Path(__file__).parent / "README.md").read_text(encoding="utf-8")
setup(
    long_description=LINK_TO_A_FILE.sub(r"\1 (`\2`)", readme),
    long_description_content_type="text/markdown",
)
