"""What the look-alike answers: blocks of made-up text, thinking and tool input, as long as the prompt asks for.

"in about 120 words", "three bullet points", "one word", "one of: a, b, c" and the like are obeyed as a model would; the
same request gets the same answer for the same seed.
"""

from __future__ import annotations

import json
import random
import re
from dataclasses import dataclass
from typing import Final, Literal, cast

from firsttoken_dashboard.demo.api.behaviour import Behaviour
from firsttoken_dashboard.demo.api.body import Json, items, part, plain
from firsttoken_dashboard.demo.api.prose import prose, value_for
from firsttoken_dashboard.demo.api.served import Served
from firsttoken_dashboard.demo.api.tokens import text_tokens

DEFAULT_TOKENS: Final = 160
EFFORT_THINKING: Final = {"low": 60, "medium": 180, "high": 420, "xhigh": 900, "max": 1800}
TOKENS_PER_UNIT: Final = {"word": 1.4, "token": 1.0, "sentence": 24.0, "bullet": 22.0, "line": 14.0, "paragraph": 110.0}
NUMBERS: Final = {"one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "ten": 10}
LENGTH: Final = re.compile(
    r"(\d+|one|two|three|four|five|six|ten)[ -](word|token|sentence|bullet|line|paragraph)", re.IGNORECASE
)
TOOLS: Final = re.compile(r"(\d+|one|two|three|four|five|six|ten) tools", re.IGNORECASE)
CHOICE: Final = re.compile(r"one of:? ([\w-]+(?:, [\w-]+)+)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Part:
    """One content block: what is shown, and how many tokens producing it took (more than shown for hidden thinking)."""

    kind: Literal["compaction", "thinking", "text", "tool_use"]
    content: str
    tokens: int
    shown: bool = True
    id: str = ""
    name: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """The whole answer, cut at `max_tokens`."""

    parts: list[Part]
    stop_reason: Literal["end_turn", "max_tokens", "tool_use", "stop_sequence"]
    stop_sequence: str | None = None

    @property
    def produced_tokens(self) -> int:
        """All that were produced, a summary of the prompt included."""
        return sum(made.tokens for made in self.parts)

    @property
    def output_tokens(self) -> int:
        """Those that are the message's own, as its usage tells them."""
        return sum(made.tokens for made in self.parts if made.kind != "compaction")

    @property
    def thinking_tokens(self) -> int:
        """Those of them that are thinking, shown or not."""
        return sum(made.tokens for made in self.parts if made.kind == "thinking")


def answer(body: Json, behaviour: Behaviour, model: Served, rng: random.Random) -> Answer:
    """Make the answer to a request's JSON."""
    parts: list[Part] = []
    if thinking := _thinking(body, behaviour, model, rng):
        parts.append(thinking)
    kind = behaviour.answer or _kind(body)
    if "text" in kind:
        parts.append(_text(body, behaviour, model, rng, short=kind != "text"))
    if "tool" in kind and body.get("tools"):
        parts.extend(_tool_use(body, place, behaviour, model, rng) for place in range(_asked_tools(body)))
    return _limited(parts, body, model)


def _thinking(body: Json, behaviour: Behaviour, model: Served, rng: random.Random) -> Part | None:
    config = part(body, "thinking")
    asked = config.get("type") in {"enabled", "adaptive"} or model.always_thinks
    tokens = behaviour.thinking_tokens
    if tokens is None:
        effort = part(body, "output_config").get("effort") or "medium"
        tokens = round(EFFORT_THINKING[effort] * rng.uniform(0.8, 1.2)) if asked else 0
    if not tokens:
        return None
    shown = config.get("display") == "summarized" or (config.get("type") == "enabled" and not config.get("display"))
    return Part("thinking", prose(rng, round(tokens * model.chars_per_token)) if shown else "", tokens, shown)


def _kind(body: Json) -> Literal["text", "tool"]:
    """A tool is called where it must be, or where nothing has been called since the user last spoke."""
    if not body.get("tools") or part(body, "tool_choice").get("type") == "none":
        return "text"
    if part(body, "tool_choice").get("type") in {"any", "tool"}:
        return "tool"
    last: str | list[Json] = body["messages"][-1]["content"]
    answered = not isinstance(last, str) and any(block["type"] == "tool_result" for block in last)
    return "text" if answered else "tool"


def _text(body: Json, behaviour: Behaviour, model: Served, rng: random.Random, *, short: bool) -> Part:
    asked = _instructions(body)
    text = behaviour.text
    if text is None and (schema := part(part(body, "output_config"), "format").get("schema")):
        text = json.dumps(value_for(schema, rng))
    if text is None and behaviour.output_tokens is None and (choice := CHOICE.search(asked)):
        text = rng.choice(choice.group(1).split(", "))
    if text is None:
        tokens = behaviour.output_tokens or (24 if short else round(_asked_tokens(asked) * rng.uniform(0.92, 1.08)))
        return Part("text", prose(rng, round(tokens * model.chars_per_token)), tokens)
    return Part("text", text, max(1, text_tokens(text, model.chars_per_token)))


def _asked_tokens(asked: str) -> float:
    """The last length that the instructions name is in force."""
    named = LENGTH.findall(asked)
    if not named:
        return DEFAULT_TOKENS
    number, unit = named[-1]
    return max(1.0, (NUMBERS.get(number.lower()) or int(number)) * TOKENS_PER_UNIT[unit.lower()])


def _instructions(body: Json) -> str:
    """The last 4,000 characters of the system prompt, then the last message's text."""
    system, last = plain(body.get("system") or ""), plain(body["messages"][-1]["content"])
    return f"{system[-4000:]}\n{last[-4000:]}"


def _asked_tools(body: Json) -> int:
    """How many tools the instructions want called at once: one, where they do not say."""
    named = TOOLS.findall(_instructions(body))
    if not named or part(body, "tool_choice").get("disable_parallel_tool_use"):
        return 1
    return NUMBERS.get(named[-1].lower()) or int(named[-1])


def _tool_use(body: Json, place: int, behaviour: Behaviour, model: Served, rng: random.Random) -> Part:
    wanted = part(body, "tool_choice").get("name")
    tools: list[Json] = body["tools"]
    tool = next((tool for tool in tools if tool["name"] == wanted), tools[place % len(tools)])
    given = cast("Json", value_for(tool.get("input_schema") or {"type": "object"}, rng))
    if behaviour.output_tokens and (texts := [name for name, value in given.items() if isinstance(value, str)]):
        missing = round(behaviour.output_tokens * model.chars_per_token) - len(json.dumps(given))
        given[texts[0]] += prose(rng, max(0, missing))
    content = json.dumps(given)
    tool_id = f"toolu_{rng.getrandbits(96):024x}"
    return Part("tool_use", content, text_tokens(content, model.chars_per_token), id=tool_id, name=tool["name"])


def _limited(parts: list[Part], body: Json, model: Served) -> Answer:
    left = min(body["max_tokens"], model.max_output_tokens)
    kept: list[Part] = []
    for made in parts:
        for sequence in items(body, "stop_sequences"):
            at = made.content.find(sequence) if made.kind == "text" else -1
            if at >= 0:
                tokens = max(1, text_tokens(made.content[:at], model.chars_per_token))
                return Answer([*kept, Part("text", made.content[:at], tokens)], "stop_sequence", sequence)
        if made.tokens > left:
            if left:
                content = made.content[: round(left * model.chars_per_token)]
                kept.append(Part(made.kind, content, left, made.shown, made.id, made.name))
            return Answer(kept, "max_tokens")
        left -= made.tokens
        kept.append(made)
    return Answer(kept, "tool_use" if kept and kept[-1].kind == "tool_use" else "end_turn")
