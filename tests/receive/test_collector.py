"""A real OpenTelemetry Collector with the very configuration of deploy/, between applications and the receiver."""

from __future__ import annotations

import inspect
import json
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager
from pathlib import Path

import anthropic
import pytest
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter as GrpcExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter as HttpExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from opentelemetry.trace import (
    NonRecordingSpan,
    SpanContext,
    SpanKind,
    TraceFlags,
    TraceState,
    set_span_in_context,
)

from firsttoken import store
from firsttoken_dashboard.cli import main
from firsttoken_dashboard.demo.api import LookAlike
from firsttoken_dashboard.receive import otlp_json
from firsttoken_dashboard.receive.decoded import Decoded
from firsttoken_dashboard.receive.server import Receiver
from tests.receive.collector import NEEDS_COLLECTOR, Collector, collector, eventually, free_ports, has_component
from tests.receive.conftest import ANY_PORT, rows, stored
from tests.receive.otlp import CALL
from tests.store.dialects.recorded import DIALECTS, requests

pytestmark = NEEDS_COLLECTOR

PROTOCOLS: dict[str, Callable[[Collector], SpanExporter]] = {
    "http": lambda running: HttpExporter(f"{running.http}/v1/traces"),
    "grpc": lambda running: GrpcExporter(running.grpc, insecure=True),
}

#: What the span of a call is called: the SDK's own from 1.14 on, before that ours.
SDK_TRACES = "open_telemetry" in inspect.signature(anthropic.Anthropic).parameters
CALL_NAME = "anthropic.messages.create" if SDK_TRACES else "chat claude-haiku-4-5"

#: An application that has never heard of firsttoken.
APPLICATION = """\
import sys, anthropic
from opentelemetry import trace
client = anthropic.Anthropic(base_url=sys.argv[1], api_key="key")
ask = dict(model="claude-haiku-4-5", max_tokens=30, messages=[{"role": "user", "content": "Tell me of the sea."}])
tracer = trace.get_tracer("web")
for _ in range(3):
    with tracer.start_as_current_span("POST /ask", kind=trace.SpanKind.SERVER, attributes={"url.query": "q=secret"}):
        with tracer.start_as_current_span("SELECT"): pass
        for event in client.messages.create(stream=True, **ask): pass
with tracer.start_as_current_span("GET /health", kind=trace.SpanKind.SERVER): pass
"""


@contextmanager
def sending(exporter: SpanExporter) -> Generator[TracerProvider]:
    provider = TracerProvider(resource=Resource({"service.name": "shop"}))
    provider.add_span_processor(BatchSpanProcessor(exporter, schedule_delay_millis=100))
    yield provider
    assert provider.force_flush()
    provider.shutdown()


def send(exporter: SpanExporter, traces: Iterable[int]) -> None:
    """Send a server's span, a database's and a call's, for each trace."""
    with sending(exporter) as provider:
        tracer = provider.get_tracer("firsttoken")
        for number in traces:
            with tracer.start_as_current_span("POST /ask", kind=SpanKind.SERVER):
                with tracer.start_as_current_span("SELECT", attributes={"db.query.text": "SELECT 1"}):
                    pass
                call = {**CALL, "gen_ai.response.id": f"msg_{number}"}
                with tracer.start_as_current_span("chat", kind=SpanKind.CLIENT, attributes=call):
                    pass


def test_calls_come_through_and_nothing_else_does_while_the_collector_goes_on_as_today(tmp_path: Path) -> None:
    opened = store.open(tmp_path / "store.duckdb")
    with (
        Receiver(opened, ANY_PORT, token="secret") as receiver,
        collector(tmp_path, receiver.http_port) as running,
    ):
        for number, protocol in enumerate(PROTOCOLS.values()):
            send(protocol(running), range(25 * number, 25 * number + 25))
        eventually(lambda: stored(opened) >= 50)

    assert rows(opened, "SELECT DISTINCT name, service_name FROM spans") == [("chat", "shop")]
    assert stored(opened, "calls") == stored(opened) == 50

    # The collector's own files, which have everything, fill in what the filter kept back, and double nothing.
    assert main(["import", str(tmp_path / "traces.jsonl"), "--store", str(opened.path)]) == 0
    assert (stored(opened), stored(opened, "calls")) == (150, 50)
    assert main(["import", str(tmp_path / "traces.binpb"), "--store", str(opened.path)]) == 0
    assert (stored(opened), stored(opened, "calls")) == (150, 50)

    # Each of the files alone has the same, down to the attribute.
    for name in ("traces.jsonl", "traces.binpb"):
        alone = store.open(tmp_path / f"{name}.duckdb")
        assert main(["import", str(tmp_path / name), "--store", str(alone.path)]) == 0
        for table in ("spans", "calls"):
            assert rows(alone, f"FROM {table} ORDER BY trace_id, span_id") == rows(
                opened, f"FROM {table} ORDER BY trace_id, span_id"
            )


@contextmanager
def receiving(path: Path, http_port: int, grpc_port: int) -> Generator[subprocess.Popen[bytes]]:
    """`firsttoken receive` as a process, killed at the end."""
    ports = [f"--http-port={http_port}", f"--grpc-port={grpc_port}"]
    command = [sys.executable, "-m", "firsttoken_dashboard.cli", "receive", *ports, "--token=secret", f"--store={path}"]
    started = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield started
    finally:
        started.kill()
        started.wait()


def test_nothing_is_lost_or_doubled_while_the_receiver_is_killed_again_and_again(tmp_path: Path) -> None:
    """Two applications send all the while, one by each protocol; the receiver dies in the middle, three times."""
    opened = store.open(tmp_path / "store.duckdb")
    ports = free_ports(2)
    sent: dict[str, int] = dict.fromkeys(PROTOCOLS, 0)
    done = threading.Event()

    def keep_sending(protocol: str, running: Collector, first: int) -> None:
        with sending(PROTOCOLS[protocol](running)) as provider:
            tracer = provider.get_tracer("firsttoken")
            while not done.wait(0.002):
                call = {**CALL, "gen_ai.response.id": f"msg_{first + sent[protocol]}"}
                tracer.start_span("chat", kind=SpanKind.CLIENT, attributes=call).end()
                sent[protocol] += 1

    with collector(tmp_path, ports[0]) as running:
        senders = [
            threading.Thread(target=keep_sending, args=(protocol, running, 10**6 * number))
            for number, protocol in enumerate(PROTOCOLS)
        ]
        for sender in senders:
            sender.start()
        try:
            for _ in range(3):
                before = stored(opened)
                with receiving(opened.path, *ports):
                    eventually(lambda before=before: stored(opened) > before + 100)
        finally:
            done.set()
            for sender in senders:
                sender.join()
        with receiving(opened.path, *ports):
            eventually(lambda: stored(opened) >= sum(sent.values()))

    assert all(count > 100 for count in sent.values())
    assert rows(opened, "SELECT count(*), count(DISTINCT attributes ->> '$.\"gen_ai.response.id\"') FROM spans") == [
        (sum(sent.values()), sum(sent.values()))
    ]
    assert stored(opened, "calls") == sum(sent.values())


@pytest.mark.skipif(not has_component("tail_sampling"), reason="a collector without the tail_sampling processor")
@pytest.mark.parametrize("protocol", ["http/protobuf", "grpc"])
def test_an_application_needs_only_the_collectors_address_and_who_waits_is_known(
    tmp_path: Path, claude_api: LookAlike, protocol: str
) -> None:
    """`opentelemetry-instrument python app.py`; with the third file the requests around calls come too."""
    opened = store.open(tmp_path / "store.duckdb")
    script = tmp_path / "app.py"
    script.write_text(APPLICATION)
    with (
        Receiver(opened, ANY_PORT, token="secret") as receiver,
        collector(tmp_path, receiver.http_port, requests=True) as running,
    ):
        run_instrumented(script, claude_api.url, running, protocol)
        eventually(lambda: stored(opened) >= 6)
        time.sleep(0.5)  # for anything that should not have come

    assert sorted(rows(opened, "SELECT name, kind, count(*) FROM spans GROUP BY ALL")) == [
        ("POST /ask", "SERVER", 3),
        (CALL_NAME, "CLIENT", 3),
    ]
    told = """SELECT DISTINCT dialect, service_name, code_file, code_line, stream, ttft_definition, output_tokens > 0,
        tokens_per_second IS NOT NULL OR chunk_count > 0 FROM calls"""
    assert rows(opened, told) == [("firsttoken", "ask", str(script), 9, True, "first_delta", True, True)]
    assert "GET /health" in (tmp_path / "traces.jsonl").read_text(), "today's pipeline has everything"
    assert "q=secret" in (tmp_path / "traces.jsonl").read_text()
    assert rows(opened, "SELECT count(*) FROM spans WHERE contains(spans::VARCHAR, 'secret')") == [(0,)]


def run_instrumented(script: Path, api: str, running: Collector, protocol: str) -> None:
    exporter = {"http/protobuf": "otlp_proto_http", "grpc": "otlp_proto_grpc"}[protocol]
    command = [str(Path(sys.executable).parent / "opentelemetry-instrument"), sys.executable, str(script), api]
    environment = {
        **running.environment,
        "OTEL_TRACES_EXPORTER": exporter,
        "OTEL_METRICS_EXPORTER": "none",
        "OTEL_LOGS_EXPORTER": "none",
        "OTEL_EXPORTER_OTLP_ENDPOINT": running.http if protocol == "http/protobuf" else f"http://{running.grpc}",
        "OTEL_SERVICE_NAME": "ask",
    }
    subprocess.run(command, env=environment, check=True, timeout=60)


def test_a_samplers_probability_arrives_in_calls(tmp_path: Path) -> None:
    opened = store.open(tmp_path / "store.duckdb")
    with (
        Receiver(opened, ANY_PORT, token="secret") as receiver,
        collector(tmp_path, receiver.http_port) as running,
        sending(HttpExporter(f"{running.http}/v1/traces")) as provider,
    ):
        state = TraceState([("ot", "th:c")])
        sampled = SpanContext(1, 2, is_remote=True, trace_flags=TraceFlags(1), trace_state=state)
        around = set_span_in_context(NonRecordingSpan(sampled))
        provider.get_tracer("firsttoken").start_span("chat", around, SpanKind.CLIENT, CALL).end()
        eventually(lambda: stored(opened, "calls") == 1)

    assert rows(opened, "SELECT sampling_probability FROM calls") == [(0.25,)]
    again = store.open(tmp_path / "again.duckdb")
    assert main(["import", str(tmp_path / "traces.jsonl"), "--store", str(again.path)]) == 0
    assert rows(again, "SELECT sampling_probability FROM calls") == [(0.25,)]


def test_of_every_dialect_the_calls_come_through_the_filter_as_they_were(tmp_path: Path) -> None:
    """Every recording, posted to the collector as JSON, comes to the same calls as without a collector between."""
    opened, direct = store.open(tmp_path / "store.duckdb"), store.open(tmp_path / "direct.duckdb")
    with (
        Receiver(opened, ANY_PORT, token="secret") as receiver,
        collector(tmp_path, receiver.http_port) as running,
    ):
        for name in DIALECTS:
            # Every recording has the same response ids, and the same response is the same call.
            bodies = [json.dumps(body).replace("msg_00", f"msg_{name}").encode() for body in requests(name)]
            for body in bodies:
                post(f"{running.http}/v1/traces", body)
            decoded = Decoded()
            for body in bodies:
                otlp_json.decode(body, decoded)
            direct.append_batch(decoded.spans)
        eventually(lambda: stored(opened, "calls") >= 5 * len(DIALECTS))
    question = "SELECT * EXCLUDE (parent_span_id) FROM calls ORDER BY trace_id, span_id"
    assert stored(opened, "calls") == 5 * len(DIALECTS)
    assert rows(opened, question) == rows(direct, question)


def post(address: str, body: bytes) -> None:
    sent = urllib.request.Request(address, body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(sent, timeout=20) as response:
        assert response.status == 200
