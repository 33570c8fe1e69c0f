"""A museum's audio guide: tells about an object and suggests the next one, while the visitor walks."""

import asyncio

import anthropic
from anthropic.types import TextBlockParam
from traffic import serve_async

MATERIALS = ["brass", "wooden", "silver", "painted"]
OBJECTS = [f"{material} {thing}" for material in MATERIALS for thing in ["astrolabe", "globe", "clock", "model ship"]]
CATALOGUE = "\n".join(
    f"{number}. The {name} of hall {number} was made in {1500 + number} and given to the museum in {1800 + number}."
    for number, name in enumerate(OBJECTS * 8)
)
SYSTEM: list[TextBlockParam] = [
    {
        "type": "text",
        "text": f"You guide visitors through this collection. Answer in two sentences.\n\n{CATALOGUE}",
        "cache_control": {"type": "ephemeral"},
    }
]

client = anthropic.AsyncAnthropic()


async def ask(question: str) -> str:
    async with client.messages.stream(
        model="claude-haiku-5-5",
        max_tokens=200,
        system=SYSTEM,
        messages=[{"role": "user", "content": question}],
    ) as stream:
        return "".join([text async for text in stream.text_stream])


async def visit(name: str) -> list[str]:
    questions = [f"What is the {name}?", f"What should I see after the {name}?"]
    return await asyncio.gather(*map(ask, questions))


async def main() -> None:
    await ask("What is the oldest object?")  # fills the prompt cache before the doors open
    await serve_async("/visits", visit, OBJECTS, at_once=3)


if __name__ == "__main__":
    asyncio.run(main())
