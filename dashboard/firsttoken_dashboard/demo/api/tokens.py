"""How many tokens a text has here: its characters over a model's characters per token, always the same."""

from __future__ import annotations

import json
import math

from firsttoken_dashboard.demo.api.body import Json


def text_tokens(text: str, chars_per_token: float) -> int:
    """Tokens of a text; an empty one has none."""
    return math.ceil(len(text) / chars_per_token)


def canonical(block: Json) -> str:
    """The block's JSON without its cache marker, written one way only: what prefixes are compared by."""
    return json.dumps(unmarked(block), sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def unmarked(block: Json) -> Json:
    """The block without `cache_control`, which is no part of the cached content."""
    return {key: value for key, value in block.items() if key != "cache_control"}


def block_tokens(block: Json, chars_per_token: float) -> int:
    """Tokens of a content block or tool: its text where it is one, else its JSON; images and files a flat 1,600."""
    if block.get("type") == "text":
        return text_tokens(block["text"], chars_per_token)
    if block.get("type") in {"image", "document"}:
        return 1600
    return text_tokens(canonical(block), chars_per_token)
