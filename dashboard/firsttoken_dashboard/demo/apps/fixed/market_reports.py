"""Writes market reports for the night's queue, some short and some long."""

import anthropic
from traffic import work

MARKETS = ["coffee", "copper", "timber", "wool", "cocoa", "salt"]
LENGTHS = [120, 180, 230, 430]

client = anthropic.Anthropic(timeout=90, max_retries=1)
reports: dict[str, str] = {}


def write(order: str) -> None:
    with client.messages.stream(
        model="claude-haiku-5-5",
        max_tokens=1200,
        messages=[{"role": "user", "content": order}],
    ) as stream:
        reports[order] = stream.get_final_text()


if __name__ == "__main__":
    orders = [f"Write about 2025's {market} market in {words} words." for market in MARKETS for words in LENGTHS]
    work("reports", write, orders, at_once=6)
