"""The price list as two small relations, so that SQL prices millions of calls: `attach` makes the view `priced_calls`.

`model_names` takes every spelling of a model that the store holds to its id and family; `model_rates` has that id's
prices with their dates and tiers, in USD per token. Where only sums are asked for, tokens are added up first: calls of
one model with the same `price_bracket`, a macro of a call's input tokens and start, pay the same for each token.
"""

from __future__ import annotations

import datetime as dt
from importlib import resources
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import duckdb

    from .prices import Prices

_NAMES: Final = "CREATE OR REPLACE TEMP TABLE model_names (model VARCHAR, model_id VARCHAR, family VARCHAR)"
_RATES: Final = """
CREATE OR REPLACE TEMP TABLE model_rates (
    model_id VARCHAR, valid_from TIMESTAMP, valid_to TIMESTAMP, over_input_tokens BIGINT, upto_input_tokens BIGINT,
    uncached_usd DOUBLE, cache_read_usd DOUBLE, cache_write_5m_usd DOUBLE, cache_write_1h_usd DOUBLE,
    output_usd DOUBLE, fast_factor DOUBLE, batch_factor DOUBLE, us_factor DOUBLE, web_search_usd DOUBLE
)
"""
# Column by column: DuckDB counts what differs in one by its dictionary, in a third of the time.
_SEEN: Final = "SELECT DISTINCT response_model FROM calls UNION SELECT DISTINCT request_model FROM calls"
_NO_LIMIT: Final = 2**62


def attach(con: duckdb.DuckDBPyConnection, prices: Prices) -> None:
    """Make the temporary view `priced_calls` (price.sql) on this connection; it may be read-only.

    Models are resolved for the names in `calls` now: attach again when new ones may have come.
    """
    names: list[tuple[Any, ...]] = []
    rates: list[tuple[Any, ...]] = []
    for (name,) in con.execute(_SEEN).fetchall():
        known = prices.model(name)
        if known is None:
            continue
        if not any(known.id == row[1] for row in names):
            rates.extend(_rates(prices, known.id))
        names.append((name, known.id, known.family))
    con.execute(_NAMES)
    con.execute(_RATES)
    _fill(con, "model_names", names)
    _fill(con, "model_rates", rates)
    con.execute(_bracket(prices, {row[1] for row in names}))
    con.execute((resources.files(__package__ or __name__) / "price.sql").read_text("utf-8"))


def _bracket(prices: Prices, model_ids: set[str]) -> str:
    """The macro that numbers the stretches of input tokens and of time in which no price of these models changes."""
    known = [price for model_id in sorted(model_ids) for price in prices.models[model_id].prices]
    sizes = sorted({price.over_input_tokens for price in known if price.over_input_tokens})
    days = sorted({day for price in known for day in (price.valid_from, price.valid_to)})
    parts = [f"(input_tokens > {size})::BIGINT" for size in sizes]
    parts += [f"1000 * (start_time >= TIMESTAMP_NS '{day:%Y-%m-%d}')::BIGINT" for day in days if 1970 < day.year < 2200]
    return f"CREATE OR REPLACE TEMP MACRO price_bracket(input_tokens, start_time) AS {' + '.join(parts) or '0'}"


def _fill(con: duckdb.DuckDBPyConnection, table: str, values: list[tuple[Any, ...]]) -> None:
    """In one statement: one for each row took ten times as long, and every page waits for it."""
    if values:
        marks = ", ".join(["?"] * len(values[0]))
        rows = ", ".join([f"({marks})"] * len(values))
        con.execute(f"INSERT INTO {table} VALUES {rows}", [one for row in values for one in row])  # noqa: S608 - marks


def _rates(prices: Prices, model_id: str) -> list[tuple[Any, ...]]:
    model = prices.models[model_id]
    return [
        (
            model_id,
            dt.datetime.combine(price.valid_from, dt.time()),
            dt.datetime.combine(price.valid_to, dt.time()),
            price.over_input_tokens or -1,
            _NO_LIMIT if price.upto_input_tokens is None else price.upto_input_tokens,
            price.input / 1e6,
            price.cache_read / 1e6,
            price.cache_write_5m / 1e6,
            price.cache_write_1h / 1e6,
            price.output / 1e6,
            None if model.fast is None else model.fast.factor,
            prices.multipliers["batch"],
            model.us_factor,
            prices.web_search_usd,
        )
        for price in model.prices
    ]
