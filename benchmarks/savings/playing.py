"""Runs the pairs' applications: all seeds of a pair at once in one event loop, each against a look-alike of its own.

They sleep for most of their time, so ten seeds take as long as one. Spans go to the tracer provider of the run whose
context they are started in, so that each application is a service of its own; only then are they written to a store.
"""

from __future__ import annotations

import asyncio
import contextvars
import datetime as dt
import json
import random
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import anthropic
from benchmarks.savings.application import Application, Pair
from opentelemetry import trace
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from firsttoken.exporter import DuckDBSpanExporter
from firsttoken.instrumentor import AnthropicInstrumentor
from firsttoken_dashboard import pricing
from firsttoken_dashboard.demo.api import LookAlike, Record

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan

#: Whose spans are started here.
_HERE: contextvars.ContextVar[TracerProvider] = contextvars.ContextVar("provider")
#: Applications that run at once: each call is some milliseconds' work, and more would wait for one another.
RUNS_AT_ONCE: Final = 25


class _Routed(trace.TracerProvider):
    """The global provider: every tracer is that of the run in whose context it starts a span."""

    def get_tracer(self, *args: Any, **kwargs: Any) -> trace.Tracer:
        return _RoutedTracer(args, kwargs)


class _RoutedTracer(trace.Tracer):
    def __init__(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        self._args, self._kwargs = args, kwargs

    def start_span(self, *args: Any, **kwargs: Any) -> trace.Span:
        return self._own().start_span(*args, **kwargs)

    def start_as_current_span(self, *args: Any, **kwargs: Any) -> Any:
        return self._own().start_as_current_span(*args, **kwargs)

    def _own(self) -> trace.Tracer:
        return _HERE.get().get_tracer(*self._args, **self._kwargs)


def instrument() -> None:
    """Once a process, before the first run."""
    trace.set_tracer_provider(_Routed())
    AnthropicInstrumentor().instrument()


def play(pairs: Sequence[Pair], seeds: Sequence[int], folder: Path, *, mended: bool) -> None:
    """Run each pair for each seed; `folder` gets a store and the bills (USD by rule) for each seed."""
    runs = [(pair, seed) for pair in pairs for seed in seeds]
    told = asyncio.run(_all(runs, mended=mended))
    for seed in seeds:
        exporter = DuckDBSpanExporter(store_of(folder, seed, mended=mended))
        for (_, run_seed), (spans, _) in zip(runs, told, strict=True):
            if run_seed == seed:
                exporter.export(spans)
        exporter.shutdown()
        bills = {pair.rule: bill for (pair, run_seed), (_, bill) in zip(runs, told, strict=True) if run_seed == seed}
        bills_of(folder, seed, mended=mended).write_text(json.dumps(bills), encoding="utf-8")


def store_of(folder: Path, seed: int, *, mended: bool) -> Path:
    """Where a seed's calls are."""
    return folder / f"pairs-{seed}-{'after' if mended else 'before'}.duckdb"


def bills_of(folder: Path, seed: int, *, mended: bool) -> Path:
    """Where a seed's bills are."""
    return store_of(folder, seed, mended=mended).with_suffix(".json")


async def _all(runs: Sequence[tuple[Pair, int]], *, mended: bool) -> list[tuple[Sequence[ReadableSpan], float]]:
    turns = asyncio.Semaphore(RUNS_AT_ONCE)
    own = {pair.rule: asyncio.Semaphore(pair.seeds_at_once) for pair, _ in runs}

    async def one(pair: Pair, seed: int) -> tuple[Sequence[ReadableSpan], float]:
        async with own[pair.rule], turns:
            return await _run(pair, seed, mended=mended)

    return await asyncio.gather(*(one(pair, seed) for pair, seed in runs))


async def _run(pair: Pair, seed: int, *, mended: bool) -> tuple[Sequence[ReadableSpan], float]:
    spans = InMemorySpanExporter()
    provider = TracerProvider(resource=Resource({"service.name": pair.rule, "firsttoken.simulated": True}))
    provider.add_span_processor(SimpleSpanProcessor(spans))
    _HERE.set(provider)
    # The users ask the same; the API has other luck.
    api_seed = -1 - seed if mended else seed
    with LookAlike(seed=api_seed, time_scale=pair.time_scale, default=pair.api) as api:
        async with anthropic.AsyncAnthropic(base_url=api.url, api_key=f"sk-ant-simulated-{pair.rule}") as client:
            await pair.traffic(Application(client, random.Random(seed)), mended)
        records = await asyncio.to_thread(api.settle)
        if api.failures:
            raise api.failures[0]
    provider.shutdown()
    return spans.get_finished_spans(), sum(map(_usd, records))


def _usd(record: Record) -> float:
    """What the API bills for a request, by its own records."""
    return sum(_usage_usd(record.model, usage) for usage in _usages(record))


def _usages(record: Record) -> Iterator[dict[str, Any]]:
    """Each model run that a request paid for."""
    yield from record.billed or ([record.usage] if record.usage else [])


def _usage_usd(model: str | None, usage: dict[str, Any]) -> float:
    usd = pricing.load().cost(
        usage.get("model", model),
        dt.datetime.now(dt.timezone.utc),
        usage["input_tokens"],
        usage["cache_read_input_tokens"],
        usage["cache_creation"]["ephemeral_5m_input_tokens"],
        usage["cache_creation"]["ephemeral_1h_input_tokens"],
        usage["output_tokens"],
        speed=usage.get("speed"),
        batch=usage.get("service_tier") == "batch",
        geo=usage.get("inference_geo"),
    )
    if usd is None:
        message = f"no price for {model}"
        raise ValueError(message)
    return usd
