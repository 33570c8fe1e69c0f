"""Somebody waits for a long form to be filled in; mended, the model writes it in fast mode."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from benchmarks.savings.application import Application, Pair
from benchmarks.savings.figures import Figure, bill, dollars, less, middle, seconds

from firsttoken_dashboard.demo.api import Behaviour

if TYPE_CHECKING:
    from anthropic.types.beta import BetaToolParam

FORM: Final[BetaToolParam] = {
    "name": "form",
    "description": "The filled-in form.",
    "input_schema": {"type": "object", "properties": {"text": {"type": "string"}}},
}


async def traffic(app: Application, mended: bool) -> None:  # noqa: FBT001 - one of two applications
    """Claims that are turned into forms while the customer waits."""

    async def fill_in(claim: str) -> None:
        await app.client.beta.messages.create(
            model="claude-opus-5",
            max_tokens=2000,
            speed="fast" if mended else "standard",
            betas=["fast-mode-2026-02-01"],
            tools=[FORM],
            tool_choice={"type": "tool", "name": "form"},
            messages=[{"role": "user", "content": claim}],
        )

    claims = [f"Claim {number}: {'water came in, ' * app.luck.randint(2, 30)}" for number in range(36)]
    await app.serve("/claims", fill_in, claims, at_once=9)


PAIR: Final = Pair(
    "use-fast-mode",
    traffic,
    (
        Figure("use-fast-mode", "s a call, p50", seconds, less(middle(lambda call: call.duration_s))),
        Figure("use-fast-mode", "$ per 1,000 calls", dollars, bill),
    ),
    api=Behaviour(output_tokens=430),
)
