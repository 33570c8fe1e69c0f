"""A second opinion: genai-prices' list, made by somebody else from the same documentation."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from firsttoken_dashboard import pricing

genai_prices: Any = pytest.importorskip("genai_prices", reason="pip install genai-prices compares our prices with its")

PRICES = pricing.load()
WHEN = dt.datetime(2026, 11, 20, 12, tzinfo=dt.timezone.utc)
#: What it does not list under this provider.
UNLISTED = {"claude-mythos-5", "claude-mythos-5-1"}


#: How a call is served: what we call it, and what they do.
SERVED: dict[str, tuple[dict[str, Any], dict[str, str]]] = {
    "standard": ({}, {}),
    "batch": ({"batch": True}, {"processing": "batch"}),
    "fast": ({"speed": "fast"}, {"speed": "fast"}),
}
PRICED = [model for model in PRICES if model.prices and model.id not in UNLISTED]


def served(model: pricing.Model) -> list[str]:
    """Fast mode is compared where it is sold, and charged; batches of models that are still there."""
    fast = model.fast is not None and not model.fast.ignored
    gone = model.retired(WHEN.date())
    return [how for how in SERVED if how == "standard" or (fast if how == "fast" else not gone)]


@pytest.mark.parametrize(("model", "how"), [(model.id, how) for model in PRICED for how in served(model)])
@pytest.mark.parametrize("usage", [(1_000, 20_000, 3_000, 0, 500), (7, 90_000, 0, 12_000, 900), (150_000, 0, 0, 0, 1)])
def test_our_price_is_that_of_genai_prices(model: str, how: str, usage: tuple[int, int, int, int, int]) -> None:
    uncached, read, write_5m, write_1h, output = usage
    ours_says, theirs_says = SERVED[how]
    theirs = genai_prices.calc_price(
        genai_prices.Usage(
            input_tokens=uncached + read + write_5m + write_1h,
            cache_read_tokens=read,
            cache_write_tokens=write_5m + write_1h,
            cache_write_1h_tokens=write_1h,
            output_tokens=output,
        ),
        model_ref=model,
        provider_id="anthropic",
        genai_request_timestamp=WHEN,
        price_context=theirs_says,
    )
    ours = PRICES.cost(model, WHEN, uncached, read, write_5m, write_1h, output, **ours_says)
    assert ours == pytest.approx(float(theirs.total_price), rel=1e-9)
