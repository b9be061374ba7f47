"""The private CA: made once, kept safe, good for Akool's names and this machine, and for nothing else."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import ssl
import stat
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import pytest

from mock_akool import ServerError
from mock_akool.akool.families import HOSTS
from mock_akool.cli import main
from mock_akool.server import certificates
from mock_akool.server.certificates import AUTHORITY_FILE, ROOT_FILE, Authority, bundle, default_folder
from mock_akool.server.tls import Tls

_BEGIN: Final = b"-----BEGIN CERT"
OWN_NAMES: Final = (*HOSTS, "localhost", "127.0.0.1", "::1")


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path / "ca")


def pem_for(authority: Authority, *names: str) -> bytes:
    """A certificate that the CA signs although it may not."""
    loaded = authority._loaded(())
    now = datetime.now(UTC)
    return certificates._leaf(names, loaded.signing, loaded.key, now, now + timedelta(days=1))


def server_context(folder: Path, pem: bytes) -> ssl.SSLContext:
    path = folder / "server.pem"
    path.write_bytes(pem)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    return context


def shake_hands(server: ssl.SSLContext, trusted: Path, name: str) -> Sequence[tuple[str, str]]:
    """Shake hands in memory, as a client that trusts the CA and calls the server by a name; raises SSLError.

    Returns the names of the certificate that the server shows, each with its kind.
    """
    client = ssl.create_default_context(cafile=str(trusted))
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    own = client.wrap_bio(to_client, to_server, server_hostname=name)
    other = server.wrap_bio(to_server, to_client, server_side=True)
    waiting = [own, other]
    for _ in range(10):
        for each in list(waiting):
            try:
                each.do_handshake()
                waiting.remove(each)
            except ssl.SSLWantReadError:
                pass
    assert waiting == []
    certificate: Any = own.getpeercert()
    found: Sequence[tuple[str, str]] = certificate["subjectAltName"]
    return found


class TestMaking:
    def test_it_is_made_at_first_use_and_stays(self, authority: Authority) -> None:
        first = authority.root_pem()
        assert authority.root_file.read_bytes() == first
        assert Authority(authority.folder).root_pem() == first
        assert re.fullmatch("([0-9A-F]{2}:){31}[0-9A-F]{2}", authority.shown().fingerprint)

    @pytest.mark.skipif(sys.platform == "win32", reason="Windows has other rights")
    def test_its_key_is_for_its_owner_only(self, authority: Authority) -> None:
        authority.root_pem()
        rights = {path.name: stat.S_IMODE(path.stat().st_mode) for path in authority.folder.iterdir()}
        assert rights == {AUTHORITY_FILE: 0o600, ROOT_FILE: 0o644}
        assert stat.S_IMODE(authority.folder.stat().st_mode) == 0o700

    def test_several_at_once_make_one(self, authority: Authority) -> None:
        found: list[bytes] = []
        start = threading.Barrier(8)

        def use() -> None:
            start.wait()
            found.append(Authority(authority.folder).root_pem())

        threads = [threading.Thread(target=use) for _ in range(8)]
        for each in threads:
            each.start()
        for each in threads:
            each.join()
        assert len(found) == 8
        assert len(set(found)) == 1
        assert sorted(path.name for path in authority.folder.iterdir()) == [AUTHORITY_FILE, ROOT_FILE]

    def test_the_certificate_for_clients_is_made_again_when_it_is_gone(self, authority: Authority) -> None:
        first = authority.root_pem()
        authority.root_file.unlink()
        authority.context()
        assert authority.root_file.read_bytes() == first

    def test_a_new_one_replaces_it(self, authority: Authority) -> None:
        first = authority.root_pem()
        authority.make(["akool-mock", "10.0.0.5"])
        assert authority.root_file.read_bytes() == authority.root_pem() != first
        assert authority.shown().names[-2:] == ("akool-mock", "10.0.0.5/32")

    def test_it_is_kept_with_the_user_s_data(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        monkeypatch.setattr(sys, "platform", "linux")
        monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
        assert Authority().folder == default_folder() == tmp_path / "mock-akool" / "ca"
        monkeypatch.delenv("XDG_DATA_HOME")
        monkeypatch.setattr(Path, "home", lambda: tmp_path)
        assert default_folder() == tmp_path / ".local" / "share" / "mock-akool" / "ca"
        monkeypatch.setattr(sys, "platform", "darwin")
        assert default_folder() == tmp_path / "Library" / "Application Support" / "mock-akool" / "ca"
        monkeypatch.setattr(sys, "platform", "win32")
        monkeypatch.setenv("LOCALAPPDATA", str(tmp_path / "Local"))
        assert default_folder() == tmp_path / "Local" / "mock-akool" / "ca"


class TestTrouble:
    def test_a_folder_that_cannot_be_made(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("")
        with pytest.raises(ServerError, match=r"cannot keep the CA in .*file/ca: .*\. Choose a folder with --ca-dir"):
            Authority(tmp_path / "file" / "ca").root_pem()

    def test_a_user_without_a_home(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def fail() -> Path:
            raise RuntimeError("Could not determine home directory.")

        monkeypatch.setattr(sys, "platform", "linux")
        monkeypatch.delenv("XDG_DATA_HOME", raising=False)
        monkeypatch.setattr(Path, "home", fail)
        with pytest.raises(ServerError, match=r"no home folder for the CA\. Choose a folder with --ca-dir"):
            Authority()

    @pytest.mark.parametrize(
        "spoil",
        [
            lambda content, other: b"",
            lambda content, other: b"nonsense",
            lambda content, other: content[: len(content) // 2],
            lambda content, other: (
                other[: other.index(b"-----BEGIN CERT")] + content[content.index(b"-----BEGIN CERT") :]
            ),
            lambda content, other: content[: content.rindex(_BEGIN)] + other[other.rindex(_BEGIN) :],
        ],
        ids=["empty", "nonsense", "half", "the key of another", "the root of another"],
    )
    def test_a_broken_one(self, spoil: Callable[[bytes, bytes], bytes], authority: Authority, tmp_path: Path) -> None:
        other = Authority(tmp_path / "other")
        for each in (authority, other):
            each.root_pem()
        path = authority.folder / AUTHORITY_FILE
        path.write_bytes(spoil(path.read_bytes(), (other.folder / AUTHORITY_FILE).read_bytes()))
        for use in (authority.root_pem, authority.context, authority.shown):
            with pytest.raises(
                ServerError, match=r"is broken: .*\. Make a new one with `mock-akool ca new --ca-dir "
            ) as caught:
                use()
            assert "\n" not in str(caught.value)
        authority.make()
        authority.context()

    def test_one_that_cannot_be_read(self, authority: Authority) -> None:
        (authority.folder / AUTHORITY_FILE).mkdir(parents=True)
        with pytest.raises(ServerError, match="cannot be read: Is a directory"):
            authority.root_pem()

    def test_one_that_has_ended(self, authority: Authority, monkeypatch: pytest.MonkeyPatch) -> None:
        authority.root_pem()

        class Later(datetime):
            @classmethod
            def now(cls, tz: Any = None) -> Any:
                return datetime.now(tz) + timedelta(days=3651)

        monkeypatch.setattr(certificates, "datetime", Later)
        with pytest.raises(
            ServerError, match=r"ended on \d{4}-\d\d-\d\d\. Make a new one with `mock-akool ca new --ca"
        ):
            authority.context()

    @pytest.mark.parametrize("name", ["akool-mock", "akool.com", "xopenapi.akool.com", "10.0.0.5", "128.0.0.1"])
    def test_a_name_that_it_may_not_sign(self, name: str, authority: Authority) -> None:
        authority.root_pem()
        with pytest.raises(
            ServerError, match=f"may not sign {name}. Make a new one with .* --tls-name {name} --ca-dir"
        ):
            authority.context([name])

    def test_all_names_that_it_may_not_sign(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        """The command that is suggested makes one that may sign them, in the same folder."""
        for folder, shown in ((tmp_path / "a ca", f" --ca-dir '{tmp_path}/a ca'"), (None, "")):
            monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
            authority = Authority(folder)
            authority.make(["one.test"])
            with pytest.raises(ServerError) as caught:
                authority.context(["one.test", "two.test", "10.0.0.5"])
            command = f"mock-akool ca new --tls-name one.test --tls-name two.test --tls-name 10.0.0.5{shown}"
            assert str(caught.value) == (
                f"the CA in {authority.folder} may not sign two.test, 10.0.0.5. "
                f"Make a new one with `{command}`, and let your clients trust that"
            )
            assert main(shlex.split(command)[1:]) == 0
            authority.context(["one.test", "two.test", "10.0.0.5"])

    @pytest.mark.parametrize("in_memory", [True, False])
    def test_the_server_s_key_is_left_nowhere(
        self, in_memory: bool, authority: Authority, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        """And where it is in memory, no folder need be writable, as in a container whose root is not."""
        authority.root_pem()
        files = sorted(authority.folder.iterdir())
        monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "no such" if in_memory else tmp_path))
        if not in_memory:
            monkeypatch.delattr(os, "memfd_create", raising=False)
        elif not hasattr(os, "memfd_create"):
            pytest.skip("this system has no files in memory")
        authority.context()
        assert sorted(authority.folder.iterdir()) == files
        assert list(tmp_path.iterdir()) == [authority.folder]

    def test_a_host_that_only_a_newer_release_knows(
        self, authority: Authority, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        authority.root_pem()
        monkeypatch.setattr(certificates, "HOSTS", (*HOSTS, "new.cloudfront.net"))
        with pytest.raises(
            ServerError, match=r"older than .*: new\.cloudfront\.net\. Make a new one with `mock-akool ca"
        ):
            authority.context()
        authority.make()
        authority.context()

    def test_names_that_are_there_before_it_is_are_signed(self, authority: Authority) -> None:
        authority.context(["akool-mock", "10.0.0.5"])
        authority.context(["akool-mock", "sub.akool-mock", "127.0.0.9"])


class TestTrust:
    @pytest.mark.parametrize("name", OWN_NAMES)
    def test_openssl_accepts_own_names(self, name: str, authority: Authority) -> None:
        shake_hands(authority.context().context, authority.root_file, name)

    @pytest.mark.parametrize("name", ["example.com", "akool.com", "google.com", "93.184.216.34", "2606:2800::1"])
    def test_openssl_refuses_other_names_even_with_the_key(
        self, name: str, authority: Authority, tmp_path: Path
    ) -> None:
        context = server_context(tmp_path, pem_for(authority, name))
        with pytest.raises(ssl.SSLCertVerificationError, match="permitted subtree violation"):
            shake_hands(context, authority.root_file, name)

    @pytest.mark.parametrize("called", ["openapi.akool.com", "localhost", "127.0.0.1"])
    def test_who_calls_a_name_is_shown_names_only(self, called: str, authority: Authority) -> None:
        """BoringSSL refuses a certificate with addresses whose CA is constrained to some of them."""
        server = authority.context().context
        shown = shake_hands(server, authority.root_file, called)
        names = [value for kind, value in shown if kind == "DNS"]
        addresses = [value for kind, value in shown if kind == "IP Address"]
        assert names == [*HOSTS, "localhost"]
        assert bool(addresses) is (called == "127.0.0.1")

    def test_there_is_no_key_of_the_root(self, authority: Authority) -> None:
        authority.root_pem()
        assert (authority.folder / AUTHORITY_FILE).read_bytes().count(b"PRIVATE KEY-----") == 2
        loaded = authority._loaded(())
        assert loaded.key.public_key() == loaded.signing.public_key() != loaded.root.public_key()

    @pytest.mark.skipif(shutil.which("node") is None, reason="wants node")
    def test_node_refuses_other_names_even_with_the_key(self, authority: Authority, tmp_path: Path) -> None:
        authority.context()
        for name in ("openapi.akool.com", "example.com"):
            (tmp_path / f"{name}.pem").write_bytes(pem_for(authority, name))
        program = """
            const tls = require("node:tls"), fs = require("node:fs"), [ca, ...files] = process.argv.slice(1);
            (async () => {
              for (const file of files) {
                const pem = fs.readFileSync(file), name = file.split("/").pop().slice(0, -4);
                const server = tls.createServer({ cert: pem, key: pem }).listen(0, "127.0.0.1");
                await new Promise((done) => server.once("listening", done));
                const port = server.address().port, trusted = fs.readFileSync(ca);
                const options = { port, host: "127.0.0.1", servername: name, ca: trusted };
                const said = await new Promise((done) => {
                  const socket = tls.connect(options, () => done("trusted"));
                  socket.on("error", (error) => done(error.message));
                  socket.on("close", () => server.close());
                  setTimeout(() => socket.destroy(), 300);
                });
                console.log(name, said);
              }
            })();
        """
        files = [str(tmp_path / f"{name}.pem") for name in ("openapi.akool.com", "example.com")]
        ran = subprocess.run(
            ["node", "-e", program, str(authority.root_file), *files],
            capture_output=True,
            encoding="utf-8",
            timeout=30,
            env={"PATH": os.environ["PATH"]},
            check=False,
        )
        assert (ran.stdout, ran.stderr) == (
            "openapi.akool.com trusted\nexample.com permitted subtree violation\n",
            "",
        )

    @pytest.mark.slow
    @pytest.mark.skipif(shutil.which("javac") is None, reason="wants a JDK")
    def test_java_refuses_other_names_even_with_the_key(self, authority: Authority, tmp_path: Path) -> None:
        authority.context()
        program = tmp_path / "Check.java"
        program.write_text(
            """
            import java.io.FileInputStream; import java.security.KeyStore; import java.security.cert.*;
            import javax.net.ssl.*;
            public class Check {
              public static void main(String[] files) throws Exception {
                CertificateFactory factory = CertificateFactory.getInstance("X.509");
                KeyStore trusted = KeyStore.getInstance(KeyStore.getDefaultType());
                trusted.load(null, null);
                trusted.setCertificateEntry("ca", factory.generateCertificate(new FileInputStream(files[0])));
                TrustManagerFactory managers = TrustManagerFactory.getInstance("PKIX");
                managers.init(trusted);
                X509TrustManager manager = (X509TrustManager) managers.getTrustManagers()[0];
                for (int i = 1; i < files.length; i++) {
                  var chain = factory.generateCertificates(new FileInputStream(files[i]));
                  String said = "trusted";
                  try { manager.checkServerTrusted(chain.toArray(new X509Certificate[0]), "ECDHE_ECDSA"); }
                  catch (CertificateException error) { said = String.valueOf(error.getMessage()); }
                  System.out.println(said);
                }
              }
            }
            """
        )
        files = []
        for name in ("openapi.akool.com", "example.com", "93.184.216.34"):
            files.append(tmp_path / f"{name}.pem")
            files[-1].write_bytes(re.sub(rb"-----BEGIN PRIVATE.*", b"", pem_for(authority, name), flags=re.DOTALL))
        ran = subprocess.run(
            ["java", str(program), str(authority.root_file), *map(str, files)],
            capture_output=True,
            encoding="utf-8",
            timeout=120,
            check=False,
        )
        good, *bad = ran.stdout.splitlines()
        assert good == "trusted", ran
        assert len(bad) == 2
        assert all("name constraints check failed" in each or "not within permitted" in each for each in bad), bad


class TestBundle:
    def test_it_has_the_ca_and_those_of_the_system(self, authority: Authority) -> None:
        found = bundle(authority, {})
        assert found.startswith(authority.root_pem())
        assert found.count(b"BEGIN CERTIFICATE") > 50

    def test_the_user_s_own_list_counts(self, authority: Authority, tmp_path: Path) -> None:
        own = tmp_path / "own.pem"
        own.write_text("own\n")
        assert bundle(authority, {"SSL_CERT_FILE": str(own)}) == authority.root_pem() + b"own\n"

    def test_without_a_system_s_list_it_is_certifi_s(
        self, authority: Authority, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        import certifi

        paths: Any = ssl.get_default_verify_paths()
        monkeypatch.setattr(ssl, "get_default_verify_paths", lambda: paths._replace(cafile=None))
        assert bundle(authority, {}) == authority.root_pem() + Path(certifi.where()).read_bytes()


class TestRenewal:
    def test_a_certificate_near_its_end_is_made_anew(self, authority: Authority) -> None:
        tls = Tls(folder=authority.folder)
        first = tls.prepare()
        assert tls.ready is first is tls.prepare()
        newest = authority.context()
        assert timedelta(days=59) < newest.renewed - datetime.now(UTC) < timedelta(days=61)
        tls._newest = newest._replace(renewed=datetime.now(UTC))
        assert tls.prepare() is not first
