"""Whatever comes in: a clear refusal or a tolerant row, never a crash, never a lost neighbour."""

from __future__ import annotations

import contextlib
import gzip
import json
import struct
import time
from typing import Any

import pytest
from google.rpc.status_pb2 import Status
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, KeyValue, KeyValueList
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from opentelemetry.proto.trace.v1.trace_pb2 import Status as SpanStatus

from firsttoken import store
from firsttoken_dashboard.receive import otlp_json, otlp_protobuf
from firsttoken_dashboard.receive.decoded import MAX_ATTRIBUTES, Decoded, UndecodableError
from tests.receive.conftest import Running, rows
from tests.receive.otlp import CALL, attribute, json_request, json_span, request, span

JSON = {"Content_Type": "application/json"}
TEXTS = st.text(max_size=30)
WHOLE = st.integers(-(2**63), 2**63 - 1)
TIMES = st.integers(0, 2**64 - 1)


def decode_protobuf(body: bytes) -> Decoded:
    decoded = Decoded()
    otlp_protobuf.decode(body, decoded)
    return decoded


def decode_json(body: bytes) -> Decoded:
    decoded = Decoded()
    otlp_json.decode(body, decoded)
    return decoded


def any_values(inner: st.SearchStrategy[AnyValue]) -> st.SearchStrategy[AnyValue]:
    return st.one_of(
        st.builds(ArrayValue, values=st.lists(inner, max_size=4)).map(lambda values: AnyValue(array_value=values)),
        st.builds(KeyValueList, values=st.lists(st.builds(KeyValue, key=TEXTS, value=inner), max_size=4)).map(
            lambda pairs: AnyValue(kvlist_value=pairs)
        ),
    )


VALUES = st.recursive(
    st.one_of(
        st.just(AnyValue()),
        TEXTS.map(lambda text: AnyValue(string_value=text)),
        WHOLE.map(lambda number: AnyValue(int_value=number)),
        st.floats().map(lambda number: AnyValue(double_value=number)),
        st.booleans().map(lambda flag: AnyValue(bool_value=flag)),
        st.binary(max_size=20).map(lambda data: AnyValue(bytes_value=data)),
    ),
    any_values,
    max_leaves=8,
)
PAIRS = st.lists(st.builds(KeyValue, key=st.one_of(TEXTS, st.sampled_from(sorted(CALL))), value=VALUES), max_size=8)
SPANS = st.builds(
    Span,
    trace_id=st.one_of(st.binary(max_size=20), st.binary(min_size=16, max_size=16)),
    span_id=st.one_of(st.binary(max_size=10), st.binary(min_size=8, max_size=8)),
    parent_span_id=st.binary(max_size=10),
    name=TEXTS,
    kind=st.integers(-(2**31), 2**31 - 1),
    start_time_unix_nano=TIMES,
    end_time_unix_nano=TIMES,
    attributes=PAIRS,
    events=st.lists(st.builds(Span.Event, name=TEXTS, time_unix_nano=TIMES, attributes=PAIRS), max_size=2),
    links=st.lists(st.builds(Span.Link, trace_id=st.binary(max_size=17), span_id=st.binary(max_size=9)), max_size=2),
    status=st.builds(SpanStatus, code=st.integers(-5, 5), message=TEXTS),
)
JSON_VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), TEXTS),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(TEXTS, inner, max_size=4)),
    max_leaves=10,
)
FIELDS = [*sorted(json_span(1)), "events", "links", "parentSpanId"]


@given(st.binary(max_size=200))
def test_arbitrary_bytes_are_decoded_or_refused(body: bytes) -> None:
    for decode in (decode_protobuf, decode_json):
        with contextlib.suppress(UndecodableError):
            decode(body)


@given(JSON_VALUES)
def test_arbitrary_json_is_decoded_or_refused(document: Any) -> None:
    for body in (document, {"resourceSpans": document}, {"resourceSpans": [{"scopeSpans": document}]}):
        with contextlib.suppress(UndecodableError):
            decode_json(json.dumps(body).encode())


@given(st.data())
def test_damaged_messages_are_decoded_or_refused(data: st.DataObject) -> None:
    body = bytearray(request(span(1), span(2)).SerializeToString())
    for _ in range(data.draw(st.integers(1, 4))):
        body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(body)))
    for damaged in (bytes(body), bytes(body[:cut])):
        with contextlib.suppress(UndecodableError):
            decode_protobuf(damaged)


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(st.lists(SPANS, min_size=1, max_size=20))
def test_whatever_a_span_holds_its_neighbours_are_stored(
    tmp_path_factory: pytest.TempPathFactory, spans: list[Span]
) -> None:
    opened = store.open(tmp_path_factory.mktemp("odd") / "store.duckdb")
    decoded = decode_protobuf(request(*spans, span(2**40)).SerializeToString())

    opened.append_batch(decoded.spans)

    assert len(decoded.spans) + sum(decoded.refused.values()) == len(spans) + 1
    assert rows(opened, f"SELECT count(*) FROM calls WHERE span_id = '{2**40:016x}'") == [(1,)]


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.dictionaries(st.sampled_from(FIELDS), JSON_VALUES, max_size=4), min_size=1, max_size=20))
def test_whatever_a_json_span_holds_its_neighbours_are_stored(
    tmp_path_factory: pytest.TempPathFactory, changes: list[dict[str, Any]]
) -> None:
    opened = store.open(tmp_path_factory.mktemp("odd") / "store.duckdb")
    odd = [json_span(number + 1, **change) for number, change in enumerate(changes)]
    decoded = decode_json(json_request(*odd, json_span(2**40)))

    opened.append_batch(decoded.spans)

    assert len(decoded.spans) + sum(decoded.refused.values()) == len(changes) + 1
    assert rows(opened, f"SELECT count(*) FROM calls WHERE span_id = '{2**40:016x}'") == [(1,)]


def test_text_that_is_no_utf8_costs_neither_its_span_nor_its_neighbours(receiver: Running) -> None:
    body = request(span(1, name="caf?"), span(2)).SerializeToString().replace(b"caf?", b"caf\xe9")

    assert receiver.post(body).status == 200

    assert receiver.rows("SELECT name FROM spans ORDER BY span_id") == [("caf�",), ("chat claude-sonnet-5-5",)]


def test_json_that_is_no_utf8_or_has_lone_surrogates_is_repaired(receiver: Running) -> None:
    body = json_request(json_span(1, name="caf?"), json_span(2, name="half \ud83d"))

    assert receiver.post(body.replace(b"caf?", b"caf\xe9"), **JSON).status == 200

    assert receiver.rows("SELECT count(*) FROM spans") == [(2,)]


def test_times_beyond_every_calendar_cost_no_neighbour(receiver: Running) -> None:
    odd = [
        span(1, start_time_unix_nano=0, end_time_unix_nano=0),
        span(2, start_time_unix_nano=2**64 - 1, end_time_unix_nano=2**64 - 1),
        span(3, start_time_unix_nano=2 * 10**18, end_time_unix_nano=10**18),
    ]

    assert receiver.post(request(*odd, span(4)).SerializeToString()).status == 200

    # 1970 is older than the store keeps spans; 2262 and a negative duration stay.
    stored = receiver.rows("SELECT span_id FROM spans WHERE start_time > '1971-01-01' ORDER BY span_id")
    assert [span_id for (span_id,) in stored] == [f"{number:016x}" for number in (2, 3, 4)]


def test_half_a_million_attributes_are_cut_to_what_a_span_may_have(receiver: Running) -> None:
    many = [attribute(f"gen_ai.custom.{number}", "x") for number in range(500_000)]

    assert receiver.post(request(span(1, attributes=many), span(2)).SerializeToString()).status == 200

    assert receiver.rows(f"SELECT count(*) FROM spans WHERE len(json_keys(attributes)) <= {MAX_ATTRIBUTES}") == [(2,)]


def test_a_megabyte_of_text_and_deep_nesting_are_no_trouble(receiver: Running) -> None:
    deep = AnyValue(string_value="bottom")
    for _ in range(40):
        deep = AnyValue(array_value=ArrayValue(values=[deep]))
    odd = span(
        1,
        name="n" * 10**6,
        attributes=[attribute("gen_ai.request.model", "m" * 10**6), KeyValue(key="deep", value=deep)],
    )

    assert receiver.post(request(odd, span(2)).SerializeToString()).status == 200

    assert receiver.rows("SELECT count(*) FROM spans") == [(2,)]


def test_nesting_beyond_protobufs_own_limit_is_a_400_and_nothing_of_the_request_is_stored(receiver: Running) -> None:
    body = b""
    for _ in range(200):
        inner = b"\x0a" + varint(len(body)) + body  # AnyValue inside ArrayValue
        body = b"\x2a" + varint(len(inner)) + inner
    key_value = b"\x0a\x01k\x12" + varint(len(body)) + body
    one_span = b"\x0a\x10" + b"t" * 16 + b"\x12\x08" + b"s" * 8 + b"\x4a" + varint(len(key_value)) + key_value
    for field in (b"\x12", b"\x12", b"\x0a"):
        one_span = field + varint(len(one_span)) + one_span

    answer = receiver.post(request(span(2)).SerializeToString() + one_span)

    assert answer.status == 400
    assert Status.FromString(answer.body).message
    assert receiver.post(request(span(1)).SerializeToString()).status == 200
    assert receiver.rows("SELECT span_id FROM spans") == [(span(1).span_id.hex(),)]


def test_a_bomb_of_many_gzip_members_is_refused(receiver: Running) -> None:
    member = gzip.compress(bytes(1024 * 1024))

    assert receiver.post(member * 100, Content_Encoding="gzip").status == 413
    assert receiver.get("/health").status == 200


def test_the_same_ids_with_other_content_are_one_span(receiver: Running) -> None:
    now = 1_790_000_000_000_000_000
    twice = [span(1, name=name, start_time_unix_nano=now, end_time_unix_nano=now + 9) for name in ("a", "b")]

    assert receiver.post(request(*twice).SerializeToString()).status == 200

    assert receiver.rows("SELECT count(*) FROM spans") == [(1,)]


def test_a_child_may_come_before_its_parent_and_a_day_late(receiver: Running) -> None:
    late = time.time_ns() - 86_400 * 10**9
    child = span(2, trace_id=bytes(15) + b"\x01", parent_span_id=struct.pack(">Q", 1))
    parent = span(1, name="POST /ask", attributes=[], start_time_unix_nano=late, end_time_unix_nano=late + 1)

    for each in (child, parent):
        assert receiver.post(request(each).SerializeToString()).status == 200

    assert receiver.rows(
        "SELECT count(*) FROM calls JOIN spans USING (trace_id) WHERE spans.span_id = calls.parent_span_id"
    ) == [(1,)]


def test_unknown_fields_of_a_later_otlp_are_passed_over(receiver: Running) -> None:
    body = request(span(1)).SerializeToString() + b"\xfa\x3f\x03new"
    assert ExportTraceServiceRequest.FromString(body).resource_spans

    assert receiver.post(body).status == 200
    assert receiver.post(json_request(json_span(2, novelty={"a": [1]})), **JSON).status == 200
    assert receiver.rows("SELECT count(*) FROM spans") == [(2,)]


def varint(value: int) -> bytes:
    taken = b""
    while value >= 0x80:
        taken += bytes([value & 0x7F | 0x80])
        value >>= 7
    return taken + bytes([value])
