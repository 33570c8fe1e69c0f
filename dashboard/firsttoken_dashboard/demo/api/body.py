"""Reading a request's JSON: what is absent is empty, and a string is one text block."""

from __future__ import annotations

import json
from typing import Any, TypeAlias, cast

from firsttoken_dashboard.demo.api.errors import ApiError

Json: TypeAlias = dict[str, Any]


def parse(raw: bytes, *needed: str) -> Json:
    """The request's JSON. Raises ApiError (400) where it is none or lacks a field."""
    try:
        body = json.loads(raw)
    except ValueError as error:
        raise ApiError(400, "The request body is not valid JSON") from error
    for name in needed:
        if name not in body:
            raise ApiError(400, f"{name}: Field required")
    return body


def part(body: Json, name: str) -> Json:
    """An object inside another one."""
    return cast("Json", body.get(name) or {})


def items(body: Json, name: str) -> list[Any]:
    """A list inside an object."""
    return cast("list[Any]", body.get(name) or [])


def blocks(content: str | list[Json]) -> list[Json]:
    """The content blocks of a message or a system prompt."""
    return [{"type": "text", "text": content}] if isinstance(content, str) else content


def plain(content: str | list[Json]) -> str:
    """The text of a message or a system prompt, other blocks left out."""
    return "\n".join(block["text"] for block in blocks(content) if block.get("type") == "text")
