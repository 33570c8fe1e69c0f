"""The prompt cache, by the API's rules, as a pure function of the clock: every method is told the time.

A prefix is identified by one hash per block boundary (see `prefix`). An entry is written only at a marker, is usable
once the response of its writer has begun, and lives for its TTL from the start of the request that wrote or last read
it. From each marker the server looks back over at most 20 blocks, the marked one included.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Final, Literal

TTL_S: Final = {"5m": 300.0, "1h": 3600.0}
LOOK_BACK_BLOCKS: Final = 20
MAX_MARKERS: Final = 4

Ttl = Literal["5m", "1h"]


@dataclass(frozen=True, slots=True)
class Block:
    """One block of a prompt: `hash` stands for everything up to and with it, `tokens` for itself alone."""

    hash: str
    tokens: int
    mark: Ttl | None = None


@dataclass(frozen=True, slots=True)
class CacheUse:
    """What a request read, wrote and paid in full, tokens; the four add up to the prompt."""

    read: int
    write_5m: int
    write_1h: int
    uncached: int


@dataclass(slots=True)
class _Entry:
    ttl_s: float
    available_at: float
    expires_at: float


@dataclass(slots=True)
class PromptCache:
    """The entries of all workspaces and models; the caller's hashes keep those apart.

    `time_scale` K makes an entry live and become available K times sooner, so that hours pass in seconds.
    """

    time_scale: float = 1.0
    _entries: dict[str, _Entry] = field(default_factory=dict[str, _Entry])

    def look(self, blocks: list[Block], *, minimum: int, now: float) -> int:
        """Tokens that a request starting `now` would read; nothing is changed."""
        ends, _, hit = self._find(blocks, minimum, now)
        return ends[hit] if hit >= 0 else 0

    def use(self, blocks: list[Block], *, minimum: int, now: float, begins_in_s: float) -> CacheUse:
        """Read and write for one request that starts at `now` and whose response begins `begins_in_s` later.

        A read refreshes the entry it took and the live ones at this request's earlier markers: their content was used
        too. An answer that never begins (infinite `begins_in_s`) writes nothing.
        """
        ends, marks, hit = self._find(blocks, minimum, now)
        for place in {hit, *(place for place in marks if place < hit)} - {-1}:
            if entry := self._live(blocks[place].hash, now):
                entry.expires_at = now + entry.ttl_s
        read = ends[hit] if hit >= 0 else 0
        writes = {"5m": 0, "1h": 0}
        end = read
        for place in marks:
            mark = blocks[place].mark
            if place > hit and mark:
                writes[mark] += ends[place] - end
                end = ends[place]
                self._write(blocks[place].hash, mark, now, begins_in_s)
        return CacheUse(
            read=read, write_5m=writes["5m"], write_1h=writes["1h"], uncached=(ends[-1] if ends else 0) - end
        )

    def clear(self) -> None:
        """Forget everything."""
        self._entries.clear()

    def _find(self, blocks: list[Block], minimum: int, now: float) -> tuple[list[int], list[int], int]:
        """Tokens up to and with each block, the places of the markers that count, the place of the hit (-1: none)."""
        ends = list(accumulate(block.tokens for block in blocks))
        marks = [place for place, block in enumerate(blocks) if block.mark and ends[place] >= minimum]
        return ends, marks, max((self._look_back(blocks, place, now) for place in marks), default=-1)

    def _look_back(self, blocks: list[Block], place: int, now: float) -> int:
        for candidate in range(place, max(-1, place - LOOK_BACK_BLOCKS), -1):
            if self._live(blocks[candidate].hash, now):
                return candidate
        return -1

    def _live(self, key: str, now: float) -> _Entry | None:
        entry = self._entries.get(key)
        return entry if entry and entry.available_at <= now < entry.expires_at else None

    def _write(self, key: str, mark: Ttl, now: float, begins_in_s: float) -> None:
        if math.isinf(begins_in_s):
            return
        ttl_s = TTL_S[mark] / self.time_scale
        available_at = now + begins_in_s / self.time_scale
        known = self._entries.get(key)
        if known and now < known.expires_at:  # two writers at once: usable as soon as the first of them has begun
            available_at = min(available_at, known.available_at)
            ttl_s = max(ttl_s, known.ttl_s)
        self._entries[key] = _Entry(ttl_s, available_at, now + ttl_s)
