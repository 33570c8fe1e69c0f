"""Turns what a shopper types into the words that the catalogue knows."""

import anthropic
from traffic import serve

WISHES = ["something warm for {}", "a quiet {}", "cheap and light for {}", "a present, maybe {}", "the best {}"]
THINGS = ["winter camping", "kitchen fan", "a long ride", "chess", "rain jacket", "garden light"]

client = anthropic.Anthropic(max_retries=1)


def search(wish: str) -> str:
    try:
        message = client.messages.create(
            model="claude-haiku-5-5",
            max_tokens=100,
            system="Give search terms, in about 15 words.",
            messages=[{"role": "user", "content": wish}],
        )
    except anthropic.APIStatusError:
        return "Search is not available right now."
    return "".join(block.text for block in message.content if block.type == "text")


if __name__ == "__main__":
    serve("/search", search, [wish.format(thing) for wish in WISHES for thing in THINGS], at_once=3)
