"""What the prompt cache could share of one site's prompts: where they part, why it missed, what else it would cost.

The latest calls are run again through the advisor's simulator of the cache, at their own times.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Final

from firsttoken_dashboard import pricing
from firsttoken_dashboard.advisor import prompts
from firsttoken_dashboard.advisor.misses import misses
from firsttoken_dashboard.advisor.placements import Place, Placement
from firsttoken_dashboard.advisor.recorded import Recording
from firsttoken_dashboard.advisor.replay import CacheUse, Mark, Policy, Recorded, Request, Ttl, replay, requests
from firsttoken_dashboard.analysis import Window, caching

if TYPE_CHECKING:
    import duckdb

#: A study looks at this many of a site's calls, the latest.
MOST: Final = 1_000
_DEEPEST: Final = 7
_WIDEST: Final = 3
_ROWS: Final = 40


@dataclass(frozen=True, slots=True)
class Branch:
    """A stretch of prompt that `n_calls` have in common: from token `begin` to `end`, `depth` partings from the front.

    `sections` counts its blocks by section, `marks` the calls that mark its end, by TTL. After it the prompts go
    `ways` ways. `others` is above 0 for a row that stands for so many stretches, which are not shown one by one.
    """

    depth: int
    sections: dict[str, int]
    begin: int
    end: int
    n_calls: int
    marks: dict[str, int]
    ways: int
    others: int = 0


@dataclass(frozen=True, slots=True)
class MissCause:
    """Why marked prefixes were written again: calls, tokens, and the latest such call."""

    cause: str
    n_calls: int
    tokens: int
    section: str | None
    span_id: str


@dataclass(frozen=True, slots=True)
class Option:
    """What the same calls' input would have cost, and how much of it would have been read from the cache."""

    name: str
    usd: float
    hit_rate: float
    replayed: bool


@dataclass(frozen=True, slots=True)
class Study:
    """One site's prompts. `tree` is in the order of drawing, `longest` the longest prompt in tokens."""

    n_calls: int
    longest: int
    tree: list[Branch]
    misses: list[MissCause]
    options: list[Option]


def study(con: duckdb.DuckDBPyConnection, window: Window, one: caching.CacheUse) -> Study | None:
    """Study the latest calls of a site and model; None where none has its blocks, or the model is not known."""
    prices = pricing.load()
    model = prices.model(one.model)
    if model is None or model.min_cache_tokens is None:
        return None
    spans: list[str] = []
    recorded: list[Recorded] = []
    rates: list[pricing.Price] = []
    factors: list[float] = []
    for call in caching.prompts_of_site(con, window, one, MOST):
        used = CacheUse(call.uncached_tokens, call.read_tokens, call.write_5m_tokens, call.write_1h_tokens)
        blocks = prompts.blocks(call.blocks)
        day = datetime.fromtimestamp(call.start_s, timezone.utc).date()
        price = model.price(day, sum(used))
        factor = prices.factor(model, speed=call.speed, batch=call.batch, geo=call.geo)
        if blocks is None or price is None or factor is None or min(used) < 0:
            continue
        begins = call.headers_s if call.headers_s is not None else call.duration_s
        recorded.append(
            Recorded(
                call.start_s,
                math.inf if begins is None else begins,
                model.min_cache_tokens,
                blocks,
                (one.model, call.workspace),
                call.speed,
                call.settings,
                used,
            )
        )
        spans.append(call.span_id)
        rates.append(price)
        factors.append(factor)
    if not recorded:
        return None
    known = requests(recorded, prices.cache)
    recording = Recording(model, recorded, known, rates, factors, [0] * len(recorded))
    return Study(
        len(recorded),
        max(request.ends[-1] for request in known),
        _tree(known),
        _causes(recording, prices.cache, spans),
        list(_options(recording, prices.cache)),
    )


@dataclass(slots=True)
class _Node:
    """A prefix: the block that ends it, and the calls that have it."""

    number: int
    section: str = ""
    end: int = 0
    n_calls: int = 0
    marks: Counter[str] = field(default_factory=Counter[str])
    after: dict[int, _Node] = field(default_factory=dict[int, "_Node"])


def _tree(known: Sequence[Request]) -> list[Branch]:
    root = _Node(0, n_calls=len(known))
    for request in known:
        at = root
        marks = {mark.place: mark.ttl for mark in request.marks}
        for place, number in enumerate(request.prefixes):
            at = at.after.setdefault(number, _Node(number))
            at.section, at.end = request.blocks[place].section, request.ends[place]
            at.n_calls += 1
            if place in marks:
                at.marks[marks[place]] += 1
    found: list[Branch] = []
    _grow(root, 0, 0, found)
    return found


def _grow(node: _Node, depth: int, begin: int, found: list[Branch]) -> None:
    """Add what comes after a prefix: the ways that most calls take, and one row for the rest."""
    ways = sorted(node.after.values(), key=lambda one: -one.n_calls)
    shown = ways[:_WIDEST] if node.n_calls > 1 and depth < _DEEPEST else []
    # Where nothing more is shared, each prompt's own rest says nothing one by one.
    if all(one.n_calls == 1 for one in ways) and len(ways) > 1:
        shown = []
    for first in shown:
        if len(found) >= _ROWS:
            return
        last, sections = first, Counter([first.section])
        while len(last.after) == 1 and not last.marks:
            (further,) = last.after.values()
            if further.n_calls < last.n_calls:
                break
            last = further
            sections[last.section] += 1
        found.append(Branch(depth, dict(sections), begin, last.end, last.n_calls, dict(last.marks), len(last.after)))
        _grow(last, depth + 1, last.end, found)
    rest = ways[len(shown) :]
    if rest and len(found) < _ROWS:
        calls = sum(one.n_calls for one in rest)
        sections = Counter(one.section for one in rest)
        found.append(Branch(depth, dict(sections), begin, max(map(_longest, rest)), calls, {}, 0, others=len(rest)))


def _longest(node: _Node) -> int:
    """Tokens up to the end of the longest prompt that goes on from here."""
    most, waiting = node.end, [node]
    while waiting:
        one = waiting.pop()
        most = max(most, one.end)
        waiting.extend(one.after.values())
    return most


def _causes(recording: Recording, rules: pricing.CacheRules, spans: Sequence[str]) -> list[MissCause]:
    calls: Counter[str] = Counter()
    tokens: Counter[str] = Counter()
    latest: dict[str, tuple[str | None, str]] = {}
    for miss in misses(recording, rules):
        calls[miss.cause] += 1
        tokens[miss.cause] += miss.tokens
        latest[miss.cause] = miss.section, spans[miss.place]
    return [MissCause(cause, calls[cause], tokens[cause], *latest[cause]) for cause, _ in tokens.most_common()]


def _options(recording: Recording, rules: pricing.CacheRules) -> Sequence[Option]:
    def option(name: str, uses: list[CacheUse], *, replayed: bool = True) -> Option:
        whole = sum(map(sum, uses))
        read = sum(use.read for use in uses)
        return Option(name, recording.input_usd(uses), read / whole if whole else 0.0, replayed)

    def under(policy: Policy) -> list[CacheUse]:
        return replay(recording.requests, policy, rules)

    marked = any(request.marks for request in recording.requests)
    found = [
        option("As it was", recording.as_it_was(), replayed=False),
        option("No caching", under(lambda _: ())),
    ]
    if marked:
        found += [
            option("Your marks, 5 min", under(_all("5m"))),
            option("Your marks, 1 h", under(_all("1h"))),
        ]
    for ttl, told in _TTLS:
        tried = [option(f"Marked {words}, {told}", under(Placement(place, ttl).marks)) for place, words in _PLACES]
        found.append(min(tried, key=lambda one: one.usd))
    return found


_TTLS: Final[tuple[tuple[Ttl, str], ...]] = (("5m", "5 min"), ("1h", "1 h"))
_PLACES: Final[tuple[tuple[Place, str], ...]] = (
    ("system", "at the system's end"),
    ("end", "at the prompt's end"),
    ("system and end", "at both ends"),
)


def _all(ttl: Ttl) -> Policy:
    """The application's own marks, all for that long."""
    return lambda request: [Mark(mark.place, ttl) for mark in request.marks]
