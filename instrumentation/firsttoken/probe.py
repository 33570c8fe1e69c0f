"""`python -m firsttoken.probe`: what is in force in this very process, as one line of JSON, for `firsttoken doctor`.

Run as `opentelemetry-instrument` runs an application, it tells what an application would find.
"""

from __future__ import annotations

import importlib
import json
import os
import re
import signal
import sys
from importlib.metadata import PackageNotFoundError, entry_points, version
from typing import Any, Final, TypedDict

from firsttoken.service import PARENT_SERVICE

PACKAGES: Final = ("firsttoken", "anthropic", "opentelemetry-sdk", "opentelemetry-instrumentation", "duckdb")

# Values of these may hold keys; that they are set is all that is told. An address may have a password in it.
_SECRET: Final = ("HEADERS", "_KEY", "_TOKEN")
_CREDENTIALS: Final = re.compile(r"(?<=//)[^/@]*@")


class Facts(TypedDict):
    """What the probe tells."""

    executable: str
    python: str
    versions: dict[str, str | None]
    instrumented: bool
    distribution: str
    distributions: list[str]
    exporters: list[str]
    wrapped: bool | None
    instrumentations: list[str]
    flushes_on_sigterm: bool
    variables: dict[str, str]


def facts() -> Facts:
    """Look around. `wrapped` is None without anthropic; `distribution` is the empty text where none was loaded."""
    return {
        "executable": sys.executable,
        "python": ".".join(str(part) for part in sys.version_info[:3]),
        "versions": {package: _version(package) for package in PACKAGES},
        "instrumented": "auto_instrumentation" in str(getattr(sys.modules.get("sitecustomize"), "__file__", "")),
        "distribution": _distribution(),
        "distributions": sorted({each.value.partition(":")[0] for each in _registered("distro", "configurator")}),
        "exporters": _exporters(),
        "wrapped": _wrapped(),
        "instrumentations": sorted(each.value.partition(":")[0] for each in _registered("instrumentor")),
        "flushes_on_sigterm": getattr(signal.getsignal(signal.SIGTERM), "__module__", "") == "firsttoken.ending",
        "variables": {
            name: "(set)" if name.endswith(_SECRET) else _CREDENTIALS.sub("", value)
            for name, value in sorted(os.environ.items())
            if name.startswith(("OTEL_", "FIRSTTOKEN_")) and name != PARENT_SERVICE
        },
    }


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _registered(*kinds: str) -> list[Any]:
    return [each for kind in kinds for each in entry_points(group=f"opentelemetry_{kind}")]


def _distribution() -> str:
    from opentelemetry.instrumentation.distro import BaseDistro

    loaded = [each.__module__ for each in BaseDistro.__subclasses__() if each.__dict__.get("_instance") is not None]
    return next((module for module in loaded if module != BaseDistro.__module__), "")


def _exporters() -> list[str]:
    """Class names of the exporters behind the global TracerProvider."""
    from opentelemetry import trace

    provider = trace.get_tracer_provider()
    processors: tuple[Any, ...] = getattr(getattr(provider, "_active_span_processor", None), "_span_processors", ())
    return [
        "DuckDBSpanExporter"
        if type(each).__name__ == "StoreSpanProcessor"
        else type(getattr(each, "span_exporter", each)).__name__
        for each in processors
    ]


def _wrapped() -> bool | None:
    try:
        client = importlib.import_module("anthropic._base_client").SyncAPIClient
    except (ImportError, AttributeError):
        return None
    return hasattr(client.request, "__wrapped__")


if __name__ == "__main__":
    print(json.dumps(facts()))  # noqa: T201 - the one who asked reads it from here
