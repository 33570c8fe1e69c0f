"""The time stands before the cached guide, which is new with every minute; mended, it goes with the question."""

from __future__ import annotations

from typing import Any, Final

from benchmarks.savings.application import Application, Pair
from benchmarks.savings.figures import Figure, bill, dollars, less, middle, seconds

GUIDE: Final = "\n".join(
    f"{number}. Guests of room {number} have breakfast from {6 + number % 4}, and the key of floor {number % 9}."
    for number in range(260)
)
#: Share of the calls that come in another minute than the one before.
NEXT_MINUTE: Final = 0.75
QUESTIONS: Final = ("When is breakfast in room {}?", "Which key opens the floor of room {}?", "Is room {} quiet?")


async def traffic(app: Application, mended: bool) -> None:  # noqa: FBT001 - one of two applications
    """A concierge, and guests who ask one after the other."""
    minute = 0

    async def answer(question: str) -> None:
        nonlocal minute
        minute += app.luck.random() < NEXT_MINUTE
        now = f"It is minute {minute} of the day."
        guide: dict[str, Any] = {"type": "text", "text": GUIDE, "cache_control": {"type": "ephemeral"}}
        system: list[Any] = [guide] if mended else [{"type": "text", "text": now}, guide]
        async with app.client.messages.stream(
            model="claude-sonnet-5-5",
            max_tokens=100,
            system=system,
            messages=[{"role": "user", "content": f"{now} {question}" if mended else question}],
        ) as stream:
            await stream.get_final_message()

    asked = [app.luck.choice(QUESTIONS).format(app.luck.randrange(260)) + " In ten words." for _ in range(90)]
    await app.serve("/concierge", answer, asked, at_once=2)


PAIR: Final = Pair(
    "repair-prompt-cache",
    traffic,
    (
        Figure("repair-prompt-cache", "s to first token, p50", seconds, less(middle(lambda call: call.ttft_s))),
        Figure("repair-prompt-cache", "$ per 1,000 calls", dollars, bill),
    ),
    seeds_at_once=5,
)
