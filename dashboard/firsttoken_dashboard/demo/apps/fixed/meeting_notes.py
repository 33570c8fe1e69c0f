"""Turns a meeting's transcript into a headline for the team's calendar."""

import anthropic
from traffic import serve

TEAMS = ["Design", "Sales", "Support", "Platform", "Legal", "Finance"]
TOPICS = ["the office move", "the spring release", "hiring", "the budget"]

client = anthropic.Anthropic()


def summarize(transcript: str) -> str:
    message = client.messages.create(
        model="claude-haiku-5-5",
        max_tokens=300,
        system="Say what the meeting decided, in about 40 words.",
        messages=[{"role": "user", "content": transcript}],
    )
    return "".join(block.text for block in message.content if block.type == "text")


def headline(transcript: str) -> str:
    decision = summarize(transcript)[:200]
    message = client.messages.create(
        model="claude-haiku-5-5",
        max_tokens=60,
        system="Make a headline of ten words.",
        messages=[{"role": "user", "content": decision}],
    )
    return "".join(block.text for block in message.content if block.type == "text")


if __name__ == "__main__":
    serve("/meetings", headline, [f"{team} met about {topic}." for team in TEAMS for topic in TOPICS], at_once=6)
