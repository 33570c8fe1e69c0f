"""A conversation that the API sums up before it answers: two runs of the model in one call, each counted apart."""

from __future__ import annotations

from typing import Any

import anthropic
import pytest
from anthropic.types import beta

from firsttoken import attributes as a
from firsttoken_dashboard.demo.api import LookAlike
from tests.instrumentation.recording import Recording
from tests.instrumentation.request import request
from tests.instrumentation.ways import Way, named, parametrize

pytestmark = pytest.mark.skipif(
    not hasattr(beta, "BetaCompactionBlock"),
    reason=f"anthropic {anthropic.__version__} does not know summaries",
)

#: Over the 50,000 tokens that are the least at which the API sums up.
HISTORY = "Service 7 answers again.\n" * 9_000
EDIT = {"type": "compact_20260112", "trigger": {"type": "input_tokens", "value": 50_000}}


def long_conversation(**knobs: object) -> dict[str, Any]:
    asked = request(text=None, **knobs)
    asked["messages"] = [{"role": "user", "content": HISTORY}]
    asked["extra_body"] = {"context_management": {"edits": [EDIT]}}  # older versions do not know it
    asked["extra_headers"]["anthropic-beta"] = "compact-2026-01-12"
    return asked


@parametrize(
    tuple(
        named(name, mode)
        for name in ("beta_create", "beta_create_stream", "streaming_response_read", "streaming_response_lines")
        for mode in ("sync", "async")
    )
)
def test_what_the_summary_cost_is_told_apart_from_the_answers_own_tokens(
    way: Way, claude_api: LookAlike, recorded: Recording
) -> None:
    """By the names of the SDK's own tracing; cache ratio and prompt size stay those of the answer."""
    way.run(way.client(claude_api.url), long_conversation(output_tokens=9, ttft_s=0.001, tokens_per_second=1e5))

    (record,) = claude_api.settle()
    summary, answer = record.billed
    call = recorded.call()
    assert summary["input_tokens"] > 50_000 > answer["input_tokens"]
    assert call[a.COMPACTION_INPUT_TOKENS] == summary["input_tokens"]
    assert call[a.COMPACTION_OUTPUT_TOKENS] == summary["output_tokens"]
    assert call.usage == (answer["input_tokens"], answer["output_tokens"])


def test_a_stream_that_is_left_before_its_end_has_no_final_counts(claude_api: LookAlike, recorded: Recording) -> None:
    client: Any = named("beta_create_stream").client(claude_api.url)
    with client.beta.messages.create(**long_conversation(output_tokens=900), stream=True) as stream:
        next(event for event in stream if event.type == "content_block_delta")

    call = recorded.call()
    assert not {a.OUTPUT_TOKENS, a.COMPACTION_INPUT_TOKENS, a.COMPACTION_OUTPUT_TOKENS} & call.attributes.keys()


def test_a_summary_makes_no_model_slow(claude_api: LookAlike, recorded: Recording) -> None:
    """Its deltas are no part of the answer: the rate, and the gaps, are of those after it."""
    way = named("beta_create_stream")
    asked = long_conversation(output_tokens=1200, tokens_per_delta=20, ttft_s=0.001, tokens_per_second=2000)
    way.run(way.client(claude_api.url), asked)

    (record,) = claude_api.settle()
    summary_tokens = record.billed[0]["output_tokens"]
    answered: list[tuple[float, int]] = []
    for moment, tokens in record.deltas:
        summary_tokens -= tokens
        if summary_tokens < 0:
            answered.append((moment, tokens))
    rate = sum(tokens for _, tokens in answered[1:]) / (answered[-1][0] - answered[0][0])
    assert recorded.call()[a.OUTPUT_TOKENS_PER_SECOND] == pytest.approx(rate, rel=0.3)
