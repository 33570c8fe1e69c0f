"""Answers questions about a rental contract: the whole contract goes along with each question."""

import anthropic
from traffic import serve

THINGS = ["heating", "windows", "locks", "balcony", "cellar", "stairs"]
CLAUSES = "\n".join(
    f"§ {number}. The tenant of unit {number} keeps the {thing} in good order, reports damage within {number % 14 + 1} "
    "days, and bears the cost of repairs that ordinary use does not explain."
    for number, thing in enumerate(THINGS * 60)
)
SYSTEM = f"You know this contract and nothing else. Answer in two sentences.\n\n{CLAUSES}"
CASES = [
    "Who pays for the {}?",
    "When must damage to the {} be reported?",
    "May I repair the {}?",
    "Who inspects the {}?",
]

client = anthropic.Anthropic()


def answer(question: str) -> str:
    with client.messages.stream(
        model="claude-opus-5",
        max_tokens=300,
        system=[{"type": "text", "text": SYSTEM, "cache_control": {"type": "ephemeral"}}],
        messages=[{"role": "user", "content": question}],
    ) as stream:
        return "".join(stream.text_stream)


if __name__ == "__main__":
    answer("Who are the parties?")  # fills the prompt cache before the first visitor comes
    serve("/contract/questions", answer, [case.format(thing) for thing in THINGS for case in CASES], at_once=6)
