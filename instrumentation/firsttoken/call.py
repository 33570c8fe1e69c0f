"""`Call`: the clocks and counters of one API call, from the application's request to the end of its answer."""

from __future__ import annotations

import json
from _thread import get_ident
from contextlib import suppress
from time import perf_counter, time, time_ns
from typing import TYPE_CHECKING, Any

from opentelemetry.trace import StatusCode

from firsttoken import attributes as a
from firsttoken import background
from firsttoken.connection import Attempt, identity_of, trace_after, trace_async
from firsttoken.derive import derive, measured
from firsttoken.late import add_later
from firsttoken.request import asked_in, body_of
from firsttoken.response import Answer, get
from firsttoken.spans import add_to
from firsttoken.stream import Reading

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from opentelemetry.trace import Span, SpanContext
    from opentelemetry.util.types import AttributeValue

    from firsttoken.callsite import Site

#: Attempts that are told one by one.
MOST_ATTEMPT_EVENTS = 32

_NOTHING: Mapping[str, AttributeValue] = {}


class Call:
    """One call of the SDK. Times are `perf_counter`, in seconds.

    What is named in `__init__` only by its first value is known, or happens, later.
    """

    __slots__ = (
        "_answer",
        "_ended",
        "_on_end",
        "answered_at",
        "asked",
        "attempts",
        "began",
        "began_ns",
        "body",
        "client",
        "context",
        "ending_in",
        "headers",
        "headers_at",
        "identity",
        "is_async",
        "max_retries",
        "measured",
        "nth",
        "operation",
        "options",
        "owned",
        "prints",
        "reading",
        "request_body",
        "retry_wait_s",
        "said",
        "site",
        "span",
        "status",
        "stream",
        "timeouts",
        "unfinished",
    )

    def __init__(
        self,
        client: Any,
        options: Any,
        operation: str,
        site: Site | None,
        on_end: Callable[[Call, dict[str, AttributeValue] | None], None],
        stream: bool,  # noqa: FBT001 - names cost a dict a call
        is_async: bool,  # noqa: FBT001
        measured: bool,  # noqa: FBT001
    ) -> None:
        """`on_end` gets the call, and all that its span says where the call is `measured`."""
        self.began_ns = time_ns()
        self.began = perf_counter()
        self.operation = operation
        self.stream = stream
        self.is_async = is_async
        self.measured = measured
        self.client: Any = client
        self.options: Any = options
        self.site = site
        self.identity = identity = identity_of(client)
        identity.calls = self.nth = identity.calls + 1
        self.attempts: list[Attempt] = []
        #: What its span says of the call's end.
        self.said: dict[str, AttributeValue] = {}
        self._on_end = on_end
        #: None until it is known whether the SDK opens one; `owned` says that we opened it, and so end it.
        self.span: Span | None = None
        self.owned = False
        #: None until there is something to read: a stream, or a body that the application reads itself.
        self.reading: Reading | None = None
        #: A whole answer's JSON, until it is read.
        self.body: bytes | None = None
        #: Whether the application has its answer but has not read it to the end yet.
        self.unfinished = False
        #: The limits in force: retries, and httpx's timeouts by their names.
        self.max_retries: int | None = None
        self.timeouts: Mapping[str, float | None] | None = None
        #: A Messages request's bytes, once they were sent, until they are read; and what they told then.
        self.request_body: bytes | None = None
        self.prints: background.Prints | None = None
        #: What any other request asked for.
        self.asked: Mapping[str, AttributeValue] = _NOTHING
        #: Its span's, once a request was sent that tells of a prompt.
        self.context: SpanContext | None = None
        #: The thread in which its span ends right now: who looks at it there keeps the application waiting.
        self.ending_in = 0
        self.retry_wait_s = 0.0
        self.headers_at: float | None = None
        self.headers: Iterable[tuple[bytes, bytes]] = ()
        #: When the headers came, in seconds since the epoch.
        self.answered_at = 0.0
        self.status: int | None = None
        self._answer: Answer | None = None
        self._ended = False

    @property
    def answer(self) -> Answer:
        """What was answered, as far as it was read."""
        answer = self._answer
        if answer is None:
            self._answer = answer = Answer()
        return answer

    def read(self) -> None:
        """Reads the bytes of the answer; something that stands between may have sent what is none."""
        body, self.body = self.body, None
        if body is not None:
            with suppress(ValueError):
                message = json.loads(body)
                if get(message, "type") == "message":
                    self.answer.read_message(message)
        elif self.reading is not None:
            self.reading.read(self.answer)

    # What happens to a call, in order.

    def attempt_began(self, request: Any) -> None:
        """The SDK built an HTTP request; where it is not the first, the one before it has failed."""
        attempt = Attempt(self, request.content)
        extensions = request.extensions
        if self.attempts:
            before = self.attempts[-1]
            self._tell_failure(before, None)
            if before.last > before.started:
                self.retry_wait_s += attempt.started - before.last
        else:
            self.timeouts = extensions.get("timeout")
        self.attempts.append(attempt)
        theirs = extensions.get("trace")
        if self.is_async:
            trace = trace_async(attempt, theirs)
        else:
            trace = attempt.observe if theirs is None else trace_after(attempt, theirs)
        request.extensions = {**extensions, "trace": trace}

    def refused(self, response: Any) -> None:
        """The API answered an attempt with an error, and the SDK asks itself whether to try again."""
        if self.attempts:
            self.attempts[-1].ended(response.status_code, response.headers.raw)

    def retrying(self, error: BaseException | None) -> None:
        """The SDK is about to wait before it tries again, because of `error` where the attempt had no answer."""
        attempt = self.attempts[-1] if self.attempts else None
        if attempt is not None and attempt.status is None:
            attempt.ended(None, error=error)

    def sent(self, body: bytes) -> None:
        """The request went out. What is done here costs the caller nothing: it is the network that is waited for."""
        if self.max_retries is not None:
            return  # another attempt, with the same body
        self.max_retries = self.options.get_max_retries(self.client.max_retries)
        span = self.span
        if self.operation == "chat" and span is not None and (not self.owned or span.is_recording()):
            self.context = span.get_span_context()
            if background.sent(self, body):
                return  # it tells what was asked for, too
        self.asked = asked_in(body_of(self.options))

    def responded(self, response: Any) -> None:
        """The API answered with success; the body may not have been read yet."""
        self._headed(response)
        attempt = self.attempts[-1] if self.attempts else None
        if attempt is not None:
            self.headers_at = attempt.when_headers if attempt.traced else perf_counter() if self.stream else None
            if not attempt.traced:
                attempt.finish_sending()
        if self.stream or not response.is_closed:
            self.reading = Reading(self.headers_at or perf_counter())
        else:
            self.body = response.content

    def returned(self) -> None:
        """The application has its answer: the whole of it, or a stream."""
        if self.unfinished and self.reading is not None:
            self.reading.waiting_since = perf_counter()
        elif self.owned:
            self._end(None, None, complete=True)

    def failed(self, error: BaseException) -> None:
        """The call raised."""
        if not self.owned or self._ended:
            return
        response = getattr(error, "response", None)
        if response is not None:
            self._headed(response)
        error_type = type_of_error(error)
        if self.attempts and isinstance(error, Exception):
            self.attempts[-1].ended(self.status, None if response is None else response.headers.raw)
            self._tell_failure(self.attempts[-1], error_type)
        self._end(error, error_type, complete=False)

    def stream_ended(self, error: BaseException | None, complete: bool) -> None:  # noqa: FBT001
        """The application's reading of a stream ended: by an error, at its end, or because it stopped reading."""
        if not self.owned or self._ended:
            return
        error_type = type_of_error(error)
        if error is None and self.reading is not None:
            error_type = self.reading.ending(self.answer, complete=complete)
        self._end(error, error_type, complete=complete)

    # What its span says in the end.

    def before_sdk_end(self, span: Span) -> None:
        """The SDK ends its own span: it takes what we know first."""
        if self._ended:
            return
        self._ended = True
        attempt = self.attempts[-1] if self.attempts else None
        if attempt is not None and (attempt.exception is not None or (self.status is None and attempt.failed)):
            self._tell_failure(attempt, None)
        elif attempt is not None and not attempt.traced and self.status is None:
            said: Any = getattr(span, "attributes", None) or {}
            if a.ERROR_TYPE in said:
                attempt.ended(said.get(a.HTTP_STATUS_CODE))
                self._tell_failure(attempt, said[a.ERROR_TYPE])
        if self.reading is not None:
            error_type = self.reading.ending(self.answer, complete=False)
            if error_type is not None:
                self.said[a.ERROR_TYPE] = error_type
        self._tell(span)

    def _end(self, error: BaseException | None, error_type: str | None, *, complete: bool) -> None:
        span = self.span
        if self._ended or span is None:
            return
        self._ended = True
        if self.status is not None:
            self.said[a.HTTP_STATUS_CODE] = self.status
        if len(self.attempts) > 1:
            self.said[a.HTTP_RESEND_COUNT] = len(self.attempts) - 1
        if error_type is not None:
            self.said[a.ERROR_TYPE] = error_type
            span.set_status(StatusCode.ERROR)
        elif error is None and complete:
            span.set_status(StatusCode.OK)
        self._tell(span)
        try:
            span.end()
        finally:
            background.answered(self)

    def _tell(self, span: Span) -> None:
        if self.max_retries is None:
            self.max_retries = self.options.get_max_retries(self.client.max_retries)
            self.asked = asked_in(body_of(self.options))
        # From here on a call holds nothing large: its attributes may be worked out a second from now.
        self.options = self.client = self.span = None
        known = measured(self, getattr(span, "attributes", None) or {}) if self.measured else None
        self.ending_in = get_ident()
        # The SDK's own figures stand, but for the first token: it counts until the application reads it.
        if not add_later(span, self._attributes, a.TIME_TO_FIRST_CHUNK) and span.is_recording():
            add_to(span, derive(self), replacing=a.TIME_TO_FIRST_CHUNK)
        if self.unfinished or self.measured:
            self._on_end(self, known)

    def _attributes(self) -> dict[str, AttributeValue]:
        return derive(self)

    def _tell_failure(self, attempt: Attempt, error_type: str | None) -> None:
        if self.span is not None and len(self.attempts) <= MOST_ATTEMPT_EVENTS:
            self.span.add_event(a.ATTEMPT_EVENT, attempt.failure(error_type))

    def _headed(self, response: Any) -> None:
        self.status = response.status_code
        # As the transport told them, if it did: httpx makes two more objects of each, which would stay in memory too.
        self.headers = (self.attempts[-1].headers if self.attempts else None) or response.headers.raw
        self.answered_at = time()


def type_of_error(error: BaseException | None) -> str | None:
    """`error.type` as the SDK's own tracing writes it: the API's error type, else the status, else the client's.

    None where the application stopped the call itself: a cancelled task, an interrupted program.
    """
    if not isinstance(error, Exception):
        return None
    name = type(error).__name__
    if "Timeout" in name:
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
