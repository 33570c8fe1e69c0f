"""The same few questions are asked of the model again and again; mended, an answer is kept."""

from __future__ import annotations

from typing import Final

from benchmarks.savings.application import Application, Pair
from benchmarks.savings.figures import Figure, bill, dollars, seconds, together

QUESTIONS: Final = 90
VISITORS: Final = 160


async def traffic(app: Application, mended: bool) -> None:  # noqa: FBT001 - one of two applications
    """A page of questions and answers, some of them asked much more often than others."""
    kept: dict[str, str] = {}

    async def answer(question: str) -> None:
        if mended and question in kept:
            return
        message = await app.client.messages.create(
            model="claude-haiku-5-5",
            max_tokens=100,
            system="Answer in about 20 words.",
            messages=[{"role": "user", "content": question}],
        )
        kept[question] = message.id

    often = [1 / (rank + 1) for rank in range(QUESTIONS)]
    asked = [f"What of number {rank}?" for rank in app.luck.choices(range(QUESTIONS), often, k=VISITORS)]
    await app.serve("/questions", answer, asked, at_once=2)


PAIR: Final = Pair(
    "deduplicate-requests",
    traffic,
    (
        Figure("deduplicate-requests", "s a call, mean", seconds, together(lambda call: call.duration_s)),
        Figure("deduplicate-requests", "$ per 1,000 calls", dollars, bill),
    ),
)
