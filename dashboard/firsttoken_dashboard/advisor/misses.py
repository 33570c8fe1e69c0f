"""Why a marked prefix was written again instead of read: one cause for each call that missed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

from firsttoken_dashboard.advisor.prompts import Prefixes

if TYPE_CHECKING:
    from firsttoken_dashboard.advisor.prompts import Block
    from firsttoken_dashboard.advisor.recorded import Recording
    from firsttoken_dashboard.advisor.replay import CacheUse, Mark, Recorded, Request
    from firsttoken_dashboard.pricing import CacheRules

Cause: TypeAlias = Literal[
    "model or speed switched",
    "settings changed",
    "sent at once",
    "expired",
    "more than 20 blocks added",
    "tools reordered",
    "tools changed",
    "system changed",
    "history edited",
    "marked block varies",
    "unexplained",
]


@dataclass(frozen=True, slots=True)
class Miss:
    """Call number `place` wrote `tokens` that the call `before` it had had at the same place.

    `block` is the first that differs (None: the text is the same), `of` how many its section has.
    """

    place: int
    before: int
    cause: Cause
    tokens: int
    block: int | None = None
    section: str | None = None
    of: int = 0


def misses(recording: Recording, rules: CacheRules) -> list[Miss]:
    """Every call that wrote what an earlier one of the site had written, in the order of their start.

    A call is held against the latest one with which it shares most. What is new in a conversation, and a conversation's
    first turn, are no misses.
    """
    texts = Prefixes()
    latest: dict[int, int] = {}
    numbered: list[list[int]] = []
    found: list[Miss] = []
    for place, (call, request) in enumerate(zip(recording.recorded, recording.requests, strict=True)):
        numbers = texts.number(call.blocks)
        numbered.append(numbers)
        shared, before = 0, place - 1
        for length in range(len(numbers), 0, -1):
            if (other := latest.get(numbers[length - 1])) is not None:
                shared, before = length, other
                break
        if before >= 0 and request.marks and request.used is not None:
            pair = _Pair(recording, place, before, shared, _length(numbered[before], numbers, shared))
            if (miss := _miss(pair, numbers, numbered[before], rules)) is not None:
                found.append(miss)
        for number in numbers:
            latest[number] = place
    return found


def _length(earlier: Sequence[int], numbers: Sequence[int], shared: int) -> int:
    """How many of the earlier call's blocks are shared; a beginning that is summed up makes the counts differ."""
    return earlier.index(numbers[shared - 1]) + 1 if shared else 0


@dataclass(frozen=True, slots=True)
class _Pair:
    """A call and the one it is held against: `shared` blocks of the one are `earlier_shared` of the other."""

    recording: Recording
    place: int
    before: int
    shared: int
    earlier_shared: int

    @property
    def call(self) -> Recorded:
        return self.recording.recorded[self.place]

    @property
    def earlier(self) -> Recorded:
        return self.recording.recorded[self.before]

    @property
    def request(self) -> Request:
        return self.recording.requests[self.place]

    @property
    def earlier_marks(self) -> Sequence[Mark]:
        return self.recording.requests[self.before].marks

    def miss(self, cause: Cause, tokens: int) -> Miss | None:
        """A miss by something beside the text."""
        return Miss(self.place, self.before, cause, tokens) if tokens > 0 else None

    def miss_in_text(self, cause: Cause, tokens: int) -> Miss | None:
        """A miss by the block that is the first to differ."""
        section = self.call.blocks[self.shared].section
        own = [number for number, part in enumerate(self.call.blocks) if part.section == section]
        name = "messages" if section == "prior" else section
        if tokens <= 0:
            return None
        return Miss(self.place, self.before, cause, tokens, self.shared - own[0], name, len(own))


def _miss(pair: _Pair, numbers: Sequence[int], earlier_numbers: Sequence[int], rules: CacheRules) -> Miss | None:
    request, marks = pair.request, pair.earlier_marks
    used = request.used
    if not marks or used is None or not used.write_5m + used.write_1h:
        return None
    alike = [mark for mark in marks if mark.place < pair.earlier_shared]
    if alike:
        mark = alike[-1]
        marked = numbers.index(earlier_numbers[mark.place])
        tokens = request.ends[marked] - used.read
        if tokens > 0 and request.ends[marked] >= request.minimum:
            ttl_s = rules.ttl_1h_s if mark.ttl == "1h" else rules.ttl_5m_s
            return pair.miss(_beside_the_text(pair, marked, ttl_s, rules), tokens)
    return _in_the_text(pair, used) if alike != list(marks) else None


def _beside_the_text(pair: _Pair, marked: int, ttl_s: float, rules: CacheRules) -> Cause:
    """The text is the same up to the earlier call's marker: something else kept the entry from being read."""
    call, earlier = pair.call, pair.earlier
    pause = call.start_s - earlier.start_s
    if call.scope != earlier.scope or (call.speed or "standard") != (earlier.speed or "standard"):
        return "model or speed switched"
    if call.settings != earlier.settings and call.blocks[marked].section in {"messages", "prior"}:
        return "settings changed"
    if pause < earlier.begins_in_s:
        return "sent at once"
    if pause >= ttl_s:
        return "expired"
    if all(mark.place - marked >= rules.lookback_blocks for mark in pair.request.marks if mark.place >= marked):
        return "more than 20 blocks added"
    return "unexplained"


def _in_the_text(pair: _Pair, used: CacheUse) -> Miss | None:
    """The text differs at or before the earlier call's last marker."""
    call, earlier, request = pair.call, pair.earlier, pair.request
    section = call.blocks[pair.shared].section if pair.shared < len(call.blocks) else None
    written = used.write_5m + used.write_1h
    if section == "tools":
        same = Counter(_hashes(call, "tools")) == Counter(_hashes(earlier, "tools"))
        return pair.miss_in_text("tools reordered" if same else "tools changed", written)
    if section == "system":
        head = [place for place, block in enumerate(call.blocks) if block.section == "system"]
        alone = len(head) == 1 and call.blocks[head[0]].mark is not None
        return pair.miss_in_text("marked block varies" if alone else "system changed", written)
    if section is None:
        return None
    places = [mark.place for mark in pair.earlier_marks]
    if places[-1] == pair.earlier_shared == len(earlier.blocks) - 1 and places[0] == places[-1]:
        # The marker stands on what each call asks anew, and none before it.
        return pair.miss_in_text("marked block varies", written)
    first = next(place for place, block in enumerate(call.blocks) if block.section in {"messages", "prior"})
    if pair.shared > first and pair.earlier_shared < len(earlier.blocks) - 1:
        again = min(pair.shared + places[-1] - pair.earlier_shared, len(request.ends) - 1)
        return pair.miss_in_text("history edited", request.ends[again] - used.read)
    return None


def _hashes(call: Recorded, section: str) -> list[str]:
    blocks: Sequence[Block] = call.blocks
    return [block.hash for block in blocks if block.section == section]
