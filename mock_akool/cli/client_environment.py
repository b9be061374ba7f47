"""What makes a program find the fake under Akool's hosts and trust it: variables of its environment, and files.

Each runtime has its own variables, and some have none and get a shim, see `shims/`.
"""

from __future__ import annotations

import os
import shlex
import warnings
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from mock_akool.akool.families import HOSTS
from mock_akool.core.errors import MockAkoolError, ServerError
from mock_akool.server.addresses import REDIRECT_VARIABLE, URL_VARIABLE
from mock_akool.server.certificates import system_certificates, write_file

_SHIMS: Final = Path(__file__).with_name("shims")
_LOCAL: Final = ("localhost", "127.0.0.1", "::1")
_STORE_PASSWORD: Final = "changeit"
"""Java wants one for a file of certificates that everybody may read; this is the one of its own file."""


def variables(
    host: str, port: int, root_pem: bytes, folder: Path, environ: Mapping[str, str] | None = None
) -> dict[str, str]:
    """Return the variables for programs that are to find the fake on this host and port; writes the files they name.

    `root_pem` is the certificate that the fake's clients have to trust, and `folder` where files are written. What
    `environ` says already is kept where it can be. Raises ServerError when a file cannot be written.
    """
    environ = os.environ if environ is None else environ
    files = _Files(folder, root_pem, environ)
    address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    proxy = f"http://{address}"
    direct = ",".join([*_kept_direct(environ), *_LOCAL])
    trusted = str(files.bundle())
    found = {
        URL_VARIABLE: proxy,
        REDIRECT_VARIABLE: f"{host}:{port} {','.join(HOSTS)}",
        "HTTPS_PROXY": proxy,
        "https_proxy": proxy,
        "NO_PROXY": direct,
        "no_proxy": direct,
        "SSL_CERT_FILE": trusted,
        "CURL_CA_BUNDLE": trusted,
        "REQUESTS_CA_BUNDLE": trusted,
        "NODE_EXTRA_CA_CERTS": str(files.extra("node.pem", environ.get("NODE_EXTRA_CA_CERTS"))),
        "NODE_OPTIONS": _joined(" ", environ.get("NODE_OPTIONS"), f"--require {_quoted(_SHIMS / 'node.cjs')}"),
        "DENO_CERT": str(files.extra("deno.pem", environ.get("DENO_CERT"))),
        "PYTHONPATH": _joined(os.pathsep, str(_SHIMS / "python"), environ.get("PYTHONPATH")),
        "WGETRC": str(files.wgetrc(environ.get("WGETRC"))),
        # An empty part is the folder that PHP was built with.
        "PHP_INI_SCAN_DIR": f"{environ.get('PHP_INI_SCAN_DIR', '')}{os.pathsep}{files.php()}",
    }
    store = files.java_store()
    if store is not None:
        options = " ".join(
            [
                f"-Dhttps.proxyHost={host}",
                f"-Dhttps.proxyPort={port}",
                "-Dhttp.nonProxyHosts=localhost|127.*|[::1]",
                f"-Djavax.net.ssl.trustStore={_quoted(store)}",
                "-Djavax.net.ssl.trustStoreType=PKCS12",
                f"-Djavax.net.ssl.trustStorePassword={_STORE_PASSWORD}",
            ]
        )
        found["JAVA_TOOL_OPTIONS"] = _joined(" ", environ.get("JAVA_TOOL_OPTIONS"), options)
    return found


def written(found: Mapping[str, str], style: str) -> str:
    """Return variables as lines for a shell, or as `NAME=value` for files of variables."""
    if style == "shell":
        return "\n".join(f"export {name}={shlex.quote(value)}" for name, value in found.items())
    return "\n".join(f"{name}={value}" for name, value in found.items())


class _Files:
    """The files that variables name, in one folder. They are written anew when they are no longer right."""

    def __init__(self, folder: Path, root_pem: bytes, environ: Mapping[str, str]) -> None:
        self._folder = folder
        self._root_pem = root_pem
        # What an outer `exec` gave is ours, and not the system's.
        self._system = system_certificates({} if REDIRECT_VARIABLE in environ else environ)
        for name in ("CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE"):
            own = self._of_user(environ.get(name))
            self._system += b"" if own in self._system else own

    def bundle(self) -> Path:
        """All that the system trusts, and our CA."""
        return self._kept("bundle.pem", self._root_pem + self._system)

    def extra(self, name: str, users: str | None) -> Path:
        """Our CA, and what the user's own file of the same kind has."""
        return self._kept(name, self._root_pem + self._of_user(users))

    def wgetrc(self, users: str | None) -> Path:
        """The settings of wget: the user's own, and ours."""
        own = users or str(Path("~/.wgetrc").expanduser())
        return self._kept("wgetrc", self._of_user(own) + f"\nca_certificate = {self.bundle()}\n".encode())

    def php(self) -> Path:
        """A folder of settings for PHP."""
        bundle = self.bundle()
        text = f'curl.cainfo = "{bundle}"\nopenssl.cafile = "{bundle}"\n'
        return self._kept("php/mock-akool.ini", text.encode()).parent

    def java_store(self) -> Path | None:
        """The same as `bundle`, for Java; None where the installed cryptography cannot write it."""
        from cryptography.hazmat.primitives.serialization import pkcs12

        if not hasattr(pkcs12, "serialize_java_truststore"):
            return None
        path, bundle = self._folder / "java.p12", self.bundle()
        try:
            if path.stat().st_mtime_ns >= bundle.stat().st_mtime_ns:
                return path
        except OSError:
            pass
        from cryptography import x509
        from cryptography.hazmat.primitives.serialization import BestAvailableEncryption

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about old CAs of the system, which are not ours to mend
            certificates = x509.load_pem_x509_certificates(bundle.read_bytes())
        store = pkcs12.serialize_java_truststore(
            [pkcs12.PKCS12Certificate(each, f"ca-{number}".encode()) for number, each in enumerate(certificates)],
            BestAvailableEncryption(_STORE_PASSWORD.encode()),
        )
        return self._kept("java.p12", store)

    def _of_user(self, path: str | None) -> bytes:
        """Return the user's own file; nothing when there is none, or when it is one of ours."""
        if path is None or Path(path).parent == self._folder:
            return b""
        try:
            return Path(path).read_bytes()
        except OSError:
            return b""

    def _kept(self, name: str, content: bytes) -> Path:
        path = self._folder / name
        try:
            if not path.is_file() or path.read_bytes() != content:
                path.parent.mkdir(parents=True, exist_ok=True)
                write_file(path, content, 0o644, replaces=True)
        except OSError as error:
            raise ServerError(
                f"cannot write {path}: {error.strerror or error}", "Choose a folder with --ca-dir"
            ) from None
        return path


def _kept_direct(environ: Mapping[str, str]) -> Iterable[str]:
    """Return what the user keeps away from proxies, but for what would keep Akool's hosts away from the fake."""
    for each in (environ.get("NO_PROXY") or environ.get("no_proxy") or "").split(","):
        name = each.strip()
        ending = f".{name.lstrip('*').lstrip('.')}"
        if name and name not in _LOCAL and ending != "." and not any(f".{host}".endswith(ending) for host in HOSTS):
            yield name


def _joined(separator: str, *parts: str | None) -> str:
    return separator.join(part for part in dict.fromkeys(parts) if part)


def _quoted(path: Path) -> str:
    """Return a path as an option in a variable; Node and Java both split at spaces and know double quotes."""
    text = str(path)
    if '"' in text:
        raise MockAkoolError(f"{text} has a quotation mark in its name", "Choose another folder")
    return f'"{text}"' if " " in text else text
