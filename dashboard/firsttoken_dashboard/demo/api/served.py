"""The models that the look-alike serves: how fast they are (models.toml), and what the price list says of them."""

from __future__ import annotations

import datetime as dt
import importlib
import sys
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Final, cast

from firsttoken_dashboard import pricing

_toml: Final[Any] = importlib.import_module("tomllib" if sys.version_info >= (3, 11) else "tomli")
_NO_MINIMUM: Final = 1024


@dataclass(frozen=True, slots=True)
class Served:
    """One model, as its requests meet it."""

    id: str
    """As responses name it: with the date, where the model has a dated id."""
    name: str
    family: str
    base_s: float
    per_token_s: float
    tokens_per_second: float
    always_thinks: bool
    chars_per_token: float
    min_cache_tokens: int
    max_output_tokens: int
    context_tokens: int
    released: dt.date
    fast_mode: bool


def served(name: str) -> Served | None:
    """The model of that id or alias; None where the API would answer 404: unknown or retired."""
    known = _list().model(name)
    if (
        known is None
        or name not in {known.id, *known.aliases}
        or known.retired(dt.datetime.now(dt.timezone.utc).date())
    ):
        return None
    return _served(known)


def all_served() -> list[Served]:
    """Every model that answers, newest first."""
    models = [model for known in _list() if (model := served(known.id))]
    return sorted(models, key=lambda model: model.released, reverse=True)


def _served(known: pricing.Model) -> Served:
    data = _data()
    speed = data["speed"].get(known.id) or data["speed"][known.family]
    dated = (alias for alias in known.aliases if alias.startswith(f"{known.id}-2"))
    return Served(
        id=next(dated, known.id),
        name=known.name,
        family=known.family,
        base_s=speed["base_s"],
        per_token_s=speed["per_token_s"],
        tokens_per_second=speed["tokens_per_second"],
        always_thinks=speed.get("always_thinks", False),
        chars_per_token=data["chars_per_token"][known.tokenizer or "new"],
        min_cache_tokens=known.min_cache_tokens or _NO_MINIMUM,
        max_output_tokens=known.max_output_tokens or 64_000,
        context_tokens=known.context_tokens or 200_000,
        released=known.released or dt.date(2025, 1, 1),
        fast_mode=known.fast is not None and not known.fast.ignored,
    )


@cache
def _list() -> pricing.Prices:
    return pricing.load()


@cache
def _data() -> dict[str, Any]:
    text = files(cast("str", __package__)).joinpath("models.toml").read_text(encoding="utf-8")
    return _toml.loads(text)
