"""Prompts without their text: `firsttoken.prompt.blocks` brought to numbered prefixes and token lengths.

Two requests share a prefix exactly where their numbers are equal. What changes the cache beside the text is part of the
number: model and workspace from the front, speed from the system blocks on, tool choice, thinking and effort from the
messages on.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from functools import lru_cache
from typing import Final, NamedTuple

#: The attribute's order, which is the cache's; `prior` stands for the message blocks that were not listed one by one.
SECTIONS: Final = ("tools", "system", "messages", "prior")


class Block(NamedTuple):
    """One content block: `mark` is "5m" or "1h" where the request marks it for the cache."""

    section: str
    hash: str
    chars: int
    mark: str | None


@lru_cache(maxsize=65_536)
def block(text: str) -> Block:
    """Read `section:hash:chars:mark`. Raises ValueError for anything else."""
    section, digest, chars, mark = text.split(":")
    if section not in SECTIONS:
        raise ValueError(f"{section} is no section of a prompt")
    return Block(section, digest, int(chars), None if mark == "-" else mark)


def blocks(texts: Sequence[str]) -> tuple[Block, ...] | None:
    """The blocks of one request; None where the attribute is not ours to read."""
    try:
        return tuple(block(text) for text in texts)
    except ValueError:
        return None


class Prefixes:
    """Numbers for prefixes: the same number, the same text (and model, workspace, settings) up to there."""

    def __init__(self) -> None:
        self._numbers: dict[tuple[int, Hashable], int] = {}
        self._before: dict[tuple[int, int, str], int] = {}

    def number(
        self, parts: Sequence[Block], *, scope: Hashable = None, speed: str | None = None, settings: str | None = None
    ) -> list[int]:
        """The number of the prefix that ends with each block; `scope` is the model and workspace.

        A `prior` block hides how far it reaches: it is found again by what an earlier request of the conversation had
        there, that many characters into the messages and before the very same block.
        """
        here, section, head, chars = self._after(0, ("scope", scope)), "tools", 0, 0
        numbers: list[int] = []
        for place, part in enumerate(parts):
            name = "messages" if part.section == "prior" else part.section
            if name != section:
                # A request without system blocks goes from tools to messages: speed counts all the same.
                if section == "tools":
                    here = self._after(here, ("speed", speed or "standard"))
                if name == "messages":
                    here = self._after(here, ("settings", settings))
                    head = here
                section = name
            known = None
            if part.section == "prior" and place + 1 < len(parts):
                known = self._before.get((head, chars + part.chars, parts[place + 1].hash))
            here = self._after(here, part.hash) if known is None else known
            numbers.append(here)
            if name == "messages":
                chars += part.chars
                if place + 1 < len(parts):
                    self._before.setdefault((head, chars, parts[place + 1].hash), here)
        return numbers

    def _after(self, here: int, part: Hashable) -> int:
        return self._numbers.setdefault((here, part), len(self._numbers) + 1)


class Lengths:
    """Tokens up to each prefix. Counted by the API where a usage tells, else between such points by characters."""

    def __init__(self) -> None:
        self._known: dict[int, int] = {}
        self._at_most: dict[int, int] = {}

    def learn(self, number: int, tokens: int) -> None:
        """A usage said that the prefix has so many tokens."""
        self._known[number] = tokens

    def learn_at_most(self, number: int, tokens: int) -> None:
        """A usage said that the prefix is no longer than that."""
        self._at_most[number] = tokens

    def ends(self, parts: Sequence[Block], numbers: Sequence[int], total: int) -> list[int]:
        """Tokens up to and with each block of a request of `total` input tokens."""
        ends: list[int] = []
        done, first = 0, 0
        for place in range(len(parts)):
            tokens = total if place == len(parts) - 1 else self._known.get(numbers[place])
            if tokens is None or not done <= tokens <= total:
                continue
            chars = [part.chars for part in parts[first : place + 1]]
            weight = sum(chars) or len(chars)
            seen = 0
            for count in chars:
                seen += count if sum(chars) else 1
                ends.append(done + round((tokens - done) * seen / weight))
            done, first = tokens, place + 1
        for place, number in enumerate(numbers[:-1]):
            if (limit := self._at_most.get(number)) is not None:
                ends[: place + 1] = [min(end, limit) for end in ends[: place + 1]]
        return ends
