"""Python source for a fix: the call of a site, written with the values that were recorded there.

Only names and numbers are known, never the prompt: ``...`` stands for what the application passes.
"""

from __future__ import annotations

import json
from collections.abc import Mapping


def literal(value: object) -> str:
    """A recorded value as Python source; text from outside cannot leave its quotes."""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return repr(value)


def arguments(model: str | None, max_tokens: int | None, extra: Mapping[str, str] | None = None) -> str:
    """``model="…", max_tokens=1024, messages=...`` with ``extra`` (name to source) between."""
    parts: list[str] = []
    parts.append(f"model={_quoted(model)}" if model is not None else "model=...")
    parts.append(f"max_tokens={max_tokens}" if max_tokens is not None else "max_tokens=...")
    parts.extend(f"{name}={source}" for name, source in (extra or {}).items())
    parts.append("messages=...")
    return ", ".join(parts)


def create(model: str | None, max_tokens: int | None, extra: Mapping[str, str] | None = None) -> str:
    """``client.messages.create(…)``."""
    return f"client.messages.create({arguments(model, max_tokens, extra)})"


def stream(model: str | None, max_tokens: int | None, extra: Mapping[str, str] | None = None) -> str:
    """``client.messages.stream(…)``."""
    return f"client.messages.stream({arguments(model, max_tokens, extra)})"


def _quoted(text: str) -> str:
    """Double quotes, as the SDK's examples have it; JSON's escapes are Python's too."""
    return json.dumps(text, ensure_ascii=False)
