"""What one request meets: the knobs of the look-alike, and the three ways to turn them.

Weakest first: the server's default; a schedule by API key, an entry an attempt (an application sends its key anyway, so
its source stays clean); `x-lookalike-*` headers of the request, which tests set by `extra_headers`. Each overrides
single fields of the one before. What nobody sets follows from the model and from what the prompt asks for.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Literal

HEADER_PREFIX = "x-lookalike-"


@dataclass(frozen=True, slots=True, kw_only=True)
class Behaviour:
    """None means: as the model and the prompt have it. As a header `ttft_s` is `x-lookalike-ttft-s: 0.1`, and so on."""

    model: str | None = None
    """Only requests for this model get what is said here; others get nothing of it."""

    # clocks, seconds from the request's last byte
    headers_s: float | None = None
    """Until the head and `message_start` go out, on a stream; at most `ttft_s`. Infinite: never."""
    ttft_s: float | None = None
    """Until the first delta, exactly (otherwise the model's own, with some jitter). Infinite: never."""
    tokens_per_second: float | None = None
    tokens_per_delta: int | None = None
    stall_after: int | None = None
    """After that many output tokens nothing comes …"""
    stall_s: float | None = None
    """… for so long (infinite: the connection stays open and silent)."""

    # the answer
    output_tokens: int | None = None
    """Visible tokens, text or tool input."""
    thinking_tokens: int | None = None
    answer: Literal["text", "tool", "text+tool"] | None = None
    text: str | None = None
    """Exactly this text; its length gives the tokens."""

    # failures
    status: int | None = None
    """Answer with this status instead, if it is an error's."""
    share: float | None = None
    """Only this share of the attempts fail; which ones is the seed's choice."""
    attempts: int | None = None
    """Only the first so many attempts of a call fail (told by `x-stainless-retry-count`)."""
    error_delay_s: float | None = None
    retry_after_s: float | None = None
    message: str | None = None
    """The error's message."""
    error_after: int | None = None
    """An `error` event (overloaded) after that many output tokens of a stream."""
    cut_after: int | None = None
    """A reset connection after that many output tokens of a stream."""

    def over(self, other: Behaviour) -> Behaviour:
        """The other one, with what is set here."""
        return replace(other, **{f.name: value for f in fields(self) if (value := getattr(self, f.name)) is not None})

    def without(self, *knobs: str) -> Behaviour:
        """The same, with these knobs unset again."""
        return replace(self, **dict.fromkeys(knobs))


def from_headers(headers: dict[str, str]) -> Behaviour:
    """Read `x-lookalike-*`. Raises ValueError for a knob that does not exist or a number that is none."""
    knobs: dict[str, float | int | str] = {}
    types = {f.name: str(f.type) for f in fields(Behaviour)}
    for name, value in headers.items():
        if name.startswith(HEADER_PREFIX):
            knob = name.removeprefix(HEADER_PREFIX).replace("-", "_")
            if knob not in types:
                raise ValueError(f"{name} is no knob of the look-alike")
            convert = float if "float" in types[knob] else int if "int" in types[knob] else str
            knobs[knob] = convert(value)
    return Behaviour(**knobs)  # pyright: ignore[reportArgumentType]


class Schedules:
    """Behaviours by API key: a list that each attempt takes one of, and what comes after its end."""

    def __init__(self) -> None:
        """No key has one."""
        self._steps: dict[str, list[Behaviour]] = {}
        self._then: dict[str, Behaviour] = {}

    def set(self, api_key: str, steps: list[Behaviour], then: Behaviour) -> None:
        """Replace the key's schedule."""
        self._steps[api_key], self._then[api_key] = list(steps), then

    def take(self, api_key: str) -> Behaviour:
        """The behaviour of this attempt."""
        steps = self._steps.get(api_key)
        return steps.pop(0) if steps else self._then.get(api_key, Behaviour())

    def clear(self) -> None:
        """Forget all keys."""
        self._steps.clear()
        self._then.clear()
