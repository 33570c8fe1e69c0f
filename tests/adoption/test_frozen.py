"""A function that is frozen or killed right after its answer, as AWS Lambda does: `force_flush` saves its spans."""

from __future__ import annotations

import signal
from textwrap import dedent

import pytest

from firsttoken_dashboard.demo.api import LookAlike
from tests.adoption.calls import calls_in, line_of
from tests.starting.application import Application

HANDLER = """\
    import os, signal, sys
    import anthropic
    from opentelemetry import trace

    client = anthropic.Anthropic(base_url=sys.argv[1], api_key="key")

    def answer(event):
        message = client.messages.create(model="claude-haiku-4-5", max_tokens=50, messages=[event])
        return message.content[0].text

    def handler(event, context):
        try:
            return answer(event)
        finally:
            {flush}

    for _ in range(2):  # a warm start is the same process again
        assert handler({{"role": "user", "content": "Tell me of the sea."}}, None)
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.parametrize(
    ("flush", "kept"),
    [("trace.get_tracer_provider().force_flush()", 2), ("pass", 0)],
    ids=["flushed before the answer", "not flushed"],
)
def test_what_a_handler_flushed_outlives_its_process(
    flush: str, kept: int, application: Application, claude_api: LookAlike
) -> None:
    source = dedent(HANDLER).format(flush=flush)

    ran = application.run(source, claude_api.url, OTEL_BSP_SCHEDULE_DELAY="60000")

    assert (ran.status, ran.stdout, ran.stderr) == (-signal.SIGKILL, "", "")
    calls = calls_in(application.store)
    sent = [record.request_id for record in claude_api.settle()]
    assert [call.request_id for call in calls] == sent[: len(sent) if kept else 0]
    assert len(calls) == kept
    assert {call.line for call in calls} <= {line_of(source, "client.messages.create")}
