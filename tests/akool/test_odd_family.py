"""What the interface of a family offers and no family of the product uses yet, by a toy in a copy of the package."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import Final

import pytest

from tests.akool.families import bulk
from tests.children import run

PYTHON: Final = (sys.executable,)
ROOT: Final = Path(__file__).parents[2]
PLAYED: Final = """
import json
from mock_akool import MockAkool, Request

KEY, OTHER = {"x-api-key": "key"}, {"x-api-key": "another key"}
TYPE = {"content-type": "application/json"}
mock = MockAkool(queueing=2, processing=3)


def ask(method, path, query="", fields=None, key=KEY):
    body = b"" if fields is None else json.dumps(fields).encode()
    response = mock.application.answer(Request.build(method, f"/api/open/v4/bulk/{path}", query, key | TYPE, body))
    return json.loads(response.body)


first = ask("POST", "create", fields={"prompt": "a fox"})["data"]["_id"]
second = ask("POST", "continue", fields={"prompt": "an owl", "continues": first})["data"]["_id"]
foreign = ask("POST", "create", fields={"prompt": "a hare"}, key=OTHER)["data"]["_id"]
assert ask("POST", "continue", fields={"prompt": "an owl", "continues": foreign})["code"] == 1009

ids = ",".join([first, foreign, "nobody", second])
assert ask("GET", "list", f"ids={ids}")["data"] == [
    {"_id": first, "status": 1, "url": ""}, {"_id": second, "status": 1, "url": ""}
]
assert ask("GET", "list", "ids=nobody")["data"] == []
assert ask("GET", "list", f"ids={first}")["data"][0]["_id"] == first
assert ask("POST", "soon", fields={"ids": [first]})["code"] == 1003
soon = ask("POST", "soon", fields={"ids": f"{first},nobody"})["data"]
assert [(each["_id"], each["status"]) for each in soon] == [(first, 1)]
assert soon[0]["url"].endswith(f"/bulk_{first}.png")
mock.clock.advance(10)
(done,) = ask("GET", "list", f"ids={first}")["data"]
assert (done["status"], done["url"]) == (3, soon[0]["url"])
for job in mock.jobs:
    assert len(mock.application.answer(Request.build("GET", f"/bulk_{job.id}.png")).headers) > 0
"""


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a package that has the toy."""
    folder = tmp_path_factory.mktemp("with-bulk")
    families = folder / "mock_akool" / "akool" / "families"
    shutil.copytree(ROOT / "mock_akool", folder / "mock_akool", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(bulk.__file__, families)
    known = families / "__init__.py"
    text = known.read_text(encoding="utf-8")
    first = "from mock_akool.akool.families.family import ("
    with_it = text.replace(first, f"from mock_akool.akool.families import bulk\n{first}")
    with_it = with_it.replace("image_button.FAMILY,", "image_button.FAMILY, bulk.FAMILY,")
    assert with_it.count("bulk") == text.count("bulk") + 2
    known.write_text(with_it, encoding="utf-8")
    return folder


def test_it_works_as_it_says(copy: Path) -> None:
    finished = run("-W", "error", "-c", PLAYED, command=PYTHON, variables={"PYTHONPATH": str(copy)}, folder=copy)
    assert (finished.returncode, finished.stderr) == (0, "")
