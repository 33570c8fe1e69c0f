"""The cache simulator against the same rules written down naively: whole histories, compared text by text."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firsttoken_dashboard import pricing
from firsttoken_dashboard.advisor.prompts import Block, Prefixes
from firsttoken_dashboard.advisor.replay import Cache, CacheUse, Mark, Recorded, Request, as_sent, replay, requests

if TYPE_CHECKING:
    from collections.abc import Sequence

RULES = pricing.load().cache
MINIMUM = 512


class Sent(NamedTuple):
    start_s: float
    begins_in_s: float
    texts: tuple[str, ...]
    marks: dict[int, str]


@dataclass
class NaiveCache:
    """Every write and every refresh that ever was, in order; an entry is a text."""

    events: list[tuple[str, float, float, float]] = field(default_factory=list[tuple[str, float, float, float]])

    def entry(self, text: str, now: float) -> tuple[float, float, float] | None:
        """(usable at, expires at, time to live) of a text, from its whole history; None: no entry any more."""
        state: tuple[float, float, float] | None = None
        for written, at, begun_at, lives_s in self.events:
            if written != text:
                continue
            alive = state is not None and at < state[1]
            usable_at = min(begun_at, state[0]) if state and alive else begun_at
            ttl_s = max(lives_s, state[2]) if state and alive else lives_s
            state = (usable_at, at + ttl_s, ttl_s)
        return state if state is not None and now < state[1] else None

    def readable(self, text: str, now: float) -> bool:
        entry = self.entry(text, now)
        return entry is not None and entry[0] <= now

    def use(self, sent: Sent) -> CacheUse:
        texts = ["\n".join(sent.texts[: end + 1]) for end in range(len(sent.texts))]
        length = [sum(len(text) for text in sent.texts[: end + 1]) for end in range(len(sent.texts))]
        marks = [place for place in sorted(sent.marks) if length[place] >= MINIMUM]
        hits = [
            place
            for mark in marks
            for place in range(mark + 1)
            if mark - place < 20 and self.readable(texts[place], sent.start_s)
        ]
        hit = max(hits, default=-1)
        for place in range(hit + 1):
            if (place == hit or place in marks) and self.readable(texts[place], sent.start_s):
                entry = self.entry(texts[place], sent.start_s)
                assert entry is not None
                self.events.append((texts[place], sent.start_s, entry[0], entry[2]))
        read = length[hit] if hit >= 0 else 0
        written = {"5m": 0, "1h": 0}
        end = read
        for place in marks:
            if place > hit:
                ttl = sent.marks[place]
                written[ttl] += length[place] - end
                end = length[place]
                ttl_s = {"5m": 300.0, "1h": 3600.0}[ttl]
                self.events.append((texts[place], sent.start_s, sent.start_s + sent.begins_in_s, ttl_s))
        return CacheUse((length[-1] if length else 0) - end, read, written["5m"], written["1h"])


TEXTS = st.sampled_from([letter * size for letter in "abc" for size in (40, 300, 700)])


@st.composite
def histories(draw: st.DrawFn) -> list[Sent]:
    """Requests in the order of their start, many with a shared beginning, some further apart than an entry lives."""
    now = 0.0
    sent: list[Sent] = []
    for _ in range(draw(st.integers(1, 14))):
        now += draw(st.sampled_from([0.0, 0.5, 2.0, 30.0, 299.0, 300.0, 301.0, 3599.0, 3700.0]))
        before = sent[draw(st.integers(0, len(sent) - 1))].texts if sent and draw(st.booleans()) else ()
        shared = before[: draw(st.integers(0, len(before)))]
        added = draw(st.lists(TEXTS, min_size=1, max_size=draw(st.sampled_from([2, 25]))))
        texts = (*shared, *added)
        places = draw(st.lists(st.integers(0, len(texts) - 1), max_size=4, unique=True))
        marks = {place: draw(st.sampled_from(["5m", "1h"])) for place in places}
        sent.append(Sent(now, draw(st.sampled_from([0.0, 0.4, 3.0, 40.0])), texts, marks))
    return sent


def as_recorded(sent: Sent, used: CacheUse) -> Recorded:
    blocks = tuple(
        Block("system", str(hash(text)), len(text), sent.marks.get(place)) for place, text in enumerate(sent.texts)
    )
    return Recorded(sent.start_s, sent.begins_in_s, MINIMUM, blocks, ("claude-opus-5",), None, None, used)


@given(histories())
@settings(max_examples=300, deadline=None)
def test_hits_and_writes_are_those_of_the_rules_written_down_naively(history: list[Sent]) -> None:
    naive = NaiveCache()
    expected = [naive.use(sent) for sent in history]
    replayed = requests([as_recorded(sent, used) for sent, used in zip(history, expected, strict=True)], RULES)
    assert replay(replayed, as_sent, RULES) == expected


@given(histories())
@settings(max_examples=100, deadline=None)
def test_every_input_token_is_counted_once_under_any_markers(history: list[Sent]) -> None:
    used = CacheUse(0, 0, 0, 0)
    recorded = [as_recorded(sent, used._replace(uncached=sum(map(len, sent.texts)))) for sent in history]
    last_block = replay(requests(recorded, RULES), lambda request: [Mark(len(request.blocks) - 1, "1h")], RULES)
    assert [sum(use) for use in last_block] == [sum(call.used) for call in recorded]


def one(*, start_s: float, text: str = "s", ttl: str | None = "5m", begins_in_s: float = 1.0) -> Request:
    marks = () if ttl is None else (Mark(0, "1h" if ttl == "1h" else "5m"),)
    numbers = Prefixes().number([Block("system", text, 4000, ttl)])
    return Request(start_s, begins_in_s, MINIMUM, (), tuple(numbers), (1000,), marks)


def reads(*calls: Request) -> list[int]:
    return [use.read for use in replay(calls, as_sent, RULES)]


def test_an_entry_lives_from_the_start_of_the_request_that_wrote_it() -> None:
    assert reads(one(start_s=0, begins_in_s=100), one(start_s=299.9)) == [0, 1000]
    assert reads(one(start_s=0, begins_in_s=100), one(start_s=300)) == [0, 0]


def test_a_read_refreshes_the_entry() -> None:
    assert reads(one(start_s=0), one(start_s=200), one(start_s=400), one(start_s=600)) == [0, 1000, 1000, 1000]


def test_an_entry_is_usable_only_after_the_first_response_has_begun() -> None:
    assert reads(one(start_s=0, begins_in_s=2), one(start_s=1.9), one(start_s=2)) == [0, 0, 1000]


def test_a_call_that_failed_writes_nothing() -> None:
    assert reads(one(start_s=0, begins_in_s=float("inf")), one(start_s=10)) == [0, 0]


def test_an_hour_long_entry_outlives_an_hour_of_silence_but_for_a_second() -> None:
    assert reads(one(start_s=0, ttl="1h"), one(start_s=3599, ttl="1h"), one(start_s=7199, ttl="1h")) == [0, 1000, 0]


def test_a_marker_below_the_minimum_does_nothing() -> None:
    short = Request(0, 1, MINIMUM, (), (7,), (MINIMUM - 1,), (Mark(0, "5m"),))
    assert replay([short], as_sent, RULES) == [CacheUse(MINIMUM - 1, 0, 0, 0)]


@pytest.mark.parametrize(("added", "read"), [(19, 1000), (20, 0)])
def test_the_server_looks_back_over_twenty_blocks(added: int, read: int) -> None:
    blocks = [Block("messages", str(place), 4000, None) for place in range(added + 1)]
    numbers = tuple(Prefixes().number(blocks))
    ends = tuple(range(1000, 1000 * (added + 2), 1000))
    first = Request(0, 1, MINIMUM, (), numbers[:1], ends[:1], (Mark(0, "5m"),))
    second = Request(5, 1, MINIMUM, (), numbers, ends, (Mark(added, "5m"),))
    cache = Cache(RULES)
    cache.use(first, first.marks)
    assert cache.use(second, second.marks).read == read


def number(parts: Sequence[Block], prefixes: Prefixes, **about: str) -> list[int]:
    return prefixes.number(parts, **about)


@pytest.mark.parametrize(
    ("about", "shared"),
    [({"scope": "other model"}, 0), ({"speed": "fast"}, 1), ({"settings": "effort low"}, 2)],
)
def test_model_speed_and_settings_part_prefixes_from_tools_system_and_messages_on(
    about: dict[str, str], shared: int
) -> None:
    parts = [Block("tools", "t", 9, None), Block("system", "s", 9, None), Block("messages", "m", 9, None)]
    prefixes = Prefixes()
    plain, other = number(parts, prefixes), number(parts, prefixes, **about)
    assert [a == b for a, b in zip(plain, other, strict=True)] == [place < shared for place in range(3)]


@given(st.lists(st.integers(1, 6), min_size=1, max_size=12), st.integers(2, 24))
def test_a_conversation_whose_beginning_is_summed_up_keeps_its_prefixes(turns: list[int], listed: int) -> None:
    """Message blocks before the last ones are one `prior` block: its hash differs turn by turn, its prefix does not."""
    whole, summed = Prefixes(), Prefixes()
    blocks: list[Block] = [Block("system", "s", 100, None)]
    seen: dict[int, int] = {}
    for added in (min(turn, listed - 1) for turn in turns):
        start = len(blocks)
        blocks += [Block("messages", f"m{start + place}", 7 * (start + place), None) for place in range(added)]
        messages = blocks[1:]
        hidden = messages[:-listed]
        prior = [Block("prior", f"p{len(hidden)}", sum(block.chars for block in hidden), None)] if hidden else []
        full = whole.number(blocks)[-len(messages[-listed:]) :]
        short = summed.number([blocks[0], *prior, *messages[-listed:]])[-len(messages[-listed:]) :]
        for one_number, other in zip(full, short, strict=True):
            assert seen.setdefault(one_number, other) == other
