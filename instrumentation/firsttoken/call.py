"""`Call`: the clocks and counters of one API call, from the application's request to the end of its answer."""

from __future__ import annotations

import os
from time import perf_counter_ns, time_ns
from typing import TYPE_CHECKING, Any

from opentelemetry.trace import StatusCode

from firsttoken import attributes as a
from firsttoken import background
from firsttoken.connection import Attempt, ClientIdentity, attach, identity_of
from firsttoken.guard import fault
from firsttoken.request import added_request_attributes, body_of
from firsttoken.response import Answer, header_attributes, retry_after_s
from firsttoken.stream import Reading, pace_of

if TYPE_CHECKING:
    from opentelemetry.trace import Span
    from opentelemetry.util.types import AttributeValue

    from firsttoken.callsite import Site
    from firsttoken.metrics import Metrics

#: How long a span that ends waits for its prompt's hashes.
HASH_WAIT_S = 0.001
#: Attempts that are told one by one.
MOST_ATTEMPT_EVENTS = 32

_TYPE_OF_STATUS = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    500: "api_error",
    504: "timeout_error",
    529: "overloaded_error",
}


class Call:
    """One call of the SDK. Times are `perf_counter_ns`; every method but the constructor guards itself.

    `span` is None until it is known whether the SDK opens one; `owned` says that we opened it, and so end it.
    """

    __slots__ = (
        "_attempts",
        "_began",
        "_derived",
        "_ended",
        "_events",
        "_failed_attempts",
        "_fixed",
        "_headers_at",
        "_headers_raw",
        "_metrics",
        "_options",
        "_prints",
        "_prints_lost",
        "_resends",
        "_retry_wait_ns",
        "_status",
        "answer",
        "began_ns",
        "client",
        "is_async",
        "operation",
        "owned",
        "reading",
        "returned_at",
        "sdk_attributes",
        "span",
        "stream",
        "stream_error",
        "streaming",
    )

    def __init__(
        self,
        client: Any,
        options: Any,
        operation: str,
        site: Site | None,
        metrics: Metrics,
        *,
        stream: bool,
        is_async: bool,
    ) -> None:
        self.began_ns = time_ns()
        self._began = perf_counter_ns()
        self.operation = operation
        self.stream = stream
        self.is_async = is_async
        self.client: Any = client
        self._options: Any = options
        self._metrics = metrics
        self.span: Span | None = None
        self.owned = False
        self.streaming = False
        self.stream_error: str | None = None
        self.sdk_attributes: dict[str, AttributeValue] = {}
        self.answer = Answer()
        self.reading = Reading()
        self.returned_at = self._began  #: when the application got the stream, `perf_counter_ns`
        self._attempts: list[Attempt] = []
        self._failed_attempts = 0
        self._retry_wait_ns = 0
        self._resends = 0
        self._headers_at: int | None = None
        self._headers_raw: Any = None
        self._status: int | None = None
        self._prints: background.Prints | None = None
        self._prints_lost = False
        self._events = 0
        self._ended = False
        self._derived: dict[str, AttributeValue] | None = None
        self._fixed = self._at_start(site)

    def _at_start(self, site: Site | None) -> dict[str, AttributeValue]:
        identity: ClientIdentity = identity_of(self.client)
        identity.calls += 1
        found: dict[str, AttributeValue] = {
            a.PROCESS_PID: os.getpid(),
            a.CLIENT_ID: identity.id,
            a.CLIENT_CALLS: identity.calls,
            a.REQUEST_MAX_RETRIES: self._options.get_max_retries(self.client.max_retries),
        }
        if identity.construction_s is not None:
            found[a.CLIENT_CONSTRUCTION_DURATION] = identity.construction_s
        if site is not None:
            found[a.CODE_FILE] = site.file
            found[a.CODE_LINE] = site.line
            found[a.CODE_FUNCTION] = site.function
        found.update(added_request_attributes(body_of(self._options)))
        return found

    # What happens to a call, in order.

    def adopted(self, span: Any) -> None:
        """The SDK's own span is the call's: its beginning is the call's, so that no clock shows more than its length."""
        self.span = span
        self.began_ns = span.start_time
        self._began = perf_counter_ns() - (time_ns() - span.start_time)

    def attempt_began(self, request: Any) -> None:
        """The SDK built an HTTP request; where it is not the first, the one before it has failed."""
        attempts = self._attempts
        body = request.content
        attempt = Attempt(lambda: self._hash(body))
        if attempts:
            before = attempts[-1]
            self._attempt_failed(before, None)
            self._resends += 1
            if before.traced:
                self._retry_wait_ns += attempt.started - before.last
        else:
            timeout = request.extensions.get("timeout", {}).get("read")
            if isinstance(timeout, (int, float)):
                self._fixed[a.REQUEST_TIMEOUT] = float(timeout)
        attempts.append(attempt)
        attach(request, attempt, is_async=self.is_async)

    def responded(self, response: Any) -> None:
        """The API answered with success; the body may not have been read yet."""
        self._status = response.status_code
        self._headers_raw = response.headers.raw
        attempt = self._attempts[-1] if self._attempts else None
        if attempt is not None:
            if attempt.traced:
                self._headers_at = attempt.when_headers
            elif self.stream:
                self._headers_at = perf_counter_ns()
            if attempt.sent is None:  # a transport that tells nothing has sent it by now
                self._hash(response.request.content)

    @property
    def silent_until(self) -> int:
        """When it is last known that no token had come: the response's headers."""
        return self._headers_at or perf_counter_ns()

    def returned(self) -> None:
        """The call gave the application its whole answer."""
        if self.owned:
            self._end(None)

    def failed(self, error: BaseException) -> None:
        """The call raised."""
        if not self.owned:
            return
        response = getattr(error, "response", None)
        if response is not None:
            self._status = response.status_code
            self._headers_raw = response.headers.raw
        self._end(error)

    def stream_ended(self, error: BaseException | None, *, complete: bool) -> None:
        """The application's reading of a stream ended: by an error, at its end, or because it stopped reading."""
        if not self.owned or self._ended:
            return
        try:
            cut = complete and not self.reading.stopped and (self.reading.parsed or bool(self.reading.deltas))
            self._end(error, error_type=self.stream_error or ("api_error" if cut else None), complete=complete)
        except Exception:  # noqa: BLE001
            fault("a stream's end")

    # What a call's span says in the end.

    def before_sdk_end(self, span: Span) -> None:
        """The SDK ends its own span: it takes what we know first."""
        if self._ended:
            return
        self._ended = True
        if self._attempts:
            self._tell_last_attempt()
        known: Any = getattr(span, "attributes", None) or {}
        derived = self._derive()
        # The SDK's own figures stand, but for the first token: it counts until the application reads it.
        found = {name: value for name, value in derived.items() if name == a.TIME_TO_FIRST_CHUNK or name not in known}
        if self.stream_error is not None and a.ERROR_TYPE not in known:
            found[a.ERROR_TYPE] = self.stream_error
        span.set_attributes(found)
        told = {**known, **found}
        self._finished(span, told, told.get(a.ERROR_TYPE))

    def _end(self, error: BaseException | None, error_type: str | None = None, *, complete: bool = True) -> None:
        if self._ended:
            return
        self._ended = True
        span = self.span
        if span is None:
            return
        found = self._derive()
        if self._status is not None:
            found[a.HTTP_STATUS_CODE] = self._status
        if self._resends:
            found[a.HTTP_RESEND_COUNT] = self._resends
        if isinstance(error, Exception) and error_type is None:
            error_type = type_of_error(error)
        if error is not None and self._attempts and not self.streaming:
            self._attempt_failed(self._attempts[-1], error_type)
        if error_type is not None:
            found[a.ERROR_TYPE] = error_type
        span.set_attributes(found)
        if error_type is not None:
            span.set_status(StatusCode.ERROR)
        elif error is None and complete:
            span.set_status(StatusCode.OK)
        span.end()
        self._finished(span, {**self.sdk_attributes, **found}, error_type)

    def _finished(self, span: Span, found: dict[str, Any], error_type: Any) -> None:
        if self._prints is not None:
            context = span.get_span_context()
            self._prints.answered(
                format(context.span_id, "016x"), "".join(self.answer.text), tuple(self.answer.tool_use_ids)
            )
        if self.operation == "chat":
            duration_s = (perf_counter_ns() - self._began) / 1e9
            self._metrics.record(found, duration_s, error_type, self._seconds_per_chunk())
        self._options = self.client = None

    def _derive(self) -> dict[str, AttributeValue]:
        found = dict(self._fixed)
        found.update(self.answer.attributes())
        if self._headers_raw is not None:
            found.update(header_attributes(self._headers_raw, ids=True))
        if self._headers_at is not None:
            found[a.TIME_TO_HEADERS] = (self._headers_at - self._began) / 1e9
        if self._resends:
            found[a.RETRY_WAIT] = self._retry_wait_ns / 1e9
        self._derive_connection(found)
        self._derive_stream(found)
        self._derive_prints(found)
        return found

    def _derive_connection(self, found: dict[str, AttributeValue]) -> None:
        attempt = self._attempts[-1] if self._attempts else None
        if attempt is None or not attempt.traced:
            return
        found[a.CONNECTION_NEW] = attempt.connect_began is not None
        seconds = attempt.connection_s
        if seconds is not None:
            found[a.CONNECTION_DURATION] = seconds

    def _derive_stream(self, found: dict[str, AttributeValue]) -> None:
        reading = self.reading
        deltas = reading.deltas
        if not self.streaming or not deltas:
            return
        first = deltas[0]
        found[a.TIME_TO_FIRST_CHUNK] = (abs(first) - self._began) / 1e9
        if first < 0:
            found[a.TIME_TO_FIRST_CHUNK_UPPER_BOUND] = True
        if reading.first_text is not None:
            found[a.TIME_TO_FIRST_TEXT] = (reading.first_text - self._began) / 1e9
        found[a.CHUNK_COUNT] = len(deltas)
        found[a.CONSUMER_DURATION] = reading.held / 1e9
        pace = pace_of(reading, self._streamed_tokens())
        if pace.tokens_per_second is not None:
            found[a.OUTPUT_TOKENS_PER_SECOND] = pace.tokens_per_second
        if pace.gap_p95_s is not None and pace.gap_max_s is not None:
            found[a.CHUNK_GAP_P95] = pace.gap_p95_s
            found[a.CHUNK_GAP_MAX] = pace.gap_max_s

    def _derive_prints(self, found: dict[str, AttributeValue]) -> None:
        prints = self._prints
        if prints is None or not prints.wait(HASH_WAIT_S):
            return
        made = prints.fingerprint
        if made is not None:
            found[a.PROMPT_BLOCKS] = made.blocks
            found[a.REQUEST_HASH] = made.request_hash
            found[a.SETTINGS_HASH] = made.settings_hash
        if prints.depends_on is not None:
            found[a.DEPENDS_ON] = prints.depends_on

    def _streamed_tokens(self) -> int | None:
        usage = self.answer.usage
        if usage is None or usage.output is None:
            return None
        # Thinking that is not shown sends no deltas: its tokens came before the first one.
        return usage.output - (0 if self.reading.thinking_shown else usage.thinking or 0)

    def _seconds_per_chunk(self) -> float | None:
        deltas = [moment for moment in self.reading.deltas if moment > 0]
        return (deltas[-1] - deltas[0]) / (len(self.reading.deltas) - 1) / 1e9 if len(deltas) > 1 else None

    # Attempts and hashes.

    def _tell_last_attempt(self) -> None:
        last = self._attempts[-1]
        if last.exception is not None or (last.status is not None and last.status >= 400):
            self._attempt_failed(last, None)

    def _attempt_failed(self, attempt: Attempt, error_type: str | None) -> None:
        if self._events >= MOST_ATTEMPT_EVENTS or self.span is None:
            return
        self._events += 1
        told: dict[str, AttributeValue] = {a.ATTEMPT_DURATION: (attempt.last - attempt.started) / 1e9}
        if not attempt.traced:
            del told[a.ATTEMPT_DURATION]
        if attempt.status is not None:
            told[a.HTTP_STATUS_CODE] = attempt.status
            if error_type is None:
                error_type = _TYPE_OF_STATUS.get(attempt.status, str(attempt.status))
            if attempt.headers is not None:
                seconds = retry_after_s(attempt.headers)
                if seconds is not None:
                    told[a.ATTEMPT_RETRY_AFTER] = seconds
        elif error_type is None and attempt.exception is not None:
            error_type = "client_timeout_error" if "Timeout" in type(attempt.exception).__name__ else "connection_error"
        if error_type is not None:
            told[a.ERROR_TYPE] = error_type
        self.span.add_event(a.ATTEMPT_EVENT, told)

    def _hash(self, body: bytes) -> None:
        if self._prints is None and self.span is not None and self.operation == "chat":
            self._prints = background.prints(body, self.span.get_span_context().trace_id)


def type_of_error(error: BaseException) -> str:
    """`error.type` as the SDK's own tracing writes it: the API's error type, else the status, else the client's."""
    name = type(error).__name__
    if name == "APITimeoutError" or "Timeout" in name:
        return "client_timeout_error"
    if name == "APIConnectionError" or type(error).__module__.partition(".")[0].startswith(("httpx", "httpcore")):
        return "connection_error"
    body: Any = getattr(error, "body", None)
    envelope: Any = body.get("error") if isinstance(body, dict) else None  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
    kind: Any = envelope.get("type") if isinstance(envelope, dict) else None  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
    if isinstance(kind, str):
        return kind
    status = getattr(error, "status_code", None)
    return str(status) if isinstance(status, int) and status >= 400 else "client_error"
