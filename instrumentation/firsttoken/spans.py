"""The one span of a call: the SDK's own where it opens one, else ours."""

from __future__ import annotations

from time import perf_counter, time_ns
from typing import TYPE_CHECKING, Any, cast

from opentelemetry.trace import SpanKind, get_current_span, get_tracer_provider

from firsttoken import attributes as a
from firsttoken import background
from firsttoken.guard import fault, guarded
from firsttoken.request import body_of, provider_of, request_attributes, server_attributes

if TYPE_CHECKING:
    from collections.abc import Mapping

    from opentelemetry.trace import Tracer, TracerProvider
    from opentelemetry.util.types import AttributeValue

    from firsttoken.call import Call


def sdk_will_trace(client: Any, options: Any, into: TracerProvider | None = None) -> bool:
    """Whether the SDK (1.14 and later) is about to open its own span for this request, and `into` that provider.

    A provider that the application asked us for, and that the SDK's spans do not go to, would otherwise get nothing.
    """
    if getattr(options, "span_name", None) is None or getattr(client, "_tracer", None) is None:
        return False
    return into is None or into is (client._open_telemetry.get("tracer_provider") or get_tracer_provider())  # noqa: SLF001 - as the SDK does


def open_own(tracer: Tracer, call: Call, options: Any) -> None:
    """Starts our span for `call`, below the current one, at the time at which the call began."""
    body = body_of(options)
    attributes = {
        a.PROVIDER_NAME: provider_of(call.client),
        **server_attributes(call.client),
        **request_attributes(body, call.operation, stream=call.stream),
    }
    model = body.get("model")
    name = f"{call.operation} {model}" if isinstance(model, str) else call.operation
    call.span = tracer.start_span(name, kind=SpanKind.CLIENT, attributes=attributes, start_time=call.began_ns)
    call.owned = True


def adopt_current(call: Call) -> bool:
    """Takes the current span for the call's, where it is the SDK's own. It takes our attributes before it ends.

    The SDK ends its span wherever the answer ends, so its `end` is the one place to hook.
    """
    span: Any = get_current_span()
    scope = getattr(getattr(span, "instrumentation_scope", None), "name", None)
    # The clients of other platforms add theirs: `com.anthropic.sdk.python.bedrock`.
    if not isinstance(scope, str) or not scope.startswith(a.SDK_SCOPE_NAME) or not span.is_recording():
        return False
    call.span = span
    call.began = perf_counter() - (time_ns() - span.start_time) / 1e9  # no clock may show more than its length
    kind = cast("Any", type(span))

    def end(end_time: int | None = None) -> None:
        try:
            del span.end  # from here on the span is as it was, and no longer part of a cycle
            call.before_sdk_end(span)
        except Exception:  # noqa: BLE001
            fault("the SDK's span")
        try:
            kind.end(span, end_time)
        finally:
            guarded("a span's end", background.answered, call)

    span.end = end
    return True


def add_to(span: Any, found: dict[str, AttributeValue], replacing: str) -> None:
    """Sets on `span` what it does not say yet, and `replacing` in any case."""
    told: Mapping[str, AttributeValue] = getattr(span, "attributes", None) or {}
    span.set_attributes({name: value for name, value in found.items() if name == replacing or name not in told})
