"""The variables that leave a process as if firsttoken were not installed."""

from __future__ import annotations

import os
from typing import Final

FIRSTTOKEN_DISABLED: Final = "FIRSTTOKEN_DISABLED"
OTEL_SDK_DISABLED: Final = "OTEL_SDK_DISABLED"


def switched_off() -> bool:
    """Whether `FIRSTTOKEN_DISABLED` is 1 or true, or `OTEL_SDK_DISABLED` what the SDK takes for true."""
    return _value(FIRSTTOKEN_DISABLED) in {"1", "true"} or _value(OTEL_SDK_DISABLED) == "true"


def _value(variable: str) -> str:
    return os.environ.get(variable, "").strip().lower()
