"""An SDK whose seams have moved: one warning, the application runs as without us, and nothing wrong is recorded."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
from typing import Any

import pytest

from firsttoken import attributes as a
from firsttoken_dashboard.demo.api import LookAlike
from tests.instrumentation.request import request

PROGRAM = """
    import asyncio, inspect, json, logging, sys
    import anthropic
    from anthropic import _base_client as base, _streaming as streaming
    from opentelemetry import trace
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
    from firsttoken import AnthropicInstrumentor

    CLIENTS = (base.SyncAPIClient, base.AsyncAPIClient)
    STREAMS = (streaming.Stream, streaming.AsyncStream)

    hidden = {}

    def find(self, wanted):
        for kind in type(self).__mro__:
            if (kind, wanted) in hidden:
                return hidden[kind, wanted].__get__(self)
        raise AttributeError(wanted)

    def moved(name, *kinds):
        # A version to come, in which it has another name: the SDK itself still finds it, nobody else does.
        for kind in kinds:
            hidden[kind, name] = vars(kind)[name]
            delattr(kind, name)
            kind.__getattr__ = find

    def gone(module, *names):
        for name in names:
            delattr(module, name)

    def other(name, *kinds):
        # A version to come, in which it takes its arguments another way.
        for kind in kinds:
            function = vars(kind)[name]
            if inspect.iscoroutinefunction(function):
                async def renamed(self, *args, function=function, **kwargs):
                    return await function(self, *args, **kwargs)
            else:
                def renamed(self, *args, function=function, **kwargs):
                    return function(self, *args, **kwargs)
            setattr(kind, name, renamed)

    asked, url, change = json.loads(sys.argv[1]), sys.argv[2], sys.argv[3]
    exec(change)
    memory = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(memory))
    trace.set_tracer_provider(provider)
    AnthropicInstrumentor().instrument()
    AnthropicInstrumentor().uninstrument()
    AnthropicInstrumentor().instrument()
    with anthropic.Anthropic(base_url=url, api_key="test") as client:
        print(client.messages.create(**asked).content[0].text)
        with client.messages.stream(**asked) as stream:
            print(stream.get_final_text())

    async def main():
        async with anthropic.AsyncAnthropic(base_url=url, api_key="test") as client:
            print((await client.messages.create(**asked)).content[0].text)
            async with client.messages.stream(**asked) as stream:
                print(await stream.get_final_text())

    asyncio.run(main())
    for span in memory.get_finished_spans():
        print(json.dumps(dict(span.attributes)))
"""
ALL_MOVED = "; ".join(
    f"moved({name!r}, {owners})"
    for name, owners in {
        "request": "*CLIENTS",
        "_process_response": "*CLIENTS",
        "_build_request": "base.BaseClient",
        "__stream__": "*STREAMS",
    }.items()
)
TEXT = "All is well with the sea and all of its ships today."


def run(change: str, api: LookAlike) -> tuple[list[dict[str, Any]], str]:
    """What our spans said of the four calls in a program with such an SDK, and what it wrote to stderr."""
    command = [sys.executable, "-c", textwrap.dedent(PROGRAM), json.dumps(request(text=TEXT)), api.url, change]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[:4] == [TEXT] * 4
    told = [json.loads(line) for line in lines[4:]]
    return [attributes for attributes in told if a.CLIENT_ID in attributes], done.stderr


@pytest.mark.parametrize(
    "change",
    [
        "moved('request', *CLIENTS)",
        "moved('request', base.AsyncAPIClient)",
        "moved('_process_response', *CLIENTS)",
        "moved('_build_request', base.BaseClient)",
        "gone(base, 'SyncAPIClient', 'AsyncAPIClient', 'BaseClient')",
        "sys.modules.pop('anthropic._base_client')",
        ALL_MOVED,
    ],
    ids=["request", "async only", "_process_response", "_build_request", "the classes", "the module", "all"],
)
def test_without_a_seam_that_is_needed_there_is_one_warning_and_no_span_of_ours(
    change: str, claude_api: LookAlike
) -> None:
    ours, complaints = run(change, claude_api)
    assert not ours
    (warning,) = complaints.splitlines()
    assert warning.startswith("firsttoken does not know this version of anthropic: ")
    assert warning.endswith("missing, so nothing is recorded")


def test_streams_that_moved_are_read_from_their_bytes_and_cost_one_warning(claude_api: LookAlike) -> None:
    ours, complaints = run("moved('__stream__', *STREAMS)", claude_api)
    assert [call[a.OUTPUT_TOKENS] for call in ours] == [record.output_tokens for record in claude_api.settle()]
    assert [a.TIME_TO_FIRST_CHUNK in call for call in ours] == [False, True, False, True]
    (warning,) = complaints.splitlines()
    assert warning == (
        "firsttoken does not know this version of anthropic: Stream.__stream__ is missing, "
        "so some of what it records is not recorded"
    )


def test_seams_that_say_nothing_of_their_arguments_are_no_seams_that_moved(claude_api: LookAlike) -> None:
    change = (
        "other('request', *CLIENTS); other('_process_response', *CLIENTS); other('_build_request', base.BaseClient)"
    )
    ours, complaints = run(change, claude_api)
    assert not complaints
    assert [call[a.OUTPUT_TOKENS] for call in ours] == [record.output_tokens for record in claude_api.settle()]
