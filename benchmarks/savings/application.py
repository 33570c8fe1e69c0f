"""What a sample application has at hand: a client, luck that is its own, and the web framework around its handlers."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from opentelemetry import trace

from firsttoken_dashboard.demo.api import Behaviour

if TYPE_CHECKING:
    import anthropic
    from benchmarks.savings.figures import Figure

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Application:
    """`luck` draws what the users ask and when: the same before the fix and after it."""

    client: anthropic.AsyncAnthropic
    luck: random.Random

    async def serve(
        self, route: str, handler: Callable[[Item], Awaitable[object]], items: Iterable[Item], *, at_once: int
    ) -> None:
        """Call the handler for each request, as a web framework with its OpenTelemetry instrumentation would."""
        await self._each(f"POST {route}", trace.SpanKind.SERVER, handler, items, at_once)

    async def work(
        self, queue: str, handler: Callable[[Item], Awaitable[object]], items: Iterable[Item], *, at_once: int
    ) -> None:
        """Call the handler for each job of a queue."""
        await self._each(f"process {queue}", trace.SpanKind.CONSUMER, handler, items, at_once)

    async def _each(
        self,
        name: str,
        kind: trace.SpanKind,
        handler: Callable[[Item], Awaitable[object]],
        items: Iterable[Item],
        at_once: int,
    ) -> None:
        turns = asyncio.Semaphore(at_once)

        async def handle(item: Item) -> None:
            async with turns:
                with trace.get_tracer("traffic").start_as_current_span(name, kind=kind):
                    await handler(item)

        await asyncio.gather(*(handle(item) for item in items))


@dataclass(frozen=True, slots=True)
class Pair:
    """An application with a fault that one rule finds, and without; how the API treats it, and what is measured."""

    rule: str
    traffic: Callable[[Application, bool], Awaitable[None]]
    figures: Sequence[Figure]
    api: Behaviour = field(default_factory=Behaviour)
    time_scale: float = 1.0
    seeds_at_once: int = 10
    """Fewer where long prompts keep the process busy, or where more answers than it remembers lie between two calls."""
