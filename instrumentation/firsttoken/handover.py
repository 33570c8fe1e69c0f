"""An application that sets its own TracerProvider, after ours has been set for it, must win.

OpenTelemetry lets the global provider be set once, and warns of a second time. Tracers of the first provider are
already in many hands by then: module-level `trace.get_tracer(__name__)`, other instrumentations, Anthropic clients.
Without us these would be proxies that follow the application's provider, so they have to follow it here too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, cast

from opentelemetry import trace
from opentelemetry.util._once import Once

from firsttoken.guard import fault

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from opentelemetry.sdk.trace import SpanProcessor, TracerProvider


def let_application_win(provider: TracerProvider, processor: SpanProcessor | None) -> None:
    """Let the global provider, ours, be replaced once: without a warning, `processor` goes along."""
    handover = _Handover(provider, processor)
    # On the instance: isinstance checks of other libraries must still see the SDK's own class.
    cast("Any", provider).get_tracer = handover.get_tracer
    cast("Any", trace)._TRACER_PROVIDER_SET_ONCE = _OnceMore(handover.complete)  # noqa: SLF001


class _Scope(NamedTuple):
    """What `get_tracer` was asked for."""

    name: str
    version: str | None
    schema_url: str | None
    attributes: Mapping[str, Any] | None


class _Handover:
    def __init__(self, provider: TracerProvider, processor: SpanProcessor | None) -> None:
        self._provider = provider
        self._processor = processor
        self._make_tracer = provider.get_tracer
        self._given: dict[tuple[str, str | None, str | None, str], tuple[_Scope, trace.Tracer]] = {}
        self._successor: trace.TracerProvider | None = None

    def get_tracer(
        self,
        instrumenting_module_name: str,
        instrumenting_library_version: str | None = None,
        schema_url: str | None = None,
        attributes: Mapping[str, Any] | None = None,
    ) -> trace.Tracer:
        """Stands in for our provider's method."""
        scope = _Scope(instrumenting_module_name, instrumenting_library_version, schema_url, attributes)
        try:
            return self._tracer(scope)
        except Exception:  # noqa: BLE001 - the application asked for a tracer, and gets one
            fault("a tracer")
            return self._make_tracer(*scope)

    def _tracer(self, scope: _Scope) -> trace.Tracer:
        """Remembers each tracer, once a scope."""
        if self._successor is not None:
            return self._successor.get_tracer(*scope)
        key = (*scope[:3], str(scope.attributes))
        if key not in self._given:
            self._given.setdefault(key, (scope, self._make_tracer(*scope)))
        return self._given[key][1]

    def complete(self) -> None:
        """Turn what is in use of our provider over to the one that has just become the global one."""
        successor = trace.get_tracer_provider()
        if successor is self._provider:
            # Somebody set the provider that was there: nothing has changed hands.
            let_application_win(self._provider, self._processor)
            return
        self._successor = successor
        if self._processor is not None and not _stores_already(successor):
            # Providers that are not the SDK's may take no processors: then the application's spans stay its own.
            add = getattr(successor, "add_span_processor", None)
            if add is not None:
                add(self._processor)
        for scope, tracer in list(self._given.values()):
            real = successor.get_tracer(*scope)
            given = cast("Any", tracer)
            given.start_span = real.start_span
            given.start_as_current_span = real.start_as_current_span


class _OnceMore(Once):
    """Takes the place of the guard of the global provider."""

    def __init__(self, done: Callable[[], None]) -> None:
        super().__init__()
        self._after = done

    def do_once(self, func: Callable[[], None]) -> bool:
        if not super().do_once(func):
            return False
        try:
            self._after()
        except Exception:  # noqa: BLE001 - the application is setting its provider; ours must not fail that
            fault("the application's own TracerProvider")
        return True


def _stores_already(provider: trace.TracerProvider) -> bool:
    """Whether the application has put a DuckDBSpanExporter of its own behind its provider."""
    processors: tuple[object, ...] = getattr(getattr(provider, "_active_span_processor", None), "_span_processors", ())
    return any(type(getattr(each, "span_exporter", None)).__name__ == "DuckDBSpanExporter" for each in processors)
