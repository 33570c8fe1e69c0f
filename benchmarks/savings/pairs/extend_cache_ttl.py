"""Calls often come further apart than a cached prompt lives; mended, it lives for an hour (here of a few seconds)."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from benchmarks.savings.application import Application, Pair
from benchmarks.savings.figures import Figure, bill, dollars

if TYPE_CHECKING:
    from anthropic.types import CacheControlEphemeralParam

RULES: Final = "\n".join(
    f"Rule {number}: a parcel of more than {number % 30 + 1} kg goes by lane {number % 7}, or by {number % 5}."
    for number in range(240)
)
CALLS: Final = 70
#: Five minutes are one second then, and an hour is twelve.
TIME_SCALE: Final = 300.0


async def traffic(app: Application, mended: bool) -> None:  # noqa: FBT001 - one of two applications
    """A dispatcher with long pauses between some of its parcels."""
    kept: CacheControlEphemeralParam = {"type": "ephemeral", "ttl": "1h"} if mended else {"type": "ephemeral"}

    async def dispatch(parcel: str) -> None:
        await asyncio.sleep(app.luck.uniform(1.0, 2.0) if app.luck.random() < 0.45 else app.luck.uniform(0.0, 0.3))
        await app.client.messages.create(
            model="claude-haiku-5-5",
            max_tokens=20,
            system=[{"type": "text", "text": RULES, "cache_control": kept}],
            messages=[{"role": "user", "content": parcel}],
        )

    parcels = [f"Parcel {number} of {app.luck.randint(1, 40)} kg: which lane? One word." for number in range(CALLS)]
    await app.work("parcels", dispatch, parcels, at_once=1)


PAIR: Final = Pair(
    "extend-cache-ttl",
    traffic,
    (Figure("extend-cache-ttl", "$ per 1,000 calls", dollars, bill),),
    time_scale=TIME_SCALE,
)
