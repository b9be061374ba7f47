"""`mock-akool ca`."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from mock_akool.akool.families import HOSTS
from mock_akool.cli import main
from mock_akool.server.certificates import Authority, bundle
from tests.children import Child, Serving, run, run_here


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "ca"
    monkeypatch.setenv("MOCK_AKOOL_CA_DIR", str(folder))
    return folder


def test_show_says_what_it_is(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ca", "show"]) == 0
    lines = dict(
        line.split(maxsplit=1) for line in capsys.readouterr().out.replace("may sign", "may_sign").splitlines()
    )
    shown = Authority(folder).shown()
    assert lines == {
        "certificate": str(folder / "ca.pem"),
        "SHA-256": shown.fingerprint,
        "ends": f"{shown.ends:%Y-%m-%d}",
        "may_sign": ", ".join([*HOSTS, "localhost", "127.0.0.0/8", "::1/128"]),
    }


def test_export_writes_what_clients_trust(folder: Path, tmp_path: Path) -> None:
    assert main(["ca", "export", str(tmp_path / "out.pem")]) == 0
    assert (tmp_path / "out.pem").read_bytes() == (folder / "ca.pem").read_bytes()


def test_bundle_adds_what_the_system_trusts(folder: Path, tmp_path: Path) -> None:
    assert main(["ca", "bundle", str(tmp_path / "out.pem")]) == 0
    assert (tmp_path / "out.pem").read_bytes() == bundle(Authority(folder))


def test_it_can_be_written_to_a_pipe(tmp_path: Path) -> None:
    ran = run("ca", "export", "-", "--ca-dir", tmp_path / "of its own")
    assert ran.stdout == (tmp_path / "of its own" / "ca.pem").read_text()
    assert stat.S_ISDIR((tmp_path / "of its own").stat().st_mode)


def test_new_makes_one_that_may_sign_more(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first = Authority(folder).root_pem()
    assert main(["ca", "new", "--tls-name", "akool-mock"]) == 0
    assert capsys.readouterr().out.endswith(", akool-mock\n")
    assert Authority(folder).root_pem() != first


def test_what_cannot_be_written_is_one_line(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ca", "export", str(folder / "nowhere" / "x")]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"mock-akool: cannot write {folder / 'nowhere' / 'x'}: ")


def test_serve_says_at_once_when_it_cannot_speak_tls_only(tmp_path: Path) -> None:
    Authority(tmp_path).root_pem()
    ran = run_here("serve", "--port", "0", "--tls-only", "--tls-name", "akool-mock", "--ca-dir", tmp_path)
    assert ran.returncode == 1
    assert ran.stderr == (
        f"mock-akool: the CA in {tmp_path} may not sign akool-mock. Make a new one with "
        f"`mock-akool ca new --tls-name akool-mock --ca-dir {tmp_path}`, and let your clients trust that\n"
    )


def test_a_folder_that_is_named_has_the_ca_when_the_server_listens(tmp_path: Path) -> None:
    with Serving("--ca-dir", tmp_path / "ca"):
        assert (tmp_path / "ca" / "ca.pem").is_file()
    with Serving("--ca-dir", tmp_path / "none", "--no-tls"):
        assert not (tmp_path / "none").exists()
    (tmp_path / "ca" / "authority.pem").write_text("nonsense")
    ran = run_here("serve", "--port", "0", "--ca-dir", tmp_path / "ca")
    assert ran.returncode == 1
    assert ran.stderr.startswith(f"mock-akool: the CA {tmp_path / 'ca' / 'authority.pem'} is broken: ")
    assert len(ran.stderr.splitlines()) == 1


def test_a_folder_that_cannot_be_is_one_line() -> None:
    for command in (("serve", "--port", "0"), ("ca", "show")):
        ran = run_here(*command, "--ca-dir", "x" * 300)
        assert (ran.returncode, ran.stdout) == (1, "")
        assert ran.stderr.startswith(
            f"mock-akool: the CA {'x' * 300}/authority.pem cannot be read: File name too long. "
        )
        assert len(ran.stderr.splitlines()) == 1


def test_health_of_a_server_that_speaks_tls_only(tmp_path: Path) -> None:
    variables = {"MOCK_AKOOL_TLS_ONLY": "yes", "MOCK_AKOOL_CA_DIR": str(tmp_path), "MOCK_AKOOL_PORT": "0"}
    with Child("serve", variables=variables) as serving:
        port = serving.said(r"listens on https://127\.0\.0\.1:(\d+) ")[1]
        ran = run_here("health", variables={**variables, "MOCK_AKOOL_PORT": port})
    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout.endswith(f" at https://127.0.0.1:{port} is ok\n")


def test_both_ways_at_once_is_a_mistake() -> None:
    ran = run_here("serve", "--port", "0", "--tls-only", "--no-tls")
    assert ran.returncode == 1
    assert ran.stderr == "mock-akool: --tls-only: it contradicts no_tls; leave one of them out\n"
