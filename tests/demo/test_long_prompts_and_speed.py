"""Compaction, fast mode and several tools at once, as applications meet them."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import anthropic
import pytest

from firsttoken_dashboard.demo.api import Behaviour, LookAlike

LOG = "Service 7 answers again.\n" * 6_500
COMPACT: dict[str, Any] = {
    "betas": ["compact-2026-01-12"],
    "context_management": {
        "edits": [{"type": "compact_20260112", "trigger": {"type": "input_tokens", "value": 50_000}}]
    },
}
QUICK = Behaviour(ttft_s=0.02, tokens_per_second=1e6)


@pytest.fixture
def api() -> Generator[LookAlike]:
    with LookAlike(seed=1, default=QUICK) as started:
        yield started
        assert not started.failures


@pytest.fixture
def client(api: LookAlike) -> Generator[Any]:
    with anthropic.Anthropic(base_url=api.url, api_key="k") as made:
        yield made


def ask(client: Any, messages: list[Any], **more: Any) -> Any:
    return client.beta.messages.create(
        model="claude-haiku-5-5", max_tokens=50, messages=messages, **{**COMPACT, **more}
    )


def test_a_prompt_over_the_trigger_is_summed_up_and_billed_twice(api: LookAlike, client: Any) -> None:
    history: list[Any] = [{"role": "user", "content": f"{LOG} Ten words."}]
    message = ask(client, history)
    history += [{"role": "assistant", "content": message.content}, {"role": "user", "content": "And now?"}]
    later = ask(client, history)
    first, second = api.settle()
    assert message.content[0].type == "compaction"
    reading, answering = message.usage.iterations
    assert (reading.type, answering.type) == ("compaction", "message")
    assert reading.input_tokens > 50_000 > answering.input_tokens == message.usage.input_tokens
    assert [run["output_tokens"] for run in first.billed] == [reading.output_tokens, message.usage.output_tokens]
    assert later.usage.input_tokens < 10_000, "what was summed up is not read again"
    assert later.content[0].type == "text"
    assert not second.billed


def test_a_summary_streams_as_a_block_of_its_own(client: Any) -> None:
    history: list[Any] = [{"role": "user", "content": f"{LOG} Ten words."}]
    with client.beta.messages.stream(model="claude-haiku-5-5", max_tokens=50, messages=history, **COMPACT) as stream:
        message = stream.get_final_message()
    assert [block.type for block in message.content] == ["compaction", "text"]


def test_a_trigger_below_what_the_api_allows_is_refused(client: Any) -> None:
    edits = [{"type": "compact_20260112", "trigger": {"type": "input_tokens", "value": 100}}]
    with pytest.raises(anthropic.BadRequestError, match="at least 50000"):
        ask(client, [{"role": "user", "content": "Hello"}], context_management={"edits": edits})


def test_fast_mode_writes_about_twice_as_fast_and_says_so(api: LookAlike, client: Any) -> None:
    api.behave("k", then=Behaviour(ttft_s=0.02, output_tokens=40))
    api.default = Behaviour()
    speeds: list[float] = []
    for speed in ("standard", "fast"):
        with client.beta.messages.stream(
            model="claude-opus-5", max_tokens=99, speed=speed, messages=[{"role": "user", "content": "Hello"}]
        ) as stream:
            assert stream.get_final_message().usage.speed == speed
        speeds.append(api.settle()[-1].tokens_per_second or 0.0)
    assert speeds[1] / speeds[0] == pytest.approx(2.1, rel=0.35)


def test_a_model_without_fast_mode_refuses_it(client: Any) -> None:
    with pytest.raises(anthropic.BadRequestError, match="not supported"):
        ask(client, [{"role": "user", "content": "Hello"}], speed="fast")


def test_as_many_tools_are_called_as_the_prompt_asks_for(client: Any) -> None:
    tools: list[Any] = [{"name": name, "input_schema": {"type": "object"}} for name in ("stock", "price")]

    def called(question: str, **more: Any) -> list[str]:
        asked: list[Any] = [{"role": "user", "content": question}]
        message = client.messages.create(model="claude-haiku-5-5", max_tokens=300, tools=tools, messages=asked, **more)
        return [block.name for block in message.content if block.type == "tool_use"]

    assert called("Look it up.") == ["stock"]
    assert called("Use three tools.") == ["stock", "price", "stock"]
    assert called("Use two tools.", tool_choice={"type": "auto", "disable_parallel_tool_use": True}) == ["stock"]
