"""A model thinks hard before it answers in a sentence; mended, a level less hard."""

from __future__ import annotations

from typing import Final

from benchmarks.savings.application import Application, Pair
from benchmarks.savings.figures import Figure, bill, dollars, less, middle, seconds

THINGS: Final = ("an order", "a refund", "a complaint", "a question", "praise")


async def traffic(app: Application, mended: bool) -> None:  # noqa: FBT001 - one of two applications
    """A help desk that tells what a message is about."""

    async def triage(message: str) -> None:
        await app.client.messages.create(
            model="claude-sonnet-5-5",
            max_tokens=2000,
            thinking={"type": "adaptive"},
            output_config={"effort": "medium" if mended else "high"},
            system="Say in one sentence what the customer wants.",
            messages=[{"role": "user", "content": message}],
        )

    messages = [f"Message {number}, perhaps {app.luck.choice(THINGS)}." for number in range(40)]
    await app.serve("/triage", triage, messages, at_once=8)


PAIR: Final = Pair(
    "lower-effort",
    traffic,
    (
        Figure("lower-effort", "s a call, p50", seconds, less(middle(lambda call: call.duration_s))),
        Figure("lower-effort", "$ per 1,000 calls", dollars, bill),
    ),
)
