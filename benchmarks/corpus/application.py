"""A sample application: traffic with a known fault, or none, and what the advisor ought to say of it.

An application is a function that lets a :class:`Shop` make calls. `finds` are the findings that are true and worth
saying, as (rule, function). `may` are findings that are true of it as well, without being its point: they count for
nothing. Every other finding is wrong.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal, TypeAlias

from firsttoken_dashboard import pricing
from firsttoken_dashboard.demo.api.cache import Block, PromptCache
from tests.advisor.traffic import Line, Traffic

Kind: TypeAlias = Literal["plain", "hard", "healthy", "trap"]
Found: TypeAlias = tuple[str, str]

PRICES: Final = pricing.load()
CHARS_PER_TOKEN: Final = 4
#: (section, name of the text, tokens, mark): the name stands for the text, so the same name is the same text.
Part: TypeAlias = tuple[str, str, int, str]


@dataclass
class Shop(Traffic):
    """An application's traffic: `turn` makes a call whose prompt meets the API's cache, at 4 characters a token."""

    cache: PromptCache = field(default_factory=PromptCache)
    told: int = 0

    def line(self, function: str, file: str = "app/main.py", line: int = 10) -> Line:
        """A line of this application."""
        return Line(f"/srv/{self.service}/{file}", line, function)

    def size(self, low: int, high: int) -> int:
        """A number of tokens or calls, evenly from the range."""
        return self.luck.randint(low, high)

    def wait(self, mean_s: float) -> None:
        """Until the next user comes."""
        self.idle(self.luck.expovariate(1 / mean_s))

    def new(self) -> str:
        """The name of a text that no other call has."""
        self.told += 1
        return f"text {self.told}"

    def turn(
        self,
        at: Line | None,
        *parts: Part,
        asks: int = 120,
        model: str = "claude-haiku-5-5",
        out: int = 80,
        stream: bool = False,
        settings: str = "0f",
        request: str | None = None,
        tools: int = 0,
        **more: Any,
    ) -> str:
        """One call: the blocks of `parts`, then `asks` tokens that are new (0: none). Returns its span id."""
        listed = [*parts, ("messages", self.new(), asks, "-")] if asks else list(parts)
        known = PRICES.model(model)
        chain = f"{self.service}|{model}"
        blocks: list[Block] = []
        texts: list[str] = []
        for section, name, tokens, mark in listed:
            chain += f"|{section}:{name}" + (settings if section == "messages" else "")
            blocks.append(Block(chain, tokens, "1h" if mark == "1h" else "5m" if mark == "5m" else None))
            texts.append(f"{section}:{_hash(self.service, section, name)}:{tokens * CHARS_PER_TOKEN}:{mark}")
        usage: dict[str, Any] = {}
        if more.get("error") is None:
            minimum = 10**9 if known is None or known.min_cache_tokens is None else known.min_cache_tokens
            use = self.cache.use(blocks, minimum=minimum, now=self.now, begins_in_s=self.first_token_s)
            usage = {
                "gen_ai__usage__cache_read__input_tokens": use.read,
                "gen_ai__usage__cache_write__input_tokens": use.write_5m + use.write_1h,
                "anthropic__usage__cache_creation__ephemeral_5m_input_tokens": use.write_5m,
                "anthropic__usage__cache_creation__ephemeral_1h_input_tokens": use.write_1h,
            }
        told: dict[str, Any] = {
            "firsttoken__settings__hash": settings,
            "firsttoken__request__hash": _hash(self.service, "request", request or self.new()),
            "firsttoken__request__tool_count": tools,
            "firsttoken__time_to_headers": 0.9 * self.first_token_s,
            **usage,
            **more,
        }
        tokens = sum(block.tokens for block in blocks)
        return self.call(at, model=model, stream=stream, output_tokens=out, input_tokens=tokens, prompt=texts, **told)


def _hash(*names: str) -> str:
    return f"{random.Random('|'.join(names)).getrandbits(64):016x}"


@dataclass(frozen=True, slots=True)
class Application:
    """A sample application and the truth about it. `alone`: it cannot share a store with others."""

    name: str
    kind: Kind
    play: Callable[[Shop], None]
    finds: Collection[Found]
    may: Collection[Found]
    alone: bool
    settings: str | None

    def traffic(self, seed: int) -> Shop:
        """Its calls; another seed makes other sizes, pauses and orders."""
        # Ids of traces and processes come from the number: no two applications may share one.
        number = 500 * ALL.index(self) + 5 * seed
        shop = Shop(service=self.name, seed=number, process=number)
        shop.luck = random.Random(f"{self.name} {seed}")
        self.play(shop)
        return shop


ALL: Final[list[Application]] = []


def application(
    kind: Kind,
    *finds: Found,
    may: Sequence[Found] = (),
    alone: bool = False,
    settings: str | None = None,
) -> Callable[[Callable[[Shop], None]], Callable[[Shop], None]]:
    """Declare a sample application; `settings` is its `firsttoken.toml`."""

    def declare(play: Callable[[Shop], None]) -> Callable[[Shop], None]:
        name = play.__name__.replace("_", "-")
        ALL.append(Application(name, kind, play, frozenset(finds), frozenset(may), alone, settings))
        return play

    return declare


def system(name: str, tokens: int, mark: str = "-") -> Part:
    """A block of the system prompt."""
    return "system", name, tokens, mark


def said(name: str, tokens: int, mark: str = "-") -> Part:
    """A block of the messages."""
    return "messages", name, tokens, mark


def tool(name: str, tokens: int, mark: str = "-") -> Part:
    """A tool's description."""
    return "tools", name, tokens, mark
