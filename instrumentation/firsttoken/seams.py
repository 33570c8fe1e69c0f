"""The few private seams of the SDK through which every call passes, and what we do at each.

`request`: the call as the application made it. `_build_request`: once per attempt. `_process_response`: the
answer's head, before the SDK's own span ends. `__stream__`: every parsed stream. Each wrapper hands on arguments,
results and exceptions as they are; its own work is guarded.

Each function here takes what stands at a seam and returns what stands there instead. They are functions, and no proxies
of wrapt's: those cost several microseconds a call, and there are three to a call.
"""

from __future__ import annotations

import sys
from contextvars import ContextVar
from functools import wraps
from time import perf_counter
from types import FunctionType
from typing import TYPE_CHECKING, Any

import wrapt
from opentelemetry import context, trace

from firsttoken import body, callsite, connection, neighbours, spans, unfinished
from firsttoken.call import Call
from firsttoken.guard import fault, guarded
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

    def request(self, original: Callable[..., Any]) -> Callable[..., Any]:
        """Around `SyncAPIClient.request`."""
        original = _function(original)

        @wraps(original)
        def request(client: Any, *args: Any, **kwargs: Any) -> Any:
            call = attached = None
            try:
                call = self._begin(client, args, kwargs, is_async=False)
                if call is not None and call.span is not None:
                    attached = _attach(call)
            except Exception:  # noqa: BLE001
                fault("a request")
            if call is None:
                return original(client, *args, **kwargs)
            token = _current.set(call)
            try:
                result = original(client, *args, **kwargs)
            except BaseException as error:
                guarded("a failure", call.failed, error)
                raise
            finally:
                _leave(token, attached)
                if not call.unfinished:
                    self._open.discard(call)
                    if self._retired is not None:
                        guarded("a call's end", self._release, call)
            if call.owned or call.unfinished:
                guarded("an answer", call.returned)
            return result

        return request

    def request_async(self, original: Callable[..., Any]) -> Callable[..., Any]:
        """Around `AsyncAPIClient.request`."""
        original = _function(original)

        @wraps(original)
        async def request(client: Any, *args: Any, **kwargs: Any) -> Any:
            call = attached = None
            try:
                call = self._begin(client, args, kwargs, is_async=True)
                if call is not None and call.span is not None:
                    attached = _attach(call)
            except Exception:  # noqa: BLE001
                fault("a request")
            if call is None:
                return await original(client, *args, **kwargs)
            token = _current.set(call)
            try:
                result = await original(client, *args, **kwargs)
            except BaseException as error:
                guarded("a failure", call.failed, error)
                raise
            finally:
                _leave(token, attached)
                if not call.unfinished:
                    self._open.discard(call)
                    if self._retired is not None:
                        guarded("a call's end", self._release, call)
            if call.owned or call.unfinished:
                guarded("an answer", call.returned)
            return result

        return request

    def build_request(self, original: Callable[..., Any]) -> Callable[..., Any]:
        """Around `BaseClient._build_request`: an attempt begins, and the SDK's span, if any, is the current one."""
        original = _function(original)

        @wraps(original)
        def build_request(client: Any, *args: Any, **kwargs: Any) -> Any:
            request = original(client, *args, **kwargs)
            call = _current.get()
            if call is not None:
                try:
                    if call.span is None and not spans.adopt_current(call):
                        spans.open_own(self._tracer, call, kwargs.get("options") or args[0])
                    call.attempt_began(request)
                except Exception:  # noqa: BLE001
                    fault("an attempt")
            return request

        return build_request

    def _begin(self, client: Any, args: tuple[Any, ...], kwargs: dict[str, Any], *, is_async: bool) -> Call | None:
        """The call of a request that is recorded; None for any other."""
        options = kwargs["options"] if "options" in kwargs else args[1]
        operation = operation_of(options)
        suppressed = context.get_current().get(_SUPPRESS)
        if self._first:
            self._first = False
            guarded("other instrumentations", lambda: neighbours.mention(client, suppressed=bool(suppressed)))
        if operation is None or self._retired is not None or suppressed:
            return None
        call = Call(
            client,
            options,
            operation,
            callsite.find(3),
            self._ended,
            bool(kwargs.get("stream")),
            is_async,
            operation == "chat" and self._metrics.recorded,
        )
        if not spans.sdk_will_trace(client, options, into=self._provider):
            spans.open_own(self._tracer, call, options)
        self._open.add(call)
        return call

    def _ended(self, call: Call, known: dict[str, AttributeValue] | None) -> None:
        self._release(call)
        if call.measured and known is not None:
            self._metrics.record(known, perf_counter() - call.began, call.reading)

    def _release(self, call: Call) -> None:
        self._open.discard(call)
        if self._retired is not None and not self._open:
            self._retired()


def process_response(original: Callable[..., Any]) -> Callable[..., Any]:
    """Around `SyncAPIClient._process_response`."""
    original = _function(original)

    @wraps(original)
    def process_response(client: Any, *args: Any, **kwargs: Any) -> Any:
        call = _current.get()
        if call is None:
            return original(client, *args, **kwargs)
        response = kwargs.get("response")
        open_still = False
        try:
            open_still = _responded(call, response)
        except Exception:  # noqa: BLE001
            fault("a response")
        result = original(client, *args, **kwargs)
        if open_still:
            guarded("a result", _processed, call, response)
        return result

    return process_response


def process_response_async(original: Callable[..., Any]) -> Callable[..., Any]:
    """Around `AsyncAPIClient._process_response`."""
    original = _function(original)

    @wraps(original)
    async def process_response(client: Any, *args: Any, **kwargs: Any) -> Any:
        call = _current.get()
        if call is None:
            return await original(client, *args, **kwargs)
        response = kwargs.get("response")
        open_still = False
        try:
            open_still = _responded(call, response)
        except Exception:  # noqa: BLE001
            fault("a response")
        result = await original(client, *args, **kwargs)
        if open_still:
            guarded("a result", _processed, call, response)
        return result

    return process_response


def should_retry(original: Callable[..., Any]) -> Callable[..., Any]:
    """Around `BaseClient._should_retry`: the API refused an attempt."""
    original = _function(original)

    @wraps(original)
    def should_retry(client: Any, *args: Any, **kwargs: Any) -> Any:
        call = _current.get()
        if call is not None:
            guarded("a refused attempt", _refused, call, args, kwargs)
        return original(client, *args, **kwargs)

    return should_retry


def calculate_retry_timeout(original: Callable[..., Any]) -> Callable[..., Any]:
    """Around `BaseClient._calculate_retry_timeout`: an attempt failed, by the exception being handled if by any."""
    original = _function(original)

    @wraps(original)
    def calculate_retry_timeout(client: Any, *args: Any, **kwargs: Any) -> Any:
        call = _current.get()
        if call is not None:
            guarded("a failed attempt", call.retrying, sys.exc_info()[1])
        return original(client, *args, **kwargs)

    return calculate_retry_timeout


def stream(original: Callable[..., Any]) -> Callable[..., Any]:
    """Around `Stream.__stream__`."""
    return _watched(original, watch)


def stream_async(original: Callable[..., Any]) -> Callable[..., Any]:
    """Around `AsyncStream.__stream__`."""
    return _watched(original, watch_async)


def construct(original: Callable[..., Any]) -> Callable[..., Any]:
    """Around the constructors of `SyncAPIClient` and `AsyncAPIClient`."""
    original = _function(original)

    @wraps(original)
    def construct(client: Any, *args: Any, **kwargs: Any) -> None:
        began = perf_counter()
        original(client, *args, **kwargs)
        guarded("a client's construction", connection.constructed, client, perf_counter() - began)

    return construct


def create_async(original: Callable[..., Any]) -> Callable[..., Any]:
    """Around the coroutine functions of the async resources: notes the line that made the coroutine.

    It is no coroutine function itself, and only wrapt makes it look like one to whoever asks.
    """

    def create(wrapped: Callable[..., Any], instance: Any, args: Any, kwargs: Any) -> Any:  # noqa: ARG001
        coroutine = wrapped(*args, **kwargs)
        guarded("a call site", callsite.remember, coroutine)
        return coroutine

    return wrapt.FunctionWrapper(original, create)


def _function(original: Any) -> Callable[..., Any]:
    """What stands at a seam, to be called with its instance first.

    Another instrumentation's proxy wants to be asked for its method; and it says that it is a function, to isinstance.
    """
    if type(original) is FunctionType:
        return original

    def function(instance: Any, *args: Any, **kwargs: Any) -> Any:
        return original.__get__(instance, type(instance))(*args, **kwargs)

    return function


def _watched(original: Callable[..., Any], watching: Callable[..., Any]) -> Callable[..., Any]:
    original = _function(original)

    @wraps(original)
    def stream(instance: Any, *args: Any, **kwargs: Any) -> Any:
        events = original(instance, *args, **kwargs)
        found = guarded("a stream", _reading_of, instance)
        return events if found is None else watching(events, *found)

    return stream


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
    """Whether the application reads on in this answer, as far as that is known by now."""
    extensions = response.extensions
    if unfinished.EXTENSION in extensions:
        # Noted before: an older wrapper may have had to stay, because another lies around it.
        return False
    call.responded(response)
    # Before the SDK makes its stream of it, which before 1.14 looks for the call at once.
    # Only where it goes on: garbage of httpx, which lives until it is collected, must not hold it.
    if call.reading is None:
        extensions[unfinished.EXTENSION] = None
        return False
    extensions[unfinished.EXTENSION] = call
    unfinished.begun(response)
    if not response.is_closed:
        body.observe(response, call, call.reading)
    return True


def _processed(call: Call, response: Any) -> None:
    call.unfinished = call.stream or not response.is_closed
    if not call.unfinished:
        call.body = response.content


def _reading_of(instance: Any) -> tuple[Call, Reading] | None:
    call = instance.response.extensions.get(unfinished.EXTENSION)
    if not isinstance(call, Call) or call.reading is None or call.reading.parser is not None:
        return None
    return call, call.reading
