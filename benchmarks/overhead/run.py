"""What a call costs with and without us, on the caller's path: `python -m benchmarks.overhead.run`.

Each variant runs a batch in turn, round after round in one process, so that whatever else the machine does falls on
all of them alike. Times are the CPU time of the calling thread, in µs: the median over the rounds, and the lowest
round's, which a busy machine distorts least. Hashing is done in another thread and counted in the last column, the CPU
time of the whole process.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import statistics
import time
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import Any

import anthropic
from benchmarks.overhead.transport import Transport, httpx
from opentelemetry import trace
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider

from firsttoken import AnthropicInstrumentor

REQUEST: dict[str, Any] = {
    "model": "claude-haiku-4-5",
    "max_tokens": 1000,
    "system": "You know the sea. " * 40,
    "messages": [{"role": "user", "content": "Tell me about the sea and its ships. " * 20}],
}
FEW, MANY = 20, 320


@contextmanager
def _ours() -> Any:
    AnthropicInstrumentor().instrument()
    try:
        yield
    finally:
        AnthropicInstrumentor().uninstrument()


@dataclass
class Variant:
    """One way to be instrumented; `sdk`: the SDK traces itself (1.14 and later)."""

    name: str
    sdk: bool
    ours: bool
    thread_us: dict[str, list[float]] = field(default_factory=dict[str, list[float]])
    process_us: dict[str, list[float]] = field(default_factory=dict[str, list[float]])

    def context(self) -> AbstractContextManager[Any]:
        return _ours() if self.ours else nullcontext()


VARIANTS = (
    Variant("uninstrumented", sdk=False, ours=False),
    Variant("the SDK's own tracing", sdk=True, ours=False),
    Variant("firsttoken over the SDK's own", sdk=True, ours=True),
    Variant("firsttoken without it", sdk=False, ours=True),
)


def _client(kind: Any, http: Any, *, sdk: bool, deltas: int) -> Any:
    options: dict[str, Any] = {"http_client": http(transport=Transport(deltas)), "api_key": "none"}
    if hasattr(kind, "_tracer"):
        options["open_telemetry"] = {"traces": sdk}
    return kind(**options)


class Sync:
    """Work for a sync client."""

    def __init__(self, *, sdk: bool) -> None:
        self._few = _client(anthropic.Anthropic, httpx.Client, sdk=sdk, deltas=FEW)
        self._many = _client(anthropic.Anthropic, httpx.Client, sdk=sdk, deltas=MANY)

    def create(self) -> None:
        self._few.messages.create(**REQUEST)

    def stream_few(self) -> None:
        for _ in self._few.messages.create(**REQUEST, stream=True):
            pass

    def stream_many(self) -> None:
        for _ in self._many.messages.create(**REQUEST, stream=True):
            pass

    def text_few(self) -> None:
        with self._few.messages.stream(**REQUEST) as stream:
            for _ in stream.text_stream:
                pass

    def text_many(self) -> None:
        with self._many.messages.stream(**REQUEST) as stream:
            for _ in stream.text_stream:
                pass


class Async:
    """The same for an async client."""

    def __init__(self, *, sdk: bool) -> None:
        self._few = _client(anthropic.AsyncAnthropic, httpx.AsyncClient, sdk=sdk, deltas=FEW)
        self._many = _client(anthropic.AsyncAnthropic, httpx.AsyncClient, sdk=sdk, deltas=MANY)

    async def create(self) -> None:
        await self._few.messages.create(**REQUEST)

    async def stream_few(self) -> None:
        async for _ in await self._few.messages.create(**REQUEST, stream=True):
            pass

    async def stream_many(self) -> None:
        async for _ in await self._many.messages.create(**REQUEST, stream=True):
            pass


def _batch(variant: Variant, name: str, calls: int, work: Callable[[], None]) -> None:
    gc.collect()
    thread, process = time.thread_time_ns(), time.process_time_ns()
    for _ in range(calls):
        work()
    variant.thread_us.setdefault(name, []).append((time.thread_time_ns() - thread) / calls / 1e3)
    time.sleep(0.002)  # lets the background thread finish, within the process's time
    variant.process_us.setdefault(name, []).append((time.process_time_ns() - process) / calls / 1e3)


def _batch_async(variant: Variant, name: str, calls: int, work: Callable[[], Awaitable[None]]) -> None:
    async def main() -> None:
        gc.collect()
        thread, process = time.thread_time_ns(), time.process_time_ns()
        for _ in range(calls):
            await work()
        variant.thread_us.setdefault(name, []).append((time.thread_time_ns() - thread) / calls / 1e3)
        variant.process_us.setdefault(name, []).append((time.process_time_ns() - process) / calls / 1e3)

    asyncio.run(main())


def measure(rounds: int, calls: int) -> None:
    """Fill the variants' figures."""
    for number in range(rounds + 1):  # the first warms up, and is forgotten
        for variant in VARIANTS:
            with variant.context():
                sync, asynchronous = Sync(sdk=variant.sdk), Async(sdk=variant.sdk)
                _batch(variant, "create", calls, sync.create)
                _batch(variant, "stream few", calls // 5, sync.stream_few)
                _batch(variant, "stream many", calls // 20, sync.stream_many)
                _batch(variant, "text few", calls // 5, sync.text_few)
                _batch(variant, "text many", calls // 20, sync.text_many)
                _batch_async(variant, "async create", calls, asynchronous.create)
                _batch_async(variant, "async stream few", calls // 5, asynchronous.stream_few)
                _batch_async(variant, "async stream many", calls // 20, asynchronous.stream_many)
        if number == 0:
            for variant in VARIANTS:
                variant.thread_us.clear()
                variant.process_us.clear()


def _per_chunk(figures: dict[str, list[float]], kind: str) -> list[float]:
    pairs = zip(figures[f"{kind} many"], figures[f"{kind} few"], strict=True)
    return [(many - few) / (MANY - FEW) for many, few in pairs]


def report() -> None:
    """Print the table: medians, and what is added to the row that it stands on."""
    columns: dict[str, Callable[[dict[str, list[float]]], list[float]]] = {
        "create": lambda us: us["create"],
        "create async": lambda us: us["async create"],
        "a stream of 20": lambda us: us["stream few"],
        "a chunk": lambda us: _per_chunk(us, "stream"),
        "a chunk async": lambda us: _per_chunk(us, "async stream"),
        "a chunk of text_stream": lambda us: _per_chunk(us, "text"),
    }
    print(f"anthropic {anthropic.__version__}; µs of the caller's CPU, median / lowest (added, ratio of medians)\n")
    print("| |", " | ".join(columns), "| create, whole process |")
    print("|---|" + "---|" * (len(columns) + 1))
    base = {VARIANTS[1].name: VARIANTS[0], VARIANTS[2].name: VARIANTS[1], VARIANTS[3].name: VARIANTS[0]}
    for variant in VARIANTS:
        cells: list[str] = []
        for take in columns.values():
            mine = take(variant.thread_us)
            median, least = statistics.median(mine), min(mine)
            cell = f"{median:.2f} / {least:.2f}"
            under = base.get(variant.name)
            if under is not None:
                theirs = take(under.thread_us)
                added = median - statistics.median(theirs)
                cell += f" (+{added:.2f} / +{least - min(theirs):.2f}, ×{median / statistics.median(theirs):.2f})"
            cells.append(cell)
        cells.append(f"{statistics.median(variant.process_us['create']):.0f}")
        print(f"| {variant.name} |", " | ".join(cells), "|")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--calls", type=int, default=200, help="calls in a batch")
    args = parser.parse_args()
    provider = TracerProvider()
    provider.add_span_processor(SpanProcessor())  # spans are recorded and go nowhere
    trace.set_tracer_provider(provider)
    measure(args.rounds, args.calls)
    report()


if __name__ == "__main__":
    main()
