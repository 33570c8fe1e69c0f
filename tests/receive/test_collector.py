"""A real OpenTelemetry Collector with the very configuration of deploy/, between applications and the receiver."""

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
from pathlib import Path

import pytest
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import SpanKind

from firsttoken import store
from firsttoken.store import Store, StoreMissing
from firsttoken_dashboard.cli import main
from firsttoken_dashboard.receive.server import Address, Receiver
from tests.receive.conftest import rows
from tests.receive.otlp import CALL

ROOT = Path(__file__).parents[2]
BINARY = os.environ.get("FIRSTTOKEN_OTELCOL") or shutil.which("otelcol-contrib") or shutil.which("otelcol")

pytestmark = pytest.mark.skipif(
    BINARY is None, reason="no OpenTelemetry Collector: .ci/build-collector FOLDER, then set FIRSTTOKEN_OTELCOL"
)


def free_ports(number: int) -> list[int]:
    """Ports that are free now; the collector cannot be told to take any."""
    taken = [socket.create_server(("127.0.0.1", 0)) for _ in range(number)]
    try:
        return [each.getsockname()[1] for each in taken]
    finally:
        for each in taken:
            each.close()


@contextmanager
def collector(folder: Path, receiver_port: int) -> Generator[str]:
    """A collector that sends what it sends today to a file, and calls to the receiver; gives its HTTP address."""
    http_port, grpc_port = free_ports(2)
    environment = {
        **os.environ,
        "OTLP_HTTP_PORT": str(http_port),
        "OTLP_GRPC_PORT": str(grpc_port),
        "FIRSTTOKEN_ENDPOINT": f"http://127.0.0.1:{receiver_port}",
        "FIRSTTOKEN_TOKEN": "secret",
    }
    today = folder / "today.yaml"
    today.write_text(f"""
exporters: {{file: {{path: {folder}/traces.jsonl, flush_interval: 100ms}}}}
service:
  telemetry: {{metrics: {{level: none}}, logs: {{level: warn}}}}
  pipelines: {{traces: {{exporters: [debug, file]}}}}
""")
    files = [ROOT / "deploy/otel-collector-today.yaml", today, ROOT / "deploy/otel-collector.yaml"]
    log = (folder / "collector.log").open("wb")
    command = [BINARY or "", *(f"--config={file}" for file in files)]
    started = subprocess.Popen(command, env=environment, stdout=log, stderr=subprocess.STDOUT)
    try:
        address = f"http://127.0.0.1:{http_port}"
        eventually(lambda: answers(address), started)
        yield address
    finally:
        started.terminate()
        assert started.wait(30) == 0, (folder / "collector.log").read_text()
        log.close()


def answers(address: str) -> bool:
    try:
        urllib.request.urlopen(
            urllib.request.Request(address + "/v1/traces", b"{}", {"Content-Type": "application/json"})
        )
    except urllib.error.URLError:
        return False
    return True


def eventually(holds: Callable[[], bool], process: subprocess.Popen[bytes] | None = None, seconds: float = 40) -> None:
    """Wait until something holds."""
    until = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < until, "not in time"
        assert process is None or process.poll() is None, "the collector has ended"
        time.sleep(0.05)


def send(address: str, traces: int) -> None:
    """Send a server's span, a database's and a call's, for each trace."""
    provider = TracerProvider(resource=Resource({"service.name": "shop"}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(f"{address}/v1/traces")))
    tracer = provider.get_tracer("firsttoken")
    for _ in range(traces):
        with tracer.start_as_current_span("POST /ask", kind=SpanKind.SERVER):
            with tracer.start_as_current_span("SELECT", attributes={"db.query.text": "SELECT 1"}):
                pass
            with tracer.start_as_current_span("chat", kind=SpanKind.CLIENT, attributes=CALL):
                pass
    assert provider.force_flush()
    provider.shutdown()


def stored(opened: Store, table: str = "spans") -> int:
    try:
        return int(rows(opened, f"SELECT count(*) FROM {table}")[0][0])
    except StoreMissing:
        return 0


def test_calls_come_through_and_nothing_else_does_while_the_collector_goes_on_as_today(tmp_path: Path) -> None:
    opened = store.open(tmp_path / "store.duckdb")
    with (
        Receiver(opened, Address("127.0.0.1", 0, 0), token="secret") as receiver,
        collector(tmp_path, receiver.http_port) as address,
    ):
        send(address, 50)
        eventually(lambda: stored(opened) >= 50)

    assert rows(opened, "SELECT DISTINCT name, service_name FROM spans") == [("chat", "shop")]
    assert stored(opened, "calls") == stored(opened) == 50

    # The collector's own file, which has everything, fills in what the filter kept back, and doubles nothing.
    assert main(["import", str(tmp_path / "traces.jsonl"), "--store", str(opened.path)]) == 0
    assert (stored(opened), stored(opened, "calls")) == (150, 50)


def test_nothing_is_lost_or_doubled_while_the_receiver_is_away(tmp_path: Path) -> None:
    opened = store.open(tmp_path / "store.duckdb")
    http_port, grpc_port = free_ports(2)
    where = Address("127.0.0.1", http_port, grpc_port)
    with collector(tmp_path, http_port) as address:
        send(address, 20)
        with Receiver(opened, where, token="secret"):
            send(address, 20)
            eventually(lambda: stored(opened) >= 40)
        send(address, 20)
        time.sleep(1.5)  # the collector's first try at the third part, in vain
        assert stored(opened) == 40
        with Receiver(opened, where, token="secret"):
            eventually(lambda: stored(opened) >= 60)

    assert (stored(opened), stored(opened, "calls")) == (60, 60)
