"""What calls cost: the dated price list (models.toml), one call in Python, millions of them in SQL."""

from .catalogue import Fast, Latency, Model, Price
from .prices import CacheRules, Prices, PricesError, Source, load
from .relation import attach

__all__ = [
    "CacheRules",
    "Fast",
    "Latency",
    "Model",
    "Price",
    "Prices",
    "PricesError",
    "Source",
    "attach",
    "load",
]
