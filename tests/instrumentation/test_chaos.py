"""Whatever of ours breaks, the application notices nothing.

Every function of ours is made to raise, one after the other. Left out are only those that are the guard itself: the
wrappers at the seams (which are no functions of a module), the generators and byte streams that hand things on, httpx's
trace, and `firsttoken.guard`.
"""

from __future__ import annotations

import asyncio
import inspect
from importlib import import_module
from pkgutil import iter_modules
from types import FunctionType, ModuleType
from typing import Any

import pytest

import firsttoken
from firsttoken import AnthropicInstrumentor
from firsttoken_dashboard.demo.api import LookAlike
from tests.instrumentation.recording import Recording
from tests.instrumentation.request import request as asked
from tests.instrumentation.ways import Way, named

#: What does nothing while an application calls: `tests/starting/test_chaos.py` breaks that.
ELSEWHERE = {"children", "distro", "ending", "exporter", "handover", "instrumentor", "processor", "service", "switches"}
#: What has nothing to break, is the guard itself, or is asked by `firsttoken doctor` only.
NOTHING = {"_version", "attributes", "guard", "probe"}
WHILE_IT_CALLS = tuple(
    found.name for found in iter_modules(firsttoken.__path__) if not found.ispkg and found.name not in ELSEWHERE
)
MODULES = tuple(import_module(f"firsttoken.{name}") for name in WHILE_IT_CALLS if name not in NOTHING)
GUARDS = {
    "body._SyncBody.__iter__",
    "body._SyncBody.close",
    "body._AsyncBody.__aiter__",
    "body._AsyncBody.aclose",
    "body._Observed.__del__",
    "body._Observed.__getattr__",
    "seams.Recorder.__init__",
    "seams._leave",
    "stream.watch",
    "stream.watch_async",
    "metrics.Metrics.__init__",
    "connection.Attempt.observe",
    "late.LateAttributes._dict",
}
SCENARIOS: tuple[tuple[Way, dict[str, Any]], ...] = (
    (named("create"), asked(output_tokens=9, ttft_s=0.001)),
    (named("stream_text"), asked(output_tokens=9, ttft_s=0.001)),
    (named("streaming_response_lines"), asked(output_tokens=9, ttft_s=0.001)),
    (named("raw_create"), asked(output_tokens=9, ttft_s=0.001)),
    (named("create"), asked(status=400)),
    (named("create_stream_for", "async"), asked(output_tokens=9, ttft_s=0.001)),
    (named("streaming_response_bytes", "async"), asked(output_tokens=9, ttft_s=0.001)),
)


@pytest.fixture(autouse=True)
def nothing_of_ours_fails() -> None:
    """Here it must."""


class Broken(Exception):  # noqa: N818 - it is one of ours that must never be seen
    """What our functions raise."""


def functions() -> list[tuple[str, Any, str]]:
    """Every function of ours that does work while an application calls: name, where it lies, attribute."""
    found: list[tuple[str, Any, str]] = []
    for module in MODULES:
        short = module.__name__.rpartition(".")[2]
        for name, value in vars(module).items():
            if getattr(value, "__module__", None) != module.__name__:
                continue
            if isinstance(value, FunctionType) or hasattr(value, "cache_clear"):
                found.append((f"{short}.{name}", module, name))
            elif inspect.isclass(value):
                found += [
                    (f"{short}.{value.__name__}.{member}", value, member)
                    for member, function in vars(value).items()
                    if isinstance(function, (FunctionType, property)) and not member.startswith("__new__")
                ]
    return [entry for entry in found if entry[0] not in GUARDS and "NamedTuple" not in entry[0]]


LIBRARY = """
import asyncio
async def ask(client, asked):
    return await client.messages.create(**asked)
async def main(made, asked):
    async with made as client:
        return (await asyncio.gather(ask(client, asked)))[0].type
"""


def in_a_task_of_a_library(url: str) -> str:
    """A call without a frame of the application on its stack."""
    library: dict[str, Any] = {"__name__": "library"}
    exec(compile(LIBRARY, "/site-packages/library.py", "exec"), library)
    return asyncio.run(library["main"](named("create", "async").client(url), asked(output_tokens=9, ttft_s=0.001)))


@pytest.mark.parametrize(("name", "owner", "attribute"), [pytest.param(*entry, id=entry[0]) for entry in functions()])
def test_the_application_does_not_notice(
    name: str,
    owner: Any,
    attribute: str,
    claude_api: LookAlike,
    uninstrumented: Recording,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def broken(*_: Any, **__: Any) -> Any:
        raise Broken(name)

    AnthropicInstrumentor().instrument()
    try:
        monkeypatch.setattr(
            owner, attribute, property(broken) if isinstance(vars(owner)[attribute], property) else broken
        )
        for module in MODULES:  # where it was imported by name
            if isinstance(owner, ModuleType) and module is not owner and attribute in vars(module):
                monkeypatch.setattr(module, attribute, broken)
        for way, body_of in SCENARIOS:
            items = way.run(way.client(claude_api.url), body_of)
            assert items
            assert "Broken" not in repr(items)
            assert ("BadRequestError" in repr(items)) == ("x-lookalike-status" in body_of["extra_headers"])
        assert in_a_task_of_a_library(claude_api.url) == "message"
    finally:
        monkeypatch.undo()
        AnthropicInstrumentor().uninstrument()
    assert uninstrumented is not None
