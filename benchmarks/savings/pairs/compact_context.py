"""Long conversations carry all that was said, past the length where the price jumps; mended, they are summed up."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from benchmarks.savings.application import Application, Pair
from benchmarks.savings.figures import Figure, bill, dollars

if TYPE_CHECKING:
    from anthropic.types.beta import BetaMessageParam

TURNS: Final = 17
SHIFTS: Final = 2
LINES: Final = ("started", "stopped", "is slow", "answers again", "was deployed", "ran out of memory")
COMPACT: Final[dict[str, Any]] = {
    "betas": ["compact-2026-01-12"],
    "context_management": {
        "edits": [{"type": "compact_20260112", "trigger": {"type": "input_tokens", "value": 80_000}}]
    },
}


async def traffic(app: Application, mended: bool) -> None:  # noqa: FBT001 - one of two applications
    """An operator's assistant, to whom a log is shown piece by piece."""

    def log(turn: int) -> str:
        entries = (
            f"{turn}:{minute} service {app.luck.randrange(99)} {app.luck.choice(LINES)}."
            for minute in range(app.luck.randint(600, 950))
        )
        return "What does this mean? Answer in 20 words.\n" + "\n".join(entries)

    create: Any = app.client.beta.messages.create  # takes COMPACT, which is a dict of anything

    async def watch(logs: list[str]) -> None:
        messages: list[BetaMessageParam] = []
        for text in logs:
            messages.append({"role": "user", "content": text})
            message = await create(
                model="claude-haiku-5-5",
                max_tokens=300,
                system="You watch over the services of a shop.",
                cache_control={"type": "ephemeral"},
                messages=messages,
                **(COMPACT if mended else {}),
            )
            messages.append({"role": "assistant", "content": message.content})

    shifts = [[log(turn) for turn in range(TURNS)] for _ in range(SHIFTS)]
    await app.work("shifts", watch, shifts, at_once=SHIFTS)


PAIR: Final = Pair(
    "compact-context",
    traffic,
    (Figure("compact-context", "$ per 1,000 calls", dollars, bill),),
    seeds_at_once=3,
)
