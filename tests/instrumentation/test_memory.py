"""Memory stays as it is, however many calls are made and streams dropped (in full: `benchmarks.overhead.memory`)."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from typing import Any

import anthropic
import pytest
from benchmarks.overhead.measure import Clients, create
from benchmarks.overhead.memory import abandon
from benchmarks.overhead.transport import httpx
from opentelemetry.sdk.trace import TracerProvider

from firsttoken import AnthropicInstrumentor


@pytest.fixture
def client() -> Iterator[Any]:
    """A client whose spans nobody reads: what waits to be worked out is all that could pile up."""
    AnthropicInstrumentor().instrument(tracer_provider=TracerProvider())
    yield Clients(anthropic.Anthropic, httpx.Client, sdk=False).few
    AnthropicInstrumentor().uninstrument()


def objects() -> int:
    gc.collect()
    return len(gc.get_objects())


@pytest.mark.parametrize("work", [create, abandon], ids=["calls", "streams that were dropped"])
def test_hundreds_more_leave_nothing_behind(work: Callable[[Any], None], client: Any) -> None:
    for _ in range(150):
        work(client)
    before = objects()
    for _ in range(300):
        work(client)
    assert objects() - before < 100
