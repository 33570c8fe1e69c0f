"""Counting tokens and batches are recorded as what they are, and never as generation."""

from __future__ import annotations

import asyncio
from typing import Any

import anthropic
import pytest

from firsttoken import attributes as a
from firsttoken_dashboard.demo.api import LookAlike
from tests.instrumentation.recording import CallSpan, Recording
from tests.instrumentation.request import request
from tests.instrumentation.ways import named

COUNTED = {key: value for key, value in request().items() if key not in {"max_tokens", "extra_headers"}}
BATCH = [{"custom_id": "one", "params": {key: value for key, value in request().items() if key != "extra_headers"}}]


def resource(client: Any, name: str) -> Any:
    """`messages` or `beta.messages`; skips the test where this SDK has no such operations there."""
    found = client.messages if name == "messages" else client.beta.messages
    if not hasattr(found, "batches"):
        pytest.skip(f"anthropic {anthropic.__version__} has no {name}.batches")
    return found


def only_as_they_are(recorded: Recording, *operations: str) -> list[CallSpan]:
    """The calls that say an operation are these, and nothing at all was generated."""
    calls = [CallSpan(span) for span in recorded.calls]
    named_calls = [call for call in calls if call.get(a.OPERATION_NAME)]
    assert [call[a.OPERATION_NAME] for call in named_calls] == [*operations]
    assert all(call.usage == (None, None) for call in calls)
    assert all(call.get(a.RESPONSE_BLOCKS) is None for call in calls)
    assert not recorded.histograms()
    return named_calls


@pytest.mark.parametrize("where", ["messages", "beta.messages"])
def test_sync(where: str, claude_api: LookAlike, recorded: Recording) -> None:
    with anthropic.Anthropic(base_url=claude_api.url, api_key="test") as client:
        messages = resource(client, where)
        messages.count_tokens(**COUNTED)
        messages.with_raw_response.count_tokens(**COUNTED).parse()
        batch = messages.batches.create(requests=BATCH)
        messages.batches.retrieve(batch.id)
        assert messages.batches.list().data
        assert [result.custom_id for result in messages.batches.results(batch.id)] == ["one"]
    counted, raw, created = only_as_they_are(recorded, "count_tokens", "count_tokens", "create_batch")
    assert counted[a.REQUEST_MODEL] == raw[a.REQUEST_MODEL] == COUNTED["model"]
    assert created[a.HTTP_STATUS_CODE] == counted[a.HTTP_STATUS_CODE] == 200
    assert {call[a.CODE_FILE] for call in (counted, raw, created)} == {__file__}


@pytest.mark.parametrize("where", ["messages", "beta.messages"])
def test_async(where: str, claude_api: LookAlike, recorded: Recording) -> None:
    async def main() -> None:
        async with anthropic.AsyncAnthropic(base_url=claude_api.url, api_key="test") as client:
            messages = resource(client, where)
            await messages.count_tokens(**COUNTED)
            batch = await messages.batches.create(requests=BATCH)
            await messages.batches.retrieve(batch.id)
            assert [result.custom_id async for result in await messages.batches.results(batch.id)] == ["one"]

    asyncio.run(main())
    only_as_they_are(recorded, "count_tokens", "create_batch")


def test_a_refused_count_is_its_own_error(claude_api: LookAlike, recorded: Recording) -> None:
    with anthropic.Anthropic(base_url=claude_api.url, api_key="test", max_retries=0) as client:
        messages = resource(client, "messages")
        with pytest.raises(anthropic.NotFoundError):
            messages.count_tokens(**{**COUNTED, "model": "claude-unknown-1"})
    (call,) = only_as_they_are(recorded, "count_tokens")
    assert call[a.ERROR_TYPE] == "not_found_error"


def test_a_message_beside_a_count_is_still_the_only_generation(claude_api: LookAlike, recorded: Recording) -> None:
    way = named("create")
    client = way.client(claude_api.url)
    if hasattr(client.messages, "count_tokens"):
        client.messages.count_tokens(**COUNTED)
    way.run(client, request())
    (chat,) = [call for call in map(CallSpan, recorded.calls) if call[a.OPERATION_NAME] == "chat"]
    assert chat.usage[1] == claude_api.settle()[-1].output_tokens
