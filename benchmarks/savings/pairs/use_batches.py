"""A nightly job asks one by one; mended, it sends a batch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from benchmarks.savings.application import Application, Pair
from benchmarks.savings.figures import Figure, bill, dollars

if TYPE_CHECKING:
    from anthropic.types.message_create_params import MessageCreateParamsNonStreaming


def _request(review: str) -> MessageCreateParamsNonStreaming:
    return {
        "model": "claude-haiku-5-5",
        "max_tokens": 200,
        "system": "Sum up the review in about 30 words.",
        "messages": [{"role": "user", "content": review}],
    }


async def traffic(app: Application, mended: bool) -> None:  # noqa: FBT001 - one of two applications
    """What came in over the day, at night."""

    async def sum_up(review: str) -> None:
        await app.client.messages.create(**_request(review))

    async def sum_up_all(reviews: list[str]) -> None:
        batch = await app.client.messages.batches.create(
            requests=[{"custom_id": str(number), "params": _request(review)} for number, review in enumerate(reviews)]
        )
        async for _ in await app.client.messages.batches.results(batch.id):
            pass

    reviews = [f"Review {number}: {'good ' * app.luck.randint(5, 200)}" for number in range(120)]
    if mended:
        await app.work("reviews", sum_up_all, [reviews], at_once=1)
    else:
        await app.work("reviews", sum_up, reviews, at_once=6)


PAIR: Final = Pair("use-batches", traffic, (Figure("use-batches", "$ per 1,000 calls", dollars, bill),))
