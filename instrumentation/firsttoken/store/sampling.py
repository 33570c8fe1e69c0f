"""The part of all traces that a sampler kept, as consistent samplers tell it in a span's trace state."""

from __future__ import annotations

from typing import Final

#: Written on spans of sampled traces, whichever way they come.
ATTRIBUTE: Final = "sampling.probability"

#: Hexadecimal digits of a threshold; it is a fraction of 16 to this power.
_DIGITS: Final = 14


def probability(trace_state: str) -> float | None:
    """What `ot=th:…` in a W3C trace state says; None where it does not say, or says nonsense.

    The threshold is a hexadecimal fraction of what is dropped, its trailing zeros left out.
    """
    for member in trace_state.split(","):
        vendor, _, fields = member.strip().partition("=")
        if vendor != "ot":
            continue
        for field in fields.split(";"):
            key, _, threshold = field.partition(":")
            if key == "th":
                return _kept(threshold)
    return None


def _kept(threshold: str) -> float | None:
    if not 0 < len(threshold) <= _DIGITS or not threshold.isalnum():
        return None
    try:
        return 1 - int(threshold.ljust(_DIGITS, "0"), 16) / 16**_DIGITS
    except ValueError:
        return None
