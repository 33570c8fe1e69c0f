"""What a call costs, and what else the price list knows: `load()` reads models.toml, `Prices` answers."""

from __future__ import annotations

import datetime as dt
import importlib
import os
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any, Final, cast

from . import catalogue, ids
from .catalogue import Latency, Model

#: tomllib, or before Python 3.11 the package it came from.
_toml: Final[Any] = importlib.import_module("tomllib" if sys.version_info >= (3, 11) else "tomli")

#: `usage.inference_geo` of a request that pays no premium.
_NO_GEO: Final = frozenset({None, "", "global", "not_available"})


class PricesError(Exception):
    """A models file that cannot be used; str() is one sentence that says why."""


@dataclass(frozen=True, slots=True)
class CacheRules:
    """The prompt cache's constants; a look-alike of the API whose clock runs faster has other seconds."""

    ttl_5m_s: float
    ttl_1h_s: float
    lookback_blocks: int
    max_marks: int


@dataclass(frozen=True, slots=True)
class Source:
    """Where a figure comes from, and when it was read there."""

    title: str
    url: str
    read: dt.date


@dataclass(frozen=True, slots=True)
class Prices:
    """The price list. `models` by id; aliases and the clouds' spellings are understood by `model()`."""

    models: Mapping[str, Model]
    aliases: Mapping[str, str]
    multipliers: Mapping[str, float]
    cache: CacheRules
    guide: Mapping[str, Latency]
    ttft_per_uncached_token_s: tuple[float, float, float]
    tokenizers: Mapping[str, float]
    web_search_usd: float
    sources: Mapping[str, Source]

    def __iter__(self) -> Iterator[Model]:
        return iter(self.models.values())

    def model(self, name: str | None) -> Model | None:
        """The model of that id, alias, dated id, Bedrock or Vertex id; None: not known."""
        if not name:
            return None
        for candidate in ids.candidates(name):
            found = self.models.get(self.aliases.get(candidate, candidate))
            if found is not None:
                return found
        return None

    def cost(  # noqa: PLR0913 - the counters of one usage, by the API's names
        self,
        model: str | None,
        at: dt.datetime | dt.date,
        uncached: int | None,
        cache_read: int | None,
        write_5m: int | None,
        write_1h: int | None,
        output: int | None,
        *,
        speed: str | None = None,
        batch: bool = False,
        geo: str | None = None,
        web_searches: int = 0,
    ) -> float | None:
        """USD of one call started `at` (UTC), from its usage; None where the model, or any count, is not known.

        `uncached`, `cache_read`, `write_5m` and `write_1h` are apart, as the API's `input_tokens` is from its cache
        counters. `speed` and `geo` are what the API says it served.
        """
        if uncached is None or cache_read is None or write_5m is None or write_1h is None or output is None:
            return None
        known = self.model(model)
        if known is None:
            return None
        price = known.price(
            at.date() if isinstance(at, dt.datetime) else at, uncached + cache_read + write_5m + write_1h
        )
        factor = self.factor(known, speed=speed, batch=batch, geo=geo)
        if price is None or factor is None:
            return None
        dollars = (
            uncached * price.input
            + cache_read * price.cache_read
            + write_5m * price.cache_write_5m
            + write_1h * price.cache_write_1h
            + output * price.output
        )
        return dollars * factor / 1e6 + web_searches * self.web_search_usd

    def factor(
        self, model: Model, *, speed: str | None = None, batch: bool = False, geo: str | None = None
    ) -> float | None:
        """What multiplies every token price; None for a combination that has no price."""
        factor = 1.0
        if speed == "fast":
            if model.fast is None or batch:
                return None
            factor *= model.fast.factor
        if batch:
            factor *= self.multipliers["batch"]
        if geo == "us":
            factor *= model.us_factor
        elif geo not in _NO_GEO:
            return None
        return factor

    def tokens_ratio(self, old: Model, new: Model) -> float | None:
        """How many tokens `new` makes of a text that is one token to `old`."""
        if old.tokenizer is None or new.tokenizer is None:
            return None
        return self.tokenizers[new.tokenizer] / self.tokenizers[old.tokenizer]


def load(overlay: str | os.PathLike[str] | None = None) -> Prices:
    """The packaged price list, with the file `overlay` (same shape, any part of it) laid over it.

    An overlay's models replace those of the same id entry by entry. Raises PricesError.
    """
    return _packaged() if overlay is None else _read(_merged(_document(), _overlay(Path(overlay))), str(overlay))


@cache
def _packaged() -> Prices:
    return _read(_document(), "models.toml")


def _document() -> dict[str, Any]:
    document: dict[str, Any] = _toml.loads(
        (resources.files(__package__ or __name__) / "models.toml").read_text("utf-8")
    )
    return document


def _overlay(path: Path) -> dict[str, Any]:
    try:
        document: dict[str, Any] = _toml.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:  # not UTF-8 and not TOML are both ValueErrors
        raise PricesError(f"The models file {path} cannot be read: {error}") from error
    return document


def _merged(base: dict[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in over.items():
        if key == "models":
            by_id: dict[str, dict[str, Any]] = {entry["id"]: entry for entry in base["models"]}
            for entry in value:
                by_id[entry["id"]] = {**by_id.get(entry["id"], {}), **entry}
            merged[key] = list(by_id.values())
        elif isinstance(value, dict) and isinstance(base.get(key), dict):
            merged[key] = _merged(base[key], cast("dict[str, Any]", value))
        else:
            merged[key] = value
    return merged


def _read(document: Mapping[str, Any], name: str) -> Prices:
    try:
        return _prices(document)
    except (KeyError, TypeError, ValueError) as error:
        raise PricesError(f"The models file {name} has a wrong or missing entry: {error}") from error


def _prices(document: Mapping[str, Any]) -> Prices:
    multipliers = {key: float(value) for key, value in document["multipliers"].items() if key != "source"}
    models = {entry["id"]: catalogue.model(entry, multipliers) for entry in document["models"]}
    rules = document["cache"]
    prior = document["prior"]["ttft_per_uncached_token_s"]
    return Prices(
        models=models,
        aliases={alias: model.id for model in models.values() for alias in model.aliases},
        multipliers=multipliers,
        cache=CacheRules(
            float(rules["ttl_5m_s"]), float(rules["ttl_1h_s"]), int(rules["lookback_blocks"]), int(rules["max_marks"])
        ),
        guide={family: catalogue.latency(figure) for family, figure in document["guide"].items()},
        ttft_per_uncached_token_s=(float(prior["low"]), float(prior["expected"]), float(prior["high"])),
        tokenizers={key: float(value) for key, value in document["tokenizers"].items() if key != "source"},
        web_search_usd=float(document["server_tools"]["web_search_usd_per_1000"]) / 1000,
        sources={
            key: Source(entry["title"], entry["url"], entry["read"]) for key, entry in document["sources"].items()
        },
    )
