"""The view `priced_calls`: the same prices in SQL, over calls in a real store."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pytest

from firsttoken_dashboard import pricing
from tests.advisor.traffic import START, Traffic

PRICES = pricing.load()


def priced(traffic: Traffic, folder: Path, columns: str = "cost_usd") -> list[Any]:
    with traffic.store(folder).read() as con:
        pricing.attach(con, PRICES)
        return con.execute(f"SELECT {columns} FROM priced_calls ORDER BY start_time").fetchall()


USAGES = [(1_000, 0, 0, 0, 500), (10, 90_000, 0, 0, 20), (7, 50_000, 40_000, 15_000, 900), (250_000, 0, 0, 0, 1)]
MODELS = [model.id for model in PRICES if model.prices]


def test_every_call_costs_in_sql_what_it_costs_in_python(tmp_path: Path) -> None:
    traffic = Traffic()
    expected: list[float | None] = []
    for model in MODELS:
        for uncached, read, write_5m, write_1h, output in USAGES:
            traffic.call(
                model=model,
                input_tokens=uncached + read + write_5m + write_1h,
                output_tokens=output,
                gen_ai__usage__cache_read__input_tokens=read,
                gen_ai__usage__cache_write__input_tokens=write_5m + write_1h,
                anthropic__usage__cache_creation__ephemeral_5m_input_tokens=write_5m,
                anthropic__usage__cache_creation__ephemeral_1h_input_tokens=write_1h,
            )
            expected.append(PRICES.cost(model, START, uncached, read, write_5m, write_1h, output))
    costs = [cost for (cost,) in priced(traffic, tmp_path)]
    assert None not in costs
    assert costs == pytest.approx(expected, rel=1e-9)


def test_writes_of_which_no_lifetime_is_known_are_five_minute_ones_as_the_api_has_it(tmp_path: Path) -> None:
    traffic = Traffic()
    traffic.call(input_tokens=3_000, gen_ai__usage__cache_write__input_tokens=2_000, output_tokens=0)
    assert priced(traffic, tmp_path) == [(pytest.approx(PRICES.cost("claude-opus-5", START, 1_000, 0, 2_000, 0, 0)),)]


@pytest.mark.parametrize(
    ("attributes", "factor"),
    [
        ({"firsttoken.speed": "fast"}, 2.0),
        ({"anthropic.response.service_tier": "batch"}, 0.5),
        ({"firsttoken.inference_geo": "us"}, 1.1),
        ({"firsttoken.inference_geo": "global"}, 1.0),
        ({"firsttoken.inference_geo": "mars"}, None),
        ({"firsttoken.speed": "fast", "anthropic.response.service_tier": "batch"}, None),
    ],
    ids=str,
)
def test_speed_batch_and_geography_change_the_price_or_make_it_unknown(
    tmp_path: Path, attributes: dict[str, str], factor: float | None
) -> None:
    traffic = Traffic()
    more: dict[str, Any] = {name.replace(".", "__"): value for name, value in attributes.items()}
    traffic.call(model="claude-opus-5-5", **more)
    plain = PRICES.cost("claude-opus-5-5", START, 800, 0, 0, 0, 400)
    assert plain is not None
    assert priced(traffic, tmp_path) == [(None if factor is None else pytest.approx(plain * factor),)]


def test_what_is_not_known_is_null_never_zero(tmp_path: Path) -> None:
    traffic = Traffic()
    traffic.call(model="claude-opus-99")
    traffic.call(without=["gen_ai.usage.output_tokens"])
    traffic.call(error="overloaded_error", status=529)
    assert priced(traffic, tmp_path, "cost_usd, model_family") == [(None, None), (None, "opus"), (None, "opus")]


def test_a_dated_or_a_clouds_id_has_its_models_price_and_family(tmp_path: Path) -> None:
    traffic = Traffic()
    traffic.call(model="us.anthropic.claude-haiku-4-5-20251001-v1:0")
    ((cost, family, model),) = priced(traffic, tmp_path, "cost_usd, model_family, model_id")
    assert (family, model) == ("haiku", "claude-haiku-4-5")
    assert cost == pytest.approx(800 * 1e-6 + 400 * 5e-6)


def test_the_parts_add_up_to_the_whole(tmp_path: Path) -> None:
    traffic = Traffic()
    traffic.call(gen_ai__usage__cache_read__input_tokens=300, gen_ai__usage__cache_write__input_tokens=200)
    ((cost, *parts),) = priced(
        traffic,
        tmp_path,
        "cost_usd, uncached_cost_usd, cache_read_cost_usd, cache_write_cost_usd, output_cost_usd, server_tool_cost_usd",
    )
    assert cost == pytest.approx(sum(parts))


def test_a_store_without_calls_is_priced_as_an_empty_one(tmp_path: Path) -> None:
    traffic = Traffic()
    with traffic.request():
        pass
    assert priced(traffic, tmp_path) == []


def test_prices_of_the_day_of_the_call_hold(tmp_path: Path) -> None:
    """Until 13 March 2026 a long prompt to Opus 4.6 cost double."""
    traffic = Traffic()
    days = [dt.datetime(2026, 3, day, 12, tzinfo=dt.timezone.utc) for day in (12, 13)]
    for day in days:
        traffic.now = (day - START).total_seconds()
        traffic.call(model="claude-opus-4-6", input_tokens=250_000, output_tokens=0)
    assert [cost for (cost,) in priced(traffic, tmp_path)] == pytest.approx([2.5, 1.25])
