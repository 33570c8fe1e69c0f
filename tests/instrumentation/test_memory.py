"""Memory stays as it is, however many calls are made and streams dropped (in full: `benchmarks.overhead.memory`)."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterator
from typing import Any, cast

import anthropic
import pytest
from benchmarks.overhead.measure import Clients, create
from benchmarks.overhead.memory import abandon
from benchmarks.overhead.transport import httpx
from opentelemetry.sdk.trace import TracerProvider

from firsttoken import AnthropicInstrumentor, background, stream
from firsttoken import attributes as a
from firsttoken_dashboard.demo.api import LookAlike
from tests.instrumentation.recording import Recording
from tests.instrumentation.request import request


@pytest.fixture
def client() -> Iterator[Any]:
    """A client whose spans nobody reads: what waits to be worked out is all that could pile up."""
    AnthropicInstrumentor().instrument(tracer_provider=TracerProvider())
    yield Clients(anthropic.Anthropic, httpx.Client, sdk=False).few
    AnthropicInstrumentor().uninstrument()


def objects() -> int:
    """How many there are, once what waits because nobody looks, a bounded number, is read."""
    gc.collect()  # ends the streams that were dropped within a cycle, and they wait too
    background._wake()
    deadline = time.monotonic() + 10
    while background._waiting and time.monotonic() < deadline:
        time.sleep(0.01)
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


@pytest.mark.parametrize("bound", [100, 100_000])
def test_an_answer_that_the_application_reads_itself_is_kept_up_to_a_bound(
    bound: int, claude_api: LookAlike, recorded: Recording, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A larger one is handed on whole, and its span says nothing of its tokens."""
    monkeypatch.setattr(stream, "LARGEST_BODY", bound)
    with (
        anthropic.Anthropic(base_url=claude_api.url, api_key="test") as client,
        cast("Any", client).messages.with_streaming_response.create(**request()) as response,
    ):
        size = len(response.read())
    assert 100 < size < 100_000
    assert (a.OUTPUT_TOKENS in recorded.call().attributes) == (size <= bound)
