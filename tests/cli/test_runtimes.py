"""`make test-runtimes`: programs of many runtimes and libraries with Akool's hosts in them, unmodified.

`tools.install_runtimes` installs what is missing where it can. A test whose runtime is not there is skipped and
says so. Those of curl, wget, Python, Node and Java are in `test_exec`, which needs no download.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Final

import pytest

from tests.children import run
from tests.cli.test_exec import CREDIT, URL
from tests.cli.test_isolation import BARE, needs_namespaces
from tools.install_runtimes import FOLDER, PYTHON, has_module

pytestmark = pytest.mark.runtimes

_MODULES: Final = FOLDER / "node_modules"
_PATIENCE_S: Final = 180.0
_OPTIONS: Final = "{ headers: { 'x-api-key': 'k' } }"

LIBRARIES: Final = {
    "axios": f"import axios from 'axios'; say((await axios.get(URL, {_OPTIONS})).data);",
    "axios-old": f"import axios from 'axios-old'; say((await axios.get(URL, {_OPTIONS})).data);",
    "got": f"import got from 'got'; say(await got(URL, {_OPTIONS}).json());",
    "node-fetch": f"import fetch from 'node-fetch'; say(await (await fetch(URL, {_OPTIONS})).json());",
    "undici": f"import {{ request }} from 'undici'; say(await (await request(URL, {_OPTIONS})).body.json());",
    "undici-fetch": f"import {{ fetch }} from 'undici'; say(await (await fetch(URL, {_OPTIONS})).json());",
    "undici-agent": (
        "import { Agent, fetch } from 'undici'; const dispatcher = new Agent();"
        f"say(await (await fetch(URL, {{ ...{_OPTIONS}, dispatcher }})).json());"
    ),
    "keep-alive": (
        "import https from 'node:https'; import axios from 'axios'; const agent = new https.Agent({ keepAlive: true });"
        f"for (let i = 0; i < 2; i++) await axios.get(URL, {{ ...{_OPTIONS}, httpsAgent: agent }});"
        f"say((await axios.get(URL, {{ ...{_OPTIONS}, httpsAgent: agent }})).data); agent.destroy();"
    ),
}
"""What programs of Node do, by the library."""

GO: Final = f"""package main
import ("fmt"; "io"; "net/http")
func main() {{
  request, _ := http.NewRequest("GET", "{URL}", nil)
  request.Header.Set("x-api-key", "k")
  response, err := http.DefaultClient.Do(request)
  if err != nil {{ panic(err) }}
  body, _ := io.ReadAll(response.Body)
  fmt.Print(string(body))
}}
"""
GO_WITHOUT_PROXY: Final = GO.replace("http.DefaultClient.Do", "(&http.Client{Transport: &http.Transport{}}).Do")

PHP_CURL: Final = (
    f"<?php $c = curl_init('{URL}'); curl_setopt($c, CURLOPT_HTTPHEADER, ['x-api-key: k']); curl_exec($c);"
)
PHP_STREAM: Final = (
    f"<?php echo file_get_contents('{URL}', false, stream_context_create(['http' => ['header' => 'x-api-key: k']]));"
)


PYCURL: Final = f"""
import pycurl
handle = pycurl.Curl()
handle.setopt(pycurl.URL, "{URL}")
handle.setopt(pycurl.HTTPHEADER, ["x-api-key: k"])
handle.perform()
"""
AIODNS: Final = f"""
import asyncio, aiohttp
async def main():
    connector = aiohttp.TCPConnector(resolver=aiohttp.AsyncResolver())
    async with aiohttp.ClientSession(connector=connector) as session:
        async with session.get("{URL}", headers={{"x-api-key": "k"}}) as response:
            print(await response.text(), end="")
asyncio.run(main())
"""


def _wants(program: str) -> str:
    path = shutil.which(program, path=str(_MODULES / ".bin")) or shutil.which(program)
    if path is None:
        pytest.skip(f"{program} is not there and could not be installed")
    return path


@pytest.mark.parametrize("library", LIBRARIES)
def test_node(library: str, tmp_path: Path) -> None:
    if not (_MODULES / "got").is_dir():
        pytest.skip("npm could not install the libraries of Node")
    (tmp_path / "node_modules").symlink_to(_MODULES)
    say = f"const URL = '{URL}', say = (data) => console.log(JSON.stringify(data));\n"
    (tmp_path / "app.mjs").write_text(say + LIBRARIES[library])
    ran = run("exec", "--", _wants("node"), tmp_path / "app.mjs", patience_s=_PATIENCE_S)
    assert (ran.stdout, ran.returncode) == (f"{CREDIT}\n", 0), ran.stderr


@pytest.mark.parametrize("command", [("deno", "run", "-A"), ("bun", "run")], ids=["deno", "bun"])
@pytest.mark.parametrize("library", ["fetch", "axios"])
def test_deno_and_bun(command: tuple[str, ...], library: str, tmp_path: Path) -> None:
    program = _wants(command[0])
    by_fetch = f"console.log(await (await fetch('{URL}', {_OPTIONS})).text());"
    by_axios = f"const URL = '{URL}', say = (data) => console.log(JSON.stringify(data));\n{LIBRARIES['axios']}"
    (tmp_path / "node_modules").symlink_to(_MODULES)
    (tmp_path / "package.json").write_text('{"dependencies": {"axios": "*"}}')  # or Deno looks for no module
    (tmp_path / "app.mjs").write_text({"fetch": by_fetch, "axios": by_axios}[library])
    ran = run("exec", "--", program, *command[1:], tmp_path / "app.mjs", patience_s=_PATIENCE_S)
    assert (ran.stdout, ran.returncode) == (f"{CREDIT}\n", 0), ran.stderr


def test_go(tmp_path: Path) -> None:
    (tmp_path / "app.go").write_text(GO)
    ran = run("exec", "--", _wants("go"), "run", tmp_path / "app.go", patience_s=_PATIENCE_S)
    assert (ran.stdout, ran.returncode) == (CREDIT, 0), ran.stderr


@needs_namespaces
def test_a_static_binary_that_reads_no_variable(tmp_path: Path) -> None:
    (tmp_path / "app.go").write_text(GO_WITHOUT_PROXY)
    build = (_wants("go"), "build", "-o", str(tmp_path / "app"), str(tmp_path / "app.go"))
    built = run(command=build, variables={"CGO_ENABLED": "0"}, patience_s=_PATIENCE_S)
    assert built.returncode == 0, built.stderr
    ran = run("exec", "--quiet", "--isolate", "--", *BARE, tmp_path / "app")
    assert (ran.stdout, ran.returncode) == (CREDIT, 0), ran.stderr


def test_php_by_curl(tmp_path: Path) -> None:
    php = _wants("php")
    if "curl" not in run("-m", command=[php]).stdout.split():
        pytest.skip("PHP has no curl here")
    (tmp_path / "app.php").write_text(PHP_CURL)
    ran = run("exec", "--", php, tmp_path / "app.php")
    assert (ran.stdout, ran.returncode) == (CREDIT, 0), ran.stderr


@needs_namespaces
def test_php_by_streams(tmp_path: Path) -> None:
    """They know no variable for a proxy."""
    (tmp_path / "app.php").write_text(PHP_STREAM)
    ran = run("exec", "--isolate", "--", _wants("php"), tmp_path / "app.php")
    assert (ran.stdout, ran.returncode) == (CREDIT, 0), ran.stderr


@needs_namespaces
@pytest.mark.parametrize(("module", "program"), [("pycurl", PYCURL), ("aiodns", AIODNS)])
def test_libraries_of_python_that_resolve_names_by_themselves(module: str, program: str, tmp_path: Path) -> None:
    """Neither the shim for `socket` nor a variable reaches them."""
    if not has_module(module):
        pytest.skip(f"{module} could not be installed as a wheel")
    (tmp_path / "app.py").write_text(program)
    ran = run("exec", "--quiet", "--isolate", "--", *BARE, PYTHON / "bin" / "python", tmp_path / "app.py")
    assert (ran.stdout, ran.returncode) == (CREDIT, 0), ran.stderr
