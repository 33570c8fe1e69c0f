"""Nothing of what people write reaches a file of ours, whoever recorded it and by whatever way it comes.

Into every recording, of every dialect, secrets are planted: instead of every text and behind every text, in attributes
of spans, resources, scopes, events and links, in lists and maps, as values and as names. Then all files are searched.
"""

from __future__ import annotations

import copy
import gzip
import json
import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import grpc
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import TracesData
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import SpanContext, SpanKind, Status, StatusCode, TraceFlags

from firsttoken import store as stores
from firsttoken.exporter import DuckDBSpanExporter
from firsttoken.store import Store, outbox
from firsttoken_dashboard.cli import main
from firsttoken_dashboard.receive.server import Receiver
from tests.receive.conftest import ANY_PORT, Running
from tests.store.dialects.recorded import DIALECTS, PAIRS, Recorded, otlp, otlp_json, recorded

Export = Callable[..., bytes]

MARK = "plantedsecret"
SENTENCE = f"My {MARK} is the blue house."
KEY = f"sk-ant-{MARK}"
#: What an application calls itself and its code: kept whatever it is.
OWN_NAMES = ("service.", "deployment.environment", "code.")


def sentences_instead(text: str) -> str:
    return SENTENCE if "{" not in text else json.dumps({"model": SENTENCE, "usage": {SENTENCE: 1, "id": SENTENCE}})


def sentences_behind(text: str) -> str:
    try:
        told: object = json.loads(text)
    except ValueError:
        return f"{text} {SENTENCE}"
    return f"{text} {SENTENCE}" if isinstance(told, (str, int, float)) else json.dumps(planted(told, sentences_behind))


def planted(value: object, plant: Callable[[str], str]) -> Any:
    """`value` with a secret in every text of it."""
    if isinstance(value, str):
        return plant(value)
    if isinstance(value, list):
        return [planted(item, plant) for item in cast("list[object]", value)]
    if isinstance(value, dict):
        return {key: planted(item, plant) for key, item in cast("dict[str, object]", value).items()}
    return value


def planted_attributes(attributes: dict[str, Any], plant: Callable[[str], str]) -> dict[str, Any]:
    return {
        name: value if name.startswith(OWN_NAMES) else planted(value, plant) for name, value in attributes.items()
    } | MORE


#: Beside what libraries write: a secret as a name, of every kind of value, and where a number belongs.
MORE: dict[str, Any] = {
    "gen_ai.input.messages": SENTENCE,
    "gen_ai.usage.input_tokens.text": SENTENCE,
    "gen_ai.usage.key": KEY,
    f"gen_ai.usage.{SENTENCE}": 1,
    f"firsttoken.{SENTENCE}": 1,
    "firsttoken.prompt.blocks": ["system:0123456789abcdef:10:-", SENTENCE],
    "firsttoken.output_tokens_per_second": [SENTENCE],
    "http.request.header.x-api-key": [KEY],
    "url.full": f"https://host/?q={MARK}",
    "db.query.text": f"SELECT '{MARK}'",
    "anything.new": KEY,
    MARK: True,
}


def secretive(spans: list[Recorded], plant: Callable[[str], str], generation: int) -> list[Recorded]:
    """The spans with secrets, and with ids of their own: a span that is stored already is dropped."""
    changed = copy.deepcopy(spans)
    for span in changed:
        span["span_id"] = f"{(int(span['span_id'], 16) + generation) % 2**64 or 1:016x}"
        span["trace_id"] = f"{(int(span['trace_id'], 16) + generation) % 2**128 or 1:032x}"
        span["resource"] = planted_attributes(span["resource"], plant)
        span["attributes"] = planted_attributes(span["attributes"], plant)
        for event in span["events"]:
            event["attributes"] = planted_attributes(event["attributes"], plant)
        span["events"].append({"name": "gen_ai.user.message", "time": 1, "attributes": {"content": SENTENCE}})
        span["events"].append({"name": KEY, "time": 1, "attributes": {KEY: KEY}})
        span["status_message"] = f"{span['status_message'] or ''} {SENTENCE}"
    return changed


@pytest.fixture(scope="module")
def spans() -> list[Recorded]:
    """Every recording twice: a secret instead of every text, and one behind every text."""
    whole = [span for name in (*DIALECTS, *PAIRS) for span in recorded(name)]
    return secretive(whole, sentences_instead, 1) + secretive(whole, sentences_behind, 2)


@pytest.fixture(scope="module")
def request_of_spans(spans: list[Recorded]) -> ExportTraceServiceRequest:
    """The spans as OTLP, with secrets in what OTLP has beyond attributes and events."""
    request = otlp(spans)
    secret = KeyValue(key=KEY, value=AnyValue(string_value=SENTENCE))
    nested = KeyValue(key="gen_ai.request.model")
    nested.value.kvlist_value.values.append(secret)
    raw = KeyValue(key="gen_ai.response.id", value=AnyValue(bytes_value=SENTENCE.encode()))
    for resource_spans in request.resource_spans:
        resource_spans.schema_url = KEY
        (scope_spans,) = resource_spans.scope_spans
        scope_spans.scope.attributes.append(secret)
        (span,) = scope_spans.spans
        span.trace_state = f"vendor={MARK}"
        span.attributes.extend([nested, raw])
        span.links.add(trace_id=b"1" * 16, span_id=b"1" * 8, trace_state=f"v={MARK}", attributes=[secret])
    return request


def readable(span: Recorded) -> ReadableSpan:
    """The span as the SDK hands it to an exporter."""

    def context(span_id: str) -> SpanContext:
        return SpanContext(int(span["trace_id"], 16), int(span_id, 16), is_remote=False, trace_flags=TraceFlags(1))

    return ReadableSpan(
        name=span["name"],
        context=context(span["span_id"]),
        parent=context(span["parent_span_id"]) if span["parent_span_id"] else None,
        resource=Resource(span["resource"]),
        attributes=span["attributes"],
        events=[Event(event["name"], event["attributes"], event["time"]) for event in span["events"]],
        kind=SpanKind[span["kind"]],
        instrumentation_scope=InstrumentationScope(span["scope_name"], span["scope_version"]),
        status=Status(
            StatusCode[span["status_code"]], span["status_message"] if span["status_code"] == "ERROR" else None
        ),
        start_time=span["start_time"],
        end_time=span["end_time"],
    )


def assert_nothing_is_left(folder: Path, store: Store, number: int) -> None:
    """Every file, every column of every table: DuckDB compresses, so that the bytes alone would say too little."""
    with store.read() as connection:
        tables = [name for (name,) in connection.execute("SELECT table_name FROM duckdb_tables()").fetchall()]
        assert {"spans", "calls"} <= set(tables)
        for table in tables:
            rows = connection.execute(f"SELECT {table}::VARCHAR FROM {table}").fetchall()
            assert MARK not in str(rows)
        assert connection.execute("SELECT count(*) FROM spans").fetchone() == (number,)
    assert_no_file_has_it(folder)


def assert_no_file_has_it(folder: Path) -> None:
    files = [file for file in folder.rglob("*") if file.is_file()]
    assert files
    assert [file for file in files if MARK.encode() in file.read_bytes()] == []


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Running]:
    """A receiver whose store has a folder of its own."""
    opened = stores.open(tmp_path / "ours" / "store.duckdb")
    with Receiver(opened, ANY_PORT) as listening:
        yield Running(listening, opened)


@pytest.fixture(autouse=True)
def silent_logs(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """What is logged may end in a file too."""
    caplog.set_level(logging.DEBUG)
    yield
    assert MARK not in caplog.text


@pytest.mark.filterwarnings("ignore:.*:UserWarning")
def test_through_the_exporter(tmp_path: Path, spans: list[Recorded]) -> None:
    exporter = DuckDBSpanExporter(tmp_path / "store.duckdb")
    exporter.export([readable(span) for span in spans])
    assert_no_file_has_it(tmp_path)
    exporter.shutdown()
    assert_nothing_is_left(tmp_path, stores.open(tmp_path / "store.duckdb"), len(spans))


def test_through_otlp_over_http_as_protobuf(running: Running, request_of_spans: ExportTraceServiceRequest) -> None:
    body = gzip.compress(request_of_spans.SerializeToString())
    assert running.post(body, Content_Encoding="gzip").status == 200
    assert_nothing_is_left(running.store.path.parent, running.store, len(request_of_spans.resource_spans))


def test_through_otlp_over_http_as_json(running: Running, spans: list[Recorded]) -> None:
    assert running.post(json.dumps(otlp_json(spans)).encode(), Content_Type="application/json").status == 200
    assert_nothing_is_left(running.store.path.parent, running.store, len(spans))


def test_through_otlp_over_grpc(running: Running, request_of_spans: ExportTraceServiceRequest) -> None:
    with grpc.insecure_channel(running.grpc) as channel:
        export = cast("Export", channel.unary_unary("/opentelemetry.proto.collector.trace.v1.TraceService/Export"))
        export(request_of_spans.SerializeToString(), timeout=20)
    assert_nothing_is_left(running.store.path.parent, running.store, len(request_of_spans.resource_spans))


def test_through_files(tmp_path: Path, spans: list[Recorded], request_of_spans: ExportTraceServiceRequest) -> None:
    store = stores.open(tmp_path / "ours" / "store.duckdb")
    half = len(spans) // 2
    (tmp_path / "traces.jsonl").write_text("".join(json.dumps(otlp_json([span])) + "\n" for span in spans[:half]))
    data = TracesData(resource_spans=request_of_spans.resource_spans[half:])
    (tmp_path / "traces.binpb").write_bytes(data.SerializeToString())
    files = [str(tmp_path / name) for name in ("traces.jsonl", "traces.binpb")]
    assert main(["import", *files, "--store", str(store.path)]) == 0
    assert_nothing_is_left(store.path.parent, store, len(spans))


def test_through_the_outbox(tmp_path: Path, running: Running, request_of_spans: ExportTraceServiceRequest) -> None:
    """While another process holds the store, spans lie beside it: as little as in it."""
    with stores.open(running.store.path).write():
        assert running.post(request_of_spans.SerializeToString()).status == 200
        assert outbox.segments(running.store.path) != []
        assert_no_file_has_it(tmp_path)
    assert_nothing_is_left(tmp_path, running.store, len(request_of_spans.resource_spans))


def test_calls_are_known_although_their_content_is_dropped(tmp_path: Path) -> None:
    """Planting spoils names of models too, so that the test above could pass by dropping everything."""
    store = stores.open(tmp_path / "store.duckdb")
    batch = stores.SpanBatch()
    for name in DIALECTS:
        # Every recording has the same response ids, and the same response is the same call.
        spans = json.loads(json.dumps(recorded(name)).replace("msg_00", f"msg_{name}"))
        for span in spans:
            batch.add(**{**span, "attributes": span["attributes"] | MORE})
    store.append_batch(batch)
    with store.read() as connection:
        row = connection.execute("SELECT count(*), count(request_model), sum(input_tokens) FROM calls").fetchone()
    assert row == (5 * len(DIALECTS), 5 * len(DIALECTS), 1112 * 4 * len(DIALECTS))
