"""From a request's JSON to the blocks of its cacheable prefix: tools, then system, then messages, with their markers.

The hash at a block stands for all before it, so two requests share a prefix exactly where hashes are equal. Settings
are mixed in where the API says that they invalidate: model and workspace at the front, `speed` at the system blocks,
tool choice, thinking and effort at the messages.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from firsttoken_dashboard.demo.api.body import Json, blocks, items, part
from firsttoken_dashboard.demo.api.cache import MAX_MARKERS, Block, Ttl
from firsttoken_dashboard.demo.api.errors import ApiError
from firsttoken_dashboard.demo.api.tokens import block_tokens, canonical

#: Tokens that the envelope of a message costs.
MESSAGE_OVERHEAD = 3


def prompt_blocks(body: Json, *, model: str, workspace: str, chars_per_token: float) -> list[Block]:
    """All blocks in cache order. Raises ApiError (400) for markers the API refuses."""
    settings = [body.get("tool_choice"), body.get("thinking"), part(body, "output_config").get("effort")]
    speed = body.get("speed") or "standard"
    salts: dict[str, list[Any]] = {"tools": [workspace, model], "system": [speed], "messages": settings}
    chain = ""
    found: list[Block] = []
    cacheable: list[bool] = []
    for section, role, block in _walk(body):
        while section in salts:  # entering a section, also past empty ones
            name = next(iter(salts))
            chain = _link(chain, [name, salts.pop(name)])
        # A tool or a system block carries no role; the first block of a message pays for its envelope.
        chain = _link(chain, [role, canonical(block)])
        tokens = block_tokens(block, chars_per_token) + (MESSAGE_OVERHEAD if role else 0)
        found.append(Block(chain, tokens, _mark(block.get("cache_control"))))
        cacheable.append(_is_cacheable(block))
    return _automatic(found, cacheable, _mark(body.get("cache_control")))


def _walk(body: Json) -> Iterator[tuple[str, str, Json]]:
    for tool in items(body, "tools"):
        yield "tools", "", tool
    for block in blocks(body.get("system") or []):
        yield "system", "", block
    for message in body["messages"]:
        for place, block in enumerate(blocks(message["content"])):
            yield "messages", message["role"] if place == 0 else "", block


def _link(chain: str, what: list[Any]) -> str:
    return hashlib.blake2b(f"{chain}{what!r}".encode(), digest_size=12).hexdigest()


def _mark(control: Json | None) -> Ttl | None:
    if not control:
        return None
    return "1h" if control.get("ttl") == "1h" else "5m"


def _is_cacheable(block: Json) -> bool:
    return block.get("type") not in {"thinking", "redacted_thinking"} and block.get("text") != ""


def _automatic(found: list[Block], cacheable: list[bool], mark: Ttl | None) -> list[Block]:
    """Put the request's own `cache_control` on the last cacheable block, and check what the API checks."""
    explicit = sum(1 for block in found if block.mark)
    if mark and any(cacheable):
        last = max(place for place, able in enumerate(cacheable) if able)
        if found[last].mark not in {None, mark}:
            raise ApiError(400, "cache_control: the last block carries a cache_control with another ttl")
        if found[last].mark is None:
            explicit += 1
            found[last] = replace(found[last], mark=mark)
    if explicit > MAX_MARKERS:
        raise ApiError(400, f"A maximum of 4 blocks with cache_control may be provided. Found {explicit}.")
    ttls = [block.mark for block in found if block.mark]
    if "5m" in ttls and "1h" in ttls[ttls.index("5m") :]:
        raise ApiError(400, "cache_control: a ttl='1h' block must not come after a ttl='5m' block")
    return found
