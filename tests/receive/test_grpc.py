"""OTLP over gRPC: what is answered to what."""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

import grpc
import pytest
from google.rpc.error_details_pb2 import RetryInfo
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from tests.receive.conftest import Running
from tests.receive.otlp import request, span

TRACES = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"


@pytest.fixture
def channel(receiver: Running) -> Iterator[grpc.Channel]:
    with grpc.insecure_channel(receiver.grpc, options=[("grpc.max_send_message_length", -1)]) as opened:
        yield opened


def export(channel: grpc.Channel, body: bytes, method: str = TRACES) -> bytes:
    return cast("bytes", channel.unary_unary(method)(body, timeout=20))


def test_what_was_acknowledged_is_in_the_store(receiver: Running, channel: grpc.Channel) -> None:
    body = request(*(span(number) for number in range(1, 11))).SerializeToString()

    assert ExportTraceServiceResponse.FromString(export(channel, body)) == ExportTraceServiceResponse()
    assert receiver.rows("SELECT count(*) FROM spans") == [(10,)]


def test_messages_over_the_librarys_own_limit_of_4_mib_come_in(receiver: Running, channel: grpc.Channel) -> None:
    export(channel, request(span(name="x" * 5_000_000)).SerializeToString())

    assert receiver.rows("SELECT count(*) FROM spans") == [(1,)]


def test_what_cannot_be_decoded_is_an_invalid_argument(channel: grpc.Channel) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        export(channel, b"\xff\xff")

    assert cast("grpc.Call", caught.value).code() is grpc.StatusCode.INVALID_ARGUMENT


def test_bad_spans_are_refused_and_their_neighbours_kept(receiver: Running, channel: grpc.Channel) -> None:
    answer = export(channel, request(span(1), span(2, span_id=b"")).SerializeToString())

    assert ExportTraceServiceResponse.FromString(answer).partial_success.rejected_spans == 1
    assert receiver.rows("SELECT count(*) FROM spans") == [(1,)]


@pytest.mark.parametrize("signal", ["metrics.v1.MetricsService", "logs.v1.LogsService"])
def test_metrics_and_logs_are_accepted_and_dropped(channel: grpc.Channel, signal: str) -> None:
    assert export(channel, b"", f"/opentelemetry.proto.collector.{signal}/Export") == b""


def test_a_store_that_cannot_be_written_is_unavailable_with_the_time_to_wait(
    receiver: Running, channel: grpc.Channel
) -> None:
    receiver.store.path.write_bytes(b"no database, but somebody's file" * 100)

    with pytest.raises(grpc.RpcError) as caught:
        export(channel, request(span()).SerializeToString())

    call = cast("grpc.Call", caught.value)
    assert call.code() is grpc.StatusCode.UNAVAILABLE
    details = dict(call.trailing_metadata() or ())["grpc-status-details-bin"]
    delay = RetryInfo()
    assert Status.FromString(cast("bytes", details)).details[0].Unpack(delay)
    assert delay.retry_delay.seconds == 1
    assert receiver.store.path.read_bytes().startswith(b"no database")
