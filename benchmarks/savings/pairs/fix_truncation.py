"""Answers that were cut off are asked for again, with a higher limit; mended, the limit is high at once."""

from __future__ import annotations

from typing import Final

from benchmarks.savings.application import Application, Pair
from benchmarks.savings.figures import Figure, bill, dollars, seconds, together


async def traffic(app: Application, mended: bool) -> None:  # noqa: FBT001 - one of two applications
    """A tool that drafts replies, of which some get long."""

    async def draft(wish: str) -> None:
        for limit in (4096,) if mended else (300, 2000):
            message = await app.client.messages.create(
                model="claude-haiku-5-5",
                max_tokens=limit,
                system="Draft the reply.",
                messages=[{"role": "user", "content": wish}],
            )
            if message.stop_reason != "max_tokens":
                return

    wishes = [f"Letter {number}, in about {app.luck.choice((60, 120, 180, 240, 300))} words." for number in range(80)]
    await app.serve("/drafts", draft, wishes, at_once=8)


PAIR: Final = Pair(
    "fix-truncation",
    traffic,
    (
        Figure("fix-truncation", "s a call, mean", seconds, together(lambda call: call.duration_s)),
        Figure("fix-truncation", "$ per 1,000 calls", dollars, bill),
    ),
)
