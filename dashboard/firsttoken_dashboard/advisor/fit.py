"""How fast the models answer here: time to first token by uncached tokens, and output tokens per second.

Fitted on the user's own calls, per model. The time that one uncached token adds is fitted where prompt sizes spread
enough to tell better than the published range does; else that range stands in, around the level seen here. A model
without calls has the published figures of its family, and their whole spread as the interval.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import median
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple, TypeAlias

from firsttoken_dashboard import analysis, pricing
from firsttoken_dashboard.advisor import robust
from firsttoken_dashboard.advisor.findings import Range

if TYPE_CHECKING:
    import duckdb

#: Where a figure comes from: fitted here; the level seen here and the published slope; published only.
Basis: TypeAlias = Literal["fitted", "own level", "published"]

#: Fewer calls say nothing that the published figures do not.
MINIMUM_CALLS: Final = 8
#: Theil-Sen looks at all pairs: more calls than this cost time and tell nothing new.
MOST_CALLS: Final = 300
#: One published figure alone is trusted to half and double.
_LONE_FIGURE: Final = 2.0


class Sample(NamedTuple):
    """One call: `processed` input tokens (from no cache), `seconds`, how it was written out."""

    processed: float
    seconds: float
    output_tokens: float
    tokens_per_second: float | None
    silent_tokens: float


@dataclass(frozen=True, slots=True)
class Speed:
    """One model's speed: the line of TTFT over uncached tokens, and output tokens per second; None: not known."""

    ttft: robust.Line | None
    basis: Basis
    tps: Range | None


class LatencyFit:
    """The fitted speeds of the models that were called, and the published ones of those that were not.

    All times leave out thinking, retries and opening a connection.
    """

    def __init__(self, prices: pricing.Prices, own: Mapping[str, Speed]) -> None:
        self._prices = prices
        self._own = own

    def ttft(self, model: str, uncached_tokens: float) -> Range | None:
        """Seconds to the first token of a prompt of which that many tokens are read from no cache (writes count)."""
        line = self.speed(model).ttft
        if line is None:
            return None
        at = line.at(uncached_tokens)
        base = _base(self._prices, model) if uncached_tokens < line.lowest else None
        # Shorter than any prompt that was seen: no model answers sooner than its family's best.
        floor = 0.0 if base is None else base.low
        expected = max(at.expected, floor)
        return Range(min(max(at.low, 0.0), expected), expected, max(at.high, expected))

    def tps(self, model: str) -> Range | None:
        """Output tokens per second after the first."""
        return self.speed(model).tps

    def per_token(self, model: str) -> Range:
        """Seconds that one more uncached token adds to the first token's time."""
        line = self.speed(model).ttft
        return _prior(self._prices) if line is None else line.slope

    def speed(self, model: str) -> Speed:
        """All that is known of a model's speed, and from where."""
        key = _key(self._prices, model)
        own = self._own.get(key)
        if own is not None and own.ttft is not None and own.tps is not None:
            return own
        published = _published(self._prices, model)
        if own is None:
            return published
        return Speed(own.ttft or published.ttft, own.basis if own.ttft else "published", own.tps or published.tps)


def fit_latency(con: duckdb.DuckDBPyConnection, prices: pricing.Prices | None = None) -> LatencyFit:
    """Fit on the calls of the temporary table `audited` (rules/__init__.py)."""
    known = pricing.load() if prices is None else prices
    samples: dict[str, dict[str, list[Sample]]] = defaultdict(lambda: defaultdict(list))
    for model, kind, calls in analysis.rows(con, "fit", analysis.Window(), package=__package__ or __name__):
        samples[_key(known, model)][kind].extend(_sample(call) for call in calls)
    return LatencyFit(known, {model: _fitted(known, model, kinds) for model, kinds in samples.items()})


def _key(prices: pricing.Prices, model: str) -> str:
    found = prices.model(model)
    return model if found is None else found.id


def _sample(call: Sequence[Any]) -> Sample:
    processed, seconds, output_tokens, tokens_per_second, silent_tokens = call
    return Sample(
        processed, seconds, output_tokens, None if tokens_per_second < 0 else tokens_per_second, silent_tokens
    )


def _fitted(prices: pricing.Prices, model: str, kinds: Mapping[str, list[Sample]]) -> Speed:
    streamed = [*kinds.get("streamed", ()), *kinds.get("thinking", ())]
    rates = [sample.tokens_per_second for sample in streamed if sample.tokens_per_second is not None]
    tps = robust.typical(rates) if len(rates) >= MINIMUM_CALLS else None
    calls = _without_thinking(kinds, tps)
    if len(calls) >= MINIMUM_CALLS:
        line, basis = _line(prices, model, calls)
        if basis == "fitted":
            return Speed(line, basis, tps)
    whole = kinds.get("whole", [])
    tps = tps or _decode_rate(whole)
    line, basis = _with_whole(prices, model, calls, whole, tps or _published(prices, model).tps)
    return Speed(line, basis, tps)


def _without_thinking(kinds: Mapping[str, list[Sample]], tps: Range | None) -> list[Sample]:
    """Streamed calls; where too few did not think, thinkers too, less the time their silent thinking took."""
    calls = kinds.get("streamed", [])
    if len(calls) >= MINIMUM_CALLS or tps is None:
        return calls
    thinkers = (
        call._replace(seconds=call.seconds - call.silent_tokens / tps.expected) for call in kinds.get("thinking", ())
    )
    return [*calls, *(call for call in thinkers if call.seconds > 0)]


def _decode_rate(whole: Sequence[Sample]) -> Range | None:
    """Tokens per second of answers that came whole: those of different length tell; None: they do not."""
    few = _thinned(whole)
    line = robust.theil_sen([call.output_tokens for call in few], [call.seconds for call in few])
    if len(few) < MINIMUM_CALLS or line is None or line.slope.low <= 0:
        return None
    return Range(1 / line.slope.high, 1 / line.slope.expected, 1 / line.slope.low)


def _with_whole(
    prices: pricing.Prices, model: str, streamed: Sequence[Sample], whole: Sequence[Sample], tps: Range | None
) -> tuple[robust.Line | None, Basis]:
    """Calls that were not streamed tell too: what their decoding leaves of their time is their first token's.

    Not knowing the decode rate exactly shifts all of them by `error`, against the streamed ones and each other.
    """
    first: list[Sample] = []
    error = 0.0
    if tps is not None and tps.low > 0 and whole:
        first = [call._replace(seconds=call.seconds - call.output_tokens / tps.expected) for call in whole]
        first = [call for call in first if call.seconds > 0]
        error = median(call.output_tokens for call in whole) * (1 / tps.low - 1 / tps.high) / 2
    calls = [*streamed, *first]
    if len(calls) < MINIMUM_CALLS:
        return None, "published"
    line, basis = _line(prices, model, calls)
    sizes = [call.processed for call in calls]
    tilt = error / max(max(sizes) - min(sizes), 1.0) if basis == "fitted" else 0.0
    level = _wider(line.level, error if first else 0.0)
    if not streamed:
        level = _nearer(level, _base(prices, model), _prior(prices).times(line.centre))
    return replace(line, slope=_wider(line.slope, tilt), level=level), basis


def _nearer(level: Range, base: Range | None, reading: Range) -> Range:
    """The first token's time where none was seen: what decoding leaves, unless the guide's figure is more certain."""
    if base is None or base.high + reading.high - base.low - reading.low >= level.high - level.low:
        return level
    low, high = base.low + reading.low, base.high + reading.high
    return Range(low, min(max(level.expected, low), high), high)


def _wider(value: Range, error: float) -> Range:
    return Range(max(value.low - error, 0.0), value.expected, value.high + error)


def _thinned(calls: Sequence[Sample]) -> Sequence[Sample]:
    return calls[:: max(-(-len(calls) // MOST_CALLS), 1)]


def _line(prices: pricing.Prices, model: str, calls: Sequence[Sample]) -> tuple[robust.Line, Basis]:
    few = _thinned(calls)
    xs, ys = [call.processed for call in few], [call.seconds for call in few]
    prior = _prior(prices)
    line = robust.theil_sen(xs, ys)
    if line is None or line.slope.high - line.slope.low > prior.high - prior.low or line.slope.high <= 0:
        return robust.through(xs, ys, _slope(prior, _base(prices, model), median(xs), median(ys))), "own level"
    slope = Range(*(max(end, 0.0) for end in (line.slope.low, line.slope.expected, line.slope.high)))
    return replace(line, slope=slope), "fitted"


def _slope(prior: Range, base: Range | None, tokens: float, seconds: float) -> Range:
    """What a token costs where prompts of one size do not tell: the published range, within what is possible here.

    Whatever the slope is, a prompt without tokens would not be answered before it was sent, nor (where that is known)
    sooner than the family's models answer; what is left over was spent on these `tokens`.
    """
    tokens = max(tokens, 1.0)
    most = seconds / tokens
    if base is None or (seconds - base.high) / tokens > prior.high:
        return Range(*(min(end, most) for end in (prior.low, prior.expected, prior.high)))
    least, likely, most = (max(seconds - end, 0.0) / tokens for end in (base.high, base.expected, base.low))
    low, high = min(max(prior.low, least), most), min(prior.high, most)
    expected = likely if most - least < prior.high - prior.low else prior.expected
    return Range(low, min(max(expected, low), high), high)


def _base(prices: pricing.Prices, model: str) -> Range | None:
    """Seconds to the first token of a short prompt, as the guide says of the family; None: it says nothing."""
    known = prices.model(model)
    figures = [] if known is None else _guide(prices, known.family)
    return _spread(figure.ttft_s for figure in figures)


def _prior(prices: pricing.Prices) -> Range:
    return Range(*prices.ttft_per_uncached_token_s)


def _published(prices: pricing.Prices, model: str) -> Speed:
    """What was published of the model, and the field guide's figure for its family; of no figure, its family's."""
    known = prices.model(model)
    if known is None:
        return Speed(None, "published", None)
    figures = [*known.published, *_guide(prices, known.family)]
    if not known.published:
        figures += [figure for other in prices if other.family == known.family for figure in other.published]
    level = _spread(figure.ttft_s for figure in figures)
    line = None if level is None else robust.Line(_prior(prices), level, 0.0, 0)
    return Speed(line, "published", _spread(figure.tokens_per_second for figure in figures))


def _guide(prices: pricing.Prices, family: str) -> list[pricing.Latency]:
    figure = prices.guide.get(family)
    return [] if figure is None else [figure]


def _spread(figures: Iterable[float | None]) -> Range | None:
    known = [figure for figure in figures if figure is not None]
    if not known:
        return None
    if len(known) == 1:
        return Range(known[0] / _LONE_FIGURE, known[0], known[0] * _LONE_FIGURE)
    return Range(min(known), median(known), max(known))
