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


@pytest.mark.parametrize("model", [model.id for model in PRICES if model.prices and model.id not in UNLISTED])
@pytest.mark.parametrize("usage", [(1_000, 20_000, 3_000, 0, 500), (7, 90_000, 0, 12_000, 900), (150_000, 0, 0, 0, 1)])
def test_our_price_is_that_of_genai_prices(model: str, usage: tuple[int, int, int, int, int]) -> None:
    uncached, read, write_5m, write_1h, output = usage
    try:
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
        )
    except (LookupError, TypeError) as error:
        pytest.skip(f"this genai-prices cannot say: {error}")
    ours = PRICES.cost(model, WHEN, uncached, read, write_5m, write_1h, output)
    assert ours == pytest.approx(float(theirs.total_price), rel=1e-9)
