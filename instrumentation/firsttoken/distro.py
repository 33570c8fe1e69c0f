"""What `opentelemetry-instrument` does where nothing else says what to do: record into the local store.

Variables of the user's always win, another distribution takes our place altogether, and the environment is left as
it was: child processes start from the user's settings, not from our defaults.
"""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, cast

from opentelemetry.environment_variables import OTEL_LOGS_EXPORTER, OTEL_METRICS_EXPORTER, OTEL_TRACES_EXPORTER
from opentelemetry.instrumentation.distro import BaseDistro
from opentelemetry.instrumentation.environment_variables import (
    OTEL_PYTHON_DISABLED_INSTRUMENTATIONS,
    OTEL_PYTHON_DISTRO,
)
from opentelemetry.sdk.environment_variables import (
    OTEL_BSP_SCHEDULE_DELAY,
    OTEL_EXPORTER_OTLP_ENDPOINT,
    OTEL_EXPORTER_OTLP_PROTOCOL,
    OTEL_EXPORTER_OTLP_TRACES_ENDPOINT,
    OTEL_EXPORTER_OTLP_TRACES_PROTOCOL,
    OTEL_RESOURCE_ATTRIBUTES,
    OTEL_SERVICE_NAME,
)
from opentelemetry.util import _importlib_metadata as importlib_metadata

from firsttoken import service
from firsttoken.guard import fault
from firsttoken.switches import switched_off

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Mapping
    from importlib.metadata import EntryPoint
    from types import ModuleType

OURS: Final = "firsttoken"
EXPORTER: Final = "duckdb"
NONE: Final = "none"

FIRSTTOKEN_STORE: Final = "FIRSTTOKEN_STORE"
OTEL_CONFIG_FILE: Final = "OTEL_CONFIG_FILE"  # younger than the oldest SDK that we allow

_SIGNALS: Final = (OTEL_TRACES_EXPORTER, OTEL_METRICS_EXPORTER, OTEL_LOGS_EXPORTER)
_OTLP_EXPORTERS: Final = {"grpc": "otlp_proto_grpc", "http/protobuf": "otlp_proto_http"}


def distro() -> BaseDistro | None:
    """Offer the distribution to the loader, which skips None: switched off, or another one is installed.

    `OTEL_PYTHON_DISTRO=firsttoken` chooses ours beside others.
    """
    if switched_off():
        return None
    if os.environ.get(OTEL_PYTHON_DISTRO) != OURS and (others("distro") or others("configurator")):
        return None
    return FirstTokenDistro()


def finish() -> None:
    """Prepare for the process's children and its end; the loader calls this after everything else.

    Under any distribution, but only where spans go to the store.
    """
    # Whoever configured the SDK has loaded one of them: our distribution the first, another one the second.
    if not sys.modules.keys() & {"firsttoken.processor", "firsttoken.exporter"}:
        return
    try:
        from firsttoken import children, ending

        ending.prepare()
        children.flush_forks()
        if ending.targets:
            children.record_programs()
    except Exception:  # noqa: BLE001 - the application is about to start, and starts in any case
        fault("the end of this process")


def others(kind: str) -> list[str]:
    """Name the entry points of group `opentelemetry_{kind}` that other distributions registered."""
    return [each.name for each in _entry_points(f"opentelemetry_{kind}") if not each.value.startswith(f"{OURS}.")]


def defaults(environ: Mapping[str, str]) -> dict[str, str]:
    """Tell what holds where the user said nothing: each variable, and the value we put in its place."""
    wanted = {
        OTEL_TRACES_EXPORTER: _traces_exporters(environ),
        OTEL_METRICS_EXPORTER: NONE,
        OTEL_LOGS_EXPORTER: NONE,
        OTEL_BSP_SCHEDULE_DELAY: "1000",
    }
    if "service.name=" not in environ.get(OTEL_RESOURCE_ATTRIBUTES, "").replace(" ", ""):
        name = service.name(sys.argv, sys.orig_argv, environ)
        if name:
            wanted[OTEL_SERVICE_NAME] = name
    return {variable: value for variable, value in wanted.items() if not environ.get(variable)}


class FirstTokenDistro(BaseDistro):
    """Sets the SDK up with `defaults`, by the SDK's own configurator."""

    def _configure(self, **kwargs: Any) -> None:
        del kwargs
        if os.environ.get(OTEL_CONFIG_FILE):
            _run_configurator()  # that file says everything
            return
        settings = defaults(os.environ)
        if OTEL_SERVICE_NAME in settings:
            os.environ[service.PARENT_SERVICE] = settings[OTEL_SERVICE_NAME]
        if others("configurator"):
            os.environ.update(settings)  # the loader runs that configurator next, and it reads the environment
            return
        if settings.get(OTEL_TRACES_EXPORTER) == NONE and all(each in settings for each in _SIGNALS):
            return  # nobody asked for anything
        exporters = _names(settings.get(OTEL_TRACES_EXPORTER) or os.environ[OTEL_TRACES_EXPORTER])
        # Our exporter is left to StoreSpanProcessor, the delay with it: a collector keeps the SDK's.
        settings.pop(OTEL_BSP_SCHEDULE_DELAY, None)
        settings[OTEL_TRACES_EXPORTER] = ",".join(each for each in exporters if each != EXPORTER) or NONE
        with _environment(settings):
            _run_configurator()
        _set_up(to_store=EXPORTER in exporters and not _store_is_off(os.environ))


def _set_up(*, to_store: bool) -> None:
    from opentelemetry import trace
    from opentelemetry.sdk.trace import TracerProvider

    from firsttoken import ending, handover

    provider = trace.get_tracer_provider()
    if not isinstance(provider, TracerProvider):
        return  # somebody set another kind before us
    processor = None
    if to_store:
        from firsttoken.processor import StoreSpanProcessor

        processor = StoreSpanProcessor()
        provider.add_span_processor(processor)
        ending.targets.append(processor)
    handover.let_application_win(provider, processor)


def _run_configurator() -> None:
    from opentelemetry.instrumentation.version import __version__
    from opentelemetry.sdk import _configuration as configuration

    class Configurator(configuration._OTelSDKConfigurator):  # noqa: SLF001 - the SDK asks for a subclass
        """The SDK's configurator under our name."""

    configurator = cast("Any", Configurator())
    if os.environ.get(OTEL_CONFIG_FILE):
        configurator.configure()
        return
    with _left_to_the_application(configuration):
        configurator.configure(auto_instrumentation_version=__version__)


@contextmanager
def _left_to_the_application(configuration: ModuleType) -> Generator[None]:
    """Keep the SDK from setting global providers for metrics and logs that export nothing.

    They can be set only once, and an application that sets its own later would be refused.
    """
    steps = {OTEL_METRICS_EXPORTER: "_init_metrics", OTEL_LOGS_EXPORTER: "_init_logging"}
    kept = {
        step: getattr(configuration, step)
        for variable, step in steps.items()
        if not _names(os.environ.get(variable, "")) and hasattr(configuration, step)
    }
    try:
        for step in kept:
            setattr(configuration, step, _nothing)
        yield
    finally:
        for step, function in kept.items():
            setattr(configuration, step, function)


def _nothing(*_args: object, **_kwargs: object) -> None:
    """Stands in for a step of the configurator."""


@contextmanager
def _environment(settings: Mapping[str, str]) -> Generator[None]:
    before = {variable: os.environ.get(variable) for variable in settings}
    os.environ.update(settings)
    try:
        yield
    finally:
        for variable, value in before.items():
            if value is None:
                os.environ.pop(variable, None)
            else:
                os.environ[variable] = value


def _traces_exporters(environ: Mapping[str, str]) -> str:
    """The store, and the user's collector where one is known and its exporter is installed."""
    exporters = [_otlp_exporter(environ)]
    if OURS not in _names(environ.get(OTEL_PYTHON_DISABLED_INSTRUMENTATIONS, "")) and not _store_is_off(environ):
        exporters.append(EXPORTER)
    return ",".join(filter(None, exporters)) or NONE


def _otlp_exporter(environ: Mapping[str, str]) -> str | None:
    if not (environ.get(OTEL_EXPORTER_OTLP_ENDPOINT) or environ.get(OTEL_EXPORTER_OTLP_TRACES_ENDPOINT)):
        return None
    protocol = environ.get(OTEL_EXPORTER_OTLP_TRACES_PROTOCOL) or environ.get(OTEL_EXPORTER_OTLP_PROTOCOL)
    candidates = [_OTLP_EXPORTERS[protocol]] if protocol in _OTLP_EXPORTERS else list(_OTLP_EXPORTERS.values())
    installed = {each.name for each in _entry_points("opentelemetry_traces_exporter")}
    return next((each for each in candidates if each in installed), None)


def _entry_points(group: str) -> Iterable[EntryPoint]:
    # OpenTelemetry's own look-up: its loader has made it already, so the packages are not scanned a second time.
    return cast("Any", importlib_metadata).entry_points(group=group)


def _names(value: str) -> list[str]:
    """Split a list as the SDK writes them; `none` is empty."""
    names = [each.strip() for each in value.split(",") if each.strip()]
    return [] if [each.lower() for each in names] == [NONE] else names


def _store_is_off(environ: Mapping[str, str]) -> bool:
    return environ.get(FIRSTTOKEN_STORE, "").strip().lower() == "off"
