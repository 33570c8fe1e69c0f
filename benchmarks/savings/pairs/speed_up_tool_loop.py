"""An agent runs the tools that one answer asks for one after another; mended, together."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from benchmarks.savings.application import Application, Pair
from benchmarks.savings.figures import Figure, between_calls, less, seconds

if TYPE_CHECKING:
    from anthropic.types import Message, MessageParam, ToolParam, ToolResultBlockParam, ToolUseBlock

TOOLS: Final[list[ToolParam]] = [
    {"name": name, "description": f"Look up the {name}.", "input_schema": {"type": "object", "properties": {}}}
    for name in ("stock", "price", "weather")
]
ASKS: Final = ("Use one tools.", "Use two tools.", "Use three tools.")


async def traffic(app: Application, mended: bool) -> None:  # noqa: FBT001 - one of two applications
    """A shop's agent; its tools take between a few tenths of a second and one."""

    async def run(tool: ToolUseBlock) -> ToolResultBlockParam:
        await asyncio.sleep(app.luck.uniform(0.3, 1.0))
        return {"type": "tool_result", "tool_use_id": tool.id, "content": "42"}

    async def step(messages: list[MessageParam]) -> Message:
        return await app.client.messages.create(
            model="claude-haiku-5-5", max_tokens=300, tools=TOOLS, messages=messages
        )

    async def agent(question: str) -> None:
        messages: list[MessageParam] = [{"role": "user", "content": question}]
        message = await step(messages)
        wanted = [block for block in message.content if block.type == "tool_use"]
        results = await asyncio.gather(*map(run, wanted)) if mended else [await run(block) for block in wanted]
        messages.append({"role": "assistant", "content": message.content})
        messages.append({"role": "user", "content": results})
        await step(messages)

    asked = [f"Question {number}. {app.luck.choice(ASKS)} In ten words." for number in range(60)]
    await app.serve("/agent", agent, asked, at_once=6)


PAIR: Final = Pair(
    "speed-up-tool-loop",
    traffic,
    (Figure("speed-up-tool-loop", "s an answer with tools, mean", seconds, less(between_calls)),),
    seeds_at_once=3,
)
