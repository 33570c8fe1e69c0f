"""Plans a weekend: what to see, where to eat and what to pack, on one page."""

import asyncio

import anthropic
from traffic import serve_async

ASPECTS = ["What should we see", "Where should we eat", "What should we pack"]
CITIES = ["Porto", "Ghent", "Tartu", "Graz", "Aarhus", "Lyon", "Bergen", "Cork", "Turin", "Bilbao"]

client = anthropic.AsyncAnthropic()


async def ask(aspect: str, city: str) -> str:
    message = await client.messages.create(
        model="claude-haiku-5-5",
        max_tokens=400,
        system="Answer in three sentences.",
        messages=[{"role": "user", "content": f"{aspect} on a weekend in {city}?"}],
    )
    return "".join(block.text for block in message.content if block.type == "text")


async def plan(city: str) -> list[str]:
    return await asyncio.gather(*(ask(aspect, city) for aspect in ASPECTS))


if __name__ == "__main__":
    asyncio.run(serve_async("/trips", plan, CITIES, at_once=2))
