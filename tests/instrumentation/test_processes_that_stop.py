"""A program that is interrupted, or exits, with a call under way: its span ends, once, and the program ends as ever."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path
from typing import Any

import pytest

import firsttoken
from firsttoken import attributes as a
from firsttoken_dashboard.demo.api import LookAlike
from tests.instrumentation.request import request

PROGRAM = """
    import asyncio, json, signal, sys
    import anthropic
    from opentelemetry import trace
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExporter, SpanExportResult
    from firsttoken import AnthropicInstrumentor

    class Printed(SpanExporter):
        def export(self, spans):
            for span in spans:
                told = {"attributes": dict(span.attributes), "status": span.status.status_code.name}
                told["span_id"] = format(span.context.span_id, "016x")
                print(json.dumps({"seconds": (span.end_time - span.start_time) / 1e9, **told}), flush=True)
            return SpanExportResult.SUCCESS

    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(Printed()))
    trace.set_tracer_provider(provider)
    AnthropicInstrumentor().instrument()
    signal.signal(signal.SIGINT, signal.default_int_handler)  # whatever the shell that runs the tests does with it
    asked, url = json.loads(sys.argv[1]), sys.argv[2]
"""
STREAM = """
    client = anthropic.Anthropic(base_url=url, api_key="test", max_retries=0)
    stream = client.messages.create(**asked, stream=True)
    for event in stream:
        if event.type == "content_block_delta":
            break
"""
ASYNC_STREAM = """
    async def main():
        global client, stream
        client = anthropic.AsyncAnthropic(base_url=url, api_key="test", max_retries=0)
        stream = await client.messages.create(**asked, stream=True)
        async for event in stream:
            if event.type == "content_block_delta":
                break

    asyncio.run(main())
"""
HELPER = """
    client = anthropic.Anthropic(base_url=url, api_key="test", max_retries=0)
    manager = client.messages.stream(**asked)
    next(manager.__enter__().text_stream)
"""
UNREAD = """
    client = anthropic.Anthropic(base_url=url, api_key="test", max_retries=0)
    stream = client.messages.create(**asked, stream=True)
"""
FORK = """
    import os
    from firsttoken import derive

    derive.HASH_WAIT_S = 2.0  # whatever else the machine does
    with trace.get_tracer("job").start_as_current_span("job"):
        with anthropic.Anthropic(base_url=url, api_key="test") as client:
            asked["messages"][0]["content"] = client.messages.create(**asked).content[0].text
            client.messages.create(**{**asked, "messages": [{"role": "user", "content": "Something else"}]})
        if os.fork() == 0:
            with anthropic.Anthropic(base_url=url, api_key="test") as client:
                client.messages.create(**asked)
            os._exit(0)
        os.wait()
        os._exit(0)
"""
WAIT = """
    with anthropic.Anthropic(base_url=url, api_key="test", max_retries=0) as client:
        client.messages.create(**asked)
"""
WAIT_STREAM = """
    with anthropic.Anthropic(base_url=url, api_key="test", max_retries=0) as client:
        with client.messages.stream(**asked) as stream:
            stream.until_done()
"""
WAIT_ASYNC = """
    async def main():
        async with anthropic.AsyncAnthropic(base_url=url, api_key="test", max_retries=0) as client:
            async with client.messages.stream(**asked) as stream:
                await stream.until_done()

    asyncio.run(main())
"""


def start(body: str, asked: dict[str, Any], url: str) -> subprocess.Popen[str]:
    program = textwrap.dedent(PROGRAM) + textwrap.dedent(body)
    return subprocess.Popen(
        [sys.executable, "-c", program, json.dumps(asked), url],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def one_span(printed: str) -> dict[str, Any]:
    """The one span that the program printed: the call was left, not failed."""
    (span,) = [json.loads(line) for line in printed.splitlines()]
    assert span["status"] == "UNSET"
    assert a.ERROR_TYPE not in span["attributes"]
    assert a.OUTPUT_TOKENS not in span["attributes"]
    assert span["attributes"][a.CLIENT_ID]
    return span


@pytest.mark.parametrize(
    "body",
    [STREAM, ASYNC_STREAM, HELPER, UNREAD],
    ids=["stream", "async stream", "helper", "unread"],
)
def test_interpreter_exit_with_a_stream_open(body: str, claude_api: LookAlike) -> None:
    asked = request(output_tokens=300, tokens_per_second=100, ttft_s=0.02)
    with start(body, asked, claude_api.url) as program:
        printed, complaints = program.communicate(timeout=30)
    assert program.returncode == 0
    # asyncio says of any async stream of httpx's that it is left open when the loop closes, without us too.
    assert not complaints or body is ASYNC_STREAM
    assert "watch_async" not in complaints
    assert str(Path(firsttoken.__file__).parent) not in complaints
    one_span(printed)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_forked_child_that_uses_its_parents_answer_is_not_said_to_use_none(claude_api: LookAlike) -> None:
    with start(FORK, request(), claude_api.url) as program:
        printed, complaints = program.communicate(timeout=30)
    assert program.returncode == 0, complaints
    answered, _, child = [json.loads(line) for line in printed.splitlines()]
    assert a.PROMPT_BLOCKS in child["attributes"]
    assert child["attributes"].get(a.DEPENDS_ON) in (None, [f"{answered['span_id']}:1"])


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGINT to send to one program")
@pytest.mark.parametrize(
    ("body", "ttft_s"),
    [(WAIT, 9), (WAIT_STREAM, 9), (WAIT_STREAM, 0.01), (WAIT_ASYNC, 0.01)],
    ids=["before the answer", "before the first token", "in mid stream", "in an async stream"],
)
def test_ctrl_c_ends_the_call_and_the_program(body: str, ttft_s: float, claude_api: LookAlike) -> None:
    asked = request(output_tokens=900, tokens_per_second=100, ttft_s=ttft_s, headers_s=0)
    with start(body, asked, claude_api.url) as program:
        # Well into the stream, or the wait: a process can lose an interrupt before that, without us too.
        while not claude_api.records or (ttft_s < 1 and len(claude_api.records[0].deltas) < 40):
            assert program.poll() is None
            time.sleep(0.01)
        program.send_signal(signal.SIGINT)
        printed, complaints = program.communicate(timeout=30)
    assert "KeyboardInterrupt" in complaints
    assert program.returncode == -signal.SIGINT
    assert one_span(printed)["seconds"] < 8
