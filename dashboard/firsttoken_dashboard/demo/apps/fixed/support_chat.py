"""A support chat: a customer asks, and reads the answer on the page."""

import anthropic
from traffic import serve

SYSTEM = "You answer customers of a bicycle shop, friendly and step by step. Answer in about 250 words."
PROBLEMS = [
    "The brakes squeal",
    "The chain slips",
    "A spoke broke",
    "The light flickers",
    "The saddle creaks",
    "Gears grind",
]
SINCE = ["since the rain", "after the service", "on every hill", "since I changed the wheel"]

client = anthropic.Anthropic()


def answer(question: str) -> str:
    with client.messages.stream(
        model="claude-sonnet-5",
        max_tokens=1000,
        system=SYSTEM,
        messages=[{"role": "user", "content": question}],
    ) as stream:
        return "".join(stream.text_stream)


if __name__ == "__main__":
    serve("/chat", answer, [f"{problem} {since}. What can I do?" for problem in PROBLEMS for since in SINCE], at_once=8)
