"""Python source for a fix: the call of a site, written with the values that were recorded there.

Only names and numbers are known, never the prompt: ``...`` stands for what the application passes.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Final

#: Longer lines are folded: source in a report is read in a terminal.
WIDTH: Final = 88


def literal(value: object) -> str:
    """A recorded value as Python source; text from outside cannot leave its quotes."""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return repr(value)


def arguments(model: str | None, max_tokens: int | None, extra: Mapping[str, str] | None = None) -> str:
    """``model="…", max_tokens=1024, messages=...`` with ``extra`` (name to source) between."""
    return ", ".join(_arguments(model, max_tokens, extra))


def create(
    model: str | None, max_tokens: int | None, extra: Mapping[str, str] | None = None, *, indent: int = 0
) -> str:
    """``client.messages.create(…)``, one argument a line where one line would be long; it begins `indent` deep."""
    return _call("client.messages.create", _arguments(model, max_tokens, extra), indent)


def stream(
    model: str | None, max_tokens: int | None, extra: Mapping[str, str] | None = None, *, indent: int = 0
) -> str:
    """``client.messages.stream(…)``, as `create`."""
    return _call("client.messages.stream", _arguments(model, max_tokens, extra), indent)


def _arguments(model: str | None, max_tokens: int | None, extra: Mapping[str, str] | None) -> list[str]:
    return [
        f"model={text(model)}" if model is not None else "model=...",
        f"max_tokens={max_tokens}" if max_tokens is not None else "max_tokens=...",
        *(f"{name}={source}" for name, source in (extra or {}).items()),
        "messages=...",
    ]


def _call(function: str, parts: Sequence[str], indent: int) -> str:
    line = f"{function}({', '.join(parts)})"
    if indent + len(line) <= WIDTH:
        return line
    deeper = " " * (indent + 4)
    return f"{function}(\n" + "".join(f"{deeper}{part},\n" for part in parts) + " " * indent + ")"


def text(value: str) -> str:
    """Double quotes, as the SDK's examples have it; JSON's escapes are Python's too."""
    return json.dumps(value, ensure_ascii=False)
