"""The one span of a call: the SDK's own where it opens one, else ours."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opentelemetry.trace import SpanKind, get_current_span

from firsttoken import attributes as a
from firsttoken.guard import fault
from firsttoken.request import body_of, provider_of, request_attributes, server_attributes

if TYPE_CHECKING:
    from opentelemetry.trace import Tracer

    from firsttoken.call import Call


def sdk_will_trace(client: Any, options: Any) -> bool:
    """Whether the SDK (1.14 and later) is about to open its own span for this request."""
    return getattr(options, "span_name", None) is not None and getattr(client, "_tracer", None) is not None


def open_own(tracer: Tracer, call: Call, options: Any) -> None:
    """Starts our span for `call`, below the current one, at the time at which the call began."""
    body = body_of(options)
    call.sdk_attributes = {
        a.PROVIDER_NAME: provider_of(call.client),
        **server_attributes(call.client),
        **request_attributes(body, call.operation, stream=call.stream),
    }
    model = body.get("model")
    name = f"{call.operation} {model}" if isinstance(model, str) else call.operation
    call.span = tracer.start_span(name, kind=SpanKind.CLIENT, attributes=call.sdk_attributes, start_time=call.began_ns)
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
    call.adopted(span)
    _hook_end(span, call)
    return True


def _hook_end(span: Any, call: Call) -> None:
    def end(end_time: int | None = None) -> None:
        try:
            del span.end  # from here on the span is as it was, and no longer part of a cycle
            call.before_sdk_end(span)
        except Exception:  # noqa: BLE001
            fault("the SDK's span")
        kind.end(span, end_time)

    kind: Any = type(span)
    span.end = end
