"""A stand-in for the module of this name."""

from __future__ import annotations

import os
import subprocess
from typing import Self
from urllib.parse import urlsplit

from testcontainers.core.wait_strategies import HealthcheckWaitStrategy


class DockerContainer:
    """A server of mock-akool, whatever the image's command would be."""

    def __init__(self, image: str) -> None:
        assert image == "mock-akool"
        self._variables: dict[str, str] = {}
        self._exposed: set[int] = set()

    def with_exposed_ports(self, *ports: int) -> Self:
        self._exposed |= set(ports)
        return self

    def with_env(self, key: str, value: str) -> Self:
        self._variables[key] = value
        return self

    def waiting_for(self, strategy: HealthcheckWaitStrategy) -> Self:
        assert isinstance(strategy, HealthcheckWaitStrategy)
        return self

    def __enter__(self) -> Self:
        command = ["mock-akool", "serve", "--port", "0", "--log", "off"]
        environment = {**os.environ, **self._variables}
        self._process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        self._address = urlsplit(self._process.stdout.readline().split()[4])
        return self

    def __exit__(self, *_: object) -> None:
        with self._process:
            self._process.terminate()

    def get_container_host_ip(self) -> str:
        return self._address.hostname or ""

    def get_exposed_port(self, port: int) -> int:
        assert port in self._exposed
        return self._address.port or 0
