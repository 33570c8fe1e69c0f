"""Whether memory stays flat: `python -m benchmarks.overhead.memory [--calls 100000] [--streams 1000]`.

Calls, and streams that are begun and dropped after three events, to a transport inside the process. Prints the memory
of the process in use (resident set) and the objects that the garbage collector knows, ten times along the way.
"""

from __future__ import annotations

import argparse
import gc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anthropic
from benchmarks.overhead import transport
from benchmarks.overhead.measure import FEW, REQUEST, Clients, Reader, create
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from firsttoken import AnthropicInstrumentor


def abandon(client: Any) -> None:
    """Begins a stream and drops it without a word."""
    events = iter(client.messages.create(**REQUEST, stream=True))
    for _ in range(3):
        next(events)


def resident_mb() -> float:
    """Linux; the other systems tell only the most there ever was."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096 / 1e6


def run(title: str, count: int, work: Callable[[], None]) -> None:
    for _ in range(min(count, 2000)):
        work()
    print(f"| {title} | MB resident | objects |\n|---|---|---|")
    for step in range(11):
        if step:
            for _ in range(count // 10):
                work()
        gc.collect()
        trace.get_tracer_provider().force_flush()  # type: ignore[attr-defined]
        print(f"| {step * count // 10:,} | {resident_mb():.1f} | {len(gc.get_objects()):,} |", flush=True)
    print()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=100_000)
    parser.add_argument("--streams", type=int, default=1000)
    args = parser.parse_args()
    provider = TracerProvider()
    provider.add_span_processor(BatchSpanProcessor(Reader()))
    trace.set_tracer_provider(provider)
    AnthropicInstrumentor().instrument()
    transport.WAIT_S = 0.0
    client = Clients(anthropic.Anthropic, transport.httpx.Client, sdk=True).few
    run("calls", args.calls, lambda: create(client))
    run(f"streams of {FEW} dropped", args.streams, lambda: abandon(client))


if __name__ == "__main__":
    main()
