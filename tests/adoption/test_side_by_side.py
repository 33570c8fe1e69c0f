"""Another public instrumentation of the Anthropic SDK in the same process: each call is one call, and said once.

Every one of them has an environment of its own: installed into the tests' own environment it would be at work in all
of its processes.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from textwrap import dedent
from typing import NamedTuple

import pytest

from firsttoken_dashboard.demo.api import LookAlike
from tests.adoption.calls import calls_in, spans_with_usage
from tests.starting.application import Application

SCRIPT = """\
    import asyncio, json, sys
    {setup}
    import anthropic

    ask = dict(
        model="claude-haiku-4-5", max_tokens=300, messages=[{{"role": "user", "content": "Tell me of the sea."}}],
        extra_headers={{"x-lookalike-text": "The sea is wide and its ships are small."}},
    )
    client = anthropic.Anthropic(base_url=sys.argv[1], api_key="key")

    def saw(*what):
        print(json.dumps([str(each) for each in what]))

    answer = client.messages.create(**ask)
    saw(answer.content[0].text, isinstance(answer, anthropic.types.Message), answer.usage.output_tokens)
    events = list(client.messages.create(stream=True, **ask))
    saw([event.type for event in events], [event.delta.text for event in events if event.type == "content_block_delta"])
    with client.messages.stream(**ask) as stream:
        saw("".join(stream.text_stream), stream.get_final_message().usage.output_tokens)
    try:
        client.messages.create(**{{**ask, "extra_headers": {{"x-lookalike-status": "400"}}}})
    except anthropic.BadRequestError as error:
        saw(type(error), error.status_code, error.body["error"]["type"])

    async def main():
        async with anthropic.AsyncAnthropic(base_url=sys.argv[1], api_key="key") as client:
            saw((await client.messages.create(**ask)).content[0].text)
            saw([event.type async for event in await client.messages.create(stream=True, **ask)])

    asyncio.run(main())
"""
ANSWERED = 5
STREAMED = 3
SAID = "also opens a span"
LOGFIRE = "import logfire; logfire.configure(send_to_logfire=False, console=False); "


class Peer(NamedTuple):
    """Another instrumentation: what to install, and what the application does to have it."""

    name: str
    packages: tuple[str, ...]
    setup: str = ""


GENAI = Peer("opentelemetry-instrumentation-genai-anthropic", ("opentelemetry-instrumentation-genai-anthropic>=1.3b0",))
OTHERS = (
    Peer("openinference-instrumentation-anthropic", ("openinference-instrumentation-anthropic>=3",)),
    Peer("opentelemetry-instrumentation-anthropic", ("opentelemetry-instrumentation-anthropic>=0.62",)),
    Peer("logfire", ("logfire>=5",), LOGFIRE + "logfire.instrument_anthropic(suppress_other_instrumentation=False)"),
    Peer(
        "openlit",
        # It breaks the streams of a later anthropic; the pins of OpenTelemetry are what its own pins resolve to.
        ("openlit==1.45.0", "anthropic==0.125.*", "opentelemetry-instrumentation==0.66b1", "opentelemetry-sdk==1.45.1"),
        "import openlit; openlit.init(disable_metrics=True, disable_events=True)",
    ),
)


@pytest.mark.parametrize(
    "peer", [GENAI, *(pytest.param(peer, marks=pytest.mark.slow) for peer in OTHERS)], ids=lambda peer: peer.name
)
def test_each_call_has_one_span_of_ours_with_usage_and_is_one_call_and_the_application_sees_no_difference(
    peer: Peer, application: Application, environment: Callable[..., Path], claude_api: LookAlike
) -> None:
    application = application.installed_in(environment(*peer.packages))
    source = dedent(SCRIPT).format(setup=peer.setup)

    without = application.run(source, claude_api.url, FIRSTTOKEN_DISABLED="1", OTEL_TRACES_EXPORTER="none")
    assert not application.stored()
    claude_api.clear()
    within = application.run(source, claude_api.url, OTEL_TRACES_EXPORTER="duckdb")

    assert within.stdout == without.stdout
    assert (within.status, without.status) == (0, 0), within.stderr
    assert within.stderr.count(f"{peer.name} {SAID}") == 1
    assert "Traceback" not in within.stderr
    ours = [scope for scope in spans_with_usage(application.store) if scope.startswith(("com.anthropic", "firsttoken"))]
    assert len(ours) == ANSWERED
    calls = calls_in(application.store)
    records = claude_api.settle()
    assert [call.request_id for call in calls] == [record.request_id for record in records]
    assert sorted(call.output_tokens or 0 for call in calls) == sorted(record.output_tokens or 0 for record in records)
    assert sum(call.ttft_s is not None for call in calls) == STREAMED
    assert {call.file for call in calls} == {str(application.directory / "app.py")}


@pytest.mark.slow
def test_logfire_that_keeps_others_from_its_calls_is_obeyed_and_said_once(
    application: Application, environment: Callable[..., Path], claude_api: LookAlike
) -> None:
    application = application.installed_in(environment("logfire>=5"))
    source = dedent(SCRIPT).format(setup=LOGFIRE + "logfire.instrument_anthropic()")

    ran = application.run(source, claude_api.url)

    assert ran.status == 0, ran.stderr
    assert ran.stderr.count("suppress_other_instrumentation=False") == 1
    calls = calls_in(application.store)
    answered = [record.output_tokens for record in claude_api.settle() if record.output_tokens]
    assert sorted(call.output_tokens for call in calls if call.output_tokens) == sorted(answered)
