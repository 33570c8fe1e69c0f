"""The few private seams of the SDK through which every call passes, and what we do at each.

`request`: the call as the application made it. `_build_request`: once per attempt. `_process_response`: the
answer's head, before the SDK's own span ends. `__stream__`: every parsed stream. Each wrapper hands on arguments,
results and exceptions as they are; its own work is guarded.
"""

from __future__ import annotations

from contextvars import ContextVar
from time import perf_counter, perf_counter_ns
from typing import TYPE_CHECKING, Any

from opentelemetry import context, trace

from firsttoken import body, callsite, connection, spans, unfinished
from firsttoken.call import Call
from firsttoken.guard import fault
from firsttoken.request import operation_of
from firsttoken.stream import watch, watch_async

if TYPE_CHECKING:
    from collections.abc import Callable

    from opentelemetry.trace import Tracer

    from firsttoken.metrics import Metrics

# The key under which OpenTelemetry's own exporters ask not to be observed.
_SUPPRESS = "suppress_instrumentation"

_current: ContextVar[Call | None] = ContextVar("firsttoken_call", default=None)


class Recorder:
    """Begins a `Call` for each request of the SDK, and tells it what happens. One for each `instrument()`."""

    def __init__(self, tracer: Tracer, metrics: Metrics) -> None:
        self._tracer = tracer
        self._metrics = metrics

    def begin(self, client: Any, args: tuple[Any, ...], kwargs: dict[str, Any], *, is_async: bool) -> Call | None:
        """The call of a request that is recorded; None for any other, and where we fail."""
        try:
            options = kwargs["options"] if "options" in kwargs else args[1]
            operation = operation_of(options)
            if operation is None or context.get_value(_SUPPRESS):
                return None
            stream = bool(kwargs.get("stream"))
            site = callsite.find(3)
            call = Call(client, options, operation, site, self._metrics, stream=stream, is_async=is_async)
            if not spans.sdk_will_trace(client, options):
                spans.open_own(self._tracer, call, options)
        except Exception:  # noqa: BLE001
            fault("a request")
            return None
        return call

    def _attempt(self, call: Call, request: Any, options: Any) -> None:
        try:
            if call.span is None and not spans.adopt_current(call):
                spans.open_own(self._tracer, call, options)
            call.attempt_began(request)
        except Exception:  # noqa: BLE001
            fault("an attempt")

    def request(self, wrapped: Callable[..., Any], client: Any, args: Any, kwargs: Any) -> Any:
        """Around `SyncAPIClient.request`."""
        call = self.begin(client, args, kwargs, is_async=False)
        if call is None:
            return wrapped(*args, **kwargs)
        token = _current.set(call)
        attached = _attach(call)
        try:
            result = wrapped(*args, **kwargs)
        except BaseException as error:
            _failed(call, error)
            raise
        finally:
            if attached is not None:
                context.detach(attached)
            _current.reset(token)
        _returned(call)
        return result

    async def request_async(self, wrapped: Callable[..., Any], client: Any, args: Any, kwargs: Any) -> Any:
        """Around `AsyncAPIClient.request`."""
        call = self.begin(client, args, kwargs, is_async=True)
        if call is None:
            return await wrapped(*args, **kwargs)
        token = _current.set(call)
        attached = _attach(call)
        try:
            result = await wrapped(*args, **kwargs)
        except BaseException as error:
            _failed(call, error)
            raise
        finally:
            _leave(token, attached)
        _returned(call)
        return result

    def build_request(self, wrapped: Callable[..., Any], client: Any, args: Any, kwargs: Any) -> Any:  # noqa: ARG002
        """Around `BaseClient._build_request`: an attempt begins, and the SDK's own span, if any, is the current one."""
        request = wrapped(*args, **kwargs)
        call = _current.get()
        if call is not None:
            self._attempt(call, request, kwargs.get("options") or args[0])
        return request


def process_response(wrapped: Callable[..., Any], client: Any, args: Any, kwargs: Any) -> Any:  # noqa: ARG001
    """Around `SyncAPIClient._process_response`."""
    call = _current.get()
    if call is None:
        return wrapped(*args, **kwargs)
    response = kwargs.get("response")
    _responded(call, response)
    result = wrapped(*args, **kwargs)
    _processed(call, response, result)
    return result


async def process_response_async(wrapped: Callable[..., Any], client: Any, args: Any, kwargs: Any) -> Any:  # noqa: ARG001
    """Around `AsyncAPIClient._process_response`."""
    call = _current.get()
    if call is None:
        return await wrapped(*args, **kwargs)
    response = kwargs.get("response")
    _responded(call, response)
    result = await wrapped(*args, **kwargs)
    _processed(call, response, result)
    return result


def stream(wrapped: Callable[..., Any], instance: Any, args: Any, kwargs: Any) -> Any:
    """Around `Stream.__stream__`."""
    events = wrapped(*args, **kwargs)
    call = _call_of(instance)
    return events if call is None else watch(events, call)


def stream_async(wrapped: Callable[..., Any], instance: Any, args: Any, kwargs: Any) -> Any:
    """Around `AsyncStream.__stream__`."""
    events = wrapped(*args, **kwargs)
    call = _call_of(instance)
    return events if call is None else watch_async(events, call)


def construct(wrapped: Callable[..., Any], client: Any, args: Any, kwargs: Any) -> None:
    """Around the constructors of `SyncAPIClient` and `AsyncAPIClient`."""
    began = perf_counter()
    wrapped(*args, **kwargs)
    try:
        connection.constructed(client, perf_counter() - began)
    except Exception:  # noqa: BLE001
        fault("a client's construction")


def create_async(wrapped: Callable[..., Any], instance: Any, args: Any, kwargs: Any) -> Any:  # noqa: ARG001
    """Around the coroutine functions of the async resources: notes the line that made the coroutine."""
    coroutine = wrapped(*args, **kwargs)
    try:
        callsite.remember(coroutine)
    except Exception:  # noqa: BLE001
        fault("a call site")
    return coroutine


def _attach(call: Call) -> Any:
    if call.span is None:
        return None
    try:
        return context.attach(trace.set_span_in_context(call.span))
    except Exception:  # noqa: BLE001
        fault("the context")
        return None


def _leave(token: Any, attached: Any) -> None:
    # A coroutine that is closed from another context cannot reset its variables there, and need not.
    try:
        _current.reset(token)
    except ValueError:
        return
    if attached is not None:
        context.detach(attached)


def _failed(call: Call, error: BaseException) -> None:
    try:
        call.failed(error)
    except Exception:  # noqa: BLE001
        fault("a failure")


def _returned(call: Call) -> None:
    if call.streaming:
        return
    try:
        call.returned()
    except Exception:  # noqa: BLE001
        fault("an answer")


def _responded(call: Call, response: Any) -> None:
    try:
        call.responded(response)
        if call.stream or not response.is_closed:
            # Before the SDK makes its stream of it, which before 1.14 looks for the call at once.
            unfinished.begun(response, call)
            if not response.is_closed:
                body.observe(response, call)
    except Exception:  # noqa: BLE001
        fault("a response")


def _processed(call: Call, response: Any, result: Any) -> None:
    try:
        call.streaming = hasattr(result, "__stream__") or not response.is_closed
        if call.streaming:
            call.returned_at = perf_counter_ns()
        elif hasattr(result, "http_response") or type(result) is type(response):
            _read_body(call, response)
        else:
            call.answer.read_message(result)
    except Exception:  # noqa: BLE001
        fault("a result")


def _read_body(call: Call, response: Any) -> None:
    message = response.json()
    if isinstance(message, dict) and message.get("type") == "message":  # pyright: ignore[reportUnknownMemberType]
        call.answer.read_message(message)  # pyright: ignore[reportUnknownArgumentType]


def _call_of(instance: Any) -> Call | None:
    try:
        found = instance.response.extensions.get(unfinished.EXTENSION)
    except Exception:  # noqa: BLE001
        fault("a stream")
        return None
    return found if isinstance(found, Call) else None
