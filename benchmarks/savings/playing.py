"""Runs the pairs' applications: the seeds of a pair in one event loop, each against a look-alike of its own.

They sleep for most of their time, so ten seeds take little longer than one. Spans go to the provider of the run whose
context they are started in, so that each application is a service of its own; only then are they written to a store.
"""

from __future__ import annotations

import asyncio
import contextvars
import datetime as dt
import multiprocessing
import random
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
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
#: Pairs that run at once: they sleep for most of their time.
PROCESSES: Final = 3


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


def play(pairs: Sequence[Pair], seeds: Sequence[int], folder: Path) -> None:
    """Run each pair for each seed, before the fix and after it, unless `folder` has its store and bill already."""
    jobs = [
        (pair.rule, missing, folder, mended)
        for mended in (False, True)
        for pair in pairs
        if (missing := [seed for seed in seeds if not bill_of(folder, pair, seed, mended=mended).exists()])
    ]
    with ProcessPoolExecutor(PROCESSES, mp_context=multiprocessing.get_context("spawn")) as pool:
        for _ in pool.map(_play, *zip(*jobs, strict=True)) if jobs else ():
            pass


def store_of(folder: Path, pair: Pair, seed: int, *, mended: bool) -> Path:
    """Where a run's calls are."""
    return folder / f"{pair.rule}-{seed}-{'after' if mended else 'before'}.duckdb"


def bill_of(folder: Path, pair: Pair, seed: int, *, mended: bool) -> Path:
    """Where a run's bill is, in USD."""
    return store_of(folder, pair, seed, mended=mended).with_suffix(".bill")


def _play(rule: str, seeds: Sequence[int], folder: Path, mended: bool) -> None:  # noqa: FBT001 - a job of the pool
    """All seeds of a pair, in a process of its own: what is remembered of earlier answers there is bounded."""
    from benchmarks.savings.pairs import PAIRS

    pair = next(pair for pair in PAIRS if pair.rule == rule)
    if not isinstance(trace.get_tracer_provider(), _Routed):  # else this process has played another pair
        trace.set_tracer_provider(_Routed())
        AnthropicInstrumentor().instrument()
    for seed, (spans, usd) in zip(seeds, asyncio.run(_all(pair, seeds, mended=mended)), strict=True):
        exporter = DuckDBSpanExporter(store_of(folder, pair, seed, mended=mended))
        exporter.export(spans)
        exporter.shutdown()
        bill_of(folder, pair, seed, mended=mended).write_text(repr(usd), encoding="utf-8")


async def _all(pair: Pair, seeds: Sequence[int], *, mended: bool) -> list[tuple[Sequence[ReadableSpan], float]]:
    turns = asyncio.Semaphore(pair.seeds_at_once)

    async def one(seed: int) -> tuple[Sequence[ReadableSpan], float]:
        async with turns:
            return await _run(pair, seed, mended=mended)

    return await asyncio.gather(*map(one, seeds))


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
