"""OTLP over HTTP: POST /v1/traces, and what a client may ask besides."""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Final, TypeAlias

from google.rpc.code_pb2 import Code
from google.rpc.status_pb2 import Status
from starlette.applications import Starlette
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from firsttoken.store import StoreError
from firsttoken_dashboard.receive import body, otlp_json, otlp_protobuf
from firsttoken_dashboard.receive.answers import Encoding, accepted, written
from firsttoken_dashboard.receive.decoded import ONE_AT_A_TIME, Decoded, UndecodableError
from firsttoken_dashboard.receive.writer import OverloadedError

if TYPE_CHECKING:
    from starlette.requests import Request

    from firsttoken_dashboard.receive.health import Health
    from firsttoken_dashboard.receive.writer import Writer

#: Seconds after which a client is told to come back: the Python SDK gives a batch up after ten in all.
RETRY_AFTER_S: Final = 1
#: Seconds a request may wait to become durable before the client is told to come back.
MAX_WAIT_S: Final = 8.0
#: Bytes that are decoded between two other things, some milliseconds; a thread costs more than that.
_DECODED_AT_ONCE: Final = 256 * 1024
#: Bytes of bodies held at once, before they are decoded.
MAX_HELD: Final = 4 * body.MAX_BODY

_Endpoint: TypeAlias = Callable[["Request", Encoding], Awaitable[Response]]
_Guarded: TypeAlias = Callable[["Request"], Awaitable[Response]]


class _Refusal(Exception):  # noqa: N818 - an answer, not an error of ours
    """A request is answered with an error status."""

    def __init__(self, status: int, code: Code, sentence: str, reason: str) -> None:
        super().__init__(sentence)
        self.status = status
        self.code = code
        self.reason = reason


def application(writer: Writer, health: Health, token: str | None) -> Starlette:
    """Make the ASGI application; with a token, only requests that bear it are served (health excepted)."""
    receiver = _Receiver(writer, health, token)
    return Starlette(
        routes=[
            Route("/v1/traces", receiver.guarded(receiver.traces), methods=["POST"]),
            Route("/v1/metrics", receiver.guarded(receiver.dropped), methods=["POST"]),
            Route("/v1/logs", receiver.guarded(receiver.dropped), methods=["POST"]),
            Route("/health", receiver.health, methods=["GET"]),
        ]
    )


class _Receiver:
    def __init__(self, writer: Writer, health: Health, token: str | None) -> None:
        self._writer = writer
        self._health = health
        self._authorization = None if token is None else f"Bearer {token}".encode()
        self._held = 0

    def guarded(self, endpoint: _Endpoint) -> _Guarded:
        """Answer refusals in the encoding of the request, and count them."""

        async def answer(request: Request) -> Response:
            encoding = _encoding(request)
            try:
                self._authorize(request)
                return await endpoint(request, _understood(encoding))
            except _Refusal as refusal:
                self._health.rejected(refusal.reason)
                status = Status(code=refusal.code, message=str(refusal))
                headers = {"Retry-After": str(RETRY_AFTER_S)} if refusal.status in {429, 503} else None
                return _response(written(status, encoding or Encoding.JSON), encoding, refusal.status, headers)

        return answer

    async def traces(self, request: Request, encoding: Encoding) -> Response:
        """Answer once every span of the request is durable, or say why not."""
        decoded = await self._decoded(request, encoding)
        if decoded.refused:
            self._health.refused(decoded.refused)
        await self._make_durable(decoded)
        return _response(written(accepted(decoded.refused), encoding), encoding)

    async def dropped(self, request: Request, encoding: Encoding) -> Response:
        """Metrics and logs: nothing here reads them, but an exporter that sends all it has must not be upset."""
        await self._read(request)
        return _response(b"{}" if encoding is Encoding.JSON else b"", encoding)

    async def health(self, _: Request) -> Response:
        """Show the counters; 503 while the store cannot be written."""
        return JSONResponse(self._writer.report(), status_code=200 if self._health.is_good() else 503)

    def _authorize(self, request: Request) -> None:
        if self._authorization is None:
            return
        given = request.headers.get("authorization", "").encode()
        if not hmac.compare_digest(given, self._authorization):
            raise _Refusal(401, Code.UNAUTHENTICATED, "send Authorization: Bearer <the receiver's token>", "token")

    async def _decoded(self, request: Request, encoding: Encoding) -> Decoded:
        if self._held >= MAX_HELD:
            raise _Refusal(503, Code.UNAVAILABLE, "too many requests are being read; come back", "overload")
        data = await self._read(request)
        self._held += len(data)
        decoded = Decoded()
        decode = otlp_json.decode if encoding is Encoding.JSON else otlp_protobuf.decode
        try:
            if len(data) <= _DECODED_AT_ONCE:
                decode(data, decoded)
            else:
                # In a thread: a body of 64 MiB takes seconds, in which health must still be answered.
                await asyncio.to_thread(_decode_in_turn, decode, data, decoded)
        except UndecodableError as error:
            raise _Refusal(400, Code.INVALID_ARGUMENT, str(error), "undecodable") from None
        finally:
            self._held -= len(data)
        return decoded

    async def _read(self, request: Request) -> bytes:
        try:
            return await body.read(request)
        except body.TooLargeError:
            sentence = f"the body is over {body.MAX_BODY} bytes; send smaller batches"
            raise _Refusal(413, Code.RESOURCE_EXHAUSTED, sentence, "too large") from None
        except body.CorruptError as error:
            sentence = f"the body cannot be unpacked: {error}"
            raise _Refusal(400, Code.INVALID_ARGUMENT, sentence, "undecodable") from None
        except body.UnknownEncodingError:
            raise _Refusal(
                415, Code.INVALID_ARGUMENT, "send Content-Encoding gzip, deflate or none", "content encoding"
            ) from None
        except TimeoutError:
            raise _Refusal(408, Code.DEADLINE_EXCEEDED, "the body did not come in in time", "slow body") from None

    async def _make_durable(self, decoded: Decoded) -> None:
        try:
            durable = asyncio.wrap_future(self._writer.submit(decoded.spans))
        except OverloadedError as error:
            raise _Refusal(503, Code.UNAVAILABLE, str(error), "overload") from None
        # Not wait_for: it would cancel what the writer is about to complete.
        await asyncio.wait({durable}, timeout=MAX_WAIT_S)
        if not durable.done():
            durable.add_done_callback(_forget)
            raise _Refusal(503, Code.UNAVAILABLE, "the store is slow; come back", "store")
        try:
            durable.result()
        except OverloadedError as error:
            raise _Refusal(503, Code.UNAVAILABLE, str(error), "overload") from None
        except (StoreError, OSError) as error:
            raise _Refusal(503, Code.UNAVAILABLE, str(error), "store") from None


def _decode_in_turn(decode: Callable[[bytes, Decoded], None], data: bytes, decoded: Decoded) -> None:
    with ONE_AT_A_TIME:
        decode(data, decoded)


def _forget(late: asyncio.Future[None]) -> None:
    """Look at an outcome that nobody waits for, so that asyncio does not complain that nobody did."""
    if not late.cancelled():
        late.exception()


def _encoding(request: Request) -> Encoding | None:
    content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    return next((encoding for encoding in Encoding if encoding.value == content_type), None)


def _understood(encoding: Encoding | None) -> Encoding:
    if encoding is None:
        sentence = "send application/x-protobuf or application/json"
        raise _Refusal(415, Code.INVALID_ARGUMENT, sentence, "content type")
    return encoding


def _response(
    content: bytes, encoding: Encoding | None, status: int = 200, headers: dict[str, str] | None = None
) -> Response:
    return Response(content, status, {**(headers or {}), "Content-Type": (encoding or Encoding.JSON).value})
