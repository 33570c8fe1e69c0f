"""Where a prompt could be marked for the cache, and which of these would have cost least on the recorded calls."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from firsttoken_dashboard.advisor.replay import CacheUse, Mark, Policy, Request, Ttl

if TYPE_CHECKING:
    from firsttoken_dashboard.advisor.recorded import Recording
    from firsttoken_dashboard.advisor.rules import Context

Place: TypeAlias = Literal["tools", "system", "shared", "end", "system and end"]

#: A placement further down this list must cost this share less than the simplest one to be worth its words.
_WORTH: Final = 0.02


@dataclass(frozen=True, slots=True)
class Placement:
    """Markers for every call of a site. `block` counts the message blocks, for "shared"; `ttl` is that of all."""

    place: Place
    ttl: Ttl
    block: int | None = None

    def marks(self, request: Request) -> Sequence[Mark]:
        """The markers of one call; none where it has no such block."""
        places: set[int | None] = set()
        head = _last_before_messages(request)
        if self.place in {"tools", "system", "system and end"}:
            places.add(head)
        if self.place in {"end", "system and end"}:
            places.add(len(request.blocks) - 1)
        if self.place == "shared" and self.block is not None:
            place = self.block if head is None else head + 1 + self.block
            places.add(place if place < len(request.blocks) else None)
        return [Mark(place, self.ttl) for place in sorted(place for place in places if place is not None)]


@dataclass(frozen=True, slots=True)
class Outcome:
    """A placement, what the cache would have done, and what the input would have cost."""

    placement: Placement
    uses: list[CacheUse]
    usd: float


def best(recording: Recording, context: Context) -> Outcome | None:
    """The cheapest placement on these calls, the simplest of those that are nearly as cheap; None: nowhere to mark."""
    outcomes: list[Outcome] = []
    for placement in _possible(recording.requests):
        policy: Policy = placement.marks
        uses = recording.under(policy, context)
        outcomes.append(Outcome(placement, uses, recording.input_usd(uses)))
    if not outcomes:
        return None
    limit = min(outcome.usd for outcome in outcomes) + _WORTH * recording.input_usd(recording.as_it_was())
    return next(outcome for outcome in outcomes if outcome.usd <= limit)


def _possible(requests: Sequence[Request]) -> Iterator[Placement]:
    """From the simplest change of the code to the largest; for each, five minutes before one hour."""
    sections = {block.section for request in requests for block in request.blocks}
    head: Place | None = "system" if "system" in sections else "tools" if "tools" in sections else None
    grows = _grows(requests)
    shared = _shared_block(requests)
    for ttl in ("5m", "1h"):
        if head is not None:
            yield Placement(head, ttl)
        if grows:
            yield Placement("end", ttl)
        if shared is not None:
            yield Placement("shared", ttl, shared)
        if head is not None and grows:
            yield Placement("system and end", ttl)


def _grows(requests: Sequence[Request]) -> bool:
    """Whether some call continues another: its prompt begins with the other's whole prompt."""
    whole = Counter(request.prefixes[-1] for request in requests)
    return any(prefix in whole for request in requests for prefix in request.prefixes[:-1])


def _shared_block(requests: Sequence[Request]) -> int | None:
    """The message block up to which most calls are like another call, though not to their end; None: there is none."""
    seen = Counter(prefix for request in requests for prefix in request.prefixes)
    deepest: Counter[int] = Counter()
    for request in requests:
        head = _last_before_messages(request)
        first = 0 if head is None else head + 1
        shared = [place for place in range(first, len(request.prefixes) - 1) if seen[request.prefixes[place]] > 1]
        if shared:
            deepest[shared[-1] - first] += 1
    if not deepest:
        return None
    block, calls = deepest.most_common(1)[0]
    return block if calls >= 0.5 * len(requests) else None


def _last_before_messages(request: Request) -> int | None:
    places = [place for place, block in enumerate(request.blocks) if block.section in {"tools", "system"}]
    return places[-1] if places else None
