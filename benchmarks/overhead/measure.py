"""One process's part of `benchmarks.overhead.run`: copies of the SDK, each with something put on, measured by turns.

    python -m benchmarks.overhead.measure VARIANT… [--rounds 20] [--calls 50] [--of KIND…]

Needs anthropic, OpenTelemetry's SDK and the instrumentations named, and prints the figures as JSON: for each variant
and each kind of work the µs of every round. Times are the CPU time of the calling thread; `whole process` adds all
other threads. Spans go to a BatchSpanProcessor whose exporter reads their attributes, as any exporter does.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import sys
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from importlib import import_module
from types import ModuleType
from typing import Any

from benchmarks.overhead import transport
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult

REQUEST: dict[str, Any] = {
    "model": "claude-haiku-4-5",
    "max_tokens": 1000,
    "system": "You know the sea. " * 40,
    "messages": [{"role": "user", "content": "Tell me about the sea and its ships. " * 20}],
}
FEW, MANY = 20, 320
#: Calls before those that are measured: the first of a client makes things once, and finds nothing in the caches.
WARM = 3
KINDS = ("create", "async create", "stream", "async stream", "text")
#: What machines are compared by.
ATTRIBUTES = {f"gen_ai.attribute.{number}": value for number, value in enumerate(("text", 1, 2.5, True) * 7)}

Figures = dict[str, dict[str, list[float]]]


class Reader(SpanExporter):
    """Reads what an exporter reads, and sends it nowhere."""

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        for span in spans:
            dict(span.attributes or {})
        return SpanExportResult.SUCCESS


def nothing() -> None:
    """Uninstrumented, or with the SDK's own tracing."""


def firsttoken() -> None:
    import_module("firsttoken").AnthropicInstrumentor().instrument()


def firsttoken_with_reader() -> None:
    metrics = import_module("opentelemetry.sdk.metrics")
    reader = import_module("opentelemetry.sdk.metrics.export").InMemoryMetricReader()
    import_module("firsttoken").AnthropicInstrumentor().instrument(meter_provider=metrics.MeterProvider([reader]))


def instrumentor(module: str) -> Callable[[], None]:
    """An instrumentation that follows OpenTelemetry's interface."""
    return lambda: import_module(module).AnthropicInstrumentor().instrument()


def logfire() -> None:
    library = import_module("logfire")
    library.configure(send_to_logfire=False, console=False, additional_span_processors=[BatchSpanProcessor(Reader())])
    library.instrument_anthropic().__enter__()


def openlit() -> None:
    """Changes more than the SDK. So it is measured in a process of its own, against another without."""
    import_module("openlit").init(disable_metrics=True)


#: Name: whether the SDK traces itself, and what is put on.
VARIANTS: dict[str, tuple[bool, Callable[[], None]]] = {
    "uninstrumented": (False, nothing),
    "sdk": (True, nothing),
    "firsttoken on sdk": (True, firsttoken),
    "firsttoken alone": (False, firsttoken),
    "firsttoken on sdk, reader": (True, firsttoken_with_reader),
    "genai-anthropic": (False, instrumentor("opentelemetry.instrumentation.genai.anthropic")),
    "openinference": (False, instrumentor("openinference.instrumentation.anthropic")),
    "traceloop": (False, instrumentor("opentelemetry.instrumentation.anthropic")),
    "logfire": (False, logfire),
    "openlit": (False, openlit),
}


class Copy:
    """A copy of the SDK's modules, and of ours, with something put on that stays; `with` it, they are imported.

    Put on and taken off by turns, the interpreter would each time learn anew what it specializes its code to.
    """

    def __init__(self, put_on: Callable[[], None]) -> None:
        _set_aside()
        self.anthropic: Any = import_module("anthropic")
        put_on()
        self._modules = _set_aside()

    def __enter__(self) -> Any:
        _set_aside()
        sys.modules.update(self._modules)
        return self.anthropic

    def __exit__(self, *_: object) -> None:
        self._modules = _set_aside()  # with what was imported meanwhile


def _set_aside() -> dict[str, ModuleType]:
    names = [name for name in sys.modules if name.partition(".")[0] in {"anthropic", "firsttoken"}]
    return {name: sys.modules.pop(name) for name in names}


class Clients:
    """Clients whose streams are short and long, made while a variant is on."""

    def __init__(self, kind: Any, http: Any, *, sdk: bool) -> None:
        self.few, self.many = (self._client(kind, http, deltas, sdk=sdk) for deltas in (FEW, MANY))

    @staticmethod
    def _client(kind: Any, http: Any, deltas: int, *, sdk: bool) -> Any:
        options: dict[str, Any] = {"http_client": http(transport=transport.Transport(deltas)), "api_key": "none"}
        if hasattr(kind, "_tracer"):
            options["open_telemetry"] = {"traces": sdk}
        return kind(**options)


def create(client: Any) -> None:
    client.messages.create(**REQUEST)


def stream(client: Any) -> None:
    for _ in client.messages.create(**REQUEST, stream=True):
        pass


def text(client: Any) -> None:
    with client.messages.stream(**REQUEST) as events:
        for _ in events.text_stream:
            pass


async def create_async(client: Any) -> None:
    await client.messages.create(**REQUEST)


async def stream_async(client: Any) -> None:
    async for _ in await client.messages.create(**REQUEST, stream=True):
        pass


def finish() -> None:
    """Has the spans exported and the other threads done: what is left to them must not burden the next variant."""
    flush: Any = getattr(trace.get_tracer_provider(), "force_flush", None)
    if flush is not None:
        flush()
    time.sleep(0.01)


def batch(figures: dict[str, list[float]], name: str, calls: int, work: Callable[[], None]) -> None:
    for _ in range(WARM):
        work()
    gc.collect()
    transport.while_awaited_ns = 0
    thread, process = time.thread_time_ns(), time.process_time_ns()
    for _ in range(calls):
        work()
    figures[name].append((time.thread_time_ns() - thread) / calls / 1e3)
    figures[f"{name}, while the network is awaited"].append(transport.while_awaited_ns / calls / 1e3)
    finish()
    figures[f"{name}, whole process"].append((time.process_time_ns() - process) / calls / 1e3)


def scale(figures: dict[str, list[float]], calls: int, client: Any) -> None:
    """What it takes to set 28 attributes, one by one, on a span of OpenTelemetry's: between calls, as it is done."""
    tracer, taken_ns = trace.get_tracer("scale"), 0
    for _ in range(calls):
        create(client)
        span = tracer.start_span("scale")
        began = time.thread_time_ns()
        for name, value in ATTRIBUTES.items():
            span.set_attribute(name, value)
        taken_ns += time.thread_time_ns() - began
    figures["28 attributes"].append(taken_ns / calls / 1e3)


async def batch_async(
    figures: dict[str, list[float]], name: str, calls: int, work: Callable[[Any], Awaitable[None]], client: Any
) -> None:
    for _ in range(WARM):
        await work(client)
    gc.collect()
    thread = time.thread_time_ns()
    for _ in range(calls):
        await work(client)
    figures[name].append((time.thread_time_ns() - thread) / calls / 1e3)
    finish()


def one_round(figures: dict[str, list[float]], calls: int, of: Sequence[str], anthropic: Any, *, sdk: bool) -> None:
    httpx = transport.httpx
    clients = Clients(anthropic.Anthropic, httpx.Client, sdk=sdk)
    if "create" in of:
        batch(figures, "create", calls, lambda: create(clients.few))
        scale(figures, calls // 2, clients.few)
    if "stream" in of:
        batch(figures, "stream few", calls // 3, lambda: stream(clients.few))
        batch(figures, "stream many", calls // 5, lambda: stream(clients.many))
    if "text" in of:
        batch(figures, "text few", calls // 3, lambda: text(clients.few))
        batch(figures, "text many", calls // 5, lambda: text(clients.many))

    async def main() -> None:
        clients = Clients(anthropic.AsyncAnthropic, httpx.AsyncClient, sdk=sdk)
        if "async create" in of:
            await batch_async(figures, "async create", calls, create_async, clients.few)
        if "async stream" in of:
            await batch_async(figures, "async stream few", calls // 3, stream_async, clients.few)
            await batch_async(figures, "async stream many", calls // 5, stream_async, clients.many)

    if any(kind.startswith("async") for kind in of):
        asyncio.run(main())


def measure(variants: Sequence[str], rounds: int, calls: int, of: Sequence[str]) -> Figures:
    """The figures of all rounds but the first, which warms up; every other goes through the variants backwards."""
    copies = {put_on: Copy(put_on) for _, put_on in (VARIANTS[name] for name in variants)}
    figures: Figures = {}
    for number in range(rounds + 1):
        if number <= 1:
            figures = {name: defaultdict[str, list[float]](list) for name in variants}
        for name in variants if number % 2 else tuple(reversed(variants)):
            sdk, put_on = VARIANTS[name]
            with copies[put_on] as anthropic:
                one_round(figures[name], calls, of, anthropic, sdk=sdk)
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("variants", nargs="+", choices=VARIANTS)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--calls", type=int, default=50, help="calls in a batch")
    parser.add_argument("--of", nargs="+", choices=KINDS, default=list(KINDS), help="what is measured")
    args = parser.parse_args()
    if "logfire" not in args.variants and "openlit" not in args.variants:
        provider = TracerProvider()
        provider.add_span_processor(BatchSpanProcessor(Reader()))
        trace.set_tracer_provider(provider)
    print(json.dumps(measure(args.variants, args.rounds, args.calls, args.of)))


if __name__ == "__main__":
    main()
