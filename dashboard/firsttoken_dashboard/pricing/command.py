"""`firsttoken models`: the price list that costs are reckoned with, and where each figure comes from."""

from __future__ import annotations

import argparse
import datetime as dt
import json
from collections.abc import Callable
from dataclasses import asdict
from typing import Any, Final

from firsttoken_dashboard.options import CommandError

from .catalogue import END, Model
from .prices import Prices, PricesError, load

_UNKNOWN: Final = "\N{EN DASH}"
_HEADINGS: Final = (
    "model", "input", "output", "write 5m", "write 1h", "read", "cache from", "context", "fast", "status"
)  # fmt: skip


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("model", nargs="*", help="only these: ids, aliases, dated ids, Bedrock or Vertex ids")
    parser.add_argument("--format", choices=("terminal", "json"), default="terminal", help="(default: %(default)s)")
    parser.add_argument("--all", action="store_true", help="retired models and former prices too")
    parser.add_argument("--models", metavar="FILE", help="a TOML file laid over the packaged price list")


def run(args: argparse.Namespace) -> int:
    """Print the price list and return 0. Raises CommandError."""
    try:
        prices = load(args.models)
    except PricesError as error:
        raise CommandError(str(error)) from error
    today = dt.datetime.now(dt.timezone.utc).date()
    if args.model:
        chosen = [_named(prices, name) for name in args.model]
    else:
        chosen = [model for model in prices if args.all or not model.retired(today)]
    if args.format == "json":
        print(json.dumps({"models": [_as_json(model, today) for model in chosen]}, indent=2))
        return 0
    print("US dollars per million tokens. A request over a tier's limit pays that tier for all its tokens.\n")
    _print_table([row for model in chosen for row in _lines(model, today, former=args.all)])
    cited = {key for model in chosen for key in model.sources}
    print("\nSources, with the day they were read:")
    for key in sorted(cited):
        source = prices.sources[key]
        print(f"  {source.read}  {source.title}  {source.url}".rstrip())
    return 0


def _named(prices: Prices, name: str) -> Model:
    model = prices.model(name)
    if model is None:
        raise CommandError(f"{name} is not in the price list; `firsttoken models --all` shows what is.")
    return model


def _lines(model: Model, today: dt.date, *, former: bool) -> list[tuple[str, ...]]:
    prices = [price for price in model.prices if former or price.valid_from <= today < price.valid_to]
    about = (
        _or_dash(model.min_cache_tokens, lambda tokens: f"{tokens}{'' if model.min_cache_certain else '?'}"),
        _or_dash(model.context_tokens, lambda tokens: f"{tokens // 1000}k"),
        _or_dash(model.fast, lambda fast: "ignored" if fast.ignored else f"x{fast.factor:g}"),
        _status(model, today),
    )
    if not prices:
        return [(model.id, *[_UNKNOWN] * 5, *about)]
    lines: list[tuple[str, ...]] = []
    for price in prices:
        name = model.id if not lines else ""
        if price.over_input_tokens:
            name = f"  over {price.over_input_tokens // 1000}k input tokens"
        elif former and lines:
            name = f"  from {price.valid_from}"
        figures = (price.input, price.output, price.cache_write_5m, price.cache_write_1h, price.cache_read)
        lines.append((name, *(f"{dollars:g}" for dollars in figures), *(about if not lines else ("", "", "", ""))))
    return lines


def _status(model: Model, today: dt.date) -> str:
    status = model.status(today)
    if model.retires is not None:
        return f"{status}, {'since' if status == 'retired' else 'retires'} {model.retires}"
    if model.retires_not_before is not None and model.retires_not_before > today:
        return f"{status} at least until {model.retires_not_before}"
    return status


def _or_dash(value: Any, text: Callable[[Any], str]) -> str:
    return _UNKNOWN if value is None else text(value)


def _print_table(lines: list[tuple[str, ...]]) -> None:
    table = [_HEADINGS, *lines]
    widths = [max(len(line[column]) for line in table) for column in range(len(_HEADINGS))]
    last = len(_HEADINGS) - 1
    for line in table:
        cells = [
            cell.ljust(width) if column in {0, last} else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(line, widths, strict=True))
        ]
        print("  ".join(cells).rstrip())


def _as_json(model: Model, today: dt.date) -> dict[str, Any]:
    entry = asdict(model)
    del entry["_retired"]
    entry["status"] = model.status(today)
    for price in entry["prices"]:
        if price["valid_to"] == END:
            price["valid_to"] = None
    return json.loads(json.dumps(entry, default=str))
