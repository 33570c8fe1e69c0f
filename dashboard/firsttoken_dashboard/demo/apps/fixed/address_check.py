"""Checks addresses as they are typed into a form."""

import anthropic
from traffic import serve

SYSTEM = "Say whether a parcel can be delivered there. Answer with one of: complete, incomplete, unknown."
STREETS = ["Mill Lane", "Station Road", "Harbour Street", "Castle Hill", "Market Square", "Bridge End"]

client = anthropic.Anthropic()


def check(address: str) -> str:
    message = client.messages.create(
        model="claude-haiku-5-5",
        max_tokens=16,
        system=SYSTEM,
        messages=[{"role": "user", "content": address}],
    )
    return "".join(block.text for block in message.content if block.type == "text")


if __name__ == "__main__":
    serve("/address", check, [f"{street} {number}" for street in STREETS for number in range(1, 6)], at_once=2)
