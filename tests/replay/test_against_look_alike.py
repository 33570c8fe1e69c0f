"""The cache simulator held against the look-alike API: the same traffic, the same hits, writes and dollars."""

from __future__ import annotations

import datetime as dt
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from firsttoken import fingerprint
from firsttoken_dashboard import pricing
from firsttoken_dashboard.advisor import prompts
from firsttoken_dashboard.advisor.replay import CacheUse, Recorded, as_sent, replay, requests
from firsttoken_dashboard.demo.api.cache import PromptCache
from firsttoken_dashboard.demo.api.prefix import prompt_blocks

PRICES = pricing.load()
DAY = dt.date(2026, 11, 20)
CHARS_PER_TOKEN = 3.1
MODELS = ("claude-opus-5", "claude-haiku-4-5")


class Long(str):
    """A text that a failing example shows in one line."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"<{len(self)} characters of {self[:8]!r}>"


def text(name: str, chars: int, ttl: str | None) -> dict[str, Any]:
    block: dict[str, Any] = {"type": "text", "text": Long(f"{name} " * (chars // (len(name) + 1)))}
    return block if ttl is None else block | {"cache_control": {"type": "ephemeral", "ttl": ttl}}


@st.composite
def bodies(draw: st.DrawFn) -> list[tuple[float, str, dict[str, Any]]]:
    """Starts, workspaces and requests: a few systems and documents, conversations that grow, one-off questions."""
    now = 0.0
    sent: list[tuple[float, str, dict[str, Any]]] = []
    # Lengths far from both models' minimum: close to it, characters cannot tell on which side a block ends.
    size = st.sampled_from([300, 9_000, 40_000])
    for number in range(draw(st.integers(1, 12))):
        now += draw(st.sampled_from([0.3, 5.0, 250.0, 310.0, 3_500.0, 3_700.0]))
        first = draw(st.sampled_from([None, "5m", "1h"]))
        second = draw(st.sampled_from([None, "5m"] if first == "5m" else [None, "5m", "1h"]))
        third = draw(st.sampled_from([None, "5m"]))
        turns = draw(st.sampled_from([0, 1, 2, 8, 9, 10, 11, 24]))  # two blocks each: around 20, too
        if turns == 24:
            second = None  # the fingerprint sums up blocks that far back, and their markers with them
        body: dict[str, Any] = {
            "model": draw(st.sampled_from(MODELS)),
            "system": [text(draw(st.sampled_from(["guide", "rules"])), draw(size), first)],
            "messages": [{"role": "user", "content": [text("document", draw(size), second)]}],
        }
        for turn in range(turns):
            body["messages"].append({"role": "assistant", "content": f"answer {turn}"})
            body["messages"].append({"role": "user", "content": f"and {turn}?"})
        question = text(draw(st.sampled_from(["why", f"what {number}"])), 60, third)
        body["messages"].append({"role": "user", "content": [question]})
        if draw(st.booleans()):
            body["tools"] = [{"name": "search", "description": "look " * 500, "input_schema": {"type": "object"}}]
        if draw(st.integers(0, 4)) == 0:
            body["tool_choice"] = {"type": "any"}
        if draw(st.integers(0, 4)) == 0:
            body["output_config"] = {"effort": draw(st.sampled_from(["low", "high"]))}
        if draw(st.integers(0, 4)) == 0:
            body["speed"] = draw(st.sampled_from(["standard", "fast"]))
        sent.append((now, draw(st.sampled_from(["production", "tests"])), body))
    return sent


def usd(model: str, use: CacheUse) -> float:
    cost = PRICES.cost(model, DAY, use.uncached, use.read, use.write_5m, use.write_1h, 0)
    assert cost is not None
    return cost


@given(bodies(), st.sampled_from([0.2, 4.0]))
@settings(max_examples=200, deadline=None)
def test_the_replay_of_calls_as_they_were_sent_is_what_the_api_counted(
    sent: list[tuple[float, str, dict[str, Any]]], begins_in_s: float
) -> None:
    """To the token, from fingerprints and usage alone: neither texts nor tokenizer are known to the replay."""
    counted, replayed = both(sent, begins_in_s)
    assert replayed == counted
    assert cost(sent, replayed) == cost(sent, counted)


def test_the_standard_speed_is_the_same_cache_whether_named_or_not() -> None:
    asked = {"role": "user", "content": [text("document", 9_000, "5m")]}
    body = {"model": MODELS[0], "system": [text("guide", 40_000, "5m")], "messages": [asked]}
    counted, replayed = both([(0.0, "tests", body | {"speed": "standard"}), (5.0, "tests", body)], 0.2)
    assert replayed == counted
    assert counted[1].read == counted[0].write_5m > 0


def both(sent: list[tuple[float, str, dict[str, Any]]], begins_in_s: float) -> tuple[list[CacheUse], list[CacheUse]]:
    """What the look-alike API counts for each request, and what the replay says of the calls as recorded."""
    api = PromptCache()
    recorded: list[Recorded] = []
    for now, workspace, body in sent:
        minimum = PRICES.models[body["model"]].min_cache_tokens
        assert minimum is not None
        blocks = prompt_blocks(body, model=body["model"], workspace=workspace, chars_per_token=CHARS_PER_TOKEN)
        counted = api.use(blocks, minimum=minimum, now=now, begins_in_s=begins_in_s)
        used = CacheUse(counted.uncached, counted.read, counted.write_5m, counted.write_1h)
        seen = fingerprint.fingerprint(body)
        parts = prompts.blocks(seen.blocks)
        assert parts is not None
        scope = (body["model"], workspace)
        recorded.append(Recorded(now, begins_in_s, minimum, parts, scope, body.get("speed"), seen.settings_hash, used))
    replayed = replay(requests(recorded, PRICES.cache), as_sent, PRICES.cache)
    return [call.used for call in recorded if call.used], replayed


def cost(sent: list[tuple[float, str, dict[str, Any]]], uses: list[CacheUse]) -> float:
    return sum(usd(body["model"], use) for (_, _, body), use in zip(sent, uses, strict=True))
