"""A real OpenTelemetry Collector as a process, with the configuration of deploy/ and a file of what it sends today."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parents[2]
BINARY: Final = os.environ.get("FIRSTTOKEN_OTELCOL") or shutil.which("otelcol-contrib") or shutil.which("otelcol")

NEEDS_COLLECTOR: Final = pytest.mark.skipif(
    BINARY is None, reason="no OpenTelemetry Collector: .ci/build-collector FOLDER, then set FIRSTTOKEN_OTELCOL"
)

#: Beside what the example of today's configuration does: everything into files, and no ports that nobody asked for.
TODAY: Final = """
exporters:
  file: {{path: {folder}/traces.jsonl, flush_interval: 100ms}}
  file/protobuf: {{path: {folder}/traces.binpb, format: proto}}
service:
  telemetry: {{metrics: {{level: none}}, logs: {{level: warn}}}}
  pipelines: {{traces: {{exporters: [debug, file, file/protobuf]}}}}
"""


@dataclass(frozen=True)
class Collector:
    """A collector that listens."""

    http: str
    grpc: str
    #: This process's environment without what would tell an application of other exporters or stores.
    environment: dict[str, str]


@contextmanager
def collector(folder: Path, receiver_port: int, *, requests: bool = False) -> Generator[Collector]:
    """A collector that sends what it sends today to files, and calls to the receiver.

    Args:
        folder: for its files `traces.jsonl` and `traces.binpb`, and its log.
        receiver_port: where `firsttoken receive` listens, with the token `secret`.
        requests: add the configuration by which the requests around calls come too.
    """
    http_port, grpc_port = free_ports(2)
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("OTEL_", "FIRSTTOKEN_"))}
    environment = {
        **clean,
        "OTLP_HTTP_PORT": str(http_port),
        "OTLP_GRPC_PORT": str(grpc_port),
        "FIRSTTOKEN_ENDPOINT": f"http://127.0.0.1:{receiver_port}",
        "FIRSTTOKEN_TOKEN": "secret",
        "FIRSTTOKEN_DECISION_WAIT": "1s",
    }
    (folder / "today.yaml").write_text(TODAY.format(folder=folder))
    files = [ROOT / "deploy/otel-collector-today.yaml", folder / "today.yaml", ROOT / "deploy/otel-collector.yaml"]
    if requests:
        files.append(ROOT / "deploy/otel-collector-requests.yaml")
    with process([f"--config={file}" for file in files], environment, folder / "collector.log") as started:
        eventually(lambda: answers(f"http://127.0.0.1:{http_port}"), started)
        yield Collector(f"http://127.0.0.1:{http_port}", f"127.0.0.1:{grpc_port}", clean)


@contextmanager
def process(words: list[str], environment: dict[str, str], log: Path) -> Generator[subprocess.Popen[bytes]]:
    """The collector with these words of its command line; it must end in good order."""
    with log.open("wb") as file:
        started = subprocess.Popen([BINARY or "", *words], env=environment, stdout=file, stderr=subprocess.STDOUT)
        try:
            yield started
        finally:
            started.terminate()
            assert started.wait(30) == 0, log.read_text()


def has_component(name: str) -> bool:
    """Whether the binary was built with a component of this name."""
    if BINARY is None:
        return False
    told = subprocess.run([BINARY, "components"], capture_output=True, text=True, timeout=60, check=True).stdout
    return f"name: {name}\n" in told


def free_ports(number: int) -> list[int]:
    """Ports that are free now; the collector cannot be told to take any."""
    taken = [socket.create_server(("127.0.0.1", 0)) for _ in range(number)]
    try:
        return [each.getsockname()[1] for each in taken]
    finally:
        for each in taken:
            each.close()


def answers(address: str) -> bool:
    """Whether an OTLP/HTTP endpoint takes an empty request."""
    try:
        urllib.request.urlopen(
            urllib.request.Request(address + "/v1/traces", b"{}", {"Content-Type": "application/json"})
        )
    except urllib.error.URLError:
        return False
    return True


def eventually(holds: Callable[[], bool], process: subprocess.Popen[bytes] | None = None, seconds: float = 60) -> None:
    """Wait until something holds."""
    until = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < until, "not in time"
        assert process is None or process.poll() is None, "the collector has ended"
        time.sleep(0.05)
