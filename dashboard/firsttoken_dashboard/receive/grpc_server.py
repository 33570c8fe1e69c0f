"""OTLP over gRPC. Requests come as bytes, so that what is no protobuf is answered by us and not by the library."""

from __future__ import annotations

import hmac
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as NotInTimeError
from typing import TYPE_CHECKING, Final, NoReturn

import grpc
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.duration_pb2 import Duration
from google.rpc.error_details_pb2 import RetryInfo
from google.rpc.status_pb2 import Status

from firsttoken.store import StoreError
from firsttoken_dashboard.receive import otlp_protobuf
from firsttoken_dashboard.receive.answers import accepted
from firsttoken_dashboard.receive.body import MAX_BODY
from firsttoken_dashboard.receive.decoded import ONE_AT_A_TIME, Decoded, UndecodableError
from firsttoken_dashboard.receive.http import MAX_WAIT_S, RETRY_AFTER_S
from firsttoken_dashboard.receive.writer import OverloadedError

if TYPE_CHECKING:
    from firsttoken_dashboard.receive.health import Health
    from firsttoken_dashboard.receive.writer import Writer

#: Requests worked on at once; each holds a thread until its spans are durable.
_WORKERS: Final = 24
_OPTIONS: Final = (
    ("grpc.max_receive_message_length", MAX_BODY),
    ("grpc.max_concurrent_streams", _WORKERS),
    # Without it a second receiver would bind the same port, silently, and take half of the requests.
    ("grpc.so_reuseport", 0),
)


def server(writer: Writer, health: Health, token: str | None) -> grpc.Server:
    """Make the server, not yet bound; with a token, only calls that bear it are served."""
    service = _Service(writer, health, token)
    made = grpc.server(ThreadPoolExecutor(_WORKERS, "firsttoken-grpc"), options=_OPTIONS)
    made.add_generic_rpc_handlers(
        tuple(
            grpc.method_handlers_generic_handler(
                f"opentelemetry.proto.collector.{signal}.v1.{signal.capitalize()}Service",
                {"Export": grpc.unary_unary_rpc_method_handler(answer)},
            )
            for signal, answer in (("trace", service.traces), ("metrics", service.dropped), ("logs", service.dropped))
        )
    )
    return made


class _Service:
    def __init__(self, writer: Writer, health: Health, token: str | None) -> None:
        self._writer = writer
        self._health = health
        self._authorization = None if token is None else f"Bearer {token}".encode()

    def traces(self, request: bytes, context: grpc.ServicerContext) -> bytes:
        """Answer once every span of the request is durable, or say why not."""
        self._authorize(context)
        decoded = Decoded()
        try:
            with ONE_AT_A_TIME:
                otlp_protobuf.decode(request, decoded)
        except UndecodableError as error:
            self._abort(context, grpc.StatusCode.INVALID_ARGUMENT, str(error), "undecodable")
        if decoded.refused:
            self._health.refused(decoded.refused)
        try:
            self._writer.submit(decoded.spans).result(MAX_WAIT_S)
        except OverloadedError as error:
            self._abort(context, grpc.StatusCode.UNAVAILABLE, str(error), "overload")
        except NotInTimeError:
            self._abort(context, grpc.StatusCode.UNAVAILABLE, "the store is slow; come back", "store")
        except (StoreError, OSError) as error:
            self._abort(context, grpc.StatusCode.UNAVAILABLE, str(error), "store")
        return accepted(decoded.refused).SerializeToString()

    def dropped(self, _: bytes, context: grpc.ServicerContext) -> bytes:
        """Metrics and logs: nothing here reads them, but an exporter that sends all it has must not be upset."""
        self._authorize(context)
        return b""

    def _authorize(self, context: grpc.ServicerContext) -> None:
        if self._authorization is None:
            return
        given = dict(context.invocation_metadata()).get("authorization", "")
        sent = given if isinstance(given, bytes) else given.encode()
        if not hmac.compare_digest(sent, self._authorization):
            sentence = "send authorization: Bearer <the receiver's token>"
            self._abort(context, grpc.StatusCode.UNAUTHENTICATED, sentence, "token")

    def _abort(self, context: grpc.ServicerContext, code: grpc.StatusCode, sentence: str, reason: str) -> NoReturn:
        self._health.rejected(reason)
        if code is grpc.StatusCode.UNAVAILABLE:
            delay = AnyMessage()
            delay.Pack(RetryInfo(retry_delay=Duration(seconds=RETRY_AFTER_S)))
            details = Status(code=code.value[0], message=sentence, details=[delay])
            context.set_trailing_metadata((("grpc-status-details-bin", details.SerializeToString()),))
        context.abort(code, sentence)
