"""The recorded calls run again, at their real times, under other prompt-cache markers.

The API's rules: an entry is written only at a marker, stands for the exact prefix up to it, is usable once the first
response has begun, and lives for its TTL from the start of the request that wrote or last read it. From each marker the
server looks back over 20 blocks. Markers below the model's minimum length do nothing, without an error.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, TypeAlias, cast

from firsttoken_dashboard.advisor.prompts import Block, Lengths, Prefixes
from firsttoken_dashboard.pricing import CacheRules

Ttl: TypeAlias = Literal["5m", "1h"]


class Mark(NamedTuple):
    """A `cache_control` on the block at `place`."""

    place: int
    ttl: Ttl


class CacheUse(NamedTuple):
    """Input tokens of one call by what they cost; their sum is the whole input."""

    uncached: int
    read: int
    write_5m: int
    write_1h: int

    @property
    def processed(self) -> int:
        """Tokens that the model has to read before it can answer: all but those from the cache."""
        return self.uncached + self.write_5m + self.write_1h


@dataclass(frozen=True, slots=True)
class Request:
    """One recorded call, as the cache sees it.

    `prefixes` and `ends` have one entry per block: the prefix's number and its tokens. `begins_in_s` is from the start
    to the first byte of the response, infinite for a call that failed. `minimum` is the model's shortest cacheable
    prefix in tokens. `marks` are the markers that were sent, `used` what the API counted (None: not recorded).
    """

    start_s: float
    begins_in_s: float
    minimum: int
    blocks: tuple[Block, ...]
    prefixes: tuple[int, ...]
    ends: tuple[int, ...]
    marks: tuple[Mark, ...]
    used: CacheUse | None = None


Policy: TypeAlias = Callable[[Request], Sequence[Mark]]


def as_sent(request: Request) -> Sequence[Mark]:
    """The markers that the application sent."""
    return request.marks


class Cache:
    """The entries of all models and workspaces: prefix numbers keep those apart."""

    def __init__(self, rules: CacheRules) -> None:
        self._ttl_s = {"5m": rules.ttl_5m_s, "1h": rules.ttl_1h_s}
        self._look_back = rules.lookback_blocks
        self._entries: dict[int, _Entry] = {}
        self.hit = -1

    def use(self, request: Request, marks: Sequence[Mark]) -> CacheUse:
        """One call reads and writes; `hit` is then the place of the block up to which it read, or -1.

        Calls come in the order of their start.
        """
        now, ends, prefixes = request.start_s, request.ends, request.prefixes
        able = sorted(mark for mark in marks if ends[mark.place] >= request.minimum)
        self.hit = hit = max((self._found(prefixes, mark.place, now) for mark in able), default=-1)
        for place in {hit, *(mark.place for mark in able if mark.place < hit)} - {-1}:
            if entry := self._live(prefixes[place], now):
                entry.expires_at = now + entry.ttl_s
        read = end = ends[hit] if hit >= 0 else 0
        writes = {"5m": 0, "1h": 0}
        for mark in able:
            if mark.place > hit:
                writes[mark.ttl] += ends[mark.place] - end
                end = ends[mark.place]
                self._write(prefixes[mark.place], self._ttl_s[mark.ttl], request)
        return CacheUse((ends[-1] if ends else 0) - end, read, writes["5m"], writes["1h"])

    def _found(self, prefixes: Sequence[int], place: int, now: float) -> int:
        for candidate in range(place, max(-1, place - self._look_back), -1):
            if self._live(prefixes[candidate], now):
                return candidate
        return -1

    def _live(self, prefix: int, now: float) -> _Entry | None:
        entry = self._entries.get(prefix)
        return entry if entry and entry.usable_at <= now < entry.expires_at else None

    def _write(self, prefix: int, ttl_s: float, request: Request) -> None:
        if math.isinf(request.begins_in_s):
            return
        now = request.start_s
        usable_at = now + request.begins_in_s
        known = self._entries.get(prefix)
        if known and now < known.expires_at:
            # Two writers at once: usable as soon as the first of them has begun to answer.
            usable_at, ttl_s = min(usable_at, known.usable_at), max(ttl_s, known.ttl_s)
        self._entries[prefix] = _Entry(ttl_s, usable_at, now + ttl_s)


@dataclass(slots=True)
class _Entry:
    ttl_s: float
    usable_at: float
    expires_at: float


def replay(requests: Iterable[Request], policy: Policy, rules: CacheRules) -> list[CacheUse]:
    """What each call would have read, written and paid in full; `requests` in the order of their start."""
    cache = Cache(rules)
    return [cache.use(request, policy(request)) for request in requests]


class Recorded(NamedTuple):
    """A call as it lies in the store; `scope` is what separates caches (model, workspace)."""

    start_s: float
    begins_in_s: float
    minimum: int
    blocks: tuple[Block, ...]
    scope: tuple[str | None, ...]
    speed: str | None
    settings: str | None
    used: CacheUse


def requests(recorded: Sequence[Recorded], rules: CacheRules) -> list[Request]:
    """Number the prefixes of calls (in the order of their start) and tell their lengths.

    Exact at the last marker, where reads and writes end, and where a call read up to; by characters in between. The
    place up to which a call read is not recorded: it comes from running the calls as they were sent.
    """
    prefixes, lengths = Prefixes(), Lengths()
    numbers = [
        tuple(prefixes.number(call.blocks, scope=call.scope, speed=call.speed, settings=call.settings))
        for call in recorded
    ]
    marks = [_marks(call.blocks) for call in recorded]
    for call, numbered, marked in zip(recorded, numbers, marks, strict=True):
        if marked:
            _learn(lengths, call, numbered, marked)
    if any(call.used.read for call in recorded):
        cache = Cache(rules)
        for request in _with_lengths(recorded, numbers, marks, lengths):
            cache.use(request, request.marks)
            if cache.hit >= 0 and request.used is not None and request.used.read:
                lengths.learn(request.prefixes[cache.hit], request.used.read)
    return _with_lengths(recorded, numbers, marks, lengths)


def _learn(lengths: Lengths, call: Recorded, numbers: Sequence[int], marks: Sequence[Mark]) -> None:
    """What one usage tells: reads and writes end at the last marker, an hour's writes at the last one for an hour."""
    used, last = call.used, numbers[marks[-1].place]
    if not used.uncached < sum(used):
        lengths.learn_at_most(last, call.minimum - 1)
        return
    lengths.learn(last, sum(used) - used.uncached)
    hours = [mark.place for mark in marks if mark.ttl == "1h"]
    # The API takes no marker for an hour after one for five minutes; what comes otherwise tells nothing here.
    if used.write_1h and used.write_5m and marks[len(hours) - 1].place == hours[-1]:
        lengths.learn(numbers[hours[-1]], used.read + used.write_1h)


def _with_lengths(
    recorded: Sequence[Recorded],
    numbers: Sequence[tuple[int, ...]],
    marks: Sequence[tuple[Mark, ...]],
    lengths: Lengths,
) -> list[Request]:
    return [
        Request(
            call.start_s,
            call.begins_in_s,
            call.minimum,
            call.blocks,
            numbered,
            tuple(lengths.ends(call.blocks, numbered, sum(call.used))),
            marked,
            call.used,
        )
        for call, numbered, marked in zip(recorded, numbers, marks, strict=True)
    ]


def _marks(blocks: Sequence[Block]) -> tuple[Mark, ...]:
    return tuple(Mark(place, cast("Ttl", block.mark)) for place, block in enumerate(blocks) if block.mark)
