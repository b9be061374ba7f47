"""The private certificate authority (CA) of a user, and the certificates that servers show.

A client trusts `ca.pem`, a root whose key was thrown away when it had signed one intermediate CA. That one may sign
Akool's names and names of this machine only (a critical name constraint), so that to trust the root endangers nothing
else, whoever gets hold of `authority.pem`. cryptography makes all of it.
"""

from __future__ import annotations

import os
import shlex
import ssl
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from mock_akool.akool.families import HOSTS
from mock_akool.core.errors import ServerError

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

LOCAL_NAMES: Final = ("localhost", "127.0.0.1", "::1")

ROOT_FILE: Final = "ca.pem"
"""What clients have to trust."""
AUTHORITY_FILE: Final = "authority.pem"
"""All of the CA: its key, its certificate and the root's. The other file is made from it."""

_YEARS: Final = timedelta(days=3650)
_LEAF: Final = timedelta(days=90)
_RENEWED: Final = timedelta(days=30)
"""How long before its end a certificate of a server is made anew."""
_SLACK: Final = timedelta(days=1)
"""By how much certificates begin before they are made: clocks differ."""


class Shown(NamedTuple):
    """What a CA is, for a person."""

    file: Path
    fingerprint: str
    """SHA-256, as pairs of hexadecimal digits."""
    ends: datetime
    names: tuple[str, ...]
    """The names that it may sign."""


def default_folder() -> Path:
    """Return the folder of this user's data in which the CA is kept."""
    if sys.platform == "darwin":
        data = Path.home() / "Library" / "Application Support"
    elif sys.platform == "win32":
        data = Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    else:
        data = Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share")
    return data / "mock-akool" / "ca"


class Authority:
    """A CA in a folder, which is made when it is first used. ServerError whenever it cannot be used."""

    def __init__(self, folder: str | Path | None = None) -> None:
        try:
            self.folder = default_folder() if folder is None else Path(folder)
        except RuntimeError:
            raise ServerError("this user has no home folder for the CA", "Choose a folder with --ca-dir") from None

    @property
    def root_file(self) -> Path:
        """The certificate that clients have to trust, as PEM."""
        return self.folder / ROOT_FILE

    def root_pem(self) -> bytes:
        """Return the certificate that clients have to trust, as PEM; makes the CA when there is none."""
        from cryptography.hazmat.primitives.serialization import Encoding

        return self._loaded(()).root.public_bytes(Encoding.PEM)

    def shown(self) -> Shown:
        """Return what the CA is; makes it when there is none."""
        from cryptography.hazmat.primitives.hashes import SHA256

        loaded = self._loaded(())
        fingerprint = loaded.root.fingerprint(SHA256()).hex(":").upper()
        return Shown(self.root_file, fingerprint, loaded.signing.not_valid_after_utc, _permitted(loaded.signing))

    def make(self, names: Sequence[str] = ()) -> None:
        """Make a new CA, which may sign `names` besides the usual ones; the one before it is replaced."""
        self._make(names, replaces=True)
        self._loaded(())

    def _make(self, names: Sequence[str], *, replaces: bool) -> None:
        content = _made(_all_names(names), datetime.now(UTC))
        try:
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            write_file(self.folder / AUTHORITY_FILE, content, 0o600, replaces=replaces)
        except OSError as error:
            raise self._unusable(error) from None

    def _unusable(self, error: OSError) -> ServerError:
        return ServerError(
            f"cannot keep the CA in {self.folder}: {error.strerror or error}", "Choose a folder with --ca-dir"
        )

    def context(self, names: Sequence[str] = ()) -> ServerContext:
        """Return what a server needs for TLS under Akool's names, those of this machine, and `names`.

        Raises ServerError also when the CA may not sign one of the names.
        """
        _, signing, key = self._loaded(names)
        wanted = _all_names(names)
        allowed = _permitted(signing)
        missing = [name for name in wanted if not _may_sign(name, allowed)]
        if missing:
            # A newer release knows more hosts than the one that made the CA.
            why = "is older than what may be signed by it:" if set(missing) <= set(HOSTS) else "may not sign"
            raise ServerError(f"the CA in {self.folder} {why} {', '.join(missing)}", self._remade_for(names))
        now = datetime.now(UTC)
        ends = min(now + _LEAF, signing.not_valid_after_utc)
        context = _context(_leaf(wanted, signing, key, now, ends))
        # BoringSSL, as in Bun, refuses a certificate with addresses whose CA is constrained to some. Who calls an
        # address sends no name, and who sends a name is shown a certificate with names only.
        named = _context(_leaf([name for name in wanted if _address(name) is None], signing, key, now, ends))

        def show(connection: ssl.SSLObject | ssl.SSLSocket, name: str | None, _: ssl.SSLContext) -> None:
            if name is not None:
                connection.context = named

        context.sni_callback = show
        return ServerContext(context, ends - _RENEWED)

    def _loaded(self, names: Sequence[str]) -> _Loaded:
        """Return the CA; one that is made now may sign `names` too."""
        path = self.folder / AUTHORITY_FILE
        try:
            if not path.exists():
                self._make(names, replaces=False)
            content = path.read_bytes()
        except OSError as error:
            raise ServerError(
                f"the CA {path} cannot be read: {error.strerror or error}", self._remade_for(names)
            ) from None
        loaded = self._parsed(content, self._remade_for(names))
        ends = loaded.signing.not_valid_after_utc
        if ends <= datetime.now(UTC):
            raise ServerError(f"the CA in {self.folder} ended on {ends:%Y-%m-%d}", self._remade_for(names))
        self._keep_root(loaded)
        return loaded

    def _remade_for(self, names: Sequence[str]) -> str:
        """Return how to make a new CA in the same place that may sign these names too."""
        words = ["mock-akool", "ca", "new", *(word for name in names for word in ("--tls-name", name))]
        try:
            is_usual = self.folder == default_folder()
        except RuntimeError:  # there is no home
            is_usual = False
        if not is_usual:
            words += ["--ca-dir", str(self.folder)]
        return f"Make a new one with `{shlex.join(words)}`, and let your clients trust that"

    def _parsed(self, content: bytes, hint: str) -> _Loaded:
        from cryptography import x509
        from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
        from cryptography.hazmat.primitives.serialization import load_pem_private_key

        try:
            key = load_pem_private_key(content, None)
            signing, root = x509.load_pem_x509_certificates(content)
            signing.verify_directly_issued_by(root)
        except Exception:  # cryptography raises many kinds for bytes that are no certificate
            why = "it should have a key and two certificates (PEM) that belong together"
            raise ServerError(f"the CA {self.folder / AUTHORITY_FILE} is broken: {why}", hint) from None
        if not isinstance(key, EllipticCurvePrivateKey) or key.public_key() != signing.public_key():
            raise ServerError(f"the CA {self.folder / AUTHORITY_FILE} is broken: its key does not fit", hint)
        return _Loaded(root, signing, key)

    def _keep_root(self, loaded: _Loaded) -> None:
        from cryptography.hazmat.primitives.serialization import Encoding

        pem = loaded.root.public_bytes(Encoding.PEM)
        try:
            if not self.root_file.exists() or self.root_file.read_bytes() != pem:
                write_file(self.root_file, pem, 0o644, replaces=True)
        except OSError as error:
            raise self._unusable(error) from None


@contextmanager
def _as_file(content: bytes) -> Iterator[str]:
    """Give content a path for a while: the standard library loads certificates from files only.

    It is in memory where that is possible, as in a container nothing else may be writable.
    """
    if hasattr(os, "memfd_create"):
        with os.fdopen(os.memfd_create("mock-akool"), "wb", buffering=0) as file:
            file.write(content)
            yield f"/proc/self/fd/{file.fileno()}"
        return
    handle, path = tempfile.mkstemp(prefix="mock-akool-", suffix=".pem")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        yield path
    finally:
        Path(path).unlink()


class _Loaded(NamedTuple):
    root: x509.Certificate
    signing: x509.Certificate
    key: EllipticCurvePrivateKey


def bundle(authority: Authority, environ: Mapping[str, str] | None = None) -> bytes:
    """Return the certificate of a CA and those that the system trusts, as PEM."""
    return authority.root_pem() + system_certificates(os.environ if environ is None else environ)


def system_certificates(environ: Mapping[str, str]) -> bytes:
    """Return the certificates that the system trusts, as PEM: those of SSL_CERT_FILE, OpenSSL's, or certifi's."""
    for path in (environ.get("SSL_CERT_FILE"), ssl.get_default_verify_paths().cafile):
        if path and Path(path).is_file():
            break
    else:
        import certifi  # comes with requests

        path = certifi.where()
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise ServerError(
            f"the system's certificates {path} cannot be read: {error.strerror}", "Name others in SSL_CERT_FILE"
        ) from None


class ServerContext(NamedTuple):
    """What a server needs for TLS, and when it should be made anew."""

    context: ssl.SSLContext
    renewed: datetime

    @property
    def is_due(self) -> bool:
        """Whether it should be made anew now."""
        return datetime.now(UTC) >= self.renewed


def _all_names(names: Sequence[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*HOSTS, *LOCAL_NAMES, *names)))


def _address(name: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(name)
    except ValueError:
        return None


def _made(names: Sequence[str], now: datetime) -> bytes:
    """Return a CA as PEM: its key, its certificate, and the root that signed it. The root's key is gone."""
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    root_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    constraints = x509.NameConstraints(list(map(_subtree, names)), None)
    root_name, signing_name = _name("mock-akool CA (for tests on this machine)"), _name("mock-akool signing CA")
    root_id = x509.SubjectKeyIdentifier.from_public_key(root_key.public_key())

    def certificate(subject: x509.Name, public: ec.EllipticCurvePublicKey, path_length: int) -> x509.Certificate:
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(root_name)
            .public_key(public)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - _SLACK)
            .not_valid_after(now + _YEARS)
            .add_extension(x509.BasicConstraints(True, path_length), critical=True)
            .add_extension(constraints, critical=True)
            .add_extension(_usage(signs=True), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(root_id), critical=False)
            .sign(root_key, SHA256())
        )

    root, signing = certificate(root_name, root_key.public_key(), 1), certificate(signing_name, key.public_key(), 0)
    own = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return own + signing.public_bytes(Encoding.PEM) + root.public_bytes(Encoding.PEM)


def _leaf(
    names: Sequence[str], signing: x509.Certificate, key: EllipticCurvePrivateKey, now: datetime, ends: datetime
) -> bytes:
    """Return a certificate for these names, its CA's, and its key, as PEM."""
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
    from cryptography.x509.oid import ExtendedKeyUsageOID

    own = ec.generate_private_key(ec.SECP256R1())
    found = [(name, _address(name)) for name in names]
    signer = signing.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    certificate = (
        x509.CertificateBuilder()
        .subject_name(_name(f"mock-akool as {names[0]}"))
        .issuer_name(signing.subject)
        .public_key(own.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _SLACK)
        .not_valid_after(ends)
        .add_extension(x509.BasicConstraints(False, None), critical=True)
        .add_extension(_usage(signs=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(
            x509.SubjectAlternativeName(
                [x509.DNSName(name) if address is None else x509.IPAddress(address) for name, address in found]
            ),
            critical=False,
        )
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(own.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(signer), critical=False)
        .sign(key, SHA256())
    )
    chain = certificate.public_bytes(Encoding.PEM) + signing.public_bytes(Encoding.PEM)
    return chain + own.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _context(pem: bytes) -> ssl.SSLContext:
    """Return what a server needs to show this certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    with _as_file(pem) as path:
        context.load_cert_chain(path)
    return context


def _name(common: str) -> x509.Name:
    from cryptography import x509
    from cryptography.x509.oid import NameOID

    return x509.Name(
        [x509.NameAttribute(NameOID.ORGANIZATION_NAME, "mock-akool"), x509.NameAttribute(NameOID.COMMON_NAME, common)]
    )


def _usage(*, signs: bool) -> x509.KeyUsage:
    from cryptography import x509

    return x509.KeyUsage(
        digital_signature=not signs,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs,
        crl_sign=signs,
        encipher_only=False,
        decipher_only=False,
    )


def _subtree(name: str) -> x509.GeneralName:
    """Return what a CA may sign that may sign this name: of this machine's addresses all."""
    from cryptography import x509

    address = _address(name)
    if address is None:
        return x509.DNSName(name)
    return x509.IPAddress(ip_network("127.0.0.0/8" if name == "127.0.0.1" else address))


def _permitted(signing: x509.Certificate) -> tuple[str, ...]:
    """Return the names, and the networks of addresses, that a CA may sign."""
    from cryptography import x509

    found = signing.extensions.get_extension_for_class(x509.NameConstraints).value.permitted_subtrees or []
    return tuple(str(each.value) for each in found if isinstance(each, (x509.DNSName, x509.IPAddress)))


def _may_sign(name: str, allowed: Sequence[str]) -> bool:
    address = _address(name)
    if address is None:
        return any(name == each or name.endswith(f".{each}") for each in allowed)
    return any("/" in each and address in ip_network(each) for each in allowed)


def write_file(path: Path, content: bytes, mode: int, *, replaces: bool) -> None:
    """Write a file so that nobody sees half of it, nor reads it who may not; one that is there stays or is replaced."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    draft = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        draft.chmod(mode)
        if replaces:
            draft.replace(path)
        else:
            with suppress(FileExistsError):  # another process was faster
                path.hardlink_to(draft)
    finally:
        draft.unlink(missing_ok=True)
