"""Compaction: a prompt longer than its trigger is summed up before it is answered, and both are billed.

As the API does it for `context_management={"edits": [{"type": "compact_20260112", …}]}`: the answer begins with the
summary as a block of its own; the application sends it back with the rest, and what stood before it is not read again.
"""

from __future__ import annotations

import random
from typing import Final

from firsttoken_dashboard.demo.api.answer import Part
from firsttoken_dashboard.demo.api.body import Json, blocks, items, part
from firsttoken_dashboard.demo.api.errors import ApiError
from firsttoken_dashboard.demo.api.prose import prose
from firsttoken_dashboard.demo.api.served import Served

EDIT: Final = "compact_20260112"
DEFAULT_TRIGGER: Final = 150_000
LEAST_TRIGGER: Final = 50_000
#: How long summaries get, tokens.
SHORTEST, LONGEST = 2_500, 5_500


def trigger(body: Json) -> int | None:
    """From how many input tokens on to sum up; None: not asked for. Raises ApiError (400) for too few."""
    edit = next((edit for edit in items(part(body, "context_management"), "edits") if edit["type"] == EDIT), None)
    if edit is None:
        return None
    value: int = part(edit, "trigger").get("value") or DEFAULT_TRIGGER
    if value < LEAST_TRIGGER:
        raise ApiError(400, f"context_management: trigger must be at least {LEAST_TRIGGER} tokens")
    return value


def seen(body: Json) -> Json:
    """What the model reads of a request: its messages from the last summary on."""
    if trigger(body) is None:
        return body
    messages: list[Json] = body["messages"]
    for place in range(len(messages) - 1, -1, -1):
        content = blocks(messages[place]["content"])
        kept = [number for number, block in enumerate(content) if block["type"] == "compaction"]
        if kept:
            first = {**messages[place], "content": content[kept[-1] :]}
            return {**body, "messages": [first, *messages[place + 1 :]]}
    return body


def summary(model: Served, rng: random.Random) -> Part:
    """What all that was said comes down to."""
    tokens = rng.randint(SHORTEST, LONGEST)
    return Part("compaction", prose(rng, round(tokens * model.chars_per_token)), tokens)


def summed_up(body: Json, made: Part) -> Json:
    """The request with the summary in place of its messages."""
    return {**body, "messages": [{"role": "assistant", "content": [{"type": "compaction", "content": made.content}]}]}
