"""Requests that the tests send, and the knobs of the look-alike that go with them."""

from __future__ import annotations

from typing import Any, Final

MODEL: Final = "claude-haiku-4-5"
#: What the look-alike answers with, whatever is asked of it.
TEXT: Final = "The sea is wide and the ships are small; every one of them comes home by the light of the same lamp."


def request(*, text: str | None = TEXT, **knobs: object) -> dict[str, Any]:
    """Keyword arguments for `messages.create`; `knobs` tell the look-alike how to answer (`ttft_s=0.1`)."""
    headers = {f"x-lookalike-{name.replace('_', '-')}": str(value) for name, value in knobs.items()}
    if text is not None and not {"output_tokens", "answer"} & knobs.keys():
        headers["x-lookalike-text"] = text
    return {
        "model": MODEL,
        "max_tokens": 4000,
        "messages": [{"role": "user", "content": "Tell me about the sea and its ships."}],
        "extra_headers": headers,
    }
