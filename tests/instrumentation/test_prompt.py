"""The prompt without its text: hashes of its blocks in cache order, and which calls use the answers of others."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import anthropic
import pytest
from opentelemetry import trace

from firsttoken import attributes as a
from firsttoken import background, fingerprint
from firsttoken_dashboard.advisor.prompts import Prefixes, blocks
from firsttoken_dashboard.demo.api import LookAlike
from tests.instrumentation.recording import CallSpan, Recording
from tests.instrumentation.request import request

tracer = trace.get_tracer("application")
FACTS = "Seven lighthouses stand on the northern shore, and the oldest of them was built from red granite in winter."
TOOL: dict[str, Any] = {"name": "look", "description": "Look it up", "input_schema": {"type": "object"}}


@pytest.fixture
def client(claude_api: LookAlike) -> Any:
    with anthropic.Anthropic(base_url=claude_api.url, api_key="test", max_retries=0) as client:
        yield client


def ask(client: Any, recorded: Recording, **changes: Any) -> CallSpan:
    recorded.clear()
    client.messages.create(**{**request(), **changes})
    return recorded.call()


def sections(call: CallSpan) -> list[list[str]]:
    return [block.split(":") for block in call[a.PROMPT_BLOCKS]]


def test_blocks_come_in_cache_order_with_their_lengths_and_marks(client: Any, recorded: Recording) -> None:
    call = ask(
        client,
        recorded,
        tools=[TOOL],
        system=[{"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral"}}],
        messages=[{"role": "user", "content": "Hello there"}],
    )
    tool, system, message = sections(call)
    assert (tool[0], system[0], message[0]) == ("tools", "system", "messages")
    assert (system[2:], message[2:]) == (["9", "5m"], ["11", "-"])
    assert int(tool[2]) == pytest.approx(len(json.dumps(TOOL)), abs=12)
    assert all(len(block[1]) == 16 and int(block[1], 16) >= 0 for block in (tool, system, message))


def test_the_same_prefix_has_the_same_hashes(client: Any, recorded: Recording) -> None:
    first = ask(client, recorded, system="You know the sea.", messages=[{"role": "user", "content": "One"}])
    second = ask(client, recorded, system="You know the sea.", messages=[{"role": "user", "content": "Two"}])
    assert sections(first)[0] == sections(second)[0]
    assert sections(first)[1][1] != sections(second)[1][1]
    assert first[a.REQUEST_HASH] != second[a.REQUEST_HASH]
    assert first[a.SETTINGS_HASH] == second[a.SETTINGS_HASH]


def test_a_bare_string_and_a_text_block_are_one_thing(client: Any, recorded: Recording) -> None:
    bare = ask(client, recorded, system="Be brief.")
    block = ask(client, recorded, system=[{"type": "text", "text": "Be brief."}])
    assert bare[a.PROMPT_BLOCKS] == block[a.PROMPT_BLOCKS]


def test_metadata_does_not_change_the_request_hash_but_tool_choice_changes_the_settings(
    client: Any, recorded: Recording
) -> None:
    plain = ask(client, recorded, tools=[TOOL])
    tagged = ask(client, recorded, tools=[TOOL], metadata={"user_id": "someone"})
    chosen = ask(client, recorded, tools=[TOOL], tool_choice={"type": "any"})
    assert plain[a.REQUEST_HASH] == tagged[a.REQUEST_HASH] != chosen[a.REQUEST_HASH]
    assert plain[a.SETTINGS_HASH] == tagged[a.SETTINGS_HASH] != chosen[a.SETTINGS_HASH]


def test_the_standard_speed_is_the_same_setting_whether_named_or_not(client: Any, recorded: Recording) -> None:
    plain = ask(client, recorded)
    named = ask(client, recorded, extra_body={"speed": "standard"})
    assert plain[a.SETTINGS_HASH] == named[a.SETTINGS_HASH]


def test_a_long_conversation_is_bounded(client: Any, recorded: Recording) -> None:
    turns = [{"role": ("user", "assistant")[turn % 2], "content": f"Turn {turn}"} for turn in range(61)]
    call = ask(client, recorded, system="Be brief.", messages=turns)
    found = sections(call)
    assert [block[0] for block in found] == ["system", "prior", *["messages"] * 24]
    assert int(found[1][2]) == sum(len(f"Turn {turn}") for turn in range(37))


def marked_turns(count: int, *marked: int) -> list[dict[str, Any]]:
    turns: list[dict[str, Any]] = [
        {"role": ("user", "assistant")[turn % 2], "content": [{"type": "text", "text": f"Turn {turn}"}]}
        for turn in range(count)
    ]
    for turn in marked:
        turns[turn]["content"][0]["cache_control"] = {"type": "ephemeral"}
    return turns


def test_marks_early_in_a_long_conversation_are_told_where_they_stand(client: Any, recorded: Recording) -> None:
    found = sections(ask(client, recorded, messages=marked_turns(61, 0, 9, 10, 60)))
    assert [block[0] for block in found] == ["messages", "prior", "messages", "messages", "prior", *["messages"] * 24]
    assert [place for place, block in enumerate(found) if block[3] == "5m"] == [0, 2, 3, 28]
    assert int(found[1][2]) == sum(len(f"Turn {turn}") for turn in range(1, 9))


def test_a_request_with_more_marks_than_the_api_takes_is_bounded_too(client: Any, recorded: Recording) -> None:
    with pytest.raises(anthropic.BadRequestError):
        ask(client, recorded, messages=marked_turns(61, *range(1, 30, 2)))
    assert len(sections(recorded.call())) == 24 + 2 * 4 + 1


def test_a_marked_prefix_is_known_again_once_its_conversation_has_grown_long(client: Any, recorded: Recording) -> None:
    prefixes = Prefixes()

    def prefix_at_mark(turns: int) -> int:
        parts = blocks(ask(client, recorded, messages=marked_turns(turns, 9))[a.PROMPT_BLOCKS])
        assert parts is not None
        return prefixes.number(parts)[[part.mark for part in parts].index("5m")]

    assert len({prefix_at_mark(turns) for turns in (11, 31, 61)}) == 1


def test_messages_given_as_a_generator_are_sent_and_hashed(
    client: Any, claude_api: LookAlike, recorded: Recording
) -> None:
    turns = ({"role": "user", "content": text} for text in ["Only once"])
    call = ask(client, recorded, messages=turns)
    assert json.loads(claude_api.records[-1].body)["messages"] == [{"role": "user", "content": "Only once"}]
    assert sections(call)[-1][2] == str(len("Only once"))


def test_a_chain_of_calls_is_told_from_independent_ones(client: Any, recorded: Recording) -> None:
    with tracer.start_as_current_span("job"):
        first = client.messages.create(**request(text=FACTS))
        client.messages.create(**{**request(), "messages": [{"role": "user", "content": "Something else entirely"}]})
        answer = first.content[0].text
        client.messages.create(**{**request(), "messages": [{"role": "user", "content": f"Sum this up: {answer}"}]})
    made, independent, dependent = (CallSpan(span) for span in recorded.calls)
    assert made[a.DEPENDS_ON] == ()
    assert independent[a.DEPENDS_ON] == ()
    assert dependent[a.DEPENDS_ON] == (f"{made.span_id:016x}:1",)


def test_half_an_answer_used_is_half_a_dependency(client: Any, recorded: Recording) -> None:
    with tracer.start_as_current_span("job"):
        words = client.messages.create(**request(text=FACTS)).content[0].text.split()
        half = " ".join(words[: len(words) // 2])
        client.messages.create(**{**request(), "messages": [{"role": "user", "content": half}]})
    made, dependent = (CallSpan(span) for span in recorded.calls)
    span_id, _, share = dependent[a.DEPENDS_ON][0].partition(":")
    assert span_id == f"{made.span_id:016x}"
    assert 0.25 < float(share) < 0.6


def test_a_streamed_answer_counts_too(client: Any, recorded: Recording) -> None:
    with tracer.start_as_current_span("job"):
        with client.messages.stream(**request(text=FACTS)) as stream:
            answer = "".join(stream.text_stream)
        client.messages.create(**{**request(), "messages": [{"role": "user", "content": answer}]})
    made, dependent = (CallSpan(span) for span in recorded.calls)
    assert dependent[a.DEPENDS_ON] == (f"{made.span_id:016x}:1",)


def test_a_tool_result_depends_on_the_call_that_asked_for_it(client: Any, recorded: Recording) -> None:
    with tracer.start_as_current_span("job"):
        asked = client.messages.create(**request(answer="tool", output_tokens=20), tools=[TOOL])
        use = asked.content[0]
        turns: list[dict[str, Any]] = [
            {"role": "user", "content": "Look"},
            {"role": "assistant", "content": [{"type": "tool_use", "id": use.id, "name": "look", "input": {}}]},
            {"role": "user", "content": [{"type": "tool_result", "tool_use_id": use.id, "content": "nothing"}]},
        ]
        client.messages.create(**{**request(), "messages": turns}, tools=[TOOL])
    made, dependent = (CallSpan(span) for span in recorded.calls)
    assert dependent[a.DEPENDS_ON] == (f"{made.span_id:016x}:1",)


def test_calls_of_other_traces_are_no_dependency(client: Any, recorded: Recording) -> None:
    answer = client.messages.create(**request(text=FACTS)).content[0].text
    client.messages.create(**{**request(), "messages": [{"role": "user", "content": answer}]})
    assert CallSpan(recorded.calls[1])[a.DEPENDS_ON] == ()


def test_nothing_is_said_where_an_earlier_answer_is_no_longer_remembered(
    client: Any, recorded: Recording, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An empty list would say that the call uses none. Another trace is not concerned."""
    monkeypatch.setattr(fingerprint, "OUTPUTS_KEPT", 3)
    with tracer.start_as_current_span("job"):
        answer = client.messages.create(**request(text=FACTS)).content[0].text
        for number in range(3):
            client.messages.create(**request(text=f"{number} ships are at sea tonight, and every one is late."))
        client.messages.create(**{**request(), "messages": [{"role": "user", "content": answer}]})
    with tracer.start_as_current_span("another job"):
        client.messages.create(**request())
    *_, last_to_know, forgetful, elsewhere = (CallSpan(span) for span in recorded.calls)
    assert last_to_know[a.DEPENDS_ON] == ()
    assert a.DEPENDS_ON not in forgetful.attributes
    assert elsewhere[a.DEPENDS_ON] == ()


def test_nothing_is_said_where_more_answers_came_at_once_than_are_kept(
    claude_api: LookAlike, recorded: Recording, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fingerprint, "OUTPUTS_KEPT", 3)

    async def job() -> None:
        client: Any
        async with anthropic.AsyncAnthropic(base_url=claude_api.url, api_key="test") as client:
            asked = request(text=FACTS, headers_s=0.3, ttft_s=0.3)
            with tracer.start_as_current_span("job"):
                answers: list[Any] = await asyncio.gather(*(client.messages.create(**asked) for _ in range(4)))
                turns: Any = [{"role": "user", "content": answers[0].content[0].text}]
                await client.messages.create(**{**request(), "messages": turns})

    asyncio.run(job())
    *together, after = (CallSpan(span) for span in recorded.calls)
    assert [call[a.DEPENDS_ON] for call in together] == [()] * 4
    assert a.DEPENDS_ON not in after.attributes


def test_nothing_is_said_after_a_request_that_was_too_large_to_be_looked_into(
    client: Any, recorded: Recording, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(background, "LARGEST_BODY", 1000)
    with tracer.start_as_current_span("job"):
        large: Any = [{"role": "user", "content": "Sum this up. " * 100}]
        answer = client.messages.create(**{**request(text=FACTS), "messages": large}).content[0].text
        client.messages.create(**{**request(), "messages": [{"role": "user", "content": answer}]})
    unknown, after = (CallSpan(span) for span in recorded.calls)
    assert a.PROMPT_BLOCKS not in unknown.attributes
    assert a.PROMPT_BLOCKS in after.attributes
    assert a.DEPENDS_ON not in after.attributes


def test_another_key_gives_other_hashes(client: Any, recorded: Recording, monkeypatch: pytest.MonkeyPatch) -> None:
    from firsttoken.fingerprint import hash_key

    before = ask(client, recorded)
    monkeypatch.setenv("FIRSTTOKEN_HASH_KEY", "another")
    hash_key.cache_clear()
    try:
        after = ask(client, recorded)
    finally:
        hash_key.cache_clear()
    assert before[a.REQUEST_HASH] != after[a.REQUEST_HASH]
