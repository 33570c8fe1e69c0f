"""Sorts incoming tickets into the queue that they belong to."""

import anthropic
from traffic import serve

SYSTEM = "Sort the ticket. Answer with one of: billing, bug, shipping, praise, other."
TICKETS = ["My invoice shows {} twice", "{} crashes on start", "{} has not arrived", "I love {}", "What is {}?"]
PRODUCTS = ["the red tent", "the map app", "the lamp", "my gift card", "the backpack", "the stove"]

client = anthropic.Anthropic()


def triage(ticket: str) -> str:
    message = client.messages.create(
        model="claude-haiku-5-5",
        max_tokens=16,
        system=SYSTEM,
        messages=[{"role": "user", "content": ticket}],
    )
    return "".join(block.text for block in message.content if block.type == "text")


if __name__ == "__main__":
    serve("/tickets", triage, [ticket.format(product) for ticket in TICKETS for product in PRODUCTS], at_once=4)
