"""OTLP over HTTP: what is answered to what."""

from __future__ import annotations

import gzip
import json
import zlib
from concurrent.futures import ThreadPoolExecutor

import pytest
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from firsttoken_dashboard.receive.body import MAX_BODY
from tests.receive.conftest import Running
from tests.receive.otlp import json_request, json_span, request, span

JSON = {"Content_Type": "application/json"}


def test_an_answer_has_exactly_the_content_type_of_the_request(receiver: Running) -> None:
    protobuf = receiver.post(request(span()).SerializeToString())
    as_json = receiver.post(json_request(json_span(2)), Content_Type="application/json; charset=utf-8")

    assert (protobuf.status, protobuf.headers["content-type"]) == (200, "application/x-protobuf")
    assert ExportTraceServiceResponse.FromString(protobuf.body) == ExportTraceServiceResponse()
    assert (as_json.status, as_json.headers["content-type"], as_json.json()) == (200, "application/json", {})


def test_what_was_acknowledged_is_in_the_store(receiver: Running) -> None:
    assert receiver.post(request(*(span(number) for number in range(1, 101))).SerializeToString()).status == 200

    assert receiver.rows("SELECT count(*) FROM spans") == [(100,)]


def test_both_encodings_give_the_same_row(receiver: Running) -> None:
    now = 1_790_000_000_123_456_789
    receiver.post(request(span(1, start_time_unix_nano=now, end_time_unix_nano=now + 5)).SerializeToString())
    receiver.post(
        json_request(json_span(2, startTimeUnixNano=now, endTimeUnixNano=str(now + 5), kind="SPAN_KIND_CLIENT")), **JSON
    )

    distinct = receiver.rows("SELECT DISTINCT * EXCLUDE (trace_id, span_id) FROM spans")
    assert len(distinct) == 1, distinct
    assert receiver.rows("SELECT DISTINCT epoch_ns(start_time) FROM spans") == [(now,)]


@pytest.mark.parametrize("body", [b"", request().SerializeToString()])
def test_an_empty_request_is_good(receiver: Running, body: bytes) -> None:
    assert receiver.post(body).status == 200


@pytest.mark.parametrize(("name", "pack"), [("gzip", gzip.compress), ("deflate", zlib.compress)])
def test_packed_bodies_are_unpacked(receiver: Running, name: str, pack: type[bytes]) -> None:
    assert receiver.post(pack(request(span()).SerializeToString()), Content_Encoding=name).status == 200

    assert receiver.rows("SELECT count(*) FROM spans") == [(1,)]


def test_what_cannot_be_decoded_is_a_400_with_a_status_in_the_encoding_of_the_request(receiver: Running) -> None:
    protobuf = receiver.post(b"\xff\xff not protobuf")
    as_json = receiver.post(b'{"resourceSpans": [', **JSON)

    assert protobuf.status == as_json.status == 400
    assert "no OTLP protobuf" in Status.FromString(protobuf.body).message
    assert "no JSON" in as_json.json()["message"]


@pytest.mark.parametrize("body", [b"[]", b"null", b'"text"', b'{"spans": []}', b"[" * 100_000])
def test_json_that_is_no_otlp_is_a_400(receiver: Running, body: bytes) -> None:
    assert receiver.post(body, **JSON).status == 400


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Content_Type": "text/plain"}, 415),
        ({"Content_Encoding": "zstd"}, 415),
        ({"Content_Encoding": "gzip"}, 400),
    ],
)
def test_unknown_types_and_broken_packing_are_refused(receiver: Running, headers: dict[str, str], status: int) -> None:
    assert receiver.post(request(span()).SerializeToString(), **headers).status == status


def test_only_post_is_allowed(receiver: Running) -> None:
    answer = receiver.get("/v1/traces")

    assert (answer.status, answer.headers["allow"]) == (405, "POST")


def test_a_body_over_the_limit_is_a_413_whether_packed_or_not(receiver: Running) -> None:
    bomb = gzip.compress(bytes(MAX_BODY + 1), 9)

    assert len(bomb) < 100_000
    assert receiver.post(bomb, Content_Encoding="gzip").status == 413
    assert receiver.get("/health").json()["requests_rejected"] == {"too large": 1}


def test_a_cut_off_gzip_body_is_a_400(receiver: Running) -> None:
    packed = gzip.compress(request(span()).SerializeToString())

    assert receiver.post(packed[:-9], Content_Encoding="gzip").status == 400


def test_spans_with_bad_ids_are_refused_and_their_neighbours_kept(receiver: Running) -> None:
    bad = [span(2, trace_id=b"short"), span(3, span_id=bytes(8)), span(4, trace_id=bytes(16))]
    answer = receiver.post(request(span(1), *bad).SerializeToString())

    partial = ExportTraceServiceResponse.FromString(answer.body).partial_success
    assert (answer.status, partial.rejected_spans) == (200, 3)
    assert "trace_id is not 16 bytes" in partial.error_message
    assert receiver.rows("SELECT count(*) FROM spans") == [(1,)]


def test_partial_success_in_json_has_its_count_as_text(receiver: Running) -> None:
    answer = receiver.post(json_request(json_span(1), json_span(2, traceId="xyz")), **JSON)

    assert answer.json()["partialSuccess"]["rejectedSpans"] == "1"


@pytest.mark.parametrize("path", ["/v1/metrics", "/v1/logs"])
def test_metrics_and_logs_are_accepted_and_dropped(receiver: Running, path: str) -> None:
    assert receiver.post(b"whatever", path).status == 200
    assert receiver.post(b"{}", path, **JSON).body == b"{}"


def test_requests_at_the_same_time_all_become_durable(receiver: Running) -> None:
    def send(worker: int) -> list[int]:
        first = worker * 100 + 1
        return [receiver.post(request(span(first + at)).SerializeToString()).status for at in range(10)]

    with ThreadPoolExecutor(8) as pool:
        assert {status for statuses in pool.map(send, range(8)) for status in statuses} == {200}
    assert receiver.rows("SELECT count(*) FROM spans") == [(80,)]


def test_health_counts_what_was_stored_and_refused(receiver: Running) -> None:
    receiver.post(request(span(1), span(2), span(3, span_id=b"")).SerializeToString())
    receiver.post(b"\xff")

    health = receiver.get("/health")
    assert health.status == 200
    assert health.json()["spans_stored"] == 2
    assert health.json()["spans_refused"] == {"span_id is not 8 bytes, or all zero": 1}
    assert health.json()["requests_rejected"] == {"undecodable": 1}
    json.dumps(health.json())
