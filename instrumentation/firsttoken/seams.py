"""The few private seams of the SDK through which every call passes, and what we do at each.

`request`: the call as the application made it. `_build_request`: once per attempt. `_process_response`: the
answer's head, before the SDK's own span ends. `__stream__`: every parsed stream. Each wrapper hands on arguments,
results and exceptions as they are; its own work is guarded.
"""

from __future__ import annotations

import sys
from contextvars import ContextVar
from time import perf_counter
from typing import TYPE_CHECKING, Any

from opentelemetry import context, trace

from firsttoken import body, callsite, connection, neighbours, spans, unfinished
from firsttoken.call import Call
from firsttoken.guard import guarded
from firsttoken.request import operation_of
from firsttoken.stream import watch, watch_async

if TYPE_CHECKING:
    from collections.abc import Callable

    from opentelemetry.trace import Tracer, TracerProvider
    from opentelemetry.util.types import AttributeValue

    from firsttoken.metrics import Metrics
    from firsttoken.stream import Reading

# The key under which OpenTelemetry's own exporters ask not to be observed.
_SUPPRESS = "suppress_instrumentation"

_current: ContextVar[Call | None] = ContextVar("firsttoken_call", default=None)


class Recorder:
    """Begins a `Call` for each request of the SDK, and tells it what happens. One for each `instrument()`.

    `provider` is the one that the application asked for, or None for the global one.
    """

    def __init__(self, tracer: Tracer, provider: TracerProvider | None, metrics: Metrics) -> None:
        self._tracer = tracer
        self._provider = provider
        self._metrics = metrics
        self._open: set[Call] = set()
        self._retired: Callable[[], None] | None = None
        self._first = True  # call to come: whoever else instruments has done so by then

    def retire(self, then: Callable[[], None]) -> None:
        """Begins no call from now on; `then` is called once those under way have ended, which may be now."""
        self._retired = then
        if not self._open:
            then()

    def request(self, wrapped: Callable[..., Any], client: Any, args: Any, kwargs: Any) -> Any:
        """Around `SyncAPIClient.request`."""
        call = guarded("a request", self._begin, client, args, kwargs, False)
        if call is None:
            return wrapped(*args, **kwargs)
        token = _current.set(call)
        attached = None if call.span is None else guarded("the context", _attach, call)
        try:
            result = wrapped(*args, **kwargs)
        except BaseException as error:
            guarded("a failure", call.failed, error)
            raise
        finally:
            _leave(token, attached)
            if call in self._open and not call.unfinished:
                guarded("a call's end", self._release, call)
        guarded("an answer", call.returned)
        return result

    async def request_async(self, wrapped: Callable[..., Any], client: Any, args: Any, kwargs: Any) -> Any:
        """Around `AsyncAPIClient.request`."""
        call = guarded("a request", self._begin, client, args, kwargs, True)
        if call is None:
            return await wrapped(*args, **kwargs)
        token = _current.set(call)
        attached = None if call.span is None else guarded("the context", _attach, call)
        try:
            result = await wrapped(*args, **kwargs)
        except BaseException as error:
            guarded("a failure", call.failed, error)
            raise
        finally:
            _leave(token, attached)
            if call in self._open and not call.unfinished:
                guarded("a call's end", self._release, call)
        guarded("an answer", call.returned)
        return result

    def build_request(self, wrapped: Callable[..., Any], client: Any, args: Any, kwargs: Any) -> Any:  # noqa: ARG002
        """Around `BaseClient._build_request`: an attempt begins, and the SDK's own span, if any, is the current one."""
        request = wrapped(*args, **kwargs)
        call = _current.get()
        if call is not None:
            guarded("an attempt", self._attempt, call, request, kwargs.get("options") or args[0])
        return request

    def _begin(self, client: Any, args: tuple[Any, ...], kwargs: dict[str, Any], is_async: bool) -> Call | None:  # noqa: FBT001
        """The call of a request that is recorded; None for any other."""
        options = kwargs["options"] if "options" in kwargs else args[1]
        operation = operation_of(options)
        suppressed = bool(context.get_value(_SUPPRESS))
        if self._first:
            self._first = False
            guarded("other instrumentations", lambda: neighbours.mention(client, suppressed=suppressed))
        if operation is None or self._retired is not None or suppressed:
            return None
        stream = bool(kwargs.get("stream"))
        measured = operation == "chat" and self._metrics.recorded
        call = Call(
            client,
            options,
            operation,
            callsite.find(4),
            self._ended,
            stream=stream,
            is_async=is_async,
            measured=measured,
        )
        self._open.add(call)
        if not spans.sdk_will_trace(client, options, into=self._provider):
            spans.open_own(self._tracer, call, options)
        return call

    def _attempt(self, call: Call, request: Any, options: Any) -> None:
        if call.span is None and not spans.adopt_current(call):
            spans.open_own(self._tracer, call, options)
        call.attempt_began(request)

    def _ended(self, call: Call, known: dict[str, AttributeValue] | None) -> None:
        self._release(call)
        if call.measured and known is not None:
            self._metrics.record(known, perf_counter() - call.began, call.reading)

    def _release(self, call: Call) -> None:
        self._open.discard(call)
        if self._retired is not None and not self._open:
            self._retired()


def process_response(wrapped: Callable[..., Any], client: Any, args: Any, kwargs: Any) -> Any:  # noqa: ARG001
    """Around `SyncAPIClient._process_response`."""
    call = _current.get()
    if call is None:
        return wrapped(*args, **kwargs)
    response = kwargs.get("response")
    fresh = guarded("a response", _responded, call, response)
    result = wrapped(*args, **kwargs)
    if fresh:
        guarded("a result", _processed, call, response)
    return result


async def process_response_async(wrapped: Callable[..., Any], client: Any, args: Any, kwargs: Any) -> Any:  # noqa: ARG001
    """Around `AsyncAPIClient._process_response`."""
    call = _current.get()
    if call is None:
        return await wrapped(*args, **kwargs)
    response = kwargs.get("response")
    fresh = guarded("a response", _responded, call, response)
    result = await wrapped(*args, **kwargs)
    if fresh:
        guarded("a result", _processed, call, response)
    return result


def should_retry(wrapped: Callable[..., Any], client: Any, args: Any, kwargs: Any) -> Any:  # noqa: ARG001
    """Around `BaseClient._should_retry`: the API refused an attempt."""
    call = _current.get()
    if call is not None:
        guarded("a refused attempt", _refused, call, args, kwargs)
    return wrapped(*args, **kwargs)


def calculate_retry_timeout(wrapped: Callable[..., Any], client: Any, args: Any, kwargs: Any) -> Any:  # noqa: ARG001
    """Around `BaseClient._calculate_retry_timeout`: an attempt failed, by the exception being handled if by any."""
    call = _current.get()
    if call is not None:
        guarded("a failed attempt", call.retrying, sys.exc_info()[1])
    return wrapped(*args, **kwargs)


def stream(wrapped: Callable[..., Any], instance: Any, args: Any, kwargs: Any) -> Any:
    """Around `Stream.__stream__`."""
    events = wrapped(*args, **kwargs)
    found = guarded("a stream", _reading_of, instance)
    return events if found is None else watch(events, *found)


def stream_async(wrapped: Callable[..., Any], instance: Any, args: Any, kwargs: Any) -> Any:
    """Around `AsyncStream.__stream__`."""
    events = wrapped(*args, **kwargs)
    found = guarded("a stream", _reading_of, instance)
    return events if found is None else watch_async(events, *found)


def construct(wrapped: Callable[..., Any], client: Any, args: Any, kwargs: Any) -> None:
    """Around the constructors of `SyncAPIClient` and `AsyncAPIClient`."""
    began = perf_counter()
    wrapped(*args, **kwargs)
    guarded("a client's construction", connection.constructed, client, perf_counter() - began)


def create_async(wrapped: Callable[..., Any], instance: Any, args: Any, kwargs: Any) -> Any:  # noqa: ARG001
    """Around the coroutine functions of the async resources: notes the line that made the coroutine."""
    coroutine = wrapped(*args, **kwargs)
    guarded("a call site", callsite.remember, coroutine)
    return coroutine


def _attach(call: Call) -> Any:
    # Where the SDK opens a span too, in another pipeline, it must not refer to one that is not there.
    if call.span is None or spans.sdk_will_trace(call.client, call.options):
        return None
    return context.attach(trace.set_span_in_context(call.span))


def _leave(token: Any, attached: Any) -> None:
    try:
        _current.reset(token)
    except ValueError:
        # A coroutine that is closed from another context cannot reset its variables there, and need not.
        return
    if attached is not None:
        guarded("the context", context.detach, attached)


def _refused(call: Call, args: Any, kwargs: Any) -> None:
    call.refused(args[0] if args else kwargs["response"])


def _responded(call: Call, response: Any) -> bool:
    """False where it was noted before: an older wrapper may have had to stay, because another lies around it."""
    if unfinished.EXTENSION in response.extensions:
        return False
    call.responded(response)
    # Before the SDK makes its stream of it, which before 1.14 looks for the call at once.
    # Only where it goes on: garbage of httpx, which lives until it is collected, must not hold it.
    response.extensions[unfinished.EXTENSION] = None if call.reading is None else call
    if call.reading is not None:
        unfinished.begun(response)
        if not response.is_closed:
            body.observe(response, call, call.reading)
    return True


def _processed(call: Call, response: Any) -> None:
    call.unfinished = call.stream or not response.is_closed
    if call.unfinished:
        return
    call.body = response.content


def _reading_of(instance: Any) -> tuple[Call, Reading] | None:
    call = instance.response.extensions.get(unfinished.EXTENSION)
    if not isinstance(call, Call) or call.reading is None or call.reading.parser is not None:
        return None
    return call, call.reading
