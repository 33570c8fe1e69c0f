"""Turns what a shopper types into the words that the catalogue knows."""

import anthropic
from traffic import serve

WISHES = ["something warm for {}", "a quiet {}", "cheap and light for {}", "a present, maybe {}", "the best {}"]
THINGS = ["winter camping", "kitchen fan", "a long ride", "chess", "rain jacket", "garden light"]

client = anthropic.Anthropic()


def ask(model: str, wish: str, max_retries: int) -> anthropic.types.Message:
    return client.with_options(max_retries=max_retries).messages.create(
        model=model,
        max_tokens=100,
        system="Give search terms, in about 15 words.",
        messages=[{"role": "user", "content": wish}],
    )


def search(wish: str) -> str:
    try:
        message = ask("claude-haiku-5-5", wish, max_retries=0)
    except anthropic.APIStatusError:
        message = ask("claude-sonnet-5", wish, max_retries=2)  # other capacity
    return "".join(block.text for block in message.content if block.type == "text")


if __name__ == "__main__":
    serve("/search", search, [wish.format(thing) for wish in WISHES for thing in THINGS], at_once=3)
