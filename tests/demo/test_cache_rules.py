"""The look-alike's prompt cache follows the API's rules: against a brute force, and through the real SDK."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import anthropic
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firsttoken_dashboard.demo.api import LookAlike
from firsttoken_dashboard.demo.api.cache import TTL_S, Block, CacheUse, PromptCache, Ttl

if TYPE_CHECKING:
    from anthropic.types import MessageParam, TextBlockParam, Usage

MODEL = "claude-sonnet-5"
MINIMUM = 30


@dataclass(frozen=True)
class Sent:
    """One request of a made-up traffic: words in place of blocks, 10 tokens each, and where it puts which marker."""

    gap_s: float
    words: str
    marks: dict[int, Ttl]
    begins_in_s: float

    @property
    def blocks(self) -> list[Block]:
        return [
            Block(hashlib.sha256(self.words[: place + 1].encode()).hexdigest(), 10, self.marks.get(place))
            for place in range(len(self.words))
        ]


def brute_force(traffic: list[tuple[float, Sent]]) -> list[CacheUse]:
    """The rules said again, slowly: every entry's life is told anew from all that ever touched it."""
    touches: list[tuple[str, str, float, float, float]] = []  # words, kind, when, ttl, available at

    def entry(words: str, now: float) -> float | None:
        """The TTL of a usable entry."""
        available, expires, ttl_s = 0.0, -1.0, 0.0
        for touched, kind, when, new_ttl_s, usable_at in touches:
            if touched != words:
                continue
            if kind == "write":
                alive = when < expires
                available = min(available, usable_at) if alive else usable_at
                ttl_s = max(ttl_s, new_ttl_s) if alive else new_ttl_s
            expires = when + ttl_s
        return ttl_s if available <= now < expires else None

    uses: list[CacheUse] = []
    for now, sent in traffic:
        tokens = {place: 10 * (place + 1) for place in range(len(sent.words))}
        marks = [place for place in sorted(sent.marks) if tokens[place] >= MINIMUM]
        hits = [
            back
            for mark in marks
            for back in range(mark - 19, mark + 1)
            if back >= 0 and entry(sent.words[: back + 1], now) is not None
        ]
        hit = max(hits, default=-1)
        read = tokens.get(hit, 0)
        used = [place for place in {hit, *marks} if 0 <= place <= hit and entry(sent.words[: place + 1], now)]
        touches.extend((sent.words[: place + 1], "read", now, 0.0, 0.0) for place in used)
        written = {"5m": 0, "1h": 0}
        end = read
        for mark in (mark for mark in marks if mark > hit):
            ttl = sent.marks[mark]
            written[ttl] += tokens[mark] - end
            end = tokens[mark]
            touches.append((sent.words[: mark + 1], "write", now, TTL_S[ttl], now + sent.begins_in_s))
        uses.append(CacheUse(read, written["5m"], written["1h"], 10 * len(sent.words) - end))
    return uses


@st.composite
def traffic(draw: st.DrawFn) -> list[tuple[float, Sent]]:
    """Conversations that grow, part and come back after pauses around both TTLs."""
    gaps = st.sampled_from([0.0, 0.5, 2.0, 200.0, 299.0, 300.0, 301.0, 3599.0, 3601.0])
    stems = draw(st.lists(st.text("ab", min_size=1, max_size=30), min_size=1, max_size=3))
    now = 0.0
    requests: list[tuple[float, Sent]] = []
    for _ in range(draw(st.integers(1, 12))):
        words = draw(st.sampled_from(stems)) + draw(st.text("ab", max_size=25))
        places = sorted(draw(st.sets(st.integers(0, len(words) - 1), max_size=4)))
        hours = draw(st.integers(0, len(places)))
        marks: dict[int, Ttl] = {place: "1h" if rank < hours else "5m" for rank, place in enumerate(places)}
        sent = Sent(draw(gaps), words, marks, draw(st.sampled_from([0.0, 1.0, 5.0])))
        now += sent.gap_s
        requests.append((now, sent))
    return requests


@settings(max_examples=300, deadline=None)
@given(traffic())
def test_the_cache_agrees_with_a_brute_force(requests: list[tuple[float, Sent]]) -> None:
    cache = PromptCache()
    uses = [cache.use(sent.blocks, minimum=MINIMUM, now=now, begins_in_s=sent.begins_in_s) for now, sent in requests]
    assert uses == brute_force(requests)


def _use(cache: PromptCache, words: str, now: float, *, marks: dict[int, Ttl] | None = None) -> CacheUse:
    sent = Sent(0, words, marks or {len(words) - 1: "5m"}, 1.0)
    return cache.use(sent.blocks, minimum=MINIMUM, now=now, begins_in_s=sent.begins_in_s)


def test_a_prefix_is_written_once_and_read_until_its_ttl_after_the_last_read_has_passed() -> None:
    cache = PromptCache()
    assert _use(cache, "abcd", 0) == CacheUse(0, 40, 0, 0)
    assert _use(cache, "abcd", 299) == CacheUse(40, 0, 0, 0)
    assert _use(cache, "abcd", 598) == CacheUse(40, 0, 0, 0)
    assert _use(cache, "abcd", 898) == CacheUse(0, 40, 0, 0)


def test_two_requests_at_once_both_write() -> None:
    cache = PromptCache()
    assert [_use(cache, "abcd", now) for now in (0.0, 0.9)] == [CacheUse(0, 40, 0, 0)] * 2
    assert _use(cache, "abcd", 1.0).read == 40


def test_below_the_minimum_nothing_is_cached_and_nothing_is_said() -> None:
    cache = PromptCache()
    assert [_use(cache, "ab", now) for now in (0.0, 5.0)] == [CacheUse(0, 0, 0, 20)] * 2


@pytest.mark.parametrize(("added", "read"), [(19, 40), (20, 0)])
def test_the_look_back_ends_after_twenty_blocks(added: int, read: int) -> None:
    cache = PromptCache()
    _use(cache, "abcd", 0)
    assert _use(cache, "abcd" + "e" * added, 5).read == read


def test_time_scale_makes_an_hour_pass_in_a_second() -> None:
    cache = PromptCache(time_scale=3600)
    _use(cache, "abcd", 0, marks={3: "1h"})
    assert _use(cache, "abcd", 0.99, marks={3: "1h"}).read == 40
    assert _use(cache, "abcd", 2.0, marks={3: "1h"}).read == 0


@pytest.fixture
def client(claude_api: LookAlike) -> Iterator[anthropic.Anthropic]:
    with anthropic.Anthropic(base_url=claude_api.url, api_key="key") as client:
        yield client


RULES: TextBlockParam = {"type": "text", "text": "Never promise a date. " * 400}
MARKED: TextBlockParam = {**RULES, "cache_control": {"type": "ephemeral"}}
QUESTION: list[MessageParam] = [{"role": "user", "content": "When?"}]


def _ask(client: anthropic.Anthropic, *system: TextBlockParam, question: str = "When?") -> Usage:
    messages: list[MessageParam] = [{"role": "user", "content": question}]
    return client.messages.create(model=MODEL, max_tokens=5, system=system, messages=messages).usage


def test_a_marked_system_prompt_is_written_then_read_and_the_counters_add_up(client: anthropic.Anthropic) -> None:
    first, second = _ask(client, MARKED), _ask(client, MARKED, question="Where?")
    tokens = 2839
    assert (first.cache_creation_input_tokens, first.cache_read_input_tokens) == (tokens, 0)
    assert first.cache_creation
    assert first.cache_creation.ephemeral_5m_input_tokens == tokens
    assert (second.cache_creation_input_tokens, second.cache_read_input_tokens) == (0, tokens)
    assert second.input_tokens == 5


def test_an_unmarked_one_never_is(client: anthropic.Anthropic) -> None:
    usages = [_ask(client, RULES) for _ in range(2)]
    assert [usage.cache_creation_input_tokens for usage in usages] == [0, 0]
    assert [usage.cache_read_input_tokens for usage in usages] == [0, 0]


@pytest.mark.parametrize("change", ["model", "workspace", "tools", "text", "effort"])
def test_what_comes_before_or_beside_the_mark_makes_another_prefix(
    claude_api: LookAlike, client: anthropic.Anthropic, change: str
) -> None:
    _ask(client, MARKED)
    changed: TextBlockParam = {**MARKED, "text": f"Now it is ten. {MARKED['text']}"}
    with anthropic.Anthropic(base_url=claude_api.url, api_key="key" if change != "workspace" else "other") as second:
        usage = second.messages.create(
            model=MODEL if change != "model" else "claude-opus-5",
            max_tokens=5,
            system=[changed if change == "text" else MARKED],
            messages=QUESTION,
            tools=[{"name": "clock", "input_schema": {"type": "object"}}] if change == "tools" else [],
            output_config={"effort": "low"} if change == "effort" else {},
        ).usage
    # Effort belongs to the messages' level: what is marked before them stays.
    assert bool(usage.cache_read_input_tokens) == (change == "effort")


def test_automatic_caching_moves_the_mark_along_with_the_conversation(client: anthropic.Anthropic) -> None:
    turns: list[MessageParam] = [{"role": "user", "content": "Tell me all about it. " * 300}]
    usages: list[Usage] = []
    for _ in range(3):
        message = client.messages.create(
            model=MODEL, max_tokens=50, messages=turns, cache_control={"type": "ephemeral"}
        )
        usages.append(message.usage)
        turns.append({"role": "assistant", "content": message.content})
        turns.append({"role": "user", "content": "Go on."})
    for before, after in itertools.pairwise(usages):
        written = before.cache_creation_input_tokens or 0
        assert after.cache_read_input_tokens == (before.cache_read_input_tokens or 0) + written
    assert [usage.input_tokens for usage in usages] == [0, 0, 0]


def test_five_marks_or_an_hour_after_five_minutes_are_refused(client: anthropic.Anthropic) -> None:
    hour: TextBlockParam = {**RULES, "cache_control": {"type": "ephemeral", "ttl": "1h"}}
    with pytest.raises(anthropic.BadRequestError, match="maximum of 4"):
        _ask(client, *[MARKED] * 5)
    with pytest.raises(anthropic.BadRequestError, match="ttl"):
        _ask(client, MARKED, hour)
    usage = _ask(client, hour, MARKED)
    assert usage.cache_creation
    assert usage.cache_creation.ephemeral_1h_input_tokens == usage.cache_creation.ephemeral_5m_input_tokens == 2839
