"""Puts the wrappers in place, once anthropic is imported, and takes them out again."""

from __future__ import annotations

import sys
from functools import partial
from typing import TYPE_CHECKING, Any

import wrapt
from opentelemetry.instrumentation.instrumentor import BaseInstrumentor  # pyright: ignore[reportMissingTypeStubs]
from opentelemetry.trace import get_tracer

from firsttoken._version import __version__
from firsttoken.attributes import SCOPE_NAME
from firsttoken.guard import fault, guarded, warn_once
from firsttoken.switches import switched_off

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from firsttoken.seams import Recorder


class AnthropicInstrumentor(BaseInstrumentor):
    """Records every call of the Anthropic SDK as one span.

    `instrument(tracer_provider=…, meter_provider=…)`; both default to the global ones. It never imports anthropic:
    where that is not imported yet, the wrappers wait for it. `FIRSTTOKEN_DISABLED=1` or `OTEL_SDK_DISABLED=true`
    leaves everything as it is.
    """

    def instrumentation_dependencies(self) -> Collection[str]:
        """The SDK versions that have the seams."""
        return ("anthropic >= 0.40",)

    def _instrument(self, **kwargs: Any) -> None:
        if switched_off():
            return
        _state.enable(kwargs.get("tracer_provider"), kwargs.get("meter_provider"))

    def _uninstrument(self, **kwargs: Any) -> None:  # noqa: ARG002
        _state.disable()


#: What no call can be recorded without. The rest only adds to what its span says.
_NEEDED = (
    ("SyncAPIClient", "request"),
    ("SyncAPIClient", "_process_response"),
    ("AsyncAPIClient", "request"),
    ("AsyncAPIClient", "_process_response"),
    ("BaseClient", "_build_request"),
)


def _has(module: Any, owner: str, name: str) -> bool:
    return name in getattr(getattr(module, owner, None), "__dict__", ())


def _warn(missing: str, so: str) -> None:
    """One warning, whatever else is missing too."""
    warn_once("a seam", f"firsttoken does not know this version of anthropic: {missing} missing, so {so}")


class _Patches:
    """What is wrapped now. Import hooks cannot be taken back, so they ask here whether they are still wanted."""

    def __init__(self) -> None:
        self._providers: tuple[Any, Any] | None = None
        self._wrapped: list[_Wrapped] = []
        self._hooked: set[str] = set()
        self._recorder: Recorder | None = None

    def enable(self, tracer_provider: Any, meter_provider: Any) -> None:
        _unwrap(self._wrapped)
        self._wrapped = []
        self._providers = (tracer_provider, meter_provider)
        for name, patch in (
            ("anthropic", self._look_for_client),
            ("anthropic._base_client", self._patch_client),
            ("anthropic._streaming", self._patch_streaming),
            ("anthropic.resources.messages", self._patch_messages),  # before 0.41; a package since
            ("anthropic.resources.messages.messages", self._patch_messages),
            ("anthropic.resources.beta.messages.messages", self._patch_messages),
        ):
            module = sys.modules.get(name)
            # A module that is being imported right now is in sys.modules, but not whole: its hook is still to come.
            if module is not None and not getattr(getattr(module, "__spec__", None), "_initializing", False):
                guarded(name, patch, module)
            elif name not in self._hooked:
                self._hooked.add(name)
                # What a hook raises is raised into the application's import.
                hook = partial(guarded, name, patch)
                wrapt.register_post_import_hook(hook, name)

    def disable(self) -> None:
        self._providers = None
        if self._recorder is None:
            _unwrap(self._wrapped)
        else:
            # The seams stay for the calls that are under way; an `instrument()` meanwhile takes them over.
            self._recorder.retire(lambda wrapped=self._wrapped: _unwrap(wrapped))
            self._recorder = None

    def _look_for_client(self, module: Any) -> None:  # noqa: ARG002 - what an import hook is called with
        if self._providers is not None and "anthropic._base_client" not in sys.modules:
            _warn("anthropic._base_client is", "nothing is recorded")

    def _patch_client(self, module: Any) -> None:
        if self._providers is None:
            return
        missing = [f"{owner}.{name}" for owner, name in _NEEDED if not _has(module, owner, name)]
        if missing:
            # With only some of them, spans would end too early or say too little: better none than wrong ones.
            _warn(f"{', '.join(missing)} {'are' if missing[1:] else 'is'}", "nothing is recorded")
            return
        # Here and not above: what a process that never calls Claude need not load, it does not.
        from firsttoken import neighbours, seams
        from firsttoken.metrics import Metrics

        tracer_provider, meter_provider = self._providers
        tracer = get_tracer(SCOPE_NAME, __version__, tracer_provider)
        self._recorder = recorder = seams.Recorder(tracer, tracer_provider, Metrics(meter_provider))
        for client, request, process in (
            ("SyncAPIClient", recorder.request, seams.process_response),
            ("AsyncAPIClient", recorder.request_async, seams.process_response_async),
        ):
            self._wrap(module, client, "request", request)
            self._wrap(module, client, "_process_response", process)
            self._wrap(module, client, "__init__", seams.construct)
        self._wrap(module, "BaseClient", "_build_request", recorder.build_request)
        self._wrap(module, "BaseClient", "_should_retry", seams.should_retry)
        self._wrap(module, "BaseClient", "_calculate_retry_timeout", seams.calculate_retry_timeout)
        client_class = getattr(sys.modules.get("anthropic"), "Anthropic", None)
        guarded("other instrumentations", neighbours.mention_wrapped, client_class)

    def _patch_streaming(self, module: Any) -> None:
        if self._providers is None:
            return
        from firsttoken import seams

        self._wrap(module, "Stream", "__stream__", seams.stream)
        self._wrap(module, "AsyncStream", "__stream__", seams.stream_async)

    def _patch_messages(self, module: Any) -> None:
        if self._providers is None:
            return
        from firsttoken import seams

        owner = getattr(module, "AsyncMessages", None)
        if owner is None or owner.__module__ != module.__name__:
            return
        for name in ("create", "parse", "count_tokens"):
            if hasattr(owner, name):
                self._wrap(module, "AsyncMessages", name, seams.create_async)

    def _wrap(self, module: Any, owner_name: str, name: str, around: Callable[[Callable[..., Any]], Any]) -> None:
        """Puts what `around` makes of what stands there in its place."""
        try:
            owner = getattr(module, owner_name)
            original = owner.__dict__[name]
            wrapper = around(original)
            setattr(owner, name, wrapper)
            self._wrapped.append((owner, name, wrapper, original))
        except (AttributeError, KeyError):
            _warn(f"{owner_name}.{name} is", "some of what it records is not recorded")
        except Exception:  # noqa: BLE001
            fault(f"{owner_name}.{name}")


def _unwrap(wrapped: list[_Wrapped]) -> None:
    while wrapped:
        owner, name, wrapper, original = wrapped.pop()
        # Another instrumentation that wrapped ours later keeps it: taking it out would take that one out too.
        if owner.__dict__.get(name) is wrapper:
            setattr(owner, name, original)


#: Owner, name, what we put there, what stood there.
_Wrapped = tuple[Any, str, Any, Any]
_state = _Patches()
