"""models.toml as typed values: what is known of a model, and from when which price was in force."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

#: Stands for "no bound" in the price relation; inside what TIMESTAMP_NS can hold.
BEGINNING: Final = dt.date(1900, 1, 1)
END: Final = dt.date(2200, 1, 1)


@dataclass(frozen=True, slots=True)
class Price:
    """USD per million tokens, for requests started in [valid_from, valid_to) with more than `over_input_tokens`.

    `over_input_tokens` counts the whole input, cache reads and writes included; `upto_input_tokens` (inclusive) is
    where the next tier begins, None for the last.
    """

    valid_from: dt.date
    valid_to: dt.date
    over_input_tokens: int
    upto_input_tokens: int | None
    input: float
    output: float
    cache_read: float
    cache_write_5m: float
    cache_write_1h: float


@dataclass(frozen=True, slots=True)
class Fast:
    """Fast mode: `factor` on every price. `ignored`: asked for, the model answers at its usual speed and price."""

    factor: float
    beta: str | None
    until: dt.date | None
    ignored: bool


@dataclass(frozen=True, slots=True)
class Latency:
    """Figures somebody published, or the field guide's: priors, no limits.

    `ttft_s` is None where only another clock was published; `first_answer_s` includes thinking.
    """

    ttft_s: float | None
    tokens_per_second: float | None
    first_answer_s: float | None
    note: str
    source: str


@dataclass(frozen=True, slots=True)
class Model:
    """One model. None is "not known" everywhere."""

    id: str
    name: str
    family: str
    aliases: tuple[str, ...]
    prices: tuple[Price, ...]
    min_cache_tokens: int | None
    min_cache_certain: bool
    context_tokens: int | None
    max_output_tokens: int | None
    tokenizer: str | None
    default_effort: str | None
    thinking: str | None
    fast: Fast | None
    us_factor: float
    released: dt.date | None
    deprecated: bool
    retires: dt.date | None
    retires_not_before: dt.date | None
    replacement: str | None
    latency_class: str | None
    published: tuple[Latency, ...]
    sources: tuple[str, ...]
    _retired: bool = False

    def retired(self, on: dt.date) -> bool:
        """Calls made `on` that day fail, because the model is no more."""
        return self._retired or (self.retires is not None and on >= self.retires)

    def status(self, on: dt.date) -> str:
        """`active`, `deprecated` or `retired`, on that day."""
        if self.retired(on):
            return "retired"
        return "deprecated" if self.deprecated or self.retires is not None else "active"

    def price(self, at: dt.date, input_tokens: int) -> Price | None:
        """The price of a request of `input_tokens` (all of them) started on that day; None: not known.

        A day before the first known price has the first one: a clock that is off must not lose the money.
        """
        for price in self.prices:
            upto = price.upto_input_tokens
            in_tier = price.over_input_tokens < input_tokens or price.over_input_tokens == 0
            if price.valid_from <= at < price.valid_to and in_tier and (upto is None or input_tokens <= upto):
                return price
        return None


def model(entry: Mapping[str, Any], multipliers: Mapping[str, float]) -> Model:
    """One `[[models]]` entry. Raises KeyError where `id`, `name` or `family` is missing."""
    fast: Mapping[str, Any] | None = entry.get("fast")
    return Model(
        id=entry["id"],
        name=entry["name"],
        family=entry["family"],
        aliases=tuple(entry.get("aliases", ())),
        prices=_prices(entry.get("prices", ()), multipliers),
        min_cache_tokens=entry.get("min_cache_tokens"),
        min_cache_certain=entry.get("min_cache_certain", True),
        context_tokens=entry.get("context_tokens"),
        max_output_tokens=entry.get("max_output_tokens"),
        tokenizer=entry.get("tokenizer"),
        default_effort=entry.get("default_effort"),
        thinking=entry.get("thinking"),
        fast=None
        if fast is None
        else Fast(float(fast["factor"]), fast.get("beta"), fast.get("until"), fast.get("ignored", False)),
        us_factor=float(entry.get("us_factor", 1)),
        released=entry.get("released"),
        deprecated=entry.get("deprecated", False),
        retires=entry.get("retires"),
        retires_not_before=entry.get("retires_not_before"),
        replacement=entry.get("replacement"),
        latency_class=entry.get("latency_class"),
        published=tuple(latency(figure) for figure in entry.get("published", ())),
        sources=tuple(entry.get("sources", ())),
        _retired=entry.get("retired", False),
    )


def latency(figure: Mapping[str, Any]) -> Latency:
    """A published figure, or one of the guide's (which says its model as the note)."""
    return Latency(
        ttft_s=_number(figure.get("ttft_s")),
        tokens_per_second=_number(figure.get("tokens_per_second")),
        first_answer_s=_number(figure.get("first_answer_s")),
        note=figure.get("note", figure.get("model", "")),
        source=figure.get("source", "guide"),
    )


def _number(value: float | None) -> float | None:
    return None if value is None else float(value)


def _prices(entries: tuple[Mapping[str, Any], ...], multipliers: Mapping[str, float]) -> tuple[Price, ...]:
    """Entries with their ends: a price ends where the next one begins, a tier where the next longer one does."""
    starts = sorted({entry.get("valid_from", BEGINNING) for entry in entries})
    prices: list[Price] = []
    for position, start in enumerate(starts):
        tiers = sorted(
            (entry for entry in entries if entry.get("valid_from", BEGINNING) == start),
            key=lambda entry: entry.get("over_input_tokens", 0),
        )
        bounds = [int(tier.get("over_input_tokens", 0)) for tier in tiers]
        for tier, over, upto in zip(tiers, bounds, [*bounds[1:], None], strict=True):
            dollars = float(tier["input"])
            prices.append(
                Price(
                    valid_from=BEGINNING if position == 0 else start,
                    valid_to=starts[position + 1] if position + 1 < len(starts) else END,
                    over_input_tokens=over,
                    upto_input_tokens=upto,
                    input=dollars,
                    output=float(tier["output"]),
                    cache_read=dollars * float(tier.get("read", multipliers["read"])),
                    cache_write_5m=dollars * float(tier.get("write_5m", multipliers["write_5m"])),
                    cache_write_1h=dollars * float(tier.get("write_1h", multipliers["write_1h"])),
                )
            )
    return tuple(prices)
