"""What a call and a chunk cost in the processor's instructions, which no neighbour on the machine disturbs.

    python -m benchmarks.overhead.instructions [VARIANT…] [--of create…] [--python PATH] [--calls 20]

The same calls and variants as `benchmarks.overhead.measure`, run under valgrind's callgrind, which counts the
instructions of the calling thread and simulates its caches (32 kB, and 512 kB behind it): the same to a few percent
whenever it is asked, at forty times the time. The garbage collector's are left out. Each variant stands on the first.
`--python`: that of a peer's environment (`benchmarks.overhead.run --environments DIR` makes them). Needs valgrind.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

REPOSITORY = Path(__file__).resolve().parents[2]
VARIANTS = ("uninstrumented", "sdk", "firsttoken on sdk", "firsttoken alone")
#: What is counted, and the calls whose counts it is made of: a chunk is what a long stream has more than a short one.
COUNTED = {
    "create": ("create",),
    "create async": ("create async",),
    "chunk of a stream": ("stream many", "stream few"),
    "chunk of its text": ("text many", "text few"),
}
WORKS = tuple(work for works in COUNTED.values() for work in works)
_CACHES = ("--cache-sim=yes", "--I1=32768,8,64", "--D1=32768,8,64", "--LL=524288,8,64")
_SEPARATE = ("--separate-threads=yes", "--instr-atstart=no")


class Cost(NamedTuple):
    """Of one call: instructions, and reads and writes that found neither in the first cache nor in the second."""

    instructions: float
    misses: float

    def minus(self, other: Cost) -> Cost:
        return Cost(self.instructions - other.instructions, self.misses - other.misses)

    def by(self, count: int) -> Cost:
        return Cost(self.instructions / count, self.misses / count)


def cost(python: str, variant: str, work: str, calls: int) -> Cost:
    """What callgrind counted in the calling thread, a call."""
    with tempfile.TemporaryDirectory() as scratch:
        out = Path(scratch) / "out"
        command = ["valgrind", "--tool=callgrind", *_SEPARATE, *_CACHES, f"--callgrind-out-file={out}", python]
        command += ["-m", "benchmarks.overhead.instructions", "--inside", work, "--calls", str(calls), variant]
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("OTEL_", "FIRSTTOKEN_"))}
        subprocess.run(
            command,
            check=True,
            cwd=REPOSITORY,
            env={**kept, "PYTHONHASHSEED": "0"},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        # One file a thread and a dump, and the first thread is the caller's.
        text = next(text for text in (file.read_text() for file in Path(scratch).glob("out*-01")) if "measured" in text)
    lines = dict(line.split(":", 1) for line in text.splitlines() if line.startswith(("events:", "totals:")))
    counted = dict(zip(lines["events"].split(), map(int, lines["totals"].split()), strict=False))
    return Cost(counted["Ir"], counted["ILmr"] + counted["DLmr"] + counted["DLmw"]).by(calls)


def inside(variant: str, work: str, calls: int) -> None:
    """Makes the calls, in a process that callgrind looks at."""
    from benchmarks.overhead import measure, transport
    from opentelemetry import trace
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    provider = TracerProvider()
    # What is exported meanwhile would share the caches with the caller.
    provider.add_span_processor(BatchSpanProcessor(measure.Reader(), schedule_delay_millis=600_000))
    trace.set_tracer_provider(provider)
    transport.WAIT_S = 0.05
    sdk, put_on = measure.VARIANTS[variant]
    copy = measure.Copy(put_on)
    httpx = transport.httpx

    def measured(once: Callable[[], None]) -> None:
        for _ in range(12):
            once()
        time.sleep(0.3)
        gc.collect()
        gc.disable()  # its turns fall by chance, and are long
        _control("-i", "on")
        once()
        _control("-z")
        for _ in range(calls):
            once()
        _control("-d", "measured")

    with copy as anthropic:
        if variant.startswith("firsttoken"):
            # At forty times its time, an application seems to hold each chunk for so long that we look at the socket.
            vars(import_module("firsttoken.body"))["EXACT_S"] = 1.0
        if work == "create async":
            loop = asyncio.new_event_loop()
            clients = measure.Clients(anthropic.AsyncAnthropic, httpx.AsyncClient, sdk=sdk)
            measured(lambda: loop.run_until_complete(measure.create_async(clients.few)))
        else:
            name, _, size = work.partition(" ")
            client: Any = getattr(measure.Clients(anthropic.Anthropic, httpx.Client, sdk=sdk), size or "few")
            call: Callable[[Any], None] = getattr(measure, name)
            measured(lambda: call(client))
    os._exit(0)  # nothing after this is of interest, at forty times its time


def _control(*words: str) -> None:
    subprocess.run(["callgrind_control", *words, str(os.getpid())], check=True, stdout=subprocess.DEVNULL)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("variants", nargs="*", default=VARIANTS, help="as benchmarks.overhead.measure names them")
    parser.add_argument("--of", nargs="+", choices=COUNTED, default=list(COUNTED))
    parser.add_argument("--python", default=sys.executable)
    parser.add_argument("--calls", type=int, default=20)
    parser.add_argument("--inside", choices=WORKS, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.inside:
        inside(args.variants[0], args.inside, args.calls)
        return
    from benchmarks.overhead.measure import FEW, MANY

    base: dict[str, Cost] = {}
    print(f"| thousands of instructions, misses | {' | '.join(args.of)} |")
    print("|---|" + "---|" * len(args.of))
    for variant in args.variants:
        costs: dict[str, Cost] = {}
        for counted in args.of:
            whole, *short = (
                cost(args.python, variant, work, 4 if "many" in work else args.calls) for work in COUNTED[counted]
            )
            costs[counted] = whole.minus(short[0]).by(MANY - FEW) if short else whole
        told = [costs[counted].minus(base[counted]) if base else costs[counted] for counted in args.of]
        base = base or costs
        sign = "" if base is costs else "+"
        cells = [f"{each.instructions / 1000:{sign}.1f}, {each.misses:{sign}.0f}" for each in told]
        print(f"| {variant} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
