"""The hooks of MkDocs: what makes a site of pages that can be read as files of the repository as well.

The README, the changelog and the examples lie outside of `docs`, and pages link to them, and to other files, as in the
repository. Here all of these become part of the site. The tables of the Python API become what mkdocstrings writes.
"""

from __future__ import annotations

import enum
import inspect
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Final

from mock_akool._version import __version__

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files
    from mkdocs.structure.pages import Page

ROOT: Final = Path(__file__).resolve().parents[1]
DOCS: Final = ROOT / "docs"
PAGES: Final = ("README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md", "examples/README.md")
"""Pages outside of `docs` that the site has too."""

_LINK: Final = re.compile(r"\]\((?![a-z]+:|#)([^)#\s]+)(#[^)\s]*)?\)")
_RELEASE: Final = re.compile(r"(?<=mock-akool[ :])\d+\.\d+\.\d+\b")
"""The version that the pages show where a command prints its own."""
_API: Final = re.compile(r"<!-- generated: api (\w+) -->\n.*?<!-- end -->", re.DOTALL)


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages outside of `docs`, and every file that a page links to."""
    from mkdocs.structure.files import File

    for name in PAGES:
        files.append(File.generated(config, name, abs_src_path=str(ROOT / name)))
    for file in list(files.documentation_pages()):
        for target, _ in _LINK.findall(file.content_string):
            path = _in_repository(file.src_uri, target)
            if files.get_file_from_path(_on_site(path)) is None and path.is_file() and not path.is_relative_to(DOCS):
                files.append(File.generated(config, _on_site(path), abs_src_path=str(path)))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Let links lead to where the files are on the site, and let mkdocstrings write what it can.

    What commands print shows the version that the site is of.
    """
    uri = page.file.src_uri

    def moved(link: re.Match[str]) -> str:
        there = _on_site(_in_repository(uri, link[1]))
        return f"]({os.path.relpath(there, Path(uri).parent)}{link[2] or ''})"

    return _API.sub(_documented, _LINK.sub(moved, _RELEASE.sub(__version__, markdown)))


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Show the version."""
    config.site_name = f"mock-akool {__version__}"
    return config


def _documented(table: re.Match[str]) -> str:
    from tools.docs_reference import home, public

    value = public(table[1])
    if inspect.isfunction(value) or issubclass(value, enum.Enum):
        return table[0]  # it says all there is to say
    return f"::: {home(table[1])}"


def _in_repository(uri: str, target: str) -> Path:
    """Return the file that a link on a page means."""
    page = ROOT / uri if uri in PAGES else DOCS / uri
    return Path(os.path.normpath(page.parent / target))


def _on_site(path: Path) -> str:
    return path.relative_to(DOCS if path.is_relative_to(DOCS) else ROOT).as_posix()
