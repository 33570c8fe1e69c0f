"""Rate limits as the API has them: token buckets per key and model family that fill continuously, and their headers."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

from firsttoken_dashboard.demo.api.errors import ApiError


@dataclass(frozen=True, slots=True)
class Limits:
    """What one key may use of one model family in a minute (the defaults are the API's first tier)."""

    requests: int = 1_000
    input_tokens: int = 2_000_000
    output_tokens: int = 400_000


class RateLimiter:
    """All buckets. `time_scale` K makes them fill K times faster."""

    def __init__(self, time_scale: float = 1.0) -> None:
        """All buckets are full."""
        self._time_scale = time_scale
        self._limits: dict[str, Limits] = {}
        self._levels: dict[tuple[str, str, str], tuple[float, float]] = {}

    def set(self, api_key: str, limits: Limits) -> None:
        """Give a key limits of its own, with full buckets."""
        self._limits[api_key] = limits
        self._levels = {bucket: level for bucket, level in self._levels.items() if bucket[0] != api_key}

    def clear(self) -> None:
        """Back to the default limits and full buckets."""
        self._limits.clear()
        self._levels.clear()

    def admit(self, api_key: str, family: str, input_tokens: int, now: float) -> None:
        """Take a request and its input (cache reads are exempt) out of the buckets, or raise ApiError (429)."""
        wants = {"requests": 1, "input_tokens": input_tokens, "output_tokens": 1}
        waits: list[float] = []
        for name, amount in wants.items():
            limit, level = self._level(api_key, family, name, now)
            waits.append((amount - level) * 60 / limit / self._time_scale)
        if max(waits) > 0:
            raise ApiError(429, retry_after_s=math.ceil(max(waits)))
        for name in ("requests", "input_tokens"):
            self._take(api_key, family, name, wants[name], now)

    def produced(self, api_key: str, family: str, output_tokens: int, now: float) -> None:
        """Take an answer's tokens out; only what was really produced counts, so this bucket may run into debt."""
        self._take(api_key, family, "output_tokens", output_tokens, now)

    def headers(self, api_key: str, family: str, now: float) -> list[tuple[str, str]]:
        """`anthropic-ratelimit-*`; token figures rounded to 1,000, resets in RFC 3339."""
        headers: list[tuple[str, str]] = []
        states = {
            name: self._level(api_key, family, name, now) for name in ("requests", "input_tokens", "output_tokens")
        }
        tightest = min(("input_tokens", "output_tokens"), key=lambda name: states[name][1] / states[name][0])
        for name, source in (*((name, name) for name in states), ("tokens", tightest)):
            limit, level = states[source]
            left = math.floor(max(0.0, level))
            remaining = left if source == "requests" else round(left, -3)
            reset = datetime.now(timezone.utc) + timedelta(seconds=(limit - level) * 60 / limit / self._time_scale)
            prefix = f"anthropic-ratelimit-{name.replace('_', '-')}"
            headers += [(f"{prefix}-limit", str(limit)), (f"{prefix}-remaining", str(remaining))]
            headers += [(f"{prefix}-reset", reset.strftime("%Y-%m-%dT%H:%M:%SZ"))]
        return headers

    def _level(self, api_key: str, family: str, name: str, now: float) -> tuple[int, float]:
        limit: int = getattr(self._limits.get(api_key, Limits()), name)
        level, at = self._levels.get((api_key, family, name), (float(limit), now))
        return limit, min(float(limit), level + max(0.0, now - at) * limit / 60 * self._time_scale)

    def _take(self, api_key: str, family: str, name: str, amount: int, now: float) -> None:
        self._levels[api_key, family, name] = (self._level(api_key, family, name, now)[1] - amount, now)
