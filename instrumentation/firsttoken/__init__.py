"""OpenTelemetry instrumentation for the Anthropic SDK, and a DuckDB store for its spans."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from firsttoken._version import __version__

if TYPE_CHECKING:
    from firsttoken.exporter import DuckDBSpanExporter
    from firsttoken.instrumentor import AnthropicInstrumentor

__all__ = ["AnthropicInstrumentor", "DuckDBSpanExporter", "__version__"]

_HOMES = {"AnthropicInstrumentor": "firsttoken.instrumentor", "DuckDBSpanExporter": "firsttoken.exporter"}


def __getattr__(name: str) -> Any:
    # On first use: an application that only exports need not load the instrumentation, nor the other way round.
    if name in _HOMES:
        from importlib import import_module

        return getattr(import_module(_HOMES[name]), name)
    message = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(message)
