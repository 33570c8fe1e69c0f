"""Plans a weekend: what to see, where to eat and what to pack, on one page."""

import anthropic
from traffic import serve

ASPECTS = ["What should we see", "Where should we eat", "What should we pack"]
CITIES = ["Porto", "Ghent", "Tartu", "Graz", "Aarhus", "Lyon", "Bergen", "Cork", "Turin", "Bilbao"]

client = anthropic.Anthropic()


def plan(city: str) -> list[str]:
    page: list[str] = []
    for aspect in ASPECTS:
        message = client.messages.create(
            model="claude-haiku-5-5",
            max_tokens=400,
            system="Answer in three sentences.",
            messages=[{"role": "user", "content": f"{aspect} on a weekend in {city}?"}],
        )
        page.extend(block.text for block in message.content if block.type == "text")
    return page


if __name__ == "__main__":
    serve("/trips", plan, CITIES, at_once=2)
