"""The thread that hashes requests: awake by itself while calls come, woken where somebody would have to wait."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import anthropic
import pytest

from firsttoken import attributes as a
from firsttoken import background
from firsttoken_dashboard.demo.api import LookAlike
from tests.instrumentation.recording import Recording
from tests.instrumentation.request import request


@pytest.fixture
def napping(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The thread has just done something, and lies down for half a minute."""
    monkeypatch.setattr(background, "NAPS_S", (30.0,))
    done = threading.Event()
    background.submit(done.set)
    background._end_nap()
    assert done.wait(5)
    yield
    monkeypatch.undo()
    background._end_nap()


@pytest.mark.usefixtures("napping")
def test_who_looks_at_a_span_early_wakes_it_and_gets_the_hashes(claude_api: LookAlike, recorded: Recording) -> None:
    with anthropic.Anthropic(base_url=claude_api.url, api_key="test") as client:
        client.messages.create(**request(output_tokens=9))
    assert a.REQUEST_HASH in recorded.call().attributes


@pytest.mark.usefixtures("napping")
def test_a_burst_of_requests_wakes_it_before_any_must_be_left_out() -> None:
    # One more than wakes it: where it was not asleep yet, it takes the first and lies down then.
    done = [threading.Event() for _ in range(background.MANY_WAITING + 2)]
    assert all(background.submit(each.set) for each in done)
    assert all(each.wait(5) for each in done)
