"""`mock-akool exec --isolate`: real programs that read no variable reach the fake, and nothing else."""

from __future__ import annotations

import http.server
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Final

import pytest

from mock_akool.cli import isolation, main
from mock_akool.cli.isolation import _hosts, _order
from mock_akool.server.certificates import Authority
from tests.children import MOCK_AKOOL, PATIENCE_S, Child, run, run_with_children
from tests.cli.test_exec import CREDIT, REFUSED, URL, wants

ISOLATED: Final = ("exec", "--quiet", "--isolate", "--")
BARE: Final = ("env", "-i", f"PATH={os.environ['PATH']}")
"""What takes all variables from a program, and with them all that `exec` gives it."""
OWN_CAS: Final = ("node", "--use-bundled-ca")
"""Node with the CAs that it brings; where a distribution builds it, it trusts those of the system."""
AS_A_USER: Final = ("unshare", "--map-user=1000", "--map-group=1000")
"""Makes of whoever runs the tests a user without rights."""


@cache
def _works(*command: str) -> bool:
    if sys.platform != "linux" or shutil.which(command[0]) is None:
        return False
    return subprocess.run([*command, "true"], capture_output=True, timeout=PATIENCE_S, check=False).returncode == 0


needs_namespaces = pytest.mark.skipif(
    not _works("unshare", "--user", "--map-root-user", "--mount", "--net"), reason="namespaces cannot be made here"
)


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "user's data"))


@needs_namespaces
class TestPrograms:
    @wants("curl")
    @pytest.mark.parametrize("url", [URL, URL.replace("openapi", "sg3")])
    def test_curl(self, url: str) -> None:
        ran = run(*ISOLATED, *BARE, "curl", "-sS", "-H", "x-api-key: k", url)
        assert (ran.stdout, ran.stderr, ran.returncode) == (CREDIT, "", 0)

    def test_a_socket_of_python(self) -> None:
        program = f"""
import socket, ssl
with ssl.create_default_context().wrap_socket(
    socket.create_connection(("openapi.akool.com", 443), 20), server_hostname="openapi.akool.com"
) as connection:
    request = "GET {URL.partition(".com")[2]} HTTP/1.0\\r\\nhost: openapi.akool.com\\r\\nx-api-key: k\\r\\n\\r\\n"
    connection.sendall(request.encode())
    print(b"".join(iter(lambda: connection.recv(4096), b"")).decode().rpartition("\\n")[2])
"""
        ran = run_with_children(*ISOLATED, *BARE, sys.executable, "-I", "-S", "-c", program)
        assert (ran.stdout, ran.returncode) == (f"{CREDIT}\n", 0), ran.stderr

    @wants("node")
    def test_node(self, tmp_path: Path) -> None:
        (tmp_path / "ask.mjs").write_text(
            f"console.log(await (await fetch('{URL}', {{ headers: {{ 'x-api-key': 'k' }} }})).text());"
        )
        # Node has the certificates that it trusts built in: only the variable adds one.
        shell = f'env -i PATH="$PATH" NODE_EXTRA_CA_CERTS="$NODE_EXTRA_CA_CERTS" node {tmp_path / "ask.mjs"}'
        ran = run_with_children(*ISOLATED, "sh", "-c", shell)
        assert (ran.stdout, ran.returncode) == (f"{CREDIT}\n", 0), ran.stderr

    @wants("curl")
    def test_those_that_read_variables_are_led_there_too(self) -> None:
        ran = run_with_children(
            "exec", "--isolate", "--", "sh", "-c", f"curl -sS -H 'x-api-key: k' {URL} $MOCK_AKOOL_URL/_mock/health"
        )
        assert (ran.stdout.startswith(CREDIT), '"status":"ok"' in ran.stdout) == (True, True), ran
        said = ["mock-akool: the command reaches Akool's hosts and nothing else", "mock-akool: 1 call and 0 jobs"]
        assert ran.stderr.splitlines() == said

    @wants("curl")
    @pytest.mark.skipif(not _works(*AS_A_USER), reason="unshare cannot map a user here")
    def test_a_user_without_rights(self) -> None:
        command = (*AS_A_USER, *MOCK_AKOOL)
        ran = run(*ISOLATED, *BARE, "sh", "-c", f"id -u; curl -sS -H 'x-api-key: k' {URL}", command=command)
        assert (ran.stdout, ran.returncode) == (f"1000\n{CREDIT}", 0), ran.stderr


@needs_namespaces
class TestNothingElse:
    @wants("curl")
    def test_servers_of_this_machine_are_not_reached(self) -> None:
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), http.server.SimpleHTTPRequestHandler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            url = f"http://127.0.0.1:{server.server_port}/"
            assert run("-sS", "-o", os.devnull, "--noproxy", "*", url, command=["curl"]).returncode == 0
            assert run_with_children(*ISOLATED, *BARE, "curl", "-sS", url).returncode == 7
            # Nor through the proxy that the variables name: it refuses.
            assert run_with_children(*ISOLATED, "curl", "-sS", "--noproxy", "", "--proxytunnel", url).returncode == 7
            refused = run_with_children(*ISOLATED, "sh", "-c", f"curl -sSp --noproxy '' --proxy $HTTPS_PROXY {url}")
            assert "response 403" in refused.stderr
            assert refused.returncode in REFUSED
        finally:
            server.shutdown()
            server.server_close()

    def test_there_is_no_way_out(self) -> None:
        program = """
import errno, socket
for address in ("192.0.2.1", "2001:db8::1"):
    with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET) as connection:
        print(errno.errorcode[connection.connect_ex((address, 443))])
print([name for _, name in socket.if_nameindex()])
"""
        ran = run_with_children(*ISOLATED, *BARE, sys.executable, "-I", "-S", "-c", program)
        assert ran.stdout == "ENETUNREACH\nENETUNREACH\n['lo']\n", ran.stderr

    def test_the_system_keeps_its_files(self) -> None:
        def read(*files: str) -> list[bytes]:
            return [Path(file).read_bytes() for file in files if Path(file).exists()]

        files = ("/etc/hosts", "/etc/nsswitch.conf", *isolation._BUNDLES)
        before, folders = read(*files), os.listdir("/etc/ssl/certs")  # noqa: PTH208 - the names are compared
        ran = run_with_children(*ISOLATED, "grep", "-c", "openapi.akool.com", "/etc/hosts")
        assert ran.stdout == "1\n"
        assert (read(*files), os.listdir("/etc/ssl/certs")) == (before, folders)  # noqa: PTH208 - as above


@needs_namespaces
class TestEnds:
    @pytest.mark.parametrize(("program", "status"), [("exit 0", 0), ("exit 3", 3), ("kill -9 $$", 137)])
    def test_the_status_is_the_command_s(self, program: str, status: int) -> None:
        assert run_with_children(*ISOLATED, "sh", "-c", program).returncode == status

    @pytest.mark.parametrize(
        "number",
        [signal.SIGTERM, *(pytest.param(each, marks=pytest.mark.slow) for each in (signal.SIGINT, signal.SIGHUP))],
    )
    def test_signals_are_for_the_command(self, number: signal.Signals) -> None:
        name = number.name.removeprefix("SIG")
        program = f"trap 'echo got {name}; exit 5' {name}; echo ready; while true; do sleep 0.01; done"
        with Child(*ISOLATED, "bash", "-c", program) as child:
            child.said("ready")
            code, _ = child.end(number)
            assert child.out == f"ready\ngot {name}\n"
        assert code == 5

    def test_the_command_ignores_no_signal(self) -> None:
        """Python ignores SIGPIPE, and so would the command, for which `yes | head` then never ended."""
        (line,) = run_with_children(*ISOLATED, "grep", "SigIgn", "/proc/self/status").stdout.splitlines()
        assert not int(line.split()[1], 16) & 1 << signal.SIGPIPE - 1

    def test_a_signal_that_comes_before_the_command(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        helper = tmp_path / "helper.py"
        helper.write_text("import os, signal; signal.signal(2, signal.SIG_DFL); os.kill(os.getpid(), 2)")
        monkeypatch.setattr(isolation, "_HELPER", helper)
        assert main(["exec", "--quiet", "--isolate", "--ca-dir", str(tmp_path), "--", "true"]) == 130

    @wants("script")
    @wants("ps")
    def test_a_terminal_is_the_command_s(self) -> None:
        program = f"{' '.join(MOCK_AKOOL)} {' '.join(ISOLATED)} sh -c 'tty && ps -o tpgid= -o pgid= -p $$'"
        ran = run("-qec", program, os.devnull, command=["script"])
        name, groups = ran.stdout.splitlines()
        assert name.startswith("/dev/pts/")
        foreground, own = groups.split()
        assert foreground == own

    def test_a_file_that_is_no_program(self, tmp_path: Path) -> None:
        file = tmp_path / "broken"
        file.write_bytes(b"\x7fELF")
        file.chmod(0o755)
        ran = run_with_children(*ISOLATED, str(file))
        assert (ran.returncode, ran.stderr) == (126, f"mock-akool: {file}: Exec format error\n")


@needs_namespaces
class TestReports:
    def test_no_request(self) -> None:
        ran = run_with_children("exec", "--isolate", "--", "true")
        assert ran.stderr.splitlines() == [
            "mock-akool: the command reaches Akool's hosts and nothing else",
            "mock-akool: no request reached the fake",
            "hint: it connected to none of Akool's hosts; does it have another address in its settings?",
        ]

    def test_no_request_of_a_command_that_failed(self) -> None:
        ran = run_with_children("exec", "--isolate", "--", "sh", "-c", "exit 3")
        assert ran.returncode == 3
        assert ran.stderr.splitlines() == [
            "mock-akool: the command reaches Akool's hosts and nothing else",
            "mock-akool: the command ended with exit status 3 before it sent a request; see its own error above",
        ]

    @wants("node")
    def test_a_command_that_failed_since_it_trusts_other_certificates(self) -> None:
        node = f"fetch('{URL}').catch(() => process.exit(5))"
        ran = run_with_children("exec", "--isolate", "--", *BARE, *OWN_CAS, "-e", node)
        assert ran.returncode == 5
        _, first, hint = ran.stderr.splitlines()
        assert first.startswith("mock-akool: the command ended with exit status")
        assert "connected and sent no request, as clients do that do not trust the CA" in hint

    @wants("node")
    def test_a_program_that_trusts_certificates_of_its_own_only(self) -> None:
        ran = run_with_children("exec", "--isolate", "--", *BARE, *OWN_CAS, "-e", f"fetch('{URL}').catch(() => {{}})")
        _, first, hint = ran.stderr.splitlines()
        assert first == "mock-akool: no request reached the fake"
        assert "connected and sent no request, as clients do that do not trust the CA" in hint


class TestRefusals:
    @needs_namespaces
    def test_where_no_namespace_can_be_made(self, tmp_path: Path) -> None:
        """In a namespace of users that may have no namespace of networks."""
        shell = f"echo 0 >/proc/sys/user/max_net_namespaces; exec {' '.join(MOCK_AKOOL)} {' '.join(ISOLATED)} touch x"
        ran = run("--user", "--map-root-user", "sh", "-ec", shell, command=["unshare"], folder=tmp_path)
        assert ran.returncode == 2
        assert ran.stderr == (
            "mock-akool exec: --isolate cannot make namespaces here (unshare: No space left on device); allow them to "
            "users, or run it as root; in a container that wants the capability SYS_ADMIN. See mock-akool exec --help\n"
        )
        assert not (tmp_path / "x").exists()

    @pytest.mark.parametrize("flags", [("--attach", "http://127.0.0.1:1"), ("--print-env",)])
    def test_without_a_server_of_its_own(self, flags: Sequence[str]) -> None:
        ran = run_with_children("exec", "--isolate", *flags, "--", "true")
        assert (ran.returncode, "leave out --attach and --print-env" in ran.stderr) == (2, True)

    def test_other_systems(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
    ) -> None:
        monkeypatch.setattr(sys, "platform", "darwin")
        with pytest.raises(SystemExit) as caught:
            main(["exec", "--isolate", "--ca-dir", str(tmp_path), "--", "true"])
        assert caught.value.code == 2
        assert capsys.readouterr().err == "mock-akool exec: --isolate needs Linux. See mock-akool exec --help\n"


class TestFiles:
    def test_hosts_keep_all_other_names(self) -> None:
        system = "127.0.0.1 localhost\n10.0.0.1 db OPENAPI.akool.com # ours\n10.0.0.2 mail # openapi.akool.com\n"
        lines = _hosts(system).splitlines()
        assert lines[0] == "127.0.0.1 openapi.akool.com"
        assert lines[-2:] == ["127.0.0.1 localhost", "10.0.0.2 mail # openapi.akool.com"]

    def test_files_come_first(self) -> None:
        assert _order("passwd: files\nhosts: resolve [!UNAVAIL=return] dns\n") == "hosts: files dns\npasswd: files\n"

    @wants("openssl")
    def test_the_hash_of_the_root_is_openssl_s(self, tmp_path: Path) -> None:
        authority = Authority(tmp_path)
        authority.root_pem()
        command = ["openssl", "x509", "-noout", "-subject_hash", "-in"]
        assert run(authority.root_file, command=command).stdout.strip() == isolation._ROOT_HASH
