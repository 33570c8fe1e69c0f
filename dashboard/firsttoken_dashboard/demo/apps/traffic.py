"""Plays what stands around a handler: a web framework with its visitors, or a queue with its jobs.

As their OpenTelemetry instrumentations do, each request gets a SERVER span and each job a CONSUMER span.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar, cast

from opentelemetry import trace

Item = TypeVar("Item")

tracer = trace.get_tracer("traffic")

#: Added to what each visitor asks: those of another day do not ask the same again, word by word.
MANNERS = os.environ.get("DEMO_MANNERS", "")


def serve(route: str, handler: Callable[[Item], object], requests: Iterable[Item], *, at_once: int) -> None:
    """Call the handler once for each request, so many at the same time."""
    _run(f"POST {route}", trace.SpanKind.SERVER, handler, requests, at_once)


def work(queue: str, handler: Callable[[Item], object], jobs: Iterable[Item], *, at_once: int) -> None:
    """Call the handler once for each job of a queue."""
    _run(f"process {queue}", trace.SpanKind.CONSUMER, handler, jobs, at_once)


async def serve_async(
    route: str, handler: Callable[[Item], Awaitable[object]], requests: Iterable[Item], *, at_once: int
) -> None:
    """`serve` for handlers that are coroutines."""
    turns = asyncio.Semaphore(at_once)

    async def handle(request: Item) -> None:
        async with turns:
            with tracer.start_as_current_span(f"POST {route}", kind=trace.SpanKind.SERVER):
                await handler(request)

    await asyncio.gather(*(handle(request) for request in _asked(requests)))


def _run(
    name: str, kind: trace.SpanKind, handler: Callable[[Item], object], items: Iterable[Item], at_once: int
) -> None:
    def handle(item: Item) -> None:
        with tracer.start_as_current_span(name, kind=kind):
            handler(item)

    with ThreadPoolExecutor(at_once) as pool:
        list(pool.map(handle, _asked(items)))


def _asked(items: Iterable[Item]) -> list[Item]:
    return [cast("Item", f"{item}{MANNERS}") if isinstance(item, str) else item for item in items]
